// SPDX-License-Identifier: MIT
#include "pcie_endpoint.h"

namespace tlpb {

pcie_endpoint::pcie_endpoint(sc_core::sc_module_name name, const kit::function_description &function,
			     tlpb_trace *trace, const link_settings &settings)
	: pcie_endpoint(name, to_device(function), trace, function.register_list,
			own_capabilities(function), settings)
{
}

pcie_endpoint::pcie_endpoint(sc_core::sc_module_name name, const tlpb_device &device,
			     tlpb_trace *trace,
			     const std::vector<kit::register_description> &registers,
			     const link_settings &settings)
	: pcie_endpoint(name, device, trace, registers, own_capabilities(), settings)
{
}

// The library's endpoint is made before the module: a description that is refused leaves none behind.
pcie_endpoint::pcie_endpoint(sc_core::sc_module_name name, const tlpb_device &device,
			     tlpb_trace *trace,
			     const std::vector<kit::register_description> &registers,
			     const own_capabilities &capabilities, const link_settings &settings)
	: endpoint_function(name, std::make_shared<endpoint_core>(device, trace, registers, capabilities,
								  settings), 0, device)
{
	core->name = this->name();
	core->connected = [this](const std::string &host) {
		if (on_connected)
			on_connected(host);
	};
	core->disconnected = [this](const std::string &why) {
		if (on_disconnected)
			on_disconnected(why);
	};
}

pcie_endpoint::~pcie_endpoint()
{
	core->close();
}

} // namespace tlpb
