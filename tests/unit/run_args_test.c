/* SPDX-License-Identifier: MIT */
/* What tlpbridge run makes of its words, and what it adds to QEMU's. */
#include "../../bridge/tools/run_args.h"

#include <stdlib.h>
#include <string.h>

#include "gtest.h"

#define WORDS(...) ((char *[]){ __VA_ARGS__, NULL })

static char why[RUN_WHY];

/* ---- run's own words ---- */

static struct run_request request;

/* The request points into the words, which are those of a caller's expression. */
static int parse(char **words)
{
	static char *kept[2 * RUN_MODELS_MAX + 8];
	size_t n = 0;

	run_request_free(&request);
	*why = 0;
	while (words[n] && n + 1 < sizeof kept / sizeof kept[0]) {
		kept[n] = words[n];
		n++;
	}
	kept[n] = NULL;
	return run_request_parse(&request, kept, why);
}

static void expect_serve(size_t model, const char *expected)
{
	struct run_argv argv = { 0 };
	char *line;

	run_serve_argv(&argv, "serve", &request.model[model], "ipc:///s");
	line = run_argv_quote(&argv);
	EXPECT_STREQ(line, expected);
	free(line);
	run_argv_free(&argv);
}

TEST(RunWords, WhatFollowsAModelIsItsServers)
{
	ASSERT_EQ(parse(WORDS("--model", "a", "--msix", "4", "--no-intx", "--", "qemu", "-m", "1G")), 0);
	EXPECT_EQ(request.models, 1u);
	expect_serve(0, "serve a --msix 4 --no-intx --listen ipc:///s");
	EXPECT_STREQ(request.qemu[0], "qemu");
	EXPECT_STREQ(request.qemu[2], "1G");
}

TEST(RunWords, AModelWithASlashIsAProgramItself)
{
	ASSERT_EQ(parse(WORDS("--model", "./mine", "--x", "1", "--model", "b", "--", "qemu")), 0);
	ASSERT_EQ(request.models, 2u);
	expect_serve(0, "./mine --x 1 --listen ipc:///s");
	expect_serve(1, "serve b --listen ipc:///s");
	EXPECT_TRUE(run_model_is_program(&request.model[0]));
	EXPECT_FALSE(run_model_is_program(&request.model[1]));
}

TEST(RunWords, EachModelHasItsOwnOptions)
{
	ASSERT_EQ(parse(WORDS("--model=a", "--x", "1", "--trace", "t", "--logs", "dir",
			      "--model", "b", "--y=2", "--dry-run", "--", "qemu")), 0);
	ASSERT_EQ(request.models, 2u);
	expect_serve(0, "serve a --x 1 --trace t --listen ipc:///s");
	expect_serve(1, "serve b --y=2 --listen ipc:///s");
	EXPECT_STREQ(request.logs, "dir");
	EXPECT_TRUE(request.dry_run);
}

TEST(RunWords, ListenOfTheUserIsTakenAsItIs)
{
	ASSERT_EQ(parse(WORDS("--model", "a", "--listen=tcp://127.0.0.1:5", "--", "qemu")), 0);
	EXPECT_STREQ(request.model[0].url, "tcp://127.0.0.1:5");
	expect_serve(0, "serve a --listen tcp://127.0.0.1:5");
}

TEST(RunWords, OwnProgramsMayBeNamed)
{
	ASSERT_EQ(parse(WORDS("--serve", "s", "--plugin=p", "--model", "a", "--", "qemu")), 0);
	EXPECT_STREQ(request.serve, "s");
	EXPECT_STREQ(request.plugin, "p");
	EXPECT_EQ(request.model[0].options.n, 1u);
}

TEST(RunWords, WordsAfterTheDashesAreQemus)
{
	ASSERT_EQ(parse(WORDS("--model", "a", "--", "qemu", "--model", "b", "--help")), 0);
	EXPECT_EQ(request.models, 1u);
	EXPECT_FALSE(request.help);
}

TEST(RunWords, MistakesAreNamed)
{
	EXPECT_EQ(parse(WORDS("--", "qemu")), -1);
	EXPECT_NOT_NULL(strstr(why, "--model"));
	EXPECT_EQ(parse(WORDS("--model", "a")), -1);
	EXPECT_NOT_NULL(strstr(why, "--"));
	EXPECT_EQ(parse(WORDS("--model", "a", "--")), -1);
	EXPECT_NOT_NULL(strstr(why, "which QEMU"));
	EXPECT_EQ(parse(WORDS("--model", "--", "qemu")), -1);
	EXPECT_STREQ(why, "option --model needs a value");
	EXPECT_EQ(parse(WORDS("--logs")), -1);
	EXPECT_STREQ(why, "option --logs needs a value");
	EXPECT_EQ(parse(WORDS("--msix", "3", "--model", "a", "--", "qemu")), -1);
	EXPECT_NOT_NULL(strstr(why, "\"--msix\""));
	EXPECT_EQ(parse(WORDS("--trace", "t", "--model", "a", "--", "qemu")), -1);
	EXPECT_NOT_NULL(strstr(why, "--trace is an option of a model"));
}

