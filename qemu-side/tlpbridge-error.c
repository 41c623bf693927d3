/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ERR_COR, ERR_NONFATAL and ERR_FATAL of the endpoint: up through the bridges, whose SERR# Enable
 * lets them pass, to the root port, which logs them and interrupts (PCI Express Base 5.0, 6.2.4).
 * QEMU has the same inside, but exports none of it.
 */
#include "tlpbridge-qemu.h"

#include "hw/pci/msi.h"
#include "hw/pci/msix.h"

typedef struct ErrorKind {
	uint8_t code;
	uint32_t first, again;	/* of Root Error Status: received, and one more */
	uint32_t also;		/* set in any case */
	uint32_t enable;	/* of Root Error Command */
	unsigned source;	/* offset in Error Source Identification */
} ErrorKind;

static const ErrorKind kinds[] = {
	{ TLPB_MSG_ERR_COR, PCI_ERR_ROOT_COR_RCV, PCI_ERR_ROOT_MULTI_COR_RCV, 0,
	  PCI_ERR_ROOT_CMD_COR_EN, 0 },
	{ TLPB_MSG_ERR_NONFATAL, PCI_ERR_ROOT_UNCOR_RCV, PCI_ERR_ROOT_MULTI_UNCOR_RCV,
	  PCI_ERR_ROOT_NONFATAL_RCV, PCI_ERR_ROOT_CMD_NONFATAL_EN, 2 },
	{ TLPB_MSG_ERR_FATAL, PCI_ERR_ROOT_UNCOR_RCV, PCI_ERR_ROOT_MULTI_UNCOR_RCV,
	  PCI_ERR_ROOT_FATAL_RCV, PCI_ERR_ROOT_CMD_FATAL_EN, 2 },
};

static const ErrorKind *find_kind(uint8_t code)
{
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].code == code)
			return &kinds[i];
	return NULL;
}

static bool passes(PCIDevice *bridge)
{
	return pci_get_word(bridge->config + PCI_BRIDGE_CONTROL) & PCI_BRIDGE_CTL_SERR;
}

/*
 * The root port above the device, or the device itself if it is one; NULL: there is none, or a
 * bridge lets no errors pass.
 */
static PCIDevice *root_port(PCIDevice *d, bool correctable)
{
	PCIDevice *port = d, *above = pci_bridge_get_device(pci_get_bus(d));

	for (; above; above = pci_bridge_get_device(pci_get_bus(above))) {
		if (!correctable)
			pci_word_test_and_set_mask(above->config + PCI_SEC_STATUS,
						   PCI_SEC_STATUS_RCV_SYSTEM_ERROR);
		if (!passes(above))
			return NULL;
		port = above;
	}
	return port->exp.exp_cap && port->exp.aer_cap &&
	       pcie_cap_get_type(port) == PCI_EXP_TYPE_ROOT_PORT ? port : NULL;
}

/* True: the first of its kind since software has handled the last one, so it is to be told. */
static bool log_error(PCIDevice *port, const ErrorKind *kind, uint16_t source)
{
	uint8_t *aer = port->config + port->exp.aer_cap;
	uint32_t status = pci_get_long(aer + PCI_ERR_ROOT_STATUS);
	bool is_first = !(status & kind->first);
	uint32_t set = kind->also | (is_first ? kind->first : kind->again);

	if (is_first) {
		pci_set_word(aer + PCI_ERR_ROOT_ERR_SRC + kind->source, source);
		if (kind->code == TLPB_MSG_ERR_FATAL)
			set |= PCI_ERR_ROOT_FIRST_FATAL;
	}
	pci_set_long(aer + PCI_ERR_ROOT_STATUS, status | set);
	return is_first;
}

static void interrupt(PCIDevice *port)
{
	uint32_t status = pci_get_long(port->config + port->exp.aer_cap + PCI_ERR_ROOT_STATUS);
	unsigned vector = status >> 27;		/* Advanced Error Interrupt Message Number */

	if (msix_enabled(port))
		msix_notify(port, vector);
	else if (msi_enabled(port))
		msi_notify(port, vector);
	else if (port->config[PCI_INTERRUPT_PIN])
		pci_set_irq(port, 1);	/* QEMU lowers it when the guest clears the status */
}

bool tlpbridge_error_send(PCIDevice *from, uint8_t code)
{
	const ErrorKind *kind = find_kind(code);
	PCIDevice *port;
	uint32_t command;

	if (!kind)
		return false;
	port = root_port(from, kind->code == TLPB_MSG_ERR_COR);
	if (!port)
		return true;
	command = pci_get_long(port->config + port->exp.aer_cap + PCI_ERR_ROOT_COMMAND);
	if (log_error(port, kind, pci_requester_id(from)) && command & kind->enable)
		interrupt(port);
	return true;
}
