/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The link of a device: it comes, is lost, returns, and ends. All under the BQL; the
 * states are drawn in tlpbridge-qemu.h.
 */
#include "tlpbridge-qemu.h"

#include "qapi/error.h"
#include "qemu/error-report.h"

tlpb_rc *tlpbridge_enter(TLPBridge *s)
{
	s->depth++;
	return s->link.rc;
}

void tlpbridge_leave(TLPBridge *s)
{
	if (--s->depth)
		return;
	tlpbridge_clock_release(s);
	if (s->link.rc && !tlpb_rc_is_up(s->link.rc))
		qemu_bh_schedule(s->lost_bh);
}

static void close_link(TLPBridgeLink *link)
{
	tlpb_rc_close(link->rc);
	tlpb_trace_close(link->trace);
	*link = (TLPBridgeLink){ NULL, NULL };
}

static void serve_link(void *opaque)
{
	TLPBridge *s = opaque;
	tlpb_rc *rc = tlpbridge_enter(s);

	if (rc)
		tlpb_rc_process(rc);
	tlpbridge_leave(s);
}

void tlpbridge_link_serve(TLPBridge *s)
{
	if (tlpb_rc_is_up(s->link.rc))
		qemu_set_fd_handler(tlpb_rc_fd(s->link.rc), serve_link, NULL, s);
	else
		qemu_bh_schedule(s->lost_bh);
}

/* All devices share the BQL: whoever waits for one of them serves all. Lives as long as QEMU. */
static tlpb_rc_group *bql_group(void)
{
	static tlpb_rc_group *group;

	if (!group && tlpb_rc_group_new(&group))
		group = NULL;	/* out of memory: each device serves itself */
	return group;
}

/* The one place where an rc becomes QEMU's, and the BQL its lock. */
static void take(TLPBridge *s, TLPBridgeArrival *arrival)
{
	s->link.rc = arrival->rc;
	arrival->rc = NULL;
	tlpb_rc_set_group(s->link.rc, bql_group());
	if (!s->face) {
		s->face = g_steal_pointer(&arrival->face);
		s->faces = arrival->faces;
	} else {	/* in place: the functions point there */
		memcpy(s->face, arrival->face, s->faces * sizeof(*s->face));
		g_clear_pointer(&arrival->face, g_free);
	}
	s->parent_obj.face = s->face;
	s->parent_obj.region = s->face->region;
	tlpbridge_functions_adopt(s);
}

/* ---- it is lost ---- */

static const char *what_the_guest_sees(TLPBridge *s)
{
	return tlpbridge_slot_listens(s) ? "The guest is told that it was removed."
					 : "The device now reads all ones.";
}

/* An inherited socket is one link: its number may be another descriptor's by now. */
static bool may_return(TLPBridge *s)
{
	return s->reconnect_s && !g_str_has_prefix(s->url, "fd:");
}

/* Inside a call into rc, so the rest is left to the bottom half. */
void tlpbridge_link_down(TLPBridge *s, enum tlpb_reason reason, const char *text)
{
	g_autofree char *label = tlpbridge_label(s);

	if (!s->link.rc)
		return;		/* unrealized */
	error_report("%s: the link to %s is down: %s. %s%s", label, s->url,
		     text && *text ? text : tlpb_reason_text(reason), what_the_guest_sees(s),
		     may_return(s) ? " Waiting for it to return." : "");
	qemu_set_fd_handler(tlpb_rc_fd(s->link.rc), NULL, NULL, NULL);
	for (unsigned pin = 0; pin < PCI_NUM_PINS; pin++)
		tlpbridge_functions_intx(s, pin, false);
	qemu_bh_schedule(s->lost_bh);
}

static void lost(void *opaque)
{
	TLPBridge *s = opaque;

	if (s->depth || !s->link.rc)
		return;		/* tlpbridge_leave() schedules it again; unrealized */
	tlpb_rc_close(s->link.rc);
	s->link.rc = NULL;
	tlpbridge_grants_lost(s);
	if (s->link.trace)
		tlpb_trace_flush(s->link.trace);
	tlpbridge_slot_lost(s);
	if (may_return(s))
		tlpbridge_reconnect_start(s);
}

/* ---- it returns ---- */

bool tlpbridge_link_return(TLPBridge *s, TLPBridgeArrival *arrival)
{
	g_autofree char *label = tlpbridge_label(s);

	if (!tlpbridge_same_faces(s->face, s->faces, arrival->face, arrival->faces)) {
		tlpbridge_arrival_close(arrival);
		tlpbridge_reconnect_tell(s, "its BARs differ from those that the guest knows; "
					 "remove the device (device_del) and add it again");
		return false;
	}
	take(s, arrival);
	tlpbridge_grants_returned(s);
	tlpbridge_link_serve(s);
	info_report("%s: the device at %s has returned; %s", label, s->url,
		    tlpbridge_slot_listens(s) ? "the guest is told"
					      : "remove it in the guest and rescan");
	tlpbridge_slot_returned(s);
	return true;
}

/* ---- it comes and ends ---- */

static bool open_trace(TLPBridge *s, Error **errp)
{
	char why[TLPBRIDGE_WHY];

	if (!s->trace_path || !tlpb_trace_create(s->trace_path, &s->link.trace, why, sizeof(why)))
		return true;
	s->link.trace = NULL;
	error_setg(errp, "trace=%s: %s", s->trace_path, why);
	return false;
}

bool tlpbridge_link_open(TLPBridge *s, Error **errp)
{
	char why[TLPBRIDGE_WHY];
	TLPBridgeArrival arrival;

	if (!open_trace(s, errp))
		return false;
	if (tlpbridge_arrive(s, s->connect_timeout_ms, &arrival, why, sizeof(why))) {
		close_link(&s->link);
		error_setg(errp, "%s", why);
		return false;
	}
	s->lost_bh = qemu_bh_new(lost, s);
	tlpbridge_reconnect_init(s);
	take(s, &arrival);
	return true;
}

static void close_later(void *opaque)
{
	TLPBridge *s = opaque;

	close_link(&s->closing);
	object_unref(OBJECT(s));
}

void tlpbridge_link_close(TLPBridge *s)
{
	tlpbridge_reconnect_free(s);
	if (s->link.rc && tlpb_rc_is_up(s->link.rc))
		qemu_set_fd_handler(tlpb_rc_fd(s->link.rc), NULL, NULL, NULL);
	s->closing = s->link;
	s->link = (TLPBridgeLink){ NULL, NULL };
	qemu_bh_delete(s->lost_bh);
	if (!s->depth) {
		close_link(&s->closing);
		return;
	}
	object_ref(OBJECT(s));
	aio_bh_schedule_oneshot(qemu_get_aio_context(), close_later, s);
}

void tlpbridge_link_at_exit(TLPBridge *s)
{
	tlpbridge_reconnect_stop(s);
	if (!s->depth)
		close_link(&s->link);
	else if (s->link.trace)
		tlpb_trace_flush(s->link.trace);
}
