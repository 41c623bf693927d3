/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QEMU device "tlpbridge" from the inside.
 *
 * Design notes: one lock, QEMU's big lock (BQL).
 *
 * A tlpb_rc belongs to one thread at a time, and here that is whoever holds the
 * BQL: a vCPU in a BAR or configuration access, or the main loop. QEMU holds it
 * around every function of these files, so nothing else is locked.
 *
 *  - A vCPU that reads a BAR keeps the BQL and waits inside tlpb_rc_mem_read(),
 *    which serves inbound DMA, MSI and INTx meanwhile, of all devices: they are in
 *    one tlpb_rc_group. An endpoint that finishes its DMA before it completes the
 *    read therefore never waits for a thread that waits for it, nor for one that
 *    waits for another endpoint.
 *  - While nobody waits, the main loop serves the link: tlpb_rc_fd() is readable
 *    when something arrived, and the handler takes the BQL first.
 *  - Dropping the BQL during a wait would let another vCPU run; QEMU would then
 *    discard that one's accesses to this device as re-entrant. So it is kept.
 *
 * Nesting: a call into rc may run our callbacks, and those may reach this very
 * device again (DMA that hits its own BAR, its ECAM page, or the slot's power
 * control). The former two are refused, see tlpbridge_dma_hits_self(). The
 * latter may unrealize the device inside its own callback; "depth" counts the
 * calls and DMA callbacks in progress, and the link is then closed from a bottom half.
 *
 * Functions: function 0 is the TLPBridge itself, and the link is its. The others are
 * TLPBridgeFunctions that hold a reference to it; VFs come and go in accesses of the guest
 * to their PF. One that goes while it is accessed stays in memory: QEMU frees devices that
 * were on a bus only when nobody reads under RCU, and under the BQL. "pf" is NULL by then.
 *
 * Coming and going: one thread a device looks for a lost server, because
 * connecting blocks. It takes neither the BQL nor anything that belongs to its
 * holder; the new rc is its own until it has ended. Then a bottom half, under the
 * BQL, takes the rc over. So rc callbacks may run without the BQL, but only
 * before the hand-over: they ask bql_locked() and let such an endpoint do nothing.
 *
 *	up ── down() ──► lost ── bottom half: rc closed, slot emptied ──► looking
 *	▲                                                                   │
 *	└── bottom half: same BARs, shadow filled, slot filled ◄── thread ──┘
 */
#ifndef TLPBRIDGE_QEMU_H
#define TLPBRIDGE_QEMU_H

#include "compat.h"

#include "block/aio.h"
#include "qemu/main-loop.h"
#include "qemu/thread.h"
#include "qemu/timer.h"

#include <tlpbridge/inject.h>
#include <tlpbridge/rc.h>
#include <tlpbridge/trace.h>

/* What users create: the link, and function 0 of what is at its other end. */
#define TYPE_TLPBRIDGE "tlpbridge"
OBJECT_DECLARE_SIMPLE_TYPE(TLPBridge, TLPBRIDGE)

/* Its parent type, and that of the other functions, which come and go with function 0. */
#define TYPE_TLPBRIDGE_FUNCTION "tlpbridge-function"
OBJECT_DECLARE_SIMPLE_TYPE(TLPBridgeFunction, TLPBRIDGE_FUNCTION)

enum { TLPBRIDGE_WHY = 512 };	/* bytes for a sentence with cause and cure */

/* What a lost link is to the guest. */
typedef enum TLPBridgeOnLinkDown {
	TLPBRIDGE_REMOVE,	/* the slot becomes empty */
	TLPBRIDGE_ONES,		/* the device stays and reads all ones */
} TLPBridgeOnLinkDown;

typedef enum TLPBridgeClock {
	TLPBRIDGE_CLOCK_FREE,	/* guest time goes on while a CPU waits for the model */
	TLPBRIDGE_CLOCK_HOLD,	/* it stands still in long waits */
} TLPBridgeClock;

typedef enum TLPBridgeCheck {	/* enum tlpb_check */
	TLPBRIDGE_CHECK_OFF, TLPBRIDGE_CHECK_REPORT, TLPBRIDGE_CHECK_FATAL,
} TLPBridgeCheck;

typedef enum TLPBridgeTransport {	/* enum tlpb_transport */
	TLPBRIDGE_TRANSPORT_AUTO, TLPBRIDGE_TRANSPORT_NNG, TLPBRIDGE_TRANSPORT_SHM,
} TLPBridgeTransport;

typedef struct TLPBridgeBar {
	TLPBridgeFunction *function;
	unsigned index;		/* enum tlpb_region_index, which is QEMU's numbering */
	bool hidden;		/* reads as all ones */
	MemoryRegion mr;
} TLPBridgeBar;

