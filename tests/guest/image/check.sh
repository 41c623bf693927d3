# SPDX-License-Identifier: MIT
#
# For test scripts in the guest: `. check.sh`. tests/guest/session.py reads what these functions print.
#
#   check NAME COMMAND...   run it; "ok NAME", or "failed NAME" and below it the command and its output
#   finish                  leave with status 0 when every check was ok
#   note TEXT               for the reader
#   host WORD...            ask the host to do something

failures=0
dmesg -n 1 # only a panic may write between the lines

check() {
    checked=$1
    shift
    read -r began _ </proc/uptime
    "$@" >/tmp/check.out 2>&1
    status=$?
    if [ $status -eq 0 ]; then
        echo "ok $checked"
    else
        echo "failed $checked"
        {
            echo "$* (status $status)"
            tail -n 15 /tmp/check.out
            dmesg | awk -v began="$began" '{ at = substr($0, 2) + 0 } at >= began' | tail -n 15
        } | sed 's/^/  /'
        failures=$((failures + 1))
    fi
}

finish() {
    [ $failures -eq 0 ]
    exit
}

note() { echo "note $*"; }
host() { echo "host: $*"; }

not() { ! "$@"; }

# equal A B: are they the same text?
equal() {
    [ "$1" = "$2" ] && return
    echo "\"$1\" is not \"$2\""
    return 1
}

# within SECONDS COMMAND...: does it succeed, sooner or later?
within() {
    tries=$(($1 * 10))
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.1
    done
}

# endpoints: the sysfs directories of the endpoint-test functions, in the order of their addresses.
endpoints() { grep -l 0xb500 /sys/bus/pci/devices/*/device | sed 's|/device$||'; }

# The first one, and its address.
# shellcheck disable=SC2034 # scripts use them
device=$(endpoints | head -n 1)
slot=${device##*/}

# transfers NAME: pcitest's own sizes, each way.
transfers() {
    for size in 1 1024 1025 1024000 1024001; do
        check "$1 read $size" pcitest -r -s $size
        check "$1 write $size" pcitest -w -s $size
        check "$1 copy $size" pcitest -c -s $size
    done
}

# each_vector OPTION COUNT: an interrupt on every vector, one after the other. Stays on one CPU:
# under TCG a new process that moves to another one costs more than its interrupt.
# The driver wakes pcitest before it acknowledges the interrupt in STATUS; on the other CPU that may
# come so late that it would take away the next one's cause. So that is waited for.
# shellcheck disable=SC2016 # for the inner shell
each_vector() {
    taskset 1 sh -c 'for i in $(seq $2); do
        pcitest $1 $i || exit
        until mmio $3 e4 8 0; do :; done
    done' sh "$1" "$2" "$device/resource0"
}

vectors() { ls $device/msi_irqs | wc -l; }
