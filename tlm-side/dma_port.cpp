// SPDX-License-Identifier: MIT
#include "dma_port.h"

#include <chrono>
#include <cstring>
#include <utility>

#include "kit/atomic_extension.h"
#include "kit/payload.h"
#include "kit/tlp_extension.h"
#include "look.h"
#include "tlm_status.h"

namespace tlpb {

enum { debug_ms = 1000 };	// longest debug access

/*
 * Shared by the process that waits and by each piece in flight: a process that
 * is killed while it waits leaves the memory the library still writes to.
 */
struct dma_port::transfer {
	unsigned pieces = 0;			// in flight, and 1 while it begins
	int err = 0;				// of the lowest piece that failed
	uint64_t fault = 0;			// bus address of its first byte that failed
	std::unique_ptr<uint8_t[]> data;	// of a read, or what was there before an AtomicOp
	size_t size = 0;			// of an AtomicOp
	bool may_wait = true;			// for its end
	std::function<void()> ended;		// no piece is in flight any more
};

// The next bytes from that offset on which are enabled together; length 0 at the end.
dma_port::run dma_port::next_run(const tlm::tlm_generic_payload &payload, size_t from)
{
	size_t len = payload.get_data_length(), begin = from, end;

	if (!payload.get_byte_enable_ptr())
		return { from, len - from };
	while (begin < len && !kit::byte_enabled(payload, begin))
		begin++;
	for (end = begin; end < len && kit::byte_enabled(payload, end);)
		end++;
	return { begin, end - begin };
}

void dma_port::note_failure(transfer &transfer, int err, uint64_t addr)
{
	if (transfer.err && addr >= transfer.fault)
		return;
	transfer.err = err;
	transfer.fault = addr;
}

void dma_port::piece_done(void *arg, int err, uint64_t addr)
{
	std::unique_ptr<transfer_ptr> holder(static_cast<transfer_ptr *>(arg));
	transfer &transfer = **holder;

	if (err)
		note_failure(transfer, err, addr);
	drop_piece(transfer);
}

// The last one may free what ended holds, so it is moved out first.
void dma_port::drop_piece(transfer &transfer)
{
	if (--transfer.pieces || !transfer.ended)
		return;

	std::function<void()> ended = std::move(transfer.ended);
	ended();
}

tlpb_dma_attr dma_port::attributes(const tlm::tlm_generic_payload &payload) const
{
	auto *tlp = payload.get_extension<kit::tlp_extension>();
	tlpb_dma_attr attr = {};

	attr.function = static_cast<uint8_t>(function);
	if (tlp) {
		attr.tc = tlp->tc;
		attr.ido = tlp->ido;
		attr.ro = tlp->ro;
		attr.ns = tlp->ns;
		attr.poison = tlp->poisoned;
	}
	return attr;
}

void dma_port::atomic_done(void *arg, int err, const void *old)
{
	transfer &transfer = **static_cast<transfer_ptr *>(arg);

	if (old)
		memcpy(transfer.data.get(), old, transfer.size);
	piece_done(arg, err, transfer.fault);
}

void dma_port::dmwr_done(void *arg, int err)
{
	piece_done(arg, err, (*static_cast<transfer_ptr *>(arg))->fault);
}

static tlpb_tlp_kind to_kind(kit::atomic_op op)
{
	switch (op) {
	case kit::atomic_op::swap: return TLPB_SWAP;
	case kit::atomic_op::compare_and_swap: return TLPB_CAS;
	default: return TLPB_FETCHADD;
	}
}

static tlpb_atomic to_atomic(const kit::atomic_extension &from, unsigned size)
{
	tlpb_atomic atomic = {};

	atomic.op = to_kind(from.op);
	atomic.size = size;
	memcpy(atomic.operand, from.operand.data(), sizeof atomic.operand);
	memcpy(atomic.compare, from.compare.data(), sizeof atomic.compare);
	return atomic;
}

static bool is_deferrable(const tlm::tlm_generic_payload &payload)
{
	auto *tlp = payload.get_extension<kit::tlp_extension>();

	return tlp && tlp->deferrable && payload.is_write();
}

// What is one request with an answer of its own. False: it is none of them.
bool dma_port::begin_exchange(const transfer_ptr &transfer, const tlm::tlm_generic_payload &payload)
{
	const kit::atomic_extension *atomic = kit::atomic_of(payload);
	tlpb_dma_attr attr = attributes(payload);
	uint64_t addr = payload.get_address();
	unsigned size = payload.get_data_length();
	transfer_ptr *arg;
	int err;

	if (!atomic && !is_deferrable(payload))
		return false;
	arg = new transfer_ptr(transfer);
	transfer->pieces++;
	transfer->fault = addr;
	if (atomic) {
		tlpb_atomic op = to_atomic(*atomic, size);

		transfer->size = size;
		transfer->data.reset(new uint8_t[size]);
		err = tlpb_ep_atomic(ep, addr, &op, &attr, atomic_done, arg);
	} else {
		err = tlpb_ep_dmwr(ep, addr, payload.get_data_ptr(), size, &attr, dmwr_done, arg);
	}
	if (err)
		piece_done(arg, err, addr);
	return true;
}

void dma_port::begin_piece(const transfer_ptr &transfer, const tlm::tlm_generic_payload &payload,
			   run run, bool posted)
{
	uint64_t addr = payload.get_address() + run.offset;
	transfer_ptr *arg = posted ? nullptr : new transfer_ptr(transfer);
	tlpb_dma_attr attr = attributes(payload);
	int err;

	transfer->pieces += !posted;
	if (payload.is_read())
		err = tlpb_ep_dma_read(ep, addr, transfer->data.get() + run.offset, run.len,
				       &attr, piece_done, arg);
	else
		err = tlpb_ep_dma_write(ep, addr, payload.get_data_ptr() + run.offset, run.len,
					&attr, posted ? nullptr : piece_done, arg);
	if (err && !posted)
		piece_done(arg, err, addr);
	else if (err == TLPB_ERR_BUSY && transfer->may_wait)
		begin_piece(transfer, payload, run, false);	// too much before it: until that has gone
	else if (err)
		note_failure(*transfer, err, addr);
}

void dma_port::begin(const transfer_ptr &fresh, const tlm::tlm_generic_payload &payload, bool posted)
{
	run run = next_run(payload, 0);

	fresh->pieces = 1;
	if (begin_exchange(fresh, payload)) {
		drop_piece(*fresh);
		return;
	}
	if (payload.is_read())
		fresh->data.reset(new uint8_t[payload.get_data_length()]);
	for (; run.len && !fresh->err; run = next_run(payload, run.offset + run.len))
		begin_piece(fresh, payload, run, posted);
	drop_piece(*fresh);
}

void dma_port::finish(const transfer &transfer, tlm::tlm_generic_payload &payload)
{
	auto *tlp = payload.get_extension<kit::tlp_extension>();
	run run = next_run(payload, 0);

	if (tlp && transfer.err)
		tlp->fault_address = transfer.fault;
	if (kit::atomic_extension *atomic = kit::atomic_of(payload)) {
		atomic->done = !transfer.err;
		if (!transfer.err)
			memcpy(atomic->old.data(), transfer.data.get(), transfer.size);
	}
	if (tlp)
		tlp->retry = transfer.err == TLPB_ERR_CRS;
	if (tlp && payload.is_read())
		tlp->poisoned = transfer.err == TLPB_ERR_POISONED;
	if (payload.is_read() && !transfer.err)
		for (; run.len; run = next_run(payload, run.offset + run.len))
			memcpy(payload.get_data_ptr() + run.offset,
			       transfer.data.get() + run.offset, run.len);
	payload.set_response_status(to_response(transfer.err));
}

static bool is_posted(const tlm::tlm_generic_payload &payload)
{
	auto *tlp = payload.get_extension<kit::tlp_extension>();

	return tlp && tlp->posted && !tlp->deferrable && payload.is_write();
}

static bool moves(const tlm::tlm_generic_payload &payload)
{
	return payload.is_read() || payload.is_write() || kit::atomic_of(payload);
}

static bool wraps(const tlm::tlm_generic_payload &payload)
{
	return payload.get_address() + (payload.get_data_length() - 1) < payload.get_address();
}

// What TLM-2.0 allows and the bus can do. Sets the response if not.
static bool is_valid(tlm::tlm_generic_payload &payload)
{
	unsigned len = payload.get_data_length();

	if (!moves(payload))
		payload.set_response_status(tlm::TLM_COMMAND_ERROR_RESPONSE);
	else if (!len || payload.get_streaming_width() < len)
		payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
	else if (wraps(payload))
		payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
	else
		return true;
	return false;
}

// The same, and a VF that software has not enabled can do no more than one that is no bus master.
bool dma_port::admits(tlm::tlm_generic_payload &payload) const
{
	if (!is_valid(payload))
		return false;
	if (tlpb_ep_has_function(ep, function))
		return true;
	payload.set_response_status(tlm::TLM_COMMAND_ERROR_RESPONSE);
	return false;
}

/*
 * Direct DMA: into and out of memory that the host has granted. False: it takes TLPs, or several pieces. A
 * pointer is worth asking for then, where it was read.
 */
bool dma_port::at_once(tlm::tlm_generic_payload &payload) const
{
	auto *tlp = payload.get_extension<kit::tlp_extension>();
	tlpb_dma_attr attr = attributes(payload);

	if (payload.get_byte_enable_ptr() || kit::atomic_of(payload) || is_deferrable(payload) ||
	    tlpb_ep_dma_now(ep, payload.is_write(), payload.get_address(), payload.get_data_ptr(),
			    payload.get_data_length(), &attr))
		return false;
	if (tlp)
		tlp->retry = false;
	payload.set_dmi_allowed(payload.is_read());
	payload.set_response_status(tlm::TLM_OK_RESPONSE);
	return true;
}

bool dma_port::get_direct_mem_ptr(tlm::tlm_generic_payload &payload, tlm::tlm_dmi &dmi) const
{
	tlpb_ep_window window;

	dmi.init();
	dmi.set_start_address(payload.get_address());	// of what is denied; the host may grant it later
	dmi.set_end_address(payload.get_address());
	if (!payload.is_read() || !tlpb_ep_find_window(ep, function, payload.get_address(), &window))
		return false;
	dmi.set_dmi_ptr(const_cast<uint8_t *>(window.base));
	dmi.set_start_address(window.addr);
	dmi.set_end_address(window.addr + window.len - 1);
	dmi.set_granted_access(tlm::tlm_dmi::DMI_ACCESS_READ);
	return true;
}

static bool may_wait()
{
	sc_core::sc_curr_proc_kind kind = sc_core::sc_get_current_process_handle().proc_kind();

	return (kind == sc_core::SC_THREAD_PROC_ || kind == sc_core::SC_CTHREAD_PROC_) && !look::under_way();
}

void dma_port::b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay)
{
	bool posted = is_posted(payload);

	payload.set_dmi_allowed(false);
	if (!posted && !may_wait())
		SC_REPORT_ERROR("tlpbridge/dma", "DMA waits for its answer: call b_transport() from an "
				"SC_THREAD, or ask for a posted write (kit::tlp_extension)");
	if (!admits(payload))
		return;
	if (!posted && delay != sc_core::SC_ZERO_TIME) {
		sc_core::wait(delay);
		delay = sc_core::SC_ZERO_TIME;
	}
	if (at_once(payload))
		return;

	transfer_ptr fresh = std::make_shared<transfer>();
	auto done = std::make_shared<sc_core::sc_event>();
	fresh->ended = [done] { done->notify(sc_core::SC_ZERO_TIME); };
	fresh->may_wait = may_wait();
	begin(fresh, payload, posted);
	while (fresh->pieces)
		sc_core::wait(*done);
	finish(*fresh, payload);
}

void dma_port::start(tlm::tlm_generic_payload &payload, std::function<void()> ended)
{
	if (!admits(payload) || at_once(payload)) {
		ended();
		return;
	}

	transfer_ptr fresh = std::make_shared<transfer>();
	transfer *plain = fresh.get();	// whoever calls ended holds it
	fresh->ended = [plain, &payload, ended = std::move(ended)] {
		finish(*plain, payload);
		ended();
	};
	begin(fresh, payload, is_posted(payload));
}

unsigned dma_port::transport_dbg(tlm::tlm_generic_payload &payload)
{
	using clock = std::chrono::steady_clock;

	// The streaming width says nothing here.
	if (!poll || !(payload.is_read() || payload.is_write()) || !payload.get_data_length() || wraps(payload))
		return 0;
	if (at_once(payload))
		return payload.get_data_length();

	clock::time_point end = clock::now() + std::chrono::milliseconds(debug_ms);
	transfer_ptr fresh = std::make_shared<transfer>();
	begin(fresh, payload, false);
	while (fresh->pieces && clock::now() < end)
		poll(10);
	if (fresh->pieces)
		return 0;
	finish(*fresh, payload);
	return payload.is_response_ok() ? payload.get_data_length() : 0;
}

} // namespace tlpb
