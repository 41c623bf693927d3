# SPDX-License-Identifier: MIT
# Every MSI-X vector of the function.
. check.sh

modprobe pci_endpoint_test
check "select MSI-X" pcitest -i 2
offered=$(lspci -vvv -s $slot | sed -n 's/.*MSI-X: .* Count=\([0-9]*\) .*/\1/p')
check "$offered vectors granted" equal "$(vectors)" "$offered"
check "MSI-X 1 to $offered" each_vector -x $offered
finish
