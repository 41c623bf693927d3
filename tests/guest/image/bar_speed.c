/* SPDX-License-Identifier: MIT */
/*
 * bar_speed RESOURCE reads|writes COUNT: 4-byte accesses at offset 0 of a BAR (RESOURCE is its `resourceN` of
 * sysfs). Prints nanoseconds an access. Writes end with a read, so that all of them have arrived.
 * The device's memory decoding must be on.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static double ns_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    volatile uint32_t *bar;
    long count = argc > 3 ? atol(argv[3]) : 0;
    int file = argc > 3 ? open(argv[1], O_RDWR | O_SYNC) : -1;

    if (file < 0 || count <= 0) {
        fprintf(stderr, "usage: bar_speed RESOURCE reads|writes COUNT\n");
        return 2;
    }
    bar = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (bar == MAP_FAILED) {
        perror(argv[1]);
        return 2;
    }
    for (int i = 0; i < 100; i++)
        (void)bar[0];
    double start = ns_now();
    if (!strcmp(argv[2], "reads")) {
        for (long i = 0; i < count; i++)
            (void)bar[0];
    } else {
        for (long i = 0; i < count; i++)
            bar[0] = (uint32_t)i;
        (void)bar[0];
    }
    printf("%.1f\n", (ns_now() - start) / (double)count);
    return 0;
}
