# SPDX-License-Identifier: MIT
"""One test case's processes: servers, and guests that use them. All of them end with the case."""
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import flow
from transports import transports

HERE = os.path.dirname(os.path.realpath(__file__))
RUN_GUEST = os.path.join(HERE, "run-guest")
GUEST_IMAGE = os.path.join(HERE, "../../script/guest-image.sh")
SCRIPTS = os.path.join(HERE, "scripts")

GUEST_SECONDS = 500     # for one guest; the watchdog
SERVER_SECONDS = 120     # for a server to listen, and to end
TAIL_LINES = 25
QEMU_FAULT = 121         # run-guest's status


class QemuFault(Exception):
    """QEMU crashed by a fault of its own, so the case says nothing of the device."""

# Told by the server and by QEMU in ordinary runs only when something is wrong.
# Anywhere in a line: QEMU's and the guest's words share the console.
COMPLAINT = re.compile(r"(tlpbridge-serve|endpoint-test-c): (error|warning): |qemu-system-x86_64: (?!.*\binfo: )")
SLOW = re.compile(r"waiting for .* \(\d+ s\)")     # a loaded machine; no fault


def read(path):
    """A log; empty when its writer came to nothing."""
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def spawn(words, **more):
    """A process that dies with this one, whatever kills it."""
    return subprocess.Popen(["setpriv", "--pdeathsig", "KILL"] + words, stdin=subprocess.DEVNULL, **more)


def other_program():
    """The program that serves endpoint-test instead of tlpbridge-serve, one device at a time: the model in C."""
    return os.environ.get("TLPB_ENDPOINT_TEST")


