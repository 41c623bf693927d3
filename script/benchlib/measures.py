# SPDX-License-Identifier: MIT
"""What is measured, beside which limit, and what is to be reached. guest.py has what is measured in a guest."""
from collections import namedtuple

from . import processes

# Where a server listens, and how the two ends are told which transport to take.
Way = namedtuple("Way", "suffix url option limit_suffix limit_url")

# nng has no inherited sockets, and nng's own TLS would measure the cipher: their limits are nng over ipc and TCP.
IPC = "ipc://{directory}/x.sock"
TCP = "tcp://127.0.0.1:0"
SHM = Way("shm", IPC, "shm", "", IPC)
NNG = Way("nng", IPC, "nng", "", IPC)
SLOWER_WAYS = [
    Way("nng_tcp", TCP, "nng", "_tcp", TCP),
    Way("nng_tls", "tls+" + TCP, "nng", "_tcp", TCP),
    Way("fd", "fd", "nng", "", IPC),
]

# A limit of bare nng listens, the others need no server. Words in braces: Bench.fill_in().
Limit = namedtuple("Limit", "name tool server url", defaults=(None, ""))

# url: where server listens. tool: the command that prints the figure, or a function of a Bench that gives it.
# limits: by placement; without one a figure stands alone. placements: None: all.
Measure = namedtuple("Measure", "name unit tool server url limits placements", defaults=(None, "", {}, None))

BOTH = ("one-core", "two-cores")


def everywhere(limit):
    return {placement: limit for placement in BOTH}


def nng_limit(name, action, way):
    return everywhere(Limit(name + way.limit_suffix, f"bench-nng {action} {{url}}", "bench-nng serve {url}",
                            way.limit_url))


def memcpy_limit(size, count):
    return everywhere(Limit("memcpy_" + size_name(size), f"bench-memcpy {size} {count}"))


def size_name(size):
    return f"{size >> 20}m" if size >> 20 else f"{size >> 10}k"


# Shared memory: a ring that spins where both have a core, the kernel's futex where they share one.
SHM_PING = {
    "two-cores": Limit("ring_pingpong", "bench-ring ping 1000000 {cpu} {server_cpu}"),
    "one-core": Limit("futex_pingpong", "bench-futex 30000 {cpu} {server_cpu}"),
}
SHM_FLOOD = {"two-cores": Limit("ring_messages", "bench-ring flood 10000000 {cpu} {server_cpu}")}


def c_endpoint(way, options=""):
    return f"bench-endpoint -t {way.option} {options} {{bench_tls}} {{url}}"


def c_host(way, what, options=""):
    return f"bench-host -t {way.option} {options} {{host_tls}} {what}"


def systemc(way):
    return "tlpbridge-serve endpoint-test --listen {url} {serve_tls}"


# How far a host may be ahead with posted writes. By default 127, and over a socket somebody has to be woken
# each time to give more; without bound, as the specification allows it, the figure is that of the packing.
POSTED_CREDITS = {"shm": "", "nng": "-f PH=infinite,PD=infinite"}


def of_way(way, ping, flood, reads, writes, placements=None):
    """What is measured over each transport. ping, flood: the limits; reads, writes: how many."""
    measures = [
        Measure("read_rtt_" + way.suffix, "us", c_host(way, f"read {reads} {{url}}"), c_endpoint(way), way.url, ping),
        Measure("posted_write_" + way.suffix, "1/s", c_host(way, f"write {writes} {{url}}"),
                c_endpoint(way, POSTED_CREDITS[way.option]), way.url, flood),
        Measure("dma_read_" + way.suffix, "GB/s", c_host(way, "dma-read 16 {url} 1048576"), c_endpoint(way), way.url,
                memcpy_limit(1 << 20, 1000)),
        Measure("dma_write_" + way.suffix, "GB/s", c_host(way, "dma-write 8 {url} 1048576"), c_endpoint(way),
                way.url, memcpy_limit(1 << 20, 1000)),
    ]
    return [measure._replace(placements=placements) for measure in measures]


