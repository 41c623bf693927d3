# SPDX-License-Identifier: MIT
# The server dies and returns; the hot-plug driver does the rest. Nobody here touches sysfs.
. check.sh

works() { pcitest -i 1 && pcitest -m 1 && pcitest -i 2 && pcitest -x 3 && pcitest -c -s 1024001; }
bound() { [ -e $device/driver ] && [ -e /dev/pci-endpoint-test.0 ]; }
# MAGIC, at 0 of BAR0, is 0 after a reset. That the guest has enumerated anew tells the inode:
# while the old device is being taken away, its BAR may read 0, too.
mark() {
    old=$(stat -c %i $device/resource0)
    mmio $device/resource0 w4 0 0x5a5a5a5a e4 0 0x5a5a5a5a
}
is_new() { bound && [ "$(stat -c %i $device/resource0)" != "$old" ] && mmio $device/resource0 e4 0 0; }

check "driver binds" modprobe pci_endpoint_test
check "driver works" works
for turn in 1 2 3; do
    mark
    host kill
    check "the dead device goes, $turn" within 60 not test -e $device
    check "nothing answers there, $turn" equal "$(lspci -s $slot)" ""
    host start
    check "it is back and has its driver, $turn" within 60 bound
    check "it is a new one, $turn" is_new
    check "driver works, $turn" works
done
for turn in 4 5; do
    mark
    host restart
    check "after a quick restart it is a new one, $turn" within 60 is_new
    check "driver works, $turn" works
done
many=$(yes e4 0 0 | head -n 1000)
reader() {
    while mmio $device/resource2 $many; do :; done
    touch /tmp/reader_ended
}
mark
reader 2>/dev/null &
sleep 1
host restart
check "a reader of the dead device ends" within 60 test -e /tmp/reader_ended
check "the device it read is back" within 60 is_new
check "driver works after that" works
host kill
check "the dead device goes at last" within 60 not test -e $device
finish
