# SPDX-License-Identifier: MIT
# Virtual functions, behind an IOMMU that knows each function by its requester ID. The driver takes
# MSI-X alone for an ID that it does not know.
. check.sh

driver=/sys/bus/pci/drivers/pci-endpoint-test
vfs() { find $device/ -maxdepth 1 -name 'virtfn*' | wc -l; }
vf() { basename "$(readlink $device/virtfn$1)"; }
enable() { echo $1 >$device/sriov_numvfs && equal "$(vfs)" $1; }
bind() { echo pci-endpoint-test >$device/virtfn$1/driver_override && vf $1 >$driver/bind; }

# of DEVICE OPTION...: pcitest for one of the driver's devices, which are counted as they are bound.
of() {
    number=$1
    shift
    pcitest -D /dev/pci-endpoint-test.$number "$@"
}
works() {
    of $1 -i 2 && of $1 -x 1 && of $1 -x 4 && of $1 -b 2 && of $1 -r -s 10241 && of $1 -w -s 10241 &&
        of $1 -c -s 10241
}

check "twelve VFs are possible" equal "$(cat $device/sriov_totalvfs)" 12
check "driver is loaded" modprobe pci_endpoint_test irq_type=2
check "driver binds" sh -c "echo 1234 b500 >$driver/new_id && [ -e $device/driver ]"
check "PF works" works 0
# Then the kernel binds none but those that have an override.
check "autoprobe off" sh -c "echo 0 >$device/sriov_drivers_autoprobe"

check "nine VFs" enable 9
check "the last one is beyond the eight functions of old" equal "$(vf 8)" 0000:01:01.1
check "VF 0 binds" bind 0
check "VF 8 binds" bind 8
check "VF 0 works" works 1
check "VF 8 works" works 2
check "PF still works" works 0
check "no DMA fault so far" not sh -c 'dmesg | grep "DMAR: \[DMA"'

lspci -vvv >/tmp/lspci
check "lspci: the capability" grep -q 'Total VFs: 12, Number of VFs: 9' /tmp/lspci
check "lspci finds nothing odd" not grep -e '<chain' -e '<access denied' -e '!!!' -e 'nknown header' /tmp/lspci

# READ_EFFECT with an address that nobody has mapped: the DMA read fails, error 2.
bar=$(readlink -f $device/virtfn8)/resource0
check "DMA of VF 8 to an address that is not mapped fails" sh -c "
    mmio $bar w4 0x0c 0x10000000 w4 0x10 0 w4 0x14 0x10001000 w4 0x18 0 w4 0x1c 64 w4 0x28 1
    mmio $bar r4 0x40 | grep ^0x0002"
check "the IOMMU names VF 8" sh -c "dmesg | grep 'DMA Read.*device .01:01.1. fault addr 0x10000000'"

# MAGIC, at 0 of BAR0, is 0 after a reset.
magic() { mmio $1/resource0 e4 0 $2; }
for function in $device $device/virtfn0 $device/virtfn8; do mmio $function/resource0 w4 0 0x5a5a5a5a; done
check "function-level reset of VF 8" sh -c "echo 1 >$device/virtfn8/reset"
check "VF 8 was reset" magic $device/virtfn8 0
check "VF 0 was not" magic $device/virtfn0 0x5a5a5a5a
check "the PF was not" magic $device 0x5a5a5a5a
check "VF 8 works after that" works 2
control=$(setpci -s $slot ECAP0010+8.w)
check "VF MSE off: VF 0 is out of reach" sh -c "
    setpci -s $slot ECAP0010+8.w=0:8 && ! mmio $device/virtfn0/resource0 e4 0 0x5a5a5a5a"
setpci -s $slot ECAP0010+8.w=$control
check "VF MSE on" magic $device/virtfn0 0x5a5a5a5a

gone=$(vf 0)
check "none" enable 0
check "their config space is empty" equal "$(setpci -s $gone 0.l 2>/dev/null)" ""
check "the PF works without them" works 0
check "one again" enable 1
check "it was reset" magic $device/virtfn0 0
check "it binds" bind 0
check "it works" works 1

check "none again" enable 0
check "function-level reset of the PF" sh -c "echo 1 >$device/reset"
check "the PF works after that" works 0
check "two VFs after that" enable 2
check "none once more" enable 0
check "removal of the PF" sh -c "echo 1 >$device/remove; [ ! -e $device ]"
check "rescan" sh -c "echo 1 >/sys/bus/pci/rescan && [ -e $device/driver ]"
check "the PF works after that, too" works 0
check "two VFs after that, too" enable 2
check "nobody has complained" not sh -c 'dmesg | grep -e "AER: [CU]" -e "Call Trace" -e "BUG:" -e "PCIe Bus Error"'
finish
