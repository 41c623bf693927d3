/* SPDX-License-Identifier: MIT */
/*
 * edu-guest DEVICE SCRIPT: run a script on an edu device in the test guest, print the
 * transcript. DEVICE is the function's directory in sysfs. No driver is needed. The kernel
 * must leave EDU_RAM bytes at 128 MiB alone (memmap=1M$0x8000000): within the device's
 * 28 bits of DMA address, unlike most of the guest's memory.
 * Status: 0 as the specification says, 1 not, 2 wrong use or no access.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "edu_script.h"

enum { RAM_AT = 0x8000000, BAR0_SIZE = 1 << 20 };

static volatile uint8_t *bar0, *ram;
static int config;

static void fail(const char *what)
{
	fprintf(stderr, "edu-guest: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int open_file(const char *directory, const char *name)
{
	char path[300];
	int file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	file = open(path, O_RDWR | O_SYNC);
	if (file < 0)
		fail(path);
	return file;
}

static volatile uint8_t *map(int file, off_t offset, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, offset);

	if (at == MAP_FAILED)
		fail("mmap");
	close(file);
	return at;
}

/* One instruction each. */
static uint64_t reg_read(struct edu_machine *machine, uint64_t offset, unsigned size)
{
	volatile uint8_t *at = bar0 + offset;

	switch (size) {
	case 1: return *at;
	case 2: return *(volatile uint16_t *)at;
	case 4: return *(volatile uint32_t *)at;
	default: return *(volatile uint64_t *)at;
	}
}

static void reg_write(struct edu_machine *machine, uint64_t offset, unsigned size, uint64_t value)
{
	volatile uint8_t *at = bar0 + offset;

	switch (size) {
	case 1: *at = (uint8_t)value; break;
	case 2: *(volatile uint16_t *)at = (uint16_t)value; break;
	case 4: *(volatile uint32_t *)at = (uint32_t)value; break;
	default: *(volatile uint64_t *)at = value;
	}
}

static uint32_t config_read(struct edu_machine *machine, unsigned offset, unsigned size)
{
	uint32_t value = 0;

	if (pread(config, &value, size, offset) != size)
		fail("config read");
	return value;
}

static void config_write(struct edu_machine *machine, unsigned offset, unsigned size, uint32_t value)
{
	if (pwrite(config, &value, size, offset) != size)
		fail("config write");
}

static void ram_read(struct edu_machine *machine, uint64_t at, void *buf, size_t len)
{
	memcpy(buf, (const uint8_t *)ram + at, len);
}

static void ram_write(struct edu_machine *machine, uint64_t at, const void *data, size_t len)
{
	memcpy((uint8_t *)ram + at, data, len);
}

int main(int argc, char **argv)
{
	struct edu_machine machine = {
		.ram = RAM_AT,
		.read = reg_read, .write = reg_write,
		.config_read = config_read, .config_write = config_write,
		.ram_read = ram_read, .ram_write = ram_write,
	};
	FILE *script = argc == 3 ? fopen(argv[2], "r") : NULL;

	if (!script) {
		fprintf(stderr, "usage: edu-guest DEVICE SCRIPT\n");
		return 2;
	}
	config = open_file(argv[1], "config");
	config_write(&machine, 0x04, 2, 6);	/* memory, bus master */
	bar0 = map(open_file(argv[1], "resource0"), 0, BAR0_SIZE);
	ram = map(open_file("/dev", "mem"), RAM_AT, EDU_RAM);
	return edu_run(&machine, script, stdout) != 0;
}
