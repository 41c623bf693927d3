/* SPDX-License-Identifier: MIT */
/*
 * Flow control (2.6.1): how much a side can take before it has to be asked again. Six
 * pools of credits: a header credit is one TLP, a data credit 16 bytes of its payload.
 * Pure functions, any thread.
 */
#ifndef TLPBRIDGE_CREDITS_H
#define TLPBRIDGE_CREDITS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name): posted, non-posted, completion; header and data. In the order of HELLO. */
#define TLPB_POOL_LIST(X) X(PH) X(PD) X(NPH) X(NPD) X(CPLH) X(CPLD)

enum tlpb_pool {
#define TLPB_POOL_ENUM(name) TLPB_POOL_##name,
	TLPB_POOL_LIST(TLPB_POOL_ENUM)
#undef TLPB_POOL_ENUM
	TLPB_POOLS,
};

enum {
	TLPB_CREDITS_DEFAULT = 0,
	TLPB_CREDITS_INFINITE = 0xffff,
	TLPB_HEADER_CREDITS_MAX = 127,
	TLPB_DATA_CREDITS_MAX = 2047,
};

/*
 * What a side advertises, a pool each. The defaults are 127 headers of requests, 2047 data
 * credits of posted and 127 of non-posted requests, and infinite completions, as endpoints
 * and root complexes have them. Legal are 1 to 127 headers, and data up to 2047: posted and
 * completions at least one TLP of the largest payload, else the side accepts smaller payloads.
 */
struct tlpb_pools {
	uint16_t credits[TLPB_POOLS];	/* or TLPB_CREDITS_DEFAULT, TLPB_CREDITS_INFINITE */
};

/*
 * Parse "PH=1,PD=8,NPH=infinite": pools in any order, those not named keep their value.
 * Returns 0, or TLPB_ERR_INVALID and in why what is wrong.
 */
int tlpb_pools_parse(const char *text, struct tlpb_pools *pools, char *why, size_t why_size);

/* "PH"; "" for what is no pool. */
const char *tlpb_pool_name(unsigned pool);

#ifdef __cplusplus
}
#endif
#endif
