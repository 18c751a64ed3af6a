"""Decisions on the control of a run under load: `scripts/bench decide`."""

import os
import pathlib
import subprocess
import tempfile

from cluster import redis
from harness import ROOT


def decide(options):
    secs = 1 if options.quick else 10
    print(f"### Decisions on a run that gets 1,000 events/s ({secs} s each)\n", flush=True)
    with tempfile.TemporaryDirectory() as home, redis(pathlib.Path(home)) as port:
        env = os.environ | {"RUNCAST_BENCH_REDIS": f"redis://127.0.0.1:{port}", "RUNCAST_BENCH_SECS": str(secs)}
        subprocess.run(["cargo", "bench", "--bench", "decide"], cwd=ROOT, env=env, check=True)
    print(flush=True)
