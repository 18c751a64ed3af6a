"""`scripts/bench page`: how soon the page of a run shows how it is, and how long its tasks are while much goes on.

Needs node, the npm parts of tests/browser, and a Chromium (CHROMIUM, else /usr/bin/chromium).
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from harness import MEASUREMENT_SECS, ROOT, interval, node_in, table

SCRIPT = ROOT / "web" / "bench" / "page.mjs"
AIM_MS = 100
OPENED = ["run", "server", "opened", "first paint", "state there", "lines there", "requests", "kB", "nodes", "heap"]
WATCHED = ["thread", "runs", "events/s", "longest task", "of the processor", "p99", "over 50 ms", "of a core"]


def run(*arguments):
    command = ["node", SCRIPT, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=MEASUREMENT_SECS)
    return json.loads(done.stdout.splitlines()[-1])


def shown(values, unit="ms", digits=0):
    middle, low, high = interval(values)
    return f"{middle:,.{digits}f} {unit} ({low:,.{digits}f}-{high:,.{digits}f})"


def opened(events, repeats):
    """Two rows: a run that the server has folded, and one that it has to read first because it has just started."""
    with tempfile.TemporaryDirectory(prefix="bench-page-") as home:
        home = pathlib.Path(home)
        with node_in(home) as url:
            run("fill", url, "r", events)
            run("open", url, "r")
            warm = [run("open", url, "r") for _ in range(repeats)]
        cold = []
        for _ in range(repeats):
            with node_in(home) as url:
                cold.append(run("open", url, "r"))
    for server, got in (("has folded it", warm), ("just started", cold)):
        of = lambda key: [result[key] for result in got]
        most = lambda key: f"{max(of(key)):,.0f}"
        yield [f"{events:,} events", server, len(got), shown(of("firstPaintMs")), shown(of("stateMs")), shown(of("lineMs")),
               most("requests"), most("kB"), most("nodes"), f"{max(of('heapMB')):.1f} MB"]


def watched(repeats, secs, rate):
    """Two rows: the page's main thread, and its worker."""
    got = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory(prefix="bench-page-") as home, node_in(pathlib.Path(home)) as url:
            got.append(run("live", url, "r", secs, rate))
    for name in ("page", "worker"):
        of = lambda key: [result[name][key] for result in got]
        share = [result[name]["cpuMs"] / result["seconds"] / 10 for result in got]
        yield [name, len(got), f"{min(result['eventsPerSecond'] for result in got):,.0f}", shown(of("longestMs")),
               shown(of("longestCpuMs")), shown(of("p99Ms"), digits=1), sum(of("over50")), shown(share, "%")]


def page(options):
    if not (ROOT / "tests" / "browser" / "node_modules").exists():
        sys.exit("bench: tests/browser/node_modules is missing: (cd tests/browser && npm ci)")
    sizes, repeats = ([1_000], 2) if options.quick else ([1_000, 100_000, 1_000_000], 7)
    others = os.getloadavg()[0]
    rows = [row for events in sizes for row in opened(events, repeats)]
    table("A run's page in a browser that has nothing of it yet (median; in brackets the 95 % interval of the median; requests, "
          "kB and nodes: the most until the state was painted)", OPENED, rows)
    repeats, secs = (1, 5) if options.quick else (5, 30)
    table(f"Tasks of the page while its run gets 1,000 events/s for {secs} s (aim: none over {AIM_MS} ms)", WATCHED,
          list(watched(repeats, secs, 1_000)))
    if others > 0.5:
        print(f"Before it began {others:.1f} other processes wanted a core: times by the clock have theirs in them.\n")
