/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "monitor.h"

enum {
	SPACE = 256,		/* of config space: where the capabilities of interest are */
	COMMAND = 0x04, CAP_POINTER = 0x34,
	COMMAND_BUS_MASTER = 1 << 2,
	CAP_PM = 0x01, CAP_PCIE = 0x10,
	PM_CONTROL = 4,
	PCIE_DEVCTL = 8, PCIE_DEVCTL2 = 0x28,
	DEVCTL_EXTENDED_TAG = 1 << 8, DEVCTL_FLR = 1 << 15, DEVCTL2_TAGS_10BIT = 1 << 12,
	CAPS_MAX = 48,
};

struct monitor {
	enum tlpb_role role;		/* of this end */
	struct tlpb_judge_state state;
	struct tlpb_judge_request outstanding[2 * TLPB_TAGS];
	unsigned endpoint_mps, host_mps;

	uint8_t space[SPACE];
	bool known[SPACE];
	bool several;			/* functions: of registers and IDs nothing is known */
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
	free(m);
}

void tlpb__monitor_limits(struct monitor *m, unsigned endpoint_mps, unsigned host_mps,
			  unsigned host_rcb)
{
	m->endpoint_mps = endpoint_mps;
	m->host_mps = host_mps;
	m->state.rcb = host_rcb;
}

uint64_t tlpb__monitor_violations(const struct monitor *m)
{
	return m->violations;
}

/* ---- config space ---- */

static bool known(const struct monitor *m, unsigned at, unsigned n)
{
	for (unsigned i = at; i < at + n; i++)
		if (i >= SPACE || !m->known[i])
			return false;
	return true;
}

/* Where a capability is; 0: not there, or not read by anybody. */
static unsigned capability(const struct monitor *m, unsigned id)
{
	unsigned at = known(m, CAP_POINTER, 1) ? m->space[CAP_POINTER] & ~3u : 0;

	for (unsigned i = 0; at && i < CAPS_MAX && known(m, at, 2); i++) {
		if (m->space[at] == id)
			return at;
		at = m->space[at + 1] & ~3u;
	}
	return 0;
}

static bool get_word(const struct monitor *m, unsigned cap, unsigned offset, unsigned *value)
{
	unsigned at = capability(m, cap);

	if (!at || !known(m, at + offset, 2))
		return false;
	*value = get_le16(m->space + at + offset);
	return true;
}

/* What the registers allow; no limit where they are not known. */
static void update_state(struct monitor *m)
{
	struct tlpb_judge_state *s = &m->state;
	unsigned control, control2 = 0;

	s->bus_master_enable = !known(m, COMMAND, 2) ||
			       get_le16(m->space + COMMAND) & COMMAND_BUS_MASTER;
	s->d_state = get_word(m, CAP_PM, PM_CONTROL, &control) ? control & 3 : 0;
	s->mrrs = s->mps = TLPB_MAX_PAYLOAD;
	s->tags = TLPB_TAGS;
	if (!get_word(m, CAP_PCIE, PCIE_DEVCTL, &control))
		return;
	s->mps = 128u << (control >> 5 & 7);
	s->mrrs = 128u << (control >> 12 & 7);
	s->tags = control & DEVCTL_EXTENDED_TAG ? 256 : 32;
	if (get_word(m, CAP_PCIE, PCIE_DEVCTL2, &control2) && control2 & DEVCTL2_TAGS_10BIT)
		s->tags = TLPB_TAGS;
}

/* All that a reset may have changed is unknown; at the endpoint's end it is known what is off. */
static void forget_space(struct monitor *m)
{
	memset(m->known, 0, sizeof m->known);
	if (m->role == TLPB_ENDPOINT && !m->several) {
		memset(m->space + COMMAND, 0, 2);
		m->known[COMMAND] = m->known[COMMAND + 1] = true;
	}
	update_state(m);
}

void tlpb__monitor_reset(struct monitor *m)
{
	forget_space(m);
	m->state.has_id = false;
}

/* Device and function differ from those before; the bus may be a new one of the same function. */
static bool is_another(const struct monitor *m, const struct tlpb_tlp *request)
{
	return m->state.has_id && (m->state.id ^ request->dest_id) & 0xff;
}

