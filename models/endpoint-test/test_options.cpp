// SPDX-License-Identifier: MIT
#include "test_options.h"

#include <functional>
#include <map>
#include <stdexcept>
#include <string>

#include "kit/parse.h"

namespace endpoint_test {

using kit::bar_kind;

const std::vector<kit::model_option> test_option_list = {
	{ "bars", "LAYOUT", "which BARs there are: INDEX:KIND:SIZE,...\n"
			    "kinds: mem32 mem64 pref32 pref64 io; BAR0: memory, 64K or more\n"
			    "default: 0:mem32:64K,1:mem32:4K,2:mem32:8K,3:mem32:16K,4:mem32:4K,5:mem32:4K" },
	{ "id", "VENDOR:DEVICE", "IDs, hexadecimal (104c:b500)" },
	{ "msi", "N", "MSI vectors: 0 (none), 1, 2, 4, 8, 16 or 32 (32)" },
	{ "msix", "N", "MSI-X vectors: 0 (none) to 2048 (2048)" },
	{ "no-intx", nullptr, "no INTx line" },
	{ "aer", nullptr, "with Advanced Error Reporting" },
	{ "ecrc", nullptr, "the same, and with ECRC" },
	{ "functions", "N", "functions, all alike (1)" },
	{ "vfs", "N", "virtual functions of each function, by SR-IOV (0)" },
	{ "latency", "TIME", "simulated time a register read takes, for example 100ns (0ns)" },
};

enum { numbers = 256, numbers_plain = 8 };	// of functions; without ARI

test_options::test_options() : function("endpoint-test")
{
	function.id(0x104c, 0xb500).class_id(0xff0000).intx(1).msi(32);
	function.msix({ 2048, 0, 0, msix_table_offset, msix_pba_offset });
	function.bar(0, bar_kind::mem32, 64 << 10).bar(1, bar_kind::mem32, 4 << 10);
	function.bar(2, bar_kind::mem32, 8 << 10).bar(3, bar_kind::mem32, 16 << 10);
	function.bar(4, bar_kind::mem32, 4 << 10).bar(5, bar_kind::mem32, 4 << 10);
}

static bool fits_vf(const kit::bar_description &bar)
{
	return bar.kind != bar_kind::none && bar.kind != bar_kind::io && bar.size >= vf_bar_min;
}

static kit::sriov_description sriov(const test_options &options, unsigned number)
{
	kit::sriov_description s;

	s.vfs = options.vfs;
	s.offset = options.functions + number * options.vfs - number;
	s.device_id = options.function.device_id;
	s.msix_table = options.function.msix_table;
	for (unsigned i = 0; i < kit::bars; i++)
		if (fits_vf(options.function.bar_table[i]))
			s.bar_table[i] = options.function.bar_table[i];
	return s;
}

kit::function_description test_options::function_at(unsigned number) const
{
	kit::function_description one = function;

	if (vfs)
		one.sriov(sriov(*this, number));
	if (functions * (1 + vfs) > numbers_plain)
		one.has({ kit::feature::ari });
	if (one.intx_pin)
		one.intx(1 + number % 4);
	return one;
}

kit::function_description test_options::virtual_function() const
{
	kit::function_description one = function;

	one.bar_table = sriov(*this, 0).bar_table;
	one.intx(0).msi(0);
	return one;
}

static bar_kind parse_kind(const std::string &text)
{
	static const std::map<std::string, bar_kind> kinds = {
		{ "mem32", bar_kind::mem32 }, { "mem64", bar_kind::mem64 },
		{ "pref32", bar_kind::pref32 }, { "pref64", bar_kind::pref64 },
		{ "io", bar_kind::io },
	};
	auto found = kinds.find(text);

	if (found == kinds.end())
		throw std::invalid_argument("unknown kind \"" + text +
					    "\": use mem32, mem64, pref32, pref64 or io");
	return found->second;
}

static bool is_64bit(bar_kind kind)
{
	return kind == bar_kind::mem64 || kind == bar_kind::pref64;
}

// What PCI allows (7.5.1.2.1); I/O BARs stay within 256 bytes.
static void check_size(const std::string &bar, bar_kind kind, uint64_t size)
{
	uint64_t least = kind == bar_kind::io ? 4 : 16;
	uint64_t most = kind == bar_kind::io ? 256 : is_64bit(kind) ? 1ull << 40 : 1ull << 31;

	if (!size || size & (size - 1))
		throw std::invalid_argument(bar + ": size is not a power of two");
	if (size < least || size > most)
		throw std::invalid_argument(bar + ": size must be " + std::to_string(least) +
					    " to " + std::to_string(most) + " bytes");
}

static void parse_bar(kit::function_description &function, const std::string &text)
{
	std::vector<std::string> parts = kit::split(text, ':');

	if (parts.size() != 3)
		throw std::invalid_argument("\"" + text + "\" is not INDEX:KIND:SIZE, "
					    "for example 0:mem32:64K");

	unsigned index = static_cast<unsigned>(kit::parse_number(parts[0], kit::bars - 1));
	std::string name = "BAR" + parts[0];
	bar_kind kind = parse_kind(parts[1]);
	uint64_t size = kit::parse_size(parts[2]);

	check_size(name, kind, size);
	if (is_64bit(kind) && index == kit::bars - 1)
		throw std::invalid_argument(name + ": a 64-bit BAR needs the next one as well");
	if (function.bar_table[index].kind != bar_kind::none)
		throw std::invalid_argument(name + " is given twice");
	function.bar(index, kind, size);
}

static void parse_bars(kit::function_description &function, const std::string &text)
{
	function.bar_table = {};
	for (const std::string &bar : kit::split(text, ','))
		parse_bar(function, bar);
	for (unsigned i = 1; i < kit::bars; i++)
		if (is_64bit(function.bar_table[i - 1].kind) &&
		    function.bar_table[i].kind != bar_kind::none)
			throw std::invalid_argument("BAR" + std::to_string(i) +
						    " is the upper half of the 64-bit BAR before it");

	const kit::bar_description &first = function.bar_table[0];
	if (first.kind == bar_kind::none || first.kind == bar_kind::io || first.size < bar0_min)
		throw std::invalid_argument("BAR0 holds the registers: it must be memory of at "
					    "least 64K, for example 0:mem32:64K");
}

static void parse_id(kit::function_description &function, const std::string &text)
{
	std::vector<std::string> parts = kit::split(text, ':');

	if (parts.size() != 2)
		throw std::invalid_argument("\"" + text + "\" is not VENDOR:DEVICE, "
					    "for example 104c:b500");
	function.id(static_cast<uint16_t>(kit::parse_number(parts[0], 0xfffe, 16)),
		    static_cast<uint16_t>(kit::parse_number(parts[1], 0xffff, 16)));
}

static void parse_msi(kit::function_description &function, const std::string &text)
{
	unsigned vectors = static_cast<unsigned>(kit::parse_number(text, 32));

	if (vectors & (vectors - 1))
		throw std::invalid_argument(text + " is not 0, 1, 2, 4, 8, 16 or 32");
	function.msi(vectors);
}

static unsigned parse_functions(const std::string &text)
{
	unsigned n = static_cast<unsigned>(kit::parse_number(text, numbers));

	if (!n)
		throw std::invalid_argument("there is always function 0: 1 or more");
	return n;
}

static void check_functions(const test_options &options)
{
	if (options.functions * (1 + options.vfs) > numbers)
		throw std::invalid_argument("--functions, --vfs: " + std::to_string(options.functions) +
					    " functions of " + std::to_string(options.vfs) + " virtual ones "
					    "each are more than the " + std::to_string(numbers) +
					    " numbers that there are");
}

test_options parse_test_options(const kit::option_values &values)
{
	test_options options;
	kit::function_description &function = options.function;
	const std::map<std::string, std::function<void(const std::string &)>> setters = {
		{ "bars", [&](auto &text) { parse_bars(function, text); } },
		{ "id", [&](auto &text) { parse_id(function, text); } },
		{ "msi", [&](auto &text) { parse_msi(function, text); } },
		{ "msix", [&](auto &text) {
			function.msix_table.vectors =
				static_cast<unsigned>(kit::parse_number(text, 2048)); } },
		{ "no-intx", [&](auto &) { function.intx(0); } },
		{ "aer", [&](auto &) { function.aer(); } },
		{ "ecrc", [&](auto &) { function.aer().has({ kit::feature::ecrc }); } },
		{ "functions", [&](auto &text) { options.functions = parse_functions(text); } },
		{ "vfs", [&](auto &text) {
			options.vfs = static_cast<unsigned>(kit::parse_number(text, numbers - 1)); } },
		{ "latency", [&](auto &text) { options.latency = kit::parse_time(text); } },
	};

	for (const auto &[name, text] : values) {
		try {
			setters.at(name)(text);
		} catch (const std::invalid_argument &e) {
			throw std::invalid_argument("--" + name + ": " + e.what());
		}
	}
	check_functions(options);
	return options;
}

} // namespace endpoint_test
