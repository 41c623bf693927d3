# SPDX-License-Identifier: MIT
"""What is measured from outside: memory and CPU time of the processes at both ends of a link."""
import os
import subprocess
import time

from . import programs

LINKS = 16              # at once, for memory
IDLE_SECONDS = 1.5      # for which CPU time is counted
SETTLE_SECONDS = 0.5    # after a link came up
QEMU = "qemu-system-x86_64"
HALTED_BYTES = 64 * 1024


# ---- memory a link ----

def own_memory(pid):
    """Bytes of a process that no file has: its own, and its share of what is shared (PSS)."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        sizes = dict(line.split(":") for line in file if ":" in line and line.endswith("kB\n"))
    return sum(int(sizes[name].split()[0]) for name in ("Pss_Anon", "Pss_Shmem")) * 1024


def memory_of(bench, links):
    """Both processes together, the server with an endpoint a link; at least one."""
    server = bench.fill_in(f"bench-endpoint -t shm -n {max(links, 1)} {{url}}",
                           f"ipc://{bench.directory}/{links}.sock")
    with programs.serving(server, bench.server_cpu) as (pid, url):
        words = bench.fill_in(f"bench-links -t shm hold {links} {{url}}", url)
        with programs.started(words, bench.host_cpu, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as host:
            if host.stdout.readline() != "held\n":
                raise programs.Failure(f"bench-links does not hold {links} links")
            return own_memory(pid) + own_memory(host.pid)


def memory_link(bench):
    """
    MiB a link: all that many links have added to both processes, endpoints included, after each has carried more
    in both directions than it has memory for, so that nothing of it is untouched.
    """
    return (memory_of(bench, LINKS) - memory_of(bench, 0)) / LINKS / (1 << 20)


# ---- CPU time of a link that carries nothing ----

def cpu_seconds(pid):
    """Of all threads that live. In nanoseconds where the kernel tells, which /proc/PID/stat has in ticks only."""
    spent = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="utf-8") as file:
            spent += int(file.read().split()[0])
    return spent / 1e9


def halted_rom(directory):
    """A ROM in which a PC halts at once, with interrupts disabled: a guest that does nothing."""
    path = os.path.join(directory, "halted.rom")
    rom = bytearray(HALTED_BYTES)
    rom[-16:-14] = b"\xfa\xf4"      # cli; hlt at the reset vector
    with open(path, "wb") as file:
        file.write(rom)
    return path


def qemu(bench, devices):
    return [QEMU, "-machine", "q35,accel=tcg", "-m", "64", "-nodefaults", "-display", "none",
            "-bios", halted_rom(bench.directory), "-monitor", "none", "-serial", "none",
            "-plugin", programs.program(bench.build, "tlpbridge-qemu.so"),
            "-device", "pcie-root-port,id=rp0,chassis=1,slot=1", *devices]


def must_run(process, log):
    if process.poll() is not None:
        with open(log, encoding="utf-8") as file:
            raise programs.Failure(f"QEMU has ended: {file.read().strip()}")


def cpu_idle(bench):
    """Percent of a core that a link costs server and QEMU, beside a QEMU without the device at the same time."""
    log = os.path.join(bench.directory, "qemu.log")
    server = bench.fill_in("tlpbridge-serve endpoint-test --listen {url}", f"ipc://{bench.directory}/idle.sock")
    with programs.serving(server, bench.server_cpu) as (served, url), open(log, "w", encoding="utf-8") as output:
        streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        ours = qemu(bench, ["-device", f"tlpbridge,bus=rp0,url={url}"])
        with programs.started(ours, bench.host_cpu, **streams) as ours, \
                programs.started(qemu(bench, []), bench.host_cpu, **streams) as bare:
            time.sleep(SETTLE_SECONDS)
            pids = (served, ours.pid, bare.pid)
            before = [cpu_seconds(pid) for pid in pids]
            begin = time.monotonic()
            time.sleep(IDLE_SECONDS)
            server, with_ours, without = (cpu_seconds(pid) - was for pid, was in zip(pids, before))
            elapsed = time.monotonic() - begin
            must_run(ours, log)
            must_run(bare, log)
    return max(0, server + with_ours - without) / elapsed * 100
