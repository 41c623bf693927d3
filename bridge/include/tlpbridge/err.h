/* SPDX-License-Identifier: MIT */
/*
 * Errors of the library.
 *
 * Every function that can fail returns 0 (or a count) on success and a negative
 * value of enum tlpb_err on failure. tlpb_strerror() and tlpb_errname() may be
 * called from any thread; they never block and never return NULL.
 */
#ifndef TLPBRIDGE_ERR_H
#define TLPBRIDGE_ERR_H

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, value, text): the one list of errors. */
#define TLPB_ERR_LIST(X)                                                                \
	X(INVALID, 1, "invalid argument")                                               \
	X(NOMEM, 2, "out of memory")                                                    \
	X(AGAIN, 3, "not ready: try again")                                             \
	X(TIMEDOUT, 4, "timed out")                                                     \
	X(CLOSED, 5, "link is down")                                                    \
	X(REFUSED, 6, "refused by the peer")                                            \
	X(PROTOCOL, 7, "peer broke the protocol")                                       \
	X(TRUNCATED, 8, "input is too short")                                           \
	X(TOO_LARGE, 9, "larger than allowed")                                          \
	X(UNSUPPORTED, 10, "Unsupported Request")                                       \
	X(ABORTED, 11, "Completer Abort")                                               \
	X(CRS, 12, "Configuration Request Retry Status")                                \
	X(POISONED, 13, "poisoned data")                                                \
	X(BUS_MASTER_OFF, 14, "Bus Master Enable is off")                               \
	X(NO_ADDRESS, 15, "no such address")                                            \
	X(ACCESS, 16, "access denied")                                                  \
	X(NOT_FOUND, 17, "not found")                                                   \
	X(IO, 18, "input/output error")                                                 \
	X(BUSY, 19, "in use")                                                           \
	X(MALFORMED, 20, "Malformed TLP")                                               \
	X(DISABLED, 21, "not enabled")

enum tlpb_err {
	TLPB_OK = 0,
#define TLPB_ERR_ENUM(name, value, text) TLPB_ERR_##name = -(value),
	TLPB_ERR_LIST(TLPB_ERR_ENUM)
#undef TLPB_ERR_ENUM
};

/* A sentence fragment for a person, for example "link is down". */
const char *tlpb_strerror(int err);

/* The symbol without its prefix, for example "CLOSED". */
const char *tlpb_errname(int err);

#ifdef __cplusplus
}
#endif
#endif
