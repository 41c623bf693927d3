# SPDX-License-Identifier: MIT
# The server of a device with two functions and VFs dies and returns.
. check.sh

function=${device%.0}
driver=/sys/bus/pci/drivers/pci-endpoint-test
of() {
    number=$1
    shift
    pcitest -D /dev/pci-endpoint-test.$number "$@"
}
works() { of $1 -i 2 && of $1 -x 2 && of $1 -c -s 10241; }
there() { [ -e $function.0/driver ] && [ -e $function.1/driver ]; }
gone() { [ -z "$(endpoints)" ]; }

check "driver is loaded" modprobe pci_endpoint_test irq_type=2
check "driver binds" sh -c "echo 1234 b500 >$driver/new_id && [ -e $function.1/driver ]"
for turn in 1 2; do
    check "functions work, $turn" sh -c "pcitest -D /dev/pci-endpoint-test.0 -i 2 && pcitest -D /dev/pci-endpoint-test.0 -x 2"
    check "function 1 works, $turn" works 1
    check "VFs, $turn" sh -c "echo 2 >$function.0/sriov_numvfs && echo 1 >$function.1/sriov_numvfs"
    check "the last VF works, $turn" works 4
    host kill
    check "all are gone, $turn" within 20 gone
    host start
    check "functions are back, $turn" within 60 there
done
check "function 0 works" works 0
check "function 1 works" works 1
check "VFs" sh -c "echo 2 >$function.0/sriov_numvfs"
check "a VF works" works 2
check "nobody has complained" not sh -c 'dmesg | grep -e "Call Trace" -e "BUG:"'
finish
