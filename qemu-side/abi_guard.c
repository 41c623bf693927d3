/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plugin uses QEMU's internal structures as if it were compiled with it. Their
 * layout changes even inside a stable series, so what was compiled in is compared
 * with the running binary before anything of it is used.
 */
#include "tlpbridge-qemu.h"

#include "qapi/error.h"
#include "qapi/qapi-commands-control.h"
#include "qemu/error-report.h"
#include "qom/object.h"

/* The test that sees the guard refuse builds with a wrong size. */
#ifndef TLPB_ABI_PCI_DEVICE_SIZE
#define TLPB_ABI_PCI_DEVICE_SIZE sizeof(PCIDevice)
#endif

static bool version_fits(void)
{
	VersionInfo *running = qmp_query_version(&error_abort);
	const VersionTriple *v = running->qemu;
	bool fits = v->major == QEMU_VERSION_MAJOR && v->minor == QEMU_VERSION_MINOR &&
		    v->micro == QEMU_VERSION_MICRO;

	if (!fits)
		error_report("tlpbridge: the plugin was built for QEMU %d.%d.%d, "
			     "this is %" PRId64 ".%" PRId64 ".%" PRId64,
			     QEMU_VERSION_MAJOR, QEMU_VERSION_MINOR, QEMU_VERSION_MICRO,
			     v->major, v->minor, v->micro);
	qapi_free_VersionInfo(running);
	return fits;
}

static bool sizes_fit(void)
{
	static const struct {
		const char *type;
		size_t built_for;
	} sizes[] = {
		{ TYPE_OBJECT, sizeof(Object) },
		{ TYPE_DEVICE, sizeof(DeviceState) },
		{ TYPE_PCI_DEVICE, TLPB_ABI_PCI_DEVICE_SIZE },
		{ TYPE_MEMORY_REGION, sizeof(MemoryRegion) },
	};
	bool fit = true;

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t running = object_type_get_instance_size(sizes[i].type);

		if (running == sizes[i].built_for)
			continue;
		error_report("tlpbridge: the plugin was built for a %s of %zu bytes, "
			     "this QEMU's has %zu", sizes[i].type, sizes[i].built_for, running);
		fit = false;
	}
	return fit;
}

/* A stock device whose constants are known shows whether class members are where we look. */
static bool class_fits(void)
{
	ObjectClass *oc = object_class_by_name("edu");
	const PCIDeviceClass *k = (const PCIDeviceClass *)oc;

	if (!oc)
		return true;	/* not every target has it */
	if (k->vendor_id == 0x1234 && k->device_id == 0x11e8 && k->revision == 0x10 &&
	    k->class_id == 0x00ff && k->realize && k->exit)
		return true;
	error_report("tlpbridge: PCIDeviceClass of this QEMU differs from the plugin's");
	return false;
}

bool tlpbridge_abi_fits(void)
{
	if (version_fits() && sizes_fit() && class_fits())
		return true;
	error_printf("Rebuild tlpbridge-qemu.so against the headers of this QEMU: run "
		     "script/setup, then cmake and make again.\n");
	return false;
}
