# SPDX-License-Identifier: MIT
# How many MSI-X vectors has this guest for a function that offers 2,048?
. check.sh

modprobe pci_endpoint_test
if pcitest -i 2 >/dev/null; then
    granted=$(vectors)
else
    # The driver wants all or none, and its message names the first one that it did not get.
    granted=$(dmesg | sed -n 's/.*Failed to request IRQ .* for MSI-X \([0-9]*\)$/\1/p' | tail -n 1)
    granted=$((granted - 1))
fi
check "2,048 MSI-X vectors are offered" grep -q 'MSI-X: .* Count=2048 ' <<END
$(lspci -vvv -s $slot)
END
check "MSI after that" pcitest -i 1
check "MSI 1" pcitest -m 1
host granted $granted
finish
