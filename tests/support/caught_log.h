/* SPDX-License-Identifier: MIT */
/* Catches the library's log lines, so that tests can look at them. Any thread may log. */
#ifndef TLPB_TEST_CAUGHT_LOG_H
#define TLPB_TEST_CAUGHT_LOG_H

#include <stdbool.h>

/* From now on, beginning with nothing. */
void catch_log(void);

/* Was a line with this text logged? */
bool log_has(const char *text);

/* How many lines. */
unsigned log_lines(void);

#endif
