/* SPDX-License-Identifier: MIT */
/*
 * effect DEVICE MODE READS [SECOND]: reads of endpoint-test's READ_EFFECT, which does a DMA read, a DMA
 * write and an MSI-X before it completes (docs/models/endpoint-test.md). Two processes, one on
 * each of the first two CPUs; every copy is checked.
 *
 *   turns      One reads, waits for its interrupt and checks; meanwhile the other one is busy with
 *              BAR2. Then the other way round. Each process has a vector of its own, which goes to
 *              the other one's CPU; no two interrupts can become one, so all are counted.
 *   together   Both read at the same time. Two interrupts on the one vector may become one.
 *   devices    Both read at the same time, each a device of its own: the other one reads SECOND.
 *
 * DEVICE is the function's directory in sysfs; its driver is bound and uses MSI-X. The kernel must
 * leave 16 MiB at 256 MiB alone: memmap=16M$0x10000000.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    COMMAND_REGS = 0x0c, SIZE_REG = 0x1c, IRQ_NUMBER = 0x28, READ_EFFECT = 0x40,
    BAR0_SIZE = 0x1000, BAR2_SIZE = 0x2000,
    DMA_MEMORY = 0x10000000, DMA_SIZE = 16 << 20, SLOT = 0x4000, MAX = 4096,
    WATCHDOG = 80,  /* seconds for all of it */
    IRQ_WAIT = 20,
    PROCESSES = 2,
};

/* What the processes share. */
static struct shared {
    atomic_int turn;            /* of this process; -1: somebody failed */
    atomic_int arrived, left;   /* together: at the two sides of a read */
    atomic_uint done, busy;     /* reads, accesses to BAR2 meanwhile */
    atomic_uint irqs;
    uint16_t count[PROCESSES];  /* together: what the reads returned */
} *shared;

static volatile uint32_t *bar0, *bar2;
static uint8_t *memory;
static const char *device, *second;
static unsigned me;

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void fail(const char *format, ...)
{
    va_list args;

    printf("process %u, after %u reads: ", me, atomic_load(&shared->done));
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
    atomic_store(&shared->turn, -1);
    _exit(1);
}

static void *map(const char *path, off_t offset, size_t size)
{
    int file = open(path, O_RDWR | O_SYNC);
    void *at = file < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, offset);

    if (at == MAP_FAILED)
        fail("%s: %s", path, strerror(errno));
    close(file);
    return at;
}

static void *map_bar(unsigned bar, size_t size)
{
    char path[256];

    snprintf(path, sizeof path, "%s/resource%u", device, bar);
    return map(path, 0, size);
}

static void pin(unsigned cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set))
        fail("CPU %u: %s", cpu, strerror(errno));
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* The Linux IRQ of a vector: they were given out in order. */
static int irq_of(unsigned vector)
{
    char command[300];
    int irqs[2048];
    unsigned n = 0;

    snprintf(command, sizeof command, "ls %s/msi_irqs", device);
    FILE *list = popen(command, "r");
    while (list && n < 2048 && fscanf(list, "%d", &irqs[n]) == 1)
        n++;
    if (list)
        pclose(list);
    if (vector >= n)
        fail("the driver has %u MSI-X vectors, vector %u is needed", n, vector);
    qsort(irqs, n, sizeof *irqs, compare);
    return irqs[vector];
}

static void send_irq_to(int irq, unsigned cpu)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/irq/%d/smp_affinity", irq);
    FILE *file = fopen(path, "w");
    if (!file || fprintf(file, "%x", 1u << cpu) < 0 || fclose(file))
        fail("%s: %s", path, strerror(errno));
}

/* How often the interrupt came, on all CPUs. */
static unsigned irq_count(int irq)
{
    unsigned sum = 0, n;
    char path[64], separator;

    snprintf(path, sizeof path, "/sys/kernel/irq/%d/per_cpu_count", irq);
    FILE *file = fopen(path, "r");
    if (!file)
        fail("%s: %s", path, strerror(errno));
    while (fscanf(file, "%u%c", &n, &separator) >= 1)
        sum += n;
    fclose(file);
    return sum;
}

