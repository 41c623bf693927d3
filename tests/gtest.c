/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "gtest.h"

static const char help[] =
"  --filter PATTERN  run the tests whose Suite.Name matches: patterns with * and ?,\n"
"                    separated by colons; those after a - are left out\n"
"  --list            print the names of the tests that would run\n"
"  --xml FILE        write a JUnit XML file, with the failures in it\n"
"The exit status is 0 when at least one test ran and none failed.\n";

static struct gt_test *tests, **tests_end = &tests;

/* Of the running test; its threads may fail too, so lock guards these. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct gt_site first_failure;	/* file is NULL: none yet */
static unsigned failures;
static char report[4096];
static char about[64];		/* row of a table, or empty */

static bool ended_well;		/* the running test came to its end without a failure */
static const char **failed;	/* names of the tests that failed */
static unsigned failed_count;
static bool to_xml;

void gt_register(struct gt_test *test)
{
	*tests_end = test;
	tests_end = &test->next;
}

void gt_about(const char *what)
{
	pthread_mutex_lock(&lock);
	snprintf(about, sizeof about, "%s%s", what, *what ? ": " : "");
	pthread_mutex_unlock(&lock);
}

/* Said at once, lest a crash swallow it, and kept for the XML file. */
bool gt_fail(struct gt_site site, const char *fmt, ...)
{
	char text[1024], line[1280];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	pthread_mutex_lock(&lock);
	if (!failures++)
		first_failure = site;
	snprintf(line, sizeof line, "%s:%d: %s%s\n", site.file, site.line, about, text);
	fputs(line, stderr);
	strncat(report, line, sizeof report - strlen(report) - 1);
	pthread_mutex_unlock(&lock);
	return false;
}

void gt_end(void)
{
	if (to_xml)	/* the one public call whose text cmocka puts into the file */
		_assert_true(0, report, first_failure.file, first_failure.line);
	_fail(first_failure.file, first_failure.line);
	abort();	/* not reached, but cmocka does not declare it so */
}

static double real(struct gt_value v)
{
	return v.kind == GT_REAL ? v.d : v.kind == GT_SIGNED ? (double)(long long)v.u : (double)v.u;
}

static bool is_negative(struct gt_value v)
{
	return v.kind == GT_SIGNED && (long long)v.u < 0;
}

/* -1, 0, 1; 2 when one is not a number. -1 is less than every unsigned number. */
static int compare(struct gt_value a, struct gt_value b)
{
	if (a.kind == GT_REAL || b.kind == GT_REAL)
		return real(a) < real(b) ? -1 : real(a) > real(b) ? 1 : real(a) == real(b) ? 0 : 2;
	if (is_negative(a) != is_negative(b))
		return is_negative(a) ? -1 : 1;
	return a.u < b.u ? -1 : a.u > b.u;	/* two's complement: also for two negative ones */
}

static const char *print(struct gt_value v, char *text, size_t size)
{
	if (v.kind == GT_REAL)
		snprintf(text, size, "%.17g", v.d);
	else if (v.kind == GT_POINTER)
		snprintf(text, size, "%p", (void *)(uintptr_t)v.u);
	else if (is_negative(v) || v.u < 10)
		snprintf(text, size, "%lld", (long long)v.u);
	else
		snprintf(text, size, "%llu (0x%llx)", v.u, v.u);
	return text;
}

bool gt_check(struct gt_site site, enum gt_op op, struct gt_value a, struct gt_value b)
{
	static const char *const signs[] = { "==", "!=", "<", "<=", ">", ">=" };
	int c = compare(a, b);
	bool holds[] = { c == 0, c != 0, c == -1, c == -1 || c == 0, c == 1, c == 1 || c == 0 };
	char ta[64], tb[64];

	return holds[op] || gt_fail(site, "expected %s %s %s, but %s against %s", site.a, signs[op],
				    site.b, print(a, ta, sizeof ta), print(b, tb, sizeof tb));
}

bool gt_check_true(struct gt_site site, bool expected, bool value)
{
	return value == expected || gt_fail(site, "expected %s to be %s", site.a,
					    expected ? "true" : "false");
}

bool gt_check_str(struct gt_site site, bool equal, const char *a, const char *b)
{
	bool same = a && b ? !strcmp(a, b) : a == b;

	return same == equal || gt_fail(site, "expected %s %s %s, but \"%s\" against \"%s\"",
					site.a, equal ? "==" : "!=", site.b,
					a ? a : "(null)", b ? b : "(null)");
}

