/* SPDX-License-Identifier: MIT */
/*
 * A hostile peer in shared memory, against a whole endpoint and a whole root complex. The input is a list of
 * acts, each of a byte that says which, and what it needs. Those behind DURING happen in the middle of the next
 * calls: wherever memory is allocated, the socket is asked, or the model is called.
 *
 *	FRAME kind flags u16-length body	a record that is a frame, its number in order
 *	WRITE u16-place u8-length bytes		over cells and bulk of the ring that is read, 8 bytes a place
 *	LARGE u16				a record of that many bytes, of what lies there
 *	STAMP u8-ahead u32			of a cell that is due soon: its flag and length
 *	TAIL i16				cells taken of the other ring, so far from what it was
 *	INDEX u8-which u64			cells or bulk taken of either ring, as it is
 *	WORDS u8-which u32			of the sleepers
 *	SOCKET u8				what the socket says next: nothing, a wake-up, a message, the end, or full
 *	TAKE					read what is in the other ring, as a well-behaved peer
 *	PROCESS u8				the end under test does what its owner does: process, attend, arm, doze, post
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <tlpbridge/log.h>
#include <tlpbridge/tlp.h>

#include "bytes.h"
#include "ep_private.h"
#include "frame.h"
#include "fuzz.h"
#include "rc_private.h"
#include "ring.h"
#include "segment.h"

enum act { FRAME, WRITE, LARGE, STAMP, TAIL, INDEX, WORDS, SOCKET, TAKE, PROCESS, DURING, ACTS };
enum { SAYS_NOTHING, SAYS_WAKE, SAYS_MESSAGE, SAYS_END, SAYS_FULL, SAYS };
enum { RING = 64 * 1024, BODY_MAX = 8192 };

static const uint8_t token[TLPB_TOKEN];

static struct {
	const uint8_t *at, *end;	/* of the input */
	struct ring out, in;		/* the hostile end's: to the end under test, and from it */
	uint32_t sequence;
	unsigned socket;
	unsigned during;		/* acts that are still to happen in the middle of calls */
	bool acting;
	tlpb_ep *ep;
	tlpb_rc *rc;
} play;

static void silent(enum tlpb_log_level level, const char *line)
{
}

static uint64_t take_number(unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= play.at < play.end ? (uint64_t)*play.at++ << 8 * i : 0;
	return value;
}

static const uint8_t *take_bytes(size_t *len)
{
	const uint8_t *p = play.at;

	if (*len > (size_t)(play.end - play.at))
		*len = (size_t)(play.end - play.at);
	play.at += *len;
	return p;
}

/* ---- acts ---- */

static void put_frame(uint16_t kind, uint16_t flags, const void *body, size_t len)
{
	uint8_t bytes[TLPB_FRAME_HEADER + BODY_MAX];
	struct frame frame = { .kind = kind, .flags = flags, .length = (uint32_t)len,
			       .sequence = play.sequence };

	tlpb__frame_put(bytes, &frame);
	if (len)
		memcpy(bytes + TLPB_FRAME_HEADER, body, len);
	if (!tlpb__ring_put(&play.out, bytes, TLPB_FRAME_HEADER + len))
		play.sequence++;
}

static void act_frame(void)
{
	uint16_t kind = (uint16_t)take_number(1), flags = (uint16_t)take_number(1);
	size_t len = take_number(2) % BODY_MAX;
	const uint8_t *body = take_bytes(&len);

	put_frame(kind, flags, body, len);
}

static void act_write(void)
{
	size_t all = ring_footprint(RING) - sizeof(struct ring_shared);
	size_t place = take_number(2) * 8 % all, len = take_number(1);
	const uint8_t *bytes = take_bytes(&len);

	if (len > all - place)
		len = all - place;
	memcpy((uint8_t *)play.out.cell + place, bytes, len);
}

static void put_stamp(uint64_t number, uint32_t low)
{
	struct cell *cell = &play.out.cell[number & (play.out.cells - 1)];

	atomic_store(&cell->stamp, (uint64_t)(uint32_t)(number + 1) << 32 | low);
}

static void act_large(void)
{
	uint32_t len = (uint32_t)take_number(2);

	put_stamp(play.out.mine++, 1u << 31 | len);
	play.out.my_bulk += (len + 7) & ~7u;
}

