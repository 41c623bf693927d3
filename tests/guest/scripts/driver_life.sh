# SPDX-License-Identifier: MIT
# A driver comes and goes, the function comes and goes, the machine suspends its devices.
. check.sh

works() { pcitest -i 1 && pcitest -m 1 && pcitest -c -s 1025; }
driver=/sys/bus/pci/drivers/pci-endpoint-test
rebind() { echo $slot >$driver/unbind && [ ! -e $device/driver ] && echo $slot >$driver/bind && works; }
rescan() {
    echo 1 >$device/remove && [ ! -e $device ] && [ -z "$(lspci -s $slot)" ] &&
        echo 1 >/sys/bus/pci/rescan && [ -e $device ] && works
}
repeat() { for turn in $(seq $1); do echo "turn $turn" && $2 || return; done; }

check "driver binds" modprobe pci_endpoint_test
check "unbind and bind, 20 times, and works each time" repeat 20 rebind
check "remove and rescan, 10 times, and works each time" repeat 10 rescan

# All devices go to sleep and wake up; the machine itself stays awake.
suspend() { echo devices >/sys/power/pm_test && echo mem >/sys/power/state; }
config() { setpci -s $slot 4.w 10.l 14.l 18.l 1c.l 20.l 24.l | tr '\n' ' '; }
pcitest -i 1
before=$(config)
check "BAR2 keeps a value" mmio $device/resource2 w4 0x10 0x600df00d
for turn in 1 2 3; do
    check "suspend of devices, $turn" suspend
    check "configuration space is as before, $turn" equal "$(config)" "$before"
    check "BAR2 is as before, $turn" mmio $device/resource2 e4 0x10 0x600df00d
    check "the same MSI still comes, $turn" pcitest -m 1
    check "works, $turn" works
done
check "the kernel did suspend" equal "$(dmesg | grep -c 'PM: suspend exit')" 3
finish
