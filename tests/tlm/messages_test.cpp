// SPDX-License-Identifier: MIT
// Messages of models in C++, both ways.
#include <tlpbridge/message.h>

#include "several_bench.h"

extern "C" {
#include "caught_log.h"
}

namespace {

enum : uint32_t { LTR_ENABLE = 1 << 10 };

// What the model does in a read of its register, and the result.
template<class Result>
struct on_read {
	Result result{};
	std::function<Result()> work;

	on_read(small_function &model, std::function<Result()> its_work) : work(std::move(its_work))
	{
		model.on_access = [this](tlm::tlm_generic_payload &payload) {
			if (payload.is_read())
				result = work();
		};
	}
};

kit::message vendors(unsigned bytes)
{
	kit::message message;

	message.code = kit::MESSAGE_VENDOR_TYPE0;
	message.vendor_id = small_function::vendor;
	message.word = 0xcafe0001;
	message.data.assign(bytes, 'x');
	return message;
}

tlpb_tlp from_host(unsigned type, uint8_t routing, uint16_t target, const char data[8])
{
	tlpb_vendor_message v = {};

	v.type = type;
	v.vendor_id = small_function::vendor;
	v.routing = routing;
	v.target_id = target;
	v.word = 77;
	v.data = data;
	v.len = 8;
	return tlpb_vendor_message_tlp(&v);
}

} // namespace

TEST(Messages, AModelsGoToTheHostWithItsFunctionsId)
{
	several_bench &b = the_several();
	on_read<kit::message_result> send(b.last, [&] { return b.last.messages->send(vendors(8)); });

	b.with_host([&](test_host &host) {
		function_at last{ host, last_number };

		read_at(host, last.enumerate());
		EXPECT_TRUE(send.result == kit::message_result::sent);
		EXPECT_EQ(host.requester_id, last.bdf());
		if (host.messages.size() != 1) {
			EXPECT_EQ(host.messages.size(), 1u);
			return;
		}
		EXPECT_EQ(host.messages[0].message_code, (unsigned)TLPB_MSG_VENDOR_TYPE0);
		EXPECT_EQ(host.messages[0].dw2, 0x1af4u);
		EXPECT_EQ(host.messages[0].dw3, 0xcafe0001u);
		EXPECT_STREQ(host.message_data[0].c_str(), "xxxxxxxx");
	});
}

TEST(Messages, OneThatCannotBeIsNotSentAndSaysSo)
{
	several_bench &b = the_several();
	kit::message message;
	on_read<kit::message_result> send(b.first, [&] { return b.first.messages->send(message); });

	b.with_host([&](test_host &host) {
		uint64_t bar = function_at({ host, 0 }).enumerate();

		message = vendors(7);
		read_at(host, bar);
		EXPECT_TRUE(send.result == kit::message_result::invalid);
		message = vendors(4096 + 4);
		read_at(host, bar);
		EXPECT_TRUE(send.result == kit::message_result::invalid);
		message = vendors(4);
		message.code = TLPB_MSG_PM_PME;
		message.routing = kit::message_routing::local;
		read_at(host, bar);
		EXPECT_TRUE(send.result == kit::message_result::invalid);
		EXPECT_EQ(host.messages.size(), 0u);
	});
	EXPECT_TRUE(b.first.messages->send(vendors(4)) == kit::message_result::no_link);
	EXPECT_TRUE(b.vf[0]->messages->send(vendors(4)) == kit::message_result::no_link);
}

TEST(Messages, LatencyToleranceNeedsItsEnable)
{
	several_bench &b = the_several();
	on_read<kit::message_result> ltr(b.first, [&] { return b.first.messages->ltr(0x8864, 0x8c32); });

	b.with_host([&](test_host &host) {
		function_at first{ host, 0 };
		uint64_t bar = first.enumerate();
		int pcie = tlpb_rc_find_capability(host.rc, first.bdf(), 0x10);

		read_at(host, bar);
		EXPECT_TRUE(ltr.result == kit::message_result::disabled);
		first.configure(static_cast<unsigned>(pcie) + 0x28, 2, LTR_ENABLE);
		read_at(host, bar);
		EXPECT_TRUE(ltr.result == kit::message_result::sent);
		EXPECT_EQ(host.messages.size(), 1u);
		EXPECT_EQ(host.messages.empty() ? 0 : host.messages[0].dw3, 0x8c328864u);
	});
}

