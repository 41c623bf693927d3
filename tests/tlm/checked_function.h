// SPDX-License-Identifier: MIT
/* A function of an endpoint with a checker on the way to whatever is bound to it. */
#ifndef TESTS_TLM_CHECKED_FUNCTION_H
#define TESTS_TLM_CHECKED_FUNCTION_H

#include <string>

#include "interrupt_checker.h"
#include "kit/pcie_function.h"
#include "pcie_endpoint.h"
#include "protocol_checker.h"

struct checked_function {
	tlpb::endpoint_function &function;
	sc_core::sc_vector<protocol_checker> bar;
	protocol_checker rom, dma;
	interrupt_checker irq;

	explicit checked_function(tlpb::endpoint_function &its_function)
		: function(its_function), bar(named("bar").c_str(), kit::bars), rom(named("rom").c_str()),
		  dma(named("dma").c_str()), irq(named("irq").c_str())
	{
		irq.out.bind(function.irq);
	}

	void bind_bar(unsigned i, tlm::tlm_target_socket<> &socket)
	{
		function.bar[i].bind(bar[i].target);
		bar[i].initiator.bind(socket);
	}

	// As tlpb::bind_model() does, without the model's virtual functions.
	void bind(kit::pcie_function &model)
	{
		for (unsigned i = 0; i < kit::bars; i++)
			if (model.description().bar_table[i].kind != kit::bar_kind::none)
				bind_bar(i, model.bar_socket(i));
		model.dma.bind(dma.target);
		dma.initiator.bind(function.dma);
		model.irq.bind(irq);
		model.messages.bind(function.messages);
		function.receiver.bind(model);
		function.reset.bind(model);
		function.vf_enable.bind(model);
	}

	bool idle() const
	{
		bool all = rom.idle() && dma.idle();

		for (const protocol_checker &each : bar)
			all = all && each.idle();
		return all;
	}

private:
	std::string named(const char *part) const
	{
		std::string name = std::string(function.name()) + "_" + part;

		for (char &c : name)
			if (c == '.')
				c = '_';	// which would begin a name below another
		return name;
	}
};

struct checked_endpoint {
	tlpb::pcie_endpoint endpoint;
	checked_function sockets{ endpoint };

	checked_endpoint(const std::string &name, const kit::function_description &function)
		: endpoint(name.c_str(), function) {}
};

#endif
