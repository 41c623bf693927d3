# SPDX-License-Identifier: MIT
# The kernel's aer_inject makes errors up: it answers reads of the AER registers itself, and raises the port's
# interrupt. What is proved is that the AER driver takes errors of the device behind the bridge.
. check.sh

logged() { dmesg | grep -q -e "$1"; }

# le32 NUMBER: four bytes for printf.
le32() { printf '\\%03o' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)); }

# inject UNCORRECTABLE CORRECTABLE: struct aer_error_inj: bus, device, function, statuses, header, domain.
inject() {
    bus=$((0x$(echo $slot | cut -d: -f2)))
    number=$((0x$(echo $slot | cut -d: -f3 | cut -d. -f1)))
    # shellcheck disable=SC2059 # it is the bytes
    printf "\\$(printf %03o $bus)\\$(printf %03o $number)\\000\\000$(le32 $1)$(le32 $2)$(le32 0x12345678)$(le32 1)$(le32 2)$(le32 3)$(le32 0)" >/dev/aer_inject
}

check "the module is loaded" modprobe aer_inject
check "a correctable error is injected" inject 0 1
check "the AER driver has it" within 10 logged "AER: Corrected error.* received.* $slot"
check "by its name" within 10 logged "$slot: .*\[ 0\] RxErr"
check "a non-fatal one is injected" inject 0x4000 0
check "the AER driver has it " within 10 logged "AER: Uncorrected (Non-Fatal) error.* received.* $slot"
check "by its name " within 10 logged "$slot: .*\[14\] CmpltTO"
check "a fatal one is injected" inject 0x40000 0
check "the AER driver has it, too" within 10 logged "AER: Uncorrected (Fatal) error.* received.* $slot"
check "the port resets what is below it" within 10 logged "AER: Root Port link has been reset"
finish
