/* SPDX-License-Identifier: MIT */
#include "pair.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <tlpbridge/regs.h>

#include "bytes.h"
#include "caught_log.h"
#include "cut.h"
#include "ep_private.h"
#include "flow.h"
#include "gtest.h"
#include "process.h"
#include "rc_private.h"
#include "transport_fault.h"
#include "waiter.h"

struct pair pair;

static bool is_open;

const uint8_t pair_token[TLPB_TOKEN] = "sixteen bytes..";

struct tlpb_device pair_device(void)
{
	const uint32_t rw = TLPB_REGION_READ | TLPB_REGION_WRITE;

	return (struct tlpb_device){
		.name = "pair", .vendor_id = 0x1d0f, .device_id = 0x7001, .class_code = 0xff0000,
		.region = {
			[0] = { 128 * 1024, rw },
			[1] = { 1024 * 1024, rw | TLPB_REGION_64BIT | TLPB_REGION_PREFETCH },
			[3] = { 64 * 1024, rw | TLPB_REGION_64BIT },
			[5] = { 256, rw | TLPB_REGION_IO },
			[TLPB_ROM] = { 64 * 1024, TLPB_REGION_READ },
		},
		.intx_pin = 1, .msi_vectors = 32, .msix_vectors = 2048,
		.msix_table_bar = 0, .msix_table_offset = 0x10000,
		.msix_pba_bar = 0, .msix_pba_offset = 0x18000,
		.has = TLPB_HAS_LTR | TLPB_HAS_PME | TLPB_HAS_TAGS_10BIT | TLPB_HAS_ATOMIC_REQUESTS |
		       TLPB_HAS_ATOMIC_32 | TLPB_HAS_ATOMIC_64 | TLPB_HAS_CAS_128 |
		       TLPB_HAS_DMWR | TLPB_HAS_DMWR_REQUESTS,
	};
}

/* ---- host ---- */

static int host_fails(uint64_t addr, size_t len)
{
	for (unsigned i = 0; i < pair.host.failings; i++) {
		const struct host_range *r = &pair.host.failing[i];

		if (addr < r->addr + r->len && r->addr < addr + len)
			return r->err;
	}
	return 0;
}

static uint8_t *host_ram(uint64_t addr, size_t len)
{
	if (addr >> 32 == HOST_RAM_HIGH)
		addr -= (uint64_t)HOST_RAM_HIGH << 32;
	if (addr < HOST_RAM_BASE || addr - HOST_RAM_BASE + len > HOST_RAM)
		return NULL;
	return pair.host.ram + (addr - HOST_RAM_BASE);
}

static int host_read(void *ctx, const struct tlpb_tlp *request, uint64_t addr, void *buf, size_t len)
{
	uint8_t *ram = host_ram(addr, len);
	int err = host_fails(addr, len);

	EXPECT_LE(addr % TLPB_PAGE + len, TLPB_PAGE);
	if (!pair.host.reads || request->tag < pair.host.lowest_tag)
		pair.host.lowest_tag = request->tag;
	if (request->tag > pair.host.highest_tag)
		pair.host.highest_tag = request->tag;
	pair.host.reads++;
	pair.host.requester_id = request->requester_id;
	if (err || !ram)
		return err ? err : TLPB_ERR_NO_ADDRESS;
	memcpy(buf, ram, len);
	return 0;
}

static int host_interrupt(uint64_t addr, const void *data, size_t len)
{
	struct host *h = &pair.host;

	EXPECT_EQ(len, 4);
	if (h->msis < MSI_MAX) {
		h->msi[h->msis].addr = addr;
		h->msi[h->msis].data = get_le32(data);
		h->msis++;
	}
	return 0;
}

static int host_write(void *ctx, const struct tlpb_tlp *request, uint64_t addr, const void *data,
		      size_t len)
{
	uint8_t *ram = host_ram(addr, len);
	int err = host_fails(addr, len);

	EXPECT_LE(addr % TLPB_PAGE + len, TLPB_PAGE);
	EXPECT_GT(len, 0);
	pair.host.writes++;
	pair.host.requester_id = request->requester_id;
	if (err)
		return err;
	if (addr - MSI_BASE < 0x100000)
		return host_interrupt(addr, data, len);
	if (!ram)
		return TLPB_ERR_NO_ADDRESS;
	memcpy(ram, data, len);
	if (pair.host.on_write)
		pair.host.on_write(addr, data, len);
	return 0;
}