TEST(RunWords, MoreModelsThanThereIsRoomForAreRefused)
{
	char *words[2 * (RUN_MODELS_MAX + 1) + 1] = { NULL };

	for (unsigned i = 0; i <= RUN_MODELS_MAX; i++) {
		words[2 * i] = "--model";
		words[2 * i + 1] = "a";
	}
	EXPECT_EQ(parse(words), -1);
	EXPECT_NOT_NULL(strstr(why, "more than"));
}

TEST(RunWords, HelpNeedsNothingElse)
{
	EXPECT_EQ(parse(WORDS("--help")), 0);
	EXPECT_TRUE(request.help);
}

/* ---- QEMU's words ---- */

static struct run_argv warnings;
static const char (*properties)[RUN_PROPERTIES];	/* of the models' devices */

/* The words that were made of user's, as a line; the caller frees it. NULL: refused. */
static char *rewrite(size_t urls, char **user)
{
	static const char *const url[] = { "ipc:///s0", "ipc:///s1" };
	const struct run_wiring wiring = { "/p,q/tlpbridge-qemu.so", url, properties, urls };
	struct run_argv argv = { 0 };
	char *line = NULL;

	run_argv_free(&warnings);
	if (!run_qemu_argv(&argv, user, &wiring, &warnings, why))
		line = run_argv_quote(&argv);
	run_argv_free(&argv);
	return line;
}

static void expect_with(size_t urls, const char *expected, char **user)
{
	char *line = rewrite(urls, user);

	EXPECT_STREQ(line, expected);
	free(line);
}

/* Whether the line that is made of user's words has text. */
static bool has(const char *text, char **user)
{
	char *line = rewrite(1, user);
	bool found = line && strstr(line, text);

	free(line);
	return found;
}

#define Q "qemu-system-x86_64"
#define RAM "-object memory-backend-memfd,id=tlpbridge-ram,size="
#define PLUGIN "-plugin /p,,q/tlpbridge-qemu.so"
#define PORT0 "-device pcie-root-port,id=tlpbridge-port0,chassis=201,slot=1"
#define DEVICE0 "-device tlpbridge,id=tlpbridge0,bus=tlpbridge-port0,url=ipc:///s0"

TEST(RunQemu, ABareCommandGetsEverything)
{
	expect_with(1, Q " " RAM "128M,share=on -machine q35,memory-backend=tlpbridge-ram -smp 2 "
		    PLUGIN " " PORT0 " " DEVICE0, WORDS(Q));
}

TEST(RunQemu, WhatTheUserSaysStays)
{
	expect_with(1, Q " -M q35,accel=tcg -m 1G -smp 4 " RAM "1G,share=on "
		    "-machine memory-backend=tlpbridge-ram " PLUGIN " " PORT0 " " DEVICE0,
		    WORDS(Q, "-M", "q35,accel=tcg", "-m", "1G", "-smp", "4"));
}

TEST(RunQemu, EachModelGetsAPortAndADevice)
{
	char *line = rewrite(2, WORDS(Q));

	EXPECT_NOT_NULL(strstr(line, PORT0 " " DEVICE0));
	EXPECT_NOT_NULL(strstr(line, "-device pcie-root-port,id=tlpbridge-port1,chassis=202,slot=2 "
			       "-device tlpbridge,id=tlpbridge1,bus=tlpbridge-port1,url=ipc:///s1"));
	free(line);
}

/* ---- what both ends must have ---- */

static const char *properties_of(char **words)
{
	static char text[RUN_PROPERTIES];

	EXPECT_EQ(parse(words), 0);
	run_device_properties(&request.model[0], text);
	return text;
}

TEST(RunWords, TransportAndSpinningHoldForBothEnds)
{
	EXPECT_STREQ(properties_of(WORDS("--model", "m", "--", "q")), "");
	EXPECT_STREQ(properties_of(WORDS("--model", "m", "--transport", "nng", "--no-spin", "--", "q")),
		     ",transport=nng,no-spin=on");
	EXPECT_STREQ(properties_of(WORDS("--model", "m", "--transport=shm", "--", "q")), ",transport=shm");
	EXPECT_STREQ(properties_of(WORDS("--model", "m", "--transport", "a,b=c", "--", "q")), "");
}

