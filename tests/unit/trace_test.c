/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tlpbridge/err.h>
#include <tlpbridge/log.h>
#include <tlpbridge/trace.h>
#include <tlpbridge/wire.h>
#include "bytes.h"
#include "gtest.h"

enum { FILE_HEADER = 24, PACKET_HEADER = 16, USER0 = 147, DATA_MAX = 4096 };

static const uint8_t tlp[] = { 0x04, 0, 0, 1, 0, 0, 0x0a, 0x0f, 1, 0, 0, 0 };

static const struct tlpb_trace_record samples[] = {
	{ 0, TLPB_TO_ENDPOINT, TLPB_FRAME_TLP, 0, 0, tlp, sizeof tlp },
	{ 1234567, TLPB_TO_HOST, TLPB_FRAME_TLP, 1, 2, tlp, sizeof tlp },
	{ 5000000001999, TLPB_TO_HOST, TLPB_FRAME_READY, 65535, 65535, NULL, 0 },
	{ UINT64_MAX, TLPB_TO_ENDPOINT, 999, 3, 0, tlp, 1 },
};

enum { SAMPLES = sizeof samples / sizeof samples[0] };

/* A file that is gone at the end of the test; the directory is only ours. */
struct scratch {
	char dir[64], path[80];
};

static struct scratch make_scratch(void)
{
	struct scratch s = { "/tmp/tlpb_trace_test.XXXXXX", "" };

	ASSERT_NOT_NULL(mkdtemp(s.dir));
	snprintf(s.path, sizeof s.path, "%s/x.pcap", s.dir);
	return s;
}

static void drop_scratch(const struct scratch *s)
{
	unlink(s->path);
	rmdir(s->dir);
}

static void write_samples(const char *path)
{
	char why[256] = "";
	tlpb_trace *trace;

	ASSERT_EQ(tlpb_trace_create(path, &trace, why, sizeof why), 0);
	for (unsigned i = 0; i < SAMPLES; i++)
		tlpb_trace_write(trace, &samples[i]);
	ASSERT_EQ(tlpb_trace_close(trace), 0);
}

static size_t load(const char *path, uint8_t *data)
{
	FILE *f = fopen(path, "rb");
	size_t len;

	ASSERT_NOT_NULL(f);
	len = fread(data, 1, DATA_MAX, f);
	fclose(f);
	return len;
}

static void store(const char *path, const uint8_t *data, size_t len)
{
	FILE *f = fopen(path, "wb");

	ASSERT_NOT_NULL(f);
	if (len)
		ASSERT_EQ(fwrite(data, 1, len, f), len);
	fclose(f);
}

/* Reads to the end or the first error, which it returns; *count records were good. */
static int read_all(const char *path, unsigned *count, char why[256])
{
	struct tlpb_trace_record r;
	tlpb_trace_reader *reader;
	int ret = tlpb_trace_open(path, &reader, why, 256);
	volatile uint8_t sum = 0;

	*count = 0;
	if (ret)
		return ret;
	while ((ret = tlpb_trace_next(reader, &r, why, 256)) > 0) {
		for (size_t i = 0; i < r.len; i++)
			sum = (uint8_t)(sum + r.body[i]);
		++*count;
	}
	tlpb_trace_reader_close(reader);
	return ret;
}

static unsigned logged;
static char last_log[1024];

static void catch_log(enum tlpb_log_level level, const char *line)
{
	logged++;
	snprintf(last_log, sizeof last_log, "%s", line);
}

TEST(Trace, KeepsWhatWasWritten)
{
	struct scratch s = make_scratch();
	struct tlpb_trace_record r;
	tlpb_trace_reader *reader;
	char why[256] = "";

	write_samples(s.path);
	ASSERT_EQ(tlpb_trace_open(s.path, &reader, why, sizeof why), 0);
	for (unsigned i = 0; i < SAMPLES; i++) {
		ASSERT_EQ(tlpb_trace_next(reader, &r, why, sizeof why), 1);
		EXPECT_EQ(r.time_ps, samples[i].time_ps);
		EXPECT_EQ(r.direction, samples[i].direction);
		EXPECT_EQ(r.kind, samples[i].kind);
		EXPECT_EQ(r.link, samples[i].link);
		EXPECT_EQ(r.function, samples[i].function);
		ASSERT_EQ(r.len, samples[i].len);
		if (r.len)
			EXPECT_MEMEQ(r.body, samples[i].body, r.len);
	}
	EXPECT_EQ(tlpb_trace_next(reader, &r, why, sizeof why), 0);
	tlpb_trace_reader_close(reader);
	drop_scratch(&s);
}

