# SPDX-License-Identifier: MIT
"""Cases about devices that come and go, servers that return, slow models and reboots."""

from cases import case
from qmp import Qmp

NATIVE = ("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off")
EMPTY_PORT = ("-device", "pcie-root-port,id=rp0,chassis=1,slot=1")
LOSS = r"the link to .* is down"


def returns(session, script, options, qemu=()):
    server = session.server("--msix", "8")
    host = {"kill": server.kill, "start": server.start, "restart": server.restart}
    console = session.guest(script, server, options=options, qemu=qemu, host=host)
    losses = console.count("is down: ")
    session.check("QEMU tells each loss and each return in one line",
                  losses >= 3 and console.count("has returned") in (losses, losses - 1),
                  "\n".join(line for line in console.splitlines() if "tlpbridge" in line))
    session.end(console, expected=LOSS)


@case
def server_returns(session):
    """the server is killed and started again; the guest's native hot-plug removes and adds the device"""
    returns(session, "server_returns.sh", "", NATIVE)


@case
def server_returns_to_ones(session):
    """the same where the device stays and reads all ones: after remove and rescan it works again"""
    returns(session, "server_returns_to_ones.sh", "on-link-down=ones")


def plug(session, qemu):
    server = session.server("--msix", "8")
    monitor = Qmp(session.file("qmp"))

    def add():
        answer = monitor.ask("device_add", driver="tlpbridge", bus="rp0", id="ep0", url=server.url)
        session.check("device_add is accepted", "return" in answer, str(answer))

    def remove():
        monitor.ask("device_del", id="ep0")
        monitor.await_event("DEVICE_DELETED")

    console = session.guest("hotplug.sh", qemu=(*qemu, *EMPTY_PORT, *monitor.options),
                            host={"add": add, "remove": remove})
    session.end(console)


@case
def hotplug_native(session):
    """device_add and device_del with native PCI Express hot-plug"""
    plug(session, NATIVE)


@case
def hotplug_acpi(session):
    """device_add and device_del with ACPI hot-plug, QEMU's default"""
    plug(session, ())
