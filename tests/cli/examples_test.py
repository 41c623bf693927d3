#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples of docs/cli.md, as they stand there.

usage: examples_test.py TLPBRIDGE TLPBRIDGE-SERVE DOCUMENT
"""
import os
import re
import shlex
import subprocess
import sys
import unittest

from server import HOSTS, PATIENCE, ServerCase, flow

ServerCase.TOOL = os.path.abspath(sys.argv.pop(1))
ServerCase.SERVE = os.path.abspath(sys.argv.pop(1))
DOCUMENT = os.path.abspath(sys.argv.pop(1))


def blocks(kind):
    with open(DOCUMENT, encoding="utf-8") as file:
        return re.findall(rf"^```{kind}\n(.*?)^```", file.read(), re.M | re.S)


class Examples(ServerCase):
    def test_every_example_succeeds(self):
        server = shlex.split(blocks("sh server")[0].replace("$PWD", self.dir))
        self.assertEqual(server[0], "tlpbridge-serve")
        self.serve(*server[4:], model=server[1], url=server[3])
        commands = [line for block in blocks("sh") for line in
                    block.replace("\\\n", " ").splitlines()]
        self.assertGreater(len(commands), 15)
        script = (f'tlpbridge() {{ case " {" ".join(HOSTS)} " in *" $1 "*) set -- "$@" {" ".join(flow.end_options())};; '
                  f'esac; "{self.TOOL}" "$@"; }}\n')
        for command in commands:
            done = subprocess.run(["/bin/sh", "-c", script + command], cwd=self.dir, text=True,
                                  capture_output=True, check=False, timeout=PATIENCE)
            self.assertEqual((done.returncode, done.stderr), (0, ""), command)
        with open(os.path.join(self.dir, "out.bin"), "rb") as file:
            self.assertEqual(file.read(), bytes(range(256)) * 16)


if __name__ == "__main__":
    unittest.main()
