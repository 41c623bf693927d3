/* SPDX-License-Identifier: MIT */
#include "run_args.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tlpbridge/shm.h>

static void *checked(void *p)
{
	if (!p) {
		fputs("tlpbridge: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

void run_argv_add(struct run_argv *argv, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	argv->v = checked(realloc(argv->v, (argv->n + 2) * sizeof *argv->v));
	argv->v[argv->n++] = checked(text);
	argv->v[argv->n] = NULL;
}

void run_argv_free(struct run_argv *argv)
{
	for (size_t i = 0; i < argv->n; i++)
		free(argv->v[i]);
	free(argv->v);
	*argv = (struct run_argv){ 0 };
}

static void quote_word(FILE *out, const char *word)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789_@%+=:,./-";

	if (*word && !word[strspn(word, plain)]) {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word; word++)
		if (*word == '\'')
			fputs("'\\''", out);
		else
			fputc(*word, out);
	fputc('\'', out);
}

char *run_argv_quote(const struct run_argv *argv)
{
	char *text = NULL;
	size_t size;
	FILE *out = checked(open_memstream(&text, &size));

	for (size_t i = 0; i < argv->n; i++) {
		if (i)
			fputc(' ', out);
		quote_word(out, argv->v[i]);
	}
	fclose(out);
	return checked(text);
}

/*
 * The value of option name at *words, in both spellings, "--name VALUE" and "--name=VALUE";
 * *words is left at its last word. NULL: another option, or with *missing the value is not there.
 */
static char *own_value(char ***words, const char *name, bool *missing)
{
	size_t len = strlen(name);
	char *word = **words;

	*missing = false;
	if (strncmp(word, name, len))
		return NULL;
	if (word[len] == '=')
		return word + len + 1;
	if (word[len])
		return NULL;
	if ((*words)[1] && strcmp((*words)[1], "--"))
		return *++*words;
	*missing = true;
	return NULL;
}

/* The options of run that have a value; what is none of them goes to the model's server. */
enum own { OWN_MODEL, OWN_LOGS, OWN_SERVE, OWN_PLUGIN, OWN_LISTEN, OWN_TRACE, OWN_NONE };

static const char *const own_names[OWN_NONE] = {
	"--model", "--logs", "--serve", "--plugin", "--listen", "--trace",
};

static enum own find_own(char ***words, char **value, bool *missing)
{
	enum own own;

	for (own = 0; own < OWN_NONE; own++) {
		*value = own_value(words, own_names[own], missing);
		if (*value || *missing)
			break;
	}
	return own;
}

static int add_model(struct run_request *request, const char *name, char why[RUN_WHY])
{
	if (request->models == RUN_MODELS_MAX) {
		snprintf(why, RUN_WHY, "more than %d models", RUN_MODELS_MAX);
		return -1;
	}
	run_argv_add(&request->model[request->models++].options, "%s", name);
	return 0;
}

/* --listen and --trace are the server's own; said here because run must know the first. */
static void add_server_option(struct run_model *model, enum own own, const char *value)
{
	run_argv_add(&model->options, "%s", own_names[own]);
	run_argv_add(&model->options, "%s", value);
	if (own == OWN_LISTEN)
		model->url = model->options.v[model->options.n - 1];
}

static int take_value(struct run_request *request, enum own own, const char *value,
		      char why[RUN_WHY])
{
	switch (own) {
	case OWN_MODEL:
		return add_model(request, value, why);
	case OWN_LOGS:
		request->logs = value;
		return 0;
	case OWN_SERVE:
		request->serve = value;
		return 0;
	case OWN_PLUGIN:
		request->plugin = value;
		return 0;
	default:
		break;
	}
	if (!request->models) {
		snprintf(why, RUN_WHY, "%s is an option of a model: --model comes first",
			 own_names[own]);
		return -1;
	}
	add_server_option(&request->model[request->models - 1], own, value);
	return 0;
}

static int take_word(struct run_request *request, char ***words, char why[RUN_WHY])
{
	char *value;
	bool missing;
	enum own own = find_own(words, &value, &missing);

	if (missing) {
		snprintf(why, RUN_WHY, "option %s needs a value", **words);
		return -1;
	}
	if (own != OWN_NONE)
		return take_value(request, own, value, why);
	if (!strcmp(**words, "--dry-run")) {
		request->dry_run = true;
	} else if (!strcmp(**words, "--help") || !strcmp(**words, "-h")) {
		request->help = true;
	} else if (request->models) {
		run_argv_add(&request->model[request->models - 1].options, "%s", **words);
	} else {
		snprintf(why, RUN_WHY, "unexpected \"%.80s\": --model comes first, its options after it",
			 **words);
		return -1;
	}
	return 0;
}

int run_request_parse(struct run_request *request, char **words, char why[RUN_WHY])
{
	*request = (struct run_request){ 0 };
	for (; *words && strcmp(*words, "--"); words++)
		if (take_word(request, &words, why))
			return -1;
	if (request->help)
		return 0;
	if (!request->models) {
		snprintf(why, RUN_WHY, "which model? Give --model NAME (tlpbridge-serve --help lists them) "
			 "or --model ./PROGRAM");
		return -1;
	}
	if (!words[0] || !words[1]) {
		snprintf(why, RUN_WHY, "which QEMU? Give its command line after \"--\": "
			 "-- qemu-system-x86_64 -M q35 …");
		return -1;
	}
	request->qemu = words + 1;
	return 0;
}

void run_request_free(struct run_request *request)
{
	for (size_t i = 0; i < request->models; i++)
		run_argv_free(&request->model[i].options);
	request->models = 0;
}

bool run_model_is_program(const struct run_model *model)
{
	return strchr(model->options.v[0], '/');
}

/* As own_value(), among words that another program has to make sense of. */
static const char *value_among(char *const *words, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(*words, name, len))
		return NULL;
	if ((*words)[len] == '=')
		return *words + len + 1;
	return (*words)[len] ? NULL : words[1];
}

void run_device_properties(const struct run_model *model, char text[RUN_PROPERTIES])
{
	const char *transport = NULL;
	bool no_spin = false;
	enum tlpb_transport parsed;
	char why[RUN_WHY];

	for (size_t i = 1; i < model->options.n; i++) {
		const char *value = value_among(&model->options.v[i], "--transport");

		if (value)
			transport = value;
		if (!strcmp(model->options.v[i], "--no-spin"))
			no_spin = true;
	}
	if (transport && tlpb_transport_parse(transport, &parsed, why, sizeof why))
		transport = NULL;	/* the server says what is wrong with it */
	snprintf(text, RUN_PROPERTIES, "%s%s%s", transport ? ",transport=" : "", transport ? transport : "",
		 no_spin ? ",no-spin=on" : "");
}

void run_serve_argv(struct run_argv *argv, const char *serve, const struct run_model *model,
		    const char *url)
{
	if (!run_model_is_program(model))
		run_argv_add(argv, "%s", serve);
	for (size_t i = 0; i < model->options.n; i++)
		run_argv_add(argv, "%s", model->options.v[i]);
	if (!model->url) {
		run_argv_add(argv, "--listen");
		run_argv_add(argv, "%s", url);
	}
}
