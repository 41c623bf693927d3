// SPDX-License-Identifier: MIT
/*
 * tlpbridge-serve: a SystemC model as a PCI Express endpoint for hosts on a link.
 * The composition root: only this file names both the models and the bridge.
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <getopt.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <tlpbridge/log.h>
#include <tlpbridge/trace.h>

#include "endpoint-test/endpoint_test.h"
#include "kit/model.h"
#include "pcie_endpoint.h"
#include "pump.h"

static const kit::model_type *const models[] = {
	&endpoint_test::endpoint_test_model,
};

enum { exit_failure = 1, exit_usage = 2 };

static const kit::model_option common_options[] = {
	{ "listen", "URL", "where hosts find the device, for example ipc:///run/x.sock,\n"
			   "tcp://127.0.0.1:0, tls+tcp://0.0.0.0:7000, or fd:3 (inherited)" },
	{ "tls-cert", "FILE", "for tls+tcp: the server's certificate, PEM" },
	{ "tls-key", "FILE", "and its key" },
	{ "tls-ca", "FILE", "let in only hosts with a certificate signed by this one" },
	{ "plaintext", nullptr, "allow plain tcp beyond loopback" },
	{ "name", "NAME", "what a host asks for (the model's name)" },
	{ "trace", "FILE", "record all frames as pcap" },
	{ "help", nullptr, "this text, or after MODEL that model's options" },
	{ "version", nullptr, "the version" },
};

struct arguments {
	const kit::model_type *model = nullptr;
	std::string listen, name, trace, tls_ca, tls_cert, tls_key;
	bool help = false, version = false, plaintext = false;
	kit::option_values model_options;
};

struct usage_error : std::invalid_argument {
	using invalid_argument::invalid_argument;
};

static const kit::model_type *find_model(const std::string &name)
{
	for (const kit::model_type *model : models)
		if (name == model->name)
			return model;
	throw usage_error("unknown model \"" + name + "\": tlpbridge-serve --help lists them");
}

// Lines of the text after the first stand under it.
static void print_option(const kit::model_option &option)
{
	std::string left = std::string("--") + option.name;
	const char *line = option.help, *end;

	if (option.argument)
		left += std::string(" ") + option.argument;
	for (; (end = strchr(line, '\n')); line = end + 1, left.clear())
		printf("  %-20s %.*s\n", left.c_str(), static_cast<int>(end - line), line);
	printf("  %-20s %s\n", left.c_str(), line);
}

static void print_help(const kit::model_type *model)
{
	printf("Usage: tlpbridge-serve %s --listen URL [OPTION...]\n\n", model ? model->name : "MODEL");
	if (model)
		printf("%s: %s\n", model->name, model->summary);
	else
		printf("Serve a SystemC model as a PCI Express endpoint.\n\nModels:\n");
	if (!model)
		for (const kit::model_type *each : models)
			printf("  %-20s %s\n", each->name, each->summary);
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
		options.push_back({ o.name, o.argument ? required_argument : no_argument, nullptr, 'o' });
	};

	for (const kit::model_option &o : common_options)
		add(o);
	if (model)
		for (const kit::model_option &o : *model->options)
			add(o);
	options.push_back({});
	return options;
}

static void take_option(arguments &args, const std::string &name, const char *value)
{
	if (name == "listen")
		args.listen = value;
	else if (name == "name")
		args.name = value;
	else if (name == "trace")
		args.trace = value;
	else if (name == "tls-ca")
		args.tls_ca = value;
	else if (name == "tls-cert")
		args.tls_cert = value;
	else if (name == "tls-key")
		args.tls_key = value;
	else if (name == "plaintext")
		args.plaintext = true;
	else if (name == "help")
		args.help = true;
	else if (name == "version")
		args.version = true;
	else
		args.model_options.emplace_back(name, value ? value : "");
}

// The model comes first: it decides which options there are.
static arguments parse(int argc, char **argv)
{
	arguments args;
	bool has_model = argc > 1 && argv[1][0] != '-';

	if (has_model)
		args.model = find_model(argv[1]);

	std::vector<option> options = long_options(args.model);
	int index, c;

	optind = has_model ? 2 : 1;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", options.data(), &index)) != -1) {
		std::string given = argv[optind - 1];

		if (c == ':')
			throw usage_error("option " + given + " needs a value");
		if (c != 'o')
			throw usage_error("unknown option " + given + (args.model ? "" :
					  " (MODEL comes first)"));
		take_option(args, options[static_cast<size_t>(index)].name, optarg);
	}
	if (optind < argc)
		throw usage_error(std::string("unexpected argument \"") + argv[optind] + "\"");
	return args;
}

static void check(const arguments &args)
{
	if (!args.model)
		throw usage_error("which model? tlpbridge-serve --help lists them");
	if (args.listen.empty())
		throw usage_error("--listen is missing: give a URL, for example "
				  "--listen ipc:///run/x.sock");
	if (args.name.size() >= TLPB_NAME_MAX)
		throw usage_error("--name: more than " + std::to_string(TLPB_NAME_MAX - 1) + " bytes");
}

struct trace_closer {
	void operator()(tlpb_trace *trace) const { tlpb_trace_close(trace); }
};
using trace_ptr = std::unique_ptr<tlpb_trace, trace_closer>;

static trace_ptr open_trace(const std::string &path)
{
	tlpb_trace *trace = nullptr;
	char why[256];

	if (!path.empty() && tlpb_trace_create(path.c_str(), &trace, why, sizeof why))
		throw std::runtime_error("--trace: " + std::string(why));
	return trace_ptr(trace);
}

static void connect(kit::pcie_function &model, tlpb::pcie_endpoint &endpoint)
{
	for (unsigned i = 0; i < kit::bars; i++)
		if (model.description().bar_table[i].kind != kit::bar_kind::none)
			endpoint.bar[i].bind(model.bar_socket(i));
	model.dma.bind(endpoint.dma);
	model.irq.bind(endpoint.irq);
	endpoint.reset.bind(model);
}

static void tell_of_hosts(tlpb::pcie_endpoint &endpoint)
{
	endpoint.on_connected = [](const std::string &host) {
		tlpb_log(TLPB_LOG_INFO, "connected: %s", host.c_str());
	};
	endpoint.on_disconnected = [](const std::string &why) {
		tlpb_log(TLPB_LOG_INFO, "disconnected: %s", why.c_str());
	};
}

static const char *or_null(const std::string &text)
{
	return text.empty() ? nullptr : text.c_str();
}

static tlpb_server_config server_config(const arguments &args)
{
	tlpb_server_config config = {};

	config.url = args.listen.c_str();
	config.tls_ca = or_null(args.tls_ca);
	config.tls_cert = or_null(args.tls_cert);
	config.tls_key = or_null(args.tls_key);
	config.plaintext = args.plaintext;
	return config;
}

static void serve(const arguments &args, kit::pcie_function &model, tlpb_trace *trace)
{
	kit::function_description function = model.description();

	if (!args.name.empty())
		function.name = args.name;

	tlpb::pcie_endpoint endpoint("endpoint", function, trace);
	connect(model, endpoint);
	tell_of_hosts(endpoint);

	tlpb::pump pump(server_config(args));
	pump.add(endpoint);
	pump.start();
	tlpb_log(TLPB_LOG_INFO, "listening at %s, device %s (%04x:%04x)", pump.url(),
		 function.name.c_str(), function.vendor_id, function.device_id);
	pump.run();
}

static void serve(const arguments &args)
{
	std::unique_ptr<kit::pcie_function> model = args.model->create(args.model_options);
	trace_ptr trace = open_trace(args.trace);

	serve(args, *model, trace.get());
	if (tlpb_trace_close(trace.release()))
		throw std::runtime_error(args.trace + ": the trace is incomplete");
}

static void log_to_stderr(tlpb_log_level level, const char *line)
{
	static const char *const prefixes[] = { "error: ", "warning: ", "" };

	fprintf(stderr, "tlpbridge-serve: %s%s\n", prefixes[level], line);
}

static void run(const arguments &args)
{
	if (args.help) {
		print_help(args.model);
	} else if (args.version) {
		printf("tlpbridge-serve %s\n", TLPB_VERSION);
	} else {
		check(args);
		serve(args);
	}
}

int sc_main(int argc, char **argv)
{
	tlpb_log_set_sink(log_to_stderr);
	try {
		run(parse(argc, argv));
		return 0;
	} catch (const std::invalid_argument &e) {
		tlpb_log(TLPB_LOG_ERROR, "%s", e.what());
		return exit_usage;
	} catch (const std::exception &e) {
		tlpb_log(TLPB_LOG_ERROR, "%s", e.what());
		return exit_failure;
	}
}

// libsystemc has a main(), which prints its banner before sc_main() could say not to.
int main(int argc, char **argv)
{
	setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 1);
	return sc_core::sc_elab_and_sim(argc, argv);
}
