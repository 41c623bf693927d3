/* SPDX-License-Identifier: MIT */
#include "host.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "bytes.h"
#include "flow.h"
#include "gtest.h"

struct host host;
struct tlpb_rc_config host_security;

const char *url_of(const char *name)
{
	static char urls[4][300];
	static unsigned next;
	char *url = urls[next++ % 4];

	snprintf(url, sizeof urls[0], "ipc://%s", test_path(name));
	return url;
}

const char *const *serve_command(const char *url)
{
	return endpoint_test_command(TLPB_SERVE, (const char *const[]){ "--listen", url, NULL });
}

struct process *serve(const char *name)
{
	struct process *server = process_start(serve_command(url_of(name)));

	if (!process_wait_output(server, "listening at", PROCESS_PATIENCE_MS))
		FAIL("the server does not listen:\n%s", process_output(server));
	return server;
}

const char *serve_at(const char *url, const char *const options[], struct process **server)
{
	static const char says[] = "listening at ";
	static char urls[4][300];
	static unsigned next;
	char *found = urls[next++ % 4];
	const char *all[30] = { "--listen", url };
	const char *line;

	for (unsigned i = 0; options && options[i]; i++) {
		ASSERT_LT(i, 27);	/* endpoint_test_command() takes 31 words */
		all[2 + i] = options[i];
	}
	*server = process_start(endpoint_test_command(TLPB_SERVE, all));
	if (!process_wait_output(*server, ", device ", PROCESS_PATIENCE_MS))
		FAIL("tlpbridge-serve does not listen:\n%s", process_output(*server));
	line = strstr(process_output(*server), says) + strlen(says);
	snprintf(found, sizeof urls[0], "%.*s", (int)strcspn(line, ","), line);
	return found;
}

static uint8_t *ram_at(uint64_t addr, size_t len)
{
	if (addr < RAM_BASE || addr - RAM_BASE + len > RAM_SIZE)
		return NULL;
	return host.ram + (addr - RAM_BASE);
}

static int on_read(void *ctx, const struct tlpb_tlp *request, uint64_t addr, void *buf, size_t len)
{
	uint8_t *ram = ram_at(addr, len);

	host.dma_of[request->requester_id & 0xff]++;
	if (!ram)
		return TLPB_ERR_NO_ADDRESS;
	memcpy(buf, ram, len);
	return 0;
}

static int on_write(void *ctx, const struct tlpb_tlp *request, uint64_t addr, const void *data,
		    size_t len)
{
	uint8_t *ram = ram_at(addr, len);

	host.dma_of[request->requester_id & 0xff]++;
	if (addr == MSI_ADDRESS && len == 4) {
		host.msis++;
		host.last_msi = get_le32(data);
		return 0;
	}
	if (!ram)
		return TLPB_ERR_NO_ADDRESS;
	memcpy(ram, data, len);
	return 0;
}

static void on_intx(void *ctx, unsigned pin, bool level)
{
	host.line[pin] = level;
}

static void on_down(void *ctx, enum tlpb_reason reason, const char *text)
{
	host.downs++;
	host.down_reason = reason;
	snprintf(host.down_text, sizeof host.down_text, "%s", text);
}

static void on_waiting(void *ctx, const char *text)
{
	snprintf(host.waiting, sizeof host.waiting, "%s", text);
}

struct tlpb_rc_config host_config(void)
{
	struct tlpb_rc_config config = host_security;

	flow_configure(&config.credits, &config.order_seed, 128);
	config.transport = flow_transport_kind();
	return config;
}

int host_connect(const char *url, const char *device, unsigned timeout_ms)
{
	static const struct tlpb_rc_ops ops = {
		.mem_read = on_read, .mem_write = on_write, .intx = on_intx, .down = on_down, .waiting = on_waiting,
	};
	struct tlpb_rc_config config = host_config();

	config.url = url;
	config.device = device;
	config.name = "rc-test";
	config.connect_timeout_ms = timeout_ms;
	config.ops = &ops;
	memset(&host, 0, sizeof host);
	return tlpb_rc_connect(&config, &host.rc, host.why, sizeof host.why);
}

