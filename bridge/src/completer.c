/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "completer.h"

static struct tlpb_tlp start(const struct tlpb_tlp *request, uint16_t completer, bool with_data)
{
	bool locked = request->kind == TLPB_MRDLK;

	return (struct tlpb_tlp){
		.kind = with_data ? (locked ? TLPB_CPLDLK : TLPB_CPLD)
				  : (locked ? TLPB_CPLLK : TLPB_CPL),
		.tc = request->tc, .ido = request->ido, .ro = request->ro, .ns = request->ns,
		.tag = request->tag, .requester_id = request->requester_id,
		.completer_id = completer,
	};
}

void tlpb__complete_status(struct link *link, const struct tlpb_tlp *request, uint16_t completer,
			   enum tlpb_cpl_status status, unsigned left)
{
	struct tlpb_tlp c = start(request, completer, false);

	c.status = (uint8_t)status;
	c.byte_count = (uint16_t)left;
	if (request->kind == TLPB_IOWR || request->kind == TLPB_CFGWR0 ||
	    request->kind == TLPB_CFGWR1)
		tlpb__link_send_write_completion(link, &c);
	else
		tlpb__link_send_tlp(link, &c, 0);
}

void tlpb__complete_register(struct link *link, const struct tlpb_tlp *request,
			     uint16_t completer, const uint8_t dw[4], bool poisoned)
{
	struct tlpb_tlp c = start(request, completer, true);

	c.ep = poisoned;
	c.length_dw = 1;
	c.byte_count = request->kind == TLPB_MRD ? 1 : 4;
	if (request->kind == TLPB_MRD)
		c.lower_address = request->address & 0x7f;
	c.payload = dw;
	c.payload_len = 4;
	tlpb__link_send_tlp(link, &c, 0);
}

void tlpb__complete_data(struct link *link, const struct tlpb_tlp *request, uint16_t completer,
			 uint64_t addr, const void *data, size_t n, unsigned left, bool poisoned)
{
	struct tlpb_tlp c = start(request, completer, true);
	uint8_t dws[TLPB_MAX_PAYLOAD];
	size_t lead = addr & 3;

	c.ep = poisoned;
	c.length_dw = (uint16_t)((lead + n + 3) / 4);
	c.byte_count = (uint16_t)left;
	c.lower_address = addr & 0x7f;
	c.payload = dws;
	c.payload_len = 4u * c.length_dw;
	memset(dws, 0, 4);			/* bytes not asked for are sent as 0 */
	memset(dws + c.payload_len - 4, 0, 4);
	memcpy(dws + lead, data, n);
	tlpb__link_send_tlp(link, &c, 0);
}

void tlpb__complete_atomic(struct link *link, const struct tlpb_tlp *request, uint16_t completer,
			   const void *old, bool poisoned)
{
	struct tlpb_tlp c = start(request, completer, true);

	c.ep = poisoned;
	c.byte_count = (uint16_t)tlpb__bytes_asked(request);
	c.length_dw = c.byte_count / 4;
	c.payload = old;
	c.payload_len = c.byte_count;
	tlpb__link_send_tlp(link, &c, 0);
}

bool tlpb__is_atomic(const struct tlpb_tlp *request)
{
	return request->kind == TLPB_FETCHADD || request->kind == TLPB_SWAP ||
	       request->kind == TLPB_CAS;
}

struct tlpb_atomic tlpb__atomic(const struct tlpb_tlp *request)
{
	struct tlpb_atomic a = { .op = request->kind, .size = tlpb__bytes_asked(request) };
	bool cas = a.op == TLPB_CAS;

	if (cas)
		memcpy(a.compare, request->payload, a.size);
	memcpy(a.operand, request->payload + (cas ? a.size : 0), a.size);
	return a;
}

unsigned tlpb__bytes_asked(const struct tlpb_tlp *request)
{
	switch (request->kind) {
	case TLPB_MRD:
	case TLPB_MRDLK:
		return tlpb_byte_count(request->length_dw, request->first_be, request->last_be);
	case TLPB_FETCHADD:
	case TLPB_SWAP:
		return 4u * request->length_dw;
	case TLPB_CAS:		/* two operands (2.2.7) */
		return 2u * request->length_dw;
	default:
		return 4;
	}
}

unsigned tlpb__request_bytes(const struct tlpb_tlp *request)
{
	if (tlpb__is_atomic(request))	/* its byte enables are reserved */
		return tlpb__bytes_asked(request);
	if (!request->first_be && request->length_dw == 1)
		return 0;
	return tlpb_byte_count(request->length_dw, request->first_be, request->last_be);
}

uint64_t tlpb__request_address(const struct tlpb_tlp *request)
{
	return request->address +
	       (tlpb__is_atomic(request) ? 0 : tlpb_first_byte(request->first_be));
}

bool tlpb__byte_enabled(const struct tlpb_tlp *request, unsigned i)
{
	unsigned at = tlpb_first_byte(request->first_be) + i;

	if (tlpb__is_atomic(request))
		return true;
	if (at < 4)
		return request->first_be >> at & 1;
	if (at / 4 == request->length_dw - 1u)
		return request->last_be >> (at % 4) & 1;
	return true;
}

/* No hole above the lowest bit that is set, nor, where the next doubleword goes on, up to the highest. */
bool tlpb__all_enabled(const struct tlpb_tlp *request)
{
	unsigned first = request->first_be, last = request->last_be;
	unsigned filled = first | ((1u << tlpb_first_byte(request->first_be)) - 1);

	if (tlpb__is_atomic(request))
		return true;
	if (request->length_dw == 1)
		return !(filled & (filled + 1));
	return filled == 0xf && !(last & (last + 1));
}
