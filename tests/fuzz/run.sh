#!/bin/bash
# SPDX-License-Identifier: MIT
#
# run.sh PROGRAM CORPUS FOUND: run a fuzz target for TLPB_FUZZ_SECONDS (3) from the inputs in
# CORPUS, which stays as it is, and put the new ones into FOUND. An input that fails is kept
# beside FOUND; PROGRAM FILE runs it again. TLPB_FUZZ_SEED=0 makes every run another one.

set -euo pipefail

program=$1 corpus=$2 found=$3

# As many as git keeps: a corpus that is not there would be a test of nothing much.
[ -n "$(ls -A "$corpus")" ] || { echo "no corpus in $corpus" >&2; exit 2; }
mkdir -p "$found"
export TLPB_FUZZ_SEEDS=$found
exec "$program" -seed="${TLPB_FUZZ_SEED:-1}" -max_total_time="${TLPB_FUZZ_SECONDS:-3}" -max_len=8192 \
    -timeout=30 -rss_limit_mb=2048 -artifact_prefix="$found-" -print_final_stats=1 "$found" "$corpus"
