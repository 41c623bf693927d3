/* SPDX-License-Identifier: MIT */
/* JOIN: which host gets which device. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <tlpbridge/log.h>

#include "clock.h"
#include "server_private.h"

static struct slot *find_held_by(tlpb_server *s, const struct join *join)
{
	for (unsigned i = 0; i < s->slots; i++)
		if (s->slot[i].state != SLOT_FREE &&
		    !memcmp(s->slot[i].host_token, join->host_token, TLPB_TOKEN))
			return &s->slot[i];
	return NULL;
}

static bool wanted(const struct slot *slot, const struct join *join)
{
	return !join->device[0] || !strcmp(join->device, tlpb_ep_device(slot->ep)->name);
}

static struct slot *find_free(tlpb_server *s, const struct join *join)
{
	for (unsigned i = 0; i < s->slots; i++)
		if (s->slot[i].state == SLOT_FREE && wanted(&s->slot[i], join))
			return &s->slot[i];
	return NULL;
}

/* A host stays in the lobby until its link is up: one that does not was killed, gave up, or hangs. */
void tlpb__server_free_abandoned(tlpb_server *s)
{
	for (unsigned i = 0; i < s->slots; i++) {
		struct slot *slot = &s->slot[i];

		if (slot->state != SLOT_GRANTED || !slot->asker ||
		    tlpb__lobby_is_there(s->lobby, slot->asker))
			continue;
		tlpb_log(TLPB_LOG_WARNING, "%s: %s left the lobby after %d s and did not take up its "
			 "link", tlpb_ep_device(slot->ep)->name, slot->host,
			 (int)((monotonic_ms() - slot->granted_ms) / 1000));
		tlpb__ep_detach(slot->ep, TLPB_REASON_SILENT, "the link was not taken up in time");
		slot->state = SLOT_FREE;
		tlpb__server_watch(s, slot);
	}
}

static void refuse_version(tlpb_server *s, const struct join *join)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof text, "protocol versions differ: the host speaks %u, this server %u; "
		 "use the same release of tlpbridge on both sides",
		 join->version, TLPB_WIRE_VERSION);
	tlpb__lobby_refuse(s->lobby, TLPB_REASON_VERSION, text);
}

static void refuse_features(tlpb_server *s, uint64_t missing)
{
	char text[TEXT_MAX], names[TEXT_MAX / 2];

	tlpb__feature_names(missing, names, sizeof names);
	snprintf(text, sizeof text, "this server does not have what the host requires: %s", names);
	tlpb__lobby_refuse(s->lobby, TLPB_REASON_FEATURE, text);
}

/* Names every device and who has it, so that a person sees what to do. */
static void refuse_device(tlpb_server *s, const struct join *join)
{
	char text[TEXT_MAX];
	bool exists = false;
	size_t used;

	for (unsigned i = 0; i < s->slots; i++)
		exists = exists || wanted(&s->slot[i], join);
	used = (size_t)snprintf(text, sizeof text, "%s%.64s; this server has:",
				exists ? "in use: " : "no such device: ",
				join->device[0] ? join->device : "every device");
	for (unsigned i = 0; i < s->slots && used < sizeof text; i++) {
		const struct slot *slot = &s->slot[i];
		bool is_free = slot->state == SLOT_FREE;

		used += (size_t)snprintf(text + used, sizeof text - used, "%s %s (%s%.64s)",
					 i ? "," : "", tlpb_ep_device(slot->ep)->name,
					 is_free ? "free" : "held by ", is_free ? "" : slot->host);
	}
	tlpb__lobby_refuse(s->lobby, exists ? TLPB_REASON_TAKEN : TLPB_REASON_NO_DEVICE, text);
}

/* Listen for a private link. */
static int listen_for_link(tlpb_server *s, struct grant *grant, struct transport **t,
			   char *why, size_t size)
{
	struct url url;
	uint32_t id;
	int err;

	if (getrandom(grant->link_token, TLPB_TOKEN, 0) != TLPB_TOKEN ||
	    getrandom(&id, sizeof id, 0) != sizeof id) {
		snprintf(why, size, "no random numbers");
		return TLPB_ERR_IO;
	}
	tlpb__url_private(&s->url, id, &url);
	err = tlpb__transport_listen(&url, &s->security, t, why, size);
	if (err)
		return err;
	tlpb__url_granted(&url, grant->url, sizeof grant->url);
	return 0;
}

static int open_link(tlpb_server *s, struct slot *slot, char *why, size_t size)
{
	struct transport *t;
	int err = listen_for_link(s, &slot->grant, &t, why, size);

	return err ? err : tlpb__ep_attach(slot->ep, t, slot->grant.link_token, s->links++);
}

static void grant_slot(tlpb_server *s, struct slot *slot, const struct join *join)
{
	char why[TEXT_MAX] = "out of memory";

	if (open_link(s, slot, why, sizeof why)) {
		tlpb_log(TLPB_LOG_ERROR, "cannot open a link for %s: %s", join->host, why);
		tlpb__lobby_refuse(s->lobby, TLPB_REASON_INTERNAL, why);
		return;
	}
	slot->state = SLOT_GRANTED;
	slot->granted_ms = monotonic_ms();
	slot->asker = tlpb__lobby_asker(s->lobby);
	memcpy(slot->host_token, join->host_token, TLPB_TOKEN);
	snprintf(slot->host, sizeof slot->host, "%s", join->host);
	tlpb__server_watch(s, slot);
	tlpb__lobby_grant(s->lobby, &slot->grant);
}

void tlpb__server_join(tlpb_server *s, const struct join *join)
{
	uint64_t missing = join->required & ~(uint64_t)(TLPB_FEATURE_DMA_FAULT | TLPB_FEATURE_SHM |
							TLPB_FEATURE_GRANTS);
	struct slot *slot = find_held_by(s, join);

	if (join->version != TLPB_WIRE_VERSION) {
		refuse_version(s, join);
	} else if (missing) {
		refuse_features(s, missing);
	} else if (slot) {	/* its connection ended before the answer: say it again */
		slot->granted_ms = monotonic_ms();
		slot->asker = tlpb__lobby_asker(s->lobby);
		tlpb__lobby_grant(s->lobby, &slot->grant);
	} else {
		tlpb__server_free_abandoned(s);
		slot = find_free(s, join);
		if (slot)
			grant_slot(s, slot, join);
		else
			refuse_device(s, join);
	}
}
