#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The headers of the installed QEMU, for building a plugin that Debian's own binary loads.
#
#   script/qemu-headers.sh            make them where they are missing, print their directory
#   script/qemu-headers.sh --print    print their directory; fail where they are missing
#
# No Debian package holds them. They come from the source package of exactly the installed
# version (structures change within a stable series), with Debian's patches. Nothing is compiled.
# The directory, in the cache, is named after that version and holds:
#
#   include/        QEMU's own                      linux-headers/  the kernel's that they need
#   nc/             what configure would have made: config-host.h, config-poison.h, qapi/
#   version         QEMU_VERSION=7.2.22, QEMU_SOURCE_VERSION=... as shell assignments
#
# Compile with -Inc -Inc/qapi -Ilinux-headers -Iinclude, in this order.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

package=qemu-system-x86

main() {
    find_version
    case ${1:-} in
    '')      [ -d "$cache/$entry" ] || build ;;
    --print) [ -d "$cache/$entry" ] ||
                 die "the headers of QEMU $source_version are not in the cache." "Run script/setup." ;;
    *)       die "unknown option $1" "usage: $tool [--print]" ;;
    esac
    printf '%s\n' "$cache/$entry"
}

# The binary may be a rebuild (-7+deb12u18+b3) of the source version (-7+deb12u18).
find_version() {
    [ -n "$(installed_version $package)" ] || die "$package is not installed." "Run script/setup."
    # shellcheck disable=SC2016  # the ${...} is dpkg-query's
    source_version=$(dpkg-query -W -f '${source:Version}' $package)
    entry=qemu-headers-${source_version#*:}-$(short_hash "${BASH_SOURCE[0]}")
}

build() {
    lock qemu-headers
    [ ! -d "$cache/$entry" ] || return 0
    make_entry "$entry" fill
}

fill() {
    local out=$1 source=$scratch/qemu
    list_sources
    step "read the list of Debian's source packages" own_apt -o APT::Update::Error-Mode=any update
    check_source_available
    step "download the source of QEMU $source_version" download
    step "unpack it and apply Debian's patches" \
        dpkg-source --no-check -x "$scratch/qemu_${source_version#*:}.dsc" "$source"
    step "generate the QAPI headers" generate_qapi "$source" "$out/nc/qapi"
    cp -r "$source/include" "$source/linux-headers" "$out"
    write_config "$out" "$(cat "$source/VERSION")"
}

# The Debian archives among the machine's package sources, as deb-src entries: apt says which
# they are, whatever format its configuration has, and it stays as it is.
list_sources() {
    debian_sources >"$scratch/sources.list"
    if [ ! -s "$scratch/sources.list" ]; then
        step "read the lists of packages" update_lists
        debian_sources >"$scratch/sources.list"
    fi
    [ -s "$scratch/sources.list" ] ||
        die "apt knows no Debian archive." "Add one to /etc/apt/sources.list, then run this again."
}

debian_sources() {
    # shellcheck disable=SC2016  # the $(...) are apt's
    apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Identifier: Packages' 'Origin: Debian' | sort -u
}

# apt-get with a configuration of its own; needs no root rights. (As root it would first drop
# them, and could then not write into the cache.)
own_apt() {
    mkdir -p "$scratch/lists/partial"
    apt-get -q -o Dir::Etc::sourcelist="$scratch/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$scratch/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        -o APT::Sandbox::User=root -o Acquire::Retries=3 "$@"
}

check_source_available() {
    # shellcheck disable=SC2016  # the $(...) is apt's
    own_apt indextargets --format '$(FILENAME)' 'Created-By: Sources' |
        xargs -r /usr/lib/apt/apt-helper cat-file |
        awk -v want="$source_version" '
            /^Package: / { qemu = $2 == "qemu" }
            /^Version: / && qemu && $2 == want { found = 1 }
            END { exit !found }' ||
        die "the Debian archive no longer has the source of the installed QEMU ($source_version)." \
            "Upgrade the package, then run this again:" \
            "  apt-get update && apt-get install --only-upgrade '^qemu-'"
}

download() {
    cd "$scratch" || return
    own_apt source --download-only --only-source "qemu=$source_version"
}

generate_qapi() {
    local source=$1 out=$2
    mkdir -p "$out"
    PYTHONPATH=$source/scripts python3 -B "$source/scripts/qapi-gen.py" \
        -o "$out" -b "$source/qapi/qapi-schema.json"
    find "$out" ! -name '*.h' -type f -delete
}

# Only what the headers ask for and what the layout of structures depends on. Debian builds with
# CONFIG_PLUGIN, and without CONFIG_DEBUG_MUTEX, CONFIG_XEN_BACKEND, CONFIG_TSAN and CONFIG_CFI.
# CONFIG_LINUX_IO_URING would drag in liburing, for members of AioContext that no device touches.
write_config() {
    local out=$1 version=$2 major minor micro
    IFS=. read -r major minor micro <<<"$version"
    cat >"$out/nc/config-host.h" <<END
#define CONFIG_LINUX 1
#define CONFIG_POSIX 1
#define CONFIG_ATOMIC64 1
#define CONFIG_INT128 1
#define CONFIG_IOVEC 1
#define CONFIG_BYTESWAP_H 1
#define CONFIG_SYSMACROS 1
#define CONFIG_MADVISE 1
#define CONFIG_POSIX_MADVISE 1
#define CONFIG_PLUGIN 1
#define CONFIG_TCG 1
#define HOST_X86_64 1
#define QEMU_VERSION "$version"
#define QEMU_VERSION_MAJOR $major
#define QEMU_VERSION_MINOR $minor
#define QEMU_VERSION_MICRO $micro
END
    : >"$out/nc/config-poison.h"
    printf "QEMU_VERSION='%s'\nQEMU_SOURCE_VERSION='%s'\n" "$version" "$source_version" >"$out/version"
}

main "$@"
