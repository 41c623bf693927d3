/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads the device type into an unmodified QEMU:
 *
 *	qemu-system-x86_64 -plugin tlpbridge-qemu.so … -device tlpbridge,url=…
 *
 * QEMU loads plugins after its own types are registered and before it creates
 * devices, so a type registered here is as good as a built-in one. No TCG callback
 * is registered: guest code runs as fast as without the plugin.
 */
#include "tlpbridge-qemu.h"

#include "qemu/error-report.h"
#include "qemu/qemu-plugin.h"

#include <tlpbridge/log.h>

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

static void log_to_qemu(enum tlpb_log_level level, const char *line)
{
	switch (level) {
	case TLPB_LOG_ERROR:
		error_report("tlpbridge: %s", line);
		break;
	case TLPB_LOG_WARNING:
		warn_report("tlpbridge: %s", line);
		break;
	case TLPB_LOG_INFO:
		info_report("tlpbridge: %s", line);
		break;
	}
}

/* Called by QEMU once, in the main thread, before any device exists. */
QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info,
					   int argc, char **argv)
{
	if (!info->system_emulation) {
		error_report("tlpbridge: a device needs QEMU's system emulation");
		return 1;
	}
	if (!tlpbridge_abi_fits())
		return 1;
	if (argc > 0) {
		error_report("tlpbridge: the plugin takes no argument (%s); "
			     "options go to -device tlpbridge,…", argv[0]);
		return 1;
	}
	tlpb_log_set_sink(log_to_qemu);
	tlpbridge_function_register_type();
	tlpbridge_register_type();
	tlpbridge_slots_patch();
	return 0;
}