static void wait_for_irq(int irq, unsigned before)
{
    time_t end = time(NULL) + IRQ_WAIT;

    while (irq_count(irq) == before)
        if (time(NULL) > end)
            fail("no interrupt within %d s", IRQ_WAIT);
}

/* One copy: where from, where to, how much. Addresses are offsets in the DMA memory. */
struct copy {
    unsigned src, dst, size;
    uint32_t seed;
};

/* Every size and alignment comes; the seed, and so the source, changes each time. */
static struct copy copy_of(unsigned slot, unsigned i)
{
    unsigned base = slot * SLOT;

    return (struct copy){ base + i % 61, base + SLOT / 2 + 1 + i % 53, MAX - i * 97 % MAX, i * 2654435761u + slot };
}

static uint8_t next_byte(uint32_t *x)
{
    *x = *x * 1664525u + 1013904223u;
    return *x >> 24;
}

static void prepare(struct copy c)
{
    uint32_t x = c.seed;

    for (unsigned i = 0; i < c.size; i++)
        memory[c.src + i] = next_byte(&x);
    memset(memory + c.dst - 1, 0xee, c.size + 2);
    memory[c.dst] = ~memory[c.src];
}

static void verify(struct copy c)
{
    uint32_t x = c.seed;

    for (unsigned i = 0; i < c.size; i++) {
        uint8_t want = next_byte(&x);
        if (memory[c.dst + i] != want)
            fail("byte %u of %u is 0x%02x, not 0x%02x", i, c.size, memory[c.dst + i], want);
    }
    if (memory[c.dst - 1] != 0xee || memory[c.dst + c.size] != 0xee)
        fail("the copy of %u bytes wrote beyond its end", c.size);
}

static void program(struct copy c, unsigned vector)
{
    volatile uint32_t *r = bar0 + COMMAND_REGS / 4;

    r[0] = DMA_MEMORY + c.src;
    r[1] = 0;
    r[2] = DMA_MEMORY + c.dst;
    r[3] = 0;
    bar0[SIZE_REG / 4] = c.size;
    bar0[IRQ_NUMBER / 4] = vector + 1;
}

/* Returns the device's count of such reads. */
static uint16_t read_effect(void)
{
    uint32_t value = bar0[READ_EFFECT / 4];

    if (value >> 16)
        fail("READ_EFFECT says 0x%08x", value);
    atomic_fetch_add(&shared->done, 1);
    return (uint16_t)value;
}

/* Is it this process's turn? Leaves when the other one has failed. */
static bool my_turn(void)
{
    int turn = atomic_load(&shared->turn);

    if (turn < 0)
        _exit(1);
    return turn == (int)me;
}

/* Each process has half of BAR2. */
static void use_bar2(unsigned i)
{
    unsigned at = (me * BAR2_SIZE / 2 + i * 4 % (BAR2_SIZE / 2)) / 4;

    bar2[at] = i;
    if (bar2[at] != i)
        fail("BAR2 at 0x%x lost a write", at * 4);
    atomic_fetch_add(&shared->busy, 2);
}

static void turns(unsigned reads)
{
    int irq = irq_of(1 + me);
    unsigned accesses = 0, start;

    send_irq_to(irq, !me);
    start = irq_count(irq);
    for (unsigned i = 0; i < reads / PROCESSES; i++) {
        struct copy c = copy_of(me, i);

        prepare(c);
        while (!my_turn())
            use_bar2(accesses++);
        program(c, 1 + me);
        read_effect();
        verify(c);
        wait_for_irq(irq, start + i);
        atomic_store(&shared->turn, !me);
    }
    if (irq_count(irq) != start + reads / PROCESSES)
        fail("%u interrupts, expected %u", irq_count(irq) - start, reads / PROCESSES);
    atomic_fetch_add(&shared->irqs, irq_count(irq) - start);
}

