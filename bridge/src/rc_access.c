/* SPDX-License-Identifier: MIT */
/*
 * Accesses to the device that have an answer.
 *
 * A non-posted access is cut into pieces, one request each. Pieces go out as tags
 * are free, of several accesses in turn, and are answered in any order; the last
 * answer ends the access. A call that waits is the same access, on the stack.
 */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "rc_private.h"

/* What brings data that go to buf. */
static bool is_memory(const struct rc_access *a)
{
	return a->kind == TLPB_MRD || a->kind == TLPB_FETCHADD || a->kind == TLPB_SWAP ||
	       a->kind == TLPB_CAS;
}

static bool is_write(const struct rc_access *a)
{
	return a->kind == TLPB_CFGWR0 || a->kind == TLPB_IOWR || a->kind == TLPB_DMWR;
}

static bool is_config(const struct rc_access *a)
{
	return a->kind == TLPB_CFGRD0 || a->kind == TLPB_CFGWR0;
}

static uint32_t ones(size_t size)
{
	return UINT32_MAX >> (8 * (4 - size));
}

/* ---- the end of an access ---- */

static void finish(struct rc_access *a)
{
	struct rc_access ended = *a;

	if (a->value)
		*a->value = a->err ? ones(a->len) : get_le32(a->bytes);
	a->over = true;
	if (!ended.done)
		return;
	free(a);
	ended.done(ended.arg, ended.err);
}

static bool all_sent(const struct rc_access *a)
{
	return a->begun && a->sent == a->len;
}

static void note_error(struct rc_access *a, int err)
{
	if (!a->err)
		a->err = err;
}

static void send_pieces(tlpb_rc *rc);

static void on_answer(void *arg, const struct tags_request *request, int err)
{
	struct rc_access *a = arg;
	tlpb_rc *rc = a->rc;
	bool again;

	a->outstanding--;
	if (err == TLPB_ERR_CRS && is_config(a) && tlpb__rc_retry(a, &again)) {
		err = 0;
		if (again) {
			send_pieces(rc);
			return;
		}
	}
	if (err) {
		note_error(a, err);
		if (is_memory(a) && request->len)
			memset(request->buf, 0xff, request->len);
	}
	if (all_sent(a) && !a->outstanding)
		finish(a);
	send_pieces(rc);
}

/* What was not sent fails; what was, when its tag is aborted. */
static void fail_unsent(struct rc_access *a, int err)
{
	note_error(a, err);
	if (is_memory(a) && a->sent < a->len)
		memset(a->buf + a->sent, 0xff, a->len - a->sent);
	a->begun = true;
	a->sent = a->len;
	if (!a->outstanding)
		finish(a);
}

static void fail_all_unsent(tlpb_rc *rc, int err)
{
	struct rc_access *a;

	while ((a = TAILQ_FIRST(&rc->unsent))) {
		TAILQ_REMOVE(&rc->unsent, a, entry);
		fail_unsent(a, err);
	}
}

void tlpb__rc_abort(tlpb_rc *rc)
{
	TAILQ_CONCAT(&rc->unsent, &rc->retried, entry);
	fail_all_unsent(rc, TLPB_ERR_CLOSED);
	tlpb__tx_queue_clear(&rc->posted);
	tlpb__tags_abort(&rc->tags, TLPB_ERR_CLOSED, true);
}

/* ---- pieces ---- */

static uint8_t enables(uint64_t addr, size_t size)
{
	return (uint8_t)(((1u << size) - 1) << (addr & 3));
}

size_t tlpb__rc_register_part(uint64_t addr, size_t size)
{
	size_t room = 4 - (addr & 3);

	return size < room ? size : room;
}

static struct tlpb_tlp config_tlp(const struct rc_access *a)
{
	return (struct tlpb_tlp){
		.kind = a->kind, .length_dw = 1, .first_be = enables(a->addr, a->len),
		.dest_id = a->bdf, .reg_offset = (uint16_t)(a->addr & ~3u),
	};
}

static struct tlpb_tlp io_tlp(enum tlpb_tlp_kind kind, uint64_t addr, size_t size)
{
	return (struct tlpb_tlp){
		.kind = kind, .length_dw = 1, .first_be = enables(addr, size),
		.address = addr & 0xfffffffc,
	};
}

