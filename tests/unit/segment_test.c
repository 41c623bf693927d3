/* SPDX-License-Identifier: MIT */
/* The memory of a link: who may open it, and what a peer may offer that it is not. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tlpbridge/err.h>

#include "gtest.h"
#include "neighbour.h"
#include "process.h"
#include "ring.h"
#include "segment.h"

static struct segment made, opened;
static struct segment_offer offer;
static char why[256];

static unsigned descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void make(void)
{
	why[0] = 0;
	ASSERT_EQ(tlpb__segment_make(&made, RING_BYTES_MIN, &offer, why, sizeof why), 0);
}

/* Nothing stays open or mapped, and the reason is said. */
static void expect_refused(const char *text)
{
	unsigned before = descriptors();

	why[0] = 0;
	EXPECT_EQ(tlpb__segment_open(&opened, &offer, why, sizeof why), TLPB_ERR_IO);
	EXPECT_NULL(opened.base);
	EXPECT_EQ(opened.fd, -1);
	EXPECT_EQ(descriptors(), before);
	if (!strstr(why, text))
		gt_fail(GT_SITE("", ""), "\"%s\" does not say \"%s\"", why, text);
}

TEST(Segment, BothEndsSeeTheSameMemory)
{
	unsigned before = descriptors();

	make();
	ASSERT_EQ(tlpb__segment_open(&opened, &offer, why, sizeof why), 0);
	EXPECT_EQ(made.size, opened.size);
	EXPECT_NE(made.base, opened.base);
	made.base[SEGMENT_HEADER] = 0x5a;
	opened.base[opened.size - 1] = 0xa5;
	EXPECT_EQ(opened.base[SEGMENT_HEADER], 0x5a);
	EXPECT_EQ(made.base[made.size - 1], 0xa5);
	tlpb__segment_opened(&made);
	tlpb__segment_close(&made);
	tlpb__segment_close(&opened);
	EXPECT_NULL(made.base);
	EXPECT_EQ(descriptors(), before);
}

