"""What viewers cost a server's memory: `scripts/bench memory` and `never-read`."""

from harness import median, table, total
from servers import interleaved


def per_target(options, rounds, *scenario):
    """The bare server is left out: it keeps nothing for a viewer, and drops one that never reads."""
    return interleaved(rounds, {target: (target, scenario, 1, rounds) for target in options.targets if target != "bare"})


def memory(options):
    viewers, rounds = (1000, 1) if options.quick else (10_000, 3)
    results = per_target(options, rounds, "idle", "--viewers", viewers)
    table(f"Memory of {viewers:,} idle viewers (median of {rounds})",
          ["server", "user memory per viewer", "of it private"],
          [[target, f"{median(got, 'pssBytesPerViewer'):,.0f} B", f"{median(got, 'privateBytesPerViewer'):,.0f} B"]
           for target, got in results.items()])


def never_read(options):
    # More viewers would fill the kernel's TCP memory (tcp_mem) through nchan, and that would be what is measured.
    viewers, rounds = (20, 1) if options.quick else (100, 3)
    results = per_target(options, rounds, "never-read", "--viewers", viewers, "--megabytes", 20)
    table(f"20 MB published to {viewers} viewers that never read, and one that does (median of {rounds})",
          ["server", "server memory grows by", "TCP buffers grow by", "achieved / offered rate", "reader's p50",
           "reader's p99", "reader: missing of expected"],
          [[target, f"{median(got, 'pssGrowthBytes') / 1e6:.1f} MB",
            f"{median(got, 'kernelTcpGrowthBytes') / 1e6:.1f} MB",
            f"{median(got, 'achievedRate'):.0f} / {got[0]['rate']:.0f} per s", f"{median(got, 'p50Ms'):.2f} ms",
            f"{median(got, 'p99Ms'):.2f} ms", f"{total(got, 'missing')} of {total(got, 'expected'):,}"]
           for target, got in results.items()])
