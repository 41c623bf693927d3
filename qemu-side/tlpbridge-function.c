/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions of a device. Function 0 is what the user creates (tlpbridge-pci.c); it makes
 * the others, which share its link and go with it. All have config space, BARs, Bus Master
 * Enable and requester ID of their own, so each is a PCI device to QEMU.
 *
 * The others are made as if the machine were not running yet: QEMU would refuse a function
 * that is plugged in after function 0, and tell the guest of each. It hears of function 0.
 */
#include "tlpbridge-qemu.h"

#include "qapi/error.h"
#include "qemu/error-report.h"

/* ---- the type ---- */

static void realize(PCIDevice *d, Error **errp)
{
	TLPBridgeFunction *f = TLPBRIDGE_FUNCTION(d);

	if (!f->bridge) {
		error_setg(errp, "a function comes with its tlpbridge");
		return;
	}
	tlpbridge_bars_init(f);
	if (f->pf)
		tlpbridge_vf_adopt(f);
	else
		tlpbridge_config_adopt(f, f->face->config);
	tlpbridge_grants_start(f);
}

/* PCIDeviceClass.exit: with function 0, or QEMU empties the slot and begins here. */
static void unrealize(PCIDevice *d)
{
	TLPBridgeFunction *f = TLPBRIDGE_FUNCTION(d);

	tlpbridge_grants_stop(f);
	tlpbridge_sriov_remove(f);
	if (f->pf)
		tlpbridge_vf_gone(f);
}

/* Function 0 tells the endpoint of resets of all; what is left is the shadow. */
static void reset(DeviceState *dev)
{
	TLPBridgeFunction *f = TLPBRIDGE_FUNCTION(dev);

	pci_default_write_config(PCI_DEVICE(dev), PCI_COMMAND, 0, 2);	/* see tlpbridge-pci.c */
	tlpbridge_resize_reset(f);
	tlpbridge_sriov_remove(f);
}

static void finalize(Object *object)
{
	TLPBridgeFunction *f = TLPBRIDGE_FUNCTION(object);

	g_free(f->vf);
	if (f->bridge && f != &f->bridge->parent_obj)
		object_unref(OBJECT(f->bridge));
}

/* The endpoint's state is elsewhere: no migration, no snapshots. */
static const VMStateDescription vmstate = {
	.name = TYPE_TLPBRIDGE_FUNCTION,
	.unmigratable = 1,
};

static void class_init(ObjectClass *klass, TLPB_CLASS_DATA *data)
{
	DeviceClass *dc = DEVICE_CLASS(klass);
	PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);

	dc->desc = "a function of a tlpbridge";
	dc->vmsd = &vmstate;
	dc->user_creatable = false;
	device_class_set_legacy_reset(dc, reset);
	set_bit(DEVICE_CATEGORY_MISC, dc->categories);
	k->realize = realize;
	k->exit = unrealize;
	k->config_read = tlpbridge_config_read;
	k->config_write = tlpbridge_config_write;
}

void tlpbridge_function_register_type(void)
{
	static InterfaceInfo interfaces[] = { { INTERFACE_PCIE_DEVICE }, {} };
	static const TypeInfo type = {
		.name = TYPE_TLPBRIDGE_FUNCTION,
		.parent = TYPE_PCI_DEVICE,
		.instance_size = sizeof(TLPBridgeFunction),
		.instance_finalize = finalize,
		.class_init = class_init,
		.interfaces = interfaces,
	};

	type_register_static(&type);
}

/* ---- they come ---- */

TLPBridgeFunction *tlpbridge_function_new(TLPBridge *s, unsigned number)
{
	PCIDevice *d = pci_new(PCI_DEVICE(s)->devfn + number, TYPE_TLPBRIDGE_FUNCTION);
	TLPBridgeFunction *f = TLPBRIDGE_FUNCTION(d);

	object_ref(OBJECT(s));
	f->bridge = s;
	qdev_prop_set_bit(DEVICE(d), "multifunction", true);
	DEVICE(d)->hotplugged = false;
	return f;
}

bool tlpbridge_function_realize(TLPBridgeFunction *f, Object *parent, const char *name,
				Error **errp)
{
	PCIDevice *d = PCI_DEVICE(f);

	object_property_add_child(parent, name, OBJECT(f));
	if (pci_realize_and_unref(d, pci_get_bus(PCI_DEVICE(f->bridge)), errp))
		return true;
	object_unparent(OBJECT(f));
	return false;
}