static int host_atomic(void *ctx, const struct tlpb_tlp *request, uint64_t addr,
		       const struct tlpb_atomic *atomic, void *old)
{
	uint8_t *ram = host_ram(addr, atomic->size);
	int err = host_fails(addr, atomic->size);

	pair.host.atomics++;
	if (err || !ram)
		return err ? err : TLPB_ERR_NO_ADDRESS;
	return tlpb_atomic_memory(atomic, ram, old);
}

static void host_intx(void *ctx, unsigned pin, bool level)
{
	pair.host.intx[pin] = level;
	pair.host.intx_changes++;
}

static bool host_message(void *ctx, const struct tlpb_tlp *msg)
{
	pair.host.requester_id = msg->requester_id;
	pair.host.messages++;
	pair.host.message_code = msg->message_code;
	pair.host.message_words[0] = msg->dw2;
	pair.host.message_words[1] = msg->dw3;
	return !pair.host.knows_nothing;
}

static void host_error(void *ctx, const struct tlpb_rc_error_report *report)
{
	pair.host.errors++;
	pair.host.error = *report;
}

static void host_down(void *ctx, enum tlpb_reason reason, const char *text)
{
	pair.host.downs++;
	pair.host.down_reason = reason;
	snprintf(pair.host.down_text, sizeof pair.host.down_text, "%s", text);
}

static int host_dmwr(void *ctx, const struct tlpb_tlp *request, uint64_t addr, const void *data,
		     size_t len)
{
	pair.host.dmwrs++;
	if (pair.host.defers) {
		pair.host.defers--;
		return TLPB_ERR_CRS;
	}
	return host_write(ctx, request, addr, data, len);
}

static const struct tlpb_rc_ops host_ops = {
	.mem_read = host_read, .mem_write = host_write, .atomic = host_atomic, .dmwr = host_dmwr, .intx = host_intx,
	.message = host_message, .error = host_error, .down = host_down,
};

static struct tlpb_rc_ops ops_of_options(void)
{
	struct tlpb_rc_ops ops = host_ops;

	if (pair.options.no_host_atomics) {
		ops.atomic = NULL;
		ops.dmwr = NULL;
	}
	return ops;
}

/* ---- model ---- */

static void note_access(const struct tlpb_ep_request *r)
{
	struct model_access *a = &pair.model.last;

	*a = (struct model_access){
		.region = r->region, .offset = r->offset, .length = r->length, .write = r->write,
		.posted = r->posted, .deferrable = r->deferrable, .atomic = r->atomic != NULL,
		.has_enables = r->byte_enable != NULL,
		.requester_id = r->tlp->requester_id,
	};
	for (size_t i = 0; r->byte_enable && i < r->length && i < sizeof a->enable; i++)
		a->enable[i] = r->byte_enable[i];
	pair.model.accesses++;
}

static void access_memory(struct tlpb_ep_request *r)
{
	uint8_t *memory = pair.model.memory[r->region] + r->offset % MODEL_MEMORY;

	if (r->atomic) {
		EXPECT_TRUE(tlpb_memory_access(pair.model.memory[r->region], MODEL_MEMORY, r));
		return;
	}
	for (size_t i = 0; i < r->length; i++) {
		if (r->byte_enable && !r->byte_enable[i])
			continue;
		if (r->write)
			memory[i] = r->data[i];
		else
			r->data[i] = memory[i];
	}
}

static void model_access(void *ctx, struct tlpb_ep_request *r)
{
	struct model *m = &pair.model;

	note_access(r);
	if (m->on_access) {
		m->on_access(r);
		return;
	}
	access_memory(r);
	if (m->hold && !r->posted && m->holds < HELD_MAX)
		m->held[m->holds++] = r;
	else
		tlpb_ep_complete(pair.ep, r, m->status);
}

static void model_reset(void *ctx, enum tlpb_reset kind)
{
	pair.model.resets++;
	pair.model.reset_kind = kind;
}

static void model_connected(void *ctx, const char *host)
{
	pair.model.connects++;
	snprintf(pair.model.host, sizeof pair.model.host, "%s", host);
	if (pair.model.on_connected)
		pair.model.on_connected();
}

