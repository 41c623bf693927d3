# SPDX-License-Identifier: MIT
# In the guest of script/bench: the same accesses to QEMU's edu and to endpoint-test, in turns; nanoseconds each.
# edu's first register ignores writes, endpoint-test's keeps them.
resource() {
    for id in /sys/bus/pci/devices/*/device; do
        [ "$(cat "$id")" = "$1" ] || continue
        echo 1 >"${id%device}enable"
        echo "${id%device}resource0"
    done
}
edu=$(resource 0x11e8)
ours=$(resource 0xb500)
for _ in $(seq "$BENCH_RUNS"); do
    echo "edu_read $(bar_speed "$edu" reads 200000)"
    echo "guest_read_shm $(bar_speed "$ours" reads 20000)"
    echo "edu_posted_write $(bar_speed "$edu" writes 200000)"
    echo "guest_posted_write_shm $(bar_speed "$ours" writes 200000)"
done
exit 0
