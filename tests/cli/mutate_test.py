#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""script/mutate: which mutants it makes of a source.

usage: mutate_test.py SOURCE_DIRECTORY
"""
import os
import subprocess
import sys
import tempfile
import unittest

MUTATE = os.path.join(os.path.abspath(sys.argv.pop(1)), "script/mutate")

SOURCE = """\
#include <stdio.h>
#define WIDE(x) \\
	((x) + 1)
/* 1 + 1 == 2 */
static int f(const int *p, int n)	// n > 0
{
	return n <= 0x1f && p ? *p % 8u : g(&n, "1 + 1", '=');
}
bool b = !true;
"""


def mutate(*arguments):
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "source.c")
        with open(path, "w", encoding="utf-8") as file:
            file.write(SOURCE)
        done = subprocess.run([MUTATE, "--list", "--tests", "none", *arguments, path], check=True,
                              capture_output=True, text=True)
        return [line.split("source.c:")[1] for line in done.stdout.splitlines()]


class Mutants(unittest.TestCase):
    def test_operators_and_constants_of_code_are_flipped(self):
        self.assertEqual(mutate(), [
            "5:24: * -> /",     # does not compile, which the compiler finds out
            "7:11: <= -> <", "7:14: 0x1f -> 32", "7:19: && -> ||", "7:29: % -> *", "7:31: 8u -> 9u",
            "9:10: ! -> nothing", "9:11: true -> false"])

    def test_a_sample_is_the_same_for_the_same_seed(self):
        once = mutate("--sample", "3", "--seed", "7")
        self.assertEqual(len(once), 3)
        self.assertEqual(once, mutate("--sample", "3", "--seed", "7"))
        self.assertNotEqual([once] * 5, [mutate("--sample", "3", "--seed", str(seed)) for seed in range(5)])


if __name__ == "__main__":
    unittest.main()
