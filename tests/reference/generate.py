# SPDX-License-Identifier: MIT
"""Random TLPs, near to legal ones, and random states and pairs."""
import struct

import split
import tlp as tlps

EDGES = [0, 4, 8, 0x7c, 0x80, 0xffc, 0xff8, 0xff0, 0x1000]


class Generator:
    def __init__(self, random):
        self.random = random
        self.table = [(name, group, fmt, type_, cls) for name, group, fmts, type_, cls in tlps.TABLE_2_3
                      for fmt in fmts for _ in range(1 if group == tlps.MESSAGE else 6)]

    def chance(self, n):
        return self.random.random() * n < 1

    def length(self, name, group):
        """In doublewords, mostly legal and mostly short."""
        r = self.random
        if group in (tlps.CONFIG, tlps.IO):
            return 1 if not self.chance(8) else r.choice((0, 2, 3))
        if group == tlps.ATOMIC:
            return r.choice((1, 2, 2, 4, 8, 3, 16, 6))
        return r.choice((1, 1, 1, 2, 2, 3, 4, 8, 16, 17, 32, 33, 160)) if not self.chance(50) else r.randrange(1024)

    def byte_enables(self, length):
        r = self.random
        if self.chance(8):
            return r.randrange(256)
        if length == 1:
            return r.randrange(16)
        if length == 2 and self.chance(2):
            return r.randrange(256)
        return r.choice(tlps.LAST_OF_MANY) << 4 | r.choice(tlps.FIRST_OF_MANY)

    def dw0(self, fmt, type_, length, busy=True):
        r = self.random
        word = fmt << 29 | type_ << 24 | length & 0x3ff
        if not busy:
            return word
        for bit, one_in in ((23, 8), (19, 8), (18, 4), (17, 40), (16, 12), (15, 8), (14, 12), (13, 4), (12, 4)):
            word |= self.chance(one_in) << bit
        if self.chance(6):
            word |= r.randrange(8) << 20
        if self.chance(12):
            word |= r.randrange(4) << 10
        return word

    def address(self, four):
        r = self.random
        low = r.choice(EDGES) + r.choice((0, 0x20000000, 0xfffff000)) if self.chance(2) else r.getrandbits(32)
        low = low & 0xfffffffc | (r.randrange(4) if self.chance(6) else 0)
        return struct.pack(">II", r.choice((0, 1, r.getrandbits(32))), low) if four else struct.pack(">I", low)

    def message(self):
        r = self.random
        code = r.choice((*tlps.MESSAGES, *tlps.VENDOR, r.randrange(256)))
        routing = tlps.MESSAGES.get(code, r.randrange(8)) if not self.chance(4) else r.randrange(8)
        return code, routing

    def build(self):
        """Bytes of a TLP that may be a little wrong."""
        r = self.random
        name, group, fmt, type_, _ = r.choice(self.table)
        length = self.length(name, group) if fmt & 2 or group not in (tlps.MESSAGE, tlps.COMPLETION) else r.choice((0, 0, 1))
        code, routing = self.message()
        if group == tlps.MESSAGE:
            type_ = 0b10000 | routing
        dw0 = self.dw0(fmt, type_, length)
        if group == tlps.COMPLETION:
            status = r.choice((0, 0, 0, 1, 2, 4, 3))
            header = struct.pack(">IHHHBB", dw0, r.getrandbits(16), status << 13 | r.getrandbits(13),
                                 r.getrandbits(16), r.getrandbits(8), r.getrandbits(8))
        else:
            last = code if group == tlps.MESSAGE else self.byte_enables(length or 1024)
            if group in (tlps.CONFIG, tlps.IO) and not self.chance(6):
                last &= 0xf
            header = struct.pack(">IHBB", dw0, r.getrandbits(16), r.getrandbits(8), last)
            header += r.randbytes(8) if group == tlps.MESSAGE else self.address(fmt & 1)
        data = header + r.randbytes(4 * (length or 1024) if fmt & 2 else 0)
        if dw0 >> 15 & 1:
            data += r.randbytes(4)
        return self.prefixes() + data

    def prefixes(self):
        r = self.random
        if not self.chance(12):
            return b""
        firsts = [r.choice((0x91, 0x91, 0x90, 0x9f, 0x80, 0x8f)) for _ in range(r.choice((1, 1, 2, 3, 4, 5)))]
        if self.chance(2):
            firsts.sort(key=lambda b: b >= 0x90)
        return b"".join(bytes((b,)) + r.randbytes(3) for b in firsts)

    def damaged(self, data):
        """Some bits or bytes of it changed, cut or added."""
        r = self.random
        data = bytearray(data)
        how = r.randrange(4)
        if how == 0:
            data = data[:r.randrange(len(data) + 1)]
        elif how == 1:
            data += r.randbytes(r.randrange(1, 9))
        else:
            for _ in range(how):
                data[r.randrange(min(len(data), 20))] ^= 1 << r.randrange(8)
        return bytes(data) or b"\0"

    def any_tlp(self):
        r = self.random
        if self.chance(20):
            return r.randbytes(r.randrange(1, 40))
        data = self.build()
        return self.damaged(data) if self.chance(6) else data

    def pair(self):
        """Facts about two TLPs."""
        r = self.random
        return {"later": r.choice(("P", "NPR", "NPD", "CPL")), "earlier": r.choice(("P", "P", "NPR", "NPD", "CPL")),
                "later_ro": r.randrange(2), "later_ido": r.randrange(2), "ids_equal": r.randrange(2),
                "later_pasid": r.choice((None, 1, 2, 0xfffff)), "earlier_pasid": r.choice((None, 1, 2, 0xfffff)),
                "completion_kind": r.choice((None, "read", "io_cfg_write", "atomic")),
                "same_transaction_id": r.choice((None, 0, 1))}

    def read(self):
        """A legal memory read and how to answer it."""
        r = self.random
        four = r.randrange(2)
        page = (r.getrandbits(32) << 32 if four else 0) + (r.getrandbits(20) << 12)
        low = r.randrange(4096) if self.chance(2) else r.choice(EDGES[:-1]) + r.randrange(4)
        size = min(4096 - low, r.choice((0, 1, 2, 3, 4, 5, 63, 64, 65, 127, 128, 129, r.randrange(4097), r.randrange(600))))
        begin, end = low % 4, low % 4 + size
        length = max(1, -(-end // 4))
        first = sum(1 << i for i in range(begin, min(4, end)))
        last = sum(1 << i for i in range((end - 1) % 4 + 1)) if length > 1 else 0
        if length == 1 and self.chance(4):
            first = r.randrange(16)
        dw0 = self.dw0(four, r.choice((0, 0, 0, 1)), length) & ~0x18c00   # no hints, digest, AT
        header = struct.pack(">IHBB", dw0, r.getrandbits(16), r.getrandbits(8), last << 4 | first)
        address = page + low - low % 4
        header += struct.pack(">Q" if four else ">I", address)
        return {"request_header_dw": [header[i:i + 4].hex() for i in range(0, len(header), 4)],
                "mps": r.choice((128, 256, 512, 1024, 2048, 4096)), "rcb": r.choice((64, 128)),
                "split_on_every_rcb": bool(r.randrange(2))}, header

    def state(self):
        """An endpoint, mostly enabled."""
        r = self.random
        return {"bdf": "0100", "functions": r.choice(([0], [0, 2], [1, 7])), "legacy": self.chance(3),
                "mps": r.choice((128, 256, 4096)), "mrrs": r.choice((128, 512, 4096)), "rcb": r.choice((64, 128)),
                "tcs": list(range(8)) if not self.chance(4) else r.sample(range(8), 4) + [0],
                "tags": r.choice((32, 256, 1024)), "ecrc_check": bool(r.randrange(2)),
                "memory_enable": not self.chance(10), "io_enable": not self.chance(5),
                "bus_master_enable": not self.chance(5), "d_state": 3 * self.chance(10), "ready": not self.chance(6),
                "in_reset": self.chance(8), "atomics": r.sample((32, 64, 128), r.randrange(4)),
                "deferrable_writes": bool(r.randrange(2)),
                "messages": r.choice(([], [0x7e], [0x7e, 0x7f], list(range(64)))),
                "bars": [{"base": "20000000", "size": r.choice((0x1000, 0x100000)), "io": False},
                         {"base": "100000000", "size": 1 << 40, "io": False},
                         {"base": "fffffff000", "size": 8, "io": False},
                         {"base": "0", "size": r.choice((4, 0x100)), "io": True}][:r.choice((4, 4, 2, 0))]}


class Traffic:
    """TLPs between an endpoint and its host, most of which keep the rules."""

    def __init__(self, random, endpoint):
        self.random, self.endpoint = random, endpoint
        self.generator = Generator(random)

    def request(self, sent):
        g, r = self.generator, self.random
        data = bytearray(g.build())
        parsed = tlps.parse(bytes(data))
        if parsed.problem or parsed.cls == "CPL":
            return bytes(data)
        at = 4 * len(parsed.prefixes)
        if not g.chance(10):
            data[at + 4:at + 6] = self.endpoint.id.to_bytes(2, "big") if sent else b"\0\0"
            data[at] &= 0xff
            data[at + 1] &= 0x77            # 8-bit tags of few values, so that some are in use
            data[at + 6] = r.randrange(40)
        if parsed.group in (tlps.MEMORY, tlps.ATOMIC, tlps.IO) and not g.chance(6):
            self.aim(data, at, parsed)
        return self.sealed(bytes(data), parsed)

    def aim(self, data, at, parsed):
        """At a BAR."""
        r = self.random
        base = 0 if parsed.group == tlps.IO else 0x100000000 if parsed.four else 0x20000000
        offset = r.choice((0, 4, 8, 16, 0x40, 0x7c, 0xf8, 0x100, 0xfc0, 0xffc, 0x1000))
        size = 8 if parsed.four else 4
        data[at + 8:at + 8 + size] = (base + offset).to_bytes(size, "big")

    def sealed(self, data, parsed):
        """With a digest that fits, mostly."""
        if parsed.digest and not self.generator.chance(5):
            return data[:-4] + tlps.ecrc(data[:-4])
        return data

    def completion(self):
        """(sent, bytes): of a request that waits, or of none."""
        g, r, e = self.generator, self.random, self.endpoint
        if not e.waiting or g.chance(15):
            return bool(r.randrange(2)), g.build()
        (requester, tag), of = r.choice(list(e.waiting.items()))
        sent = not e.own(requester) if not g.chance(20) else bool(r.randrange(2))
        return sent, self.answer(of, requester, tag, sent)

    def answer(self, of, requester, tag, sent):
        g, r, f = self.generator, self.random, of.request.fields
        status = 0 if not g.chance(8) else r.choice((1, 2, 4, 7))
        brings = status == 0 and ("READ" in of.request.mnemonic or of.request.group == tlps.ATOMIC)
        stop = of.end
        if of.is_read() and g.chance(2):
            rcb = 128 if sent or g.chance(2) else 64
            stop = min(of.end, of.at // rcb * rcb + rcb * r.randrange(1, 4))
        length = ((stop + 3) // 4 - of.at // 4) if brings else 0
        if length and g.chance(15):
            length += r.choice((-1, 1)) if length > 1 else 1
        count = of.end - of.at if not g.chance(15) else r.randrange(4096)
        low = of.at % 128 if of.is_read() and not g.chance(20) else r.randrange(128)
        locked = ("LOCKED" in of.request.mnemonic) ^ g.chance(30)
        with_data = brings ^ g.chance(30)
        if with_data and not length:
            length = 1
        dw0 = ((2 if with_data else 0) << 29 | (0b01011 if locked else 0b01010) << 24 | length & 0x3ff |
               (tag >> 9) << 23 | (tag >> 8 & 1) << 19 | (f["tc"] ^ g.chance(30)) << 20 |
               (f["attr_ro"] ^ g.chance(30)) << 13 | (f["attr_ns"] ^ g.chance(30)) << 12 |
               g.chance(5) << 18 | g.chance(20) << 14 | g.chance(10) << 15)
        completer = self.endpoint.id if sent and not g.chance(15) else r.getrandbits(16)
        data = struct.pack(">IHHHBB", dw0, completer, status << 13 | count % 4096, requester, tag & 0xff, low)
        data += r.randbytes(4 * length if with_data else 0)
        if dw0 >> 15 & 1:
            data += b"\0\0\0\0"
        return self.sealed(data, tlps.parse(data))

    def next(self):
        """(sent, bytes)"""
        g, r = self.generator, self.random
        if g.chance(30):
            return bool(r.randrange(2)), g.any_tlp()
        if g.chance(2):
            return self.completion()
        sent = bool(r.randrange(2))
        return sent, self.request(sent)
