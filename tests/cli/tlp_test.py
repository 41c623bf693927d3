#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tlpbridge tlp: the vectors through decode and encode, bad lines, and use as a coprocess.

usage: tlp_test.py TLPBRIDGE VECTORS
"""
import json
import subprocess
import sys
import unittest

TOOL, VECTORS = sys.argv[1:3]
with open(VECTORS) as vectors:
    GOLDEN = json.load(vectors)


def run(*arguments, lines=()):
    text = "".join(line + "\n" for line in lines)
    done = subprocess.run([TOOL, *arguments], input=text, capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines(), done.stderr


def decode(lines, *arguments):
    status, out, _ = run("tlp", "decode", *arguments, lines=lines)
    return status, [json.loads(line) for line in out]


class Vectors(unittest.TestCase):
    def setUp(self):
        self.vectors = GOLDEN["vectors"]
        self.hex = [vector["tlp_hex"] for vector in self.vectors]

    def test_decode_gives_the_objects_of_the_file_in_its_key_order(self):
        status, objects = decode(self.hex)
        self.assertEqual(status, 0)
        self.assertEqual(len(objects), len(self.vectors))
        for vector, found in zip(self.vectors, objects):
            with self.subTest(vector["name"]):
                for key in ("mnemonic", "credits", "payload_hex", "ecrc"):
                    self.assertEqual(found.get(key), vector.get(key))
                self.assertEqual(list(found["fields"].items()), list(vector["fields"].items()))
                self.assertEqual(found["verdict"], "ACCEPT")
                self.assertNotIn("rule_id", found)

    def test_decode_then_encode_gives_the_same_bytes(self):
        _, out, _ = run("tlp", "decode", lines=self.hex)
        self.assertEqual(run("tlp", "encode", lines=out), (0, self.hex, ""))

    def test_encode_takes_the_objects_of_the_file(self):
        lines = [json.dumps(vector) for vector in self.vectors]
        self.assertEqual(run("tlp", "encode", lines=lines), (0, self.hex, ""))

    def test_encode_computes_a_missing_digest(self):
        lines = [json.dumps({k: v for k, v in vector.items() if k != "ecrc"})
                 for vector in self.vectors]
        self.assertEqual(run("tlp", "encode", lines=lines)[1], self.hex)

    def test_encode_takes_fmt_and_type_for_the_mnemonic(self):
        lines = [json.dumps({k: v for k, v in vector.items() if k != "mnemonic"})
                 for vector in self.vectors]
        self.assertEqual(run("tlp", "encode", lines=lines)[1], self.hex)

    def test_text_gives_a_line_each(self):
        status, out, _ = run("tlp", "text", lines=self.hex)
        self.assertEqual((status, len(out)), (0, len(self.hex)))
        self.assertNotIn("malformed", "".join(out))

    def test_malformed_ones_name_their_rule(self):
        status, objects = decode([n["tlp_hex"] for n in GOLDEN["negative"]], "--mps", "128")
        self.assertEqual(status, 0)
        for vector, found in zip(GOLDEN["negative"], objects):
            with self.subTest(vector["name"]):
                if vector["stateless"]:
                    self.assertEqual(found["verdict"], "MALFORMED")
                    self.assertEqual(found["rule_id"], vector["rule_id"])
                else:
                    self.assertEqual(found["verdict"], "ACCEPT")


class Exact(unittest.TestCase):
    """JSON's usual numbers have 53 bits; addresses and data have more."""

    def test_addresses_and_data_of_64_bits_keep_every_bit(self):
        for address in (0xfffffffffffffffc, (1 << 53) + 4, (1 << 63) | 4, 0x123456789abcdef0):
            for data in ("ffffffffffffffff", "0020000000000001", "fedcba9876543211"):
                line = f"60000002000000ff{address:016x}{data}"
                _, [found] = decode([line])
                self.assertEqual(found["fields"]["address"], f"{address:x}")
                self.assertEqual(found["payload_hex"], data)
                self.assertEqual(run("tlp", "encode", lines=[json.dumps(found)]), (0, [line], ""))

    def test_a_message_s_doublewords_keep_every_bit(self):
        line = "34000000000000ff" + "ffffffff80000001"
        _, [found] = decode([line])
        self.assertEqual((found["fields"]["dw2"], found["fields"]["dw3"]), ("ffffffff", "80000001"))
        self.assertEqual(run("tlp", "encode", lines=[json.dumps(found)]), (0, [line], ""))

    def test_an_address_as_a_number_is_refused_and_not_rounded(self):
        for address in (4096, (1 << 53) + 4, 1e300, -4):
            status, [line], _ = run("tlp", "encode", lines=[json.dumps(
                {"mnemonic": "MEM_READ_64", "fields": {"address": address}})])
            self.assertEqual(status, 1)
            self.assertIn("address is not a string of up to 16 hex digits", line)

    def test_numbers_that_do_not_fit_are_refused(self):
        for field, number in (("tag", 1024), ("tag", 0.5), ("tag", (1 << 64) + 1), ("length_dw", 1 << 32),
                              ("pasid", 1 << 20), ("tc", 1e400), ("first_be", -1)):
            text = json.dumps({"mnemonic": "MEM_READ", "fields": {field: number}})
            status, [line], _ = run("tlp", "encode", lines=[text.replace("Infinity", "1e400")])
            self.assertEqual(status, 1, text)
            self.assertIn(f"{field} is not a whole number", line)


