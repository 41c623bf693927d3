# SPDX-License-Identifier: MIT
# The host adds and removes the device.
. check.sh

works() { pcitest -i 1 && pcitest -m 1 && pcitest -i 2 && pcitest -x 3 && pcitest -c -s 1024001; }
found() {
    device=$(endpoints 2>/dev/null | head -n 1)
    [ -n "$device" ] && [ -e $device/driver ] && [ -e /dev/pci-endpoint-test.0 ]
}
gone() { [ -z "$(endpoints 2>/dev/null)" ]; }

check "the slot is empty" gone
check "the driver is there" modprobe pci_endpoint_test
for turn in 1 2 3; do
    host add
    check "the device appears and has its driver, $turn" within 60 found
    check "driver works, $turn" works
    check "registers are as after a reset, $turn" mmio $device/resource0 e4 0 0
    mmio $device/resource0 w4 0 0x5a5a5a5a
    host remove
    check "the device disappears, $turn" within 60 gone
done
host add
check "the device appears and has its driver, 4" within 60 found
host kill
host remove # the dead one
check "the dead device disappears" within 60 gone
host start
host add # which waits for the last removal to be complete
check "the device appears once more" within 60 found
finish
