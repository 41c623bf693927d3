// SPDX-License-Identifier: MIT
/*
 * A model that takes and gives TLPs, on a real link: order, back-pressure both ways, rules.
 */
#include <cstring>

#include "host_bench.h"
#include "tlp_port.h"

namespace {

using tlpb::tlp_packet;
using sc_core::sc_time;
using sc_core::SC_NS;

enum : uint64_t { base = test_host::memory_base };

kit::function_description description()
{
	return kit::function_description("raw").id(0x1234, 0x0006).bar(0, kit::bar_kind::mem32, 4096);
}

class raw_model : public sc_core::sc_module {
public:
	sc_core::sc_port<tlpb::tlp_rx_if> rx{ "rx" };
	sc_core::sc_port<tlpb::tlp_tx_if> tx{ "tx" };

	explicit raw_model(sc_core::sc_module_name name) : sc_module(name) {}
};

struct raw_bench {
	raw_model model{ "model" };
	tlpb::tlp_port port{ "port", description(), tlpb::tlp_port::config_space::keep, nullptr,
			     test_link() };
	tlpb::pump pump{ test_url() };

	raw_bench()
	{
		model.rx.bind(port.rx);
		model.tx.bind(port.tx);
		pump.add(port);
	}

	// model_part in a process of its own beside host_part.
	void run(std::function<void(raw_model &)> model_part, std::function<void(test_host &)> host_part)
	{
		bool ended = false;

		spawn([&] {
			model_part(model);
			ended = true;
		});
		run_with_host(pump, std::move(host_part));
		EXPECT_TRUE(ended);
	}
};

raw_bench &the_raw_bench()
{
	static raw_bench bench;

	return bench;
}

uint32_t word(const std::vector<uint8_t> &bytes)
{
	uint32_t value = 0;

	memcpy(&value, bytes.data(), 4);
	return value;
}

std::vector<uint8_t> bytes_of(uint32_t value)
{
	std::vector<uint8_t> bytes(4);

	memcpy(bytes.data(), &value, 4);
	return bytes;
}

tlp_packet completion(const tlp_packet &request, uint32_t value)
{
	tlp_packet cpl;

	cpl.header.kind = TLPB_CPLD;
	cpl.header.requester_id = request.header.requester_id;
	cpl.header.completer_id = test_host::bdf;
	cpl.header.tag = request.header.tag;
	cpl.header.byte_count = 4;
	cpl.header.length_dw = 1;
	cpl.header.lower_address = request.header.address & 0x7c;
	cpl.payload = bytes_of(value);
	return cpl;
}

tlp_packet memory_tlp(tlpb_tlp_kind kind, uint64_t address, unsigned dws, uint8_t fill)
{
	tlp_packet tlp;

	tlp.header.kind = kind;
	tlp.header.requester_id = test_host::bdf;
	tlp.header.address = address;
	tlp.header.length_dw = static_cast<uint16_t>(dws);
	tlp.header.first_be = 0xf;
	tlp.header.last_be = dws > 1 ? 0xf : 0;
	if (kind == TLPB_MWR)
		tlp.payload.assign(4 * dws, fill);
	return tlp;
}

// The next memory read, past whatever else the host sends.
tlp_packet next_read(raw_model &model)
{
	for (;;) {
		tlp_packet tlp = model.rx->get();

		if (tlp.header.kind == TLPB_MRD)
			return tlp;
	}
}

} // namespace

TEST(TlpPort, ModelAnswersReadsAndTheEndpointKeepsConfigSpace)
{
	raw_bench &b = the_raw_bench();
	uint64_t address = 0;

	b.run([&](raw_model &model) {
		tlp_packet read = next_read(model);

		address = read.header.address;
		EXPECT_EQ(read.header.length_dw, 1u);
		model.tx->put(completion(read, 0xcafe0001));
	}, [&](test_host &host) {
		uint32_t id = 0;

		EXPECT_EQ(tlpb_rc_config_read(host.rc, test_host::bdf, 0, 4, &id), 0);
		EXPECT_EQ(id, 0x00061234u);
		EXPECT_EQ(host.read(0x20), 0xcafe0001u);
		EXPECT_EQ(host.bars[0].addr + 0x20, address);
	});
}

TEST(TlpPort, ReadsMayBeAnsweredOutOfOrder)
{
	raw_bench &b = the_raw_bench();

	b.run([&](raw_model &model) {
		tlp_packet first = next_read(model);

		model.tx->put(memory_tlp(TLPB_MWR, base, 1, 1));	// the host reads again in it
		model.tx->put(completion(next_read(model), 2));
		model.tx->put(completion(first, 1));
	}, [&](test_host &host) {
		host.on_dma_write = [&] { EXPECT_EQ(host.read(4), 2u); };
		EXPECT_EQ(host.read(0), 1u);
	});
}

