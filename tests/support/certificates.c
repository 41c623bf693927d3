/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "certificates.h"

#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gtest.h"
#include "process.h"

static char directory[2][PATH_MAX / 2];	/* "" until made */
static pid_t maker;		/* a child of the test must not remove them */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void remove_all(void)
{
	for (int i = 0; i < 2 && getpid() == maker; i++)
		if (directory[i][0])
			nftw(directory[i], remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The first block of shell commands in the document. */
static void extract_commands(const char *path)
{
	FILE *document = fopen(TLPB_TRANSPORTS_MD, "r"), *script = fopen(path, "w");
	bool inside = false, done = false;
	char line[512];

	ASSERT_NOT_NULL(document);
	ASSERT_NOT_NULL(script);
	while (!done && fgets(line, sizeof line, document)) {
		bool fence = !strncmp(line, "```", 3);

		done = inside && fence;
		if (inside && !done)
			fputs(line, script);
		inside = inside || !strncmp(line, "```sh", 5);
	}
	fclose(document);
	fclose(script);
	ASSERT_TRUE(done);
}

static void make(enum authority authority)
{
	char script[PATH_MAX], command[PATH_MAX];
	struct process *shell;

	if (!maker)
		atexit(remove_all);
	maker = getpid();
	snprintf(directory[authority], sizeof directory[0], TLPB_TEST_FILES "/certificates-XXXXXX");
	ASSERT_NOT_NULL(mkdtemp(directory[authority]));
	snprintf(script, sizeof script, "%s/commands.sh", directory[authority]);
	extract_commands(script);
	snprintf(command, sizeof command, "cd '%s' && sh -e commands.sh", directory[authority]);
	shell = process_start((const char *const[]){ "sh", "-c", command, NULL });
	if (process_wait(shell, PROCESS_PATIENCE_MS))
		FAIL("the commands of docs/transports.md fail:\n%s", process_output(shell));
}

const char *certificate(enum authority authority, const char *name)
{
	static char paths[16][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 16];

	if (!directory[authority][0])
		make(authority);
	snprintf(path, sizeof paths[0], "%s/%s", directory[authority], name);
	return path;
}
