# SPDX-License-Identifier: MIT
"""Judging TLPs against an endpoint's state, from docs/cli.md and the specification's text.

The state is the object of the state file. Requests that wait are kept by transaction ID.
"""
import split
import tlp as tlps

USUAL_MESSAGES = {0x00, 0x19, 0x50, 0x40, 0x41, 0x43, 0x44, 0x45, 0x47, 0x48}
SILENT = {"MALFORMED", "ECRC_ERROR", "UNEXPECTED", "DROPPED"}
OUTSTANDING = 4096      # requests that the tool keeps


class Waiting:
    """A request without its last completion."""

    def __init__(self, request):
        self.request = request
        fields = request.fields
        if request.mnemonic in ("MEM_READ", "MEM_READ_LOCKED"):
            if fields["th"] and request.mnemonic == "MEM_READ":
                offsets = range(4 * fields["length_dw"])
            else:
                offsets = split.enabled(fields["first_be"], fields["last_be"], fields["length_dw"]) or [0]
            self.at, self.end = fields["address"] + offsets[0], fields["address"] + offsets[-1] + 1
        else:
            self.at, self.end = 0, tlps.operand(request) if request.group == tlps.ATOMIC else 4

    def is_read(self):
        return self.request.mnemonic in ("MEM_READ", "MEM_READ_LOCKED")

    def after(self, cpl):
        """Address behind what the completion brings."""
        return min(self.end, self.at // 4 * 4 + 4 * cpl.fields["length_dw"])


class Endpoint:
    def __init__(self, state):
        self.state = state
        self.id = int(state["bdf"], 16)
        self.waiting = {}

    def own(self, id_):
        return id_ == self.id or (id_ >> 3 == self.id >> 3 and id_ & 7 in self.state["functions"])

    def completion_problem(self, cpl, of, sent):
        """Verdict and rule of a completion against its request, or None."""
        c, r, success = cpl.fields, of.request.fields, cpl.fields["status"] == 0
        reads_memory = success and of.is_read()
        if c["status"] == 2 and of.request.group != tlps.CONFIG and of.request.mnemonic != "DEF_MEM_WRITE":
            return "CRS_NOT_CONFIG"
        if ("LOCKED" in cpl.mnemonic) != ("LOCKED" in of.request.mnemonic):
            return "CPL_LOCKED"
        brings = success and ("READ" in of.request.mnemonic or of.request.group == tlps.ATOMIC)
        if ("DATA" in cpl.mnemonic) != brings:
            return "CPL_DATA"
        if c["tc"] != r["tc"]:
            return "CPL_TC"
        if (c["attr_ro"], c["attr_ns"]) != (r["attr_ro"], r["attr_ns"]):
            return "CPL_ATTRIBUTES"
        if success and c["byte_count"] != of.end - of.at:
            return "CPL_BYTE_COUNT"
        if reads_memory and c["lower_address"] != of.at % 128:
            return "CPL_LOWER_ADDRESS"
        if brings:
            most = (of.end + 3) // 4 - of.at // 4
            if c["length_dw"] > most or (not of.is_read() and c["length_dw"] < most):
                return "CPL_LENGTH"
        if reads_memory and of.after(cpl) < of.end and of.after(cpl) % (128 if sent else self.state["rcb"]):
            return "CPL_RCB"
        return None

    def received_problem(self, tlp):
        """Verdict and rule of a request that comes to the function, or None."""
        s, f, group = self.state, tlp.fields, tlp.group
        refused = "UR_POSTED" if tlp.cls == "P" else "UR"
        if group == tlps.CONFIG:
            if tlp.mnemonic.endswith("1"):
                return "UR", "CFG_TYPE1"
            if f["dest_id"] % 8 not in s["functions"]:
                return "UR", "NO_FUNCTION"
            return None if s["ready"] else ("CRS", "NOT_READY")
        if group == tlps.MESSAGE:
            code = f["message_code"]
            if code in USUAL_MESSAGES or code in s["messages"]:
                return None
            return ("DROPPED", "VENDOR_TYPE1") if code == 0x7f else ("UR_POSTED", "MSG_UNSUPPORTED")
        if s["d_state"]:
            return refused, "D_STATE"
        if group == tlps.IO and not s["io_enable"]:
            return refused, "IO_DISABLED"
        if group != tlps.IO and not s["memory_enable"]:
            return refused, "MEMORY_DISABLED"
        if tlp.mnemonic == "MEM_READ_LOCKED" and not s["legacy"]:
            return refused, "LOCKED_READ"
        if group == tlps.ATOMIC and 8 * tlps.operand(tlp) not in s["atomics"]:
            return refused, "ATOMIC_SIZE"
        if tlp.mnemonic == "DEF_MEM_WRITE" and not s["deferrable_writes"]:
            return refused, "DEFERRABLE_WRITE"
        end = f["address"] + (tlps.operand(tlp) if group == tlps.ATOMIC else 4 * f["length_dw"])
        for bar in s["bars"]:
            base = int(bar["base"], 16)
            if bar["io"] == (group == tlps.IO) and base <= f["address"] and end <= base + bar["size"]:
                return None
        return refused, "NO_BAR"

    def sender_rule(self, tlp):
        """The rule that only binds the endpoint as sender, or None."""
        s, f, group = self.state, tlp.fields, tlp.group
        if group == tlps.COMPLETION:
            return None if self.own(f["completer_id"]) else "COMPLETER_ID"
        if group == tlps.CONFIG:
            return "CONFIG_BY_ENDPOINT"
        if tlp.mnemonic == "MEM_READ_LOCKED":
            return "LOCKED_BY_ENDPOINT"
        if group == tlps.IO and not s["legacy"]:
            return "IO_BY_ENDPOINT"
        if not self.own(f["requester_id"]):
            return "REQUESTER_ID"
        if group == tlps.MESSAGE:
            return None
        if not s["bus_master_enable"]:
            return "BUS_MASTER_DISABLED"
        if s["d_state"]:
            return "REQUEST_IN_D_STATE"
        if tlp.mnemonic == "MEM_READ" and 4 * f["length_dw"] > s["mrrs"]:
            return "MRRS_EXCEEDED"
        if tlp.cls == "NP" and f["tag"] >= s["tags"]:
            return "TAG_RANGE"
        return None

    def any_sender_rule(self, tlp):
        key = tlp.fields["requester_id"], tlp.fields["tag"]
        if tlp.cls == "NP" and key in self.waiting:
            return "TAG_IN_USE"
        if tlp.group in (tlps.MEMORY, tlps.ATOMIC) and tlp.four and tlp.fields["address"] < 1 << 32:
            return "HEADER_4DW"
        if tlp.cls == "NP" and len(self.waiting) == OUTSTANDING:
            return "TOO_MANY_OUTSTANDING"
        return None

    def judge(self, data, sent):
        """(verdict, rule or None) of the bytes, and the Tlp."""
        s, tlp = self.state, tlps.parse(data)
        rule = tlps.malformed(tlp, s["mps"])
        if rule:
            return "MALFORMED", rule, tlp
        f = tlp.fields
        if f["tc"] not in s["tcs"]:
            return "MALFORMED", "TC_NOT_MAPPED", tlp
        if tlp.group == tlps.MESSAGE and not sent and 0x20 <= f["message_code"] <= 0x27:
            return "MALFORMED", "INTX_DOWNSTREAM", tlp
        if s["ecrc_check"] and tlp.digest and tlps.ecrc(data[:-4]) != tlp.digest:
            return "ECRC_ERROR", "ECRC", tlp
        if s["in_reset"] and not sent:
            return {"P": "DROPPED", "NP": "UR", "CPL": "UNEXPECTED"}[tlp.cls], "RESET", tlp
        if tlp.cls == "CPL":
            of = self.waiting.get((f["requester_id"], f["tag"]))
            if not of or (not sent and not self.own(f["requester_id"])):
                return "UNEXPECTED", "UNEXPECTED_COMPLETION", tlp
            rule = self.completion_problem(tlp, of, sent)
            if rule:
                return "MALFORMED", rule, tlp
        elif not sent:
            problem = self.received_problem(tlp)
            if problem:
                return *problem, tlp
        if f["ep"] and f["fmt"] & 2:
            return {"P": "POISONED_POSTED", "NP": "POISONED_UR", "CPL": "POISONED_COMPLETION"}[tlp.cls], "POISONED", tlp
        rule = (self.sender_rule(tlp) if sent else None) or self.any_sender_rule(tlp)
        return ("VIOLATION", rule, tlp) if rule else ("ACCEPT", None, tlp)

    def next(self, data, sent):
        """Judge, and follow. (verdict, rule or None)"""
        verdict, rule, tlp = self.judge(data, sent)
        if verdict in SILENT:
            return verdict, rule
        key = tlp.fields["requester_id"], tlp.fields["tag"]
        if tlp.cls == "NP" and key not in self.waiting and len(self.waiting) < OUTSTANDING:
            self.waiting[key] = Waiting(tlp)
        elif tlp.cls == "CPL":
            of = self.waiting[key]
            if tlp.fields["status"] == 0 and of.is_read():
                of.at = of.after(tlp)
            if tlp.fields["status"] or not of.is_read() or of.at == of.end:
                del self.waiting[key]
        return verdict, rule
