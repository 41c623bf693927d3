/* SPDX-License-Identifier: MIT */
/* Two devices of one server in one QEMU: a wait for one serves both, and either may go meanwhile. */
#include "certificates.h"
#include "flow.h"
#include "machine.h"
#include "qmp.h"

#include <stdio.h>

enum {
	EP2 = BEHIND_PORT(1),
	SRC = 0x100000, DST = 0x101000, MSI = 0x102000,	/* the second device's: STEP further on */
	STEP = 0x10000,
	MSIX_ENABLE = 1 << 15,
	SLOT_CONTROL = 0x18,
	POWER_OFF = 1 << 10 | 3 << 8 | 3 << 6,	/* power and both indicators off */
	POWER_ON = 1 << 8 | 3 << 6,
	ROUNDS = 50,
};

#define NATIVE_HOT_PLUG "-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"

/* A descriptor is one device's: two of one server are not possible over it. */
enum over { OVER_IPC, OVER_TCP, OVER_TLS, OVERS };

static const char *const over_names[OVERS] = { "ipc", "tcp", "tls+tcp" };

static char url[300];
static struct bar bar[2][6];

static void set_reg(unsigned device, unsigned reg, uint32_t value)
{
	qtest_write(m.q, bar[device][0].addr + reg, 4, value);
}

static uint32_t get_reg(unsigned device, unsigned reg)
{
	return (uint32_t)qtest_read(m.q, bar[device][0].addr + reg, 4);
}

/* Its reads with an effect copy from src to dst, and write 1 to MSI. */
static void program(unsigned device, uint64_t src, uint64_t dst, uint32_t size)
{
	unsigned bdf = device ? EP2 : EP;

	set_reg(device, REG_SRC, (uint32_t)src);
	set_reg(device, REG_SRC + 4, (uint32_t)(src >> 32));
	set_reg(device, REG_DST, (uint32_t)dst);
	set_reg(device, REG_DST + 4, (uint32_t)(dst >> 32));
	set_reg(device, REG_SIZE, size);
	set_reg(device, REG_IRQ_NUMBER, 1);
	set_reg(device, MSIX_TABLE, MSI + device * STEP);
	set_reg(device, MSIX_TABLE + 8, 1);
	set_reg(device, MSIX_TABLE + 12, 0);
	qtest_ecam_write(m.q, bdf, qtest_find_capability(m.q, bdf, CAP_MSIX) + 2, 2, MSIX_ENABLE);
}

#define TWO_DEVICES "endpoint-test", "--name", "first", "--and", "endpoint-test", "--name", "second"

static struct process *serve_two(enum over over)
{
	if (over == OVER_TCP)
		return process_start(flow_command((const char *const[]){
			TLPB_SERVE, TWO_DEVICES, "--listen", "tcp://127.0.0.1:0", NULL }));
	if (over == OVER_IPC)
		return process_start(flow_command((const char *const[]){
			TLPB_SERVE, TWO_DEVICES, "--listen", socket_url("s"), NULL }));
	return process_start(flow_command((const char *const[]){
		TLPB_SERVE, TWO_DEVICES, "--listen", "tls+tcp://localhost:0",
		"--tls-ca", certificate(OURS, "ca.pem"), "--tls-cert", certificate(OURS, "localhost.pem"),
		"--tls-key", certificate(OURS, "localhost.key"), NULL }));
}

/* What the server says it listens at. */
static void find_url(struct process *server)
{
	static const char says[] = "listening at ";
	const char *at;

	ASSERT_TRUE(process_wait_output(server, ", device ", PROCESS_PATIENCE_MS));
	at = strstr(process_output(server), says) + strlen(says);
	snprintf(url, sizeof url, "%.*s", (int)strcspn(at, ","), at);
}

/* QEMU's options for the first device; the second is plugged in. */
static const char *first_device(enum over over)
{
	static char option[4096];
	int n = snprintf(option, sizeof option, "tlpbridge,bus=rp0,device=first,url=%s%s", url,
			 flow_properties());

	if (over == OVER_TLS)
		snprintf(option + n, sizeof option - (size_t)n, ",tls-ca=%s,tls-cert=%s,tls-key=%s",
			 certificate(OURS, "ca.pem"), certificate(OURS, "qemu.pem"),
			 certificate(OURS, "qemu.key"));
	return option;
}

static struct qmp *start(enum over over)
{
	struct qmp *qmp;

	processes_end();
	gt_about(over_names[over]);
	memset(&m, 0, sizeof m);
	m.server = serve_two(over);
	find_url(m.server);
	m.q = qtest_start(ARGS(PORT2, NATIVE_HOT_PLUG, "-qmp", qmp_option("qmp"),
			       "-device", first_device(over)));
	qtest_set_up_port(m.q, 0);
	qtest_set_up_port(m.q, 1);
	qmp = qmp_connect("qmp");
	place_bars(m.q, EP, bar[0]);
	return qmp;
}

