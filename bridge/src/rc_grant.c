/* SPDX-License-Identifier: MIT */
/*
 * Direct DMA, the host's side: what is granted to the device, and what it tells of it.
 *
 * What is taken back stays in the table until the device has answered: until then it may report
 * that it wrote there, and who takes back the same bytes in a callback has to wait, too.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rc_private.h"

enum { REVOKE_MS = 2000 };

/* A file of which parts are granted. Ours, because the device opens it when it gets there. */
struct granted_file {
	struct granted base;
	int fd;
	dev_t device;
	ino_t inode;
};

/* Lives on the stack of who waits. */
struct pending_revoke {
	struct pending_revoke *next;
	struct revoke revoke;
	bool answered;
};

bool tlpb_rc_takes_grants(const tlpb_rc *rc)
{
	return tlpb__link_shares_memory(rc->link);
}

/* ---- granting ---- */

static void free_file(struct granted *granted)
{
	struct granted_file *file = (struct granted_file *)granted;

	close(file->fd);
	free(file);
}

static struct granted_file *find_file(const tlpb_rc *rc, const struct stat *st)
{
	for (unsigned i = 0; i < rc->grants.count; i++) {
		struct granted_file *file = (struct granted_file *)rc->grants.window[i].granted;

		if (file->device == st->st_dev && file->inode == st->st_ino)
			return file;
	}
	return NULL;
}

static int new_file(int fd, const struct stat *st, struct granted_file **out)
{
	struct granted_file *file = calloc(1, sizeof *file);

	if (!file)
		return TLPB_ERR_NOMEM;
	file->base.free = free_file;
	file->device = st->st_dev;
	file->inode = st->st_ino;
	file->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	*out = file;
	if (file->fd >= 0)
		return 0;
	free(file);
	return TLPB_ERR_IO;
}

static bool is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && seals & F_SEAL_SHRINK;
}

/* Pages of the address space that are pages of the file. */
static bool is_legal(const struct tlpb_rc_grant *g, const struct stat *st)
{
	uint64_t in_page = (uint64_t)sysconf(_SC_PAGESIZE) - 1, size = (uint64_t)st->st_size;

	return g->function < 256 && g->len && g->addr + g->len > g->addr &&
	       !(g->addr & in_page) && !(g->offset & in_page) &&
	       g->offset < size && g->len <= size - g->offset;
}

static int add(tlpb_rc *rc, const struct tlpb_rc_grant *g, const struct stat *st, int *fd)
{
	struct granted_file *file = find_file(rc, st);
	struct window window = { .function = g->function, .addr = g->addr, .len = g->len,
				 .writable = g->writable, .offset = g->offset };
	int err = file ? 0 : new_file(g->fd, st, &file);

	if (err)
		return err;
	window.granted = &file->base;
	err = tlpb__grants_add(&rc->grants, &window);
	*fd = file->fd;
	if (err && !file->base.windows)
		free_file(&file->base);
	return err;
}

static int tell(tlpb_rc *rc, const struct tlpb_rc_grant *g, int fd)
{
	const struct grant_mem frame = {
		.function = (uint16_t)g->function, .writable = g->writable,
		.pid = (uint32_t)getpid(), .fd = (uint32_t)fd,
		.addr = g->addr, .len = g->len, .offset = g->offset,
	};
	int err;

	tlpb__rc_enter(rc);
	err = tlpb__link_send_grant(rc->link, &frame);
	tlpb__link_flush(rc->link);
	tlpb__rc_leave(rc);
	return err;
}

int tlpb_rc_grant(tlpb_rc *rc, const struct tlpb_rc_grant *grant)
{
	struct stat st;
	int fd, err;

	if (!tlpb_rc_is_up(rc))
		return TLPB_ERR_CLOSED;
	if (!tlpb_rc_takes_grants(rc))
		return TLPB_ERR_UNSUPPORTED;
	if (fstat(grant->fd, &st) || !is_sealed(grant->fd) || !is_legal(grant, &st))
		return TLPB_ERR_INVALID;
	err = add(rc, grant, &st, &fd);
	if (err)
		return err;
	rc->stats.grants++;
	return tell(rc, grant, fd);
}

/* ---- taking back ---- */

static void cut(tlpb_rc *rc, const struct mem_range *range)
{
	tlpb__grants_cut(&rc->grants, range->function, range->addr, range->len);
}

static bool is_answered(void *arg)
{
	return ((struct pending_revoke *)arg)->answered;
}

static void forget(tlpb_rc *rc, struct pending_revoke *pending)
{
	struct pending_revoke **p = &rc->revokes;

	while (*p && *p != pending)
		p = &(*p)->next;
	if (*p)
		*p = pending->next;
}

void tlpb__rc_on_revoked(tlpb_rc *rc, uint32_t number)
{
	struct pending_revoke *p = rc->revokes;

	while (p && p->revoke.number != number)
		p = p->next;
	if (!p || p->answered) {
		tlpb__link_fail(rc->link, TLPB_REASON_PROTOCOL, "REVOKED that makes no sense");
		return;
	}
	p->answered = true;
	rc->stats.revokes++;
	cut(rc, &p->revoke.range);
}

static void ask(tlpb_rc *rc, struct pending_revoke *pending)
{
	pending->revoke.number = ++rc->revoke_number;
	pending->next = rc->revokes;
	rc->revokes = pending;
	tlpb__link_send_revoke(rc->link, &pending->revoke);
}

int tlpb_rc_revoke(tlpb_rc *rc, unsigned function, uint64_t addr, uint64_t len)
{
	struct pending_revoke pending = { .revoke.range = { (uint16_t)function, addr, len } };
	int err;

	if (!tlpb__grants_touch(&rc->grants, function, addr, len))
		return tlpb_rc_is_up(rc) ? 0 : TLPB_ERR_CLOSED;
	tlpb__grants_widen(&rc->grants, function, &pending.revoke.range.addr, &pending.revoke.range.len);
	tlpb__rc_enter(rc);
	ask(rc, &pending);
	err = tlpb__rc_wait_ms(rc, is_answered, &pending, REVOKE_MS);
	if (err)	/* nobody may go on while the device still uses it: it loses its link */
		tlpb__link_fail(rc->link, TLPB_REASON_SILENT,
				"the device did not give granted memory back within %d s", REVOKE_MS / 1000);
	forget(rc, &pending);
	tlpb__rc_leave(rc);
	return err ? TLPB_ERR_CLOSED : 0;
}

/* Who waits for an answer finds the link down. */
void tlpb__rc_grants_end(tlpb_rc *rc)
{
	tlpb__grants_clear(&rc->grants);
}

/* ---- reports ---- */

void tlpb__rc_on_dirty(tlpb_rc *rc, const struct mem_range *range)
{
	if (!range->len || range->addr + range->len <= range->addr ||
	    !tlpb__grants_cover(&rc->grants, range->function, range->addr, range->len, true)) {
		tlpb__link_fail(rc->link, TLPB_REASON_PROTOCOL,
				"DIRTY of memory that is not granted for writing");
		return;
	}
	rc->stats.dirty_ranges++;
	rc->stats.dirty_bytes += range->len;
	if (rc->ops.dirty)
		rc->ops.dirty(rc->ctx, range->function, range->addr, range->len);
}
