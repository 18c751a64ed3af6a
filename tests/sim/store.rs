//! The journal of the simulation: the real rules over memory that can be lost, and what is true about the log.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use runcast::protocol::segment::Encoding;
use runcast::protocol::{Cursor, Epoch, Segment, Seq, Timestamp};
use runcast::storage::journal::append_rules::{self, AppendContext, Epochs, ProducerMarks, RunRecord};
use runcast::storage::journal::memory::page_of;
use runcast::storage::journal::{Append, Head, RunPhase, Stored};

use crate::trace::{say, seen};

/// The simulation's time on the clock of deadlines.
pub(crate) fn instant(at: Timestamp) -> Instant {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    *START + Duration::from_millis(at.as_millis() as u64)
}

/// The last event that was acknowledged to its producer, and how often the store had lost writes then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acknowledged {
    last: Option<(Epoch, Seq)>,
    losses: usize,
}

impl Acknowledged {
    /// What was asked for afterwards, and is promised to be as stored, has it; unless the store has lost writes since.
    pub(crate) fn check(self, epoch: Option<Epoch>, seq: Seq, store: &Store, what: &str) {
        if let Some((acknowledged, last)) = self.last.filter(|_| self.losses == store.cuts.len()) {
            let fits = (epoch, seq) >= (Some(acknowledged), last);
            assert!(fits, "{acknowledged}:{last} was acknowledged, and {what} asked for later ends at {epoch:?}:{seq}");
        }
    }
}

/// What is durable after a write: the head, the marks and the earliest deadline as stored, and how many segments there
/// are.
#[derive(Clone, Default)]
struct Durable {
    head: Head,
    marks: ProducerMarks,
    due: Option<Timestamp>,
    segments: usize,
}

/// One run's log on a store that may forget its last writes.
pub(crate) struct Store {
    run: RunRecord,
    segments: Vec<Arc<Segment>>,
    epochs: Epochs,
    shared: bool,
    /// What is durable after each write.
    writes: Vec<Durable>,
    /// The monotonic time.
    pub(crate) now: Timestamp,
    /// How far the wall clock has jumped ahead of it, in milliseconds.
    pub(crate) jumped_ms: i64,
    /// What each incarnation of the store told: its events by seq. A later incarnation keeps what it shares with the
    /// ones before.
    incarnations: BTreeMap<Epoch, Vec<Bytes>>,
    /// The events of each incarnation that stand in segments of control events, with the epochs that stored them.
    control: BTreeMap<Epoch, Vec<Cursor>>,
    /// Where incarnations were cut: the epoch that began, and the last seq that it shares with those before.
    cuts: Vec<(Epoch, Seq)>,
    /// Events that a loss took.
    pub(crate) lost: HashSet<Bytes>,
    acknowledged: Cell<Option<(Epoch, Seq)>>,
    /// The last control event that anybody was told, and how often the store had lost writes then.
    known: Cell<(Seq, usize)>,
    /// Largest segment so far, in bytes as a viewer gets it.
    pub(crate) largest: usize,
}

impl Store {
    /// `shared`: those who ask it outlive its losses.
    pub(crate) fn new(shared: bool) -> Self {
        let now = Timestamp::from_millis(1_000);
        let epochs = Epochs::new(now);
        Self {
            run: RunRecord::load(Head::unborn(), ProducerMarks::default(), epochs),
            segments: Vec::new(),
            epochs,
            shared,
            writes: vec![Durable { head: Head::unborn(), ..Durable::default() }],
            now,
            jumped_ms: 0,
            incarnations: BTreeMap::new(),
            control: BTreeMap::new(),
            cuts: Vec::new(),
            lost: HashSet::new(),
            acknowledged: Cell::new(None),
            known: Cell::default(),
            largest: 0,
        }
    }

