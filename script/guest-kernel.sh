#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The test guest's kernel: Debian's own, and the kernel's PCI endpoint test, which Debian leaves out.
#
#   script/guest-kernel.sh            make it where it is missing, print its directory
#   script/guest-kernel.sh --print    print its directory; fail where it is missing
#
# The directory, in the cache, is named after the version of the kernel package and holds:
#
#   vmlinux           the uncompressed kernel, which starts 3 s faster than the compressed one
#   vmlinuz           the compressed one, which kexec takes
#   lib/modules/      Debian's modules, those of no use in such a guest left out, and
#                     extra/pci_endpoint_test.ko from the same version's source, unmodified
#   bin/pcitest       the user program of that driver, linked statically
#   version           KERNEL_RELEASE=6.1.0-56-amd64, KERNEL_VERSION=... as shell assignments
#
# The image is downloaded, not installed: the machine's own kernel stays as it is.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

useless=(sound drivers/gpu drivers/media drivers/staging drivers/infiniband drivers/net/wireless)

main() {
    find_version
    case ${1:-} in
    '')      [ -d "$cache/$entry" ] || build ;;
    --print) [ -d "$cache/$entry" ] ||
                 die "the guest's kernel $version is not in the cache." "Run script/setup." ;;
    *)       die "unknown option $1" "usage: $tool [--print]" ;;
    esac
    printf '%s\n' "$cache/$entry"
}

# The headers decide: linux-headers-amd64 depends on linux-headers-RELEASE (= VERSION).
find_version() {
    [ -n "$(installed_version linux-headers-amd64)" ] ||
        die "linux-headers-amd64 is not installed." "Run script/setup."
    # shellcheck disable=SC2016  # the ${...} is dpkg-query's
    release=$(dpkg-query -W -f '${Depends}' linux-headers-amd64 |
        sed -n 's/.*linux-headers-\([^ ,]*-amd64\).*/\1/p')
    version=$(installed_version "linux-headers-$release")
    entry=kernel-$version-$(short_hash "${BASH_SOURCE[0]}")
}

build() {
    lock kernel
    [ ! -d "$cache/$entry" ] || return 0
    check_source_version
    make_entry "$entry" fill
}

check_source_version() {
    local source=linux-source-${release%%.0-*} have
    have=$(installed_version "$source")
    [ "$have" = "$version" ] ||
        die "$source (${have:-not installed}) and linux-headers-$release ($version) do not match." \
            "Run script/setup --packages, or: apt-get update && apt-get install $source linux-headers-amd64"
}

fill() {
    local out=$1
    find_image
    step "download Debian's kernel $release ($version)" download
    step "unpack it" unpack "$out"
    step "unpack the PCI endpoint test from the kernel's source" unpack_source
    step "build its driver and its user program" build_pcitest "$out"
    step "index the modules" /sbin/depmod -b "$out" "$release"
    printf "KERNEL_RELEASE='%s'\nKERNEL_VERSION='%s'\n" "$release" "$version" >"$out/version"
}

find_image() {
    image=linux-image-$release=$version
    image_known || step "read the lists of packages" update_lists
    image_known ||
        die "the Debian archive has no $image, the image of the installed headers." \
            "Upgrade them, then run this again:" \
            "  apt-get update && apt-get install linux-headers-amd64 linux-source-${release%%.0-*}"
}

image_known() { apt-cache show "$image" >/dev/null 2>&1; }

# A list of packages that is out of date leads to a file that is gone: read it anew, once.
download() {
    cd "$scratch" || return
    own_download || { update_lists && own_download; }
}

# As root, apt would drop its rights to download, and could not write into the cache.
own_download() { apt-get -q -o APT::Sandbox::User=root -o Acquire::Retries=3 download "$image"; }

unpack() {
    local out=$1
    dpkg-deb --fsys-tarfile "$scratch"/linux-image-*.deb |
        tar -C "$out" -x "${useless[@]/#/--exclude=./lib/modules/$release/kernel/}" ./boot ./lib
    extract_vmlinux "$out/boot/vmlinuz-$release" >"$out/vmlinux"
    mv "$out/boot/vmlinuz-$release" "$out/vmlinuz"
    rm -r "${out:?}/boot"
}

# The header of a bzImage tells where the compressed kernel lies (Documentation/arch/x86/boot.rst);
# its last four bytes are the uncompressed size.
extract_vmlinux() {
    local image=$1 setup_sectors offset length
    setup_sectors=$(od -An -tu1 -j $((0x1f1)) -N 1 "$image")
    offset=$(od -An -tu4 -j $((0x248)) -N 4 "$image")
    length=$(od -An -tu4 -j $((0x24c)) -N 4 "$image")
    dd if="$image" iflag=skip_bytes,count_bytes status=none bs=64K \
        skip=$(((setup_sectors + 1) * 512 + offset)) count=$((length - 4)) | xz -dc
}

unpack_source() {
    local tree=linux-source-${release%%.0-*}
    tar -C "$scratch" -I 'xz -T0' -x --strip-components=1 --occurrence \
        -f "/usr/src/$tree.tar.xz" \
        "$tree/drivers/misc/pci_endpoint_test.c" "$tree/tools/pci/pcitest.c"
}

build_pcitest() {
    local out=$1 module=$scratch/drivers/misc
    echo 'obj-m := pci_endpoint_test.o' >"$module/Kbuild"
    make -C "/usr/src/linux-headers-$release" M="$module" modules
    install -D -m644 -t "$out/lib/modules/$release/extra" "$module/pci_endpoint_test.ko"
    mkdir "$out/bin"
    gcc -O2 -static -o "$out/bin/pcitest" "$scratch/tools/pci/pcitest.c"
}

main "$@"
