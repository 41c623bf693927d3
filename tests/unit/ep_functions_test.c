/* SPDX-License-Identifier: MIT */
/* An endpoint of several functions, virtual ones included: each is a device of its own. */
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "ep_private.h"
#include "gtest.h"
#include "pair.h"

#define RW (TLPB_REGION_READ | TLPB_REGION_WRITE)

enum {
	COMMAND = 0x04, HEADER_TYPE = 0x0c, BAR0 = 0x10, PM_CONTROL = 0x44, MSIX = 0xb0,
	DEVCTL = 0x78, EXTENDED = 0x100,
	DEVICE = 0x0300, PF = 0, SECOND = 2, LAST = 9,
	VFS = 4, VF_OFFSET = 16, VF_STRIDE = 3,
	ENTRY = 16,
};

/* What the models of the functions were told. */
static struct {
	unsigned accesses, function, region;
	uint64_t offset;
	uint32_t value;
	unsigned resets[256];
	enum tlpb_reset kind[256];
	unsigned vfs_calls, vfs, vfs_function;
	unsigned config_writes;
	bool hold;
	struct tlpb_ep_request *held[4];
	unsigned holds;
} told;

static void access(void *ctx, struct tlpb_ep_request *r)
{
	told.accesses++;
	told.function = r->function;
	told.region = r->region;
	told.offset = r->offset;
	if (r->write)
		told.value = get_le32(r->data);
	else
		put_le32(r->data, 0x1000 * r->function + (uint32_t)r->offset);
	if (told.hold)
		told.held[told.holds++] = r;
	else
		tlpb_ep_complete(pair.ep, r, TLPB_CPL_SC);
}

static void function_reset(void *ctx, unsigned function, enum tlpb_reset kind)
{
	told.resets[function]++;
	told.kind[function] = kind;
}

static void vfs(void *ctx, unsigned function, unsigned count)
{
	told.vfs_calls++;
	told.vfs_function = function;
	told.vfs = count;
}

static void config_written(void *ctx, unsigned offset, unsigned size)
{
	told.config_writes++;
}

static const struct tlpb_ep_ops ops = {
	.access = access, .function_reset = function_reset, .vfs = vfs,
	.config_written = config_written,
};

static struct tlpb_device with_bar(uint16_t device_id)
{
	return (struct tlpb_device){
		.vendor_id = 0x1d0f, .device_id = device_id,
		.region = { [0] = { 4096, RW }, [1] = { 4096, RW } },
		.intx_pin = 1, .msi_vectors = 1, .msix_vectors = 2,
		.msix_table_bar = 1, .msix_pba_bar = 1, .msix_pba_offset = 0x800,
	};
}

static struct tlpb_device first_device(void)
{
	struct tlpb_device d = with_bar(1);

	snprintf(d.name, sizeof d.name, "several");
	d.has = TLPB_HAS_ARI | TLPB_HAS_AER | TLPB_HAS_PME;
	d.sriov = (struct tlpb_sriov){
		.vfs = VFS, .offset = VF_OFFSET, .stride = VF_STRIDE, .device_id = 0x77,
		.region = { [0] = { 8192, RW }, [2] = { 4096, RW } },
		.msix_vectors = 2, .msix_table_bar = 2, .msix_pba_bar = 2, .msix_pba_offset = 0x800,
	};
	return d;
}

static int add(unsigned number, const struct tlpb_device *device, char why[256])
{
	const struct tlpb_ep_function f = { .number = number, .device = device, .ops = &ops };

	why[0] = 0;
	return tlpb_ep_add_function(pair.ep, &f, why, 256);
}

static void expect_added(unsigned number, const struct tlpb_device *device)
{
	char why[256];

	EXPECT_EQ(add(number, device, why), 0);
	EXPECT_STREQ(why, "");
}

/* Functions 0, with VFs, 2 and 9. */
static void setup_checked(enum tlpb_check check)
{
	struct tlpb_device d = first_device();
	struct pair_options options = { .device = &d, .stay_apart = true, .ops = &ops,
					.check = check };
	char why[256] = "";

	memset(&told, 0, sizeof told);
	pair_open(&options);
	d = with_bar(2);
	expect_added(SECOND, &d);
	d = with_bar(9);
	d.has = TLPB_HAS_SOFT_RESET;
	expect_added(LAST, &d);
	if (pair_connect(why, sizeof why))
		FAIL("%s", why);
}

