/* SPDX-License-Identifier: MIT */
/*
 * The endpoint's face: PCI Express functions that answer requests, do DMA and raise interrupts.
 * The SystemC host uses it, and a model in plain C uses it directly. The endpoint owns the
 * functions' config spaces. Most devices have one function, 0: what names no function means it.
 *
 * Threads: an endpoint and the server it is added to belong to one thread.
 * Callbacks run on it, inside tlpb_server_process() or tlpb_server_wait(); that of DMA which needed no
 * TLPs inside the call that asked for it.
 * No call below blocks; what takes time ends in a callback.
 */
#ifndef TLPBRIDGE_EP_H
#define TLPBRIDGE_EP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tlpbridge/atomic.h>
#include <tlpbridge/credits.h>
#include <tlpbridge/check.h>
#include <tlpbridge/device.h>
#include <tlpbridge/err.h>
#include <tlpbridge/tlp.h>
#include <tlpbridge/wire.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tlpb_ep tlpb_ep;
typedef struct tlpb_trace tlpb_trace;

/*
 * A request for the model. It belongs to the model from ops->access until
 * tlpb_ep_complete(), which must be called exactly once, at once or later.
 */
struct tlpb_ep_request {
	unsigned function;		/* its number; those of VFs follow from struct tlpb_sriov */
	bool write;
	bool posted;			/* memory write: completion only gives the request back */
	bool deferrable;		/* a write that may be completed with TLPB_CPL_CRS: try again */
	/*
	 * Not NULL: an AtomicOp, in place of a read or a write. Do it, and leave what was there in
	 * data; regs.h does it for registers and memory. Comes to devices with TLPB_HAS_ATOMIC_32,
	 * TLPB_HAS_ATOMIC_64, TLPB_HAS_CAS_128 alone, of these sizes.
	 */
	const struct tlpb_atomic *atomic;
	unsigned region;		/* enum tlpb_region_index: a BAR or the ROM */
	uint64_t offset;		/* bytes from the start of the region */
	size_t length;			/* bytes, 1..4096; 0: a flush, complete it when earlier writes are done */
	uint8_t *data;			/* length bytes: to write, or to be filled by a read */
	const uint8_t *byte_enable;	/* NULL: all; else length bytes, 0xff or 0 (TLM style) */
	const struct tlpb_tlp *tlp;	/* requester ID, tag, attributes; payload is not for use */
	uint64_t time_ps;		/* the host's stamp */
	void *user;			/* the model's own */
	/*
	 * The model's to set before it completes a read or an AtomicOp with TLPB_CPL_SC: the data are known to
	 * be bad, and go out as poisoned (2.7.2).
	 */
	bool poison;
};

/* How an interrupt request fared. */
enum tlpb_irq_result {
	TLPB_IRQ_SENT,		/* the write or message is on its way */
	TLPB_IRQ_MASKED,	/* held: the vector or function is masked, Pending is set */
	TLPB_IRQ_MERGED,	/* held before already, or the line was asserted already */
	TLPB_IRQ_BUS_MASTER_OFF, /* refused: Bus Master Enable is 0; the event is lost */
	TLPB_IRQ_DISABLED,	/* not enabled by the driver: the event is lost, the level of INTx is kept */
	TLPB_IRQ_NO_VECTOR,	/* the device has no such vector, or the driver granted fewer */
	TLPB_IRQ_NO_LINK,	/* no host */
};

/* Any member but access may be NULL. */
struct tlpb_ep_ops {
	/* A BAR or ROM access. MSI-X table and PBA are handled before it. */
	void (*access)(void *ctx, struct tlpb_ep_request *request);

	/*
	 * The function was reset; config space has its initial values again, but for what this
	 * kind of reset keeps. DMA in
	 * flight has ended in TLPB_ERR_CLOSED; requests not yet completed stay the
	 * model's; the host got Unsupported Request for them, what the model says
	 * later is dropped. A return from D3hot with TLPB_HAS_SOFT_RESET comes as TLPB_RESET_FLR.
	 * Not for virtual functions.
	 */
	void (*reset)(void *ctx, enum tlpb_reset kind);

	/* If set, called instead of reset: the same for each function by its number, VFs included. */
	void (*function_reset)(void *ctx, unsigned function, enum tlpb_reset kind);

