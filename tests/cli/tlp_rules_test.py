#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tlpbridge tlp order, split and check: the vectors, the state file, and bad input.

usage: tlp_rules_test.py TLPBRIDGE VECTORS
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

TOOL, VECTORS = sys.argv[1:3]
with open(VECTORS, encoding="utf-8") as vectors:
    GOLDEN = json.load(vectors)

# One state in which every negative vector gets the verdict that it is there for.
STATE = {
    "bdf": "0100", "mps": 128, "atomics": [32, 64],
    "bars": [{"base": "20000000", "size": 0x100000}],
    "outstanding": [{"mnemonic": "MEM_READ", "tag": 1, "requester_id": "0000", "address": "1000"}],
}


def run(*arguments, lines=()):
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    done = subprocess.run([TOOL, "tlp", *arguments], input=text, capture_output=True, text=True)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def check(lines, state=None, *options):
    """Judge, and give (verdict, rule_id) of each line."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "state.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(state or {}, file)
        status, out, err = run("check", "--state", path, *options, lines=lines)
    assert (status, err) == (0, ""), (out, err)
    return [(o["verdict"], o.get("rule_id")) for o in out]


class Vectors(unittest.TestCase):
    def each(self, command, group, expected):
        status, out, err = run(command, lines=GOLDEN[group])
        self.assertEqual((status, err, len(out)), (0, "", len(GOLDEN[group])))
        for vector, found in zip(GOLDEN[group], out):
            with self.subTest(vector):
                self.assertEqual(found, expected(vector))

    def test_order_gives_the_verdicts(self):
        self.each("order", "ordering", lambda v: {"verdict": v["verdict"]})

    def test_split_gives_the_completions(self):
        self.each("split", "completion_splits", lambda v: {"completions": v["completions"]})

    def test_check_gives_what_each_negative_is_there_for(self):
        negative = GOLDEN["negative"]
        for lines in ([n["tlp_hex"] for n in negative], negative):
            for vector, (verdict, rule) in zip(negative, check(lines, STATE)):
                with self.subTest(vector["name"]):
                    self.assertEqual(verdict, vector["expect"])
                    if "rule_id" in vector:
                        self.assertEqual(rule, vector["rule_id"])

    def test_check_accepts_the_others_where_they_belong(self):
        state = {"bdf": "0100", "legacy": True, "atomics": [32, 64, 128],
                 "messages": [0x7f, 0x30, 0x31, 0x33, 0x18, 0x1b, 0x10],
                 "bars": [{"base": "0", "size": 2 ** 62}, {"base": "8000000000000000", "size": 2 ** 62},
                          {"base": "c000000000000000", "size": 2 ** 62}, {"base": "0", "size": 65536, "io": True}]}
        for vector in GOLDEN["vectors"]:
            if vector["credits"]["cls"] == "CPL":
                continue
            with self.subTest(vector["name"]):
                [(verdict, rule)] = check([vector["tlp_hex"]], state)
                if vector["fields"]["ep"]:
                    self.assertIn("POISONED", verdict)
                elif vector["mnemonic"].startswith("CFG") and "1" in vector["mnemonic"]:
                    self.assertEqual(rule, "CFG_TYPE1")
                else:
                    self.assertEqual((verdict, rule), ("ACCEPT", None))


class Documents(unittest.TestCase):
    """docs/pcie-fidelity.md against the sources."""
    ROOT = os.path.join(os.path.dirname(VECTORS), "../..")

    def read(self, path):
        with open(os.path.join(self.ROOT, path), encoding="utf-8") as file:
            return file.read()

    def setUp(self):
        table = self.read("docs/pcie-fidelity.md").split("## Rules by name")[1].split("\n## ")[0]
        rows = re.findall(r"^\| ([A-Z0-9_, ]+) \| [^|]* \| ([^|]*) \|$", table, re.M)
        self.rules = [rule for names, _ in rows for rule in names.split(", ")]
        self.tests = [test for _, tests in rows for test in re.findall(r"`([^`]*)`", tests)]

    def test_every_rule_is_there_once(self):
        form = re.search(r"define TLPB_RULE_LIST\(X\)(.*?)\n\n", self.read("bridge/include/tlpbridge/tlp.h"), re.S)
        names = re.findall(r"X\((\w+)\)", form.group(1))
        names += re.findall(r'^\t\{ "([A-Z0-9_]+)",', self.read("bridge/src/judge.c"), re.M)
        self.assertGreater(len(names), 50)
        self.assertEqual(set(self.rules), set(names))
        self.assertEqual(len(self.rules), len(names))

    def test_the_second_implementation_must_meet_every_rule(self):
        listed = re.search(r'RULES = set\("""(.*?)"""', self.read("tests/reference/differential_test.py"), re.S)
        self.assertEqual(set(listed.group(1).split()) - {"ACCEPT"}, set(self.rules) - {"TOO_MANY_OUTSTANDING"})

    def test_the_tests_named_are_there(self):
        sources = "".join(self.read(f"tests/unit/{name}_test.c") for name in ("judge", "tlp_codec"))
        there = {f"{suite}.{test}" for suite, test in re.findall(r"^TEST\((\w+), (\w+)\)", sources, re.M)}
        self.assertGreater(len(self.tests), 40)
        self.assertEqual(set(self.tests) - there, set())


class Order(unittest.TestCase):
    def test_pasids_count_as_ids(self):
        base = {"later": "P", "earlier": "P", "later_ido": 1, "ids_equal": 1}
        verdicts = [run("order", lines=[{**base, **more}])[1][0]["verdict"] for more in (
            {}, {"later_pasid": 1}, {"later_pasid": 1, "earlier_pasid": 2},
            {"later_pasid": 1, "earlier_pasid": 1}, {"later_pasid": 1, "earlier_pasid": None})]
        self.assertEqual(verdicts, ["MUST_NOT", "MUST_NOT", "MAY", "MUST_NOT", "MUST_NOT"])

    def test_tlps_in_hex(self):
        write, read = "400000010100000f00001000", "000000010100000f00001000"
        relaxed = "400020010100000f0000100000000000"
        completion, other_tag = "0a000000010000040000 0500", "0a000000010000040000 0600"
        pasid = "91000005" + "400400010100000f00001000"
        cases = [
            (read, write, "MUST_NOT"), (write, read, "MUST"), (relaxed, write, "MAY"),
            (completion, completion, "MUST_NOT"), (completion, other_tag, "MAY"),
            (completion, write, "MUST_NOT"), (pasid, "91000006" + write, "MAY"),
            (pasid, "91000005" + write, "MUST_NOT"),
            ("40100001" + write[8:], write, "MAY"),     # another traffic class
        ]
        _, out, _ = run("order", lines=[{"later_hex": a, "earlier_hex": b} for a, b, _ in cases])
        self.assertEqual([o["verdict"] for o in out], [verdict for _, _, verdict in cases])
        _, [found], _ = run("order", lines=[{"later_hex": completion, "earlier_hex": write,
                                             "completion_kind": "io_cfg_write"}])
        self.assertEqual(found["verdict"], "MAY")

    def test_what_is_wrong_is_told(self):
        wrong = [
            ("", "not JSON"), ("[]", "not an object"), ({}, "earlier is not"),
            ({"later": "X", "earlier": "P"}, "later is not"),
            ({"later": "P", "earlier": "P", "later_ro": 2}, "later_ro is not"),
            ({"later": "P", "earlier": "P", "completion_kind": "raed"}, "completion_kind"),
            ({"later": "P", "earlier": "P", "later_pasid": 1 << 20}, "later_pasid"),
            ({"later_hex": "00"}, "later_hex has no header"),
            ({"later_hex": "zz"}, "not hex"),
            ({"later_hex": "000000010100000f00001000"}, "earlier_hex is missing"),
        ]
        status, out, _ = run("order", lines=[line for line, _ in wrong])
        self.assertEqual((status, len(out)), (1, len(wrong)))
        for answer, (line, reason) in zip(out, wrong):
            self.assertIn(reason, answer["error"], line)


class Split(unittest.TestCase):
    def test_a_flush_brings_one_doubleword_and_no_byte(self):
        _, [out], _ = run("split", lines=[{"request_header_dw": ["00000001", "01005500", "20001000"]}])
        [only] = out["completions"]
        self.assertEqual((only["length_dw"], only["byte_count"], only["lower_address"],
                          only["valid_bytes"]), (1, 1, 0, 0))

    def test_class_attributes_and_ids_are_those_of_the_request(self):
        _, [out], _ = run("split", lines=[{"request_header_dw": ["01b83001", "0100ff0f", "20001000"],
                                           "completer_id": "0300"}])
        [only] = out["completions"]
        self.assertEqual(only["header_dw"], ["4bb83001", "03000004", "0100ff00"])

    def test_what_is_wrong_is_told(self):
        read = ["00000001", "0100550f", "20001000"]
        wrong = [
            ({}, "request_header_dw is missing"),
            ({"request_header_dw": read[:2]}, "malformed: TRUNCATED"),
            ({"request_header_dw": read + read}, "more than 4"),
            ({"request_header_dw": ["zz"]}, "hex digits"),
            ({"request_header_dw": ["40000001", "0100550f", "20001000"]}, "malformed: SIZE_MISMATCH"),
            ({"request_header_dw": ["04000001", "0100550f", "20001000"]}, "no memory read"),
            ({"request_header_dw": read, "mps": 100}, "mps is not"),
            ({"request_header_dw": read, "rcb": 32}, "rcb is not"),
            ({"request_header_dw": read, "addr": "20001001"}, "addr is not"),
            ({"request_header_dw": read, "length": 3}, "length is not"),
            ({"request_header_dw": read, "memory_rule": "zero"}, "memory_rule is not"),
            ({"request_header_dw": read, "memory_rule": "byte at address a = (7*a+3) & 0xff."}, "memory_rule is not"),
            ({"request_header_dw": read, "completer_id": "12345"}, "completer_id"),
        ]
        status, out, _ = run("split", lines=[line for line, _ in wrong])
        self.assertEqual((status, len(out)), (1, len(wrong)))
        for answer, (line, reason) in zip(out, wrong):
            self.assertIn(reason, answer["error"], line)


class Check(unittest.TestCase):
    READ = "000000010000010f20000000"

    def test_without_a_state_all_is_enabled_and_nothing_is_mapped(self):
        status, [out], _ = run("check", lines=[self.READ])
        self.assertEqual((status, out), (0, {"mnemonic": "MEM_READ", "verdict": "UR", "rule_id": "NO_BAR"}))

    def test_a_mark_tells_the_direction(self):
        read = "000000010100010f20000000"
        self.assertEqual(check(["<" + read, ">" + read, read], {**STATE, "bus_master_enable": False}),
                         [("ACCEPT", None), ("VIOLATION", "BUS_MASTER_DISABLED"), ("ACCEPT", None)])

    def test_unmarked_messages_come_from_their_requester(self):
        self.assertEqual(check(["34000000010000200000000000000000", "34000000000000200000000000000000"], STATE),
                         [("ACCEPT", None), ("MALFORMED", "INTX_DOWNSTREAM")])

    def test_unmarked_completions_go_to_their_requester(self):
        state = {"bdf": "0100", "outstanding": [
            {"mnemonic": "MEM_READ", "tag": 1, "requester_id": "0100", "address": "1000", "length": 256},
            {"mnemonic": "CFG_READ_0", "tag": 1, "requester_id": "0000"}]}
        # 64 bytes end at the host's boundary, not at the endpoint's.
        data = "4a000010" + "00000100" + "01000100" + "00" * 64
        self.assertEqual(check([data, ">" + data, "0a000000" + "01004004" + "00000100"], state),
                         [("ACCEPT", None), ("MALFORMED", "CPL_RCB"), ("ACCEPT", None)])

    def test_each_line_is_judged_alone_unless_the_state_follows(self):
        lines = [self.READ, self.READ, "4a000001" + "01000004" + "00000100" + "00" * 4,
                 "4a000001" + "01000004" + "00000100" + "00" * 4]
        state = {**STATE, "outstanding": []}
        unexpected = ("UNEXPECTED", "UNEXPECTED_COMPLETION")
        self.assertEqual(check(lines, state), [("ACCEPT", None)] * 2 + [unexpected] * 2)
        self.assertEqual(check(lines, state, "--follow"),
                         [("ACCEPT", None), ("VIOLATION", "TAG_IN_USE"), ("ACCEPT", None), unexpected])

    def test_keys_of_the_state_reach_the_rules(self):
        write = "400000010000000f2000000000000000"
        cases = [
            (self.READ, {"memory_enable": False}, "MEMORY_DISABLED"),
            (self.READ, {"d_state": 3}, "D_STATE"),
            (self.READ, {"in_reset": True}, "RESET"),
            (self.READ, {"tcs": [1]}, "TC_NOT_MAPPED"),
            (self.READ, {"bars": [{"base": "20000000", "size": 4, "io": True}]}, "NO_BAR"),
            ("020000010000010f20000000", {"io_enable": False}, "IO_DISABLED"),
            ("040000010000010f01000000", {"ready": False}, "NOT_READY"),
            ("040000010000010f01000000", {"functions": [1]}, "NO_FUNCTION"),
            ("010000010000010f20000000", {}, "LOCKED_READ"),
            ("010000010000010f20000000", {"legacy": True}, None),
            ("5b0000010000010f2000000000000000", {}, "DEFERRABLE_WRITE"),
            ("5b0000010000010f2000000000000000", {"deferrable_writes": True}, None),
            ("4d000001000001002000000000000000", {"atomics": [64]}, "ATOMIC_SIZE"),
            ("4d000001000001002000000000000000", {"atomics": [32]}, None),
            ("320000000000007e0100000000000000", {"messages": [126]}, None),
            (write[:4] + "8001" + write[8:] + "00000000", {"ecrc_check": True}, "ECRC"),
            ("40000040000000ff20000000" + "00" * 256, {"mps": 128}, "MPS_EXCEEDED"),
            ("40000040000000ff20000000" + "00" * 256, {"mps": 256}, None),
            (">00000040010001ff20000000", {"mrrs": 128}, "MRRS_EXCEEDED"),
            (">000000010100210f20000000", {"tags": 32}, "TAG_RANGE"),
            (">000000010200010f20000000", {}, "REQUESTER_ID"),
        ]
        for line, more, rule in cases:
            with self.subTest(line=line, more=more):
                self.assertEqual(check([line], {**STATE, "outstanding": [], **more})[0][1], rule)

    def test_an_outstanding_request_may_be_a_tlp_partly_answered(self):
        state = {"outstanding": [{"tlp_hex": "000000200000 01ff 00001000", "received": 64}]}
        rest = "4a000010" + "00000040" + "00000140" + "00" * 64
        self.assertEqual(check([rest], state), [("ACCEPT", None)])
        self.assertEqual(check([rest], {"outstanding": [{"tlp_hex": "00000020000001ff00001000"}]}),
                         [("MALFORMED", "CPL_BYTE_COUNT")])

    def test_a_wrong_state_is_told_and_nothing_is_judged(self):
        wrong = [
            ([], "not an object"), ({"bfd": "0100"}, 'no key is called "bfd"'),
            ({"bdf": "01:00.0"}, "bdf is not"), ({"mps": 100}, "mps is not"), ({"rcb": 32}, "rcb is not"),
            ({"functions": 1}, "functions is not"), ({"functions": [8]}, "functions is not"),
            ({"d_state": 4}, "d_state is not"), ({"memory_enable": "yes"}, "memory_enable is not"),
            ({"atomics": [16]}, "atomics has other"), ({"messages": 1}, "messages is not"),
            ({"messages": [256]}, "messages is not"),
            ({"bars": [{"base": "0"}]}, "size of a BAR"), ({"bars": [{"bsae": "0", "size": 1}]}, '"bsae"'),
            ({"bars": [{"base": "0", "size": 1}] * 17}, "more than 16 bars"),
            ({"outstanding": [{"tag": 1}]}, "mnemonic of an outstanding"),
            ({"outstanding": [{"mnemonic": "MEM_WRITE"}]}, "has a completion"),
            ({"outstanding": [{"tlp_hex": "00"}]}, "has a completion"),
            ({"outstanding": [{"mnemonic": "MEM_READ", "tga": 1}]}, '"tga"'),
            ({"outstanding": [{"mnemonic": "MEM_READ", "received": 4}]}, "received is no part"),
            ({"outstanding": [{"mnemonic": "MEM_READ"}] * 4097}, "more than 4096"),
        ]
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "state.json")
            for state, reason in wrong:
                with open(path, "w", encoding="utf-8") as file:
                    json.dump(state, file)
                status, out, err = run("check", "--state", path, lines=[self.READ])
                self.assertEqual((status, out), (2, []), state)
                self.assertIn(reason, err)
            with open(path, "w", encoding="utf-8") as file:
                file.write("{")
            self.assertIn("not JSON", run("check", "--state", path)[2])
            self.assertEqual(run("check", "--state", os.path.join(directory, "none"))[0], 2)

    def test_bad_lines_are_reported_and_the_next_one_is_read(self):
        status, out, _ = run("check", lines=["hello", "{}", "<", "{", self.READ])
        self.assertEqual(status, 1)
        self.assertEqual([o.get("line") for o in out], [1, 2, 3, 4, None])

    def test_options_of_check_are_no_others(self):
        self.assertEqual(run("decode", "--follow")[0], 2)
        self.assertEqual(run("order", "--state", "x")[0], 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
