/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include "hex.h"

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

long hex_to_bytes(const char *text, size_t len, uint8_t *bytes)
{
	long count = 0;

	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(text[i]), low;

		if (isspace((unsigned char)text[i]))
			continue;
		if (high < 0 || i + 1 == len || (low = hex_digit(text[i + 1])) < 0)
			return -1;
		bytes[count++] = (uint8_t)(high << 4 | low);
		i++;
	}
	return count;
}

void bytes_to_hex(const uint8_t *bytes, size_t len, char *hex)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*hex++ = digits[bytes[i] >> 4];
		*hex++ = digits[bytes[i] & 15];
	}
	*hex = '\0';
}
