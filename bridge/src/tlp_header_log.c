/* SPDX-License-Identifier: MIT */
/* The header of a TLP as the Header Log of AER holds it (7.8.4.8). */
#include <string.h>

#include "bytes.h"
#include "tlp_form.h"

void tlpb__tlp_header_log(const uint8_t *bytes, size_t len, uint32_t header[4])
{
	struct tlp_shape shape;
	unsigned dws;

	memset(header, 0, 4 * sizeof *header);
	tlpb__tlp_shape(bytes, len, &shape);
	if (shape.header >= len)
		return;
	dws = bytes[shape.header] & FMT_4DW ? 4 : 3;
	for (unsigned i = 0; i < dws && shape.header + 4 * i + 4 <= len; i++)
		header[i] = get_be32(bytes + shape.header + 4 * i);
}

void tlpb__tlp_header_log_of(const struct tlpb_tlp *tlp, uint32_t header[4])
{
	static const uint8_t no_data[TLPB_MAX_PAYLOAD];
	struct tlpb_tlp copy = *tlp;
	uint8_t bytes[TLPB_MAX_TLP];
	int len;

	if (tlpb_kind_has_data(copy.kind)) {	/* of a request that waits they may be elsewhere */
		copy.payload = no_data;
		copy.payload_len = 4u * copy.length_dw;
	}
	copy.prefix_count = 0;
	copy.has_pasid = false;
	copy.pasid = 0;
	copy.pasid_priv = copy.pasid_exec = false;
	len = tlpb_tlp_pack(&copy, bytes, sizeof bytes);
	tlpb__tlp_header_log(bytes, len < 0 ? 0 : (size_t)len, header);
}
