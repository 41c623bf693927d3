# SPDX-License-Identifier: MIT
"""script/bench: that it measures and in which form it tells. What it measures is not judged here."""
import json
import os
import subprocess
import sys
import unittest

BENCH = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../script/bench")


def bench(*arguments):
    return subprocess.run([BENCH, "--built", BUILD, "--no-guest", *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False, timeout=800)


class Bench(unittest.TestCase):
    def test_json_has_a_figure_and_its_limit_for_each_placement(self):
        done = bench("--runs", "1", "--filter", "^read_rtt_nng$", "--json", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = json.loads(done.stdout)
        self.assertEqual({row["placement"] for row in rows}, {"one-core", "two-cores"})
        for row in rows:
            self.assertEqual((row["name"], row["unit"], row["runs"], row["baseline"]),
                             ("read_rtt_nng", "us", 1, "nng_pingpong"))
            self.assertGreater(row["value"], 0)
            self.assertGreater(row["baseline_value"], 0)
            self.assertAlmostEqual(row["ratio"], row["value"] / row["baseline_value"])
            self.assertTrue(row["min"] <= row["value"] <= row["max"])

    def test_json_tells_how_often_memory_is_allocated_a_tlp(self):
        done = bench("--runs", "1", "--filter", "^tlp_cost_mem$", "--json", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([row["allocations_per_tlp"] for row in json.loads(done.stdout)], [0, 0])

    def test_a_filter_that_matches_nothing_is_an_error(self):
        done = bench("--runs", "1", "--filter", "nonsense")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no measure matches", done.stderr)

    def test_a_filter_that_is_no_expression_is_a_wrong_command_line(self):
        done = bench("--filter", "(")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--filter", done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_figures_that_cannot_be_kept_are_not_measured(self):
        done = bench("--runs", "1", "--filter", "^read_rtt_fd$", "--json", "/nonexistent/figures")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent/figures", done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assertNotIn("run 1", done.stderr)


if __name__ == "__main__":
    BUILD = sys.argv.pop()
    unittest.main()
