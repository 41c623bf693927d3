# SPDX-License-Identifier: MIT
# A kernel starts another one while the function is in use. This script runs in both.
. check.sh

works() { modprobe pci_endpoint_test && pcitest -i 1 && pcitest -m 1 && pcitest -c -s 1024001; }
after=$(grep -w after_kexec /proc/cmdline)
check "works in the $([ -z "$after" ] && echo first || echo second) kernel" works
check "select MSI-X" pcitest -i 2
check "MSI-X 1" pcitest -x 1
check "MSI-X 8" pcitest -x 8
check "BAR2" pcitest -b 2
if [ -z "$after" ]; then
    check "start the second kernel" kexec /share/vmlinuz /share/initrd.cpio "$(cat /proc/cmdline) after_kexec"
fi
finish