static bool create(TLPBridge *s, const TLPBridgeFace *face, Error **errp)
{
	g_autofree char *name = g_strdup_printf("function[%u]", face->number);
	TLPBridgeFunction *f;

	if (PCI_DEVICE(s)->devfn + face->number >= PCI_DEVFN_MAX) {
		error_setg(errp, "no room for function %u of the device at %s: put it into slot 0, "
			   "for example behind a pcie-root-port", face->number, s->url);
		return false;
	}
	f = tlpbridge_function_new(s, face->number);
	f->face = face;
	f->region = face->region;
	f->bar[TLPB_ROM].hidden = face->rom_fault != NULL;
	return tlpbridge_function_realize(f, OBJECT(s), name, errp);
}

/* One that has others is known to QEMU by a bit of its own. */
static void allow_others(PCIDevice *d)
{
	d->cap_present |= QEMU_PCI_CAP_MULTIFUNCTION;
	d->config[PCI_HEADER_TYPE] |= PCI_HEADER_TYPE_MULTI_FUNCTION;
}

bool tlpbridge_functions_create(TLPBridge *s, Error **errp)
{
	if (s->faces > 1 || s->face->sriov.at)
		allow_others(PCI_DEVICE(s));
	for (unsigned i = 1; i < s->faces; i++)
		if (!create(s, &s->face[i], errp))
			return false;
	return true;
}

/* ---- those that are there ---- */

static TLPBridgeFunction *at(TLPBridge *s, unsigned devfn)
{
	PCIDevice *d = pci_get_bus(PCI_DEVICE(s))->devices[devfn];
	TLPBridgeFunction *f;

	if (!d || !object_dynamic_cast(OBJECT(d), TYPE_TLPBRIDGE_FUNCTION))
		return NULL;
	f = TLPBRIDGE_FUNCTION(d);
	return f->bridge == s ? f : NULL;
}

TLPBridgeFunction *tlpbridge_function_of(TLPBridge *s, uint16_t requester_id)
{
	unsigned devfn = requester_id & 0xff;

	return devfn == (unsigned)PCI_DEVICE(s)->devfn ? &s->parent_obj : at(s, devfn);
}

/*
 * INTx is of the link, and its pin is asserted while any function asserts it. A function that
 * must not has set Interrupt Disable, and QEMU obeys that for each.
 */
bool tlpbridge_functions_intx(TLPBridge *s, unsigned pin, bool level)
{
	bool found = false;

	for (unsigned devfn = 0; devfn < PCI_DEVFN_MAX; devfn++) {
		TLPBridgeFunction *f = at(s, devfn);

		if (!f || PCI_DEVICE(f)->config[PCI_INTERRUPT_PIN] != pin + 1)
			continue;
		pci_set_irq(PCI_DEVICE(f), level);
		found = true;
	}
	return found;
}

/* A device that was reset has no VFs, and its ROM may be another. */
void tlpbridge_functions_adopt(TLPBridge *s)
{
	for (unsigned i = 0; i < s->faces; i++) {
		const TLPBridgeFace *face = &s->face[i];
		TLPBridgeFunction *f = at(s, PCI_DEVICE(s)->devfn + face->number);

		if (face->rom_fault)
			warn_report("tlpbridge: the ROM of the device at %s is broken: %s; it is "
				    "hidden from the guest", s->url, face->rom_fault);
		if (!f)
			continue;	/* it will be created */
		tlpbridge_sriov_remove(f);
		tlpbridge_config_adopt(f, face->config);
		f->bar[TLPB_ROM].hidden = face->rom_fault != NULL;
	}
}

void tlpbridge_functions_each(TLPBridge *s, void (*visit)(TLPBridgeFunction *f))
{
	for (unsigned devfn = 0; devfn < PCI_DEVFN_MAX; devfn++) {
		TLPBridgeFunction *f = at(s, devfn);

		if (f)
			visit(f);
	}
}

void tlpbridge_functions_remove(TLPBridge *s)
{
	tlpbridge_sriov_remove(&s->parent_obj);
	for (unsigned i = 1; i < s->faces; i++) {
		TLPBridgeFunction *f = at(s, PCI_DEVICE(s)->devfn + s->face[i].number);

		if (f)
			object_unparent(OBJECT(f));
	}
}
