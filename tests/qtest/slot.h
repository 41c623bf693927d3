/* SPDX-License-Identifier: MIT */
/* A root port with native hot-plug, and the test in the place of the guest's driver for it. */
#ifndef TLPB_TEST_SLOT_H
#define TLPB_TEST_SLOT_H

#include "machine.h"
#include "qmp.h"

#define NATIVE_HOT_PLUG "-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"

/* Registers of the port's PCI Express capability, and their bits. */
enum {
	LINK_STATUS = 0x12,
	LINK_ACTIVE = 1 << 13,
	SLOT_CONTROL = 0x18,
	SLOT_HOT_PLUG_INTERRUPT = 1 << 5,
	SLOT_LINK_EVENT_ENABLE = 1 << 12,
	SLOT_STATUS = 0x1a,
	SLOT_PRESENCE_CHANGED = 1 << 3,
	SLOT_PRESENCE = 1 << 6,
	SLOT_LINK_EVENT = 1 << 8,

	SLOT_OFF = 1 << 10 | 3 << 8 | 3 << 6,	/* power and both indicators off */
	SLOT_ON = 1 << 8 | 3 << 6,		/* power and its indicator on */
	SLOT_LISTENS = SLOT_HOT_PLUG_INTERRUPT | SLOT_LINK_EVENT_ENABLE,
};

/* endpoint-test at "s", and a QEMU with an empty root port. */
struct qmp *slot_machine_start(void);

/* device_add at the server name, with more arguments (",\"key\":value"); the answer. */
const char *slot_add(struct qmp *qmp, const char *name, const char *more);

/* The port's registers, as its driver has them. */
uint16_t slot_read(unsigned reg);
void slot_write(unsigned reg, uint16_t value);

/* slot_add(), and power for the slot. */
void slot_plug_in(struct qmp *qmp, const char *name);

/* device_del, which the guest grants by switching the slot off. */
void slot_remove(struct qmp *qmp);

/* Entries of QEMU's /proc/PID/what: "fd", its open files, or "task", its threads. */
unsigned slot_count(const char *what);

/* The same must come down to most: what was closed may take a moment to go. */
void slot_expect_count(const char *what, unsigned most);

#endif
