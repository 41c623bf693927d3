#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Every interleaving of the protocol at the top of transport_shm.c: who puts something and who goes to sleep.

Memory is that of a machine with store buffers (TSO, as x86 has it): a store waits in a buffer of its own CPU, from
where it reaches memory at any later time but in order; loads see the own buffer first; a fence, or an atomic
exchange, waits until the buffer is empty. Weaker machines are covered by what C11 says of the fences, which the
comment there argues with; this program tells whether the steps are in the right order, and that no fence is too many
to leave out.

sleepers.py TRANSPORT_SHM_C: also tells when that file no longer takes the steps that are modelled.

A program is a generator: it yields one step at a time, and gets what that loaded. A run that ends with a sleeper
asleep for ever, and something that it should have seen, is a lost wake-up.
"""
import re
import sys

AWAKE, DOZES, AT_SOCKET = 0, 1, 2


# ---- the steps, and the machine that takes them ----

def store(name, value):
    return ("store", name, value)


def load(name):
    return ("load", name)


def exchange(name, value):
    return ("exchange", name, value)


FENCE = ("fence",)


def wait(name, value):
    """futex: sleeps if the word in memory still is that; the kernel looks at memory, after a full barrier."""
    return ("wait", name, value)


def wake(name):
    return ("wake", name)


def send_bell(name):
    return ("bell", name)


def sleep_at_socket(name):
    """Until a bell is in the socket; takes it."""
    return ("socket", name)


class Thread:
    """A program at some point: how it got there is what it has loaded so far."""

    def __init__(self, program, loaded=(), buffer=(), asleep=None):
        self.program, self.loaded, self.buffer, self.asleep = program, loaded, buffer, asleep

    def key(self):
        return (self.loaded, self.buffer, self.asleep)

    def step(self):
        """What it does next; None: it is at its end."""
        generator = self.program()
        try:
            step = next(generator)
            for value in self.loaded:
                step = generator.send(value)
            return step
        except StopIteration:
            return None

    def after(self, value=None, buffer=None, asleep=None):
        return Thread(self.program, self.loaded + (value,),
                      self.buffer if buffer is None else buffer, asleep)


def seen(thread, memory, name):
    for stored, value in reversed(thread.buffer):
        if stored == name:
            return value
    return memory.get(name, 0)


def changed(memory, name, value):
    return {**memory, name: value}


def take_step(thread, step, memory):
    """The thread and memory afterwards, and the word whose sleepers are woken; None: it cannot go on yet."""
    kind = step[0]
    if kind == "store":
        return thread.after(buffer=thread.buffer + ((step[1], step[2]),)), memory, None
    if kind == "load":
        return thread.after(seen(thread, memory, step[1])), memory, None
    if thread.buffer:       # all others are full barriers
        return None
    if kind == "fence":
        return thread.after(), memory, None
    if kind == "exchange":
        return thread.after(memory.get(step[1], 0)), changed(memory, step[1], step[2]), None
    if kind == "wait":
        asleep = step[1] if memory.get(step[1], 0) == step[2] else None
        return thread.after(asleep=asleep), memory, None
    if kind == "wake":
        return thread.after(), memory, step[1]
    if kind == "bell":
        return thread.after(), changed(memory, step[1], memory.get(step[1], 0) + 1), None
    assert kind == "socket"
    bells = memory.get(step[1], 0)
    return (thread.after(), changed(memory, step[1], 0), None) if bells else None


def successors(threads, memory):
    for i, thread in enumerate(threads):
        others = threads[:i], threads[i + 1:]
        if thread.buffer:
            (name, value), rest = thread.buffer[0], thread.buffer[1:]
            drained = Thread(thread.program, thread.loaded, rest, thread.asleep)
            yield others[0] + (drained,) + others[1], changed(memory, name, value)
        if thread.asleep:
            continue
        step = thread.step()
        taken = take_step(thread, step, memory) if step else None
        if taken:
            moved, memory_after, woken = taken
            yield tuple(Thread(t.program, t.loaded, t.buffer, None if t.asleep == woken else t.asleep)
                        if woken else t for t in others[0] + (moved,) + others[1]), memory_after


def explore(programs):
    """Whether nobody ever hangs, and how many states there are."""
    start = tuple(Thread(p) for p in programs), {}
    todo, known = [start], set()
    while todo:
        threads, memory = todo.pop()
        key = tuple(t.key() for t in threads), tuple(sorted(memory.items()))
        if key in known:
            continue
        known.add(key)
        after = list(successors(threads, memory))
        todo += after
        if not after and any(t.asleep or t.step() for t in threads):
            return False, len(known)
    return True, len(known)


# ---- the protocol: transport_shm.c, with the fences that it is asked to have ----

def go_to_sleep(how, fences, word="sleep"):
    """may_sleep() and the sleep itself, until stamp is not 0; then the end consumes."""
    def program():
        while True:
            yield store(word, how)
            if "sleeper" in fences:
                yield FENCE
            if (yield load("stamp")):
                break
            if how == DOZES:
                yield wait(word, DOZES)
            else:
                yield sleep_at_socket("bells")
            yield store(word, AWAKE)
            if (yield load("stamp")):
                break
        yield store(word, AWAKE)
    return program


def wake_if_asleep(word="sleep", bells="bells"):
    how = yield load(word)
    if how != AWAKE:
        if (yield exchange(word, AWAKE)) == DOZES:
            yield wake(word)
        else:
            yield send_bell(bells)


def put(fences):
    """shm_send() and shm_wake(), once."""
    def program():
        yield store("stamp", 1)
        if "waker" in fences:
            yield FENCE
        yield from wake_if_asleep()
    return program


def wait_for_room(how, fences):
    """A producer whose ring is full, put() and may_sleep(): until taken is not 0."""
    def program():
        while True:
            yield store("want", 1)
            if "asks" in fences:
                yield FENCE
            if (yield load("taken")):
                return
            yield store("sleep", how)
            yield store("want", 1)
            if "sleeper" in fences:
                yield FENCE
            if (yield load("taken")):
                return
            if how == DOZES:
                yield wait("sleep", DOZES)
            else:
                yield sleep_at_socket("bells")
            yield store("sleep", AWAKE)
    return program


def make_room(fences, at_once):
    """
    take_records() with tell_room(), and again behind the fence of may_sleep(). What was taken is told of at once,
    or when somebody wants to hear it, or before the sleep at the latest.
    """
    def tell_room():
        if (yield load("want")) and (yield exchange("want", 0)):
            yield store("taken", 1)
            if "teller" in fences:
                yield FENCE
            yield from wake_if_asleep()

    def program():
        if at_once:
            yield store("taken", 1)
        yield from tell_room()
        if not at_once:
            yield store("taken", 1)
        if "before sleep" in fences:
            yield FENCE
        yield from tell_room()
    return program


def both_sleep(how, fences):
    """Each end puts something and then waits for the other's: no dead embrace."""
    def end(mine, theirs):
        def program():
            yield store("stamp" + mine, 1)
            if "waker" in fences:
                yield FENCE
            yield from wake_if_asleep("sleep" + theirs, "bells" + theirs)
            while True:
                yield store("sleep" + mine, how)
                if "sleeper" in fences:
                    yield FENCE
                if (yield load("stamp" + theirs)):
                    return
                if how == DOZES:
                    yield wait("sleep" + mine, DOZES)
                else:
                    yield sleep_at_socket("bells" + mine)
                yield store("sleep" + mine, AWAKE)
        return program
    return [end("A", "B"), end("B", "A")]


