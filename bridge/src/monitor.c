/* SPDX-License-Identifier: MIT */
#include "monitor.h"

#include <stdlib.h>

#include "bytes.h"
#include "monitor_credits.h"
#include "monitor_functions.h"

/*
 * When a function is allowed less than before, what it issued before that may still wait at its end: the
 * completion of a configuration write may pass it (2.4.1). That of a read may not. So the new limits hold
 * once a read was asked for afterwards, and answered.
 */
enum grace { GRACE_OVER, GRACE_BEGUN, GRACE_PROBED };

struct monitor {
	enum tlpb_role role;		/* of this end */
	struct tlpb_judge_state state;
	struct tlpb_judge_request outstanding[2 * TLPB_TAGS];
	unsigned endpoint_mps, host_mps;
	struct monitor_functions functions;
	enum grace grace;
	uint16_t probe_requester, probe_tag;	/* the read, while probed */
	struct monitor_credits credits;
	uint32_t written[TLPB_TAGS];	/* data of configuration writes that are outstanding, by tag */
	uint64_t violations;
};

static const struct tlpb_judge_bar everywhere[] = {
	{ .size = UINT64_MAX }, { .size = UINT64_MAX, .io = true },
};

struct monitor *tlpb__monitor_new(enum tlpb_role role)
{
	struct monitor *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->role = role;
	tlpb_judge_init(&m->state);
	m->state.legacy = true;		/* I/O and locked requests are the device's own affair */
	m->state.functions = 0xff;
	m->state.atomic_sizes = 4 | 8 | 16;
	m->state.deferrable_writes = true;
	m->state.bars = everywhere;	/* what it refuses is the device's own affair, too */
	m->state.bar_count = 2;
	m->state.outstanding = m->outstanding;
	m->state.outstanding_room = 2 * TLPB_TAGS;
	m->endpoint_mps = m->host_mps = TLPB_MAX_PAYLOAD;
	return m;
}

void tlpb__monitor_free(struct monitor *m)
{
	if (!m)
		return;
	tlpb__seen_free(&m->functions);
	free(m);
}

void tlpb__monitor_limits(struct monitor *m, const struct monitor_limits *limits)
{
	m->endpoint_mps = limits->endpoint_mps;
	m->host_mps = limits->host_mps;
	m->state.rcb = limits->host_rcb;
	tlpb__monitor_credits_init(&m->credits, limits->endpoint_credits, limits->host_credits);
}

/* At the endpoint's end it has happened; at the host's, TLPs of the time before may still arrive. */
void tlpb__monitor_reset(struct monitor *m)
{
	tlpb__seen_reset(&m->functions, m->role == TLPB_ENDPOINT);
	m->grace = GRACE_BEGUN;
}

void tlpb__monitor_note(struct monitor *m)
{
	m->violations++;
}

uint64_t tlpb__monitor_violations(const struct monitor *m)
{
	return m->violations;
}

/* ---- learning ---- */

static void learn_from_completion(struct monitor *m, const struct tlpb_tlp *completion)
{
	const struct tlpb_judge_request *o = tlpb_judge_find(&m->state, completion->requester_id,
							     completion->tag);

	if (!o || completion->status != TLPB_CPL_SC || completion->ep)
		return;
	if (o->request.kind == TLPB_CFGWR0)
		m->grace = tlpb__seen_written(&m->functions, &o->request, m->written[o->request.tag])
			 ? GRACE_BEGUN : m->grace;
	else if (o->request.kind == TLPB_CFGRD0 && completion->payload_len == 4)
		tlpb__seen_read(&m->functions, &o->request, get_le32(completion->payload));
}

static bool is_read(const struct tlpb_tlp *tlp)
{
	return tlpb_kind_class(tlp->kind) == TLPB_NON_POSTED && !tlpb_kind_has_data(tlp->kind);
}

static void follow_grace(struct monitor *m, bool to_device, const struct tlpb_tlp *tlp)
{
	if (m->grace == GRACE_BEGUN && to_device && is_read(tlp)) {
		m->grace = GRACE_PROBED;
		m->probe_requester = tlp->requester_id;
		m->probe_tag = tlp->tag;
	} else if (m->grace == GRACE_PROBED && !to_device && !tlp->ro && !tlp->ido &&
		   tlpb_kind_class(tlp->kind) == TLPB_COMPLETION &&
		   tlp->requester_id == m->probe_requester && tlp->tag == m->probe_tag) {
		m->grace = GRACE_OVER;
	}
}

