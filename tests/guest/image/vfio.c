/* SPDX-License-Identifier: MIT */
/*
 * vfio SLOT GROUP STEP: a user program as the driver of endpoint-test, through vfio-pci and an
 * IOMMU: what a hypervisor or a user-space driver does. STEP is one of
 *
 *   copy       DMA both ways by IOVA, for many sizes and alignments
 *   interrupt  MSI vectors as eventfds
 *   unmap      after an unmap DMA fails, its memory stays as it is, the endpoint tells where
 *   last-byte  a transfer over three pages whose last byte is not mapped: the endpoint tells that byte
 *
 * Status: 0 well, 1 not, 2 wrong use or no access.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    COMMAND = 0x04, RAISE_MSI = 1 << 1, DO_READ = 1 << 3, DO_WRITE = 1 << 4, DO_COPY = 1 << 5,
    STATUS = 0x08, READ_FAIL = 1 << 1, WRITE_FAIL = 1 << 3, COPY_SUCCESS = 1 << 4, ENDS = 0x3f,
    SRC_INVALID = 1 << 7, DST_INVALID = 1 << 8, RESULT = 0x1bf,
    SRC = 0x0c, DST = 0x14, SIZE = 0x1c, IRQ_TYPE = 0x24, IRQ_NUMBER = 0x28, FAULT = 0x30,
    NO_INTERRUPT = 3,

    PCI_COMMAND = 0x04, MEMORY_AND_MASTER = 6,
    PAGE = 4096, PAGES = 16, VECTORS = 4,
    PATIENCE_MS = 20000,
};

/* Above 4 GiB and unlike any physical address of this guest. */
static const uint64_t iova = 0x123400000;

static int container, device;
static struct vfio_region_info bar0 = { .argsz = sizeof bar0, .index = VFIO_PCI_BAR0_REGION_INDEX };
static uint8_t *memory;

static void leave(int status, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
static void leave(int status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    exit(status);
}

static void need(bool done, const char *what)
{
    if (!done)
        leave(2, "%s: %s", what, strerror(errno));
}

static void open_device(const char *slot, const char *group_number)
{
    struct vfio_region_info config = { .argsz = sizeof config, .index = VFIO_PCI_CONFIG_REGION_INDEX };
    uint16_t command = MEMORY_AND_MASTER;
    char path[64];
    int group;

    snprintf(path, sizeof path, "/dev/vfio/%s", group_number);
    container = open("/dev/vfio/vfio", O_RDWR);
    group = open(path, O_RDWR);
    need(container >= 0 && group >= 0, path);
    need(!ioctl(group, VFIO_GROUP_SET_CONTAINER, &container), "VFIO_GROUP_SET_CONTAINER");
    need(!ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "VFIO_SET_IOMMU");
    device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, slot);
    need(device >= 0, "VFIO_GROUP_GET_DEVICE_FD");
    need(!ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar0), "BAR0");
    need(!ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config), "config space");
    need(pwrite(device, &command, 2, (off_t)config.offset + PCI_COMMAND) == 2, "config write");
}

static void map(uint64_t at, size_t size)
{
    struct vfio_iommu_type1_dma_map map = {
        .argsz = sizeof map, .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
        .vaddr = (uintptr_t)memory + (at - iova), .iova = at, .size = size,
    };

    need(!ioctl(container, VFIO_IOMMU_MAP_DMA, &map), "VFIO_IOMMU_MAP_DMA");
}

static void unmap(uint64_t at, size_t size)
{
    struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof unmap, .iova = at, .size = size };

    need(!ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap), "VFIO_IOMMU_UNMAP_DMA");
}

static uint32_t reg(unsigned offset)
{
    uint32_t value;

    need(pread(device, &value, 4, (off_t)bar0.offset + offset) == 4, "register read");
    return value;
}

static void set(unsigned offset, uint32_t value)
{
    need(pwrite(device, &value, 4, (off_t)bar0.offset + offset) == 4, "register write");
}

static void set64(unsigned offset, uint64_t value)
{
    set(offset, (uint32_t)value);
    set(offset + 4, (uint32_t)(value >> 32));
}

static uint64_t fault(void)
{
    return reg(FAULT) | (uint64_t)reg(FAULT + 4) << 32;
}

/* STATUS at the end of a transfer, without IRQ_RAISED. */
static uint32_t transfer(uint32_t command, uint64_t src, uint64_t dst, uint32_t size)
{
    set64(SRC, src);
    set64(DST, dst);
    set(SIZE, size);
    set(IRQ_TYPE, NO_INTERRUPT);
    set(COMMAND, command);
    for (int i = 0; i < PATIENCE_MS; i++) {
        uint32_t status = reg(STATUS);

        if (status & ENDS)
            return status & RESULT;
        usleep(1000);
    }
    leave(1, "the transfer does not end");
}

static void expect(const char *what, uint64_t is, uint64_t wanted)
{
    if (is != wanted)
        leave(1, "%s is 0x%llx, expected 0x%llx", what, (unsigned long long)is, (unsigned long long)wanted);
}

static void fill(uint8_t *data, size_t len, uint32_t x)
{
    while (len--) {
        x = x * 1664525u + 1013904223u;
        *data++ = x >> 24;
    }
}

static bool all(const uint8_t *data, size_t len, uint8_t value)
{
    while (len--)
        if (*data++ != value)
            return false;
    return true;
}

