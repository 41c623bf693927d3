/* SPDX-License-Identifier: MIT */
#include "functions.h"

#include <stdio.h>

#include "qmp.h"

enum {
	RAM_SRC = 0x100000, RAM_DST = 0x200000, COPY_BYTES = 64,
	VF_AREA0 = 0x400000, VF_AREA1 = 0x900000, VF_AREA2 = 0x4000000,	/* in the port's windows */
	SRIOV_OFFSET = 0x14, SRIOV_STRIDE = 0x16,
};

struct process *serve_functions(const char *functions, const char *vfs)
{
	const char *const options[] = { "--listen", socket_url("s"), "--functions", functions, "--vfs",
					vfs, "--bars", FUNCTION_BARS, "--msix", "8", "--check", NULL };
	struct process *server = process_start(endpoint_test_command(TLPB_SERVE, options));

	ASSERT_TRUE(process_wait_output(server, ", device ", PROCESS_PATIENCE_MS));
	return server;
}

void functions_start(const char *functions, const char *vfs, const char *device_options)
{
	processes_end();
	memset(&m, 0, sizeof m);
	m.server = serve_functions(functions, vfs);
	m.q = qtest_start(ARGS("-qmp", qmp_option("qmp"), "-device",
			       bridge_device("rp0", "s", device_options)));
	qtest_set_up_port(m.q, 0);
}

struct function place_function(unsigned number)
{
	struct function f = { .bdf = EP + number, .bar = {
		PORT_MEM(0) + number * FUNCTION_BAR0,
		PORT_MEM(0) + 0x200000 + number * FUNCTION_BAR1,
		PORT_PREF(0) + number * (uint64_t)FUNCTION_BAR2,
	} };

	qtest_ecam_write(m.q, f.bdf, 0x10, 4, (uint32_t)f.bar[0]);
	qtest_ecam_write(m.q, f.bdf, 0x14, 4, (uint32_t)f.bar[1]);
	qtest_ecam_write(m.q, f.bdf, 0x18, 4, (uint32_t)f.bar[2]);
	qtest_ecam_write(m.q, f.bdf, 0x1c, 4, (uint32_t)(f.bar[2] >> 32));
	qtest_ecam_write(m.q, f.bdf, 0x04, 2, COMMAND_MEMORY | COMMAND_MASTER);
	return f;
}

uint32_t function_read(const struct function *f, unsigned reg)
{
	return (uint32_t)qtest_read(m.q, f->bar[0] + reg, 4);
}

void function_write(const struct function *f, unsigned reg, uint32_t value)
{
	qtest_write(m.q, f->bar[0] + reg, 4, value);
}

uint32_t function_copy(const struct function *f, uint64_t src, uint64_t dst)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;
	uint32_t status;

	function_write(f, REG_SRC, (uint32_t)src);
	function_write(f, REG_DST, (uint32_t)dst);
	function_write(f, REG_SIZE, COPY_BYTES);
	function_write(f, REG_COMMAND, DO_COPY);
	while (!((status = function_read(f, REG_STATUS)) & (COPY_SUCCESS | COPY_FAIL)))
		if (now_ms() >= end)
			FAIL("the copy does not end: STATUS is 0x%x", status);
	return status & ~(uint32_t)IRQ_RAISED;
}

bool function_copies(const struct function *f)
{
	static uint32_t seed;
	uint8_t data[COPY_BYTES], seen[COPY_BYTES];

	fill(data, sizeof data, ++seed);
	qtest_write_bytes(m.q, RAM_SRC, data, sizeof data);
	if (function_copy(f, RAM_SRC, RAM_DST) != COPY_SUCCESS)
		return false;
	qtest_read_bytes(m.q, RAM_DST, seen, sizeof seen);
	return !memcmp(data, seen, sizeof data);
}

void function_set_vector(const struct function *f, uint64_t addr, uint32_t value)
{
	unsigned at = qtest_find_capability(m.q, f->bdf, CAP_MSIX);

	ASSERT_NE(at, 0u);
	function_write(f, MSIX_TABLE, (uint32_t)addr);
	function_write(f, MSIX_TABLE + 4, (uint32_t)(addr >> 32));
	function_write(f, MSIX_TABLE + 8, value);
	function_write(f, MSIX_TABLE + 12, 0);
	qtest_ecam_write(m.q, f->bdf, at + 2, 2, MSIX_ENABLE);
}

