/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device type: it comes, is reset, and goes.
 *
 *	realize		connect, read the description, register BARs, fill the shadow
 *	reset		tell the endpoint which kind of reset it is
 *	exit		close the link; also when QEMU ends without unrealizing
 */
#include "tlpbridge-qemu.h"

#include "block/aio.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"

#define DEFAULT_CONNECT_TIMEOUT_MS 10000

char *tlpbridge_label(TLPBridge *s)
{
	const char *id = DEVICE(s)->id;

	return id ? g_strdup_printf("tlpbridge %s", id) : g_strdup("tlpbridge");
}

tlpb_rc *tlpbridge_enter(TLPBridge *s)
{
	s->depth++;
	return s->link.rc;
}

void tlpbridge_leave(TLPBridge *s)
{
	s->depth--;
}

static void close_link(TLPBridgeLink *link)
{
	tlpb_rc_close(link->rc);
	tlpb_trace_close(link->trace);
	*link = (TLPBridgeLink){ NULL, NULL };
}

static void serve_link(void *opaque)
{
	TLPBridge *s = opaque;
	tlpb_rc *rc = tlpbridge_enter(s);

	if (rc)
		tlpb_rc_process(rc);
	tlpbridge_leave(s);
}

/*
 * QEMU ends without unrealizing its devices. A guest can make it end inside one of
 * our callbacks (isa-debug-exit); rc must not be closed there, and the process
 * closes the connection anyway.
 */
static void at_exit(Notifier *notifier, void *data)
{
	TLPBridge *s = container_of(notifier, TLPBridge, at_exit);

	if (!s->depth)
		close_link(&s->link);
	else if (s->link.trace)
		tlpb_trace_flush(s->link.trace);
}

static bool connect_link(TLPBridge *s, Error **errp)
{
	struct tlpb_rc_config config = {
		.url = s->url,
		.tls_ca = s->tls_ca,
		.tls_cert = s->tls_cert,
		.tls_key = s->tls_key,
		.tls_server_name = s->tls_server_name,
		.plaintext = s->plaintext,
		.device = s->device,
		.name = qemu_get_vm_name(),
		.connect_timeout_ms = s->connect_timeout_ms,
		.mps = 0,	/* 128: QEMU's ports support no more, so software programs no more */
		.plain_pcie = s->plain_pcie,
		.ops = &tlpbridge_rc_ops,
		.ctx = s,
	};
	char why[512];

	if (s->trace_path && tlpb_trace_create(s->trace_path, &s->link.trace, why, sizeof(why))) {
		error_setg(errp, "trace=%s: %s", s->trace_path, why);
		return false;
	}
	config.trace = s->link.trace;
	if (tlpb_rc_connect(&config, &s->link.rc, why, sizeof(why))) {
		s->link.rc = NULL;
		error_setg(errp, "%s", why);
		return false;
	}
	s->fd = tlpb_rc_fd(s->link.rc);
	return true;
}

/* QEMU asserts what a description from elsewhere only promises. */
static bool check_description(TLPBridge *s, Error **errp)
{
	char why[256];

	if (!tlpb_device_check(tlpb_rc_device(s->link.rc), why, sizeof(why)))
		return true;
	error_setg(errp, "the device at %s describes itself wrongly: %s", s->url, why);
	return false;
}

static bool check_properties(TLPBridge *s, Error **errp)
{
	if (!s->url || !*s->url) {
		error_setg(errp, "url= is missing: say where the device is served, "
			   "for example url=ipc:///run/user/1000/device.sock");
		return false;
	}
	if (PCI_DEVICE(s)->romfile) {
		error_setg(errp, "romfile= has no effect: the ROM is the served device's own");
		return false;
	}
	return true;
}

static bool open_device(TLPBridge *s, Error **errp)
{
	if (!connect_link(s, errp) || !check_description(s, errp))
		return false;
	s->realize_end_ms = qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + s->connect_timeout_ms;
	/* Wipe what an earlier host may have left in the device. */
	tlpb_rc_reset(s->link.rc, TLPB_RESET_SYSTEM);
	if (!tlpbridge_config_init(s, errp))
		return false;
	tlpbridge_rom_check(s);
	if (tlpb_rc_is_up(s->link.rc))
		return true;
	error_setg(errp, "the device at %s did not answer within connect-timeout (%u ms)",
		   s->url, s->connect_timeout_ms);
	return false;
}

static void realize(PCIDevice *d, Error **errp)
{
	TLPBridge *s = TLPBRIDGE(d);
	bool opened;

	if (!check_properties(s, errp))
		return;
	s->depth++;
	opened = open_device(s, errp);
	s->realize_end_ms = 0;
	s->depth--;
	if (!opened) {
		close_link(&s->link);
		return;
	}
	tlpbridge_bars_init(s);
	s->at_exit.notify = at_exit;
	qemu_add_exit_notifier(&s->at_exit);
	if (tlpb_rc_is_up(s->link.rc))
		qemu_set_fd_handler(s->fd, serve_link, NULL, s);
}

static void close_later(void *opaque)
{
	TLPBridge *s = opaque;

	close_link(&s->closing);
	object_unref(OBJECT(s));
}

