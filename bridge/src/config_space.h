/* SPDX-License-Identifier: MIT */
/*
 * The config space of one function. What is in it is declared as tables of registers
 * (config_caps.c, config_layout.h); config_space.c lays them out, reads, writes and resets
 * them; config_rules.c says what their values mean to the endpoint. Pure: no I/O. One thread.
 */
#ifndef TLPB_CONFIG_SPACE_H
#define TLPB_CONFIG_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include <tlpbridge/device.h>
#include <tlpbridge/wire.h>

enum { CONFIG_SIZE = 4096, CONFIG_EXTENDED = 0x100, CONFIG_HOOKS = 16 };

/* Registers that are everywhere at the same place. */
enum {
	CFG_COMMAND = 0x04,
	CFG_STATUS = 0x06,
	CFG_BAR0 = 0x10,
	CFG_ROM = 0x30,
	CFG_CAP_POINTER = 0x34,
	CFG_PM = 0x40,		/* Power Management capability */
	CFG_MSI = 0x50,		/* Message Signalled Interrupts, 64 bit, per-vector masking */
	CFG_PCIE = 0x70,	/* PCI Express capability */
	CFG_MSIX = 0xb0,	/* MSI-X capability */
};

/* What is laid out: config_space.at[] says where; 0 means not there, but for the header. */
enum config_part {
	PART_HEADER,
	PART_PM,
	PART_MSI,
	PART_PCIE,
	PART_MSIX,
	PART_AER,
	PART_SERIAL_NUMBER,
	PART_ARI,
	PART_LTR,
	PART_DEVICE_3,
	PART_RESIZABLE_BAR,
	PART_SRIOV,
	CONFIG_PARTS,
};

enum {
	COMMAND_IO = 1 << 0,
	COMMAND_MEMORY = 1 << 1,
	COMMAND_BUS_MASTER = 1 << 2,
	COMMAND_PARITY = 1 << 6,
	COMMAND_SERR = 1 << 8,
	COMMAND_INTX_DISABLE = 1 << 10,
	STATUS_INTX = 1 << 3,
};

struct config_space;

/* Called after a write to the doubleword at offset at, with what was there and what was written. */
typedef unsigned config_hook(struct config_space *c, unsigned at, uint32_t before,
			     uint32_t written);

struct config_space {
	uint8_t value[CONFIG_SIZE];
	uint8_t initial[CONFIG_SIZE];
	uint8_t writable[CONFIG_SIZE];	/* 1: read-write */
	uint8_t w1c[CONFIG_SIZE];	/* 1: write 1 to clear */
	uint8_t sticky[CONFIG_SIZE];	/* 1: kept by a function-level reset and a hot reset */
	uint8_t flr_kept[CONFIG_SIZE];	/* 1: kept by a function-level reset */
	uint16_t at[CONFIG_PARTS];
	struct { uint16_t at; config_hook *call; } hook[CONFIG_HOOKS];
	unsigned hooks;
	unsigned free, free_extended;	/* where the next capability may go */
	unsigned last, last_extended;	/* the end of each chain; 0: empty */
	struct tlpb_device device;	/* its BARs are of the size that software gave them */
	unsigned mps;			/* largest Max_Payload_Size offered */
	const struct config_space *pf;	/* of a virtual function; NULL: it is none */
	unsigned vf;			/* which one of pf's, from 0 */
};

/* ---- the engine ---- */

void tlpb__config_init(struct config_space *c, const struct tlpb_device *device, unsigned mps);

/* The space of VF index (from 0) of pf, which must outlive it (9.3.4). */
void tlpb__config_init_vf(struct config_space *c, const struct config_space *pf, unsigned index);

/*
 * Append a capability of the device's own. Returns 0, TLPB_ERR_INVALID (the ID is one that this
 * file makes, or the header is not legal) or TLPB_ERR_TOO_LARGE (no room).
 */
int tlpb__config_add(struct config_space *c, const struct tlpb_capability *cap);

/* Its place among the functions of the device: its number, whether there are others, and the
 * number of the next one (0: none). */
void tlpb__config_set_function(struct config_space *c, unsigned number, bool multi_function,
			       unsigned next);

/*
 * Initial values, but what each kind of reset keeps: a function-level reset sticky registers,
 * Max_Payload_Size and the fields of the link (6.6.2), a hot reset sticky registers, the others
 * nothing.
 */
