//! What a room knows of its run's log, and what it makes of an append's answer and of a read. Pure.

use std::sync::Arc;

use super::backlog::Backlog;
use super::reorder_buffer::ReorderBuffer;
use super::resolve::resolve;
use crate::actors::messages::broadcaster::TipIs;
use crate::actors::messages::room::{Page, ReadFrom, Verdict};
use crate::protocol::status::RunStatus;
use crate::protocol::{Cursor, Epoch, Segment, Seq};
use crate::storage::journal::Head;

/// The head as the journal last told it, and the segments held.
#[derive(Debug)]
pub struct RoomLog {
    /// `None` until the journal has answered once.
    head: Option<Head>,
    backlog: Backlog,
    /// What was heard of the log's end and does not follow yet.
    reorder_buffer: ReorderBuffer,
}

/// What an answer of the journal changed.
#[derive(Debug)]
pub(super) enum Growth {
    /// Nothing, or it was overtaken by a newer answer.
    None,
    /// These segments follow on what was known: hand them out.
    Follows(Vec<Arc<Segment>>),
    /// The log grew by something that was not seen here: readers pull.
    Elsewhere,
}

/// What became of a read.
#[derive(Debug)]
pub(super) enum ReadOutcome {
    /// The page.
    Page(Page),
    /// The journal has to be read from this seq on.
    Missing(Seq),
    /// The reader claims what is not known here: only the journal may judge it.
    Beyond,
    /// The head is not known yet.
    Unknown,
}

impl RoomLog {
    /// An empty log whose cache holds about `ring_bytes` of the log's end, and eight times as much of its past while that
    /// is read.
    pub(super) fn new(ring_bytes: usize) -> Self {
        Self { head: None, backlog: Backlog::new(ring_bytes), reorder_buffer: ReorderBuffer::new(ring_bytes) }
    }

    /// The head, once the journal has told it.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// The newest head that was told, of a log of which a part may be missing here still.
    pub(super) fn newest_head(&self) -> Option<&Head> {
        self.head
            .as_ref()
            .map(|known| self.reorder_buffer.head().filter(|heard| heard.age() > known.age()).unwrap_or(known))
    }

    /// Last seq known.
    pub fn tip(&self) -> Seq {
        self.head.as_ref().map_or(0, |head| head.tip)
    }

    /// Current epoch known; `None` while the run has no event.
    pub fn epoch(&self) -> Option<Epoch> {
        self.head.as_ref().and_then(|head| head.lineage.epoch())
    }

    /// Whether the log that is known ends with this event.
    pub(super) fn ends_at(&self, cursor: Cursor) -> bool {
        cursor.seq == self.tip() && (cursor.epoch.is_none() || cursor.epoch == self.epoch())
    }

    /// How new what is known is: see [`Head::age`].
    pub fn age(&self) -> (Option<Epoch>, Seq) {
        self.head.as_ref().map_or((None, 0), Head::age)
    }

    /// How new what is known is, as broadcasters are told it.
    pub(super) fn tip_is(&self) -> TipIs {
        let (epoch, tip) = self.age();
        TipIs { epoch, tip }
    }

    /// Last status known.
    pub(super) fn status(&self) -> Option<RunStatus> {
        self.head.as_ref().and_then(|head| head.status)
    }

    /// Bytes held.
    pub fn held_bytes(&self) -> usize {
        self.backlog.held_bytes() + self.reorder_buffer.held_bytes()
    }

    /// The journal told the head, perhaps before something that is known already.
    pub(super) fn learn(&mut self, head: Head) {
        if head.age() > self.age() {
            // What is held ends before that, or is of an earlier incarnation.
            self.free();
        }
        if head.age() >= self.age() {
            self.head = Some(head);
        }
    }

    /// What is held does not match the journal any more: the head must be learned anew.
    pub(super) fn forget(&mut self) {
        self.head = None;
        self.backlog.clear();
        self.reorder_buffer.clear();
    }

