/* SPDX-License-Identifier: MIT */
/* Which transport carries a private link. */
#include "transport.h"
#include "url.h"

int tlpb__transport_listen(struct url *url, const struct transport_security *security,
			   struct transport **t, char *why, size_t size)
{
	return url->kind == URL_TLS ? tlpb__transport_tls_listen(url, security, t, why, size)
				    : tlpb__transport_socket_listen(url, security, t, why, size);
}

int tlpb__transport_dial(const struct url *url, const struct transport_security *security,
			 struct transport **t, char *why, size_t size)
{
	return url->kind == URL_TLS ? tlpb__transport_tls_dial(url, security, t, why, size)
				    : tlpb__transport_socket_dial(url, security, t, why, size);
}
