/* SPDX-License-Identifier: MIT */
/*
 * A host in plain C, without QEMU: finds a device and reads the first register of BAR0.
 *
 *	cc -o read-register read_register.c $(pkg-config --cflags --libs tlpbridge)
 *	./read-register ipc:///run/regs.sock
 */
#include <stdio.h>
#include <tlpbridge/rc.h>

enum { BDF = 0x0100 };	/* 01:00.0 */

static int read_register(tlpb_rc *rc)
{
	const struct tlpb_rc_windows windows = { BDF, 0xe0000000, 0x800000000, 0xc000 };
	struct tlpb_rc_bar bars[TLPB_BARS];
	uint32_t id, value;
	int err;

	if ((err = tlpb_rc_config_read(rc, BDF, 0, 4, &id)) ||
	    (err = tlpb_rc_enumerate(rc, &windows, bars)) ||
	    (err = tlpb_rc_mem_read(rc, bars[0].addr, &value, sizeof value))) {
		fprintf(stderr, "read-register: %s\n", tlpb_strerror(err));
		return 1;
	}
	printf("device %04x:%04x, BAR0 of %llu bytes begins with 0x%08x\n", id & 0xffff, id >> 16,
	       (unsigned long long)bars[0].size, value);
	return 0;
}

int main(int argc, char **argv)
{
	struct tlpb_rc_config config = { .url = argc > 1 ? argv[1] : "ipc:///run/regs.sock" };
	char why[256];
	tlpb_rc *rc;
	int status;

	if (tlpb_rc_connect(&config, &rc, why, sizeof why)) {
		fprintf(stderr, "read-register: %s\n", why);
		return 1;
	}
	status = read_register(rc);
	tlpb_rc_close(rc);
	return status;
}