static void model_disconnected(void *ctx, enum tlpb_reason reason, const char *text)
{
	pair.model.disconnects++;
	pair.model.gone_reason = reason;
	snprintf(pair.model.gone_text, sizeof pair.model.gone_text, "%s", text);
}

static void model_config_written(void *ctx, unsigned offset, unsigned size)
{
	pair.model.config_writes++;
	pair.model.config_offset = offset;
	pair.model.config_size = size;
}

static bool model_message(void *ctx, const struct tlpb_tlp *msg)
{
	pair.model.messages++;
	pair.model.message_code = msg->message_code;
	pair.model.message_len = msg->payload_len;
	return !pair.model.knows_nothing;
}

static void model_dma_fault(void *ctx, uint64_t addr, int err)
{
	pair.model.faults++;
	pair.model.fault_addr = addr;
	pair.model.fault_err = err;
}

static void model_eoi(void *ctx)
{
	pair.model.eois++;
}

static const struct tlpb_ep_ops model_ops = {
	.access = model_access, .reset = model_reset, .connected = model_connected,
	.disconnected = model_disconnected, .config_written = model_config_written,
	.message = model_message, .dma_fault = model_dma_fault, .eoi = model_eoi,
};

/* ---- the endpoint's thread ---- */

static void run_call(void)
{
	uint64_t count;

	if (read(pair.wake_fd, &count, sizeof count) < 0)
		return;		/* not woken */
	pthread_mutex_lock(&pair.lock);
	if (pair.call)
		pair.call(pair.call_arg);
	pair.call = NULL;
	pthread_cond_signal(&pair.called);
	pthread_mutex_unlock(&pair.lock);
}

static void *serve_ep(void *arg)
{
	while (!pair.stop) {
		struct pollfd p[3] = { { .fd = pair.wake_fd, .events = POLLIN },
				       { .fd = tlpb__ep_fd(pair.ep), .events = POLLIN },
				       { .fd = tlpb__ep_timer_fd(pair.ep), .events = POLLIN } };

		if (pair.ep->link)
			tlpb__link_arm(pair.ep->link);
		poll(p, 3, -1);
		run_call();
		tlpb__ep_process(pair.ep);
	}
	return NULL;
}

void pair_on_ep(void (*call)(void *arg), void *arg)
{
	uint64_t one = 1;

	pthread_mutex_lock(&pair.lock);
	pair.call = call;
	pair.call_arg = arg;
	if (write(pair.wake_fd, &one, sizeof one) < 0)
		abort();
	while (pair.call)
		pthread_cond_wait(&pair.called, &pair.lock);
	pthread_mutex_unlock(&pair.lock);
}

static void stop_thread(void *arg)
{
	pair.stop = true;
}

/* ---- connecting ---- */

static void attach(void *arg)
{
	ASSERT_EQ(tlpb__ep_attach(pair.ep, arg, pair_token, 0), 0);
}

static struct transport *with_faults(struct transport *end, const struct fault_plan *plan)
{
	return cut_new(plan ? fault_new(end, plan) : end);
}

/* What a test asks for instead of the environment is all that it has. */
static void set_flow(const char *asked, unsigned mps, struct tlpb_pools *credits, uint64_t *seed)
{
	char why[256] = "";

	flow_configure(credits, seed, mps);
	if (pair.options.order_seed)
		*seed = pair.options.order_seed;
	if (!asked)
		return;
	*credits = (struct tlpb_pools){ 0 };
	if (tlpb_pools_parse(asked, credits, why, sizeof why))
		FAIL("%s", why);
}

/* Faults are in what goes over the socket. */
static bool has_rings(void)
{
	return flow_transport_kind() == TLPB_TRANSPORT_SHM && !pair.options.rc_faults &&
	       !pair.options.ep_faults;
}

