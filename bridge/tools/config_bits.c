/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "config_bits.h"
#include "text.h"

#define FLAG(name, bit) { name, bit, 1, FORM_FLAG }
#define END { NULL, 0, 0, FORM_FLAG }
#define BITS (const struct bits[])

const struct bit_register command_register = { "Control", 0x04, 2, BITS {
	FLAG("I/O", 0), FLAG("Mem", 1), FLAG("BusMaster", 2), FLAG("ParErr", 6), FLAG("SERR", 8),
	FLAG("DisINTx", 10), END } };

const struct bit_register status_register = { "Status", 0x06, 2, BITS {
	FLAG("INTx", 3), FLAG("Cap", 4), FLAG("ParErr", 8), FLAG(">TAbort", 11), FLAG("<TAbort", 12),
	FLAG("<MAbort", 13), FLAG(">SERR", 14), FLAG("<PERR", 15), END } };

static const struct bit_register pm[] = {
	{ "PMC", 2, 2, BITS { { "Version", 0, 3, FORM_NUMBER }, FLAG("DSI", 5), FLAG("D1", 9),
			      FLAG("D2", 10), { "PME", 11, 5, FORM_HEX }, END } },
	{ "PMCSR", 4, 2, BITS { { "D", 0, 2, FORM_NUMBER }, FLAG("NoSoftRst", 3),
				FLAG("PME-Enable", 8), FLAG("PME-Status", 15), END } },
	{ 0 },
};

static const struct bit_register msi[] = {
	{ "MsgCtl", 2, 2, BITS { FLAG("Enable", 0), { "Count", 4, 3, FORM_LOG2 },
				 { "Max", 1, 3, FORM_LOG2 }, FLAG("64bit", 7), FLAG("Maskable", 8),
				 END } },
	{ "Address", 4, 4, BITS { { "Low", 0, 32, FORM_HEX }, END } },
	{ "AddressHigh", 8, 4, BITS { { "High", 0, 32, FORM_HEX }, END } },
	{ "Data", 12, 2, BITS { { "Value", 0, 16, FORM_HEX }, END } },
	{ "Masking", 16, 4, BITS { { "Mask", 0, 32, FORM_HEX }, END } },
	{ "Pending", 20, 4, BITS { { "Pending", 0, 32, FORM_HEX }, END } },
	{ 0 },
};

static const struct bit_register msix[] = {
	{ "MsgCtl", 2, 2, BITS { FLAG("Enable", 15), { "Count", 0, 11, FORM_LESS_ONE },
				 FLAG("Masked", 14), END } },
	{ "Vector table", 4, 4, BITS { { "BAR", 0, 3, FORM_NUMBER }, { "Offset", 0, 32, FORM_OFFSET },
				       END } },
	{ "PBA", 8, 4, BITS { { "BAR", 0, 3, FORM_NUMBER }, { "Offset", 0, 32, FORM_OFFSET }, END } },
	{ 0 },
};

static const struct bit_register pcie[] = {
	{ "Caps", 2, 2, BITS { { "Version", 0, 4, FORM_NUMBER }, { "Type", 4, 4, FORM_NUMBER },
			       { "IntMsg", 9, 5, FORM_NUMBER }, END } },
	{ "DevCap", 4, 4, BITS { { "MaxPayload", 0, 3, FORM_128_LOG2 }, { "PhantFunc", 3, 2, FORM_NUMBER },
				 FLAG("ExtTag", 5), FLAG("RBE", 15), FLAG("FLReset", 28), END } },
	{ "DevCtl", 8, 2, BITS { FLAG("CorrErr", 0), FLAG("NonFatalErr", 1), FLAG("FatalErr", 2),
				 FLAG("UnsupReq", 3), FLAG("RlxdOrd", 4), FLAG("ExtTag", 8),
				 FLAG("PhantFunc", 9), FLAG("AuxPwr", 10), FLAG("NoSnoop", 11),
				 { "MaxPayload", 5, 3, FORM_128_LOG2 },
				 { "MaxReadReq", 12, 3, FORM_128_LOG2 }, END } },
	{ "DevSta", 10, 2, BITS { FLAG("CorrErr", 0), FLAG("NonFatalErr", 1), FLAG("FatalErr", 2),
				  FLAG("UnsupReq", 3), FLAG("AuxPwr", 4), FLAG("TransPend", 5), END } },
	{ "LnkCap", 12, 4, BITS { { "Port", 24, 8, FORM_NUMBER }, { "Speed", 0, 4, FORM_SPEED },
				  { "Width", 4, 6, FORM_LANES }, { "ASPM", 10, 2, FORM_HEX },
				  FLAG("ClockPM", 18), FLAG("Surprise", 19), END } },
	{ "LnkCtl", 16, 2, BITS { { "ASPM", 0, 2, FORM_HEX }, FLAG("RCB128", 3), FLAG("CommClk", 6),
				  FLAG("ExtSynch", 7), FLAG("ClockPM", 8), END } },
	{ "LnkSta", 18, 2, BITS { { "Speed", 0, 4, FORM_SPEED }, { "Width", 4, 6, FORM_LANES },
				  FLAG("SlotClk", 12), FLAG("DLActive", 13), END } },
	{ "DevCap2", 36, 4, BITS { { "CompletionTimeout", 0, 4, FORM_HEX }, FLAG("TimeoutDis", 4),
				   FLAG("AtomicOpsCap32", 7), FLAG("AtomicOpsCap64", 8),
				   FLAG("AtomicOpsCap128CAS", 9), FLAG("LTR", 11),
				   FLAG("10BitTagComp", 16), FLAG("10BitTagReq", 17), END } },
	{ "DevCtl2", 40, 2, BITS { { "CompletionTimeout", 0, 4, FORM_HEX }, FLAG("TimeoutDis", 4),
				   FLAG("AtomicOpsReq", 6), FLAG("IDOReq", 8), FLAG("IDOCpl", 9),
				   FLAG("LTR", 10), FLAG("10BitTagReq", 12), END } },
	{ 0 },
};

