/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of an endpoint (6.1): INTx as messages, MSI and MSI-X as memory
 * writes. An event on a masked vector sets its pending bit; what unmasks it is
 * followed by tlpb__ep_irq_update(), which sends once and clears.
 */
#include "bytes.h"
#include "ep_private.h"

static void send_interrupt_write(const struct function *f, uint64_t addr, uint32_t data)
{
	uint8_t dw[4];
	struct tlpb_tlp tlp = {
		.kind = TLPB_MWR, .hdr_4dw = addr >> 32 != 0, .requester_id = tlpb__function_id(f),
		.address = addr & ~3ull, .length_dw = 1, .first_be = 0xf,
		.payload = dw, .payload_len = 4,
	};

	put_le32(dw, data);
	tlpb__link_send_tlp(f->ep->link, &tlp, 0);
}

static void send_msi(const struct function *f, unsigned vector)
{
	uint64_t addr;
	uint32_t data;

	tlpb__config_msi_message(&f->config, vector, &addr, &data);
	send_interrupt_write(f, addr, data);
}

static void send_msix(const struct function *f, unsigned vector)
{
	uint64_t addr;
	uint32_t data;

	tlpb__msix_message(&f->msix, vector, &addr, &data);
	send_interrupt_write(f, addr, data);
}

static bool msix_masked(const struct function *f, unsigned vector)
{
	return tlpb__config_msix_function_masked(&f->config) || tlpb__msix_masked(&f->msix, vector);
}

static void flush(struct function *f)
{
	tlpb__ep_ask_for_proof(f);
	if (f->ep->link)
		tlpb__link_flush(f->ep->link);
}

enum tlpb_irq_result tlpb_ep_function_msi(tlpb_ep *ep, unsigned function, unsigned vector)
{
	struct function *f = tlpb__function_at(ep, function);

	if (!tlpb_ep_is_up(ep))
		return TLPB_IRQ_NO_LINK;
	if (!f)
		return TLPB_IRQ_NO_VECTOR;
	if (!tlpb__config_msi_enabled(&f->config))
		return TLPB_IRQ_DISABLED;
	if (vector >= tlpb__config_msi_granted(&f->config))
		return TLPB_IRQ_NO_VECTOR;
	if (tlpb__config_msi_masked(&f->config, vector)) {
		if (tlpb__config_msi_pending(&f->config, vector))
			return TLPB_IRQ_MERGED;
		tlpb__config_msi_set_pending(&f->config, vector, true);
		return TLPB_IRQ_MASKED;
	}
	if (!tlpb__config_bus_master(&f->config))
		return TLPB_IRQ_BUS_MASTER_OFF;
	send_msi(f, vector);
	flush(f);
	return TLPB_IRQ_SENT;
}

enum tlpb_irq_result tlpb_ep_msi(tlpb_ep *ep, unsigned vector)
{
	return tlpb_ep_function_msi(ep, 0, vector);
}

enum tlpb_irq_result tlpb_ep_function_msix(tlpb_ep *ep, unsigned function, unsigned vector)
{
	struct function *f = tlpb__function_at(ep, function);

	if (!tlpb_ep_is_up(ep))
		return TLPB_IRQ_NO_LINK;
	if (!f)
		return TLPB_IRQ_NO_VECTOR;
	if (!tlpb__config_msix_enabled(&f->config))
		return TLPB_IRQ_DISABLED;
	if (vector >= f->config.device.msix_vectors)
		return TLPB_IRQ_NO_VECTOR;
	if (msix_masked(f, vector)) {
		if (tlpb__msix_pending(&f->msix, vector))
			return TLPB_IRQ_MERGED;
		tlpb__msix_set_pending(&f->msix, vector, true);
		return TLPB_IRQ_MASKED;
	}
	if (!tlpb__config_bus_master(&f->config))
		return TLPB_IRQ_BUS_MASTER_OFF;
	send_msix(f, vector);
	flush(f);
	return TLPB_IRQ_SENT;
}

enum tlpb_irq_result tlpb_ep_msix(tlpb_ep *ep, unsigned vector)
{
	return tlpb_ep_function_msix(ep, 0, vector);
}

/* ---- INTx ---- */

/*
 * Interrupt Disable, MSI, MSI-X and D3hot each silence the line; its level stays in Status. The
 * pin of several functions is asserted while one of them asserts it (2.2.8.1).
 */
static bool intx_silenced(const struct function *f)
{
	return tlpb__config_command(&f->config) & COMMAND_INTX_DISABLE ||
	       tlpb__config_msi_enabled(&f->config) || tlpb__config_msix_enabled(&f->config) ||
	       !tlpb__config_in_d0(&f->config);
}

