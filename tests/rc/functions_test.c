/* SPDX-License-Identifier: MIT */
/*
 * endpoint-test with several functions and virtual ones, by its server: each does DMA and interrupts as
 * a device of its own, and a reset of one leaves the others alone.
 */
#include <poll.h>
#include <string.h>

#include "bytes.h"
#include "gtest.h"
#include "host.h"

enum {
	COMMAND = 0x04, BAR0 = 0x10, MASTER_AND_MEMORY = 6,
	CAP_PCIE = 0x10, CAP_MSIX = 0x11, EXT_SRIOV = 0x10,
	SRIOV_CONTROL = 0x08, SRIOV_NUM_VFS = 0x10, SRIOV_OFFSET = 0x14, SRIOV_BAR0 = 0x24,
	VF_ENABLE = 1 << 0, VF_MEMORY = 1 << 3,
	MSIX_TABLE = 0x4000, SIZE = 5000,
};

/* A function as the host uses it. */
struct unit {
	uint16_t bdf;
	uint64_t bar0;
	uint32_t msi_data;
};

/* ---- configuration ---- */

static uint32_t config(uint16_t bdf, unsigned offset)
{
	uint32_t value;

	tlpb_rc_config_read(host.rc, bdf, offset, 4, &value);
	return value;
}

static int configure(uint16_t bdf, unsigned offset, unsigned size, uint32_t value)
{
	return tlpb_rc_config_write(host.rc, bdf, offset, size, value);
}

static void function_level_reset(const struct unit *u)
{
	int at = tlpb_rc_find_capability(host.rc, u->bdf, CAP_PCIE);

	ASSERT_GT(at, 0);
	EXPECT_EQ(configure(u->bdf, (unsigned)at + 8, 2, 0x8000), 0);
}

static unsigned sriov_of(uint16_t bdf)
{
	unsigned at = 0x100;

	while (at && (config(bdf, at) & 0xffff) != EXT_SRIOV)
		at = config(bdf, at) >> 20;
	return at;
}

/* Its own vector 0, with data that tell whose it is. */
static void set_vector(struct unit *u)
{
	int at = tlpb_rc_find_capability(host.rc, u->bdf, CAP_MSIX);
	uint8_t entry[16] = { 0 };

	ASSERT_GT(at, 0);
	u->msi_data = 0x5a00 | (u->bdf & 0xff);
	put_le32(entry, MSI_ADDRESS);
	put_le32(entry + 8, u->msi_data);
	ASSERT_EQ(tlpb_rc_mem_write(host.rc, u->bar0 + MSIX_TABLE, entry, 16), 0);
	ASSERT_EQ(configure(u->bdf, (unsigned)at + 2, 2, 0x8000), 0);
}

static struct unit function(unsigned number)
{
	struct unit u = { .bdf = (uint16_t)(HOST_BDF | number) };
	struct tlpb_rc_windows windows = { .bdf = u.bdf, .mem32 = 0xe0000000 + number * 0x100000u };
	struct tlpb_rc_bar bar[TLPB_BARS];

	ASSERT_EQ(tlpb_rc_enumerate(host.rc, &windows, bar), 0);
	u.bar0 = bar[0].addr;
	set_vector(&u);
	return u;
}

/* So many VFs of pf, their BARs at base. */
static void enable_vfs(const struct unit *pf, unsigned count, uint32_t base)
{
	unsigned at = sriov_of(pf->bdf);

	ASSERT_NE(at, 0);
	for (unsigned i = 0; i < TLPB_BARS; i++)
		configure(pf->bdf, at + SRIOV_BAR0 + 4 * i, 4, base + i * 0x1000000u);
	configure(pf->bdf, at + SRIOV_NUM_VFS, 2, count);
	EXPECT_EQ(configure(pf->bdf, at + SRIOV_CONTROL, 2, VF_ENABLE | VF_MEMORY), 0);
}

static uint16_t vf_bdf(const struct unit *pf, unsigned i)
{
	uint32_t place = config(pf->bdf, sriov_of(pf->bdf) + SRIOV_OFFSET);

	return (uint16_t)(pf->bdf + (place & 0xffff) + i * (place >> 16));
}

static struct unit vf(const struct unit *pf, unsigned i, uint32_t base)
{
	struct unit u = { .bdf = vf_bdf(pf, i), .bar0 = base + 0x10000u * i };

	EXPECT_EQ(configure(u.bdf, COMMAND, 2, MASTER_AND_MEMORY), 0);
	set_vector(&u);
	return u;
}

/* ---- registers ---- */

static uint32_t get(const struct unit *u, unsigned reg)
{
	uint8_t dw[4] = { 0xff, 0xff, 0xff, 0xff };

	tlpb_rc_mem_read(host.rc, u->bar0 + reg, dw, 4);
	return get_le32(dw);
}

static void put(const struct unit *u, unsigned reg, uint32_t value)
{
	uint8_t dw[4];

	put_le32(dw, value);
	EXPECT_EQ(tlpb_rc_mem_write(host.rc, u->bar0 + reg, dw, 4), 0);
}

