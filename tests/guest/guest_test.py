#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A Linux guest in stock QEMU against a server process: the tests of the whole path.

Every case starts its own servers and guests and ends them. One line a check; exit status 0 when
there was at least one and none failed. The logs of a case are in LOGS/CASE. A case NAME@TRANSPORT is
the case NAME over that transport.
"""
import argparse
import fnmatch
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))     # flow

from cases import cases     # noqa: E402
import life_cases   # noqa: E402  # pylint: disable=unused-import  # its cases, after the others
import function_cases   # noqa: E402  # pylint: disable=unused-import
from report import Report   # noqa: E402
from session import GUEST_IMAGE, QemuFault, Session    # noqa: E402

ATTEMPTS = 3    # of a case, while QEMU crashes by a fault of its own


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--filter", default="*", metavar="PATTERN",
                        help="cases to run: patterns with * and ?, separated by colons")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument("--xml", metavar="FILE", help="write a JUnit XML file")
    parser.add_argument("--logs", default="guest-logs", metavar="DIR", help="default: guest-logs")
    parser.add_argument("--serve", metavar="FILE", help="tlpbridge-serve")
    parser.add_argument("--c-model", metavar="FILE", help="endpoint-test-c")
    parser.add_argument("--plugin", metavar="FILE", help="tlpbridge-qemu.so")
    parser.add_argument("--tool", metavar="FILE", help="tlpbridge")
    parser.add_argument("--oracle", metavar="DIR", help="where tests/oracle was built")
    parser.add_argument("--crash-trace", metavar="FILE", help="crash_trace.c as a library")
    chosen = parser.parse_args()
    if not chosen.list:
        for name in ("serve", "c_model", "plugin", "tool", "oracle", "crash_trace"):
            path = getattr(chosen, name)
            if not path or not os.path.exists(path):
                parser.error(f"--{name.replace('_', '-')}: {path or 'missing'}")
            setattr(chosen, name, os.path.abspath(path))
    return chosen


def selected(pattern):
    parts = pattern.split(":")
    return [name for name in cases if any(fnmatch.fnmatchcase(name, part) for part in parts)]


def keep_fault(name, chosen, attempt, fault):
    """Beside the logs of the case, which the next attempt replaces: script/test tells of it, ctest would not."""
    os.makedirs(chosen.logs, exist_ok=True)
    with open(os.path.join(chosen.logs, name + ".qemu-crash"), "a", encoding="utf-8") as file:
        file.write(f"{name}, attempt {attempt}:\n{fault}\n")


def run(name, chosen, report):
    begin = time.monotonic()
    report.begin(name, cases[name].__doc__)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            run_once(name, chosen, report)
            break
        except QemuFault as fault:
            keep_fault(name, chosen, attempt, fault)
            report.note(f"attempt {attempt}: {fault}")
            report.forget(name)
            if attempt == ATTEMPTS:
                report.check("QEMU does not crash by itself", False, str(fault))
    report.note(f"{time.monotonic() - begin:.1f} s")


def run_once(name, chosen, report):
    transport = name.partition("@")[2] or "ipc"
    with Session(chosen, report, os.path.join(os.path.abspath(chosen.logs), name), transport) as session:
        try:
            cases[name](session)
        except (RuntimeError, OSError, LookupError) as problem:
            report.check("case comes to its end", False, f"{type(problem).__name__}: {problem}")
        if report.failed(name):
            session.show_logs()


def stop(number, _frame):
    sys.exit(128 + number)


def main():
    chosen = options()
    names = selected(chosen.filter)
    if chosen.list:
        print("\n".join(names))
        return 0
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    if subprocess.run([GUEST_IMAGE], stdout=subprocess.DEVNULL, check=False).returncode:
        return 1
    report = Report()
    for name in names:
        run(name, chosen, report)
    if chosen.xml:
        report.write(chosen.xml)
    return 0 if report.verdict() else 1


if __name__ == "__main__":
    sys.exit(main())
