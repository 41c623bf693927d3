/* SPDX-License-Identifier: MIT */
/*
 * The host's face: a root complex that reaches one device over one link.
 * QEMU's shim, the command line and the tests all drive this.
 *
 * Threads: a tlpb_rc, or a group of them, belongs to one thread at a time (in QEMU:
 * whoever holds the big lock). There are no hidden callers: callbacks run inside the
 * calls below, on the calling thread, while they serve inbound traffic. A callback
 * may use any tlpb_rc of its thread again, and may close it.
 *
 * Blocking: a call marked "waits" returns when the completion is there or the
 * link is down. It serves inbound DMA, interrupts and messages meanwhile, those of
 * its whole group. There is no completion timeout while the peer lives unless one is asked for; after 2 s,
 * and then with longer and longer pauses, ops->waiting (or the log) says what is
 * waited for. Waits may nest, as callbacks do; the 257th one inside others fails
 * with TLPB_ERR_BUSY.
 *
 * Hot-plug: ops->down tells once that a link is lost, and why; from then on every
 * call fails at once with TLPB_ERR_CLOSED and reads give all ones. A link never comes
 * back by itself. Who wants the device again closes the tlpb_rc and connects anew,
 * at any pace: what connects is the device that came back, with its registers reset.
 */
#ifndef TLPBRIDGE_RC_H
#define TLPBRIDGE_RC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/atomic.h>
#include <tlpbridge/credits.h>
#include <tlpbridge/check.h>
#include <tlpbridge/device.h>
#include <tlpbridge/err.h>
#include <tlpbridge/shm.h>
#include <tlpbridge/tlp.h>
#include <tlpbridge/wire.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tlpb_rc tlpb_rc;
typedef struct tlpb_rc_group tlpb_rc_group;
typedef struct tlpb_trace tlpb_trace;

/*
 * Errors that a root complex detects in what crosses its link: X(name, bit), the bit is that of the
 * Uncorrectable Error Status of AER (7.8.4.2).
 */
#define TLPB_RC_ERROR_LIST(X)                                                           \
	X(POISONED, 12)			/* poisoned data came, requested or not */      \
	X(FLOW_CONTROL, 13)		/* illegal credits; the link goes down */       \
	X(COMPLETION_TIMEOUT, 14)                                                       \
	X(COMPLETER_ABORT, 15)		/* a request was answered so */                 \
	X(UNEXPECTED_COMPLETION, 16)                                                    \
	X(RECEIVER_OVERFLOW, 17)	/* more than was advertised; the link goes down */ \
	X(MALFORMED, 18)                                                                \
	X(ECRC, 19)			/* only with tlpb_rc_config.ecrc */             \
	X(UNSUPPORTED_REQUEST, 20)	/* a request was refused so */

enum tlpb_rc_error {
#define TLPB_RC_ERROR_ENUM(name, bit) TLPB_RC_##name = (bit),
	TLPB_RC_ERROR_LIST(TLPB_RC_ERROR_ENUM)
#undef TLPB_RC_ERROR_ENUM
	TLPB_RC_ERRORS = 32,
};

struct tlpb_rc_error_report {
	enum tlpb_rc_error error;
	bool advisory;		/* if its severity is non-fatal: one of the cases of 6.2.3.2.4 */
	bool has_header;
	uint32_t header[4];	/* for the Header Log: of the TLP, doublewords as numbers */
};

/*
 * What the host provides. Any member may be NULL: memory then answers
 * Unsupported Request, the rest is ignored.
 */