static void act_stamp(void)
{
	uint64_t number = play.out.mine + take_number(1) % 4;

	put_stamp(number, (uint32_t)take_number(4));
}

static void act_index(void)
{
	unsigned which = (unsigned)take_number(1);
	struct ring_shared *s = which & 1 ? play.out.shared : play.in.shared;

	atomic_store(which & 2 ? &s->cells_taken : &s->bulk_taken, take_number(8));
}

static void act_words(void)
{
	struct ring_shared *all[] = { play.out.shared, play.in.shared };
	unsigned which = (unsigned)take_number(1);
	struct ring_shared *s = all[which & 1];
	uint32_t value = (uint32_t)take_number(4);

	atomic_store(&s->sleep, which & 2 ? value : which >> 4);
	atomic_store(which & 4 ? &s->cpu : &s->want_room, value);
}

static void act_take(void)
{
	uint8_t bytes[RING];
	size_t len;

	while (tlpb__ring_get(&play.in, bytes, sizeof bytes, &len) > 0)
		;
	tlpb__ring_tell(&play.in);
}

static void process(unsigned how);

static void act_once(bool inside)
{
	switch ((enum act)(take_number(1) % ACTS)) {
	case FRAME: act_frame(); break;
	case WRITE: act_write(); break;
	case LARGE: act_large(); break;
	case STAMP: act_stamp(); break;
	case TAIL: atomic_fetch_add(&play.in.shared->cells_taken, (uint64_t)(int16_t)take_number(2)); break;
	case INDEX: act_index(); break;
	case WORDS: act_words(); break;
	case SOCKET: play.socket = (unsigned)take_number(1) % SAYS; break;
	case TAKE: act_take(); break;
	case DURING: play.during = (unsigned)take_number(1) % 8; break;
	default:
		if (inside)
			take_number(1);
		else
			process((unsigned)take_number(1));
	}
}

/* In the middle of a call. */
static void interfere(void)
{
	if (play.acting || !play.during || play.at >= play.end)
		return;
	play.acting = true;
	play.during--;
	act_once(true);
	play.acting = false;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	interfere();
	return __real_malloc(size);
}

/* ---- the socket ---- */

static int socket_send(struct transport *t, const uint8_t *data, size_t len)
{
	interfere();
	return play.socket == SAYS_FULL ? TLPB_ERR_AGAIN : play.socket == SAYS_END ? TLPB_ERR_CLOSED : 0;
}

static int socket_recv(struct transport *t, struct message *m)
{
	unsigned says = play.socket;

	interfere();
	if (says == SAYS_END)
		return TLPB_ERR_CLOSED;
	if (says != SAYS_WAKE && says != SAYS_MESSAGE)
		return TLPB_ERR_AGAIN;
	play.socket = SAYS_NOTHING;
	*m = (struct message){ (const uint8_t *)"x", says == SAYS_MESSAGE, NULL };
	return 0;
}

static void socket_release(struct transport *t, struct message *m) { }
static int socket_fd(const struct transport *t) { return -1; }
static void socket_want_send(struct transport *t, bool want) { interfere(); }
static void socket_close(struct transport *t, int linger_ms) { }

/* Mapped twice, as two processes have it: the hostile one keeps its own when the link is closed. */
static struct segment new_segment(uint8_t **hostile)
{
	static int fd = -1;
	static uint8_t *kept;
	struct segment s = { .size = SEGMENT_HEADER + 2 * ring_footprint(RING), .ring_bytes = RING, .fd = -1 };

