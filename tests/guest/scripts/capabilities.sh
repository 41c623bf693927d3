# SPDX-License-Identifier: MIT
# lspci with every capability that a device can have, of two functions and two VFs.
. check.sh

function=${device%.0}
listed() { check "lspci: $1" grep -q -e "$2" /tmp/lspci; }

check "driver binds" modprobe pci_endpoint_test
check "two VFs" sh -c "echo 0 >$function.0/sriov_drivers_autoprobe && echo 2 >$function.0/sriov_numvfs"
for n in 0 1; do
    lspci -vvv -s ${slot%.0}.$n >/tmp/lspci
    listed "$n: IDs" 'Texas Instruments Device b500'
    listed "$n: PME" 'Flags: PMEClk- DSI- D1- D2- AuxCurrent=0mA PME(D0+,D1-,D2-,D3hot+,D3cold-)'
    listed "$n: its reset by power management" 'D0 NoSoftRst-'
    listed "$n: MSI" 'MSI: Enable+ Count=1/32 Maskable+ 64bit+'
    listed "$n: MSI-X" 'MSI-X: Enable- Count=8 Masked-'
    listed "$n: FLR" 'FLReset+'
    listed "$n: tags of 10 bits" '10BitTagComp+ 10BitTagReq+'
    listed "$n: atomic operations" 'AtomicOpsCap: 32bit+ 64bit+ 128bitCAS+'
    listed "$n: AER" 'v2\] Advanced Error Reporting'
    listed "$n: ECRC" 'ECRCGenCap+ ECRCGenEn- ECRCChkCap+ ECRCChkEn-'
    listed "$n: ARI" "Next Function: $((1 - n))"
    listed "$n: LTR" 'Latency Tolerance Reporting'
    listed "$n: Device 3, which it does not know" 'Extended Capability ID 0x2f'
    listed "$n: resizable BAR" 'BAR 2: current size: 1MB, supported: 1MB 2MB 4MB'
    listed "$n: SR-IOV" "Initial VFs: 2, Total VFs: 2, Number of VFs: $((2 - 2 * n)), Function Dependency Link: 0$n"
    listed "$n: place of the VFs" "VF offset: $((2 + n)), stride: 1, Device ID: b500"
done
for n in 0 1; do
    lspci -vvv -s "$(basename "$(readlink $function.0/virtfn$n)")" >/tmp/lspci
    listed "VF $n: IDs" 'Texas Instruments Device b500'
    listed "VF $n: its own BARs" 'Region 0: Memory at [0-9a-f]* (32-bit, non-prefetchable) \[virtual\] \[size=64K\]'
    listed "VF $n: BAR2" 'Region 2: Memory at [0-9a-f]* (64-bit, prefetchable) \[virtual\] \[size=1M\]'
    listed "VF $n: MSI-X" 'MSI-X: Enable- Count=8 Masked-'
    listed "VF $n: FLR" 'FLReset+'
    listed "VF $n: AER" 'v2\] Advanced Error Reporting'
    listed "VF $n: ARI" 'Alternative Routing-ID Interpretation'
    check "VF $n: no capability of the PF" not grep -e 'SR-IOV' -e 'Resizable' -e ' MSI: ' /tmp/lspci
done

lspci -vvv -d 104c: >/tmp/lspci
check "four of them" equal "$(grep -c '^[0-9a-f]' /tmp/lspci)" 4
check "nothing odd" not grep -e '!!!' -e '<chain' -e '<access denied' -e 'nknown header' -e '<ignored>' -e '<unassigned>' \
    -e 'Region .*\[disabled\]' -e 'TAbort+' -e 'MAbort+' -e 'SERR+ <' -e 'PERR+' /tmp/lspci
check "no error was detected" not grep -e 'DevSta:.*[a-zA-Z]+' -e '[UC]ESta:.*+' /tmp/lspci
check "unknown capabilities: that one" equal "$(grep -c 'Capability ID' /tmp/lspci)" 2
finish