static void setup(void)
{
	setup_checked(TLPB_CHECK_OFF);
}

static uint32_t rd(unsigned function, unsigned offset)
{
	uint32_t value;

	tlpb_rc_config_read(pair.rc, (uint16_t)(DEVICE | function), offset, 4, &value);
	return value;
}

static int wr(unsigned function, unsigned offset, uint32_t value)
{
	return tlpb_rc_config_write(pair.rc, (uint16_t)(DEVICE | function), offset, 4, value);
}

static uint32_t mem(uint64_t addr)
{
	uint8_t bytes[4];

	tlpb_rc_mem_read(pair.rc, addr, bytes, 4);
	return get_le32(bytes);
}

static void mem_write(uint64_t addr, uint32_t value)
{
	uint8_t bytes[4];

	put_le32(bytes, value);
	EXPECT_EQ(tlpb_rc_mem_write(pair.rc, addr, bytes, 4), 0);
}

static uint64_t bar(unsigned function, unsigned i)
{
	return 0xe0000000 + 0x10000ull * function + 0x1000 * i;
}

static void place(unsigned function)
{
	for (unsigned i = 0; i < 2; i++)
		wr(function, BAR0 + 4 * i, (uint32_t)bar(function, i));
	wr(function, COMMAND, 6);
}

static void place_all(void)
{
	place(PF);
	place(SECOND);
	place(LAST);
}

/* ---- who is there ---- */

TEST(EpFunctions, EachAnswersToItsNumberAndNoOther)
{
	setup();
	for (unsigned f = 0; f < 256; f++) {
		bool there = f == PF || f == SECOND || f == LAST;

		EXPECT_EQ(rd(f, 0), there ? (f ? f : 1) << 16 | 0x1d0f : 0xffffffff);
		EXPECT_EQ(wr(f, 0x3c, f), there ? 0 : TLPB_ERR_UNSUPPORTED);
		EXPECT_EQ(tlpb_ep_has_function(pair.ep, f), there);
	}
	EXPECT_EQ(rd(SECOND, 0x3c) & 0xff, SECOND);
	EXPECT_EQ(rd(PF, 0x3c) & 0xff, PF);
	EXPECT_FALSE(tlpb_ep_has_function(pair.ep, 256));
	EXPECT_EQ(tlpb_ep_function_peek(pair.ep, LAST, 2, 2), 9);
	EXPECT_EQ(tlpb_ep_function_peek(pair.ep, 1, 0, 4), 0xffffffff);
	pair_close();
}

TEST(EpFunctions, TheCheckerTakesAFunctionThatWasOnlyReadForOneOfTheDevice)
{
	setup_checked(TLPB_CHECK_REPORT);
	wr(PF, COMMAND, 0);
	EXPECT_NE(rd(LAST, 0), 0xffffffff);
	EXPECT_NE(rd(SECOND, 0), 0xffffffff);
	EXPECT_EQ(tlpb_rc_violations(pair.rc), 0);
	pair_close();
}

TEST(EpFunctions, TheyAreMultiFunctionAndChainedByAri)
{
	unsigned at = EXTENDED;

	setup();
	EXPECT_EQ(rd(PF, HEADER_TYPE) >> 16, 0x80);
	EXPECT_EQ(rd(SECOND, HEADER_TYPE) >> 16, 0x80);
	EXPECT_EQ(rd(LAST, HEADER_TYPE) >> 16, 0x80);
	while ((rd(PF, at) & 0xffff) != 0x0e)
		at = rd(PF, at) >> 20;
	EXPECT_EQ(rd(PF, at + 4) >> 8 & 0xff, SECOND);
	pair_close();
}

TEST(EpFunctions, OneFunctionIsNotMultiFunction)
{
	pair_open(NULL);
	EXPECT_EQ(tlpb_ep_config_peek(pair.ep, 0x0e, 1), 0);
	pair_close();
}

