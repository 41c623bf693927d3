# SPDX-License-Identifier: MIT
"""Streams of requests and completions of a host and an endpoint over two real links.

Both sides are legal requesters and completers: tags, splits in any order across tags, few credits. What
may leave before what, on how many credits, and that nothing waits without a reason, is judged here; the
TLPs as they came are the stream for judge.py.
"""
import collections

import order
import tlp as tlps

POOLS = ("PH", "PD", "NPH", "NPD", "CPLH", "CPLD")
CLASSES = ("P", "NP", "CPL")
USUAL = {"PH": 127, "PD": 2047, "NPH": 127, "NPD": 127, "CPLH": 0, "CPLD": 0}   # 0: infinite
MPS = 256
IDS = {"<": 0x0000, ">": 0x0100}
OTHER = {"<": ">", ">": "<"}
MANY = 24       # TLPs of a direction that wait: fewer than the library looks at
SIZES = (1, 1, 2, 3, 16, 33, 64)        # of payloads, in doublewords; a read may have four times as many


def random_credits(random):
    """Pools and their text: the least, few, or the usual."""
    if random.random() < 0.3:
        return dict(USUAL), ""
    few = {"PH": random.choice((1, 2, 5)), "PD": random.choice((16, 17, 40)), "NPH": random.choice((1, 2, 5)),
           "NPD": random.choice((2, 3, 9)), "CPLH": random.choice((0, 1, 3)), "CPLD": random.choice((0, 16, 40))}
    return few, ",".join(f"{name}={few[name] or 'infinite'}" for name in POOLS)