    pub(crate) fn append(&mut self, append: &Append) -> Stored {
        let monotonic = instant(self.now);
        let moment = AppendContext { now: self.wall(), monotonic, epochs: self.epochs, max_run_bytes: 1 << 30 };
        let stored = append_rules::append(&mut self.run, append, &moment).stored;
        if let Some(first) = stored.segments.first() {
            let incarnation = self.incarnations.entry(first.epoch()).or_default();
            for segment in &stored.segments {
                self.largest = self.largest.max(segment.encoded(Encoding::WebSocket).bytes().len());
                incarnation.extend(segment.lines().iter().map(Bytes::copy_from_slice));
                if segment.is_control() {
                    let epoch = Some(segment.epoch());
                    let cursors = (segment.first()..=segment.last()).map(|seq| Cursor { epoch, seq });
                    self.control.entry(segment.epoch()).or_default().extend(cursors);
                }
            }
            assert_eq!(incarnation.len() as Seq, stored.head.tip, "seqs are dense");
            self.segments.extend_from_slice(&stored.segments);
            self.writes.push(Durable {
                head: stored.head.clone(),
                marks: self.run.marks.clone(),
                due: self.run.due,
                segments: self.segments.len(),
            });
        }
        stored
    }

    pub(crate) fn head(&self) -> Head {
        Head { incarnation: self.shared.then_some(self.epochs.incarnation), ..self.run.head.clone() }
    }

    /// The time that is stored with what happens now.
    pub(crate) fn wall(&self) -> Timestamp {
        self.now.plus_millis(self.jumped_ms)
    }

