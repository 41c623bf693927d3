/* SPDX-License-Identifier: MIT */
/*
 * What of a root complex depends on time: completion timeouts (2.8), and configuration requests
 * that are sent again after a retry status (2.3.1).
 */
#include "bytes.h"
#include "clock.h"
#include "rc_private.h"

enum { CRS_PAUSE_MS = 10 };

static void due_by(tlpb_rc *rc, int64_t due_ms)
{
	if (!rc->alarm.due_ms || due_ms < rc->alarm.due_ms)
		tlpb__alarm_set(&rc->alarm, due_ms);
}

int tlpb__rc_take_tag(tlpb_rc *rc, struct tlpb_tlp *tlp, void *buf, size_t len, tags_done *done,
		      void *arg)
{
	int64_t deadline = rc->timeout_ms ? monotonic_ms() + rc->timeout_ms : 0;

	rc->tags.deadline_ms = deadline;
	if (deadline)
		due_by(rc, deadline);
	return tlpb__tags_begin(&rc->tags, tlp, buf, len, done, arg);
}

/* The whole Vendor ID, of function 0 or another (2.3.2). */
static bool reads_vendor_id(const struct rc_access *a)
{
	return a->kind == TLPB_CFGRD0 && !a->addr && a->len >= 2;
}

bool tlpb__rc_retry(struct rc_access *a, bool *again)
{
	tlpb_rc *rc = a->rc;
	int64_t now = monotonic_ms();

	*again = false;
	if (rc->crs_visible && reads_vendor_id(a)) {
		put_le32(a->bytes, a->len == 4 ? 0xffff0001 : 0x0001);
		return true;
	}
	if (!a->first_crs_ms)
		a->first_crs_ms = now;
	if (now - a->first_crs_ms >= (int64_t)rc->crs_retry_ms || !tlpb_rc_is_up(rc))
		return false;
	a->again_ms = now + CRS_PAUSE_MS;
	TAILQ_INSERT_TAIL(&rc->retried, a, entry);
	due_by(rc, a->again_ms);
	*again = true;
	return true;
}

/* In the order in which they were put there, so the first is the next. */
static void send_due(tlpb_rc *rc, int64_t now)
{
	struct rc_access *a;

	while ((a = TAILQ_FIRST(&rc->retried)) && a->again_ms <= now) {
		TAILQ_REMOVE(&rc->retried, a, entry);
		tlpb__rc_send_again(a);
	}
}

static void report_late(tlpb_rc *rc, unsigned expired)
{
	tlpb_rc_group *group = expired ? tlpb__rc_call_back(rc) : NULL;

	for (unsigned i = 0; i < expired; i++)
		tlpb__rc_error(rc, TLPB_RC_COMPLETION_TIMEOUT, false, NULL);
	if (expired)
		tlpb__rc_called_back(group);
}

/* Where nothing is expired no callback ran. */
void tlpb__rc_look_at_clock(tlpb_rc *rc)
{
	int64_t now = rc->alarm.due_ms ? monotonic_ms() : 0, due;

	if (!now || !tlpb__alarm_rang(&rc->alarm, now))
		return;
	report_late(rc, tlpb__tags_expire(&rc->tags, now));
	send_due(rc, now);
	due = tlpb__tags_due(&rc->tags);
	if (due)
		due_by(rc, due);
	if (!TAILQ_EMPTY(&rc->retried))
		due_by(rc, TAILQ_FIRST(&rc->retried)->again_ms);
	tlpb__link_flush(rc->link);
}

int tlpb_rc_timer_fd(const tlpb_rc *rc)
{
	return rc->alarm.fd;
}