TEST(EpFunctions, NumbersThatAreTakenOrCannotBeAreRefused)
{
	struct tlpb_device d = first_device(), small = with_bar(5);
	struct pair_options options = { .device = &d, .stay_apart = true, .ops = &ops };
	char why[256];

	memset(&told, 0, sizeof told);
	pair_open(&options);
	EXPECT_EQ(add(0, &small, why), TLPB_ERR_INVALID);
	EXPECT_EQ(add(VF_OFFSET + VF_STRIDE, &small, why), TLPB_ERR_INVALID);	/* a VF's */
	EXPECT_NOT_NULL(strstr(why, "already"));
	EXPECT_EQ(add(256, &small, why), TLPB_ERR_INVALID);
	d.sriov.offset = 8;		/* from 1: 9, 12, 15 and 18 are free, from 5: 13, 16 is not */
	EXPECT_EQ(add(5, &d, why), TLPB_ERR_INVALID);
	EXPECT_EQ(add(5, &small, why), 0);
	EXPECT_EQ(add(1, &d, why), 0);
	small.intx_pin = 5;
	EXPECT_EQ(add(6, &small, why), TLPB_ERR_INVALID);
	EXPECT_NOT_NULL(strstr(why, "pin"));
	pair_close();
	options.device = &small;
	small = with_bar(1);
	strcpy(small.name, "small");
	pair_open(&options);
	EXPECT_EQ(add(8, &small, why), TLPB_ERR_INVALID);
	EXPECT_NOT_NULL(strstr(why, "without ARI"));
	EXPECT_EQ(add(7, &small, why), 0);
	EXPECT_EQ(pair_connect(why, sizeof why), 0);
	EXPECT_EQ(add(6, &small, why), TLPB_ERR_BUSY);
	pair_close();
}

TEST(EpFunctions, OnesOwnCapabilitiesAreEachFunctionsOwn)
{
	static const uint8_t body[2] = { 0, 0x5a };
	const struct tlpb_capability vendor = { .id = 0x09, .size = 2, .value = body };
	struct tlpb_device d = with_bar(3);
	struct tlpb_ep_function f = {
		.number = 3, .device = &d, .ops = &ops, .capabilities = &vendor,
		.capability_count = 1,
	};
	struct tlpb_capability bad = { .id = 0x05, .size = 2 };
	char why[256] = "";

	pair_open(&(struct pair_options){ .stay_apart = true });
	EXPECT_EQ(tlpb_ep_add_function(pair.ep, &f, why, sizeof why), 0);
	EXPECT_EQ(tlpb_ep_function_peek(pair.ep, 3, 0xc0, 4), 0x5a040009);
	EXPECT_EQ(tlpb_ep_function_peek(pair.ep, 0, 0xc0, 4), 0);
	f.number = 4;
	f.capabilities = &bad;
	EXPECT_EQ(tlpb_ep_add_function(pair.ep, &f, why, sizeof why), TLPB_ERR_INVALID);
	EXPECT_NOT_NULL(strstr(why, "ID 0x5"));
	EXPECT_FALSE(tlpb_ep_has_function(pair.ep, 4));
	pair_close();
}

/* ---- memory ---- */

TEST(EpFunctions, AnAddressIsTheFunctionsWhoseBarItIs)
{
	setup();
	place_all();
	EXPECT_EQ(mem(bar(PF, 0) + 0x10), 0x10);
	EXPECT_EQ(mem(bar(SECOND, 0) + 0x10), 0x2010);
	EXPECT_EQ(told.function, SECOND);
	EXPECT_EQ(mem(bar(LAST, 0) + 0x20), 0x9020);
	wr(SECOND, COMMAND, 0);
	EXPECT_EQ(mem(bar(SECOND, 0)), 0xffffffff);
	EXPECT_EQ(mem(bar(LAST, 0) + 0x20), 0x9020);
	wr(LAST, PM_CONTROL, 3);
	EXPECT_EQ(mem(bar(LAST, 0)), 0xffffffff);
	EXPECT_EQ(mem(bar(PF, 0)), 0);
	pair_close();
}

/* ---- interrupts and DMA ---- */

struct irq {
	unsigned function, vector;
	bool level;
	enum tlpb_irq_result result;
};

