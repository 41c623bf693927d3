# SPDX-License-Identifier: MIT
# The guest boots four times; the host keeps count in /share/turn.
. check.sh

works() { pcitest -i 1 && pcitest -m 1 && pcitest -i 2 && pcitest -x 3 && pcitest -c -s 1024001; }
# MAGIC, at 0 of BAR0, is 0 after a reset.
mark() { mmio $device/resource0 w4 0 0x5a5a5a5a e4 0 0x5a5a5a5a; }
is_new() { [ -e $device/driver ] && mmio $device/resource0 e4 0 0; }
found() {
    device=$(endpoints 2>/dev/null | head -n 1)
    [ -n "$device" ] && [ -e $device/driver ] && [ -e /dev/pci-endpoint-test.0 ]
}
modprobe pci_endpoint_test
turn=$(cat /share/turn)
case $turn in
1)
    check "driver works" works
    mark
    host reset 2
    sleep 1000
    ;;
2)
    check "system_reset reaches the model" is_new
    check "driver works after system_reset" works
    mark
    host turn 3
    check "the host has noted it" within 20 grep -q 3 /share/turn
    reboot -f
    ;;
3)
    check "the guest's own reboot reaches the model" is_new
    check "driver works after a reboot" works
    echo bus >$device/reset_method
    mark
    check "the kernel's own bus reset" sh -c "echo 1 >$device/reset"
    check "a bus reset reaches the model" is_new
    check "driver works after a bus reset" works
    host kill
    check "the dead device goes" within 60 not test -e $device
    host reset 4
    sleep 1000
    ;;
4)
    check "the slot is empty after a reset without the server" not found
    host start
    check "the device comes when the server does" within 60 found
    check "driver works again" works
    ;;
esac
finish
