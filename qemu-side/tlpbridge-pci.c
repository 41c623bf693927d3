/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device type: it comes, is reset, and goes.
 *
 *	realize		connect, read the description, register BARs, fill the shadow
 *	reset		tell the endpoint which kind of reset it is
 *	exit		close the link; also when QEMU ends without unrealizing
 */
#include "tlpbridge-qemu.h"

#include "qapi/error.h"
#include "qemu/error-report.h"

enum { START_TIMEOUT_MS = 10000, HOTPLUG_TIMEOUT_MS = 3000 };

char *tlpbridge_label(TLPBridge *s)
{
	const char *id = DEVICE(s)->id;

	return id ? g_strdup_printf("tlpbridge %s", id) : g_strdup("tlpbridge");
}

static void at_exit(Notifier *notifier, void *data)
{
	tlpbridge_link_at_exit(container_of(notifier, TLPBridge, at_exit));
}

static bool check_properties(TLPBridge *s, Error **errp)
{
	char why[TLPBRIDGE_WHY];

	if (!s->url || !*s->url) {
		error_setg(errp, "url= is missing: say where the device is served, "
			   "for example url=ipc:///run/user/1000/device.sock");
		return false;
	}
	if (PCI_FUNC(PCI_DEVICE(s)->devfn)) {
		error_setg(errp, "it is function 0 of its slot and brings the others, so addr= ends in .0");
		return false;
	}
	if (PCI_DEVICE(s)->romfile) {
		error_setg(errp, "romfile= has no effect: the ROM is the served device's own");
		return false;
	}
	if (s->credits_text &&
	    tlpb_pools_parse(s->credits_text, &s->credits, why, sizeof(why))) {
		error_setg(errp, "credits=: %s", why);
		return false;
	}
	return true;
}

/* A running guest stands still while it is given a device. */
static uint32_t default_connect_timeout(PCIDevice *d)
{
	return DEVICE(d)->hotplugged ? HOTPLUG_TIMEOUT_MS : START_TIMEOUT_MS;
}

static void realize(PCIDevice *d, Error **errp)
{
	TLPBridge *s = TLPBRIDGE(d);
	bool opened;

	s->parent_obj.bridge = s;
	if (!check_properties(s, errp) || !tlpbridge_clock_check(s, errp))
		return;
	if (!s->connect_timeout_ms)
		s->connect_timeout_ms = default_connect_timeout(d);
	tlpbridge_enter(s);
	opened = tlpbridge_link_open(s, errp);
	tlpbridge_leave(s);
	if (!opened)
		return;
	tlpbridge_bars_init(&s->parent_obj);
	if (!tlpbridge_functions_create(s, errp)) {
		tlpbridge_functions_remove(s);
		tlpbridge_link_close(s);
		return;
	}
	tlpbridge_grants_start(&s->parent_obj);
	tlpbridge_slot_init(s);
	s->at_exit.notify = at_exit;
	qemu_add_exit_notifier(&s->at_exit);
	tlpbridge_link_serve(s);
}

/* PCIDeviceClass.exit: hot-unplug, or another part of realize failed. */
static void unrealize(PCIDevice *d)
{
	TLPBridge *s = TLPBRIDGE(d);

	qemu_remove_exit_notifier(&s->at_exit);
	tlpbridge_grants_stop(&s->parent_obj);
	tlpbridge_functions_remove(s);
	tlpbridge_slot_free(s);
	tlpbridge_link_close(s);
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
	tlpbridge_resize_reset(&s->parent_obj);
	tlpbridge_sriov_remove(&s->parent_obj);
	if (s->parent_obj.in_flr)
		return;		/* the endpoint did it, told by its Device Control */
	tlpbridge_slot_reset(s, reset_kind(d));
	rc = tlpbridge_enter(s);
	if (rc && !tlpb_rc_reset(rc, reset_kind(d)))
		tlpb_rc_config_read(rc, pci_get_bdf(d), PCI_VENDOR_ID, 4, &ignored);
	tlpbridge_leave(s);
}

static const char *const on_link_down_words[] = {
	[TLPBRIDGE_REMOVE] = "remove", [TLPBRIDGE_ONES] = "ones",
};
static const char *const clock_words[] = {
	[TLPBRIDGE_CLOCK_FREE] = "free", [TLPBRIDGE_CLOCK_HOLD] = "hold",
};
static const char *const check_words[] = {
	[TLPBRIDGE_CHECK_OFF] = "off", [TLPBRIDGE_CHECK_REPORT] = "report",
	[TLPBRIDGE_CHECK_FATAL] = "fatal",
};
static const char *const transport_words[] = {	/* as tlpb_transport_parse() has them */
	[TLPBRIDGE_TRANSPORT_AUTO] = "auto", [TLPBRIDGE_TRANSPORT_NNG] = "nng",
	[TLPBRIDGE_TRANSPORT_SHM] = "shm",
};
static const QEnumLookup transport_lookup = {
	.array = transport_words, .size = ARRAY_SIZE(transport_words),
};
static const QEnumLookup check_lookup = {
	.array = check_words, .size = ARRAY_SIZE(check_words),
};
static const QEnumLookup on_link_down_lookup = {
	.array = on_link_down_words, .size = ARRAY_SIZE(on_link_down_words),
};
static const QEnumLookup clock_lookup = {
	.array = clock_words, .size = ARRAY_SIZE(clock_words),
};
/* Filled by class_init(). */
static PropertyInfo on_link_down_property, clock_property, check_property, transport_property;

