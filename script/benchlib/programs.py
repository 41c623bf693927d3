# SPDX-License-Identifier: MIT
"""Running a server and the program that measures against it, each on its CPU."""
import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
START_SECONDS = 20      # for a server to listen, and to leave
RUN_SECONDS = 120       # for one measurement: a watchdog

CPUS = [str(cpu) for cpu in sorted(os.sched_getaffinity(0))]

# CPUs of the host's side and of the server's.
PLACEMENTS = {"one-core": (CPUS[0], CPUS[0])}
if len(CPUS) > 1:
    PLACEMENTS["two-cores"] = (CPUS[0], CPUS[1])

FOLDERS = {"tlpbridge-serve": "tlm-side", "tlpbridge-qemu.so": "qemu-side"}     # others: tests/bench


class Failure(Exception):
    """What the user is told instead of figures."""


def say(text):
    print("bench: " + text, file=sys.stderr, flush=True)


def program(build, name):
    return os.path.join(build, FOLDERS.get(name, "tests/bench"), name)


@contextlib.contextmanager
def started(words, cpu, inherited=(), **options):
    """A process on its CPUs until the end of the with block. It dies with us."""
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "taskset", "-c", cpu, *words],
                               pass_fds=inherited, text=True, **options)
    with process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(START_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.contextmanager
def serving(words, cpu, inherited=()):
    """A process that says "listening at URL"; gives its ID and the URL."""
    with started(words, cpu, inherited, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                 stderr=subprocess.STDOUT) as process:
        line = process.stdout.readline()
        listening = re.search(r"listening at ([^\s,]+)", line)
        if not listening:
            raise Failure(f"{words[0]} did not start: {line}")
        yield process.pid, listening[1]


def make_certificate(directory):
    """A certificate that signs itself, and its key."""
    files = [os.path.join(directory, name) for name in ("certificate.pem", "key.pem")]
    if not os.path.exists(files[0]):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:127.0.0.1",
                        "-days", "2", "-out", files[0], "-keyout", files[1]], check=True, stderr=subprocess.DEVNULL)
    return files


@contextlib.contextmanager
def place(build, placement):
    """A Bench in a directory of its own, until the end of the with block."""
    with tempfile.TemporaryDirectory(prefix="tlpb-") as directory:
        yield Bench(build, directory, PLACEMENTS[placement])


class Bench:
    """Where one measurement runs: the build, a directory, and the CPUs of both sides."""

    def __init__(self, build, directory, cpus):
        self.build = build
        self.directory = directory
        self.host_cpu, self.server_cpu = cpus
        self.notes = {}     # what a program told besides its figure: name=value

    def fill_in(self, command, url="", tls=("", "")):
        """The words of a command of measures.py; its program from the build."""
        certificate, key = tls
        name, *words = command.format(
            url=url.format(directory=self.directory), cpu=self.host_cpu, server_cpu=self.server_cpu,
            bench_tls=f"-c {certificate} -k {key}" if certificate else "",
            serve_tls=f"--tls-cert {certificate} --tls-key {key}" if certificate else "",
            host_tls=f"-a {certificate}" if certificate else "").split()
        return [program(self.build, name), *words]

    def measure(self, server, tool, url):
        """Run tool against server, commands of measures.py; gives the figure. server may be None."""
        if not server:
            return self.run(self.fill_in(tool))
        if url == "fd":
            return self.measure_inherited(server, tool)
        tls = make_certificate(self.directory) if url.startswith("tls") else ("", "")
        with serving(self.fill_in(server, url, tls), self.server_cpu) as (_, at):
            return self.run(self.fill_in(tool, at, tls))

    def measure_inherited(self, server, tool):
        ends = socket.socketpair()
        with ends[0], ends[1]:
            host, far = (end.fileno() for end in ends)
            with serving(self.fill_in(server, f"fd:{far}"), self.server_cpu, (far,)):
                return self.run(self.fill_in(tool, f"fd:{host}"), (host,))

    def run(self, words, inherited=()):
        try:
            done = subprocess.run(["taskset", "-c", self.host_cpu, *words], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, check=False, pass_fds=inherited,
                                  timeout=RUN_SECONDS)
        except subprocess.TimeoutExpired as why:
            raise Failure(f"{' '.join(words)}: no figure after {RUN_SECONDS} s") from why
        if done.returncode:
            raise Failure(f"{' '.join(words)}: {done.stderr.strip()}")
        value, *notes = done.stdout.split()
        for name, told in (note.split("=") for note in notes):
            self.notes[name] = float(told)
        return float(value)