struct tlpb_rc_ops {
	/*
	 * The endpoint reads or writes host memory; MSI and MSI-X are such writes.
	 * One call never crosses a 4 KiB boundary and has every byte enabled.
	 * request carries requester ID and attributes. Return 0, or
	 * TLPB_ERR_BUS_MASTER_OFF, TLPB_ERR_NO_ADDRESS or TLPB_ERR_ACCESS (told to the
	 * endpoint as Unsupported Request), any other error as Completer Abort.
	 */
	int (*mem_read)(void *ctx, const struct tlpb_tlp *request, uint64_t addr,
			void *buf, size_t len);
	int (*mem_write)(void *ctx, const struct tlpb_tlp *request, uint64_t addr,
			 const void *data, size_t len);

	/*
	 * The endpoint asks for an AtomicOp on host memory, naturally aligned. Do it atomically
	 * against whoever else uses that memory (tlpb_atomic_memory() does, where the host has
	 * it mapped), and store what was there in old, atomic->size bytes. Return as above;
	 * TLPB_ERR_UNSUPPORTED, for memory or a size that cannot do it, is Unsupported
	 * Request, too.
	 */
	int (*atomic)(void *ctx, const struct tlpb_tlp *request, uint64_t addr,
		      const struct tlpb_atomic *atomic, void *old);

	/*
	 * A Deferrable Memory Write, as mem_write but never in part: return TLPB_ERR_CRS, and
	 * change nothing, where the endpoint shall try again. NULL: Unsupported Request.
	 */
	int (*dmwr)(void *ctx, const struct tlpb_tlp *request, uint64_t addr, const void *data,
		    size_t len);

	/*
	 * Direct DMA: the device's function has written len bytes at bus address addr by itself, all of
	 * them granted to it (tlpb_rc_grant()) and not revoked yet. Called in the order of the stream: before
	 * any TLP, interrupts included, that the device sent after it wrote. For what the host knows of its
	 * memory's contents: translated code, tracking of dirty pages. It shall not wait.
	 */
	void (*dirty)(void *ctx, unsigned function, uint64_t addr, uint64_t len);

	/* INTx changed: pin 0..3 is INTA..INTD; level true is asserted. */
	void (*intx)(void *ctx, unsigned pin, bool level);

	/*
	 * Any other message; msg is valid during the call. False: it is not known. One of
	 * Vendor_Defined type 0, or of a code that no endpoint sends, is an Unsupported Request
	 * then, which is logged and counted.
	 */
	bool (*message)(void *ctx, const struct tlpb_tlp *msg);

	/*
	 * The root complex detected an error (6.2), which is dealt with: what was refused is
	 * answered, what was broken dropped. For the host to log and to tell its software, as a
	 * root port does; the tlpb_rc has no registers. The report is valid during the call.
	 */
	void (*error)(void *ctx, const struct tlpb_rc_error_report *report);

	/*
	 * The link went down, for good: surprise removal. Called once, before the requests
	 * that wait fail; not for tlpb_rc_close(). text may be "".
	 */
	void (*down)(void *ctx, enum tlpb_reason reason, const char *text);

	/* Simulated time of the host in picoseconds, for stamps and traces. */
	uint64_t (*now_ps)(void *ctx);

	/* Somebody waits: text says for what and how long. */
	void (*waiting)(void *ctx, const char *text);

	/*
	 * Asked now and then while something waits: give up (Ctrl-C, SIGTERM)? Then a
	 * connect fails, and a wait takes the link down.
	 */
	bool (*cancelled)(void *ctx);
};

