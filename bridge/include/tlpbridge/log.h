/* SPDX-License-Identifier: MIT */
/*
 * Where the library's messages for people go: stderr unless the program says
 * otherwise. Set the sink before other threads run; a line has no newline.
 */
#ifndef TLPBRIDGE_LOG_H
#define TLPBRIDGE_LOG_H

#ifdef __cplusplus
extern "C" {
#endif

enum tlpb_log_level { TLPB_LOG_ERROR, TLPB_LOG_WARNING, TLPB_LOG_INFO };

typedef void tlpb_log_sink(enum tlpb_log_level level, const char *line);

/* NULL restores the default, "tlpbridge: LEVEL: line" on stderr. */
void tlpb_log_set_sink(tlpb_log_sink *sink);

void tlpb_log(enum tlpb_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * For programs, before they open anything: takes the numbers of standard descriptors that are closed,
 * so that no socket gets one of them and has messages written into it. Writing there still fails.
 */
void tlpb_log_keep_stdio(void);

#ifdef __cplusplus
}
#endif
#endif
