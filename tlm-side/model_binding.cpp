// SPDX-License-Identifier: MIT
#include "model_binding.h"

#include <stdexcept>
#include <string>

namespace tlpb {

static void bind_vfs(endpoint_function &function, kit::pcie_function &model)
{
	const std::vector<kit::pcie_function *> &vfs = model.virtual_functions();

	if (vfs.size() != function.vfs())
		throw std::invalid_argument(model.description().name + ": the description says " +
					    std::to_string(function.vfs()) + " virtual functions, the model has " +
					    std::to_string(vfs.size()));
	for (unsigned i = 0; i < vfs.size(); i++)
		bind_model(function.vf(i), *vfs[i]);
}

void bind_model(endpoint_function &function, kit::pcie_function &model)
{
	for (unsigned i = 0; i < kit::bars; i++)
		if (model.description().bar_table[i].kind != kit::bar_kind::none)
			function.bar[i].bind(model.bar_socket(i));
	model.dma.bind(function.dma);
	model.irq.bind(function.irq);
	model.messages.bind(function.messages);
	function.receiver.bind(model);
	function.reset.bind(model);
	function.vf_enable.bind(model);
	bind_vfs(function, model);
}

further_functions bind_device(pcie_endpoint &endpoint, kit::pcie_function &model)
{
	further_functions made;

	bind_model(endpoint, model);
	for (const kit::pcie_function::numbered &each : model.further_functions()) {
		std::string name = "function_" + std::to_string(each.number);

		made.push_back(std::make_unique<endpoint_function>(name.c_str(), endpoint, each.number,
								   each.function->description()));
		bind_model(*made.back(), *each.function);
	}
	return made;
}

} // namespace tlpb
