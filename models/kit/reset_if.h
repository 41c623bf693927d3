// SPDX-License-Identifier: MIT
/*
 * How a model hears of a reset of its function. The model implements it.
 */
#ifndef KIT_RESET_IF_H
#define KIT_RESET_IF_H

#include <systemc>

namespace kit {

enum class reset_kind {
	system,		// fundamental reset
	hot,		// hot reset by the port above
	function_level,	// FLR by the driver
	power,		// slot power was off
};

class reset_if : public virtual sc_core::sc_interface {
public:
	/*
	 * Take the initial values. Called in the SystemC thread, inside any process
	 * or none: it must not wait. Writes from before the reset come before it,
	 * unless one of them keeps the model waiting too long; every later access comes
	 * after this call. Reads that have begun may still be under way.
	 */
	virtual void reset(reset_kind kind) = 0;
};

} // namespace kit

#endif
