/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What changed in QEMU's own API between 7.2 and 10.1, in one place. Include it
 * first, instead of qemu/osdep.h; NDEBUG must not be defined.
 */
#ifndef TLPBRIDGE_QEMU_COMPAT_H
#define TLPBRIDGE_QEMU_COMPAT_H

#include "qemu/osdep.h"

#define TLPB_QEMU_AT_LEAST(major, minor)						\
	(QEMU_VERSION_MAJOR > (major) ||						\
	 (QEMU_VERSION_MAJOR == (major) && QEMU_VERSION_MINOR >= (minor)))

#include "hw/pci/pci.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie_port.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"

#if TLPB_QEMU_AT_LEAST(8, 0)
#include "hw/pci/pci_device.h"
#endif

#if TLPB_QEMU_AT_LEAST(10, 0)
#include "exec/cpu-common.h"
#include "system/address-spaces.h"
#include "system/cpu-timers.h"
#include "system/hostmem.h"
#include "system/ramblock.h"
#include "system/runstate.h"
#include "system/system.h"
#include "system/tcg.h"
#define TLPB_PROPERTIES const Property
#define TLPB_END_OF_PROPERTIES
#else
#include "exec/address-spaces.h"
#include "exec/cpu-common.h"
#include "exec/ramblock.h"
#include "sysemu/cpu-timers.h"
#include "sysemu/hostmem.h"
#include "sysemu/runstate.h"
#include "sysemu/sysemu.h"
#include "sysemu/tcg.h"
#define TLPB_PROPERTIES Property
#define TLPB_END_OF_PROPERTIES DEFINE_PROP_END_OF_LIST(),
#endif

#if TLPB_QEMU_AT_LEAST(10, 0)
#define TLPB_PROPERTY_TYPE type
#else
#define TLPB_PROPERTY_TYPE name
#endif

/* A property whose values are words, by the functions of one that QEMU has. */
static inline PropertyInfo tlpb_words_property(const char *type, const QEnumLookup *words)
{
	PropertyInfo info = qdev_prop_on_off_auto;

	info.TLPB_PROPERTY_TYPE = type;
	info.enum_table = words;
	info.description = NULL;
	return info;
}

#if TLPB_QEMU_AT_LEAST(10, 1)
#define TLPB_CLASS_DATA const void
#else
#define TLPB_CLASS_DATA void
#endif

/* Where in its file RAM begins. */
static inline uint64_t tlpb_ram_fd_offset(const RAMBlock *block)
{
#if TLPB_QEMU_AT_LEAST(8, 2)
	return block->fd_offset;
#else
	return 0;
#endif
}

#if !TLPB_QEMU_AT_LEAST(9, 0)
#define bql_locked qemu_mutex_iothread_locked
#endif

#if !TLPB_QEMU_AT_LEAST(9, 1)
#define device_class_set_legacy_reset(dc, handler) ((dc)->reset = (handler))
#endif

#endif
