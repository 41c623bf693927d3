/* SPDX-License-Identifier: MIT */
/* Encoding. What has no encoding is found out first, such that nothing is written then. */
#include <string.h>
#include <tlpbridge/err.h>
#include <tlpbridge/tlp.h>
#include "bytes.h"
#include "tlp_form.h"

static bool common_encodes(const struct tlpb_tlp *tlp, const struct tlp_form *form)
{
	size_t data = form->byte0 & FMT_DATA ? 4u * tlp->length_dw : 0;
	bool fixed_4dw = form->byte0 & FMT_4DW, both = form->free_bits & FMT_4DW;

	return tlp->tc <= 7 && tlp->at <= 3 && tlp->tag <= 0x3ff &&
	       (both || tlp->hdr_4dw == fixed_4dw) && tlp->payload_len == data &&
	       (tlp->payload || !data) &&
	       (tlpb__has_length(form) ? tlp->length_dw >= 1 && tlp->length_dw <= 1024
				 : tlp->length_dw == 0);
}

static bool has_prefixes(const struct tlpb_tlp *tlp)
{
	return tlp->prefix_count | tlp->has_pasid;
}

static bool keeps_pasid_prefix(const struct tlpb_tlp *tlp)
{
	for (unsigned i = 0; i < tlp->prefix_count; i++)
		if (tlp->prefix[i] >> 24 == PREFIX_PASID)
			return true;
	return false;
}

/* Local ones before end-end ones (2.2.10). */
static bool kept_prefixes_encode(const struct tlpb_tlp *tlp)
{
	bool end_end = false;

	if (tlp->prefix_count > TLPB_MAX_PREFIXES)
		return false;
	for (unsigned i = 0; i < tlp->prefix_count; i++) {
		uint8_t byte0 = (uint8_t)(tlp->prefix[i] >> 24);

		if (!tlpb__is_prefix(byte0) || (end_end && !(byte0 & PREFIX_END_END)))
			return false;
		end_end = byte0 & PREFIX_END_END;
	}
	return true;
}

static bool prefixes_encode(const struct tlpb_tlp *tlp)
{
	if (!tlp->has_pasid && (tlp->pasid || tlp->pasid_priv || tlp->pasid_exec))
		return false;
	if (!has_prefixes(tlp))
		return true;
	if (!kept_prefixes_encode(tlp) || tlp->pasid > 0xfffff)
		return false;
	if (!tlp->has_pasid)
		return !keeps_pasid_prefix(tlp);
	return keeps_pasid_prefix(tlp) || tlp->prefix_count < TLPB_MAX_PREFIXES;
}

static size_t prefixes_size(const struct tlpb_tlp *tlp)
{
	if (!has_prefixes(tlp))
		return 0;
	return 4u * (tlp->prefix_count + (tlp->has_pasid && !keeps_pasid_prefix(tlp)));
}

static bool header_encodes(const struct tlpb_tlp *tlp, const struct tlp_form *form)
{
	switch (form->layout) {
	case LAYOUT_ADDRESS:
		return tlp->first_be <= 15 && tlp->last_be <= 15 && !(tlp->address & 3) &&
		       tlp->ph <= (tlp->th ? 3 : 0) &&
		       (tlp->hdr_4dw || tlp->address <= UINT32_MAX);
	case LAYOUT_CONFIG:
		return tlp->first_be <= 15 && tlp->last_be <= 15 && !(tlp->reg_offset & ~0xffcu);
	case LAYOUT_MESSAGE:
		return tlp->routing <= TYPE_ROUTING && !tlp->th;
	case LAYOUT_COMPLETION:
		return tlp->status <= 7 && tlp->lower_address <= 0x7f && tlp->byte_count >= 1 &&
		       tlp->byte_count <= 4096;
	}
	return false;
}

/*
 * The PASID fields decide over a PASID prefix in prefix[], but for its reserved
 * bits; without one there, one follows the others (it is an end-end prefix).
 */
static void pack_prefixes(const struct tlpb_tlp *tlp, uint8_t *bytes)
{
	bool want_pasid = tlp->has_pasid;
	uint32_t pasid = (uint32_t)tlp->pasid_priv << 21 | (uint32_t)tlp->pasid_exec << 20 |
			 tlp->pasid;

	for (unsigned i = 0; i < tlp->prefix_count; i++, bytes += 4) {
		uint32_t dw = tlp->prefix[i];

		if (want_pasid && dw >> 24 == PREFIX_PASID) {
			dw = (dw & 0xffc00000) | pasid;
			want_pasid = false;
		}
		put_be32(bytes, dw);
	}
	if (want_pasid)
		put_be32(bytes, (uint32_t)PREFIX_PASID << 24 | pasid);
}