class Queued:
    """A TLP that its sender has asked for."""

    def __init__(self, data, completes):
        self.data, self.tlp, self.completes = data, tlps.parse(data), completes
        f = self.tlp.fields
        self.transaction = f["requester_id"], f["tag"]
        self.id = f["completer_id"] if self.tlp.cls == "CPL" else f["requester_id"]
        self.order = {"NP": "NPD" if self.tlp.payload else "NPR"}.get(self.tlp.cls, self.tlp.cls)
        self.need = 1, -(-len(self.tlp.payload) // 16)

    def may_pass(self, earlier):
        f, pasids = self.tlp.fields, (self.tlp.pasid, earlier.tlp.pasid)
        return order.verdict({
            "later": self.order, "earlier": earlier.order, "later_ro": f["attr_ro"], "later_ido": f["attr_ido"],
            "ids_equal": self.id == earlier.id, "later_pasid": pasids[0], "earlier_pasid": pasids[1],
            "completion_kind": self.completes, "same_transaction_id": self.transaction == earlier.transaction,
        }) != "MUST_NOT"


class Direction:
    """What one side has sent: what waits, what is under way, and its credits."""

    def __init__(self, credits):
        self.waiting, self.under_way = [], []
        self.limit = [credits[name] for name in POOLS]
        self.infinite = [not credits[name] for name in POOLS]
        self.consumed = [0] * len(POOLS)

    def suffices(self, queued):
        first = 2 * CLASSES.index(queued.tlp.cls)
        for pool, need, modulus in ((first, queued.need[0], 256), (first + 1, queued.need[1], 4096)):
            if not self.infinite[pool] and need and \
                    (self.limit[pool] - self.consumed[pool] - need) % modulus > modulus // 2:
                return False
        return True

    def free_to_go(self, at):
        return self.suffices(self.waiting[at]) and all(self.waiting[at].may_pass(e) for e in self.waiting[:at])

    def sent(self, data):
        """It left. What is wrong with that, or None."""
        at = next((i for i, queued in enumerate(self.waiting) if queued.data == data), None)
        if at is None:
            return "sent though nobody asked"
        queued, free = self.waiting[at], self.free_to_go(at)
        del self.waiting[at]
        self.under_way.append(queued)
        first = 2 * CLASSES.index(queued.tlp.cls)
        for pool, need, modulus in ((first, queued.need[0], 256), (first + 1, queued.need[1], 4096)):
            self.consumed[pool] = (self.consumed[pool] + need) % modulus
        return None if free else "left against the credits or the order"

    def came(self, data):
        if not self.under_way or self.under_way.pop(0).data != data:
            return "came out of order"
        return None

    def reason(self, at):
        return "the order" if self.suffices(self.waiting[at]) else "credits"

    def overtaken(self, data):
        """What it passes, as outcomes."""
        for queued in self.waiting:
            if queued.data == data:
                return
            yield "stream overtook"
            if queued.tlp.cls == "NP":
                yield "stream passed a non-posted"

    def stuck(self):
        """One that could go and does not."""
        return next((queued.data for at, queued in enumerate(self.waiting) if self.free_to_go(at)), None)


class Owed:
    """A request that came and has not all its completions."""

    def __init__(self, tlp):
        self.tlp, f = tlp, tlp.fields
        if tlp.mnemonic == "MEM_READ":
            self.at, self.end = f["address"], f["address"] + 4 * f["length_dw"]
        else:
            self.at, self.end = 0, tlps.operand(tlp) if tlp.group == tlps.ATOMIC else 4

    def completes(self):
        if self.tlp.group in (tlps.IO, tlps.CONFIG) and "WRITE" in self.tlp.mnemonic:
            return "io_cfg_write"
        return "atomic" if self.tlp.group == tlps.ATOMIC else "read"


class Party:
    """A side: makes requests, and completions of those that came."""

    def __init__(self, random, mark):
        self.random, self.mark = random, mark
        self.waits = set()      # tags
        self.owed = []

    def dw0(self, first, length, tag=0, attributes=True):
        r = self.random
        word = first << 24 | (tag >> 9) << 23 | (tag >> 8 & 1) << 19 | length % 1024
        if attributes:
            word |= (r.random() < 0.3) << 18 | (r.random() < 0.3) << 13 | (r.random() < 0.2) << 12
        return word

    def header(self, first, length, address, last=0, posted=False, plain=False):
        """Of a request with all bytes enabled; plain: no attributes."""
        tag = 0
        if not posted:
            tag = self.random.choice([t for t in range(300) if t not in self.waits][:64])
            self.waits.add(tag)
        words = [self.dw0(first, length, tag, not plain), IDS[self.mark] << 16 | (tag & 0xff) << 8 | last << 4 | 0xf]
        words += [address >> 32, address & 0xffffffff] if first & 0x20 else [address]
        return b"".join(word.to_bytes(4, "big") for word in words)

    def memory(self, fmt, length, posted):
        r, four = self.random, self.random.random() < 0.3
        base = (0x100000000 if four else 0x20000000) + 4 * r.randrange(1024 - length)
        data = self.header(fmt | four << 5, length, base, 0xf if length > 1 else 0, posted)
        pasid = r.random() < 0.2
        return (b"\x91\0\0" + bytes((r.randrange(3),)) if pasid else b"") + data

    def request(self):
        r = self.random
        length = r.choice(SIZES)
        kind = r.choice(("write", "write", "read", "read", "atomic", "message", "config"))
        if kind == "write":
            return self.memory(0x40, length, True) + r.randbytes(4 * length)
        if kind == "read":
            return self.memory(0x00, r.choice((1, 4)) * length, False)
        if kind == "atomic":
            bytes_ = r.choice((4, 8))
            address = 0x20000000 + bytes_ * r.randrange(64)
            return self.header(r.choice((0x4c, 0x4d)), bytes_ // 4, address) + r.randbytes(bytes_)
        if kind == "message" or self.mark == ">":       # vendor-defined, local
            return self.header(0x34, 0, 0, posted=True)[:7] + b"\x7e" + r.randbytes(8)
        write = r.random() < 0.5
        return self.header(0x44 if write else 0x04, 1, IDS[">"] << 16 | 4 * r.randrange(1024), plain=True) + \
            r.randbytes(4 * write)

    def completion(self):
        """(bytes, what it completes): of any request that is owed one; reads in parts."""
        r = self.random
        owed = r.choice(self.owed)
        f, rcb = owed.tlp.fields, 128 if self.mark == ">" else 64
        stops = [s for s in range((owed.at // rcb + 1) * rcb, owed.end, rcb)] if owed.tlp.mnemonic == "MEM_READ" else []
        stop = r.choice([s for s in stops + [owed.end] if s - owed.at <= MPS])
        brings = owed.completes() == "atomic" or "READ" in owed.tlp.mnemonic
        length = (stop - owed.at) // 4 if brings else 0
        low = owed.at % 128 if owed.tlp.mnemonic == "MEM_READ" else 0
        word = self.dw0(0x4a if brings else 0x0a, length, f["tag"], False)
        word |= (r.random() < 0.3) << 18 | f["attr_ro"] << 13 | f["attr_ns"] << 12 | f["tc"] << 20
        words = (word, IDS[self.mark] << 16 | (owed.end - owed.at) % 4096,
                 f["requester_id"] << 16 | (f["tag"] & 0xff) << 8 | low)
        owed.at = stop
        if stop == owed.end:
            self.owed.remove(owed)
        return b"".join(w.to_bytes(4, "big") for w in words) + r.randbytes(4 * length), owed.completes()

    def came(self, tlp):
        if tlp.cls == "NP":
            self.owed.append(Owed(tlp))
        elif tlp.cls == "CPL" and tlp.fields["byte_count"] <= max(4 * tlp.fields["length_dw"], 4):
            self.waits.discard(tlp.fields["tag"])

    def idle(self):
        return not self.waits and not self.owed


class Stream:
    """One run of the links. ask: gives the lines that answer some lines, up to "."."""

    def __init__(self, random, process, credits):
        """process: reference-links; credits: of host and endpoint, what each advertises to the other."""
        self.random, self.process, self.wanted = random, process, 0
        self.directions = {"<": Direction(credits[1]), ">": Direction(credits[0])}
        self.parties = {mark: Party(random, mark) for mark in IDS}
        self.lines = []         # what came, as tlpbridge tlp check takes it
        self.problems = []
        self.outcomes = collections.Counter()       # what came up, so that it was tried

    def ask(self, lines):
        """A few lines: a pipe holds them. The answer, up to the dot."""
        self.process.stdin.write("".join(line + "\n" for line in lines))
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line == ".\n":
                return
            yield line.rstrip("\n")
        self.problems.append("reference-links ended")

    def send(self, mark, count):
        """Something new, or a completion."""
        party, direction, commands = self.parties[mark], self.directions[mark], []
        while len(commands) < count and len(direction.waiting) < MANY:
            if party.owed and self.random.random() < 0.6:
                data, completes = party.completion()
            elif len(self.lines) < self.wanted and len(party.waits) < MANY:
                data, completes = party.request(), None
            else:
                break
            direction.waiting.append(Queued(data, completes))
            commands.append(mark + data.hex() + (" w" if completes == "io_cfg_write" else ""))
        return commands

    def hear(self, line):
        event, mark, rest = line[:4], line[5], line[6:]
        direction = self.directions[mark]
        if event == "told":
            direction.limit = [int(n) for n in rest.split()]
            return
        data = bytes.fromhex(rest)
        if event == "sent":
            self.outcomes.update(direction.overtaken(data))
        problem = direction.sent(data) if event == "sent" else direction.came(data)
        if problem:
            self.problems.append(f"{mark}{rest}: {problem}")
        if event == "came":
            self.lines.append(mark + rest)
            self.parties[OTHER[mark]].came(tlps.parse(data))

    def turn(self, commands, released):
        for line in self.ask(commands + [f"- {cls}" for cls in released] + ["."]):
            self.hear(line)
        for mark, direction in self.directions.items():
            self.outcomes.update("stream waited for " + direction.reason(at) for at in range(len(direction.waiting)))
            if direction.stuck():
                self.problems.append(f"{mark}{direction.stuck().hex()}: waits without a reason")

    def done(self):
        return len(self.lines) >= self.wanted and \
            all(party.idle() for party in self.parties.values()) and \
            not any(d.waiting or d.under_way for d in self.directions.values())

    def run(self, wanted):
        """At least so many TLPs, and the end of all requests. Non-posted ones stay in buffers for long."""
        self.wanted, idle = wanted, 0
        while not self.done() and not self.problems:
            before = len(self.lines)
            commands = [c for mark in IDS for c in self.send(mark, self.random.randrange(8))]
            self.turn(commands, [0, 2] + [1] * (self.random.random() < 0.3))
            idle = 0 if commands or len(self.lines) > before else idle + 1
            if idle > 100:
                self.problems.append("nothing happens any more")
        return self.lines
