#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The shell commands of README.md and docs/*.md, as they stand there.

A page is a script, run in a directory where build/, script/ and examples/ are those of the
source tree and beside an installation of its own. A server goes to the background when it
listens; QEMU is asked for its devices and ends. docs/cli.md is examples_test.py's.

usage: doc_shell_test.py SOURCE_DIRECTORY BUILD_DIRECTORY QEMU CMAKE
"""
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

SOURCE, BUILD, QEMU, CMAKE = [os.path.abspath(word) for word in sys.argv[1:5]]
PATIENCE = 120

# Where the Debian package puts the plugin, and what is here.
INSTALLED_PLUGIN = "/usr/lib/tlpbridge/tlpbridge-qemu.so"
PLUGIN = BUILD + "/qemu-side/tlpbridge-qemu.so"

# Not run here: building all, the guest, and installing into the system.
LEFT_OUT = ("script/", "sudo ")

SERVER = """#!/bin/bash
# A server that is to listen is left in the background, in place of the one before.
case " $* " in *" --listen "*) ;; *) exec "{real}" "$@" ;; esac
if [ -e server.pid ]; then
    kill "$(cat server.pid)"
    tail --pid="$(cat server.pid)" -f /dev/null
fi
"{real}" "$@" 2>server.log &
echo $! >server.pid
until grep -q listening server.log; do
    kill -0 $! || {{ cat server.log >&2; exit 1; }}
    sleep 0.05
done
"""

QEMU_SCRIPT = """#!/bin/bash
# Says which PCI functions there are, runs no guest.
words=()
for word in "$@"; do [ "$word" = … ] || words+=("$word"); done
printf 'info qtree\\nquit\\n' |
    "{real}" "${{words[@]}}" -nodefaults -display none -S -monitor stdio >qemu.out || exit
tr -d '\\r' <qemu.out | sed -n '/dev: tlpbridge,/,/pci id/ s/.*pci id //p' >>devices
"""

ROOT_PORT = f"qemu-system-x86_64 -machine q35 -plugin {PLUGIN} -device pcie-root-port,id=rp0,chassis=1,slot=1"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def pages():
    return [SOURCE + "/README.md", *sorted(glob.glob(SOURCE + "/docs/*.md"))]


def commands(text):
    """The lines of a page's sh blocks, and blocks that are a device for QEMU, as commands."""
    found = []
    for kind, block in re.findall(r"^```([\w ]*)\n(.*?)^```", text, re.M | re.S):
        joined = block.replace("\\\n", " ")
        if kind == "sh":
            found += joined.splitlines()
        elif kind == "" and joined.startswith("-device "):
            found.append(f"{ROOT_PORT} {joined.strip()}")
    return found


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.prefix = tempfile.mkdtemp(prefix="tlpb-doc-")
        subprocess.run([CMAKE, "--install", BUILD, "--prefix", cls.prefix], stdout=subprocess.DEVNULL,
                       check=True)
        [config] = glob.glob(cls.prefix + "/**/tlpbridge.pc", recursive=True)
        cls.environment = {**os.environ, "CMAKE_PREFIX_PATH": cls.prefix,
                           "PKG_CONFIG_PATH": os.path.dirname(config),
                           "LD_LIBRARY_PATH": os.path.dirname(os.path.dirname(config))}

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.prefix)

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="tlpb-doc-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.addCleanup(self.stop_server)
        os.mkdir(self.dir + "/bin")
        self.environment = {**self.environment, "PATH": f"{self.dir}/bin:{os.environ['PATH']}"}
        self.script("tlpbridge-serve", SERVER, BUILD + "/tlm-side/tlpbridge-serve")
        self.script("qemu-system-x86_64", QEMU_SCRIPT, QEMU)
        os.symlink(BUILD + "/bridge/tlpbridge", self.dir + "/bin/tlpbridge")
        os.symlink(BUILD, self.dir + "/build")
        for name in ("script", "bridge", "examples"):
            os.symlink(f"{SOURCE}/{name}", f"{self.dir}/{name}")
        for name in ("read-register/read_register.c", "register-model/register_model.cpp"):
            shutil.copy(f"{SOURCE}/examples/{name}", self.dir)
        with open(self.dir + "/disk.img", "wb") as disk:
            disk.truncate(1 << 20)

    def script(self, name, text, real):
        path = f"{self.dir}/bin/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.format(real=real))
        os.chmod(path, 0o755)

    def stop_server(self):
        if os.path.exists(self.dir + "/server.pid"):
            os.kill(int(read(self.dir + "/server.pid")), signal.SIGKILL)

    def run_here(self, script):
        """Nothing of it is left running afterwards."""
        log = self.dir + "/said"
        script = f"trap 'kill $(jobs -p) 2>/dev/null || :; wait' EXIT\nset -ex\n{script}\n"
        with open(log, "w", encoding="utf-8") as said:
            status = subprocess.run(["/bin/bash", "-c", script], cwd=self.dir, stdin=subprocess.DEVNULL,
                                    stdout=said, stderr=said, env=self.environment, check=False,
                                    timeout=PATIENCE).returncode
        self.assertEqual(status, 0, read(log))

    def page(self, name, port="7000"):
        """Run a page. Returns the IDs of the devices that QEMU had, "1234:5678" each."""
        text = read(f"{SOURCE}/{name}").replace("localhost:7000", f"localhost:{port}")
        lines = commands(text.replace(INSTALLED_PLUGIN, PLUGIN))
        for line in lines:
            if line.startswith("script/"):
                self.assertTrue(os.access(f"{SOURCE}/{line.split()[0]}", os.X_OK), line)
        self.run_here("\n".join(line for line in lines if not line.startswith(LEFT_OUT)))
        devices = self.dir + "/devices"
        return [line.split()[0] for line in read(devices).splitlines()] if os.path.exists(devices) else []

    # ---- the pages ----

    def test_readme(self):
        self.assertEqual(self.page("README.md"), ["104c:b500"] * 2)

    def test_getting_started(self):
        self.assertEqual(self.page("docs/getting-started.md"), ["104c:b500"])

    def test_qemu(self):
        self.run_here("tlpbridge-serve endpoint-test --listen ipc://$PWD/ep.sock")
        self.assertEqual(self.page("docs/qemu.md"), ["104c:b500"])

    def test_run(self):
        self.assertEqual(self.page("docs/run.md"), ["104c:b500"] * 2)

    def test_transports(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.assertEqual(self.page("docs/transports.md", port), ["104c:b500"])

    def test_writing_a_model(self):
        self.assertEqual(self.page("docs/writing-a-model.md"),
                         ["1234:0001"] * 2 + ["1234:0002"])

    def test_errors(self):
        self.page("docs/errors.md")
        said = read(self.dir + "/said")
        self.assertIn("the first read is aborted\n", said)
        self.assertIn("this read is aborted\n", said)
        self.assertIn("1 of          1  status=CA type=MRd count=1\n", said)
        self.assertIn("MAGIC = 0x00000000\n", said)

    def test_no_page_with_commands_is_left_out(self):
        tested = {"README.md", "getting-started.md", "qemu.md", "run.md", "transports.md",
                  "writing-a-model.md", "cli.md", "errors.md"}
        having = {os.path.basename(page) for page in pages() if commands(read(page))}
        self.assertEqual(having, tested)


if __name__ == "__main__":
    del sys.argv[1:5]
    unittest.main()
