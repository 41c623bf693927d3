# SPDX-License-Identifier: MIT
# The server dies and returns while the device stays; the administrator removes and rescans.
. check.sh

works() { pcitest -i 1 && pcitest -m 1 && pcitest -i 2 && pcitest -x 3 && pcitest -c -s 1024001; }
reads() { equal "$(setpci -s $slot 0.l)" "$1"; }
rescan() {
    echo 1 >$device/remove && [ ! -e $device ] &&
        echo 1 >/sys/bus/pci/rescan && [ -e $device/driver ]
}
check "driver binds" modprobe pci_endpoint_test
check "driver works" works
for turn in 1 2 3; do
    host kill
    check "config space reads as all ones, $turn" within 60 reads ffffffff
    check "memory reads as all ones, $turn" mmio $device/resource2 e4 0 0xffffffff
    check "the device is still there, $turn" test -e $device/driver
    host start
    check "config space answers again, $turn" within 60 reads b500104c
    check "remove and rescan, $turn" rescan
    check "driver works, $turn" works
done
finish
