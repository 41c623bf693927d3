/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Direct DMA: the guest RAM that the device may map and use without TLPs.
 *
 * A listener on the bus-master address space of each function sees all that the function
 * reaches at the moment: all RAM comes and goes with Bus Master Enable, with resets, and with the
 * slot's power; parts of it change when firmware moves its shadow (PAM), and when memory is
 * plugged. What of it another process can map is granted. Behind an emulated IOMMU nothing is.
 *
 * Design notes: revoking inside a change of the memory map.
 *
 *  - QEMU calls region_del before the change takes effect, with the BQL, and possibly on a vCPU in
 *    the middle of an instruction. We wait there until the device has let go, so the guest
 *    does not go on before. Waiting serves DMA of all devices, which still meets the old map:
 *    it is ordered before the change.
 *  - Such DMA may itself change the map (it may write the config space of any device, through
 *    ECAM), which QEMU does not expect within a change. So DMA that comes then opens a transaction,
 *    which QEMU counts, and commit(), the last step of the outer change, closes it: what
 *    DMA asked for follows then. That change may wait for devices, too; after ROUNDS_MAX
 *    of them their DMA is refused, so that the guest goes on whatever they do.
 *  - A device that does not answer in time has lost its link; what it wrote is not known then, nor
 *    when it died. All that it could write counts as written, so that no CPU executes old code.
 */
#include "tlpbridge-qemu.h"

#include "qemu/error-report.h"

enum {
	ROUNDS_MAX = 100,
	LAST = INT32_MAX,	/* priority: others have heard of a change before */
};

/* RAM that the function reaches, and another process can map. */
typedef struct Window {
	struct tlpb_rc_grant grant;
	bool granted;
} Window;

/* Of the holder of the BQL, for all devices. */
static unsigned revoking;	/* waits inside changes of the memory map */
static bool held;		/* DMA has opened a transaction; commit() closes it */
static unsigned rounds;		/* of commit(), in progress */

/* ---- what can be granted ---- */

bool tlpbridge_grants_wanted(TLPBridge *s)
{
	if (s->direct_dma == ON_OFF_AUTO_AUTO)
		return !s->trace_path;	/* traces are to have all TLPs */
	return s->direct_dma == ON_OFF_AUTO_ON;
}

static bool is_translated(TLPBridgeFunction *f)
{
	return pci_device_iommu_address_space(PCI_DEVICE(f)) != &address_space_memory;
}

/* A file that becomes shorter would kill who has it mapped. */
static bool is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && seals & F_SEAL_SHRINK;
}

static bool is_mappable(MemoryRegion *mr)
{
	int fd = memory_region_get_fd(mr);

	return fd >= 0 && qemu_ram_is_shared(mr->ram_block) && is_sealed(fd);
}

/* Memory as QEMU's option -m or -object gives it, not a device's or the firmware's. */
static bool is_main_memory(MemoryRegion *mr)
{
	Object *owner = memory_region_owner(mr);

	return owner && object_dynamic_cast(owner, TYPE_MEMORY_BACKEND);
}

/* Once: all devices see the same memory. */
static void tell_obstacle(TLPBridge *s, const char *obstacle)
{
	g_autofree char *label = tlpbridge_label(s);
	static bool told;

	if (told || !s->link.rc || !tlpb_rc_takes_grants(s->link.rc))
		return;
	told = true;
	if (s->direct_dma == ON_OFF_AUTO_ON)
		warn_report("%s: no direct DMA: %s", label, obstacle);
	else
		info_report("%s: no direct DMA: %s", label, obstacle);
}

static bool can_map(TLPBridge *s, MemoryRegion *mr)
{
	g_autofree char *obstacle = NULL;

	if (is_mappable(mr))
		return true;
	if (!is_main_memory(mr))
		return false;
	obstacle = g_strdup_printf("no other process can map guest RAM (%s) safely; use -object "
				   "memory-backend-memfd,id=m,size=%" PRIu64 "M,share=on "
				   "-machine memory-backend=m", memory_region_name(mr),
				   memory_region_size(mr) >> 20);
	tell_obstacle(s, obstacle);
	return false;
}

static bool is_plain_ram(MemoryRegion *mr)
{
	return memory_region_is_ram(mr) && !memory_region_is_ram_device(mr) && !mr->rom_device;
}

static bool is_page_aligned(const struct tlpb_rc_grant *grant)
{
	return !((grant->addr | grant->len | grant->offset) & ~qemu_real_host_page_mask());
}

static bool describe(TLPBridgeFunction *f, MemoryRegionSection *section,
		     struct tlpb_rc_grant *grant)
{
	MemoryRegion *mr = section->mr;

	if (!is_plain_ram(mr))
		return false;
	if (is_translated(f)) {
		if (f->bridge->direct_dma == ON_OFF_AUTO_ON)
			tell_obstacle(f->bridge, "an emulated IOMMU translates its addresses");
		return false;
	}
	if (!can_map(f->bridge, mr))
		return false;
	*grant = (struct tlpb_rc_grant){
		.function = PCI_DEVICE(f)->devfn - PCI_DEVICE(f->bridge)->devfn,
		.addr = section->offset_within_address_space,
		.len = int128_get64(section->size),
		.fd = memory_region_get_fd(mr),
		.offset = tlpb_ram_fd_offset(mr->ram_block) + section->offset_within_region,
		.writable = !section->readonly && !memory_region_is_rom(mr),
	};
	return is_page_aligned(grant);
}

/* ---- windows ---- */

static Window *window_at(TLPBridgeFunction *f, unsigned i)
{
	return &g_array_index(f->windows, Window, i);
}

