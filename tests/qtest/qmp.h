/* SPDX-License-Identifier: MIT */
/* QEMU's monitor (QMP), as little of it as the tests need. Failures end the test. */
#ifndef TLPB_TEST_QMP_H
#define TLPB_TEST_QMP_H

struct qmp;

/* Connect to a QEMU started with "-qmp", qmp_option("name"). */
const char *qmp_option(const char *name);
struct qmp *qmp_connect(const char *name);
void qmp_close(struct qmp *qmp);

/* Run a command, for example {"execute":"quit"}; its line of answer, valid until the next call. */
const char *qmp_command(struct qmp *qmp, const char *json);

/* Wait until an event or answer contains text, for example "DEVICE_DELETED". */
void qmp_wait(struct qmp *qmp, const char *text);

#endif
