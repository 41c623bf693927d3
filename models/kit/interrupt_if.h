// SPDX-License-Identifier: MIT
/*
 * How a model raises interrupts (PCI Express Base 5.0, 6.1). Whoever hosts the
 * model implements it; a model has a port of this type.
 *
 * Threads: the SystemC thread, any process or none. No call waits.
 */
#ifndef KIT_INTERRUPT_IF_H
#define KIT_INTERRUPT_IF_H

#include <systemc>

namespace kit {

enum class irq_result {
	sent,		// on its way to the host
	masked,		// held: vector or function is masked, its Pending bit is set
	merged,		// held before already, or the line had this level already
	bus_master_off,	// lost: Bus Master Enable is 0
	disabled,	// lost: the driver has not enabled this kind of interrupt; the level of
			// INTx is kept, and told once the driver enables it
	no_vector,	// lost: no such vector, or the driver granted fewer
	no_link,	// lost: no host
};

// Will the driver see the event, now or once it unmasks the vector?
inline bool irq_accepted(irq_result result)
{
	return result == irq_result::sent || result == irq_result::masked ||
	       result == irq_result::merged;
}

class interrupt_if : public virtual sc_core::sc_interface {
public:
	// One event on a vector; vectors count from 0.
	virtual irq_result msi(unsigned vector) = 0;
	virtual irq_result msix(unsigned vector) = 0;

	// The level of the function's INTx line; true is asserted.
	virtual irq_result intx(bool level) = 0;
};

} // namespace kit

#endif
