# SPDX-License-Identifier: MIT
# Three functions of one device, each with two VFs of its own.
. check.sh

of() {
    number=$1
    shift
    pcitest -D /dev/pci-endpoint-test.$number "$@"
}
# A pin of its own for each, then MSI, then MSI-X.
works() {
    of $1 -i 0 && of $1 -l && of $1 -c -s 1025 && of $1 -i 1 && of $1 -m 1 && of $1 -c -s 1025 &&
        of $1 -i 2 && of $1 -x 2 && of $1 -r -s 1025 && of $1 -w -s 1025
}
function=${device%.0}
setting() { setpci -s ${slot%.0}.$1 $2; }

check "three functions" equal "$(endpoints | tr '\n' ' ')" "$function.0 $function.1 $function.2 "
for n in 0 1 2; do
    check "function $n: several are there" equal "$(setting $n e.b)" 80
    check "function $n: its interrupt pin" equal "$(setting $n 3d.b)" 0$((n + 1))
done
check "driver binds" modprobe pci_endpoint_test
for n in 0 1 2; do check "function $n works" works $n; done
for n in 0 1 2; do check "function $n: INTx again" sh -c "pcitest -D /dev/pci-endpoint-test.$n -i 0 && pcitest -D /dev/pci-endpoint-test.$n -l"; done

# MAGIC, at 0 of BAR0, is 0 after a reset.
magic() { mmio $function.$1/resource0 e4 0 $2; }
for n in 0 1 2; do mmio $function.$n/resource0 w4 0 0x5a5a5a5$n; done
check "function-level reset of function 1" sh -c "echo 1 >$function.1/reset"
check "function 1 was reset" magic 1 0
check "function 0 was not" magic 0 0x5a5a5a50
check "function 2 was not" magic 2 0x5a5a5a52
check "function 1 works after that" works 1

check "VFs of function 2" sh -c "echo 0 >$function.2/sriov_drivers_autoprobe; echo 2 >$function.2/sriov_numvfs"
check "they are functions 7 and 8" equal "$(basename "$(readlink $function.2/virtfn0)") $(basename "$(readlink $function.2/virtfn1)")" "0000:01:00.7 0000:01:01.0"
mmio $function.2/virtfn1/resource0 w4 0 0x12345678
check "a register of the last one" mmio $function.2/virtfn1/resource0 e4 0 0x12345678
check "none again" sh -c "echo 0 >$function.2/sriov_numvfs"

check "removal" sh -c "for n in 2 1 0; do echo 1 >$function.\$n/remove; done; ! ls -d $function.*"
check "rescan" sh -c "echo 1 >/sys/bus/pci/rescan && [ -e $function.2/driver ]"
for n in 0 1 2; do check "function $n works after that" works $n; done
check "nobody has complained" not sh -c 'dmesg | grep -e "AER: [CU]" -e "Call Trace" -e "BUG:" -e "PCIe Bus Error"'
finish
