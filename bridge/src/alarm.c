/* SPDX-License-Identifier: MIT */
#include <sys/timerfd.h>
#include <unistd.h>

#include <tlpbridge/err.h>

#include "alarm.h"

int tlpb__alarm_open(struct alarm *alarm)
{
	alarm->due_ms = 0;
	alarm->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return alarm->fd < 0 ? TLPB_ERR_IO : 0;
}

void tlpb__alarm_close(struct alarm *alarm)
{
	if (alarm->fd >= 0)
		close(alarm->fd);
	alarm->fd = -1;
}

void tlpb__alarm_set(struct alarm *alarm, int64_t due_ms)
{
	struct itimerspec t = { .it_value = { .tv_sec = due_ms / 1000,
					      .tv_nsec = due_ms % 1000 * 1000000 } };

	if (alarm->fd < 0 || due_ms == alarm->due_ms)
		return;
	alarm->due_ms = due_ms;
	timerfd_settime(alarm->fd, TFD_TIMER_ABSTIME, &t, NULL);
}

bool tlpb__alarm_rang(struct alarm *alarm, int64_t now_ms)
{
	if (alarm->fd < 0 || !alarm->due_ms || now_ms < alarm->due_ms)
		return false;
	tlpb__alarm_set(alarm, 0);
	return true;
}
