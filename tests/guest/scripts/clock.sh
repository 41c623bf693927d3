# SPDX-License-Identifier: MIT
# A model that a debugger stops in the middle of a read, in a guest with impatient watchdogs.
# On the kernel's command line: test.pause=SECONDS, and test.watchdog=impatient or usual.
. check.sh

word() { sed -n "s/.*test\.$1=\([a-z0-9]*\).*/\1/p" /proc/cmdline; }
pause=$(word pause)

if [ "$(word watchdog)" = impatient ]; then
    check "soft lockups are told after 4 s" sh -c 'echo 2 >/proc/sys/kernel/watchdog_thresh'
    check "RCU stalls are told after 5 s" sh -c 'echo 5 >/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout'
    check "hung tasks are told after 5 s" sh -c 'echo 5 >/proc/sys/kernel/hung_task_timeout_secs'
fi
modprobe pci_endpoint_test
bar=$device/resource2
check "BAR2 answers" mmio $bar w4 0 0x12345678 e4 0 0x12345678

# Hundredths of a second of the guest.
now() { cut -d' ' -f1 /proc/uptime | tr -d .; }
many=$(yes e4 0 0x12345678 | head -n 100)
longest=0
read_for() {
    end=$(($(now) + $1 * 100))
    while before=$(now) && [ $before -lt $end ]; do
        mmio $bar $many || return
        took=$(($(now) - before))
        [ $took -le $longest ] || longest=$took
    done
}
dmesg -c >/dev/null
host pause $pause
check "every read gives the right value" read_for 5
host longest $longest
dmesg | grep -E 'lockup|stall|blocked for more|unstable|clocksource' >/tmp/symptoms
host symptoms "$(wc -l </tmp/symptoms)"
sed 's/^/note /' /tmp/symptoms
check "BAR2 is as before" mmio $bar e4 0 0x12345678
check "copy after that" pcitest -c -s 1024001
check "MSI 1 after that" pcitest -m 1
finish