static void do_msix(void *arg)
{
	struct irq *irq = arg;

	irq->result = tlpb_ep_function_msix(pair.ep, irq->function, irq->vector);
}

static void do_intx(void *arg)
{
	struct irq *irq = arg;

	irq->result = tlpb_ep_function_intx(pair.ep, irq->function, irq->level);
}

static enum tlpb_irq_result msix(unsigned function, unsigned vector)
{
	struct irq irq = { .function = function, .vector = vector };

	pair_on_ep(do_msix, &irq);
	pair_settle_at(DEVICE);
	return irq.result;
}

static enum tlpb_irq_result intx(unsigned function, bool level)
{
	struct irq irq = { .function = function, .level = level };

	pair_on_ep(do_intx, &irq);
	pair_settle_at(DEVICE);
	return irq.result;
}

static void set_vector(uint64_t table, unsigned vector, uint32_t data)
{
	mem_write(table + ENTRY * vector, MSI_BASE);
	mem_write(table + ENTRY * vector + 4, 0);
	mem_write(table + ENTRY * vector + 8, data);
	mem_write(table + ENTRY * vector + 12, 0);
}

TEST(EpFunctions, EachHasItsMsixTableAndItsEnable)
{
	setup();
	place_all();
	set_vector(bar(PF, 1), 1, 0x11);
	set_vector(bar(LAST, 1), 1, 0x99);
	wr(LAST, MSIX, 1u << 31);
	EXPECT_EQ(msix(PF, 1), TLPB_IRQ_DISABLED);
	EXPECT_EQ(msix(LAST, 1), TLPB_IRQ_SENT);
	EXPECT_EQ(msix(LAST, 0), TLPB_IRQ_MASKED);
	EXPECT_EQ(msix(LAST, 2), TLPB_IRQ_NO_VECTOR);
	EXPECT_EQ(msix(5, 0), TLPB_IRQ_NO_VECTOR);
	ASSERT_EQ(pair.host.msis, 1);
	EXPECT_EQ(pair.host.msi[0].data, 0x99);
	wr(LAST, COMMAND, 2);
	EXPECT_EQ(msix(LAST, 1), TLPB_IRQ_BUS_MASTER_OFF);
	pair_close();
}

TEST(EpFunctions, ASharedPinIsAssertedWhileOneOfThemAssertsIt)
{
	setup();
	EXPECT_EQ(intx(PF, true), TLPB_IRQ_SENT);
	EXPECT_TRUE(pair.host.intx[0]);
	EXPECT_EQ(intx(LAST, true), TLPB_IRQ_SENT);
	EXPECT_EQ(pair.host.intx_changes, 1);
	EXPECT_EQ(rd(SECOND, COMMAND) >> 19 & 1, 0);
	EXPECT_EQ(rd(LAST, COMMAND) >> 19 & 1, 1);
	intx(PF, false);
	EXPECT_TRUE(pair.host.intx[0]);
	wr(LAST, COMMAND, 1 << 10);		/* Interrupt Disable */
	EXPECT_FALSE(pair.host.intx[0]);
	wr(LAST, COMMAND, 0);
	EXPECT_TRUE(pair.host.intx[0]);
	wr(LAST, DEVCTL, 1 << 15);		/* its reset ends it */
	pair_settle_at(DEVICE);
	EXPECT_FALSE(pair.host.intx[0]);
	pair_close();
}

TEST(EpFunctions, NoIntxInD3hotAndAgainInD0)
{
	setup();
	intx(SECOND, true);
	EXPECT_TRUE(pair.host.intx[0]);
	wr(SECOND, PM_CONTROL, 3);
	EXPECT_FALSE(pair.host.intx[0]);
	wr(SECOND, PM_CONTROL, 0);
	EXPECT_TRUE(pair.host.intx[0]);
	pair_close();
}

static struct dma dma_of(const struct tlpb_dma_attr *attr, void *buf, size_t len, bool write)
{
	return (struct dma){ .write = write, .addr = HOST_RAM_BASE, .buf = buf, .len = len, .attr = attr };
}

