// SPDX-License-Identifier: MIT
#include "host_server.h"

#include <cstdio>
#include <stdexcept>
#include <tlpbridge/log.h>

namespace tlpb {

enum { settle_deltas = 1000 };

bool simulation_over()
{
	return sc_core::sc_get_status() & (sc_core::SC_STOPPED | sc_core::SC_END_OF_SIMULATION);
}

bool simulation_stops()
{
	return sc_core::sc_get_simulator_status() != sc_core::SC_SIM_OK;
}

static tlpb_server_config config_of(const std::string &url)
{
	tlpb_server_config config = {};

	config.url = url.c_str();
	return config;
}

host_server::host_server(const std::string &url) : host_server(config_of(url))
{
}

host_server::host_server(const tlpb_server_config &config)
{
	char why[512];
	int err = tlpb_server_open_with(&config, &server, why, sizeof why);

	if (err == TLPB_ERR_INVALID)
		throw std::invalid_argument(why);
	if (err)
		throw std::runtime_error(why);
}

host_server::~host_server()
{
	tlpb_server_close(server);
}

void host_server::add(tlpb_ep *ep)
{
	const tlpb_device *device = tlpb_ep_device(ep);
	int err = tlpb_server_add(server, ep);
	char ids[16];

	if (err)
		throw std::runtime_error(std::string(device->name) + ": " + tlpb_strerror(err));
	snprintf(ids, sizeof ids, " (%04x:%04x)", device->vendor_id, device->device_id);
	devices += std::string(", device ") + device->name + ids;
}

int host_server::wait(int timeout_ms)
{
	look now;

	return tlpb_server_wait(server, timeout_ms);
}

void host_server::announce()
{
	if (!announced)
		tlpb_log(TLPB_LOG_INFO, "listening at %s%s", url(), devices.c_str());
	announced = true;
}

void host_server::add(tlp_port &port)
{
	add(port.ep());
}

void host_server::add(pcie_endpoint &endpoint)
{
	add(endpoint.ep());
	endpoint.serve_by(pool, [this](int timeout_ms) { wait(timeout_ms); });
}

/*
 * Closing the links has ended all DMA. Requests whose processes see that end
 * too, and their stacks are unwound.
 */
void host_server::close(bool simulation_begun)
{
	tlpb_server_close(server);
	server = nullptr;
	for (int deltas = 0; deltas < settle_deltas && simulation_begun && !simulation_over(); deltas++)
		if (sc_core::sc_pending_activity_at_current_time())
			sc_core::sc_start(sc_core::SC_ZERO_TIME);
}

} // namespace tlpb
