/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <tlpbridge/tlp.h>
#include "tlp_form.h"

enum { SHOWN_BYTES = 16 };	/* of the payload */

/* Text under construction: len counts on when it no longer fits, as snprintf() does. */
struct text {
	char *at;
	size_t size;
	int len;
};

__attribute__((format(printf, 2, 3)))
static void add(struct text *t, const char *fmt, ...)
{
	size_t used = (size_t)t->len < t->size ? (size_t)t->len : t->size;
	va_list args;

	va_start(args, fmt);
	t->len += vsnprintf(used < t->size ? t->at + used : NULL, t->size - used, fmt, args);
	va_end(args);
}

const char *tlpb_kind_name(enum tlpb_tlp_kind kind)
{
	const struct tlp_form *form = tlpb__tlp_form(kind);

	return form ? form->name : "undefined";
}

const char *tlpb_cpl_status_name(unsigned status)
{
	static const char *const names[] = {
		[TLPB_CPL_SC] = "SC",
		[TLPB_CPL_UR] = "UR",
		[TLPB_CPL_CRS] = "CRS",
		[TLPB_CPL_CA] = "CA",
	};

	return status <= TLPB_CPL_CA && names[status] ? names[status] : "reserved";
}

static const char *message_name(uint8_t code)
{
	static const char *const names[256] = {
		[TLPB_MSG_UNLOCK] = "Unlock",
		[TLPB_MSG_LTR] = "LTR",
		[TLPB_MSG_PM_PME] = "PM_PME",
		[TLPB_MSG_PME_TURN_OFF] = "PME_Turn_Off",
		[TLPB_MSG_PME_TO_ACK] = "PME_TO_Ack",
		[TLPB_MSG_ASSERT_INTA] = "Assert_INTA",
		[TLPB_MSG_ASSERT_INTA + 1] = "Assert_INTB",
		[TLPB_MSG_ASSERT_INTA + 2] = "Assert_INTC",
		[TLPB_MSG_ASSERT_INTA + 3] = "Assert_INTD",
		[TLPB_MSG_DEASSERT_INTA] = "Deassert_INTA",
		[TLPB_MSG_DEASSERT_INTA + 1] = "Deassert_INTB",
		[TLPB_MSG_DEASSERT_INTA + 2] = "Deassert_INTC",
		[TLPB_MSG_DEASSERT_INTA + 3] = "Deassert_INTD",
		[TLPB_MSG_ERR_COR] = "ERR_COR",
		[TLPB_MSG_ERR_NONFATAL] = "ERR_NONFATAL",
		[TLPB_MSG_ERR_FATAL] = "ERR_FATAL",
		[TLPB_MSG_SET_SLOT_POWER_LIMIT] = "Set_Slot_Power_Limit",
		[TLPB_MSG_VENDOR_TYPE0] = "Vendor_Defined_0",
		[TLPB_MSG_VENDOR_TYPE1] = "Vendor_Defined_1",
	};

	return names[code];
}

static const char *routing_name(uint8_t routing)
{
	static const char *const names[] = {
		"to root", "by address", "by ID", "broadcast", "local", "gathered",
	};

	return routing < sizeof names / sizeof names[0] ? names[routing] : "reserved routing";
}

static void add_id(struct text *t, const char *what, uint16_t id)
{
	add(t, "%s%02x:%02x.%x", what, id >> 8, id >> 3 & 0x1f, id & 7);
}

static void add_bytes(struct text *t, unsigned count)
{
	add(t, " %u byte%s", count, count == 1 ? "" : "s");
}

/* How many bytes the request is about: none for a zero-length one. */
static unsigned request_bytes(const struct tlpb_tlp *tlp)
{
	if (!tlp->first_be && !tlp->last_be)
		return tlp->length_dw == 1 ? 0 : 4u * tlp->length_dw;
	return tlpb_byte_count(tlp->length_dw, tlp->first_be, tlp->last_be);
}

/* Byte enables only where address and count do not say them. */
static void add_holes(struct text *t, const struct tlpb_tlp *tlp)
{
	struct tlpb_extent plain = tlpb_extent(tlpb_first_byte(tlp->first_be),
					       request_bytes(tlp));

	if (plain.first_be != tlp->first_be || plain.last_be != tlp->last_be)
		add(t, " be %x/%x", tlp->first_be, tlp->last_be);
}