static void set_slot_control(uint16_t value)
{
	unsigned at = qtest_find_capability(m.q, ROOT_PORT(1), CAP_EXPRESS);

	ASSERT_NE(at, 0u);
	qtest_ecam_write(m.q, ROOT_PORT(1), at + SLOT_CONTROL, 2, value);
}

static void plug_second_in(struct qmp *qmp, enum over over)
{
	static char json[4096];
	int n = snprintf(json, sizeof json, "{\"execute\":\"device_add\",\"arguments\":{"
			 "\"driver\":\"tlpbridge\",\"bus\":\"rp1\",\"id\":\"ep1\",\"device\":\"second\","
			 "\"url\":\"%s\"%s", url, flow_arguments());

	if (over == OVER_TLS)
		n += snprintf(json + n, sizeof json - (size_t)n,
			      ",\"tls-ca\":\"%s\",\"tls-cert\":\"%s\",\"tls-key\":\"%s\"",
			      certificate(OURS, "ca.pem"), certificate(OURS, "qemu.pem"),
			      certificate(OURS, "qemu.key"));
	snprintf(json + n, sizeof json - (size_t)n, "}}");
	ASSERT_NOT_NULL(strstr(qmp_command(qmp, json), "return"));
	set_slot_control(POWER_ON);
	place_bars(m.q, EP2, bar[1]);
}

static void stop(struct qmp *qmp)
{
	qmp_close(qmp);
	machine_stop();
}

/* TEST(Several, name) whose body runs over each transport. */
#define SEVERAL_TEST(name) \
	static void name##_body(enum over over); \
	TEST(Several, name) \
	{ \
		for (enum over over = OVER_IPC; over < OVERS; over++) \
			name##_body(over); \
	} \
	static void name##_body(enum over over)

SEVERAL_TEST(EachOfTwoDevicesServesReadsThatDoDmaFirst)
{
	struct qmp *qmp = start(over);

	plug_second_in(qmp, over);
	for (unsigned i = 0; i < 2; i++)
		program(i, SRC + i * STEP, DST + i * STEP, 4);
	for (uint32_t n = 1; n <= ROUNDS; n++)
		for (unsigned i = 0; i < 2; i++) {
			qtest_write(m.q, SRC + i * STEP, 4, n * 2 + i);
			qtest_write(m.q, MSI + i * STEP, 4, 0);
			EXPECT_EQ(get_reg(i, REG_READ_EFFECT), n);
			EXPECT_EQ(qtest_read(m.q, DST + i * STEP, 4), n * 2 + i);
			EXPECT_EQ(qtest_read(m.q, MSI + i * STEP, 4), 1u);
		}
	stop(qmp);
}

/* The DMA inside the first one's read is a read of the second one that does DMA itself. */
SEVERAL_TEST(AReadInsideTheDmaOfAReadNeverDeadlocks)
{
	struct qmp *qmp = start(over);

	plug_second_in(qmp, over);
	program(0, bar[1][0].addr + REG_READ_EFFECT, DST, 4);
	program(1, SRC + STEP, DST + STEP, 4);
	for (uint32_t n = 1; n <= ROUNDS; n++) {
		qtest_write(m.q, SRC + STEP, 4, 0x1000 + n);
		EXPECT_EQ(get_reg(0, REG_READ_EFFECT), n);
		EXPECT_EQ(qtest_read(m.q, DST, 4), n);		/* what the second one's read gave */
		EXPECT_EQ(qtest_read(m.q, DST + STEP, 4), 0x1000 + n);
	}
	stop(qmp);
}

/* The first one's DMA switches off the slot of the second: it goes while a CPU waits for the first. */
SEVERAL_TEST(OneMayPullTheOtherOut)
{
	struct qmp *qmp = start(over);
	unsigned at = qtest_find_capability(m.q, ROOT_PORT(1), CAP_EXPRESS);

	for (uint32_t n = 1; n <= 3; n++) {
		plug_second_in(qmp, over);
		program(1, SRC, DST, 4);
		set_reg(1, REG_COMMAND, DO_COPY);
		qmp_command(qmp, "{\"execute\":\"device_del\",\"arguments\":{\"id\":\"ep1\"}}");
		qtest_write(m.q, SRC, 2, POWER_OFF);
		program(0, SRC, ECAM + (ROOT_PORT(1) << 12) + at + SLOT_CONTROL, 2);
		EXPECT_EQ(get_reg(0, REG_READ_EFFECT), n);
		qmp_wait(qmp, "DEVICE_DELETED");
		EXPECT_EQ(qtest_ecam_read(m.q, EP2, 0, 4), 0xffffffffu);
	}
	stop(qmp);
}