TEST(Messages, APowerManagementEventIsOfAFunctionThatHasThem)
{
	several_bench &b = the_several();
	kit::irq_result of_last = kit::irq_result::sent;
	on_read<kit::irq_result> pme(b.first, [&] {
		of_last = b.last.messages->pme();
		return b.first.messages->pme();
	});

	b.with_host([&](test_host &host) {
		function_at first{ host, 0 };
		uint64_t bar = first.enumerate();
		int pm = tlpb_rc_find_capability(host.rc, first.bdf(), 0x01);

		read_at(host, bar);
		EXPECT_TRUE(pme.result == kit::irq_result::disabled);
		EXPECT_TRUE(of_last == kit::irq_result::no_vector);
		first.configure(static_cast<unsigned>(pm) + 4, 2, 1 << 15 | 1 << 8);	// PME_Status, PME_En
		read_at(host, bar);
		EXPECT_TRUE(pme.result == kit::irq_result::sent);
		EXPECT_EQ(host.messages.empty() ? 0u : host.messages[0].message_code, (unsigned)TLPB_MSG_PM_PME);
		read_at(host, bar);
		EXPECT_TRUE(pme.result == kit::irq_result::merged);
		EXPECT_EQ(host.messages.size(), 1u);
	});
}

TEST(Messages, TheHostsReachTheFunctionWhoseIdTheyBear)
{
	several_bench &b = the_several();

	b.with_host([&](test_host &host) {
		function_at first{ host, 0 }, last{ host, last_number };
		uint64_t bar = last.enumerate();
		unsigned at = first.extended(0x10);
		uint16_t vf_bdf = test_host::bdf | (vf_offset + vf_stride);
		tlpb_tlp to_last = from_host(0, TLPB_ROUTE_BY_ID, last.bdf(), "to last");
		tlpb_tlp to_vf = from_host(0, TLPB_ROUTE_BY_ID, vf_bdf, "to a vf");
		tlpb_tlp to_all = from_host(0, TLPB_ROUTE_LOCAL, 0, "to dev.");

		first.configure(at + 0x10, 2, 2);
		first.configure(at + 8, 2, 1);
		EXPECT_EQ(tlpb_rc_message(host.rc, &to_last), 0);
		EXPECT_EQ(tlpb_rc_message(host.rc, &to_vf), 0);
		EXPECT_EQ(tlpb_rc_message(host.rc, &to_all), 0);
		read_at(host, bar);
	});
	ASSERT_EQ(b.last.received.size(), 1u);
	EXPECT_EQ(b.last.received[0].target_id, test_host::bdf | last_number);
	EXPECT_EQ(b.last.received[0].word, 77u);
	EXPECT_MEMEQ(b.last.received[0].data.data(), "to last", 8);
	ASSERT_EQ(b.vf[1]->received.size(), 1u);
	EXPECT_MEMEQ(b.vf[1]->received[0].data.data(), "to a vf", 8);
	ASSERT_EQ(b.first.received.size(), 1u);
	EXPECT_TRUE(b.first.received[0].routing == kit::message_routing::local);
	EXPECT_EQ(b.second.received.size(), 0u);
}

TEST(Messages, OneComesBehindTheWritesBeforeIt)
{
	several_bench &b = the_several();

	b.last.on_access = [&](tlm::tlm_generic_payload &payload) {
		if (payload.is_write())
			sc_core::wait(sc_core::sc_time(100, sc_core::SC_NS));
	};
	b.with_host([&](test_host &host) {
		function_at last{ host, last_number };
		uint64_t bar = last.enumerate();
		tlpb_tlp message = from_host(1, TLPB_ROUTE_BY_ID, last.bdf(), "behind.");

		write_at(host, bar, 1);
		write_at(host, bar, 2);
		EXPECT_EQ(tlpb_rc_message(host.rc, &message), 0);
		write_at(host, bar, 3);
		EXPECT_EQ(read_at(host, bar), 3u);
	});
	EXPECT_EQ(b.last.received.size(), 1u);
	EXPECT_EQ(b.last.memory_then, 2u);
}

TEST(Messages, OneThatTheModelDoesNotKnowIsAnUnsupportedRequest)
{
	several_bench &b = the_several();

	catch_log();
	b.with_host([&](test_host &host) {
		function_at first{ host, 0 };
		tlpb_tlp message = from_host(0, TLPB_ROUTE_BY_ID, first.bdf(), "foreign");

		first.enumerate();
		EXPECT_EQ(tlpb_rc_message(host.rc, &message), 0);
		first.config(0);
		EXPECT_FALSE(log_has("Unsupported Request"));
		message.dw2++;		// another vendor's
		EXPECT_EQ(tlpb_rc_message(host.rc, &message), 0);
		first.config(0);
		EXPECT_TRUE(log_has("Unsupported Request"));
	});
	EXPECT_EQ(b.first.received.size(), 1u);
}
