# SPDX-License-Identifier: MIT
# What the kernel's tools/pci/pcitest.sh does, with each type of interrupt.
. check.sh

check "driver binds" modprobe pci_endpoint_test
for bar in 0 1 2 3 4 5; do check "BAR$bar" pcitest -b $bar; done

check "select INTx" pcitest -i 0
check "INTx" pcitest -l
transfers INTx

check "select MSI" pcitest -i 1
check "MSI 1" pcitest -m 1
transfers MSI

check "select MSI-X" pcitest -i 2
check "MSI-X 1" pcitest -x 1
transfers MSI-X
finish