def data(how, fences):
    return [go_to_sleep(how, fences), put(fences)]


def room(how, fences):
    return [wait_for_room(how, fences), make_room(fences, at_once=True)]


def late_room(how, fences):
    return [wait_for_room(how, fences), make_room(fences, at_once=False)]


# Those without which a wake-up is lost. An exchange is a fence by itself where stores are buffered (x86), so
# that of "teller", and "asks" (the sleep behind it has its own), are not among them.
NEEDED = {
    "data": (data, {"sleeper", "waker"}),
    "room": (room, {"sleeper", "before sleep"}),
    "room told late": (late_room, {"sleeper", "before sleep"}),
    "both": (both_sleep, {"sleeper", "waker"}),
}
ALL = {"sleeper", "waker", "asks", "teller", "before sleep"}


# ---- does the code still take those steps in that order? ----

STEPS = {
    "may_sleep": ["say(e, how)", "want_room, 1", "tlpb__ring_tell(", "full_fence()", "tell_room(e)", "has_news("],
    "shm_wake": ["full_fence()", "wake_if_asleep("],
    "tell_room": ["load_explicit(want", "atomic_exchange(want, 0)", "tlpb__ring_tell(", "full_fence()",
                  "wake_if_asleep("],
    "put": ["tlpb__ring_put(", "want_room, 1", "full_fence()", "tlpb__ring_put("],
}


def body_of(source, name):
    return re.search(r"^static [^\n]*\b" + name + r"\([^\n]*\n\{\n(.*?)^\}", source, re.M | re.S).group(1)


def check_code(path):
    """The steps of each function, or which of them is missing or in the wrong place."""
    with open(path, encoding="utf-8") as file:
        source = file.read()
    wrong = 0
    for name, steps in STEPS.items():
        rest = body_of(source, name)
        for step in steps:
            found = rest.find(step)
            if found < 0:
                print(f"{path}: {name}() does not do {step} where this model has it")
                wrong += 1
                break
            rest = rest[found + len(step):]
    return wrong


def main():
    failures = check_code(sys.argv[1])
    for name, (build, needed) in NEEDED.items():
        for how, where in (DOZES, "futex"), (AT_SOCKET, "socket"):
            safe, states = explore(build(how, ALL))
            print(f"{name}, {where}: {states} states, {'no wake-up is lost' if safe else 'A WAKE-UP IS LOST'}")
            failures += not safe
            for fence in sorted(needed):
                safe, _ = explore(build(how, ALL - {fence}))
                print(f"  without \"{fence}\": {'NOTHING IS LOST' if safe else 'one is lost'}")
                failures += safe
    return 1 if failures else 0


sys.exit(main())
