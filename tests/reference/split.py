# SPDX-License-Identifier: MIT
"""The completions of a memory read (2.3.1.1), byte by byte."""
import hashlib


def enabled(first_be, last_be, length_dw):
    """Offsets of the bytes asked for."""
    found = []
    for dw in range(length_dw):
        be = first_be if dw == 0 else last_be if dw == length_dw - 1 else 0b1111
        found += [4 * dw + i for i in range(4) if be >> i & 1]
    return found


def pieces(start, end, mps, rcb, every):
    """Cut [start, end) where a completion may end: as much as mps lets in, or at each boundary."""
    cuts, at = [], start
    while at < end:
        dw = at - at % 4
        if every:
            stop = (at // rcb + 1) * rcb
        else:
            stop = (dw + mps) // rcb * rcb if end > dw + mps else end
        cuts.append((at, min(stop, end)))
        at = cuts[-1][1]
    return cuts


def completions(request, mps, rcb, every, completer_id=0):
    """request: a tlp.Tlp of a memory read."""
    f = request.fields
    offsets = enabled(f["first_be"], f["last_be"], f["length_dw"])
    start = f["address"] + (offsets[0] if offsets else 0)
    end = f["address"] + (offsets[-1] + 1 if offsets else 0)
    parts = pieces(start, end, mps, rcb, every) or [(start, start)]
    out, left = [], end - start or 1
    for low, high in parts:
        dw = low - low % 4
        length = max(1, -(-(high - dw) // 4))
        memory = bytes((7 * a + 3) & 0xff for a in range(dw, dw + 4 * length))
        first = 0x4b if request.mnemonic == "MEM_READ_LOCKED" else 0x4a
        tag = f["tag"]
        dw0 = (first << 24 | (tag >> 9) << 23 | f["tc"] << 20 | (tag >> 8 & 1) << 19 | f["attr_ido"] << 18 |
               f["attr_ro"] << 13 | f["attr_ns"] << 12 | length % 1024)
        dws = dw0, completer_id << 16 | left % 4096, f["requester_id"] << 16 | (tag & 0xff) << 8 | low % 128
        out.append({"header_dw": [f"{d:08x}" for d in dws], "length_dw": length, "byte_count": left,
                    "lower_address": low % 128, "valid_bytes": high - low,
                    "data_sha256": hashlib.sha256(memory).hexdigest()})
        left -= high - low
    return out
