/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include <tlpbridge/err.h>
#include <tlpbridge/log.h>
#include <tlpbridge/trace.h>
#include <tlpbridge/wire.h>
#include "bytes.h"

enum { VERSION = 1, PACKET_MAX = TLPB_TRACE_HEADER + TLPB_FRAME_MAX };

enum {
	HELLO_TOKEN = 24,	/* offset of the link token in the body */
	GRANT_PID = 4,		/* of PID and descriptor in GRANT_MEM */
};

struct tlpb_trace {
	pcap_t *pcap;
	pcap_dumper_t *dumper;
	char *path;
	bool failed;		/* a write went wrong: nothing more is written */
	uint8_t packet[PACKET_MAX];
};

struct tlpb_trace_reader {
	pcap_t *pcap;
	uint64_t number;	/* of the record read last, from 1 */
};

__attribute__((format(printf, 4, 5)))
static int refuse(char *why, size_t why_size, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, why_size, fmt, args);
	va_end(args);
	return err;
}

/*
 * Guest data is nobody else's business, also in a file that was there before. A
 * link planted at path must not lead the trace to another file. Devices and
 * FIFOs keep their mode.
 */
static int open_private(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;
	int err;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && (!S_ISREG(st.st_mode) || fchmod(fd, 0600) == 0))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

static FILE *open_file(const char *path, char *why, size_t why_size)
{
	int fd = open_private(path);
	FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;

	if (file)
		return file;
	refuse(why, why_size, 0, "cannot create the trace %s: %s", path,
	       errno == ELOOP ? "it is a symbolic link" : strerror(errno));
	if (fd >= 0)
		close(fd);
	return NULL;
}

int tlpb_trace_create(const char *path, tlpb_trace **out, char *why, size_t why_size)
{
	tlpb_trace *trace = calloc(1, sizeof *trace);
	int err = TLPB_ERR_NOMEM;
	FILE *file;

	*out = NULL;
	if (trace)
		trace->path = strdup(path);
	if (!trace || !trace->path)
		goto no_memory;
	trace->pcap = pcap_open_dead_with_tstamp_precision(DLT_USER0, PACKET_MAX,
							   PCAP_TSTAMP_PRECISION_NANO);
	if (!trace->pcap)
		goto no_memory;
	err = TLPB_ERR_IO;
	file = open_file(path, why, why_size);
	if (!file)
		goto no_file;
	trace->dumper = pcap_dump_fopen(trace->pcap, file);	/* closes file when it fails */
	if (!trace->dumper) {
		refuse(why, why_size, err, "cannot write the trace %s: %s", path,
		       pcap_geterr(trace->pcap));
		goto no_file;
	}
	*out = trace;
	return 0;

no_memory:
	refuse(why, why_size, err, "no memory for the trace %s", path);
no_file:
	if (trace && trace->pcap)
		pcap_close(trace->pcap);
	if (trace)
		free(trace->path);
	free(trace);
	return err;
}

/* To be called with the errno of the failure; says it once. */
static void fail(tlpb_trace *trace)
{
	if (!trace->failed)
		tlpb_log(TLPB_LOG_ERROR, "the trace %s is incomplete and ends here: %s",
			 trace->path, errno ? strerror(errno) : "cannot write");
	trace->failed = true;
}

static void put_header(uint8_t *p, const struct tlpb_trace_record *record)
{
	p[0] = VERSION;
	p[1] = (uint8_t)record->direction;
	put_le16(p + 2, record->kind);
	put_le16(p + 4, record->link);
	put_le16(p + 6, record->function);
	put_le64(p + 8, record->time_ps);
}

static void hide(uint8_t *body, size_t len, size_t offset, size_t n)
{
	if (len >= offset + n)
		memset(body + offset, 0, n);
}

/* A token is random, a PID nearly so, and equal runs give equal files; the token is a secret, too. */
static void hide_chance(uint16_t kind, uint8_t *body, size_t len)
{
	if (kind == TLPB_FRAME_HELLO)
		hide(body, len, HELLO_TOKEN, TLPB_TOKEN);
	else if (kind == TLPB_FRAME_GRANT_MEM)
		hide(body, len, GRANT_PID, 8);
}

