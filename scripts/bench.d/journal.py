"""How fast runs are stored, and read from their start: `scripts/bench ingest`, `replay` and `herd`."""

from harness import median, table, total
from servers import COMMANDS, interleaved, measure


def ingest(options):
    rounds, scale = (1, 10) if options.quick else (3, 1)
    rows = []
    for conns, runs, batch, events in ((1, 1, 1, 10_000), (16, 16, 1, 50_000), (16, 16, 100, 1_000_000),
                                       (16, 1, 100, 1_000_000), (4, 4, 500, 1_000_000)):
        scenario = ("ingest", "--conns", conns, "--runs", runs, "--batch", batch, "--events", events // scale)
        targets = [target for target in ("runcast", "before") if target in COMMANDS]
        results = interleaved(rounds, {target: (target, scenario, 1, rounds) for target in targets})
        rows += [[target, conns, runs, batch, f"{median(got, 'eventsPerSec'):,.0f}",
                  f"{median(got, 'requestsPerSec'):,.0f}", f"{median(got, 'p50Ms'):.2f} ms",
                  f"{median(got, 'p99Ms'):.2f} ms", f"{median(got, 'cpuUsPerEvent'):.2f} us"]
                 for target, got in results.items()]
    table(f"Ingestion of 128-byte events, acknowledged when durable (median of {rounds})",
          ["server", "connections", "runs", "batch", "events/s", "requests/s", "p50", "p99", "CPU per event"], rows)


def catch_up(title, options, *scenario):
    rounds = 1 if options.quick else 3
    got = [measure("runcast", *scenario) for _ in range(rounds)]
    table(f"{title} (median of {rounds})",
          ["viewers", "events each", "until all have all", "deliveries/s", "server CPU", "journal reads", "missing"],
          [[f"{got[0]['viewers']:,}", f"{got[0]['events']:,}", f"{median(got, 'elapsedSecs'):.2f} s",
            f"{median(got, 'deliveriesPerSec'):,.0f}", f"{median(got, 'serverCpuSecs'):.2f} s",
            f"{median(got, 'journalReads'):.0f}", total(got, "missing")]])


def replay(options):
    events = 10_000 if options.quick else 100_000
    catch_up("One viewer reads a run from its start", options, "replay", "--events", events)


def herd(options):
    viewers = 100 if options.quick else 2000
    for events in (5_000, 20_000):
        catch_up("A herd joins a run from its start", options, "herd", "--viewers", viewers, "--events", events)
