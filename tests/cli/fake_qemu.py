#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stands for QEMU: notes its arguments in $TEST_DIR/arguments and does as $FAKE says.

  exit:N    end with that status (the default: exit:0)
  wait      stay until SIGINT, SIGTERM or SIGHUP, note them in $TEST_DIR/signals, end with 0
  stubborn  stay whatever signals come
"""
import os
import signal
import sys
import time

HOME = os.environ["TEST_DIR"]
FAKE = os.environ.get("FAKE", "exit:0")


def note(name, text):
    with open(os.path.join(HOME, name), "a", encoding="utf-8") as file:
        file.write(text + "\n")


def on_signal(number, frame):
    note("signals", signal.Signals(number).name)
    if FAKE != "stubborn":
        time.sleep(0.3)     # a second one would be seen
        os._exit(0)


for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(each, on_signal)
note("pid", str(os.getpid()))
note("arguments", "\n".join(sys.argv[1:]))
if FAKE.startswith("exit:"):
    sys.exit(int(FAKE[5:]))
while True:
    time.sleep(1)
