// SPDX-License-Identifier: MIT
/*
 * What a TLP says beyond command, address and data.
 *
 * On a request to a model: where it comes from. It lives as long as the
 * b_transport() call it came with. On DMA by a model (optional): how to send it, and
 * where it failed.
 *
 * Threads: plain data of a payload, in the SystemC thread.
 */
#ifndef KIT_TLP_EXTENSION_H
#define KIT_TLP_EXTENSION_H

#include <cstdint>
#include <tlm>

namespace kit {

class tlp_extension : public tlm::tlm_extension<tlp_extension> {
public:
	// Both ways: the header's fields (2.2.6).
	uint8_t tc = 0;			// Traffic Class
	bool ido = false;		// ID-based ordering
	bool ro = false;		// relaxed ordering
	bool ns = false;		// no snoop

	/*
	 * Request to a model: a memory write, nobody waits for its result.
	 * DMA write: return once it is on its way, without knowing how it ends. While 4 MiB of them
	 * wait for the host, the next one waits, too; in an SC_METHOD it fails.
	 */
	bool posted = false;

	/*
	 * A Deferrable Memory Write: a write that is not posted and may be refused for now. Both
	 * ways, retry says so: set by the model with an error response, or set where the host did. One
	 * by a model is 1 to 128 bytes, counted from the doubleword in which they begin, all enabled.
	 */
	bool deferrable = false;
	bool retry = false;

	/*
	 * The data are known to be bad (2.7.2). Request to a model: set by the model with an OK response,
	 * for the data of a read or an AtomicOp. DMA by a model: set by the model for what it sends, which
	 * is not stored then; set by whoever hosts it for a read of bad data, which fails.
	 */
	bool poisoned = false;

	// DMA that failed, set by whoever hosts the model: its lowest byte that was not transferred.
	uint64_t fault_address = 0;

	// Requests to a model only.
	uint16_t requester_id = 0;	// Bus[15:8] Device[7:3] Function[2:0]
	uint16_t tag = 0;
	unsigned function = 0;		// number of the one addressed, in its device
	unsigned vf = 0;		// 0: it is no virtual one; else which of its function's, from 1
	unsigned region = 0;		// 0..5: BAR, 6: expansion ROM
	uint64_t address = 0;		// bus address of the first byte of the payload

	tlm::tlm_extension_base *clone() const override
	{
		return new tlp_extension(*this);
	}

	void copy_from(const tlm::tlm_extension_base &other) override
	{
		*this = static_cast<const tlp_extension &>(other);
	}
};

} // namespace kit

#endif
