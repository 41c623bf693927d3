/* SPDX-License-Identifier: MIT */
/*
 * Error reporting of a function (6.2): from an error to the registers that log it and the message
 * that tells of it. Pure. Who detects errors, and sends the messages, is the endpoint's matter.
 */
#ifndef TLPB_CONFIG_AER_H
#define TLPB_CONFIG_AER_H

#include "config_space.h"

/* Bits of the Uncorrectable Error Status, and behind them those of the Correctable one. */
enum aer_error {
	AER_DATA_LINK_PROTOCOL = 4,
	AER_SURPRISE_DOWN = 5,
	AER_POISONED = 12,
	AER_FLOW_CONTROL = 13,
	AER_COMPLETION_TIMEOUT = 14,
	AER_COMPLETER_ABORT = 15,
	AER_UNEXPECTED_COMPLETION = 16,
	AER_RECEIVER_OVERFLOW = 17,
	AER_MALFORMED = 18,
	AER_ECRC = 19,
	AER_UNSUPPORTED_REQUEST = 20,
	AER_ACS_VIOLATION = 21,
	AER_INTERNAL = 22,
	AER_ATOMIC_BLOCKED = 24,
	AER_PREFIX_BLOCKED = 25,

	AER_COR = 32,			/* the correctable ones begin */
	AER_COR_RECEIVER = AER_COR + 0,
	AER_COR_BAD_TLP = AER_COR + 6,
	AER_COR_BAD_DLLP = AER_COR + 7,
	AER_COR_REPLAY_ROLLOVER = AER_COR + 8,
	AER_COR_REPLAY_TIMEOUT = AER_COR + 12,
	AER_COR_ADVISORY = AER_COR + 13,	/* not to be reported: see AER_AS_ADVISORY */
	AER_COR_INTERNAL = AER_COR + 14,
	AER_COR_LOG_OVERFLOW = AER_COR + 15,

	/*
	 * With an uncorrectable error, when it is one of the cases of 6.2.3.2.4 (UR and CA of a
	 * non-posted request, among others): reported as advisory if its severity is non-fatal.
	 */
	AER_AS_ADVISORY = 1 << 8,
};

enum error_message {
	ERROR_MESSAGE_NONE,
	ERROR_MESSAGE_COR,
	ERROR_MESSAGE_NONFATAL,
	ERROR_MESSAGE_FATAL,
};

/*
 * Log an error that the function detected (figure 6-2): Status, Device Status and, where there is
 * AER, its registers. header is that of the TLP, as in memory (header doublewords as numbers);
 * NULL: none is to be logged. Returns the message to send, by masks, severity, Device Control and
 * SERR# Enable. Without AER the defaults of severity hold and nothing is masked.
 */
enum error_message tlpb__config_aer_report(struct config_space *c, unsigned error,
					   const uint32_t header[4]);

/*
 * Bits of Status that no error of above stands for: received target abort and master abort,
 * master data parity error.
 */
enum {
	STATUS_MASTER_PARITY = 1 << 8,
	STATUS_TARGET_ABORT_SENT = 1 << 11,
	STATUS_TARGET_ABORT_RECEIVED = 1 << 12,
	STATUS_MASTER_ABORT_RECEIVED = 1 << 13,
	STATUS_SYSTEM_ERROR_SENT = 1 << 14,
	STATUS_PARITY_ERROR = 1 << 15,
};
void tlpb__config_set_status(struct config_space *c, unsigned bits);

/*
 * The function sent a poisoned request, or a completion brought it poisoned data: Master Data Parity
 * Error, if Parity Error Response is set (7.5.1.1.4).
 */
void tlpb__config_master_parity(struct config_space *c);

#endif
