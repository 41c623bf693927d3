/* SPDX-License-Identifier: MIT */
/* Trace files from anywhere: errors, never crashes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <tlpbridge/trace.h>
#include <tlpbridge/wire.h>

#include "fuzz.h"

static void read_all(tlpb_trace_reader *reader)
{
	struct tlpb_trace_record record;
	unsigned sum = 0;
	char why[256];

	while (tlpb_trace_next(reader, &record, why, sizeof why) > 0)
		for (size_t i = 0; i < record.len; i++)
			sum += record.body[i];	/* the sanitizer sees whether these bytes exist */
	FUZZ_CHECK(sum < 0xffffffff);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	tlpb_trace_reader *reader;
	char path[64], why[256];
	int fd = memfd_create("trace", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (!tlpb_trace_open(path, &reader, why, sizeof why)) {
		read_all(reader);
		tlpb_trace_reader_close(reader);
	}
	close(fd);
	return 0;
}

size_t fuzz_seed(unsigned i, uint8_t *data, size_t size)
{
	static const uint8_t tlp[12] = { 0, 0, 0, 1 };
	struct tlpb_trace_record record = { .time_ps = 1500, .kind = TLPB_FRAME_TLP, .body = tlp,
					    .len = sizeof tlp };
	char path[] = "fuzz-trace-XXXXXX", why[256];
	tlpb_trace *trace;
	ssize_t len;
	int fd;

	if (i)
		return 0;
	fd = mkstemp(path);
	FUZZ_CHECK(fd >= 0 && !tlpb_trace_create(path, &trace, why, sizeof why));
	for (int n = 0; n < 3; n++)
		tlpb_trace_write(trace, &record);
	FUZZ_CHECK(!tlpb_trace_close(trace));
	len = pread(fd, data, size, 0);
	close(fd);
	unlink(path);
	return len > 0 ? (size_t)len : 0;
}