class Server:
    """tlpbridge-serve with one model; for endpoint-test, the program that the environment names in its place."""

    def __init__(self, session, number, model, options):
        self.transport = session.transport(number)
        self.log = os.path.join(session.logs, f"server{number}.log")
        other = other_program() if model == "endpoint-test" else None
        if model == "endpoint-test-c":
            other = session.paths.c_model
        program = [other] if other else [session.paths.serve, model]
        self.words = flow.command([*program, "--listen", self.transport.listen, *self.transport.server_options,
                                   *options])
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = spawn(self.words, stdout=log, stderr=log, pass_fds=self.transport.server_fds)
        self.transport.server_has_started()

    @property
    def url(self):
        return self.transport.url(read(self.log))

    def restart(self):
        self.kill()
        self.start()

    def await_line(self, words):
        deadline = time.monotonic() + SERVER_SECONDS
        while words not in read(self.log):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not say \"{words}\"")
            time.sleep(0.02)

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        """Its exit status to SIGTERM, or by itself where it ends with its host; None when it had to be killed."""
        if not self.transport.ends_with_host:
            self.process.terminate()
        try:
            return self.process.wait(SERVER_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def kill(self):
        self.process.kill()
        self.process.wait()


class Session:
    """Directory for sockets and traces, directory for logs, processes, checks."""

    def __init__(self, paths, report, logs, transport="ipc"):
        self.paths = paths
        self.report = report
        self.transport_name = transport
        self.logs = logs
        self.scratch = tempfile.TemporaryDirectory(prefix="tlpb-")     # short: a socket's path is limited
        self.directory = self.scratch.name
        self.servers = []
        self.runner = None
        self.guests = 0

    def __enter__(self):
        os.makedirs(self.logs, exist_ok=True)
        for name in os.listdir(self.logs):
            os.unlink(os.path.join(self.logs, name))
        return self

    def __exit__(self, *reason):
        for server in self.servers:
            if server.process.poll() is None:
                server.kill()
            server.transport.close()
        self.scratch.cleanup()

    def file(self, name):
        return os.path.join(self.directory, name)

    def check(self, name, passed, why=""):
        return self.report.check(name, passed, why)

    @staticmethod
    def guest_image():
        """The directory with the guest's kernel and initramfs."""
        return subprocess.run([GUEST_IMAGE, "--print"], capture_output=True, text=True, check=True).stdout.strip()

    def oracle(self, name):
        """A program of tests/oracle."""
        return os.path.join(self.paths.oracle, name)

    def transport(self, number):
        """For the server of this number."""
        return transports[self.transport_name](self.directory, number)

    def server(self, *options, model="endpoint-test"):
        server = Server(self, len(self.servers), model, list(options))
        self.servers.append(server)
        server.await_line(", device ")
        return server

    def endpoints(self, count, *options):
        """A server for each of this many endpoint-test devices: one for all, if transport and program allow that."""
        if not transports[self.transport_name].one_device and not other_program():
            return [self.server(*options, *(count - 1) * ("--and", "endpoint-test", *options))] * count
        return [self.server(*options) for _ in range(count)]

    # A guest

    def guest(self, script, *servers, qemu=(), append="", trace=None, options="", share=None,
              host=None, killed=False, shared_memory=False):
        """Runs scripts/SCRIPT in a guest with a device for each server. Each line "host: WORD ARGUMENT..."
        of the script calls host[WORD](ARGUMENT...). options: of each device. share: a directory.
        killed: the host does not let it end. shared_memory: it may be granted to the devices.
        Returns the console's text."""
        self.guests += 1
        before = self.report.failed()
        log = os.path.join(self.logs, f"guest{self.guests}.log")
        inherited = [fd for server in servers for fd in server.transport.host_fds]
        words = [RUN_GUEST, "--timeout", str(GUEST_SECONDS), "--log", log, "--append", append,
                 "--crash-trace", self.paths.crash_trace,
                 *(("--share", share) if share else ()), *(("--shared-memory",) if shared_memory else ()),
                 *(f"--inherit={fd}" for fd in inherited),
                 os.path.join(SCRIPTS, script), "--", *qemu, *self.devices(servers, trace, options)]
        errors = os.path.join(self.logs, f"guest{self.guests}.err")
        with open(errors, "wb") as err:
            self.runner = spawn(words, stdout=subprocess.PIPE, stderr=err, text=True, errors="replace",
                                pass_fds=inherited)
        for server in servers:
            server.transport.host_has_started()
        passed = self.follow(host or {})
        if self.runner.returncode == QEMU_FAULT:
            raise QemuFault(read(errors))
        self.judge(script, passed, self.report.failed() - before, killed, errors)
        return read(log)

    def run_tool(self, script, *options):
        """run-guest's QEMU by tlpbridge run, with endpoint-test. Its status, the console, the server's log."""
        guest = subprocess.run([RUN_GUEST, "--print-command", os.path.join(SCRIPTS, script)],
                               capture_output=True, text=True, check=True)
        words = [self.paths.tool, "run", "--serve", self.paths.serve, "--plugin", self.paths.plugin,
                 "--logs", self.logs, "--model", "endpoint-test", *options, "--", *shlex.split(guest.stdout)]
        process = spawn(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        try:
            console = process.communicate(timeout=GUEST_SECONDS)[0]
        finally:
            process.kill()
        return process.returncode, console, read(os.path.join(self.logs, "server-0.log"))

    def shared(self, files):
        """A directory with copies of the files, to share with a guest."""
        directory = self.file("shared")
        os.makedirs(directory, exist_ok=True)
        for file in files:
            shutil.copy(file, directory)
        return directory

    def devices(self, servers, trace, options):
        more = (f",trace={trace}" if trace else "") + (f",{options}" if options else "")
        words = ["-plugin", self.paths.plugin]
        for n, server in enumerate(servers):
            words += ["-device", f"pcie-root-port,id=rp{n},chassis={n + 1},slot={n + 1}",
                      "-device", f"tlpbridge,bus=rp{n},url={server.url}{server.transport.host_options}{more}{flow.properties(options)}"]
        return words

    def follow(self, host):
        """Until run-guest ends, which has a watchdog for QEMU. Returns how many checks the guest passed."""
        passed = 0
        watchdog = threading.Timer(GUEST_SECONDS + 30, self.runner.kill)
        watchdog.start()
        try:
            for line in self.runner.stdout:
                passed += self.take(line.rstrip("\n"), host)
            self.runner.wait()
        finally:
            watchdog.cancel()
            self.runner.kill()
            self.runner.wait()
        return passed

    def take(self, line, host):
        """A line that the script printed (tests/guest/image/check.sh). True: a check that passed."""
        word, _, rest = line.partition(" ")
        if word == "ok":
            return self.report.check(rest, True)
        if word == "failed":
            self.report.check(rest, False)
        elif word == "note":
            self.report.note(rest)
        elif word == "host:":
            action, *arguments = rest.split()
            host[action](*arguments)
        else:
            self.report.more(line)
        return False

    def judge(self, script, passed, failed, killed, errors):
        status = self.runner.returncode
        if killed:
            self.check("guest was killed as planned", status == -signal.SIGKILL, f"run-guest ended with {status}")
        elif status not in (0, 1) or (status == 1) != (failed > 0) or not passed + failed:
            self.check(f"{script} comes to its end", False, f"run-guest ended with {status}\n{read(errors)}")

    def kill_guest(self):
        """run-guest, and with it QEMU: a host that dies without a goodbye."""
        self.runner.kill()

    # Afterwards

    def end(self, console, expected="(?!)"):
        """The servers that still run end well, and nobody has complained, but of what is expected."""
        for server in self.servers:
            if server.transport.ends_with_host or server.process.poll() is None:
                status = server.end()
                self.check("server ends as it should", status == 0, f"status {status}")
        lines = "\n".join([console] + [read(server.log) for server in self.servers]).splitlines()
        complaints = [line for line in lines if COMPLAINT.search(line)
                      and not SLOW.search(line) and not re.search(expected, line)]
        self.check("neither QEMU nor a server complains", not complaints, "\n".join(complaints))

    def traced(self, path, text):
        """How often the trace says that."""
        shown = subprocess.run([self.paths.tool, "trace", "show", path], capture_output=True, text=True, check=False)
        return shown.stdout.count(text)

    def trace_is_sound(self, path):
        shown = subprocess.run([self.paths.tool, "trace", "show", "--summary", path], capture_output=True,
                               text=True, check=False)
        self.check("trace is whole and no TLP malformed",
                   shown.returncode == 0 and "DMA writes" in shown.stdout and "malformed" not in shown.stdout,
                   shown.stdout + shown.stderr)

    def show_logs(self):
        for name in sorted(os.listdir(self.logs)):
            path = os.path.join(self.logs, name)
            lines = read(path).splitlines()[-TAIL_LINES:]
            if lines and name.endswith(".log"):
                print("\n".join([f"  end of {path}:"] + ["    | " + line for line in lines]), flush=True)