struct tlpb_tlp tlpb__rc_memory_tlp(enum tlpb_tlp_kind kind, uint64_t addr, size_t len)
{
	struct tlpb_extent e = tlpb_extent(addr, len);

	return (struct tlpb_tlp){
		.kind = kind, .hdr_4dw = addr >> 32 != 0, .address = addr & ~3ull,
		.length_dw = e.length_dw, .first_be = e.first_be, .last_be = e.last_be,
	};
}

static size_t next_piece(const struct rc_access *a)
{
	uint64_t addr = a->addr + a->sent;
	size_t left = a->len - a->sent;

	if (a->payload_len)
		return left;
	if (is_memory(a))
		return tlpb_next_request(addr, left, tlpb__link_peer(a->rc->link)->mrrs);
	return tlpb__rc_register_part(addr, left);
}

/* Byte enables of an AtomicOp are reserved (2.2.5). */
static struct tlpb_tlp exchange_tlp(const struct rc_access *a)
{
	struct tlpb_tlp tlp = tlpb__rc_memory_tlp(a->kind, a->addr, a->len);

	if (is_memory(a))
		tlp.first_be = tlp.last_be = 0;
	tlp.payload = a->payload;
	tlp.payload_len = a->payload_len;
	tlp.length_dw = (uint16_t)(a->payload_len / 4);
	return tlp;
}

static struct tlpb_tlp piece_tlp(const struct rc_access *a, size_t len)
{
	uint64_t addr = a->addr + a->sent;

	if (a->payload_len)
		return exchange_tlp(a);
	if (is_memory(a))
		return tlpb__rc_memory_tlp(a->kind, addr, len);
	if (a->kind == TLPB_IORD || a->kind == TLPB_IOWR)
		return io_tlp(a->kind, addr, len);
	return config_tlp(a);
}

static void count(struct tlpb_rc_stats *stats, enum tlpb_tlp_kind kind)
{
	stats->mem_reads += kind == TLPB_MRD;
	stats->config_reads += kind == TLPB_CFGRD0;
	stats->config_writes += kind == TLPB_CFGWR0;
	stats->io_reads += kind == TLPB_IORD;
	stats->io_writes += kind == TLPB_IOWR;
	stats->atomics += kind == TLPB_FETCHADD || kind == TLPB_SWAP || kind == TLPB_CAS;
	stats->deferrable_writes += kind == TLPB_DMWR;
}

/* Sending may take the link down, and so end the access: it is not looked at afterwards. */
static void send_piece(tlpb_rc *rc, struct rc_access *a)
{
	size_t n = next_piece(a);
	struct tlpb_tlp tlp = piece_tlp(a, n);
	uint8_t *data = is_memory(a) ? a->buf : a->bytes, dw[4] = { 0 };

	if (data)
		data += a->sent;
	if (is_write(a) && !a->payload_len) {
		memcpy(dw + ((a->addr + a->sent) & 3), data, n);
		tlp.payload = dw;
		tlp.payload_len = 4;
	}
	TAILQ_REMOVE(&rc->unsent, a, entry);
	a->begun = true;
	a->sent += n;
	a->outstanding++;
	if (!all_sent(a))		/* behind the others: they take turns */
		TAILQ_INSERT_TAIL(&rc->unsent, a, entry);
	count(&rc->stats, a->kind);
	tlpb__rc_take_tag(rc, &tlp, data, is_write(a) ? 0 : n, on_answer, a);
	tlpb__link_send_tlp(rc->link, &tlp, 0);
}

/* The halves of a write may not pass one another: the second waits for the first. */
static struct rc_access *next_to_send(tlpb_rc *rc)
{
	struct rc_access *a;

	TAILQ_FOREACH(a, &rc->unsent, entry)
		if (!is_write(a) || !a->outstanding)
			return a;
	return NULL;
}

