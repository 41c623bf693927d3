/* SPDX-License-Identifier: MIT */
/*
 * A hostile peer on a link, against a whole endpoint and a whole root complex. The
 * input is frames: kind, flags, u16 length, body; each gets the right sequence number,
 * so that mutated bodies reach their handlers, unless flags has bit 7: then it is
 * sent as a raw message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/log.h>
#include <tlpbridge/tlp.h>

#include "bytes.h"
#include "ep_private.h"
#include "frame.h"
#include "fuzz.h"
#include "rc_private.h"

enum { RAW = 0x80, QUEUE = 4096 };

static const uint8_t token[TLPB_TOKEN];
static uint32_t sequence;

static void silent(enum tlpb_log_level level, const char *line)
{
}

static void send_frame(struct transport *t, uint16_t kind, uint16_t flags, const void *body, size_t len)
{
	uint8_t bytes[TLPB_FRAME_HEADER + 8192];
	struct frame frame = { .kind = kind, .flags = flags, .length = (uint32_t)len,
			       .sequence = sequence++ };

	tlpb__frame_put(bytes, &frame);
	if (len)
		memcpy(bytes + TLPB_FRAME_HEADER, body, len);
	t->ops->send(t, bytes, TLPB_FRAME_HEADER + len);
}

static void send_hello(struct transport *t, enum tlpb_role role)
{
	struct hello hello = { .version = TLPB_WIRE_VERSION, .role = (uint16_t)role, .mps = 128,
			       .offered = TLPB_FEATURE_DMA_FAULT | TLPB_FEATURE_GRANTS, .mrrs = 512, .rcb = 64, .name = "fuzz" };
	uint8_t body[256];

	send_frame(t, TLPB_FRAME_HELLO, 0, body,
		   (size_t)tlpb__hello_encode(&hello, body, sizeof body));
}

static struct tlpb_device device(void)
{
	struct tlpb_device d = {
		.name = "fuzz", .vendor_id = 0x1234, .class_code = 0xff0000, .intx_pin = 1,
		.msi_vectors = 32, .msix_vectors = 64, .msix_table_offset = 0x1000,
		.msix_pba_offset = 0x2000,
		.has = TLPB_HAS_ARI | TLPB_HAS_AER | TLPB_HAS_ECRC | TLPB_HAS_SOFT_RESET,
		.sriov = { .vfs = 3, .offset = 1, .stride = 1, .msix_vectors = 2,
			   .msix_pba_offset = 0x800,
			   .region[0] = { 4096, TLPB_REGION_READ | TLPB_REGION_WRITE } },
	};

	d.region[0] = (struct tlpb_region){ 0x4000, TLPB_REGION_READ | TLPB_REGION_WRITE };
	d.region[1] = (struct tlpb_region){ 256, TLPB_REGION_READ | TLPB_REGION_WRITE | TLPB_REGION_IO };
	return d;
}

static void send_input(struct transport *t, const uint8_t *data, size_t size)
{
	while (size >= 4) {
		size_t len = get_le16(data + 2);

		if (len > size - 4)
			len = size - 4;
		if (data[1] & RAW)
			t->ops->send(t, data + 4, len);
		else
			send_frame(t, data[0], data[1], data + 4, len);
		data += 4 + len;
		size -= 4 + len;
	}
}

/* What the other side says must not fill the queue. */
static void drain(struct transport *t)
{
	struct message m;

	while (!t->ops->recv(t, &m))
		t->ops->release(t, &m);
}

/* The checker excludes grants: each has half of the inputs. */
static enum tlpb_check checked(size_t size)
{
	return size & 2 ? TLPB_CHECK_OFF : TLPB_CHECK_REPORT;
}

/* ---- endpoint ---- */

static tlpb_ep *the_ep;

static void access_model(void *ctx, struct tlpb_ep_request *request)
{
	if (request->write && request->length == 4) {
		tlpb_ep_dma_write(the_ep, 0x1000, request->data, 4, NULL, NULL, NULL);
		tlpb_ep_msix(the_ep, request->data[0]);
	}
	tlpb_ep_complete(the_ep, request, request->offset & 64 ? TLPB_CPL_CA : TLPB_CPL_SC);
}