	/*
	 * Software made the virtual functions of function or took them away, after a reset of each:
	 * there are count now.
	 */
	void (*vfs)(void *ctx, unsigned function, unsigned count);

	/* A host came or went. */
	void (*connected)(void *ctx, const char *host);
	void (*disconnected)(void *ctx, enum tlpb_reason reason, const char *text);

	/* Config space was written by the host (after the write took effect). Not for VFs. */
	void (*config_written)(void *ctx, unsigned offset, unsigned size);

	/*
	 * A message TLP from the host that is not for the library alone; valid during the call.
	 * False: the model does not know it. Vendor_Defined type 1 is dropped then; PME_Turn_Off,
	 * Set_Slot_Power_Limit and Unlock are known to every endpoint, so for them it does not
	 * matter; anything else is an Unsupported Request, which is logged.
	 */
	bool (*message)(void *ctx, const struct tlpb_tlp *msg);

	/* A posted DMA write without done callback failed at addr; err says why. */
	void (*dma_fault)(void *ctx, uint64_t addr, int err);

	/* Simulated time in picoseconds, for stamps and traces. */
	uint64_t (*now_ps)(void *ctx);

	/*
	 * The host's interrupt controller ended an interrupt of the function's INTx pin (EOI).
	 * Only hosts that can know it tell; QEMU 7.2 cannot (docs/qemu.md), so no model may
	 * depend on it. It does not wait for posted writes that the model still has.
	 */
	void (*eoi)(void *ctx);

	/*
	 * Direct DMA: these bytes of host memory, seen from that function, can no longer be reached directly: the host
	 * took them back, Bus Master Enable was cleared, the function was reset, the link is down. Pointers
	 * from tlpb_ep_find_window() into them are invalid when this returns.
	 */
	void (*revoked)(void *ctx, unsigned function, uint64_t addr, uint64_t len);

	/*
	 * Raw mode, if set: every TLP from the host comes here, in order, and access and message are
	 * not called. The model answers with completions of its own by tlpb_ep_send_tlp().
	 * *tlp is well-formed, and valid during the call. Configuration requests come here, too,
	 * unless keep_config; then the endpoint answers them, and the MSI-X table is
	 * the model's nonetheless.
	 */
	void (*tlp)(void *ctx, const struct tlpb_tlp *tlp, uint64_t time_ps);

	/* Raw mode: tlpb_ep_send_tlp() has said TLPB_ERR_AGAIN and would take a TLP now. */
	void (*tlp_ready)(void *ctx);
};

struct tlpb_ep_config {
	const struct tlpb_device *device;	/* copied */
	const struct tlpb_register *registers;	/* names for tools, copied; may be NULL */
	unsigned register_count;
	const struct tlpb_capability *capabilities;	/* of its own, copied; may be NULL */
	unsigned capability_count;
	bool keep_config;	/* raw mode: the endpoint has the config space, not the model */
	unsigned mps, mrrs;	/* bytes: largest Max_Payload_Size offered, read request; 0: 512 */
	struct tlpb_pools credits;	/* advertised to hosts; zeros: the defaults */
	/*
	 * Milliseconds of this machine's time after which a DMA read or another request of the
	 * device without its completions ends with TLPB_ERR_TIMEDOUT, unless software has set
	 * Completion Timeout Disable; 0: never while the host lives. Its tag is not used again
	 * before the completions have come: when all are lost that way, requests end at once.
	 */
	unsigned completion_timeout_ms;
	uint64_t order_seed;	/* not 0: stress mode: TLPs go in any order that the rules allow */
	const char *inject;	/* error injection, see tlpb_ep_inject(); NULL: none */
	enum tlpb_check check;	/* see check.h */
	bool no_direct;		/* no direct DMA: hosts need not grant memory to this one */
	const struct tlpb_ep_ops *ops;		/* copied */
	void *ctx;
	tlpb_trace *trace;	/* borrowed, may be NULL; outlives the endpoint */
};

/* On failure returns a negative error and the reason in why. */
int tlpb_ep_new(const struct tlpb_ep_config *config, tlpb_ep **ep, char *why, size_t why_size);
void tlpb_ep_free(tlpb_ep *ep);

