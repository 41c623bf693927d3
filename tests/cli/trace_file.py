# SPDX-License-Identifier: MIT
"""Traces as bridge/include/tlpbridge/trace.h has them, written without the library."""
import json
import os
import struct

USER0 = 147
TLP = 7
TO_ENDPOINT, TO_HOST = 0, 1

VECTORS = os.path.join(os.path.dirname(__file__), "..", "vectors", "golden_tlps.json")


def vectors():
    with open(VECTORS, encoding="utf-8") as f:
        return json.load(f)


def record(body, time_ps=0, direction=TO_ENDPOINT, kind=TLP, link=0, function=0):
    """The bytes of one packet."""
    return struct.pack("<BBHHHQ", 1, direction, kind, link, function, time_ps) + body


def write(path, packets, linktype=USER0):
    """packets: what record() makes, or any bytes, for broken ones."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65552, linktype))
        for packet in packets:
            ps = struct.unpack_from("<Q", packet, 8)[0] if len(packet) >= 16 else 0
            sec, ns = divmod(ps // 1000, 10**9)
            f.write(struct.pack("<IIII", sec & 0xFFFFFFFF, ns, len(packet), len(packet)) + packet)


def string(text):
    return struct.pack("<H", len(text)) + text


def hello(role, name):
    return struct.pack("<IHHQQ16sHHHH12s", 0x42504C54, 1, role, 1, 0, b"t" * 16,
                       512, 512, 64, 0, b"") + string(name)


def goodbye(reason, text):
    return struct.pack("<H", reason) + string(text)


def grant_mem(function, writable, address, length):
    return struct.pack("<HHIIIQQQ", function, writable, 4711, 12, 0, address, length, 0)


def revoke(number, function, address, length):
    return struct.pack("<IHHQQ", number, function, 0, address, length)


def dirty(ranges):
    return struct.pack("<HH", len(ranges), 0) + b"".join(
        struct.pack("<HHIQQ", function, 0, 0, address, length) for function, address, length in ranges)


def dma_fault(sequence, reason, address):
    return struct.pack("<IHHQ", sequence, reason, 0, address)
