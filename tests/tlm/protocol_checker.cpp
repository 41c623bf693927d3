// SPDX-License-Identifier: MIT
#include "protocol_checker.h"

#include <algorithm>
#include <gtest.h>

using sc_core::sc_time;
using sc_core::sc_time_stamp;

protocol_checker::protocol_checker(sc_core::sc_module_name name)
	: sc_module(name), target("target"), initiator("initiator"),
	  report([this](const std::string &rule) {
		gt_fail(gt_here(__FILE__, __LINE__, "", ""), "%s: %s", this->name(), rule.c_str());
	  })
{
	target.bind(static_cast<tlm::tlm_fw_transport_if<> &>(*this));
	initiator.bind(static_cast<tlm::tlm_bw_transport_if<> &>(*this));
}

namespace {

const char in_one_transaction[] = "a payload is in one transaction at a time";

// In the set until the end of the block, also when its process is killed in between.
template<class T>
struct lent {
	std::set<T> &set;
	T entry;

	lent(std::set<T> &its_set, T its_entry) : set(its_set), entry(its_entry) { set.insert(entry); }
	~lent() { set.erase(entry); }
};

} // namespace

void protocol_checker::expect(bool holds, const char *rule)
{
	if (!holds && std::find(provoked.begin(), provoked.end(), rule) == provoked.end())
		report(rule);
}

/* ---- attributes (14.7) ---- */

protocol_checker::attributes::attributes(const payload_type &payload)
	: command(payload.get_command()), address(payload.get_address()),
	  data(payload.get_data_ptr()), enable(payload.get_byte_enable_ptr()),
	  length(payload.get_data_length()), enable_length(payload.get_byte_enable_length()),
	  streaming_width(payload.get_streaming_width())
{
	if (command == tlm::TLM_WRITE_COMMAND && data)
		written.assign(data, data + length);
	if (enable)
		enables.assign(enable, enable + enable_length);
	if (data && ((command == tlm::TLM_READ_COMMAND && enable_length) ||
		     command == tlm::TLM_IGNORE_COMMAND))
		untouched.assign(data, data + length);
}

void protocol_checker::check_request(const payload_type &payload)
{
	const unsigned char *enable = payload.get_byte_enable_ptr();

	expect(payload.get_data_ptr() || payload.get_command() == tlm::TLM_IGNORE_COMMAND,
	       "a request has data");
	expect(payload.get_data_length() > 0, "the data length is at least 1");
	expect(payload.get_streaming_width() > 0, "the streaming width is at least 1");
	expect(payload.get_response_status() == tlm::TLM_INCOMPLETE_RESPONSE,
	       "the response status is TLM_INCOMPLETE_RESPONSE in a request");
	expect(!payload.is_dmi_allowed(), "the DMI hint is false in a request");
	expect(!enable || payload.get_byte_enable_length() > 0, "byte enables have a length");
	for (unsigned i = 0; enable && i < payload.get_byte_enable_length(); i++)
		expect(enable[i] == TLM_BYTE_ENABLED || enable[i] == TLM_BYTE_DISABLED,
		       "a byte enable is 0 or 0xff");
}

// The address is the interconnect's to change until the end; what is written never changes.
void protocol_checker::check_unchanged(const attributes &sent, const payload_type &payload, bool over)
{
	expect(payload.get_command() == sent.command, "the target does not change the command");
	expect(payload.get_data_ptr() == sent.data, "the target does not change the data pointer");
	expect(payload.get_data_length() == sent.length, "the target does not change the length");
	expect(payload.get_byte_enable_ptr() == sent.enable &&
	       payload.get_byte_enable_length() == sent.enable_length,
	       "the target does not change the byte enable attributes");
	expect(payload.get_streaming_width() == sent.streaming_width,
	       "the target does not change the streaming width");
	expect(over || payload.get_address() == sent.address, "nobody changes the address under way");
	expect(std::equal(sent.written.begin(), sent.written.end(), sent.data),
	       "the target does not change the data of a write");
	expect(std::equal(sent.enables.begin(), sent.enables.end(), sent.enable),
	       "the target does not change byte enables");
}

// Disabled bytes of a read (14.13), and all bytes of an ignored command (14.9).
void protocol_checker::check_bytes_left_alone(const attributes &sent, const payload_type &payload)
{
	bool ignored = sent.command == tlm::TLM_IGNORE_COMMAND, same = true;

	for (size_t i = 0; i < sent.untouched.size(); i++)
		if (ignored || sent.enables[i % sent.enables.size()] == TLM_BYTE_DISABLED)
			same &= sent.data[i] == sent.untouched[i];
	expect(same, ignored ? "the target moves nothing for an ignored command"
			     : "the target leaves bytes of a read alone that are not enabled");
}

void protocol_checker::check_response(const attributes &sent, const payload_type &payload)
{
	check_unchanged(sent, payload, true);
	check_bytes_left_alone(sent, payload);
	expect(payload.get_response_status() != tlm::TLM_INCOMPLETE_RESPONSE,
	       "the target sets the response status");
}

/* ---- memory management (14.5) ---- */

