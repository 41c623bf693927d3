# SPDX-License-Identifier: MIT
"""Links of tests once more, with few credits, stress ordering or the other transport: flow.h, for tests in Python."""
import os

CREDITS = os.environ.get("TLPB_TEST_CREDITS")
ORDER_SEED = os.environ.get("TLPB_TEST_ORDER_SEED")
TRANSPORT = os.environ.get("TLPB_TEST_TRANSPORT")
DIRECT_DMA = os.environ.get("TLPB_TEST_DIRECT_DMA")


def device_options(in_order):
    """Of a device that a program serves."""
    seed = None if in_order else ORDER_SEED
    return (*(("--credits", CREDITS) if CREDITS else ()), *(("--stress-ordering", seed) if seed else ()))


def end_options():
    """Of a server, and of a host."""
    return ("--transport", TRANSPORT) if TRANSPORT else ()


def options(in_order=False):
    """Of a host of tlpbridge."""
    return (*device_options(in_order), *end_options())


def command(words, in_order=False):
    """
    A server's, with its own, and those of each device, each begun by "--and" but the first. in_order is for
    tests of what tlpbridge dma and irq print of a device's requests: one line for those that follow each other.
    """
    done = []
    for word in words:
        before = {"--and": device_options(in_order), "--listen": end_options()}
        done += [*before.get(word, ()), word]
    return [*done, *device_options(in_order)]


def arguments():
    """Of QMP's device_add."""
    return {**({"credits": CREDITS} if CREDITS else {}), **({"stress-ordering": int(ORDER_SEED)} if ORDER_SEED else {}),
            **({"transport": TRANSPORT} if TRANSPORT else {}), **({"direct-dma": DIRECT_DMA} if DIRECT_DMA else {})}


def properties(own=""):
    """Behind the properties of QEMU's device, where a comma within a value is written twice. own: the test's."""
    direct = DIRECT_DMA if "direct-dma=" not in own else None
    return ((f",credits={CREDITS.replace(',', ',,')}" if CREDITS else "")
            + (f",stress-ordering={ORDER_SEED}" if ORDER_SEED else "")
            + (f",transport={TRANSPORT}" if TRANSPORT else "")
            + (f",direct-dma={direct}" if direct else ""))


def shared_memory(megabytes, wanted=False):
    """QEMU's memory that a device may be granted, if direct DMA is asked for."""
    return [] if DIRECT_DMA != "on" and not wanted else [
        "-object", f"memory-backend-memfd,id=ram,size={megabytes}M,share=on", "-machine", "memory-backend=ram"]
