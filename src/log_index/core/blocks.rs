//! Where a log's events are, in bytes and in time: a row per block of consecutive segments, at most [`MAX_BLOCKS`].

use crate::protocol::{Segment, Seq, Timestamp};

/// Most rows: 2.5 MB. Beyond it rows are joined.
const MAX_BLOCKS: usize = 65_536;
/// Bytes that a block has at most, unless a single segment has more.
const BLOCK_BYTES: u32 = 32 * 1024;
/// The same of blocks that are joined because there are too many.
const JOINED_BYTES: u32 = 256 * 1024;
/// How long a block may last, in milliseconds, at first.
const SPAN_MS: i64 = 50;
/// Most bytes that are read besides what is wanted, so that less is asked for.
const DETOUR_BYTES: usize = 16 * 1024;
/// Most bytes of a range.
const RANGE_BYTES: usize = 1024 * 1024;

/// Consecutive segments.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogBlock {
    /// Its first event.
    pub(super) first: Seq,
    /// Bytes of its events.
    bytes: u32,
    /// Journal time of its first segment.
    pub(super) at: i64,
    /// The highest time of events up to its end, by the events' own clocks.
    pub(super) sent_at: Option<Timestamp>,
}

/// A part of the log that is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadRange {
    /// It begins behind this event.
    pub after: Seq,
    /// It ends with this event.
    pub last: Seq,
    /// How many bytes its events have.
    pub bytes: usize,
}

/// All blocks of a log.
#[derive(Debug)]
pub(super) struct LogBlocks {
    rows: Vec<LogBlock>,
    span_ms: i64,
    /// The last event.
    tip: Seq,
    /// Journal time of the last segment.
    last_at: i64,
}

impl Default for LogBlocks {
    fn default() -> Self {
        Self { rows: Vec::new(), span_ms: SPAN_MS, tip: 0, last_at: 0 }
    }
}

impl LogBlocks {
    /// Adds the next segment. `sent_at`: the highest time of events so far.
    pub(super) fn push(&mut self, segment: &Segment, sent_at: Option<Timestamp>) {
        let (bytes, at) = (segment.lines().bytes().len() as u32, segment.at().as_millis());
        (self.tip, self.last_at) = (segment.last(), at.max(self.last_at));
        let span = self.span_ms;
        match self.rows.last_mut() {
            Some(row) if row.bytes + bytes <= BLOCK_BYTES && at - row.at <= span => {
                row.bytes += bytes;
                row.sent_at = sent_at;
            }
            _ => {
                self.rows.push(LogBlock { first: segment.first(), bytes, at: self.last_at, sent_at });
                while self.rows.len() > MAX_BLOCKS {
                    self.join();
                }
            }
        }
    }

    /// Joins blocks that lie close together.
    fn join(&mut self) {
        self.span_ms *= 2;
        let span = self.span_ms;
        self.rows.dedup_by(|next, row| {
            let fits = row.bytes + next.bytes <= JOINED_BYTES && next.at - row.at <= span;
            if fits {
                row.bytes += next.bytes;
                row.sent_at = next.sent_at;
            }
            fits
        });
    }

    /// The blocks, each with its last event.
    pub(super) fn all(&self) -> impl Iterator<Item = (&LogBlock, Seq)> {
        let ends = self.rows.iter().skip(1).map(|row| row.first - 1).chain([self.tip]);
        self.rows.iter().zip(ends)
    }

    /// Journal times of the first and the last event.
    pub(super) fn times(&self) -> Option<(i64, i64)> {
        self.rows.first().map(|row| (row.at, self.last_at))
    }

