#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Error injection and the checker from the command line: rules that a server is started with, rules that
it is given while it runs, rules of a host.

usage: inject_test.py TLPBRIDGE TLPBRIDGE-SERVE SERVER-IN-C
"""
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

from server import PATIENCE, ServerCase

ServerCase.TOOL = os.path.abspath(sys.argv.pop(1))
ServerCase.SERVE = os.path.abspath(sys.argv.pop(1))
SERVER_IN_C = os.path.abspath(sys.argv.pop(1))

POKE_TWICE = ("MAGIC", "1", "MAGIC", "2", "--peek", "MAGIC")


class Case(ServerCase):
    def inject(self, *arguments):
        return self.good("inject", self.url, *arguments)

    def rules(self, *options):
        return self.good_json("inject", self.url, "--list", *options)["rules"]

    def peek(self, *options):
        """(status, what was printed, what was complained) of reading MAGIC."""
        return self.run_tool("peek", self.url, "MAGIC", *options)

    def magic_after(self, *arguments):
        """What MAGIC is at the end of a poke."""
        return int(self.good("poke", self.url, *arguments).split("=")[1], 0)


class Actions:
    """Each action and condition; with_rules() starts a server that has them."""

    def test_drop(self):
        self.with_rules("drop type=MWr to=device addr=0xc0000000 after=1 count=1")
        self.assertEqual(self.magic_after(*POKE_TWICE), 1)
        self.assertEqual(self.magic_after(*POKE_TWICE), 2)

    def test_delay_by_tlps(self):
        self.with_rules("delay tlps=1 type=MWr to=device count=1")
        self.assertEqual(self.magic_after(*POKE_TWICE), 1)

    def test_delay_by_time(self):
        self.with_rules("delay ms=700 type=MWr to=device count=1")
        begin = time.monotonic()
        self.assertEqual(self.magic_after(*POKE_TWICE), 2)
        self.assertGreaterEqual(time.monotonic() - begin, 0.7)

    def test_duplicate(self):
        """The device answers both; the host asked once."""
        self.with_rules("duplicate type=MRd to=device count=1")
        status, _, said = self.run_tool("poke", self.url, "MAGIC", "1", "--peek", "MAGIC", "--peek", "MAGIC")
        self.assertEqual(status, 0)
        self.assertEqual(said.count("Unexpected Completion"), 1)

    def test_poison(self):
        self.with_rules("poison type=CplD to=host")
        status, _, said = self.peek()
        self.assertEqual(status, 1)
        self.assertIn("poison", said)

    def test_corrupt(self):
        self.with_rules("corrupt part=data bit=4 type=MWr to=device count=1")
        self.assertEqual(self.magic_after("MAGIC", "1", "--peek", "MAGIC"), 0x11)

    def test_status(self):
        for name, text in (("UR", "Unsupported Request"), ("CA", "Completer Abort")):
            self.with_rules(f"status={name} type=MRd count=1")
            status, _, said = self.peek()
            self.assertEqual(status, 1)
            self.assertIn(text, said)
            self.assertEqual(self.peek()[0], 0)

    def test_status_of_a_configuration_request(self):
        self.with_rules("status=CRS type=CfgRd0 addr=0xfc-0xff count=1")
        status, _, said = self.run_tool("peek", self.url, "cfg:0xfc")
        self.assertEqual(status, 1)
        self.assertIn("Retry", said)

    def test_timeout_of_the_devices_request(self):
        self.with_rules("timeout type=MRd to=host count=1")
        copy = ("dma", self.url, "--mem", "0x100000:128K", "--poke", "LOWER_SRC_ADDR=0x100000",
                "--poke", "LOWER_DST_ADDR=0x110000", "--poke", "SIZE=256", "--poke", "IRQ_TYPE=9",
                "--poke", "COMMAND=COPY")
        self.good(*copy, "--wait", "STATUS&COPY_FAIL")
        self.good(*copy, "--wait", "STATUS&COPY_SUCCESS")

    def test_link_down(self):
        self.with_rules("linkdown type=MRd count=1")
        status, _, said = self.peek()
        self.assertEqual(status, 1)
        self.assertIn("error injection", said)
        self.assertEqual(self.peek()[0], 0)

    def test_by_address(self):
        self.with_rules("status=CA type=MRd addr=0xc0000008-0xc000000b")
        self.assertEqual(self.peek()[0], 0)
        self.assertEqual(self.run_tool("peek", self.url, "STATUS")[0], 1)

    def test_by_count_and_every(self):
        self.with_rules("status=CA type=MRd after=1 every=2 count=2")
        self.assertEqual([self.peek()[0] for _ in range(7)], [0, 0, 1, 0, 1, 0, 0])

    def test_by_probability_with_a_seed(self):
        seen = []
        for seed in (7, 7, 8):
            self.with_rules(f"status=UR type=MRd probability=0.5 seed={seed}")
            seen.append([self.peek()[0] for _ in range(12)])
        self.assertEqual(seen[0], seen[1])
        self.assertNotEqual(seen[0], seen[2])
        self.assertEqual(set(seen[0]), {0, 1})


class AtStart(Actions, Case):
    def with_rules(self, rules):
        self.kill_server()
        self.server = self.serve("--inject", rules)

    server = None

    def kill_server(self):
        if self.server:
            self.server.terminate()
            self.server.wait(PATIENCE)


class WhileItRuns(Actions, Case):
    server = None

    def with_rules(self, rules):
        self.server = self.server or self.serve("--allow-inject")
        self.inject("--clear")
        self.inject(rules)


class OfTheHost(Case):
    def test_timeout_of_the_hosts_request(self):
        self.serve()
        status, _, said = self.peek("--inject", "timeout type=MRd")
        self.assertEqual(status, 1)
        self.assertIn("imeout", said)


class Command(Case):
    def test_what_is_there_and_how_often_it_acted(self):
        self.serve("--allow-inject", "--inject", "status=UR type=MRd count=2")
        self.inject("  drop type=MWr addr=0x10 ;\n delay tlps=3 type=MsgD ")
        for _ in range(3):
            self.peek()
        self.assertEqual(self.rules(), [
            {"rule": "status=UR type=MRd count=2", "matches": 3, "fired": 2},
            {"rule": "drop type=MWr addr=0x10", "matches": 0, "fired": 0},
            {"rule": "delay tlps=3 type=MsgD", "matches": 0, "fired": 0}])
        lines = self.inject("--list").splitlines()
        self.assertRegex(lines[0], r"^ +2 of +3  status=UR type=MRd count=2$")
        self.assertEqual(len(lines), 3)
        self.inject("--clear")
        self.assertEqual(self.rules(), [])

    def test_while_a_host_waits(self):
        """The host's read is answered by nobody: rules are listed, added and removed meanwhile."""
        self.serve("--allow-inject")
        self.inject("timeout type=MRd count=1")
        process = self.start("peek", self.url, "MAGIC")
        self.until(lambda: self.rules()[0]["fired"] == 1)
        self.inject("linkdown type=Msg")
        self.assertEqual(len(self.rules()), 2)
        self.inject("--clear")
        self.assertEqual(self.rules(), [])
        self.assertIsNone(process.poll())

    def test_while_the_model_works(self):
        """DMA one after the other; then a rule ends them."""
        self.serve("--allow-inject")
        process = self.start("irq", self.url, "--count", "0", "--mem", "0:16M", "--poke", "SIZE=16M",
                             "--poke", "IRQ_TYPE=9", *("--poke", "COMMAND=COPY|READ") * 200)
        look = lambda: self.good_json("top", self.url, "--once", "--interval", "0.05")["devices"][0]
        self.until(lambda: look()["to_host"]["per_second"]["MRd"] > 0)
        self.inject("linkdown type=MRd to=host after=100")
        _, said = process.communicate(timeout=PATIENCE)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn("error injection", said)

    def test_a_server_in_c_takes_rules_too(self):
        server = subprocess.Popen([SERVER_IN_C, "--listen", self.url, "--allow-inject"], cwd=self.dir,
                                  stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.stop_server, server)
        self.assertIn("listening", server.stderr.readline())
        self.inject("status=CA type=MRd count=1")
        self.assertIn("Completer Abort", self.peek()[2])
        self.assertEqual(self.peek()[0], 0)

    def test_several_devices_need_a_name(self):
        self.serve("--allow-inject", "--and", "edu", "--name", "teacher")
        self.fails(1, "which device?; this server has: endpoint-test, teacher", "inject", self.url, "drop")
        self.fails(1, "no such device: pupil; this server has: endpoint-test, teacher",
                   "inject", self.url, "--list", "--device", "pupil")
        self.inject("drop type=IORd", "--device", "teacher")
        self.assertEqual(len(self.rules("--device", "teacher")), 1)
        self.assertEqual(self.rules("--device", "endpoint-test"), [])

    def test_a_server_must_allow_it(self):
        self.serve()
        for what in ("drop", "--list", "--clear"):
            self.fails(1, "without --allow-inject", "inject", self.url, what)
        self.good("peek", self.url, "MAGIC")

    def test_an_inherited_socket_has_nobody_to_ask(self):
        self.fails(2, "no lobby", "inject", "fd:0", "drop")

    def test_wrong_rules_and_too_many_change_nothing(self):
        self.serve("--allow-inject")
        self.fails(2, "not an action", "inject", self.url, "drop; lose")
        self.fails(1, "several steps", "inject", self.url, ";".join(["drop type=MWr addr=0x1000-0x1fff"] * 26))
        for _ in range(4):
            self.inject(";".join(["drop type=IORd"] * 8))
        self.fails(1, "more than 32 rules", "inject", self.url, "drop")
        self.assertEqual(len(self.rules()), 32)

    def test_misuse(self):
        for arguments in ((), ("x",), ("x", "drop", "y"), ("x", "--list", "--clear"), ("x", "drop", "--list"),
                          ("x", "drop", "--lsit"), ("x", "--list", "--connect-timeout", "soon")):
            self.assertEqual(self.run_tool("inject", *arguments)[0], 2, arguments)
        self.fails(2, "ipc://", "inject", "nonsense", "drop")
        self.fails(1, "", "inject", self.url, "drop", "--connect-timeout", "50")
        self.assertIn("--allow-inject", self.good("inject", "--help"))