static void fuzz_endpoint(const uint8_t *data, size_t size)
{
	static const struct tlpb_ep_ops ops = { .access = access_model };
	struct tlpb_device d = device();
	struct tlpb_ep_config config = { .device = &d, .ops = &ops, .check = checked(size) };
	struct transport *ends[2];
	char why[256];

	FUZZ_CHECK(!tlpb_ep_new(&config, &the_ep, why, sizeof why));
	FUZZ_CHECK(!tlpb__transport_mem_pair(QUEUE, ends));
	the_ep->rings.transport = TLPB_TRANSPORT_AUTO;	/* as in a server: grants are offered */
	FUZZ_CHECK(!tlpb__ep_attach(the_ep, ends[1], token, 0));
	tlpb__link_set_ecrc(the_ep->link, size & 1, size & 1);
	sequence = 0;
	send_hello(ends[0], TLPB_HOST);
	send_input(ends[0], data, size);
	while (tlpb__ep_process(the_ep) > 0)
		drain(ends[0]);
	tlpb_ep_free(the_ep);
	ends[0]->ops->close(ends[0], 0);
}

/* ---- root complex ---- */

static int ram_read(void *ctx, const struct tlpb_tlp *tlp, uint64_t addr, void *buf, size_t len)
{
	memset(buf, 0, len);
	return addr & 0x10000 ? TLPB_ERR_NO_ADDRESS : 0;
}

static int ram_write(void *ctx, const struct tlpb_tlp *tlp, uint64_t addr, const void *data, size_t len)
{
	static volatile uint8_t sum;

	for (size_t i = 0; i < len; i++)
		sum ^= ((const uint8_t *)data)[i];
	(void)sum;
	return addr & 0x10000 ? TLPB_ERR_NO_ADDRESS : 0;
}

static void no_free(struct granted *granted)
{
}

/* As if it had been granted: the device may say that it wrote there. */
static void grant(tlpb_rc *rc)
{
	static struct granted granted = { .free = no_free };
	struct window window = { .addr = 0x1000, .len = 0x3000, .writable = true, .granted = &granted };

	tlpb__grants_add(&rc->grants, &window);
}

