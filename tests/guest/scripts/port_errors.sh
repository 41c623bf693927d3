# SPDX-License-Identifier: MIT
# What goes wrong at the host's end of the link is the root port's error. The link is spoiled when one of three
# registers is used that mean nothing else. ECRC is enabled in the device by hand: Debian's kernel has no pci=ecrc=on.
. check.sh

port=$(basename "$(dirname "$(readlink -f $device)")")
logged() { dmesg | grep -q -e "$1"; }

setpci -s $slot ECAP_AER+18.l=140:140
lspci -vvv -s $slot >/tmp/lspci
check "ECRC is enabled in the device" grep -q 'ECRCGenEn+ ECRCChkCap+ ECRCChkEn+' /tmp/lspci
check "its driver is loaded" modprobe pci_endpoint_test
check "with digests both ways the device works" pcitest -c -s 102400
check "and nothing is wrong" equal "$(setpci -s $slot ECAP_AER+4.l)$(setpci -s $port ECAP_AER+4.l)" 0000000000000000

setpci -s $port ECAP_AER+14.l=0 # advisory errors are masked at first
setpci -s $slot f00.l >/dev/null
check "a completion that nobody waits for is a corrected error of the port" \
    within 10 logged "pcieport .*AER: Corrected error.* received.* $port"
check "advisory non-fatal" within 10 logged "$port: .*\[13\] NonFatalErr"

check "a read whose answer does not come gives ones" equal "$(setpci -s $slot f04.l)" ffffffff
check "which is a non-fatal error of the port" \
    within 10 logged "pcieport .*AER: Uncorrected (Non-Fatal) error.* received.* $port"
check "by its name" within 10 logged "$port: .*\[14\] CmpltTO"

dmesg -c >/dev/null
setpci -s $slot f08.l=ffffffff
check "a wrong ECRC is a non-fatal error of the device" within 10 logged "$slot: .*\[19\] ECRC"
check "with the TLP's header" within 10 logged "$slot: .*TLP Header: 440080"
check "the write was dropped, so the port's completion timed out" within 10 logged "$port: .*\[14\] CmpltTO"
check "the device works" pcitest -c -s 1025
finish
