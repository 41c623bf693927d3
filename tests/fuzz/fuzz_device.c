/* SPDX-License-Identifier: MIT */
/* Device records from a peer: what is accepted is legal and survives another round. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/device.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tlpb_device device, again;
	uint8_t bytes[4096];
	char why[256];
	int len;

	if (tlpb_device_decode(data, size, &device, why, sizeof why))
		return 0;
	FUZZ_CHECK(!tlpb_device_check(&device, why, sizeof why));
	len = tlpb_device_encode(&device, bytes, sizeof bytes);
	FUZZ_CHECK(len > 0);
	FUZZ_CHECK(!tlpb_device_decode(bytes, (size_t)len, &again, why, sizeof why));
	FUZZ_CHECK(!strcmp(again.name, device.name) && again.msix_vectors == device.msix_vectors);
	return 0;
}

size_t fuzz_seed(unsigned i, uint8_t *data, size_t size)
{
	struct tlpb_device device = {
		.name = "fuzz", .vendor_id = 0x1234, .device_id = 1, .class_code = 0xff0000,
		.intx_pin = 1, .msi_vectors = 32, .msix_vectors = i ? 64 : 0,
		.msix_table_offset = 0x1000, .msix_pba_offset = 0x2000,
	};

	if (i > 1)
		return 0;
	device.region[0] = (struct tlpb_region){ 0x4000, TLPB_REGION_READ | TLPB_REGION_WRITE };
	device.region[2] = (struct tlpb_region){ 1u << 20, TLPB_REGION_READ | TLPB_REGION_64BIT };
	device.region[4] = (struct tlpb_region){ 256, TLPB_REGION_READ | TLPB_REGION_IO };
	return (size_t)tlpb_device_encode(&device, data, size);
}
