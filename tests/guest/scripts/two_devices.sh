# SPDX-License-Identifier: MIT
# Two functions, each with a server of its own, busy at the same time.
. check.sh

check "two functions" equal "$(endpoints | wc -l)" 2
check "driver binds" modprobe pci_endpoint_test
check "BAR2 of the first" mmio $(endpoints | sed -n 1p)/resource2 w4 0 1 e4 0 1
check "BAR2 of the second" mmio $(endpoints | sed -n 2p)/resource2 e4 0 0 w4 0 2 e4 0 2
check "BAR2 of the first again" mmio $(endpoints | sed -n 1p)/resource2 e4 0 1

busy() {
    for _ in 1 2 3 4 5; do
        for what in "-b 3" "-c -s 1024001" "-r -s 1025" "-w -s 1024000" "-m 1"; do
            taskset $1 pcitest -D /dev/pci-endpoint-test.$2 $what || exit 1
        done
    done
}
both() {
    (busy 1 0) & first=$!
    (busy 2 1) & second=$!
    wait $first && wait $second
}
check "both at once, each from its own CPU" both
finish
