#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The layers of docs/architecture.md, kept by looking at every #include of the tree.

usage: layering_test.py SOURCE_DIRECTORY
"""
import os
import re
import sys
import unittest

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.M)
SOURCE = re.compile(r"\.(c|h|cpp|hpp|cc)$")

# Layer of each file of bridge/src by its stem: a file includes its own layer or a lower one.
LAYERS = {
    "err": 0, "log": 0, "bytes": 0, "clock": 0, "alarm": 0, "cursor": 0, "printable": 0,
    "tlp_codec": 1, "tlp_pack": 1, "tlp_ecrc": 1, "tlp_header_log": 1, "tlp_check": 1, "tlp_text": 1, "tlp_split": 1,
    "tlp_form": 1, "tlp_order": 1,
    "frame": 1, "device": 1, "device_check": 1, "records": 1, "registers": 1,
    "device_features": 1, "atomic": 1, "tlp_message": 1, "message_check": 1,
    "url": 2, "nng_url": 2, "tls_key": 2, "transport": 2, "stream_framing": 2, "acceptor": 2,
    "transport_mem": 2, "transport_stream": 2, "tls_relay": 2, "transport_tls": 2, "ipc_path": 2, "door": 2,
    "transport_shm": 2, "ring": 2, "segment": 2, "neighbour": 2, "waiter": 2, "shm_options": 2,
    "door_socket": 2, "door_inproc": 2, "door_tls": 2, "lobby": 2, "lobby_stranger": 2,
    "lobby_join": 2, "lobby_blame": 2,
    "tags": 3, "config_space": 3, "msix": 3, "outbox": 3, "credits": 3, "tx_queue": 3, "grant_table": 3, "judge": 3,
    "judge_completion": 3, "judge_private": 3, "config_caps": 3, "config_caps_extended": 3, "config_aer": 3,
    "config_layout": 3, "config_rules": 3, "inject": 3, "inject_rule": 3, "monitor": 3, "monitor_space": 3,
    "monitor_functions": 3, "monitor_credits": 3,
    "link": 4, "link_flow": 4, "link_hello": 4, "link_private": 4, "link_inject": 4, "link_check": 4,
    "link_error": 4, "link_rings": 4, "link_grant": 4, "completer": 4,
    "rc": 5, "rc_private": 5, "rc_group": 5, "rc_access": 5, "rc_register": 5, "rc_write": 5,
    "rc_inbound": 5, "rc_grant": 5, "ep_grant": 5, "ep_direct": 5, "rc_enumerate": 5, "ep": 5,
    "ep_private": 5, "ep_function": 5, "ep_request": 5, "ep_raw": 5, "ep_dma": 5, "ep_irq": 5, "regs": 5,
    "server": 5, "serve": 5, "status": 5, "status_ask": 5, "trace": 5, "rc_exchange": 5, "rc_timer": 5,
    "rc_message": 5, "rc_error": 5, "ep_exchange": 5, "ep_tags": 5, "ep_message": 5, "ep_error": 5,
    "server_ask": 5, "server_private": 5, "server_join": 5, "server_answer": 5, "inject_body": 5, "inject_ask": 5,
}
PUBLIC_LAYERS = {"err": 0, "log": 0, "wire": 1, "tlp": 1, "order": 1, "credits": 1, "device": 1, "atomic": 1,
                 "message": 1, "judge": 3, "inject": 3, "inject_ask": 5, "check": 3, "rc": 5, "ep": 5, "regs": 5,
                 "server": 5, "serve": 5, "status": 5,
                 "trace": 5, "shm": 2}
PURE = [stem for stem, layer in LAYERS.items() if layer in (1, 3)]
IMPURE_HEADERS = re.compile(r"^(unistd|fcntl|poll|pthread|time|stdio_ext|threads|signal)\.h$"
                            r"|^sys/(socket|stat|epoll|eventfd|timerfd|mman|time|random)\.h$|^nng/")
MAY_USE_NNG = {"bridge/src/" + name for name in (
    "nng_url.h", "nng_url.c", "tls_relay.h", "tls_relay.c", "transport_tls.c", "door_tls.c", "lobby_blame.c")}


def sources(root, folder):
    """(path relative to root, [(is a system include, name)]) of each source below folder."""
    for directory, _, names in os.walk(os.path.join(root, folder)):
        for name in sorted(names):
            if SOURCE.search(name):
                path = os.path.join(directory, name)
                with open(path, encoding="utf-8") as file:
                    found = INCLUDE.findall(file.read())
                yield os.path.relpath(path, root), [(a == "<", b) for a, b in found]


def stem(path):
    return os.path.splitext(os.path.basename(path))[0]


class Layering(unittest.TestCase):
    root = "."

    def each(self, *folders):
        seen = 0
        for folder in folders:
            for path, includes in sources(self.root, folder):
                seen += 1
                for system, name in includes:
                    yield path, system, name
        self.assertGreater(seen, 0, f"no source in {folders}: the test looks in the wrong place")

    def refuse(self, why, *folders, bad):
        hits = [f"{path} includes {name}" for path, _, name in self.each(*folders)
                if bad(path, name)]
        self.assertEqual(hits, [], why)

    def test_every_file_of_the_library_has_a_layer(self):
        files = {stem(path) for path, _ in sources(self.root, "bridge/src")}
        self.assertEqual(files - set(LAYERS), set(), "give the new file a layer in this test")
        self.assertEqual(set(LAYERS) - files, set(), "the file is gone: remove it from this test")

    def test_the_architecture_page_has_every_file_of_the_library(self):
        with open(os.path.join(self.root, "docs/architecture.md"), encoding="utf-8") as page:
            named = set(re.findall(r"\b(\w+\.[ch])\b", page.read()))
        files = {os.path.basename(path) for path, _ in sources(self.root, "bridge/src")}
        headers = {name for name in files if name.endswith(".h") and name[:-1] + "c" in files}
        self.assertEqual(files - headers - named, set(), "put the file into the table of docs/architecture.md")

    def test_a_file_includes_its_own_layer_or_a_lower_one(self):
        def too_high(path, name):
            if name.startswith("tlpbridge/"):
                return PUBLIC_LAYERS[stem(name)] > LAYERS[stem(path)]
            return stem(name) in LAYERS and LAYERS[stem(name)] > LAYERS[stem(path)]
        self.refuse("layers point downwards only", "bridge/src", bad=too_high)

    def test_codec_and_policy_are_pure(self):
        self.refuse("layers 1 and 3 do no I/O, have no threads and no clock", "bridge/src",
                    bad=lambda path, name: stem(path) in PURE and IMPURE_HEADERS.search(name))

    def test_transports_know_no_tlp(self):
        self.refuse("layer 2 moves bytes", "bridge/src", bad=lambda path, name:
                    stem(path).startswith("transport") and name == "tlpbridge/tlp.h")

    def test_only_nngs_transport_and_tls_include_nng(self):
        self.refuse("nng has its transport, and TLS",
                    "bridge", "tlm-side", "qemu-side", "models", "models-c", "examples",
                    bad=lambda path, name: name.startswith("nng/") and path not in MAY_USE_NNG)

    def test_rc_and_ep_never_include_each_other(self):
        def crosses(path, name):
            return (stem(path).startswith("rc") and re.search(r"(^|/)ep(_private)?\.h$", name)
                    or stem(path).startswith("ep") and re.search(r"(^|/)rc(_private)?\.h$", name))
        self.refuse("the two faces share the link, nothing else", "bridge/src", bad=crosses)

    def test_qemu_side_sees_the_host_face_only(self):
        allowed = {"rc", "inject", "check", "trace", "log", "device", "tlp", "err", "wire"}
        self.refuse("qemu-side/ sees rc.h, never ep.h or SystemC", "qemu-side",
                    bad=lambda path, name: re.match(r"systemc|tlm|sysc/", name) or
                    name.startswith("tlpbridge/") and stem(name) not in allowed)

    def test_tlm_side_sees_the_endpoint_face_only(self):
        allowed = {"ep", "inject", "check", "server", "trace", "log", "device", "tlp", "err", "wire"}
        self.refuse("tlm-side/ sees ep.h, never rc.h or QEMU", "tlm-side",
                    bad=lambda path, name: re.match(r"(qemu|hw|qapi|exec)/", name) or
                    name.startswith("tlpbridge/") and stem(name) not in allowed)

    def test_a_model_cannot_tell_that_it_is_remote(self):
        self.refuse("models/ include SystemC, TLM and the kit only", "models",
                    bad=lambda path, name: name.startswith("tlpbridge/") or
                    re.search(r"pcie_endpoint|pump|request_pool|dma_port|bridge_module|tlp_port|host_server", name))

    def test_a_model_in_c_sees_the_endpoint_face_only(self):
        allowed = {"ep", "device", "err", "log", "regs", "server", "serve"}
        self.refuse("models-c/ include the endpoint's public headers only, and no SystemC",
                    "models-c", "examples/register-model-c", bad=lambda path, name:
                    re.match(r"systemc|tlm|sysc/|qemu/|hw/|nng/", name) or
                    name.startswith("tlpbridge/") and stem(name) not in allowed)

    def test_only_the_composition_root_names_models(self):
        models = {stem(path) for path, _ in sources(self.root, "models")
                  if not path.startswith("models/kit/")}
        self.refuse("only main.cpp names models", "tlm-side", bad=lambda path, name:
                    path != "tlm-side/main.cpp" and stem(name) in models)

    def test_only_tests_include_private_headers(self):
        private = {os.path.basename(path) for path, _ in sources(self.root, "bridge/src")
                   if path.endswith(".h")}
        self.refuse("bridge/src/*.h are the library's own",
                    "bridge/tools", "tlm-side", "qemu-side", "models", "models-c", "examples",
                    bad=lambda path, name: name in private or "bridge/src" in name)

    def test_every_source_names_its_licence(self):
        missing = []
        for folder in ("bridge", "tlm-side", "qemu-side", "models", "models-c", "examples",
                       "packaging", "tests", "script"):
            for directory, _, names in os.walk(os.path.join(self.root, folder)):
                for name in names:
                    path = os.path.join(directory, name)
                    if "/corpus/" in path:      # inputs, not sources
                        continue
                    if name.endswith((".json", ".pyc", ".md")) or name == "COPYING":
                        continue
                    with open(path, encoding="utf-8", errors="replace") as file:
                        if "SPDX-License-Identifier:" not in file.read(400):
                            missing.append(os.path.relpath(path, self.root))
        self.assertEqual(missing, [])


if __name__ == "__main__":
    Layering.root = sys.argv.pop(1)
    unittest.main()