static uint32_t pack_dw0(const struct tlpb_tlp *tlp, const struct tlp_form *form)
{
	uint32_t byte0 = form->byte0 | (tlp->hdr_4dw ? FMT_4DW : 0);

	if (form->layout == LAYOUT_MESSAGE)
		byte0 |= tlp->routing;
	return byte0 << 24 | (uint32_t)(tlp->tag >> 9 & 1) << 23 | (uint32_t)tlp->tc << 20 |
	       (uint32_t)(tlp->tag >> 8 & 1) << 19 | (uint32_t)tlp->ido << 18 |
	       (uint32_t)tlp->ln << 17 | (uint32_t)tlp->th << 16 |
	       (uint32_t)tlp->td << 15 | (uint32_t)tlp->ep << 14 |
	       (uint32_t)tlp->ro << 13 | (uint32_t)tlp->ns << 12 | (uint32_t)tlp->at << 10 |
	       (tlp->length_dw & 0x3ff);
}

/* A doubleword at a time: what is unpacked soon would else wait for the single stores. */
static uint32_t requester(const struct tlpb_tlp *tlp)
{
	return (uint32_t)tlp->requester_id << 16 | (uint32_t)(tlp->tag & 0xff) << 8;
}

static uint32_t byte_enables(const struct tlpb_tlp *tlp)
{
	return (uint32_t)tlp->last_be << 4 | tlp->first_be;
}

static void pack_address(const struct tlpb_tlp *tlp, uint8_t *hdr)
{
	uint64_t address = tlp->address | tlp->ph;

	put_be32(hdr + 4, requester(tlp) | byte_enables(tlp));
	if (tlp->hdr_4dw) {
		put_be32(hdr + 8, (uint32_t)(address >> 32));
		hdr += 4;
	}
	put_be32(hdr + 8, (uint32_t)address);
}

static void pack_config(const struct tlpb_tlp *tlp, uint8_t *hdr)
{
	put_be32(hdr + 4, requester(tlp) | byte_enables(tlp));
	put_be32(hdr + 8, (uint32_t)tlp->dest_id << 16 | tlp->reg_offset);
}

static void pack_message(const struct tlpb_tlp *tlp, uint8_t *hdr)
{
	put_be32(hdr + 4, requester(tlp) | tlp->message_code);
	put_be32(hdr + 8, tlp->dw2);
	put_be32(hdr + 12, tlp->dw3);
}

static void pack_completion(const struct tlpb_tlp *tlp, uint8_t *hdr)
{
	put_be32(hdr + 4, (uint32_t)tlp->completer_id << 16 | (uint32_t)tlp->status << 13 |
			  (uint32_t)tlp->bcm << 12 | (tlp->byte_count & 0xfff));
	put_be32(hdr + 8, requester(tlp) | tlp->lower_address);
}

static void pack_header(const struct tlpb_tlp *tlp, const struct tlp_form *form, uint8_t *hdr)
{
	put_be32(hdr, pack_dw0(tlp, form));
	switch (form->layout) {
	case LAYOUT_ADDRESS:
		pack_address(tlp, hdr);
		break;
	case LAYOUT_CONFIG:
		pack_config(tlp, hdr);
		break;
	case LAYOUT_MESSAGE:
		pack_message(tlp, hdr);
		break;
	case LAYOUT_COMPLETION:
		pack_completion(tlp, hdr);
		break;
	}
}

int tlpb_tlp_pack(const struct tlpb_tlp *tlp, uint8_t *bytes, size_t size)
{
	const struct tlp_form *form = tlpb__tlp_form(tlp->kind);
	size_t header, payload, digest;

	if (!form || !common_encodes(tlp, form) || !prefixes_encode(tlp) ||
	    !header_encodes(tlp, form))
		return TLPB_ERR_INVALID;
	header = prefixes_size(tlp);
	payload = header + (tlp->hdr_4dw ? 16 : 12);
	digest = payload + tlp->payload_len;
	if (digest + (tlp->td ? 4 : 0) > size)
		return TLPB_ERR_TOO_LARGE;
	if (header)
		pack_prefixes(tlp, bytes);
	pack_header(tlp, form, bytes + header);
	if (tlp->payload_len)
		memcpy(bytes + payload, tlp->payload, tlp->payload_len);
	if (!tlp->td)
		return (int)digest;
	put_be32(bytes + digest, tlp->ecrc);
	return (int)digest + 4;
}