struct tlpb_rc_config {
	/*
	 * Where the server listens: "ipc:///run/x.sock", "tcp://host:7000",
	 * "tls+tcp://host:7000", "inproc://name"; or "fd:3", an inherited connected stream
	 * socket, which is taken over once it is found to be one.
	 */
	const char *url;
	/*
	 * For tls+tcp, PEM files: the certificates that may have signed the server's, and
	 * this host's own with its key, for servers that ask for one (else NULL).
	 */
	const char *tls_ca, *tls_cert, *tls_key;
	const char *tls_server_name;	/* in the server's certificate; NULL: the URL's host */
	bool plaintext;			/* plain TCP beyond loopback is wanted */
	const char *device;		/* device wanted; NULL or "": the first free one */
	const char *name;		/* this host's name for messages; NULL: from the process */
	unsigned connect_timeout_ms;	/* 0: the default, 10,000 */
	enum tlpb_transport transport;	/* shared memory or not, see shm.h */
	bool no_spin;			/* never look for more than an instant before sleeping */
	/* Largest payload sent to the device, and where its reads may be split; bytes; 0: 128 and 64. */
	unsigned mps, rcb;
	struct tlpb_pools credits;	/* advertised to the device; zeros: the defaults */
	/*
	 * Milliseconds of this machine's time after which an access without its completions ends
	 * with TLPB_ERR_TIMEDOUT, and a read with all ones; 0: never while the peer lives. A
	 * completion that comes later is an Unexpected Completion; the tag is not used again
	 * before it, and when all tags are lost that way, accesses end at once.
	 */
	unsigned completion_timeout_ms;
	/*
	 * Configuration requests answered with a retry status (2.3.1) are sent again, with pauses,
	 * for so many milliseconds, and end with TLPB_ERR_CRS then; 0: at once. crs_visible (CRS
	 * Software Visibility): a read of the whole Vendor ID is not, and gives 0001h, and ones
	 * for what else was read with it.
	 */
	unsigned crs_retry_ms;
	bool crs_visible;
	uint64_t order_seed;		/* not 0: stress mode: TLPs go in any order that the rules allow */
	const char *inject;		/* error injection, see tlpb_rc_inject(); NULL: none */
	enum tlpb_check check;		/* see check.h */
	/*
	 * ECRC (2.7.1): send a digest with every TLP, and check those that come with one; the
	 * device's side is what software enables in its AER capability. A TLP whose digest does
	 * not fit is dropped. Of a request, or a completion, the requester hears no more: set
	 * completion_timeout_ms, too.
	 */
	bool ecrc;
	bool plain_pcie;		/* no DMA_FAULT: failed posted writes are told to nobody */

	/*
	 * Let writes that follow each other within microseconds travel together, which makes
	 * floods of them several times faster. What is left of a burst leaves in the next
	 * call that waits or processes: for hosts whose loop comes when the descriptor is readable.
	 */
	bool gather_writes;

	/*
	 * Offer direct DMA, see tlpb_rc_grant(). What a device reads and writes that way crosses no link: a
	 * trace has no TLPs of it. Not together with inject, check, ecrc or order_seed, which
	 * want to see every TLP: then it is not offered.
	 */
	bool grants;
	tlpb_trace *trace;		/* borrowed, may be NULL; until tlpb_rc_close() */
	tlpb_rc_group *group;		/* see tlpb_rc_set_group(); NULL: alone */
	const struct tlpb_rc_ops *ops;	/* copied */
	void *ctx;			/* for ops */
};

/*
 * Join the server at config->url, exchange HELLO and read the device's records.
 * Waits up to connect_timeout_ms for a server to appear, and serves nobody
 * meanwhile. On failure returns a negative error and a sentence with cause and cure
 * in why; TLPB_ERR_INVALID where config itself is wrong. Of ops only cancelled and now_ps are called, so a thread of its own may
 * connect without the lock that the callbacks need, and hand the tlpb_rc over; what
 * the device sent first makes tlpb_rc_fd() readable.
 */
int tlpb_rc_connect(const struct tlpb_rc_config *config, tlpb_rc **rc, char *why, size_t why_size);

/*
 * Says goodbye (waits at most 1 s for the peer to hear it) and frees. NULL is fine.
 * Asynchronous accesses end with TLPB_ERR_CLOSED before it returns. From a callback,
 * too: where calls that use the tlpb_rc are in progress, they fail with
 * TLPB_ERR_CLOSED, the last one frees it, and neither ops nor trace are used again.
 */
void tlpb_rc_close(tlpb_rc *rc);

