#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tlpbridge run with the real server and a program that stands for QEMU: how it starts and ends.

usage: run_test.py TLPBRIDGE TLPBRIDGE-SERVE REGISTER-MODEL-C REGISTER-MODEL OWN-SC-MAIN
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import unittest

from run_bench import PATIENCE, SIGNALS, RunTest, alive, wait_until

QEMU = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fake_qemu.py")
MODEL = ("--model", "endpoint-test")


class Run(RunTest):
    def setUp(self):
        super().setUp()
        plugin = self.path("tlpbridge-qemu.so")
        shutil.copyfile("/dev/null", plugin)
        self.options = ("--serve", SERVE, "--plugin", plugin)

    def start_waiting(self, *words, fake="wait"):
        """A run whose QEMU is up and stays. (process, QEMU's pid, the server's)"""
        process = self.start(*(words or MODEL), "--", QEMU, FAKE=fake)
        wait_until("QEMU runs", lambda: self.said("memory-backend", "arguments"))
        return process, int(self.read("pid")), self.server_of(process)

    def arguments(self):
        return self.read("arguments").splitlines()

    # ---- good ends ----

    def test_status_0_leaves_nothing(self):
        self.assertEqual(self.run_tool(*MODEL, "--", QEMU), 0)
        self.assertEqual(self.read("err"), "")
        self.assert_nothing_left()

    def test_the_server_listens_when_qemu_starts(self):
        process, _, _ = self.start_waiting()
        url = self.arguments()[-1].rpartition("url=ipc://")[2]
        self.assertTrue(os.path.exists(url), url)
        self.assertEqual(os.stat(os.path.dirname(url)).st_mode & 0o777, 0o700)
        self.assertEqual(self.signal_and_wait(process, signal.SIGTERM), 0)

    def test_two_models_have_a_server_and_a_device_each(self):
        self.assertEqual(self.run_tool(*MODEL, "--name", "a", *MODEL, "--name", "b",
                                       "--logs", self.path("logs"), "--", QEMU), 0)
        devices = [word for word in self.arguments() if word.startswith("tlpbridge,")]
        self.assertEqual(len(devices), 2)
        self.assertIn("device a", self.read("logs/server-0.log"))
        self.assertIn("device b", self.read("logs/server-1.log"))
        self.assert_nothing_left()

    def test_logs_are_kept_where_the_user_says(self):
        self.assertEqual(self.run_tool(*MODEL, "--logs", self.path("logs"), "--", QEMU), 0)
        self.assertEqual(sorted(os.listdir(self.path("logs"))), ["commands", "server-0.log"])
        self.assertIn("listening at", self.read("logs/server-0.log"))
        self.assertIn("memory-backend-memfd", self.read("logs/commands"))
        for name in ("commands", "server-0.log"):
            self.assertEqual(os.stat(self.path("logs/" + name)).st_mode & 0o777, 0o600, name)
        self.assert_nothing_left()

    def test_a_url_of_the_users_is_used(self):
        url = "ipc://" + self.path("own.sock")
        process, _, _ = self.start_waiting(*MODEL, "--listen", url)
        self.assertTrue(self.arguments()[-1].endswith(",url=" + url))
        self.assertEqual(self.signal_and_wait(process, signal.SIGTERM), 0)
        self.assertFalse(os.path.exists(self.path("own.sock")))

    # ---- servers of the user's ----

    def probe(self, url):
        done = subprocess.run([self.tool, "probe", url], capture_output=True, text=True,
                              timeout=PATIENCE, check=False)
        return done.stdout + done.stderr

    def test_programs_of_the_users_serve_until_qemu_ends(self):
        for program, ids in zip((IN_C, *IN_SYSTEMC), ("1234:0002", "1234:0001", "1234:0004")):
            with self.subTest(program):
                self.setUp()
                self.options = self.options[2:]     # tlpbridge-serve is not needed
                process = self.start("--model", program, "--", QEMU, FAKE="wait")
                wait_until("QEMU runs", lambda: self.said("memory-backend", "arguments"))
                self.assertIn(ids, self.probe(self.arguments()[-1].rpartition("url=")[2]))
                self.assertEqual(self.signal_and_wait(process, signal.SIGTERM), 0)
                self.assertEqual(self.read("err"), "")
                self.assert_nothing_left()

    def test_a_program_gets_its_options_and_stands_beside_other_models(self):
        url = "ipc://" + self.path("own.sock")
        self.assertEqual(self.run_tool("--model", IN_C, "--name", "mine", "--listen", url,
                                       *MODEL, "--logs", self.path("logs"), "--", QEMU), 0)
        self.assertIn(f"listening at {url}, device mine (1234:0002)", self.read("logs/server-0.log"))
        self.assertIn("device endpoint-test", self.read("logs/server-1.log"))
        self.assertEqual(len([w for w in self.arguments() if w.startswith("tlpbridge,")]), 2)

    def program(self, text, mode=0o755):
        path = self.path("program")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def test_a_program_that_cannot_be_is_refused_with_a_cure(self):
        for path, text in ((self.path("none"), "No such file or directory: build it"),
                           (self.dir, "no program but another kind of file"),
                           (self.program("#!/bin/sh\n", 0o644), "cannot be executed")):
            self.refused(2, text, "--model", path, "--", QEMU)
            self.assertIn(f"--model {path}: ", self.read("err"))
            self.assert_nothing_left()

    def test_a_program_that_ends_early_is_told_with_what_it_said(self):
        for text, status, said in (("#!/bin/sh\necho no licence\nexit 7\n", 7, "| no licence"),
                                   ("#!/bin/sh\n", 1, "ended with status 0"),
                                   ("garbage\n", 127, "not found"),
                                   ("#!/no/such/interpreter\n", 127, "No such file or directory")):
            with self.subTest(text):
                self.refused(status, "did not become a server", "--model", self.program(text), "--", QEMU)
                self.assertIn(said, self.read("err"))
                self.assert_logs_are_named()
                self.setUp()

    def test_a_wrong_option_of_a_program(self):
        self.refused(2, "unknown option --speed", "--model", IN_C, "--speed", "--", QEMU)

    # ---- bad ends ----

    def assert_logs_are_named(self):
        found = re.search(r"logs are in (\S+)", self.read("err"))
        self.assertIsNotNone(found, self.read("err"))
        self.assertEqual(sorted(os.listdir(found.group(1))), ["commands", "server-0.log"])

    def test_qemus_status_is_returned_and_the_logs_are_kept(self):
        self.assertEqual(self.run_tool(*MODEL, "--", QEMU, FAKE="exit:7"), 7)
        self.assert_logs_are_named()

    def test_qemu_killed(self):
        process, qemu, server = self.start_waiting()
        os.kill(qemu, signal.SIGKILL)
        self.assertEqual(process.wait(PATIENCE), 128 + signal.SIGKILL)
        self.assert_ended(server)
        self.assert_logs_are_named()

    def test_server_killed_is_told_at_once_and_qemu_goes_on(self):
        process, qemu, server = self.start_waiting()
        os.kill(server, signal.SIGKILL)
        wait_until("it is told", lambda: self.said("endpoint-test was killed by signal 9"))
        self.assertTrue(alive(qemu))
        self.assertEqual(self.signal_and_wait(process, signal.SIGTERM), 1)
        self.assert_ended(qemu)
        self.assertFalse([name for _, _, names in os.walk(self.tmp) for name in names
                          if name.endswith(".sock")])

    def test_run_killed_takes_both_along(self):
        process, qemu, server = self.start_waiting()
        self.signal_and_wait(process, signal.SIGKILL)
        self.assert_ended(server, qemu)
        self.assertEqual(self.read("signals"), "SIGTERM\n")

    def test_qemu_that_does_not_end_is_killed(self):
        process, qemu, server = self.start_waiting(fake="stubborn")
        self.assertEqual(self.signal_and_wait(process, signal.SIGTERM), 128 + signal.SIGKILL)
        self.assertIn("QEMU does not end", self.read("err"))
        self.assert_ended(server, qemu)
        self.assert_nothing_left()

    # ---- signals ----

    def test_signals_reach_qemu_once_and_then_the_server_ends(self):
        for number in SIGNALS:
            with self.subTest(number.name):
                self.setUp()
                process, _, server = self.start_waiting()
                self.assertEqual(self.signal_and_wait(process, number), 0)
                self.assertEqual(self.read("signals"), number.name + "\n")
                self.assert_ended(server)
                self.assert_nothing_left()

    def test_ctrl_c_on_the_terminal_reaches_qemu_once(self):
        logs = self.path("logs")
        process, terminal = self.start_on_terminal(*MODEL, "--logs", logs, "--", QEMU, FAKE="wait")
        wait_until("QEMU runs", lambda: self.said("memory-backend", "arguments"))
        os.write(terminal, b"\x03")
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertEqual(self.read("signals"), "SIGINT\n")
        self.assert_ended(int(self.read("pid")))
        self.assertEqual(os.listdir(self.tmp), [])

    def test_a_closed_terminal_ends_all(self):
        process, terminal = self.start_on_terminal(*MODEL, "--", QEMU, FAKE="wait")
        wait_until("QEMU runs", lambda: self.said("memory-backend", "arguments"))
        server = self.server_of(process)
        with open("/dev/null", "rb") as null:
            os.dup2(null.fileno(), terminal)    # closes our end
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertEqual(self.read("signals"), "SIGHUP\n")
        self.assert_ended(int(self.read("pid")), server)
        self.assert_nothing_left()

    def test_nohup_keeps_all(self):
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        process, qemu, server = self.start_waiting()
        signal.signal(signal.SIGHUP, before)
        process.send_signal(signal.SIGHUP)
        os.kill(server, signal.SIGHUP)
        self.assertEqual(self.signal_and_wait(process, signal.SIGTERM), 0)
        self.assertEqual(self.read("signals"), "SIGTERM\n")
        self.assert_ended(server, qemu)

    def test_interrupted_before_the_server_listens(self):
        server = self.path("tlpbridge-serve")
        with open(server, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\necho slow\nexec sleep 1000\n")
        os.chmod(server, 0o755)
        self.options = ("--serve", server, *self.options[2:])
        process = self.start(*MODEL, "--logs", self.path("logs"), "--", QEMU)
        wait_until("the server starts", lambda: self.said("slow", "logs/server-0.log"))
        self.assertEqual(self.signal_and_wait(process, signal.SIGINT), 128 + signal.SIGINT)
        self.assertFalse(os.path.exists(self.path("arguments")))
        self.assert_nothing_left()

    # ---- what cannot work is refused before anything runs ----

    def refused(self, status, text, *words):
        self.assertEqual(self.run_tool(*words), status)
        self.assertIn(text, self.read("err"))
        self.assertFalse(os.path.exists(self.path("arguments")), "QEMU was started")

    def test_wrong_model(self):
        self.refused(2, 'unknown model "nonsense"', "--model", "nonsense", "--", QEMU)
        self.assert_nothing_left()

    def test_wrong_option_of_a_model(self):
        self.refused(2, "unknown option --speed", *MODEL, "--speed", "9", "--", QEMU)
        self.assert_nothing_left()

    def test_second_model_wrong_ends_the_first_server(self):
        self.refused(2, 'unknown model "nonsense"', *MODEL, "--model", "nonsense", "--", QEMU)
        self.assert_nothing_left()

    def test_missing_qemu(self):
        self.refused(127, "cannot run qemu-of-nowhere", *MODEL, "--", "qemu-of-nowhere")
        self.assert_logs_are_named()

    def test_missing_server_and_plugin(self):
        self.refused(2, "/nowhere/serve: no such file", "--serve", "/nowhere/serve", *MODEL,
                     "--", QEMU)
        self.refused(2, "/nowhere.so: no such file", "--plugin", "/nowhere.so", *MODEL, "--", QEMU)
        self.assert_nothing_left()

    def test_a_tool_without_its_server_says_what_is_missing(self):
        alone = self.path("tlpbridge")
        shutil.copy(self.tool, alone)
        done = subprocess.run([alone, "run", *MODEL, "--", QEMU], capture_output=True, text=True,
                              env=self.environment(), timeout=PATIENCE)
        self.assertEqual(done.returncode, 2)
        self.assertIn("there is no tlpbridge-serve", done.stderr)

    def test_machine_without_pci_express(self):
        self.refused(2, "machine pc has no PCI Express", *MODEL, "--", QEMU, "-M", "pc")
        self.assert_nothing_left()

    def test_log_directory_that_cannot_be(self):
        self.refused(2, "--logs /proc/x", *MODEL, "--logs", "/proc/x", "--", QEMU)
        self.assert_nothing_left()

    # ---- dry run ----

    def test_dry_run_starts_nothing(self):
        self.assertEqual(self.run_tool(*MODEL, "--dry-run", "--", QEMU, "-append", "a b"), 0)
        self.assertFalse(os.path.exists(self.path("arguments")))
        self.assertIn("'a b'", self.read("out"))
        self.assert_nothing_left()

    def test_transport_and_spinning_are_those_of_both_ends(self):
        self.assertEqual(self.run_tool(*MODEL, "--transport", "nng", "--no-spin", "--dry-run", "--", QEMU), 0)
        server, qemu = [line for line in self.read("out").splitlines() if "--listen" in line or "-device" in line]
        self.assertIn(" --transport nng --no-spin ", server)
        self.assertIn(",transport=nng,no-spin=on,url=", qemu)

    def test_dry_run_can_be_pasted(self):
        self.assertEqual(self.run_tool(*MODEL, "--dry-run", "--", QEMU, "-append", "it's 2"), 0)
        script = self.read("out") + "status=$?; kill $!; wait $!; exit $status\n"
        done = subprocess.run(["sh"], input=script, text=True, timeout=PATIENCE,
                              stderr=subprocess.DEVNULL, env=self.environment(FAKE="exit:5"))
        self.assertEqual(done.returncode, 5)
        self.assertEqual(self.arguments()[:2], ["-append", "it's 2"])


if __name__ == "__main__":
    RunTest.tool, SERVE, IN_C, *IN_SYSTEMC = sys.argv[1:6]
    del sys.argv[1:6]
    unittest.main()
