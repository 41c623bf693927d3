/* SPDX-License-Identifier: MIT */
/* Interrupts of an endpoint as the host gets them. */
#include "bytes.h"
#include "gtest.h"
#include "pair.h"

enum {
	COMMAND = 4, MEMORY_AND_MASTER = 6, INTX_DISABLE = 1 << 10,
	PM_CONTROL = 0x44,
	MSI = 0x50, MSI_CONTROL = MSI + 2, MSI_MASK = MSI + 16, MSI_PENDING = MSI + 20,
	MSIX_CONTROL = 0xb2, MSIX_ENABLE = 1 << 15, FUNCTION_MASK = 1 << 14,
	TABLE = 0x10000, PBA = 0x18000,
};

static void config_write(unsigned offset, unsigned size, uint32_t value)
{
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, offset, size, value), 0);
}

static uint32_t config_read(unsigned offset, unsigned size)
{
	uint32_t value = 0;

	EXPECT_EQ(tlpb_rc_config_read(pair.rc, PAIR_BDF, offset, size, &value), 0);
	return value;
}

struct raise {
	enum tlpb_irq_result (*how)(tlpb_ep *ep, unsigned vector);
	unsigned vector;
	enum tlpb_irq_result result;
};

static void do_raise(void *arg)
{
	struct raise *r = arg;

	r->result = r->how(pair.ep, r->vector);
}

static enum tlpb_irq_result raise(enum tlpb_irq_result (*how)(tlpb_ep *, unsigned), unsigned vector)
{
	struct raise r = { how, vector, TLPB_IRQ_NO_LINK };

	pair_on_ep(do_raise, &r);
	if (pair.rc)
		pair_settle();
	return r.result;
}

static enum tlpb_irq_result msi(unsigned vector) { return raise(tlpb_ep_msi, vector); }
static enum tlpb_irq_result msix(unsigned vector) { return raise(tlpb_ep_msix, vector); }

static enum tlpb_irq_result set_line(tlpb_ep *ep, unsigned level)
{
	return tlpb_ep_intx(ep, level);
}

static enum tlpb_irq_result intx(bool level) { return raise(set_line, level); }

static void setup(void)
{
	pair_open(NULL);
	pair_enumerate();
}

static void expect_message(unsigned n, uint64_t addr, uint32_t data)
{
	ASSERT_GT(pair.host.msis, n);
	EXPECT_EQ(pair.host.msi[n].addr, addr);
	EXPECT_EQ(pair.host.msi[n].data, data);
}

/* ---- MSI ---- */

static void setup_msi(unsigned vectors_log2)
{
	setup();
	config_write(MSI + 4, 4, MSI_BASE | 0x4);
	config_write(MSI + 8, 4, 0);
	config_write(MSI + 12, 2, 0x4100);
	config_write(MSI_CONTROL, 2, vectors_log2 << 4 | 1);
}

TEST(Msi, EachVectorHasItsData)
{
	setup_msi(5);
	for (unsigned v = 0; v < 32; v++) {
		EXPECT_EQ(msi(v), TLPB_IRQ_SENT);
		expect_message(v, MSI_BASE | 4, 0x4100 + v);
	}
	EXPECT_EQ(msi(32), TLPB_IRQ_NO_VECTOR);
	EXPECT_EQ(pair.host.msis, 32);
	pair_close();
}

TEST(Msi, VectorsThatWereNotGrantedAreRefused)
{
	setup_msi(2);
	EXPECT_EQ(msi(3), TLPB_IRQ_SENT);
	EXPECT_EQ(msi(4), TLPB_IRQ_NO_VECTOR);
	pair_close();
}

TEST(Msi, DisabledIsSaid)
{
	setup();
	EXPECT_EQ(msi(0), TLPB_IRQ_DISABLED);
	EXPECT_EQ(pair.host.msis, 0);
	pair_close();
}