/* The device at the other end; valid until tlpb_rc_close(). */
const struct tlpb_device *tlpb_rc_device(const tlpb_rc *rc);

/*
 * The device's records as they came, for tlpb_registers_decode(), or to be kept; NULL and 0
 * if there was no memory to keep them. Valid until tlpb_rc_close().
 */
const uint8_t *tlpb_rc_records(const tlpb_rc *rc, size_t *len);

bool tlpb_rc_is_up(const tlpb_rc *rc);

/* Do frames travel in shared memory (shm.h)? It stays so from tlpb_rc_connect() to the link's end. */
bool tlpb_rc_shared_memory(const tlpb_rc *rc);

/* Why the link is down, as ops->down was told; text valid until tlpb_rc_close(). */
enum tlpb_reason tlpb_rc_down_reason(const tlpb_rc *rc);
const char *tlpb_rc_down_text(const tlpb_rc *rc);

/*
 * For an event loop (poll, glib's g_unix_fd_add(), QEMU's qemu_set_fd_handler()):
 * watch this descriptor for reading, level-triggered, and call tlpb_rc_process()
 * when it is ready. Process serves a burst of what has arrived and never blocks.
 * Returns 0, or TLPB_ERR_CLOSED once the link is down: stop watching then, ops->down
 * is the place; the descriptor is closed soon after it. -1: down already.
 *
 *	static gboolean ready(gint fd, GIOCondition condition, gpointer rc)
 *	{
 *		return tlpb_rc_process(rc) ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
 *	}
 *	g_unix_fd_add(tlpb_rc_fd(rc), G_IO_IN, ready, rc);
 */
int tlpb_rc_fd(const tlpb_rc *rc);
int tlpb_rc_process(tlpb_rc *rc);

/*
 * For hosts without an event loop: block until the device, or another one of the group, has sent something, a
 * signal arrives or timeout_ms is over (negative: no limit), and serve it; often faster than a descriptor tells.
 * Returns as tlpb_rc_process().
 */
int tlpb_rc_wait(tlpb_rc *rc, int timeout_ms);

/*
 * With completion_timeout_ms or crs_retry_ms, and asynchronous accesses: watch this one, too. It
 * is readable when time makes tlpb_rc_process() necessary. -1: there is none. The group's
 * descriptor tells of it as of the other.
 */
int tlpb_rc_timer_fd(const tlpb_rc *rc);

/*
 * Groups: the links that share one thread, or one lock. Whoever waits on one of them
 * serves the traffic of all, so that a device may take as long as it likes over a
 * read, even until another device of the group has done its DMA. Put all devices of
 * one lock into one group; without one, a tlpb_rc serves itself only.
 *
 * set_group moves a tlpb_rc (group NULL: alone again). It fails with TLPB_ERR_BUSY inside a
 * call that uses that tlpb_rc. From then on the two share a lock: to take a tlpb_rc
 * over from a thread that connected it, call it with that lock held.
 * free fails with TLPB_ERR_BUSY while there is a member; closing removes one.
 */
int tlpb_rc_group_new(tlpb_rc_group **group);
int tlpb_rc_group_free(tlpb_rc_group *group);
int tlpb_rc_set_group(tlpb_rc *rc, tlpb_rc_group *group);

/*
 * One descriptor for all members, those who come later included. Process serves
 * a burst of each that has something, and never blocks; ops->down tells who is lost.
 * The descriptors of the members may be watched instead.
 */
int tlpb_rc_group_fd(const tlpb_rc_group *group);
void tlpb_rc_group_process(tlpb_rc_group *group);

/*
 * Configuration access to function bdf (Bus[15:8] Device[7:3] Function[2:0]), any
 * function number: the device answers Unsupported Request for one that it has not.
 * size 1, 2 or 4 bytes, not across a doubleword. Waits. A retry status (CRS) is
 * returned as TLPB_ERR_CRS, Unsupported Request as TLPB_ERR_UNSUPPORTED; *value is
 * then all ones of that size.
 */
