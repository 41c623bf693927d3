// SPDX-License-Identifier: MIT
/*
 * Option values as people type them. All throw std::invalid_argument with what
 * was wrong and what was expected. Any thread; parse_time() only where sc_time may be made.
 */
#ifndef KIT_PARSE_H
#define KIT_PARSE_H

#include <cstdint>
#include <string>
#include <systemc>
#include <vector>

namespace kit {

std::vector<std::string> split(const std::string &text, char separator);

// A number no larger than max: decimal, or hexadecimal in the given base.
uint64_t parse_number(const std::string &text, uint64_t max, int base = 10);

// "256", "64K", "1M", "4G": bytes.
uint64_t parse_size(const std::string &text);

// "100ns": a whole number and one of s, ms, us, ns, ps.
sc_core::sc_time parse_time(const std::string &text);

} // namespace kit

#endif
