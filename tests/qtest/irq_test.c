/* SPDX-License-Identifier: MIT */
/* Interrupts: MSI and MSI-X seen as the memory writes that they are, INTx at the I/O APIC. */
#include "machine.h"

enum {
	SRC = 0x100000, DST = 0x200000,
	MAILBOX = 0x300000,		/* RAM that plays the interrupt controller */
	MSIX_ENABLE = 1 << 15,
	MSI_ENABLE = 1 << 0,
};

static void enable_msi(uint64_t addr, uint16_t value)
{
	unsigned at = qtest_find_capability(m.q, EP, CAP_MSI);

	ASSERT_NE(at, 0u);
	qtest_ecam_write(m.q, EP, at + 4, 4, (uint32_t)addr);
	qtest_ecam_write(m.q, EP, at + 8, 4, (uint32_t)(addr >> 32));
	qtest_ecam_write(m.q, EP, at + 12, 2, value);
	qtest_ecam_write(m.q, EP, at + 2, 2, MSI_ENABLE);
}

static void enable_msix(void)
{
	unsigned at = qtest_find_capability(m.q, EP, CAP_MSIX);

	ASSERT_NE(at, 0u);
	qtest_ecam_write(m.q, EP, at + 2, 2, MSIX_ENABLE);
}

static void set_vector(unsigned vector, uint64_t addr, uint32_t value, bool masked)
{
	reg_write64(MSIX_TABLE + 16 * vector, addr);
	reg_write(MSIX_TABLE + 16 * vector + 8, value);
	reg_write(MSIX_TABLE + 16 * vector + 12, masked);
}

/* Vectors count from 1 here. */
static void interrupt(uint32_t command, uint32_t vector)
{
	reg_write(REG_IRQ_NUMBER, vector);
	reg_write(REG_COMMAND, command);
}

TEST(Msi, IsAMemoryWrite)
{
	machine_start(ALL_KINDS, "");
	qtest_write(m.q, MAILBOX, 8, UINT64_MAX);
	enable_msi(MAILBOX, 0xabcd);
	interrupt(RAISE_MSI, 1);
	wait_memory(MAILBOX, 0x0000abcd);
	EXPECT_EQ(qtest_read(m.q, MAILBOX + 4, 4), 0xffffffffu);
	EXPECT_EQ(wait_status(IRQ_RAISED), IRQ_RAISED);
	machine_stop();
}

TEST(Msi, IsNotSentWhileDisabled)
{
	machine_start(ALL_KINDS, "");
	interrupt(RAISE_MSI, 1);
	reg_write64(REG_SRC, SRC);
	EXPECT_EQ(run_command(DO_COPY, SRC, DST, 4) & COPY_SUCCESS, COPY_SUCCESS);
	EXPECT_EQ(qtest_read(m.q, MAILBOX, 4), 0u);
	machine_stop();
}

TEST(Msix, EachVectorHasItsOwnMessage)
{
	machine_start(ALL_KINDS, "");
	enable_msix();
	set_vector(0, MAILBOX, 0x1000, false);
	set_vector(2047, MAILBOX + 4, 0x12345678, false);
	interrupt(RAISE_MSIX, 1);
	wait_memory(MAILBOX, 0x1000);
	interrupt(RAISE_MSIX, 2048);
	wait_memory(MAILBOX + 4, 0x12345678);
	machine_stop();
}

TEST(Msix, MaskedVectorIsSentWhenUnmasked)
{
	machine_start(ALL_KINDS, "");
	enable_msix();
	set_vector(5, MAILBOX, 0x55, true);
	interrupt(RAISE_MSIX, 6);
	wait_status(IRQ_RAISED);
	EXPECT_EQ(reg_read(MSIX_PBA), 1u << 5);
	EXPECT_EQ(qtest_read(m.q, MAILBOX, 4), 0u);
	set_vector(5, MAILBOX, 0x55, false);
	wait_memory(MAILBOX, 0x55);
	EXPECT_EQ(reg_read(MSIX_PBA), 0u);
	machine_stop();
}