    /// Frees pages of the past that nobody has read since the last call.
    pub(super) fn forget_unused_past(&mut self) {
        self.backlog.forget_unused_past();
    }

    /// Frees what is held; readers fall back to the journal.
    pub(super) fn free(&mut self) {
        self.backlog.clear();
        self.reorder_buffer.free();
    }

    /// The journal stored `segments`, and the log's head is `head` now.
    pub(super) fn advance(&mut self, segments: Vec<Arc<Segment>>, head: Head) -> Growth {
        let (known, told) = (self.age(), head.age());
        if told < known {
            return Growth::None; // an older answer came after a newer one
        }
        // In another incarnation of the store part of what is known may be lost, were its end to fit.
        let follows = segments.first().is_some_and(|first| first.first() == known.1 + 1)
            && (known.0 == told.0 || self.epoch().is_none());
        self.head = Some(head);
        match (told > known, follows) {
            (false, _) => Growth::None,
            (true, true) => {
                for segment in &segments {
                    self.backlog.push(segment.clone());
                }
                Growth::Follows(segments)
            }
            (true, false) => {
                self.backlog.clear();
                self.reorder_buffer.clear();
                Growth::Elsewhere
            }
        }
    }

    /// Some node tells that it stored `segments`, and that the log's head was `head` then. What does not follow waits
    /// for what is missing, which may be on its way: see [`RoomLog::hole`].
    pub(super) fn hear(&mut self, segments: Vec<Arc<Segment>>, head: Head) -> Growth {
        let epoch = self.epoch();
        let another_incarnation = epoch.is_some() && head.lineage.epoch() != epoch;
        if self.head.is_none() || another_incarnation || head.tip == 0 || head.age() <= self.age() {
            return self.advance(segments, head);
        }
        self.reorder_buffer.hear(segments, head, self.tip());
        self.catch_up()
    }

    /// What the journal holds from the hole on. `None` when it is not of the log that is known: the head must be
    /// learned anew.
    pub(super) fn fill(&mut self, segments: Vec<Arc<Segment>>) -> Option<Growth> {
        let Some(head) = self.reorder_buffer.head().cloned() else { return Some(Growth::None) };
        let fits = |segment: &Arc<Segment>| head.lineage.holds(segment.epoch(), segment.last());
        if !segments.iter().all(fits) {
            return None;
        }
        // What was stored since that head was told has another head, which is told as well.
        let told = segments.into_iter().filter(|segment| segment.last() <= head.tip).collect();
        self.reorder_buffer.hear(told, head, self.tip());
        Some(self.catch_up())
    }

    /// The first seq that is missing before what was heard.
    pub fn hole(&self) -> Option<Seq> {
        self.reorder_buffer.head().filter(|head| head.age() > self.age()).map(|_| self.tip() + 1)
    }

    /// Gives up on filling the hole: readers pull what they miss.
    pub(super) fn leap(&mut self) -> Growth {
        self.reorder_buffer.head().cloned().map_or(Growth::None, |head| self.advance(Vec::new(), head))
    }

    /// Takes what follows now.
    fn catch_up(&mut self) -> Growth {
        let Some((segments, head)) = self.reorder_buffer.take(self.tip()) else { return Growth::None };
        self.advance(segments, head)
    }

    /// A page was read from the journal. False, and it is not kept, when it does not belong to the log as the head
    /// tells it: the store lost writes before or after the read, and the head must be learned anew.
    pub(super) fn keep_page(&mut self, segments: Vec<Arc<Segment>>) -> bool {
        let fits = self.holds(&segments);
        if fits {
            self.backlog.keep_page(segments);
        }
        fits
    }

    /// Whether segments belong to the log as the head tells it.
    pub(super) fn holds(&self, segments: &[Arc<Segment>]) -> bool {
        let Some(Head { lineage, .. }) = &self.head else { return false };
        segments.iter().all(|segment| lineage.holds(segment.epoch(), segment.last()))
    }

    /// Segments from the one that holds `next` on, if they are held.
    pub(super) fn segments_from(&mut self, next: Seq, max_bytes: usize) -> Option<Vec<Arc<Segment>>> {
        self.backlog.page(next, max_bytes)
    }

