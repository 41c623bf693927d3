#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tshark with the dissector shows what the golden vectors say, and survives garbage.

usage: trace_tshark_test.py TLPBRIDGE.LUA
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

import trace_file as tf

LUA = None

NAMES = {
    "MEM_READ": "MRd", "MEM_READ_LOCKED": "MRdLk", "MEM_WRITE": "MWr", "DEF_MEM_WRITE": "DMWr",
    "FETCH_ADD": "FetchAdd", "SWAP": "Swap", "CAS": "CAS", "IO_READ": "IORd", "IO_WRITE": "IOWr",
    "CFG_READ_0": "CfgRd0", "CFG_READ_1": "CfgRd1", "CFG_WRITE_0": "CfgWr0",
    "CFG_WRITE_1": "CfgWr1", "MSG": "Msg", "MSGD": "MsgD", "CPL": "Cpl", "CPL_DATA": "CplD",
    "CPL_LOCKED": "CplLk", "CPL_LOCKED_DATA": "CplDLk",
}

# Field of the vectors: field of the dissector, base of the vector's number or string.
FIELDS = {
    "fmt": ("fmt", 0), "type": ("type", 0), "tc": ("tc", 0), "th": ("th", 0), "td": ("td", 0),
    "ep": ("ep", 0), "attr_ido": ("ido", 0), "attr_ro": ("ro", 0), "attr_ns": ("ns", 0),
    "at": ("at", 0), "length_dw": ("length_dw", 0), "tag": ("tag", 0),
    "requester_id": ("requester_id", 16), "first_be": ("first_be", 0), "last_be": ("last_be", 0),
    "address": ("address", 16), "ph": ("ph", 0), "dest_id": ("dest_id", 16),
    "reg_offset": ("reg_offset", 0), "routing": ("routing", 0),
    "message_code": ("message_code", 0), "dw2": ("dw2", 16), "dw3": ("dw3", 16),
    "completer_id": ("completer_id", 16), "status": ("status", 0), "bcm": ("bcm", 0),
    "byte_count": ("byte_count", 0), "lower_address": ("lower_address", 0),
    "pasid": ("pasid", 0), "priv": ("pasid_priv", 0), "exec": ("pasid_exec", 0),
}


def run(*arguments):
    done = subprocess.run(["tshark", "-X", "lua_script:" + LUA, *arguments],
                          capture_output=True, text=True, errors="replace", check=False)
    errors = [line for line in done.stderr.splitlines() if "root" not in line]
    return done.returncode, done.stdout, "\n".join(errors)


def fields(path, names, *more):
    """A list of {name: text} a packet; "" where the packet has no such field."""
    wanted = [argument for name in names for argument in ("-e", name)]
    status, out, errors = run("-r", path, "-T", "fields", "-E", "separator=\t",
                              *wanted, *more)
    if status or errors:
        raise AssertionError(f"tshark: status {status}: {errors}")
    return [dict(zip(names, line.split("\t"))) for line in out.splitlines()]


def number(text):
    return {"True": 1, "False": 0}[text] if text in ("True", "False") else int(text, 0)