class OlderServer(Case):
    """One of before INJECT takes every question for a JOIN."""

    def answer(self, listener):
        connection = listener.accept()[0]
        with connection:
            length = struct.unpack("<I", connection.recv(4, socket.MSG_WAITALL))[0]
            self.asked = connection.recv(length, socket.MSG_WAITALL)
            text = b"this is not a JOIN of tlpbridge"
            body = struct.pack("<HHQH", 6, 1, 1, len(text)) + text
            frame = struct.pack("<HHIQII", 3, 0, len(body), 0, 0, 0) + body
            connection.sendall(struct.pack("<I", len(frame)) + frame)
            connection.recv(1)

    def test_says_clearly_that_it_cannot(self):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.url[len("ipc://"):])
            listener.listen()
            thread = threading.Thread(target=self.answer, args=(listener,))
            thread.start()
            self.fails(1, "it is an older tlpbridge", "inject", self.url, "drop")
            thread.join()
        self.assertEqual(struct.unpack_from("<H", self.asked)[0], 34)


class Checker(Case):
    """--check=fatal is a status that CI sees."""

    VIOLATION = ("--inject", "duplicate type=CplD count=1")

    def run_server(self, *options):
        """Its status and what it said, after a host came and left and it was told to end."""
        server = subprocess.Popen([self.SERVE, "endpoint-test", "--listen", self.url, *options],
                                  cwd=self.dir, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.stop, server)
        self.assertIn("listening", server.stderr.readline())
        self.peek()
        server.terminate()
        said = server.communicate(timeout=PATIENCE)[1]
        return server.returncode, said

    def test_fatal_ends_the_server_with_1_after_a_violation(self):
        status, said = self.run_server("--check=fatal", *self.VIOLATION)
        self.assertEqual(status, 1)
        self.assertIn("the device broke UNEXPECTED_COMPLETION", said)

    def test_fatal_ends_it_with_0_without_one(self):
        self.assertEqual(self.run_server("--check=fatal")[0], 0)

    def test_report_tells_and_goes_on(self):
        status, said = self.run_server("--check", *self.VIOLATION)
        self.assertEqual(status, 0)
        self.assertIn("the device broke UNEXPECTED_COMPLETION", said)

    def test_fatal_at_the_host_is_its_status(self):
        self.serve(*self.VIOLATION)
        status, _, said = self.peek("--check=fatal")
        self.assertEqual(status, 1)
        self.assertIn("UNEXPECTED_COMPLETION", said)


if __name__ == "__main__":
    unittest.main()
