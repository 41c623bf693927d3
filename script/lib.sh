# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Helpers shared by the scripts. A script sources this file first:
#
#     . "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
#
# Messages go to stderr, so that a script's stdout holds only what was asked for.

set -euo pipefail
shopt -s inherit_errexit

export LC_ALL=C.UTF-8

tool=${0##*/}
# shellcheck disable=SC2034  # for the scripts that source this file
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# What was prepared once and outlives the clone. Every entry is a directory named after the
# version of what it was made from, and complete as soon as it exists (see make_entry).
cache=${TLPBRIDGE_CACHE:-${XDG_CACHE_HOME:-${HOME:?is not set, and neither is TLPBRIDGE_CACHE}/.cache}/tlpbridge}

say() { printf '%s: %s\n' "$tool" "$*" >&2; }

# die MESSAGE [CURE...]: say what went wrong, then how to get out of it, and leave with 1.
die() {
    say "error: $1"
    shift
    for line in "$@"; do printf '  %s\n' "$line" >&2; done
    exit 1
}

# short_hash FILE...: eight hex digits that change with the contents of the files.
short_hash() { cat -- "$@" | sha256sum | cut -c1-8; }

# installed_version PACKAGE: its version, or nothing.
installed_version() {
    # shellcheck disable=SC2016  # the ${...} are dpkg-query's
    dpkg-query -W -f '${db:Status-Status} ${Version}' "$1" 2>/dev/null | sed -n 's/^installed //p' || true
}

# step TEXT COMMAND...: announce TEXT, run COMMAND with its output kept aside, show the elapsed
# time when it takes long, and stop with the end of the output when it fails.
step() {
    local text=$1 log start=$SECONDS ticker status
    shift
    say "$text"
    log=$(mktemp "${TMPDIR:-/tmp}/tlpbridge-step.XXXXXX")
    show_elapsed & ticker=$!
    set +e # a subshell that stops at its first error needs a caller that does not test it
    (set -e; "$@") >"$log" 2>&1
    status=$?
    set -e
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
    [ ! -t 2 ] || printf '\r\033[K' >&2
    if [ "$status" -ne 0 ]; then
        tail -n 15 "$log" | sed 's/^/  | /' >&2
        rm -f "$log"
        die "failed: $text"
    fi
    rm -f "$log"
    [ $((SECONDS - start)) -lt 2 ] || say "$text: $((SECONDS - start)) s"
}

# On a terminal a counter, elsewhere (a CI log) a line every ten seconds. Ends with its parent.
show_elapsed() {
    local seconds=0
    [ -z "${lock_fd:-}" ] || exec {lock_fd}>&- # or its last sleep would hold the lock
    while sleep 1 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
        seconds=$((seconds + 1))
        if [ -t 2 ]; then
            [ "$seconds" -lt 2 ] || printf '\r  %d s ' "$seconds" >&2
        elif [ $((seconds % 10)) -eq 0 ]; then
            say "... $seconds s"
        fi
    done
}

# as_root COMMAND...: run it as root.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "root rights are needed, and there is no sudo." "Run this script as root once."
    fi
}

# update_lists: let apt read its lists of packages anew, waiting for another apt to finish.
update_lists() {
    local tries=60 errors
    until errors=$(as_root apt-get -qq -o Acquire::Retries=3 update 2>&1); do
        case $errors in *"Could not get lock"*) ;; *) tries=1 ;; esac
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { printf '%s\n' "$errors" >&2; return 1; }
        sleep 5
    done
}

# lock NAME: hold the cache's lock NAME until the script ends, so that two set-ups do not collide.
lock() {
    lock_name=$1
    mkdir -p "$cache"
    exec {lock_fd}>"$cache/$lock_name.lock"
    if ! flock -n "$lock_fd"; then
        say "waiting for another run that prepares the same ($lock_name)"
        flock "$lock_fd"
    fi
}

# make_entry ENTRY MAKER: let the function MAKER fill a new directory, its argument, and give it
# the name ENTRY in the cache only when it is complete. The scratch directory $scratch is for
# everything else, and goes away in any case. The caller holds a lock: what an earlier holder
# that was killed left behind is removed, too.
make_entry() {
    local entry=$1 maker=$2
    rm -rf "$cache/tmp.$lock_name".*
    scratch=$(mktemp -d "$cache/tmp.$lock_name.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    mkdir "$scratch/entry"
    "$maker" "$scratch/entry"
    mv -T "$scratch/entry" "$cache/$entry"
}