/* What ends when QEMU lets go of the device. The trace outlives a lost rc. */
typedef struct TLPBridgeLink {
	tlpb_rc *rc;
	tlpb_trace *trace;
} TLPBridgeLink;

/* SR-IOV (9.3.3) of a physical function. */
typedef struct TLPBridgeSriov {
	unsigned at;			/* config offset of the capability; 0: there is none */
	uint16_t vfs;			/* TotalVFs */
	uint16_t device_id;		/* of the VFs */
	struct tlpb_region region[TLPB_ROM + 1];	/* of each VF */
} TLPBridgeSriov;

/* A physical function after a reset: what QEMU must know to show it to the guest. */
typedef struct TLPBridgeFace {
	unsigned number;		/* of the function; from here on QEMU's devfn has it */
	struct tlpb_region region[TLPB_ROM + 1];
	uint32_t resizable[TLPB_BARS];	/* as of struct tlpb_device */
	TLPBridgeSriov sriov;
	uint8_t config[PCI_CONFIG_SPACE_SIZE];
	const char *rom_fault;		/* why its ROM must be hidden, or NULL */
} TLPBridgeFace;

/* A device that has answered: reset, and known well enough to be shown to the guest. */
typedef struct TLPBridgeArrival {
	tlpb_rc *rc;
	TLPBridgeFace *face;		/* of its functions, function 0 first */
	unsigned faces;
} TLPBridgeArrival;

typedef struct TLPBridgeReconnect {
	/* Of the holder of the BQL. */
	QemuThread thread;
	bool running;		/* the thread is to be joined */
	bool misfit;		/* the last arrival was not the device we had */
	QEMUBH *bh;
	QemuSemaphore wake;	/* posted to end a pause */
	bool cancel;		/* atomic: the thread shall end */

	/* Of the thread while it runs, else of the holder of the BQL. */
	TLPBridgeArrival arrival;
	char told[TLPBRIDGE_WHY];	/* the last failure that was told */
} TLPBridgeReconnect;

/* Belongs to the holder of the BQL. */
struct TLPBridgeFunction {
	PCIDevice parent_obj;

	TLPBridge *bridge;	/* whose link it uses; itself for function 0, else a reference */
	const TLPBridgeFace *face;	/* of the bridge; NULL for a virtual function */
	const struct tlpb_region *region;	/* TLPB_ROM + 1 of them, as realize found them */
	TLPBridgeBar bar[TLPB_ROM + 1];
	unsigned flr_byte;	/* config offset of the byte with Initiate FLR; 0: no FLR */
	bool in_flr;

	/* tlpbridge-grant.c's: the RAM that may be granted; NULL: it is not looked for. */
	MemoryListener listener;
	GArray *windows;

	TLPBridgeFunction *pf;	/* of a virtual function */
	unsigned vf_index;	/* of a virtual function, from 0 */
	TLPBridgeFunction **vf;	/* of a physical function: those that are enabled */
	unsigned vfs;
};

struct TLPBridge {
	TLPBridgeFunction parent_obj;

	/* Properties, constant after realize. */
	char *url;
	char *tls_ca, *tls_cert, *tls_key, *tls_server_name;
	bool plaintext;
	TLPBridgeTransport transport;
	bool no_spin;
	char *device;
	char *trace_path;
	uint32_t connect_timeout_ms;	/* 0 until realize: chosen there */
	uint32_t reconnect_s;		/* 0: never */
	TLPBridgeOnLinkDown on_link_down;
	TLPBridgeClock clock;
	bool plain_pcie;
	uint32_t completion_timeout_ms;	/* 0: none */
	char *credits_text;
	struct tlpb_pools credits;	/* of it, by realize */
	uint64_t order_seed;	/* 0: off */
	TLPBridgeCheck check;
	bool ecrc;
	OnOffAuto direct_dma;

	/* tlpbridge-inject.c's: rules of error injection; constant while reconnect.running. */
	char *inject;

	/* All the rest belongs to the holder of the BQL. */
	TLPBridgeLink link;	/* empty before realize and after exit; rc is NULL while lost, too */
	TLPBridgeLink closing;	/* between exit and the bottom half that closes it */
	QEMUBH *lost_bh;
	TLPBridgeReconnect reconnect;
	TLPBridgeFace *face;	/* of the functions, as realize found them */
	unsigned faces;
	Notifier at_exit;

	unsigned depth;		/* calls into rc and DMA callbacks in progress */
	unsigned dma_depth;	/* DMA callbacks in progress */
	bool dma_hit_self;	/* the DMA in progress reached our own config space */
	bool clock_held;	/* by a wait of this device */
	bool slot_emptied;	/* by us, since the link was lost */
	bool guest_empties_slot;	/* its driver was told, and has not finished */
	int64_t slot_quiet_until_ms;	/* QEMU_CLOCK_REALTIME: it may not have begun before */
	QEMUTimer *slot_timer;	/* looks whether it has */
	bool told_message, told_pin;	/* these are said once */