bool gt_check_mem(struct gt_site site, const void *a, const void *b, size_t len)
{
	const unsigned char *pa = a, *pb = b;
	size_t at = 0;

	while (at < len && pa[at] == pb[at])
		at++;
	return at == len || gt_fail(site, "expected %zu equal bytes in %s and %s, but byte %zu is "
				    "%02x against %02x", len, site.a, site.b, at, pa[at], pb[at]);
}

static void run_body(void **state)
{
	struct gt_test *test = *state;

	gt_set_name(test->name);
	ended_well = false;
	failures = 0;
	report[0] = about[0] = '\0';
	test->run();
	if (failures)
		gt_end();
	ended_well = true;
}

/* cmocka comes here also after a failure or a fatal signal. */
static int note_result(void **state)
{
	struct gt_test *test = *state;

	if (!ended_well)
		failed[failed_count++] = test->name;
	return 0;
}

static bool matches_one(const char *pattern, const char *end, const char *name)
{
	if (pattern == end)
		return !*name;
	if (*pattern == '*')
		return matches_one(pattern + 1, end, name) ||
		       (*name && matches_one(pattern, end, name + 1));
	return *name && (*pattern == '?' || *pattern == *name) &&
	       matches_one(pattern + 1, end, name + 1);
}

static bool matches_any(const char *list, const char *end, const char *name)
{
	while (list <= end) {
		const char *colon = memchr(list, ':', (size_t)(end - list));

		if (matches_one(list, colon ? colon : end, name))
			return true;
		list = (colon ? colon : end) + 1;
	}
	return false;
}

static bool selected(const char *filter, const char *name)
{
	const char *end = filter + strlen(filter), *minus = strchr(filter, '-');

	if (minus && matches_any(minus + 1, end, name))
		return false;
	return minus == filter || matches_any(filter, minus ? minus : end, name);
}

/* In XML mode cmocka says nothing on the terminal: say it in its own form. */
static void summarize(unsigned count)
{
	fprintf(stderr, "[==========] %u test(s) run.\n", count);
	fprintf(stderr, "[  PASSED  ] %u test(s).\n", count - failed_count);
	if (!failed_count)
		return;
	fprintf(stderr, "[  FAILED  ] %u test(s), listed below:\n", failed_count);
	for (unsigned i = 0; i < failed_count; i++)
		fprintf(stderr, "[  FAILED  ] %s\n", failed[i]);
	fprintf(stderr, "\n %u FAILED TEST(S)\n", failed_count);
}

static void open_xml(const char *file)
{
	unlink(file);	/* cmocka writes to stderr when it exists */
	setenv("CMOCKA_XML_FILE", file, 1);
	cmocka_set_message_output(CM_OUTPUT_XML);
	to_xml = true;
}

static int run_all(const char *program, const char *filter, bool list)
{
	static struct CMUnitTest *chosen;
	const char *slash = strrchr(program, '/');
	unsigned count = 0, room = 1;
	int failing;

	for (struct gt_test *t = tests; t; t = t->next)
		room++;
	chosen = calloc(room, sizeof *chosen);
	failed = calloc(room, sizeof *failed);
	for (struct gt_test *t = tests; t; t = t->next) {
		if (!selected(filter, t->name))
			continue;
		if (list)
			printf("%s\n", t->name);
		chosen[count++] = (struct CMUnitTest){ t->name, run_body, NULL, note_result, t };
	}
	if (!count)
		fprintf(stderr, "%s: no test matches \"%s\"\n", program, filter);
	if (list || !count)
		return count ? EXIT_SUCCESS : EXIT_FAILURE;
	failing = _cmocka_run_group_tests(slash ? slash + 1 : program, chosen, count, NULL, NULL);
	if (to_xml)
		summarize(count);
	return failing || failed_count ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "filter", required_argument, NULL, 'f' },
		{ "list", no_argument, NULL, 'l' },
		{ "xml", required_argument, NULL, 'x' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *filter = "*";
	bool list = false;
	int opt;

	setvbuf(stdout, NULL, _IOLBF, 0);	/* in step with stderr, also in a pipe */
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'f')
			filter = optarg;
		else if (opt == 'l')
			list = true;
		else if (opt == 'x')
			open_xml(optarg);
		else if (opt == 'h')
			return printf("usage: %s [OPTION...]\n%s", argv[0], help) < 0;
		else
			return 2;
	}
	if (optind < argc) {
		fprintf(stderr, "%s: unexpected \"%s\"; see --help\n", argv[0], argv[optind]);
		return 2;
	}
	return run_all(argv[0], filter, list);
}
