#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command lines of models in plain C: help, what is wrong, traces; nothing of SystemC in them.

usage: c_model_test.py ENDPOINT_TEST_C REGISTER_MODEL_C TLPBRIDGE_SERVE TLPBRIDGE
"""
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import certificates
from server import flow, host_command

PROGRAMS = {}
PATIENCE = 120   # seconds; only what hangs meets it


def run(program, *options):
    done = subprocess.run([PROGRAMS[program], *options], capture_output=True, text=True,
                          timeout=PATIENCE, check=False)
    return done.returncode, done.stdout, done.stderr


def without_name(text):
    """A message without the program that says it."""
    return text.partition(": ")[2]


class CommandLine(unittest.TestCase):
    def test_no_systemc_is_linked(self):
        for program in ("c", "example"):
            needed = subprocess.run(["readelf", "-d", PROGRAMS[program]], capture_output=True,
                                    text=True, check=True).stdout
            self.assertIn("NEEDED", needed)
            self.assertNotIn("systemc", needed)
            self.assertNotIn("stdc++", needed)

    def test_help_and_version(self):
        status, out, err = run("c", "--help")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("Usage: endpoint-test-c --listen URL", out)
        for option in ("--listen URL", "--name NAME", "--trace FILE", "--bars LAYOUT", "--no-intx"):
            self.assertIn(option, out)
        status, out, _ = run("c", "--version")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"^endpoint-test-c \d+\.\d+\.\d+\n$")

    def test_what_is_wrong_is_said_as_the_systemc_one_says_it(self):
        for options in [
            ["--bars", "0:mem32"], ["--bars", "6:mem32:4K"], ["--bars", "x:mem32:4K"],
            ["--bars", "0:mem16:4K"], ["--bars", "0:mem32:4X"], ["--bars", "0:mem32:"],
            ["--bars", "0:mem32:3K"], ["--bars", "0:mem32:8"], ["--bars", "0:mem32:4G"],
            ["--bars", "0:mem32:64K,1:io:512"], ["--bars", "0:mem32:64K,0:mem32:64K"],
            ["--bars", "0:mem32:64K,5:mem64:4K"], ["--bars", "0:mem64:64K,1:mem32:4K"],
            ["--bars", "1:mem32:4K"], ["--bars", "0:io:256"], ["--bars", "0:mem32:4K"],
            ["--id", "1234"], ["--id", "ffff:0"], ["--id", "12x4:0"], ["--id", ":"],
            ["--msi", "3"], ["--msi", "64"], ["--msix", "2049"], ["--msix", "-1"], ["--msix", ""],
            ["--bars"], ["--listen"], [], ["--listen", "x://y"], ["--listen", "tcp://host"],
            ["--listen", "ipc://"], ["--listen", "fd:x"], ["--listen", "fd:0"],
            ["--listen", "tls+tcp://localhost:0"],
        ]:
            with self.subTest(options=options):
                listen = [] if "--listen" in options or options[-1:] in ([], ["--bars"]) else \
                    ["--listen", "ipc:///x"]
                status, out, err = run("c", *listen, *options)
                self.assertEqual((status, out), (2, ""))
                self.assertIn("endpoint-test-c: error: ", err)
                other = run("systemc", "endpoint-test", *listen, *options)
                self.assertEqual(other[0], 2)
                self.assertEqual(without_name(err), without_name(other[2]))

    def test_functions_and_capabilities(self):
        for options, words in [
            (["--functions", "0"], "there is always function 0"),
            (["--functions", "257"], "more than 256"),
            (["--functions", "2", "--vfs", "128"], "more than the 256 numbers"),
            (["--vfs", "128", "--functions", "2"], "more than the 256 numbers"),
            (["--vfs", "256"], "more than 255"),
            (["--has", "aer,nonsense"], 'unknown capability "nonsense"'),
            (["--has", ""], 'unknown capability ""'),
            (["--has", "ecrc"], "register of AER, which is missing"),
            (["--resizable", "2"], "is not INDEX:LARGEST"),
            (["--resizable", "2:16M"], "must be memory of 1M or more"),
            (["--bars", "0:mem32:64K,2:mem32:4M", "--resizable", "2:2M"], "must be a power of two from its size"),
            (["--bars", "0:mem32:64K,2:mem32:4M", "--resizable", "2:12M"], "must be a power of two from its size"),
        ]:
            with self.subTest(options=options):
                status, _, err = run("c", "--listen", "ipc:///x", *options)
                self.assertEqual(status, 2, err)
                self.assertIn(words, err)

    def test_other_mistakes(self):
        for options, words in [
            (["--nonsense"], "unknown option --nonsense"),
            (["--listen", "ipc:///x", "more"], 'unexpected argument "more"'),
            (["--listen", "ipc:///x", "--name", "x" * 64], "more than 63 bytes"),
            (["--listen", "ipc:///x", "--name", "\1"], "not a printable character"),
            (["--transport", "x"], 'auto, nng or shm, not "x"'),
            (["--shm-bytes", "1G"], 'from 512K to 128M, not "1G"'),
        ]:
            status, _, err = run("c", *options)
            self.assertEqual(status, 2)
            self.assertIn(words, err)
        status, _, err = run("c", "--listen", "ipc:///no/such/directory/s")
        self.assertEqual(status, 1)
        self.assertIn("cannot listen", err)
        status, _, err = run("example", "--listen", "ipc:///x", "--trace", "/no/such/file")
        self.assertEqual(status, 1)
        self.assertIn("/no/such/file", err)


class Serving(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="tlpb-")
        self.addCleanup(self.directory.cleanup)

    def start(self, program, url, *options, **popen):
        """A server, and the URL at which it says that it listens."""
        server = subprocess.Popen(flow.command([PROGRAMS[program], *(["endpoint-test"] if program == "systemc" else []),
                                                "--listen", url, *options]), cwd=self.directory.name,
                                  text=True, stderr=subprocess.PIPE, **popen)
        self.addCleanup(server.stderr.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        said = re.search(r"listening at (\S+),", server.stderr.readline())
        self.assertIsNotNone(said)
        return server, said.group(1)

    def ipc(self, name):
        return f"ipc://{self.directory.name}/{name}"

    def tool(self, *words, **options):
        done = subprocess.run(host_command(PROGRAMS["tool"], *words), cwd=self.directory.name,
                              text=True, capture_output=True, timeout=PATIENCE, check=False, **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout

    def test_both_say_the_same_of_the_device_and_its_registers(self):
        _, one = self.start("c", self.ipc("c"))
        _, other = self.start("systemc", self.ipc("t"))
        self.assertEqual(self.tool("device", "--compare", one, other), "")
        self.assertEqual(self.tool("device", one), self.tool("device", other))
        self.assertRegex(self.tool("probe", one), r"bar0:0x008 +STATUS +rw +0x00000000")

    def test_the_example_names_its_registers(self):
        _, url = self.start("example", self.ipc("e"))
        probe = self.tool("probe", url)
        self.assertRegex(probe, r"bar0:0x000 +ID +ro +0x600d600d")
        self.assertRegex(probe, r"bar0:0x004 +SCRATCH +rw +0x00000000")

    def test_a_host_that_leaves_resets_the_example(self):
        _, url = self.start("example", self.ipc("e"))
        self.assertIn("SCRATCH = 0x00000005",
                      self.tool("poke", url, "SCRATCH", "5", "EVENT", "1", "--peek", "SCRATCH"))
        self.assertIn("SCRATCH = 0x00000000", self.tool("peek", url, "SCRATCH"))
        self.assertIn("EVENT = 0x00000000", self.tool("peek", url, "EVENT"))
        self.assertIn("ID = 0x600d600d", self.tool("peek", url, "ID"))

    def test_over_what_frames_travel(self):
        _, url = self.start("c", self.ipc("c"), "--transport", "shm", "--shm-bytes", "2M", "--no-spin")
        self.assertIn("\tLink: shared memory\n", self.tool("probe", url, "--transport", "shm"))

    def test_the_port_that_was_bound_is_told(self):
        _, url = self.start("c", "tcp://127.0.0.1:0")
        self.assertRegex(url, r"^tcp://127\.0\.0\.1:[1-9]\d*$")
        self.assertIn("104c:b500", self.tool("probe", url))

    def test_tls(self):
        certificates.make(self.directory.name)
        _, url = self.start("c", "tls+tcp://localhost:0", *certificates.SERVER)
        self.assertIn("104c:b500", self.tool("probe", url, *certificates.HOST))

    def test_plain_tcp_beyond_loopback_must_be_meant(self):
        status, _, err = run("c", "--listen", "tcp://0.0.0.0:0")
        self.assertEqual(status, 1)
        self.assertIn("plaintext", err)
        self.start("c", "tcp://0.0.0.0:0", "--plaintext")

    def test_on_an_inherited_socket_it_ends_with_its_host(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            server, url = self.start("c", f"fd:{theirs.fileno()}", pass_fds=[theirs.fileno()])
            theirs.close()
            host = f"fd:{ours.fileno()}"
            self.assertIn("104c:b500", self.tool("probe", host, pass_fds=[ours.fileno()]))
        self.assertEqual(server.wait(PATIENCE), 0)
        self.assertTrue(url.startswith("fd:"))

    def test_a_closed_terminal_ends_it_unless_that_is_ignored(self):
        server, url = self.start("c", self.ipc("s"))
        server.send_signal(signal.SIGHUP)
        self.assertEqual(server.wait(PATIENCE), 0)
        self.assertFalse(os.path.exists(url.removeprefix("ipc://")))
        server, url = self.start("c", self.ipc("s"),
                                 preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        server.send_signal(signal.SIGHUP)
        self.assertIn("104c:b500", self.tool("probe", url))
        self.assertIsNone(server.poll())

    def test_name_and_trace(self):
        with tempfile.TemporaryDirectory(prefix="tlpb-") as directory:
            log, trace = os.path.join(directory, "log"), os.path.join(directory, "t.pcap")
            with open(log, "wb") as file:
                server = subprocess.Popen([PROGRAMS["c"], "--listen", f"ipc://{directory}/s", "--name",
                                           "another", "--trace", trace], stderr=file)
            end = time.monotonic() + PATIENCE
            while "listening at" not in open(log, encoding="utf-8").read():
                self.assertIsNone(server.poll())
                self.assertLess(time.monotonic(), end)
                time.sleep(0.01)
            server.send_signal(signal.SIGINT)
            self.assertEqual(server.wait(PATIENCE), 0)
            self.assertIn("device another (104c:b500)", open(log, encoding="utf-8").read())
            self.assertEqual(os.path.getsize(trace), 24)      # nobody came
            self.assertEqual(subprocess.run([PROGRAMS["tool"], "trace", "show", trace], check=False,
                                            stdout=subprocess.DEVNULL).returncode, 0)
            self.assertFalse(os.path.exists(os.path.join(directory, "s")))

    def test_it_outlives_the_reader_of_its_log_as_the_systemc_one_does(self):
        for program in ([PROGRAMS["c"]], [PROGRAMS["systemc"], "endpoint-test"]):
            with tempfile.TemporaryDirectory() as directory:
                url = "ipc://" + os.path.join(directory, "s")
                server = subprocess.Popen([*program, "--listen", url], stderr=subprocess.PIPE)
                self.addCleanup(server.kill)
                self.assertIn(b"listening", server.stderr.readline())
                server.stderr.close()
                for _ in range(2):
                    self.assertEqual(run("tool", "peek", url, "MAGIC")[::2], (0, ""), program)
                server.send_signal(signal.SIGTERM)
                self.assertEqual(server.wait(PATIENCE), 0, program)


if __name__ == "__main__":
    for key in ("tool", "systemc", "example", "c"):
        PROGRAMS[key] = sys.argv.pop()
    unittest.main()
