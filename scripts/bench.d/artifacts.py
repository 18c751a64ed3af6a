"""`scripts/bench artifacts`: what artifacts cost a runcast with one worker thread that keeps them in a local directory.

Every round has a server of its own in an empty directory. An upload that fails, and an artifact that is not what was
sent, fail the script.
"""

import concurrent.futures
import contextlib
import hashlib
import http.client
import io
import itertools
import json
import os
import pathlib
import random
import sys
import tempfile
import time
import zipfile

from harness import FAULTS, ROOT, finish, free_port, is_ready, load, median, process_group, runcast_command, table, wait_for

MB = 1_000_000
MIB = 1 << 20
# A real recording, without some of its frames.
SMALL_TRACE = ROOT / "tests" / "data" / "trace.zip"
LARGE_TRACE = 12 * MB
WEBM_MAGIC = b"\x1a\x45\xdf\xa3"
# What the compression has to do in a round, in bytes of zip files: the kernel counts CPU in hundredths of a second.
COMPRESSED_PER_ROUND = 60 * MB
PATIENCE_SECS = 300


@contextlib.contextmanager
def directory():
    with tempfile.TemporaryDirectory(prefix="bench-artifacts-") as home:
        yield pathlib.Path(home)


@contextlib.contextmanager
def node(home, core=None, **settings):
    """A runcast that keeps everything in `home`, on all cores or on one; yields its port and its process."""
    port = free_port()
    argv, env = runcast_command(home, port, 1)
    env |= {f"RUNCAST__{name}": str(value) for name, value in settings.items()}
    pinned = [] if core is None else ["taskset", "--cpu-list", str(core)]
    with process_group([*pinned, *argv], home / "log", env) as child:
        wait_for("runcast", home / "log", lambda: is_ready(port))
        yield port, child.pid


def request(connection, method, path, body=None, headers=None):
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    return answer.status, answer.read()


def connect(port):
    return http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECS)


def ask(port, method, path):
    """The answer, as JSON; anything but 200 ends the script."""
    with contextlib.closing(connect(port)) as connection:
        try:
            status, body = request(connection, method, path)
        except (OSError, http.client.HTTPException) as error:
            sys.exit(f"{method} {path}: {error!r}")
    if status != 200:
        sys.exit(f"{method} {path}: status {status}: {body[:500]!r}")
    return json.loads(body)


def put(connection, run, name, size, pieces):
    """Uploads these pieces, which have this size together; what the server says of them, or `None` after a fault."""
    headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
    try:
        status, body = request(connection, "PUT", f"/api/runs/{run}/artifacts/{name}", pieces, headers)
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        status, body = None, repr(error)
    if status == 201:
        return json.loads(body)
    FAULTS.append(f"artifacts: the upload of {name} failed: status {status}: {body[:500]}")
    return None


def expect(what, found, **wanted):
    """A fault for each member that is not as it should be."""
    for name, value in wanted.items():
        if found is not None and found.get(name) != value:
            FAULTS.append(f"artifacts: {what}: {name} is {found.get(name)!r} instead of {value!r}")


