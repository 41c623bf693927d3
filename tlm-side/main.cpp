// SPDX-License-Identifier: MIT
/*
 * tlpbridge-serve: SystemC models as PCI Express endpoints for hosts on links.
 * The composition root: only this file names both the models and the bridge.
 */
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <systemc>
#include <tlm_utils/tlm_quantumkeeper.h>
#include <tlpbridge/log.h>
#include <tlpbridge/trace.h>

#include "arguments.h"
#include "edu/edu.h"
#include "endpoint-test/endpoint_test.h"
#include "kit/model.h"
#include "model_binding.h"
#include "pcie_endpoint.h"
#include "pump.h"

static const serve::model_list models = {
	&endpoint_test::endpoint_test_model,
	&edu::edu_model,
};

enum { exit_failure = 1, exit_usage = 2 };

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

// Names of devices: those that were given are taken before any is made up.
class name_pool {
public:
	explicit name_pool(const serve::arguments &args)
	{
		for (const serve::device_arguments &device : args.devices)
			taken.insert(device.name);
	}

	std::string make(const std::string &base)
	{
		std::string name = base;

		for (unsigned n = 1; !taken.insert(name).second; n++)
			name = base + "." + std::to_string(n);
		return name;
	}

private:
	std::set<std::string> taken;
};

// A model and the endpoint that it is the inside of; a module, to keep their SystemC names apart.
class device : public sc_core::sc_module {
public:
	device(sc_core::sc_module_name module, const serve::device_arguments &args, name_pool &names)
		: check(args.check), trace_path(args.trace), trace(open_trace(args.trace)),
		  model(args.model->create(args.model_options)),
		  function(describe(args, names)), endpoint("endpoint", function, trace.get(), args.link)
	{
		further = tlpb::bind_device(endpoint, *model);
		tell_of_hosts();
		tlpb_ep_set_check(endpoint.ep(), args.check);
		inject(args.inject);
	}

	// With --check=fatal a violation is the program's failure, too.
	bool violated() const
	{
		return check == TLPB_CHECK_FATAL && tlpb_ep_violations(endpoint.ep());
	}

	// No host is connected any more.
	void close_trace()
	{
		if (tlpb_trace_close(trace.release()))
			throw std::runtime_error(trace_path + ": the trace is incomplete");
	}

private:
	kit::function_description describe(const serve::device_arguments &args, name_pool &names) const
	{
		kit::function_description description = model->description();

		description.name = args.name.empty() ? names.make(description.name) : args.name;
		return description;
	}

	void inject(const std::string &rules)
	{
		char why[256];

		if (!rules.empty() && tlpb_ep_inject(endpoint.ep(), rules.c_str(), why, sizeof why))
			throw std::runtime_error(std::string("--inject: ") + why);
	}

	void tell_of_hosts()
	{
		endpoint.on_connected = [this](const std::string &host) {
			tlpb_log(TLPB_LOG_INFO, "connected: %s (%s)", host.c_str(),
				 function.name.c_str());
		};
		endpoint.on_disconnected = [this](const std::string &why) {
			tlpb_log(TLPB_LOG_INFO, "disconnected: %s (%s)", why.c_str(),
				 function.name.c_str());
		};
	}

	tlpb_check check;
	std::string trace_path;
	trace_ptr trace;
	std::unique_ptr<kit::pcie_function> model;
	kit::function_description function;

public:
	tlpb::pcie_endpoint endpoint;

private:
	tlpb::further_functions further;
};

using device_list = std::vector<std::unique_ptr<device>>;

static device_list make_devices(const serve::arguments &args)
{
	name_pool names(args);
	device_list devices;

	for (const serve::device_arguments &each : args.devices) {
		std::string module = "device" + std::to_string(devices.size());

		devices.push_back(std::make_unique<device>(module.c_str(), each, names));
	}
	return devices;
}

static const char *or_null(const std::string &text)
{
	return text.empty() ? nullptr : text.c_str();
}

static tlpb_server_config server_config(const serve::arguments &args)
{
	tlpb_server_config config = {};

	config.url = args.listen.c_str();
	config.tls_ca = or_null(args.tls_ca);
	config.tls_cert = or_null(args.tls_cert);
	config.tls_key = or_null(args.tls_key);
	config.plaintext = args.plaintext;
	config.transport = args.transport;
	config.shm_bytes = args.shm_bytes;
	config.no_spin = args.no_spin;
	config.allow_inject = args.allow_inject;
	return config;
}

static void pump_devices(const serve::arguments &args, const device_list &devices)
{
	tlpb::pump pump(server_config(args));

	for (const std::unique_ptr<device> &each : devices)
		pump.add(each->endpoint);
	pump.run();
}

static void serve_devices(const serve::arguments &args)
{
	device_list devices = make_devices(args);

	pump_devices(args, devices);
	for (const std::unique_ptr<device> &each : devices)
		each->close_trace();
	for (const std::unique_ptr<device> &each : devices)
		if (each->violated())
			throw std::runtime_error("--check=fatal: a rule was broken, see above");
}

static void log_to_stderr(tlpb_log_level level, const char *line)
{
	static const char *const prefixes[] = { "error: ", "warning: ", "" };

	fprintf(stderr, "tlpbridge-serve: %s%s\n", prefixes[level], line);
}

static void run(const serve::arguments &args)
{
	if (args.help) {
		serve::print_help(models, args.devices.back().model);
	} else if (args.version) {
		printf("tlpbridge-serve %s\n", TLPB_VERSION);
	} else {
		serve::check(args);
		signal(SIGPIPE, SIG_IGN);	// whoever read the log may have gone; its hosts have not
		tlm_utils::tlm_quantumkeeper::set_global_quantum(args.quantum);
		serve_devices(args);
	}
}

int sc_main(int argc, char **argv)
{
	tlpb_log_keep_stdio();
	tlpb_log_set_sink(log_to_stderr);
	try {
		run(serve::parse(argc, argv, models));
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
