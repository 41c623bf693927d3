/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a URL to a device that can be shown to a guest. Runs under the BQL when the
 * device is created, and in a thread without it when a lost device is looked for; it
 * uses only what is constant after realize, and the bus number of the moment.
 */
#include "tlpbridge-qemu.h"

static int connect_link(TLPBridge *s, unsigned timeout_ms, tlpb_rc **rc, char *why, size_t size)
{
	struct tlpb_rc_config config = {
		.url = s->url,
		.tls_ca = s->tls_ca,
		.tls_cert = s->tls_cert,
		.tls_key = s->tls_key,
		.tls_server_name = s->tls_server_name,
		.plaintext = s->plaintext,
		.transport = (enum tlpb_transport)s->transport,
		.no_spin = s->no_spin,
		.device = s->device,
		.name = qemu_get_vm_name(),
		.connect_timeout_ms = timeout_ms,
		.mps = 0,	/* 128: QEMU's ports support no more, so software programs no more */
		.plain_pcie = s->plain_pcie,
		.completion_timeout_ms = s->completion_timeout_ms,
		.credits = s->credits,
		.order_seed = s->order_seed,
		.inject = s->inject,
		.check = (enum tlpb_check)s->check,
		.ecrc = s->ecrc,
		.grants = tlpbridge_grants_wanted(s),
		.gather_writes = true,	/* the main loop watches the descriptor */
		.trace = s->link.trace,
		.ops = &tlpbridge_rc_ops,
		.ctx = s,
	};

	return tlpb_rc_connect(&config, rc, why, size);
}

static void prefix(char *why, size_t size, const char *url, const char *verb)
{
	g_autofree char *reason = g_strdup(why);

	snprintf(why, size, "the device at %s %s: %s", url, verb, reason);
}

/* Everything that is asked of a device which has just said HELLO. */
static int get_to_know(TLPBridge *s, TLPBridgeArrival *arrival, char *why, size_t size)
{
	int err;

	/* QEMU asserts what a description from elsewhere only promises. */
	err = tlpb_device_check(tlpb_rc_device(arrival->rc), why, size);
	if (err) {
		prefix(why, size, s->url, "describes itself wrongly");
		return err;
	}
	/* Wipe what an earlier host may have left in the device. */
	tlpb_rc_reset(arrival->rc, TLPB_RESET_SYSTEM);
	err = tlpbridge_discover(s, arrival, why, size);
	if (!tlpb_rc_is_up(arrival->rc)) {
		snprintf(why, size, "the device at %s did not answer within connect-timeout "
			 "(%u ms)", s->url, s->connect_timeout_ms);
		return TLPB_ERR_TIMEDOUT;
	}
	if (err)
		prefix(why, size, s->url, "cannot be bridged");
	return err;
}

void tlpbridge_arrival_close(TLPBridgeArrival *arrival)
{
	tlpb_rc_close(arrival->rc);
	g_free(arrival->face);
	*arrival = (TLPBridgeArrival){ 0 };
}

int tlpbridge_arrive(TLPBridge *s, unsigned timeout_ms, TLPBridgeArrival *arrival,
		     char *why, size_t size)
{
	int err;

	memset(arrival, 0, sizeof(*arrival));
	err = connect_link(s, timeout_ms, &arrival->rc, why, size);
	if (err) {
		arrival->rc = NULL;
		return err;
	}
	s->arrival_end_ms = qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + s->connect_timeout_ms;
	err = get_to_know(s, arrival, why, size);
	s->arrival_end_ms = 0;
	if (err)
		tlpbridge_arrival_close(arrival);
	return err;
}