static void add_address(struct text *t, const struct tlpb_tlp *tlp)
{
	bool atomic = tlp->kind == TLPB_FETCHADD || tlp->kind == TLPB_SWAP ||
		      tlp->kind == TLPB_CAS;
	bool steered = tlp->kind == TLPB_MRD && tlp->th;

	if (atomic || steered) {	/* no byte enables */
		add(t, " 0x%" PRIx64, tlp->address);
		add_bytes(t, 4u * tlp->length_dw);
	} else {
		add(t, " 0x%" PRIx64, tlp->address + tlpb_first_byte(tlp->first_be));
		add_bytes(t, request_bytes(tlp));
		add_holes(t, tlp);
	}
}

static void add_config(struct text *t, const struct tlpb_tlp *tlp)
{
	add_id(t, " ", tlp->dest_id);
	add(t, " reg 0x%x", tlp->reg_offset + tlpb_first_byte(tlp->first_be));
	add_bytes(t, request_bytes(tlp));
	add_holes(t, tlp);
}

static void add_message(struct text *t, const struct tlpb_tlp *tlp)
{
	const char *name = message_name(tlp->message_code);

	if (name)
		add(t, " %s", name);
	else
		add(t, " code 0x%02x", tlp->message_code);
	add(t, " %s", routing_name(tlp->routing));
	if (tlp->dw2 || tlp->dw3)
		add(t, " %08x %08x", tlp->dw2, tlp->dw3);
}

static void add_completion(struct text *t, const struct tlpb_tlp *tlp)
{
	add(t, " %s", tlpb_cpl_status_name(tlp->status));
	add(t, " count %u lower 0x%02x%s", tlp->byte_count, tlp->lower_address,
	    tlp->bcm ? " BCM" : "");
	add_id(t, ", cpl ", tlp->completer_id);
}

static void add_attributes(struct text *t, const struct tlpb_tlp *tlp)
{
	if (tlp->tc)
		add(t, " TC%u", tlp->tc);
	if (tlp->at)
		add(t, " AT%u", tlp->at);
	if (tlp->th)
		add(t, " PH%u", tlp->ph);
	add(t, "%s%s%s%s", tlp->ro ? " RO" : "", tlp->ns ? " NS" : "", tlp->ido ? " IDO" : "",
	    tlp->ep ? " poisoned" : "");
	if (tlp->has_pasid)
		add(t, " PASID 0x%x%s%s", tlp->pasid, tlp->pasid_priv ? " privileged" : "",
		    tlp->pasid_exec ? " execute" : "");
	if (tlp->td)
		add(t, " ECRC %08x", tlp->ecrc);
}

static void add_payload(struct text *t, const struct tlpb_tlp *tlp)
{
	size_t shown = tlp->payload_len < SHOWN_BYTES ? tlp->payload_len : SHOWN_BYTES;

	if (!shown)
		return;
	add(t, ", data ");
	for (size_t i = 0; i < shown; i++)
		add(t, "%02x", tlp->payload[i]);
	if (shown < tlp->payload_len)
		add(t, "... of %zu bytes", tlp->payload_len);
}

int tlpb_tlp_text(const struct tlpb_tlp *tlp, char *buffer, size_t size)
{
	const struct tlp_form *form = tlpb__tlp_form(tlp->kind);
	struct text t = { buffer, size, 0 };

	add(&t, "%s", tlpb_kind_name(tlp->kind));
	if (!form)
		return t.len;
	switch (form->layout) {
	case LAYOUT_ADDRESS:
		add_address(&t, tlp);
		break;
	case LAYOUT_CONFIG:
		add_config(&t, tlp);
		break;
	case LAYOUT_MESSAGE:
		add_message(&t, tlp);
		break;
	case LAYOUT_COMPLETION:
		add_completion(&t, tlp);
		break;
	}
	add_id(&t, form->layout == LAYOUT_COMPLETION ? " req " : ", req ", tlp->requester_id);
	add(&t, " tag %u", tlp->tag);
	add_attributes(&t, tlp);
	add_payload(&t, tlp);
	return t.len;
}
