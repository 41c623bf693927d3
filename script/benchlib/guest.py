# SPDX-License-Identifier: MIT
"""What a program in a Linux guest gets from QEMU's own edu and from ours, in turns. QEMU's vCPUs, the bridge and
the server share the CPUs as the kernel likes."""
import os
import re
import subprocess

from . import programs

SECONDS = 300

def as_they_are(nanoseconds):
    return nanoseconds


def a_second(nanoseconds):
    return 1e9 / nanoseconds


# The guest tells nanoseconds an access. name: unit, how to get there, limit
LIMITS = {"edu_read": as_they_are, "edu_posted_write": a_second}
MEASURES = {
    "guest_read_shm": ("ns", as_they_are, "edu_read"),
    "guest_posted_write_shm": ("1/s", a_second, "edu_posted_write"),
}


def script_file(directory, runs):
    path = os.path.join(directory, "guest.sh")
    with open(os.path.join(programs.ROOT, "tests/bench/guest.sh"), encoding="utf-8") as source, \
            open(path, "w", encoding="utf-8") as target:
        target.write(f"BENCH_RUNS={runs}\n" + source.read())
    return path


def run_guest(build, directory, runs):
    """What the guest says."""
    url = f"ipc://{directory}/guest.sock"
    server = [programs.program(build, "tlpbridge-serve"), "endpoint-test", "--listen", url]
    with programs.serving(server, ",".join(programs.CPUS)):
        done = subprocess.run(
            [os.path.join(programs.ROOT, "tests/guest/run-guest"), "--timeout", str(SECONDS),
             script_file(directory, runs), "--", "-plugin", programs.program(build, "tlpbridge-qemu.so"),
             "-device", "pcie-root-port,id=rp0,chassis=1,slot=1",
             "-device", f"tlpbridge,bus=rp0,url={url}", "-device", "edu"],
            stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise programs.Failure("the guest failed; the reason is above")
    return done.stdout


def measure(build, directory, runs, figures):
    """Each figure beside the limit that was told last before it."""
    limits = {}
    for name, told in re.findall(r"^(\w+) ([\d.]+)$", run_guest(build, directory, runs), re.MULTILINE):
        if name in LIMITS:
            limits[name] = LIMITS[name](float(told))
        elif name in MEASURES:
            unit, convert, limit = MEASURES[name]
            figures.add(name, "two-cores", unit, convert(float(told)), limit, limits[limit])