static bool may_send(const tlpb_rc *rc, const struct rc_access *a)
{
	struct tlpb_credits cost = { .cls = TLPB_NON_POSTED, .hdr = 1, .data = is_write(a) };

	if (a->payload_len)
		cost.data = (uint16_t)((a->payload_len + 15) / 16);
	/* A request may not pass a write that was posted before it. */
	return tlpb__tx_queue_empty(&rc->posted) && tlpb__link_has_room(rc->link, &cost);
}

static void send_pieces(tlpb_rc *rc)
{
	struct rc_access *a;

	while (tlpb__tags_free(&rc->tags) && tlpb_rc_is_up(rc) && (a = next_to_send(rc)) &&
	       may_send(rc, a))
		send_piece(rc, a);
	if (tlpb__tags_stuck(&rc->tags))	/* what waits for a tag that cannot come takes too long, too */
		fail_all_unsent(rc, TLPB_ERR_TIMEDOUT);
}

void tlpb__rc_send_again(struct rc_access *a)
{
	tlpb_rc *rc = a->rc;

	a->sent = 0;
	a->begun = false;
	TAILQ_INSERT_TAIL(&rc->unsent, a, entry);
	send_pieces(rc);
}

void tlpb__rc_access_text(const tlpb_rc *rc, const struct rc_access *access, char *text, size_t size)
{
	struct tlpb_tlp tlp = piece_tlp(access, access->len - access->sent ? next_piece(access) : 0);

	for (unsigned i = 0; i < TAGS_MAX; i++)
		if (rc->tags.request[i].used && rc->tags.request[i].arg == access)
			tlp = rc->tags.request[i].tlp;
	tlpb_tlp_text(&tlp, text, size);
}

/* What waits has the turn before later requests. */
void tlpb__rc_access_room(tlpb_rc *rc)
{
	tlpb__rc_send_posted(rc);
	send_pieces(rc);
}

/* ---- accesses ---- */

static void begin(struct rc_access *a)
{
	TAILQ_INSERT_TAIL(&a->rc->unsent, a, entry);
	send_pieces(a->rc);
}

static bool is_over(void *arg)
{
	return ((struct rc_access *)arg)->over;
}

/* The access itself ends when the link does, so the wait always ends with it over. */
int tlpb__rc_access_run(struct rc_access *a)
{
	tlpb_rc *rc = a->rc;
	int err = !tlpb_rc_is_up(rc) ? TLPB_ERR_CLOSED : !tlpb__rc_may_wait(rc) ? TLPB_ERR_BUSY : 0;

	if (err) {
		if (a->len && is_memory(a))
			memset(a->buf, 0xff, a->len);
		if (a->value)
			*a->value = ones(a->len);
		return err;
	}
	tlpb__rc_enter(rc);
	begin(a);
	tlpb__rc_wait(rc, is_over, a, a);
	tlpb__rc_leave(rc);
	return a->err;
}

int tlpb__rc_access_later(const struct rc_access *access, tlpb_rc_done *done, void *arg)
{
	tlpb_rc *rc = access->rc;
	struct rc_access *a;

	if (!tlpb_rc_is_up(rc))
		return TLPB_ERR_CLOSED;
	a = malloc(sizeof *a);
	if (!a)
		return TLPB_ERR_NOMEM;
	*a = *access;
	a->done = done;
	a->arg = arg;
	tlpb__rc_enter(rc);
	begin(a);
	tlpb__link_flush(rc->link);
	tlpb__rc_leave(rc);
	return 0;
}

/* ---- memory ---- */

static struct rc_access memory_reader(tlpb_rc *rc, uint64_t addr, void *buf, size_t len)
{
	return (struct rc_access){ .rc = rc, .kind = TLPB_MRD, .addr = addr, .buf = buf, .len = len };
}

int tlpb_rc_mem_read(tlpb_rc *rc, uint64_t addr, void *buf, size_t len)
{
	struct rc_access a = memory_reader(rc, addr, buf, len);

	return tlpb__rc_access_run(&a);
}

int tlpb_rc_mem_read_async(tlpb_rc *rc, uint64_t addr, void *buf, size_t len, tlpb_rc_done *done,
			   void *arg)
{
	struct rc_access a = memory_reader(rc, addr, buf, len);

	return tlpb__rc_access_later(&a, done, arg);
}
