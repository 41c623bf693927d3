# SPDX-License-Identifier: MIT
"""Crashes that are QEMU's own, and crashes that are not."""
import argparse
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from crash import is_fault_of_qemu, trace_of
import guest_test
from report import Report
from session import QemuFault

LIBRARY = sys.argv.pop() if len(sys.argv) > 1 else ""

HEAD = 'crash-trace: signal 11 in thread "qemu-system-x86" at 0x55cc, address 0xa0\n'
HANDLER = ["/b/libcrash-trace.so(+0x12aa)[0x7fea]", "/lib/x86_64-linux-gnu/libc.so.6(+0x3c050)[0x7feb]"]
DISPATCH = "qemu-system-x86_64(memory_region_dispatch_write+0x1a)[0x55ccc8d42a7a]"
STORE = "qemu-system-x86_64(+0x7e2569)[0x55ccc8dbb569]"
CODE = "[0x7fea840216ce]"
PLUGIN = "/b/qemu-side/tlpbridge-qemu.so(+0x9f10)[0x7f01]"


def trace(*frames):
    return "a line before\n" + HEAD + "\n".join([*HANDLER, *frames]) + "\n"


class Crash(unittest.TestCase):
    def test_an_access_that_goes_astray_in_the_dispatch_is_of_qemu(self):
        self.assertTrue(is_fault_of_qemu(trace(DISPATCH, STORE, CODE)))

    def test_one_in_the_device_is_not(self):
        self.assertFalse(is_fault_of_qemu(trace(PLUGIN, DISPATCH, STORE, CODE)))

    def test_one_that_no_translated_code_caused_is_not(self):
        self.assertFalse(is_fault_of_qemu(trace(DISPATCH, STORE)))

    def test_one_elsewhere_in_qemu_is_not(self):
        self.assertFalse(is_fault_of_qemu(trace(STORE, CODE)))

    def test_no_trace_is_not(self):
        self.assertFalse(is_fault_of_qemu("a line of the console [0x12]\n"))

    def test_the_last_crash_counts(self):
        self.assertFalse(is_fault_of_qemu(trace(DISPATCH, STORE, CODE) + trace(STORE, CODE)))

    @unittest.skipUnless(LIBRARY, "no library was named")
    def test_the_library_tells_where_a_program_crashed(self):
        ended = subprocess.run([sys.executable, "-c", "import ctypes; ctypes.string_at(0)"], stderr=subprocess.PIPE,
                               env={**os.environ, "LD_PRELOAD": LIBRARY}, text=True, check=False)
        self.assertLess(ended.returncode, 0)
        self.assertIn("crash-trace: signal 11 in thread", ended.stderr)
        self.assertGreater(len(trace_of(ended.stderr)), 3)
        self.assertFalse(is_fault_of_qemu(ended.stderr))


class Again(unittest.TestCase):
    """A case whose first attempts end in such a crash."""

    def run_case(self, crashes):
        attempts = []

        def attempt(name, _chosen, report):
            attempts.append(name)
            report.check("before the crash", False, "it was on its way")
            if len(attempts) <= crashes:
                raise QemuFault(f"crash {len(attempts)}")
            report.forget(name)
            report.check("works", True)

        report = Report()
        with tempfile.TemporaryDirectory() as logs, contextlib.redirect_stdout(io.StringIO()) as said, \
                mock.patch.object(guest_test, "run_once", attempt), \
                mock.patch.dict(guest_test.cases, {"fake": attempt}):
            guest_test.run("fake", argparse.Namespace(logs=logs), report)
            kept = os.path.join(logs, "fake.qemu-crash")
            text = ""
            if os.path.exists(kept):
                with open(kept, encoding="utf-8") as file:
                    text = file.read()
        return report, len(attempts), text, said.getvalue()

    def test_without_a_crash_it_runs_once_and_nothing_is_kept(self):
        report, attempts, kept, _ = self.run_case(0)
        self.assertEqual((attempts, report.failed(), kept), (1, 0, ""))

    def test_it_runs_again_and_the_crash_is_told_and_kept(self):
        report, attempts, kept, said = self.run_case(1)
        self.assertEqual((attempts, report.failed()), (2, 0))
        self.assertIn("attempt 1:\ncrash 1", kept)
        self.assertIn("attempt 1: crash 1", said)

    def test_a_qemu_that_always_crashes_is_a_failure(self):
        report, attempts, kept, _ = self.run_case(99)
        self.assertEqual((attempts, report.failed()), (guest_test.ATTEMPTS, 1))
        self.assertEqual(kept.count("attempt "), guest_test.ATTEMPTS)


if __name__ == "__main__":
    unittest.main()