TEST(EpFunctions, DmaCarriesTheFunctionsIdAndObeysItsMasterEnable)
{
	struct tlpb_dma_attr attr = { .function = LAST };
	uint8_t data[300] = "hello";
	struct dma dma = dma_of(&attr, data, sizeof data, true);

	setup();
	wr(LAST, COMMAND, 4);
	pair_dma_run(&dma);
	EXPECT_EQ(dma.started, 0);
	EXPECT_EQ(dma.err, 0);
	EXPECT_EQ(pair.host.requester_id, DEVICE | LAST);
	EXPECT_MEMEQ(pair.host.ram, data, sizeof data);
	dma = dma_of(&attr, data, sizeof data, false);
	pair.host.requester_id = 0;
	pair_dma_run(&dma);
	EXPECT_EQ(dma.err, 0);
	EXPECT_EQ(pair.host.requester_id, DEVICE | LAST);
	attr.function = SECOND;
	pair_dma_run(&dma);
	EXPECT_EQ(dma.started, TLPB_ERR_BUS_MASTER_OFF);
	attr.function = 7;
	pair_dma_run(&dma);
	EXPECT_EQ(dma.started, TLPB_ERR_INVALID);
	pair_close();
}

static void do_pme(void *arg)
{
	struct irq *irq = arg;

	irq->result = tlpb_ep_pme(pair.ep, irq->function);
}

static enum tlpb_irq_result pme(unsigned function)
{
	struct irq irq = { .function = function };

	pair_on_ep(do_pme, &irq);
	pair_settle_at(DEVICE);
	return irq.result;
}

TEST(EpFunctions, APowerManagementEventIsAMessageWhenEnabledAlsoInD3hot)
{
	setup();
	EXPECT_EQ(pme(PF), TLPB_IRQ_DISABLED);
	wr(PF, PM_CONTROL, 1 << 15 | 1 << 8 | 3);
	EXPECT_EQ(pme(PF), TLPB_IRQ_SENT);
	EXPECT_EQ(pair.host.messages, 1);
	EXPECT_EQ(pair.host.message_code, TLPB_MSG_PM_PME);
	EXPECT_EQ(pme(PF), TLPB_IRQ_MERGED);
	EXPECT_EQ(pme(SECOND), TLPB_IRQ_NO_VECTOR);
	EXPECT_EQ(pair.host.messages, 1);
	pair_close();
}

struct sent {
	unsigned function;
	struct tlpb_tlp msg;
	int err;
};

static void do_message(void *arg)
{
	struct sent *s = arg;

	s->err = tlpb_ep_function_message(pair.ep, s->function, &s->msg);
}

TEST(EpFunctions, AMessageBearsTheIdOfItsFunction)
{
	struct sent s = { .function = LAST, .msg = {
		.kind = TLPB_MSG, .hdr_4dw = true, .message_code = TLPB_MSG_VENDOR_TYPE1 } };

	setup();
	place_all();
	pair_on_ep(do_message, &s);
	pair_settle_at(DEVICE);
	EXPECT_EQ(s.err, 0);
	EXPECT_EQ(pair.host.messages, 1);
	EXPECT_EQ(pair.host.requester_id, DEVICE | LAST);
	s.function = VF_OFFSET;			/* not enabled */
	pair_on_ep(do_message, &s);
	EXPECT_EQ(s.err, TLPB_ERR_INVALID);
	pair_close();
}

/* The host answers DMA while it waits for a read that it has sent: the endpoint sees the read first. */
TEST(EpFunctions, TransactionsPendingShowsRequestsWithoutCompletion)
{
	struct tlpb_dma_attr attr = { .function = LAST };
	static uint8_t buf[64];
	struct dma dma = dma_of(&attr, buf, sizeof buf, false);

	setup();
	wr(LAST, COMMAND, 4);
	EXPECT_EQ(rd(LAST, DEVCTL) >> 21 & 1, 0);
	pair_dma_start(&dma);
	EXPECT_EQ(rd(LAST, DEVCTL) >> 21 & 1, 1);
	EXPECT_EQ(rd(SECOND, DEVCTL) >> 21 & 1, 0);
	pair_serve_until_set(&dma.over);
	EXPECT_EQ(rd(LAST, DEVCTL) >> 21 & 1, 0);
	pair_close();
}

/* ---- resets ---- */