#define UNCORRECTABLE BITS { FLAG("DLP", 4), FLAG("SDES", 5), FLAG("TLP", 12), FLAG("FCP", 13),  \
			     FLAG("CmpltTO", 14), FLAG("CmpltAbrt", 15), FLAG("UnxCmplt", 16), \
			     FLAG("RxOF", 17), FLAG("MalfTLP", 18), FLAG("ECRC", 19),          \
			     FLAG("UnsupReq", 20), FLAG("ACSViol", 21), FLAG("UncorrIntErr", 22), END }
#define CORRECTABLE BITS { FLAG("RxErr", 0), FLAG("BadTLP", 6), FLAG("BadDLLP", 7),              \
			   FLAG("Rollover", 8), FLAG("Timeout", 12), FLAG("AdvNonFatalErr", 13), \
			   FLAG("CorrIntErr", 14), END }
#define WHOLE(name) BITS { { name, 0, 32, FORM_HEX }, END }

static const struct bit_register aer[] = {
	{ "UESta", 4, 4, UNCORRECTABLE },
	{ "UEMsk", 8, 4, UNCORRECTABLE },
	{ "UESvrt", 12, 4, UNCORRECTABLE },
	{ "CESta", 16, 4, CORRECTABLE },
	{ "CEMsk", 20, 4, CORRECTABLE },
	{ "AERCap", 24, 4, BITS { { "FirstErrorPointer", 0, 5, FORM_HEX }, FLAG("ECRCGenCap", 5),
				  FLAG("ECRCGenEn", 6), FLAG("ECRCChkCap", 7), FLAG("ECRCChkEn", 8),
				  END } },
	{ "HeaderLog0", 28, 4, WHOLE("DW") },
	{ "HeaderLog1", 32, 4, WHOLE("DW") },
	{ "HeaderLog2", 36, 4, WHOLE("DW") },
	{ "HeaderLog3", 40, 4, WHOLE("DW") },
	{ 0 },
};

static const struct bit_register serial_number[] = {
	{ "Serial high", 8, 4, WHOLE("Half") },
	{ "Serial low", 4, 4, WHOLE("Half") },
	{ 0 },
};

static const struct bit_register ari[] = {
	{ "ARICap", 4, 2, BITS { FLAG("MFVC", 0), FLAG("ACS", 1),
				 { "NextFunction", 8, 8, FORM_NUMBER }, END } },
	{ 0 },
};

static const struct bit_register ltr[] = {
	{ "Max snoop latency", 4, 2, BITS { { "Value", 0, 10, FORM_NUMBER },
					    { "Scale", 10, 3, FORM_NUMBER }, END } },
	{ "Max no snoop latency", 6, 2, BITS { { "Value", 0, 10, FORM_NUMBER },
					       { "Scale", 10, 3, FORM_NUMBER }, END } },
	{ 0 },
};

/* Of the first BAR of those that are. */
static const struct bit_register resizable_bar[] = {
	{ "RBarCap", 4, 4, BITS { { "Sizes", 4, 28, FORM_HEX }, END } },
	{ "RBarCtl", 8, 4, BITS { { "BAR", 0, 3, FORM_NUMBER }, { "BARs", 5, 3, FORM_NUMBER },
				  { "MiB", 8, 5, FORM_LOG2 }, END } },
	{ 0 },
};

