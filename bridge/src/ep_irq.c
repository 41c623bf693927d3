/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of an endpoint (6.1): INTx as messages, MSI and MSI-X as memory
 * writes. An event on a masked vector sets its pending bit; what unmasks it is
 * followed by tlpb__ep_irq_update(), which sends once and clears.
 */
#include "bytes.h"
#include "ep_private.h"

static void send_interrupt_write(tlpb_ep *ep, uint64_t addr, uint32_t data)
{
	uint8_t dw[4];
	struct tlpb_tlp tlp = {
		.kind = TLPB_MWR, .hdr_4dw = addr >> 32 != 0, .requester_id = ep->id,
		.address = addr & ~3ull, .length_dw = 1, .first_be = 0xf,
		.payload = dw, .payload_len = 4,
	};

	put_le32(dw, data);
	tlpb__link_send_tlp(ep->link, &tlp, 0);
}

static void send_msi(tlpb_ep *ep, unsigned vector)
{
	uint64_t addr;
	uint32_t data;

	tlpb__config_msi_message(&ep->config, vector, &addr, &data);
	send_interrupt_write(ep, addr, data);
}

static void send_msix(tlpb_ep *ep, unsigned vector)
{
	uint64_t addr;
	uint32_t data;

	tlpb__msix_message(&ep->msix, vector, &addr, &data);
	send_interrupt_write(ep, addr, data);
}

static bool msix_masked(const tlpb_ep *ep, unsigned vector)
{
	return tlpb__config_msix_function_masked(&ep->config) ||
	       tlpb__msix_masked(&ep->msix, vector);
}

static void flush(tlpb_ep *ep)
{
	tlpb__link_flush(ep->link);
}

enum tlpb_irq_result tlpb_ep_msi(tlpb_ep *ep, unsigned vector)
{
	if (!tlpb_ep_is_up(ep))
		return TLPB_IRQ_NO_LINK;
	if (!tlpb__config_msi_enabled(&ep->config))
		return TLPB_IRQ_DISABLED;
	if (vector >= tlpb__config_msi_granted(&ep->config))
		return TLPB_IRQ_NO_VECTOR;
	if (tlpb__config_msi_masked(&ep->config, vector)) {
		if (tlpb__config_msi_pending(&ep->config, vector))
			return TLPB_IRQ_MERGED;
		tlpb__config_msi_set_pending(&ep->config, vector, true);
		return TLPB_IRQ_MASKED;
	}
	if (!tlpb__config_bus_master(&ep->config))
		return TLPB_IRQ_BUS_MASTER_OFF;
	send_msi(ep, vector);
	flush(ep);
	return TLPB_IRQ_SENT;
}

enum tlpb_irq_result tlpb_ep_msix(tlpb_ep *ep, unsigned vector)
{
	if (!tlpb_ep_is_up(ep))
		return TLPB_IRQ_NO_LINK;
	if (!tlpb__config_msix_enabled(&ep->config))
		return TLPB_IRQ_DISABLED;
	if (vector >= ep->config.device.msix_vectors)
		return TLPB_IRQ_NO_VECTOR;
	if (msix_masked(ep, vector)) {
		if (tlpb__msix_pending(&ep->msix, vector))
			return TLPB_IRQ_MERGED;
		tlpb__msix_set_pending(&ep->msix, vector, true);
		return TLPB_IRQ_MASKED;
	}
	if (!tlpb__config_bus_master(&ep->config))
		return TLPB_IRQ_BUS_MASTER_OFF;
	send_msix(ep, vector);
	flush(ep);
	return TLPB_IRQ_SENT;
}

/* ---- INTx ---- */

/* Interrupt Disable, MSI and MSI-X each silence the line; its level stays in Status. */
static bool intx_silenced(const tlpb_ep *ep)
{
	return tlpb__config_command(&ep->config) & COMMAND_INTX_DISABLE ||
	       tlpb__config_msi_enabled(&ep->config) || tlpb__config_msix_enabled(&ep->config);
}

static void send_intx(tlpb_ep *ep, bool asserted)
{
	unsigned pin = ep->config.device.intx_pin - 1u;
	struct tlpb_tlp tlp = {
		.kind = TLPB_MSG, .hdr_4dw = true, .requester_id = ep->id,
		.routing = TLPB_ROUTE_LOCAL,
		.message_code = (uint8_t)((asserted ? TLPB_MSG_ASSERT_INTA
						    : TLPB_MSG_DEASSERT_INTA) + pin),
	};

	tlpb__link_send_tlp(ep->link, &tlp, 0);
	ep->intx_sent = asserted;
}

static void update_intx(tlpb_ep *ep)
{
	bool want = ep->intx_level && !intx_silenced(ep);

	tlpb__config_set_intx_status(&ep->config, ep->intx_level);
	if (want != ep->intx_sent)
		send_intx(ep, want);
}

enum tlpb_irq_result tlpb_ep_intx(tlpb_ep *ep, bool level)
{
	bool was = ep->intx_level;

	if (!ep->config.device.intx_pin)
		return TLPB_IRQ_NO_VECTOR;
	if (!tlpb_ep_is_up(ep))
		return TLPB_IRQ_NO_LINK;
	ep->intx_level = level;
	update_intx(ep);
	flush(ep);
	if (level && intx_silenced(ep))
		return TLPB_IRQ_DISABLED;
	return level == was ? TLPB_IRQ_MERGED : TLPB_IRQ_SENT;
}

/* ---- after config space or the table changed ---- */

static void update_msi(tlpb_ep *ep)
{
	for (unsigned v = 0; v < tlpb__config_msi_granted(&ep->config); v++) {
		if (!tlpb__config_msi_pending(&ep->config, v) ||
		    tlpb__config_msi_masked(&ep->config, v))
			continue;
		tlpb__config_msi_set_pending(&ep->config, v, false);
		send_msi(ep, v);
	}
}

static void update_msix(tlpb_ep *ep)
{
	for (unsigned v = 0; v < ep->config.device.msix_vectors; v++) {
		if (!tlpb__msix_pending(&ep->msix, v) || msix_masked(ep, v))
			continue;
		tlpb__msix_set_pending(&ep->msix, v, false);
		send_msix(ep, v);
	}
}

void tlpb__ep_irq_update(tlpb_ep *ep)
{
	if (ep->config.device.intx_pin)
		update_intx(ep);
	if (!tlpb__config_bus_master(&ep->config))
		return;
	if (tlpb__config_msi_enabled(&ep->config))
		update_msi(ep);
	if (tlpb__config_msix_enabled(&ep->config))
		update_msix(ep);
}

void tlpb__ep_irq_reset(tlpb_ep *ep)
{
	ep->intx_level = false;
	if (ep->intx_sent && tlpb_ep_is_up(ep))
		send_intx(ep, false);
	ep->intx_sent = false;
}
