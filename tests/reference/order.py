# SPDX-License-Identifier: MIT
"""The ordering rules (2.4.1), as sentences."""


def differ(facts):
    """Are the two of different IDs, so that IDO lets the later one pass?"""
    if not facts["ids_equal"]:
        return True
    pasids = facts.get("later_pasid"), facts.get("earlier_pasid")
    return None not in pasids and pasids[0] != pasids[1]


def verdict(facts):
    later, earlier = facts["later"], facts["earlier"]
    by_ro, by_ido = facts["later_ro"], facts["later_ido"] and differ(facts)
    if earlier == "P":
        if later == "NPR":
            free = by_ido
        elif later == "CPL":
            free = by_ro or by_ido or facts["completion_kind"] == "io_cfg_write"
        else:
            free = by_ro or by_ido
        return "MAY" if free else "MUST_NOT"
    if later in ("P", "CPL") and earlier in ("NPR", "NPD"):
        return "MUST"
    if later == earlier == "CPL" and facts["same_transaction_id"]:
        return "MUST_NOT"
    return "MAY"
