# SPDX-License-Identifier: MIT
"""A tlpbridge-serve of a test, in a directory of its own, and commands run against it."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import flow     # noqa: E402

PATIENCE = 120  # seconds; only what hangs meets it
HOSTS = ("device", "probe", "peek", "poke", "dma", "irq")


def host_command(tool, command, *arguments):
    """A command of tlpbridge, which may be a host."""
    return [tool, command, *(flow.options() if command in HOSTS else ()), *arguments]


class ServerCase(unittest.TestCase):
    """Set TOOL and SERVE to the two programs."""

    TOOL = SERVE = ""

    def setUp(self):
        self.failed = False
        self.dir = tempfile.mkdtemp(prefix="tlpb")
        self.addCleanup(shutil.rmtree, self.dir)
        self.url = "ipc://" + os.path.join(self.dir, "ep.sock")

    def serve(self, *options, model="endpoint-test", url=None, in_order=False):
        """The process; ends with the test. self.url becomes what it says where it listens."""
        server = subprocess.Popen(flow.command([self.SERVE, model, "--listen", url or self.url, *options], in_order),
                                  cwd=self.dir, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.stop_server, server)
        said = re.search(r"listening at (\S+),", server.stderr.readline())
        self.assertIsNotNone(said)
        if not url or url == self.url:
            self.url = said.group(1)
        return server

    def stop_server(self, server):
        """What it said belongs to a failure's story; it must not have ended by itself."""
        ended = server.poll()
        server.send_signal(signal.SIGCONT)
        server.kill()
        said = server.communicate(timeout=PATIENCE)[1]
        self.assertIn(ended, (None, 0), said)
        if self.failed:
            print(f"the server said:\n{said}")

    @staticmethod
    def stop(process):
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait(PATIENCE)
        if process.stderr:
            process.stderr.close()
        if process.stdout:
            process.stdout.close()

    def start(self, *arguments):
        """A command in the background."""
        process = subprocess.Popen(host_command(self.TOOL, *arguments), cwd=self.dir, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.stop, process)
        return process

    def script(self, text):
        """A shell's, in the background."""
        process = subprocess.Popen(["/bin/sh", "-c", text], cwd=self.dir, text=True,
                                   stderr=subprocess.PIPE)
        self.addCleanup(self.stop, process)
        return process

    def run_tool(self, *arguments):
        done = subprocess.run(host_command(self.TOOL, *arguments), cwd=self.dir, capture_output=True,
                              text=True, check=False, timeout=PATIENCE)
        return done.returncode, done.stdout, done.stderr

    def good(self, *arguments):
        """What a command prints that must succeed without complaint."""
        status, out, errors = self.run_tool(*arguments)
        self.failed = self.failed or status != 0
        self.assertEqual((status, errors), (0, ""), arguments)
        return out

    def good_json(self, *arguments):
        return json.loads(self.good(*arguments, "--json"))

    def fails(self, status, text, *arguments):
        """The command must end with status and say text."""
        got, _, errors = self.run_tool(*arguments)
        self.assertEqual(got, status, (arguments, errors))
        self.assertIn(text, errors, arguments)
        self.assertTrue(errors.startswith("tlpbridge"), errors)

    def until(self, what):
        """Call what() until it is true; its value."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            value = what()
            if value:
                return value
            time.sleep(0.02)
        return self.fail(f"{what} did not come true")
