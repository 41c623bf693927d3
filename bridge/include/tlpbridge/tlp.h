/* SPDX-License-Identifier: MIT */
/*
 * Transaction Layer Packets: pack, unpack, check, print.
 *
 * Pure functions: no I/O, no allocation, no clock, no lock; any thread may call
 * them. Layouts are those of PCI Express Base 5.0, chapter 2 (non-flit). Bytes
 * are as on the wire: prefixes, header with big-endian doublewords, data in
 * address order, digest last.
 */
#ifndef TLPBRIDGE_TLP_H
#define TLPBRIDGE_TLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	TLPB_MAX_PREFIXES = 4,		/* prefixes kept of one TLP, in doublewords */
	TLPB_MAX_PAYLOAD = 4096,	/* largest data payload in bytes (2.2.2) */
	TLPB_MAX_TLP = TLPB_MAX_PREFIXES * 4 + 16 + TLPB_MAX_PAYLOAD + 4, /* bytes */
	TLPB_DMWR_MAX = 128,		/* largest payload of a Deferrable Memory Write in bytes */
	TLPB_PAGE = 4096,		/* no request may cross this boundary (2.2.7) */
};

/* What a TLP is. The size of the header (3 or 4 DW) is tlpb_tlp.hdr_4dw. */
enum tlpb_tlp_kind {
	TLPB_MRD,	/* Memory Read */
	TLPB_MRDLK,	/* Memory Read Locked */
	TLPB_MWR,	/* Memory Write */
	TLPB_DMWR,	/* Deferrable Memory Write */
	TLPB_FETCHADD,	/* AtomicOp: Fetch and Add */
	TLPB_SWAP,	/* AtomicOp: Unconditional Swap */
	TLPB_CAS,	/* AtomicOp: Compare and Swap */
	TLPB_IORD,	/* I/O Read */
	TLPB_IOWR,	/* I/O Write */
	TLPB_CFGRD0,	/* Configuration Read, type 0 */
	TLPB_CFGRD1,
	TLPB_CFGWR0,	/* Configuration Write, type 0 */
	TLPB_CFGWR1,
	TLPB_MSG,	/* Message without data */
	TLPB_MSGD,	/* Message with data */
	TLPB_CPL,	/* Completion without data */
	TLPB_CPLD,	/* Completion with data */
	TLPB_CPLLK,	/* Completion for a locked read, without data */
	TLPB_CPLDLK,	/* Completion for a locked read, with data */
	TLPB_TLP_KINDS,
};

/* Completion Status (2.2.9). */
enum tlpb_cpl_status {
	TLPB_CPL_SC = 0,	/* Successful Completion */
	TLPB_CPL_UR = 1,	/* Unsupported Request */
	TLPB_CPL_CRS = 2,	/* Configuration Request Retry Status */
	TLPB_CPL_CA = 4,	/* Completer Abort */
};

/* Message codes (2.2.8). */
enum tlpb_msg_code {
	TLPB_MSG_UNLOCK = 0x00,
	TLPB_MSG_LTR = 0x10,
	TLPB_MSG_PM_PME = 0x18,
	TLPB_MSG_PME_TURN_OFF = 0x19,
	TLPB_MSG_PME_TO_ACK = 0x1b,
	TLPB_MSG_ASSERT_INTA = 0x20,	/* B, C, D follow */
	TLPB_MSG_DEASSERT_INTA = 0x24,	/* B, C, D follow */
	TLPB_MSG_ERR_COR = 0x30,
	TLPB_MSG_ERR_NONFATAL = 0x31,
	TLPB_MSG_ERR_FATAL = 0x33,
	TLPB_MSG_SET_SLOT_POWER_LIMIT = 0x50,
	TLPB_MSG_VENDOR_TYPE0 = 0x7e,
	TLPB_MSG_VENDOR_TYPE1 = 0x7f,
};