/* A further function. */
struct tlpb_ep_function {
	unsigned number;	/* 1..7; when function 0 has TLPB_HAS_ARI, 1..255 */
	const struct tlpb_device *device;	/* copied; its name is not used */
	const struct tlpb_capability *capabilities;	/* copied; may be NULL */
	unsigned capability_count;
	/*
	 * Copied; NULL: those of function 0, with its ctx. connected, disconnected, now_ps and
	 * what is of raw mode are those of function 0 for all.
	 */
	const struct tlpb_ep_ops *ops;
	void *ctx;
};

/*
 * Add a function, before a host comes. Returns 0, TLPB_ERR_BUSY (there is a host),
 * TLPB_ERR_INVALID (the description, or the number is not free), TLPB_ERR_NOMEM, with the reason
 * in why.
 */
int tlpb_ep_add_function(tlpb_ep *ep, const struct tlpb_ep_function *function, char *why,
			 size_t why_size);

/* Function 0's description; its BARs have the sizes that software gave them. */
const struct tlpb_device *tlpb_ep_device(const tlpb_ep *ep);

/* Is a host connected? */
bool tlpb_ep_is_up(const tlpb_ep *ep);

/*
 * Finish a request with an enum tlpb_cpl_status; only SC sends the data of a read. CRS is for
 * requests that are deferrable; for others it is sent as CA.
 */
void tlpb_ep_complete(tlpb_ep *ep, struct tlpb_ep_request *request, enum tlpb_cpl_status status);

/*
 * Raw mode: send a TLP as it is; IDs and tags are the model's business. Posted TLPs and
 * completions stay in the order of the calls. tlp's payload is copied.
 *
 * Returns 0, or TLPB_ERR_CLOSED (no host), TLPB_ERR_INVALID (no raw mode, or no encoding),
 * TLPB_ERR_MALFORMED (*rule, if not NULL, says why), TLPB_ERR_AGAIN (so much is queued that the host
 * has to take some first: ops->tlp_ready says when), with keep_config TLPB_ERR_BUS_MASTER_OFF for
 * requests.
 */
int tlpb_ep_send_tlp(tlpb_ep *ep, const struct tlpb_tlp *tlp, enum tlpb_rule *rule);

/*
 * Raw mode: take nothing from the link until hold is false again, the host's own traffic
 * and its end included. May be called in ops->tlp: no further one comes.
 */
void tlpb_ep_hold_tlps(tlpb_ep *ep, bool hold);

/*
 * err is 0 or why the transfer failed; bytes before fail_addr are transferred. May be called inside
 * the call that it belongs to.
 */
typedef void tlpb_ep_dma_done(void *arg, int err, uint64_t fail_addr);

/*
 * Attributes of DMA requests (2.2.6). Relaxed ordering, no snoop and ID-based
 * ordering are sent only where software has enabled them in Device Control (2).
 */
struct tlpb_dma_attr {
	uint8_t tc;		/* Traffic Class, 0..7 */
	bool ido, ro, ns;
	uint8_t function;	/* whose requests they are */
	bool poison;		/* the data sent are known to be bad: what they were for is not modified (2.7.2) */
};

/*
 * DMA of any length and alignment, split by Max_Payload_Size,
 * Max_Read_Request_Size and 4 KiB.
 *
 * Read: buf is the library's until done. Write: data is copied, the TLPs are
 * posted. With done the result is exact: the write is followed by a zero-length
 * read, whose completion cannot overtake the reports of failed writes
 * (DMA_FAULT; without that feature a posted write always succeeds). When Bus Master
 * Enable is cleared before that read could be sent, the result is
 * TLPB_ERR_BUS_MASTER_OFF, and what arrived is not known. done may be NULL for a write; while 4 MiB of
 * such TLPs wait for the host's credits, the next one without done is TLPB_ERR_BUSY: give it a done, and
 * go on when that is called.
 *
 * attr may be NULL: Traffic Class 0, no attribute, function 0.
 *
 * Returns 0, or at once and without calling done: TLPB_ERR_BUS_MASTER_OFF,
 * TLPB_ERR_CLOSED (no host), TLPB_ERR_NOMEM, TLPB_ERR_INVALID (no such function; raw mode:
 * completions are the model's), TLPB_ERR_BUSY (a write without done, see above).
 */