TEST(TlpPort, NothingIsReadFromTheLinkThatTheModelHasNoRoomFor)
{
	raw_bench &b = the_raw_bench();
	enum { writes = 3000 };
	uint32_t next = 0;
	size_t most = 0;

	b.run([&](raw_model &model) {
		for (;;) {
			tlp_packet tlp = model.rx->peek();

			most = std::max(most, b.port.waiting());
			EXPECT_TRUE(model.rx->nb_get(tlp));
			if (tlp.header.kind == TLPB_MRD) {
				model.tx->put(completion(tlp, next));
				return;
			}
			EXPECT_EQ(word(tlp.payload), next);
			next++;
			sc_core::wait(sc_time(10, SC_NS));
		}
	}, [&](test_host &host) {
		for (uint32_t i = 0; i < writes; i++)
			host.write(0, i);
		EXPECT_EQ(host.read(0), (uint32_t)writes);
	});
	EXPECT_EQ(next, (uint32_t)writes);
	EXPECT_LE(most, (size_t)tlpb::tlp_port::rx_depth);
}

TEST(TlpPort, PutWaitsWhileTheHostTakesNothing)
{
	raw_bench &b = the_raw_bench();
	enum { size = 128 };
	std::atomic<bool> full{ false };
	unsigned put = 0, stored = 0;

	b.run([&](raw_model &model) {
		tlp_packet read = next_read(model), write = memory_tlp(TLPB_MWR, base, size / 4, 7);

		model.tx->put(completion(read, 0));
		while (model.tx->nb_put(write))
			put++;
		EXPECT_FALSE(model.tx->nb_can_put());
		full = true;
		model.tx->put(write);		// waits until there is room
		put++;
		read = next_read(model);
		model.tx->put(completion(read, 5));
	}, [&](test_host &host) {
		host.on_dma_write = [&] { stored++; };
		host.read(0);
		while (!full)
			usleep(1000);		// takes nothing
		EXPECT_EQ(host.read(0), 5u);
	});
	EXPECT_EQ(stored, put);
	EXPECT_GT(put * size, 50u * 1000u);	// 64 KiB, headers included, and what there were credits for
}

TEST(TlpPort, ModelDoesItsOwnDma)
{
	raw_bench &b = the_raw_bench();
	uint32_t got = 0;

	b.run([&](raw_model &model) {
		tlp_packet request = next_read(model), dma = memory_tlp(TLPB_MRD, base + 8, 1, 0);

		dma.header.tag = 17;
		model.tx->put(dma);
		tlp_packet cpl = model.rx->get();
		EXPECT_EQ(cpl.header.kind, TLPB_CPLD);
		EXPECT_EQ(cpl.header.tag, 17u);
		got = word(cpl.payload);
		model.tx->put(completion(request, got + 1));
	}, [&](test_host &host) {
		memcpy(&host.memory[8], "\x10\0\0\0", 4);
		EXPECT_EQ(host.read(0), 0x11u);
	});
}

TEST(TlpPort, WithoutBusMasterEnableRequestsGoNowhere)
{
	raw_bench &b = the_raw_bench();
	unsigned before = b.port.dropped();

	b.run([&](raw_model &model) {
		tlp_packet request = next_read(model);

		model.tx->put(memory_tlp(TLPB_MWR, base, 1, 9));
		model.tx->put(completion(request, 1));		// completions need no bus mastering
	}, [&](test_host &host) {
		host.command(2);
		EXPECT_EQ(host.read(0), 1u);
		EXPECT_EQ(host.memory[0], 0);
	});
	EXPECT_EQ(b.port.dropped(), before + 1);
}

TEST(TlpPort, ResetRefusesWhatTheModelHasNotTaken)
{
	raw_bench &b = the_raw_bench();

	b.run([&](raw_model &model) {
		while (model.rx->peek().header.kind != TLPB_MRD)
			model.rx->get();
		model.tx->put(memory_tlp(TLPB_MWR, base, 1, 1));	// the host resets in it
	}, [&](test_host &host) {
		uint32_t value;

		host.on_dma_write = [&] { EXPECT_EQ(tlpb_rc_reset(host.rc, TLPB_RESET_HOT), 0); };
		EXPECT_EQ(host.read(0, &value), TLPB_ERR_UNSUPPORTED);
	});
	EXPECT_EQ(b.port.waiting(), 0u);
}

TEST(TlpPort, MalformedTlpIsNamed)
{
	raw_bench &b = the_raw_bench();
	std::string text;

	b.run([&](raw_model &model) {
		tlp_packet request = next_read(model);

		text = reported("tlpbridge/tlp", [&] {
			model.tx->put(memory_tlp(TLPB_MWR, base + 4092, 2, 9));
		});
		model.tx->put(completion(request, 1));
	}, [&](test_host &host) { EXPECT_EQ(host.read(0), 1u); });
	EXPECT_TRUE(text.find("CROSSES_4K: MWr") != std::string::npos);
}

TEST(TlpPort, WithoutAHostTlpsGoNowhere)
{
	raw_bench &b = the_raw_bench();
	unsigned before = b.port.dropped();
	tlp_packet none;

	in_thread([&] { b.model.tx->put(memory_tlp(TLPB_MWR, base, 1, 9)); });
	EXPECT_EQ(b.port.dropped(), before + 1);
	EXPECT_FALSE(b.model.rx->nb_get(none));
}

TEST(TlpPort, EndpointsOwnDmaIsNotForRawModels)
{
	raw_bench &b = the_raw_bench();
	uint32_t value = 0;

	EXPECT_EQ(tlpb_ep_dma_write(b.port.ep(), base, &value, 4, nullptr, nullptr, nullptr),
		  TLPB_ERR_INVALID);
}
