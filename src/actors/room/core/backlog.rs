//! The segments that a room holds in memory: the recent end of the log, and pages of its past that are being read.
//! Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::protocol::{Segment, Seq};

/// A bounded cache of one run's segments. What it does not hold is read from the journal.
#[derive(Debug)]
pub(super) struct Backlog {
    /// The newest segments, consecutive, up to the tip.
    ring: VecDeque<Arc<Segment>>,
    ring_bytes: usize,
    /// Pages of the past, least recently used first; each consecutive in itself.
    pages: VecDeque<PastPages>,
    past_bytes: usize,
    /// A page of the past was asked for since [`Backlog::forget_unused_past`] last looked.
    past_used: bool,
    /// Bound of the ring, in bytes.
    limit: usize,
}

/// The past may hold so many times the ring: a thousand viewers that catch up at their own paces must not read the same
/// pages again and again. It is given back as soon as nobody reads it.
const PAST_FACTOR: usize = 8;

#[derive(Debug)]
struct PastPages {
    segments: Vec<Arc<Segment>>,
    bytes: usize,
}

impl PastPages {
    fn holds(&self, seq: Seq) -> bool {
        let first = self.segments.first().map_or(Seq::MAX, |segment| segment.first());
        let last = self.segments.last().map_or(0, |segment| segment.last());
        (first..=last).contains(&seq)
    }
}

/// What a segment weighs: as stored, as encoded for one kind of viewer, and its tables.
fn weight(segment: &Segment) -> usize {
    2 * segment.lines().bytes().len() + 32 * segment.lines().len() + size_of::<Segment>()
}

/// From the segment that holds `next` on, until `max_bytes` are reached; at least one.
fn take<'a>(segments: impl Iterator<Item = &'a Arc<Segment>>, next: Seq, max_bytes: usize) -> Vec<Arc<Segment>> {
    let mut bytes = 0;
    segments
        .skip_while(|segment| segment.last() < next)
        .take_while(|segment| {
            let fits = bytes == 0 || bytes + segment.lines().bytes().len() <= max_bytes;
            bytes += segment.lines().bytes().len();
            fits
        })
        .cloned()
        .collect()
}

impl Backlog {
    /// An empty backlog that holds at most about `limit` bytes of the log's end, and [`PAST_FACTOR`] times that of its
    /// past while it is being read.
    pub(super) fn new(limit: usize) -> Self {
        Self { ring: VecDeque::new(), ring_bytes: 0, pages: VecDeque::new(), past_bytes: 0, past_used: false, limit }
    }

    /// Bytes held.
    pub(super) fn held_bytes(&self) -> usize {
        self.ring_bytes + self.past_bytes
    }

    /// Adds the log's newest segment. One that does not follow on starts the ring anew.
    pub(super) fn push(&mut self, segment: Arc<Segment>) {
        if self.ring.back().is_some_and(|back| back.last() + 1 != segment.first()) {
            self.ring.clear();
            self.ring_bytes = 0;
        }
        self.ring_bytes += weight(&segment);
        self.ring.push_back(segment);
        while self.ring_bytes > self.limit && self.ring.len() > 1 {
            if let Some(oldest) = self.ring.pop_front() {
                self.ring_bytes -= weight(&oldest);
            }
        }
    }

    /// Keeps a page that was read from the journal.
    pub(super) fn keep_page(&mut self, segments: Vec<Arc<Segment>>) {
        if segments.is_empty() {
            return;
        }
        let bytes = segments.iter().map(|segment| weight(segment)).sum();
        self.past_bytes += bytes;
        self.pages.push_back(PastPages { segments, bytes });
        while self.past_bytes > PAST_FACTOR * self.limit && self.pages.len() > 1 {
            if let Some(oldest) = self.pages.pop_front() {
                self.past_bytes -= oldest.bytes;
            }
        }
    }

    /// What follows, from the segment that holds `next` on; `None` when the journal has to be asked.
    pub(super) fn page(&mut self, next: Seq, max_bytes: usize) -> Option<Vec<Arc<Segment>>> {
        if self.ring.front().is_some_and(|front| front.first() <= next) {
            let from = self.ring.partition_point(|segment| segment.last() < next);
            return (from < self.ring.len()).then(|| take(self.ring.range(from..), next, max_bytes));
        }
        self.past_used = true;
        let index = self.pages.iter().position(|page| page.holds(next))?;
        let page = self.pages.remove(index)?;
        let found = take(page.segments.iter(), next, max_bytes);
        self.pages.push_back(page);
        Some(found)
    }

