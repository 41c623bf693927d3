/* SPDX-License-Identifier: MIT */
/*
 * QEMU's own edu and ours in one stock QEMU: the same scripts on both, and their
 * transcripts compared line by line.
 */
#include <stdio.h>

#include "edu_script.h"
#include "flow.h"
#include "machine.h"

enum {
	RAM_AT = 0x100000,
	REFERENCE = 0, OURS = 1,	/* root ports */
	SEEDS = 8, STEPS = 60,
};

#define DEFAULT_MASK "fffffff"
#define COARSE "1ms"		/* of simulated time: what is over at once */
#define FINE "10us"		/* what takes long enough to be met at work */

struct target {
	struct edu_machine machine;	/* first: its callbacks get the target back */
	unsigned bdf;
	uint64_t bar0;
};

static struct qtest *q;
static struct process *server;
static struct target targets[2];

static struct target *target_of(struct edu_machine *machine)
{
	return (struct target *)machine;
}

static uint64_t reg_read_at(struct edu_machine *machine, uint64_t offset, unsigned size)
{
	return qtest_read(q, target_of(machine)->bar0 + offset, size);
}

static void reg_write_at(struct edu_machine *machine, uint64_t offset, unsigned size, uint64_t value)
{
	qtest_write(q, target_of(machine)->bar0 + offset, size, value);
}

static uint32_t config_read(struct edu_machine *machine, unsigned offset, unsigned size)
{
	return qtest_ecam_read(q, target_of(machine)->bdf, offset, size);
}

static void config_write(struct edu_machine *machine, unsigned offset, unsigned size, uint32_t value)
{
	qtest_ecam_write(q, target_of(machine)->bdf, offset, size, value);
}

static void ram_read(struct edu_machine *machine, uint64_t at, void *buf, size_t len)
{
	qtest_read_bytes(q, machine->ram + at, buf, len);
}

static void ram_write(struct edu_machine *machine, uint64_t at, const void *data, size_t len)
{
	qtest_write_bytes(q, machine->ram + at, data, len);
}

/* Changes come before the answer to the command that made them. */
static int line(struct edu_machine *machine)
{
	return q->irqs != 0;
}

static void set_up(unsigned port)
{
	struct bar bar[6];

	qtest_set_up_port(q, port);
	place_bars(q, BEHIND_PORT(port), bar);
	targets[port] = (struct target){
		.machine = {
			.ram = RAM_AT,
			.read = reg_read_at, .write = reg_write_at,
			.config_read = config_read, .config_write = config_write,
			.ram_read = ram_read, .ram_write = ram_write,
			.line = line,
		},
		.bdf = BEHIND_PORT(port),
		.bar0 = bar[0].addr,
	};
}

static void serve_edu(const char *mask, const char *tick)
{
	const char *const argv[] = {
		TLPB_SERVE, "edu", "--listen", socket_url("edu"), "--dma-mask", mask,
		"--factorial-time", "100ms", "--tick", tick, NULL,
	};
	long long end = now_ms() + PROCESS_PATIENCE_MS;

	server = process_start(flow_command(argv));
	while (!wait_for_file(test_path("edu"), 10))
		if (!process_runs(server) || now_ms() >= end)
			FAIL("tlpbridge-serve does not listen:\n%s", process_output(server));
}

static void start(const char *mask, const char *tick)
{
	char reference[80];

	processes_end();
	snprintf(reference, sizeof reference, "edu,bus=rp0,dma_mask=0x%s", mask);
	serve_edu(mask, tick);
	q = qtest_start(ARGS(PORT2, "-device", reference, "-device",
			     bridge_device("rp1", "edu", "")));
	set_up(REFERENCE);
	set_up(OURS);
	qtest_watch_irqs(q);
}

static void stop(void)
{
	qtest_stop(q);
	EXPECT_EQ(process_stop(server), 0);
	processes_end();
}

