/* SPDX-License-Identifier: MIT */
/*
 * mmio FILE OPERATION...: accesses of a chosen width, in order, to a PCI BAR or physical memory.
 *
 *   mmio /sys/bus/pci/devices/0000:01:00.0/resource0 r4 0x0 w4 0x4 0x12345678 e4 0x4 0xedcba987
 *
 * FILE is a `resourceN` of sysfs, memory or I/O, or /dev/mem (not its RAM: the kernel refuses).
 * The widths are 1, 2, 4 and 8 bytes (up to 4 for I/O); each access is one instruction.
 *
 *   rW OFFSET         read and print, one value a line
 *   wW OFFSET VALUE   write
 *   eW OFFSET VALUE   read, and stop with status 1 when it is another value
 *
 * Status: 0 done, 1 an `e` failed, 2 wrong use or no access. The device's memory decoding must be on.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u

static const char *file_name;
static int file;

static void fail(const char *what)
{
    fprintf(stderr, "mmio: %s: %s: %s\n", file_name, what, strerror(errno));
    exit(2);
}

static void usage(void)
{
    fprintf(stderr, "usage: mmio FILE {rW OFFSET | wW OFFSET VALUE | eW OFFSET VALUE}...  W: 1 2 4 8\n");
    exit(2);
}

static uint64_t number(const char *text)
{
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 0);
    if (errno || end == text || *end)
        usage();
    return value;
}

static uint64_t load(const volatile void *at, int width)
{
    switch (width) {
    case 1: return *(const volatile uint8_t *)at;
    case 2: return *(const volatile uint16_t *)at;
    case 4: return *(const volatile uint32_t *)at;
    default: return *(const volatile uint64_t *)at;
    }
}

static void store(volatile void *at, int width, uint64_t value)
{
    switch (width) {
    case 1: *(volatile uint8_t *)at = value; break;
    case 2: *(volatile uint16_t *)at = value; break;
    case 4: *(volatile uint32_t *)at = value; break;
    default: *(volatile uint64_t *)at = value; break;
    }
}

/* Without a mapping: sysfs turns a pread() or pwrite() of an I/O BAR into one port access. */
static void access_port(uint64_t offset, int width, bool write, uint64_t *value)
{
    if (write ? pwrite(file, value, width, offset) != width : pread(file, value, width, offset) != width)
        fail(write ? "write" : "read");
}

/* One access, with a mapping of its own: the file may be as large as all physical memory. */
static void access_at(uint64_t offset, int width, bool write, uint64_t *value)
{
    uint64_t page = offset & ~(uint64_t)(PAGE - 1);
    size_t length = offset - page + width;
    char *map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, page);

    if (map == MAP_FAILED && (errno == ENODEV || errno == EINVAL)) {
        access_port(offset, width, write, value);
        return;
    }
    if (map == MAP_FAILED)
        fail("map");
    if (write)
        store(map + (offset - page), width, *value);
    else
        *value = load(map + (offset - page), width);
    munmap(map, length);
}

static int width_of(const char *operation)
{
    int width = operation[0] ? operation[1] - '0' : 0;
    if ((width != 1 && width != 2 && width != 4 && width != 8) || operation[2])
        usage();
    return width;
}

/* Runs the operation at the head of `words`; returns how many words it took. */
static int run(char **words, int count)
{
    char kind = words[0][0];
    int width = width_of(words[0]), needed = kind == 'r' ? 2 : 3;
    uint64_t value = 0, offset;

    if (!strchr("rwe", kind) || count < needed)
        usage();
    offset = number(words[1]);
    if (kind == 'w')
        value = number(words[2]);
    access_at(offset, width, kind == 'w', &value);
    if (kind == 'r')
        printf("0x%0*" PRIx64 "\n", width * 2, value);
    if (kind == 'e' && value != number(words[2])) {
        fprintf(stderr, "mmio: %s: 0x%0*" PRIx64 " at 0x%" PRIx64 ", expected %s\n", file_name,
                width * 2, value, offset, words[2]);
        exit(1);
    }
    return needed;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        usage();
    file_name = argv[1];
    file = open(file_name, O_RDWR | O_SYNC);
    if (file < 0)
        fail("open");
    for (int i = 2; i < argc;)
        i += run(argv + i, argc - i);
    return 0;
}