def of_systemc(way, ping, flood, reads, writes):
    """The same of a model in SystemC, whose credits are the defaults."""
    return [
        Measure(f"read_rtt_{way.suffix}_systemc", "us", c_host(way, f"read {reads} {{url}}"), systemc(way), way.url,
                ping),
        Measure(f"posted_write_{way.suffix}_systemc", "1/s", c_host(way, f"write {writes} {{url}}"), systemc(way),
                way.url, flood),
    ]


def of_nng(way):
    ping = nng_limit("nng_pingpong", "ping", way)
    flood = nng_limit("nng_messages", "flood", way)
    ping = {at: limit._replace(tool=limit.tool + " 3000") for at, limit in ping.items()}
    flood = {at: limit._replace(tool=limit.tool + " 20000") for at, limit in flood.items()}
    return ping, flood, 3000, 400000


def large_dma():
    """DMA in large pieces: as full TLPs of 4 KiB, and without TLPs, into memory that the host has granted."""
    large = "-p 4096"
    return [
        Measure("dma_tlp_4k", "GB/s", c_host(SHM, "dma 20000 {url} 4096", large), c_endpoint(SHM, large), SHM.url,
                memcpy_limit(4096, 500000)),
        Measure("dma_direct_4k", "GB/s", c_host(SHM, "dma 200000 {url} 4096", large + " -d"), c_endpoint(SHM, large),
                SHM.url, memcpy_limit(4096, 500000)),
        Measure("dma_direct_64k", "GB/s", c_host(SHM, "dma 20000 {url} 65536", large + " -d"), c_endpoint(SHM, large),
                SHM.url, memcpy_limit(65536, 30000)),
    ]


def of_links():
    """What a link costs that carries nothing. Neither memory nor idleness ask where both run."""
    return [
        Measure("memory_link", "MiB", processes.memory_link, placements=("two-cores",)),
        Measure("link_up", "ms", "bench-links -t shm up 31 {url}", c_endpoint(SHM), SHM.url),
        Measure("cpu_idle", "%", processes.cpu_idle, placements=("two-cores",)),
    ]


def all_measures():
    shm = (SHM_PING, SHM_FLOOD, 50000, 2000000)
    measures = of_way(SHM, *shm) + of_systemc(SHM, *shm) + large_dma()
    measures += of_way(NNG, *of_nng(NNG)) + of_systemc(NNG, *of_nng(NNG)) + of_links()
    measures.append(Measure("posted_write_nng_127", "1/s", c_host(NNG, "write 200000 {url}"), c_endpoint(NNG), NNG.url,
                            of_nng(NNG)[1]))
    for way in SLOWER_WAYS:
        measures += of_way(way, *of_nng(way), placements=("two-cores",))
    measures.append(Measure("tlp_cost_mem", "ns", "bench-tlp cost 2000000",
                            limits=everywhere(Limit("tlp_codec", "bench-tlp codec 2000000"))))
    return measures


# What is to be reached: "of" the ratio of a figure to its limit, or the figure itself.
Target = namedtuple("Target", "name placement of bound amount")
TARGETS = [
    Target("read_rtt_shm", "two-cores", "ratio", "at most", 1.5),
    Target("read_rtt_shm_systemc", "two-cores", "ratio", "at most", 4),
    Target("read_rtt_shm", "one-core", "ratio", "at most", 1.3),
    Target("guest_read_shm", "two-cores", "ratio", "at most", 6),
    Target("posted_write_shm", "two-cores", "value", "at least", 20e6),
    Target("guest_posted_write_shm", "two-cores", "value", "at least", 8e6),
    Target("dma_tlp_4k", "two-cores", "value", "at least", 4),
    Target("dma_direct_4k", "two-cores", "ratio", "at least", 0.8),
    Target("dma_direct_64k", "two-cores", "ratio", "at least", 0.8),
    Target("read_rtt_nng", "two-cores", "ratio", "at most", 1.15),
    Target("posted_write_nng", "two-cores", "value", "at least", 5e6),
    Target("memory_link", "two-cores", "value", "at most", 2),
    Target("link_up", "two-cores", "value", "at most", 5),
    Target("cpu_idle", "two-cores", "value", "at most", 1),
]
