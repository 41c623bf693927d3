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
 *    which serves inbound DMA, MSI and INTx meanwhile. An endpoint that finishes
 *    its DMA before it completes the read therefore never waits for a thread that
 *    waits for it.
 *  - While nobody waits, the main loop serves the link: tlpb_rc_fd() is readable
 *    when something arrived, and the handler takes the BQL first.
 *  - Dropping the BQL during a wait would let another vCPU run; QEMU would then
 *    discard that one's accesses to this device as re-entrant. So it is kept.
 *
 * Nesting: a call into rc may run our callbacks, and those may reach this very
 * device again (DMA that hits its own BAR, its ECAM page, or the slot's power
 * control). The former two are refused, see tlpbridge_dma_hits_self(). The
 * latter may unrealize the device inside its own callback; "depth" counts the
 * calls in progress, and the link is then closed from a bottom half.
 */
#ifndef TLPBRIDGE_QEMU_H
#define TLPBRIDGE_QEMU_H

#include "compat.h"

#include <tlpbridge/rc.h>
#include <tlpbridge/trace.h>

#define TYPE_TLPBRIDGE "tlpbridge"
OBJECT_DECLARE_SIMPLE_TYPE(TLPBridge, TLPBRIDGE)

typedef struct TLPBridgeBar {
	TLPBridge *bridge;
	unsigned index;		/* enum tlpb_region_index, which is QEMU's numbering */
	bool hidden;		/* reads as all ones */
	MemoryRegion mr;
} TLPBridgeBar;

/* What ends when QEMU lets go of the device. */
typedef struct TLPBridgeLink {
	tlpb_rc *rc;
	tlpb_trace *trace;
} TLPBridgeLink;

struct TLPBridge {
	PCIDevice parent_obj;

	/* Properties, constant after realize. */
	char *url;
	char *tls_ca, *tls_cert, *tls_key, *tls_server_name;
	bool plaintext;
	char *device;
	char *trace_path;
	uint32_t connect_timeout_ms;
	bool plain_pcie;

	/* All the rest belongs to the holder of the BQL. */
	TLPBridgeLink link;	/* empty before realize and after exit */
	TLPBridgeLink closing;	/* between exit and the bottom half that closes it */
	int fd;
	Notifier at_exit;
	TLPBridgeBar bar[TLPB_ROM + 1];
	unsigned flr_byte;	/* config offset of the byte with Initiate FLR; 0: no FLR */

	unsigned depth;		/* calls into rc in progress, nested ones included */
	unsigned dma_depth;	/* DMA callbacks in progress */
	bool dma_hit_self;	/* the DMA in progress reached our own config space */
	bool in_flr;
	int64_t realize_end_ms;	/* QEMU_CLOCK_REALTIME: when realize gives up; 0: not in it */
	bool told_message, told_pin;	/* these are said once */
};

/* Bracket every call into rc. enter returns NULL when the device has no link. */
tlpb_rc *tlpbridge_enter(TLPBridge *s);
void tlpbridge_leave(TLPBridge *s);

/* "tlpbridge ep0" or "tlpbridge" for messages; free with g_free(). */
char *tlpbridge_label(TLPBridge *s);

/* tlpbridge-config.c: the endpoint's config space, and the part of it that QEMU must know. */
bool tlpbridge_config_init(TLPBridge *s, Error **errp);
uint32_t tlpbridge_config_read(PCIDevice *d, uint32_t offset, int len);
void tlpbridge_config_write(PCIDevice *d, uint32_t offset, uint32_t value, int len);

/* tlpbridge-bar.c: registers a trapping region for each BAR of the description, and the ROM. */
void tlpbridge_bars_init(TLPBridge *s);

/* tlpbridge-rom.c: hides a ROM that would hang firmware. Before there are BARs. Waits. */
void tlpbridge_rom_check(TLPBridge *s);

/* tlpbridge-dma.c: what the endpoint does to us. ctx of all of them is the TLPBridge. */
extern const struct tlpb_rc_ops tlpbridge_rc_ops;

/* Is an access with these attributes the device's own DMA coming back to it? */
bool tlpbridge_dma_hits_self(TLPBridge *s, MemTxAttrs attrs);

/* tlpbridge-pci.c */
void tlpbridge_register_type(void);

/* abi_guard.c: false, after telling why, when the running QEMU is not the one built for. */
bool tlpbridge_abi_fits(void);

#endif