int pair_connect(char *why, size_t size)
{
	struct tlpb_rc_ops ops = ops_of_options();
	struct tlpb_rc_config config = {
		.name = "test-host", .connect_timeout_ms = PAIR_PATIENCE_MS,
		.mps = pair.options.rc_mps ? pair.options.rc_mps : 512, .rcb = pair.options.rcb,
		.completion_timeout_ms = pair.options.rc_timeout_ms,
		.crs_retry_ms = pair.options.crs_retry_ms, .crs_visible = pair.options.crs_visible,
		.plain_pcie = pair.options.plain_pcie, .trace = pair.options.rc_trace,
		.check = pair.options.check, .ecrc = pair.options.ecrc, .ops = &ops,
	};
	struct transport *ends[2];

	set_flow(pair.options.rc_credits, config.mps, &config.credits, &config.order_seed);
	config.transport = has_rings() ? TLPB_TRANSPORT_SHM : TLPB_TRANSPORT_NNG;
	if (tlpb__transport_mem_pair(pair.options.queue ? pair.options.queue : 64, ends))
		return TLPB_ERR_NOMEM;
	pair.rc_end = with_faults(ends[0], pair.options.rc_faults);
	pair.ep_end = with_faults(ends[1], pair.options.ep_faults);
	pair_on_ep(attach, pair.ep_end);
	return tlpb__rc_connect_transport(&config, pair.rc_end, pair_token, &pair.rc, why, size);
}

struct transport *pair_attach_raw(void)
{
	struct transport *ends[2];

	ASSERT_EQ(tlpb__transport_mem_pair(64, ends), 0);
	pair_on_ep(attach, ends[1]);
	return ends[0];
}

static void is_detached(void *arg)
{
	*(bool *)arg = !tlpb__ep_attached(pair.ep);
}

void pair_await_detached(void)
{
	long long end = now_ms() + PAIR_PATIENCE_MS;
	bool detached = false;

	while (!detached && now_ms() < end) {
		pair_on_ep(is_detached, &detached);
		if (!detached)
			sleep_ms(1);
	}
	EXPECT_TRUE(detached);
}

void pair_disconnect(void)
{
	tlpb_rc_close(pair.rc);
	pair.rc = NULL;
	pair_await_detached();
}

/* Rings have to hear of it before something is put into them: a goodbye, say. */
static void cut(struct transport *end, struct transport *both)
{
	struct message message;

	cut_now(end);
	if (!has_ring(both))
		return;
	both->ops->arm(both, false);
	while (!both->ops->recv(both, &message))
		both->ops->release(both, &message);
}

void pair_cut_ep(void)
{
	cut(pair.ep_end, tlpb__link_transport(pair.ep->link));
}

void pair_kill_host(void)
{
	cut(pair.rc_end, tlpb__link_transport(pair.rc->link));
	tlpb_rc_close(pair.rc);
	pair.rc = NULL;
	pair_await_detached();
}

static void cut_ep(void *arg)
{
	pair_cut_ep();
}

void pair_kill_link(void)
{
	pair_on_ep(cut_ep, NULL);
	pair_await_detached();
}

/* ---- life ---- */

static void new_ep(void)
{
	struct tlpb_device device = pair_device();
	struct tlpb_ep_config config = {
		.device = pair.options.device ? pair.options.device : &device,
		.completion_timeout_ms = pair.options.ep_timeout_ms,
		.mps = pair.options.ep_mps, .mrrs = pair.options.ep_mrrs,
		.check = pair.options.check,
		.ops = pair.options.ops ? pair.options.ops : &model_ops, .trace = pair.options.ep_trace,
	};
	char why[256] = "";

	set_flow(pair.options.ep_credits, config.mps ? config.mps : 512, &config.credits, &config.order_seed);
	if (tlpb_ep_new(&config, &pair.ep, why, sizeof why))
		FAIL("no endpoint: %s", why);
	pair.ep->rings.transport = has_rings() ? TLPB_TRANSPORT_AUTO : TLPB_TRANSPORT_NNG;
}

void pair_open(const struct pair_options *options)
{
	char why[256] = "";

	pair_close();
	alarm(PAIR_WATCHDOG_S);
	catch_log();
	memset(&pair, 0, sizeof pair);
	if (options)
		pair.options = *options;
	pair.host.ram = aligned_alloc(TLPB_PAGE, HOST_RAM);
	memset(pair.host.ram, 0, HOST_RAM);
	for (int i = 0; i < TLPB_REGIONS; i++)
		pair.model.memory[i] = calloc(1, MODEL_MEMORY);
	new_ep();
	pthread_mutex_init(&pair.lock, NULL);
	pthread_cond_init(&pair.called, NULL);
	pair.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ASSERT_EQ(pthread_create(&pair.thread, NULL, serve_ep, NULL), 0);
	is_open = true;
	if (!pair.options.stay_apart && pair_connect(why, sizeof why))
		FAIL("no link: %s", why);
}

