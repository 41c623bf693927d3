# SPDX-License-Identifier: MIT
# Reads that do DMA both ways and raise an interrupt before they complete, from two CPUs.
. check.sh

modprobe pci_endpoint_test
check "select MSI-X" pcitest -i 2
check "1,000 reads in turns, the other CPU busy with BAR2" effect $device turns 1000
sed 's/^/note /' /tmp/check.out
check "1,000 reads, two at once" effect $device together 1000
sed 's/^/note /' /tmp/check.out
check "driver works after that" pcitest -c -s 1024001
finish