void function_reset(const struct function *f)
{
	unsigned at = qtest_find_capability(m.q, f->bdf, CAP_EXPRESS);

	ASSERT_NE(at, 0u);
	qtest_ecam_write(m.q, f->bdf, at + DEVICE_CONTROL, 2, FLR);
}

unsigned find_extended(unsigned bdf, uint16_t id)
{
	unsigned at = 0x100;

	while (at) {
		uint32_t head = qtest_ecam_read(m.q, bdf, at, 4);

		ASSERT_NE(head, 0xffffffffu);
		if ((head & 0xffff) == id)
			return at;
		at = head >> 20;
	}
	return 0;
}

void enable_vfs(const struct function *pf, unsigned count)
{
	unsigned at = find_extended(pf->bdf, EXTENDED_SRIOV);
	uint64_t bar2 = PORT_PREF(0) + VF_AREA2;

	ASSERT_NE(at, 0u);
	qtest_ecam_write(m.q, pf->bdf, at + SRIOV_BAR0, 4, PORT_MEM(0) + VF_AREA0);
	qtest_ecam_write(m.q, pf->bdf, at + SRIOV_BAR0 + 4, 4, PORT_MEM(0) + VF_AREA1);
	qtest_ecam_write(m.q, pf->bdf, at + SRIOV_BAR0 + 8, 4, (uint32_t)bar2);
	qtest_ecam_write(m.q, pf->bdf, at + SRIOV_BAR0 + 12, 4, (uint32_t)(bar2 >> 32));
	qtest_ecam_write(m.q, pf->bdf, at + SRIOV_NUM_VFS, 2, count);
	qtest_ecam_write(m.q, pf->bdf, at + SRIOV_CONTROL, 2, VF_ENABLE | VF_MEMORY);
}

void disable_vfs(const struct function *pf)
{
	unsigned at = find_extended(pf->bdf, EXTENDED_SRIOV);

	ASSERT_NE(at, 0u);
	qtest_ecam_write(m.q, pf->bdf, at + SRIOV_CONTROL, 2, 0);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

struct function vf_of(const struct function *pf, unsigned index)
{
	unsigned at = find_extended(pf->bdf, EXTENDED_SRIOV);
	uint32_t numbers = qtest_ecam_read(m.q, pf->bdf, at + SRIOV_OFFSET, 4);
	uint64_t page = (uint64_t)qtest_ecam_read(m.q, pf->bdf, at + SRIOV_PAGE_SIZE, 4) << 12;
	struct function vf = { .bdf = pf->bdf + (numbers & 0xffff) + index * (numbers >> 16) };

	for (unsigned i = 0; i < 3; i++) {
		static const uint32_t size[] = { FUNCTION_BAR0, FUNCTION_BAR1, FUNCTION_BAR2 };
		uint64_t base = qtest_ecam_read(m.q, pf->bdf, at + SRIOV_BAR0 + 4 * i, 4) & ~15u;

		if (i == 2)
			base |= (uint64_t)qtest_ecam_read(m.q, pf->bdf, at + SRIOV_BAR0 + 12, 4) << 32;
		vf.bar[i] = base + index * larger(size[i], page);
	}
	qtest_ecam_write(m.q, vf.bdf, 0x04, 2, COMMAND_MASTER);
	return vf;
}

const char *info_pci(void)
{
	static char text[64 * 1024];
	struct qmp *qmp = qmp_connect("qmp");

	snprintf(text, sizeof text, "%s",
		 qmp_command(qmp, "{\"execute\":\"human-monitor-command\",\"arguments\":"
				  "{\"command-line\":\"info pci\"}}"));
	qmp_close(qmp);
	return text;
}

unsigned functions_in_qemu(void)
{
	unsigned count = 0;

	for (const char *at = info_pci(); (at = strstr(at, "Bus  1, device")); at++)
		count++;
	return count;
}