	/*
	 * QEMU_CLOCK_REALTIME: when an arrival that says nothing is given up; 0: there is
	 * none. Of whoever runs tlpbridge_arrive().
	 */
	int64_t arrival_end_ms;
};

/* "tlpbridge ep0" or "tlpbridge" for messages; free with g_free(). */
char *tlpbridge_label(TLPBridge *s);

/* tlpbridge-link.c: the link comes, is lost, returns, and ends. Under the BQL. */

/* Bracket every call into rc. enter returns NULL when the device has no link. */
tlpb_rc *tlpbridge_enter(TLPBridge *s);
void tlpbridge_leave(TLPBridge *s);

/* Opens trace and link, and fills the shadow. Waits. Nobody serves the link before serve. */
bool tlpbridge_link_open(TLPBridge *s, Error **errp);
void tlpbridge_link_serve(TLPBridge *s);

/* rc's callback: the link is down. */
void tlpbridge_link_down(TLPBridge *s, enum tlpb_reason reason, const char *text);

/* A device came back: take it, or close it and return false. */
bool tlpbridge_link_return(TLPBridge *s, TLPBridgeArrival *arrival);

/* Ends everything that tlpbridge_link_open() began; later, when a call into rc is in progress. */
void tlpbridge_link_close(TLPBridge *s);

/* QEMU ends: say goodbye, if no call into rc is in progress. */
void tlpbridge_link_at_exit(TLPBridge *s);

/*
 * tlpbridge-connect.c: connect, check the description, reset the device, read its
 * config space, look at its ROM. Touches nothing but s's constants and its trace, so it
 * needs no BQL. Waits up to timeout_ms for a server, and up to connect-timeout for its
 * device to answer.
 * Returns 0 or a negative error, with cause and cure in why.
 */
int tlpbridge_arrive(TLPBridge *s, unsigned timeout_ms, TLPBridgeArrival *arrival,
		     char *why, size_t size);

/* Ends an arrival that nobody takes; an empty one, too. */
void tlpbridge_arrival_close(TLPBridgeArrival *arrival);

/* tlpbridge-inject.c: the property "inject". */
void tlpbridge_inject_add_property(ObjectClass *klass);
void tlpbridge_inject_free(TLPBridge *s);

/* tlpbridge-reconnect.c: look for the server from a thread, until stop. Both under the BQL. */
void tlpbridge_reconnect_init(TLPBridge *s);
void tlpbridge_reconnect_start(TLPBridge *s);
void tlpbridge_reconnect_stop(TLPBridge *s);	/* waits for the thread, fractions of a second */
void tlpbridge_reconnect_free(TLPBridge *s);

/* Any thread: shall the device's thread end? */
bool tlpbridge_reconnect_cancelled(TLPBridge *s);

/* Say why the device does not return, once; then only when the reason changes. */
void tlpbridge_reconnect_tell(TLPBridge *s, const char *why);

/* tlpbridge-slot.c: the root port above the device, and its hot-plug events. Under the BQL. */
void tlpbridge_slots_patch(void);	/* once, at plugin load: when the machine is complete */
void tlpbridge_slot_init(TLPBridge *s);
void tlpbridge_slot_free(TLPBridge *s);
bool tlpbridge_slot_listens(TLPBridge *s);	/* will the guest learn of a removal? */
void tlpbridge_slot_lost(TLPBridge *s);
void tlpbridge_slot_returned(TLPBridge *s);
void tlpbridge_slot_reset(TLPBridge *s, enum tlpb_reset kind);	/* not FLR */

/* tlpbridge-clock.c: clock=hold. Under the BQL. */
bool tlpbridge_clock_check(TLPBridge *s, Error **errp);
void tlpbridge_clock_hold(TLPBridge *s);	/* a wait has become long */
void tlpbridge_clock_release(TLPBridge *s);	/* it is over */

/*
 * tlpbridge-discover.c: which functions there are, and their faces. Waits. No BQL is needed.
 * Returns 0 or a negative error with the reason in why; the faces are the caller's to g_free().
 */
int tlpbridge_discover(TLPBridge *s, TLPBridgeArrival *arrival, char *why, size_t size);

/* Are these the same functions with the same BARs? */
bool tlpbridge_same_faces(const TLPBridgeFace *a, unsigned a_count, const TLPBridgeFace *b,
			  unsigned b_count);

/* tlpbridge-function.c: the type, and the functions of a bridge. Under the BQL. */
void tlpbridge_function_register_type(void);
bool tlpbridge_functions_create(TLPBridge *s, Error **errp);	/* all but function 0 */
void tlpbridge_functions_remove(TLPBridge *s);
void tlpbridge_functions_adopt(TLPBridge *s);	/* the device is new: its faces are */

