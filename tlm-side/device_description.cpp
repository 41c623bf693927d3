// SPDX-License-Identifier: MIT
#include "device_description.h"

#include <stdexcept>

namespace tlpb {

static void set_region(tlpb_region &region, const kit::bar_description &bar)
{
	static const struct {
		kit::bar_kind kind;
		uint32_t flags;
	} kinds[] = {
		{ kit::bar_kind::mem32, 0 },
		{ kit::bar_kind::mem64, TLPB_REGION_64BIT },
		{ kit::bar_kind::pref32, TLPB_REGION_PREFETCH },
		{ kit::bar_kind::pref64, TLPB_REGION_PREFETCH | TLPB_REGION_64BIT },
		{ kit::bar_kind::io, TLPB_REGION_IO },
	};

	for (const auto &row : kinds)
		if (row.kind == bar.kind)
			region = { bar.size, TLPB_REGION_READ | TLPB_REGION_WRITE | row.flags };
}

static uint32_t has_bit(kit::feature feature)
{
	switch (feature) {
	case kit::feature::aer: return TLPB_HAS_AER;
	case kit::feature::ecrc: return TLPB_HAS_ECRC;
	case kit::feature::ari: return TLPB_HAS_ARI;
	case kit::feature::ltr: return TLPB_HAS_LTR;
	case kit::feature::pme: return TLPB_HAS_PME;
	case kit::feature::soft_reset: return TLPB_HAS_SOFT_RESET;
	case kit::feature::tags_10bit: return TLPB_HAS_TAGS_10BIT;
	case kit::feature::atomic_32: return TLPB_HAS_ATOMIC_32;
	case kit::feature::atomic_64: return TLPB_HAS_ATOMIC_64;
	case kit::feature::cas_128: return TLPB_HAS_CAS_128;
	case kit::feature::atomic_requests: return TLPB_HAS_ATOMIC_REQUESTS;
	case kit::feature::deferrable_writes: return TLPB_HAS_DMWR;
	case kit::feature::deferrable_write_requests: return TLPB_HAS_DMWR_REQUESTS;
	}
	return 0;
}

// Bit n: 1 MiB << n. What is no such size becomes a bit that the library refuses.
static uint32_t size_bit(uint64_t size)
{
	for (unsigned n = 0; n < 28; n++)
		if (size == uint64_t(1) << (20 + n))
			return 1u << n;
	return 1u << 31;
}

static void set_features(tlpb_device &device, const kit::function_description &function)
{
	for (kit::feature feature : function.feature_list)
		device.has |= has_bit(feature);
	device.serial_number = function.serial;
	for (unsigned i = 0; i < kit::bars; i++)
		for (uint64_t size : function.bar_sizes[i])
			device.resizable[i] |= size_bit(size);
}

static void set_sriov(tlpb_device &device, const kit::sriov_description &from)
{
	tlpb_sriov &to = device.sriov;

	to.vfs = static_cast<uint16_t>(from.vfs);
	to.offset = static_cast<uint16_t>(from.offset);
	to.stride = static_cast<uint16_t>(from.stride);
	to.device_id = from.device_id;
	for (unsigned i = 0; i < kit::bars; i++)
		set_region(to.region[i], from.bar_table[i]);
	to.msix_vectors = static_cast<uint16_t>(from.msix_table.vectors);
	to.msix_table_bar = static_cast<uint8_t>(from.msix_table.table_bar);
	to.msix_pba_bar = static_cast<uint8_t>(from.msix_table.pba_bar);
	to.msix_table_offset = from.msix_table.table_offset;
	to.msix_pba_offset = from.msix_table.pba_offset;
}

own_capabilities::own_capabilities(const kit::function_description &function)
	: padded(function.capability_list)
{
	for (kit::capability_description &own : padded) {
		tlpb_capability c = {};

		for (auto *mask : { &own.writable, &own.write_1_to_clear, &own.sticky })
			mask->resize(own.value.size());
		if (own.id > UINT16_MAX || own.version > 15 || own.value.size() > 4092)
			throw std::invalid_argument(function.name + ": a capability has an ID of 16 bits, "
						    "a version up to 15 and up to 4092 bytes");
		c.id = static_cast<uint16_t>(own.id);
		c.version = static_cast<uint8_t>(own.version);
		c.size = static_cast<uint16_t>(own.value.size());
		c.value = own.value.data();
		c.writable = own.writable.data();
		c.w1c = own.write_1_to_clear.data();
		c.sticky = own.sticky.data();
		list.push_back(c);
	}
}

tlpb_device to_device(const kit::function_description &function)
{
	tlpb_device device = {};

	function.name.copy(device.name, sizeof device.name - 1);
	device.vendor_id = function.vendor_id;
	device.device_id = function.device_id;
	device.subsystem_vendor_id = function.subsystem_vendor_id;
	device.subsystem_id = function.subsystem_id;
	device.class_code = function.class_code;
	device.revision = function.revision;
	for (unsigned i = 0; i < kit::bars; i++)
		set_region(device.region[i], function.bar_table[i]);
	if (function.rom_size)
		device.region[TLPB_ROM] = { function.rom_size, TLPB_REGION_READ };
	device.intx_pin = static_cast<uint8_t>(function.intx_pin);
	device.msi_vectors = static_cast<uint8_t>(function.msi_vectors);
	device.msix_vectors = static_cast<uint16_t>(function.msix_table.vectors);
	device.msix_table_bar = static_cast<uint8_t>(function.msix_table.table_bar);
	device.msix_pba_bar = static_cast<uint8_t>(function.msix_table.pba_bar);
	device.msix_table_offset = function.msix_table.table_offset;
	device.msix_pba_offset = function.msix_table.pba_offset;
	set_features(device, function);
	set_sriov(device, function.virtual_functions);
	return device;
}

static tlpb_access access_of(kit::access mode)
{
	switch (mode) {
	case kit::access::ro: return TLPB_ACCESS_RO;
	case kit::access::wo: return TLPB_ACCESS_WO;
	default: return TLPB_ACCESS_RW;
	}
}

register_names::register_names(const std::vector<kit::register_description> &list)
{
	for (const kit::register_description &d : list) {
		tlpb_register r = {};

		fields.emplace_back();
		for (const kit::field_description &f : d.fields)
			fields.back().push_back({ f.name, static_cast<uint8_t>(f.low),
						  static_cast<uint8_t>(f.width) });
		r.name = d.name.c_str();
		r.description = d.text.c_str();
		r.region = d.bar;
		r.offset = d.offset;
		r.width = d.width;
		r.access = access_of(d.mode);
		r.read_effect = d.read_effect;
		r.field = fields.back().data();
		r.fields = static_cast<unsigned>(d.fields.size());
		registers.push_back(r);
	}
}

} // namespace tlpb
