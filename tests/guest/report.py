# SPDX-License-Identifier: MIT
"""The results of checks: one line each on stdout, and JUnit XML."""
import time
import xml.etree.ElementTree as xml


class Report:
    def __init__(self):
        self.case = ""
        self.checks = []        # [case, name, why it failed or None, seconds]
        self.since = time.monotonic()

    def begin(self, case, about):
        self.case = case
        self.since = time.monotonic()
        print(f"[----------] {case}: {about}", flush=True)

    def check(self, name, passed, why=""):
        now = time.monotonic()
        self.checks.append([self.case, name, None if passed else why, now - self.since])
        print(f"{'[       OK ]' if passed else '[  FAILED  ]'} {self.case}: {name}", flush=True)
        if not passed:
            self.detail(why)
        self.since = now
        return passed

    def more(self, line):
        """A line that belongs to the last check; wanted if that one failed."""
        if self.checks and self.checks[-1][2] is not None:
            self.checks[-1][2] += line.strip() + "\n"
            self.detail(line)

    @staticmethod
    def detail(text):
        for line in text.splitlines():
            print(f"             {line}", flush=True)

    def note(self, text):
        print(f"[   NOTE   ] {self.case}: {text}", flush=True)

    def failed(self, case=None):
        return sum(1 for c in self.checks if c[2] is not None and case in (None, c[0]))

    def forget(self, case):
        """An attempt that says nothing of the case."""
        self.checks = [c for c in self.checks if c[0] != case]

    def write(self, path):
        suite = xml.Element("testsuite", name="guest", tests=str(len(self.checks)), failures=str(self.failed()),
                            time=f"{sum(c[3] for c in self.checks):.3f}")
        for case, name, why, seconds in self.checks:
            test = xml.SubElement(suite, "testcase", classname=f"guest.{case}", name=name, time=f"{seconds:.3f}")
            if why is not None:
                first = why.partition("\n")[0] or "failed"
                xml.SubElement(test, "failure", message=printable(first)).text = printable(why)
        root = xml.Element("testsuites")
        root.append(suite)
        xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)

    def verdict(self):
        passed = len(self.checks) - self.failed()
        print(f"[==========] {passed} checks passed, {self.failed()} failed")
        return bool(self.checks) and not self.failed()


def printable(text):
    """XML knows no control characters."""
    return "".join(c if c >= " " or c in "\n\t" else "?" for c in text)
