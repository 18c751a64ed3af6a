//! Packs the events of an append into segments.

use bytes::BytesMut;

use super::segment::SEGMENT_BYTES;
use super::{Epoch, Lines, Segment, Seq, Timestamp};

/// Events of one post, or of the server between two.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The events.
    pub lines: Lines,
    /// Indices of the control events among them, ascending.
    pub control: Vec<u32>,
}

/// Packs consecutive events into segments of at most [`SEGMENT_BYTES`] (or one larger event). `first` is the seq of the
/// first event of the first batch. Batches that fit together share a segment, unless one holds control events and the
/// other does not: whoever reads a run's control reads little else. Of a batch that is cut, only those segments are
/// marked that hold control events.
pub fn pack(epoch: Epoch, first: Seq, at: Timestamp, batches: &[Batch]) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut next = first;
    let mut open: Vec<Lines> = Vec::new();
    let mut open_bytes = 0;
    let mut after_control = false;
    // Whether a control event is among those in `open`.
    let mut holds_control = false;
    let mut close = |open: &mut Vec<Lines>, holds_control: &mut bool| {
        if open.is_empty() {
            return;
        }
        let lines = join(open);
        open.clear();
        let count = lines.len() as Seq;
        let segment = Segment::new(epoch, next, at, lines);
        segments.push(if std::mem::take(holds_control) { segment.with_control() } else { segment });
        next += count;
    };
    for Batch { lines: batch, control } in batches {
        if control.is_empty() == after_control {
            close(&mut open, &mut holds_control);
            (after_control, open_bytes) = (!control.is_empty(), 0);
        }
        let mut from = 0;
        while from < batch.len() {
            let mut to = from;
            let start = batch.start(from);
            while to < batch.len() && open_bytes + (batch.ends[to] as usize - start) < SEGMENT_BYTES {
                to += 1;
            }
            if to == from {
                if open.is_empty() {
                    to += 1; // an event larger than a segment gets its own
                } else {
                    close(&mut open, &mut holds_control);
                    open_bytes = 0;
                    continue;
                }
            }
            let part = batch.slice(from, to);
            open_bytes += part.bytes().len() + 1;
            open.push(part);
            holds_control |= control.iter().any(|index| (from..to).contains(&(*index as usize)));
            from = to;
        }
    }
    close(&mut open, &mut holds_control);
    segments
}

fn join(parts: &[Lines]) -> Lines {
    if let [one] = parts {
        return one.clone();
    }
    let mut bytes = BytesMut::with_capacity(parts.iter().map(|p| p.bytes().len() + 1).sum());
    let mut ends = Vec::with_capacity(parts.iter().map(Lines::len).sum());
    for part in parts {
        if !bytes.is_empty() {
            bytes.extend_from_slice(b"\n");
        }
        let base = bytes.len() as u32;
        bytes.extend_from_slice(part.bytes());
        ends.extend(part.ends.iter().map(|end| base + end));
    }
    Lines::from_parts(bytes.freeze(), ends)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn lines(events: &[&str]) -> Lines {
        Lines::from_stored(Bytes::from(events.join("\n")))
    }

    #[test]
    fn small_batches_share_a_segment_and_large_ones_are_cut() {
        let event = |n: usize| format!(r#"{{"type":"a","x":"{}"}}"#, "x".repeat(n));
        let small = lines(&[&event(10), &event(20)]);
        let batch = |lines: &Lines| Batch { lines: lines.clone(), control: Vec::new() };
        let packed = pack(Epoch(1), 5, Timestamp::default(), &[batch(&small), batch(&small)]);
        assert_eq!(packed.len(), 1);
        assert_eq!((packed[0].first(), packed[0].last()), (5, 8));

        let many: Vec<String> = (0..100).map(|_| event(2000)).collect();
        let many = lines(&many.iter().map(String::as_str).collect::<Vec<_>>());
        let huge = lines(&[&event(100_000)]);
        let batches = [&small, &many, &huge, &many].map(batch);
        let packed = pack(Epoch(1), 1, Timestamp::default(), &batches);
        let mut next = 1;
        for segment in &packed {
            assert_eq!(segment.first(), next);
            assert!(segment.lines().bytes().len() <= SEGMENT_BYTES || segment.lines().len() == 1);
            next = segment.last() + 1;
        }
        assert_eq!(next, 1 + 2 + 100 + 1 + 100);
    }

    #[test]
    fn control_events_have_segments_of_their_own() {
        let two = lines(&[r#"{"type":"a"}"#, r#"{"type":"b"}"#]);
        let batches =
            [vec![], vec![0], vec![0, 1], vec![], vec![]].map(|control| Batch { lines: two.clone(), control });
        let packed = pack(Epoch(1), 1, Timestamp::default(), &batches);
        let told: Vec<_> = packed.iter().map(|s| (s.first(), s.last(), s.is_control())).collect();
        assert_eq!(told, [(1, 2, false), (3, 6, true), (7, 10, false)]);
    }

    #[test]
    fn of_a_batch_that_is_cut_only_what_holds_control_is_marked() {
        let large = format!(r#"{{"type":"a","x":"{}"}}"#, "x".repeat(SEGMENT_BYTES / 2));
        let batch = |control: Vec<u32>| Batch { lines: lines(&[large.as_str(); 4]), control };
        let packed = pack(Epoch(1), 1, Timestamp::default(), &[batch(vec![1, 3]), batch(vec![0])]);
        let told: Vec<_> = packed.iter().map(|s| (s.first(), s.is_control())).collect();
        let want = [false, true, false, true, true, false, false, false];
        assert_eq!(told, (1..).zip(want).collect::<Vec<_>>(), "each event has a segment of its own");
    }

    #[test]
    fn lines_slice_and_join_keep_every_event() {
        let all = lines(&["{1}", "{22}", "{333}", "{4444}"]);
        assert_eq!(all.len(), 4);
        assert_eq!(all.slice(1, 3).iter().collect::<Vec<_>>(), [&b"{22}"[..], b"{333}"]);
        assert_eq!(all.slice(3, 9).get(0), Some(&b"{4444}"[..]));
        assert!(all.slice(4, 5).is_empty());
        assert_eq!(join(&[all.slice(0, 2), all.slice(2, 4)]), all);
        assert!(lines(&[]).is_empty());
    }
}