/* PCIDeviceClass.exit: hot-unplug, or another part of realize failed. */
static void unrealize(PCIDevice *d)
{
	TLPBridge *s = TLPBRIDGE(d);

	qemu_remove_exit_notifier(&s->at_exit);
	if (tlpb_rc_is_up(s->link.rc))
		qemu_set_fd_handler(s->fd, NULL, NULL, NULL);
	s->closing = s->link;
	s->link = (TLPBridgeLink){ NULL, NULL };
	if (!s->depth) {
		close_link(&s->closing);
		return;
	}
	object_ref(OBJECT(s));
	aio_bh_schedule_oneshot(qemu_get_aio_context(), close_later, s);
}

/* Is a bridge above us in a secondary bus reset? */
static bool in_bus_reset(PCIDevice *d)
{
	PCIDevice *bridge = pci_bridge_get_device(pci_get_bus(d));

	for (; bridge; bridge = pci_bridge_get_device(pci_get_bus(bridge)))
		if (pci_get_word(bridge->config + PCI_BRIDGE_CONTROL) & PCI_BRIDGE_CTL_BUS_RESET)
			return true;
	return false;
}

static enum tlpb_reset reset_kind(PCIDevice *d)
{
	if (!d->has_power)
		return TLPB_RESET_POWER;
	return in_bus_reset(d) ? TLPB_RESET_HOT : TLPB_RESET_SYSTEM;
}

/*
 * The one callback of all resets; QEMU clears BARs and INTx in the shadow after it.
 *
 * The read after the reset fetches what the endpoint sent before: its completion
 * cannot pass an interrupt message or a DMA write that is still under way, and these
 * must not reach a guest that has reset the device.
 */
static void reset(DeviceState *dev)
{
	PCIDevice *d = PCI_DEVICE(dev);
	TLPBridge *s = TLPBRIDGE(dev);
	uint32_t ignored;
	tlpb_rc *rc;

	/* 7.2 clears Command but leaves the bus-master region enabled. */
	pci_default_write_config(d, PCI_COMMAND, 0, 2);
	if (s->in_flr)
		return;		/* the endpoint did it, told by its Device Control */
	rc = tlpbridge_enter(s);
	if (rc && !tlpb_rc_reset(rc, reset_kind(d)))
		tlpb_rc_config_read(rc, pci_get_bdf(d), PCI_VENDOR_ID, 4, &ignored);
	tlpbridge_leave(s);
}

static TLPB_PROPERTIES properties[] = {
	DEFINE_PROP_STRING("url", TLPBridge, url),
	DEFINE_PROP_STRING("tls-ca", TLPBridge, tls_ca),
	DEFINE_PROP_STRING("tls-cert", TLPBridge, tls_cert),
	DEFINE_PROP_STRING("tls-key", TLPBridge, tls_key),
	DEFINE_PROP_STRING("tls-server-name", TLPBridge, tls_server_name),
	DEFINE_PROP_BOOL("plaintext", TLPBridge, plaintext, false),
	DEFINE_PROP_STRING("device", TLPBridge, device),
	DEFINE_PROP_STRING("trace", TLPBridge, trace_path),
	DEFINE_PROP_UINT32("connect-timeout", TLPBridge, connect_timeout_ms,
			   DEFAULT_CONNECT_TIMEOUT_MS),
	DEFINE_PROP_BOOL("plain-pcie", TLPBridge, plain_pcie, false),
	TLPB_END_OF_PROPERTIES
};

/* "-device tlpbridge,help" is too early for a plugin; QMP's device-list-properties shows these. */
static void describe_properties(ObjectClass *klass)
{
	static const struct {
		const char *name, *text;
	} texts[] = {
		{ "url", "where the device is served, for example ipc:///run/user/1000/x.sock" },
		{ "tls-ca", "for tls+tcp: PEM file of who may have signed the server's certificate" },
		{ "tls-cert", "for tls+tcp: PEM file of this host's certificate" },
		{ "tls-key", "for tls+tcp: PEM file of its key" },
		{ "tls-server-name", "name in the server's certificate (default: the URL's host)" },
		{ "plaintext", "allow plain tcp beyond loopback" },
		{ "device", "name of the device at that server (default: the first free one)" },
		{ "trace", "pcap file for everything that crosses the link" },
		{ "connect-timeout", "milliseconds to wait for a server to appear" },
		{ "plain-pcie", "failed posted writes are told to nobody, as on a real link" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++)
		object_class_property_set_description(klass, texts[i].name, texts[i].text);
}

/* The endpoint's state is elsewhere: no migration, no snapshots. */
static const VMStateDescription vmstate = {
	.name = TYPE_TLPBRIDGE,
	.unmigratable = 1,
};

static void class_init(ObjectClass *klass, TLPB_CLASS_DATA *data)
{
	DeviceClass *dc = DEVICE_CLASS(klass);
	PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);

	dc->desc = "PCI Express device served by another process over tlpbridge";
	dc->vmsd = &vmstate;
	device_class_set_props(dc, properties);
	describe_properties(klass);
	device_class_set_legacy_reset(dc, reset);
	set_bit(DEVICE_CATEGORY_MISC, dc->categories);
	k->realize = realize;
	k->exit = unrealize;
	k->config_read = tlpbridge_config_read;
	k->config_write = tlpbridge_config_write;
}

void tlpbridge_register_type(void)
{
	static InterfaceInfo interfaces[] = { { INTERFACE_PCIE_DEVICE }, {} };
	static const TypeInfo type = {
		.name = TYPE_TLPBRIDGE,
		.parent = TYPE_PCI_DEVICE,
		.instance_size = sizeof(TLPBridge),
		.class_init = class_init,
		.interfaces = interfaces,
	};

	type_register_static(&type);
}
