/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look at the expansion ROM before firmware sees it: SeaBIOS follows the chain of
 * images without end when one has no length. A broken ROM reads as all ones, which
 * firmware takes for an empty socket.
 */
#include "tlpbridge-qemu.h"

enum {
	IMAGE_HEADER = 0x1a,		/* bytes of it that matter */
	IMAGE_PCIR = 0x18,		/* offset of the PCI Data Structure, 16 bits */
	PCIR_SIZE = 0x18,
	PCIR_LENGTH = 0x10,		/* of the image, in units of 512 bytes, 16 bits */
	PCIR_INDICATOR = 0x15,
	LAST_IMAGE = 0x80,
	IMAGE_UNIT = 512,
};

/* Where the ROM is while we look: far from the BARs, which are at 0 after the reset. */
#define ROM_ADDRESS 0xfe000000u

static bool read_rom(tlpb_rc *rc, uint64_t offset, uint8_t *buf, size_t len)
{
	return !tlpb_rc_mem_read(rc, ROM_ADDRESS + offset, buf, len);
}

/* NULL, with *length of the image (0: it was the last), or what is wrong with it. */
static const char *check_image(tlpb_rc *rc, uint64_t room, uint64_t offset, uint64_t *length)
{
	uint8_t header[IMAGE_HEADER], pcir[PCIR_SIZE];
	uint64_t at;

	*length = 0;
	if (room < sizeof(header) || !read_rom(rc, offset, header, sizeof(header)))
		return "it cannot be read";
	if (lduw_le_p(header) != 0xaa55)
		return offset ? "an image has no signature" : NULL;	/* empty */
	at = lduw_le_p(header + IMAGE_PCIR);
	if (at + sizeof(pcir) > room || !read_rom(rc, offset + at, pcir, sizeof(pcir)) ||
	    memcmp(pcir, "PCIR", 4))
		return "an image has no PCI Data Structure";
	*length = (uint64_t)lduw_le_p(pcir + PCIR_LENGTH) * IMAGE_UNIT;
	if (!*length || *length > room)
		return "the length of an image is wrong";
	if (pcir[PCIR_INDICATOR] & LAST_IMAGE)
		*length = 0;
	return NULL;
}

static const char *check_images(tlpb_rc *rc, uint64_t size)
{
	uint64_t offset = 0, length;
	const char *fault;

	do {
		fault = check_image(rc, size - offset, offset, &length);
		offset += length;
	} while (!fault && length);
	return fault;
}

const char *tlpbridge_rom_fault(tlpb_rc *rc, uint16_t bdf, const struct tlpb_region *region)
{
	uint64_t size = region[TLPB_ROM].size;
	const char *fault;

	if (!size)
		return NULL;
	for (unsigned i = 0; i < TLPB_BARS; i++)
		if (region[i].size > ROM_ADDRESS)
			return NULL;	/* no address is free while the BARs are at 0 */
	tlpb_rc_config_write(rc, bdf, PCI_ROM_ADDRESS, 4, ROM_ADDRESS | PCI_ROM_ADDRESS_ENABLE);
	tlpb_rc_config_write(rc, bdf, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	fault = check_images(rc, size);
	tlpb_rc_config_write(rc, bdf, PCI_COMMAND, 2, 0);
	tlpb_rc_config_write(rc, bdf, PCI_ROM_ADDRESS, 4, 0);
	return fault;
}