    /// What has to be read to have these events, which are in order, in ranges of at most about so many bytes.
    pub(super) fn ranges(&self, wanted: &[Seq], max_bytes: usize) -> Vec<ReadRange> {
        let mut ranges: Vec<(ReadRange, usize)> = Vec::new();
        let mut done = 0;
        for seq in wanted {
            if *seq <= done {
                continue;
            }
            let index = self.rows.partition_point(|row| row.first <= *seq).saturating_sub(1);
            let Some(row) = self.rows.get(index) else { continue };
            done = self.rows.get(index + 1).map_or(self.tip, |next| next.first - 1);
            let bytes = row.bytes as usize;
            if let Some((range, end)) = ranges.last_mut() {
                let between: usize = self.rows[*end + 1..index].iter().map(|row| row.bytes as usize).sum();
                if between <= DETOUR_BYTES && range.bytes + between + bytes <= max_bytes.min(RANGE_BYTES) {
                    range.bytes += between + bytes;
                    (range.last, *end) = (done, index);
                    continue;
                }
            }
            ranges.push((ReadRange { after: row.first - 1, last: done, bytes }, index));
        }
        ranges.into_iter().map(|(range, _)| range).collect()
    }

    /// Bytes of memory.
    pub(super) fn held_bytes(&self) -> usize {
        self.rows.capacity() * size_of::<LogBlock>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Epoch, Lines};

    fn segment(first: Seq, events: usize, bytes: usize, at: i64) -> Segment {
        let line = format!(r#"{{"type":"{}"}}"#, "x".repeat(bytes / events - 11));
        let lines = Lines::from_stored(vec![line; events].join("\n").into());
        Segment::new(Epoch(1), first, Timestamp::from_millis(at), lines)
    }

    #[test]
    fn segments_of_one_moment_are_a_block_and_what_is_wanted_is_read_by_blocks() {
        let mut blocks = LogBlocks::default();
        blocks.push(&segment(1, 2, 100, 0), None);
        blocks.push(&segment(3, 2, 100, 40), None);
        blocks.push(&segment(5, 2, 100, 60), None);
        blocks.push(&segment(7, 1, 40_000, 1_000), None);
        blocks.push(&segment(8, 2, 40_000, 1_001), None);
        blocks.push(&segment(10, 1, 100, 2_000), None);
        let rows: Vec<_> = blocks.all().map(|(row, last)| (row.first, last, row.at)).collect();
        assert_eq!(rows, [(1, 4, 0), (5, 6, 60), (7, 7, 1_000), (8, 9, 1_001), (10, 10, 2_000)]);
        assert_eq!(blocks.times(), Some((0, 2_000)));
        let range = |after, last, bytes| ReadRange { after, last, bytes };
        let parts = |wanted: &[Seq]| blocks.ranges(wanted, RANGE_BYTES);
        assert_eq!(parts(&[1, 2, 3]).iter().map(|range| (range.after, range.last)).collect::<Vec<_>>(), [(0, 4)]);
        assert_eq!(parts(&[2, 6]).iter().map(|range| (range.after, range.last)).collect::<Vec<_>>(), [(0, 6)]);
        let apart: Vec<_> = parts(&[6, 8, 10]).iter().map(|found| range(found.after, found.last, 0)).collect();
        assert_eq!(apart, [range(4, 6, 0), range(7, 10, 0)], "40 kB of what is not wanted are not read");
        assert!(parts(&[]).is_empty());
        assert_eq!(blocks.ranges(&[2, 6], 100).len(), 2, "a range has a bound");
    }

    #[test]
    fn the_number_of_blocks_is_bounded_however_slowly_events_come() {
        let mut blocks = LogBlocks::default();
        let mut sent = Timestamp::default();
        for n in 0..200_000 {
            sent = Timestamp::from_millis(n * 200);
            blocks.push(&segment(n as Seq + 1, 1, 100, n * 200), Some(sent));
        }
        let count = blocks.all().count();
        assert!((10_000..=MAX_BLOCKS).contains(&count), "{count}");
        assert_eq!(blocks.all().last().map(|(row, last)| (row.sent_at, last)), Some((Some(sent), 200_000)));
        assert!(blocks.all().all(|(row, last)| row.first <= last), "no block is empty");
        assert_eq!(blocks.ranges(&[100_000], RANGE_BYTES).len(), 1);
    }
}
