"""What every measurement stands on: programs that are started, watched and ended, faults, and tables."""

import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
# BENCH_PROFILE=dev tries the script out: such figures mean nothing.
PROFILE = os.environ.get("BENCH_PROFILE", "release")
# BENCH_BIN=DIR: the programs are there; nothing is built.
BUILT = os.environ.get("BENCH_BIN")
BIN = pathlib.Path(BUILT or pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / ("debug" if PROFILE == "dev" else PROFILE))
START_SECS = 20
MEASUREMENT_SECS = 180
RESAMPLES = 10_000

# What went wrong: the other figures are still shown, but the script fails.
FAULTS = []


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def descendants(pid):
    pids = [pid]
    for parent in pids:
        for thread in pathlib.Path(f"/proc/{parent}/task").iterdir():
            pids += map(int, (thread / "children").read_text().split())
    return pids


def is_ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=1) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@contextlib.contextmanager
def process_group(command, log, env=None):
    """A child that ends, with all of its own children, however this block is left."""
    with open(log, "wb") as out:
        child = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=env, process_group=0)
    try:
        yield child
    finally:
        for sign, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(patience)
                break


def runcast_command(home, port, workers):
    # Only what is meant for runcast reaches it: an inherited PORT or REDIS_URL would measure another set-up.
    env = {key: value for key, value in os.environ.items() if key.startswith("RUNCAST__") or key in ("PATH", "HOME")}
    env["RUNCAST__SERVER__WORKERS"] = str(workers)
    # All load comes from one address.
    for limit in ("CONNECTIONS", "REQUESTS_PER_SEC", "EVENTS_PER_SEC"):
        env.setdefault(f"RUNCAST__LIMITS__{limit}", "0")
    return [str(BIN / "runcast"), "serve", "--bind", f"127.0.0.1:{port}", "--data-dir", str(home / "data")], env


def wait_for(what, log, condition):
    deadline = time.monotonic() + START_SECS
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"{what} did not become ready:\n{log.read_text()[-2000:]}")
        time.sleep(0.05)


@contextlib.contextmanager
def node_in(home):
    """A server on the data in a directory; yields its address."""
    port = free_port()
    command, env = runcast_command(home, port, 1)
    with process_group(command, home / "log", env):
        wait_for("runcast", home / "log", lambda: is_ready(port))
        yield f"http://127.0.0.1:{port}"


def load(addr, pid, *scenario, **more):
    command = [BIN / "runcast-load", "--addr", addr, "--pids", str(pid), *map(str, scenario)]
    return subprocess.Popen(command, **{"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True} | more)


def finish(process, patience=MEASUREMENT_SECS):
    out, _ = process.communicate(timeout=patience)
    if process.returncode:
        sys.exit(f"runcast-load failed: {process.args}")
    result = json.loads(out.splitlines()[-1])
    for fault in ("missing", "extra", "disordered"):
        if result.get(fault):
            FAULTS.append(f"{result['scenario']}: {result[fault]} deliveries {fault}")
    return result


def median(results, key):
    return statistics.median(result[key] for result in results)


def total(results, key):
    return sum(result[key] for result in results)


def interval(values):
    """The median, and the 95 % interval of it by resampling."""
    dice = random.Random(1)
    medians = sorted(statistics.median(dice.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return statistics.median(values), medians[RESAMPLES // 40], medians[-RESAMPLES // 40]


def table(title, head, rows):
    print(f"### {title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")
    print(flush=True)