/* Byte for byte, so that the format is not only what our own reader believes. */
TEST(Trace, IsPcapWithNanosecondsAndAPseudoHeader)
{
	struct scratch s = make_scratch();
	uint8_t data[DATA_MAX];
	const uint8_t *p = data + FILE_HEADER + PACKET_HEADER + TLPB_TRACE_HEADER + sizeof tlp;
	const uint8_t *pseudo = p + PACKET_HEADER;

	write_samples(s.path);
	load(s.path, data);
	EXPECT_EQ(get_le32(data), 0xa1b23c4d);
	EXPECT_EQ(get_le32(data + 20), USER0);
	EXPECT_EQ(get_le32(p), 0);
	EXPECT_EQ(get_le32(p + 4), 1234);
	EXPECT_EQ(get_le32(p + 8), TLPB_TRACE_HEADER + sizeof tlp);
	EXPECT_EQ(get_le32(p + 12), TLPB_TRACE_HEADER + sizeof tlp);
	EXPECT_EQ(pseudo[0], 1);
	EXPECT_EQ(pseudo[1], TLPB_TO_HOST);
	EXPECT_EQ(get_le16(pseudo + 2), TLPB_FRAME_TLP);
	EXPECT_EQ(get_le16(pseudo + 4), 1);
	EXPECT_EQ(get_le16(pseudo + 6), 2);
	EXPECT_EQ(get_le64(pseudo + 8), 1234567);
	EXPECT_MEMEQ(pseudo + TLPB_TRACE_HEADER, tlp, sizeof tlp);
	drop_scratch(&s);
}

TEST(Trace, EqualRunsGiveEqualFiles)
{
	struct scratch s = make_scratch();
	uint8_t a[DATA_MAX], b[DATA_MAX];
	size_t len;

	write_samples(s.path);
	len = load(s.path, a);
	write_samples(s.path);
	ASSERT_EQ(load(s.path, b), len);
	EXPECT_MEMEQ(a, b, len);
	drop_scratch(&s);
}

TEST(Trace, HidesTheTokenOfHello)
{
	static const uint8_t hidden[TLPB_TOKEN];
	struct scratch s = make_scratch();
	struct tlpb_trace_record r = { .kind = TLPB_FRAME_HELLO };
	tlpb_trace_reader *reader;
	char why[256] = "";
	uint8_t body[62];
	tlpb_trace *trace;

	memset(body, 0x5a, sizeof body);
	r.body = body;
	ASSERT_EQ(tlpb_trace_create(s.path, &trace, why, sizeof why), 0);
	r.len = 39;	/* cut: nothing to hide */
	tlpb_trace_write(trace, &r);
	r.len = sizeof body;
	tlpb_trace_write(trace, &r);
	ASSERT_EQ(tlpb_trace_close(trace), 0);

	ASSERT_EQ(tlpb_trace_open(s.path, &reader, why, sizeof why), 0);
	ASSERT_EQ(tlpb_trace_next(reader, &r, why, sizeof why), 1);
	EXPECT_MEMEQ(r.body, body, 39);
	ASSERT_EQ(tlpb_trace_next(reader, &r, why, sizeof why), 1);
	EXPECT_MEMEQ(r.body, body, 24);
	EXPECT_MEMEQ(r.body + 24, hidden, sizeof hidden);
	EXPECT_MEMEQ(r.body + 40, body + 40, sizeof body - 40);
	tlpb_trace_reader_close(reader);
	drop_scratch(&s);
}

