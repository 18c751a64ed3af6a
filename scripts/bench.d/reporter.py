"""`scripts/bench reporter`: what `@runcast/playwright` costs the run that it posts, and how soon a viewer sees it.

Needs node, the npm parts of clients/playwright with its dist/ built, and a Chromium (CHROMIUM, else /usr/bin/chromium).
"""

import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

from harness import FAULTS, MEASUREMENT_SECS, ROOT, interval, node_in, table

CLIENT = ROOT / "clients" / "playwright"


@contextlib.contextmanager
def node():
    """A fresh server; yields its address."""
    with tempfile.TemporaryDirectory(prefix="bench-reporter-") as home:
        with node_in(pathlib.Path(home)) as url:
            yield url


def run(project, url=None):
    """Runs a project once, with the reporter if there is a server."""
    command = ["node", CLIENT / "bench" / "run.js", project, *([url] if url else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=MEASUREMENT_SECS)
    result = json.loads(done.stdout.splitlines()[-1])
    if result["returned"]:
        FAULTS.append(f"reporter: hooks returned something to wait for: {result['returned']}")
    return result


@contextlib.contextmanager
def viewer(url):
    """Somebody who watches; yields a function that waits for what they have seen."""
    command = ["node", CLIENT / "bench" / "viewer.js", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            child.stdout.readline()
            yield lambda: json.loads(child.communicate(timeout=60)[0])
        finally:
            child.kill()


def events(result):
    """The events that the hooks made: one for each begin and end of a test or step, one for each piece of output."""
    hooks = ("onTestBegin", "onTestEnd", "onStepBegin", "onStepEnd", "onStdOut", "onStdErr")
    return sum(result["calls"].get(hook, 0) for hook in hooks)


def pairs(project, rounds):
    """Runs with and without the reporter, in turn, each pair in another order than the one before."""
    got = []
    for number in range(rounds):
        pair = {}
        for with_it in (True, False) if number % 2 else (False, True):
            if with_it:
                with node() as url:
                    pair[True] = run(project, url)
            else:
                pair[False] = run(project)
        got.append((pair[False], pair[True]))
    return got


def paired(name, got):
    """One row: how long the runs took, and by how much they differ."""
    def shown(key, unit, scale):
        alone, with_it = (statistics.median(pair[side][key] for pair in got) / scale for side in (0, 1))
        middle, low, high = interval([(pair[1][key] / pair[0][key] - 1) * 100 for pair in got])
        return [f"{alone:.2f} {unit}", f"{with_it:.2f} {unit}", f"{middle:+.1f} % ({low:+.1f} to {high:+.1f})"]
    return [name, len(got), *shown("wallMs", "s", 1000), *shown("cpuMs", "s", 1000)]


def hooks(name, result):
    """One row: what the hooks took."""
    took, count = result["hooks"], events(result)
    return [name, f"{count:,}", f"{took['ms'] / count:.4f} ms", f"{took['p50']:.4f}", f"{took['p99']:.3f}",
            f"{took['max']:.1f} ms", f"{100 * took['ms'] / result['cpuMs']:.2f} %", f"{100 * took['ms'] / result['wallMs']:.2f} %"]


def latency(project):
    """What a viewer sees of one run."""
    with node() as url, viewer(url) as seen:
        run(project, url)
        return seen()


def reporter(options):
    if not (CLIENT / "dist" / "index.js").exists():
        sys.exit("bench: clients/playwright/dist is missing: (cd clients/playwright && npm ci && node scripts/build.mjs)")
    browser, rounds = ("browser:2", 2) if options.quick else ("browser:10", 10)
    plain, plain_rounds = ("plain:20:50", 1) if options.quick else ("plain:300:50", 3)
    chromium, steps = pairs(browser, rounds), pairs(plain, plain_rounds)
    middle = lambda got: sorted((pair[1] for pair in got), key=lambda result: result["hooks"]["ms"])[len(got) // 2]
    table("Time in the reporter's hooks (the run of the median; aims: 0.2 ms per event, 1 % of the runner's CPU)",
          ["tests", "events", "per event", "p50 of a hook", "p99", "longest", "of the runner's CPU", "of the run's time"],
          [hooks("in Chromium", middle(chromium)), hooks("steps alone", middle(steps))])
    table("Runs with the reporter and without, in turn (median; in brackets the 95 % interval of the median)",
          ["tests", "pairs", "wall time without", "with", "difference", "runner's CPU without", "with", "difference"],
          [paired("in Chromium", chromium), paired("steps alone", steps)])
    seen = [latency(browser) for _ in range(1 if options.quick else 3)]
    pick = lambda key: statistics.median(result[key] for result in seen)
    table(f"From a hook to a viewer, tests in Chromium (median of {len(seen)}; aim: p95 400 ms)", ["events", "p50", "p95", "p99", "max"],
          [[f"{pick('events'):,.0f}", *(f"{pick(key):.0f} ms" for key in ("p50", "p95", "p99", "max"))]])
