/* SPDX-License-Identifier: MIT */
/*
 * One end of a link, in a process that lacks something:
 *
 *	rings-end WITHOUT server|host|idle|idle-no-spin URL auto|nng|shm
 *
 * WITHOUT: nothing, memory (memfd_create fails), proc (/proc is not mounted), pids (a PID namespace of its own), user
 * (another user). The server says "listening at URL"; the host writes and reads, and says whether its link has
 * rings: "rings", "socket", or "refused: ..."; idle does so and then waits for what never comes. Status 77
 * where a process may not lack that here, and why.
 */
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tlpbridge/rc.h>
#include <tlpbridge/server.h>

#include "rc_private.h"
#include "waiter.h"

enum { SKIPPED = 77, NOBODY = 65534, BAR = 4096, ROUNDS = 200, PATIENCE_MS = 60 * 1000 };

static void skip(const char *what)
{
	printf("skipped: %s: %s\n", what, strerror(errno));
	exit(SKIPPED);
}

/* ---- without ---- */

static void without_memory(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof filter / sizeof filter[0], filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		skip("no filter of system calls can be set");
}

static void own_mounts(void)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		skip("no mount namespace of its own");
}

static void without_proc(void)
{
	own_mounts();
	if (umount2("/proc", MNT_DETACH))
		skip("/proc cannot be unmounted");
}

/* The parent stays, and ends with its child. */
static void without_pids(void)
{
	pid_t pid;
	int status;

	own_mounts();
	if (unshare(CLONE_NEWPID))
		skip("no PID namespace of its own");
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (mount("proc", "/proc", "proc", 0, NULL))
			skip("/proc cannot be mounted");
		return;
	}
	waitpid(pid, &status, 0);
	/* Not exit(): no process can be made here any more, and a sanitizer that looks for leaks makes one. */
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void without_user(void)
{
	if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
		skip("it may not become another user");
}

static void without(const char *what)
{
	static const struct { const char *what; void (*lack)(void); } all[] = {
		{ "memory", without_memory }, { "proc", without_proc }, { "pids", without_pids },
		{ "user", without_user },
	};

	for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
		if (!strcmp(what, all[i].what))
			all[i].lack();
}

static enum tlpb_transport transport_of(const char *text)
{
	enum tlpb_transport transport = TLPB_TRANSPORT_AUTO;
	char why[256];

	if (tlpb_transport_parse(text, &transport, why, sizeof why))
		puts(why);
	return transport;
}

static int fail(const char *why)
{
	printf("refused: %s\n", why);
	return 3;
}

/* ---- server ---- */

static tlpb_ep *endpoint;
static uint8_t memory[BAR];

static void on_access(void *ctx, struct tlpb_ep_request *request)
{
	uint8_t *at = memory + request->offset;

	if (request->write)
		memcpy(at, request->data, request->length);
	else
		memcpy(request->data, at, request->length);
	tlpb_ep_complete(endpoint, request, TLPB_CPL_SC);
}

static int serve(const char *url, const char *transport)
{
	static const struct tlpb_ep_ops ops = { .access = on_access };
	static const struct tlpb_device device = {
		.name = "rings", .vendor_id = 0x1234, .class_code = 0xff0000,
		.region[TLPB_BAR0] = { BAR, TLPB_REGION_READ | TLPB_REGION_WRITE },
	};
	struct tlpb_ep_config config = { .device = &device, .ops = &ops };
	struct tlpb_server_config where = { .url = url, .transport = transport_of(transport) };
	tlpb_server *server;
	char why[512];

	if (tlpb_ep_new(&config, &endpoint, why, sizeof why) ||
	    tlpb_server_open_with(&where, &server, why, sizeof why))
		return fail(why);
	tlpb_server_add(server, endpoint);
	printf("listening at %s\n", tlpb_server_url(server));
	fflush(stdout);
	for (;;)
		tlpb_server_wait(server, -1);
}

/* ---- host ---- */

static bool read_and_write(tlpb_rc *rc)
{
	for (uint32_t n = 0; n < ROUNDS; n++) {
		uint32_t value = 0;

		if (tlpb_rc_mem_write(rc, 0xe0000000 + n % 16 * 4, &n, 4) ||
		    tlpb_rc_mem_read(rc, 0xe0000000 + n % 16 * 4, &value, 4) || value != n)
			return false;
	}
	return true;
}

static void idle(tlpb_rc *rc)
{
	struct pollfd p = { .fd = tlpb_rc_fd(rc), .events = POLLIN };

	while (!tlpb_rc_process(rc))
		poll(&p, 1, -1);
}

static int connect_to(const char *url, const char *transport, const char *role)
{
	static const struct tlpb_rc_ops ops = { .mem_read = NULL };
	struct tlpb_rc_config config = {
		.url = url, .name = "host", .connect_timeout_ms = PATIENCE_MS, .ops = &ops,
		.transport = transport_of(transport), .no_spin = !strcmp(role, "idle-no-spin"),
	};
	struct tlpb_rc_windows windows = { .bdf = 0x100, .mem32 = 0xe0000000 };
	struct tlpb_rc_bar bar[TLPB_BARS];
	char why[512];
	tlpb_rc *rc;

	if (tlpb_rc_connect(&config, &rc, why, sizeof why))
		return fail(why);
	if (tlpb_rc_enumerate(rc, &windows, bar) || !read_and_write(rc)) {
		tlpb_rc_close(rc);
		return fail("the link does not work");
	}
	puts(has_ring(tlpb__link_transport(rc->link)) ? "rings" : "socket");
	fflush(stdout);
	if (!strncmp(role, "idle", 4))
		idle(rc);
	tlpb_rc_close(rc);
	return 0;
}

int main(int argc, char **argv)
{
	int status;

	if (argc != 5)
		return 2;
	without(argv[1]);
	if (!strcmp(argv[2], "server"))
		return serve(argv[3], argv[4]);
	status = connect_to(argv[3], argv[4], argv[2]);
	fflush(stdout);
	if (strcmp(argv[1], "nothing"))
		_exit(status);		/* a sanitizer that looks for leaks now lacks the same */
	return status;
}
