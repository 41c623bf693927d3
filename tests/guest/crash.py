# SPDX-License-Identifier: MIT
"""Whose fault it was that QEMU crashed, by what crash_trace.c wrote."""
import re

OF_DISPATCH = re.compile(r"\(memory_region_dispatch_(read|write)\+")
OF_TRANSLATED_CODE = re.compile(r"\[0x[0-9a-f]+\]$")
OF_OURS = "tlpbridge"


def trace_of(text):
    """The last crash in a log: the lines of its frames, innermost first."""
    _, _, trace = text.rpartition("crash-trace: ")
    return [line for line in trace.splitlines()[1:] if line.endswith("]")]


def is_fault_of_qemu(text):
    """Did a CPU's access go astray in QEMU's own memory dispatch?

    QEMU 7.2 has a race: with TCG and several CPUs, while one CPU changes the memory map
    another one's access may look into the new map with an index of the old one (docs/qemu.md).
    Then QEMU's dispatch, called by translated code, has no region, or a wrong one; nothing of the
    device under test is in the chain of calls.
    """
    frames = trace_of(text)
    if not frames or any(OF_OURS in frame for frame in frames):
        return False
    return bool(OF_TRANSLATED_CODE.match(frames[-1])) and any(OF_DISPATCH.search(frame) for frame in frames)