TEST(Trace, IsPrivateAlsoWhereAFileWasBefore)
{
	struct scratch s = make_scratch();
	struct stat st;

	store(s.path, tlp, sizeof tlp);
	ASSERT_EQ(chmod(s.path, 0666), 0);
	write_samples(s.path);
	ASSERT_EQ(stat(s.path, &st), 0);
	EXPECT_EQ(st.st_mode & 0777, 0600);
	drop_scratch(&s);
}

TEST(Trace, FollowsNoLink)
{
	struct scratch s = make_scratch();
	char target[96], why[256] = "";
	tlpb_trace *trace;

	snprintf(target, sizeof target, "%s/target", s.dir);
	ASSERT_EQ(symlink(target, s.path), 0);
	EXPECT_EQ(tlpb_trace_create(s.path, &trace, why, sizeof why), TLPB_ERR_IO);
	EXPECT_TRUE(strstr(why, "symbolic link"));
	EXPECT_NE(access(target, F_OK), 0);
	drop_scratch(&s);
}

TEST(Trace, SaysWhyItCannotBeCreated)
{
	char why[256] = "";
	tlpb_trace *trace;

	EXPECT_EQ(tlpb_trace_create("/nonexistent/x.pcap", &trace, why, sizeof why), TLPB_ERR_IO);
	EXPECT_TRUE(strstr(why, "/nonexistent/x.pcap"));
	EXPECT_TRUE(strstr(why, "No such file"));
	EXPECT_NULL(trace);
	EXPECT_EQ(tlpb_trace_close(trace), 0);
}

TEST(Trace, IsReadableAfterAFlush)
{
	struct scratch s = make_scratch();
	char why[256] = "";
	tlpb_trace *trace;
	unsigned count;

	ASSERT_EQ(tlpb_trace_create(s.path, &trace, why, sizeof why), 0);
	tlpb_trace_write(trace, &samples[0]);
	tlpb_trace_flush(trace);
	EXPECT_EQ(read_all(s.path, &count, why), 0);
	EXPECT_EQ(count, 1);
	EXPECT_EQ(tlpb_trace_close(trace), 0);
	drop_scratch(&s);
}

TEST(Trace, AFullDiskIsSaidOnce)
{
	char why[256] = "";
	tlpb_trace *trace;

	logged = 0;
	tlpb_log_set_sink(catch_log);
	ASSERT_EQ(tlpb_trace_create("/dev/full", &trace, why, sizeof why), 0);
	for (unsigned i = 0; i < 1000; i++)
		tlpb_trace_write(trace, &samples[0]);
	EXPECT_EQ(logged, 1);
	EXPECT_TRUE(strstr(last_log, "/dev/full"));
	EXPECT_TRUE(strstr(last_log, "No space left"));
	tlpb_trace_flush(trace);
	EXPECT_EQ(tlpb_trace_close(trace), TLPB_ERR_IO);
	EXPECT_EQ(logged, 1);
	tlpb_log_set_sink(NULL);
}

TEST(Trace, AFullDiskIsNoticedAtTheEndToo)
{
	char why[256] = "";
	tlpb_trace *trace;

	logged = 0;
	tlpb_log_set_sink(catch_log);
	ASSERT_EQ(tlpb_trace_create("/dev/full", &trace, why, sizeof why), 0);
	tlpb_trace_write(trace, &samples[0]);
	EXPECT_EQ(tlpb_trace_close(trace), TLPB_ERR_IO);
	EXPECT_EQ(logged, 1);
	tlpb_log_set_sink(NULL);
}

TEST(Trace, LargestFramesFit)
{
	struct scratch s = make_scratch();
	static uint8_t body[TLPB_FRAME_MAX + 1];
	struct tlpb_trace_record r = { .kind = TLPB_FRAME_DEVICE, .body = body };
	tlpb_trace_reader *reader;
	char why[256] = "";
	tlpb_trace *trace;

	memset(body, 0x5a, sizeof body);
	ASSERT_EQ(tlpb_trace_create(s.path, &trace, why, sizeof why), 0);
	for (unsigned more = 0; more < 2; more++) {
		r.len = TLPB_FRAME_MAX + more;
		tlpb_trace_write(trace, &r);
	}
	ASSERT_EQ(tlpb_trace_close(trace), 0);
	ASSERT_EQ(tlpb_trace_open(s.path, &reader, why, sizeof why), 0);
	for (unsigned i = 0; i < 2; i++) {
		ASSERT_EQ(tlpb_trace_next(reader, &r, why, sizeof why), 1);
		EXPECT_EQ(r.len, TLPB_FRAME_MAX);
		EXPECT_MEMEQ(r.body, body, TLPB_FRAME_MAX);
	}
	tlpb_trace_reader_close(reader);
	drop_scratch(&s);
}

