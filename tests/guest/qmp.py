# SPDX-License-Identifier: MIT
"""QEMU's monitor (QMP), as little of it as the cases need."""
import json
import socket
import time

SECONDS = 60        # for QEMU to listen, and to answer


class Qmp:
    """guest(..., qemu=monitor.options) starts a QEMU with it; the first command connects."""

    def __init__(self, path):
        self.path = path
        self.options = ("-qmp", f"unix:{path},server=on,wait=off")
        self.stream = None
        self.events = []        # those not awaited yet

    def connect(self):
        deadline = time.monotonic() + SECONDS
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        peer.settimeout(SECONDS)
        while True:
            try:
                peer.connect(self.path)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self.stream = peer.makefile("rw", encoding="utf-8")
        self.stream.readline()
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        """The answer: {"return": ...} or {"error": ...}."""
        if not self.stream:
            self.connect()
        self.stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            answer = json.loads(self.stream.readline())
            if "event" not in answer:
                return answer
            self.events.append(answer["event"])

    def await_event(self, name):
        while name not in self.events:
            self.events.append(json.loads(self.stream.readline()).get("event"))
        self.events.clear()