    /// Frees the past, if nobody has read it since the last call.
    pub(super) fn forget_unused_past(&mut self) {
        if !std::mem::take(&mut self.past_used) {
            self.pages = VecDeque::new();
            self.past_bytes = 0;
        }
    }

    /// Frees everything. Readers fall back to the journal.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.limit);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::{Epoch, Lines, Timestamp};

    fn segment(first: Seq, count: usize) -> Arc<Segment> {
        let events = vec![r#"{"type":"t"}"#; count];
        Arc::new(Segment::new(Epoch(1), first, Timestamp::default(), Lines::from_stored(events.join("\n").into())))
    }

    fn span(page: Option<Vec<Arc<Segment>>>) -> Option<(Seq, Seq)> {
        page.map(|page| (page[0].first(), page[page.len() - 1].last()))
    }

    #[test]
    fn the_ring_answers_for_the_end_and_pages_for_the_past() {
        let mut backlog = Backlog::new(1 << 20);
        backlog.push(segment(11, 5));
        backlog.push(segment(16, 5));
        assert_eq!(span(backlog.page(13, 1 << 20)), Some((11, 20)));
        assert_eq!(span(backlog.page(16, 1)), Some((16, 20)));
        assert_eq!(span(backlog.page(10, 1)), None);
        backlog.keep_page(vec![segment(1, 5), segment(6, 5)]);
        assert_eq!(span(backlog.page(2, 1 << 20)), Some((1, 10)));
        assert_eq!(span(backlog.page(6, 1 << 20)), Some((6, 10)));
        assert_eq!(span(backlog.page(21, 1)), None);
    }

    #[test]
    fn a_segment_that_does_not_follow_on_starts_the_ring_anew() {
        let mut backlog = Backlog::new(1 << 20);
        backlog.push(segment(1, 5));
        backlog.push(segment(9, 2));
        assert_eq!(span(backlog.page(1, 1)), None);
        assert_eq!(span(backlog.page(9, 1)), Some((9, 10)));
    }

    #[test]
    fn the_past_is_given_back_when_nobody_reads_it() {
        let mut backlog = Backlog::new(1 << 20);
        backlog.keep_page(vec![segment(1, 5)]);
        assert!(backlog.page(1, 1).is_some());
        backlog.forget_unused_past();
        assert!(backlog.page(1, 1).is_some(), "it was read in between");
        backlog.forget_unused_past();
        backlog.forget_unused_past();
        assert!(backlog.page(1, 1).is_none());
        assert_eq!(backlog.held_bytes(), 0);
    }

    proptest! {
        /// Whatever is pushed, kept and asked: both halves keep their bound, and a page is consecutive and holds
        /// `next`.
        #[test]
        fn it_is_bounded_and_every_page_is_consecutive(counts in prop::collection::vec(1_usize..30, 1..60), asks in prop::collection::vec(1_u64..900, 1..60)) {
            let limit = 20_000;
            let mut backlog = Backlog::new(limit);
            let mut log = Vec::new();
            let mut next = 1;
            for count in counts {
                let new = segment(next, count);
                next = new.last() + 1;
                log.push(new.clone());
                backlog.push(new);
                prop_assert!(backlog.held_bytes() <= limit + weight(&log[log.len() - 1]));
            }
            for ask in asks.into_iter().filter(|ask| *ask < next) {
                let page = backlog.page(ask, 2_000).unwrap_or_else(|| {
                    let page: Vec<_> = log.iter().skip_while(|s| s.last() < ask).take(3).cloned().collect();
                    backlog.keep_page(page.clone());
                    page
                });
                prop_assert!(page[0].first() <= ask && ask <= page[0].last());
                prop_assert!(page.windows(2).all(|pair| pair[0].last() + 1 == pair[1].first()));
                prop_assert!(backlog.held_bytes() <= (1 + PAST_FACTOR) * limit + 3 * 30 * 100);
            }
        }
    }
}
