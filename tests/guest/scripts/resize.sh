# SPDX-License-Identifier: MIT
# A BAR that the administrator makes larger and smaller through sysfs, as for a graphics card.
. check.sh

bar=$device/resource2
resize() { echo $1 >$device/resource2_resize; }
sized() { equal "$(stat -c %s $bar)" $(($1 << 20)) && lspci -vvv -s $slot | grep "BAR 2: current size: $1MB,"; }
last() { mmio $bar w4 $((($1 << 20) - 4)) $2 e4 $((($1 << 20) - 4)) $2; }
works() { pcitest -i 1 && pcitest -m 1 && pcitest -c -s 1025; }

check "sizes of 1 to 64 MiB" equal "$(cat $device/resource2_resize)" 000000000000007f
check "4 MiB at first" sized 4
mmio $bar w4 0x10 0x600df00d
check "memory is there" mmio $bar e4 0x10 0x600df00d
for code in 6 0 3; do
    check "size $code is taken" resize $code
    setpci -s $slot 4.w=2:2
    check "the kernel and the device have it" sized $((1 << code))
    check "all of it answers" last $((1 << code)) 0x1234$code
    check "what was there still is" mmio $bar e4 0x10 0x600df00d
done
check "a size that the device does not have is refused" not resize 7
check "function-level reset" sh -c "echo 1 >$device/reset"
setpci -s $slot 4.w=2:2
check "the kernel gives the size back after that" sized 8
check "all of it answers after that" last 8 0x5678
check "driver binds" modprobe pci_endpoint_test
check "driver works" works
check "the size stays while a driver has the device" not resize 4
check "it still works" works
finish