int tlpb_rc_config_read(tlpb_rc *rc, uint16_t bdf, unsigned offset, unsigned size, uint32_t *value);
int tlpb_rc_config_write(tlpb_rc *rc, uint16_t bdf, unsigned offset, unsigned size, uint32_t value);

/*
 * Memory access at a PCI bus address, any length and alignment. The read waits,
 * and fills buf with all ones where it failed. The write is posted: it returns
 * when the TLPs are queued, and waits only while the peer is too slow to take
 * them (or, with gather_writes, for the rest of a burst).
 */
int tlpb_rc_mem_read(tlpb_rc *rc, uint64_t addr, void *buf, size_t len);
int tlpb_rc_mem_write(tlpb_rc *rc, uint64_t addr, const void *data, size_t len);

/*
 * The same for the bytes whose enable is not 0, any pattern: a TLP for each doubleword
 * that has one.
 */
int tlpb_rc_mem_write_enabled(tlpb_rc *rc, uint64_t addr, const void *data, const uint8_t *enable,
			      size_t len);

/*
 * An AtomicOp on the device's memory, naturally aligned; waits. old gets what was there,
 * atomic->size bytes, all ones where it failed: TLPB_ERR_UNSUPPORTED, the device has no atomic
 * operations of that size there; TLPB_ERR_INVALID, not one that exists; TLPB_ERR_TOO_LARGE, with
 * old unchanged: more data than the device's NPD credits can ever take; others as for a read.
 */
int tlpb_rc_atomic(tlpb_rc *rc, uint64_t addr, const struct tlpb_atomic *atomic, void *old);

/*
 * A Deferrable Memory Write of 1 to 128 bytes, counted from the doubleword in which they begin,
 * within 4 KiB; waits, and tells how it ended.
 * TLPB_ERR_CRS: the device did not take it now; try again later. TLPB_ERR_TOO_LARGE as above.
 */
int tlpb_rc_dmwr(tlpb_rc *rc, uint64_t addr, const void *data, size_t len);

/* I/O space, size 1, 2 or 4 bytes, any alignment. Both wait: I/O writes are non-posted. */
int tlpb_rc_io_read(tlpb_rc *rc, uint32_t addr, unsigned size, uint32_t *value);
int tlpb_rc_io_write(tlpb_rc *rc, uint32_t addr, unsigned size, uint32_t value);

/*
 * The same accesses without waiting, any number at once. They return 0, or an error
 * and nothing happens. After 0, done is called once, with what the waiting call
 * would have returned, when the access is over: inside a later call that serves
 * inbound traffic (process, or a wait, of the tlpb_rc or its group), or when the link
 * is lost, with TLPB_ERR_CLOSED. buf and value are filled then, and belong to the
 * access until then. done may call anything.
 *
 * Up to 256 requests are outstanding (768 with tags of 10 bits), long reads are several; the
 * rest waits for their tags, in turns. Writes issued meanwhile may pass what waits. Reads may be
 * answered in any order.
 */
typedef void tlpb_rc_done(void *arg, int err);

int tlpb_rc_mem_read_async(tlpb_rc *rc, uint64_t addr, void *buf, size_t len, tlpb_rc_done *done,
			   void *arg);
int tlpb_rc_config_read_async(tlpb_rc *rc, uint16_t bdf, unsigned offset, unsigned size,
			      uint32_t *value, tlpb_rc_done *done, void *arg);
int tlpb_rc_config_write_async(tlpb_rc *rc, uint16_t bdf, unsigned offset, unsigned size,
			       uint32_t value, tlpb_rc_done *done, void *arg);
int tlpb_rc_io_read_async(tlpb_rc *rc, uint32_t addr, unsigned size, uint32_t *value,
			  tlpb_rc_done *done, void *arg);
