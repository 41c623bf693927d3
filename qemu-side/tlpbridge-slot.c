/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root port (or switch port) above the device. Its slot becomes empty when the
 * link is lost, and full when the device returns; a guest with native PCI Express
 * hot-plug acts on that by itself.
 *
 * QEMU 7.2's ports lack Data Link Layer State Changed, which is the only event that
 * Linux wants where there is an attention button, and Data Link Layer Link Active when
 * ACPI does the hot-plug, without which Linux has no bus reset. Both are added here.
 */
#include "tlpbridge-qemu.h"

#include "hw/hotplug.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "qapi/error.h"

enum {
	LOOK_MS = 100,		/* how often to look whether the guest has emptied the slot */
	QUIET_MS = 2000,	/* for a guest to begin what it was told to */
};

static uint8_t *express(PCIDevice *port)
{
	return port->config + port->exp.exp_cap;
}

/* Bits that software may write, and clear by writing ones. */
static void patch_port(PCIDevice *port)
{
	unsigned at = port->exp.exp_cap;

	pci_word_test_and_set_mask(port->wmask + at + PCI_EXP_SLTCTL, PCI_EXP_SLTCTL_DLLSCE);
	pci_word_test_and_set_mask(port->w1cmask + at + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_DLLSC);
}

static int patch_if_slot(Object *object, void *opaque)
{
	if (object_dynamic_cast(object, TYPE_PCIE_SLOT) && PCI_DEVICE(object)->exp.exp_cap)
		patch_port(PCI_DEVICE(object));
	return 0;
}

static void patch_all(Notifier *notifier, void *data)
{
	object_child_foreach_recursive(object_get_root(), patch_if_slot, NULL);
}

/*
 * Every port, and before the guest runs: its hot-plug driver enables the event once,
 * when a device that will be plugged in later is not there yet.
 */
void tlpbridge_slots_patch(void)
{
	static Notifier notifier = { .notify = patch_all };

	qemu_add_machine_init_done_notifier(&notifier);
}

/* The port whose slot this device fills, or NULL: other functions and other places have none. */
static PCIDevice *slot_port(TLPBridge *s)
{
	PCIDevice *d = PCI_DEVICE(s), *port = pci_bridge_get_device(pci_get_bus(d));

	if (!port || PCI_FUNC(d->devfn) || !port->exp.exp_cap ||
	    !object_dynamic_cast(OBJECT(port), TYPE_PCIE_SLOT))
		return NULL;
	return port;
}

static void set_link_active(PCIDevice *port, bool active)
{
	uint8_t *status = express(port) + PCI_EXP_LNKSTA;

	if (!(pci_get_long(express(port) + PCI_EXP_LNKCAP) & PCI_EXP_LNKCAP_DLLLARC))
		return;
	if (active)
		pci_word_test_and_set_mask(status, PCI_EXP_LNKSTA_DLLLA);
	else
		pci_word_test_and_clear_mask(status, PCI_EXP_LNKSTA_DLLLA);
}

static bool interrupt_wanted(PCIDevice *port)
{
	uint16_t control = pci_get_word(express(port) + PCI_EXP_SLTCTL);

	return control & PCI_EXP_SLTCTL_HPIE &&
	       control & (PCI_EXP_SLTCTL_DLLSCE | PCI_EXP_SLTCTL_PDCE);
}

/* As hot-plug events are signalled; one message too many does no harm. */
static void interrupt(PCIDevice *port)
{
	if (msix_enabled(port))
		msix_notify(port, pcie_cap_flags_get_vector(port));
	else if (msi_enabled(port))
		msi_notify(port, pcie_cap_flags_get_vector(port));
	else if (port->config[PCI_INTERRUPT_PIN])
		pci_set_irq(port, 1);	/* QEMU lowers it when the guest clears the status */
}

static void set_presence(PCIDevice *port, bool present)
{
	uint8_t *status = express(port) + PCI_EXP_SLTSTA;

	if (present)
		pci_word_test_and_set_mask(status, PCI_EXP_SLTSTA_PDS);
	else
		pci_word_test_and_clear_mask(status, PCI_EXP_SLTSTA_PDS);
	set_link_active(port, present);
	pci_word_test_and_set_mask(status, PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC);
	if (interrupt_wanted(port))
		interrupt(port);
}

