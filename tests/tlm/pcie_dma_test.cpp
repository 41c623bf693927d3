// SPDX-License-Identifier: MIT
/*
 * A TLM model's DMA and interrupts, on a real link.
 */
#include "host_bench.h"

namespace {

using sc_core::sc_time;
using sc_core::SC_NS;
using tlm::tlm_generic_payload;

enum : uint64_t { base = test_host::memory_base };

/*
 * Runs model_part inside a read of the host, in the process that serves it; the
 * host's part comes before and after.
 */
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

void expect_one_interrupt(test_host &host)
{
	std::string all;

	for (const std::string &change : host.intx)
		all += change + ", ";
	EXPECT_STREQ(all.c_str(), "assert 0, deassert 0, ");
}

void fill(std::vector<uint8_t> &bytes)
{
	for (size_t i = 0; i < bytes.size(); i++)
		bytes[i] = static_cast<uint8_t>(i * 13 + (i >> 8));
}

} // namespace

TEST(PcieDma, ReadsAndWritesOfAnyLengthAndAlignment)
{
	static const struct {
		uint64_t offset;
		size_t len;
	} rows[] = { { 0, 1 }, { 3, 1 }, { 1, 2 }, { 2, 5 }, { 0, 4096 }, { 4093, 6 }, { 511, 100001 } };

	for (const auto &row : rows)
		in_model([&](host_bench &b) {
			std::vector<uint8_t> bytes(row.len);

			EXPECT_EQ(b.model.dma_read(base + row.offset, bytes.data(), row.len),
				  tlm::TLM_OK_RESPONSE);
			EXPECT_EQ(b.model.dma_write(base + 0x20000 + row.offset, bytes.data(), row.len),
				  tlm::TLM_OK_RESPONSE);
		}, [](test_host &host) { fill(host.memory); }, [&](test_host &host) {
			uint8_t *to = &host.memory[0x20000 + row.offset];
			std::vector<uint8_t> untouched(host.memory.size());

			fill(untouched);
			EXPECT_MEMEQ(&host.memory[row.offset], to, row.len);
			EXPECT_EQ(to[row.len], untouched[0x20000 + row.offset + row.len]);
		});
}

