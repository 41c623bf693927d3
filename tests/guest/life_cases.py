# SPDX-License-Identifier: MIT
"""Cases about devices that come and go, servers that return, slow models and reboots."""

import os
import signal
import subprocess
import time

import flow
from cases import case
from qmp import Qmp

NATIVE = ("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off")
EMPTY_PORT = ("-device", "pcie-root-port,id=rp0,chassis=1,slot=1")
LOSS = r"the link to .* is down"


def returns(session, script, options, qemu=()):
    server = session.server("--msix", "8")
    host = {"kill": server.kill, "start": server.start, "restart": server.restart}
    trace = session.file("t.pcap")
    console = session.guest(script, server, options=options, qemu=qemu, host=host, trace=trace)
    losses = console.count("is down: ")
    session.check("QEMU tells each loss and each return in one line",
                  losses >= 3 and console.count("has returned") in (losses, losses - 1),
                  "\n".join(line for line in console.splitlines() if "tlpbridge" in line))
    session.end(console, expected=LOSS)
    session.trace_is_sound(trace)


@case
def server_returns(session):
    """the server is killed and started again; the guest's native hot-plug removes and adds the device"""
    returns(session, "server_returns.sh", "", NATIVE)


@case
def server_returns_to_ones(session):
    """the same where the device stays and reads all ones: after remove and rescan it works again"""
    returns(session, "server_returns_to_ones.sh", "on-link-down=ones")


@case
def server_returns_unheard(session):
    """the same where the slot becomes empty, but the guest does not listen to native hot-plug"""
    returns(session, "server_returns_to_ones.sh", "on-link-down=remove")


def plug(session, qemu):
    server = session.server("--msix", "8")
    monitor = Qmp(session.file("qmp"))

    def add():
        answer = monitor.ask("device_add", driver="tlpbridge", bus="rp0", id="ep0", url=server.url,
                             **flow.arguments())
        session.check("device_add is accepted", "return" in answer, str(answer))

    def remove():
        monitor.ask("device_del", id="ep0")
        monitor.await_event("DEVICE_DELETED")

    console = session.guest("hotplug.sh", qemu=(*qemu, *EMPTY_PORT, *monitor.options),
                            host={"add": add, "remove": remove, "kill": server.kill, "start": server.start})
    session.end(console, expected=LOSS)


@case
def hotplug_native(session):
    """device_add and device_del with native PCI Express hot-plug"""
    plug(session, NATIVE)


@case
def hotplug_acpi(session):
    """device_add and device_del with ACPI hot-plug, QEMU's default"""
    plug(session, ())


def stop_by_signal(server, seconds):
    server.signal(signal.SIGSTOP)
    time.sleep(seconds)
    server.signal(signal.SIGCONT)


def stop_by_gdb(server, seconds):
    """As a person does who looks at the model."""
    subprocess.run(["gdb", "-nx", "-batch", "-p", str(server.process.pid), "-ex", f"shell sleep {seconds}"],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def stopped_model(session, seconds, clock, watchdog, stop=stop_by_signal):
    """Returns what the guest saw: the longest read in seconds of its time, and how many lines its kernel wrote."""
    server = session.server("--msix", "8")
    longest, symptoms = [], []
    console = session.guest("clock.sh", server, options=f"clock={clock}",
                            append=f"test.pause={seconds} test.watchdog={watchdog}",
                            host={"pause": lambda n: stop(server, float(n)),
                                  "longest": lambda n: longest.append(int(n) / 100),
                                  "symptoms": lambda n: symptoms.append(int(n))})
    session.check("a read waited for the model", "waiting for MRd" in console)
    session.end(console)
    return longest[0], symptoms[0]


def held(session, seconds, watchdog, stop=stop_by_signal):
    longest, symptoms = stopped_model(session, seconds, "hold", watchdog, stop)
    session.check(f"the guest's clock did not jump ({longest} s)", longest < seconds / 2)
    session.check("its kernel has no symptom", symptoms == 0)


@case
def clock_hold(session):
    """clock=hold: the model stops for 12 s in a read, and no watchdog of 4 or 5 s notices"""
    held(session, 12, "impatient")


@case
def clock_hold_minute(session):
    """clock=hold: the model is in gdb for 60 s in a read"""
    held(session, 60, "usual", stop_by_gdb)


def free(session, seconds, watchdog, stop=stop_by_signal):
    longest, symptoms = stopped_model(session, seconds, "free", watchdog, stop)
    # How much of a long one it sees is its own matter: its HPET has 32 bits, and wraps after 43 s.
    session.check(f"the guest saw the time pass ({longest} s)", longest > min(seconds, 12) - 2)
    session.report.note(f"its kernel wrote {symptoms} lines about that")


@case
def clock_free(session):
    """clock=free: the guest sees the 12 s, and may complain; nothing else is different"""
    free(session, 12, "impatient")


@case
def clock_free_minute(session):
    """clock=free: the model is in gdb for 60 s in a read; the guest may complain, nothing else is different"""
    free(session, 60, "usual", stop_by_gdb)


@case
def reboot(session):
    """system_reset, reboot, bus reset, and a reset while the server is away"""
    server = session.server("--msix", "8")
    monitor = Qmp(session.file("qmp"))
    share = session.file("share")

    def turn(number):
        with open(os.path.join(share, "turn"), "w", encoding="utf-8") as file:
            file.write(number)

    def reset(number):
        turn(number)
        monitor.ask("system_reset")

    os.mkdir(share)
    turn("1")
    console = session.guest("reboot.sh", server, share=share,
                            qemu=(*NATIVE, *monitor.options, "-action", "reboot=reset"),
                            host={"turn": turn, "reset": reset, "kill": server.kill, "start": server.start})
    session.end(console, expected=LOSS)