def cpu_secs(pid):
    """User and system time of all of its threads."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Growth:
    """By how much resident memory grows at most, as the kernel itself keeps the highest: no peak is between two looks."""

    def __init__(self, pid):
        self.proc = pathlib.Path(f"/proc/{pid}")
        (self.proc / "clear_refs").write_text("5")  # the highest so far is what it is now
        self.before = self.status("VmRSS")

    def status(self, name):
        line = next(line for line in (self.proc / "status").read_text().splitlines() if line.startswith(f"{name}:"))
        return int(line.split()[1]) * 1024

    def most(self):
        return self.status("VmHWM") - self.before


# Compression


def substitution(number):
    """A permutation of all byte values; another one for each number."""
    values, state = list(range(256)), (0x9E3779B9 * (number + 1) | 1) & 0xFFFFFFFF
    for last in range(255, 0, -1):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        other = state % (last + 1)
        values[last], values[other] = values[other], values[last]
    return bytes(values)


def large_trace(size):
    """The small trace again and again, deflated as Playwright does it, until the file has this size. Each repetition has all
    contents under another substitution of byte values: its frames resemble one another exactly as those of the small one
    do, and nothing of another repetition. So it saves as much, and no more. `benches/compress.rs` does the same."""
    with zipfile.ZipFile(SMALL_TRACE) as real:
        contents = [(entry.filename, real.read(entry)) for entry in real.infolist()]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as trace:
        for number in itertools.count():
            table_of_bytes = substitution(number)
            for name, content in contents:
                trace.writestr(zipfile.ZipInfo(f"{number}/{name}"), content.translate(table_of_bytes), zipfile.ZIP_DEFLATED)
            if made.tell() >= size:
                break
    return made.getvalue()


def entries(trace):
    with zipfile.ZipFile(io.BytesIO(trace)) as archive:
        return {entry.filename: (entry.file_size, entry.CRC) for entry in archive.infolist()}


def compressed(trace, unzipped, times):
    """Uploads a trace some times, one after the other."""
    with directory() as home, node(home) as (port, pid), contextlib.closing(connect(port)) as connection:
        before, start = cpu_secs(pid), time.monotonic()
        stored = [put(connection, "traces", f"{number}-trace.zip", len(trace), trace) for number in range(times)]
        elapsed, cpu = time.monotonic() - start, cpu_secs(pid) - before
        if None in stored:
            return None
        for artifact in stored:
            expect("a trace", artifact, method="rezipped", state="ready", size=len(trace))
        _, handed_out = request(connection, "GET", where(port, stored[0]))
    if entries(handed_out) != entries(trace):
        FAULTS.append("artifacts: the trace that is handed out has other entries than the one that came")
    size = stored[0]["storedSize"]
    return {"stored": size, "saved": 100 - 100 * size / len(trace), "rate": times * unzipped / MB / max(cpu, 0.01),
            "secs": elapsed / times}


def where(port, artifact):
    """The path of the decoded bytes."""
    asked = ask(port, "GET", f"/api/runs/{artifact['runId']}/artifacts/{artifact['artifactId']}/download?encoding=identity")
    return "/" + asked["signedUrl"].split("/", 3)[3]


def compression(quick):
    rounds, rows = (1 if quick else 3), []
    traces = {"tests/data/trace.zip": SMALL_TRACE.read_bytes(), "the large one": large_trace(2 * MB if quick else LARGE_TRACE)}
    if own := os.environ.get("RUNCAST_TRACE"):
        traces["your own"] = pathlib.Path(own).read_bytes()
    for name, trace in traces.items():
        unzipped = sum(size for size, _ in entries(trace).values())
        times = 1 if quick else -(-COMPRESSED_PER_ROUND // len(trace))
        got = [result for result in (compressed(trace, unzipped, times) for _ in range(rounds)) if result]
        if got:
            rates = [result["rate"] for result in got]
            rows.append([name, f"{len(trace) / MB:.2f} MB", f"{unzipped / MB:.2f} MB", f"{median(got, 'stored') / MB:.2f} MB",
                         f"{median(got, 'saved'):.1f} %", f"{median(got, 'rate'):.1f} MB/s",
                         f"{min(rates):.1f}-{max(rates):.1f}", f"{median(got, 'secs'):.2f} s"])
    table(f"Compression of traces on their way in (median of {rounds}; goals for the large one: 25 % saved, 60 MB/s)",
          ["trace", "its size", "unzipped", "stored", "saved", "unzipped bytes per CPU second", "min-max", "an upload takes"],
          rows)


# Uploads without compression


def video(piece, size):
    """Pieces of a film that nobody could watch; all but the first are the same buffer."""
    yield WEBM_MAGIC + piece[len(WEBM_MAGIC):]
    for start in range(len(piece), size, len(piece)):
        yield piece[:size - start]


def cores():
    """A core for the server, and the others for those who send; with a single one they share it."""
    *others, last = sorted(os.sched_getaffinity(0))
    return last, others or [last]


def uploaded(piece, size, sha256, abreast):
    core, others = cores()

    def send(port, number):
        os.sched_setaffinity(0, others)  # this thread; sending it is in the kernel, so threads are as good as processes
        with contextlib.closing(connect(port)) as connection:
            return put(connection, "videos", f"{number}.webm", size, video(piece, size))

    os.sync()  # what the round before has left to be written is not this one's
    with directory() as home, node(home, core) as (port, pid), concurrent.futures.ThreadPoolExecutor(abreast) as senders:
        before, growth, start = cpu_secs(pid), Growth(pid), time.monotonic()
        stored = list(senders.map(lambda number: send(port, number), range(abreast)))
        elapsed, cpu, grown = time.monotonic() - start, cpu_secs(pid) - before, growth.most()
    for artifact in stored:
        expect("a video", artifact, method="kept", state="ready", size=size, storedSize=size, sha256=sha256)
    megabytes = abreast * size / MB
    return {"rate": megabytes / elapsed, "cpu": cpu / megabytes * 1000, "grown": grown, "before": growth.before}


def uploads(quick):
    rounds, rows = (1 if quick else 3), []
    piece = random.Random(1).randbytes(MIB)
    for abreast, megabytes in ((1, 20), (10, 5)) if quick else ((1, 1000), (10, 200)):
        size, digest = megabytes * MB, hashlib.sha256()
        for part in video(piece, size):
            digest.update(part)
        got = [uploaded(piece, size, digest.hexdigest(), abreast) for _ in range(rounds)]
        rates = [result["rate"] for result in got]
        rows.append([abreast, f"{megabytes} MB", f"{median(got, 'rate'):.0f} MB/s", f"{min(rates):.0f}-{max(rates):.0f}",
                     f"{median(got, 'cpu'):.2f} s", f"{median(got, 'before') / MIB:.1f} MiB",
                     f"{median(got, 'grown') / MIB:.1f} MiB", f"{max(result['grown'] for result in got) / MIB:.1f} MiB"])
    table(f"Uploads of videos, the server on one core (median of {rounds}; goals: 150 MB/s, 10 at a time grow it by less than "
          "32 MiB)", ["uploads at a time", "of", "all together", "min-max", "CPU per GB", "resident before",
                      "grows at most by", "highest of all rounds"], rows)


# Signed URLs


def signed_urls(quick):
    rounds, requests, got = (1, 500, []) if quick else (3, 40_000, [])
    for _ in range(rounds):
        with directory() as home, node(home) as (port, pid):
            with contextlib.closing(connect(port)) as connection:
                artifact = put(connection, "signed", "failure.bin", MIB, random.Random(2).randbytes(MIB))
            if artifact is None:
                return
            scenario = ("signed-urls", "--run", "signed", "--artifact", artifact["artifactId"], "--requests", requests)
            got.append(finish(load(f"127.0.0.1:{port}", pid, *scenario)))
    table(f"Signed URLs, 8 keep-alive connections (median of {rounds}; goal: 5,000/s)",
          ["URLs/s", "min-max", "p50", "p99", "CPU per URL"],
          [[f"{median(got, 'requestsPerSec'):,.0f}",
            f"{min(result['requestsPerSec'] for result in got):,.0f}-{max(result['requestsPerSec'] for result in got):,.0f}",
            f"{median(got, 'p50Ms'):.2f} ms", f"{median(got, 'p99Ms'):.2f} ms", f"{median(got, 'cpuUsPerRequest'):.1f} us"]])


# Cleanup

SEEDERS = 8
CONTENT = b"a line of a log that nobody reads\n"


def seed(port, count):
    def some(first):
        with contextlib.closing(connect(port)) as connection:
            for number in range(first, count, SEEDERS):
                put(connection, "old", f"{number}.txt", len(CONTENT), CONTENT)

    with concurrent.futures.ThreadPoolExecutor(SEEDERS) as seeders:
        list(seeders.map(some, range(SEEDERS)))


def cleaned_up(count):
    with directory() as home:
        with node(home) as (port, _):
            seed(port, count)
        expired = {"RETENTION__DAYS": 0, "RETENTION__ALLOW_ZERO": "true", "CLEANUP__ENABLED": "false"}
        with node(home, **expired) as (port, pid):
            expect("before the cleanup", ask(port, "GET", "/api/cleanup/stats"), artifactsPendingDeletion=count)
            before, growth = cpu_secs(pid), Growth(pid)
            swept = ask(port, "POST", "/api/cleanup/run")
            grown, cpu = growth.most(), cpu_secs(pid) - before
            expect("the cleanup", swept, failed=0, error=None, orphanArtifacts=0)
            expect("the cleanup", swept["expired"], count=count, bytes=count * len(CONTENT))
            expect("the cleanup", swept["orphanObjects"], count=0)
            expect("after the cleanup", ask(port, "GET", "/api/cleanup/stats"), totalArtifacts=0)
        left = sum(path.is_file() for path in (home / "data" / "objects").rglob("*"))
    if left:
        FAULTS.append(f"artifacts: {left} files are left after the cleanup")
    return {"secs": swept["durationMs"] / 1000, "cpu": cpu, "grown": grown}


def cleanup(quick):
    rounds, count = (1, 200) if quick else (3, 10_000)
    got = [cleaned_up(count) for _ in range(rounds)]
    secs = [result["secs"] for result in got]
    table(f"Cleanup of {count:,} artifacts (median of {rounds}; goal: 10,000 in less than 20 s)",
          ["takes", "min-max", "server CPU", "resident memory grows at most by"],
          [[f"{median(got, 'secs'):.2f} s", f"{min(secs):.2f}-{max(secs):.2f}", f"{median(got, 'cpu'):.2f} s",
            f"{median(got, 'grown') / MIB:.1f} MiB"]])


def artifacts(options):
    for measure in (compression, uploads, signed_urls, cleanup):
        measure(options.quick)