static void fuzz_root(const uint8_t *data, size_t size)
{
	static const struct tlpb_rc_ops ops = { .mem_read = ram_read, .mem_write = ram_write };
	struct tlpb_rc_config config = {
		.ecrc = !checked(size) ? 0 : size & 1, .ops = &ops, .name = "fuzz",
		.check = checked(size), .grants = true,
	};
	struct tlpb_device d = device();
	struct transport *ends[2];
	uint8_t body[4096];
	char why[256];
	tlpb_rc *rc;

	FUZZ_CHECK(!tlpb__transport_mem_pair(QUEUE, ends));
	sequence = 0;
	send_hello(ends[1], TLPB_ENDPOINT);
	send_frame(ends[1], TLPB_FRAME_DEVICE, 0, body, (size_t)tlpb_device_encode(&d, body, sizeof body));
	send_frame(ends[1], TLPB_FRAME_READY, 0, NULL, 0);
	FUZZ_CHECK(!tlpb__rc_connect_transport(&config, ends[0], token, &rc, why, sizeof why));
	grant(rc);
	send_input(ends[1], data, size);
	for (int n = 0; n < 16 && !tlpb_rc_process(rc); n++)
		drain(ends[1]);
	tlpb_rc_close(rc);
	ends[1]->ops->close(ends[1], 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	tlpb_log_set_sink(silent);
	fuzz_endpoint(data, size);
	fuzz_root(data, size);
	return 0;
}

/* ---- seeds: a short conversation for each kind of TLP ---- */

static size_t put(uint8_t *data, uint8_t kind, const uint8_t *body, size_t len)
{
	data[0] = kind;
	data[1] = 0;
	put_le16(data + 2, (uint16_t)len);
	memcpy(data + 4, body, len);
	return 4 + len;
}

static size_t put_tlp(uint8_t *data, const struct tlpb_tlp *tlp)
{
	uint8_t bytes[TLPB_MAX_TLP];
	int len = tlpb_tlp_pack(tlp, bytes, sizeof bytes);

	FUZZ_CHECK(len > 0);
	return put(data, TLPB_FRAME_TLP, bytes, (size_t)len);
}

static size_t put_config_write(uint8_t *data, uint16_t offset, uint32_t value)
{
	uint8_t dw[4];
	struct tlpb_tlp tlp = { .kind = TLPB_CFGWR0, .length_dw = 1, .first_be = 15, .dest_id = 0x100,
				.reg_offset = offset, .payload = dw, .payload_len = 4 };

	put_le32(dw, value);
	return put_tlp(data, &tlp);
}

/* BARs at 0x10000 and 0x100, everything enabled, MSI-X on. */
static size_t put_setup(uint8_t *data)
{
	size_t n = put_config_write(data, 0x10, 0x10000);

	n += put_config_write(data + n, 0x14, 0x100);
	n += put_config_write(data + n, 0x04, 7);
	return n + put_config_write(data + n, 0xb0, 0x80000000);
}

size_t fuzz_seed(unsigned i, uint8_t *data, size_t size)
{
	static const uint8_t payload[16], reset[2] = { 1 }, eoi[4];
	static const struct tlpb_tlp tlps[] = {
		{ .kind = TLPB_MRD, .length_dw = 4, .first_be = 15, .last_be = 15, .address = 0x10010 },
		{ .kind = TLPB_MRD, .length_dw = 1, .address = 0x10010 },
		{ .kind = TLPB_MWR, .length_dw = 1, .first_be = 15, .address = 0x10020, .payload_len = 4 },
		{ .kind = TLPB_MWR, .length_dw = 4, .first_be = 15, .last_be = 15, .address = 0x11000,
		  .payload_len = 16 },
		{ .kind = TLPB_IORD, .length_dw = 1, .first_be = 2, .address = 0x104 },
		{ .kind = TLPB_IOWR, .length_dw = 1, .first_be = 3, .address = 0x104, .payload_len = 4 },
		{ .kind = TLPB_CFGRD0, .length_dw = 1, .first_be = 15, .dest_id = 0x100 },
		{ .kind = TLPB_FETCHADD, .length_dw = 1, .address = 0x10010, .payload_len = 4 },
		{ .kind = TLPB_MSG, .hdr_4dw = true, .routing = TLPB_ROUTE_LOCAL,
		  .message_code = TLPB_MSG_ASSERT_INTA },
		{ .kind = TLPB_CPLD, .length_dw = 1, .byte_count = 4, .payload_len = 4 },
	};
	static const struct grant_mem grant_mem = { .pid = 1, .fd = 1, .addr = 0x1000, .len = 4096 };
	static const struct revoke revoke = { 1, { 0, 0x1000, 4096 } };
	static const struct mem_range dirty = { 0, 0x1000, 64 };
	struct tlpb_tlp tlp;
	uint8_t body[64];
	size_t n;

	if (i == sizeof tlps / sizeof tlps[0])
		return put(data, TLPB_FRAME_GRANT_MEM, body,
			   (size_t)tlpb__grant_mem_encode(&grant_mem, body, sizeof body));
	if (i == sizeof tlps / sizeof tlps[0] + 1)
		return put(data, TLPB_FRAME_REVOKE, body,
			   (size_t)tlpb__revoke_encode(&revoke, body, sizeof body));
	if (i == sizeof tlps / sizeof tlps[0] + 2)
		return put(data, TLPB_FRAME_DIRTY, body,
			   (size_t)tlpb__dirty_encode(&dirty, 1, body, sizeof body));
	if (i > sizeof tlps / sizeof tlps[0] + 2)
		return 0;
	tlp = tlps[i];
	if (tlp.payload_len)
		tlp.payload = payload;
	n = put_setup(data);
	n += put_tlp(data + n, &tlp);
	n += put_tlp(data + n, &tlp);
	return n + (i % 2 ? put(data + n, TLPB_FRAME_RESET, reset, sizeof reset)
			  : put(data + n, TLPB_FRAME_EOI, eoi, sizeof eoi));
}