    /// Answers a read. `vouched`: the journal has just told the head, so it may judge any claim.
    pub(super) fn read(&mut self, from: ReadFrom, max_bytes: usize, vouched: bool) -> ReadOutcome {
        let Some(head) = &self.head else { return ReadOutcome::Unknown };
        let resolved = resolve(from, head);
        if !vouched && matches!(resolved.verdict, Verdict::Reset { .. }) {
            return ReadOutcome::Beyond;
        }
        let next = resolved.place.next;
        // A reset may lead to where history is gone; the reader hears of that gap when it asks on.
        let segments = match next > head.tip || next < head.first {
            true => Vec::new(),
            false => match self.backlog.page(next, max_bytes) {
                Some(segments) => segments,
                None => return ReadOutcome::Missing(next),
            },
        };
        ReadOutcome::Page(Page {
            verdict: resolved.verdict,
            place: resolved.place,
            segments,
            tip: head.tip,
            first: head.first,
            epoch: head.lineage.epoch(),
            phase: head.phase,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{After, Lineage, Lines, Timestamp};
    use crate::storage::journal::RunPhase;

    fn segment(first: Seq, count: usize) -> Arc<Segment> {
        let lines = Lines::from_stored(vec![r#"{"type":"t"}"#; count].join("\n").into());
        Arc::new(Segment::new(Epoch(1), first, Timestamp::default(), lines))
    }

    fn head(tip: Seq) -> Head {
        Head { lineage: Lineage::new(vec![(Epoch(1), 1)]), tip, ..Head::unborn() }
    }

    #[test]
    fn a_hole_is_filled_up_to_the_head_that_told_of_it_and_no_further() {
        let mut log = RoomLog::new(1 << 20);
        log.learn(head(1));
        log.hear(Vec::new(), head(3));
        assert!(
            matches!(log.fill(vec![segment(2, 2), segment(4, 1)]), Some(Growth::Follows(taken)) if taken.len() == 1)
        );
        assert_eq!((log.tip(), log.hole()), (3, None), "what else that head would say of the fourth is not known");
    }

    #[test]
    fn an_append_that_follows_on_is_handed_out_and_one_that_does_not_makes_readers_pull() {
        let mut log = RoomLog::new(1 << 20);
        log.learn(Head::unborn());
        assert!(matches!(log.advance(vec![segment(1, 2)], head(2)), Growth::Follows(_)));
        assert!(matches!(log.advance(vec![segment(5, 2)], head(6)), Growth::Elsewhere));
        assert!(matches!(log.read(ReadFrom::After(After::Start), 1, false), ReadOutcome::Missing(1)));
        assert!(matches!(log.advance(vec![], head(6)), Growth::None));
        assert!(matches!(log.advance(vec![], head(4)), Growth::None), "an older answer");
        assert_eq!(log.tip(), 6);
    }

    #[test]
    fn a_reset_into_history_that_is_gone_leads_on_to_the_gap() {
        let mut log = RoomLog::new(1 << 20);
        log.learn(Head { first: 4, phase: RunPhase::Gone, lineage: Lineage::new(vec![(Epoch(2), 1)]), ..head(3) });
        let ReadOutcome::Page(reset) = log.read(ReadFrom::After(After::parse("1:2").unwrap()), 1, true) else {
            panic!()
        };
        assert_eq!((reset.verdict, reset.segments.len()), (Verdict::Reset { from: 1 }, 0));
        let ReadOutcome::Page(gap) = log.read(ReadFrom::Place(reset.place), 1, false) else { panic!() };
        assert_eq!(gap.verdict, Verdict::Gap { from: 1, to: 3 });
    }

    #[test]
    fn a_later_incarnation_of_the_store_is_news_however_short_its_log() {
        let mut log = RoomLog::new(1 << 20);
        log.learn(Head::unborn());
        log.advance(vec![segment(1, 5)], head(5));
        let cut = |tip| Head { lineage: Lineage::new(vec![(Epoch(1), 1), (Epoch(2), 4)]), ..head(tip) };
        assert!(matches!(log.advance(vec![], cut(3)), Growth::Elsewhere));
        assert!(matches!(log.advance(vec![], head(6)), Growth::None), "an answer from before the loss");
        log.learn(head(6));
        assert_eq!((log.epoch(), log.tip()), (Some(Epoch(2)), 3));
        assert!(
            matches!(log.read(ReadFrom::After(After::Start), 1, false), ReadOutcome::Missing(1)),
            "nothing lost is held"
        );
        assert!(!log.keep_page(vec![segment(1, 5)]), "a page from before the loss");
        assert!(log.keep_page(vec![segment(1, 3)]));
    }

    #[test]
    fn a_run_that_a_later_incarnation_of_the_store_does_not_know_is_news_and_may_be_born_again() {
        let mut log = RoomLog::new(1 << 20);
        let unborn = |incarnation| Head { incarnation: Some(Epoch(incarnation)), ..Head::unborn() };
        log.learn(unborn(1));
        log.advance(vec![segment(1, 5)], head(5));
        assert!(matches!(log.hear(vec![], unborn(1)), Growth::None), "an answer from before its birth");
        assert!(matches!(log.hear(vec![], unborn(2)), Growth::Elsewhere));
        assert_eq!((log.tip(), log.epoch(), log.age()), (0, None, (Some(Epoch(2)), 0)));
        assert!(matches!(log.hear(vec![segment(6, 1)], head(6)), Growth::None), "a notice from before the loss");
        assert_eq!(log.hole(), None);
        let reborn = |tip| Head { lineage: Lineage::new(vec![(Epoch(2), 1)]), ..head(tip) };
        assert!(matches!(log.hear(vec![], reborn(2)), Growth::None), "what is missing may still come");
        assert_eq!(log.hole(), Some(1));
        assert!(matches!(log.leap(), Growth::Elsewhere));
        assert_eq!((log.tip(), log.epoch()), (2, Some(Epoch(2))));
    }

    #[test]
    fn what_is_held_ends_where_the_log_does_also_when_its_head_is_learned_late() {
        let mut log = RoomLog::new(1 << 20);
        log.advance(vec![segment(1, 2)], head(2));
        log.learn(head(4));
        assert!(matches!(log.read(ReadFrom::After(After::parse("1:2").unwrap()), 1, false), ReadOutcome::Missing(3)));
        assert!(log.keep_page(vec![segment(3, 2)]));
        assert!(matches!(log.read(ReadFrom::After(After::parse("1:2").unwrap()), 1, false), ReadOutcome::Page(_)));
    }

    #[test]
    fn what_was_heard_of_an_incarnation_before_the_last_is_never_joined_to_it() {
        let mut log = RoomLog::new(1 << 20);
        log.learn(Head::unborn());
        log.hear(vec![segment(2, 3)], head(4));
        let reborn = Head { lineage: Lineage::new(vec![(Epoch(2), 1)]), ..head(1) };
        let lines = Lines::from_stored(r#"{"type":"t"}"#.into());
        let first = Arc::new(Segment::new(Epoch(2), 1, Timestamp::default(), lines));
        assert!(matches!(log.hear(vec![first], reborn), Growth::Follows(segments) if segments.len() == 1));
        assert_eq!((log.age(), log.hole()), ((Some(Epoch(2)), 1), None));
    }

    #[test]
    fn a_claim_beyond_the_tip_is_judged_by_the_journal_alone() {
        let mut log = RoomLog::new(1 << 20);
        assert!(matches!(log.read(ReadFrom::After(After::Start), 1, false), ReadOutcome::Unknown));
        log.learn(head(3));
        let beyond = ReadFrom::After(After::parse("1:9").unwrap());
        assert!(matches!(log.read(beyond, 1, false), ReadOutcome::Beyond));
        assert!(matches!(log.read(beyond, 1, true), ReadOutcome::Page(page) if page.place.next == 4));
    }
}
