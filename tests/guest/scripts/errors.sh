# SPDX-License-Identifier: MIT
# The kernel's AER driver sees what goes wrong in the device. The server reports an error when one of three
# registers is read that mean nothing else.
. check.sh

lspci -vvv -s $slot >/tmp/lspci
check "lspci: the capability" grep -q 'Advanced Error Reporting' /tmp/lspci
check "the AER driver has the root port" sh -c "dmesg | grep -q 'AER: enabled with IRQ'"

logged() { dmesg | grep -q -e "$1"; }
meets() { setpci -s $slot $1.l >/dev/null; }

meets f00
check "a correctable error is logged" within 10 logged "pcieport .*AER: Corrected error.* received.* $slot"
check "as the device's" within 10 logged "$slot: .*PCIe Bus Error: severity=Corrected"
check "by its name" within 10 logged "$slot: .*\[ 0\] RxErr"
check "and cleared in the device" within 10 equal "$(setpci -s $slot ECAP_AER+10.l)" 00000000

check "vfio-pci is loaded" modprobe -a vfio-pci vfio_iommu_type1
check "vfio-pci, which can recover, binds" sh -c "echo vfio-pci >$device/driver_override && echo $slot >/sys/bus/pci/drivers_probe && [ -e $device/driver ]"

meets f04
check "a non-fatal error is logged" within 10 logged "pcieport .*AER: Uncorrected (Non-Fatal) error.* received.* $slot"
check "by its name " within 10 logged "$slot: .*\[14\] CmpltTO"
check "the driver recovers" within 10 logged "AER: device recovery successful"

# What a hot reset clears: Interrupt Line.
setpci -s $slot 3c.b=5a
meets f08
check "a fatal error is logged" within 10 logged "pcieport .*AER: Uncorrected (Fatal) error.* received.* $slot"
check "the port resets what is below it" within 10 logged "AER: Root Port link has been reset"
check "twice recovered" within 10 sh -c '[ "$(dmesg | grep -c "AER: device recovery successful")" = 2 ]'
check "the log has the TLP's header after the reset: it is sticky" sh -c "setpci -s $slot ECAP_AER+1c.l | grep -q ^04"
check "the device was reset" not equal "$(setpci -s $slot 3c.b)" 5a

# vfio-pci leaves it to its user to restore registers, and there was none.
afresh() {
    echo 1 >$device/remove && [ ! -e $device ] && echo 1 >/sys/bus/pci/rescan && [ -e $device ] &&
        modprobe pci_endpoint_test && [ "$(basename "$(readlink $device/driver)")" = pci-endpoint-test ]
}
check "removed, found again, with the kernel's driver" afresh
check "which works" pcitest -c -s 1025
finish