static void send_intx(tlpb_ep *ep, unsigned pin, bool asserted)
{
	struct tlpb_tlp tlp = {
		.kind = TLPB_MSG, .hdr_4dw = true, .requester_id = ep->id,
		.routing = TLPB_ROUTE_LOCAL,
		.message_code = (uint8_t)((asserted ? TLPB_MSG_ASSERT_INTA
						    : TLPB_MSG_DEASSERT_INTA) + pin),
	};

	tlpb__link_send_tlp(ep->link, &tlp, 0);
	ep->intx_sent[pin] = asserted;
}

static bool pin_wanted(const tlpb_ep *ep, unsigned pin)
{
	for (unsigned i = 0; i < ep->functions; i++) {
		const struct function *f = ep->list[i];

		if (f->config.device.intx_pin == pin + 1 && f->intx_level && !intx_silenced(f))
			return true;
	}
	return false;
}

static void update_intx(struct function *f)
{
	unsigned pin = f->config.device.intx_pin - 1u;
	bool want = pin_wanted(f->ep, pin);

	tlpb__config_set_intx_status(&f->config, f->intx_level);
	if (want != f->ep->intx_sent[pin])
		send_intx(f->ep, pin, want);
}

enum tlpb_irq_result tlpb_ep_function_intx(tlpb_ep *ep, unsigned function, bool level)
{
	struct function *f = tlpb__function_at(ep, function);
	bool was;

	if (!f || !f->config.device.intx_pin)
		return TLPB_IRQ_NO_VECTOR;
	if (!tlpb_ep_is_up(ep))
		return TLPB_IRQ_NO_LINK;
	was = f->intx_level;
	f->intx_level = level;
	update_intx(f);
	flush(f);
	if (level && intx_silenced(f))
		return TLPB_IRQ_DISABLED;
	return level == was ? TLPB_IRQ_MERGED : TLPB_IRQ_SENT;
}

enum tlpb_irq_result tlpb_ep_intx(tlpb_ep *ep, bool level)
{
	return tlpb_ep_function_intx(ep, 0, level);
}

/* ---- power management events ---- */

static void send_pme(const struct function *f)
{
	struct tlpb_tlp tlp = {
		.kind = TLPB_MSG, .hdr_4dw = true, .requester_id = tlpb__function_id(f),
		.routing = TLPB_ROUTE_TO_ROOT, .message_code = TLPB_MSG_PM_PME,
	};

	tlpb__link_send_tlp(f->ep->link, &tlp, 0);
}

enum tlpb_irq_result tlpb_ep_pme(tlpb_ep *ep, unsigned function)
{
	struct function *f = tlpb__function_at(ep, function);

	if (!f || !(f->config.device.has & TLPB_HAS_PME) || f->pf)
		return TLPB_IRQ_NO_VECTOR;
	if (!tlpb_ep_is_up(ep))
		return TLPB_IRQ_NO_LINK;
	switch (tlpb__config_pme(&f->config)) {
	case PME_DISABLED:
		return TLPB_IRQ_DISABLED;
	case PME_TOLD:
		return TLPB_IRQ_MERGED;
	default:
		send_pme(f);
		flush(f);
		return TLPB_IRQ_SENT;
	}
}

/* ---- after config space or the table changed ---- */

static void update_msi(struct function *f)
{
	for (unsigned v = 0; v < tlpb__config_msi_granted(&f->config); v++) {
		if (!tlpb__config_msi_pending(&f->config, v) ||
		    tlpb__config_msi_masked(&f->config, v))
			continue;
		tlpb__config_msi_set_pending(&f->config, v, false);
		send_msi(f, v);
	}
}

static void update_msix(struct function *f)
{
	for (unsigned v = 0; v < f->config.device.msix_vectors; v++) {
		if (!tlpb__msix_pending(&f->msix, v) || msix_masked(f, v))
			continue;
		tlpb__msix_set_pending(&f->msix, v, false);
		send_msix(f, v);
	}
}

void tlpb__ep_irq_update(struct function *f)
{
	if (f->config.device.intx_pin)
		update_intx(f);
	if (!tlpb__config_bus_master(&f->config)) {
		tlpb__ep_take_back(f);
		return;
	}
	if (tlpb__config_msi_enabled(&f->config))
		update_msi(f);
	if (tlpb__config_msix_enabled(&f->config))
		update_msix(f);
}

void tlpb__ep_irq_reset(struct function *f)
{
	unsigned pin = f->config.device.intx_pin - 1u;
	bool want;

	f->intx_level = false;
	if (!f->config.device.intx_pin)
		return;
	want = pin_wanted(f->ep, pin);
	if (f->ep->intx_sent[pin] != want && tlpb_ep_is_up(f->ep))
		send_intx(f->ep, pin, want);
	f->ep->intx_sent[pin] = want;
}
