# SPDX-License-Identifier: MIT
# Config space, driver life cycle and resets, as an administrator would try them.
. check.sh

lspci -vvv -s $slot >/tmp/lspci
listed() { check "lspci: $1" grep -q -e "$2" /tmp/lspci; }

listed "IDs" 'Texas Instruments Device b500'
listed "interrupt pin" 'Interrupt: pin A routed to IRQ'
listed "power management" 'Power Management version 3'
listed "Express endpoint" 'Express (v2) Endpoint, MSI 00'
listed "FLR" 'FLReset+'
listed "32 MSI vectors" 'MSI: Enable- Count=1/32 Maskable+ 64bit+'
listed "2,048 MSI-X vectors" 'MSI-X: Enable- Count=2048 Masked-'
listed "MSI-X table" 'Vector table: BAR=0 offset=00004000'
listed "MSI-X PBA" 'PBA: BAR=0 offset=0000c000'
region=0
for size in 64K 4K 8K 16K 4K 4K; do
    listed "BAR$region of $size" "Region $region: Memory at [0-9a-f]* (32-bit, non-prefetchable) .*\[size=$size\]"
    region=$((region + 1))
done

check "setpci: IDs" equal "$(setpci -s $slot 0.l)" b500104c
check "setpci through CF8/CFC: IDs" equal "$(setpci -A intel-conf1 -s ${slot#*:} 0.l)" b500104c
setpci -s $slot 3c.b=5a
check "setpci: Interrupt Line is stored" equal "$(setpci -s $slot 3c.b)" 5a

works() { pcitest -i 1 && pcitest -m 1 && pcitest -c -s 1025 && pcitest -b 2; }
check "driver binds" modprobe pci_endpoint_test
check "driver works" works

bar=$device/resource2
check "BAR2 answers" mmio $bar w4 0x10 0x12345678 e4 0x10 0x12345678
setpci -s $slot 4.w=0:2
check "memory decoding off: BAR2 is out of reach" not mmio $bar e4 0x10 0x12345678
setpci -s $slot 4.w=2:2
check "memory decoding on" mmio $bar e4 0x10 0x12345678

driver=/sys/bus/pci/drivers/pci-endpoint-test
rebind() { echo $slot >$driver/unbind && [ ! -e $device/driver ] && echo $slot >$driver/bind; }
for turn in 1 2 3 4 5; do
    check "unbind and bind, $turn" rebind
    check "driver works, $turn" works
done

rescan() {
    echo 1 >$device/remove && [ ! -e $device ] && [ -z "$(lspci -s $slot)" ] &&
        echo 1 >/sys/bus/pci/rescan && [ -e $device ]
}
check "remove and rescan" rescan
check "driver works after that" works
lspci -vvv -s $slot >/tmp/lspci
listed "2,048 MSI-X vectors after rescan" 'MSI-X: Enable- Count=2048 Masked-'

# MAGIC, at 0 of BAR0, is 0 after a reset.
set_magic() { mmio $device/resource0 w4 0 0x5a5a5a5a e4 0 0x5a5a5a5a; }
magic_cleared() { mmio $device/resource0 e4 0 0; }

function_reset() { grep -qw flr $device/reset_method && set_magic && echo 1 >$device/reset && magic_cleared; }
check "function-level reset" function_reset
check "driver works after that" works

bus_reset() { echo bus >$device/reset_method && set_magic && echo 1 >$device/reset && magic_cleared; }
check "the kernel's own bus reset" bus_reset
check "driver works after that" works

# By hand, with a new enumeration.
hot_reset() {
    set_magic && echo 1 >$device/remove &&
        setpci -s $port 3e.w=40:40 && setpci -s $port 3e.w=0:40 && sleep 0.2 &&
        echo 1 >/sys/bus/pci/rescan && magic_cleared
}
port=$(basename $(dirname $(readlink $device)))
check "hot reset by the root port, rescan" hot_reset
check "driver works after hot reset" works
finish