static const struct bit_register sriov[] = {
	{ "IOVCap", 4, 4, BITS { FLAG("Migration", 0), FLAG("10BitTagReq", 2), END } },
	{ "IOVCtl", 8, 2, BITS { FLAG("Enable", 0), FLAG("Migration", 1), FLAG("MSE", 3),
				 FLAG("ARIHierarchy", 4), FLAG("10BitTagReq", 5), END } },
	{ "Initial VFs", 12, 2, BITS { { "VFs", 0, 16, FORM_NUMBER }, END } },
	{ "Total VFs", 14, 2, BITS { { "VFs", 0, 16, FORM_NUMBER }, END } },
	{ "Number of VFs", 16, 2, BITS { { "VFs", 0, 16, FORM_NUMBER }, END } },
	{ "VF offset", 20, 2, BITS { { "Offset", 0, 16, FORM_NUMBER }, END } },
	{ "VF stride", 22, 2, BITS { { "Stride", 0, 16, FORM_NUMBER }, END } },
	{ "VF device", 26, 2, BITS { { "ID", 0, 16, FORM_HEX }, END } },
	{ "Supported page sizes", 28, 4, WHOLE("Mask") },
	{ "System page size", 32, 4, WHOLE("Mask") },
	{ "VF BAR0", 36, 4, WHOLE("Value") },
	{ "VF BAR1", 40, 4, WHOLE("Value") },
	{ "VF BAR2", 44, 4, WHOLE("Value") },
	{ "VF BAR3", 48, 4, WHOLE("Value") },
	{ "VF BAR4", 52, 4, WHOLE("Value") },
	{ "VF BAR5", 56, 4, WHOLE("Value") },
	{ 0 },
};

static const struct bit_register vendor_specific[] = {
	{ "VSEC", 4, 4, BITS { { "ID", 0, 16, FORM_HEX }, { "Revision", 16, 4, FORM_NUMBER },
			       { "Length", 20, 12, FORM_NUMBER }, END } },
	{ 0 },
};

static const struct capability extended_capabilities[] = {
	{ 0x01, "Advanced Error Reporting", aer },
	{ 0x03, "Device Serial Number", serial_number },
	{ 0x0b, "Vendor Specific Information", vendor_specific },
	{ 0x0e, "Alternative Routing-ID Interpretation", ari },
	{ 0x10, "Single Root I/O Virtualization", sriov },
	{ 0x15, "Resizable BAR", resizable_bar },
	{ 0x18, "Latency Tolerance Reporting", ltr },
};

static const struct capability capabilities[] = {
	{ 0x01, "Power Management", pm },
	{ 0x02, "AGP", NULL },
	{ 0x03, "Vital Product Data", NULL },
	{ 0x04, "Slot ID", NULL },
	{ 0x05, "MSI", msi },
	{ 0x07, "PCI-X", NULL },
	{ 0x09, "Vendor Specific", NULL },
	{ 0x0a, "Debug port", NULL },
	{ 0x0d, "Subsystem", NULL },
	{ 0x10, "Express", pcie },
	{ 0x11, "MSI-X", msix },
	{ 0x12, "SATA HBA", NULL },
	{ 0x13, "PCI Advanced Features", NULL },
	{ 0x14, "Enhanced Allocation", NULL },
};

const struct capability *find_capability(unsigned id)
{
	for (unsigned i = 0; i < sizeof capabilities / sizeof capabilities[0]; i++)
		if (capabilities[i].id == id)
			return &capabilities[i];
	return NULL;
}

const struct capability *find_extended_capability(unsigned id)
{
	for (unsigned i = 0; i < sizeof extended_capabilities / sizeof extended_capabilities[0]; i++)
		if (extended_capabilities[i].id == id)
			return &extended_capabilities[i];
	return NULL;
}

const char *extended_capability_name(unsigned id)
{
	static const char *const names[] = {
		[0x01] = "Advanced Error Reporting", [0x02] = "Virtual Channel",
		[0x03] = "Device Serial Number", [0x04] = "Power Budgeting",
		[0x05] = "Root Complex Link Declaration", [0x0b] = "Vendor Specific Information",
		[0x0d] = "Access Control Services", [0x0e] = "Alternative Routing-ID Interpretation",
		[0x0f] = "Address Translation Services", [0x10] = "Single Root I/O Virtualization",
		[0x12] = "Multicast", [0x13] = "Page Request Interface", [0x15] = "Resizable BAR",
		[0x16] = "Dynamic Power Allocation", [0x17] = "TPH Requester",
		[0x18] = "Latency Tolerance Reporting", [0x19] = "Secondary PCI Express",
		[0x1b] = "Process Address Space ID", [0x1d] = "Downstream Port Containment",
		[0x1e] = "L1 PM Substates", [0x1f] = "Precision Time Measurement",
		[0x23] = "Designated Vendor-Specific", [0x25] = "Data Link Feature",
		[0x26] = "Physical Layer 16.0 GT/s", [0x27] = "Lane Margining at the Receiver",
		[0x2a] = "Physical Layer 32.0 GT/s", [0x2e] = "Data Object Exchange",
	};

	return id < sizeof names / sizeof names[0] ? names[id] : NULL;
}

