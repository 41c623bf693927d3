# SPDX-License-Identifier: MIT
# The driver is taken from the device in the middle of a transfer, again and again.
. check.sh

driver=/sys/bus/pci/drivers/pci-endpoint-test
works() { pcitest -i 1 && pcitest -m 1 && pcitest -c -s 1025; }

# The largest COPY, of memory that the kernel leaves alone, by the registers: no process waits for its end.
# The driver's end clears Bus Master Enable, which stops it, and its interrupt finds nobody.
begin() {
    mmio $device/resource0 w4 0x0c 0x10000000 w4 0x10 0 w4 0x14 0x10000000 w4 0x18 0 w4 0x1c 0x1000000 w4 0x24 1 \
        w4 0x28 1 w4 0x04 0x20
}
in_the_middle() {
    begin && echo $slot >$driver/unbind && [ ! -e $device/driver ] || return
    setpci -s $slot 4.w=2:2
    within 30 ended || return
    mmio $device/resource0 r4 0x08 >>/tmp/ends
    setpci -s $slot 4.w=0:2
    echo $slot >$driver/bind && works
}
# COPY has succeeded or failed.
ended() { [ $(($(mmio $device/resource0 r4 0x08) & 0x30)) -ne 0 ]; }

check "driver binds" modprobe pci_endpoint_test
check "works" works
for turn in 1 2 3 4 5; do check "unbind in the middle of a transfer, bind and work again, $turn" in_the_middle; done
check "it was in the middle" grep -q 0x00000020 /tmp/ends
check "nobody has complained" not sh -c 'dmesg | grep -e "Call Trace" -e "BUG:" -e "irq .*nobody cared"'
finish
