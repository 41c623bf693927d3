# SPDX-License-Identifier: MIT
"""A second implementation of the TLP layouts and of what makes a TLP malformed.

Written from the tables of the base specification (2.2), slow and obvious, and sharing
nothing with the library: whole headers are taken as numbers, and every rule is a line.
"""
import zlib
from typing import NamedTuple

# Type[4:0] and, of memory and atomics, both sizes of header: name, Fmts, class.
MEMORY, IO, CONFIG, MESSAGE, COMPLETION, ATOMIC = "memory io config message completion atomic".split()
TABLE_2_3 = [
    ("MEM_READ", MEMORY, (0b000, 0b001), 0b00000, "NP"),
    ("MEM_READ_LOCKED", MEMORY, (0b000, 0b001), 0b00001, "NP"),
    ("MEM_WRITE", MEMORY, (0b010, 0b011), 0b00000, "P"),
    ("IO_READ", IO, (0b000,), 0b00010, "NP"),
    ("IO_WRITE", IO, (0b010,), 0b00010, "NP"),
    ("CFG_READ_0", CONFIG, (0b000,), 0b00100, "NP"),
    ("CFG_WRITE_0", CONFIG, (0b010,), 0b00100, "NP"),
    ("CFG_READ_1", CONFIG, (0b000,), 0b00101, "NP"),
    ("CFG_WRITE_1", CONFIG, (0b010,), 0b00101, "NP"),
    ("DEF_MEM_WRITE", MEMORY, (0b010, 0b011), 0b11011, "NP"),
    ("CPL", COMPLETION, (0b000,), 0b01010, "CPL"),
    ("CPL_DATA", COMPLETION, (0b010,), 0b01010, "CPL"),
    ("CPL_LOCKED", COMPLETION, (0b000,), 0b01011, "CPL"),
    ("CPL_LOCKED_DATA", COMPLETION, (0b010,), 0b01011, "CPL"),
    ("FETCH_ADD", ATOMIC, (0b010, 0b011), 0b01100, "NP"),
    ("SWAP", ATOMIC, (0b010, 0b011), 0b01101, "NP"),
    ("CAS", ATOMIC, (0b010, 0b011), 0b01110, "NP"),
] + [("MSG", MESSAGE, (0b001,), 0b10000 | r, "P") for r in range(8)] \
  + [("MSGD", MESSAGE, (0b011,), 0b10000 | r, "P") for r in range(8)]
TYPES = {(fmt, type_): (name, group, cls) for name, group, fmts, type_, cls in TABLE_2_3 for fmt in fmts}

# Table F-1 and 2.2.8: code: routing that it must have. All of them use TC 0.
TO_ROOT, BY_ADDRESS, BY_ID, BROADCAST, LOCAL, GATHER = range(6)
MESSAGES = {
    0x00: BROADCAST, 0x10: LOCAL, 0x12: LOCAL, 0x14: LOCAL, 0x18: TO_ROOT, 0x19: BROADCAST, 0x1b: GATHER,
    **{code: LOCAL for code in range(0x20, 0x28)},
    0x30: TO_ROOT, 0x31: TO_ROOT, 0x33: TO_ROOT, 0x50: LOCAL, 0x52: LOCAL, 0x53: LOCAL,
}
VENDOR = (0x7e, 0x7f)
VENDOR_ROUTINGS = (TO_ROOT, BY_ID, BROADCAST, LOCAL)


class Tlp(NamedTuple):
    """What was read. Numbers are numbers; what a kind does not have is 0."""
    mnemonic: str
    group: str
    cls: str
    four: bool
    fields: dict
    prefixes: list
    pasid: tuple
    payload: bytes
    digest: bytes
    problem: str


def bits(word, high, low):
    return word >> low & (1 << high - low + 1) - 1


def shape(data):
    """(problem, prefixes, header at) of the bytes."""
    prefixes, at = [], 0
    while len(data) - at >= 4 and data[at] >> 5 == 0b100:
        prefixes.append(int.from_bytes(data[at:at + 4], "big"))
        at += 4
    if at == len(data):
        return "TRUNCATED", prefixes, at
    fmt = data[at] >> 5
    if len(data) - at < (16 if fmt in (0b001, 0b011) else 12):
        return "TRUNCATED", prefixes, at
    local = [p >> 28 == 8 for p in prefixes]
    if len(prefixes) > 4 or sorted(local, reverse=True) != local:
        return "UNDEFINED_FMT_TYPE", prefixes, at
    if (fmt, data[at] & 0x1f) not in TYPES:
        return "UNDEFINED_FMT_TYPE", prefixes, at
    return "", prefixes, at


