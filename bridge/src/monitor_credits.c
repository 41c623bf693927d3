/* SPDX-License-Identifier: MIT */
#include "monitor_credits.h"

static const char *const update_rules[] = {
	[CREDIT_FAULT_TOO_MANY] = "CREDITS_TOO_MANY",
	[CREDIT_FAULT_BACKWARDS] = "CREDITS_TAKEN_BACK",
	[CREDIT_FAULT_INFINITE_UPDATED] = "CREDITS_INFINITE_UPDATED",
};

void tlpb__monitor_credits_init(struct monitor_credits *m, const uint16_t by_endpoint[TLPB_POOLS],
				const uint16_t by_host[TLPB_POOLS])
{
	m->known = true;
	tlpb__credits_init(&m->sender[true], by_host, TLPB_MAX_PAYLOAD, by_endpoint);
	tlpb__credits_init(&m->sender[false], by_endpoint, TLPB_MAX_PAYLOAD, by_host);
}

/* The pool of a class that lacks them: data, where the header alone could go. */
static unsigned lacking(const struct credits *c, const struct tlpb_credits *cost)
{
	struct tlpb_credits header = *cost;

	header.data = 0;
	return 2u * cost->cls + tlpb__credits_suffice(c, &header);
}

/* What was sent without credits was sent: from here on its sender has none left, not less than none. */
static void forgive(struct credits *c, unsigned pool)
{
	c->tx[pool].limit = c->tx[pool].consumed;
}

const char *tlpb__monitor_credits_tlp(struct monitor_credits *m, bool to_device,
				      const struct tlpb_credits *cost, const char **pool)
{
	struct credits *c = &m->sender[to_device];
	unsigned index;

	if (!m->known)
		return NULL;
	if (tlpb__credits_suffice(c, cost)) {
		tlpb__credits_consume(c, cost);
		return NULL;
	}
	index = lacking(c, cost);
	tlpb__credits_consume(c, cost);
	forgive(c, index);
	*pool = tlpb_pool_name(index);
	return "CREDITS_EXCEEDED";
}

const char *tlpb__monitor_credits_update(struct monitor_credits *m, bool to_device,
					 const uint16_t limits[TLPB_POOLS], const char **pool)
{
	enum credit_fault fault;
	unsigned index;

	if (!m->known)
		return NULL;
	/* Who sends it is the receiver of the other direction. */
	fault = tlpb__credits_update(&m->sender[!to_device], limits, &index);
	if (!fault)
		return NULL;
	*pool = tlpb_pool_name(index);
	return update_rules[fault];
}
