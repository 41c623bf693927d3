/* SPDX-License-Identifier: MIT */
/* Which door leads to a URL. */
#include "door.h"

int tlpb__door_open(struct url *url, const struct transport_security *security,
		    struct door **door, char *why, size_t size)
{
	int err = tlpb__url_check_exposure(url, security && security->plaintext, why, size);

	if (err)
		return err;
	switch (url->kind) {
	case URL_TLS:
		return tlpb__door_tls_open(url, security, door, why, size);
	case URL_INPROC:
		return tlpb__door_inproc_open(url, door, why, size);
	default:
		return tlpb__door_socket_open(url, door, why, size);
	}
}

int tlpb__door_dial(const struct url *url, const struct transport_security *security,
		    const struct door_waiter *waiter, int *fd, char *why, size_t size)
{
	int err = tlpb__url_check_exposure(url, security && security->plaintext, why, size);

	if (err)
		return err;
	if (url->kind == URL_INPROC)
		return tlpb__door_inproc_dial(url, fd);
	return tlpb__door_socket_dial(url, waiter, fd, why, size);
}
