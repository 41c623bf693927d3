# SPDX-License-Identifier: MIT
# A user program as the driver, through vfio-pci and an IOMMU.
. check.sh

check "vfio-pci is loaded" modprobe -a vfio-pci vfio_iommu_type1
check "vfio-pci binds" sh -c "echo vfio-pci >$device/driver_override && echo $slot >/sys/bus/pci/drivers_probe && [ -e $device/driver ]"
group=$(basename "$(readlink $device/iommu_group)")
check "DMA both ways by IOVA" vfio $slot $group copy
check "no DMA fault so far" not sh -c 'dmesg | grep "DMAR: \[DMA"'
check "MSI as eventfds" vfio $slot $group interrupt
check "DMA after an unmap fails, memory untouched, the endpoint learns where" vfio $slot $group unmap
check "the IOMMU names this function" sh -c "dmesg | grep 'DMA Write.*device \[${slot#*:}\] fault addr 0x123400000'"
check "three pages, last byte unmapped: the endpoint learns that byte" vfio $slot $group last-byte
check "the IOMMU names that page" sh -c "dmesg | grep 'DMA.*device \[${slot#*:}\] fault addr 0x123402000'"
check "DMA after all that" vfio $slot $group copy

give_back() {
    echo $slot >$device/driver/unbind && echo >$device/driver_override && modprobe pci_endpoint_test &&
        [ "$(basename "$(readlink $device/driver)")" = pci-endpoint-test ]
}
check "back to the kernel's driver" give_back
check "which works" pcitest -c -s 1025
finish
