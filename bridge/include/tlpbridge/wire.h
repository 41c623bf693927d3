/* SPDX-License-Identifier: MIT */
/*
 * The protocol on one screen. docs/protocol.md tells it in prose.
 *
 * Everything is little-endian, except the TLPs, which are as the specification
 * has them. A message of the transport carries one or more frames:
 *
 *	0  u16 kind	2  u16 flags	4  u32 length of the body
 *	8  u64 simulated time of the sender, picoseconds
 *	16 u32 sequence (0 for the first frame of a sender, then +1)
 *	20 u32 mark: of a posted write, whatever its sender wants DMA_FAULT to give back; else 0
 *	24 body
 *
 * A string is u16 length and that many bytes. Bytes after the last field of a
 * body are ignored, so that a body can grow.
 *
 *	on the lobby (a stream)
 *	JOIN	  u32 magic, u16 version, u16 0, u64 features offered, u64 required,
 *		  u8[16] host token, string device, string host
 *	GRANT	  u8[16] link token, string URL of the private pair
 *	REFUSE	  u16 reason, u16 version, u64 features, string text
 *	STATUS	  u32 magic, u16 version, u16 0
 *	STATUS_REPLY u32 magic, u16 version, u16 slots, u64 milliseconds of the server's clock;
 *		  for each slot: string device, string host, u64 milliseconds it is held,
 *		  u64 simulated time, counters to the device, counters to the host,
 *		  outstanding of the host, outstanding of the device (status.h):
 *		  counters are u64[7] TLPs and u64 bytes, outstanding is u32 requests,
 *		  u32 milliseconds, string
 *	INJECT	  u32 magic, u16 version, u16 what (0 list, 1 add, 2 clear), string device, string rules
 *	INJECT_REPLY u32 magic, u16 version, u16 rules; for each: u64 TLPs it matched,
 *		  u64 how often it acted, string rule
 *
 *	on a link (pair)
 *	HELLO	  u32 magic, u16 version, u16 role, u64 features offered, u64 required,
 *		  u8[16] link token, u16 MPS, MRRS, RCB, 0, u16[6] credits PH PD NPH NPD
 *		  CPLH CPLD (0: infinite), string name
 *	DEVICE	  records (device.h): u16 type, u16 flags, u32 length, value
 *	READY	  nothing: the endpoint's description is complete, the link is up
 *	TLP	  one TLP
 *	CREDITS	  u16[6] as in HELLO: the credits allocated since the link is up, modulo 256
 *		  (headers) and 4096 (data); 0 where they are infinite
 *	RESET	  u16 kind
 *	DMA_FAULT u32 mark of the posted write's frame, u16 reason, u16 0, u64 address
 *	GOODBYE	  u16 reason, string text
 *	EOI	  u16 pin (0..3: INTA..INTD), u16 0
 *	SEGMENT	  u32 pid, u32 descriptor, u32 bytes of a ring, u8[16] token, string place, string why
 *		  (pid 0: there is none, and why)
 *	RINGS	  u16 yes, string why not: the sender's last frame outside of the ring
 *
 *
 *	direct DMA; only where GRANTS is agreed on and the rings are in use
 *	GRANT_MEM u16 function, u16 flags (1: writable), u32 pid, u32 descriptor, u32 0,
 *		  u64 address, u64 bytes, u64 offset in the file
 *	REVOKE	  u32 number, u16 function, u16 0, u64 address, u64 bytes
 *	REVOKED	  u32 number of the REVOKE: nothing of it is in use any more
 *	DIRTY	  u16 ranges, u16 0; for each: u16 function, u16 0, u32 0, u64 address, u64 bytes
 *
 * SEGMENT and RINGS belong to how frames travel: traces do not have them.
 *
 * Kind 9 (barriers) is reserved.
 */
#ifndef TLPBRIDGE_WIRE_H
#define TLPBRIDGE_WIRE_H

#include <stdint.h>

enum {
	TLPB_WIRE_MAGIC = 0x42504c54,	/* "TLPB" */
	TLPB_WIRE_VERSION = 1,
	TLPB_FRAME_HEADER = 24,		/* bytes */
	TLPB_FRAME_MAX = 64 * 1024,	/* bytes of a body */
	TLPB_MESSAGE_MAX = 256 * 1024,	/* bytes of a message of the transport */
	TLPB_TOKEN = 16,		/* bytes */
};

