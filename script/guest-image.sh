#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The test guest: Debian's kernel and an initramfs that runs one script and leaves with its status.
#
#   script/guest-image.sh            make it where it is missing or out of date, print its directory
#   script/guest-image.sh --print    print its directory; fail where it is missing
#
# The directory, in the cache, holds vmlinux and initrd.cpio; tests/guest/run-guest boots them. vmlinuz,
# the same kernel compressed, is for kexec.
# Everything in tests/guest/image/ goes into the initramfs: `init` is process 1, each *.c becomes
# a program in /bin (linked statically), any other file is copied to /bin.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

image=$root/tests/guest/image

# The host's own programs, with the libraries they need.
programs=(/usr/bin/lspci /usr/bin/setpci)
packages=(busybox-static pciutils libpci3 pci.ids libc6)

# Modules in the initramfs; those that they depend on come along. None but the first is loaded.
modules=(
    qemu_fw_cfg                                  # brings the script
    pci_endpoint_test uio_pci_generic            # drivers for a device under test
    vfio-pci vfio_iommu_type1 aer_inject
    virtio_pci 9p 9pnet_virtio                   # shared folders
    virtio_blk virtio_net virtio_console virtio-rng
    nvme ext4
)

main() {
    find_version "${1:-}"
    case ${1:-} in
    '')      [ -d "$cache/$entry" ] || build ;;
    --print) [ -d "$cache/$entry" ] ||
                 die "the guest image is not in the cache, or out of date." "Run script/setup." ;;
    *)       die "unknown option $1" "usage: $tool [--print]" ;;
    esac
    printf '%s\n' "$cache/$entry"
}

find_version() {
    local versions
    kernel=$("$root/script/guest-kernel.sh" "$@")
    # shellcheck disable=SC2016  # the ${...} is dpkg-query's
    versions=$(dpkg-query -W -f '${Package} ${Version}\n' "${packages[@]}") ||
        die "a package is missing for the guest image." "Run script/setup."
    entry=guest-${kernel##*/kernel-}-$(short_hash <(echo "$versions") "${BASH_SOURCE[0]}" "$image"/*)
}

build() {
    lock guest
    [ ! -d "$cache/$entry" ] || return 0
    make_entry "$entry" fill
}

fill() {
    local out=$1 tree=$scratch/tree
    release=$(sed -n "s/^KERNEL_RELEASE='\(.*\)'/\1/p" "$kernel/version")
    step "make the guest's initramfs" make_initramfs "$tree" "$out/initrd.cpio"
    ln "$kernel/vmlinux" "$kernel/vmlinuz" "$out"
}

make_initramfs() {
    local tree=$1 out=$2
    mkdir -p "$tree"/{bin,dev,etc,lib,mnt,proc,root,run,share,sys,tmp,usr/share/misc}
    ln -s bin "$tree/sbin"
    ln -s lib "$tree/lib64"
    add_busybox "$tree"
    add_programs "$tree"
    add_own "$tree"
    add_modules "$tree"
    # No root rights are needed: the kernel makes the device nodes, cpio the ownership.
    (cd "$tree" && find . -print0 | sort -z | cpio --quiet --null -o -H newc -R 0:0) >"$out"
}

add_busybox() {
    local applet
    cp /usr/bin/busybox "$1/bin"
    for applet in $(/usr/bin/busybox --list); do
        [ "$applet" = busybox ] || ln -s busybox "$1/bin/$applet"
    done
}

add_programs() {
    local program library
    cp /usr/share/misc/pci.ids "$1/usr/share/misc"
    for program in "${programs[@]}"; do
        cp --remove-destination "$program" "$1/bin"
        ldd "$program" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p; s/^\t\(\/[^ ]*\) .*/\1/p' |
            while read -r library; do cp -L "$library" "$1/lib"; done
    done
}

add_own() {
    local file name
    cp "$kernel/bin/pcitest" "$1/bin"
    for file in "$image"/*; do
        name=${file##*/}
        case $name in
        init) install -m755 "$file" "$1/init" ;;
        *.c)  gcc -std=gnu11 -Wall -Wextra -Werror -O2 -static -s -o "$1/bin/${name%.c}" "$file" ;;
        *)    install -m755 "$file" "$1/bin/$name" ;;
        esac
    done
}

add_modules() {
    local module file relative
    for module in "${modules[@]}"; do
        # Built-in ones are listed as "builtin", others as "insmod FILE".
        /sbin/modprobe -d "$kernel" -S "$release" --show-depends "$module" |
            sed -n 's/^insmod \([^ ]*\).*/\1/p' |
            while read -r file; do
                relative=${file#"$kernel/"}
                install -D -m644 "$file" "$1/$relative"
            done
    done
    cp "$kernel/lib/modules/$release"/modules.{order,builtin,builtin.modinfo} "$1/lib/modules/$release"
    /sbin/depmod -b "$1" "$release"
}

main "$@"