static void begin_copy(const struct unit *u, uint32_t src, uint32_t dst)
{
	put(u, REG_SRC, RAM_BASE + src);
	put(u, REG_DST, RAM_BASE + dst);
	put(u, REG_SIZE, SIZE);
	put(u, REG_IRQ_TYPE, IRQ_MSIX);
	put(u, REG_IRQ_NUMBER, 1);
	put(u, REG_COMMAND, COMMAND_COPY);
}

static void await_msis(unsigned count)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;

	while (host.msis < count) {
		struct pollfd p = { .fd = tlpb_rc_fd(host.rc), .events = POLLIN };

		ASSERT_LT(now_ms(), end);
		ASSERT_EQ(tlpb_rc_process(host.rc), 0);
		if (host.msis < count)
			poll(&p, 1, 50);
	}
}

/* A copy by u: nobody else does DMA or interrupts meanwhile. */
static void expect_copy(const struct unit *u)
{
	unsigned before = host.msis;

	memset(host.dma_of, 0, sizeof host.dma_of);
	for (unsigned i = 0; i < SIZE; i++)
		host.ram[i] = (uint8_t)(i * 7 + u->bdf);
	begin_copy(u, 0, 0x10001);
	await_msis(before + 1);
	EXPECT_EQ(host.last_msi, u->msi_data);
	EXPECT_EQ(get(u, REG_STATUS) & (STATUS_COPY_OK | STATUS_FAILED), STATUS_COPY_OK);
	EXPECT_MEMEQ(host.ram + 0x10001, host.ram, SIZE);
	for (unsigned id = 0; id < 256; id++)
		EXPECT_EQ(host.dma_of[id] != 0, id == (u->bdf & 0xff));
}

static void start(const char *const options[])
{
	struct process *server;
	const char *url;

	if (host.rc)
		host_stop();
	processes_end();
	url = serve_at(url_of("s"), options, &server);
	if (host_connect(url, NULL, PROCESS_PATIENCE_MS))
		FAIL("%s", host.why);
}

#define OPTIONS(...) (const char *const[]){ __VA_ARGS__, NULL }

/* ---- functions ---- */

TEST(Functions, EachIsAWholeEndpointTest)
{
	struct unit u[3];

	start(OPTIONS("--functions", "3"));
	EXPECT_EQ(config(HOST_BDF | 3, 0), 0xffffffff);
	for (unsigned i = 0; i < 3; i++)
		u[i] = function(i);
	for (unsigned i = 0; i < 3; i++) {
		EXPECT_EQ(config(u[i].bdf, 0), 0xb500104c);
		EXPECT_EQ(config(u[i].bdf, 0x3c) >> 8 & 0xff, i + 1);	/* INTA, INTB, INTC */
		put(&u[i], 0, 0x1000 + i);
		expect_copy(&u[i]);
	}
	for (unsigned i = 0; i < 3; i++)
		EXPECT_EQ(get(&u[i], 0), 0x1000 + i);
	host_stop();
}

TEST(Functions, AllOfThemWorkAtTheSameTime)
{
	enum { ALL = 8 };
	struct unit u[ALL];

	start(OPTIONS("--functions", "8"));
	for (unsigned i = 0; i < ALL; i++)
		u[i] = function(i);
	for (unsigned i = 0; i < SIZE; i++)
		host.ram[i] = (uint8_t)(i * 13);
	for (unsigned i = 0; i < ALL; i++)
		begin_copy(&u[i], 0, 0x10000 * (i + 1));
	await_msis(ALL);
	for (unsigned i = 0; i < ALL; i++) {
		EXPECT_MEMEQ(host.ram + 0x10000 * (i + 1), host.ram, SIZE);
		EXPECT_EQ(get(&u[i], REG_STATUS) & (STATUS_COPY_OK | STATUS_FAILED), STATUS_COPY_OK);
	}
	host_stop();
}

TEST(Functions, AFunctionLevelResetLeavesTheOthersAlone)
{
	struct unit first, second;

	start(OPTIONS("--functions", "2"));
	first = function(0);
	second = function(1);
	put(&first, 0, 11);
	put(&second, 0, 22);
	function_level_reset(&second);
	EXPECT_EQ(get(&first, 0), 11);
	EXPECT_EQ(config(second.bdf, BAR0), 0);
	expect_copy(&first);
	second = function(1);
	EXPECT_EQ(get(&second, 0), 0);
	expect_copy(&second);
	host_stop();
}

/* ---- virtual functions ---- */

enum { VF_BASE = 0xd0000000 };

