# SPDX-License-Identifier: MIT
# The server dies while one CPU reads a BAR and a driver is bound.
. check.sh

modprobe pci_endpoint_test
bar=$device/resource2
check "BAR2 answers" mmio $bar w4 0 0x12345678 e4 0 0x12345678

many=$(yes e4 0 0x12345678 | head -n 1000)
reader() {
    while mmio $bar $many; do :; done
    touch /tmp/reader_ended
}
reader 2>/tmp/reader.err &
sleep 1
host kill
check "the reader sees all ones" within 60 grep 'mmio: .*: 0xffffffff at' /tmp/reader.err
check "the reader ends" within 10 test -e /tmp/reader_ended
check "memory reads as all ones" mmio $bar w4 0 0x12345678 e4 0 0xffffffff e1 3 0xff e8 8 0xffffffffffffffff
check "config space reads as all ones" equal "$(setpci -s $slot 0.l)" ffffffff
check "pcitest fails" not pcitest -b 2
check "driver unbinds" sh -c "echo $slot >$device/driver/unbind"
check "function is removed" sh -c "echo 1 >$device/remove"
check "guest goes on" sleep 1
finish