/* Message routing, Type[2:0] (2.2.8). */
enum tlpb_msg_routing {
	TLPB_ROUTE_TO_ROOT = 0,
	TLPB_ROUTE_BY_ADDRESS = 1,
	TLPB_ROUTE_BY_ID = 2,
	TLPB_ROUTE_BROADCAST = 3,
	TLPB_ROUTE_LOCAL = 4,
	TLPB_ROUTE_GATHER = 5,
};

/* Which flow-control class, hence which transmit queue, a TLP belongs to (2.6.1). */
enum tlpb_tlp_class { TLPB_POSTED, TLPB_NON_POSTED, TLPB_COMPLETION };

/* What a TLP costs in credits: header credits and data credits of 4 DW each (2.6.1). */
struct tlpb_credits {
	enum tlpb_tlp_class cls;
	uint16_t hdr;
	uint16_t data;
};

/*
 * A decoded TLP. Fields that its kind does not have are 0.
 * IDs are Bus[15:8] Device[7:3] Function[2:0].
 */
struct tlpb_tlp {
	enum tlpb_tlp_kind kind;
	bool hdr_4dw;		/* true for messages, false for I/O, configuration, completions */

	uint8_t tc;		/* Traffic Class */
	bool ido, ro, ns;	/* Attr: ID-based ordering, relaxed ordering, no snoop */
	bool th, td, ep;	/* TLP hints present, digest present, poisoned */
	bool ln;		/* Lightweight Notification */
	uint8_t at;		/* Address Type */
	uint16_t length_dw;	/* 1..1024; 0 for messages and completions without data */
	uint16_t tag;		/* all 10 bits */
	uint16_t requester_id;

	uint8_t first_be, last_be;	/* memory, I/O, configuration */
	uint64_t address;		/* memory, I/O, atomics; bits 1:0 are 0 */
	uint8_t ph;			/* processing hint, when th */

	uint16_t dest_id;		/* configuration: the function addressed */
	uint16_t reg_offset;		/* configuration: byte offset, 0..4092 */

	uint8_t routing, message_code;	/* messages */
	uint32_t dw2, dw3;		/* messages: third and fourth header DW */

	uint16_t completer_id;		/* completions */
	uint8_t status;			/* enum tlpb_cpl_status */
	bool bcm;
	uint16_t byte_count;		/* 1..4096: bytes left, this completion included */
	uint8_t lower_address;

	uint8_t prefix_count;		/* prefixes as they came, the PASID prefix included */
	uint32_t prefix[TLPB_MAX_PREFIXES];
	bool has_pasid, pasid_priv, pasid_exec;
	uint32_t pasid;

	const uint8_t *payload;		/* borrowed: points into the caller's bytes */
	size_t payload_len;		/* bytes: 4 * length_dw when the kind has data, else 0 */
	uint32_t ecrc;			/* digest, when td, as a big-endian DW */
};

/* Why a TLP is malformed, in the order in which the rules are tried. */
#define TLPB_RULE_LIST(X)                                                               \
	X(TRUNCATED) X(UNDEFINED_FMT_TYPE) X(SIZE_MISMATCH) X(MPS_EXCEEDED)             \
	X(CROSSES_4K) X(BYTE_ENABLES) X(CFG_IO_LENGTH) X(CFG_IO_TC) X(CFG_IO_LAST_BE)   \
	X(MSG_TC) X(MSG_ROUTING) X(ATOMIC_LENGTH) X(ATOMIC_ALIGNMENT)

enum tlpb_rule {
	TLPB_RULE_NONE = 0,	/* the TLP is well formed */
#define TLPB_RULE_ENUM(name) TLPB_RULE_##name,
	TLPB_RULE_LIST(TLPB_RULE_ENUM)
#undef TLPB_RULE_ENUM
};

/* "CROSSES_4K"; "" for TLPB_RULE_NONE. */
const char *tlpb_rule_name(enum tlpb_rule rule);