def common(dw0):
    fields = {"fmt": bits(dw0, 31, 29), "type": bits(dw0, 28, 24), "tc": bits(dw0, 22, 20), "th": bits(dw0, 16, 16),
              "td": bits(dw0, 15, 15), "ep": bits(dw0, 14, 14), "attr_ido": bits(dw0, 18, 18),
              "attr_ro": bits(dw0, 13, 13), "attr_ns": bits(dw0, 12, 12), "at": bits(dw0, 11, 10)}
    if bits(dw0, 17, 17):
        fields["ln"] = 1
    return fields, bits(dw0, 23, 23) << 9 | bits(dw0, 19, 19) << 8


def request_fields(fields, header, words, group, high_tag):
    dw1, dw2 = words[1:3]
    fields.update(tag=high_tag | bits(dw1, 15, 8), requester_id=bits(dw1, 31, 16))
    if group == MESSAGE:
        del fields["th"]
        fields.update(routing=fields["type"] & 7, message_code=bits(dw1, 7, 0), dw2=dw2, dw3=words[3])
        return
    fields.update(first_be=bits(dw1, 3, 0), last_be=bits(dw1, 7, 4))
    if group == CONFIG:
        fields.update(dest_id=bits(dw2, 31, 16), ext_reg=bits(dw2, 11, 8), reg=bits(dw2, 7, 2),
                      reg_offset=bits(dw2, 11, 2) * 4)
        return
    address = int.from_bytes(header[8:], "big")
    fields.update(address=address // 4 * 4, ph=address % 4 if fields["th"] else 0)


def completion_fields(fields, words, high_tag):
    dw1, dw2 = words[1:3]
    fields.update(tag=high_tag | bits(dw2, 15, 8), requester_id=bits(dw2, 31, 16), completer_id=bits(dw1, 31, 16),
                  status=bits(dw1, 15, 13), bcm=bits(dw1, 12, 12), byte_count=bits(dw1, 11, 0) or 4096,
                  lower_address=bits(dw2, 6, 0))


def parse(data):
    """The TLP, or (problem of its shape)."""
    problem, prefixes, at = shape(data)
    if problem:
        return Tlp("", "", "", False, {}, prefixes, None, b"", b"", problem)
    fmt, type_ = data[at] >> 5, data[at] & 0x1f
    mnemonic, group, cls = TYPES[fmt, type_]
    size = 16 if fmt & 1 else 12
    header, rest = data[at:at + size], data[at + size:]
    words = [int.from_bytes(header[i:i + 4], "big") for i in range(0, size, 4)]
    fields, high_tag = common(words[0])
    if group == COMPLETION:
        completion_fields(fields, words, high_tag)
    else:
        request_fields(fields, header, words, group, high_tag)
    has_data = fmt & 2
    length = bits(words[0], 9, 0) or 1024
    if not has_data and group in (MESSAGE, COMPLETION):
        length = 0
    fields["length_dw"] = length
    wanted = 4 * length if has_data else 0
    if len(rest) != wanted + 4 * fields["td"]:
        problem = "SIZE_MISMATCH"
    pasids = [p for p in prefixes if p >> 24 == 0x91]
    pasid = (bits(pasids[0], 19, 0), bits(pasids[0], 21, 21), bits(pasids[0], 20, 20)) if pasids else None
    digest = rest[wanted:wanted + 4] if fields["td"] else b""
    return Tlp(mnemonic, group, cls, bool(fmt & 1), fields, prefixes, pasid, rest[:wanted], digest, problem)


def operand(tlp):
    """Bytes of memory of an atomic; 0 where its Length is none that exists."""
    size = 4 * tlp.fields["length_dw"] // (2 if tlp.mnemonic == "CAS" else 1)
    even = tlp.mnemonic != "CAS" or tlp.fields["length_dw"] % 2 == 0
    return size if even and size in ((4, 8, 16) if tlp.mnemonic == "CAS" else (4, 8)) else 0


# 2.2.5: what the byte enables of the first and the last of several DWs may be.
FIRST_OF_MANY = (0b1111, 0b1110, 0b1100, 0b1000)
LAST_OF_MANY = (0b1111, 0b0111, 0b0011, 0b0001)


def byte_enables_legal(tlp):
    f = tlp.fields
    if tlp.mnemonic == "MEM_READ" and f["th"]:
        return True     # a steering tag is there
    if f["length_dw"] == 1:
        return f["last_be"] == 0
    if f["length_dw"] == 2 and f["address"] % 8 == 0:
        return f["first_be"] != 0 and f["last_be"] != 0
    return f["first_be"] in FIRST_OF_MANY and f["last_be"] in LAST_OF_MANY


def crosses_4k(tlp):
    f = tlp.fields
    if tlp.group == MEMORY:
        size = 4 * f["length_dw"]
    elif tlp.group == ATOMIC:
        size = operand(tlp)
    else:
        return False
    return size > 0 and f["address"] // 4096 != (f["address"] + size - 1) // 4096


def malformed(tlp, mps):
    """The first rule broken, or ""."""
    f, group = tlp.fields, tlp.group
    if tlp.problem:
        return tlp.problem
    if len(tlp.payload) > mps:
        return "MPS_EXCEEDED"
    if crosses_4k(tlp):
        return "CROSSES_4K"
    if group == MEMORY and not byte_enables_legal(tlp):
        return "BYTE_ENABLES"
    if group in (CONFIG, IO):
        if f["length_dw"] != 1:
            return "CFG_IO_LENGTH"
        if f["tc"] != 0:
            return "CFG_IO_TC"
        if f["last_be"] != 0:
            return "CFG_IO_LAST_BE"
    if group == MESSAGE:
        code = f["message_code"]
        if code in MESSAGES and f["tc"] != 0:
            return "MSG_TC"
        legal = VENDOR_ROUTINGS if code in VENDOR else (MESSAGES[code],) if code in MESSAGES else range(6)
        if f["routing"] not in legal:
            return "MSG_ROUTING"
    if group == ATOMIC:
        if not operand(tlp):
            return "ATOMIC_LENGTH"
        if f["address"] % operand(tlp):
            return "ATOMIC_ALIGNMENT"
    return ""


def ecrc(data):
    """2.7.1, as the bytes of the digest. data: all before it."""
    covered, at = bytearray(), 0
    while data[at] >> 5 == 0b100:
        if data[at] & 0x10:
            covered += data[at:at + 4]
        at += 4
    header = bytearray(data[at:])
    header[0] |= 0x01
    header[2] |= 0x40
    return zlib.crc32(covered + header).to_bytes(4, "little")


ID_KEYS = ("requester_id", "completer_id", "dest_id")


def mnemonic(tlp):
    return tlp.mnemonic + ("_64" if tlp.four and tlp.group != MESSAGE else "")


def as_json(data, mps):
    """The object that tlpbridge tlp decode prints for it."""
    tlp = parse(data)
    rule = malformed(tlp, mps)
    out = {"verdict": "MALFORMED", "rule_id": rule} if rule else {"verdict": "ACCEPT"}
    if tlp.problem:
        return out
    fields = dict(tlp.fields)
    for key in ID_KEYS:
        if key in fields:
            fields[key] = f"{fields[key]:04x}"
    if "address" in fields:
        fields["address"] = f"{fields['address']:x}"
    for key in ("dw2", "dw3"):
        if key in fields:
            fields[key] = f"{fields[key]:08x}"
    if tlp.pasid:
        fields["pasid"], fields["priv"], fields["exec"] = tlp.pasid
    has_data = tlp.fields["fmt"] & 2
    out.update(mnemonic=mnemonic(tlp), fields=fields,
               credits={"cls": tlp.cls, "hdr": 1, "data": (tlp.fields["length_dw"] + 3) // 4 if has_data else 0})
    said = [p for p in tlp.prefixes if p >> 22 == 0x91 << 2]
    if not (len(tlp.prefixes) == len(said) == (1 if tlp.pasid else 0)):
        out["prefixes"] = [f"{p:08x}" for p in tlp.prefixes]
    if has_data:
        out["payload_hex"] = tlp.payload.hex()
    if tlp.digest:
        out["ecrc"] = tlp.digest.hex()
    return out
