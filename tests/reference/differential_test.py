#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tlpbridge tlp against a second implementation of the same tables, over random TLPs.

usage: differential_test.py TLPBRIDGE LINKS [--count N] [--seed S]

N TLPs in all (TLPB_DIFFERENTIAL, else 50000): half are decoded and checked alone, the rest
is traffic between an endpoint and its host judged against a state that follows, streams of
requests and completions over two links (LINKS: reference-links) with few credits and any
order, pairs to be ordered, and reads to be split. The seed (TLPB_SEED, else 1; 0: another each time) is printed.
Exit status 1 when the two differ anywhere; the first differences are shown.
"""
import argparse
import collections
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

import generate
import judge
import order
import split
import streams
import tlp as tlps

BATCH = 500
STREAM = 200
LINK_STREAM = 500
SHOWN = 10
ENOUGH = 50000     # TLPs for every rule to come up


class Tool:
    """One process of tlpbridge tlp, asked in batches over pipes."""

    def __init__(self, path, *arguments):
        self.process = subprocess.Popen([path, "tlp", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def ask(self, lines, read=json.loads):
        """The answer of each line. A thread writes, as pipes hold little."""
        text = "".join(line + "\n" for line in lines)
        writer = threading.Thread(target=self.write, args=(text,))
        writer.start()
        answers = [read(self.process.stdout.readline() or '{"error": "the tool ended"}') for _ in lines]
        writer.join()
        return answers

    def write(self, text):
        try:
            self.process.stdin.write(text)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass        # the answers tell

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait()


class Comparison:
    def __init__(self):
        self.count = collections.Counter()
        self.outcomes = collections.Counter()
        self.differences = 0

    def compare(self, kind, line, expected, found):
        self.count[kind] += 1
        if expected == found:
            return
        self.differences += 1
        if self.differences <= SHOWN:
            print(f"{kind}: {line}\n  expected {json.dumps(expected)}\n  found    {json.dumps(found)}")


def batches(count, batch=BATCH):
    while count > 0:
        yield min(batch, count)
        count -= batch


SHAPE = ("TRUNCATED", "UNDEFINED_FMT_TYPE", "SIZE_MISMATCH")


def decode(options, rng, count, comparison):
    generator = generate.Generator(rng)
    for mps in (128, 4096):
        tool = Tool(options.tool, "decode", "--mps", str(mps))
        for size in batches(count // 2):
            lines = [generator.any_tlp() for _ in range(size)]
            for data, found in zip(lines, tool.ask([data.hex() for data in lines])):
                expected = tlps.as_json(data, mps)
                rule = expected.get("rule_id", "ACCEPT")
                comparison.outcomes[rule] += 1
                if rule in SHAPE:       # how much of such a TLP is shown is not of interest
                    found = {key: found.get(key) for key in ("verdict", "rule_id")}
                comparison.compare("decode", data.hex(), expected, found)
        tool.close()


def encode(options, rng, count, comparison):
    """Of well-formed TLPs: the object gives the bytes again."""
    generator = generate.Generator(rng)
    decoder, encoder = Tool(options.tool, "decode"), Tool(options.tool, "encode")
    for size in batches(count):
        lines = []
        while len(lines) < size:
            data = generator.build()
            if not tlps.malformed(tlps.parse(data), 4096):
                lines.append(data)
        objects = [json.dumps(o) for o in decoder.ask([data.hex() for data in lines])]
        for data, found in zip(lines, encoder.ask(objects, str.strip)):
            comparison.compare("encode", data.hex(), normal(data), found)
    decoder.close()
    encoder.close()


def normal(data):
    """Without what is reserved and so not kept: hex."""
    parsed = tlps.parse(data)
    out, at = bytearray(data), 4 * len(parsed.prefixes)
    if parsed.group == tlps.CONFIG:
        out[at + 10] &= 0x0f
        out[at + 11] &= 0xfc
    if parsed.group in (tlps.MEMORY, tlps.ATOMIC, tlps.IO) and not parsed.fields["th"]:
        out[at + (15 if parsed.four else 11)] &= 0xfc
    if parsed.group == tlps.COMPLETION:
        out[at + 11] &= 0x7f
    if parsed.group == tlps.MESSAGE:
        out[at + 1] &= 0xfe
    if not parsed.fields["length_dw"]:
        out[at + 2] &= 0xfc
        out[at + 3] = 0
    return out.hex()


def follow(options, rng, count, comparison):
    """Streams, each with a state of its own."""
    for size in batches(count, STREAM):
        state = generate.Generator(rng).state()
        endpoint = judge.Endpoint(state)
        traffic = generate.Traffic(rng, endpoint)
        lines, expected = [], []
        for _ in range(size):
            sent, data = traffic.next()
            lines.append((">" if sent else "<") + data.hex())
            verdict, rule = endpoint.next(data, sent)
            comparison.outcomes[rule or verdict] += 1
            expected.append({"verdict": verdict, "rule_id": rule})
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(state, file)
            file.flush()
            tool = Tool(options.tool, "check", "--follow", "--state", file.name)
            for line, wanted, found in zip(lines, expected, tool.ask(lines)):
                comparison.compare("check", line, wanted, {key: found.get(key) for key in ("verdict", "rule_id")})
            tool.close()


# Of the streams over links: all of their requests are supported.
SUPPORTING = {"bdf": "0100", "functions": [0], "legacy": False, "mps": streams.MPS, "mrrs": 4096, "rcb": 64,
              "tcs": list(range(8)), "tags": 1024, "ecrc_check": False, "memory_enable": True, "io_enable": True,
              "bus_master_enable": True, "d_state": 0, "ready": True, "in_reset": False, "atomics": [32, 64],
              "deferrable_writes": False, "messages": [0x7e],
              "bars": [{"base": "20000000", "size": 4096, "io": False},
                       {"base": "100000000", "size": 4096, "io": False}]}


def judged(options, lines, comparison):
    """Nothing is wrong with what came, whatever order the links chose."""
    endpoint = judge.Endpoint(SUPPORTING)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(SUPPORTING, file)
        file.flush()
        tool = Tool(options.tool, "check", "--follow", "--state", file.name)
        for line, found in zip(lines, tool.ask(lines)):
            verdict, rule = endpoint.next(bytes.fromhex(line[1:]), line[0] == ">")
            comparison.compare("stream", line, ["ACCEPT", None, "ACCEPT"], [verdict, rule, found.get("verdict")])
        tool.close()


def links(options, rng, count, comparison):
    for size in batches(count, LINK_STREAM):
        credits = [streams.random_credits(rng) for _ in range(2)]
        seed = rng.choice((0, rng.randrange(1, 99)))
        command = [options.links, *(text or "PH=127" for _, text in credits), str(seed), str(streams.MPS)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            stream = streams.Stream(rng, process, [pools for pools, _ in credits])
            judged(options, stream.run(size), comparison)
            process.stdin.close()
        for problem in stream.problems:
            comparison.compare("stream", " ".join(command[1:]), "no problem", problem)
        comparison.outcomes.update(stream.outcomes)


def ordering(options, rng, count, comparison):
    generator, tool = generate.Generator(rng), Tool(options.tool, "order")
    for size in batches(count):
        pairs = [generator.pair() for _ in range(size)]
        for pair, found in zip(pairs, tool.ask([json.dumps(pair) for pair in pairs])):
            comparison.outcomes["order " + order.verdict(pair)] += 1
            comparison.compare("order", pair, {"verdict": order.verdict(pair)}, found)
    tool.close()


def splitting(options, rng, count, comparison):
    generator, tool = generate.Generator(rng), Tool(options.tool, "split")
    for size in batches(count):
        reads = [generator.read() for _ in range(size)]
        for (read, header), found in zip(reads, tool.ask([json.dumps(read) for read, _ in reads])):
            expected = split.completions(tlps.parse(header), read["mps"], read["rcb"], read["split_on_every_rcb"])
            comparison.compare("split", read, {"completions": expected}, found)
    tool.close()


# What each takes of the whole.
PARTS = ((decode, 0.40), (encode, 0.05), (follow, 0.30), (links, 0.15), (ordering, 0.08), (splitting, 0.02))

# Every rule of the tables, and each verdict of the ordering table, must have come up.
RULES = set("""
    ACCEPT TRUNCATED UNDEFINED_FMT_TYPE SIZE_MISMATCH MPS_EXCEEDED CROSSES_4K BYTE_ENABLES CFG_IO_LENGTH CFG_IO_TC
    CFG_IO_LAST_BE MSG_TC MSG_ROUTING ATOMIC_LENGTH ATOMIC_ALIGNMENT TC_NOT_MAPPED INTX_DOWNSTREAM ECRC RESET
    UNEXPECTED_COMPLETION CRS_NOT_CONFIG CPL_LOCKED CPL_DATA CPL_TC CPL_ATTRIBUTES CPL_BYTE_COUNT CPL_LOWER_ADDRESS
    CPL_LENGTH CPL_RCB CFG_TYPE1 NO_FUNCTION NOT_READY VENDOR_TYPE1 MSG_UNSUPPORTED D_STATE MEMORY_DISABLED
    IO_DISABLED LOCKED_READ ATOMIC_SIZE DEFERRABLE_WRITE NO_BAR POISONED CONFIG_BY_ENDPOINT LOCKED_BY_ENDPOINT
    IO_BY_ENDPOINT REQUESTER_ID COMPLETER_ID BUS_MASTER_DISABLED REQUEST_IN_D_STATE MRRS_EXCEEDED TAG_RANGE
    TAG_IN_USE HEADER_4DW""".split()) | {"order MUST_NOT", "order MAY", "order MUST", "stream overtook",
                                         "stream passed a non-posted", "stream waited for credits",
                                         "stream waited for the order"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool")
    parser.add_argument("links")
    parser.add_argument("--count", type=int, default=int(os.environ.get("TLPB_DIFFERENTIAL", 50000)))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("TLPB_SEED", 1)))
    parser.add_argument("--verbose", action="store_true", help="count the outcomes")
    options = parser.parse_args()
    seed = options.seed or random.SystemRandom().randrange(1, 1 << 32)
    comparison, begin = Comparison(), time.monotonic()
    print(f"seed {seed}", flush=True)
    for part, share in PARTS:
        part(options, random.Random(seed), round(options.count * share), comparison)
    missing = RULES - set(comparison.outcomes) if options.count >= ENOUGH else set()
    if options.verbose:
        print("\n".join(f"{n:8} {outcome}" for outcome, n in comparison.outcomes.most_common()))
    print(", ".join(f"{n} {kind}" for kind, n in comparison.count.items()),
          f"in {time.monotonic() - begin:.1f} s: {comparison.differences} differences, seed {seed}")
    if missing:
        print("never came up:", " ".join(sorted(missing)))
    return 1 if comparison.differences or missing else 0


if __name__ == "__main__":
    sys.exit(main())
