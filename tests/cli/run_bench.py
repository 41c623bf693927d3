# SPDX-License-Identifier: MIT
"""What the tests of tlpbridge run share: a directory of their own, processes, a terminal."""
import os
import pty
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

PATIENCE = 60   # seconds; only what hangs meets it


def wait_until(what, condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() >= end:
            raise AssertionError(f"never happened: {what}")
        time.sleep(0.01)


def alive(pid):
    """Whether the process still runs; an unreaped orphan does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid):
    """{name: pid} of the running children."""
    found = {}
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as listed:
        for child in listed.read().split():
            try:
                with open(f"/proc/{child}/comm", encoding="ascii") as comm:
                    found[comm.read().strip()] = int(child)
            except (FileNotFoundError, ProcessLookupError):
                pass    # it has just ended
    return found


class RunTest(unittest.TestCase):
    """self.dir is the test's own; TMPDIR of what it runs is self.tmp, which must be empty at the end."""

    tool = None     # tlpbridge
    options = ()    # of every tlpbridge run

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="tlpb-run-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.tmp = self.path("tmp")
        os.mkdir(self.tmp)
        self.started = []
        self.addCleanup(self.kill_all)

    def path(self, name):
        return os.path.join(self.dir, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def said(self, text, name="err"):
        return os.path.exists(self.path(name)) and text in self.read(name)

    def environment(self, **more):
        return {**os.environ, "TMPDIR": self.tmp, "TEST_DIR": self.dir, **more}

    def start(self, *words, stdin=subprocess.DEVNULL, **environment):
        """tlpbridge run WORDS, with its output in the files out and err."""
        with open(self.path("out"), "wb") as out, open(self.path("err"), "wb") as err:
            process = subprocess.Popen([self.tool, "run", *self.options, *words], stdin=stdin,
                                       stdout=out, stderr=err, env=self.environment(**environment))
        self.started.append(process)
        return process

    def run_tool(self, *words, **environment):
        """Its exit status."""
        return self.start(*words, **environment).wait(PATIENCE)

    def start_on_terminal(self, *words, **environment):
        """(process, our end of its terminal), in the foreground there; output in the file out."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", self.tool, "run", *self.options, *words], stdin=theirs,
            stdout=theirs, stderr=theirs, env=self.environment(**environment))
        os.close(theirs)
        self.addCleanup(os.close, ours)
        self.started.append(process)
        return process, ours

    def kill_all(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()

    def server_of(self, process):
        wait_until("the server runs", lambda: "tlpbridge-serve" in children(process.pid))
        return children(process.pid)["tlpbridge-serve"]

    def assert_nothing_left(self):
        self.assertEqual(os.listdir(self.tmp), [])

    def assert_ended(self, *pids):
        for pid in pids:
            wait_until(f"{pid} ends", lambda pid=pid: not alive(pid))

    def signal_and_wait(self, process, number):
        process.send_signal(number)
        return process.wait(PATIENCE)


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
