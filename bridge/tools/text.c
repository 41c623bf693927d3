/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

static unsigned shift_of(char suffix)
{
	switch (suffix) {
	case 'K': case 'k':
		return 10;
	case 'M': case 'm':
		return 20;
	case 'G': case 'g':
		return 30;
	default:
		return 0;
	}
}

bool parse_number(const char *text, uint64_t *value)
{
	unsigned shift;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*value = strtoull(text, &end, text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10);
	shift = shift_of(*end);
	if (errno || *value > UINT64_MAX >> shift || end[shift ? 1 : 0])
		return false;
	*value <<= shift;
	return true;
}

const char *size_text(uint64_t bytes, char text[24])
{
	static const char units[] = "\0KMGTPE";
	unsigned unit = 0;

	while (bytes && bytes % 1024 == 0 && units[unit + 1]) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, 24, "%" PRIu64 "%.1s", bytes, units + unit);
	return text;
}

void json_add_hex(cJSON *object, const char *name, uint64_t value, int digits)
{
	char text[24];

	snprintf(text, sizeof text, "0x%0*" PRIx64, digits, value);
	cJSON_AddStringToObject(object, name, text);
}

void json_add_u64(cJSON *object, const char *name, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%" PRIu64, value);
	cJSON_AddRawToObject(object, name, digits);
}

bool json_print(cJSON *object, bool indented)
{
	char *text = indented ? cJSON_Print(object) : cJSON_PrintUnformatted(object);

	cJSON_Delete(object);
	if (!text)
		return complain("out of memory");
	puts(text);
	cJSON_free(text);
	return true;
}

static void dump_line(FILE *out, uint64_t offset, const uint8_t *bytes, size_t len)
{
	fprintf(out, "%08" PRIx64 ":", offset);
	for (size_t i = 0; i < 16; i++) {
		if (i < len)
			fprintf(out, " %02x", bytes[i]);
		else
			fputs("   ", out);
	}
	fputs("  ", out);
	for (size_t i = 0; i < len; i++)
		fputc(bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.', out);
	fputc('\n', out);
}

void hex_dump(FILE *out, uint64_t offset, const uint8_t *bytes, size_t len)
{
	for (size_t at = 0; at < len; at += 16)
		dump_line(out, offset + at, bytes + at, len - at < 16 ? len - at : 16);
}

bool complain(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("tlpbridge: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return false;
}

static uint8_t *read_all(FILE *in, const char *path, size_t limit, size_t *len)
{
	uint8_t *bytes = malloc(limit + 1);

	if (!bytes) {
		complain("%s: no memory for %zu bytes", path, limit);
		return NULL;
	}
	*len = fread(bytes, 1, limit + 1, in);
	if (ferror(in) || *len > limit) {
		if (ferror(in))
			complain("%s: %s", path, strerror(errno));
		else
			complain("%s is larger than the %zu bytes there is room for", path, limit);
		free(bytes);
		return NULL;
	}
	return bytes;
}

uint8_t *read_file(const char *path, size_t limit, size_t *len)
{
	FILE *in = fopen(path, "rbe");
	uint8_t *bytes;

	if (!in) {
		complain("%s: %s", path, strerror(errno));
		return NULL;
	}
	bytes = read_all(in, path, limit, len);
	fclose(in);
	return bytes;
}

/* Memory of a device or a guest is its owner's only. */
static FILE *create_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;

	if (fd >= 0 && !file)
		close(fd);
	return file;
}

bool write_file(const char *path, const void *bytes, size_t len)
{
	FILE *out = strcmp(path, "-") ? create_file(path) : stdout;
	bool written;

	if (!out)
		return complain("%s: %s", path, strerror(errno));
	written = fwrite(bytes, 1, len, out) == len;
	if (out != stdout)
		written &= fclose(out) == 0;
	return written || complain("%s: %s", path, strerror(errno));
}

/* Why an earlier write failed is not known any more: errno is of something else. */
bool flush_stdout(void)
{
	bool failed_before = ferror(stdout);

	if (!fflush(stdout) && !failed_before)
		return true;
	return complain("cannot write: %s", failed_before ? "output was lost" : strerror(errno));
}