TEST(Msi, AMaskedVectorPendsAndIsSentOnceWhenUnmasked)
{
	setup_msi(3);
	config_write(MSI_MASK, 4, 0x24);
	EXPECT_EQ(msi(2), TLPB_IRQ_MASKED);
	EXPECT_EQ(msi(2), TLPB_IRQ_MERGED);
	EXPECT_EQ(msi(5), TLPB_IRQ_MASKED);
	EXPECT_EQ(msi(3), TLPB_IRQ_SENT);
	EXPECT_EQ(pair.host.msis, 1);
	EXPECT_EQ(config_read(MSI_PENDING, 4), 0x24);
	config_write(MSI_MASK, 4, 0x20);
	EXPECT_EQ(pair.host.msis, 2);
	expect_message(1, MSI_BASE | 4, 0x4102);
	EXPECT_EQ(config_read(MSI_PENDING, 4), 0x20);
	config_write(MSI_MASK, 4, 0);
	config_write(MSI_MASK, 4, 0x20);
	config_write(MSI_MASK, 4, 0);
	EXPECT_EQ(pair.host.msis, 3);
	EXPECT_EQ(config_read(MSI_PENDING, 4), 0);
	pair_close();
}

TEST(Msi, NeedsBusMasterEnable)
{
	setup_msi(0);
	config_write(COMMAND, 2, 2);
	EXPECT_EQ(msi(0), TLPB_IRQ_BUS_MASTER_OFF);
	config_write(MSI_MASK, 4, 1);
	EXPECT_EQ(msi(0), TLPB_IRQ_MASKED);
	config_write(MSI_MASK, 4, 0);
	EXPECT_EQ(pair.host.msis, 0);		/* still pending */
	EXPECT_EQ(config_read(MSI_PENDING, 4), 1);
	config_write(COMMAND, 2, MEMORY_AND_MASTER);
	EXPECT_EQ(pair.host.msis, 1);
	pair_close();
}

TEST(Msi, GoesToA64BitAddress)
{
	setup_msi(0);
	config_write(MSI + 4, 4, HOST_RAM_BASE + 0x40);
	config_write(MSI + 8, 4, HOST_RAM_HIGH);
	EXPECT_EQ(msi(0), TLPB_IRQ_SENT);
	EXPECT_EQ(get_le32(pair.host.ram + 0x40), 0x4100);
	pair_close();
}

/* ---- MSI-X ---- */

static uint64_t entry(unsigned vector)
{
	return pair.bar[0].addr + TABLE + 16 * vector;
}

static void write32(uint64_t addr, uint32_t value)
{
	uint8_t dw[4];

	put_le32(dw, value);
	ASSERT_EQ(tlpb_rc_mem_write(pair.rc, addr, dw, 4), 0);
}

static bool pba_bit(unsigned vector)
{
	uint8_t bits[8];

	EXPECT_EQ(tlpb_rc_mem_read(pair.rc, pair.bar[0].addr + PBA + vector / 64 * 8, bits, 8), 0);
	return get_le64(bits) >> vector % 64 & 1;
}

static void program(unsigned vector, bool masked)
{
	write32(entry(vector), (uint32_t)(MSI_BASE + 16 * vector));
	write32(entry(vector) + 4, 0);
	write32(entry(vector) + 8, 0x10000 + vector);
	write32(entry(vector) + 12, masked);
}

static void setup_msix(void)
{
	setup();
	config_write(MSIX_CONTROL, 2, MSIX_ENABLE);
}

TEST(MsixInterrupt, EachOf2048VectorsHasItsAddressAndData)
{
	setup_msix();
	for (unsigned v = 0; v < 2048; v++)
		program(v, false);
	for (unsigned v = 0; v < 2048; v++) {
		EXPECT_EQ(msix(v), TLPB_IRQ_SENT);
		expect_message(v, MSI_BASE + 16 * v, 0x10000 + v);
	}
	EXPECT_EQ(msix(2048), TLPB_IRQ_NO_VECTOR);
	EXPECT_EQ(pair.host.msis, 2048);
	pair_close();
}

TEST(MsixInterrupt, DisabledIsSaid)
{
	setup();
	program(0, false);
	EXPECT_EQ(msix(0), TLPB_IRQ_DISABLED);
	pair_close();
}

