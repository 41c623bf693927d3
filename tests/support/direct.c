/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE	/* memfd_create() */

#include "direct.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bytes.h"
#include "caught_log.h"
#include "gtest.h"
#include "pair.h"

enum { WATCHDOG_S = 300, MSIX_TABLE = 0x10000 };

struct direct direct;

static pthread_t thread;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t called = PTHREAD_COND_INITIALIZER;
static void (*call)(void *arg);
static void *call_arg;
static int wake_fd;
static bool stop, is_open;

/* ---- host ---- */

static uint8_t *ram_at(uint64_t addr, size_t len)
{
	if (addr < DIRECT_RAM_AT || addr - DIRECT_RAM_AT + len > DIRECT_RAM)
		return NULL;
	return direct.ram + (addr - DIRECT_RAM_AT);
}

static int on_read(void *ctx, const struct tlpb_tlp *request, uint64_t addr, void *buf, size_t len)
{
	uint8_t *ram = ram_at(addr, len);

	direct.reads++;
	if (direct.on_read)
		direct.on_read(addr);
	if (!ram)
		return TLPB_ERR_NO_ADDRESS;
	memcpy(buf, ram, len);
	return 0;
}

static int on_interrupt(uint64_t addr)
{
	direct.msis++;
	direct.dirties_at_msi = direct.dirties;
	if (direct.on_msi)
		direct.on_msi((unsigned)(addr - DIRECT_MSI_AT) / 4);
	return 0;
}

static int on_write(void *ctx, const struct tlpb_tlp *request, uint64_t addr, const void *data, size_t len)
{
	uint8_t *ram = ram_at(addr, len);

	if (addr - DIRECT_MSI_AT < 4 * DIRECT_VECTORS)
		return on_interrupt(addr);
	direct.writes++;
	if (!ram)
		return TLPB_ERR_NO_ADDRESS;
	memcpy(ram, data, len);
	if (direct.on_write)
		direct.on_write(addr, data, len);
	return 0;
}

static void on_dirty(void *ctx, unsigned function, uint64_t addr, uint64_t len)
{
	direct.dirties++;
	direct.dirty_addr = addr;
	direct.dirty_len = len;
	if (direct.on_dirty)
		direct.on_dirty(addr, len);
}

static void on_down(void *ctx, enum tlpb_reason reason, const char *text)
{
	direct.downs++;
	snprintf(direct.down_text, sizeof direct.down_text, "%s", text);
}

/* ---- model ---- */

static void on_access(void *ctx, struct tlpb_ep_request *request)
{
	void (*model)(struct tlpb_ep_request *request) = atomic_load(&direct.on_access);

	if (model) {
		model(request);
		return;
	}
	if (!request->write)
		memset(request->data, 0, request->length);
	tlpb_ep_complete(direct.ep, request, TLPB_CPL_SC);
}

static void on_revoked(void *ctx, unsigned function, uint64_t addr, uint64_t len)
{
	atomic_fetch_add(&direct.revocations, 1);
}

/* ---- the endpoint's thread ---- */

static void run_call(void)
{
	uint64_t count;

	if (read(wake_fd, &count, sizeof count) < 0)
		return;		/* not woken */
	pthread_mutex_lock(&lock);
	if (call)
		call(call_arg);
	call = NULL;
	pthread_cond_signal(&called);
	pthread_mutex_unlock(&lock);
}

static void *serve(void *arg)
{
	while (!stop) {
		tlpb_server_wait_or(direct.server, wake_fd, 1000);
		run_call();
	}
	return NULL;
}

void direct_on_ep(void (*function)(void *arg), void *arg)
{
	uint64_t one = 1;

	pthread_mutex_lock(&lock);
	call = function;
	call_arg = arg;
	if (write(wake_fd, &one, sizeof one) < 0)
		abort();
	while (call)
		pthread_cond_wait(&called, &lock);
	pthread_mutex_unlock(&lock);
}

static void stop_thread(void *arg)
{
	stop = true;
}

/* ---- life ---- */