static void offer(TLPBridgeFunction *f, Window *window)
{
	tlpb_rc *rc = tlpbridge_enter(f->bridge);

	if (rc)
		window->granted = !tlpb_rc_grant(rc, &window->grant);
	tlpbridge_leave(f->bridge);
}

/* For what QEMU made of this RAM: translated code, and pictures of a screen. */
static void mark_written(TLPBridgeFunction *f, hwaddr addr, hwaddr len)
{
	AddressSpace *as = pci_get_address_space(PCI_DEVICE(f));
	MemTxAttrs attrs = { .requester_id = pci_requester_id(PCI_DEVICE(f)) };

	while (len) {
		hwaddr part = len;
		void *memory = address_space_map(as, addr, &part, true, attrs);

		if (!memory)
			return;
		address_space_unmap(as, memory, part, true, part);
		addr += part;
		len -= part;
	}
}

/* The device may have written without having told. */
static void distrust(TLPBridgeFunction *f, const Window *window)
{
	if (window->granted && window->grant.writable)
		mark_written(f, window->grant.addr, window->grant.len);
}

static int take_back(TLPBridgeFunction *f, const struct tlpb_rc_grant *grant)
{
	tlpb_rc *rc = tlpbridge_enter(f->bridge);
	int err = TLPB_ERR_CLOSED;

	revoking++;
	if (rc)
		err = tlpb_rc_revoke(rc, grant->function, grant->addr, grant->len);
	revoking--;
	tlpbridge_leave(f->bridge);
	return err;
}

/* ---- the listener ---- */

static TLPBridgeFunction *listening(MemoryListener *listener)
{
	return container_of(listener, TLPBridgeFunction, listener);
}

static void region_add(MemoryListener *listener, MemoryRegionSection *section)
{
	TLPBridgeFunction *f = listening(listener);
	Window window = { .granted = false };

	if (!describe(f, section, &window.grant))
		return;
	g_array_append_val(f->windows, window);
	offer(f, window_at(f, f->windows->len - 1));
}

static void region_del(MemoryListener *listener, MemoryRegionSection *section)
{
	TLPBridgeFunction *f = listening(listener);
	unsigned i = 0;

	while (i < f->windows->len &&
	       window_at(f, i)->grant.addr != section->offset_within_address_space)
		i++;
	if (i == f->windows->len)
		return;
	if (window_at(f, i)->granted && take_back(f, &window_at(f, i)->grant) && f->windows)
		distrust(f, window_at(f, i));
	if (f->windows)		/* else unplugged while we waited */
		g_array_remove_index_fast(f->windows, i);
}

/* A change of what no map holds makes QEMU look at all maps again. */
static void nudge(void)
{
	static MemoryRegion *region;

	if (!region) {
		region = g_new0(MemoryRegion, 1);
		memory_region_init(region, NULL, "tlpbridge-nudge", 1);
	}
	memory_region_set_enabled(region, !region->enabled);
}

/*
 * Only where no change is under way any more. A device may be unplugged within another one's, which ends
 * here, too; and the changes that are made here do.
 */
static void commit(MemoryListener *listener)
{
	if (rounds || revoking)
		return;
	while (held) {
		rounds++;
		held = false;
		nudge();
		memory_region_transaction_commit();
	}
	rounds = 0;
}

bool tlpbridge_grants_allow_dma(void)
{
	if (!revoking || held)
		return true;
	if (rounds >= ROUNDS_MAX)
		return false;
	held = true;
	memory_region_transaction_begin();
	return true;
}

/* ---- what the device wrote ---- */

static void mark_within(TLPBridgeFunction *f, const Window *window, uint64_t addr, uint64_t end)
{
	uint64_t from = MAX(addr, window->grant.addr);
	uint64_t to = MIN(end, window->grant.addr + window->grant.len);

	if (window->grant.writable && from < to)
		mark_written(f, from, to - from);
}

void tlpbridge_grants_dirty(TLPBridge *s, unsigned function, uint64_t addr, uint64_t len)
{
	TLPBridgeFunction *f = tlpbridge_function_of(s, PCI_DEVICE(s)->devfn + function);

	if (!f || !f->windows)
		return;
	for (unsigned i = 0; i < f->windows->len; i++)
		mark_within(f, window_at(f, i), addr, addr + len);
}

/* ---- life ---- */

void tlpbridge_grants_start(TLPBridgeFunction *f)
{
	if (!tlpbridge_grants_wanted(f->bridge))
		return;
	f->windows = g_array_new(false, false, sizeof(Window));
	f->listener = (MemoryListener){
		.region_add = region_add, .region_del = region_del, .commit = commit,
		.name = "tlpbridge", .priority = LAST,
	};
	memory_listener_register(&f->listener, &PCI_DEVICE(f)->bus_master_as);
}

/* QEMU tells the listener that all is gone. */
void tlpbridge_grants_stop(TLPBridgeFunction *f)
{
	if (!f->windows)
		return;
	memory_listener_unregister(&f->listener);
	g_array_free(f->windows, true);
	f->windows = NULL;
}

static void lost(TLPBridgeFunction *f)
{
	for (unsigned i = 0; f->windows && i < f->windows->len; i++) {
		distrust(f, window_at(f, i));
		window_at(f, i)->granted = false;
	}
}

static void returned(TLPBridgeFunction *f)
{
	for (unsigned i = 0; f->windows && i < f->windows->len; i++)
		offer(f, window_at(f, i));
}

void tlpbridge_grants_lost(TLPBridge *s)
{
	tlpbridge_functions_each(s, lost);
}

void tlpbridge_grants_returned(TLPBridge *s)
{
	tlpbridge_functions_each(s, returned);
}