static bool is_powered(PCIDevice *port)
{
	return !(pci_get_word(express(port) + PCI_EXP_SLTCTL) & PCI_EXP_SLTCTL_PCC);
}

static bool is_off(PCIDevice *port)
{
	uint16_t control = pci_get_word(express(port) + PCI_EXP_SLTCTL);

	return control & PCI_EXP_SLTCTL_PCC &&
	       (control & PCI_EXP_SLTCTL_PIC) == PCI_EXP_SLTCTL_PWR_IND_OFF;
}

bool tlpbridge_slot_listens(TLPBridge *s)
{
	PCIDevice *port = slot_port(s);

	return port && s->on_link_down == TLPBRIDGE_REMOVE && interrupt_wanted(port);
}

/*
 * device_del asks the guest, which consents by switching the slot off; QEMU does not
 * see that consent while the slot is empty.
 */
static bool unplug_is_granted(TLPBridge *s, PCIDevice *port)
{
	return s->slot_emptied && DEVICE(s)->pending_deleted_event && is_off(port);
}

static void unplug(TLPBridge *s)
{
	DeviceState *dev = DEVICE(s);

	hotplug_handler_unplug(qdev_get_hotplug_handler(dev), dev, &error_abort);
	object_unparent(OBJECT(dev));
}

/*
 * A guest that was told of the loss ends its work by switching the slot off. While the
 * slot is full QEMU takes that for the consent to an unplug, and removes the device
 * for good: so the slot stays empty until then. The same holds for a guest that has
 * just been told of a return which is over again: it switches the slot on, and off
 * when it finds nothing.
 */
static bool guest_is_busy(TLPBridge *s, PCIDevice *port, int64_t now_ms)
{
	if (interrupt_wanted(port) && is_powered(port))
		s->guest_empties_slot = true;
	if (is_off(port))
		s->guest_empties_slot = false;
	return s->guest_empties_slot || now_ms < s->slot_quiet_until_ms;
}

static void settle(void *opaque)
{
	TLPBridge *s = opaque;
	PCIDevice *port = slot_port(s);
	int64_t now_ms = qemu_clock_get_ms(QEMU_CLOCK_REALTIME);

	if (!port || !s->slot_emptied)
		return;
	if (unplug_is_granted(s, port)) {
		unplug(s);
	} else if (guest_is_busy(s, port, now_ms)) {
		timer_mod(s->slot_timer, now_ms + LOOK_MS);
	} else if (s->link.rc) {
		s->slot_emptied = false;
		set_presence(port, true);
	}
}

static void settle_soon(TLPBridge *s)
{
	timer_mod(s->slot_timer, qemu_clock_get_ms(QEMU_CLOCK_REALTIME));
}

void tlpbridge_slot_lost(TLPBridge *s)
{
	PCIDevice *port = slot_port(s);

	if (!port || s->on_link_down != TLPBRIDGE_REMOVE)
		return;
	if (!s->slot_emptied) {
		s->slot_quiet_until_ms = 0;
		if (interrupt_wanted(port) && !is_powered(port))
			s->slot_quiet_until_ms = qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + QUIET_MS;
		set_presence(port, false);
	}
	s->slot_emptied = true;
	settle_soon(s);
}

void tlpbridge_slot_returned(TLPBridge *s)
{
	settle_soon(s);
}

void tlpbridge_slot_reset(TLPBridge *s, enum tlpb_reset kind)
{
	if (kind == TLPB_RESET_SYSTEM)
		s->guest_empties_slot = false;	/* it starts anew */
	settle_soon(s);
}

void tlpbridge_slot_init(TLPBridge *s)
{
	PCIDevice *port = slot_port(s);

	s->slot_timer = timer_new_ms(QEMU_CLOCK_REALTIME, settle, s);
	if (!port)
		return;
	patch_port(port);
	set_link_active(port, true);
}

void tlpbridge_slot_free(TLPBridge *s)
{
	PCIDevice *port = slot_port(s);

	timer_free(s->slot_timer);
	if (port)
		set_link_active(port, false);
}
