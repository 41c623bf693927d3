/* SPDX-License-Identifier: MIT */
/*
 * Direct DMA, the endpoint's side: which host memory its functions may reach.
 *
 * What a host grants is opened by /proc/PID/fd/N and mapped only where that cannot hurt other links: a
 * memory file that nobody can shrink, of ordinary pages, because touching a page that is gone, or a huge page for which there
 * is no memory, would end this process. What is refused comes as TLPs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <tlpbridge/log.h>

#include "ep_private.h"
#include "neighbour.h"

enum { ORDINARY_PAGES = 0x01021994 };	/* TMPFS_MAGIC */

static const uint64_t mapped_max = 1ull << 40;	/* bytes a link: of addresses all links have 2^47 */

/* Of the mapping that several windows may be parts of. */
struct mapping {
	struct granted base;
	tlpb_ep *ep;
	uint8_t *bytes;
	size_t size;
};

/* Stress ordering, the checker and raw mode deal with TLPs; without rings there is no common memory. */
bool tlpb__ep_wants_grants(const tlpb_ep *ep)
{
	if (ep->no_direct || ep->direct == TLPB_DIRECT_OFF || (ep->direct == TLPB_DIRECT_AUTO && ep->trace))
		return false;
	return ep->rings.transport != TLPB_TRANSPORT_NNG && !ep->order_seed && !ep->check &&
	       !tlpb__ep_is_raw(ep);
}

/* ---- granted ---- */

static void refuse(tlpb_ep *ep, const struct grant_mem *grant, const char *why)
{
	if (!ep->told_refusal)
		tlpb_log(TLPB_LOG_WARNING, "%s: memory of %s at 0x%llx cannot be reached directly: %s; DMA goes "
			 "by TLPs there. Memory that can be shared is of a memory-backend-memfd with share=on",
			 ep->f0->config.device.name, ep->host, (unsigned long long)grant->addr, why);
	ep->told_refusal = true;
}

static void free_mapping(struct granted *granted)
{
	struct mapping *m = (struct mapping *)granted;

	munmap(m->bytes, m->size);
	m->ep->mapped -= m->size;
	free(m);
}

static int open_file(const struct grant_mem *grant, char *why, size_t size)
{
	char here[PLACE_MAX];
	struct statfs fs;
	int fd;

	tlpb__neighbour_place(here);
	fd = tlpb__neighbour_open(here, grant->pid, grant->fd, grant->offset + grant->len, why, size);
	if (fd < 0 || (!fstatfs(fd, &fs) && fs.f_type == ORDINARY_PAGES))
		return fd;
	snprintf(why, size, "it is of huge pages, or not a file in memory");
	close(fd);
	return -1;
}

static uint8_t *map_file(const struct grant_mem *grant, char *why, size_t size)
{
	int fd = open_file(grant, why, size);
	void *p;

	if (fd < 0)
		return NULL;
	p = mmap(NULL, (size_t)grant->len, PROT_READ | (grant->writable ? PROT_WRITE : 0), MAP_SHARED, fd,
		 (off_t)grant->offset);
	close(fd);
	snprintf(why, size, "it cannot be mapped");
	return p == MAP_FAILED ? NULL : p;
}

static bool add(tlpb_ep *ep, const struct grant_mem *grant, uint8_t *bytes)
{
	struct window window = { .function = grant->function, .addr = grant->addr, .len = grant->len,
				 .writable = grant->writable, .bytes = bytes };
	struct mapping *m = calloc(1, sizeof *m);

	if (!m) {
		munmap(bytes, (size_t)grant->len);
		return false;
	}
	*m = (struct mapping){ .base.free = free_mapping, .ep = ep, .bytes = bytes,
			       .size = (size_t)grant->len };
	ep->mapped += grant->len;
	window.granted = &m->base;
	if (!tlpb__grants_add(&ep->windows, &window))
		return true;
	free_mapping(&m->base);
	return false;
}

/* The host's numbers: nothing is done with them before this. */
static bool is_legal(const tlpb_ep *ep, const struct grant_mem *g)
{
	return g->function < FUNCTIONS_MAX && ep->function[g->function] && g->pid && g->fd < INT32_MAX &&
	       g->len && g->addr + g->len > g->addr && g->len <= mapped_max - ep->mapped &&
	       g->offset < INT64_MAX - g->len;
}

void tlpb__ep_on_grant(tlpb_ep *ep, const struct grant_mem *grant)
{
	char why[TEXT_MAX] = "more than there is room for, or not a range of its own";
	uint8_t *bytes;

	if (!tlpb__link_shares_memory(ep->link)) {
		refuse(ep, grant, "the host is not known to be on this machine");
		return;
	}
	bytes = is_legal(ep, grant) ? map_file(grant, why, sizeof why) : NULL;
	if (!bytes)
		refuse(ep, grant, why);
	else if (!add(ep, grant, bytes))
		refuse(ep, grant, "there are too many ranges, or it overlaps another one");
}

/* ---- taken back ---- */

static void tell_model(struct function *f, uint64_t addr, uint64_t len)
{
	if (f && f->lent && f->ops.revoked)
		f->ops.revoked(f->ctx, f->number, addr, len);
}

void tlpb__ep_take_back(struct function *f)
{
	tell_model(f, 0, UINT64_MAX);
	f->lent = false;
}

/* What was written there is told before the answer, as before everything that is sent. */
void tlpb__ep_on_revoke(tlpb_ep *ep, const struct revoke *revoke)
{
	const struct mem_range *r = &revoke->range;

	if (r->function < FUNCTIONS_MAX && tlpb__grants_touch(&ep->windows, r->function, r->addr, r->len))
		tell_model(ep->function[r->function], r->addr, r->len);
	tlpb__grants_cut(&ep->windows, r->function, r->addr, r->len);
	tlpb__link_send_revoked(ep->link, revoke->number);
}

void tlpb__ep_windows_end(tlpb_ep *ep)
{
	for (unsigned i = 0; i < ep->functions; i++)
		tlpb__ep_take_back(ep->list[i]);
	tlpb__grants_clear(&ep->windows);
}

/* ---- the face ---- */

bool tlpb_ep_find_window(tlpb_ep *ep, unsigned function, uint64_t addr, struct tlpb_ep_window *window)
{
	struct function *f = tlpb__function_at(ep, function);
	const struct window *w;

	if (!f || tlpb__ep_may_start(ep, f, NULL) || !tlpb__ep_may_go_direct(f, NULL))
		return false;
	w = grants_lookup(&ep->windows, function, addr);
	if (!w)
		return false;
	*window = (struct tlpb_ep_window){ w->bytes, w->addr, w->len };
	f->lent = true;
	return true;
}

void tlpb_ep_get_direct_stats(const tlpb_ep *ep, struct tlpb_ep_direct_stats *stats)
{
	*stats = ep->direct_stats;
	stats->windows = ep->windows.count;
}
