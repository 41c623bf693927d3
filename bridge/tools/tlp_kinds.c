/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include "tlp_kinds.h"

const struct tlp_kind_json tlp_kinds[TLPB_TLP_KINDS] = {
	[TLPB_MRD] = { "MEM_READ", TLP_MEMORY },
	[TLPB_MRDLK] = { "MEM_READ_LOCKED", TLP_MEMORY },
	[TLPB_MWR] = { "MEM_WRITE", TLP_MEMORY },
	[TLPB_DMWR] = { "DEF_MEM_WRITE", TLP_MEMORY },
	[TLPB_FETCHADD] = { "FETCH_ADD", TLP_MEMORY },
	[TLPB_SWAP] = { "SWAP", TLP_MEMORY },
	[TLPB_CAS] = { "CAS", TLP_MEMORY },
	[TLPB_IORD] = { "IO_READ", TLP_MEMORY },
	[TLPB_IOWR] = { "IO_WRITE", TLP_MEMORY },
	[TLPB_CFGRD0] = { "CFG_READ_0", TLP_CONFIG },
	[TLPB_CFGRD1] = { "CFG_READ_1", TLP_CONFIG },
	[TLPB_CFGWR0] = { "CFG_WRITE_0", TLP_CONFIG },
	[TLPB_CFGWR1] = { "CFG_WRITE_1", TLP_CONFIG },
	[TLPB_MSG] = { "MSG", TLP_MESSAGE },
	[TLPB_MSGD] = { "MSGD", TLP_MESSAGE },
	[TLPB_CPL] = { "CPL", TLP_COMPLETION },
	[TLPB_CPLD] = { "CPL_DATA", TLP_COMPLETION },
	[TLPB_CPLLK] = { "CPL_LOCKED", TLP_COMPLETION },
	[TLPB_CPLDLK] = { "CPL_LOCKED_DATA", TLP_COMPLETION },
};

const char *tlp_mnemonic(const struct tlpb_tlp *tlp, char text[TLP_MNEMONIC])
{
	bool suffix = tlp->hdr_4dw && tlp_kinds[tlp->kind].layout != TLP_MESSAGE;

	snprintf(text, TLP_MNEMONIC, "%s%s", tlp_kinds[tlp->kind].mnemonic, suffix ? "_64" : "");
	return text;
}

bool tlp_kind_by_mnemonic(const char *mnemonic, struct tlpb_tlp *tlp)
{
	for (unsigned k = 0; k < TLPB_TLP_KINDS; k++) {
		size_t len = strlen(tlp_kinds[k].mnemonic);
		const char *suffix = mnemonic + len;
		bool both = tlp_kinds[k].layout == TLP_MEMORY && k != TLPB_IORD && k != TLPB_IOWR;

		if (strncmp(mnemonic, tlp_kinds[k].mnemonic, len) ||
		    (*suffix && (!both || strcmp(suffix, "_64"))))
			continue;
		tlp->kind = (enum tlpb_tlp_kind)k;
		tlp->hdr_4dw = *suffix || tlp_kinds[k].layout == TLP_MESSAGE;
		return true;
	}
	return false;
}

uint8_t tlp_header_byte0(const uint8_t *bytes)
{
	while (bytes[0] >> 5 == 4)
		bytes += 4;
	return bytes[0];
}
