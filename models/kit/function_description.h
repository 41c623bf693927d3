// SPDX-License-Identifier: MIT
/*
 * What a PCI Express function says of itself: IDs, BARs, interrupts. Whoever
 * hosts the model makes its config space from it.
 *
 *	function_description("uart").id(0x1234, 0x0001).bar(0, bar_kind::mem32, 4096)
 *
 * Threads: plain data; nothing waits. What PCI forbids is not checked here: whoever hosts the
 * model refuses it.
 */
#ifndef KIT_FUNCTION_DESCRIPTION_H
#define KIT_FUNCTION_DESCRIPTION_H

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace kit {

enum { bars = 6 };

// Memory of 32 or 64 address bits, the same prefetchable, or I/O space.
enum class bar_kind { none, mem32, mem64, pref32, pref64, io };

struct bar_description {
	bar_kind kind = bar_kind::none;
	uint64_t size = 0;		// bytes, a power of two
};

struct msix_description {
	unsigned vectors = 0;		// 0: none, up to 2048
	unsigned table_bar = 0, pba_bar = 0;
	uint32_t table_offset = 0, pba_offset = 0;	// bytes
};

/*
 * Virtual functions (9.2), each with these BARs and MSI-X vectors. VF n, counted from 1, has the number
 * of its function + offset + (n - 1) * stride; beyond 7 the device needs feature::ari.
 */
struct sriov_description {
	unsigned vfs = 0;		// TotalVFs; 0: no SR-IOV
	unsigned offset = 1, stride = 1;
	uint16_t device_id = 0;		// of the VFs
	std::array<bar_description, bars> bar_table{};	// memory, 4096 bytes or more
	msix_description msix_table;
};

// What a function may have beyond power management and PCI Express; see the library's device.h.
enum class feature {
	aer,			// Advanced Error Reporting
	ecrc,			// makes and checks ECRC; needs aer
	ari,			// function numbers of 8 bits
	ltr,			// Latency Tolerance Reporting
	pme,			// wakes the system from D0 and D3hot
	soft_reset,		// returning from D3hot to D0 resets it
	tags_10bit,
	atomic_32, atomic_64, cas_128,	// completes atomic operations of that size
	atomic_requests,	// may send them when software has enabled it
	deferrable_writes,	// completes Deferrable Memory Writes
	deferrable_write_requests,	// may send them when software has enabled it
};

// A capability of one's own: a bit is read-only unless a mask says otherwise; short masks end in zeros.
struct capability_description {
	unsigned id = 0;
	unsigned version = 0;		// of an extended capability; 0: a standard one
	std::vector<uint8_t> value;	// the bytes behind the header
	std::vector<uint8_t> writable, write_1_to_clear, sticky;
};

struct field_description {
	const char *name;		// borrowed, as a rule a literal
	unsigned low, width;		// bits
};

// What software may do; wo: reading it tells nothing, so tools do not.
enum class access { ro, rw, wo };

// A register by name, for people and tools.
struct register_description {
	unsigned bar = 0;
	uint64_t offset = 0;		// bytes
	std::string name, text;		// text: a line for a person, may be empty
	access mode = access::rw;
	bool read_effect = false;	// a read changes something
	std::vector<field_description> fields;
	unsigned width = 32;		// bits
};

struct function_description {
	std::string name;		// what a host asks for
	uint16_t vendor_id = 0, device_id = 0;
	uint16_t subsystem_vendor_id = 0, subsystem_id = 0;
	uint32_t class_code = 0xff0000;	// base class, sub-class, interface
	uint8_t revision = 0;
	std::array<bar_description, bars> bar_table{};
	uint64_t rom_size = 0;		// bytes; 0: no expansion ROM
	unsigned intx_pin = 0;		// 0: none, 1..4: INTA..INTD
	unsigned msi_vectors = 0;	// 0: none, or 1, 2, 4, 8, 16, 32
	msix_description msix_table;
	std::vector<register_description> register_list;
	std::vector<feature> feature_list;
	uint64_t serial = 0;		// Device Serial Number; 0: none
	std::array<std::vector<uint64_t>, bars> bar_sizes{};	// bytes that a BAR may have; empty: fixed
	std::vector<capability_description> capability_list;
	sriov_description virtual_functions;

	explicit function_description(std::string its_name) : name(std::move(its_name)) {}

	// Each sets what its name says and returns this description.
	function_description &id(uint16_t vendor, uint16_t device)
	{
		vendor_id = vendor;
		device_id = device;
		return *this;
	}

	function_description &subsystem(uint16_t vendor, uint16_t subsystem)
	{
		subsystem_vendor_id = vendor;
		subsystem_id = subsystem;
		return *this;
	}

	function_description &aer()	// has Advanced Error Reporting
	{
		return has({ feature::aer });
	}

	function_description &class_id(uint32_t code, uint8_t its_revision = 0)
	{
		class_code = code;
		revision = its_revision;
		return *this;
	}

	// size in bytes. Throws std::out_of_range for an index beyond 5.
	function_description &bar(unsigned index, bar_kind kind, uint64_t size)
	{
		bar_table.at(index) = { kind, size };
		return *this;
	}

	// Names for registers; adds to those given before.
	function_description &name_registers(const std::vector<register_description> &list)
	{
		register_list.insert(register_list.end(), list.begin(), list.end());
		return *this;
	}

	// Bytes, a power of two of 2 KiB or more; 0: none.
	function_description &rom(uint64_t size)
	{
		rom_size = size;
		return *this;
	}

	function_description &intx(unsigned pin = 1)
	{
		intx_pin = pin;
		return *this;
	}

	function_description &msi(unsigned vectors)
	{
		msi_vectors = vectors;
		return *this;
	}

	function_description &msix(const msix_description &table)
	{
		msix_table = table;
		return *this;
	}

	function_description &has(std::initializer_list<feature> list)
	{
		for (feature one : list)
			feature_list.push_back(one);
		return *this;
	}

	function_description &serial_number(uint64_t eui_64)
	{
		serial = eui_64;
		return *this;
	}

	// Powers of two from 1 MiB; that of bar() is the first, and one of them.
	function_description &resizable(unsigned index, const std::vector<uint64_t> &sizes)
	{
		bar_sizes.at(index) = sizes;
		return *this;
	}

	function_description &capability(const capability_description &own)
	{
		capability_list.push_back(own);
		return *this;
	}

	function_description &sriov(const sriov_description &vfs)
	{
		virtual_functions = vfs;
		return *this;
	}
};

} // namespace kit

#endif
