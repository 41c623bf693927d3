# SPDX-License-Identifier: MIT
"""script/bench: that it measures, how it judges, and in which form it tells. What it measures is not judged here."""
import json
import os
import subprocess
import sys
import unittest
from xml.etree import ElementTree

HERE = os.path.dirname(os.path.realpath(__file__))
BENCH = os.path.join(HERE, "../../script/bench")
sys.path.insert(0, os.path.dirname(BENCH))
from benchlib import guest, judge, measures, picture, programs, report     # pylint: disable=wrong-import-position

# All that is to be reached.
NAMES = {"read_rtt_shm", "read_rtt_shm_systemc", "guest_read_shm", "posted_write_shm", "guest_posted_write_shm",
         "dma_tlp_4k", "dma_direct_4k", "dma_direct_64k", "read_rtt_nng", "posted_write_nng", "memory_link", "link_up",
         "cpu_idle"}


def bench(*arguments):
    return subprocess.run([BENCH, "--built", BUILD, "--no-guest", *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False, timeout=800)


def made_up(values, limits, name="read_rtt_shm", placement="two-cores", unit="us"):
    """Figures with one measure."""
    figures = judge.Figures()
    for value, limit in zip(values, limits):
        figures.add(name, placement, unit, value, limit and "ring_pingpong", limit)
    return figures


def judged(values, limits, **more):
    [row] = made_up(values, limits, **more).rows(measures.TARGETS)
    return row


class Judge(unittest.TestCase):
    def test_a_ratio_within_its_bound_is_reached(self):
        row = judged([1.4, 1.5, 1.6], [1, 1, 1])
        self.assertEqual((row["reached"], row["target"], row["target_of"], row["target_bound"]),
                         (True, 1.5, "ratio", "at most"))
        self.assertFalse(judged([1.4, 1.51, 1.6], [1, 1, 1])["reached"])

    def test_an_absolute_figure_is_compared_itself(self):
        more = {"name": "posted_write_shm", "unit": "1/s"}
        self.assertTrue(judged([20e6], [1e9], **more)["reached"])
        self.assertFalse(judged([19.9e6], [1], **more)["reached"])

    def test_what_stands_alone_is_judged_too(self):
        more = {"name": "memory_link", "unit": "MiB"}
        self.assertTrue(judged([2], [None], **more)["reached"])
        row = judged([2.1], [None], **more)
        self.assertFalse(row["reached"])
        self.assertNotIn("ratio", row)

    def test_each_placement_has_its_own_target(self):
        self.assertFalse(judged([1.4], [1], placement="one-core")["reached"])
        self.assertNotIn("reached", judged([1.4], [1], name="read_rtt_fd"))

    def test_a_run_that_is_slow_as_a_whole_does_not_move_the_ratio(self):
        row = judged([1, 10, 10], [1, 10, 10])
        self.assertEqual((row["ratio"], row["value"], row["baseline_value"]), (1, 10, 10))
        self.assertEqual((row["min"], row["max"], row["runs"]), (1, 10, 3))
        self.assertEqual(judged([2, 20, 3], [1, 10, 3])["ratio"], 2)


class Tables(unittest.TestCase):
    def test_all_that_is_to_be_reached_is_measured_and_judged(self):
        self.assertEqual({target.name for target in measures.TARGETS}, NAMES)
        measured = {(each.name, placement) for each in measures.all_measures()
                    for placement in each.placements or measures.BOTH}
        measured |= {(name, "two-cores") for name in guest.MEASURES}
        for target in measures.TARGETS:
            self.assertIn((target.name, target.placement), measured)

    def test_what_is_judged_by_a_ratio_has_a_limit(self):
        limits = {each.name: each.limits for each in measures.all_measures()}
        for target in measures.TARGETS:
            if target.of == "ratio" and target.name not in guest.MEASURES:
                self.assertIn(target.placement, limits[target.name], target.name)

    def test_no_name_is_there_twice(self):
        names = [each.name for each in measures.all_measures()]
        self.assertEqual(len(names), len(set(names)))


def rows_of_all(factor):
    """A row for each target: its amount times factor, beside a limit of 1."""
    figures = judge.Figures()
    for target in measures.TARGETS:
        alone = target.name in ("memory_link", "link_up", "cpu_idle")
        figures.add(target.name, target.placement, "us", target.amount * factor, *(() if alone else ("limit", 1)))
    return list(figures.rows(measures.TARGETS))


class Report(unittest.TestCase):
    def test_the_picture_is_well_formed_and_has_each_figure(self):
        for factor in (0.001, 1, 1000):
            root = ElementTree.fromstring(picture.svg(rows_of_all(factor)))
            texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
            self.assertLessEqual(NAMES, texts)
            for bar in root.iter("{http://www.w3.org/2000/svg}rect"):
                self.assertGreaterEqual(float(bar.get("width")), 0)

    def test_a_picture_of_nothing_is_a_picture(self):
        ElementTree.fromstring(picture.svg([]))

    def test_the_tables_say_what_was_not_reached(self):
        text = report.tables(rows_of_all(1) + [judged([1.6], [1])])
        self.assertIn("| at most 1.5 | yes |", text)
        self.assertIn("| at most 1.5 | **no** |", text)

    def test_the_figures_that_are_kept_have_each_name_judged(self):
        with open(report.DOCUMENT_JSON, encoding="utf-8") as file:
            rows = json.load(file)
        self.assertEqual({row["name"] for row in rows if "reached" in row}, NAMES)

    def test_quantities_are_short(self):
        self.assertEqual([judge.quantity(value, unit) for value, unit in (
            (20e6, "1/s"), (36409, "1/s"), (0.1234, "us"), (1234.5, "ns"), (1.5, ""))],
            ["20 M/s", "36.4 k/s", "0.123 us", "1,234 ns", "1.5"])


class Baselines(unittest.TestCase):
    def test_each_limit_gives_a_figure(self):
        limits = {limit for each in measures.all_measures() for at, limit in each.limits.items()
                  if at in programs.PLACEMENTS}
        self.assertLess(5, len({limit.name for limit in limits}))
        for limit in limits:
            with self.subTest(limit.name), programs.place(BUILD, "two-cores" if len(programs.CPUS) > 1
                                                          else "one-core") as here:
                self.assertGreater(here.measure(limit.server, limit.tool, limit.url), 0)


class Full(unittest.TestCase):
    def test_a_host_faster_than_its_device_that_no_credits_hold_back_is_woken_when_there_is_room(self):
        with programs.place(BUILD, list(programs.PLACEMENTS)[-1]) as here:
            for transport in ("nng", "shm"):
                written = here.measure(f"bench-endpoint -t {transport} -f PH=infinite,PD=infinite {{url}}",
                                       f"bench-host -t {transport} write 2000000 {{url}}", measures.IPC)
                self.assertGreater(written, 0)


class Bench(unittest.TestCase):
    def test_json_has_a_figure_and_its_limit_for_each_placement(self):
        done = bench("--runs", "1", "--filter", "^read_rtt_(nng|shm)$", "--json", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = json.loads(done.stdout)
        self.assertEqual({(row["name"], row["placement"], row["baseline"]) for row in rows},
                         {("read_rtt_nng", "one-core", "nng_pingpong"), ("read_rtt_nng", "two-cores", "nng_pingpong"),
                          ("read_rtt_shm", "one-core", "futex_pingpong"),
                          ("read_rtt_shm", "two-cores", "ring_pingpong")})
        for row in rows:
            self.assertEqual((row["unit"], row["runs"]), ("us", 1))
            self.assertGreater(row["value"], 0)
            self.assertGreater(row["baseline_value"], 0)
            self.assertAlmostEqual(row["ratio"], row["value"] / row["baseline_value"])
            self.assertTrue(row["min"] <= row["value"] <= row["max"])

    def test_links_and_large_dma_are_measured(self):
        done = bench("--runs", "1", "--filter", "^(memory_link|link_up|cpu_idle|dma_tlp_4k|dma_direct_64k)$",
                     "--json", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = json.loads(done.stdout)
        self.assertEqual({row["name"] for row in rows},
                         {"memory_link", "link_up", "cpu_idle", "dma_tlp_4k", "dma_direct_64k"})
        self.assertTrue(all("reached" in row for row in rows if row["placement"] == "two-cores"))

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

    def test_documents_are_not_made_of_some_of_the_figures(self):
        done = bench("--docs")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--docs wants all figures", done.stderr)

    def test_figures_that_cannot_be_kept_are_not_measured(self):
        done = bench("--runs", "1", "--filter", "^read_rtt_fd$", "--json", "/nonexistent/figures")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent/figures", done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assertNotIn("run 1", done.stderr)


if __name__ == "__main__":
    BUILD = sys.argv.pop()
    unittest.main()