TEST(Segment, ItsMemoryIsThereAndZeroAndCannotBeCut)
{
	struct stat st;

	make();
	ASSERT_EQ(fstat(made.fd, &st), 0);
	EXPECT_EQ(st.st_size, made.size);
	EXPECT_GE(st.st_blocks * 512, made.size);
	for (size_t i = SEGMENT_HEADER; i < made.size; i++)
		ASSERT_EQ(made.base[i], 0);
	EXPECT_EQ(ftruncate(made.fd, 4096), -1);
	EXPECT_EQ(ftruncate(made.fd, (off_t)made.size * 2), -1);
	EXPECT_EQ(fcntl(made.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	EXPECT_TRUE(fcntl(made.fd, F_GETFD) & FD_CLOEXEC);
	tlpb__segment_close(&made);
}

TEST(Segment, TwoHaveDifferentTokens)
{
	struct segment_offer first;

	make();
	first = offer;
	tlpb__segment_close(&made);
	make();
	EXPECT_NE(memcmp(first.token, offer.token, sizeof offer.token), 0);
	tlpb__segment_close(&made);
}

TEST(Segment, WithAnotherTokenIsRefused)
{
	make();
	offer.token[15] ^= 1;
	expect_refused("not the memory that it offers");
	tlpb__segment_close(&made);
}

TEST(Segment, SizesThatRingsCannotHaveAreRefused)
{
	static const uint32_t sizes[] = {
		0, 1, 4096, RING_BYTES_MIN - 1, RING_BYTES_MIN + 8, RING_BYTES_MIN / 2,
		3 * RING_BYTES_MIN, RING_BYTES_MAX * 2u, 0x80000000, 0xffffffff,
	};

	make();
	for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		offer.ring_bytes = sizes[i];
		expect_refused("rings of ");
	}
	tlpb__segment_close(&made);
}

TEST(Segment, ThatIsSmallerThanItsRingsIsRefused)
{
	make();
	offer.ring_bytes = 2 * RING_BYTES_MIN;
	expect_refused("too small");
	tlpb__segment_close(&made);
}

TEST(Segment, OfAnotherPlaceIsNotLookedFor)
{
	make();
	offer.place[0] ^= 1;
	expect_refused("another machine or in another PID namespace");
	offer.place[0] = 0;
	expect_refused("/proc");
	tlpb__segment_close(&made);
}

TEST(Segment, OfAProcessOrDescriptorThatIsNotThereIsRefused)
{
	static const uint32_t pids[] = { 0, 0x7fffffff, 0x80000000, 0xffffffff };
	struct segment_offer valid;

	make();
	valid = offer;
	for (unsigned i = 0; i < sizeof pids / sizeof pids[0]; i++) {
		offer.pid = pids[i];
		expect_refused("No such file");
	}
	offer = valid;
	offer.fd = 0xffffffff;
	expect_refused("No such file");
	offer = valid;
	tlpb__segment_opened(&made);
	expect_refused("No such file");
	tlpb__segment_close(&made);
}

TEST(Segment, OfAProcessThatHasDiedIsRefused)
{
	pid_t pid;

	make();
	pid = fork();
	if (!pid)
		_exit(0);
	offer.pid = (uint32_t)pid;
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	expect_refused("No such file");
	tlpb__segment_close(&made);
}

/* ---- descriptors that are something else ---- */

static void expect_descriptor_refused(int fd, const char *text)
{
	ASSERT_GE(fd, 0);
	offer.fd = (uint32_t)fd;
	expect_refused(text);
	close(fd);
}

TEST(Segment, ThatIsNoMemoryFileIsRefused)
{
	int ends[2];

	make();
	ASSERT_EQ(pipe(ends), 0);
	expect_descriptor_refused(ends[0], "not a file in memory");
	expect_descriptor_refused(ends[1], "not a file in memory");
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	expect_descriptor_refused(ends[0], "not a file in memory");
	expect_descriptor_refused(ends[1], "not a file in memory");
	expect_descriptor_refused(open("/", O_RDONLY | O_DIRECTORY), "not a file in memory");
	expect_descriptor_refused(open("/dev/null", O_RDWR), "not a file in memory");
	expect_descriptor_refused(open("/dev/zero", O_RDWR), "not a file in memory");
	expect_descriptor_refused(open("/proc/self/mem", O_RDWR), "not a file in memory");
	expect_descriptor_refused(open("/proc/self/exe", O_RDONLY), "");
	expect_descriptor_refused(open("/dev/shm", O_TMPFILE | O_RDWR, 0600), "not sealed");
	tlpb__segment_close(&made);
	processes_end();
}

/* What opening does to some of them is done by then: who reads the pipe would see a writer come and go. */
TEST(Segment, WhatIsNoMemoryFileIsNotOpened)
{
	struct pollfd p = { .events = POLLIN };

	make();
	ASSERT_EQ(mkfifo(test_path("fifo"), 0600), 0);
	p.fd = open(test_path("fifo"), O_RDONLY | O_NONBLOCK);
	offer.fd = (uint32_t)p.fd;
	expect_refused("not a file in memory");
	EXPECT_EQ(poll(&p, 1, 0), 0);
	close(p.fd);
	tlpb__segment_close(&made);
	processes_end();
}

static int memory_file(unsigned seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	EXPECT_EQ(ftruncate(fd, (off_t)made.size), 0);
	EXPECT_EQ(pwrite(fd, offer.token, sizeof offer.token, 0), sizeof offer.token);
	EXPECT_EQ(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

TEST(Segment, ThatCouldBeCutUnderAMappingIsRefused)
{
	make();
	expect_descriptor_refused(memory_file(0), "not sealed");
	expect_descriptor_refused(memory_file(F_SEAL_GROW), "not sealed");
	expect_descriptor_refused(memory_file(F_SEAL_SEAL), "not sealed");
	expect_descriptor_refused(memory_file(F_SEAL_SHRINK | F_SEAL_WRITE), "cannot be mapped");
	expect_descriptor_refused(memory_file(F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE), "cannot be mapped");
	offer.fd = (uint32_t)memory_file(F_SEAL_SHRINK);
	EXPECT_EQ(tlpb__segment_open(&opened, &offer, why, sizeof why), 0);
	tlpb__segment_close(&opened);
	close((int)offer.fd);
	tlpb__segment_close(&made);
}

/* Its pages can be taken away again, and where no other is left an access would be a signal. */
TEST(Segment, OfHugePagesIsRefused)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);

	if (fd < 0 || ftruncate(fd, 2 * 1024 * 1024)) {
		printf("skipped: no files of huge pages here\n");
		close(fd);
		return;
	}
	make();
	EXPECT_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	expect_descriptor_refused(fd, "not a file in memory");
	tlpb__segment_close(&made);
}

/* ---- none can be made ---- */

static void expect_none_made(const char *text)
{
	EXPECT_EQ(tlpb__segment_make(&made, RING_BYTES_MIN, &offer, why, sizeof why), TLPB_ERR_IO);
	EXPECT_NULL(made.base);
	EXPECT_EQ(made.fd, -1);
	if (!strstr(why, text))
		gt_fail(GT_SITE("", ""), "\"%s\" does not say \"%s\"", why, text);
}

TEST(Segment, WithoutDescriptorsThereIsNone)
{
	struct rlimit old, none = { 0 };

	getrlimit(RLIMIT_NOFILE, &old);
	none.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_NOFILE, &none);
	expect_none_made("Too many open files");
	setrlimit(RLIMIT_NOFILE, &old);
}

/* Mappings of that size are no longer to be had. */
TEST(Segment, WithoutMemoryThereIsNone)
{
	struct rlimit old, none = { 0 };
	unsigned before = descriptors();
	int err;

	getrlimit(RLIMIT_AS, &old);
	none.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_AS, &none);
	err = tlpb__segment_make(&made, RING_BYTES_MAX, &offer, why, sizeof why);
	setrlimit(RLIMIT_AS, &old);
	EXPECT_EQ(err, TLPB_ERR_IO);
	EXPECT_NOT_NULL(strstr(why, "Cannot allocate memory"));
	EXPECT_NULL(made.base);
	EXPECT_EQ(descriptors(), before);
}

/* ---- neighbours ---- */

TEST(Neighbour, ThePlaceIsTheSameForAChild)
{
	char here[PLACE_MAX], there[PLACE_MAX] = "";
	int ends[2];

	tlpb__neighbour_place(here);
	EXPECT_GT(strlen(here), 40);
	ASSERT_EQ(pipe(ends), 0);
	if (!fork()) {
		tlpb__neighbour_place(there);
		_exit(write(ends[1], there, sizeof there) != sizeof there);
	}
	EXPECT_EQ(read(ends[0], there, sizeof there), sizeof there);
	EXPECT_STREQ(here, there);
	wait(NULL);
	close(ends[0]);
	close(ends[1]);
}