class Lines(unittest.TestCase):
    READ = "0000000100000a0ffebf1000"

    def test_bad_lines_are_reported_and_the_next_one_is_read(self):
        status, objects = decode(["hello", self.READ, "", "abc", self.READ.upper()])
        self.assertEqual(status, 1)
        self.assertEqual([o.get("line") for o in objects], [1, None, 3, 4, None])
        self.assertEqual(objects[1], objects[4])

    def test_lines_longer_than_any_tlp_are_judged_too(self):
        _, objects = decode(["40" * 100000, "zz" * 100000, "91" * 100000, self.READ])
        self.assertEqual(objects[0]["rule_id"], "SIZE_MISMATCH")
        self.assertIn("error", objects[1])
        self.assertEqual(objects[2]["rule_id"], "TRUNCATED")
        self.assertEqual(objects[3]["verdict"], "ACCEPT")

    def test_every_truncation_of_a_vector_gives_one_object(self):
        whole = next(v["tlp_hex"] for v in GOLDEN["vectors"] if v["name"] == "cpld_td")
        cuts = [whole[:n] for n in range(2, len(whole), 2)]
        status, objects = decode(cuts)
        self.assertEqual((status, len(objects)), (0, len(cuts)))
        self.assertEqual([o["rule_id"] for o in objects],
                         ["TRUNCATED"] * 11 + ["SIZE_MISMATCH"] * 8)

    def test_blanks_between_bytes_and_carriage_returns_are_ignored(self):
        _, objects = decode(["  00000001 00000a0f fe bf 10 00\r", self.READ])
        self.assertEqual(objects[0], objects[1])

    def test_other_prefixes_survive_the_round_trip(self):
        line = "8012345692abcdef91f12345" + self.READ
        _, objects = decode([line])
        self.assertEqual(objects[0]["prefixes"], ["80123456", "92abcdef", "91f12345"])
        self.assertEqual(objects[0]["fields"]["exec"], 1)
        self.assertEqual(run("tlp", "encode", lines=[json.dumps(objects[0])])[1], [line])

    def test_encode_fills_in_usual_values(self):
        objects = [
            {"mnemonic": "MEM_READ"},
            {"mnemonic": "MEM_WRITE_64", "fields": {"address": "100000000"},
             "payload_hex": "0011223344556677"},
            {"mnemonic": "CPL", "fields": {"status": 1}},
            {"mnemonic": "CFG_READ_0", "fields": {"ext_reg": 1, "reg": 2}},
            {"mnemonic": "MSG", "fields": {"routing": 4, "message_code": 32}},
        ]
        self.assertEqual(run("tlp", "encode", lines=map(json.dumps, objects)), (0, [
            "000000010000000f00000000",
            "60000002000000ff00000001000000000011223344556677",
            "0a0000000000200400000000",
            "040000010000000f00000108",
            "34000000000000200000000000000000",
        ], ""))

    def test_encode_says_what_is_wrong(self):
        wrong = [
            ("{", "not JSON"),
            ("[]", "not an object"),
            ("{}", "mnemonic is missing"),
            ('{"mnemonic": "MEM_REED"}', "mnemonic"),
            ('{"mnemonic": "IO_READ_64"}', "mnemonic"),
            ('{"mnemonic": "MEM_READ", "fields": {"adress": "0"}}', "adress"),
            ('{"mnemonic": "MEM_READ", "fields": {"tc": 8}}', "tc"),
            ('{"mnemonic": "MEM_READ", "fields": {"tc": -1}}', "tc"),
            ('{"mnemonic": "MEM_READ", "fields": {"tag": 0.5}}', "tag"),
            ('{"mnemonic": "MEM_READ", "fields": {"tag": 1e99}}', "tag"),
            ('{"mnemonic": "MEM_READ", "fields": {"address": "2"}}', "address"),
            ('{"mnemonic": "MEM_READ", "fields": {"address": 4096}}', "address"),
            ('{"mnemonic": "MEM_READ", "fields": {"address": "100000000"}}', "_64"),
            ('{"mnemonic": "MEM_READ", "fields": {"fmt": 1}}', "fmt"),
            ('{"mnemonic": "MEM_READ", "payload_hex": "00000000"}', "payload_hex"),
            ('{"mnemonic": "MEM_WRITE"}', "payload_hex"),
            ('{"mnemonic": "MEM_WRITE", "payload_hex": "001122"}', "payload_hex"),
            ('{"mnemonic": "MEM_WRITE", "payload_hex": "%s"}' % ("00" * 5000), "payload_hex"),
            ('{"mnemonic": "CPL", "fields": {"length_dw": 1}}', "length_dw"),
            ('{"fields": {"fmt": 0, "type": 31}}', "not defined"),
        ]
        status, out, _ = run("tlp", "encode", lines=[line for line, _ in wrong])
        self.assertEqual((status, len(out)), (1, len(wrong)))
        for number, (answer, (line, reason)) in enumerate(zip(out, wrong), 1):
            with self.subTest(line[:80]):
                self.assertEqual(json.loads(answer)["line"], number)
                self.assertIn(reason, json.loads(answer)["error"])

    def test_answers_come_at_once_to_a_coprocess(self):
        with subprocess.Popen([TOOL, "tlp", "decode"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, bufsize=1) as tool:
            for _ in range(3):
                tool.stdin.write(self.READ + "\n")
                self.assertEqual(json.loads(tool.stdout.readline())["mnemonic"], "MEM_READ")


class CommandLine(unittest.TestCase):
    def test_help_is_an_answer(self):
        for arguments in (["--help"], ["tlp", "--help"], ["tlp", "decode", "--help"]):
            status, out, err = run(*arguments)
            self.assertEqual((status, err), (0, ""))
            self.assertIn("usage:", out[0])

    def test_version(self):
        self.assertRegex(run("--version")[1][0], r"^tlpbridge \d+\.\d+\.\d+$")

    def test_unknown_words_name_the_nearest(self):
        status, _, err = run("tpl")
        self.assertEqual(status, 2)
        self.assertIn('did you mean "tlp"', err)
        status, _, err = run("tlp", "decod")
        self.assertEqual(status, 2)
        self.assertIn('did you mean "decode"', err)
        self.assertIn("there is: ", run("frobnicate")[2])

    def test_mps_is_a_max_payload_size(self):
        for size in ("0", "64", "100", "8192", "-128", "128x", ""):
            status, out, err = run("tlp", "decode", "--mps", size)
            self.assertEqual((status, out), (2, []))
            self.assertIn("--mps is 128, 256", err)

    def test_what_cannot_be_read_is_named(self):
        status, out, err = run("tlp", "decode", "/")
        self.assertEqual((status, out), (1, []))
        self.assertIn("/: ", err)

    def test_a_missing_file_is_named(self):
        status, _, err = run("tlp", "decode", "/nonexistent")
        self.assertEqual(status, 1)
        self.assertIn("/nonexistent", err)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
