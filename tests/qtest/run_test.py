#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tlpbridge run with the stock QEMU, whose processor halts at once.

usage: run_test.py TLPBRIDGE QEMU
"""
import os
import signal
import socket
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from run_bench import PATIENCE, RunTest, wait_until   # noqa: E402

MODEL = ("--model", "endpoint-test", "--msix", "16")


class RunQemu(RunTest):
    def qemu(self, *more):
        """The command line of a QEMU that does nothing."""
        rom = bytearray(64 * 1024)
        rom[-16:-12] = b"\xfa\xf4\xeb\xfc"      # cli; hlt; jmp to the hlt
        with open(self.path("halt.rom"), "wb") as file:
            file.write(rom)
        return ("--", QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-m", "64",
                "-bios", self.path("halt.rom"), *more)

    def monitor(self, *words, commands=(), when_up=None):
        """Run with QEMU's monitor on our pipe; commands, then quit. (status, output, errors)"""
        process = subprocess.Popen([self.tool, "run", *words], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=self.environment())
        self.started.append(process)
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        if when_up:
            when_up(process)
        text = "".join(command + "\n" for command in (*commands, "quit"))
        out, err = process.communicate(text.encode())
        watchdog.cancel()
        return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")

    def assert_run(self, *words, commands=()):
        status, out, err = self.monitor(*words, commands=commands)
        self.assertEqual(status, 0, err + out)
        self.assert_nothing_left()
        return out

    MONITOR = ("-monitor", "stdio")

    def test_a_bare_command_gets_device_memory_and_processors(self):
        out = self.assert_run(*MODEL, *self.qemu(*self.MONITOR),
                              commands=("info qtree", "info memdev", "info cpus"))
        self.assertIn('dev: tlpbridge, id "tlpbridge0"', out)
        self.assertRegex(out, r"memory backend: tlpbridge-ram\s+size:\s+67108864")
        self.assertRegex(out, r"share:\s+true")
        self.assertIn("CPU #1", out)
        self.assertNotIn("CPU #2", out)

    def test_two_models_are_two_devices(self):
        out = self.assert_run(*MODEL, *MODEL, *self.qemu(*self.MONITOR), commands=("info qtree",))
        self.assertIn('dev: tlpbridge, id "tlpbridge0"', out)
        self.assertIn('dev: tlpbridge, id "tlpbridge1"', out)

    def test_devices_and_memory_of_the_users_own(self):
        out = self.assert_run(
            *MODEL, *self.qemu(
                *self.MONITOR, "-M", "q35,memory-backend=mine,accel=tcg", "-smp", "3",
                "-object", "memory-backend-ram,id=mine,size=64M",
                "-device", "pcie-root-port,id=rp,chassis=1",
                "-device", '{"driver":"tlpbridge","id":"my-ep","bus":"rp"}'),
            commands=("info qtree", "info memdev", "info cpus"))
        self.assertIn('dev: tlpbridge, id "my-ep"', out)
        self.assertNotIn("tlpbridge-port0", out)
        self.assertNotIn("tlpbridge-ram", out)
        self.assertIn("CPU #2", out)

    def test_the_link_is_traced(self):
        trace = self.path("x.pcap")
        self.assert_run(*MODEL, "--trace", trace, *self.qemu(*self.MONITOR))
        done = subprocess.run([self.tool, "trace", "show", "--summary", trace],
                              capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"records [1-9]")

    def test_server_killed_leaves_qemu_usable(self):
        def kill_server(process):
            server = self.server_of(process)
            self.wait_for_main_loop()
            os.kill(server, signal.SIGKILL)

        status, out, err = self.monitor(*MODEL, "--logs", self.path("logs"),
                                        *self.qemu(*self.MONITOR, *self.qmp()),
                                        commands=("info status",),
                                        when_up=kill_server)
        self.assertEqual(status, 1)
        self.assertIn("VM status: running", out)
        self.assertIn("was killed by signal 9", err)
        self.assertEqual(os.listdir(self.tmp), [])

    def qmp(self):
        return ("-qmp", f"unix:{self.path('qmp')},server=on,wait=off")

    def wait_for_main_loop(self):
        """QMP's greeting comes early; the first command is answered when all devices are there."""
        with socket.socket(socket.AF_UNIX) as qmp:
            qmp.settimeout(PATIENCE)
            # Its file is there a moment before QEMU listens.
            wait_until("QEMU listens", lambda: not qmp.connect_ex(self.path("qmp")))
            qmp.sendall(b'{"execute": "qmp_capabilities"}\n')
            answer = b""
            while b"return" not in answer:
                more = qmp.recv(4096)
                self.assertNotEqual(more, b"", "QEMU ended")
                answer += more

    def test_ctrl_c_ends_qemu_that_has_the_terminal(self):
        process, terminal = self.start_on_terminal(*MODEL, "--logs", self.path("logs"),
                                                   *self.qemu("-serial", "stdio", *self.qmp()))
        self.wait_for_main_loop()
        os.write(terminal, b"\x03")
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertEqual(os.listdir(self.tmp), [])

    def test_a_qemu_that_refuses_its_arguments(self):
        status, _, err = self.monitor(*MODEL, *self.qemu("-device", "no-such-device"))
        self.assertEqual(status, 1)
        self.assertIn("no-such-device", err)
        self.assertIn("logs are in", err)

    def test_the_dry_run_is_what_runs(self):
        """The lines of --dry-run, as a shell runs them, make a QEMU with the device."""
        self.assertEqual(self.run_tool(*MODEL, "--dry-run", *self.qemu(*self.MONITOR)), 0)
        lines = self.read("out").splitlines()
        lines[-1] = f"echo 'info qtree\nquit' | {lines[-1]}"
        done = subprocess.run(["sh", "-e"], input="\n".join(lines) + "\nkill $!\nwait $! || true\n",
                              capture_output=True, text=True, timeout=PATIENCE,
                              env=self.environment())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('dev: tlpbridge, id "tlpbridge0"', done.stdout)


if __name__ == "__main__":
    RunTest.tool, QEMU = sys.argv[1:3]
    del sys.argv[1:3]
    unittest.main()