    /// The run's earliest deadline.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.run.due
    }

    /// As `Journal::settle_due`.
    pub(crate) fn settle_due(&mut self, control: Option<Cursor>, due: Option<Timestamp>) {
        if self.run.head.control == control {
            self.run.due = due;
            if let Some(last) = self.writes.last_mut() {
                last.due = due;
            }
        }
    }

    /// As a journal reads: made anew, from the segment that holds `after + 1`.
    pub(crate) fn read(&self, after: Seq, max_bytes: usize) -> Vec<Arc<Segment>> {
        page_of(&self.segments, after, max_bytes, |_| true)
    }

    /// The segments that hold control events.
    pub(crate) fn read_control(&self, after: Seq, max_bytes: usize) -> Vec<Arc<Segment>> {
        page_of(&self.segments, after, max_bytes, Segment::is_control)
    }

    /// The store comes back without its last `count` writes, and knows that some may be missing.
    pub(crate) fn lose(&mut self, count: usize) {
        let keep = self.writes.len().saturating_sub(count).max(1);
        self.writes.truncate(keep);
        let Durable { head, marks, due, segments } = self.writes[keep - 1].clone();
        for segment in self.segments.drain(segments..) {
            self.lost.extend(segment.lines().iter().map(Bytes::copy_from_slice));
        }
        let before = self.events().to_vec();
        self.epochs.bump(self.now);
        say!(
            "the store loses its last {count} writes; the log ends at {} and goes on in {}",
            head.tip,
            self.epochs.incarnation
        );
        seen(if head.tip < before.len() as Seq { "writes lost" } else { "doubt without loss" });
        self.cuts.push((self.epochs.incarnation, head.tip));
        // A run that was lost whole has no epoch to compare.
        if head.tip == 0 {
            self.acknowledged.set(None);
        }
        let survived = before[..(head.tip as usize).min(before.len())].to_vec();
        self.incarnations.insert(self.epochs.incarnation, survived);
        let known = head.lineage.epoch().and_then(|epoch| self.control.get(&epoch)).cloned().unwrap_or_default();
        let known = known.into_iter().filter(|cursor| cursor.seq <= head.tip).collect();
        self.control.insert(self.epochs.incarnation, known);
        self.run = RunRecord::load(head, marks, self.epochs);
        self.run.due = due;
    }

    /// A producer was told that this event is stored. It may have been lost on the way of the answer.
    pub(crate) fn acknowledge(&self, epoch: Epoch, seq: Seq) {
        let is_held = self.epoch().is_some_and(|now| seq <= self.shared(epoch, now).min(self.tip()));
        self.acknowledged.set(self.acknowledged.get().max(is_held.then_some((epoch, seq))));
    }

    /// Whether an event that was told once is in today's log, or was until the run expired.
    pub(crate) fn holds(&self, cursor: Cursor) -> bool {
        let shared = cursor.epoch.zip(self.epoch()).map_or(0, |(then, now)| self.shared(then, now));
        cursor.seq <= shared.min(self.tip())
    }

    /// Somebody was told that the run's control ends here.
    pub(crate) fn tell(&self, control: Option<Cursor>) {
        let seq = control.map_or(0, |control| control.seq);
        if control.is_none_or(|control| self.holds(control)) {
            self.known.set((self.known().max(seq), self.cuts.len()));
        }
    }

    /// The last control event that anybody was told since the store has lost writes.
    pub(crate) fn known(&self) -> Seq {
        let (seq, losses) = self.known.get();
        if losses == self.cuts.len() { seq } else { 0 }
    }

    /// The heads after each write, since the store has lost some.
    pub(crate) fn heads(&self) -> impl Iterator<Item = &Head> {
        self.writes.iter().map(|write| &write.head)
    }

    pub(crate) fn acknowledged(&self) -> Acknowledged {
        Acknowledged { last: self.acknowledged.get(), losses: self.cuts.len() }
    }

    /// Removes the run's events if it has ended.
    pub(crate) fn expire(&mut self) -> bool {
        if !append_rules::is_ended(&self.run.head) {
            return false;
        }
        // From what is stored: an epoch that is pending stays so.
        let head = append_rules::gone(&self.writes[self.writes.len() - 1].head);
        self.segments.clear();
        self.writes = vec![Durable { head: head.clone(), ..Durable::default() }];
        self.run = RunRecord::load(head, ProducerMarks::default(), self.epochs);
        true
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.run.head.phase == RunPhase::Gone
    }

    pub(crate) fn tip(&self) -> Seq {
        self.run.head.tip
    }

    pub(crate) fn epoch(&self) -> Option<Epoch> {
        self.run.head.lineage.epoch()
    }

    /// The events of today's log, those that expired included.
    pub(crate) fn events(&self) -> &[Bytes] {
        self.epoch().and_then(|epoch| self.incarnations.get(&epoch)).map_or(&[], Vec::as_slice)
    }

    /// The event that `epoch` told or tells under `seq`.
    pub(crate) fn event(&self, epoch: Epoch, seq: Seq) -> Option<&Bytes> {
        self.incarnations.get(&epoch)?.get(usize::try_from(seq).ok()?.checked_sub(1)?)
    }

    /// The events up to this one that stand in segments of control events.
    pub(crate) fn control_upto(&self, upto: Cursor) -> impl Iterator<Item = Cursor> {
        let known = upto.epoch.and_then(|epoch| self.control.get(&epoch)).map_or(&[][..], Vec::as_slice);
        known.iter().copied().filter(move |cursor| cursor.seq <= upto.seq)
    }

    /// How often it has lost writes, or might have.
    pub(crate) fn losses(&self) -> usize {
        self.cuts.len()
    }

    /// The last seq up to which two incarnations tell the same.
    pub(crate) fn shared(&self, one: Epoch, other: Epoch) -> Seq {
        let (older, newer) = (one.min(other), one.max(other));
        let between = self.cuts.iter().filter(|(epoch, _)| older < *epoch && *epoch <= newer);
        between.map(|(_, last)| *last).min().unwrap_or(Seq::MAX)
    }

    /// How often each event stands in today's log.
    pub(crate) fn counts(&self) -> HashMap<&[u8], usize> {
        let mut counts = HashMap::new();
        for event in self.events() {
            *counts.entry(event.as_ref()).or_default() += 1;
        }
        counts
    }
}
