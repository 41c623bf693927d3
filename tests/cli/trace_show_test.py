#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tlpbridge trace show: lines, JSON, summary, and broken files.

usage: trace_show_test.py TLPBRIDGE
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

import trace_file as tf

TOOL = os.path.abspath(sys.argv.pop(1))

READ = bytes.fromhex("0000000100000a0ffebf1000")
WRITE = bytes.fromhex("400000010100000ffee0000001020304")
CONFIG = bytes.fromhex("040000010000200f01000000")
CROSSING = bytes.fromhex("00000002010001ff20000ffc")
DIGEST = bytes.fromhex("0000800100001e0fc0000000de8a7542")


def run(*arguments):
    done = subprocess.run([TOOL, "trace", *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines(), done.stderr


class TraceShow(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.dir)
        self.path = os.path.join(self.dir, "x.pcap")

    def write(self, packets, **more):
        tf.write(self.path, packets, **more)
        return self.path

    def mixed(self):
        return self.write([
            tf.record(CONFIG, time_ps=1),
            tf.record(READ, time_ps=1234567, link=3),
            tf.record(WRITE, time_ps=2000000, direction=tf.TO_HOST),
            tf.record(CROSSING, time_ps=2**63, direction=tf.TO_HOST),
        ])

    def test_a_line_a_record(self):
        status, lines, errors = run("show", self.mixed())
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual([line.split("  ", 1)[1].strip() for line in lines[:3]], [
            "1            0.001 ns  host>ep  0  CfgRd0 01:00.0 reg 0x0 4 bytes, req 00:00.0 tag 32",
            "2         1234.567 ns  host>ep  3  MRd 0xfebf1000 4 bytes, req 00:00.0 tag 10",
            "3         2000.000 ns  ep>host  0  MWr 0xfee00000 4 bytes, req 01:00.0 tag 0, "
            "data 01020304",
        ])
        self.assertIn("malformed CROSSES_4K", lines[3])
        self.assertIn("hex " + CROSSING.hex(), lines[3])
        self.assertEqual(lines[4], "records 4 (0.001 ns to 9223372036854775.808 ns), "
                         "config reads 1, memory reads 1, DMA writes 1, DMA bytes written 4, "
                         "malformed TLPs 1")
        self.assertEqual(len(lines), 5)

    def test_a_digest_that_does_not_fit_is_told(self):
        _, lines, _ = run("show", self.write([tf.record(DIGEST), tf.record(DIGEST[:-1] + b"C")]))
        self.assertIn("  MRd 0xc0000000 4 bytes, req 00:00.0 tag 30 ECRC de8a7542", lines[0])
        self.assertIn("  wrong ECRC: MRd 0xc0000000 4 bytes, req 00:00.0 tag 30 ECRC de8a7543", lines[1])

    def test_summary_alone(self):
        _, lines, _ = run("show", self.mixed())
        self.assertEqual(run("show", "--summary", self.path), (0, lines[-1:], ""))

    def test_json_keeps_picoseconds(self):
        status, lines, _ = run("show", "--json", self.mixed())
        objects = [json.loads(line) for line in lines]
        self.assertEqual(status, 0)
        self.assertEqual([o["time_ps"] for o in objects[:4]], [1, 1234567, 2000000, 2**63])
        self.assertEqual(objects[1]["tlp"]["mnemonic"], "MEM_READ")
        self.assertEqual(objects[1]["link"], 3)
        self.assertEqual(objects[2]["direction"], "ep>host")
        self.assertEqual(objects[3]["tlp"]["rule_id"], "CROSSES_4K")
        self.assertEqual(objects[4]["summary"]["records"], 4)
        self.assertEqual(objects[4]["summary"]["dma_write_bytes"], 4)

    def test_from_and_to_select_by_time(self):
        _, lines, _ = run("show", "--from", "1234567", "--to", "2000000", self.mixed())
        self.assertEqual([line.split()[0] for line in lines], ["2", "3", "records"])
        for bad in ("", "x", "-1", "1x", "99999999999999999999"):
            self.assertEqual(run("show", "--from", bad, self.path)[0], 2)

    def test_every_vector_has_a_line(self):
        golden = tf.vectors()["vectors"]
        status, lines, _ = run("show", self.write(tf.record(bytes.fromhex(v["tlp_hex"]))
                                                  for v in golden))
        self.assertEqual((status, len(lines)), (0, len(golden) + 1))
        self.assertNotIn("malformed", "".join(lines))

    def test_other_frames_by_name(self):
        _, lines, _ = run("show", self.write([
            tf.record(tf.hello(1, b"endpoint\x1b[31m"), kind=4),
            tf.record(b"", kind=6),
            tf.record(b"\x02\x00", kind=10),
            tf.record(b"\x02", kind=10),
            tf.record(tf.dma_fault(9, 15, 0x123456789000), kind=11),
            tf.record(tf.goodbye(6, b"bad tag"), kind=18),
            tf.record(b"\x01\x00\x00\x00", kind=20),
            tf.record(tf.grant_mem(2, 1, 0x100000000, 4096), kind=12),
            tf.record(tf.revoke(7, 2, 0x100000000, 4096), kind=13),
            tf.record(b"\x07\x00\x00\x00", kind=14),
            tf.record(tf.dirty([(2, 0x100000000, 64), (0, 4096, 8)]), kind=15),
            tf.record(tf.dirty([]), kind=15),
            tf.record(b"abc", kind=999),
            tf.record(b"abc", kind=5),
        ]))
        self.assertEqual([line.split("  0  ")[-1] for line in lines[:-1]], [
            'HELLO from endpoint "endpoint?[31m", version 1, MPS 512, MRRS 512, RCB 64',
            "READY", "RESET FLR", "RESET, cut: 1 bytes are too short",
            "DMA_FAULT of frame 9 at 0x123456789000: no such address",
            "GOODBYE, reason 6: the peer broke the protocol: bad tag",
            "EOI of INTB",
            "GRANT_MEM to function 2: 0x100000000, 4096 bytes, read and write",
            "REVOKE 7 of function 2: 0x100000000, 4096 bytes", "REVOKED 7",
            "DIRTY by function 2: 0x100000000, 64 bytes and 1 more",
            "DIRTY, cut: 4 bytes are too short",
            "frame of unknown kind 999, 3 bytes",
            "DEVICE, not legal: 3 bytes are too short for a record",
        ])

    def test_broken_files_show_what_there_is_and_fail(self):
        with open(self.mixed(), "rb") as f:
            whole = f.read()
        with open(self.path, "wb") as f:
            f.write(whole[:-1])
        status, lines, errors = run("show", self.path)
        self.assertEqual((status, len(lines)), (1, 4))
        self.assertIn("is broken: record 4", errors)
        self.assertEqual(run("show", self.write([READ], linktype=1))[0], 1)
        with open(self.path, "wb") as f:
            f.write(b"no pcap at all, but some text")
        status, lines, errors = run("show", self.path)
        self.assertEqual((status, lines), (1, []))
        self.assertIn(self.path, errors)
        self.assertEqual(run("show", os.path.join(self.dir, "none"))[0], 1)

    def test_garbage_in_records_is_shown(self):
        rng = random.Random(2)
        packets = [tf.record(rng.randbytes(rng.randrange(100)), time_ps=rng.getrandbits(64),
                             direction=rng.getrandbits(1), kind=rng.randrange(20))
                   for _ in range(3000)]
        for option in ((), ("--json",), ("--summary",)):
            status, _, errors = run("show", *option, self.write(packets))
            self.assertEqual((status, errors), (0, ""))

    def test_a_full_disk_is_told(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([TOOL, "trace", "show", self.mixed()], stdout=full,
                                  stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left", done.stderr)

    def test_usage(self):
        status, lines, _ = run("--help")
        self.assertEqual((status, lines[0][:21]), (0, "usage: tlpbridge trace"[:21]))
        for arguments in ((), ("shwo", "x"), ("show",), ("show", "x", "y"), ("--nonsense",)):
            self.assertEqual(run(*arguments)[0], 2)


if __name__ == "__main__":
    unittest.main()