/* By the number in a requester ID; NULL: there is none. */
TLPBridgeFunction *tlpbridge_function_of(TLPBridge *s, uint16_t requester_id);

/* Sets the level of all functions with this pin (0: INTA). False: there is none. */
bool tlpbridge_functions_intx(TLPBridge *s, unsigned pin, bool level);

/* All that QEMU has now, VFs too. */
void tlpbridge_functions_each(TLPBridge *s, void (*visit)(TLPBridgeFunction *f));

/* A new function in QEMU, not realized. */
TLPBridgeFunction *tlpbridge_function_new(TLPBridge *s, unsigned number);
bool tlpbridge_function_realize(TLPBridgeFunction *f, Object *parent, const char *name,
				Error **errp);

/* tlpbridge-sriov.c: virtual functions come and go as the guest says. Under the BQL. */
void tlpbridge_sriov_follow(TLPBridgeFunction *pf, uint32_t offset, int len);	/* waits */
void tlpbridge_sriov_remove(TLPBridgeFunction *pf);	/* all VFs */
void tlpbridge_vf_adopt(TLPBridgeFunction *vf);		/* the shadow of a new VF; waits */
void tlpbridge_vf_place(TLPBridgeFunction *vf);		/* where the PF says; waits */
void tlpbridge_vf_gone(TLPBridgeFunction *vf);		/* it is being unrealized */

/* tlpbridge-config.c: the endpoint's config space, and the part of it that QEMU must know. */
int tlpbridge_config_fetch(tlpb_rc *rc, uint16_t bdf, int64_t end_ms, uint8_t *config,
			   char *why, size_t size);
unsigned tlpbridge_config_find_extended(tlpb_rc *rc, uint16_t bdf, uint16_t id);	/* 0: none */
void tlpbridge_config_adopt(TLPBridgeFunction *f, const uint8_t *config);
uint32_t tlpbridge_config_read(PCIDevice *d, uint32_t offset, int len);
void tlpbridge_config_write(PCIDevice *d, uint32_t offset, uint32_t value, int len);

/* tlpbridge-bar.c: registers a trapping region for each BAR of the function, and the ROM. */
void tlpbridge_bars_init(TLPBridgeFunction *f);
uint8_t tlpbridge_bar_type(const struct tlpb_region *region);	/* a BAR register's low bits */

/* tlpbridge-resize.c: BARs get the sizes that the endpoint's config space says now (waits), or their first. */
void tlpbridge_resize_follow(TLPBridgeFunction *f);
void tlpbridge_resize_reset(TLPBridgeFunction *f);

/* The sizes that a function's capability offers. Waits. */
void tlpbridge_resize_sizes(tlpb_rc *rc, uint16_t bdf, uint32_t resizable[TLPB_BARS]);

/* tlpbridge-rom.c: what is wrong with the ROM of a function just reset, or NULL. Waits. */
const char *tlpbridge_rom_fault(tlpb_rc *rc, uint16_t bdf, const struct tlpb_region *region);

/* tlpbridge-dma.c: what the endpoint does to us. ctx of all of them is the TLPBridge. */
extern const struct tlpb_rc_ops tlpbridge_rc_ops;

/*
 * tlpbridge-grant.c: direct DMA. start and stop bracket a realized function's life; stop waits, and
 * so does every change of the memory map.
 */
bool tlpbridge_grants_wanted(TLPBridge *s);
void tlpbridge_grants_start(TLPBridgeFunction *f);
void tlpbridge_grants_stop(TLPBridgeFunction *f);
void tlpbridge_grants_lost(TLPBridge *s);	/* the link is, and with it all grants */
void tlpbridge_grants_returned(TLPBridge *s);	/* there is a new link: grant again */
void tlpbridge_grants_dirty(TLPBridge *s, unsigned function, uint64_t addr, uint64_t len);

/* Before any DMA, which may change the memory map: may it, now? */
bool tlpbridge_grants_allow_dma(void);

/*
 * tlpbridge-error.c: an ERR message of that code goes up from the device, or from a port, to the
 * root port. False: it is another message.
 */
bool tlpbridge_error_send(PCIDevice *from, uint8_t code);

/* tlpbridge-port-error.c: rc has detected an error: the port above the device logs and tells it. */
void tlpbridge_port_error(TLPBridge *s, const struct tlpb_rc_error_report *report);

/* Is an access with these attributes DMA of a function of the device coming back to it? */
bool tlpbridge_dma_hits_self(TLPBridge *s, MemTxAttrs attrs);

/* tlpbridge-pci.c */
void tlpbridge_register_type(void);	/* after tlpbridge_function_register_type() */

/* abi_guard.c: false, after telling why, when the running QEMU is not the one built for. */
bool tlpbridge_abi_fits(void);

#endif