TEST(RunQemu, PropertiesGoToTheDevicesThatAreAdded)
{
	static const char of_two[2][RUN_PROPERTIES] = { "", ",transport=shm" };
	char *line;

	properties = of_two;
	line = rewrite(2, WORDS(Q, "-device", "tlpbridge,bus=b"));
	properties = NULL;
	ASSERT_NOT_NULL(line);
	EXPECT_NOT_NULL(strstr(line, "-device tlpbridge,bus=b,url=ipc:///s0 "));
	EXPECT_NOT_NULL(strstr(line, "-device tlpbridge,id=tlpbridge0,bus=tlpbridge-port0,transport=shm,"
			       "url=ipc:///s1"));
	free(line);
}

TEST(RunQemu, MemoryHasTheSizeOfTheUsers)
{
	EXPECT_TRUE(has("size=512M,", WORDS(Q, "-m", "512")));
	EXPECT_TRUE(has("size=2G,", WORDS(Q, "-m", "2G,slots=2,maxmem=4G")));
	EXPECT_TRUE(has("size=3g,", WORDS(Q, "-m", "slots=1,size=3g")));
	EXPECT_TRUE(has("size=64M,", WORDS(Q, "-m", "1G", "--m", "64")));
	EXPECT_TRUE(has("size=1.5G,", WORDS(Q, "-m", "1.5G")));
}

TEST(RunQemu, MemoryOfTheUsersOwnIsLeftAlone)
{
	static const char *const own[][2] = {
		{ "-object", "memory-backend-file,id=m,size=1G,mem-path=/x,share=on" },
		{ "-object", "{\"qom-type\":\"memory-backend-ram\",\"id\":\"m\",\"size\":1024}" },
		{ "-machine", "q35,memory-backend=m" },
		{ "-numa", "node,memdev=m" },
		{ "-mem-path", "/dev/hugepages" },
	};

	for (unsigned i = 0; i < sizeof own / sizeof own[0]; i++)
		EXPECT_FALSE(has("tlpbridge-ram", WORDS(Q, (char *)own[i][0], (char *)own[i][1])));
	EXPECT_TRUE(has("-machine q35 ", WORDS(Q, "-object", "memory-backend-ram,id=m,size=1G")));
	EXPECT_FALSE(has("-machine", WORDS(Q, "-M", "q35", "-mem-path", "/x")));
}

TEST(RunQemu, MachinesWithoutPciExpressAreRefused)
{
	EXPECT_NULL(rewrite(1, WORDS(Q, "-M", "pc")));
	EXPECT_NOT_NULL(strstr(why, "-M q35"));
	EXPECT_NULL(rewrite(1, WORDS(Q, "-machine", "accel=tcg,type=pc-i440fx-7.2")));
	EXPECT_NULL(rewrite(1, WORDS(Q, "-machine", "microvm,pit=off")));
	EXPECT_FALSE(has("-machine q35", WORDS(Q, "-machine", "pc-q35-7.2")));
	EXPECT_TRUE(has("-machine q35", WORDS(Q, "-machine", "accel=tcg")));
}

TEST(RunQemu, OtherTargetsKeepTheirMachine)
{
	EXPECT_FALSE(has("q35", WORDS("/usr/bin/qemu-system-aarch64", "-M", "virt")));
	EXPECT_FALSE(has("q35", WORDS("qemu-system-riscv64")));
	EXPECT_TRUE(has("q35", WORDS("/opt/qemu/bin/qemu-system-i386")));
	EXPECT_TRUE(has("q35", WORDS("./my-qemu-wrapper")));
}

TEST(RunQemu, DaemonsAreRefused)
{
	EXPECT_NULL(rewrite(1, WORDS(Q, "-daemonize")));
	EXPECT_NOT_NULL(strstr(why, "-daemonize"));
}

TEST(RunQemu, ProcessorsAreTwoUnlessTheUserSays)
{
	EXPECT_TRUE(has("-smp 2", WORDS(Q)));
	EXPECT_FALSE(has("-smp 2", WORDS(Q, "-smp", "cpus=3")));
	EXPECT_FALSE(has("-smp", WORDS(Q, "-icount", "shift=4")));
}

static size_t warned(char **user)
{
	free(rewrite(1, user));
	return warnings.n;
}