TEST(PcieDma, ByteEnablesOfAWriteLeaveTheOtherBytesAlone)
{
	in_model([](host_bench &b) {
		uint8_t data[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, enable[4] = { 0xff, 0, 0, 0xff };
		tlm_generic_payload payload;
		sc_time delay;

		prepare(payload, tlm::TLM_WRITE_COMMAND, base, data, 8);
		payload.set_byte_enable_ptr(enable);	// shorter than the data: repeats
		payload.set_byte_enable_length(4);
		b.model.dma->b_transport(payload, delay);
		EXPECT_EQ(payload.get_response_status(), tlm::TLM_OK_RESPONSE);
	}, nullptr, [](test_host &host) {
		EXPECT_MEMEQ(host.memory.data(), "\1\0\0\4\5\0\0\10", 8);
	});
}

TEST(PcieDma, ByteEnablesOfAReadLeaveTheOtherBytesAlone)
{
	in_model([](host_bench &b) {
		uint8_t data[4] = { 9, 9, 9, 9 }, enable[4] = { 0, 0xff, 0xff, 0 };
		tlm_generic_payload payload;
		sc_time delay;

		prepare(payload, tlm::TLM_READ_COMMAND, base, data, 4);
		payload.set_byte_enable_ptr(enable);
		payload.set_byte_enable_length(4);
		b.model.dma->b_transport(payload, delay);
		EXPECT_MEMEQ(data, "\x9\x1\x2\x9", 4);
	}, [](test_host &host) { memcpy(host.memory.data(), "\0\1\2\3", 4); });
}

TEST(PcieDma, IncomingDelayPassesFirst)
{
	in_model([](host_bench &b) {
		uint8_t byte;
		tlm_generic_payload payload;
		sc_time delay(70, SC_NS);
		double before = now_ns();

		prepare(payload, tlm::TLM_READ_COMMAND, base, &byte, 1);
		b.model.dma->b_transport(payload, delay);
		EXPECT_EQ(now_ns() - before, 70);
		EXPECT_TRUE(delay == sc_core::SC_ZERO_TIME);
	});
}

TEST(PcieDma, FailuresBecomeResponses)
{
	static const struct {
		int answer;
		tlm::tlm_response_status response;
	} rows[] = {
		{ TLPB_ERR_NO_ADDRESS, tlm::TLM_ADDRESS_ERROR_RESPONSE },
		{ TLPB_ERR_ACCESS, tlm::TLM_ADDRESS_ERROR_RESPONSE },
		{ TLPB_ERR_IO, tlm::TLM_GENERIC_ERROR_RESPONSE },
	};

	for (const auto &row : rows)
		in_model([&](host_bench &b) {
			uint32_t value = 0;

			EXPECT_EQ(b.model.dma_read(base, &value, 4), row.response);
			EXPECT_EQ(b.model.dma_write(base, &value, 4), row.response);
		}, [&](test_host &host) { host.dma_answer = row.answer; });
}

TEST(PcieDma, NothingGoesOutWhileBusMasterEnableIsOff)
{
	in_model([](host_bench &b) {
		uint32_t value = 0;

		EXPECT_EQ(b.model.dma_read(base, &value, 4), tlm::TLM_COMMAND_ERROR_RESPONSE);
		EXPECT_EQ(b.model.dma_write(base, &value, 4), tlm::TLM_COMMAND_ERROR_RESPONSE);
	}, [](test_host &host) { host.command(2); });
}

TEST(PcieDma, WithoutAHostItFails)
{
	host_bench &b = the_bench();
	uint32_t value = 0;

	b.with_host([](test_host &) {});
	EXPECT_FALSE(tlpb_ep_is_up(b.endpoint.ep()));
	in_thread([&] {
		EXPECT_EQ(b.model.dma_read(base, &value, 4), tlm::TLM_GENERIC_ERROR_RESPONSE);
	});
}

// A look may be in a thread process.
TEST(PcieDma, ItIsNotWaitedForInsideALook)
{
	host_bench &b = the_bench();

	in_thread([&] {
		std::string text = reported("tlpbridge/dma", [&] {
			tlpb::look now;
			uint32_t value = 0;

			b.model.dma_read(base, &value, 4);	// without a host: it ends at once
		});

		EXPECT_TRUE(text.find("waits for its answer") != std::string::npos);
	});
}

TEST(PcieDma, InvalidPayloadsAreRefusedByTlmRules)
{
	in_model([](host_bench &b) {
		uint8_t data[8];
		tlm_generic_payload payload;
		sc_time delay;

		b.dma_checker.provoked = { "the data length is at least 1",
					   "the streaming width is at least 1" };
		prepare(payload, tlm::TLM_READ_COMMAND, base, data, 0);
		b.model.dma->b_transport(payload, delay);
		EXPECT_EQ(payload.get_response_status(), tlm::TLM_BURST_ERROR_RESPONSE);
		prepare(payload, tlm::TLM_READ_COMMAND, base, data, 8);
		payload.set_streaming_width(4);
		b.model.dma->b_transport(payload, delay);
		EXPECT_EQ(payload.get_response_status(), tlm::TLM_BURST_ERROR_RESPONSE);
		prepare(payload, tlm::TLM_IGNORE_COMMAND, base, data, 8);
		b.model.dma->b_transport(payload, delay);
		EXPECT_EQ(payload.get_response_status(), tlm::TLM_COMMAND_ERROR_RESPONSE);
		prepare(payload, tlm::TLM_READ_COMMAND, ~0ull - 2, data, 8);
		b.model.dma->b_transport(payload, delay);
		EXPECT_EQ(payload.get_response_status(), tlm::TLM_ADDRESS_ERROR_RESPONSE);
	});
}

TEST(PcieDma, SeveralProcessesAtOnce)
{
	enum { processes = 8, len = 10000 };
	unsigned done = 0;

	in_model([&](host_bench &b) {
		for (unsigned i = 0; i < processes; i++)
			spawn([&b, &done, i] {
				std::vector<uint8_t> bytes(len);

				b.model.dma_read(base + i, bytes.data(), len);
				b.model.dma_write(base + 0x10000 + i * len, bytes.data(), len);
				done++;
			});
		while (done < processes)
			sc_core::wait(sc_time(10, SC_NS));
	}, [](test_host &host) { fill(host.memory); }, [](test_host &host) {
		for (unsigned i = 0; i < processes; i++)
			EXPECT_MEMEQ(&host.memory[i], &host.memory[0x10000 + i * len], len);
	});
}

TEST(PcieDma, PostedWriteReturnsAtOnce)
{
	in_model([](host_bench &b) {
		uint8_t byte = 0x5a;
		tlm_generic_payload payload;
		kit::tlp_extension tlp;
		sc_time delay;
		double before = now_ns();
		sc_dt::uint64 delta = sc_core::sc_delta_count();

		tlp.posted = true;
		for (uint64_t addr : { (uint64_t)base, (uint64_t)0 }) {
			prepare(payload, tlm::TLM_WRITE_COMMAND, addr, &byte, 1);
			payload.set_extension(&tlp);
			b.model.dma->b_transport(payload, delay);
			payload.clear_extension(&tlp);
			EXPECT_EQ(payload.get_response_status(), tlm::TLM_OK_RESPONSE);
		}
		EXPECT_EQ(now_ns(), before);
		EXPECT_EQ(sc_core::sc_delta_count(), delta);
	}, nullptr, [](test_host &host) { EXPECT_EQ(host.memory[0], 0x5a); });
}

TEST(PcieDma, AFloodOfPostedWritesWaitsForTheHostAndIsAllThere)
{
	enum : unsigned { writes = 4000, bytes_each = 4096 };

	in_model([](host_bench &b) {
		static uint8_t page[bytes_each];
		tlm_generic_payload payload;
		kit::tlp_extension tlp;
		sc_time delay;

		tlp.posted = true;
		payload.set_extension(&tlp);
		for (unsigned i = 0; i < writes; i++) {
			memset(page, (int)(i % 251), sizeof page);
			prepare(payload, tlm::TLM_WRITE_COMMAND, base + i % 16 * sizeof page, page, sizeof page);
			b.model.dma->b_transport(payload, delay);
			ASSERT_EQ(payload.get_response_status(), tlm::TLM_OK_RESPONSE);
		}
		payload.clear_extension(&tlp);
	}, nullptr, [](test_host &host) {
		for (unsigned i = writes - 16; i < writes; i++)
			EXPECT_EQ(host.memory[i % 16 * bytes_each + 7], i % 251);
	});
}

TEST(PcieDma, PoisonedDataAreNotStoredAndTheModelHearsOfIt)
{
	in_model([](host_bench &b) {
		uint8_t bytes[300];
		tlm_generic_payload payload;
		kit::tlp_extension tlp;
		sc_time delay;

		memset(bytes, 0x5a, sizeof bytes);
		prepare(payload, tlm::TLM_WRITE_COMMAND, base + 1, bytes, sizeof bytes);
		payload.set_extension(&tlp);
		tlp.poisoned = true;
		b.model.dma->b_transport(payload, delay);
		EXPECT_EQ(payload.get_response_status(), tlm::TLM_GENERIC_ERROR_RESPONSE);
		EXPECT_EQ(tlp.fault_address, (uint64_t)base + 1);
		tlp.posted = true;
		payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
		b.model.dma->b_transport(payload, delay);
		EXPECT_EQ(payload.get_response_status(), tlm::TLM_OK_RESPONSE);
		tlp.posted = tlp.poisoned = false;
		payload.set_address(base + 0x1000);
		payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
		b.model.dma->b_transport(payload, delay);
		EXPECT_EQ(payload.get_response_status(), tlm::TLM_OK_RESPONSE);
		payload.clear_extension(&tlp);
	}, nullptr, [](test_host &host) {
		EXPECT_EQ(host.memory[1], 0);
		EXPECT_EQ(host.memory[300], 0);
		EXPECT_EQ(host.memory[0x1000], 0x5a);
	});
}

TEST(PcieDma, AReadOfPoisonedDataFailsAndSaysSo)
{
	in_model([](host_bench &b) {
		uint8_t bytes[300] = { 7 };
		tlm_generic_payload payload;
		kit::tlp_extension tlp;
		sc_time delay;

		prepare(payload, tlm::TLM_READ_COMMAND, base, bytes, sizeof bytes);
		payload.set_extension(&tlp);
		b.model.dma->b_transport(payload, delay);
		EXPECT_EQ(payload.get_response_status(), tlm::TLM_GENERIC_ERROR_RESPONSE);
		EXPECT_TRUE(tlp.poisoned);
		EXPECT_EQ(bytes[0], 7);
		payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
		b.model.dma->b_transport(payload, delay);
		EXPECT_EQ(payload.get_response_status(), tlm::TLM_OK_RESPONSE);
		EXPECT_FALSE(tlp.poisoned);
		payload.clear_extension(&tlp);
	}, [](test_host &host) {
		char why[256];

		EXPECT_EQ(tlpb_rc_inject(host.rc, "poison type=CplD count=1", why, sizeof why), 0);
	});
}

TEST(PcieDma, DebugTransferNeedsNoWait)
{
	in_model([](host_bench &b) {
		uint8_t bytes[5000];
		tlm_generic_payload payload;
		sc_dt::uint64 delta = sc_core::sc_delta_count();

		prepare(payload, tlm::TLM_READ_COMMAND, base, bytes, sizeof bytes);
		payload.set_streaming_width(0);		// as nobody set it, who makes a minimal one
		EXPECT_EQ(b.model.dma->transport_dbg(payload), sizeof bytes);
		EXPECT_EQ(bytes[4999], (uint8_t)(4999 * 13 + (4999 >> 8)));
		prepare(payload, tlm::TLM_WRITE_COMMAND, base + 0x8000, bytes, sizeof bytes);
		EXPECT_EQ(b.model.dma->transport_dbg(payload), sizeof bytes);
		prepare(payload, tlm::TLM_READ_COMMAND, 0, bytes, 4);
		EXPECT_EQ(b.model.dma->transport_dbg(payload), 0u);
		EXPECT_EQ(sc_core::sc_delta_count(), delta);
	}, [](test_host &host) { fill(host.memory); }, [](test_host &host) {
		EXPECT_MEMEQ(&host.memory[0], &host.memory[0x8000], 5000);
	});
}

TEST(PcieDma, KilledProcessLeavesTheTransferBehindUnharmed)
{
	in_model([](host_bench &b) {
		sc_core::sc_process_handle victim = sc_core::sc_spawn([&b] {
			std::vector<uint8_t> bytes(20000);

			b.model.dma_read(base, bytes.data(), bytes.size());
		}, sc_core::sc_gen_unique_name("victim"));

		sc_core::wait(sc_core::SC_ZERO_TIME);
		sc_core::wait(sc_core::SC_ZERO_TIME);
		victim.kill();
		uint32_t value;
		EXPECT_EQ(b.model.dma_read(base, &value, 4), tlm::TLM_OK_RESPONSE);
	});
}

TEST(PcieInterrupts, MsiIsAWriteToTheHost)
{
	kit::irq_result first = kit::irq_result::no_link, beyond = first, off = first;

	in_model([&](host_bench &b) {
		off = b.model.irq->msix(0);
		first = b.model.irq->msi(0);
		beyond = b.model.irq->msi(1);
	}, [](test_host &host) {
		unsigned msi = static_cast<unsigned>(tlpb_rc_find_capability(host.rc, test_host::bdf, 5));

		tlpb_rc_config_write(host.rc, test_host::bdf, msi + 4, 4, base + 0x40);
		tlpb_rc_config_write(host.rc, test_host::bdf, msi + 12, 2, 0x1234);
		tlpb_rc_config_write(host.rc, test_host::bdf, msi + 2, 2, 1);
	}, [](test_host &host) { EXPECT_MEMEQ(&host.memory[0x40], "\x34\x12\0\0", 4); });
	EXPECT_TRUE(first == kit::irq_result::sent);
	EXPECT_TRUE(beyond == kit::irq_result::no_vector);
	EXPECT_TRUE(off == kit::irq_result::disabled);
}

namespace {

enum { command_reg = 4, memory_on = 2, master_on = 4, intx_off = 1 << 10 };
enum { msix_enable = 1 << 15, function_mask = 1 << 14 };	// of its Message Control

const char *text(kit::irq_result result)
{
	static const char *const texts[] = { "sent", "masked", "merged", "bus master off", "disabled",
					     "no vector", "no link" };

	return texts[static_cast<int>(result)];
}

// What the model hears from raise() while it serves a read of the host.
std::string fares(test_host &host, std::function<kit::irq_result(kit::interrupt_if &)> raise)
{
	host_bench &b = the_bench();
	std::string result;

	b.model.on_access = [&](tlm_generic_payload &, sc_time &) {
		result = text(raise(*b.model.irq[0]));
	};
	host.read(0);
	b.model.on_access = nullptr;
	return result;
}

std::string msi(test_host &host, unsigned vector)
{
	return fares(host, [=](kit::interrupt_if &irq) { return irq.msi(vector); });
}

std::string msix(test_host &host, unsigned vector)
{
	return fares(host, [=](kit::interrupt_if &irq) { return irq.msix(vector); });
}

std::string intx(test_host &host, bool level)
{
	return fares(host, [=](kit::interrupt_if &irq) { return irq.intx(level); });
}

unsigned capability(test_host &host, unsigned id)
{
	return static_cast<unsigned>(tlpb_rc_find_capability(host.rc, test_host::bdf, id));
}

void config(test_host &host, unsigned offset, unsigned size, uint32_t value)
{
	EXPECT_EQ(tlpb_rc_config_write(host.rc, test_host::bdf, offset, size, value), 0);
}

void expect(const std::string &result, const char *expected)
{
	EXPECT_STREQ(result.c_str(), expected);
}

} // namespace

TEST(PcieInterrupts, TheModelHearsHowMsiFared)
{
	the_bench().with_host([](test_host &host) {
		unsigned msi_cap = capability(host, 5);

		expect(msi(host, 0), "disabled");
		config(host, msi_cap + 4, 4, base + 0x40);
		config(host, msi_cap + 2, 2, 1 << 4 | 1);	// two of its four vectors
		expect(msi(host, 1), "sent");
		expect(msi(host, 2), "no vector");
		config(host, msi_cap + 16, 4, 2);		// mask vector 1
		expect(msi(host, 0), "sent");
		expect(msi(host, 1), "masked");
		expect(msi(host, 1), "merged");
		host.command(memory_on);
		expect(msi(host, 0), "bus master off");
		expect(msi(host, 1), "merged");
		host.command(memory_on | master_on);
	});
	expect(text(the_bench().model.irq->msi(0)), "no link");
}

TEST(PcieInterrupts, TheModelHearsHowMsixFared)
{
	the_bench().with_host([](test_host &host) {
		static const uint32_t entry[4] = { base + 0x80, 0, 0x77, 0 };
		static const uint32_t masked = 1;
		unsigned control = capability(host, 0x11) + 2;

		expect(msix(host, 0), "disabled");
		EXPECT_EQ(tlpb_rc_mem_write(host.rc, host.bars[1].addr, entry, sizeof entry), 0);
		config(host, control, 2, msix_enable);
		expect(msix(host, 0), "sent");
		expect(msix(host, 8), "no vector");
		config(host, control, 2, msix_enable | function_mask);
		expect(msix(host, 0), "masked");
		expect(msix(host, 0), "merged");
		config(host, control, 2, msix_enable);
		EXPECT_EQ(tlpb_rc_mem_write(host.rc, host.bars[1].addr + 12, &masked, 4), 0);
		expect(msix(host, 0), "masked");
		expect(msix(host, 0), "merged");
		config(host, control, 2, msix_enable | function_mask);
		expect(msix(host, 0), "merged");
	});
	expect(text(the_bench().model.irq->msix(0)), "no link");
}

TEST(PcieInterrupts, TheModelHearsHowIntxFared)
{
	the_bench().with_host([](test_host &host) {
		expect(intx(host, true), "sent");
		expect(intx(host, true), "merged");
		host.command(memory_on | intx_off);
		EXPECT_EQ(host.intx.size(), 2u);		// de-asserted
		expect(intx(host, true), "disabled");
		host.command(memory_on);			// the cause still pends
		EXPECT_EQ(host.intx.size(), 3u);
		expect(intx(host, false), "sent");
		expect(intx(host, false), "merged");
		EXPECT_EQ(host.intx.size(), 4u);
	});
	expect(text(the_bench().model.irq->intx(true)), "no link");
}

TEST(PcieInterrupts, TheModelHearsTheEndOfAnInterruptIfTheHostKnowsIt)
{
	host_bench &b = the_bench();	// which forgets what was counted before

	b.with_host([](test_host &host) {
		expect(intx(host, true), "sent");
		expect(intx(host, false), "sent");
		EXPECT_EQ(tlpb_rc_eoi(host.rc, 0), 0);
		EXPECT_EQ(tlpb_rc_eoi(host.rc, 1), 0);		// another pin
		host.read(0);
	});
	EXPECT_EQ(b.model.eois, 1u);
}

TEST(PcieInterrupts, WireDrivesIntx)
{
	in_model([](host_bench &b) {
		b.wire.write(true);
		sc_core::wait(sc_time(1, SC_NS));
		b.wire.write(false);
		sc_core::wait(sc_time(1, SC_NS));
	}, nullptr, expect_one_interrupt);
}

TEST(PcieInterrupts, HostThatComesLaterSeesTheWireAsItIs)
{
	in_model([](host_bench &b) {
		b.wire.write(true);
		sc_core::wait(sc_time(1, SC_NS));
	});
	in_model([](host_bench &b) {
		b.wire.write(false);
		sc_core::wait(sc_time(1, SC_NS));
	}, nullptr, expect_one_interrupt);
}

// ---- AtomicOps, Deferrable Memory Writes ----

namespace {

void enable_requests(test_host &host)
{
	int pcie = tlpb_rc_find_capability(host.rc, test_host::bdf, 0x10);
	uint32_t header;

	ASSERT_GT(pcie, 0);
	EXPECT_EQ(tlpb_rc_config_write(host.rc, test_host::bdf, static_cast<unsigned>(pcie) + 40, 2, 1 << 6), 0);
	for (unsigned at = 0x100; at; at = header >> 20) {
		EXPECT_EQ(tlpb_rc_config_read(host.rc, test_host::bdf, at, 4, &header), 0);
		if ((header & 0xffff) == 0x2f)	// Device 3: DMWr Requester Enable
			EXPECT_EQ(tlpb_rc_config_write(host.rc, test_host::bdf, at + 8, 4, 1), 0);
	}
}

tlm::tlm_response_status run_atomic(host_bench &b, uint64_t addr, unsigned size,
				    kit::atomic_extension &atomic)
{
	tlm_generic_payload payload;
	sc_time delay = sc_core::SC_ZERO_TIME;
	uint8_t unused[kit::atomic_extension::max_size] = {};

	prepare(payload, tlm::TLM_IGNORE_COMMAND, addr, unused, size);
	payload.set_extension(&atomic);
	b.model.dma->b_transport(payload, delay);
	payload.clear_extension(&atomic);
	return payload.get_response_status();
}

} // namespace

TEST(PcieDma, AtomicOpsOfAModelAreDoneOnHostMemory)
{
	in_model([](host_bench &b) {
		kit::atomic_extension add, cas;

		add.operand = { 5 };
		EXPECT_EQ(run_atomic(b, base + 8, 8, add), tlm::TLM_OK_RESPONSE);
		EXPECT_TRUE(add.done);
		EXPECT_EQ(add.old[0], 0xfe);
		cas.op = kit::atomic_op::compare_and_swap;
		cas.operand = { 9 };
		EXPECT_EQ(run_atomic(b, base + 16, 16, cas), tlm::TLM_OK_RESPONSE);
		EXPECT_EQ(cas.old[15], 0);
		EXPECT_EQ(run_atomic(b, base + 4, 8, add), tlm::TLM_BURST_ERROR_RESPONSE);
		EXPECT_EQ(run_atomic(b, 0x1000, 8, add), tlm::TLM_ADDRESS_ERROR_RESPONSE);
		EXPECT_FALSE(add.done);
	}, [](test_host &host) {
		enable_requests(host);
		host.memory[8] = 0xfe;
	}, [](test_host &host) {
		EXPECT_EQ(host.memory[8], 3);
		EXPECT_EQ(host.memory[9], 1);
		EXPECT_EQ(host.memory[16], 9);
	});
}

TEST(PcieDma, AtomicOpsThatSoftwareHasNotEnabledAreCommandErrors)
{
	in_model([](host_bench &b) {
		kit::atomic_extension add;

		EXPECT_EQ(run_atomic(b, base, 8, add), tlm::TLM_COMMAND_ERROR_RESPONSE);
		EXPECT_FALSE(add.done);
	});
}

TEST(PcieDma, ADeferrableWriteTellsThatItShallComeAgain)
{
	auto write = [](host_bench &b, bool &retry) {
		tlm_generic_payload payload;
		kit::tlp_extension tlp;
		sc_time delay = sc_core::SC_ZERO_TIME;
		uint8_t data[3] = { 1, 2, 3 };

		tlp.deferrable = true;
		prepare(payload, tlm::TLM_WRITE_COMMAND, base + 5, data, 3);
		payload.set_extension(&tlp);
		b.model.dma->b_transport(payload, delay);
		payload.clear_extension(&tlp);
		retry = tlp.retry;
		return payload.get_response_status();
	};
	test_host *the_host = nullptr;

	in_model([&](host_bench &b) {
		bool retry = false;

		EXPECT_EQ(write(b, retry), tlm::TLM_GENERIC_ERROR_RESPONSE);
		EXPECT_TRUE(retry);
		the_host->dmwr_answer = 0;
		EXPECT_EQ(write(b, retry), tlm::TLM_OK_RESPONSE);
		EXPECT_FALSE(retry);
	}, [&](test_host &host) {
		the_host = &host;
		enable_requests(host);
		host.dmwr_answer = TLPB_ERR_CRS;
	}, [](test_host &host) {
		EXPECT_EQ(host.memory[5], 1);
		EXPECT_EQ(host.memory[7], 3);
		EXPECT_EQ(host.memory[8], 0);
	});
}
