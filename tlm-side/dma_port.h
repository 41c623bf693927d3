// SPDX-License-Identifier: MIT
/*
 * A model's DMA: generic payloads at bus addresses, into TLPs and back.
 *
 * Threads: the SystemC thread. b_transport() suspends the calling thread
 * process, never the kernel; several processes may be in it at once. Errors are told by
 * the payload's response (to_response() in tlm_status.h).
 */
#ifndef TLM_SIDE_DMA_PORT_H
#define TLM_SIDE_DMA_PORT_H

#include <functional>
#include <memory>
#include <systemc>
#include <tlm>
#include <tlpbridge/ep.h>

namespace tlpb {

// Serve the link for at most timeout_ms; returns early when something arrived.
using poll_function = std::function<void(int timeout_ms)>;

class dma_port {
public:
	// Of the function of that number. Both are borrowed. poll may stay empty: debug accesses then move nothing.
	dma_port(tlpb_ep *ep, unsigned function, const poll_function &poll)
		: ep(ep), function(function), poll(poll) {}

	/*
	 * Any length and byte enables, AtomicOps (kit::atomic_extension) and Deferrable Memory
	 * Writes (kit::tlp_extension); waits for the incoming delay, then until the
	 * transfer is done. A write whose tlp_extension says posted returns at once, unless too many wait.
	 */
	void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);

	/*
	 * The same without waiting: ended is called when the payload has its response, inside
	 * or after this call. The payload is in use until then. No delay passes.
	 */
	void start(tlm::tlm_generic_payload &payload, std::function<void()> ended);

	/*
	 * May not wait, so it serves the link for up to a second until the answer is
	 * there; requests that arrive meanwhile are only queued. Returns all bytes or 0.
	 */
	unsigned transport_dbg(tlm::tlm_generic_payload &payload);

	/*
	 * Memory that the host has granted (tlpb_ep_find_window()), for reading alone: the host has to be told what was written,
	 * which a pointer does not do, and b_transport() costs little more than copying there. What is read
	 * by pointer has no order with posted writes, nor with what the host sends: who polls calls b_transport().
	 */
	bool get_direct_mem_ptr(tlm::tlm_generic_payload &payload, tlm::tlm_dmi &dmi) const;

private:
	struct transfer;
	struct run {
		size_t offset, len;
	};

	using transfer_ptr = std::shared_ptr<transfer>;

	static run next_run(const tlm::tlm_generic_payload &payload, size_t from);
	static void note_failure(transfer &transfer, int err, uint64_t addr);
	static void piece_done(void *arg, int err, uint64_t fail_addr);
	static void drop_piece(transfer &transfer);
	void begin(const transfer_ptr &fresh, const tlm::tlm_generic_payload &payload, bool posted);
	void begin_piece(const transfer_ptr &transfer, const tlm::tlm_generic_payload &payload,
			 run run, bool posted);
	static void atomic_done(void *arg, int err, const void *old);
	static void dmwr_done(void *arg, int err);
	bool begin_exchange(const transfer_ptr &transfer, const tlm::tlm_generic_payload &payload);
	bool at_once(tlm::tlm_generic_payload &payload) const;
	static void finish(const transfer &transfer, tlm::tlm_generic_payload &payload);
	bool admits(tlm::tlm_generic_payload &payload) const;
	tlpb_dma_attr attributes(const tlm::tlm_generic_payload &payload) const;

	tlpb_ep *ep;
	unsigned function;
	const poll_function &poll;
};

} // namespace tlpb

#endif
