# SPDX-License-Identifier: MIT
"""The cases, in their order. What happens in the guest is in scripts/."""
import glob
import os
import signal
import subprocess
import time

MSIX_MARGIN = 8         # vectors left to the guest's other devices
MSIX_MAX = 2048         # what endpoint-test offers, and MSI-X allows

SCRIPT_ENDED_WITH_0 = 33    # as isa-debug-exit says it

IOMMU = ("-machine", "kernel-irqchip=split", "-device", "intel-iommu,intremap=on")

ORACLE_SCRIPTS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../oracle")
EDU_SEEDS = (101, 102)

cases = {}


def case(function):
    cases[function.__name__] = function
    return function


def over(*transports):
    """A case over other transports than ipc, too: NAME@TRANSPORT."""
    def add(function):
        for transport in transports:
            cases[f"{function.__name__}@{transport}"] = function
        return function
    return add


@over("tcp", "tls", "fd")
@case
def pcitest(session):
    """the kernel's driver: BARs, each type of interrupt, transfers"""
    trace = session.file("t.pcap")
    console = session.guest("pcitest.sh", session.server("--msix", "32"), trace=trace)
    session.end(console)
    session.trace_is_sound(trace)


def with_direct_dma(session, script, direct, *options, **more):
    """A guest whose memory may be granted. Its trace tells whether the device used that."""
    trace = session.file(f"{direct}.pcap")
    console = session.guest(script, session.server(*options), shared_memory=True, trace=trace,
                            options=f"direct-dma={direct}", **more)
    told, tlps = session.traced(trace, "DIRTY by"), session.traced(trace, "ep>host  0  MWr")
    session.report.note(f"direct-dma={direct}: {told} reports of what was written directly, {tlps} MWr of the device")
    session.check(f"direct-dma={direct} does as it says", bool(told) == (direct == "on") and
                  (direct == "on" or tlps > 0))
    session.end(console)


@case
def pcitest_direct(session):
    """the kernel's driver with direct DMA"""
    with_direct_dma(session, "pcitest.sh", "on", "--msix", "32")


@case
def overwrite(session):
    """code that the device overwrites by DMA is not executed any more"""
    for direct in ("off", "on"):
        with_direct_dma(session, "overwrite.sh", direct, append="memmap=16M$0x10000000")


@case
def run(session):
    """tlpbridge run puts server, QEMU and the kernel's driver together, and returns QEMU's status"""
    status, console, logs = session.run_tool("pcitest.sh", "--msix", "32")
    session.check("the driver's test passes in the guest", "guest: script ended with 0" in console, console[-2000:])
    session.check("its status is QEMU's", status == SCRIPT_ENDED_WITH_0, f"status {status}")
    session.check("the server's log is kept", "connected: qemu-system-x86_64" in logs, logs)


@over("tcp", "tls", "fd")
@case
def msix(session):
    """every MSI-X vector that a guest with two CPUs grants"""
    found = []
    console = session.guest("msix_granted.sh", session.server(), host={"granted": lambda n: found.append(int(n))})
    granted = found[0] if found else 0
    if session.check("some hundred vectors granted", granted >= 256, f"{granted} of {MSIX_MAX}"):
        use = min(granted - MSIX_MARGIN, MSIX_MAX)
        session.report.note(f"this guest grants {granted} of {MSIX_MAX} MSI-X vectors with 2 CPUs; testing {use}")
        console += session.guest("msix.sh", session.server("--msix", str(use)))
    session.end(console)


@case
def msix_all(session):
    """all 2,048 MSI-X vectors, in a guest with CPUs enough for them"""
    session.end(session.guest("msix.sh", session.server(), qemu=("-smp", "12")))


@over("tcp", "tls", "fd")
@case
def iommu(session):
    """MSI 1 to 32, MSI-X and DMA through an IOMMU with interrupt remapping"""
    console = session.guest("iommu.sh", session.server("--msix", "64"), qemu=IOMMU, append="intel_iommu=on")
    session.end(console, expected="vtd_|New fault is not recorded")     # QEMU tells of the fault that is tried


@over("tcp", "tls", "fd")
@case
def effect(session):
    """a register whose read does DMA both ways and an interrupt, 1,000 times from two CPUs"""
    trace = session.file("t.pcap")
    console = session.guest("effect.sh", session.server("--msix", "8"), append="memmap=16M$0x10000000", trace=trace)
    session.end(console)
    session.trace_is_sound(trace)


@over("tcp", "tls", "fd")
@case
def effect_two_devices(session):
    """the same register of two devices, 1,000 times, each CPU reading one of them"""
    servers = session.endpoints(2, "--msix", "8")
    session.end(session.guest("effect_two_devices.sh", *servers, append="memmap=16M$0x10000000"))


@over("tcp", "tls", "fd")
@case
def config(session):
    """lspci and setpci, driver life cycle, resets"""
    session.end(session.guest("config.sh", session.server()))


ERRORS = ("error=receiver type=CfgRd0 addr=0xf00; error=completion-timeout type=CfgRd0 addr=0xf04;"
          "error=malformed type=CfgRd0 addr=0xf08")


@case
def errors(session):
    """errors of the device in the registers and in the log of the kernel's AER driver; a fatal one recovered by hot reset"""
    session.end(session.guest("errors.sh", session.server("--aer", "--inject", ERRORS), qemu=IOMMU,
                              append="intel_iommu=on pcie_ports=native"))