TEST(MsixInterrupt, AMaskedVectorPendsAndIsSentOnceWhenUnmasked)
{
	setup_msix();
	program(70, true);
	EXPECT_EQ(msix(70), TLPB_IRQ_MASKED);
	EXPECT_EQ(msix(70), TLPB_IRQ_MERGED);
	EXPECT_TRUE(pba_bit(70));
	EXPECT_EQ(pair.host.msis, 0);
	write32(entry(70) + 12, 0);
	pair_settle();
	EXPECT_EQ(pair.host.msis, 1);
	expect_message(0, MSI_BASE + 16 * 70, 0x10000 + 70);
	EXPECT_FALSE(pba_bit(70));
	write32(entry(70) + 12, 1);
	write32(entry(70) + 12, 0);
	pair_settle();
	EXPECT_EQ(pair.host.msis, 1);
	pair_close();
}

TEST(MsixInterrupt, TheMessageIsWhatTheTableSaysWhenItIsSent)
{
	setup_msix();
	program(3, true);
	EXPECT_EQ(msix(3), TLPB_IRQ_MASKED);
	write32(entry(3) + 8, 0xabcd);
	write32(entry(3) + 12, 0);
	pair_settle();
	expect_message(0, MSI_BASE + 48, 0xabcd);
	pair_close();
}

TEST(MsixInterrupt, TheFunctionMaskHoldsAllVectors)
{
	setup_msix();
	program(0, false);
	program(1, false);
	program(2, true);
	config_write(MSIX_CONTROL, 2, MSIX_ENABLE | FUNCTION_MASK);
	for (unsigned v = 0; v < 3; v++)
		EXPECT_EQ(msix(v), TLPB_IRQ_MASKED);
	EXPECT_TRUE(pba_bit(0));
	config_write(MSIX_CONTROL, 2, MSIX_ENABLE);
	pair_settle();		/* the completion of a configuration write may pass them */
	EXPECT_EQ(pair.host.msis, 2);
	EXPECT_FALSE(pba_bit(0));
	EXPECT_TRUE(pba_bit(2));
	pair_close();
}

/* A function in D3hot sends nothing but power management events (5.3.1.4). */
TEST(MsixInterrupt, IsNotSentInD3hotAndWhatPendsComesInD0)
{
	setup_msix();
	program(0, true);
	program(1, false);
	EXPECT_EQ(msix(0), TLPB_IRQ_MASKED);
	write32(entry(0) + 12, 0);
	pair_settle();
	EXPECT_EQ(pair.host.msis, 1);
	config_write(MSIX_CONTROL, 2, MSIX_ENABLE | FUNCTION_MASK);
	config_write(PM_CONTROL, 2, 3);
	EXPECT_EQ(msix(1), TLPB_IRQ_MASKED);
	config_write(MSIX_CONTROL, 2, MSIX_ENABLE);
	EXPECT_EQ(msix(0), TLPB_IRQ_BUS_MASTER_OFF);
	EXPECT_EQ(pair.host.msis, 1);
	config_write(PM_CONTROL, 2, 0);
	EXPECT_EQ(pair.host.msis, 2);
	expect_message(1, MSI_BASE + 16, 0x10000 + 1);
	pair_close();
}

TEST(Msi, IsNotSentInD3hotAndWhatPendsComesInD0)
{
	setup_msi(2);
	config_write(MSI_MASK, 4, 2);
	config_write(PM_CONTROL, 2, 3);
	EXPECT_EQ(msi(0), TLPB_IRQ_BUS_MASTER_OFF);
	EXPECT_EQ(msi(1), TLPB_IRQ_MASKED);
	config_write(MSI_MASK, 4, 0);
	EXPECT_EQ(pair.host.msis, 0);
	config_write(PM_CONTROL, 2, 0);
	EXPECT_EQ(pair.host.msis, 1);
	pair_close();
}