/* The transcript's path; the lines that failed are added to *failed. */
static const char *transcript(const char *script, unsigned port, unsigned *failed)
{
	static char path[2][300];
	FILE *in = fopen(script, "r"), *out;

	snprintf(path[port], sizeof path[port], "%s",
		 test_path(port == OURS ? "ours.txt" : "reference.txt"));
	out = fopen(path[port], "w");
	if (!in || !out)
		FAIL("cannot open %s or %s", script, path[port]);
	*failed += edu_run(&targets[port].machine, in, out);
	fclose(in);
	fclose(out);
	return path[port];
}

static void compare(const char *script)
{
	unsigned failed = 0;
	const char *reference = transcript(script, REFERENCE, &failed);
	const char *ours = transcript(script, OURS, &failed);
	const char *const argv[] = { "diff", "-u", "-L", "QEMU's edu", "-L", "models/edu", reference,
				     ours, NULL };
	struct process *diff = process_start(argv);

	if (process_wait(diff, PROCESS_PATIENCE_MS))
		FAIL("%s: the devices differ:\n%s", script, process_output(diff));
	if (failed) {
		const char *const grep[] = { "grep", "-B1", "FAILED", reference, ours, NULL };
		struct process *lines = process_start(grep);

		process_wait(lines, PROCESS_PATIENCE_MS);
		FAIL("%s: not what the specification says:\n%s", script, process_output(lines));
	}
}

static void compare_file(const char *name)
{
	char path[512];

	snprintf(path, sizeof path, "%s/%s.edu", TLPB_ORACLE_SCRIPTS, name);
	compare(path);
	stop();
}

TEST(EduOracle, Identification)
{
	start(DEFAULT_MASK, COARSE);
	compare_file("identification");
}

TEST(EduOracle, WidthsAndReservedRegisters)
{
	start(DEFAULT_MASK, COARSE);
	compare_file("access");
}

TEST(EduOracle, Factorials)
{
	start(DEFAULT_MASK, COARSE);
	compare_file("factorial");
}

TEST(EduOracle, Interrupts)
{
	start(DEFAULT_MASK, COARSE);
	compare_file("interrupts");
}

TEST(EduOracle, Dma)
{
	start(DEFAULT_MASK, COARSE);
	compare_file("dma");
}

TEST(EduOracle, WritesWhileAnEngineWorks)
{
	start(DEFAULT_MASK, FINE);
	compare_file("busy");
}

TEST(EduOracle, DmaMask)
{
	start(DEFAULT_MASK, COARSE);
	compare_file("mask");
}

TEST(EduOracle, ANarrowerDmaMask)
{
	start("1fffff", COARSE);
	compare_file("mask");
}

TEST(EduOracle, RandomScripts)
{
	start(DEFAULT_MASK, COARSE);
	for (uint32_t seed = 1; seed <= SEEDS; seed++) {
		char path[300];
		FILE *script;

		snprintf(path, sizeof path, "%s", test_path("random.edu"));
		script = fopen(path, "w");
		ASSERT_NOT_NULL(script);
		edu_random(script, seed, STEPS);
		fclose(script);
		compare(path);
	}
	stop();
}

/* The comparison itself: devices that differ must not pass. */
TEST(EduOracle, NoticesADifference)
{
	unsigned failed = 0;
	const char *reference, *ours;
	char script[300], first[256], second[256];
	bool differs = false;
	FILE *file, *a, *b;

	start(DEFAULT_MASK, COARSE);
	snprintf(script, sizeof script, "%s", test_path("one.edu"));
	file = fopen(script, "w");
	ASSERT_NOT_NULL(file);
	fprintf(file, "read 4 0x04 0xedcba987\n");
	fclose(file);
	reg_write_at(&targets[REFERENCE].machine, 0x04, 4, 0x12345678);
	reg_write_at(&targets[OURS].machine, 0x04, 4, 0x12345679);
	reference = transcript(script, REFERENCE, &failed);
	EXPECT_EQ(failed, 0u);
	ours = transcript(script, OURS, &failed);
	EXPECT_EQ(failed, 1u);
	a = fopen(reference, "r");
	b = fopen(ours, "r");
	while (fgets(first, sizeof first, a) && fgets(second, sizeof second, b))
		differs |= strcmp(first, second) != 0;
	EXPECT_TRUE(differs);
	fclose(a);
	fclose(b);
	stop();
}
