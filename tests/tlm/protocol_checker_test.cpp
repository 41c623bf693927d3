// SPDX-License-Identifier: MIT
/*
 * The checkers themselves: silent about what is right, they name what is wrong.
 */
#include <gtest.h>
#include <utility>

#include "interrupt_checker.h"
#include "protocol_checker.h"
#include "sim.h"

namespace {

using payload_type = tlm::tlm_generic_payload;
using sc_core::sc_time;

struct manager : tlm::tlm_mm_interface {
	void free(payload_type *payload) override { payload->reset(); }
};

// A socket of each kind around a checker, driven by the test.
struct partners : sc_core::sc_module, tlm::tlm_fw_transport_if<>, tlm::tlm_bw_transport_if<> {
	tlm::tlm_initiator_socket<> initiator{ "initiator" };
	tlm::tlm_target_socket<> target{ "target" };
	protocol_checker checker{ "checker" };
	std::vector<std::string> rules;
	manager mm;
	uint8_t data[4], enable[4];

	std::function<void(payload_type &, sc_time &)> blocking;
	tlm::tlm_sync_enum result = tlm::TLM_ACCEPTED;	// of the next nb call
	tlm::tlm_phase result_phase = tlm::UNINITIALIZED_PHASE;
	sc_time result_delay;

	explicit partners(sc_core::sc_module_name name) : sc_module(name)
	{
		initiator.bind(static_cast<tlm::tlm_bw_transport_if<> &>(*this));
		target.bind(static_cast<tlm::tlm_fw_transport_if<> &>(*this));
		initiator.bind(checker.target);
		checker.initiator.bind(target);
		checker.report = [this](const std::string &rule) { rules.push_back(rule); };
	}

	tlm::tlm_sync_enum answer(tlm::tlm_phase &phase, sc_time &delay)
	{
		if (result == tlm::TLM_UPDATED)
			phase = result_phase;
		delay = result_delay;
		return std::exchange(result, tlm::TLM_ACCEPTED);
	}

	void b_transport(payload_type &payload, sc_time &delay) override { blocking(payload, delay); }
	unsigned transport_dbg(payload_type &payload) override { return payload.get_data_length() + 1; }
	tlm::tlm_sync_enum nb_transport_fw(payload_type &, tlm::tlm_phase &phase, sc_time &delay) override
	{
		return answer(phase, delay);
	}
	tlm::tlm_sync_enum nb_transport_bw(payload_type &, tlm::tlm_phase &phase, sc_time &delay) override
	{
		return answer(phase, delay);
	}
	bool get_direct_mem_ptr(payload_type &, tlm::tlm_dmi &dmi) override
	{
		dmi.set_start_address(0x1000);
		return true;
	}
	void invalidate_direct_mem_ptr(sc_dt::uint64, sc_dt::uint64) override {}

	bool said(const char *part) const
	{
		for (const std::string &rule : rules)
			if (rule.find(part) != std::string::npos)
				return true;
		return false;
	}

	void make(payload_type &payload, tlm::tlm_command command = tlm::TLM_READ_COMMAND)
	{
		prepare(payload, command, 0, data, 4);
		payload.set_mm(&mm);
		payload.acquire();
	}

	void forward(payload_type &payload, tlm::tlm_phase phase)
	{
		sc_time delay;

		initiator->nb_transport_fw(payload, phase, delay);
	}

	void backward(payload_type &payload, tlm::tlm_phase phase)
	{
		sc_time delay;

		target->nb_transport_bw(payload, phase, delay);
	}

	// A transaction by the book.
	void complete(payload_type &payload)
	{
		forward(payload, tlm::BEGIN_REQ);
		backward(payload, tlm::END_REQ);
		payload.set_response_status(tlm::TLM_OK_RESPONSE);
		backward(payload, tlm::BEGIN_RESP);
		forward(payload, tlm::END_RESP);
	}
};

// Hears of interrupts, and does with them what it should not.
struct interrupted : sc_core::sc_module, kit::interrupt_if {
	interrupt_checker checker{ "checker" };
	kit::irq_result answer = kit::irq_result::sent;
	bool wait_first = false;
	std::vector<std::string> rules;

