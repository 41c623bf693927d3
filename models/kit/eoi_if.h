// SPDX-License-Identifier: MIT
/*
 * How a model hears of the end of its INTx interrupt, where the host can know it;
 * no model may depend on that. The model implements it.
 */
#ifndef KIT_EOI_IF_H
#define KIT_EOI_IF_H

#include <systemc>

namespace kit {

class eoi_if : public virtual sc_core::sc_interface {
public:
	/*
	 * The host's interrupt controller ended an interrupt of this function's INTx
	 * line. Called in the SystemC thread: it must not wait. Writes that came before
	 * it may still be on their way through the model.
	 */
	virtual void eoi() = 0;
};

} // namespace kit

#endif