TEST(MsixInterrupt, NeedsBusMasterEnable)
{
	setup_msix();
	program(0, true);
	EXPECT_EQ(msix(0), TLPB_IRQ_MASKED);
	config_write(COMMAND, 2, 2);
	write32(entry(0) + 12, 0);
	pair_settle();
	EXPECT_EQ(msix(0), TLPB_IRQ_BUS_MASTER_OFF);
	EXPECT_EQ(pair.host.msis, 0);
	config_write(COMMAND, 2, MEMORY_AND_MASTER);
	EXPECT_EQ(pair.host.msis, 1);
	pair_close();
}

/* ---- INTx ---- */

static void expect_line(bool level, unsigned changes)
{
	EXPECT_EQ(pair.host.intx[0], level);
	EXPECT_EQ(pair.host.intx_changes, changes);
}

static bool status_bit(void)
{
	return config_read(6, 2) >> 3 & 1;
}

TEST(Intx, TheLineIsAssertedAndDeassertedOnceEach)
{
	setup();
	EXPECT_EQ(intx(true), TLPB_IRQ_SENT);
	expect_line(true, 1);
	EXPECT_TRUE(status_bit());
	EXPECT_EQ(intx(true), TLPB_IRQ_MERGED);
	expect_line(true, 1);
	EXPECT_EQ(intx(false), TLPB_IRQ_SENT);
	expect_line(false, 2);
	EXPECT_FALSE(status_bit());
	pair_close();
}

TEST(Intx, InterruptDisableDeassertsButTheStatusBitStays)
{
	setup();
	intx(true);
	config_write(COMMAND, 2, MEMORY_AND_MASTER | INTX_DISABLE);
	expect_line(false, 2);
	EXPECT_TRUE(status_bit());
	config_write(COMMAND, 2, MEMORY_AND_MASTER);
	expect_line(true, 3);
	pair_close();
}

TEST(Intx, WhileDisabledALevelOnlyShowsInStatus)
{
	setup();
	config_write(COMMAND, 2, MEMORY_AND_MASTER | INTX_DISABLE);
	EXPECT_EQ(intx(true), TLPB_IRQ_DISABLED);
	expect_line(false, 0);
	EXPECT_TRUE(status_bit());
	EXPECT_EQ(intx(false), TLPB_IRQ_SENT);
	EXPECT_FALSE(status_bit());
	expect_line(false, 0);
	pair_close();
}

TEST(Intx, MsiAndMsixSilenceTheLine)
{
	setup();
	intx(true);
	config_write(MSI_CONTROL, 2, 1);
	expect_line(false, 2);
	config_write(MSI_CONTROL, 2, 0);
	expect_line(true, 3);
	config_write(MSIX_CONTROL, 2, MSIX_ENABLE);
	expect_line(false, 4);
	EXPECT_EQ(intx(true), TLPB_IRQ_DISABLED);
	config_write(MSIX_CONTROL, 2, 0);
	expect_line(true, 5);
	pair_close();
}

TEST(Intx, NeedsNoBusMasterEnable)
{
	setup();
	config_write(COMMAND, 2, 0);
	EXPECT_EQ(intx(true), TLPB_IRQ_SENT);
	expect_line(true, 1);
	pair_close();
}

TEST(Intx, EachPinHasItsMessages)
{
	for (uint8_t pin = 1; pin <= 4; pin++) {
		struct tlpb_device device = pair_device();

		device.intx_pin = pin;
		pair_open(&(struct pair_options){ .device = &device });
		intx(true);
		EXPECT_TRUE(pair.host.intx[pin - 1]);
		intx(false);
		EXPECT_FALSE(pair.host.intx[pin - 1]);
		EXPECT_EQ(pair.host.intx_changes, 2);
		pair_close();
	}
}

TEST(Intx, ADeviceWithoutPinHasNone)
{
	struct tlpb_device device = pair_device();

	device.intx_pin = 0;
	pair_open(&(struct pair_options){ .device = &device });
	EXPECT_EQ(intx(true), TLPB_IRQ_NO_VECTOR);
	pair_close();
}

