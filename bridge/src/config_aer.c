/* SPDX-License-Identifier: MIT */
/* Figure 6-2: what an error sets, and whether it is told. */
#include "bytes.h"
#include "config_aer.h"
#include "config_layout.h"

enum {
	CORRECTABLE_DETECTED = 1 << 0, NONFATAL_DETECTED = 1 << 1, FATAL_DETECTED = 1 << 2,
	UNSUPPORTED_DETECTED = 1 << 3,
	/* Of Device Control, with the same numbers: */
	CORRECTABLE_ENABLE = 1 << 0, NONFATAL_ENABLE = 1 << 1, FATAL_ENABLE = 1 << 2,
	UNSUPPORTED_ENABLE = 1 << 3,

	DEFAULT_SEVERITY = 0x00462030,
	ADVISORY = 1 << (AER_COR_ADVISORY - AER_COR),
};

/* A virtual function logs itself; what decides is the physical one's (9.4.2). */
static const struct config_space *owner(const struct config_space *c)
{
	return c->pf ? c->pf : c;
}

static uint32_t get_aer(const struct config_space *c, unsigned offset)
{
	return get_le32(c->value + c->at[PART_AER] + offset);
}

static void or_aer(struct config_space *c, unsigned offset, uint32_t bits)
{
	put_le32(c->value + c->at[PART_AER] + offset, get_aer(c, offset) | bits);
}

static bool has_aer(const struct config_space *c)
{
	return c->at[PART_AER];
}

static unsigned device_control(const struct config_space *c)
{
	return get_le16(owner(c)->value + owner(c)->at[PART_PCIE] + PCIE_DEVCTL);
}

static bool serr(const struct config_space *c)
{
	return get_le16(owner(c)->value + CFG_COMMAND) & COMMAND_SERR;
}

static void set_device_status(struct config_space *c, unsigned bits)
{
	uint8_t *status = c->value + c->at[PART_PCIE] + PCIE_DEVSTA;

	put_le16(status, (uint16_t)(get_le16(status) | bits));
}

void tlpb__config_set_status(struct config_space *c, unsigned bits)
{
	put_le16(c->value + CFG_STATUS, (uint16_t)(get_le16(c->value + CFG_STATUS) | bits));
}

void tlpb__config_master_parity(struct config_space *c)
{
	if (tlpb__config_command(owner(c)) & COMMAND_PARITY)
		tlpb__config_set_status(c, STATUS_MASTER_PARITY);
}

/* The first error that is not masked keeps its header until software clears its status bit. */
static void log_header(struct config_space *c, unsigned error, const uint32_t header[4])
{
	uint32_t control = get_aer(c, AER_CONTROL);
	unsigned first = control & AER_FIRST_ERROR;

	if (get_aer(c, AER_UNCORRECTABLE_STATUS) >> first & 1)
		return;
	put_le32(c->value + c->at[PART_AER] + AER_CONTROL, (control & ~(uint32_t)AER_FIRST_ERROR) | error);
	for (unsigned i = 0; i < 4; i++)
		put_le32(c->value + c->at[PART_AER] + AER_HEADER_LOG + 4 * i, header ? header[i] : 0);
}

/* Into the Uncorrectable Error Status. True: the error is not masked. */
static bool log_uncorrectable(struct config_space *c, unsigned error, const uint32_t header[4])
{
	bool masked = get_aer(owner(c), AER_UNCORRECTABLE_MASK) >> error & 1;

	if (!masked)
		log_header(c, error, header);
	or_aer(c, AER_UNCORRECTABLE_STATUS, 1u << error);
	return !masked;
}

/* Into the Correctable Error Status. True: the error is not masked. */
static bool log_correctable(struct config_space *c, uint32_t bit)
{
	or_aer(c, AER_CORRECTABLE_STATUS, bit);
	return !(get_aer(owner(c), AER_CORRECTABLE_MASK) & bit);
}

static enum error_message tell_correctable(const struct config_space *c, bool unsupported)
{
	unsigned need = CORRECTABLE_ENABLE | (unsupported ? UNSUPPORTED_ENABLE : 0);

	return (device_control(c) & need) == need ? ERROR_MESSAGE_COR : ERROR_MESSAGE_NONE;
}

static enum error_message report_correctable(struct config_space *c, uint32_t bit)
{
	set_device_status(c, CORRECTABLE_DETECTED);
	if (has_aer(c) && !log_correctable(c, bit))
		return ERROR_MESSAGE_NONE;
	return tell_correctable(c, false);
}

static enum error_message report_advisory(struct config_space *c, unsigned error,
					  const uint32_t header[4])
{
	bool unsupported = error == AER_UNSUPPORTED_REQUEST;

	set_device_status(c, CORRECTABLE_DETECTED | (unsupported ? UNSUPPORTED_DETECTED : 0));
	if (has_aer(c)) {
		if (!log_correctable(c, ADVISORY))
			return ERROR_MESSAGE_NONE;
		log_uncorrectable(c, error, header);
	}
	return tell_correctable(c, unsupported);
}

/* SERR# Enable tells of all of them, Device Control of each kind. */
static enum error_message tell_uncorrectable(struct config_space *c, bool fatal, bool unsupported)
{
	unsigned need = (fatal ? FATAL_ENABLE : NONFATAL_ENABLE) |
			(unsupported ? UNSUPPORTED_ENABLE : 0u);

	if (!serr(c) && (device_control(c) & need) != need)
		return ERROR_MESSAGE_NONE;
	if (serr(c))
		tlpb__config_set_status(c, STATUS_SYSTEM_ERROR_SENT);
	return fatal ? ERROR_MESSAGE_FATAL : ERROR_MESSAGE_NONFATAL;
}

static enum error_message report_uncorrectable(struct config_space *c, unsigned error, bool fatal,
					       const uint32_t header[4])
{
	bool unsupported = error == AER_UNSUPPORTED_REQUEST;

	set_device_status(c, (fatal ? FATAL_DETECTED : NONFATAL_DETECTED) |
			     (unsupported ? UNSUPPORTED_DETECTED : 0u));
	if (has_aer(c) && !log_uncorrectable(c, error, header))
		return ERROR_MESSAGE_NONE;
	return tell_uncorrectable(c, fatal, unsupported);
}

static bool is_fatal(const struct config_space *c, unsigned error)
{
	uint32_t severity = has_aer(owner(c)) ? get_aer(owner(c), AER_SEVERITY) : DEFAULT_SEVERITY;

	return severity >> error & 1;
}

/* What conventional PCI software looks at (7.5.1.1.4). */
static void note_in_status(struct config_space *c, unsigned error)
{
	if (error == AER_POISONED)
		tlpb__config_set_status(c, STATUS_PARITY_ERROR);
	if (error == AER_COMPLETER_ABORT)
		tlpb__config_set_status(c, STATUS_TARGET_ABORT_SENT);
}

enum error_message tlpb__config_aer_report(struct config_space *c, unsigned error,
					   const uint32_t header[4])
{
	unsigned bit = error & (AER_AS_ADVISORY - 1u);
	bool fatal;

	if (bit >= AER_COR)
		return report_correctable(c, 1u << (bit - AER_COR));
	fatal = is_fatal(c, bit);
	note_in_status(c, bit);
	if (error & AER_AS_ADVISORY && !fatal)
		return report_advisory(c, bit, header);
	return report_uncorrectable(c, bit, fatal, header);
}