int tlpb_rc_io_write_async(tlpb_rc *rc, uint32_t addr, unsigned size, uint32_t value,
			   tlpb_rc_done *done, void *arg);

/*
 * Use tags of 10 bits (2.2.6.2) for requests to function bdf's device, and let it do the same
 * if it can. Waits. Returns 0, TLPB_ERR_UNSUPPORTED (the device completes no such requests), or
 * the error of an access to its config space.
 */
int tlpb_rc_use_10bit_tags(tlpb_rc *rc, uint16_t bdf);

/*
 * Send a message TLP (message.h makes some); posted. Returns 0, or TLPB_ERR_CLOSED,
 * TLPB_ERR_INVALID (no message, or no encoding), TLPB_ERR_MALFORMED.
 */
int tlpb_rc_message(tlpb_rc *rc, const struct tlpb_tlp *msg);

/* PME_Turn_Off (5.3.3.2.1): the endpoint answers, as a message, with PME_TO_Ack. As above. */
int tlpb_rc_pme_turn_off(tlpb_rc *rc);

/* Set_Slot_Power_Limit, see message.h: the endpoint shows it in its Device Capabilities. As above. */
int tlpb_rc_slot_power_limit(tlpb_rc *rc, uint16_t limit);

/* Reset the device. Function-level reset goes through its config space instead. Posted. */
int tlpb_rc_reset(tlpb_rc *rc, enum tlpb_reset kind);

/*
 * The host's interrupt controller has seen the end of an interrupt (EOI) on pin 0..3
 * (INTA..INTD): the endpoint is told. For hosts that can know it; nothing else depends on
 * it, and a peer that does not know the report skips it. Posted. Returns 0,
 * TLPB_ERR_INVALID (no such pin) or TLPB_ERR_CLOSED.
 */
int tlpb_rc_eoi(tlpb_rc *rc, unsigned pin);

/*
 * Direct DMA: a device on the same machine reads and writes host memory by itself, where that is granted to
 * one of its functions; what is not granted comes as TLPs as before. The device does so only while the
 * function's Bus Master Enable is set, and in the order of its TLPs. A link that goes down, or is
 * closed, ends all grants.
 */
struct tlpb_rc_grant {
	unsigned function;	/* its number in the device, 0..255 */
	uint64_t addr, len;	/* bytes from this bus address … */
	int fd;			/* … are those of this file … */
	uint64_t offset;	/* … from here on; a multiple of the page size, as addr is */
	bool writable;		/* the device may write there, too */
};

/*
 * May devices be granted memory? True from tlpb_rc_connect() on, where config.grants was set, the device's side wants
 * it, too, and the two share memory (shm.h); until the link is down.
 */
bool tlpb_rc_takes_grants(const tlpb_rc *rc);

/*
 * Grant memory. fd: a memory file (memfd_create()) of at least offset + len bytes, sealed with
 * F_SEAL_SHRINK, so that nobody can take pages from under the device; borrowed during the call. The
 * device may refuse it, and then does DMA there by TLPs; its log says why. A grant takes effect some time
 * after the call, which never waits.
 *
 * Returns 0, TLPB_ERR_UNSUPPORTED (see tlpb_rc_takes_grants()), TLPB_ERR_CLOSED, TLPB_ERR_BUSY (some of it is
 * granted to that function already), TLPB_ERR_TOO_LARGE (256 ranges are granted), TLPB_ERR_NOMEM, TLPB_ERR_IO
 * (no more descriptors) or TLPB_ERR_INVALID: no bytes, beyond the end of the address space or of the
 * file, not on pages, no such function, not a sealed memory file.
 */
int tlpb_rc_grant(tlpb_rc *rc, const struct tlpb_rc_grant *grant);

