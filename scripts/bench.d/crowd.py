"""`scripts/bench crowd`: very many viewers of one run, on the nodes of a cluster."""

import os
import pathlib
import sys
import time

from cluster import cluster_of, post, redis_cli
from harness import FAULTS, finish, load, table, total

# A node and the client of its viewers have a descriptor for each viewer, and 20,000 at most.
VIEWERS_PER_NODE = 18_000
DEFAULT_VIEWERS, DEFAULT_NODES, EVENTS = 12_000, 2, 40
# Seconds: to start with, and for each viewer. A quiet machine needs far less; one that compiles beside it may not.
PATIENCE_SECS, PATIENCE_PER_VIEWER = 60, 1 / 100


def nodes_for(viewers, asked):
    """How many nodes: those asked for, if they can hold the viewers."""
    needed = -(-viewers // VIEWERS_PER_NODE)
    nodes = asked or max(DEFAULT_NODES, needed)
    if nodes < needed:
        sys.exit(f"bench: {viewers:,} viewers need {needed} nodes: one takes {VIEWERS_PER_NODE:,}")
    return nodes


def shares(viewers, nodes):
    return [viewers // nodes + (number < viewers % nodes) for number in range(nodes)]


def resident_bytes(pids):
    """Resident memory of these processes, as the kernel has it."""
    lines = [line for pid in pids for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def cpu_secs(pids):
    """User and system time of these processes, all threads."""
    fields = [pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


def redis_bytes(port):
    """What Redis has allocated, the buffers of its clients included."""
    lines = redis_cli(port, "info", "memory").splitlines()
    return next(int(line.split(":")[1]) for line in lines if line.startswith("used_memory:"))


def crowd(options):
    viewers = options.viewers or (1_000 if options.quick else DEFAULT_VIEWERS)
    nodes, run = nodes_for(viewers, options.nodes), f"crowd-{os.getpid()}"
    patience = int(PATIENCE_SECS + viewers * PATIENCE_PER_VIEWER)
    with cluster_of(nodes) as (addresses, pids, redis_port, _):
        post(addresses[0], run, 0)  # the run is there: what a first one costs is not the viewers'
        memory, began = resident_bytes(pids), time.monotonic()
        listeners = [load(addr, pid, "listen", "--run", run, "--viewers", share, "--events", EVENTS, "--check-every", 1,
                          "--patience-secs", patience, stderr=None)
                     for addr, pid, share in zip(addresses, pids, shares(viewers, nodes))]
        for listener in listeners:
            if listener.stdout.readline().strip() != "ready":
                sys.exit("bench: the crowd could not join")
        joined, each = time.monotonic() - began, (resident_bytes(pids) - memory) / viewers
        cpu, started = cpu_secs(pids), time.time()
        for number in range(1, EVENTS):
            post(addresses[number % nodes], run, number)
        got = [finish(listener, 2 * patience) for listener in listeners]
        took, cpu, redis = max(result["endedAt"] for result in got) - started, cpu_secs(pids) - cpu, redis_bytes(redis_port)
    deliveries = viewers * EVENTS - total(got, "missing") + total(got, "extra")
    if total(got, "viewers") != viewers:
        FAULTS.append(f"crowd: {total(got, 'viewers')} viewers of {viewers}")
    table(f"{EVENTS} events to a crowd of one run, on {nodes} nodes",
          ["viewers", "all joined after", "memory of the nodes per viewer", "Redis", "deliveries", "missing", "extra",
           "disordered", "all had all after", "CPU per delivery"],
          [[f"{viewers:,}", f"{joined:.1f} s", f"{each:,.0f} B", f"{redis / 1e6:.1f} MB", f"{deliveries:,}", total(got, "missing"),
            total(got, "extra"), total(got, "disordered"), f"{took:.1f} s", f"{cpu / max(deliveries - viewers, 1) * 1e6:.2f} us"]])
