// SPDX-License-Identifier: MIT
/*
 * Stands between a model's interrupt port and its host, and fails the running test when one of
 * them breaks a rule of kit/interrupt_if.h:
 *
 *	interrupt_checker checker("checker");
 *	model.irq.bind(checker); checker.out.bind(endpoint.irq);
 */
#ifndef TESTS_TLM_INTERRUPT_CHECKER_H
#define TESTS_TLM_INTERRUPT_CHECKER_H

#include <functional>
#include <gtest.h>
#include <string>
#include <systemc>

#include "kit/interrupt_if.h"

class interrupt_checker : public sc_core::sc_module, public kit::interrupt_if {
public:
	sc_core::sc_port<kit::interrupt_if> out{ "out" };

	// Told of each broken rule; by default the running test fails.
	std::function<void(const std::string &rule)> report;

	unsigned seen = 0;	// calls

	explicit interrupt_checker(sc_core::sc_module_name name)
		: sc_module(name), report([this](const std::string &rule) {
			gt_fail(gt_here(__FILE__, __LINE__, "", ""), "%s: %s", this->name(), rule.c_str());
		  })
	{
	}

	kit::irq_result msi(unsigned vector) override
	{
		return check(false, [=] { return out->msi(vector); });
	}

	kit::irq_result msix(unsigned vector) override
	{
		return check(false, [=] { return out->msix(vector); });
	}

	kit::irq_result intx(bool level) override
	{
		return check(true, [=] { return out->intx(level); });
	}

private:
	template<class F>
	kit::irq_result check(bool line, F call)
	{
		sc_dt::uint64 delta = sc_core::sc_delta_count();
		kit::irq_result result = call();

		seen++;
		if (sc_core::sc_delta_count() != delta)
			report("no call waits");
		if (line && result == kit::irq_result::masked)
			report("a line has no mask");
		return result;
	}
};

#endif
