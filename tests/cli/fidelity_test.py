# SPDX-License-Identifier: MIT
"""Every test that docs/pcie-fidelity.md names is there."""
import os
import re
import unittest

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../..")
LEAST = {"pcie-fidelity.md": 150, "errors.md": 0}       # so many names at least
NAME = re.compile(r"`([A-Z][A-Za-z0-9]+)\.([A-Z][A-Za-z0-9]+)`")
DEFINED = re.compile(r"^TEST(?:_[A-Z]+)?\((\w+),\s*(\w+)", re.MULTILINE)


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def defined():
    found = set()
    for directory, _, names in os.walk(os.path.join(ROOT, "tests")):
        for name in names:
            if name.endswith((".c", ".cpp", ".h")):
                found.update(DEFINED.findall(text_of(os.path.join(directory, name))))
    return found


class Fidelity(unittest.TestCase):
    def test_every_test_that_is_named_is_there(self):
        tests = defined()
        for page in LEAST:
            named = set(NAME.findall(text_of(os.path.join(ROOT, "docs", page))))
            self.assertEqual(sorted(f"{a}.{b}" for a, b in named - tests), [], page)
            self.assertGreaterEqual(len(named), LEAST[page])


if __name__ == "__main__":
    unittest.main()
