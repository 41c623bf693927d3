/* SPDX-License-Identifier: MIT */
/* From HELLO to up: what both sides must agree on, and the device's records. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link_private.h"

bool tlpb__size_legal(unsigned bytes)
{
	return bytes >= 128 && bytes <= 4096 && !(bytes & (bytes - 1));
}

static const char *name_of(const struct hello *h)
{
	return h->name[0] ? h->name : "the peer";
}

/* Both sides check the same things, so that each can tell its own user. */
static bool hello_acceptable(struct link *link, const struct hello *h)
{
	uint64_t missing = (h->required & ~link->config.offered) |
			   (link->config.required & ~h->offered);
	char names[TEXT_MAX / 2];

	if (h->version != TLPB_WIRE_VERSION) {
		tlpb__link_fail(link, TLPB_REASON_VERSION,
				"protocol versions differ: %s speaks %u, %s speaks %u",
				link->name, TLPB_WIRE_VERSION, name_of(h), h->version);
		return false;
	}
	if (h->role > TLPB_ENDPOINT) {
		tlpb__link_fail(link, TLPB_REASON_PROTOCOL,
				"HELLO with role %u: neither host nor endpoint", h->role);
		return false;
	}
	if (h->role == link->config.role) {
		tlpb__link_fail(link, TLPB_REASON_PROTOCOL, "both sides say they are the %s",
				h->role == TLPB_HOST ? "host" : "endpoint");
		return false;
	}
	if (missing) {
		tlpb__feature_names(missing, names, sizeof names);
		tlpb__link_fail(link, TLPB_REASON_FEATURE,
				"%s and %s do not both have: %s", link->name, name_of(h), names);
		return false;
	}
	return true;
}

static bool sizes_acceptable(struct link *link, const struct hello *h)
{
	if (!tlpb__size_legal(h->mps) || !tlpb__size_legal(h->mrrs) ||
	    (h->rcb != 64 && h->rcb != 128)) {
		tlpb__link_fail(link, TLPB_REASON_PROTOCOL,
				"HELLO with MPS %u, MRRS %u, RCB %u: not sizes that PCIe has",
				h->mps, h->mrrs, h->rcb);
		return false;
	}
	return true;
}

static bool credits_acceptable(struct link *link, const struct hello *h)
{
	unsigned pool;
	enum credit_fault fault = tlpb__credits_check(h->credits, h->mps, &pool);

	if (fault)
		tlpb__link_fail(link, TLPB_REASON_PROTOCOL, "HELLO with %s=%u: %s",
				tlpb_pool_name(pool), h->credits[pool],
				tlpb__credit_fault_text(fault));
	return !fault;
}

void tlpb__link_send_hello(struct link *link)
{
	struct hello hello = {
		.version = TLPB_WIRE_VERSION, .role = (uint16_t)link->config.role,
		.offered = link->config.offered, .required = link->config.required,
		.mps = (uint16_t)link->config.mps, .mrrs = (uint16_t)link->config.mrrs,
		.rcb = (uint16_t)link->config.rcb,
	};
	uint8_t bytes[TEXT_MAX + 128];
	int len;

	memcpy(hello.credits, link->config.credits, sizeof hello.credits);
	memcpy(hello.link_token, link->config.token, TLPB_TOKEN);
	snprintf(hello.name, sizeof hello.name, "%s", link->name);
	len = tlpb__hello_encode(&hello, bytes, sizeof bytes);
	tlpb__link_send(link, TLPB_FRAME_HELLO, 0, bytes, (size_t)len);
}

/* The device's own records and those behind them. Returns their bytes or an error. */
static int put_records(const struct link *link, uint8_t *bytes, size_t size)
{
	int len = tlpb_device_encode(&link->device, bytes, size);

	if (len < 0)
		return len;
	if (link->config.extra_len > size - (size_t)len)
		return TLPB_ERR_TOO_LARGE;
	if (link->config.extra_len)
		memcpy(bytes + len, link->config.extra, link->config.extra_len);
	return len + (int)link->config.extra_len;
}

/* Not on the stack: a SystemC process has a small one. */
static void send_records(struct link *link)
{
	uint8_t *bytes = malloc(TLPB_FRAME_MAX);
	int len = bytes ? put_records(link, bytes, TLPB_FRAME_MAX) : TLPB_ERR_NOMEM;

	if (len < 0) {
		tlpb__link_protocol_error(link, "cannot describe the device", len);
	} else {
		tlpb__link_send(link, TLPB_FRAME_DEVICE, 0, bytes, (size_t)len);
		tlpb__link_send(link, TLPB_FRAME_READY, 0, NULL, 0);
	}
	free(bytes);
}

static void link_is_up(struct link *link)
{
	link->state = LINK_UP;
	if (link->events.up)
		link->events.up(link->ctx);
}

void tlpb__link_on_hello(struct link *link, const struct frame *f)
{
	struct hello h = { 0 };
	int err = tlpb__hello_decode(f->body, f->length, &h);

	/* A body too short for the version that it names is that version's matter. */
	if (err && (err != TLPB_ERR_TRUNCATED || !h.version || h.version == TLPB_WIRE_VERSION)) {
		tlpb__link_protocol_error(link, "HELLO", err);
		return;
	}
	if (!hello_acceptable(link, &h) || !sizes_acceptable(link, &h) ||
	    !credits_acceptable(link, &h))
		return;
	if (memcmp(h.link_token, link->config.token, TLPB_TOKEN)) {
		tlpb__link_fail(link, TLPB_REASON_TOKEN, "HELLO with a wrong link token");
		return;
	}
	link->peer = h;
	link->features = link->config.offered & h.offered;
	tlpb__link_flow_start(link);
	tlpb__link_check_limits(link);
	if (link->config.role == TLPB_HOST) {
		link->state = LINK_RECORDS;
		tlpb__link_no_rings(link);
		return;
	}
	tlpb__link_send_hello(link);
	tlpb__link_offer_rings(link);
	send_records(link);
	if (link->state != LINK_DOWN)
		link_is_up(link);
}

/* The bytes are kept for who wants to know more than struct tlpb_device has. */
void tlpb__link_on_device(struct link *link, const struct frame *f)
{
	char why[TEXT_MAX / 2] = "";

	if (tlpb_device_decode(f->body, f->length, &link->device, why, sizeof why)) {
		tlpb__link_fail(link, TLPB_REASON_PROTOCOL, "device description: %s", why);
		return;
	}
	free(link->records);
	link->records_len = 0;
	link->records = malloc(f->length);
	if (link->records) {
		memcpy(link->records, f->body, f->length);
		link->records_len = f->length;
	}
	link->have_device = true;
}

void tlpb__link_on_ready(struct link *link, const struct frame *f)
{
	if (link->have_device)
		link_is_up(link);
	else
		tlpb__link_fail(link, TLPB_REASON_PROTOCOL, "READY without a device description");
}
