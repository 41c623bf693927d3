// SPDX-License-Identifier: MIT
#include "arguments.h"

#include <cstdio>
#include <cstring>
#include <getopt.h>
#include <set>
#include <tlpbridge/device.h>
#include <tlpbridge/inject.h>

#include "kit/parse.h"

namespace serve {

static const kit::model_option common_options[] = {
	{ "listen", "URL", "where hosts find the devices, for example ipc:///run/x.sock,\n"
			   "tcp://127.0.0.1:0, tls+tcp://0.0.0.0:7000, or fd:3 (inherited)" },
	{ "tls-cert", "FILE", "for tls+tcp: the server's certificate, PEM" },
	{ "tls-key", "FILE", "and its key" },
	{ "tls-ca", "FILE", "let in only hosts with a certificate signed by this one" },
	{ "plaintext", nullptr, "allow plain tcp beyond loopback" },
	{ "transport", "KIND", "auto, the default: shared memory with hosts for which that is possible, else\n"
			       "the URL's own; nng: that alone; shm: shared memory, or no link" },
	{ "shm-bytes", "SIZE", "shared memory of a link at most, from 512K to 128M (517K)" },
	{ "no-spin", nullptr, "never look for a host's next access before sleeping: slower, but no CPU\n"
			      "is used for it" },
	{ "name", "NAME", "what a host asks for (the model's name; if taken, with .1, .2, ...)" },
	{ "trace", "FILE", "record all frames of this device as pcap" },
	{ "credits", "POOLS", "how much this device takes before hosts wait, for example\n"
	  "PH=1,PD=8,NPH=1,NPD=1; of PH, PD, NPH, NPD, CPLH, CPLD a number or 'infinite'" },
	{ "stress-ordering", "SEED", "send this device's TLPs in any order that the ordering rules allow" },
	{ "inject", "RULES", "inject errors at this device's end, for example \"drop type=MRd count=1\";\n"
			     "rules are separated by ';', docs/errors.md tells them" },
	{ "allow-inject", nullptr, "take such rules also from tlpbridge inject, for all devices, of whoever\n"
				   "reaches the URL" },
	{ "check", "[=fatal]", "tell of every TLP of either side that breaks a rule; fatal: the first\n"
			       "one takes the link down, and the program ends with status 1" },
	{ "quantum", "TIME", "how far posted writes may run ahead of simulated time, for example\n"
	  "1us; 0ns, the default: not at all" },
	{ "and", "MODEL", "one more device at the same URL; its options follow" },
	{ "help", nullptr, "this text, or after MODEL that model's options" },
	{ "version", nullptr, "the version" },
};

static const kit::model_type *find_model(const model_list &models, const std::string &name)
{
	for (const kit::model_type *model : models)
		if (name == model->name)
			return model;
	throw usage_error("unknown model \"" + name + "\": tlpbridge-serve --help lists them");
}

static bool has_optional_value(const kit::model_option &option)
{
	return option.argument && option.argument[0] == '[';
}

// Lines of the text after the first stand under it.
static void print_option(const kit::model_option &option)
{
	std::string left = std::string("--") + option.name;
	const char *line = option.help, *end;

	if (option.argument)
		left += std::string(has_optional_value(option) ? "" : " ") + option.argument;
	for (; (end = strchr(line, '\n')); line = end + 1, left.clear())
		printf("  %-20s %.*s\n", left.c_str(), static_cast<int>(end - line), line);
	printf("  %-20s %s\n", left.c_str(), line);
}

static void print_models(const model_list &models)
{
	printf("Serve SystemC models as PCI Express endpoints.\n\nModels:\n");
	for (const kit::model_type *model : models)
		printf("  %-20s %s\n", model->name, model->summary);
}

void print_help(const model_list &models, const kit::model_type *model)
{
	printf("Usage: tlpbridge-serve %s --listen URL [OPTION...] [--and MODEL [OPTION...]]...\n\n",
	       model ? model->name : "MODEL");
	if (model)
		printf("%s: %s\n", model->name, model->summary);
	else
		print_models(models);
	printf("\nOptions:\n");
	for (const kit::model_option &option : common_options)
		print_option(option);
	if (!model)
		return;
	printf("\nOptions of %s (defaults in brackets):\n", model->name);
	for (const kit::model_option &option : *model->options)
		print_option(option);
}

static std::vector<option> long_options(const kit::model_type *model)
{
	std::vector<option> options;
	auto add = [&](const kit::model_option &o) {
		int argument = has_optional_value(o) ? optional_argument
			     : o.argument ? required_argument : no_argument;

		options.push_back({ o.name, argument, nullptr, 'o' });
	};

	for (const kit::model_option &o : common_options)
		add(o);
	if (model)
		for (const kit::model_option &o : *model->options)
			add(o);
	options.push_back({});
	return options;
}

static void take_credits(tlpb::link_settings &link, const char *value)
{
	char why[256];

	if (tlpb_pools_parse(value, &link.credits, why, sizeof why))
		throw usage_error(std::string("--credits: ") + why);
}

static tlpb_transport transport_of(const char *value)
{
	tlpb_transport transport;
	char why[256];

	if (tlpb_transport_parse(value, &transport, why, sizeof why))
		throw usage_error(std::string("--") + why);
	return transport;
}

static uint32_t shm_bytes_of(const char *value)
{
	uint32_t bytes;
	char why[256];

	if (tlpb_shm_bytes_parse(value, &bytes, why, sizeof why))
		throw usage_error(std::string("--shm-bytes: ") + why);
	return bytes;
}

static std::string checked_rules(const char *rules)
{
	char why[512] = "";

	if (tlpb_inject_check(rules, why, sizeof why))
		throw usage_error(std::string("--inject: ") + why);
	return rules;
}

static tlpb_check check_mode(const char *value)
{
	if (value && strcmp(value, "fatal"))
		throw usage_error(std::string("--check=") + value + ": only fatal may follow");
	return value ? TLPB_CHECK_FATAL : TLPB_CHECK_REPORT;
}

static void take_option(arguments &args, const std::string &name, const char *value)
{
	device_arguments &device = args.devices.back();

	if (name == "listen")
		args.listen = value;
	else if (name == "tls-ca")
		args.tls_ca = value;
	else if (name == "tls-cert")
		args.tls_cert = value;
	else if (name == "tls-key")
		args.tls_key = value;
	else if (name == "plaintext")
		args.plaintext = true;
	else if (name == "transport")
		args.transport = transport_of(value);
	else if (name == "shm-bytes")
		args.shm_bytes = shm_bytes_of(value);
	else if (name == "no-spin")
		args.no_spin = true;
	else if (name == "name")
		device.name = value;
	else if (name == "trace")
		device.trace = value;
	else if (name == "credits")
		take_credits(device.link, value);
	else if (name == "stress-ordering")
		device.link.order_seed = kit::parse_number(value, UINT64_MAX);
	else if (name == "inject")
		device.inject = checked_rules(value);
	else if (name == "allow-inject")
		args.allow_inject = true;
	else if (name == "check")
		device.check = check_mode(value);
	else if (name == "quantum")
		args.quantum = kit::parse_time(value);
	else if (name == "help")
		args.help = true;
	else if (name == "version")
		args.version = true;
	else
		device.model_options.emplace_back(name, value ? value : "");
}

// One device's words; words[0] is its model, or the program where that is missing.
static void parse_device(arguments &args, std::vector<char *> words)
{
	const kit::model_type *model = args.devices.back().model;
	std::vector<option> options = long_options(model);
	int count = static_cast<int>(words.size()), index, c;

	words.push_back(nullptr);
	optind = 0;		// getopt begins anew, behind words[0]
	opterr = 0;
	while ((c = getopt_long(count, words.data(), ":", options.data(), &index)) != -1) {
		std::string given = words[static_cast<size_t>(optind - 1)];

		if (c == ':')
			throw usage_error("option " + given + " needs a value");
		if (c != 'o')
			throw usage_error("unknown option " + given + (model ? "" : " (MODEL comes first)"));
		take_option(args, options[static_cast<size_t>(index)].name, optarg);
	}
	if (optind < count)
		throw usage_error(std::string("unexpected argument \"") +
				  words[static_cast<size_t>(optind)] + "\"");
}

// The model comes first: it decides which options there are.
arguments parse(int argc, char **argv, const model_list &models)
{
	bool has_model = argc > 1 && argv[1][0] != '-';
	int at = has_model ? 1 : 0;
	arguments args;

	while (at < argc) {
		int end = at + 1;

		while (end < argc && strcmp(argv[end], "--and"))
			end++;
		args.devices.emplace_back();
		if (at)
			args.devices.back().model = find_model(models, argv[at]);
		parse_device(args, std::vector<char *>(argv + at, argv + end));
		if (end + 1 == argc)
			throw usage_error("option --and needs a model");
		at = end + 1;
	}
	return args;
}

static void check_name(const std::string &name, std::set<std::string> &names)
{
	if (name.size() >= TLPB_NAME_MAX)
		throw usage_error("--name: more than " + std::to_string(TLPB_NAME_MAX - 1) + " bytes");
	if (!name.empty() && !names.insert(name).second)
		throw usage_error("--name: two devices are called \"" + name + "\"");
}

void check(const arguments &args)
{
	std::set<std::string> names;

	for (const device_arguments &device : args.devices) {
		if (!device.model)
			throw usage_error("which model? tlpbridge-serve --help lists them");
		check_name(device.name, names);
	}
	if (args.listen.empty())
		throw usage_error("--listen is missing: give a URL, for example "
				  "--listen ipc:///run/x.sock");
	if (args.listen.rfind("fd:", 0) == 0 && args.devices.size() > 1)
		throw usage_error("--and: an inherited socket carries one device: choose another "
				  "kind of URL, or start a server for each");
}

} // namespace serve