int tlpb_ep_dma_read(tlpb_ep *ep, uint64_t addr, void *buf, size_t len,
		     const struct tlpb_dma_attr *attr,
		     tlpb_ep_dma_done *done, void *arg);
int tlpb_ep_dma_write(tlpb_ep *ep, uint64_t addr, const void *data, size_t len,
		      const struct tlpb_dma_attr *attr,
		      tlpb_ep_dma_done *done, void *arg);

/*
 * Direct DMA. Where the host has granted memory, the two calls above copy at once instead of sending TLPs,
 * as far as nothing that was sent before could be overtaken; nothing else changes, but that done is called
 * before they return then. Not for requests with attr->ido or attr->poison, nor while error injection, the
 * checker, ECRC or stress ordering want to see TLPs.
 *
 * The window is the granted memory around addr, as far as it can be read through a pointer. For who copies by himself (TLM's
 * DMI): there is no order then between what he reads and TLPs that this endpoint has sent. Writing that way
 * is not offered: the host has to be told what was written. False: no such memory, or not now
 * (Bus Master Enable, and all that is above). Valid until ops->revoked.
 */
struct tlpb_ep_window {
	const uint8_t *base;	/* where addr is mapped */
	uint64_t addr, len;	/* bytes */
};
bool tlpb_ep_find_window(tlpb_ep *ep, unsigned function, uint64_t addr, struct tlpb_ep_window *window);

/*
 * DMA of len bytes at once, directly and whole, or not at all: who gets TLPB_ERR_AGAIN calls the two above (data of a read may
 * have changed). Returns 0 when it is over, or errors as above. For callers that want to know at once.
 */
int tlpb_ep_dma_now(tlpb_ep *ep, bool write, uint64_t addr, void *data, size_t len,
		    const struct tlpb_dma_attr *attr);

/* Of the endpoint's life, for tests and tools. */
struct tlpb_ep_direct_stats {
	uint64_t reads, writes, read_bytes, write_bytes;	/* that went directly, in part or all */
	unsigned windows;					/* granted now */
};
void tlpb_ep_get_direct_stats(const tlpb_ep *ep, struct tlpb_ep_direct_stats *stats);

/* err is 0 or why it failed; old is what was there, of the operand's size, valid during the call. */
typedef void tlpb_ep_atomic_done(void *arg, int err, const void *old);

/*
 * An AtomicOp on host memory (6.15), which is naturally aligned. atomic is copied; attr as for
 * DMA. It cannot pass earlier DMA writes; DMA reads may pass it.
 *
 * Returns 0, or at once and without calling done: TLPB_ERR_DISABLED (the device
 * lacks TLPB_HAS_ATOMIC_REQUESTS, or software has not set AtomicOp Requester Enable), TLPB_ERR_TOO_LARGE (more
 * data than the host's NPD credits can ever take), TLPB_ERR_INVALID (size or alignment; raw mode), and as DMA. done
 * gets TLPB_ERR_UNSUPPORTED where the host has no such memory or no such operation.
 */
int tlpb_ep_atomic(tlpb_ep *ep, uint64_t addr, const struct tlpb_atomic *atomic,
		   const struct tlpb_dma_attr *attr, tlpb_ep_atomic_done *done, void *arg);

/* err is 0 or why it failed: TLPB_ERR_CRS: not now, try again later. */
typedef void tlpb_ep_done(void *arg, int err);

/*
 * A Deferrable Memory Write: one request, whose result the host tells. 1 to 128 bytes, counted
 * from the doubleword in which they begin, within 4 KiB. data is copied. Returns as tlpb_ep_atomic(): TLPB_ERR_DISABLED without
 * TLPB_HAS_DMWR_REQUESTS and DMWr Requester Enable.
 */
int tlpb_ep_dmwr(tlpb_ep *ep, uint64_t addr, const void *data, size_t len,
		 const struct tlpb_dma_attr *attr, tlpb_ep_done *done, void *arg);

/*
 * Interrupts (6.1). Vectors count from 0. MSI, MSI-X: one event. INTx: the line's level,
 * which is kept while it cannot be told: when the driver clears Interrupt Disable, or
 * disables MSI and MSI-X, with the level still true, the line is asserted then.
 */
