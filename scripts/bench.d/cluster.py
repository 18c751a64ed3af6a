"""`scripts/bench cluster`: three nodes around one Redis, and one PostgreSQL that keeps their catalog."""

import collections
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.request

from harness import finish, free_port, is_ready, load, median, process_group, runcast_command, table, total, wait_for

# A cluster that runs: the addresses and processes of its nodes, Redis' port, and the URL of the catalog.
Cluster = collections.namedtuple("Cluster", "addresses pids redis_port catalog")


@contextlib.contextmanager
def redis(home):
    """A Redis that keeps an append-only file, as a cluster should have it; yields its port."""
    port = free_port()
    argv = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(home), "--save", "",
            "--appendonly", "yes", "--appendfsync", "everysec"]
    with process_group(argv, home / "redis.log"):
        wait_for("redis-server", home / "redis.log", lambda: redis_cli(port, "ping") == "PONG")
        yield port


def redis_cli(port, *command):
    done = subprocess.run(["redis-cli", "-p", str(port), *command], capture_output=True, text=True)
    return done.stdout.strip()


def postgres_program(name):
    found = shutil.which(name) or next(iter(sorted(map(str, pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}")))), None)
    return found or sys.exit(f"{name} is missing (Debian: apt-get install postgresql)")


@contextlib.contextmanager
def postgres(home):
    """A PostgreSQL with an empty catalog; yields its URL. It refuses to run as root."""
    data, port = home / "postgres", free_port()
    data.mkdir()
    as_user = []
    if os.geteuid() == 0:
        shutil.chown(data, "nobody")
        home.chmod(0o755)
        as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    subprocess.run([*as_user, postgres_program("initdb"), "-D", data, "-U", "runcast", "-A", "trust", "-N"],
                   check=True, stdout=subprocess.DEVNULL)
    argv = [*as_user, postgres_program("postgres"), "-D", str(data), "-p", str(port), "-k", str(data),
            "-h", "127.0.0.1", "-c", "fsync=off"]
    ready = [postgres_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    with process_group(argv, home / "postgres.log"):
        wait_for("postgres", home / "postgres.log", lambda: subprocess.run(ready).returncode == 0)
        yield f"postgres://runcast@127.0.0.1:{port}/postgres"


@contextlib.contextmanager
def cluster_of(nodes, **settings):
    """Nodes with one worker thread each, and with these settings, around one Redis."""
    with contextlib.ExitStack() as stack:
        home = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-cluster-")))
        redis_port = stack.enter_context(redis(home))
        catalog = stack.enter_context(postgres(home))
        addresses, pids = [], []
        for number in range(nodes):
            port, place = free_port(), home / f"node-{number}"
            place.mkdir()
            argv, env = runcast_command(place, port, 1)
            env |= {"REDIS_URL": f"redis://127.0.0.1:{redis_port}", "DATABASE_URL": catalog}
            env |= {f"RUNCAST__{name}": str(value) for name, value in settings.items()}
            child = stack.enter_context(process_group(argv, place / "log", env))
            wait_for("runcast", place / "log", lambda port=port: is_ready(port))
            addresses.append(f"127.0.0.1:{port}")
            pids.append(child.pid)
        yield Cluster(addresses, pids, redis_port, catalog)


def script_calls(port):
    """Scripts that Redis has run: every append, and every read of a head or a page, is one."""
    stats = redis_cli(port, "info", "commandstats")
    return sum(int(line.split("calls=")[1].split(",")[0]) for line in stats.splitlines() if line.startswith("cmdstat_evalsha:"))


def cluster(options):
    scale = 20 if options.quick else 1
    with cluster_of(3) as (addresses, pids, redis_port, _):
        rows = []
        for batch, events in ((1, 60_000 // scale), (500, 3_000_000 // scale)):
            scenario = ("ingest", "--conns", 16, "--runs", 16, "--batch", batch, "--events", events // 3)
            started = [load(addr, pid, *scenario) for addr, pid in zip(addresses, pids)]
            got = [finish(process) for process in started]
            rows.append([batch, f"{sum(result['eventsPerSec'] for result in got):,.0f}",
                         f"{median(got, 'p50Ms'):.2f} ms", f"{median(got, 'p99Ms'):.2f} ms"])
        table("Appends through three nodes and one Redis (append-only file, everysec), 48 connections, 128 bytes",
              ["batch", "events/s, all nodes", "p50", "p99"], rows)

        near, far = [], []
        scenario = ("fanout", "--viewers", 20, "--rate", 100, "--secs", 1 if options.quick else 5)
        for _ in range(1 if options.quick else 5):
            near.append(finish(load(addresses[0], pids[0], *scenario)))
            far.append(finish(load(addresses[1], pids[1], "--publish-addr", addresses[0], *scenario)))
        table("Latency from post to receipt, 20 viewers x 100/s (median of the rounds)", ["viewers on", "p50", "p99"],
              [[where, f"{median(got, 'p50Ms'):.2f} ms", f"{median(got, 'p99Ms'):.2f} ms"]
               for where, got in (("the node posted to", near), ("another node", far))])

        viewers, run = 50_000 // 3 // scale + 1, f"crowd-{os.getpid()}"
        crowd = [load(addr, pid, "listen", "--run", run, "--viewers", viewers, "--events", 100)
                 for addr, pid in zip(addresses, pids)]
        for process in crowd:
            if process.stdout.readline().strip() != "ready":
                sys.exit("the crowd could not join")
        for number in range(100):
            post(addresses[number % 3], run, number)
        got = [finish(process) for process in crowd]
        table("100 events to viewers on three nodes", ["viewers", "missing", "until all had all"],
              [[f"{total(got, 'viewers'):,}", total(got, "missing"), f"{max(r['elapsedSecs'] for r in got):.1f} s"]])

        viewers, before = 10_000 // scale, None
        before = script_calls(redis_port)
        got = finish(load(addresses[2], pids[2], "listen", "--run", run, "--viewers", viewers, "--events", 100))
        table("10,000 viewers join a run of 100 events at once, on one node", ["viewers", "missing", "scripts run by Redis"],
              [[f"{viewers:,}", got["missing"], script_calls(redis_port) - before]])


def post(addr, run, number):
    body = json.dumps({"type": "log", "t": 0, "n": number}, separators=(",", ":")).encode()  # as runcast-load stamps them
    request = urllib.request.Request(f"http://{addr}/api/runs/{run}/events", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()
