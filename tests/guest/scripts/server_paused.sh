# SPDX-License-Identifier: MIT
# The server stops for some seconds, as in a debugger, and goes on.
. check.sh

modprobe pci_endpoint_test
bar=$device/resource2
check "BAR2 answers" mmio $bar w4 0 0x12345678 e4 0 0x12345678

# Whole seconds of the guest.
now() { cut -d. -f1 /proc/uptime; }
many=$(yes e4 0 0x12345678 | head -n 100)
longest=0
read_for() {
    end=$(($(now) + $1))
    while before=$(now) && [ $before -lt $end ]; do
        mmio $bar $many || return
        took=$(($(now) - before))
        [ $took -le $longest ] || longest=$took
    done
}
host pause 5
check "every read gives the right value" read_for 10
check "one of them waited ($longest s)" [ $longest -ge 4 ]
check "copy after that" pcitest -c -s 1024001
check "MSI 1 after that" pcitest -m 1
finish
