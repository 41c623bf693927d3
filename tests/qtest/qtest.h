/* SPDX-License-Identifier: MIT */
/*
 * The stock QEMU without a guest: its CPU halts at once, and the test does the
 * accesses of a guest through QEMU's qtest protocol. Ports, memory, PCI configuration
 * through 0xcf8 and through ECAM. A call that fails ends the test, with QEMU's output.
 */
#ifndef TLPB_TEST_QTEST_H
#define TLPB_TEST_QTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "process.h"

struct qtest {
	struct process *process;
	int fd;
	size_t have;		/* bytes in buf */
	char buf[256 * 1024];
	uint64_t irqs;		/* levels of the intercepted interrupt lines */
};

/* Bus[15:8] Device[7:3] Function[2:0]: root port n (0 or 1), and the device behind it. */
#define ROOT_PORT(n) ((4u + (n)) << 3)
#define BEHIND_PORT(n) ((1u + (n)) << 8)

/* Where qtest_set_up_port() opens the windows of root port n. */
#define PORT_IO(n) (0xc000u + (n) * PORT_IO_SIZE)
#define PORT_MEM(n) (0xe0000000u + (n) * PORT_MEM_SIZE)
#define PORT_PREF(n) (0x800000000ull + (n) * PORT_PREF_SIZE)
#define PORT_IO_SIZE 0x1000u
#define PORT_MEM_SIZE 0x1000000u
#define PORT_PREF_SIZE 0x10000000ull
#define ECAM 0xb0000000u

/*
 * Fills argv with the command line of a q35 machine with 64 MiB, and then the
 * arguments up to NULL. It has no qtest connection.
 */
void qemu_command(const char **argv, size_t size, const char *const args[]);

/* Start such a machine and connect. End the test when QEMU ends instead. */
struct qtest *qtest_start(const char *const args[]);

/* End QEMU, which must do so in an orderly way. */
void qtest_stop(struct qtest *q);

/* Free the connection of a QEMU that has ended. */
void qtest_free(struct qtest *q);

/* One command, its answer after "OK ". Valid until the next call. */
const char *qtest_command(struct qtest *q, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

uint32_t qtest_in(struct qtest *q, uint16_t port, unsigned size);
void qtest_out(struct qtest *q, uint16_t port, unsigned size, uint32_t value);

/* Memory as the CPU sees it, size 1, 2, 4 or 8. */
uint64_t qtest_read(struct qtest *q, uint64_t addr, unsigned size);
void qtest_write(struct qtest *q, uint64_t addr, unsigned size, uint64_t value);
void qtest_read_bytes(struct qtest *q, uint64_t addr, void *buf, size_t len);
void qtest_write_bytes(struct qtest *q, uint64_t addr, const void *data, size_t len);

/* Configuration: through ports 0xcf8 and 0xcfc, and through ECAM. Size 1, 2 or 4. */
uint32_t qtest_config_read(struct qtest *q, unsigned bdf, unsigned offset, unsigned size);
void qtest_config_write(struct qtest *q, unsigned bdf, unsigned offset, unsigned size,
			uint32_t value);
uint32_t qtest_ecam_read(struct qtest *q, unsigned bdf, unsigned offset, unsigned size);
void qtest_ecam_write(struct qtest *q, unsigned bdf, unsigned offset, unsigned size,
		      uint32_t value);

/* Offset of a capability, 0: not there. */
unsigned qtest_find_capability(struct qtest *q, unsigned bdf, uint8_t id);

/* Turn ECAM on; give root port n its bus number and windows, and let it decode. */
void qtest_set_up_port(struct qtest *q, unsigned n);

/* Watch the I/O APIC's inputs that are PCI's, and wait until any of them has this level. */
void qtest_watch_irqs(struct qtest *q);
bool qtest_wait_irq(struct qtest *q, bool level, int timeout_ms);

#endif