void pair_close(void)
{
	if (!is_open)
		return;
	is_open = false;
	alarm(0);
	tlpb_rc_close(pair.rc);
	pair.rc = NULL;
	pair_on_ep(stop_thread, NULL);
	pthread_join(pair.thread, NULL);
	tlpb_ep_free(pair.ep);
	close(pair.wake_fd);
	pthread_cond_destroy(&pair.called);
	pthread_mutex_destroy(&pair.lock);
	free(pair.host.ram);
	for (int i = 0; i < TLPB_REGIONS; i++)
		free(pair.model.memory[i]);
}

void pair_enumerate(void)
{
	struct tlpb_rc_windows windows = {
		.bdf = PAIR_BDF, .mem32 = 0xe0000000, .mem64 = 0x2000000000, .io = 0xc000,
	};

	ASSERT_EQ(tlpb_rc_enumerate(pair.rc, &windows, pair.bar), 0);
	pair.rom = 0xef000000;
	ASSERT_EQ(tlpb_rc_config_write(pair.rc, PAIR_BDF, 0x30, 4, (uint32_t)pair.rom | 1), 0);
}

/* ---- serving ---- */

void pair_serve_until(bool (*done)(void *arg), void *arg)
{
	long long end = now_ms() + PAIR_PATIENCE_MS;

	while (!done(arg)) {
		struct pollfd p = { .fd = tlpb_rc_fd(pair.rc), .events = POLLIN };

		ASSERT_LT(now_ms(), end);
		tlpb_rc_process(pair.rc);
		if (!done(arg))
			poll(&p, 1, 1);
	}
}

static bool flag_is_set(void *arg)
{
	return atomic_load((atomic_bool *)arg);
}

void pair_serve_until_set(atomic_bool *flag)
{
	pair_serve_until(flag_is_set, flag);
}

/* A config read comes back behind everything that was on its way in both directions. */
void pair_settle_at(uint16_t bdf)
{
	uint32_t value;

	EXPECT_EQ(tlpb_rc_config_read(pair.rc, bdf, 0, 4, &value), 0);
}

void pair_settle(void)
{
	pair_settle_at(PAIR_BDF);
}

struct answer {
	bool over;
	int err;
};

static void on_answer(void *arg, const struct tags_request *request, int err)
{
	struct answer *a = arg;

	a->over = true;
	a->err = err;
}

static bool is_answered(void *arg)
{
	return ((struct answer *)arg)->over;
}

int pair_request(struct tlpb_tlp *tlp, void *buf, size_t len)
{
	struct answer answer = { 0 };
	int err = tlpb__tags_begin(&pair.rc->tags, tlp, buf, len, on_answer, &answer);

	if (err)
		return err;
	pair_post(tlp);
	pair_serve_until(is_answered, &answer);
	return answer.err;
}

void pair_post(const struct tlpb_tlp *tlp)
{
	EXPECT_EQ(tlpb__link_send_tlp(pair.rc->link, tlp, 0), 0);
	tlpb__link_flush(pair.rc->link);
}

/* ---- DMA ---- */

static void on_dma_done(void *arg, int err, uint64_t fail_addr)
{
	struct dma *d = arg;

	EXPECT_FALSE(atomic_load(&d->over));
	d->err = err;
	d->fail_addr = fail_addr;
	atomic_store(&d->over, true);
}

static void start_dma(void *arg)
{
	struct dma *d = arg;

	d->started = d->write
		? tlpb_ep_dma_write(pair.ep, d->addr, d->buf, d->len, d->attr, on_dma_done, d)
		: tlpb_ep_dma_read(pair.ep, d->addr, d->buf, d->len, d->attr, on_dma_done, d);
	if (d->started)
		atomic_store(&d->over, true);
}

void pair_dma_start(struct dma *d)
{
	atomic_store(&d->over, false);
	d->err = 0;
	d->fail_addr = 0;
	pair_on_ep(start_dma, d);
}

void pair_dma_run(struct dma *d)
{
	pair_dma_start(d);
	pair_serve_until_set(&d->over);
}
