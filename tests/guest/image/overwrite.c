/* SPDX-License-Identifier: MIT */
/*
 * overwrite DEVICE ROUNDS: code that DMA has written is executed. A page that was just executed gets
 * another function from endpoint-test, by a copy from another page, and is called again: an emulator has
 * translated the old one.
 *
 * DEVICE is the function's directory in sysfs, with memory decoding and Bus Master Enable on and no driver. The
 * kernel must leave 16 MiB at 256 MiB alone: memmap=16M$0x10000000.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    COMMAND = 0x04, DO_COPY = 1 << 5, STATUS = 0x08, COPY_SUCCESS = 1 << 4, COPY_FAIL = 1 << 5,
    SRC = 0x0c, DST = 0x14, SIZE = 0x1c, IRQ_TYPE = 0x24, NO_INTERRUPT = 3,
    MEMORY = 0x10000000, MEMORY_SIZE = 0x20000, NEW_CODE = 0x10000,     /* beside the code that runs */
    BAR0_SIZE = 0x1000, PAGE = 4096,
};

static volatile uint32_t *bar0;
static uint8_t *memory;

static void *map(const char *path, off_t offset, size_t size, int protection)
{
    int file = open(path, O_RDWR);
    void *at = file < 0 ? MAP_FAILED : mmap(NULL, size, protection, MAP_SHARED, file, offset);

    if (at == MAP_FAILED) {
        fprintf(stderr, "overwrite: %s: %s\n", path, strerror(errno));
        exit(2);
    }
    return at;
}

static void copy(uint32_t src, uint32_t dst, uint32_t size)
{
    uint32_t status;

    bar0[SRC / 4] = src;
    bar0[SRC / 4 + 1] = 0;
    bar0[DST / 4] = dst;
    bar0[DST / 4 + 1] = 0;
    bar0[SIZE / 4] = size;
    bar0[IRQ_TYPE / 4] = NO_INTERRUPT;
    bar0[COMMAND / 4] = DO_COPY;
    do
        status = bar0[STATUS / 4];
    while (!(status & (COPY_SUCCESS | COPY_FAIL)));
    if (status & COPY_FAIL) {
        printf("the copy failed\n");
        exit(1);
    }
}

/* mov eax, value; ret */
static void write_function(uint8_t *at, uint32_t value)
{
    at[0] = 0xb8;
    memcpy(at + 1, &value, 4);
    at[5] = 0xc3;
}

static uint32_t call(const uint8_t *at)
{
    uint32_t (*function)(void);

    memcpy(&function, &at, sizeof function);
    return function();
}

int main(int argc, char **argv)
{
    uint32_t rounds = argc == 3 ? (uint32_t)atoi(argv[2]) : 0;
    char path[256];

    if (!rounds) {
        fprintf(stderr, "usage: overwrite DEVICE ROUNDS\n");
        return 2;
    }
    snprintf(path, sizeof path, "%s/resource0", argv[1]);
    bar0 = map(path, 0, BAR0_SIZE, PROT_READ | PROT_WRITE);
    memory = map("/dev/mem", MEMORY, MEMORY_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC);
    write_function(memory, 0);
    for (uint32_t i = 1; i <= rounds; i++) {
        uint32_t at = i % 7 * 16, result;       /* the copy may begin anywhere in the page */

        write_function(memory + at, ~i);
        call(memory + at);
        write_function(memory + NEW_CODE + at, i);
        copy(MEMORY + NEW_CODE + at, MEMORY + at, i % 2 ? 6 : PAGE - at);
        result = call(memory + at);
        if (result != i) {
            printf("round %u: the old function ran: %u\n", i, result);
            return 1;
        }
    }
    printf("%u rounds\n", rounds);
    return 0;
}