TEST(RunQemu, OneProcessorUnderTcgIsWarnedOf)
{
	EXPECT_EQ(warned(WORDS(Q, "-smp", "1")), 1u);
	EXPECT_NOT_NULL(strstr(warnings.v[0], "-smp 2"));
	EXPECT_EQ(warned(WORDS(Q, "-smp", "cpus=1")), 1u);
	EXPECT_EQ(warned(WORDS(Q, "-smp", "sockets=1,cores=1")), 1u);
	EXPECT_EQ(warned(WORDS(Q, "-smp", "1", "-icount", "auto")), 0u);
	EXPECT_EQ(warned(WORDS(Q, "-smp", "1", "-enable-kvm")), 0u);
	EXPECT_EQ(warned(WORDS(Q, "-smp", "1", "-accel", "kvm")), 0u);
	EXPECT_EQ(warned(WORDS(Q, "-smp", "1", "-M", "q35,accel=kvm")), 0u);
	EXPECT_EQ(warned(WORDS(Q, "-smp", "1,maxcpus=2")), 0u);
	EXPECT_EQ(warned(WORDS(Q, "-smp", "sockets=1,cores=2,threads=2")), 0u);
	EXPECT_EQ(warned(WORDS(Q)), 0u);
}

TEST(RunQemu, ADeviceOfTheUsersGetsTheUrl)
{
	char *line = rewrite(1, WORDS(Q, "-device", "pcie-root-port,id=rp,chassis=1",
				      "-device", "tlpbridge,bus=rp,plain-pcie=on"));

	EXPECT_NOT_NULL(strstr(line, "-device tlpbridge,bus=rp,plain-pcie=on,url=ipc:///s0 "));
	EXPECT_NULL(strstr(line, "tlpbridge-port0"));
	free(line);
	EXPECT_TRUE(has("--device driver=tlpbridge,bus=rp,url=ipc:///s0",
			WORDS(Q, "--device", "driver=tlpbridge,bus=rp")));
}

TEST(RunQemu, ADeviceInJsonGetsTheUrl)
{
	char *line = rewrite(1, WORDS(Q, "-device", "{\"driver\":\"tlpbridge\",\"bus\":\"rp\"}"));

	EXPECT_NOT_NULL(strstr(line, "{\"driver\":\"tlpbridge\",\"bus\":\"rp\",\"url\":\"ipc:///s0\"}"));
	EXPECT_NULL(strstr(line, "tlpbridge-port0"));
	free(line);
	EXPECT_TRUE(has("tlpbridge-port0", WORDS(Q, "-device", "{\"driver\":\"e1000e\"}")));
	EXPECT_TRUE(has("tlpbridge-port0", WORDS(Q, "-device", "{broken")));
}

TEST(RunQemu, AUrlOfTheUsersIsLeftAlone)
{
	char *line = rewrite(2, WORDS(Q, "-device", "tlpbridge,url=ipc:///s0,bus=rp"));

	EXPECT_NOT_NULL(strstr(line, "-device tlpbridge,url=ipc:///s0,bus=rp "));
	EXPECT_NOT_NULL(strstr(line, "bus=tlpbridge-port0,url=ipc:///s1"));
	EXPECT_NULL(strstr(line, "tlpbridge-port1"));
	free(line);
	EXPECT_TRUE(has("tlpbridge-port0", WORDS(Q, "-device", "tlpbridge,url=ipc:///elsewhere")));
}

TEST(RunQemu, ThePluginIsLoadedOnce)
{
	EXPECT_FALSE(has(PLUGIN, WORDS(Q, "-plugin", "/mine/tlpbridge-qemu.so")));
	EXPECT_TRUE(has(PLUGIN, WORDS(Q, "-plugin", "/mine/libhowvec.so")));
}

TEST(RunQemu, ALastOptionWithoutItsValueIsLeftToQemu)
{
	EXPECT_TRUE(has("-m -object", WORDS(Q, "-m")));
	EXPECT_TRUE(has("-device -object", WORDS(Q, "-device")));
}

/* ---- quoting ---- */

TEST(RunQuote, WhatAShellWouldChangeIsQuoted)
{
	struct run_argv argv = { 0 };
	char *line;

	run_argv_add(&argv, "%s", "plain-word,x=1:/%s");
	run_argv_add(&argv, "%s", "two words");
	run_argv_add(&argv, "%s", "it's");
	run_argv_add(&argv, "%s", "");
	run_argv_add(&argv, "%s", "$x*");
	line = run_argv_quote(&argv);
	EXPECT_STREQ(line, "plain-word,x=1:/%s 'two words' 'it'\\''s' '' '$x*'");
	free(line);
	run_argv_free(&argv);
}
