# SPDX-License-Identifier: MIT
# What script/demo runs in the guest: the device as lspci sees it, then its driver at work.
. check.sh

# word COMMAND...: run it; add OKAY or FAILED to $words.
word() {
    if "$@" >/dev/null; then
        words="$words$(printf '%8s' OKAY)"
    else
        words="$words$(printf '%8s' FAILED)"
        failures=$((failures + 1))
    fi
}

# row NAME OPTIONS...: a run of pcitest with each of the OPTIONS, in a row.
row() {
    name=$1
    words=
    shift
    for options in "$@"; do word pcitest $options; done
    printf '  %-16s%s\n' "$name" "$words"
}

# transfers READ, WRITE or COPY
transfers() {
    letter=$(echo $1 | cut -c1)
    row $1 "-$letter -s 1" "-$letter -s 1024" "-$letter -s 1025" "-$letter -s 1024000" "-$letter -s 1024001"
}

echo "section Linux $(uname -r) finds the device (lspci -vvv)"
modprobe pci_endpoint_test
lspci -vvv -s $slot |
    grep -E '^[0-9a-f]|Region|Interrupt:|Capabilities:|AttnBtn|MaxPayload .*Phant|Vector table|PBA|LnkSta:|in use' |
    sed 's/^\t/  /; s/\t/  /g; s/^/  /'

echo "section Its own driver, pci_endpoint_test, at work (pcitest)"
row "BAR 0 to 5" "-b 0" "-b 1" "-b 2" "-b 3" "-b 4" "-b 5"
pcitest -i 0 >/dev/null
row "INTx" "-l"
pcitest -i 1 >/dev/null
row "MSI 1" "-m 1"
pcitest -i 2 >/dev/null
words=
word each_vector -x $(vectors)
printf '  %-16s%s\n' "MSI-X 1 to $(vectors)" "$words"
printf '  %-16s%8s%8s%8s%8s%8s\n' "bytes:" 1 1024 1025 1024000 1024001
for what in read write copy; do transfers $what; done

# The last thing in the trace.
pcitest -c -s 100 >/dev/null || failures=$((failures + 1))
finish