TEST(TraceReader, TellsTruncationAtEveryByte)
{
	struct scratch s = make_scratch();
	uint8_t data[DATA_MAX];
	char why[256] = "";
	size_t len, ends = 0;
	unsigned count;

	write_samples(s.path);
	len = load(s.path, data);
	for (size_t cut = 0; cut < len; cut++) {
		int err;

		store(s.path, data, cut);
		why[0] = 0;
		err = read_all(s.path, &count, why);
		EXPECT_LT(count, SAMPLES);
		if (err)
			EXPECT_STRNE(why, "");
		ends += !err;
	}
	EXPECT_EQ(ends, SAMPLES);	/* only between two records nobody can tell */
	drop_scratch(&s);
}

TEST(TraceReader, RefusesWhatIsNoTrace)
{
	struct scratch s = make_scratch();
	uint8_t data[DATA_MAX], saved;
	char why[256] = "";
	unsigned count;
	size_t len;

	EXPECT_EQ(read_all(s.path, &count, why), TLPB_ERR_NOT_FOUND);
	EXPECT_TRUE(strstr(why, s.path));
	EXPECT_LT(read_all(s.dir, &count, why), 0);
	store(s.path, (const uint8_t *)"#!/bin/sh\necho this is no trace\n", 32);
	EXPECT_EQ(read_all(s.path, &count, why), TLPB_ERR_PROTOCOL);

	write_samples(s.path);
	len = load(s.path, data);
	data[20] = 1;	/* Ethernet */
	store(s.path, data, len);
	EXPECT_EQ(read_all(s.path, &count, why), TLPB_ERR_PROTOCOL);
	EXPECT_TRUE(strstr(why, "USER0"));
	data[20] = USER0;

	for (unsigned i = 0; i < 2; i++) {	/* version, direction */
		saved = data[FILE_HEADER + PACKET_HEADER + i];
		data[FILE_HEADER + PACKET_HEADER + i] = 2;
		store(s.path, data, len);
		EXPECT_EQ(read_all(s.path, &count, why), TLPB_ERR_PROTOCOL);
		EXPECT_TRUE(strstr(why, "record 1"));
		data[FILE_HEADER + PACKET_HEADER + i] = saved;
	}
	drop_scratch(&s);
}

TEST(TraceReader, RefusesARecordWithoutPseudoHeader)
{
	struct scratch s = make_scratch();
	uint8_t data[DATA_MAX] = { 0 };
	char why[256] = "";
	unsigned count;
	size_t len;

	write_samples(s.path);
	len = load(s.path, data);
	put_le32(data + FILE_HEADER + 8, TLPB_TRACE_HEADER - 1);
	store(s.path, data, len);
	EXPECT_EQ(read_all(s.path, &count, why), TLPB_ERR_TRUNCATED);
	EXPECT_TRUE(strstr(why, "pseudo-header"));
	drop_scratch(&s);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

TEST(TraceReader, SurvivesBrokenFiles)
{
	struct scratch s = make_scratch();
	uint8_t good[DATA_MAX], data[DATA_MAX];
	char why[256] = "";
	uint32_t state = 1;
	unsigned count;
	size_t len;

	write_samples(s.path);
	len = load(s.path, good);
	for (unsigned round = 0; round < 2000; round++) {
		memcpy(data, good, len);
		for (unsigned n = 1 + next_random(&state) % 4; n; n--)
			data[next_random(&state) % len] = (uint8_t)next_random(&state);
		store(s.path, data, len);
		read_all(s.path, &count, why);
	}
	drop_scratch(&s);
}
