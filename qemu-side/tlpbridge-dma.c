/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the endpoint does to the host: DMA, MSI and MSI-X (which are memory writes),
 * INTx, messages, and the end of the link. All of these run inside a call into rc,
 * under the BQL, but those of a device that has not been handed over yet (design notes in
 * tlpbridge-qemu.h).
 */
#include "tlpbridge-qemu.h"

#include "qemu/error-report.h"
#include "qemu/range.h"

enum {
	/* x86: writes here are interrupts, one aligned doubleword each. */
	INTERRUPTS_BASE = 0xfee00000,
	INTERRUPTS_SIZE = 0x100000,

	/* DMA that reaches another bridge's BAR waits there and serves more DMA. */
	DMA_DEPTH_MAX = 16,
};

bool tlpbridge_dma_hits_self(TLPBridge *s, MemTxAttrs attrs)
{
	return s->dma_depth && !attrs.unspecified &&
	       attrs.requester_id >> 8 == pci_dev_bus_num(PCI_DEVICE(s)) &&
	       tlpbridge_function_of(s, attrs.requester_id);
}

static bool hits_interrupts(uint64_t addr, size_t len)
{
	static int is_x86 = -1;

	if (is_x86 < 0)
		is_x86 = object_class_by_name("apic-common") != NULL;
	return is_x86 && ranges_overlap(addr, len, INTERRUPTS_BASE, INTERRUPTS_SIZE);
}

/* QEMU takes any write into the interrupt range; a stray one hangs the guest. */
static bool interrupt_allowed(bool write, uint64_t addr, size_t len)
{
	return write && len == 4 && addr % 4 == 0;
}

/*
 * 0 and the function that asks, or why this DMA is refused before QEMU sees it. Each function
 * has a Bus Master Enable and, with an IOMMU, an address space of its own.
 */
static int refusal(TLPBridge *s, const struct tlpb_tlp *request, bool write, uint64_t addr,
		   size_t len, PCIDevice **requester)
{
	TLPBridgeFunction *f;
	PCIDevice *d;

	if (!bql_locked())
		return TLPB_ERR_BUS_MASTER_OFF;	/* not handed over yet */
	if (!s->link.rc)
		return TLPB_ERR_CLOSED;	/* unrealized inside one of our callbacks */
	f = tlpbridge_function_of(s, request->requester_id);
	if (!f)
		return TLPB_ERR_ACCESS;	/* an ID that no function has */
	*requester = d = PCI_DEVICE(f);
	if (!(pci_get_word(d->config + PCI_COMMAND) & PCI_COMMAND_MASTER))
		return TLPB_ERR_BUS_MASTER_OFF;
	if (request->at || request->has_pasid)
		return TLPB_ERR_ACCESS;	/* the host offers neither ATS nor PASID */
	if (hits_interrupts(addr, len) && !interrupt_allowed(write, addr, len))
		return TLPB_ERR_NO_ADDRESS;
	if (s->dma_depth >= DMA_DEPTH_MAX || !tlpbridge_grants_allow_dma())
		return TLPB_ERR_BUSY;
	return 0;
}

static int outcome(MemTxResult result, bool hit_self)
{
	if (hit_self)
		return TLPB_ERR_NO_ADDRESS;
	if (result == MEMTX_OK)
		return 0;
	return result & MEMTX_ACCESS_ERROR ? TLPB_ERR_ACCESS : TLPB_ERR_NO_ADDRESS;
}

static int dma(TLPBridge *s, const struct tlpb_tlp *request, bool write, uint64_t addr,
	       void *buf, size_t len)
{
	PCIDevice *d;
	int err = refusal(s, request, write, addr, len, &d);
	bool outer_hit = s->dma_hit_self, hit;
	MemTxResult result;
	MemTxAttrs attrs;

	if (err)
		return err;
	attrs = (MemTxAttrs){ .requester_id = pci_requester_id(d) };
	s->dma_hit_self = false;
	s->dma_depth++;
	s->depth++;	/* another device's wait may have served this one */
	/* What it changes of the memory map takes effect after it: QEMU refuses DMA into a device that is at it. */
	memory_region_transaction_begin();
	if (write)
		result = address_space_write(pci_get_address_space(d), addr, attrs, buf, len);
	else
		result = address_space_read_full(pci_get_address_space(d), addr, attrs, buf, len);
	memory_region_transaction_commit();
	s->depth--;
	s->dma_depth--;
	hit = s->dma_hit_self;
	s->dma_hit_self = outer_hit;
	return outcome(result, hit);
}

static int mem_read(void *ctx, const struct tlpb_tlp *request, uint64_t addr, void *buf,
		    size_t len)
{
	return dma(ctx, request, false, addr, buf, len);
}

static int mem_write(void *ctx, const struct tlpb_tlp *request, uint64_t addr,
		     const void *data, size_t len)
{
	return dma(ctx, request, true, addr, (void *)data, len);
}

