"""`scripts/bench disk`: what is kept of events, runs and artifacts, in SQLite, Redis and PostgreSQL."""

import contextlib
import json
import pathlib
import sqlite3
import subprocess
import sys
import time

from artifacts import CONTENT, connect, directory, node, put, request
from cluster import cluster_of, postgres_program, redis_cli
from crowd import redis_bytes
from harness import ROOT, finish, load, table

# A recorded run of a real test suite.
DEMO = ROOT / "demo" / "run.ndjson"
PATIENCE_SECS = 300
# The key of links that nobody follows.
KEY = "0" * 32
# PostgreSQL's tables of the list, and of artifacts.
TABLES = ("runcast_runs", "runcast_results", "runcast_artifacts")


def size_of(folder, pattern="*"):
    return sum(path.stat().st_size for path in folder.rglob(pattern) if path.is_file())


def ingest(addr, pid, batch, events, size):
    return finish(load(addr, pid, "ingest", "--conns", 4, "--batch", batch, "--events", events, "--size", size))


def database_bytes(path):
    """The size of a database that nobody has open, without the log beside it."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


def in_sqlite(batch, events, size):
    """Bytes of the journal's file per event, and the size of its write-ahead log in the end, which is kept for further use."""
    with directory() as home:
        with node(home):
            pass
        journal = home / "data" / "journal.db"
        empty = database_bytes(journal)
        with node(home) as (port, pid):
            ingest(f"127.0.0.1:{port}", pid, batch, events, size)
            log = journal.with_name("journal.db-wal").stat().st_size
        return (database_bytes(journal) - empty) / events, log


def in_redis(batch, events, size):
    """Bytes of Redis' memory, and of its append-only file, per event."""
    with cluster_of(1) as ([addr], [pid], port, _):
        home = pathlib.Path(redis_cli(port, "config", "get", "dir").splitlines()[1])
        memory, file = redis_bytes(port), size_of(home, "appendonly*")
        ingest(addr, pid, batch, events, size)
        return (redis_bytes(port) - memory) / events, (size_of(home, "appendonly*") - file) / events


def events(options):
    scale, rows = (4 if options.quick else 1), []
    for size in (128, 512):
        for batch, count in ((1, 8_000 // scale), (100, 80_000 // scale)):
            sqlite, log = in_sqlite(batch, count, size)
            memory, file = in_redis(batch, count, size)
            rows.append([size, batch, f"{sqlite:,.0f} B", f"{log / 1e6:.1f} MB", f"{memory:,.0f} B", f"{file:,.0f} B"])
    table("What an event takes", ["bytes", "events in a post", "SQLite's file", "its write-ahead log", "Redis' memory",
                                  "Redis' append-only file"], rows)


# The list of runs


def psql(url, question):
    done = subprocess.run([postgres_program("psql"), url, "-Atc", question], capture_output=True, text=True, check=True)
    return int(done.stdout.strip() or 0)


def asks_sqlite(path):
    """Puts a question to the catalog's file, which has one number for an answer."""
    def ask(question):
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
            return database.execute(question.replace("runcast_runs", "runs")).fetchone()[0]
    return ask


def post_runs(port, name, lines, count):
    """Posts the same events to so many runs."""
    body = b"\n".join(lines)
    with contextlib.closing(connect(port)) as connection:
        for number in range(count):
            status, answer = request(connection, "POST", f"/api/runs/{name}-{number}/events", body,
                                     {"Content-Type": "application/x-ndjson"})
            if status != 202:
                sys.exit(f"bench: a run was refused: status {status}: {answer[:300]!r}")


def until_listed(ask, count):
    """The list is behind the log: waits until all runs are summed up, and their tests are in the history."""
    deadline = time.monotonic() + PATIENCE_SECS
    behind = "SELECT count(*) FROM runcast_runs WHERE summary_tip < tip"
    while ask("SELECT count(*) FROM runcast_runs") < count or ask(behind) > 0:
        if time.monotonic() > deadline:
            sys.exit(f"bench: {ask(behind)} runs are not summed up after {PATIENCE_SECS} s")
        time.sleep(0.2)


def post_artifacts(port, count):
    with contextlib.closing(connect(port)) as connection:
        for number in range(count):
            put(connection, "files", f"{number}.txt", len(CONTENT), CONTENT)


def kinds(options):
    """Runs as recorded, and of their statuses alone; how many of each."""
    lines = DEMO.read_bytes().splitlines()
    bare = [line for line in lines if json.loads(line)["type"] == "run_status"]
    tests = max(len(json.loads(line)["tests"]) for line in lines if json.loads(line)["type"] == "test_plan")
    return {"whole": lines, "bare": bare}, tests, 20 if options.quick else 100


def growth(port, ask, used, options):
    """By how much what `used` measures grows for a whole run, for a bare one, and for an artifact."""
    runs, _, count = kinds(options)
    grown, listed, before = [], 0, used()
    for name, lines in runs.items():
        post_runs(port, name, lines, count)
        listed += count
        until_listed(ask, listed)
        now = used()
        grown.append((now - before) / count)
        before = now
    post_artifacts(port, 4 * count)
    return [*grown, (used() - before) / (4 * count)]


def list_in_sqlite(options):
    with directory() as home, node(home) as (port, _):
        path = home / "data" / "catalog.db"
        ask = asks_sqlite(path)
        # Pages in use, wherever they are: the file itself grows by steps, and behind the write-ahead log.
        used = lambda: ask("SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size")
        return growth(port, ask, used, options)


def list_in_postgres(options):
    with directory() as store, cluster_of(1, OBJECTS__URL=f"dir:{store}", OBJECTS__SIGNING_KEY=KEY) as cluster:
        sizes = f"SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname IN {TABLES}"
        ask = lambda question: psql(cluster.catalog, question)
        return growth(int(cluster.addresses[0].rpartition(":")[2]), ask, lambda: ask(sizes), options)


def disk(options):
    events(options)
    _, tests, count = kinds(options)
    rows = [[name, f"{whole:,.0f} B", f"{bare:,.0f} B", f"{(whole - bare) / tests:,.0f} B", f"{artifact:,.0f} B"]
            for name, (whole, bare, artifact) in (("SQLite", list_in_sqlite(options)), ("PostgreSQL", list_in_postgres(options)))]
    table(f"What the list takes, {count} runs of each kind", ["catalog", f"a run of {tests} tests", "a run without tests", "a test more",
                                                             "an artifact"], rows)
