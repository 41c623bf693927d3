/* SPDX-License-Identifier: MIT */
/* The registers of config space bit by bit, as tables: for text like lspci's, and for JSON. */
#ifndef TLPBRIDGE_CONFIG_BITS_H
#define TLPBRIDGE_CONFIG_BITS_H

#include <cjson/cJSON.h>
#include <stdint.h>

enum bit_form {
	FORM_FLAG,		/* Name+ or Name- */
	FORM_NUMBER,
	FORM_HEX,
	FORM_LESS_ONE,		/* a number of which 1 less is kept */
	FORM_LOG2,		/* a power of two */
	FORM_128_LOG2,		/* 128, 256, ... bytes */
	FORM_SPEED,		/* of a link */
	FORM_LANES,
	FORM_OFFSET,		/* its low 3 bits are a BAR */
};

struct bits {
	const char *name;
	uint8_t low, width;
	enum bit_form form;
};

/* A register of a capability, or of the header. */
struct bit_register {
	const char *name;
	uint16_t offset;		/* bytes, from the capability */
	uint8_t size;			/* bytes: 1, 2, 4 */
	const struct bits *bits;	/* ended by one without a name */
};

struct capability {
	uint16_t id;
	const char *name;
	const struct bit_register *registers;	/* NULL: known by name alone */
};

extern const struct bit_register command_register, status_register;

/* NULL: unknown. */
const struct capability *find_capability(unsigned id);
const struct capability *find_extended_capability(unsigned id);
const char *extended_capability_name(unsigned id);

/* The base class and sub-class in words, or "Device". */
const char *class_name(uint32_t class_code);

/* MSI: which registers there are depends on the control register. 0: this one is not there. */
unsigned msi_register_offset(const struct bit_register *reg, uint16_t control);

/* "Name: Flag+ Flag- Number 5"; to stdout, without line end. */
void bit_register_print(const struct bit_register *reg, uint32_t value);
cJSON *bit_register_json(const struct bit_register *reg, uint32_t value);

#endif