protocol_checker::belongings::belongings(payload_type &payload)
	: references(payload.get_ref_count())
{
	for (unsigned i = 0; i < tlm::max_num_extensions(); i++)
		extensions.push_back(payload.get_extension(i));
}

void protocol_checker::check_belongings(const belongings &before, payload_type &payload)
{
	expect(payload.get_ref_count() >= before.references,
	       "the target releases no more than it acquired");
	if (!payload.has_mm())
		expect(belongings(payload).extensions == before.extensions,
		       "the target takes its extensions back where there is no memory manager");
}

// At the beginning of a call: the checker holds it twice, by hold() in it and since BEGIN_REQ.
void protocol_checker::check_held(payload_type &payload)
{
	if (payload.has_mm() && find(payload))
		expect(payload.get_ref_count() > 2,
		       "the initiator holds the payload until the transaction is over");
}

/* ---- blocking, debug, DMI ---- */

void protocol_checker::b_transport(payload_type &payload, sc_time &delay)
{
	attributes sent(payload);
	belongings before(payload);
	sc_time begin = sc_time_stamp() + delay;
	sc_core::sc_curr_proc_kind kind = sc_core::sc_get_current_process_handle().proc_kind();

	seen.blocking++;
	check_request(payload);
	expect(kind == sc_core::SC_THREAD_PROC_ || kind == sc_core::SC_CTHREAD_PROC_,
	       "b_transport is called in a thread process");
	expect(!find(payload) && !blocking.count(&payload), in_one_transaction);
	lent<const payload_type *> entry(blocking, &payload);
	initiator->b_transport(payload, delay);
	expect(sc_time_stamp() + delay >= begin, "local time does not run backwards");
	check_belongings(before, payload);
	check_response(sent, payload);
}

// Of a payload only command, address, data and length are used here, as of a minimal one (14.8).
unsigned protocol_checker::transport_dbg(payload_type &payload)
{
	attributes sent(payload);
	sc_dt::uint64 delta = sc_core::sc_delta_count();
	unsigned moved;

	seen.debug++;
	expect(payload.get_data_ptr() || !payload.get_data_length(), "a debug request has data");
	moved = initiator->transport_dbg(payload);
	expect(moved <= sent.length, "transport_dbg moves no more than was asked for");
	expect(sc_core::sc_delta_count() == delta, "transport_dbg does not wait");
	check_unchanged(sent, payload, true);
	return moved;
}

bool protocol_checker::get_direct_mem_ptr(payload_type &payload, tlm::tlm_dmi &dmi)
{
	sc_dt::uint64 delta = sc_core::sc_delta_count(), address = payload.get_address();
	tlm::tlm_command command = payload.get_command();
	bool granted;

	seen.dmi++;
	expect(!dmi.get_dmi_ptr() && dmi.is_none_allowed() && !dmi.get_start_address() &&
	       dmi.get_end_address() == ~sc_dt::uint64(0), "a DMI descriptor comes empty");
	granted = initiator->get_direct_mem_ptr(payload, dmi);
	expect(sc_core::sc_delta_count() == delta, "get_direct_mem_ptr does not wait");
	expect(payload.get_command() == command, "the target does not change the command");
	expect(dmi.get_start_address() <= dmi.get_end_address(), "a DMI range is not empty");
	expect(dmi.get_start_address() <= address && address <= dmi.get_end_address(),
	       "a DMI range, granted or denied, has the address asked for in it");
	expect(!granted || dmi.get_dmi_ptr(), "granted DMI has a pointer");
	expect(!granted || !dmi.is_none_allowed(), "granted DMI allows something");
	return granted;
}

void protocol_checker::invalidate_direct_mem_ptr(sc_dt::uint64 first, sc_dt::uint64 last)
{
	seen.invalidations++;
	expect(first <= last, "an invalidated range is not empty");
	invalidated.emplace_back(first, last);
	target->invalidate_direct_mem_ptr(first, last);
}

/* ---- phases (15.2) ---- */

protocol_checker::transaction *protocol_checker::find(payload_type &payload)
{
	auto found = under_way.find(&payload);

	return found == under_way.end() ? nullptr : &found->second;
}

void protocol_checker::advance(transaction &transaction, phase state, const sc_time &time)
{
	expect(time >= transaction.time, "the phases of a transaction do not run backwards in time");
	transaction.state = state;
	transaction.time = time;
}

void protocol_checker::end_request(const payload_type &payload, const sc_time &time)
{
	if (requesting != &payload)
		return;
	requesting = nullptr;
	request_free = time;
}

// A payload is looked at to the end; without a memory manager it cannot be held, which is reported.
static void hold(tlm::tlm_generic_payload &payload)
{
	if (payload.has_mm())
		payload.acquire();
}

static void drop(tlm::tlm_generic_payload &payload)
{
	if (payload.has_mm())
		payload.release();
}

void protocol_checker::forget(payload_type &payload)
{
	under_way.erase(&payload);
	drop(payload);
}

