# SPDX-License-Identifier: MIT
# Behind an IOMMU that translates DMA and remaps interrupts.
. check.sh

check "interrupts are remapped" sh -c 'dmesg | grep "DMAR-IR: Enabled IRQ remapping"'
check "DMA is translated" grep -q '^DMA' $device/iommu_group/type
check "driver binds" modprobe pci_endpoint_test
check "32 MSI vectors granted" equal "$(vectors)" 32
check "MSI 1 to 32" each_vector -m 32
transfers MSI
check "select MSI-X" pcitest -i 2
check "MSI-X 1 to $(vectors)" each_vector -x $(vectors)
transfers MSI-X
check "no DMA fault so far" not sh -c 'dmesg | grep "DMAR: \[DMA"'

# READ_EFFECT with an address that no driver has mapped: the DMA read fails, error 2.
bar=$device/resource0
check "DMA to an address that is not mapped fails" sh -c "
    mmio $bar w4 0x0c 0x10000000 w4 0x10 0 w4 0x14 0x10001000 w4 0x18 0 w4 0x1c 64 w4 0x28 1
    mmio $bar r4 0x40 | grep ^0x0002"
check "the IOMMU names this function" sh -c "dmesg | grep 'DMA Read.*device \[${slot#*:}\] fault addr 0x10000000'"
check "MSI-X copy after that" pcitest -c -s 1024
finish