TEST(Intx, ACauseThatWentAwayWhileDisabledIsNotAssertedLater)
{
	setup();
	intx(true);
	config_write(COMMAND, 2, MEMORY_AND_MASTER | INTX_DISABLE);
	expect_line(false, 2);
	EXPECT_EQ(intx(true), TLPB_IRQ_DISABLED);	/* pending still; not told again */
	EXPECT_EQ(intx(false), TLPB_IRQ_SENT);
	config_write(COMMAND, 2, MEMORY_AND_MASTER);
	expect_line(false, 2);
	pair_close();
}

TEST(Intx, ACauseThatCameWhileDisabledIsAssertedWhenEnabled)
{
	setup();
	config_write(COMMAND, 2, MEMORY_AND_MASTER | INTX_DISABLE);
	EXPECT_EQ(intx(true), TLPB_IRQ_DISABLED);
	expect_line(false, 0);
	config_write(COMMAND, 2, MEMORY_AND_MASTER);
	expect_line(true, 1);
	EXPECT_EQ(intx(true), TLPB_IRQ_MERGED);
	expect_line(true, 1);
	pair_close();
}

/* ---- EOI: only a host that can know it tells ---- */

TEST(Eoi, IsReportedToTheModelOncePerInterrupt)
{
	setup();
	for (unsigned i = 1; i <= 3; i++) {
		intx(true);
		intx(false);
		EXPECT_EQ(tlpb_rc_eoi(pair.rc, 0), 0);
		pair_settle();
		EXPECT_EQ(pair.model.eois, i);
	}
	pair_close();
}

TEST(Eoi, OfAnotherPinIsNotOurs)
{
	setup();
	for (unsigned pin = 1; pin < 4; pin++)
		EXPECT_EQ(tlpb_rc_eoi(pair.rc, pin), 0);
	EXPECT_EQ(tlpb_rc_eoi(pair.rc, 4), TLPB_ERR_INVALID);
	pair_settle();
	EXPECT_EQ(pair.model.eois, 0);
	EXPECT_TRUE(tlpb_rc_is_up(pair.rc));
	pair_close();
}

TEST(Eoi, WithoutLinkIsRefused)
{
	setup();
	pair_kill_link();
	while (!tlpb_rc_process(pair.rc))
		;
	EXPECT_EQ(tlpb_rc_eoi(pair.rc, 0), TLPB_ERR_CLOSED);
	EXPECT_EQ(pair.model.eois, 0);
	pair_close();
}

/* ---- others ---- */

TEST(Interrupts, WithoutAHostTheyAreRefused)
{
	setup_msix();
	pair_disconnect();
	EXPECT_EQ(msi(0), TLPB_IRQ_NO_LINK);
	EXPECT_EQ(msix(0), TLPB_IRQ_NO_LINK);
	EXPECT_EQ(intx(true), TLPB_IRQ_NO_LINK);
	pair_close();
}

static void send_pme(void *arg)
{
	struct tlpb_tlp msg = { .kind = TLPB_MSG, .hdr_4dw = true, .routing = TLPB_ROUTE_TO_ROOT,
				.message_code = TLPB_MSG_PM_PME };

	EXPECT_EQ(tlpb_ep_message(pair.ep, &msg), 0);
}

TEST(Messages, GoBothWays)
{
	struct tlpb_tlp turn_off = { .kind = TLPB_MSG, .hdr_4dw = true,
				     .routing = TLPB_ROUTE_BROADCAST,
				     .message_code = TLPB_MSG_PME_TURN_OFF };

	setup();
	pair_on_ep(send_pme, NULL);
	EXPECT_EQ(tlpb_rc_message(pair.rc, &turn_off), 0);
	pair_settle();
	EXPECT_EQ(pair.host.messages, 2);	/* PME_TO_Ack is the second */
	EXPECT_EQ(pair.host.message_code, TLPB_MSG_PME_TO_ACK);
	EXPECT_EQ(pair.model.messages, 1);
	EXPECT_EQ(pair.host.intx_changes, 0);
	pair_close();
}