void tlpb__config_reset(struct config_space *c, enum tlpb_reset kind);

/* offset is a multiple of 4. */
uint32_t tlpb__config_read(const struct config_space *c, unsigned offset);

/* What a write asks for beyond the change of the registers. */
enum config_event {
	CONFIG_FLR = 1 << 0,		/* Initiate Function Level Reset, which always reads 0 */
	CONFIG_SOFT_RESET = 1 << 1,	/* from D3hot to D0, without No_Soft_Reset */
	CONFIG_VFS = 1 << 2,		/* VF Enable has changed */
};

/* Write the bytes enabled in be. Returns the events as a mask of enum config_event. */
unsigned tlpb__config_write(struct config_space *c, unsigned offset, unsigned be, uint32_t value);

/* ---- the rules ---- */

unsigned tlpb__config_command(const struct config_space *c);

/* May the function send memory requests: Bus Master Enable, and in D0. */
bool tlpb__config_bus_master(const struct config_space *c);
void tlpb__config_set_intx_status(struct config_space *c, bool pending);

/* Transactions Pending of Device Status (7.5.3.5): requests of the function without completion. */
void tlpb__config_set_pending(struct config_space *c, bool pending);

/*
 * What software programmed into Device Control: bytes; and the tags that may be used, from the first
 * one to below tlpb__config_tags().
 */
unsigned tlpb__config_mps(const struct config_space *c);
unsigned tlpb__config_mrrs(const struct config_space *c);
unsigned tlpb__config_tags(const struct config_space *c);
unsigned tlpb__config_first_tag(const struct config_space *c);

/* Which attributes the function may set in its requests. */
enum { ATTRIBUTE_RO = 1, ATTRIBUTE_NS = 2, ATTRIBUTE_IDO = 4 };
unsigned tlpb__config_attributes(const struct config_space *c);

/*
 * Which region claims len bytes at addr, with decoding enabled: its index, and the
 * offset into it; -1: none. io tells the space.
 */
int tlpb__config_match(const struct config_space *c, bool io, uint64_t addr, unsigned len,
		       uint64_t *offset);

bool tlpb__config_in_d0(const struct config_space *c);

/* A power management event (5.3.3) of a function that has them: sets PME_Status. */
enum pme {
	PME_DUE,		/* a PM_PME message is to be sent */
	PME_TOLD,		/* it has been: software did not clear the status yet */
	PME_DISABLED,
};
enum pme tlpb__config_pme(struct config_space *c);

/* May the endpoint make, and must it check, ECRC (2.7.1)? */
bool tlpb__config_ecrc_generate(const struct config_space *c);
bool tlpb__config_ecrc_check(const struct config_space *c);

/* May the function send atomic operations, LTR messages? */
bool tlpb__config_atomics_enabled(const struct config_space *c);
bool tlpb__config_ltr_enabled(const struct config_space *c);

/* The power limit of the slot, as a message told it: 10 bits, see message.h (7.5.3.3). */
void tlpb__config_capture_power(struct config_space *c, unsigned limit);

/* May a request be given up for want of completions (Completion Timeout Disable)? */
bool tlpb__config_timeouts(const struct config_space *c);

/* May it send Deferrable Memory Writes? */
bool tlpb__config_dmwr_enabled(const struct config_space *c);

/* SR-IOV (9.3.3): how many VFs there are now, 0 while VF Enable is 0; bytes of each in BAR i. */
unsigned tlpb__config_vfs(const struct config_space *pf);
uint64_t tlpb__config_vf_aperture(const struct config_space *pf, unsigned i);

/* MSI (6.1.4). */
bool tlpb__config_msi_enabled(const struct config_space *c);
unsigned tlpb__config_msi_granted(const struct config_space *c);	/* vectors */
bool tlpb__config_msi_masked(const struct config_space *c, unsigned vector);
bool tlpb__config_msi_pending(const struct config_space *c, unsigned vector);
void tlpb__config_msi_set_pending(struct config_space *c, unsigned vector, bool pending);
void tlpb__config_msi_message(const struct config_space *c, unsigned vector, uint64_t *addr,
			      uint32_t *data);

/* MSI-X (6.1.4): the function's side; the table is in msix.h. */
bool tlpb__config_msix_enabled(const struct config_space *c);
bool tlpb__config_msix_function_masked(const struct config_space *c);

#endif
