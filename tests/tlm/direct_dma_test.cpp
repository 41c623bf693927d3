// SPDX-License-Identifier: MIT
/*
 * Direct DMA of a TLM model: by b_transport() into memory that the host has granted, and by pointer. The memory is
 * nowhere else in the host's address space: a TLP to it would fail.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "host_bench.h"

namespace {

using sc_core::sc_time;
using tlm::tlm_generic_payload;

enum : uint64_t { base = 0x10000000, size = 256 * 1024, page = 4096 };

class shared_ram {
public:
	uint8_t *bytes;

	shared_ram() : fd(memfd_create("ram", MFD_CLOEXEC | MFD_ALLOW_SEALING))
	{
		EXPECT_EQ(ftruncate(fd, size), 0);
		EXPECT_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
		bytes = static_cast<uint8_t *>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	}

	~shared_ram()
	{
		munmap(bytes, size);
		close(fd);
	}

	// Of function 0. The device has it when its next answer comes.
	void grant(test_host &host)
	{
		struct tlpb_rc_grant grant = {};

		grant.addr = base;
		grant.len = size;
		grant.fd = fd;
		grant.writable = true;
		EXPECT_EQ(tlpb_rc_grant(host.rc, &grant), 0);
	}

private:
	int fd;
};

// model_part runs inside a read of the host, in the process that serves it.
void in_model(std::function<void(host_bench &)> model_part,
	      std::function<void(test_host &)> before = nullptr,
	      std::function<void(test_host &)> after = nullptr)
{
	host_bench &b = the_bench();

	b.model.on_access = [&](tlm_generic_payload &, sc_time &) { model_part(b); };
	b.with_host([&](test_host &host) {
		if (before)
			before(host);
		host.read(0);
		if (after)
			after(host);
	});
}

uint64_t tlps_of(test_host &host)
{
	tlpb_rc_stats stats;

	tlpb_rc_get_stats(host.rc, &stats);
	return stats.dma_reads + stats.dma_writes;
}

tlpb_ep_direct_stats direct_stats(host_bench &b)
{
	tlpb_ep_direct_stats stats;

	tlpb_ep_get_direct_stats(b.endpoint.ep(), &stats);
	return stats;
}

void ask(host_bench &b, tlm::tlm_command command, uint64_t addr, tlm::tlm_dmi &dmi,
			     bool &granted)
{
	tlm_generic_payload payload;

	payload.set_command(command);
	payload.set_address(addr);
	dmi.init();
	granted = b.model.dma->get_direct_mem_ptr(payload, dmi);
}

} // namespace

TEST(DirectDma, TransportsOfAModelCopy)
{
	shared_ram ram;
	std::vector<uint8_t> wrote(100001), got(100001);

	for (size_t i = 0; i < wrote.size(); i++)
		wrote[i] = static_cast<uint8_t>(i * 13 + (i >> 8));
	in_model([&](host_bench &b) {
		EXPECT_EQ(b.model.dma_write(base + 3, wrote.data(), wrote.size()), tlm::TLM_OK_RESPONSE);
		EXPECT_EQ(b.model.dma_read(base + 3, got.data(), got.size()), tlm::TLM_OK_RESPONSE);
	}, [&](test_host &host) { ram.grant(host); }, [&](test_host &host) {
		EXPECT_EQ(tlps_of(host), 0);
	});
	EXPECT_MEMEQ(ram.bytes + 3, wrote.data(), wrote.size());
	EXPECT_MEMEQ(got.data(), wrote.data(), wrote.size());
}

TEST(DirectDma, ByteEnablesAreKept)
{
	shared_ram ram;

	memset(ram.bytes, 0xee, 16);
	in_model([](host_bench &b) {
		uint8_t data[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, enable[4] = { 0xff, 0, 0, 0xff };
		tlm_generic_payload payload;
		sc_time delay;

		payload.set_command(tlm::TLM_WRITE_COMMAND);
		payload.set_address(base);
		payload.set_data_ptr(data);
		payload.set_data_length(8);
		payload.set_streaming_width(8);
		payload.set_byte_enable_ptr(enable);
		payload.set_byte_enable_length(4);
		b.model.dma->b_transport(payload, delay);
		EXPECT_EQ(payload.get_response_status(), tlm::TLM_OK_RESPONSE);
	}, [&](test_host &host) { ram.grant(host); }, [](test_host &host) { EXPECT_EQ(tlps_of(host), 0); });
	EXPECT_MEMEQ(ram.bytes, "\1\xee\xee\4\5\xee\xee\10\xee", 9);
}

TEST(DirectDma, WithoutBusMasterEnableItIsRefused)
{
	shared_ram ram;

	in_model([](host_bench &b) {
		uint8_t data[8] = { 1 };

		EXPECT_EQ(b.model.dma_write(base, data, 8), tlm::TLM_COMMAND_ERROR_RESPONSE);
	}, [&](test_host &host) {
		ram.grant(host);
		host.command(2);
	});
	EXPECT_EQ(ram.bytes[0], 0);
}

TEST(DirectDma, AfterARevokeTlpsGo)
{
	shared_ram ram;

	in_model([](host_bench &b) {
		uint8_t data[8] = { 1 };

		EXPECT_EQ(direct_stats(b).windows, 0);
		EXPECT_EQ(b.model.dma_write(base, data, 8), tlm::TLM_ADDRESS_ERROR_RESPONSE);
	}, [&](test_host &host) {
		ram.grant(host);
		EXPECT_EQ(tlpb_rc_revoke(host.rc, 0, base, size), 0);
	});
	EXPECT_EQ(ram.bytes[0], 0);
}

TEST(DirectDma, GrantedMemoryIsReadByPointer)
{
	shared_ram ram;

	in_model([&](host_bench &b) {
		tlm::tlm_dmi dmi;
		bool granted;

		ask(b, tlm::TLM_READ_COMMAND, base + 0x1234, dmi, granted);
		EXPECT_TRUE(granted);
		EXPECT_EQ(dmi.get_start_address(), base);
		EXPECT_EQ(dmi.get_end_address(), base + size - 1);
		EXPECT_TRUE(dmi.is_read_allowed());
		EXPECT_FALSE(dmi.is_write_allowed());
		EXPECT_TRUE(dmi.get_read_latency() == sc_core::SC_ZERO_TIME);
		ram.bytes[0x1234] = 0x5a;
		EXPECT_EQ(dmi.get_dmi_ptr()[0x1234], 0x5a);
		ask(b, tlm::TLM_WRITE_COMMAND, base, dmi, granted);
		EXPECT_FALSE(granted);
		ask(b, tlm::TLM_READ_COMMAND, base + size, dmi, granted);
		EXPECT_FALSE(granted);
		EXPECT_EQ(dmi.get_start_address(), base + size);
		EXPECT_EQ(dmi.get_end_address(), base + size);
	}, [&](test_host &host) { ram.grant(host); });
}

TEST(DirectDma, PointersAreInvalidated)
{
	shared_ram ram;
	host_bench &b = the_bench();
	std::vector<std::pair<uint64_t, uint64_t>> &told = b.dma_checker.invalidated;

	told.clear();
	b.model.on_access = [&](tlm_generic_payload &, sc_time &) {
		tlm::tlm_dmi dmi;
		bool granted;

		ask(b, tlm::TLM_READ_COMMAND, base, dmi, granted);
		EXPECT_TRUE(granted);
	};
	b.with_host([&](test_host &host) {
		ram.grant(host);
		host.read(0);
		EXPECT_EQ(tlpb_rc_revoke(host.rc, 0, base + page, page), 0);
		host.read(0);
		host.command(2);
		host.command(6);
		host.read(0);
		EXPECT_EQ(tlpb_rc_reset(host.rc, TLPB_RESET_HOT), 0);
	});
	ASSERT_EQ(told.size(), 3);
	EXPECT_EQ(told[0].first, base + page);
	EXPECT_EQ(told[0].second, base + 2 * page - 1);
	for (size_t i = 1; i < told.size(); i++) {
		EXPECT_EQ(told[i].first, 0);
		EXPECT_EQ(told[i].second, UINT64_MAX);
	}
}
