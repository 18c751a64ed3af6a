"""`scripts/bench fanout`: what a delivery costs each server, and how long it takes."""

import statistics

from harness import median, table, total
from servers import interleaved

# Beyond these a fan-out figure does not say what it seems to: somebody else used the cores; or the viewers lagged, and
# then the kernel merges deliveries and any server looks cheaper than it is (easily by half); or the offered rate was
# too much, and then it is saturation that was measured.
MAX_OTHER_CORES = 0.1
MAX_MERGED_BY_KERNEL = 1.2
MIN_ACHIEVED = 0.98

LOADS = [(1000, 20), (1000, 200), (10_000, 10)]
HEAD = ["viewers x rate", "server", "CPU per delivery", "min-max", "p50", "p99", "max", "server cores", "client cores",
        "achieved rate", "events per write", "per read", "delivered / expected", "disturbed"]
# The rows of each load: a target and its worker threads.
ROWS = {("runcast", 1): "runcast, 1 worker thread", ("runcast", 2): "runcast, 2 worker threads",
        ("before", 1): "before, 1 worker thread", ("nchan", 1): "nchan, 1 worker process", ("bare", 1): "bare send() loop"}
# The columns of the ratios: title, what is divided by what, and which figure of both.
RATIOS = [("CPU runcast / bare", ("runcast", 1), ("bare", 1), "cpuUsPerDelivery"),
          ("CPU before / bare", ("before", 1), ("bare", 1), "cpuUsPerDelivery"),
          ("CPU nchan / bare", ("nchan", 1), ("bare", 1), "cpuUsPerDelivery"),
          ("CPU runcast / before", ("runcast", 1), ("before", 1), "cpuUsPerDelivery"),
          ("CPU runcast / nchan", ("runcast", 1), ("nchan", 1), "cpuUsPerDelivery"),
          ("p99 runcast / nchan", ("runcast", 1), ("nchan", 1), "p99Ms"),
          ("CPU 2 / 1 worker threads", ("runcast", 2), ("runcast", 1), "cpuUsPerDelivery")]


def ratio(ours, theirs, key):
    """The median of the ratios of each round, and their range: what disturbs a whole round cancels out."""
    ratios = [mine[key] / other[key] for mine, other in zip(ours, theirs) if other[key]]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})" if ratios else "-"


def is_disturbed(result):
    return (result["otherCores"] > MAX_OTHER_CORES or result["eventsPerRead"] > MAX_MERGED_BY_KERNEL * result["eventsPerWrite"]
            or result["achievedRate"] < MIN_ACHIEVED * result["rate"])


def row(load, name, got):
    cpu = [result["cpuUsPerDelivery"] for result in got]
    return [load, name, f"{statistics.median(cpu):.2f} us", f"{min(cpu):.2f}-{max(cpu):.2f}",
            f"{median(got, 'p50Ms'):.2f} ms", f"{median(got, 'p99Ms'):.2f} ms",
            f"{max(result['maxMs'] for result in got):.1f} ms", f"{median(got, 'serverCores'):.2f}",
            f"{median(got, 'clientCores'):.2f}", f"{median(got, 'achievedRate'):.1f}/s",
            f"{median(got, 'eventsPerWrite'):.2f}", f"{median(got, 'eventsPerRead'):.2f}",
            f"{total(got, 'received'):,} / {total(got, 'expected'):,}", f"{sum(map(is_disturbed, got))} of {len(got)}"]


def fanout(options):
    rounds, secs = (1, 3) if options.quick else (5, 8)
    servers = [(target, workers) for target, workers in ROWS if target in options.targets]
    variants = {}
    for viewers, rate in LOADS:
        scenario = ("fanout", "--viewers", viewers, "--rate", rate, "--secs", secs, "--size", 128)
        for target, workers in servers:
            # Two worker threads get fewer rounds, which keeps the whole comparison under ten minutes.
            variants[target, workers, viewers, rate] = (target, scenario, workers, rounds if workers == 1 else min(rounds, 3))
    results = interleaved(rounds, variants)

    ratios = [entry for entry in RATIOS if entry[1] in servers and entry[2] in servers]
    rows, ratio_rows = [], []
    for viewers, rate in LOADS:
        load = f"{viewers:,} x {rate}/s"
        of = {server: results[*server, viewers, rate] for server in servers}
        rows += [row(load, ROWS[server], got) for server, got in of.items()]
        ratio_rows.append([load, *(ratio(of[ours], of[theirs], key) for _, ours, theirs, key in ratios)])
    table(f"Fan-out of 128-byte events (median of {rounds}, {secs} s each, interleaved)", HEAD, rows)
    if ratios:
        table("Ratios (median of the rounds' ratios, min-max)", ["viewers x rate", *(title for title, *_ in ratios)], ratio_rows)
    if any(is_disturbed(result) for got in results.values() for result in got):
        print(f"Disturbed: other processes took over {MAX_OTHER_CORES} cores, viewers lagged (over "
              f"{MAX_MERGED_BY_KERNEL} times as many events per read as per write), or under {MIN_ACHIEVED:.0%} of the rate was achieved. Such "
              "figures are shown, and are no basis for a claim.\n")
