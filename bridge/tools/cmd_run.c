/* SPDX-License-Identifier: MIT */
/* tlpbridge run: the server and QEMU together, joined as they must be. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "run_args.h"
#include "run_process.h"

static const char help[] =
"usage: tlpbridge run --model MODEL [MODEL-OPTION...] [--model ...]\n"
"                     [--logs DIR] [--dry-run] -- QEMU [QEMU-ARGUMENT...]\n"
"\n"
"Starts the model's server and QEMU with the device, and ends with QEMU.\n"
"QEMU's arguments get what they lack: the plugin, a root port and a device for each\n"
"model, -machine q35, guest memory that is shared (of the size that -m says), and\n"
"-smp 2. A \"-device tlpbridge\" among them without url= gets the next model's.\n"
"\n"
"  --model MODEL   a model of tlpbridge-serve; the options after it are the model's\n"
"                  (see tlpbridge-serve MODEL --help). Or, with a / in it, a server\n"
"                  program of your own (./my-model), which gets these options and\n"
"                  --listen URL, and says \"listening at\" once it does. May be given\n"
"                  several times. --transport and --no-spin hold for QEMU's end, too\n"
"  --trace FILE    record what crosses the link of the model before it, as pcap\n"
"  --listen URL    where the server of the model before it listens; without it, at a\n"
"                  socket in a directory that only you can enter\n"
"  --logs DIR      keep the servers' output and the command lines there; without it,\n"
"                  they are kept only when something failed, and named then\n"
"  --dry-run       start nothing: print the commands, ready to be pasted\n"
"  --serve FILE    another program than the tlpbridge-serve beside tlpbridge\n"
"  --plugin FILE   another plugin than the tlpbridge-qemu.so that belongs to tlpbridge\n"
"\n"
"QEMU has the terminal. Ctrl-C and SIGTERM end QEMU, then the servers. When a server\n"
"dies QEMU goes on, and its device reads all ones.\n"
"\n"
"The exit status is QEMU's, or 128 and the number of the signal that killed it; that\n"
"of a server that did not start; 1 if QEMU ended well but a server did not; 126 or\n"
"127 if QEMU could not be run; 2 if the command line is wrong.\n";

struct run {
	struct run_request request;
	char serve[PATH_MAX], plugin[PATH_MAX];
	char dir[64];			/* for the sockets, and for logs without --logs */
	char *url[RUN_MODELS_MAX], *log[RUN_MODELS_MAX];
	struct run_argv serve_argv[RUN_MODELS_MAX], qemu_argv;
	bool unremarkable;		/* logs are of no use: interrupted, or misused and told so */
};

static int complain(const char *format, const char *what)
{
	fprintf(stderr, "tlpbridge: run: ");
	fprintf(stderr, format, what);
	fputc('\n', stderr);
	return EXIT_USAGE;
}

/* ---- where the programs are: beside this one, installed or as built ---- */