enum tlpb_irq_result tlpb_ep_msi(tlpb_ep *ep, unsigned vector);
enum tlpb_irq_result tlpb_ep_msix(tlpb_ep *ep, unsigned vector);
enum tlpb_irq_result tlpb_ep_intx(tlpb_ep *ep, bool level);

/* The same of another function; one that is not there has no vectors. */
enum tlpb_irq_result tlpb_ep_function_msi(tlpb_ep *ep, unsigned function, unsigned vector);
enum tlpb_irq_result tlpb_ep_function_msix(tlpb_ep *ep, unsigned function, unsigned vector);
enum tlpb_irq_result tlpb_ep_function_intx(tlpb_ep *ep, unsigned function, bool level);

/*
 * A power management event of a function with TLPB_HAS_PME (5.3.3), in D3hot, too: PME_Status is
 * set, and a PM_PME message sent if software has enabled it (TLPB_IRQ_SENT) and did not clear
 * the status of the last one (TLPB_IRQ_MERGED).
 */
enum tlpb_irq_result tlpb_ep_pme(tlpb_ep *ep, unsigned function);

/*
 * Send a message TLP (message.h makes some); the requester ID is filled in. Posted. Returns 0, or
 * TLPB_ERR_CLOSED, TLPB_ERR_INVALID (no message, or no encoding), TLPB_ERR_MALFORMED (routing,
 * Traffic Class, or larger than Max_Payload_Size).
 */
int tlpb_ep_message(tlpb_ep *ep, const struct tlpb_tlp *msg);

/* The same of another function; TLPB_ERR_INVALID, too, when it is not there. */
int tlpb_ep_function_message(tlpb_ep *ep, unsigned function, const struct tlpb_tlp *msg);

/*
 * Tell the latency that the device tolerates (see message.h), of a device with TLPB_HAS_LTR.
 * Returns as above, or TLPB_ERR_DISABLED: software has not set LTR Mechanism Enable.
 */
int tlpb_ep_ltr(tlpb_ep *ep, uint16_t snoop, uint16_t no_snoop);

/*
 * Something inside the device failed (6.2.9): logged in AER, where the device has it, and told to the
 * host as masks, severity, Device Control and SERR# Enable have it; software has to unmask internal
 * errors first. What goes wrong with TLPs the endpoint reports by itself. Returns 0 or
 * TLPB_ERR_CLOSED (no host). Of function 0; and of any, where TLPB_ERR_INVALID is: there is none
 * of that number now.
 */
enum tlpb_ep_error { TLPB_EP_CORRECTABLE, TLPB_EP_UNCORRECTABLE };
int tlpb_ep_report(tlpb_ep *ep, enum tlpb_ep_error error);
int tlpb_ep_report_of(tlpb_ep *ep, unsigned function, enum tlpb_ep_error error);

/*
 * Error injection (inject.h) at this end, for all hosts that come: adds rules; NULL removes all,
 * and what they hold back is lost. Returns 0, TLPB_ERR_INVALID or TLPB_ERR_TOO_LARGE with cause and
 * cure in why (no rule is added then), or TLPB_ERR_NOMEM.
 */
int tlpb_ep_inject(tlpb_ep *ep, const char *rules, char *why, size_t why_size);

/* How often those rules have acted. */
uint64_t tlpb_ep_injected(const tlpb_ep *ep);

/* The rules in force, and how often each has acted. */
struct tlpb_inject_list;
void tlpb_ep_inject_list(const tlpb_ep *ep, struct tlpb_inject_list *list);

/* As check of the configuration, for hosts that come from now on. */
void tlpb_ep_set_check(tlpb_ep *ep, enum tlpb_check check);

/* Violations that the checker of this end has found, of all hosts. */
uint64_t tlpb_ep_violations(const tlpb_ep *ep);

/* The function's own view of its config space, for models and tests: size 1, 2, 4. */
uint32_t tlpb_ep_config_peek(const tlpb_ep *ep, unsigned offset, unsigned size);

/* The same of another function; all ones when it is not there. */
uint32_t tlpb_ep_function_peek(const tlpb_ep *ep, unsigned function, unsigned offset,
			       unsigned size);

/* Is the function there? VFs are while software has enabled them. */
bool tlpb_ep_has_function(const tlpb_ep *ep, unsigned function);

#ifdef __cplusplus
}
#endif
#endif