TEST(EpFunctions, AFunctionLevelResetIsOfOneFunction)
{
	struct tlpb_dma_attr attr = { .function = SECOND };
	uint8_t buf[64];
	struct dma dma = dma_of(&attr, buf, sizeof buf, false);

	setup();
	place_all();
	told.resets[SECOND] = told.resets[LAST] = 0;
	wr(LAST, DEVCTL, 1 << 15);
	EXPECT_EQ(told.resets[LAST], 1);
	EXPECT_EQ(told.kind[LAST], TLPB_RESET_FLR);
	EXPECT_EQ(told.resets[PF], 0);
	EXPECT_EQ(told.resets[SECOND], 0);
	EXPECT_EQ(rd(LAST, BAR0), 0);
	EXPECT_EQ(rd(SECOND, BAR0), bar(SECOND, 0));
	EXPECT_EQ(rd(PF, COMMAND) & 7, 6);
	EXPECT_EQ(mem(bar(SECOND, 0) + 4), 0x2004);
	pair_dma_run(&dma);
	EXPECT_EQ(dma.err, 0);
	pair_close();
}

static void give_back(void *arg)
{
	tlpb_ep_complete(pair.ep, arg, TLPB_CPL_SC);
}

struct answer {
	bool over;
	int err;
	uint8_t data[4];
};

static void on_answer(void *arg, int err)
{
	struct answer *a = arg;

	a->over = true;
	a->err = err;
}

static void read_later(uint64_t addr, struct answer *a)
{
	a->over = false;
	EXPECT_EQ(tlpb_rc_mem_read_async(pair.rc, addr, a->data, 4, on_answer, a), 0);
	pair_settle_at(DEVICE);
}

TEST(EpFunctions, AFunctionLevelResetAnswersItsOwnRequestsAlone)
{
	struct answer second, last;

	setup();
	place_all();
	told.hold = true;
	read_later(bar(SECOND, 0) + 8, &second);
	read_later(bar(LAST, 0) + 8, &last);
	EXPECT_EQ(told.holds, 2);
	told.hold = false;
	wr(LAST, DEVCTL, 1 << 15);
	pair_settle_at(DEVICE);
	EXPECT_TRUE(last.over);
	EXPECT_EQ(last.err, TLPB_ERR_UNSUPPORTED);
	EXPECT_FALSE(second.over);
	pair_on_ep(give_back, told.held[0]);
	pair_on_ep(give_back, told.held[1]);	/* too late: dropped */
	pair_settle_at(DEVICE);
	EXPECT_TRUE(second.over);
	EXPECT_EQ(second.err, 0);
	EXPECT_EQ(get_le32(second.data), 0x2008);
	pair_close();
}

static void reset_last(void *arg)
{
	tlpb__function_reset(pair.ep->function[LAST], TLPB_RESET_FLR, false);
}

/* The host answers only when it serves: the reads are under way while the function is reset. */

TEST(EpFunctions, AFunctionLevelResetEndsItsOwnDmaAlone)
{
	struct tlpb_dma_attr second = { .function = SECOND }, last = { .function = LAST };
	static uint8_t buf[2][64];
	struct dma dma_second, dma_last;

	setup();
	place_all();
	memset(pair.host.ram, 0xa5, 128);
	dma_second = dma_of(&second, buf[0], 64, false);
	dma_last = dma_of(&last, buf[1], 64, false);
	pair_dma_start(&dma_second);
	pair_dma_start(&dma_last);
	EXPECT_EQ(dma_last.started, 0);
	pair_on_ep(reset_last, NULL);
	EXPECT_TRUE(atomic_load(&dma_last.over));
	EXPECT_EQ(dma_last.err, TLPB_ERR_CLOSED);
	EXPECT_FALSE(atomic_load(&dma_second.over));
	pair_serve_until_set(&dma_second.over);
	EXPECT_EQ(dma_second.err, 0);
	EXPECT_EQ(buf[0][63], 0xa5);
	pair_settle_at(DEVICE);
	EXPECT_EQ(buf[1][0], 0);		/* what came late hit nothing */
	pair_close();
}