# An answer that comes twice, one that does not come, a request that is spoiled on its way.
PORT_ERRORS = ("duplicate type=CfgRd0 addr=0xf00; timeout type=CfgRd0 addr=0xf04;"
               "corrupt part=data type=CfgWr0 addr=0xf08")


@case
def port_errors(session):
    """errors that the host's end of the link detects, in the root port and in the AER driver's log; ECRC"""
    session.end(session.guest("port_errors.sh", session.server("--ecrc"), append="pcie_ports=native",
                              options=f"ecrc=on,completion-timeout=2000,inject={PORT_ERRORS}"),
                expected="injected|Unexpected Completion|ECRC Check Failed")


@case
def aer_inject(session):
    """the kernel's aer_inject: errors that it makes up are seen by its AER driver as the device's"""
    session.end(session.guest("aer_inject.sh", session.server("--aer"), append="pcie_ports=native"))


@over("tcp", "tls", "fd")
@case
def bars(session):
    """64-bit, prefetchable and I/O BARs"""
    # Not in one function: a bridge's one prefetchable window is either below or above 4 GiB.
    layouts = ("0:mem64:64K,2:pref64:1G,4:io:256", "0:mem32:64K,5:pref32:8K")
    session.end(session.guest("bars.sh", *[session.server("--bars", layout) for layout in layouts]))


@over("tcp", "tls", "fd")
@case
def two_devices(session):
    """two functions of two servers in one guest, busy at the same time"""
    servers = [session.server("--msix", "8") for _ in range(2)]
    session.end(session.guest("two_devices.sh", *servers))


def server_dies(session, kill):
    server = session.server("--msix", "8")
    console = session.guest("server_killed.sh", server, host={"kill": lambda: kill(server)})
    downs = [line for line in console.splitlines() if "qemu-system-x86_64: " in line
             and "waiting for" not in line and ": info: " not in line]
    session.check("QEMU says why, in one line", len(downs) == 1 and "crashed or was killed" in downs[0]
                  and "reads all ones" in downs[0], "\n".join(downs) or "it said nothing")


@over("tcp", "tls", "fd")
@case
def server_killed(session):
    """the server is killed between and during reads"""
    server_dies(session, Kill.at_once)


@over("tcp", "tls", "fd")
@case
def server_killed_in_read(session):
    """the server is killed while a CPU is known to wait for it"""
    server_dies(session, Kill.while_stopped)


class Kill:
    @staticmethod
    def at_once(server):
        server.kill()

    @staticmethod
    def while_stopped(server):
        server.signal(signal.SIGSTOP)
        time.sleep(1)           # the guest does nothing but read
        server.kill()


@over("tcp", "tls", "fd")
@case
def server_paused(session):
    """the server stops for five seconds and goes on"""
    server = session.server("--msix", "8")

    def pause(seconds):
        server.signal(signal.SIGSTOP)
        time.sleep(float(seconds))
        server.signal(signal.SIGCONT)

    console = session.guest("server_paused.sh", server, host={"pause": pause})
    session.check("QEMU says what it waits for", "waiting for MRd" in console)
    session.end(console)


@over("tcp", "tls")     # an inherited socket knows one host
@case
def host_killed(session):
    """QEMU is killed during DMA; the server takes the next one"""
    server = session.server("--msix", "8")

    def kill():
        time.sleep(1)
        session.kill_guest()

    session.guest("copy_forever.sh", server, host={"kill": kill}, killed=True)
    server.await_line("disconnected: the peer is gone")
    session.end(session.guest("next_host.sh", server))


@case
def edu(session):
    """QEMU's own edu and ours: the same scripts, compared line by line"""
    scripts = glob.glob(os.path.join(ORACLE_SCRIPTS, "*.edu"))
    for seed in EDU_SEEDS:
        scripts.append(session.file(f"random-{seed}.edu"))
        with open(scripts[-1], "w", encoding="ascii") as script:
            subprocess.run([session.oracle("edu-random"), str(seed), "60"], stdout=script, check=True)
    original = ("-device", "pcie-root-port,id=original,chassis=9,slot=9", "-device", "edu,bus=original")
    server = session.server("--factorial-time", "100ms", "--tick", "10us", model="edu")
    session.end(session.guest("edu.sh", server, qemu=original, append="memmap=1M$0x8000000",
                              share=session.shared([session.oracle("edu-guest"), *scripts])))


@case
def driver_life(session):
    """unbind and bind, remove and rescan, suspend of devices"""
    session.end(session.guest("driver_life.sh", session.server("--msix", "8"), append="suspend.pm_test_delay=1"))


@case
def kexec(session):
    """a kernel starts another one while the function is in use"""
    image = session.guest_image()
    console = session.guest("kexec.sh", session.server("--msix", "8"),
                            share=session.shared([os.path.join(image, name) for name in ("vmlinuz", "initrd.cpio")]))
    session.check("two kernels ran", console.count("guest: script starts") == 2)
    session.end(console)


@case
def vfio(session):
    """a user program as the driver, through vfio-pci and an IOMMU"""
    console = session.guest("vfio.sh", session.server("--msix", "8"), qemu=IOMMU, append="intel_iommu=on")
    session.end(console, expected="vtd_|New fault is not recorded")
