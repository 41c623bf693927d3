/* SPDX-License-Identifier: MIT */
/* TLPs as JSON, with the keys and values of tests/vectors/golden_tlps.json. */
#ifndef TLPBRIDGE_TLP_JSON_H
#define TLPBRIDGE_TLP_JSON_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>
#include "json_read.h"

/*
 * The object for the TLP in bytes: mnemonic, fields, credits, payload_hex, ecrc,
 * verdict, rule_id, each where it has a meaning; what cannot be read of a
 * malformed TLP is left out. mps: Max_Payload_Size in bytes. The caller deletes
 * the object. NULL when out of memory.
 */
cJSON *tlp_to_json(const uint8_t *bytes, size_t len, size_t mps);

/*
 * Encode the object; missing fields get their usual value, a missing ecrc is
 * computed. Returns the number of bytes, or -1 and the reason in why.
 */
int tlp_from_json(const cJSON *object, uint8_t *bytes, size_t size, char why[JSON_WHY]);

#endif