static void forget_all(struct monitor *m)
{
	m->several = true;
	m->state.has_id = false;
	memset(m->known, 0, sizeof m->known);
	update_state(m);
}

static void learn(struct monitor *m, unsigned at, unsigned enables, uint32_t dw)
{
	if (m->several)
		return;
	for (unsigned i = 0; i < 4 && at + i < SPACE; i++) {
		if (!(enables >> i & 1))
			continue;
		m->space[at + i] = (uint8_t)(dw >> 8 * i);
		m->known[at + i] = true;
	}
	update_state(m);
}

static bool starts_flr(const struct monitor *m, const struct tlpb_tlp *request, uint32_t dw)
{
	unsigned at = capability(m, CAP_PCIE);

	return at && request->reg_offset == at + PCIE_DEVCTL && request->first_be & 2 &&
	       dw & DEVCTL_FLR;
}

/* A write that has succeeded: read-only bits are not what was written, but none is looked at. */
static void learn_write(struct monitor *m, const struct tlpb_tlp *request)
{
	uint32_t dw = m->written[request->tag];

	if (is_another(m, request))
		forget_all(m);
	if (m->several)
		return;
	m->state.has_id = true;
	m->state.id = request->dest_id;
	if (starts_flr(m, request, dw)) {
		uint16_t id = m->state.id;

		forget_space(m);
		learn(m, COMMAND, 3, 0);	/* its completion is the last before the reset */
		m->state.id = id;
		return;
	}
	learn(m, request->reg_offset, request->first_be, dw);
}

static void learn_from_completion(struct monitor *m, const struct tlpb_tlp *completion)
{
	const struct tlpb_judge_request *o = tlpb_judge_find(&m->state, completion->requester_id,
							     completion->tag);

	if (!o || completion->status != TLPB_CPL_SC || completion->ep)
		return;
	if (o->request.kind == TLPB_CFGWR0)
		learn_write(m, &o->request);
	else if (o->request.kind == TLPB_CFGRD0 && is_another(m, &o->request))
		forget_all(m);
	else if (o->request.kind == TLPB_CFGRD0 && completion->payload_len == 4)
		learn(m, o->request.reg_offset, o->request.first_be, get_le32(completion->payload));
}

/* ---- TLPs ---- */

static bool is_violation(enum tlpb_verdict verdict)
{
	return verdict == TLPB_VERDICT_MALFORMED || verdict == TLPB_VERDICT_ECRC_ERROR ||
	       verdict == TLPB_VERDICT_UNEXPECTED || verdict == TLPB_VERDICT_VIOLATION;
}

/*
 * Largest payload of its sender: of the host, what the endpoint takes at all, since its own
 * limit is no register of the device.
 */
static unsigned payload_limit(const struct monitor *m, bool to_device)
{
	if (to_device)
		return m->endpoint_mps;
	return m->state.mps < m->host_mps ? m->state.mps : m->host_mps;
}

const char *tlpb__monitor_tlp(struct monitor *m, bool to_device, const uint8_t *bytes, size_t len,
			      const char **what)
{
	unsigned programmed = m->state.mps;
	struct tlpb_judgement j;
	struct tlpb_tlp tlp;

	if (!tlpb_tlp_unpack(bytes, len, &tlp)) {
		if (tlp.kind == TLPB_CFGWR0 && tlp.payload_len == 4)
			m->written[tlp.tag] = get_le32(tlp.payload);
		if (tlpb_kind_class(tlp.kind) == TLPB_COMPLETION)
			learn_from_completion(m, &tlp);
		programmed = m->state.mps;
	}
	m->state.mps = payload_limit(m, to_device);
	j = tlpb_judge_next(&m->state, to_device ? TLPB_JUDGE_RECEIVED : TLPB_JUDGE_SENT, bytes, len);
	m->state.mps = programmed;
	if (!is_violation(j.verdict))
		return NULL;
	m->violations++;
	if (what)
		*what = tlpb_verdict_name(j.verdict);
	return j.rule;
}