static void enable_msix(void)
{
	int at = tlpb_rc_find_capability(host.rc, HOST_BDF, 0x11);
	uint8_t entry[16] = { 0 };

	ASSERT_GT(at, 0);
	put_le32(entry, MSI_ADDRESS);
	put_le32(entry + 8, 0x5a01);
	ASSERT_EQ(tlpb_rc_mem_write(host.rc, host.bar[0].addr + 0x4000, entry, 16), 0);
	ASSERT_EQ(tlpb_rc_config_write(host.rc, HOST_BDF, (unsigned)at + 2, 2, 0x8000), 0);
}

void host_start(const char *url)
{
	struct tlpb_rc_windows windows = { .bdf = HOST_BDF, .mem32 = 0xe0000000 };

	if (host_connect(url, NULL, PROCESS_PATIENCE_MS))
		FAIL("%s", host.why);
	ASSERT_EQ(tlpb_rc_enumerate(host.rc, &windows, host.bar), 0);
	enable_msix();
}

void host_stop(void)
{
	tlpb_rc_close(host.rc);
	host.rc = NULL;
}

uint32_t reg_read(unsigned reg)
{
	uint8_t dw[4];

	EXPECT_EQ(tlpb_rc_mem_read(host.rc, host.bar[0].addr + reg, dw, 4), 0);
	return get_le32(dw);
}

void reg_write(unsigned reg, uint32_t value)
{
	uint8_t dw[4];

	put_le32(dw, value);
	EXPECT_EQ(tlpb_rc_mem_write(host.rc, host.bar[0].addr + reg, dw, 4), 0);
}

static void write_pair(unsigned reg, uint64_t value)
{
	reg_write(reg, (uint32_t)value);
	reg_write(reg + 4, (uint32_t)(value >> 32));
}

uint32_t run_command(uint32_t command, uint64_t src, uint64_t dst, uint32_t size)
{
	unsigned before = host.msis;
	long long end = now_ms() + PROCESS_PATIENCE_MS;

	write_pair(REG_SRC, src);
	write_pair(REG_DST, dst);
	reg_write(REG_SIZE, size);
	reg_write(REG_IRQ_TYPE, IRQ_MSIX);
	reg_write(REG_IRQ_NUMBER, 1);
	reg_write(REG_COMMAND, command);
	while (host.msis == before) {
		struct pollfd p = { .fd = tlpb_rc_fd(host.rc), .events = POLLIN };

		ASSERT_LT(now_ms(), end);
		ASSERT_EQ(tlpb_rc_process(host.rc), 0);
		if (host.msis == before)
			poll(&p, 1, 50);
	}
	EXPECT_EQ(host.last_msi, 0x5a01);
	return reg_read(REG_STATUS);
}

void expect_traffic(void)
{
	static const uint32_t sizes[] = { 1, 4, 511, 4097, 100001 };

	for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		uint32_t n = sizes[i];

		EXPECT_EQ(run_command(COMMAND_WRITE, 0, RAM_BASE + 3, n) & (STATUS_WRITE_OK | STATUS_FAILED),
			  STATUS_WRITE_OK);
		EXPECT_EQ(run_command(COMMAND_READ, RAM_BASE + 3, 0, n) & (STATUS_READ_OK | STATUS_FAILED),
			  STATUS_READ_OK);
		EXPECT_EQ(run_command(COMMAND_COPY, RAM_BASE + 3, RAM_BASE + 0x80001, n) &
			  (STATUS_COPY_OK | STATUS_FAILED), STATUS_COPY_OK);
		EXPECT_MEMEQ(host.ram + 0x80001, host.ram + 3, n);
	}
}

int listen_silently(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	EXPECT_EQ(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	EXPECT_EQ(listen(fd, 16), 0);
	return fd;
}
