# SPDX-License-Identifier: MIT
# Code that the device has overwritten is not executed any more.
. check.sh

setpci -s $slot COMMAND=6
check "3,000 functions overwritten by DMA run as they are now" overwrite $device 3000
sed 's/^/note /' /tmp/check.out
check "driver binds" modprobe pci_endpoint_test
check "and works" pcitest -c -s 1024001
finish