TEST(Intx, LineFollowsTheDevice)
{
	machine_start(ALL_KINDS, "");
	qtest_watch_irqs(m.q);
	interrupt(RAISE_INTX, 0);
	ASSERT_TRUE(qtest_wait_irq(m.q, true, PROCESS_PATIENCE_MS));
	EXPECT_EQ(reg_read(REG_STATUS), IRQ_RAISED);
	EXPECT_NE(qtest_ecam_read(m.q, EP, 0x06, 2) & 1 << 3, 0u);	/* Interrupt Status */
	reg_write(REG_STATUS, 0);
	ASSERT_TRUE(qtest_wait_irq(m.q, false, PROCESS_PATIENCE_MS));
	interrupt(RAISE_INTX, 0);
	ASSERT_TRUE(qtest_wait_irq(m.q, true, PROCESS_PATIENCE_MS));
	machine_stop();
}

TEST(Intx, InterruptDisableHoldsTheLineDown)
{
	machine_start(ALL_KINDS, "");
	qtest_watch_irqs(m.q);
	interrupt(RAISE_INTX, 0);
	ASSERT_TRUE(qtest_wait_irq(m.q, true, PROCESS_PATIENCE_MS));
	qtest_ecam_write(m.q, EP, 0x04, 2, COMMAND_MEMORY | COMMAND_MASTER | COMMAND_INTX_DISABLE);
	ASSERT_TRUE(qtest_wait_irq(m.q, false, PROCESS_PATIENCE_MS));
	qtest_ecam_write(m.q, EP, 0x04, 2, COMMAND_MEMORY | COMMAND_MASTER);
	ASSERT_TRUE(qtest_wait_irq(m.q, true, PROCESS_PATIENCE_MS));
	machine_stop();
}

TEST(Intx, ResetReleasesTheLine)
{
	machine_start(ALL_KINDS, "");
	qtest_watch_irqs(m.q);
	interrupt(RAISE_INTX, 0);
	ASSERT_TRUE(qtest_wait_irq(m.q, true, PROCESS_PATIENCE_MS));
	qtest_ecam_write(m.q, ROOT_PORT(0), 0x3e, 2, 1 << 6);	/* Secondary Bus Reset */
	ASSERT_TRUE(qtest_wait_irq(m.q, false, PROCESS_PATIENCE_MS));
	machine_stop();
}

TEST(Intx, LostServerReleasesTheLine)
{
	machine_start(ALL_KINDS, "");
	qtest_watch_irqs(m.q);
	interrupt(RAISE_INTX, 0);
	ASSERT_TRUE(qtest_wait_irq(m.q, true, PROCESS_PATIENCE_MS));
	process_kill(m.server, SIGKILL);
	ASSERT_TRUE(qtest_wait_irq(m.q, false, PROCESS_PATIENCE_MS));
	qtest_stop(m.q);
}

/*
 * A read that completes only after a DMA read, a DMA write and an MSI-X: the side that
 * waits must serve them. Bridges that do not stop here.
 */
TEST(ReadWithEffects, CompletesAfterDmaAndInterrupt)
{
	uint8_t data[512], seen[512];

	machine_start(ALL_KINDS, "");
	enable_msix();
	reg_write64(REG_SRC, SRC);
	reg_write64(REG_DST, DST);
	reg_write(REG_SIZE, sizeof data);
	reg_write(REG_IRQ_NUMBER, 3);
	for (uint32_t i = 1; i <= 300; i++) {
		fill(data, sizeof data, i);
		qtest_write_bytes(m.q, SRC, data, sizeof data);
		set_vector(2, MAILBOX, i, false);
		ASSERT_EQ(reg_read(REG_READ_EFFECT), i);
		/* All of it came before the completion. */
		ASSERT_EQ(qtest_read(m.q, MAILBOX, 4), i);
		qtest_read_bytes(m.q, DST, seen, sizeof seen);
		ASSERT_MEMEQ(seen, data, sizeof data);
	}
	machine_stop();
}
