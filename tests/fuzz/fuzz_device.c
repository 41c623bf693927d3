/* SPDX-License-Identifier: MIT */
/* Device records from a peer: what is accepted is legal and survives another round. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/device.h>

#include "fuzz.h"

enum { ROOM = 1 << 16 };

static void again_with_registers(const struct tlpb_device *device,
				 const struct tlpb_registers *registers)
{
	static uint8_t bytes[16 * ROOM];
	struct tlpb_registers *again;
	char why[256];
	int len = tlpb_registers_encode(device, registers->reg, registers->count, bytes, sizeof bytes,
					why, sizeof why);

	FUZZ_CHECK(len >= 0);
	FUZZ_CHECK(!tlpb_registers_decode(bytes, (size_t)len, device, &again, why, sizeof why));
	FUZZ_CHECK(again->count == registers->count);
	for (unsigned i = 0; i < again->count; i++) {
		const struct tlpb_register *a = &again->reg[i], *b = &registers->reg[i];

		FUZZ_CHECK(!strcmp(a->name, b->name) && a->offset == b->offset &&
			   a->fields == b->fields);
	}
	tlpb_registers_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tlpb_device device, again;
	struct tlpb_registers *registers;
	uint8_t bytes[4096];
	char why[256];
	int len;

	if (size > ROOM || tlpb_device_decode(data, size, &device, why, sizeof why))
		return 0;
	FUZZ_CHECK(!tlpb_device_check(&device, why, sizeof why));
	len = tlpb_device_encode(&device, bytes, sizeof bytes);
	FUZZ_CHECK(len > 0);
	FUZZ_CHECK(!tlpb_device_decode(bytes, (size_t)len, &again, why, sizeof why));
	FUZZ_CHECK(!strcmp(again.name, device.name) && again.msix_vectors == device.msix_vectors);
	FUZZ_CHECK(!strcmp(again.path, device.path) && again.path_index == device.path_index);
	FUZZ_CHECK(again.has == device.has && again.serial_number == device.serial_number);
	FUZZ_CHECK(!memcmp(again.resizable, device.resizable, sizeof device.resizable));
	FUZZ_CHECK(again.sriov.vfs == device.sriov.vfs);
	if (tlpb_registers_decode(data, size, &device, &registers, why, sizeof why))
		return 0;
	again_with_registers(&device, registers);
	tlpb_registers_free(registers);
	return 0;
}

static size_t seed_registers(const struct tlpb_device *device, uint8_t *data, size_t size)
{
	static const struct tlpb_field fields[] = { { "GO", 0, 1 }, { "LEFT", 16, 16 } };
	static const struct tlpb_register registers[] = {
		{ .name = "CONTROL", .description = "starts", .width = 32,
		  .access = TLPB_ACCESS_RW, .field = fields, .fields = 2 },
		{ .name = "COUNT", .region = 2, .offset = 8, .width = 64,
		  .access = TLPB_ACCESS_RC, .read_effect = true },
	};
	char why[256];

	return (size_t)tlpb_registers_encode(device, registers, 2, data, size, why, sizeof why);
}

size_t fuzz_seed(unsigned i, uint8_t *data, size_t size)
{
	struct tlpb_device device = {
		.name = "fuzz", .vendor_id = 0x1234, .device_id = 1, .class_code = 0xff0000,
		.intx_pin = 1, .msi_vectors = 32, .msix_vectors = i ? 64 : 0,
		.msix_table_offset = 0x1000, .msix_pba_offset = 0x2000,
		.path = "/soc/dma@0", .path_index = 1,
	};
	size_t len;

	if (i > 2)
		return 0;
	device.region[0] = (struct tlpb_region){ 0x4000, TLPB_REGION_READ | TLPB_REGION_WRITE };
	device.region[2] = (struct tlpb_region){ 1u << 20, TLPB_REGION_READ | TLPB_REGION_64BIT };
	device.has = i ? TLPB_HAS_AER | TLPB_HAS_ARI : 0;
	device.serial_number = i;
	device.resizable[2] = i ? 7 : 0;
	device.sriov = (struct tlpb_sriov){ .vfs = i ? 9 : 0, .offset = 1, .stride = 2,
					    .region[0] = { 4096, TLPB_REGION_READ } };
	device.region[4] = (struct tlpb_region){ 256, TLPB_REGION_READ | TLPB_REGION_IO };
	len = (size_t)tlpb_device_encode(&device, data, size);
	return i < 2 ? len : len + seed_registers(&device, data + len, size - len);
}