class TsharkTest(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.dir)
        self.path = os.path.join(self.dir, "x.pcap")

    def write(self, packets):
        tf.write(self.path, packets)
        return self.path

    def test_fields_of_the_golden_vectors(self):
        vectors = tf.vectors()["vectors"]
        path = self.write(tf.record(bytes.fromhex(v["tlp_hex"])) for v in vectors)
        names = ["tlpbridge.tlp." + name for name, _ in FIELDS.values()]
        extra = ["tlpbridge.tlp.name", "tlpbridge.tlp.payload", "tlpbridge.tlp.ecrc",
                 "tlpbridge.malformed"]
        packets = fields(path, names + extra)
        self.assertEqual(len(packets), len(vectors))
        for vector, packet in zip(vectors, packets):
            with self.subTest(vector["name"]):
                self.check_vector(vector, packet)

    def check_vector(self, vector, packet):
        mnemonic = vector["mnemonic"].removesuffix("_64")
        self.assertEqual(packet["tlpbridge.tlp.name"], NAMES[mnemonic])
        self.assertEqual(packet["tlpbridge.malformed"], "")
        self.assertEqual(packet["tlpbridge.tlp.payload"], vector.get("payload_hex", ""))
        if "ecrc" in vector:
            self.assertEqual(number(packet["tlpbridge.tlp.ecrc"]), int(vector["ecrc"], 16))
        for key, value in vector["fields"].items():
            if key not in FIELDS or (key == "ph" and not vector["fields"]["th"]):
                continue
            name, base = FIELDS[key]
            expected = int(value, base) if base else value
            self.assertEqual(number(packet["tlpbridge.tlp." + name]), expected, key)

    def test_malformed_tlps_are_told(self):
        rules = ("TRUNCATED", "UNDEFINED_FMT_TYPE", "SIZE_MISMATCH")
        bad = [v for v in tf.vectors()["negative"] if v.get("rule_id") in rules]
        self.assertTrue(bad)
        path = self.write(tf.record(bytes.fromhex(v["tlp_hex"])) for v in bad)
        for vector, packet in zip(bad, fields(path, ["tlpbridge.malformed", "_ws.col.Info"])):
            self.assertNotEqual(packet["tlpbridge.malformed"], "", vector["name"])
            self.assertIn(vector["rule_id"], packet["_ws.col.Info"])

    def test_pseudo_header_and_columns(self):
        read = bytes.fromhex("0000000100000a0ffebf1000")
        path = self.write([
            tf.record(read, time_ps=1234567, link=3, function=4),
            tf.record(read, time_ps=2**63 + 1, direction=tf.TO_HOST, link=65535),
        ])
        first, second = fields(path, [
            "tlpbridge.time_ps", "tlpbridge.direction", "tlpbridge.link", "tlpbridge.function",
            "frame.time_epoch", "_ws.col.Info", "_ws.col.Source", "_ws.col.Destination",
            "_ws.col.Protocol"])
        self.assertEqual(list(first.values()), [
            "1234567", "0", "3", "4", "0.000001234",
            "MRd 0xfebf1000 4 bytes, req 00:00.0 tag 10", "host", "ep", "TLP"])
        self.assertEqual(second["tlpbridge.time_ps"], str(2**63 + 1))
        self.assertEqual(second["tlpbridge.direction"], "1")
        self.assertEqual(second["_ws.col.Source"], "ep")

    def test_fields_can_be_filtered(self):
        path = self.write(tf.record(bytes.fromhex(v["tlp_hex"])) for v in tf.vectors()["vectors"])
        reads = fields(path, ["tlpbridge.tlp.name"], "-Y", 'tlpbridge.tlp.name == "MRd"')
        self.assertGreater(len(reads), 1)
        self.assertEqual({r["tlpbridge.tlp.name"] for r in reads}, {"MRd"})
        high = fields(path, ["tlpbridge.tlp.address"], "-Y", "tlpbridge.tlp.address >= 0x100000000")
        self.assertTrue(high)

    def test_other_frames_have_a_line(self):
        path = self.write([
            tf.record(tf.hello(1, b"endpoint-test"), kind=4),
            tf.record(b"", kind=6),
            tf.record(b"\x02\x00", kind=10),
            tf.record(tf.dma_fault(9, 15, 0x123456789000), kind=11),
            tf.record(tf.goodbye(6, b"bad \xff tag\n"), kind=18),
            tf.record(b"\x01\x00\x00\x00", kind=20),
            tf.record(tf.grant_mem(2, 0, 0x100000000, 4096), kind=12),
            tf.record(tf.revoke(7, 2, 0x100000000, 4096), kind=13),
            tf.record(b"\x07\x00\x00\x00", kind=14),
            tf.record(tf.dirty([(2, 0x100000000, 64), (0, 4096, 8)]), kind=15),
            tf.record(b"abc", kind=999),
        ])
        info = [p["_ws.col.Info"] for p in fields(path, ["_ws.col.Info"])]
        self.assertEqual(info, [
            'HELLO from endpoint "endpoint-test"', "READY", "RESET FLR",
            "DMA_FAULT at 0x123456789000: no such address",
            "GOODBYE the peer broke the protocol: bad ? tag?", "EOI of INTB",
            "GRANT_MEM to function 2: 0x100000000, 4096 bytes, read",
            "REVOKE 7 of function 2: 0x100000000, 4096 bytes", "REVOKED 7",
            "DIRTY by function 2: 0x100000000, 64 bytes and 1 more",
            "frame kind 999"])

    def test_garbage_raises_no_error_in_the_script(self):
        rng = random.Random(1)
        good = [bytes.fromhex(v["tlp_hex"]) for v in tf.vectors()["vectors"]]
        packets = [tf.record(b"")[:n] for n in range(17)] + [b"\2" * 40]
        for tlp in good:
            packets += [tf.record(tlp[:n]) for n in range(min(len(tlp), 40))]
        for kind in range(20):
            body = rng.randbytes(80)
            packets += [tf.record(body[:n], kind=kind) for n in (0, 1, 2, 3, 15, 16, 61, 62, 63, 80)]
        packets += [tf.record(bytes([byte0]) + rng.randbytes(rng.randrange(40)))
                    for byte0 in range(256)]
        packets += [tf.record(rng.randbytes(rng.randrange(200)), time_ps=rng.getrandbits(64),
                              direction=rng.getrandbits(8), kind=rng.choice((7, rng.getrandbits(16))))
                    for _ in range(500)]
        status, out, errors = run("-r", self.write(packets), "-V")
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(out.count("tlpbridge trace"), len(packets))
        self.assertFalse("Lua Error" in out)  # assertNotIn() would print it all


if __name__ == "__main__":
    LUA = os.path.abspath(sys.argv.pop(1))
    if not shutil.which("tshark"):
        sys.exit("there is no tshark: install Debian's package tshark, or run script/setup")
    unittest.main()