static void copy(void)
{
    static const struct { unsigned src, dst, size; } copies[] = {
        { 0, 8 * PAGE, 1 }, { 3, 8 * PAGE + 1, 2 }, { 0, 8 * PAGE, PAGE }, { PAGE - 1, 9 * PAGE - 2, 3 },
        { 17, 8 * PAGE + 5, 5000 }, { 1, 8 * PAGE + 2, 6 * PAGE }, { 0, 8 * PAGE, 8 * PAGE },
    };

    map(iova, PAGES * PAGE);
    for (unsigned i = 0; i < sizeof copies / sizeof copies[0]; i++) {
        unsigned src = copies[i].src, dst = copies[i].dst, size = copies[i].size;

        fill(memory, 8 * PAGE, i);
        memset(memory + 8 * PAGE, 0xee, 8 * PAGE);
        expect("STATUS", transfer(DO_COPY, iova + src, iova + dst, size), COPY_SUCCESS);
        if (memcmp(memory + src, memory + dst, size))
            leave(1, "the copy of %u bytes differs", size);
        if (!all(memory + 8 * PAGE, dst - 8 * PAGE, 0xee) ||
            !all(memory + dst + size, PAGES * PAGE - dst - size, 0xee))
            leave(1, "the copy of %u bytes wrote beyond its ends", size);
    }
}

static void enable_msi(int events[VECTORS])
{
    union {
        struct vfio_irq_set set;
        char bytes[sizeof(struct vfio_irq_set) + VECTORS * sizeof(int)];
    } irqs = { .set = {
        .argsz = sizeof irqs, .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
        .index = VFIO_PCI_MSI_IRQ_INDEX, .count = VECTORS,
    } };

    for (unsigned i = 0; i < VECTORS; i++)
        events[i] = eventfd(0, EFD_NONBLOCK);
    memcpy(irqs.set.data, events, VECTORS * sizeof(int));
    need(!ioctl(device, VFIO_DEVICE_SET_IRQS, &irqs), "VFIO_DEVICE_SET_IRQS");
}

static void interrupt(void)
{
    int events[VECTORS];

    enable_msi(events);
    for (unsigned i = 0; i < VECTORS; i++) {
        struct pollfd event = { .fd = events[i], .events = POLLIN };
        uint64_t count;

        set(IRQ_NUMBER, i + 1);
        set(COMMAND, RAISE_MSI);
        expect("poll()", (uint64_t)poll(&event, 1, PATIENCE_MS), 1);
        need(read(events[i], &count, sizeof count) == sizeof count, "eventfd");
        expect("the count of events", count, 1);
        for (unsigned j = 0; j < VECTORS; j++)
            if (read(events[j], &count, sizeof count) > 0)
                leave(1, "vector %u came with vector %u", j, i);
    }
}

static void unmapped(void)
{
    map(iova, 4 * PAGE);
    memset(memory, 0x5a, 4 * PAGE);
    expect("STATUS of a copy", transfer(DO_COPY, iova, iova + PAGE, PAGE), COPY_SUCCESS);
    unmap(iova, 4 * PAGE);
    expect("STATUS of a write", transfer(DO_WRITE, 0, iova + 12, 100), WRITE_FAIL | DST_INVALID);
    expect("FAULT_ADDR of the write", fault(), iova + 12);
    expect("STATUS of a read", transfer(DO_READ, iova + PAGE + 1, 0, 100), READ_FAIL | SRC_INVALID);
    expect("FAULT_ADDR of the read", fault(), iova + PAGE + 1);
    if (!all(memory, 4 * PAGE, 0x5a))
        leave(1, "the memory was written after it was unmapped");
    map(iova, 4 * PAGE);
    expect("STATUS of a copy after mapping again", transfer(DO_COPY, iova, iova + PAGE, PAGE), COPY_SUCCESS);
    expect("FAULT_ADDR of the copy", fault(), 0);
}

static void last_byte(void)
{
    const uint64_t end = iova + 2 * PAGE;       /* of what is mapped: two pages, and not the third */

    map(iova, 2 * PAGE);
    memset(memory, 0, 3 * PAGE);
    expect("STATUS of a write", transfer(DO_WRITE, 0, iova + 1, 2 * PAGE), WRITE_FAIL | DST_INVALID);
    expect("FAULT_ADDR of the write", fault(), end);
    if (memory[0] || all(memory + 1, 16, 0) || all(memory + 2 * PAGE - 16, 16, 0))
        leave(1, "the write did not reach just what is before the fault");
    if (!all(memory + 2 * PAGE, PAGE, 0))
        leave(1, "the write reached the third page");
    expect("STATUS of a read", transfer(DO_READ, iova + 1, 0, 2 * PAGE), READ_FAIL | SRC_INVALID);
    expect("FAULT_ADDR of the read", fault(), end);
    expect("a byte less", transfer(DO_WRITE, 0, iova + 1, 2 * PAGE - 1) & WRITE_FAIL, 0);
}

static const struct {
    const char *name;
    void (*run)(void);
} steps[] = { { "copy", copy }, { "interrupt", interrupt }, { "unmap", unmapped }, { "last-byte", last_byte } };

int main(int argc, char **argv)
{
    for (unsigned i = 0; argc == 4 && i < sizeof steps / sizeof steps[0]; i++) {
        if (strcmp(argv[3], steps[i].name))
            continue;
        memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        need(memory != MAP_FAILED, "mmap");
        open_device(argv[1], argv[2]);
        steps[i].run();
        return 0;
    }
    fprintf(stderr, "usage: vfio SLOT GROUP copy|interrupt|unmap|last-byte\n");
    return 2;
}