TEST(VirtualFunctions, ComeWithVfEnableAsManyAsNumVfs)
{
	struct unit pf;

	start(OPTIONS("--vfs", "4"));
	pf = function(0);
	EXPECT_EQ(configure(vf_bdf(&pf, 0), COMMAND, 2, 4), TLPB_ERR_UNSUPPORTED);
	enable_vfs(&pf, 3, VF_BASE);
	for (unsigned i = 0; i < 4; i++)
		EXPECT_EQ(configure(vf_bdf(&pf, i), COMMAND, 2, 4), i < 3 ? 0 : TLPB_ERR_UNSUPPORTED);
	EXPECT_EQ(config(pf.bdf, sriov_of(pf.bdf) + 0x18) >> 16, 0xb500);	/* VF Device ID */
	configure(pf.bdf, sriov_of(pf.bdf) + SRIOV_CONTROL, 2, 0);
	EXPECT_EQ(configure(vf_bdf(&pf, 0), COMMAND, 2, 4), TLPB_ERR_UNSUPPORTED);
	host_stop();
}

TEST(VirtualFunctions, EachDoesDmaWithItsRequesterIdAndItsMsix)
{
	struct unit pf[2], v[2][3];

	start(OPTIONS("--functions", "2", "--vfs", "3"));
	for (unsigned f = 0; f < 2; f++) {
		pf[f] = function(f);
		enable_vfs(&pf[f], 3, VF_BASE + f * 0x8000000u);
		for (unsigned i = 0; i < 3; i++)
			v[f][i] = vf(&pf[f], i, VF_BASE + f * 0x8000000u);
	}
	for (unsigned f = 0; f < 2; f++)
		for (unsigned i = 0; i < 3; i++) {
			put(&v[f][i], 0, 0x100 * f + i);
			expect_copy(&v[f][i]);
		}
	expect_copy(&pf[0]);
	expect_copy(&pf[1]);
	for (unsigned f = 0; f < 2; f++)
		for (unsigned i = 0; i < 3; i++)
			EXPECT_EQ(get(&v[f][i], 0), 0x100 * f + i);
	host_stop();
}

TEST(VirtualFunctions, AResetOfOneLeavesTheOthersAlone)
{
	struct unit pf, first, second;

	start(OPTIONS("--vfs", "2"));
	pf = function(0);
	enable_vfs(&pf, 2, VF_BASE);
	first = vf(&pf, 0, VF_BASE);
	second = vf(&pf, 1, VF_BASE);
	put(&pf, 0, 1);
	put(&first, 0, 2);
	put(&second, 0, 3);
	function_level_reset(&first);
	EXPECT_EQ(config(first.bdf, COMMAND) & 7, 0);
	EXPECT_EQ(get(&first, 0), 0);	/* VF Memory Space Enable is the PF's */
	EXPECT_EQ(get(&second, 0), 3);
	EXPECT_EQ(get(&pf, 0), 1);
	expect_copy(&second);
	expect_copy(&pf);
	put(&first, REG_COMMAND, COMMAND_COPY);		/* no bus master: fails, and raises nothing */
	while (!(get(&first, REG_STATUS) & STATUS_FAILED))
		;
	configure(first.bdf, COMMAND, 2, MASTER_AND_MEMORY);
	set_vector(&first);
	expect_copy(&first);
	host_stop();
}

TEST(VirtualFunctions, AResetOfTheirFunctionTakesThemAway)
{
	struct unit pf;

	start(OPTIONS("--vfs", "2"));
	pf = function(0);
	enable_vfs(&pf, 2, VF_BASE);
	function_level_reset(&pf);
	EXPECT_EQ(configure(vf_bdf(&pf, 0), COMMAND, 2, 4), TLPB_ERR_UNSUPPORTED);
	function(0);
	enable_vfs(&pf, 1, VF_BASE);
	expect_copy(&(struct unit){ .bdf = pf.bdf, .bar0 = pf.bar0, .msi_data = pf.msi_data });
	host_stop();
}

/* 4 functions of 63 VFs are all 256 numbers. */
TEST(VirtualFunctions, FillAllNumbersWithAri)
{
	struct unit pf, last;

	start(OPTIONS("--functions", "4", "--vfs", "63", "--msix", "2"));
	pf = function(3);
	enable_vfs(&pf, 63, VF_BASE);
	EXPECT_EQ(vf_bdf(&pf, 62), HOST_BDF | 255);
	last = vf(&pf, 62, VF_BASE);
	expect_copy(&last);
	host_stop();
}

/* ---- options ---- */

static void expect_refused(const char *const options[], const char *text)
{
	struct process *p = process_start(endpoint_test_command(TLPB_SERVE, options));

	EXPECT_EQ(process_wait(p, PROCESS_PATIENCE_MS), 2);
	EXPECT_NOT_NULL(strstr(process_output(p), text));
}

TEST(Functions, ImpossibleNumbersAreRefusedWithTheReason)
{
	processes_end();
	expect_refused(OPTIONS("--listen", url_of("s"), "--functions", "0"), "there is always function 0");
	expect_refused(OPTIONS("--listen", url_of("s"), "--functions", "100", "--vfs", "2"),
		       "100 functions of 2 virtual ones each are more than the 256 numbers");
	expect_refused(OPTIONS("--listen", url_of("s"), "--vfs", "many"), "--vfs: ");
	processes_end();
}
