/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread that looks for a server that went away. Connecting blocks, and the guest
 * must not stand still for it.
 *
 * The thread has the rc to itself. When the device has answered it schedules a bottom
 * half and ends; the bottom half joins it, and by that becomes the owner of what it
 * left. Whoever wants the thread to end sets cancel and joins it: the library asks
 * for cancel several times a second while it waits.
 */
#include "tlpbridge-qemu.h"

#include "qemu/cutils.h"
#include "qemu/error-report.h"

enum {
	ATTEMPT_MS = 1500,	/* patience of one attempt; the library speaks of 2 s in vain */
	MISFIT_FACTOR = 3,	/* a wrong device is looked at again so much less often */
};

bool tlpbridge_reconnect_cancelled(TLPBridge *s)
{
	return qatomic_read(&s->reconnect.cancel);
}

void tlpbridge_reconnect_tell(TLPBridge *s, const char *why)
{
	TLPBridgeReconnect *r = &s->reconnect;
	g_autofree char *label = tlpbridge_label(s);

	if (!strcmp(r->told, why))
		return;
	pstrcpy(r->told, sizeof(r->told), why);
	error_report("%s: the device at %s does not return: %s", label, s->url, why);
}

/* One look. True: the device is in arrival. That nobody is there needs no words. */
static bool attempt(TLPBridge *s)
{
	char why[TLPBRIDGE_WHY];
	int err = tlpbridge_arrive(s, ATTEMPT_MS, &s->reconnect.arrival, why, sizeof(why));

	if (err && err != TLPB_ERR_TIMEDOUT && err != TLPB_ERR_CLOSED &&
	    !tlpbridge_reconnect_cancelled(s))
		tlpbridge_reconnect_tell(s, why);
	return !err;
}

/* Sleep until then, or until cancel. */
static void pause_until(TLPBridge *s, int64_t then_ms)
{
	int64_t left = then_ms - qemu_clock_get_ms(QEMU_CLOCK_REALTIME);

	if (left > 0)
		qemu_sem_timedwait(&s->reconnect.wake, MIN(left, INT_MAX));
}

static void *look(void *opaque)
{
	TLPBridge *s = opaque;
	TLPBridgeReconnect *r = &s->reconnect;
	int64_t period_ms = s->reconnect_s * 1000ll;
	int64_t next = qemu_clock_get_ms(QEMU_CLOCK_REALTIME);

	if (r->misfit)
		pause_until(s, next + period_ms * MISFIT_FACTOR);
	while (!tlpbridge_reconnect_cancelled(s)) {
		next = qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + period_ms;
		if (attempt(s)) {
			qemu_bh_schedule(r->bh);
			break;
		}
		pause_until(s, next);
	}
	return NULL;
}

void tlpbridge_reconnect_start(TLPBridge *s)
{
	TLPBridgeReconnect *r = &s->reconnect;

	r->cancel = false;
	r->running = true;
	qemu_thread_create(&r->thread, "tlpbridge", look, s, QEMU_THREAD_JOINABLE);
}

static void join(TLPBridgeReconnect *r)
{
	qemu_thread_join(&r->thread);
	r->running = false;
	while (!qemu_sem_timedwait(&r->wake, 0))
		;	/* a post that found nobody pausing */
}

/* The bottom half: the device has answered. */
static void arrived(void *opaque)
{
	TLPBridge *s = opaque;
	TLPBridgeReconnect *r = &s->reconnect;

	if (!r->running)
		return;		/* stopped meanwhile */
	join(r);
	r->misfit = !tlpbridge_link_return(s, &r->arrival);
	if (r->misfit)
		tlpbridge_reconnect_start(s);
	else
		r->told[0] = '\0';
}

void tlpbridge_reconnect_stop(TLPBridge *s)
{
	TLPBridgeReconnect *r = &s->reconnect;

	if (!r->running)
		return;
	qatomic_set(&r->cancel, true);
	qemu_sem_post(&r->wake);
	join(r);
	tlpbridge_arrival_close(&r->arrival);
}

void tlpbridge_reconnect_init(TLPBridge *s)
{
	TLPBridgeReconnect *r = &s->reconnect;

	memset(r, 0, sizeof(*r));
	qemu_sem_init(&r->wake, 0);
	r->bh = qemu_bh_new(arrived, s);
}

void tlpbridge_reconnect_free(TLPBridge *s)
{
	tlpbridge_reconnect_stop(s);
	qemu_bh_delete(s->reconnect.bh);
	qemu_sem_destroy(&s->reconnect.wake);
}