/*
 * Take back what of these bytes is granted to that function; it may be a part of a grant, parts of many, or
 * nothing, which costs nothing. Waits until the device says that it does not touch them any more, and
 * has then called ops->dirty for all that it wrote there. Serves inbound traffic meanwhile: DMA TLPs for
 * these addresses come to ops->mem_read and ops->mem_write; grants and revokes may be made in callbacks.
 * A device that does not answer within 2 s loses its link.
 *
 * Returns 0, or TLPB_ERR_CLOSED: the link is down. In both cases the device may not use the bytes any more, but of
 * a device that hangs that cannot be known.
 */
int tlpb_rc_revoke(tlpb_rc *rc, unsigned function, uint64_t addr, uint64_t len);

/*
 * For hosts without firmware: where tlpb_rc_enumerate() puts the device. All
 * windows are filled upwards from their base.
 */
struct tlpb_rc_windows {
	uint16_t bdf;			/* the ID the device gets */
	uint64_t mem32, mem64, io;	/* first free address of each window */
};

struct tlpb_rc_bar {
	uint64_t addr;		/* PCI bus address */
	uint64_t size;		/* bytes; 0: not implemented */
	bool io, is_64bit, prefetch;
};

/*
 * Size and place the BARs through config space as firmware does, then set Memory,
 * I/O and Bus Master Enable. Waits. bars gets TLPB_BARS entries (the upper half of a
 * 64-bit BAR has size 0).
 */
int tlpb_rc_enumerate(tlpb_rc *rc, const struct tlpb_rc_windows *windows,
		      struct tlpb_rc_bar bars[TLPB_BARS]);

/* Offset of a capability (PCI ID, 8 bits) in config space; 0: not there. Waits. */
int tlpb_rc_find_capability(tlpb_rc *rc, uint16_t bdf, unsigned id);

/*
 * Enable what the function bdf has of ECRC generation and checking in its AER capability
 * (7.8.4.7), as software does; tlpb_rc_config.ecrc is this end's part. Waits. Returns 0,
 * TLPB_ERR_UNSUPPORTED (it has neither), or the error of an access to its config space.
 */
int tlpb_rc_enable_ecrc(tlpb_rc *rc, uint16_t bdf);

/*
 * Error injection (inject.h) at this end: adds rules; NULL removes all, and what they hold back
 * is lost. Returns 0, TLPB_ERR_INVALID or TLPB_ERR_TOO_LARGE with cause and cure in why (no rule is
 * added then), or TLPB_ERR_NOMEM.
 */
int tlpb_rc_inject(tlpb_rc *rc, const char *rules, char *why, size_t why_size);

/* How often those rules have acted. */
uint64_t tlpb_rc_injected(const tlpb_rc *rc);

/* The rules in force, and how often each has acted. */
struct tlpb_inject_list;
void tlpb_rc_inject_list(const tlpb_rc *rc, struct tlpb_inject_list *list);

/* Violations that the checker of this end has found. */
uint64_t tlpb_rc_violations(const tlpb_rc *rc);

/* Counts since the link came up, for demos, tests and tools. */
struct tlpb_rc_stats {
	uint64_t config_reads, config_writes;
	uint64_t mem_reads, mem_writes, io_reads, io_writes;	/* TLPs to the device */
	uint64_t dma_reads, dma_writes;				/* TLPs from the device */
	uint64_t dma_read_bytes, dma_write_bytes;
	uint64_t atomics, deferrable_writes;			/* TLPs to the device */
	uint64_t dma_atomics, dma_deferrable_writes;		/* TLPs from the device */
	uint64_t dma_faults, intx_messages, other_messages, unsupported_messages;
	uint64_t unexpected_completions;
	uint64_t grants, revokes;				/* ranges granted; revokes that the device answered */
	uint64_t dirty_ranges, dirty_bytes;			/* that the device reported */
	uint64_t errors[TLPB_RC_ERRORS];	/* by enum tlpb_rc_error */
};
void tlpb_rc_get_stats(const tlpb_rc *rc, struct tlpb_rc_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