/* Waits until both are here, for the n-th time. */
static void meet(atomic_int *place, int n)
{
    atomic_fetch_add(place, 1);
    while (atomic_load(place) < PROCESSES * n)
        if (atomic_load(&shared->turn) < 0)
            _exit(1);
}

static void together(unsigned reads)
{
    int irq = irq_of(1), rounds = (int)reads / PROCESSES;
    unsigned start = irq_count(irq);

    for (int i = 1; i <= rounds; i++) {
        struct copy c = copy_of(0, (unsigned)i);
        unsigned before = irq_count(irq);

        if (!me) {
            prepare(c);
            program(c, 1);
        }
        meet(&shared->arrived, i);
        shared->count[me] = read_effect();
        meet(&shared->left, i);
        if (!me) {
            verify(c);
            wait_for_irq(irq, before);
            if ((uint16_t)(shared->count[0] - shared->count[1]) != 1 &&
                (uint16_t)(shared->count[1] - shared->count[0]) != 1)
                fail("counts %u and %u are not neighbours", shared->count[0], shared->count[1]);
        }
    }
    if (!me)
        atomic_fetch_add(&shared->irqs, irq_count(irq) - start);
}

/* The interrupt of each goes to the other one's CPU, which waits for its own device. */
static void devices(unsigned reads)
{
    int irq = irq_of(1);
    unsigned start;

    send_irq_to(irq, !me);
    start = irq_count(irq);
    for (unsigned i = 0; i < reads / PROCESSES; i++) {
        struct copy c = copy_of(me, i);

        prepare(c);
        program(c, 1);
        meet(&shared->arrived, (int)i + 1);
        read_effect();
        verify(c);
        wait_for_irq(irq, start + i);
    }
    if (irq_count(irq) != start + reads / PROCESSES)
        fail("%u interrupts, expected %u", irq_count(irq) - start, reads / PROCESSES);
    atomic_fetch_add(&shared->irqs, irq_count(irq) - start);
}

static const struct {
    const char *name;
    void (*run)(unsigned reads);
    int arguments;
} modes[] = {
    { "turns", turns, 4 }, { "together", together, 4 }, { "devices", devices, 5 },
};

static void (*find_mode(int argc, char **argv))(unsigned)
{
    for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++)
        if (argc == modes[i].arguments && !strcmp(argv[2], modes[i].name))
            return modes[i].run;
    fprintf(stderr, "usage: effect DEVICE turns|together READS, or DEVICE devices READS SECOND\n");
    exit(2);
}

static pid_t start(unsigned process, void (*mode)(unsigned), unsigned reads)
{
    pid_t child = fork();

    if (child)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    me = process;
    alarm(WATCHDOG);
    pin(process);
    if (me && second)
        device = second;
    bar0 = map_bar(0, BAR0_SIZE);
    bar2 = map_bar(2, BAR2_SIZE);
    mode(reads);
    fflush(stdout);
    _exit(0);
}

static bool ended_well(pid_t child)
{
    int status;

    if (waitpid(child, &status, 0) != child)
        return false;
    if (WIFSIGNALED(status))
        printf("stuck, or ended by signal %d, after %u reads\n", WTERMSIG(status), atomic_load(&shared->done));
    return WIFEXITED(status) && !WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    struct timespec begin, end;

    void (*mode)(unsigned) = find_mode(argc, argv);

    device = argv[1];
    second = argv[4];
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 2;
    memory = map("/dev/mem", DMA_MEMORY, DMA_SIZE);

    clock_gettime(CLOCK_MONOTONIC, &begin);
    pid_t child[PROCESSES];
    bool well = true;
    for (unsigned i = 0; i < PROCESSES; i++)
        child[i] = start(i, mode, (unsigned)atoi(argv[3]));
    for (unsigned i = 0; i < PROCESSES; i++)
        well = ended_well(child[i]) && well;
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%u reads, %u interrupts, %u accesses to BAR2 meanwhile, %.1f s\n", shared->done, shared->irqs,
           shared->busy, end.tv_sec - begin.tv_sec + (end.tv_nsec - begin.tv_nsec) / 1e9);
    return !well;
}
