//! What a room has heard of its log beyond what it knows: the answer for seq 6 often overtakes the doorbell for 5.
//! Pure.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::protocol::{Segment, Seq};
use crate::storage::journal::Head;

/// Segments that do not follow yet, and the newest head heard; all of one epoch.
#[derive(Debug)]
pub(super) struct ReorderBuffer {
    /// By their first seq.
    segments: BTreeMap<Seq, Arc<Segment>>,
    bytes: usize,
    /// What lies farther ahead than this is not kept, but read when its turn comes.
    max_bytes: usize,
    head: Option<Head>,
}

impl ReorderBuffer {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { segments: BTreeMap::new(), bytes: 0, max_bytes, head: None }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Frees the segments; that there are such is remembered, and they are read when their turn comes.
    pub(super) fn free(&mut self) {
        self.segments.clear();
        self.bytes = 0;
    }

    pub(super) fn clear(&mut self) {
        self.segments.clear();
        self.bytes = 0;
        self.head = None;
    }

    /// Keeps what lies behind `tip`, of the latest epoch heard of.
    pub(super) fn hear(&mut self, segments: Vec<Arc<Segment>>, head: Head, tip: Seq) {
        let epoch = |head: &Head| head.lineage.epoch();
        match self.head.as_ref().map(|known| epoch(known).cmp(&epoch(&head))) {
            Some(Ordering::Greater) => return,
            Some(Ordering::Less) => self.clear(),
            Some(Ordering::Equal) | None => {}
        }
        if self.head.as_ref().is_none_or(|known| known.tip <= head.tip) {
            self.head = Some(head);
        }
        for segment in segments.into_iter().filter(|segment| segment.first() > tip) {
            self.bytes += size(&segment);
            if let Some(doubled) = self.segments.insert(segment.first(), segment) {
                self.bytes -= size(&doubled);
            }
        }
        while self.bytes > self.max_bytes && self.segments.len() > 1 {
            if let Some((_, farthest)) = self.segments.pop_last() {
                self.bytes -= size(&farthest);
            }
        }
    }

    /// The segments that follow on `tip` without a hole, and the head as far as they reach.
    pub(super) fn take(&mut self, tip: Seq) -> Option<(Vec<Arc<Segment>>, Head)> {
        let mut taken = Vec::new();
        let mut last = tip;
        while let Some(first) = self.segments.first_entry().filter(|entry| *entry.key() <= last + 1) {
            let segment = first.remove();
            self.bytes -= size(&segment);
            // One that begins before the tip is known already, or else it is read: segments never overlap in a log.
            if segment.first() == last + 1 {
                last = segment.last();
                taken.push(segment);
            }
        }
        let head = self.head.as_ref().filter(|_| !taken.is_empty())?;
        let head = Head { tip: last, ..head.clone() };
        Some((taken, head))
    }
}

fn size(segment: &Segment) -> usize {
    segment.lines().bytes().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Epoch, Lineage, Lines, Timestamp};

    fn segment(first: Seq, count: usize) -> Arc<Segment> {
        let lines = Lines::from_stored(vec![r#"{"type":"t"}"#; count].join("\n").into());
        Arc::new(Segment::new(Epoch(1), first, Timestamp::default(), lines))
    }

    fn head(tip: Seq) -> Head {
        Head { lineage: Lineage::new(vec![(Epoch(1), 1)]), tip, ..Head::unborn() }
    }

    fn firsts(taken: Option<(Vec<Arc<Segment>>, Head)>) -> Option<(Vec<Seq>, Seq)> {
        taken.map(|(segments, head)| (segments.iter().map(|segment| segment.first()).collect(), head.tip))
    }

    #[test]
    fn what_comes_out_of_order_is_taken_in_order_once_the_hole_is_filled() {
        let mut reorder_buffer = ReorderBuffer::new(1 << 20);
        reorder_buffer.hear(vec![segment(6, 2)], head(7), 3);
        reorder_buffer.hear(vec![segment(6, 2)], head(7), 3);
        assert_eq!(firsts(reorder_buffer.take(3)), None);
        reorder_buffer.hear(vec![segment(4, 2)], head(5), 3);
        assert_eq!(firsts(reorder_buffer.take(3)), Some((vec![4, 6], 7)));
        assert_eq!((reorder_buffer.held_bytes(), firsts(reorder_buffer.take(7))), (0, None));
    }

    #[test]
    fn what_was_heard_of_is_missing_still_when_its_segments_are_freed() {
        let mut reorder_buffer = ReorderBuffer::new(1 << 20);
        reorder_buffer.hear(vec![segment(6, 2)], head(7), 3);
        reorder_buffer.free();
        assert_eq!((reorder_buffer.held_bytes(), reorder_buffer.head().map(|head| head.tip)), (0, Some(7)));
    }

    #[test]
    fn what_is_old_is_dropped() {
        let mut reorder_buffer = ReorderBuffer::new(1 << 20);
        reorder_buffer.hear(vec![segment(2, 2)], head(3), 3);
        assert_eq!((reorder_buffer.held_bytes(), firsts(reorder_buffer.take(3))), (0, None));
    }

    #[test]
    fn the_farthest_gives_way_when_too_much_waits() {
        let mut reorder_buffer = ReorderBuffer::new(100);
        for first in [30, 10, 20] {
            reorder_buffer.hear(vec![segment(first, 4)], head(first + 3), 1);
        }
        assert_eq!(firsts(reorder_buffer.take(9)), Some((vec![10], 13)));
        assert_eq!((firsts(reorder_buffer.take(19)), reorder_buffer.held_bytes()), (None, 0));
    }
}