	if (fd < 0) {
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		FUZZ_CHECK(!ftruncate(fd, (off_t)s.size));
		kept = mmap(NULL, s.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	s.base = mmap(NULL, s.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	FUZZ_CHECK(kept != MAP_FAILED && s.base != MAP_FAILED);
	memset(kept, 0, s.size);
	*hostile = kept;
	return s;
}

static struct transport *new_end(bool host)
{
	static const struct transport_ops ops = {
		.send = socket_send, .recv = socket_recv, .release = socket_release, .fd = socket_fd,
		.want_send = socket_want_send, .close = socket_close,
	};
	static struct transport socket = { &ops };
	uint8_t *base;
	struct segment segment = new_segment(&base);
	struct transport *t = tlpb__transport_shm_new(&socket, &segment, host);

	FUZZ_CHECK(t);
	base += SEGMENT_HEADER;
	tlpb__ring_init(host ? &play.in : &play.out, base, RING);
	tlpb__ring_init(host ? &play.out : &play.in, base + ring_footprint(RING), RING);
	tlpb__transport_shm_send_by_ring(t);
	tlpb__transport_shm_recv_by_ring(t);
	return t;
}

static void begin(const uint8_t *data, size_t size)
{
	memset(&play, 0, sizeof play);
	play.at = data;
	play.end = data + size;
}

static void send_hello(enum tlpb_role role)
{
	struct hello hello = { .version = TLPB_WIRE_VERSION, .role = (uint16_t)role, .mps = 128,
			       .offered = TLPB_FEATURE_DMA_FAULT, .mrrs = 512, .rcb = 64, .name = "fuzz" };
	uint8_t body[256];

	put_frame(TLPB_FRAME_HELLO, 0, body, (size_t)tlpb__hello_encode(&hello, body, sizeof body));
}

/* ---- the ends under test ---- */

static void access_model(void *ctx, struct tlpb_ep_request *request)
{
	interfere();
	if (request->write && request->length == 4) {
		tlpb_ep_dma_write(play.ep, 0x1000, request->data, 4, NULL, NULL, NULL);
		tlpb_ep_msix(play.ep, request->data[0]);
	}
	tlpb_ep_complete(play.ep, request, TLPB_CPL_SC);
}

static int ram_read(void *ctx, const struct tlpb_tlp *tlp, uint64_t addr, void *buf, size_t len)
{
	interfere();
	memset(buf, 0, len);
	return 0;
}

static int ram_write(void *ctx, const struct tlpb_tlp *tlp, uint64_t addr, const void *data, size_t len)
{
	static volatile uint8_t sum;

	interfere();
	for (size_t i = 0; i < len; i++)
		sum ^= ((const uint8_t *)data)[i];
	(void)sum;
	return 0;
}

static struct link *link_of(void)
{
	return play.ep ? play.ep->link : play.rc->link;
}

static void post(void)
{
	static const uint8_t data[4096];

	if (play.ep)
		tlpb_ep_dma_write(play.ep, 0x1000, data, sizeof data, NULL, NULL, NULL);
	else if (tlpb__link_backlog(play.rc->link) < RING)	/* more may wait for a peer that never reads */
		tlpb_rc_eoi(play.rc, 0);
}

static void process(unsigned how)
{
	if (play.ep && !tlpb__ep_attached(play.ep))
		return;
	if (play.ep)
		tlpb__ep_process(play.ep);
	else if (tlpb_rc_process(play.rc))
		return;
	if (play.ep && !tlpb__ep_attached(play.ep))
		return;
	if (how & 1)
		tlpb__link_attend(link_of());
	if (how & 2)
		post();
	if (how & 4)
		tlpb__link_arm(link_of());
	if (how & 8 && tlpb__link_transport(link_of()))
		tlpb__link_transport(link_of())->ops->doze(tlpb__link_transport(link_of()), 0);
}

static void act_all(void)
{
	while (play.at < play.end)
		act_once(false);
	process(15);
	process(15);
}

static struct tlpb_device device(void)
{
	struct tlpb_device d = {
		.name = "fuzz", .vendor_id = 0x1234, .class_code = 0xff0000, .intx_pin = 1, .msix_vectors = 64,
		.msix_table_offset = 0x1000, .msix_pba_offset = 0x2000,
	};

	d.region[0] = (struct tlpb_region){ 0x4000, TLPB_REGION_READ | TLPB_REGION_WRITE };
	return d;
}

static void fuzz_endpoint(const uint8_t *data, size_t size)
{
	static const struct tlpb_ep_ops ops = { .access = access_model };
	struct tlpb_device d = device();
	struct tlpb_ep_config config = { .device = &d, .ops = &ops };
	char why[256];

	begin(data, size);
	FUZZ_CHECK(!tlpb_ep_new(&config, &play.ep, why, sizeof why));
	FUZZ_CHECK(!tlpb__ep_attach(play.ep, new_end(false), token, 0));
	send_hello(TLPB_HOST);
	tlpb__ep_process(play.ep);
	act_all();
	play.during = 0;
	tlpb_ep_free(play.ep);
}

static void fuzz_root(const uint8_t *data, size_t size)
{
	static const struct tlpb_rc_ops ops = { .mem_read = ram_read, .mem_write = ram_write };
	struct tlpb_rc_config config = { .ops = &ops, .name = "fuzz" };
	struct tlpb_device d = device();
	struct transport *t;
	uint8_t body[4096];
	char why[256];

	begin(data, size);
	t = new_end(true);
	send_hello(TLPB_ENDPOINT);
	put_frame(TLPB_FRAME_DEVICE, 0, body, (size_t)tlpb_device_encode(&d, body, sizeof body));
	put_frame(TLPB_FRAME_READY, 0, NULL, 0);
	FUZZ_CHECK(!tlpb__rc_connect_transport(&config, t, token, &play.rc, why, sizeof why));
	act_all();
	play.during = 0;
	tlpb_rc_close(play.rc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	tlpb_log_set_sink(silent);
	fuzz_endpoint(data, size);
	fuzz_root(data, size);
	return 0;
}

/* ---- seeds: reads and writes, then one kind of nonsense each ---- */

static size_t put_tlp(uint8_t *data, const struct tlpb_tlp *tlp)
{
	uint8_t bytes[TLPB_MAX_TLP];
	int len = tlpb_tlp_pack(tlp, bytes, sizeof bytes);

	FUZZ_CHECK(len > 0);
	data[0] = FRAME;
	data[1] = TLPB_FRAME_TLP;
	data[2] = 0;
	put_le16(data + 3, (uint16_t)len);
	memcpy(data + 5, bytes, (size_t)len);
	return 5 + (size_t)len;
}

static size_t put_config_write(uint8_t *data, uint16_t offset, uint32_t value)
{
	uint8_t dw[4];
	struct tlpb_tlp tlp = { .kind = TLPB_CFGWR0, .length_dw = 1, .first_be = 15, .dest_id = 0x100,
				.reg_offset = offset, .payload = dw, .payload_len = 4 };

	put_le32(dw, value);
	return put_tlp(data, &tlp);
}

static size_t put_traffic(uint8_t *data)
{
	static const uint8_t dw[4];
	struct tlpb_tlp write = { .kind = TLPB_MWR, .length_dw = 1, .first_be = 15, .address = 0x10010,
				  .payload = dw, .payload_len = 4 };
	struct tlpb_tlp read = { .kind = TLPB_MRD, .length_dw = 1, .first_be = 15, .address = 0x10010 };
	size_t n = put_config_write(data, 0x10, 0x10000);

	n += put_config_write(data + n, 0x04, 7);
	n += put_tlp(data + n, &write);
	return n + put_tlp(data + n, &read);
}

size_t fuzz_seed(unsigned i, uint8_t *data, size_t size)
{
	static const uint8_t nonsense[][16] = {
		{ TAKE, PROCESS, 15 },
		{ DURING, 3, STAMP, 0, 0xf8, 0xff, 0, 0, WRITE, 0, 0, 1, 0xff, TAKE },
		{ STAMP, 0, 57, 0, 0, 0, PROCESS, 15 },
		{ STAMP, 0, 0xff, 0xff, 0xff, 0xff, PROCESS, 15 },
		{ LARGE, 0, 0x30, PROCESS, 15 },
		{ LARGE, 0, 0xf0, PROCESS, 15 },
		{ TAIL, 8, 0, PROCESS, 15 },
		{ INDEX, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, PROCESS, 15 },
		{ WORDS, 0x12, 1, 0, 0, 0, WORDS, 0x33, 2, 0, 0, 0, PROCESS, 15 },
		{ SOCKET, SAYS_END, PROCESS, 15 },
		{ SOCKET, SAYS_MESSAGE, PROCESS, 4, PROCESS, 4 },
		{ SOCKET, SAYS_FULL, WORDS, 0x20, 2, 0, 0, 0, PROCESS, 15, PROCESS, 15 },
	};
	size_t n;

	if (i >= sizeof nonsense / sizeof nonsense[0])
		return 0;
	n = put_traffic(data);
	data[n++] = PROCESS;
	data[n++] = 4;
	n += put_traffic(data + n);
	memcpy(data + n, nonsense[i], sizeof nonsense[i]);
	return n + sizeof nonsense[i];
}
