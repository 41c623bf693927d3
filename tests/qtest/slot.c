/* SPDX-License-Identifier: MIT */
#include "slot.h"

#include <dirent.h>
#include <stdio.h>

#include "flow.h"

struct qmp *slot_machine_start(void)
{
	processes_end();
	memset(&m, 0, sizeof m);
	m.server = serve("s", ALL_KINDS);
	m.q = qtest_start(ARGS(NATIVE_HOT_PLUG, "-qmp", qmp_option("qmp")));
	qtest_set_up_port(m.q, 0);
	return qmp_connect("qmp");
}

const char *slot_add(struct qmp *qmp, const char *name, const char *more)
{
	static char json[1024];

	snprintf(json, sizeof json,
		 "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"tlpbridge\","
		 "\"bus\":\"rp0\",\"id\":\"ep0\",\"url\":\"%s\"%s%s}}", socket_url(name), more,
		 flow_arguments());
	return qmp_command(qmp, json);
}

static unsigned express(void)
{
	unsigned at = qtest_find_capability(m.q, ROOT_PORT(0), CAP_EXPRESS);

	ASSERT_NE(at, 0u);
	return at;
}

uint16_t slot_read(unsigned reg)
{
	return (uint16_t)qtest_ecam_read(m.q, ROOT_PORT(0), express() + reg, 2);
}

void slot_write(unsigned reg, uint16_t value)
{
	qtest_ecam_write(m.q, ROOT_PORT(0), express() + reg, 2, value);
}

void slot_plug_in(struct qmp *qmp, const char *name)
{
	ASSERT_NOT_NULL(strstr(slot_add(qmp, name, ""), "return"));
	slot_write(SLOT_CONTROL, SLOT_ON);
}

void slot_remove(struct qmp *qmp)
{
	ASSERT_NOT_NULL(strstr(qmp_command(qmp, "{\"execute\":\"device_del\","
						"\"arguments\":{\"id\":\"ep0\"}}"), "return"));
	slot_write(SLOT_CONTROL, SLOT_OFF);
	qmp_wait(qmp, "DEVICE_DELETED");
}

unsigned slot_count(const char *what)
{
	char path[64];
	unsigned count = 0;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)m.q->process->pid, what);
	dir = opendir(path);
	ASSERT_NOT_NULL(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

void slot_expect_count(const char *what, unsigned most)
{
	long long end = now_ms() + PROCESS_PATIENCE_MS;

	while (slot_count(what) > most && now_ms() < end)
		sleep_ms(20);
	EXPECT_LE(slot_count(what), most);
}