void tlpb_trace_write(tlpb_trace *trace, const struct tlpb_trace_record *record)
{
	size_t kept = record->len < TLPB_FRAME_MAX ? record->len : TLPB_FRAME_MAX;
	uint64_t ns = record->time_ps / 1000;
	struct pcap_pkthdr packet = {
		/* libpcap's name is usec, but the file has nanoseconds. */
		.ts = { (time_t)(ns / 1000000000), (suseconds_t)(ns % 1000000000) },
		.caplen = (bpf_u_int32)(TLPB_TRACE_HEADER + kept),
		.len = (bpf_u_int32)(TLPB_TRACE_HEADER + record->len),
	};

	if (trace->failed)
		return;
	put_header(trace->packet, record);
	if (kept)
		memcpy(trace->packet + TLPB_TRACE_HEADER, record->body, kept);
	hide_chance(record->kind, trace->packet + TLPB_TRACE_HEADER, kept);
	errno = 0;
	pcap_dump((u_char *)trace->dumper, &packet, trace->packet);
	if (ferror(pcap_dump_file(trace->dumper)))	/* pcap_dump() does not say */
		fail(trace);
}

void tlpb_trace_flush(tlpb_trace *trace)
{
	errno = 0;
	if (!trace->failed && pcap_dump_flush(trace->dumper))
		fail(trace);
}

int tlpb_trace_close(tlpb_trace *trace)
{
	bool failed;

	if (!trace)
		return 0;
	tlpb_trace_flush(trace);	/* pcap_dump_close() would not tell a full disk */
	failed = trace->failed;
	pcap_dump_close(trace->dumper);
	pcap_close(trace->pcap);
	free(trace->path);
	free(trace);
	return failed ? TLPB_ERR_IO : 0;
}

/* NULL, with the reason in why, unless it is one of our traces. */
static pcap_t *open_pcap(FILE *file, const char *path, char *why, size_t why_size)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO,
								text);

	if (!pcap) {
		refuse(why, why_size, 0, "cannot read %s: %s", path, text);
		fclose(file);
		return NULL;
	}
	if (pcap_datalink(pcap) != DLT_USER0) {
		refuse(why, why_size, 0,
		       "%s is no trace of tlpbridge: its link type is %d, not USER0", path,
		       pcap_datalink(pcap));
		pcap_close(pcap);
		return NULL;
	}
	return pcap;
}

int tlpb_trace_open(const char *path, tlpb_trace_reader **out, char *why, size_t why_size)
{
	FILE *file = fopen(path, "rbe");
	tlpb_trace_reader *reader;

	*out = NULL;
	if (!file)
		return refuse(why, why_size, errno == ENOENT ? TLPB_ERR_NOT_FOUND : TLPB_ERR_IO,
			      "cannot open %s: %s", path, strerror(errno));
	reader = calloc(1, sizeof *reader);
	if (!reader) {
		fclose(file);
		return refuse(why, why_size, TLPB_ERR_NOMEM, "no memory to read %s", path);
	}
	reader->pcap = open_pcap(file, path, why, why_size);
	if (!reader->pcap) {
		free(reader);
		return TLPB_ERR_PROTOCOL;
	}
	*out = reader;
	return 0;
}

static void get_header(const uint8_t *p, struct tlpb_trace_record *record)
{
	record->direction = (enum tlpb_direction)p[1];
	record->kind = get_le16(p + 2);
	record->link = get_le16(p + 4);
	record->function = get_le16(p + 6);
	record->time_ps = get_le64(p + 8);
}

int tlpb_trace_next(tlpb_trace_reader *reader, struct tlpb_trace_record *record,
		    char *why, size_t why_size)
{
	struct pcap_pkthdr *packet;
	const u_char *bytes;
	int ret = pcap_next_ex(reader->pcap, &packet, &bytes);

	memset(record, 0, sizeof *record);
	if (ret == PCAP_ERROR_BREAK)	/* the end of the file */
		return 0;
	reader->number++;
	if (ret != 1)
		return refuse(why, why_size, TLPB_ERR_TRUNCATED, "record %" PRIu64 ": %s",
			      reader->number, pcap_geterr(reader->pcap));
	if (packet->caplen < TLPB_TRACE_HEADER)
		return refuse(why, why_size, TLPB_ERR_TRUNCATED,
			      "record %" PRIu64 ": %u bytes are too short for the pseudo-header",
			      reader->number, packet->caplen);
	if (bytes[0] != VERSION || bytes[1] > TLPB_TO_HOST)
		return refuse(why, why_size, TLPB_ERR_PROTOCOL,
			      "record %" PRIu64 ": version %u, direction %u are not known here",
			      reader->number, bytes[0], bytes[1]);
	get_header(bytes, record);
	record->body = bytes + TLPB_TRACE_HEADER;
	record->len = packet->caplen - TLPB_TRACE_HEADER;
	return 1;
}

void tlpb_trace_reader_close(tlpb_trace_reader *reader)
{
	if (!reader)
		return;
	pcap_close(reader->pcap);
	free(reader);
}