static void learn(struct monitor *m, const struct tlpb_tlp *tlp)
{
	if (tlp->kind == TLPB_CFGWR0 && tlp->payload_len == 4)
		m->written[tlp->tag] = get_le32(tlp->payload);
	if (tlpb_kind_class(tlp->kind) == TLPB_COMPLETION)
		learn_from_completion(m, tlp);
}

/* ---- judging ---- */

/* The ID of the device's function that a TLP is from, or whose request it completes. */
static uint16_t function_of(const struct tlpb_tlp *tlp, bool to_device)
{
	bool completion = tlpb_kind_class(tlp->kind) == TLPB_COMPLETION;

	return completion && !to_device ? tlp->completer_id : tlp->requester_id;
}

/* The judge knows one function: it becomes that one. IDs that are not the device's stay foreign. */
static void become(struct monitor *m, const struct tlpb_tlp *tlp, bool to_device)
{
	static const struct function_limits none = {
		.bus_master = true, .mps = TLPB_MAX_PAYLOAD, .mrrs = TLPB_MAX_PAYLOAD, .tags = TLPB_TAGS,
	};
	const struct monitor_functions *f = &m->functions;
	const struct function_limits *limits = &none;
	uint16_t id = function_of(tlp, to_device);

	m->state.has_id = f->has_bus;
	m->state.id = tlpb__seen_own(f, id) ? id : (uint16_t)(f->bus << 8 | f->last);
	if (m->grace == GRACE_OVER)
		limits = tlpb__seen_limits(&m->functions, id);
	m->state.bus_master_enable = limits->bus_master;
	m->state.d_state = (uint8_t)limits->d_state;
	m->state.mrrs = limits->mrrs;
	m->state.tags = (uint16_t)limits->tags;
	/* Of the host: what the endpoint takes at all, since its own limit is no register of the device. */
	m->state.mps = to_device ? m->endpoint_mps
				 : limits->mps < m->host_mps ? limits->mps : m->host_mps;
}

static bool is_violation(enum tlpb_verdict verdict)
{
	return verdict == TLPB_VERDICT_MALFORMED || verdict == TLPB_VERDICT_ECRC_ERROR ||
	       verdict == TLPB_VERDICT_UNEXPECTED || verdict == TLPB_VERDICT_VIOLATION;
}

/* What its receiver finds malformed costs nothing: the link goes down before it counts credits. */
static const char *spend(struct monitor *m, bool to_device, const uint8_t *bytes, size_t len,
			 const struct tlpb_tlp *tlp, const char **pool)
{
	struct tlpb_credits cost = tlpb_tlp_credits(tlp);

	if (tlpb_tlp_check(bytes, len, to_device ? m->endpoint_mps : m->host_mps))
		return NULL;
	return tlpb__monitor_credits_tlp(&m->credits, to_device, &cost, pool);
}

/* The first rule counts; of what breaks several the others are not told. */
const char *tlpb__monitor_tlp(struct monitor *m, bool to_device, const uint8_t *bytes, size_t len,
			      const char **what)
{
	const char *rule = NULL, *pool = "";
	struct tlpb_judgement j;
	struct tlpb_tlp tlp;

	if (!tlpb_tlp_unpack(bytes, len, &tlp)) {
		follow_grace(m, to_device, &tlp);
		learn(m, &tlp);
		become(m, &tlp, to_device);
		rule = spend(m, to_device, bytes, len, &tlp, &pool);
	}
	j = tlpb_judge_next(&m->state, to_device ? TLPB_JUDGE_RECEIVED : TLPB_JUDGE_SENT, bytes, len);
	if (is_violation(j.verdict))
		rule = j.rule;
	if (rule)
		tlpb__monitor_note(m);
	if (rule && what)
		*what = rule == j.rule ? tlpb_verdict_name(j.verdict) : pool;
	return rule;
}

const char *tlpb__monitor_update(struct monitor *m, bool to_device,
				 const uint16_t limits[TLPB_POOLS], const char **what)
{
	const char *pool = "", *rule = tlpb__monitor_credits_update(&m->credits, to_device, limits, &pool);

	if (rule)
		tlpb__monitor_note(m);
	if (rule && what)
		*what = pool;
	return rule;
}
