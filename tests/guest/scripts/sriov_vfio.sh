# SPDX-License-Identifier: MIT
# A user program has a virtual function, through vfio-pci and an IOMMU, while the kernel's driver has the physical one.
. check.sh

driver=/sys/bus/pci/drivers/pci-endpoint-test
vf=$device/virtfn1
pf_works() { pcitest -i 2 && pcitest -x 1 && pcitest -c -s 10241; }

check "drivers are loaded" modprobe -a vfio-pci vfio_iommu_type1
check "the kernel's driver, for MSI-X" modprobe pci_endpoint_test irq_type=2
check "it has the PF" sh -c "echo 1234 b500 >$driver/new_id && [ -e $device/driver ]"
check "two VFs" sh -c "echo 0 >$device/sriov_drivers_autoprobe && echo 2 >$device/sriov_numvfs"
address=$(basename "$(readlink $vf)")
check "vfio-pci has the second" sh -c "echo vfio-pci >$vf/driver_override && echo $address >/sys/bus/pci/drivers_probe && [ -e $vf/driver ]"
group=$(basename "$(readlink $vf/iommu_group)")
check "it is alone in its group" equal "$(ls $vf/iommu_group/devices)" "$address"
check "DMA both ways by IOVA" vfio $address $group copy
check "no DMA fault so far" not sh -c 'dmesg | grep "DMAR: \[DMA"'
check "DMA after an unmap fails, memory untouched, the endpoint learns where" vfio $address $group unmap
check "the IOMMU names this VF" sh -c "dmesg | grep 'DMA Write.*device .${address#*:}. fault addr 0x123400000'"
check "the PF works meanwhile" pf_works
check "DMA after all that" vfio $address $group copy
check "none" sh -c "echo 0 >$device/sriov_numvfs"
check "the PF works" pf_works
finish