TEST(EpFunctions, AHotResetIsOfAllAndKeepsStickyBits)
{
	setup();
	place_all();
	wr(PF, EXTENDED + 8, 1 << 20);		/* AER mask */
	memset(told.resets, 0, sizeof told.resets);
	EXPECT_EQ(tlpb_rc_reset(pair.rc, TLPB_RESET_HOT), 0);
	EXPECT_EQ(rd(PF, EXTENDED + 8), 1 << 20);
	EXPECT_EQ(told.resets[PF], 1);
	EXPECT_EQ(told.resets[SECOND], 1);
	EXPECT_EQ(told.resets[LAST], 1);
	EXPECT_EQ(told.kind[LAST], TLPB_RESET_HOT);
	EXPECT_EQ(rd(SECOND, BAR0), 0);
	EXPECT_EQ(rd(PF, HEADER_TYPE) >> 16, 0x80);
	EXPECT_EQ(tlpb_rc_reset(pair.rc, TLPB_RESET_POWER), 0);
	EXPECT_EQ(rd(PF, EXTENDED + 8), 0x00400000);
	EXPECT_EQ(told.kind[PF], TLPB_RESET_POWER);
	pair_close();
}

TEST(EpFunctions, D3hotToD0ResetsAFunctionWithoutNoSoftReset)
{
	setup();
	place_all();
	memset(told.resets, 0, sizeof told.resets);
	wr(LAST, PM_CONTROL, 3);
	EXPECT_EQ(told.resets[LAST], 0);
	wr(LAST, PM_CONTROL, 0);
	EXPECT_EQ(told.resets[LAST], 1);
	EXPECT_EQ(told.kind[LAST], TLPB_RESET_FLR);
	EXPECT_EQ(rd(LAST, BAR0), 0);
	wr(SECOND, PM_CONTROL, 3);
	wr(SECOND, PM_CONTROL, 0);
	EXPECT_EQ(told.resets[SECOND], 0);
	EXPECT_EQ(rd(SECOND, BAR0), bar(SECOND, 0));
	pair_close();
}

/* ---- virtual functions ---- */

static unsigned sriov_at;

static unsigned find_sriov(void)
{
	unsigned at = EXTENDED;

	while (at && (rd(PF, at) & 0xffff) != 0x10)
		at = rd(PF, at) >> 20;
	return at;
}

static unsigned vf(unsigned i)
{
	return VF_OFFSET + VF_STRIDE * i;
}

static void enable_vfs(unsigned count)
{
	sriov_at = find_sriov();
	ASSERT_NE(sriov_at, 0);
	wr(PF, sriov_at + 0x24, 0xf0000000);
	wr(PF, sriov_at + 0x2c, 0xf1000000);
	wr(PF, sriov_at + 0x10, count);
	wr(PF, sriov_at + 8, 1 | 1 << 3);
}

TEST(EpFunctions, VfsComeWithVfEnableAndGoWithoutIt)
{
	setup();
	for (unsigned i = 0; i < VFS; i++)
		EXPECT_FALSE(tlpb_ep_has_function(pair.ep, vf(i)));
	enable_vfs(3);
	EXPECT_EQ(told.vfs_calls, 1);
	EXPECT_EQ(told.vfs_function, PF);
	EXPECT_EQ(told.vfs, 3);
	for (unsigned i = 0; i < VFS; i++) {
		EXPECT_EQ(tlpb_ep_has_function(pair.ep, vf(i)), i < 3);
		EXPECT_EQ(wr(vf(i), COMMAND, 4), i < 3 ? 0 : TLPB_ERR_UNSUPPORTED);
		EXPECT_EQ(rd(vf(i), COMMAND), i < 3 ? 0x00100004 : 0xffffffff);
		EXPECT_EQ(rd(vf(i), 0), 0xffffffff);
	}
	EXPECT_EQ(rd(PF, sriov_at + 0x14) & 0xffff, VF_OFFSET);
	EXPECT_EQ(rd(PF, sriov_at + 0x14) >> 16, VF_STRIDE);
	wr(PF, sriov_at + 8, 0);
	EXPECT_EQ(told.vfs_calls, 2);
	EXPECT_EQ(told.vfs, 0);
	EXPECT_EQ(told.resets[vf(0)], 1);
	EXPECT_EQ(told.resets[vf(3)], 0);
	EXPECT_EQ(wr(vf(0), COMMAND, 4), TLPB_ERR_UNSUPPORTED);
	wr(PF, sriov_at + 8, 1);
	EXPECT_EQ(rd(vf(0), COMMAND) & 4, 0);	/* it begins anew */
	pair_close();
}

