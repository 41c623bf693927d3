/* SPDX-License-Identifier: MIT */
/* Config space of the endpoint as a guest of the stock QEMU sees it. */
#include "machine.h"

TEST(Config, IdsAreThereThroughPortsAndEcam)
{
	machine_start(ALL_KINDS, "");
	EXPECT_EQ(qtest_config_read(m.q, EP, 0x00, 4), 0xb500104cu);
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0x00, 4), 0xb500104cu);
	EXPECT_EQ(qtest_config_read(m.q, EP, 0x0b, 1), 0xffu);	/* base class */
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0x3d, 1), 1u);		/* INTA */
	machine_stop();
}

TEST(Config, ReadsOfAllSizesAgree)
{
	machine_start(ALL_KINDS, "");
	for (unsigned offset = 0; offset < 0x100; offset += 4) {
		uint32_t dw = qtest_ecam_read(m.q, EP, offset, 4);

		EXPECT_EQ(qtest_config_read(m.q, EP, offset, 4), dw);
		for (unsigned i = 0; i < 4; i += 2)
			EXPECT_EQ(qtest_config_read(m.q, EP, offset + i, 2), dw >> 8 * i & 0xffff);
		for (unsigned i = 0; i < 4; i++)
			EXPECT_EQ(qtest_ecam_read(m.q, EP, offset + i, 1), dw >> 8 * i & 0xff);
	}
	machine_stop();
}

TEST(Config, WritesChangeTheBytesTheyName)
{
	machine_start(ALL_KINDS, "");
	qtest_config_write(m.q, EP, 0x3c, 1, 0x5a);		/* Interrupt Line */
	qtest_ecam_write(m.q, EP, 0x0c, 1, 0x10);		/* Cache Line Size */
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0x3c, 4) & 0xffff, 0x015au);
	EXPECT_EQ(qtest_config_read(m.q, EP, 0x0c, 4), 0x10u);
	qtest_config_write(m.q, EP, 0x04, 2, COMMAND_MEMORY | COMMAND_INTX_DISABLE);
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0x04, 2), 0x402u);
	qtest_ecam_write(m.q, EP, 0x05, 1, 0);
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0x04, 2), 0x002u);
	machine_stop();
}

TEST(Config, ReadOnlyBytesStay)
{
	machine_start(ALL_KINDS, "");
	qtest_ecam_write(m.q, EP, 0x00, 4, 0x12345678);
	qtest_ecam_write(m.q, EP, 0x3d, 1, 4);
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0x00, 4), 0xb500104cu);
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0x3d, 1), 1u);
	machine_stop();
}

/* Port 0xcf8 with low address bits set makes QEMU ask for four bytes at offset 2. */
TEST(Config, AccessesAcrossDoublewordsAreSplit)
{
	machine_start(ALL_KINDS, "");
	qtest_out(m.q, 0xcf8, 4, 1u << 31 | EP << 8 | 2);
	EXPECT_EQ(qtest_in(m.q, 0xcfc, 4) & 0xffff, 0xb500u);
	EXPECT_EQ(qtest_in(m.q, 0xcfc, 4) >> 16, qtest_ecam_read(m.q, EP, 0x04, 2));
	qtest_out(m.q, 0xcf8, 4, 1u << 31 | EP << 8 | 0x3b);
	qtest_out(m.q, 0xcfc, 2, 0x7700);
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0x3c, 1), 0x77u);
	machine_stop();
}

TEST(Config, ExtendedSpaceIsReachedThroughEcam)
{
	machine_start(ALL_KINDS, "");
	EXPECT_NE(qtest_ecam_read(m.q, EP, 0x100, 4), 0xffffffffu);
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0xffc, 4), 0u);
	EXPECT_EQ(qtest_ecam_read(m.q, EP, 0xfff, 1), 0u);
	machine_stop();
}

TEST(Config, NothingAnswersForOtherFunctions)
{
	machine_start(ALL_KINDS, "");
	EXPECT_EQ(qtest_ecam_read(m.q, EP + 1, 0x00, 4), 0xffffffffu);
	EXPECT_EQ(qtest_config_read(m.q, EP + 8, 0x00, 4), 0xffffffffu);
	machine_stop();
}

TEST(Config, CapabilitiesAreThoseOfTheEndpoint)
{
	machine_start(ALL_KINDS, "");
	EXPECT_NE(qtest_find_capability(m.q, EP, CAP_MSI), 0u);
	EXPECT_NE(qtest_find_capability(m.q, EP, CAP_MSIX), 0u);
	EXPECT_NE(qtest_find_capability(m.q, EP, CAP_EXPRESS), 0u);
	machine_stop();
}

TEST(Config, RootPortMirrorsTheLinkStatus)
{
	unsigned port, device;

	machine_start(ALL_KINDS, "");
	port = qtest_find_capability(m.q, ROOT_PORT(0), CAP_EXPRESS);
	device = qtest_find_capability(m.q, EP, CAP_EXPRESS);
	ASSERT_NE(port, 0u);
	ASSERT_NE(device, 0u);
	EXPECT_EQ(qtest_ecam_read(m.q, ROOT_PORT(0), port + 0x12, 2) & 0x3ff,
		  qtest_ecam_read(m.q, EP, device + 0x12, 2) & 0x3ff);
	machine_stop();
}

TEST(Config, BarsOfAllKindsAreSized)
{
	machine_start(ALL_KINDS, "");
	EXPECT_EQ(m.bar[0].size, 0x10000u);
	EXPECT_FALSE(m.bar[0].io || m.bar[0].is_64bit || m.bar[0].prefetch);
	EXPECT_EQ(m.bar[1].size, 0x100u);
	EXPECT_TRUE(m.bar[1].io);
	EXPECT_EQ(m.bar[2].size, 0x100000u);
	EXPECT_TRUE(m.bar[2].is_64bit && m.bar[2].prefetch);
	EXPECT_EQ(m.bar[4].size, 0x10000u);
	EXPECT_TRUE(m.bar[4].is_64bit && !m.bar[4].prefetch);
	machine_stop();
}

TEST(Config, PrefetchableAndSmallBarsAreSized)
{
	machine_start("0:mem32:64K,1:pref32:64K,2:io:4,3:mem32:16,4:pref64:8G", "");
	EXPECT_EQ(m.bar[1].size, 0x10000u);
	EXPECT_TRUE(m.bar[1].prefetch && !m.bar[1].is_64bit);
	EXPECT_TRUE(m.bar[2].io);
	EXPECT_EQ(m.bar[2].size, 4u);
	EXPECT_EQ(m.bar[3].size, 16u);
	EXPECT_EQ(m.bar[4].size, 8ull << 30);
	machine_stop();
}
