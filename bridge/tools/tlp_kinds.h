/* SPDX-License-Identifier: MIT */
/* The mnemonics of tests/vectors/golden_tlps.json, and which fields belong to them. */
#ifndef TLPBRIDGE_TLP_KINDS_H
#define TLPBRIDGE_TLP_KINDS_H

#include <stdbool.h>
#include <tlpbridge/tlp.h>

enum tlp_json_layout { TLP_MEMORY, TLP_CONFIG, TLP_MESSAGE, TLP_COMPLETION };

struct tlp_kind_json {
	const char *mnemonic;	/* of the 3DW header; "_64" follows for 4DW, but for messages */
	enum tlp_json_layout layout;
};

extern const struct tlp_kind_json tlp_kinds[TLPB_TLP_KINDS];

enum { TLP_MNEMONIC = 32 };	/* room for every one */

/* "MEM_READ_64". The kind must be defined. Returns text. */
const char *tlp_mnemonic(const struct tlpb_tlp *tlp, char text[TLP_MNEMONIC]);

/* Set kind and hdr_4dw. False: there is no such mnemonic. */
bool tlp_kind_by_mnemonic(const char *mnemonic, struct tlpb_tlp *tlp);

/* Byte 0 of the header, behind the prefixes, which may be more than struct tlpb_tlp keeps. */
uint8_t tlp_header_byte0(const uint8_t *bytes);

#endif