TEST(EpFunctions, AVfsMemoryIsReachedByVfMemoryEnable)
{
	setup();
	enable_vfs(VFS);
	for (unsigned i = 0; i < VFS; i++) {
		EXPECT_EQ(mem(0xf0000000 + 8192 * i + 0x1004), 0x1000 * vf(i) + 0x1004);
		EXPECT_EQ(told.function, vf(i));
		EXPECT_EQ(told.region, 0);
	}
	EXPECT_EQ(mem(0xf0000000 + 8192 * VFS), 0xffffffff);
	wr(PF, sriov_at + 8, 1);
	EXPECT_EQ(mem(0xf0000000), 0xffffffff);
	pair_close();
}

TEST(EpFunctions, AVfHasItsOwnMsixDmaAndBusMasterEnable)
{
	struct tlpb_dma_attr attr = { .function = VF_OFFSET + VF_STRIDE };
	uint8_t data[16] = "from a vf";
	struct dma dma = dma_of(&attr, data, sizeof data, true);

	setup();
	enable_vfs(2);
	set_vector(0xf1001000, 0, 0x70);
	EXPECT_EQ(msix(vf(1), 0), TLPB_IRQ_DISABLED);
	wr(vf(1), MSIX, 1u << 31);
	EXPECT_EQ(msix(vf(1), 0), TLPB_IRQ_BUS_MASTER_OFF);
	pair_dma_run(&dma);
	EXPECT_EQ(dma.started, TLPB_ERR_BUS_MASTER_OFF);
	wr(vf(1), COMMAND, 4);
	EXPECT_EQ(msix(vf(1), 0), TLPB_IRQ_SENT);
	ASSERT_EQ(pair.host.msis, 1);
	EXPECT_EQ(pair.host.msi[0].data, 0x70);
	EXPECT_EQ(msix(vf(0), 0), TLPB_IRQ_DISABLED);
	EXPECT_EQ(msix(vf(2), 0), TLPB_IRQ_NO_VECTOR);
	pair_dma_run(&dma);
	EXPECT_EQ(dma.err, 0);
	EXPECT_EQ(pair.host.requester_id, DEVICE | vf(1));
	EXPECT_MEMEQ(pair.host.ram, data, sizeof data);
	pair_close();
}

TEST(EpFunctions, AVfIsResetAloneAndWithItsPf)
{
	setup();
	enable_vfs(2);
	wr(vf(0), COMMAND, 4);
	wr(vf(1), COMMAND, 4);
	wr(vf(1), DEVCTL, 1 << 15);
	EXPECT_EQ(told.resets[vf(1)], 1);
	EXPECT_EQ(told.kind[vf(1)], TLPB_RESET_FLR);
	EXPECT_EQ(told.resets[vf(0)], 0);
	EXPECT_EQ(rd(vf(1), COMMAND) & 4, 0);
	EXPECT_EQ(rd(vf(0), COMMAND) & 4, 4);
	wr(PF, DEVCTL, 1 << 15);		/* VF Enable is cleared */
	EXPECT_EQ(told.resets[vf(0)], 1);
	EXPECT_EQ(told.vfs, 0);
	EXPECT_EQ(wr(vf(0), COMMAND, 4), TLPB_ERR_UNSUPPORTED);
	pair_close();
}

TEST(EpFunctions, ALostHostTakesTheVfsAway)
{
	char why[256];

	setup();
	enable_vfs(2);
	pair_kill_host();
	EXPECT_FALSE(tlpb_ep_has_function(pair.ep, vf(0)));
	EXPECT_EQ(told.resets[vf(0)], 1);
	EXPECT_EQ(told.vfs, 0);
	EXPECT_EQ(pair_connect(why, sizeof why), 0);
	EXPECT_EQ(rd(PF, sriov_at + 8) & 1, 0);
	pair_close();
}
