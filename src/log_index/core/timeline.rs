//! A run over time: bins of equal length, with how much happened in each.

use serde::Serialize;

use super::blocks::LogBlocks;
use super::marks::TimelineMark;
use crate::protocol::{RunId, Seq, Timestamp};

/// A run over time, as `GET /api/runs/{runId}/timeline` shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// The run.
    pub run_id: RunId,
    /// Its last event.
    pub tip: Seq,
    /// Bins of equal length from the first event to the last.
    pub bins: Vec<TimelineBin>,
    /// The moments that people look for.
    pub marks: Vec<TimelineMark>,
}

/// A part of a run's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineBin {
    /// The last event up to its end.
    pub seq: Seq,
    /// Journal time of its end.
    pub at: Timestamp,
    /// The highest time of events up to its end, by the events' own clocks.
    pub sent_at: Option<Timestamp>,
    /// Events in it.
    pub events: u64,
}

/// At most `count` bins, and no shorter ones than a millisecond.
pub(super) fn bins(blocks: &LogBlocks, count: usize) -> Vec<TimelineBin> {
    let Some((from, to)) = blocks.times() else { return Vec::new() };
    let span = to.saturating_sub(from).max(0);
    let count = i64::try_from(count).unwrap_or(i64::MAX).clamp(1, span.max(1));
    let end = |index: i64| from + (i128::from(span) * i128::from(index + 1) / i128::from(count)) as i64;
    let mut bins: Vec<TimelineBin> = Vec::with_capacity(count as usize);
    let mut blocks = blocks.all().peekable();
    let mut so_far = TimelineBin { seq: 0, at: Timestamp::from_millis(from), sent_at: None, events: 0 };
    for index in 0..count {
        let at = end(index);
        let before = so_far.seq;
        while let Some((block, last)) = blocks.next_if(|(block, _)| block.at <= at || index + 1 == count) {
            (so_far.seq, so_far.sent_at) = (last, block.sent_at);
        }
        bins.push(TimelineBin { at: Timestamp::from_millis(at), events: so_far.seq - before, ..so_far });
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Epoch, Lines, Segment};

    fn blocks(segments: &[(Seq, usize, i64)]) -> LogBlocks {
        let mut blocks = LogBlocks::default();
        for (first, events, at) in segments {
            let lines = Lines::from_stored(vec![r#"{"type":"t"}"#; *events].join("\n").into());
            let segment = Segment::new(Epoch(1), *first, Timestamp::from_millis(*at), lines);
            blocks.push(&segment, Some(Timestamp::from_millis(*at - 1)));
        }
        blocks
    }

    #[test]
    fn bins_are_of_equal_time_and_count_every_event_once() {
        let blocks = blocks(&[(1, 3, 1_000), (4, 1, 1_900), (5, 2, 2_000), (7, 1, 5_000)]);
        let shown: Vec<_> = bins(&blocks, 4).iter().map(|bin| (bin.seq, bin.at.as_millis(), bin.events)).collect();
        assert_eq!(shown, [(6, 2_000, 6), (6, 3_000, 0), (6, 4_000, 0), (7, 5_000, 1)]);
        let last = bins(&blocks, 4)[3];
        assert_eq!(last.sent_at.map(Timestamp::as_millis), Some(4_999));
        assert_eq!(bins(&blocks, 1_000).iter().map(|bin| bin.events).sum::<u64>(), 7);
        assert_eq!(bins(&blocks, 1_000).len(), 1_000);
    }

    #[test]
    fn a_run_of_one_moment_is_one_bin_and_none_is_none() {
        assert_eq!(bins(&blocks(&[]), 10), []);
        let one = bins(&blocks(&[(1, 3, 7)]), 10);
        assert_eq!((one.len(), one[0].seq, one[0].events, one[0].at.as_millis()), (1, 3, 3, 7));
        assert_eq!(bins(&blocks(&[(1, 3, 7), (4, 1, 9)]), 10).len(), 2, "no bin is shorter than a millisecond");
    }
}
