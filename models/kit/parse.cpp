// SPDX-License-Identifier: MIT
#include "parse.h"

#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace kit {

std::vector<std::string> split(const std::string &text, char separator)
{
	std::vector<std::string> parts;
	size_t begin = 0, end;

	while ((end = text.find(separator, begin)) != std::string::npos) {
		parts.push_back(text.substr(begin, end - begin));
		begin = end + 1;
	}
	parts.push_back(text.substr(begin));
	return parts;
}

// Splits "64K" into 64 and "K"; false without digits or beyond 64 bits.
static bool parse_prefix(const std::string &text, int base, uint64_t &value, std::string &unit)
{
	char *end;

	if (text.empty() || !isxdigit(static_cast<unsigned char>(text[0])))
		return false;
	errno = 0;
	value = strtoull(text.c_str(), &end, base);
	unit = end;
	return !errno && end != text.c_str();
}

uint64_t parse_number(const std::string &text, uint64_t max, int base)
{
	uint64_t value;
	std::string rest;

	if (!parse_prefix(text, base, value, rest) || !rest.empty())
		throw std::invalid_argument("\"" + text + "\" is not a number" +
					    (base == 16 ? " in hexadecimal digits" : ""));
	if (value > max) {
		char limit[32];

		snprintf(limit, sizeof limit, base == 16 ? "%llx" : "%llu",
			 static_cast<unsigned long long>(max));
		throw std::invalid_argument("\"" + text + "\" is more than " + limit);
	}
	return value;
}

uint64_t parse_size(const std::string &text)
{
	static const char units[] = "KMG";
	uint64_t value;
	std::string unit;
	unsigned shift = 0;

	if (!parse_prefix(text, 10, value, unit))
		throw std::invalid_argument("\"" + text + "\" is not a size like 256, 64K, 1M or 4G");
	if (!unit.empty()) {
		size_t i = std::string(units).find(unit);

		if (i == std::string::npos || unit.size() != 1)
			throw std::invalid_argument("unknown unit in size \"" + text +
						    "\": use K, M or G");
		shift = 10 * static_cast<unsigned>(i + 1);
	}
	if (value > UINT64_MAX >> shift)
		throw std::invalid_argument("size \"" + text + "\" is too large");
	return value << shift;
}

sc_core::sc_time parse_time(const std::string &text)
{
	static const struct {
		const char *name;
		sc_core::sc_time_unit unit;
	} units[] = {
		{ "s", sc_core::SC_SEC }, { "ms", sc_core::SC_MS }, { "us", sc_core::SC_US },
		{ "ns", sc_core::SC_NS }, { "ps", sc_core::SC_PS },
	};
	uint64_t value;
	std::string name;

	if (parse_prefix(text, 10, value, name))
		for (const auto &u : units)
			if (name == u.name)
				return sc_core::sc_time(static_cast<double>(value), u.unit);
	throw std::invalid_argument("\"" + text + "\" is not a time like 100ns, 5us or 1ms");
}

} // namespace kit