/*
 * Decode len bytes. *tlp borrows its payload from bytes. Reads no further than
 * len; bytes behind the TLP are not looked at (tlpb_tlp_check() reports them).
 * Returns 0, or TLPB_ERR_TRUNCATED (shorter than its header, or than the data and
 * digest its header says) or TLPB_ERR_MALFORMED (no such Fmt/Type, too many or
 * misplaced prefixes). On an error the fields that could be read are filled in
 * (payload_len is then what is there), the rest are 0; kind is TLPB_TLP_KINDS
 * when the header is short or the Fmt/Type undefined.
 */
int tlpb_tlp_unpack(const uint8_t *bytes, size_t len, struct tlpb_tlp *tlp);

/*
 * Encode. Returns the number of bytes written, TLPB_ERR_TOO_LARGE when size is
 * too small (TLPB_MAX_TLP always suffices), or TLPB_ERR_INVALID for field values
 * that have no encoding. payload may be NULL only for kinds without data. With
 * td the digest of tlp->ecrc is appended as given (see tlpb_tlp_ecrc()). The
 * has_pasid fields fill in the PASID prefix: the one in prefix[], or a new one
 * behind the others. Rules are not checked: a malformed TLP can be encoded.
 */
int tlpb_tlp_pack(const struct tlpb_tlp *tlp, uint8_t *bytes, size_t size);

/*
 * The first rule that the TLP in bytes breaks, judged from its bytes and the
 * Max_Payload_Size (in bytes) alone; TLPB_RULE_NONE when it is well formed.
 */
enum tlpb_rule tlpb_tlp_check(const uint8_t *bytes, size_t len, size_t mps);

/*
 * ECRC over the len bytes of an encoded TLP without its digest, but with TD set
 * (2.7.1), as a big-endian DW.
 */
uint32_t tlpb_tlp_ecrc(const uint8_t *bytes, size_t len);

/* Does this kind carry data? */
bool tlpb_kind_has_data(enum tlpb_tlp_kind kind);

enum tlpb_tlp_class tlpb_kind_class(enum tlpb_tlp_kind kind);

struct tlpb_credits tlpb_tlp_credits(const struct tlpb_tlp *tlp);

/* "MRd", "CfgWr0", "CplD": the short names of the specification. */
const char *tlpb_kind_name(enum tlpb_tlp_kind kind);

/* "SC", "UR", "CRS", "CA", "reserved". */
const char *tlpb_cpl_status_name(unsigned status);

/*
 * One line for a person, without newline, as snprintf(): for example
 * "MRd 0xfebf1000 4 bytes, req 00:00.0 tag 10". Long payloads are cut.
 */
int tlpb_tlp_text(const struct tlpb_tlp *tlp, char *text, size_t size);

/*
 * Byte enables and byte counts (2.2.5, 2.3.1.1).
 */
struct tlpb_extent {
	uint16_t length_dw;
	uint8_t first_be, last_be;
};

/*
 * What a request for len bytes (0..4096) at address needs. A length of 0 is a
 * zero-length request: one DW, no byte enabled.
 */
struct tlpb_extent tlpb_extent(uint64_t address, size_t len);

/*
 * Byte Count of the (first) completion for such a request: 1..4096. A read with
 * TH has a steering tag in place of byte enables: pass them as all enabled.
 */
unsigned tlpb_byte_count(uint16_t length_dw, uint8_t first_be, uint8_t last_be);

/* Offset of the first enabled byte in its DW: Lower Address[1:0]; 0 when none is. */
unsigned tlpb_first_byte(uint8_t first_be);

/*
 * Splitting. Each call gives the size of the next piece, so that a loop
 * "n = …; use n; addr += n; len -= n" covers the whole.
 */
/* Bytes of the next request: at most limit (MPS or MRRS), never across 4 KiB. */
size_t tlpb_next_request(uint64_t addr, size_t len, size_t limit);

/* Bytes of the next completion: at most mps, ends on a multiple of rcb unless last (2.3.1.1). */
size_t tlpb_next_completion(uint64_t addr, size_t len, size_t mps, size_t rcb);

#ifdef __cplusplus
}
#endif
#endif
