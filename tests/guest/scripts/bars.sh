# SPDX-License-Identifier: MIT
# Two functions that have BARs of every kind between them.
. check.sh

first=$device
second=$(endpoints | sed -n 2p)

# region FUNCTION NAME PATTERN
region() { check "lspci: $2" sh -c "lspci -vvv -s ${1##*/} | grep -e '$3'"; }
region $first "BAR0 64-bit" 'Region 0: Memory at [0-9a-f]* (64-bit, non-prefetchable) .*\[size=64K\]'
region $first "BAR2 64-bit prefetchable, above 4 GiB" \
    'Region 2: Memory at [0-9a-f]\{9,\} (64-bit, prefetchable) .*\[size=1G\]'
region $first "BAR4 I/O" 'Region 4: I/O ports at [0-9a-f]* .*\[size=256\]'
region $second "BAR5 32-bit prefetchable" 'Region 5: Memory at [0-9a-f]* (32-bit, prefetchable) .*\[size=8K\]'

check "driver binds" modprobe pci_endpoint_test
for n in 0 1; do
    check "pcitest BAR0 of function $n" pcitest -D /dev/pci-endpoint-test.$n -b 0
    check "MSI 1 of function $n" pcitest -D /dev/pci-endpoint-test.$n -m 1
    check "MSI copy of function $n" pcitest -D /dev/pci-endpoint-test.$n -c -s 1025
done
check "pcitest BAR5" pcitest -D /dev/pci-endpoint-test.1 -b 5

# widths NAME FILE: accesses of each width, some of them not aligned.
widths() {
    check "$1 8 bytes" mmio $2 w8 0x0 0x1122334455667788 e8 0x0 0x1122334455667788
    check "$1 4 bytes" mmio $2 e4 0x0 0x55667788 e4 0x4 0x11223344 w4 0x4 0xaabbccdd e8 0 0xaabbccdd55667788
    check "$1 2 bytes" mmio $2 w2 0x2 0xbeef e4 0x0 0xbeef7788
    check "$1 1 byte" mmio $2 w1 0x1 0x42 e4 0x0 0xbeef4288
    check "$1 not aligned" mmio $2 w8 0x100 0 w4 0x101 0xcafe1234 e1 0x101 0x34 e2 0x103 0xcafe e8 0x100 0xcafe123400
}
widths BAR2 $first/resource2
widths BAR5 $second/resource5
check "BAR2 at its end" mmio $first/resource2 w8 0x3ffffff8 0x0102030405060708 w4 0 0xffffffff \
    e8 0x3ffffff8 0x0102030405060708 e4 0x3ffffff8 0x05060708

ports=$first/resource4
check "BAR4 4 bytes" mmio $ports w4 0x10 0x11223344 e4 0x10 0x11223344
check "BAR4 2 bytes" mmio $ports w2 0x12 0xbeef e4 0x10 0xbeef3344 e2 0x10 0x3344
check "BAR4 1 byte" mmio $ports w1 0x11 0x42 e4 0x10 0xbeef4244 e1 0x13 0xbe
check "BAR4 at its end" mmio $ports w1 0xff 0x77 e1 0xff 0x77 e1 0 0
finish
