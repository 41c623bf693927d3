// SPDX-License-Identifier: MIT
/*
 * AtomicOps in generic payloads (PCI Express Base 5.0, 6.15): a payload of TLM_IGNORE_COMMAND with
 * this extension. Its data length is the operand's size; its data are not used, as that command wants
 * it (IEEE 1666-2011, 14.5): what was there before goes into old.
 *
 * To a model: one that has feature::atomic_32, atomic_64 or cas_128 gets those sizes. It sets done
 * where it has done it, as kit::registers and kit::access_memory() do by themselves; one that
 * leaves done false answers Unsupported Request, whatever its response.
 *
 * From a model, by its DMA socket: FetchAdd, Swap or CAS on host memory, naturally aligned, where
 * the function has feature::atomic_requests. TLM_COMMAND_ERROR where software has not enabled
 * them or Bus Mastering, TLM_BURST_ERROR for a wrong size or alignment, TLM_ADDRESS_ERROR where the
 * host has no such memory or no such operation.
 *
 * Threads: plain data of a payload, in the SystemC thread; nothing waits but what is called.
 */
#ifndef KIT_ATOMIC_EXTENSION_H
#define KIT_ATOMIC_EXTENSION_H

#include <array>
#include <cstdint>
#include <functional>
#include <tlm>

namespace kit {

enum class atomic_op { fetch_add, swap, compare_and_swap };

class atomic_extension : public tlm::tlm_extension<atomic_extension> {
public:
	enum { max_size = 16 };		// bytes

	atomic_op op = atomic_op::fetch_add;
	std::array<uint8_t, max_size> operand{};	// added, or stored; little-endian
	std::array<uint8_t, max_size> compare{};	// compare_and_swap: stored only where it is found
	std::array<uint8_t, max_size> old{};		// what was there, where done
	bool done = false;

	tlm::tlm_extension_base *clone() const override { return new atomic_extension(*this); }

	void copy_from(const tlm::tlm_extension_base &other) override
	{
		*this = static_cast<const atomic_extension &>(other);
	}
};

// The extension of a payload that is an AtomicOp; null: it is none.
atomic_extension *atomic_of(const tlm::tlm_generic_payload &payload);

/*
 * Where the payload is an AtomicOp, do it by a read and, if the value is to be stored, a write at its
 * address, each a payload for access; sets done and the response of the last one. False: it is
 * none, and nothing was done.
 */
bool perform_atomic(tlm::tlm_generic_payload &payload,
		    const std::function<void(tlm::tlm_generic_payload &)> &access);

} // namespace kit

#endif