/* Only RAM that vCPUs reach by the same pointer can be changed atomically against them. */
static bool is_shared_ram(AddressSpace *as, uint64_t addr, hwaddr len, MemTxAttrs attrs)
{
	hwaddr offset, room = len;
	MemoryRegion *mr;

	RCU_READ_LOCK_GUARD();
	mr = address_space_translate(as, addr, &offset, &room, true, attrs);
	return room >= len && memory_region_is_ram(mr) && !memory_region_is_rom(mr) &&
	       !memory_region_is_romd(mr) && !memory_region_is_ram_device(mr);
}

/* vCPUs use the processor's own atomic operations on RAM, under KVM and under MTTCG. */
static int atomic(void *ctx, const struct tlpb_tlp *request, uint64_t addr,
		  const struct tlpb_atomic *op, void *old)
{
	PCIDevice *d;
	int err = refusal(ctx, request, true, addr, op->size, &d);
	hwaddr len = op->size;
	AddressSpace *as;
	MemTxAttrs attrs;
	void *memory;

	if (err)
		return err;
	as = pci_get_address_space(d);
	attrs = (MemTxAttrs){ .requester_id = pci_requester_id(d) };
	if (!is_shared_ram(as, addr, len, attrs))
		return TLPB_ERR_UNSUPPORTED;
	memory = address_space_map(as, addr, &len, true, attrs);
	if (!memory)
		return TLPB_ERR_NO_ADDRESS;
	err = len == op->size ? tlpb_atomic_memory(op, memory, old) : TLPB_ERR_UNSUPPORTED;
	address_space_unmap(as, memory, len, true, err ? 0 : len);
	return err;
}

static void dirty(void *ctx, unsigned function, uint64_t addr, uint64_t len)
{
	TLPBridge *s = ctx;

	if (bql_locked() && s->link.rc)		/* else not handed over yet, or unrealized */
		tlpbridge_grants_dirty(s, function, addr, len);
}

static void intx(void *ctx, unsigned pin, bool level)
{
	TLPBridge *s = ctx;
	g_autofree char *label = NULL;

	if (!bql_locked() || !s->link.rc)
		return;		/* not handed over yet, or unrealized */
	if (tlpbridge_functions_intx(s, pin, level) || s->told_pin)
		return;
	s->told_pin = true;
	label = tlpbridge_label(s);
	warn_report("%s: ignored INT%c: no Interrupt Pin register says so", label, 'A' + pin);
}

static PCIDevice *sender(TLPBridge *s, const struct tlpb_tlp *msg)
{
	TLPBridgeFunction *f = tlpbridge_function_of(s, msg->requester_id);

	return f ? PCI_DEVICE(f) : PCI_DEVICE(s);
}

static bool message(void *ctx, const struct tlpb_tlp *msg)
{
	TLPBridge *s = ctx;
	g_autofree char *label = NULL;
	char text[128];

	if (!bql_locked() || !s->link.rc)
		return true;		/* not handed over yet, or unrealized */
	if (tlpbridge_error_send(sender(s, msg), msg->message_code) || s->told_message)
		return true;
	s->told_message = true;
	label = tlpbridge_label(s);
	tlpb_tlp_text(msg, text, sizeof(text));
	info_report("%s: ignored message %s (and any further one)", label, text);
	return true;	/* told already */
}

static void error(void *ctx, const struct tlpb_rc_error_report *report)
{
	TLPBridge *s = ctx;

	if (bql_locked() && s->link.rc)		/* else not handed over yet, or unrealized */
		tlpbridge_port_error(s, report);
}

static void down(void *ctx, enum tlpb_reason reason, const char *text)
{
	if (bql_locked())
		tlpbridge_link_down(ctx, reason, text);
}

static uint64_t now_ps(void *ctx)
{
	return (uint64_t)qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) * 1000;
}

static void waiting(void *ctx, const char *text)
{
	g_autofree char *label = tlpbridge_label(ctx);

	warn_report("%s: %s", label, text);
}

/*
 * Asked several times a second in a wait, and first after 0.2 s: so it is a long one.
 * (Asked at once while connecting; the guest stands still then anyway.) QEMU has noted
 * a signal for its main loop, which waits for us. (While QEMU starts, signals still end
 * it at once.)
 */
static bool cancelled(void *ctx)
{
	TLPBridge *s = ctx;

	/* A device that falls silent before it is known must not keep QEMU waiting. */
	if (s->arrival_end_ms && qemu_clock_get_ms(QEMU_CLOCK_REALTIME) >= s->arrival_end_ms)
		return true;
	if (!bql_locked())
		return tlpbridge_reconnect_cancelled(s);
	tlpbridge_clock_hold(s);
	return qemu_shutdown_requested_get() == SHUTDOWN_CAUSE_HOST_SIGNAL;
}

const struct tlpb_rc_ops tlpbridge_rc_ops = {
	.mem_read = mem_read,
	.mem_write = mem_write,
	.atomic = atomic,
	.dmwr = mem_write,
	.dirty = dirty,
	.intx = intx,
	.message = message,
	.error = error,
	.down = down,
	.now_ps = now_ps,
	.waiting = waiting,
	.cancelled = cancelled,
};
