// SPDX-License-Identifier: MIT
/*
 * A device of several functions, virtual ones included, each a model of its own behind checkers;
 * and what a host needs to use them.
 */
#ifndef TESTS_TLM_SEVERAL_BENCH_H
#define TESTS_TLM_SEVERAL_BENCH_H

#include <memory>
#include <string>
#include <vector>

#include "checked_function.h"
#include "host_bench.h"
#include "kit/payload.h"

enum several_numbers : unsigned { second_number = 1, last_number = 9, vf_total = 3, vf_offset = 16, vf_stride = 2 };

// BAR0 memory, BAR1 MSI-X; told of what comes.
class small_function : public kit::pcie_function {
public:
	using handler = std::function<void(tlm::tlm_generic_payload &)>;

	tlm_utils::simple_target_socket<small_function> socket{ "socket" };
	tlm_utils::simple_target_socket<small_function> table{ "table" };	// the bridge answers for it
	std::vector<uint8_t> memory = std::vector<uint8_t>(4096);
	handler on_access;		// before the memory is
	kit::tlp_extension last;	// of the last access
	std::vector<kit::reset_kind> resets;
	std::vector<unsigned> vf_counts;
	enum : uint16_t { vendor = 0x1af4 };	// whose messages it knows
	std::vector<kit::message> received;
	unsigned memory_then = 0;	// its first byte when the last one came

	small_function(sc_core::sc_module_name name, const kit::function_description &description)
		: pcie_function(name, description)
	{
		socket.register_b_transport(this, &small_function::b_transport);
	}

	tlm::tlm_target_socket<> &bar_socket(unsigned index) override
	{
		if (index)
			return table;
		return socket;
	}
	void reset(kit::reset_kind kind) override { resets.push_back(kind); }
	void vfs(unsigned count) override { vf_counts.push_back(count); }
	bool knows(const kit::message &message) override { return message.vendor_id == vendor; }
	void receive(const kit::message &message) override
	{
		received.push_back(message);
		memory_then = memory[0];
	}

	void clear()
	{
		on_access = nullptr;
		memory.assign(memory.size(), 0);
		resets.clear();
		vf_counts.clear();
		received.clear();
	}

	using pcie_function::dma_read;
	using pcie_function::dma_write;

private:
	void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &)
	{
		last = *payload.get_extension<kit::tlp_extension>();
		if (on_access)
			on_access(payload);
		kit::access_memory(payload, memory.data(), memory.size());
	}
};

inline kit::function_description small_description(uint16_t id)
{
	return kit::function_description("several").id(0x1234, id).intx().msi(1)
		.bar(0, kit::bar_kind::mem32, 4096).bar(1, kit::bar_kind::mem32, 4096)
		.msix({ 2, 1, 1, 0, 0x800 });
}

inline kit::function_description first_description()
{
	kit::sriov_description vfs;

	vfs.vfs = vf_total;
	vfs.offset = vf_offset;
	vfs.stride = vf_stride;
	vfs.device_id = 0x77;
	vfs.bar_table[0] = vfs.bar_table[1] = { kit::bar_kind::mem32, 4096 };
	vfs.msix_table = { 2, 1, 1, 0, 0x800 };
	return small_description(1).has({ kit::feature::ari, kit::feature::ltr, kit::feature::pme }).sriov(vfs);
}

struct several_bench {
	small_function first{ "first", first_description() };
	small_function second{ "second", small_description(2).intx(2) };
	small_function last{ "last", small_description(9) };
	std::vector<std::unique_ptr<small_function>> vf;

	tlpb::pcie_endpoint endpoint{ "endpoint", first.description() };
	tlpb::endpoint_function second_face{ "second_face", endpoint, second_number, second.description() };
	tlpb::endpoint_function last_face{ "last_face", endpoint, last_number, last.description() };
	std::vector<std::unique_ptr<checked_function>> checked;
	tlpb::pump pump{ test_url() };

	several_bench()
	{
		add(endpoint, first);
		add(second_face, second);
		add(last_face, last);
		for (unsigned i = 0; i < endpoint.vfs(); i++) {
			std::string name = "virtual_" + std::to_string(i);

			vf.push_back(std::make_unique<small_function>(name.c_str(), small_description(0x77)));
			add(endpoint.vf(i), *vf.back());
		}
		pump.add(endpoint);
	}

	void add(tlpb::endpoint_function &face, small_function &model)
	{
		checked.push_back(std::make_unique<checked_function>(face));
		checked.back()->bind(model);
	}

	void with_host(std::function<void(test_host &)> host_part)
	{
		run_with_host(pump, std::move(host_part));
		run_simulation();
		for (auto &each : checked)
			EXPECT_TRUE(each->idle());
	}

	void clear()
	{
		for (small_function *each : { &first, &second, &last })
			each->clear();
		for (auto &each : vf)
			each->clear();
	}
};

// The one bench of a test program; without what the test before left in it.
inline several_bench &the_several()
{
	static several_bench bench;

	bench.clear();
	return bench;
}

// ---- what a host does, in its thread ----

struct function_at {
	test_host &host;
	unsigned number;

	uint16_t bdf() const { return static_cast<uint16_t>(test_host::bdf | number); }

	uint32_t config(unsigned offset) const
	{
		uint32_t value = 0;

		tlpb_rc_config_read(host.rc, bdf(), offset, 4, &value);
		return value;
	}

	int configure(unsigned offset, unsigned size, uint32_t value) const
	{
		return tlpb_rc_config_write(host.rc, bdf(), offset, size, value);
	}

	// BARs at addresses of its own, Memory Space and Bus Master Enable.
	uint64_t enumerate() const
	{
		tlpb_rc_windows windows = { bdf(), 0xe0000000 + 0x100000 * number, 0, 0 };
		tlpb_rc_bar bars[TLPB_BARS];

		EXPECT_EQ(tlpb_rc_enumerate(host.rc, &windows, bars), 0);
		return bars[0].addr;
	}

	// Vector 0 of the table at addr sends data.
	void enable_msix(uint64_t table, uint32_t data) const
	{
		uint32_t entry[4] = { static_cast<uint32_t>(test_host::msi_address), 0, data, 0 };
		int at = tlpb_rc_find_capability(host.rc, bdf(), 0x11);

		EXPECT_EQ(tlpb_rc_mem_write(host.rc, table, entry, sizeof entry), 0);
		EXPECT_EQ(configure(static_cast<unsigned>(at) + 2, 2, 0x8000), 0);
	}

	void function_level_reset() const
	{
		int pcie = tlpb_rc_find_capability(host.rc, bdf(), 0x10);

		EXPECT_EQ(configure(static_cast<unsigned>(pcie) + 8, 2, 0x8000), 0);
	}

	unsigned extended(unsigned id) const
	{
		unsigned at = 0x100;

		while (at && (config(at) & 0xffff) != id)
			at = config(at) >> 20;
		return at;
	}
};

inline uint32_t read_at(test_host &host, uint64_t addr)
{
	uint32_t value = 0;

	tlpb_rc_mem_read(host.rc, addr, &value, 4);
	return value;
}

inline void write_at(test_host &host, uint64_t addr, uint32_t value)
{
	EXPECT_EQ(tlpb_rc_mem_write(host.rc, addr, &value, 4), 0);
}

#endif