enum tlpb_frame_kind {
	TLPB_FRAME_JOIN = 1,
	TLPB_FRAME_GRANT = 2,
	TLPB_FRAME_REFUSE = 3,
	TLPB_FRAME_HELLO = 4,
	TLPB_FRAME_DEVICE = 5,
	TLPB_FRAME_READY = 6,
	TLPB_FRAME_TLP = 7,
	TLPB_FRAME_CREDITS = 8,
	TLPB_FRAME_RESET = 10,
	TLPB_FRAME_DMA_FAULT = 11,
	TLPB_FRAME_GRANT_MEM = 12,
	TLPB_FRAME_REVOKE = 13,
	TLPB_FRAME_REVOKED = 14,
	TLPB_FRAME_DIRTY = 15,
	TLPB_FRAME_SEGMENT = 16,
	TLPB_FRAME_RINGS = 17,
	TLPB_FRAME_GOODBYE = 18,
	TLPB_FRAME_EOI = 20,
	TLPB_FRAME_STATUS = 32,
	TLPB_FRAME_STATUS_REPLY = 33,
	TLPB_FRAME_INJECT = 34,
	TLPB_FRAME_INJECT_REPLY = 35,
};

enum tlpb_frame_flags {
	TLPB_FRAME_OPTIONAL = 1 << 0,	/* a receiver that does not know the kind skips it */
};

enum tlpb_role { TLPB_HOST = 0, TLPB_ENDPOINT = 1 };

/* X(name, bit, text): feature bits of JOIN and HELLO. */
#define TLPB_FEATURE_LIST(X)                                                            \
	X(DMA_FAULT, 0, "dma-fault")	/* failed posted writes are reported */         \
	X(FLIT, 1, "flit")		/* reserved: flit mode, not spoken yet */       \
	X(SHM, 2, "shm")		/* rings in shared memory, where both see one */ \
	X(GRANTS, 3, "grants")		/* direct DMA into memory that the host grants */

enum tlpb_feature {
#define TLPB_FEATURE_ENUM(name, bit, text) TLPB_FEATURE_##name = 1 << (bit),
	TLPB_FEATURE_LIST(TLPB_FEATURE_ENUM)
#undef TLPB_FEATURE_ENUM
};

/* Kinds of RESET: a fundamental reset, a hot reset, FLR, slot power. */
enum tlpb_reset {
	TLPB_RESET_SYSTEM = 0,
	TLPB_RESET_HOT = 1,
	TLPB_RESET_FLR = 2,
	TLPB_RESET_POWER = 3,
	TLPB_RESET_KINDS,
};

/* X(name, value, text): why a JOIN was refused or a link ended. */
#define TLPB_REASON_LIST(X)                                                             \
	X(NORMAL, 0, "closed by its user")                                              \
	X(VERSION, 1, "protocol versions differ")                                       \
	X(FEATURE, 2, "a required feature is missing")                                  \
	X(NO_DEVICE, 3, "no such device")                                               \
	X(TAKEN, 4, "the device is in use")                                             \
	X(TOKEN, 5, "wrong link token")                                                 \
	X(PROTOCOL, 6, "the peer broke the protocol")                                   \
	X(LOST, 7, "the peer is gone")                                                  \
	X(SILENT, 8, "the peer is silent")                                              \
	X(INTERNAL, 9, "internal failure")                                              \
	X(FORBIDDEN, 10, "not allowed")                                                 \
	X(INVALID, 11, "the request makes no sense")

enum tlpb_reason {
#define TLPB_REASON_ENUM(name, value, text) TLPB_REASON_##name = value,
	TLPB_REASON_LIST(TLPB_REASON_ENUM)
#undef TLPB_REASON_ENUM
};

#ifdef __cplusplus
extern "C" {
#endif

/* The text of the list above; "unknown reason" for others. */
const char *tlpb_reason_text(unsigned reason);

#ifdef __cplusplus
}
#endif
#endif