static void make_ram(void)
{
	direct.ram_fd = memfd_create("ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ASSERT_GE(direct.ram_fd, 0);
	ASSERT_EQ(ftruncate(direct.ram_fd, DIRECT_RAM), 0);
	if (!direct.options.unsealed)
		ASSERT_EQ(fcntl(direct.ram_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	direct.ram = mmap(NULL, DIRECT_RAM, PROT_READ | PROT_WRITE, MAP_SHARED, direct.ram_fd, 0);
	ASSERT_TRUE(direct.ram != MAP_FAILED);
}

static void make_server(void)
{
	static const struct tlpb_ep_ops ops = { .access = on_access, .revoked = on_revoked };
	struct tlpb_server_config config = { .transport = direct.options.transport,
					     .direct = direct.options.direct };
	struct tlpb_device device = pair_device();
	struct tlpb_ep_config ep = { .device = &device, .ops = &ops, .trace = direct.options.ep_trace,
				     .check = direct.options.ep_check ? TLPB_CHECK_FATAL : TLPB_CHECK_OFF,
				     .inject = direct.options.ep_inject };
	char url[64], why[256] = "";

	snprintf(url, sizeof url, "inproc://direct-%d", (int)getpid());
	config.url = url;
	if (tlpb_ep_new(&ep, &direct.ep, why, sizeof why) ||
	    tlpb_server_open_with(&config, &direct.server, why, sizeof why))
		FAIL("%s", why);
	ASSERT_EQ(tlpb_server_add(direct.server, direct.ep), 0);
}

static void connect_host(void)
{
	static const struct tlpb_rc_ops ops = { .mem_read = on_read, .mem_write = on_write,
						.dirty = on_dirty, .down = on_down };
	struct tlpb_rc_config config = {
		.url = tlpb_server_url(direct.server), .name = "test-host", .mps = 256,
		.transport = direct.options.transport, .trace = direct.options.rc_trace,
		.grants = !direct.options.no_grants, .ops = &ops,
	};
	char why[256] = "";

	if (tlpb_rc_connect(&config, &direct.rc, why, sizeof why))
		FAIL("%s", why);
}

static void enable(void)
{
	struct tlpb_rc_windows windows = { .bdf = DIRECT_BDF, .mem32 = 0xe0000000, .mem64 = 0x2000000000,
					   .io = 0xc000 };
	int at;

	ASSERT_EQ(tlpb_rc_enumerate(direct.rc, &windows, direct.bar), 0);
	at = tlpb_rc_find_capability(direct.rc, DIRECT_BDF, 0x11);
	ASSERT_GT(at, 0);
	for (unsigned v = 0; v < DIRECT_VECTORS; v++) {
		uint8_t entry[16] = { 0 };

		put_le32(entry, DIRECT_MSI_AT + 4 * v);
		put_le32(entry + 8, v);
		ASSERT_EQ(tlpb_rc_mem_write(direct.rc, direct.bar[0].addr + MSIX_TABLE + 16 * v, entry, 16), 0);
	}
	ASSERT_EQ(tlpb_rc_config_write(direct.rc, DIRECT_BDF, (unsigned)at + 2, 2, 0x8000), 0);
}

void direct_open(const struct direct_options *options)
{
	direct_close();
	alarm(WATCHDOG_S);
	catch_log();
	memset(&direct, 0, sizeof direct);
	if (options)
		direct.options = *options;
	make_ram();
	make_server();
	wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	stop = false;
	ASSERT_EQ(pthread_create(&thread, NULL, serve, NULL), 0);
	is_open = true;
	connect_host();
	enable();
}

void direct_close(void)
{
	if (!is_open)
		return;
	is_open = false;
	alarm(0);
	tlpb_rc_close(direct.rc);
	direct_on_ep(stop_thread, NULL);
	pthread_join(thread, NULL);
	tlpb_server_close(direct.server);
	tlpb_ep_free(direct.ep);
	munmap(direct.ram, DIRECT_RAM);
	close(direct.ram_fd);
	close(wake_fd);
}

/* ---- what tests do ---- */

int direct_grant(uint64_t offset, uint64_t len, bool writable)
{
	struct tlpb_rc_grant grant = { .addr = DIRECT_RAM_AT + offset, .len = len, .fd = direct.ram_fd,
				       .offset = offset, .writable = writable };

	return tlpb_rc_grant(direct.rc, &grant);
}

/* A config read comes back behind everything that was on its way in both directions. */
void direct_settle(void)
{
	uint32_t value;

	EXPECT_EQ(tlpb_rc_config_read(direct.rc, DIRECT_BDF, 0, 4, &value), 0);
}

void direct_serve_until(atomic_bool *flag)
{
	while (!atomic_load(flag)) {
		struct pollfd p = { .fd = tlpb_rc_fd(direct.rc), .events = POLLIN };

		if (tlpb_rc_process(direct.rc))
			FAIL("the link is down: %s", direct.down_text);
		if (!atomic_load(flag))
			poll(&p, 1, 1);
	}
}

struct dma_call {
	bool write;
	uint64_t addr;
	void *data;
	size_t len;
	atomic_bool over;
	int err;
};

static void dma_done(void *arg, int err, uint64_t fail_addr)
{
	struct dma_call *d = arg;

	d->err = err;
	atomic_store(&d->over, true);
}

static void start_dma(void *arg)
{
	struct dma_call *d = arg;
	int err = d->write ? tlpb_ep_dma_write(direct.ep, d->addr, d->data, d->len, NULL, dma_done, d)
			   : tlpb_ep_dma_read(direct.ep, d->addr, d->data, d->len, NULL, dma_done, d);

	if (err)
		dma_done(d, err, 0);
}

static int run_dma(struct dma_call *d)
{
	direct_on_ep(start_dma, d);
	direct_serve_until(&d->over);
	return d->err;
}

int direct_dma_write(uint64_t offset, const void *data, size_t len)
{
	struct dma_call d = { .write = true, .addr = DIRECT_RAM_AT + offset, .data = (void *)data, .len = len };

	return run_dma(&d);
}

int direct_dma_read(uint64_t offset, void *buf, size_t len)
{
	struct dma_call d = { .addr = DIRECT_RAM_AT + offset, .data = buf, .len = len };

	return run_dma(&d);
}

static void start_post(void *arg)
{
	struct dma_call *d = arg;

	d->err = tlpb_ep_dma_write(direct.ep, d->addr, d->data, d->len, NULL, NULL, NULL);
}

void direct_post(uint64_t offset, const void *data, size_t len)
{
	struct dma_call d = { .addr = DIRECT_RAM_AT + offset, .data = (void *)data, .len = len };

	direct_on_ep(start_post, &d);
	EXPECT_EQ(d.err, 0);
}

static void start_interrupt(void *arg)
{
	EXPECT_EQ(tlpb_ep_msix(direct.ep, *(unsigned *)arg), TLPB_IRQ_SENT);
}

void direct_interrupt(unsigned vector)
{
	direct_on_ep(start_interrupt, &vector);
}

static void get_stats(void *arg)
{
	tlpb_ep_get_direct_stats(direct.ep, arg);
}

struct tlpb_ep_direct_stats direct_stats(void)
{
	struct tlpb_ep_direct_stats stats;

	direct_on_ep(get_stats, &stats);
	return stats;
}