void protocol_checker::on_begin_req(payload_type &payload, const sc_time &time)
{
	seen.requests++;
	expect(payload.has_mm(), "nb_transport needs a memory manager");
	expect(payload.get_ref_count() > 1, "the initiator has acquired the payload");
	if (find(payload) || blocking.count(&payload)) {
		report(in_one_transaction);
		return;
	}
	expect(!requesting, "request exclusion: BEGIN_REQ comes after END_REQ of the one before");
	expect(time >= request_free, "request exclusion: BEGIN_REQ is not before the time of END_REQ");
	check_request(payload);
	hold(payload);
	requesting = &payload;
	under_way.insert({ &payload, { attributes(payload), phase::request, time } });
}

void protocol_checker::on_end_req(payload_type &payload, const sc_time &time)
{
	transaction *its = find(payload);

	if (!its || its->state != phase::request) {
		report("END_REQ comes once, after BEGIN_REQ and before BEGIN_RESP");
		return;
	}
	check_unchanged(its->sent, payload, false);
	advance(*its, phase::accepted, time);
	end_request(payload, time);
}

void protocol_checker::on_begin_resp(payload_type &payload, const sc_time &time)
{
	transaction *its = find(payload);

	if (!its || its->state == phase::response) {
		report("BEGIN_RESP comes once, after BEGIN_REQ");
		return;
	}
	seen.responses++;
	expect(!responding, "response exclusion: BEGIN_RESP comes after END_RESP of the one before");
	expect(time >= response_free,
	       "response exclusion: BEGIN_RESP is not before the time of END_RESP");
	check_response(its->sent, payload);
	advance(*its, phase::response, time);
	end_request(payload, time);
	responding = &payload;
}

void protocol_checker::on_end_resp(payload_type &payload, const sc_time &time)
{
	transaction *its = find(payload);

	if (!its || its->state != phase::response) {
		report("END_RESP comes once, after BEGIN_RESP");
		return;
	}
	check_response(its->sent, payload);
	advance(*its, phase::response, time);
	responding = nullptr;
	response_free = time;
	forget(payload);
}

void protocol_checker::on_phase(payload_type &payload, const tlm::tlm_phase &phase,
				const sc_time &delay, bool forward)
{
	sc_time time = sc_time_stamp() + delay;
	bool legal = forward ? phase == tlm::BEGIN_REQ || phase == tlm::END_RESP
			     : phase == tlm::END_REQ || phase == tlm::BEGIN_RESP;

	if (!legal)
		report(std::string("not a phase of this direction: ") + phase.get_name());
	else if (phase == tlm::BEGIN_REQ)
		on_begin_req(payload, time);
	else if (phase == tlm::END_REQ)
		on_end_req(payload, time);
	else if (phase == tlm::BEGIN_RESP)
		on_begin_resp(payload, time);
	else
		on_end_resp(payload, time);
}

// TLM_COMPLETED ends a transaction from whatever phase; after END_RESP it says nothing new.
void protocol_checker::on_completed(payload_type &payload, const tlm::tlm_phase &sent,
				    const sc_time &time)
{
	transaction *its = find(payload);

	if (sent == tlm::END_RESP)
		return;
	if (!its) {
		report("TLM_COMPLETED is the answer for a transaction under way");
		return;
	}
	seen.early_completions++;
	check_response(its->sent, payload);
	advance(*its, phase::response, time);
	end_request(payload, time);
	if (responding == &payload) {
		responding = nullptr;
		response_free = time;
	}
	forget(payload);
}

void protocol_checker::on_return(payload_type &payload, const call &sent,
				 const tlm::tlm_phase &phase, tlm::tlm_sync_enum result,
				 const sc_time &delay, bool forward)
{
	if (result == tlm::TLM_UPDATED)
		on_phase(payload, phase, delay, !forward);
	else if (result == tlm::TLM_COMPLETED)
		on_completed(payload, sent.phase, sc_time_stamp() + delay);
	else
		expect(phase == sent.phase && delay == sent.delay,
		       "TLM_ACCEPTED leaves phase and delay as they were");
}

tlm::tlm_sync_enum protocol_checker::nb_transport_fw(payload_type &payload, tlm::tlm_phase &phase,
						     sc_time &delay)
{
	call sent = { phase, delay };
	sc_dt::uint64 delta = sc_core::sc_delta_count();
	tlm::tlm_sync_enum result;

	hold(payload);
	check_held(payload);
	on_phase(payload, phase, delay, true);
	result = initiator->nb_transport_fw(payload, phase, delay);
	expect(sc_core::sc_delta_count() == delta, "nb_transport_fw does not wait");
	on_return(payload, sent, phase, result, delay, true);
	drop(payload);
	return result;
}

tlm::tlm_sync_enum protocol_checker::nb_transport_bw(payload_type &payload, tlm::tlm_phase &phase,
						     sc_time &delay)
{
	call sent = { phase, delay };
	sc_dt::uint64 delta = sc_core::sc_delta_count();
	tlm::tlm_sync_enum result;

	hold(payload);
	check_held(payload);
	on_phase(payload, phase, delay, false);
	result = target->nb_transport_bw(payload, phase, delay);
	expect(sc_core::sc_delta_count() == delta, "nb_transport_bw does not wait");
	on_return(payload, sent, phase, result, delay, false);
	drop(payload);
	return result;
}