static int own_directory(char dir[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", dir, PATH_MAX - 1);

	if (n <= 0)
		return -1;
	dir[n] = 0;
	*strrchr(dir, '/') = 0;
	return 0;
}

static int find_file(const char *given, const char *const *places, const char *what,
		     char path[PATH_MAX])
{
	char dir[PATH_MAX], place[PATH_MAX];

	if (given)
		return realpath(given, path) ? 0 : complain("%s: no such file", given);
	if (own_directory(dir))
		return complain("cannot find %s: /proc is not mounted", what);
	for (; *places; places++) {
		if (snprintf(place, sizeof place, "%s/%s", dir, *places) < (int)sizeof place &&
		    realpath(place, path))
			return 0;
	}
	fprintf(stderr, "tlpbridge: run: there is no %s beside %s, nor where it is built or "
		"installed; reinstall, or name it\n", what, dir);
	return EXIT_USAGE;
}

static int refuse_program(const char *path, const char *cause, const char *cure)
{
	fprintf(stderr, "tlpbridge: run: --model %s: %s: %s\n", path, cause, cure);
	return EXIT_USAGE;
}

/* Told here with its cure: to execvp() much of it is the same. */
static int check_program(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return refuse_program(path, strerror(errno), "build it, or give another path (a name "
				      "without / is a model of tlpbridge-serve)");
	if (!S_ISREG(st.st_mode))
		return refuse_program(path, "it is no program but another kind of file",
				      "give the path of your server program");
	if (access(path, X_OK))
		return refuse_program(path, "it cannot be executed", "give the path of the program that "
				      "was built from it, or chmod +x if it is a script");
	return 0;
}

static int check_own_programs(const struct run_request *request, bool *all)
{
	int status = 0;

	*all = true;
	for (size_t i = 0; !status && i < request->models; i++) {
		if (run_model_is_program(&request->model[i]))
			status = check_program(request->model[i].options.v[0]);
		else
			*all = false;
	}
	return status;
}

static int find_programs(struct run *run)
{
	static const char *const serve[] = { "tlpbridge-serve", "../tlm-side/tlpbridge-serve", NULL };
	static const char *const plugin[] = { TLPB_PLUGIN_FROM_BINDIR,
					      "../qemu-side/tlpbridge-qemu.so", NULL };
	bool all_own;
	int status = check_own_programs(&run->request, &all_own);

	if (!status && !all_own)
		status = find_file(run->request.serve, serve, "tlpbridge-serve (--serve FILE)",
				   run->serve);
	if (!status)
		status = find_file(run->request.plugin, plugin,
				   "tlpbridge-qemu.so (--plugin FILE)", run->plugin);
	return status;
}

/* ---- directory and names ---- */

/* A socket's path has room for 107 bytes: a long TMPDIR cannot hold ours. */
static int make_directory(struct run *run)
{
	const char *tmp = getenv("TMPDIR");

	if (!tmp || *tmp != '/' || strlen(tmp) > sizeof run->dir - sizeof "/tlpbridge-run-XXXXXX")
		tmp = "/tmp";
	snprintf(run->dir, sizeof run->dir, "%s/tlpbridge-run-XXXXXX", tmp);
	if (run->request.dry_run) {
		snprintf(run->dir + strlen(run->dir) - 6, 12, "%ld", (long)getpid());
		return 0;
	}
	if (mkdtemp(run->dir))
		return 0;
	fprintf(stderr, "tlpbridge: run: %s: %s\n", run->dir, strerror(errno));
	*run->dir = 0;
	return EXIT_BAD_INPUT;
}

static const char *log_directory(const struct run *run)
{
	return run->request.logs ? run->request.logs : run->dir;
}

static int make_log_directory(const struct run *run)
{
	if (!run->request.logs || !mkdir(run->request.logs, 0777) || errno == EEXIST)
		return 0;
	fprintf(stderr, "tlpbridge: run: --logs %s: %s\n", run->request.logs, strerror(errno));
	return EXIT_USAGE;
}

static char *path_in(const char *dir, const char *format, size_t i)
{
	char name[32], *path;

	snprintf(name, sizeof name, format, i);
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		exit(complain("%s", "out of memory"));
	return path;
}

/* Where each server listens, and its log. */
static void name_all(struct run *run)
{
	for (size_t i = 0; i < run->request.models; i++) {
		const char *own = run->request.model[i].url;
		char *socket = path_in(run->dir, "%zu.sock", i);

		if (asprintf(&run->url[i], "%s%s", own ? "" : "ipc://", own ? own : socket) < 0)
			exit(complain("%s", "out of memory"));
		free(socket);
		run->log[i] = path_in(log_directory(run), "server-%zu.log", i);
	}
}

/* ---- command lines ---- */

static int make_commands(struct run *run)
{
	char properties[RUN_MODELS_MAX][RUN_PROPERTIES];
	struct run_wiring wiring = { run->plugin, (const char *const *)run->url,
				     (const char (*)[RUN_PROPERTIES])properties, run->request.models };
	struct run_argv warnings = { 0 };
	char why[RUN_WHY];
	int status = EXIT_OK;

	for (size_t i = 0; i < run->request.models; i++) {
		run_serve_argv(&run->serve_argv[i], run->serve, &run->request.model[i], run->url[i]);
		run_device_properties(&run->request.model[i], properties[i]);
	}
	if (run_qemu_argv(&run->qemu_argv, run->request.qemu, &wiring, &warnings, why))
		status = complain("%s", why);
	for (size_t i = 0; i < warnings.n; i++)
		fprintf(stderr, "tlpbridge: run: warning: %s\n", warnings.v[i]);
	run_argv_free(&warnings);
	return status;
}

static void print_command(FILE *out, const struct run_argv *argv, const char *end)
{
	char *line = run_argv_quote(argv);

	fprintf(out, "%s%s\n", line, end);
	free(line);
}

/* QEMU looks for its server for some seconds, so the servers may come up beside it. */
static void print_commands(FILE *out, const struct run *run)
{
	struct run_argv mkdir_argv = { 0 };

	run_argv_add(&mkdir_argv, "mkdir");
	run_argv_add(&mkdir_argv, "-m");
	run_argv_add(&mkdir_argv, "700");
	run_argv_add(&mkdir_argv, "%s", run->dir);
	print_command(out, &mkdir_argv, "");
	run_argv_free(&mkdir_argv);
	for (size_t i = 0; i < run->request.models; i++)
		print_command(out, &run->serve_argv[i], " &");
	print_command(out, &run->qemu_argv, "");
}

static void log_commands(const struct run *run)
{
	char *path = path_in(log_directory(run), "commands", 0);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

	if (out) {
		print_commands(out, run);
		fclose(out);
	}
	free(path);
}

/* ---- the run ---- */

/* It has been told how the program ended. */
static void tell_what_is_expected(const struct run_model *model)
{
	fprintf(stderr, "tlpbridge: run: %s did not become a server: it gets --listen URL, must say "
		"\"listening at URL\" and serve until SIGTERM, as programs with tlpb_serve_main(), "
		"tlpb::pump and tlpb::bridge_module do\n", model->options.v[0]);
}

static int start_servers(struct run *run, struct run_set *set)
{
	int status = 0;

	for (size_t i = 0; !status && i < run->request.models; i++) {
		const struct run_model *model = &run->request.model[i];

		status = run_server(set, &run->serve_argv[i], model->options.v[0], run->log[i]);
		if (status && !set->asked && run_model_is_program(model))
			tell_what_is_expected(model);
	}
	return status;
}

static int run_all(struct run *run)
{
	struct run_set set;
	int status;

	if (run_set_open(&set)) {
		perror("tlpbridge: run: signals");
		return EXIT_BAD_INPUT;
	}
	status = start_servers(run, &set);
	if (!status)
		status = run_qemu(&set, &run->qemu_argv);
	run->unremarkable = set.asked || (!set.qemu.name && status == EXIT_USAGE);
	run_set_close(&set);
	return !status && set.failed ? EXIT_BAD_INPUT : status;
}

static void remove_file(const char *dir, const char *format, size_t i)
{
	char *path = path_in(dir, format, i);

	unlink(path);
	free(path);
}

/* Sockets go in any case, our directory when nothing in it is of use. */
static void clean_up(const struct run *run, bool keep_logs)
{
	for (size_t i = 0; i < run->request.models; i++) {
		remove_file(run->dir, "%zu.sock", i);
		if (!keep_logs)
			remove_file(run->dir, "server-%zu.log", i);
	}
	if (!keep_logs)
		remove_file(run->dir, "commands", 0);
	rmdir(run->dir);
}

static int run_logged(struct run *run)
{
	int status = make_log_directory(run);
	bool failed;

	if (status) {
		rmdir(run->dir);
		return status;
	}
	log_commands(run);
	status = run_all(run);
	failed = status && !run->unremarkable;
	clean_up(run, failed || run->request.logs);
	if (failed)
		fprintf(stderr, "tlpbridge: run: status %d; logs are in %s\n", status,
			log_directory(run));
	return status;
}

static int prepare(struct run *run, char **words)
{
	char why[RUN_WHY];
	int status;

	if (run_request_parse(&run->request, words, why))
		return complain("%s; see tlpbridge run --help", why);
	if (run->request.help)
		return EXIT_OK;
	status = find_programs(run);
	if (!status)
		status = make_directory(run);
	if (status)
		return status;
	name_all(run);
	status = make_commands(run);
	if (status && !run->request.dry_run)
		rmdir(run->dir);
	return status;
}

static void free_all(struct run *run)
{
	for (size_t i = 0; i < run->request.models; i++) {
		run_argv_free(&run->serve_argv[i]);
		free(run->url[i]);
		free(run->log[i]);
	}
	run_argv_free(&run->qemu_argv);
	run_request_free(&run->request);
}

int cmd_run(int argc, char **argv)
{
	static struct run run;	/* paths and tables: large for a stack */
	int status = prepare(&run, argv + 1);

	if (run.request.help) {
		fputs(help, stdout);
	} else if (!status && run.request.dry_run) {
		print_commands(stdout, &run);
	} else if (!status) {
		status = run_logged(&run);
	}
	free_all(&run);
	return status;
}
