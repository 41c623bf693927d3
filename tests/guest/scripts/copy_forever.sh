# SPDX-License-Identifier: MIT
# DMA until the host kills this QEMU.
. check.sh

modprobe pci_endpoint_test
check "copy" pcitest -c -s 1024001
host kill
while pcitest -c -s 1024001; do :; done >/dev/null
finish
