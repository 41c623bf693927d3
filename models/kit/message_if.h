// SPDX-License-Identifier: MIT
/*
 * Message TLPs (PCI Express Base 5.0, 2.2.8) of a model, but its interrupts. Whoever hosts the model
 * implements message_if, and the model has a port of that type; the model implements
 * message_receiver_if.
 *
 * Threads: the SystemC thread, any process or none. No call waits.
 */
#ifndef KIT_MESSAGE_IF_H
#define KIT_MESSAGE_IF_H

#include <cstdint>
#include <systemc>
#include <vector>

#include "interrupt_if.h"

namespace kit {

enum message_code : uint8_t {		// those that the specification has for models; others are numbers
	MESSAGE_VENDOR_TYPE0 = 0x7e,	// unknown to its receiver, it is an Unsupported Request
	MESSAGE_VENDOR_TYPE1 = 0x7f,	// unknown to its receiver, it is dropped without a word
};

enum class message_routing : uint8_t { to_root = 0, by_address = 1, by_id = 2, broadcast = 3, local = 4, gather = 5 };

struct message {
	uint8_t code = MESSAGE_VENDOR_TYPE1;
	message_routing routing = message_routing::to_root;
	uint16_t requester_id = 0;	// received: whose it is. Sent: this function's, whatever is here
	uint16_t target_id = 0;		// routed by ID: Bus[15:8] Device[7:3] Function[2:0]
	uint16_t vendor_id = 0;		// Vendor_Defined: who defines it
	uint32_t word = 0;		// bytes 12 to 15 of the header, the first one on top
	uint8_t tc = 0;			// Traffic Class
	std::vector<uint8_t> data = {};	// a multiple of 4 bytes, Max_Payload_Size at most
};

enum class message_result {
	sent,		// on its way to the host
	disabled,	// software has not enabled it
	invalid,	// no such message, its routing or Traffic Class is another's, or too large
	no_link,	// no host, or a virtual function that software has not enabled
};

class message_if : public virtual sc_core::sc_interface {
public:
	virtual message_result send(const message &message) = 0;

	/*
	 * The latency that the device tolerates (2.2.8.8, 6.18), of a device with feature::ltr; all its
	 * functions together have one. Bit 15: there is a requirement; bits 12:10: scale, 32^scale ns; bits
	 * 9:0: value.
	 */
	virtual message_result ltr(uint16_t snoop, uint16_t no_snoop) = 0;

	/*
	 * A power management event (5.3.3) of a function with feature::pme, in D3hot, too: merged when
	 * software did not clear the status of the last one; disabled: the status is set, and no more.
	 */
	virtual irq_result pme() = 0;
};

class message_receiver_if : public virtual sc_core::sc_interface {
public:
	// Is it one for this model? Asked when it comes; receive() is called for no other.
	virtual bool knows(const message &message) = 0;

	// It comes behind the writes before it. It must not wait.
	virtual void receive(const message &message) = 0;
};

} // namespace kit

#endif
