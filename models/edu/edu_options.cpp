// SPDX-License-Identifier: MIT
#include "edu_options.h"

#include <functional>
#include <map>
#include <stdexcept>
#include <string>

#include "kit/parse.h"

namespace edu {

const std::vector<kit::model_option> edu_option_list = {
	{ "dma-mask", "MASK", "address bits that DMA uses, hexadecimal (fffffff)" },
	{ "dma-time", "TIME", "simulated time a DMA transfer takes (100ms)" },
	{ "factorial-time", "TIME", "simulated time a factorial takes (10us)" },
	{ "tick", "TIME", "how finely these times pass: an access between two ticks\n"
			  "meets a busy engine (1ms)" },
};

edu_options::edu_options() : function("edu")
{
	function.id(0x1234, 0x11e8).subsystem(0x1af4, 0x1100).class_id(0x00ff00, 0x10);
	function.bar(0, kit::bar_kind::mem32, 1 << 20).intx(1).msi(1);
}

static sc_core::sc_time parse_tick(const std::string &text)
{
	sc_core::sc_time tick = kit::parse_time(text);

	if (tick == sc_core::SC_ZERO_TIME)
		throw std::invalid_argument("a tick of no time never gets anywhere: use 1ns or more");
	return tick;
}

edu_options parse_edu_options(const kit::option_values &values)
{
	edu_options options;
	const std::map<std::string, std::function<void(const std::string &)>> setters = {
		{ "dma-mask", [&](auto &text) {
			options.dma_mask = kit::parse_number(text, UINT64_MAX, 16); } },
		{ "dma-time", [&](auto &text) { options.dma_time = kit::parse_time(text); } },
		{ "factorial-time", [&](auto &text) {
			options.factorial_time = kit::parse_time(text); } },
		{ "tick", [&](auto &text) { options.tick = parse_tick(text); } },
	};

	for (const auto &[name, text] : values) {
		try {
			setters.at(name)(text);
		} catch (const std::invalid_argument &e) {
			throw std::invalid_argument("--" + name + ": " + e.what());
		}
	}
	return options;
}

} // namespace edu