	explicit interrupted(sc_core::sc_module_name name) : sc_module(name)
	{
		checker.out.bind(*this);
		checker.report = [this](const std::string &rule) { rules.push_back(rule); };
	}

	kit::irq_result take()
	{
		if (wait_first)
			sc_core::wait(sc_time(1, sc_core::SC_NS));
		return answer;
	}
	kit::irq_result msi(unsigned) override { return take(); }
	kit::irq_result msix(unsigned) override { return take(); }
	kit::irq_result intx(bool) override { return take(); }
};

interrupted &the_interrupted()
{
	static interrupted both("interrupted");

	return both;
}

partners &fresh()
{
	static partners both("partners");

	the_interrupted();	// no module is made later
	run_simulation();
	both.rules.clear();
	for (size_t i = 0; i < sizeof both.data; i++) {
		both.data[i] = 0;
		both.enable[i] = i % 2 ? TLM_BYTE_DISABLED : TLM_BYTE_ENABLED;
	}
	both.result_delay = sc_core::SC_ZERO_TIME;
	return both;
}

void ok(payload_type &payload, sc_time &)
{
	payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

} // namespace

TEST(ProtocolChecker, IsSilentAboutWhatIsRight)
{
	partners &p = fresh();
	payload_type a;

	p.make(a);
	p.complete(a);
	a.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
	p.complete(a);
	p.blocking = ok;
	in_thread([&] {
		sc_time delay;

		a.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
		p.initiator->b_transport(a, delay);
	});
	EXPECT_EQ(p.rules.size(), 0u);
	EXPECT_TRUE(p.checker.idle());
}

TEST(ProtocolChecker, NamesBrokenRulesOfBlockingCalls)
{
	partners &p = fresh();
	payload_type a;
	sc_time delay(10, sc_core::SC_NS);

	p.make(a, tlm::TLM_WRITE_COMMAND);
	a.set_streaming_width(0);
	p.blocking = [&](payload_type &payload, sc_time &its_delay) {
		its_delay = sc_core::SC_ZERO_TIME;
		payload.set_data_length(2);
		p.data[0] ^= 1;
	};
	p.initiator->b_transport(a, delay);
	EXPECT_TRUE(p.said("streaming width is at least 1"));
	EXPECT_TRUE(p.said("in a thread process"));
	EXPECT_TRUE(p.said("does not run backwards"));
	EXPECT_TRUE(p.said("does not change the length"));
	EXPECT_TRUE(p.said("does not change the data of a write"));
	EXPECT_TRUE(p.said("sets the response status"));
}

TEST(ProtocolChecker, NamesBrokenExclusion)
{
	partners &p = fresh();
	payload_type a, b;

	p.make(a);
	p.make(b);
	p.forward(a, tlm::BEGIN_REQ);
	EXPECT_EQ(p.rules.size(), 0u);
	p.forward(b, tlm::BEGIN_REQ);
	EXPECT_TRUE(p.said("request exclusion"));
	a.set_response_status(tlm::TLM_OK_RESPONSE);
	b.set_response_status(tlm::TLM_OK_RESPONSE);
	p.backward(a, tlm::BEGIN_RESP);
	EXPECT_FALSE(p.said("response exclusion"));
	p.backward(b, tlm::BEGIN_RESP);
	EXPECT_TRUE(p.said("response exclusion"));
	p.forward(a, tlm::END_RESP);
	p.forward(b, tlm::END_RESP);
	EXPECT_TRUE(p.checker.idle());
}

TEST(ProtocolChecker, RequestBeforeTheTimeOfEndReqIsTooEarly)
{
	partners &p = fresh();
	payload_type a, b;

	p.make(a);
	p.make(b);
	p.result = tlm::TLM_UPDATED;
	p.result_phase = tlm::END_REQ;
	p.result_delay = sc_time(10, sc_core::SC_NS);
	p.forward(a, tlm::BEGIN_REQ);
	p.forward(b, tlm::BEGIN_REQ);
	EXPECT_TRUE(p.said("not before the time of END_REQ"));
	in_thread([&] { sc_core::wait(20, sc_core::SC_NS); });
	a.set_response_status(tlm::TLM_OK_RESPONSE);
	b.set_response_status(tlm::TLM_OK_RESPONSE);
	for (payload_type *each : { &a, &b }) {
		p.backward(*each, tlm::BEGIN_RESP);
		in_thread([&] { sc_core::wait(20, sc_core::SC_NS); });
		p.forward(*each, tlm::END_RESP);
		in_thread([&] { sc_core::wait(20, sc_core::SC_NS); });
	}
	EXPECT_TRUE(p.checker.idle());
}

TEST(ProtocolChecker, NamesPhasesOutOfPlace)
{
	partners &p = fresh();
	payload_type a;

	p.make(a);
	p.backward(a, tlm::END_REQ);
	EXPECT_TRUE(p.said("END_REQ comes once"));
	p.backward(a, tlm::BEGIN_RESP);
	EXPECT_TRUE(p.said("BEGIN_RESP comes once"));
	p.forward(a, tlm::END_RESP);
	EXPECT_TRUE(p.said("END_RESP comes once"));
	p.forward(a, tlm::END_REQ);
	EXPECT_TRUE(p.said("not a phase of this direction"));
	p.result = tlm::TLM_COMPLETED;
	p.backward(a, tlm::BEGIN_RESP);
	EXPECT_TRUE(p.said("for a transaction under way"));
}

TEST(ProtocolChecker, NamesResponsesWithoutStatusAndPayloadsWithoutManager)
{
	partners &p = fresh();
	payload_type a, b;

	p.make(a);
	p.result = tlm::TLM_COMPLETED;
	p.forward(a, tlm::BEGIN_REQ);
	EXPECT_TRUE(p.said("sets the response status"));
	EXPECT_TRUE(p.checker.idle());
	prepare(b, tlm::TLM_READ_COMMAND, 0, p.data, 4);
	b.set_dmi_allowed(true);
	b.set_byte_enable_ptr(p.enable);
	b.set_byte_enable_length(0);
	p.result = tlm::TLM_COMPLETED;
	p.forward(b, tlm::BEGIN_REQ);
	EXPECT_TRUE(p.said("memory manager"));
	EXPECT_TRUE(p.said("DMI hint is false"));
	EXPECT_TRUE(p.said("byte enables have a length"));
}

TEST(ProtocolChecker, NamesAttributesThatWereNotPutBackForARequest)
{
	partners &p = fresh();
	payload_type a;
	sc_time delay;

	p.make(a);
	a.set_response_status(tlm::TLM_OK_RESPONSE);
	a.set_dmi_allowed(true);
	p.blocking = ok;
	in_thread([&] { p.initiator->b_transport(a, delay); });
	ASSERT_EQ(p.rules.size(), 2u);
	EXPECT_TRUE(p.said("TLM_INCOMPLETE_RESPONSE in a request"));
	EXPECT_TRUE(p.said("DMI hint is false"));
}

TEST(ProtocolChecker, NamesWrongByteEnables)
{
	partners &p = fresh();
	payload_type a;
	sc_time delay;

	p.make(a);
	p.enable[1] = 1;
	a.set_byte_enable_ptr(p.enable);
	a.set_byte_enable_length(2);		// repeats
	p.blocking = [&](payload_type &payload, sc_time &its_delay) {
		p.data[2] ^= 0xff;
		p.enable[1] = 0;
		ok(payload, its_delay);
	};
	in_thread([&] { p.initiator->b_transport(a, delay); });
	ASSERT_EQ(p.rules.size(), 2u);
	EXPECT_TRUE(p.said("a byte enable is 0 or 0xff"));
	EXPECT_TRUE(p.said("does not change byte enables"));
	p.rules.clear();
	p.blocking = [&](payload_type &payload, sc_time &its_delay) {
		p.data[3] ^= 0xff;
		ok(payload, its_delay);
	};
	a.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
	in_thread([&] { p.initiator->b_transport(a, delay); });
	ASSERT_EQ(p.rules.size(), 1u);
	EXPECT_TRUE(p.said("bytes of a read alone that are not enabled"));
}

TEST(ProtocolChecker, NamesDataMovedForAnIgnoredCommand)
{
	partners &p = fresh();
	payload_type a;
	sc_time delay;

	p.make(a, tlm::TLM_IGNORE_COMMAND);
	p.blocking = [&](payload_type &payload, sc_time &its_delay) {
		p.data[0] ^= 0xff;
		ok(payload, its_delay);
	};
	in_thread([&] { p.initiator->b_transport(a, delay); });
	ASSERT_EQ(p.rules.size(), 1u);
	EXPECT_TRUE(p.said("moves nothing for an ignored command"));
}

TEST(ProtocolChecker, NamesTimesThatRunBackwardsAndReturnsThatWereNotToBeUsed)
{
	partners &p = fresh();
	payload_type a;

	p.make(a);
	p.result = tlm::TLM_UPDATED;
	p.result_phase = tlm::END_REQ;
	p.result_delay = sc_time(10, sc_core::SC_NS);
	p.forward(a, tlm::BEGIN_REQ);
	EXPECT_EQ(p.rules.size(), 0u);
	a.set_response_status(tlm::TLM_OK_RESPONSE);
	p.result_delay = sc_core::SC_ZERO_TIME;
	p.backward(a, tlm::BEGIN_RESP);		// at once, which is before END_REQ
	ASSERT_EQ(p.rules.size(), 1u);
	EXPECT_TRUE(p.said("do not run backwards in time"));
	p.result_delay = sc_time(5, sc_core::SC_NS);
	p.forward(a, tlm::END_RESP);		// accepted, with another delay
	ASSERT_EQ(p.rules.size(), 2u);
	EXPECT_TRUE(p.said("TLM_ACCEPTED leaves phase and delay"));
	EXPECT_TRUE(p.checker.idle());
	in_thread([&] { sc_core::wait(20, sc_core::SC_NS); });
}

TEST(ProtocolChecker, NamesAPayloadUsedAgainBeforeItsEnd)
{
	partners &p = fresh();
	payload_type a;
	sc_time delay;

	p.make(a);
	p.forward(a, tlm::BEGIN_REQ);
	p.backward(a, tlm::END_REQ);
	a.set_response_status(tlm::TLM_OK_RESPONSE);
	p.backward(a, tlm::BEGIN_RESP);
	EXPECT_EQ(p.rules.size(), 0u);
	a.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
	p.forward(a, tlm::BEGIN_REQ);		// END_RESP is still due
	ASSERT_EQ(p.rules.size(), 1u);
	EXPECT_TRUE(p.said("one transaction at a time"));
	a.set_response_status(tlm::TLM_OK_RESPONSE);
	p.forward(a, tlm::END_RESP);
	p.rules.clear();
	EXPECT_TRUE(p.checker.idle());

	bool again = true;
	p.blocking = [&](payload_type &payload, sc_time &its_delay) {
		if (std::exchange(again, false))
			p.initiator->b_transport(payload, its_delay);
		ok(payload, its_delay);
	};
	a.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
	in_thread([&] { p.initiator->b_transport(a, delay); });
	ASSERT_EQ(p.rules.size(), 1u);
	EXPECT_TRUE(p.said("one transaction at a time"));
}

TEST(ProtocolChecker, NamesAnInitiatorThatDoesNotHoldItsPayload)
{
	partners &p = fresh();
	payload_type a, b;

	prepare(a, tlm::TLM_READ_COMMAND, 0, p.data, 4);
	a.set_mm(&p.mm);
	p.result = tlm::TLM_COMPLETED;
	p.forward(a, tlm::BEGIN_REQ);
	EXPECT_TRUE(p.said("has acquired the payload"));
	p.rules.clear();
	p.make(b);
	p.forward(b, tlm::BEGIN_REQ);
	EXPECT_EQ(p.rules.size(), 0u);
	b.release();				// though it is not over
	p.backward(b, tlm::END_REQ);
	ASSERT_EQ(p.rules.size(), 1u);
	EXPECT_TRUE(p.said("holds the payload until"));
	b.set_response_status(tlm::TLM_OK_RESPONSE);
	p.backward(b, tlm::BEGIN_RESP);
	p.forward(b, tlm::END_RESP);
	EXPECT_TRUE(p.checker.idle());
}

TEST(ProtocolChecker, NamesATargetThatReleasesTooMuchOrLeavesItsExtensions)
{
	struct tag : tlm::tlm_extension<tag> {
		tlm_extension_base *clone() const override { return nullptr; }
		void copy_from(const tlm_extension_base &) override {}
	} extension;
	partners &p = fresh();
	payload_type a, b;
	sc_time delay;

	p.make(a);
	a.acquire();
	p.blocking = [&](payload_type &payload, sc_time &its_delay) {
		payload.release();
		ok(payload, its_delay);
	};
	in_thread([&] { p.initiator->b_transport(a, delay); });
	ASSERT_EQ(p.rules.size(), 1u);
	EXPECT_TRUE(p.said("releases no more than it acquired"));
	p.rules.clear();
	prepare(b, tlm::TLM_READ_COMMAND, 0, p.data, 4);
	p.blocking = [&](payload_type &payload, sc_time &its_delay) {
		payload.set_extension(&extension);
		ok(payload, its_delay);
	};
	in_thread([&] { p.initiator->b_transport(b, delay); });
	b.clear_extension(&extension);
	ASSERT_EQ(p.rules.size(), 1u);
	EXPECT_TRUE(p.said("takes its extensions back"));
}

TEST(ProtocolChecker, NamesWrongDebugAndDirectAccess)
{
	partners &p = fresh();
	payload_type a;
	tlm::tlm_dmi dmi;

	p.make(a);
	p.initiator->transport_dbg(a);
	EXPECT_TRUE(p.said("no more than was asked for"));
	a.set_data_ptr(nullptr);
	p.initiator->transport_dbg(a);
	EXPECT_TRUE(p.said("a debug request has data"));
	EXPECT_FALSE(p.said("DMI descriptor comes empty"));
	p.initiator->get_direct_mem_ptr(a, dmi);
	EXPECT_TRUE(p.said("has the address asked for"));
	EXPECT_TRUE(p.said("has a pointer"));
	EXPECT_TRUE(p.said("allows something"));
	p.initiator->get_direct_mem_ptr(a, dmi);	// as the first call left it
	EXPECT_TRUE(p.said("DMI descriptor comes empty"));
	p.target->invalidate_direct_mem_ptr(8, 7);
	EXPECT_TRUE(p.said("range is not empty"));
}

TEST(InterruptChecker, IsSilentAboutWhatIsRightAndNamesWhatIsWrong)
{
	interrupted &i = the_interrupted();

	i.checker.msi(0);
	i.checker.msix(0);
	i.checker.intx(true);
	EXPECT_EQ(i.rules.size(), 0u);
	EXPECT_EQ(i.checker.seen, 3u);
	i.answer = kit::irq_result::masked;
	i.checker.msix(0);
	EXPECT_EQ(i.rules.size(), 0u);
	i.checker.intx(false);
	i.wait_first = true;
	in_thread([&] { i.checker.msix(0); });
	ASSERT_EQ(i.rules.size(), 2u);
	EXPECT_STREQ(i.rules[0].c_str(), "a line has no mask");
	EXPECT_STREQ(i.rules[1].c_str(), "no call waits");
}
