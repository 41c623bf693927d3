# SPDX-License-Identifier: MIT
# QEMU's edu and ours, both in this guest: the same scripts, their transcripts compared line by line.
. check.sh

# Only ours is a PCI Express endpoint.
# shellcheck disable=SC2013 # no spaces in these paths
for function in $(grep -l 0x11e8 /sys/bus/pci/devices/*/device | sed 's|/device$||'); do
    if lspci -vvv -s ${function##*/} | grep -q 'Express (v2) Endpoint'; then ours=$function; else original=$function; fi
done
check "QEMU's edu is there" test -n "$original"
check "ours is there" test -n "$ours"

# transcript DEVICE SCRIPT FILE
transcript() {
    /share/edu-guest $1 $2 >$3 2>&1 && return
    grep -B 1 FAILED $3
    return 1
}
both() {
    transcript $original $1 /tmp/original && transcript $ours $1 /tmp/ours && diff -u /tmp/original /tmp/ours
}
for script in /share/*.edu; do
    name=${script##*/}
    check "${name%.edu}" both $script
done
check "one that differs is noticed" not diff -u /tmp/original /dev/null
finish
