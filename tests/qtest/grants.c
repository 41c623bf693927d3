/* SPDX-License-Identifier: MIT */
#include "grants.h"

#include <tlpbridge/status.h>

enum { FLUSHES_MAX = 4 };

uint8_t data[SIZE], seen[SIZE];

void place(void)
{
	qtest_set_up_port(m.q, 0);
	place_bars(m.q, EP, m.bar);
	reg_write(REG_IRQ_TYPE, NO_INTERRUPT);
}

void begin(void)
{
	processes_end();
	memset(&m, 0, sizeof m);
	m.server = serve("s", ALL_KINDS);
}

void start_qemu(const char *const args[])
{
	m.q = qtest_start(args);
	place();
}

void start_shared(const char *device_options)
{
	begin();
	start_qemu(ARGS(SHARED, "-device", bridge_device("rp0", "s", device_options)));
}

struct requests {
	uint64_t writes, reads;
};

/* Memory requests that the device has sent since the host came. */
static struct requests requests(void)
{
	static struct tlpb_status status;
	struct tlpb_rc_config config = { .url = socket_url("s") };
	char why[256] = "";

	if (tlpb_status_ask(&config, &status, why, sizeof why))
		FAIL("status: %s", why);
	return (struct requests){ status.slot[0].to_host.tlps[TLPB_COUNT_MWR],
				  status.slot[0].to_host.tlps[TLPB_COUNT_MRD] };
}

uint32_t transfer(uint32_t command, uint64_t src, uint64_t dst, uint32_t size)
{
	return run_command(command, src, dst, size) & ~(uint32_t)IRQ_RAISED;
}

static void copy_and_compare(uint64_t src, uint64_t dst, uint32_t size, uint32_t seed)
{
	fill(data, size, seed);
	qtest_write_bytes(m.q, src, data, size);
	EXPECT_EQ(transfer(DO_COPY, src, dst, size), COPY_SUCCESS);
	qtest_read_bytes(m.q, dst, seen, size);
	EXPECT_MEMEQ(seen, data, size);
}

uint64_t cost_of_copy(uint64_t src, uint64_t dst, uint32_t size)
{
	static uint32_t seed;
	struct requests before = requests(), after;
	uint64_t reads;

	copy_and_compare(src, dst, size, ++seed);
	after = requests();
	reads = after.reads - before.reads;
	return after.writes - before.writes + (reads > FLUSHES_MAX ? reads : 0);
}

void expect_direct(uint64_t src, uint64_t dst, uint32_t size)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;

	while (cost_of_copy(src, dst, size))
		if (now_ms() >= end)
			FAIL("DMA from 0x%llx to 0x%llx keeps going by TLPs", (unsigned long long)src,
			     (unsigned long long)dst);
}

void expect_tlps(uint64_t src, uint64_t dst, uint32_t size)
{
	for (unsigned i = 0; i < 3; i++)
		EXPECT_GT(cost_of_copy(src, dst, size), 0u);
}

void start_command(uint32_t command, uint64_t src, uint64_t dst, uint32_t size)
{
	reg_write64(REG_SRC, src);
	reg_write64(REG_DST, dst);
	reg_write(REG_SIZE, size);
	reg_write(REG_COMMAND, command);
}
