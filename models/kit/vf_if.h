// SPDX-License-Identifier: MIT
/*
 * How a function hears of its virtual functions coming and going. The model implements it.
 */
#ifndef KIT_VF_IF_H
#define KIT_VF_IF_H

#include <systemc>

namespace kit {

class vf_if : public virtual sc_core::sc_interface {
public:
	/*
	 * Software has set or cleared VF Enable: the first count virtual functions are there now. Those
	 * that went have been reset, or are as soon as their writes from before are done. Called
	 * in the SystemC thread, inside any process or none: it must not wait.
	 */
	virtual void vfs(unsigned count) = 0;
};

} // namespace kit

#endif
