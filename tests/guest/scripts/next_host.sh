# SPDX-License-Identifier: MIT
# The same server, after an earlier guest was killed.
. check.sh

check "driver binds" modprobe pci_endpoint_test
check "registers are as after a reset" mmio $device/resource0 e4 0x0c 0 e4 0x1c 0
check "MSI 1" pcitest -m 1
check "copy" pcitest -c -s 1024001
finish