const char *class_name(uint32_t class_code)
{
	static const struct { uint16_t sub_class; const char *name; } names[] = {
		{ 0x0100, "SCSI storage controller" }, { 0x0106, "SATA controller" },
		{ 0x0108, "Non-Volatile memory controller" }, { 0x0180, "Mass storage controller" },
		{ 0x0200, "Ethernet controller" }, { 0x0280, "Network controller" },
		{ 0x0300, "VGA compatible controller" }, { 0x0302, "3D controller" },
		{ 0x0380, "Display controller" }, { 0x0401, "Multimedia audio controller" },
		{ 0x0403, "Audio device" }, { 0x0500, "RAM memory" }, { 0x0580, "Memory controller" },
		{ 0x0700, "Serial controller" }, { 0x0780, "Communication controller" },
		{ 0x0801, "DMA controller" }, { 0x0880, "System peripheral" },
		{ 0x0c03, "USB controller" }, { 0x0c05, "SMBus" }, { 0x1000, "Network and computing encryption device" },
		{ 0x1180, "Signal processing controller" }, { 0x1200, "Processing accelerators" },
		{ 0xff00, "Unassigned class" },
	};

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].sub_class == class_code >> 8)
			return names[i].name;
	return "Device";
}

/* Without 64-bit addresses, what is behind the address comes 4 bytes earlier (7.7.1). */
unsigned msi_register_offset(const struct bit_register *reg, uint16_t control)
{
	bool wide = control >> 7 & 1, maskable = control >> 8 & 1;

	if (!strcmp(reg->name, "AddressHigh") && !wide)
		return 0;
	if (reg->offset >= 16 && !maskable)
		return 0;
	return reg->offset > 8 && !wide ? reg->offset - 4u : reg->offset;
}

/* ---- forms ---- */

static uint32_t cut(const struct bits *b, uint32_t value)
{
	return b->width == 32 ? value : value >> b->low & ((1u << b->width) - 1);
}

/* What a person calls the field's value. */
static uint32_t meaning(const struct bits *b, uint32_t v)
{
	switch (b->form) {
	case FORM_LESS_ONE:
		return v + 1;
	case FORM_LOG2:
		return 1u << v;
	case FORM_128_LOG2:
		return 128u << v;
	case FORM_OFFSET:
		return v & ~7u;
	default:
		return v;
	}
}

static const char *speed_text(uint32_t code)
{
	static const char *const speeds[] = {
		"unknown", "2.5GT/s", "5GT/s", "8GT/s", "16GT/s", "32GT/s", "64GT/s",
	};

	return speeds[code < sizeof speeds / sizeof speeds[0] ? code : 0];
}

static void print_bits(const struct bits *b, uint32_t value)
{
	uint32_t v = cut(b, value), m = meaning(b, v);

	switch (b->form) {
	case FORM_FLAG:
		printf(" %s%c", b->name, v ? '+' : '-');
		break;
	case FORM_HEX:
		printf(" %s 0x%0*" PRIx32, b->name, (b->width + 3) / 4, v);
		break;
	case FORM_OFFSET:
		printf(" %s 0x%" PRIx32, b->name, m);
		break;
	case FORM_SPEED:
		printf(" %s %s", b->name, speed_text(v));
		break;
	case FORM_LANES:
		printf(" %s x%" PRIu32, b->name, v);
		break;
	case FORM_128_LOG2:
		printf(" %s %" PRIu32 " bytes", b->name, m);
		break;
	default:
		printf(" %s %" PRIu32, b->name, m);
	}
}

void bit_register_print(const struct bit_register *reg, uint32_t value)
{
	printf("%s:", reg->name);
	for (const struct bits *b = reg->bits; b->name; b++)
		print_bits(b, value);
}

static void add_bits(cJSON *o, const struct bits *b, uint32_t value)
{
	uint32_t v = cut(b, value);

	if (b->form == FORM_FLAG)
		cJSON_AddBoolToObject(o, b->name, v != 0);
	else if (b->form == FORM_SPEED)
		cJSON_AddStringToObject(o, b->name, speed_text(v));
	else if (b->form == FORM_HEX || b->form == FORM_OFFSET)
		json_add_hex(o, b->name, meaning(b, v), 1);
	else
		cJSON_AddNumberToObject(o, b->name, meaning(b, v));
}

cJSON *bit_register_json(const struct bit_register *reg, uint32_t value)
{
	cJSON *o = cJSON_CreateObject();

	json_add_hex(o, "value", value, 2 * reg->size);
	for (const struct bits *b = reg->bits; b->name; b++)
		add_bits(o, b, value);
	return o;
}
