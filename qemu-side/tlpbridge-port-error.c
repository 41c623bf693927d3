/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors that the host's end of the link detects: they are those of the port above the device. Its
 * registers log them, and where these let it be told, as by a message, the root port tells the guest (PCI
 * Express Base 5.0, 6.2.4 to 6.2.6, figure 6-2).
 */
#include "tlpbridge-qemu.h"

#include "hw/pci/pcie.h"
#include "hw/pci/pcie_regs.h"

typedef struct Port {
	PCIDevice *d;
	uint8_t *aer, *exp;	/* its capabilities */
} Port;

/* False: the device is on the root bus itself, or the port has no AER. */
static bool find_port(TLPBridge *s, Port *port)
{
	PCIDevice *d = pci_bridge_get_device(pci_get_bus(PCI_DEVICE(s)));

	if (!d || !d->exp.exp_cap || !d->exp.aer_cap)
		return false;
	*port = (Port){ d, d->config + d->exp.aer_cap, d->config + d->exp.exp_cap };
	return true;
}

static void set_word(uint8_t *at, uint16_t bits)
{
	pci_set_word(at, pci_get_word(at) | bits);
}

static void set_long(uint8_t *at, uint32_t bits)
{
	pci_set_long(at, pci_get_long(at) | bits);
}

/* What conventional PCI software looks at, of the link's side of the port (7.5.1.3.7). */
static void note_in_secondary_status(const Port *port, const struct tlpb_rc_error_report *r)
{
	if (r->error == TLPB_RC_POISONED)
		set_word(port->d->config + PCI_SEC_STATUS, PCI_STATUS_DETECTED_PARITY);
	if (r->error == TLPB_RC_COMPLETER_ABORT)
		set_word(port->d->config + PCI_SEC_STATUS, PCI_STATUS_SIG_TARGET_ABORT);
}

/* The first error that is not masked keeps its header until the guest clears its status bit. */
static void log_header(const Port *port, const struct tlpb_rc_error_report *r)
{
	uint32_t control = pci_get_long(port->aer + PCI_ERR_CAP);

	if (pci_get_long(port->aer + PCI_ERR_UNCOR_STATUS) >> PCI_ERR_CAP_FEP(control) & 1)
		return;
	pci_set_long(port->aer + PCI_ERR_CAP, (control & ~PCI_ERR_CAP_FEP_MASK) | r->error);
	for (unsigned i = 0; i < ARRAY_SIZE(r->header); i++)
		pci_set_long(port->aer + PCI_ERR_HEADER_LOG + 4 * i,
			     r->has_header ? r->header[i] : 0);
}

/* True: it is not masked. */
static bool log_uncorrectable(const Port *port, const struct tlpb_rc_error_report *r)
{
	bool masked = pci_get_long(port->aer + PCI_ERR_UNCOR_MASK) >> r->error & 1;

	if (!masked)
		log_header(port, r);
	set_long(port->aer + PCI_ERR_UNCOR_STATUS, 1u << r->error);
	return !masked;
}

static bool is_unsupported(const struct tlpb_rc_error_report *r)
{
	return r->error == TLPB_RC_UNSUPPORTED_REQUEST;
}

static bool enabled(const Port *port, const struct tlpb_rc_error_report *r, uint16_t need)
{
	if (is_unsupported(r))
		need |= PCI_EXP_DEVCTL_URRE;
	return (pci_get_word(port->exp + PCI_EXP_DEVCTL) & need) == need;
}

/* These return the message code, 0: none is to be sent. */

static uint8_t report_advisory(const Port *port, const struct tlpb_rc_error_report *r)
{
	set_word(port->exp + PCI_EXP_DEVSTA, PCI_EXP_DEVSTA_CED);
	set_long(port->aer + PCI_ERR_COR_STATUS, PCI_ERR_COR_ADV_NFAT);
	if (pci_get_long(port->aer + PCI_ERR_COR_MASK) & PCI_ERR_COR_ADV_NFAT)
		return 0;
	log_uncorrectable(port, r);
	return enabled(port, r, PCI_EXP_DEVCTL_CERE) ? TLPB_MSG_ERR_COR : 0;
}

static uint8_t report_uncorrectable(const Port *port, const struct tlpb_rc_error_report *r, bool fatal)
{
	bool serr = pci_get_word(port->d->config + PCI_COMMAND) & PCI_COMMAND_SERR;

	set_word(port->exp + PCI_EXP_DEVSTA, fatal ? PCI_EXP_DEVSTA_FED : PCI_EXP_DEVSTA_NFED);
	if (!log_uncorrectable(port, r) ||
	    (!serr && !enabled(port, r, fatal ? PCI_EXP_DEVCTL_FERE : PCI_EXP_DEVCTL_NFERE)))
		return 0;
	if (serr)
		set_word(port->d->config + PCI_STATUS, PCI_STATUS_SIG_SYSTEM_ERROR);
	return fatal ? TLPB_MSG_ERR_FATAL : TLPB_MSG_ERR_NONFATAL;
}

void tlpbridge_port_error(TLPBridge *s, const struct tlpb_rc_error_report *r)
{
	Port port;
	bool fatal;
	uint8_t code;

	if (!find_port(s, &port))
		return;
	note_in_secondary_status(&port, r);
	if (is_unsupported(r))
		set_word(port.exp + PCI_EXP_DEVSTA, PCI_EXP_DEVSTA_URD);
	fatal = pci_get_long(port.aer + PCI_ERR_UNCOR_SEVER) >> r->error & 1;
	code = r->advisory && !fatal ? report_advisory(&port, r)
				     : report_uncorrectable(&port, r, fatal);
	if (code)
		tlpbridge_error_send(port.d, code);
}