static TLPB_PROPERTIES properties[] = {
	DEFINE_PROP_STRING("url", TLPBridge, url),
	DEFINE_PROP_STRING("tls-ca", TLPBridge, tls_ca),
	DEFINE_PROP_STRING("tls-cert", TLPBridge, tls_cert),
	DEFINE_PROP_STRING("tls-key", TLPBridge, tls_key),
	DEFINE_PROP_STRING("tls-server-name", TLPBridge, tls_server_name),
	DEFINE_PROP_BOOL("plaintext", TLPBridge, plaintext, false),
	DEFINE_PROP_SIGNED("transport", TLPBridge, transport, TLPBRIDGE_TRANSPORT_AUTO,
			   transport_property, TLPBridgeTransport),
	DEFINE_PROP_BOOL("no-spin", TLPBridge, no_spin, false),
	DEFINE_PROP_STRING("device", TLPBridge, device),
	DEFINE_PROP_STRING("trace", TLPBridge, trace_path),
	DEFINE_PROP_UINT32("connect-timeout", TLPBridge, connect_timeout_ms, 0),
	DEFINE_PROP_UINT32("reconnect", TLPBridge, reconnect_s, 1),
	DEFINE_PROP_SIGNED("on-link-down", TLPBridge, on_link_down, TLPBRIDGE_REMOVE,
			   on_link_down_property, TLPBridgeOnLinkDown),
	DEFINE_PROP_SIGNED("clock", TLPBridge, clock, TLPBRIDGE_CLOCK_FREE,
			   clock_property, TLPBridgeClock),
	DEFINE_PROP_BOOL("plain-pcie", TLPBridge, plain_pcie, false),
	DEFINE_PROP_UINT32("completion-timeout", TLPBridge, completion_timeout_ms, 0),
	DEFINE_PROP_STRING("credits", TLPBridge, credits_text),
	DEFINE_PROP_UINT64("stress-ordering", TLPBridge, order_seed, 0),
	DEFINE_PROP_SIGNED("check", TLPBridge, check, TLPBRIDGE_CHECK_OFF,
			   check_property, TLPBridgeCheck),
	DEFINE_PROP_BOOL("ecrc", TLPBridge, ecrc, false),
	DEFINE_PROP_ON_OFF_AUTO("direct-dma", TLPBridge, direct_dma, ON_OFF_AUTO_AUTO),
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
		{ "transport", "auto: shared memory where that is possible, else the URL's own; nng: "
			       "that alone; shm: shared memory, or no link" },
		{ "no-spin", "never look for an answer before sleeping: slower, but no CPU is used "
			     "for it" },
		{ "device", "name of the device at that server (default: the first free one)" },
		{ "trace", "pcap file for everything that crosses the link" },
		{ "connect-timeout", "milliseconds to wait for a server to appear; 0: 10000, or "
				     "3000 in a running machine" },
		{ "reconnect", "look for a lost server every so many seconds; 0: never" },
		{ "on-link-down", "remove: the slot becomes empty; ones: the device stays and "
				  "reads all ones" },
		{ "clock", "hold: guest time stands still in long waits; free: it goes on" },
		{ "plain-pcie", "failed posted writes are told to nobody, as on a real link" },
		{ "completion-timeout", "milliseconds until a read without an answer gives all ones; "
					"0: none" },
		{ "credits", "how much the device may send before it waits, for example PH=1,PD=8; "
			     "of PH, PD, NPH, NPD, CPLH, CPLD a number or 'infinite'" },
		{ "stress-ordering", "send TLPs in any order that the ordering rules allow: a seed; "
				     "0: in the order in which they were made" },
		{ "inject", "rules of error injection at this end, separated by ';'; may be set "
			    "while the machine runs" },
		{ "check", "report: tell of every TLP that breaks a rule; fatal: and take the link down" },
		{ "ecrc", "send a digest (ECRC) with every TLP, and drop those that come with a "
			  "wrong one" },
		{ "direct-dma", "on: the device may use shared guest RAM without TLPs; off: it may "
				"not; auto: on without trace=" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++)
		object_class_property_set_description(klass, texts[i].name, texts[i].text);
}

static void finalize(Object *object)
{
	TLPBridge *s = TLPBRIDGE(object);

	g_free(s->face);
	tlpbridge_inject_free(s);
}

static void class_init(ObjectClass *klass, TLPB_CLASS_DATA *data)
{
	DeviceClass *dc = DEVICE_CLASS(klass);
	PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);

	dc->desc = "PCI Express device served by another process over tlpbridge";
	dc->user_creatable = true;
	on_link_down_property = tlpb_words_property("remove/ones", &on_link_down_lookup);
	check_property = tlpb_words_property("off/report/fatal", &check_lookup);
	transport_property = tlpb_words_property("auto/nng/shm", &transport_lookup);
	clock_property = tlpb_words_property("free/hold", &clock_lookup);
	device_class_set_props(dc, properties);
	tlpbridge_inject_add_property(klass);
	describe_properties(klass);
	device_class_set_legacy_reset(dc, reset);
	k->realize = realize;
	k->exit = unrealize;
}

void tlpbridge_register_type(void)
{
	static const TypeInfo type = {
		.name = TYPE_TLPBRIDGE,
		.parent = TYPE_TLPBRIDGE_FUNCTION,
		.instance_size = sizeof(TLPBridge),
		.instance_finalize = finalize,
		.class_init = class_init,
	};

	type_register_static(&type);
}
