# SPDX-License-Identifier: MIT
# Reads that do DMA both ways and raise an interrupt before they complete, of two devices at once.
. check.sh

check "two functions" equal "$(endpoints | wc -l)" 2
modprobe pci_endpoint_test
check "select MSI-X of the first" pcitest -D /dev/pci-endpoint-test.0 -i 2
check "select MSI-X of the second" pcitest -D /dev/pci-endpoint-test.1 -i 2
check "1,000 reads, each CPU of a device of its own at once" \
    effect "$(endpoints | sed -n 1p)" devices 1000 "$(endpoints | sed -n 2p)"
sed 's/^/note /' /tmp/check.out
check "the first works after that" pcitest -D /dev/pci-endpoint-test.0 -c -s 1024001
check "the second works after that" pcitest -D /dev/pci-endpoint-test.1 -c -s 1024001
finish
