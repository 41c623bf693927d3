/* SPDX-License-Identifier: MIT */
#include "bytes.h"
#include "stream_framing.h"

enum { IPC_MESSAGE = 1 };	/* the one type of message that nng sends over socket files */

/* 0 "SP" 0, the number of the protocol (pair, version 0), 0 0. */
#define PAIR_GREETING { 0, 'S', 'P', 0, 0, 0x10, 0, 0 }

static void put_plain(uint8_t *header, size_t len)
{
	put_le32(header, (uint32_t)len);
}

static uint64_t get_plain(const uint8_t *header)
{
	return get_le32(header);
}

static void put_tcp(uint8_t *header, size_t len)
{
	put_be32(header, (uint32_t)((uint64_t)len >> 32));
	put_be32(header + 4, (uint32_t)len);
}

static uint64_t get_tcp(const uint8_t *header)
{
	return (uint64_t)get_be32(header) << 32 | get_be32(header + 4);
}

static void put_ipc(uint8_t *header, size_t len)
{
	header[0] = IPC_MESSAGE;
	put_tcp(header + 1, len);
}

/* Of another type: as of a length that nobody takes. */
static uint64_t get_ipc(const uint8_t *header)
{
	return header[0] == IPC_MESSAGE ? get_tcp(header + 1) : UINT64_MAX;
}

const struct framing tlpb__framing_plain = {
	.header_len = 4, .put_header = put_plain, .get_header = get_plain,
};

const struct framing tlpb__framing_pair_ipc = {
	.greeting_len = GREETING_MAX, .greeting = PAIR_GREETING,
	.header_len = 9, .put_header = put_ipc, .get_header = get_ipc,
};

const struct framing tlpb__framing_pair_tcp = {
	.greeting_len = GREETING_MAX, .greeting = PAIR_GREETING,
	.header_len = 8, .put_header = put_tcp, .get_header = get_tcp,
};
