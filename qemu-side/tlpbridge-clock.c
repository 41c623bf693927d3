/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clock=hold: the guest's time stands still while a CPU waits long for the model, so
 * that a debugger that stops the model for a minute does not make the guest's watchdogs
 * fire.
 *
 * vm_stop() cannot be used inside an access. But its first half, cpu_disable_ticks(),
 * can: it stops QEMU_CLOCK_VIRTUAL, from which all of the guest's timers run, and the
 * time stamp counter. Other CPUs go on executing with a clock that stands, until they
 * need the BQL. Nothing but the wait runs under the BQL, so nobody else starts or stops
 * the clock meanwhile.
 */
#include "tlpbridge-qemu.h"

#include "qapi/error.h"

static unsigned holders;	/* devices that wait; one may wait inside another's DMA */

bool tlpbridge_clock_check(TLPBridge *s, Error **errp)
{
	if (s->clock == TLPBRIDGE_CLOCK_FREE || tcg_enabled())
		return true;
	error_setg(errp, "clock=hold needs -accel tcg: the time stamp counter of another "
		   "accelerator's CPU cannot be stopped");
	return false;
}

void tlpbridge_clock_hold(TLPBridge *s)
{
	/* Of a stopped machine (a debugger or the monitor reads a BAR) the clock stands anyway. */
	if (s->clock != TLPBRIDGE_CLOCK_HOLD || s->clock_held || !runstate_is_running())
		return;
	s->clock_held = true;
	if (!holders++)
		cpu_disable_ticks();
}

void tlpbridge_clock_release(TLPBridge *s)
{
	if (!s->clock_held)
		return;
	s->clock_held = false;
	if (!--holders)
		cpu_enable_ticks();
}
