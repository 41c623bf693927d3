# SPDX-License-Identifier: MIT
"""Links of tests once more, with few credits or stress ordering: flow.h, for tests in Python."""
import os

CREDITS = os.environ.get("TLPB_TEST_CREDITS")
ORDER_SEED = os.environ.get("TLPB_TEST_ORDER_SEED")


def options():
    """Of a device that a program serves, and of a host of tlpbridge."""
    return (*(("--credits", CREDITS) if CREDITS else ()), *(("--stress-ordering", ORDER_SEED) if ORDER_SEED else ()))


def command(words):
    """A server's, with them for each device, each begun by "--and" but the first."""
    done = []
    for word in words:
        done += [*options(), word] if word == "--and" else [word]
    return [*done, *options()]


def arguments():
    """Of QMP's device_add."""
    return {**({"credits": CREDITS} if CREDITS else {}), **({"stress-ordering": int(ORDER_SEED)} if ORDER_SEED else {})}


def properties():
    """Behind the properties of QEMU's device, where a comma within a value is written twice."""
    return (f",credits={CREDITS.replace(',', ',,')}" if CREDITS else "") + (
        f",stress-ordering={ORDER_SEED}" if ORDER_SEED else "")
