//! The run's folded state, brought up to the tip when somebody asks, and written as JSON off the node's threads, once
//! for all who read it.

use std::sync::{Arc, Weak};

use super::{PageFor, RoomCore, RoomEffect, RoomEffects, StateText};
use crate::actors::messages::room::{Fold, Folded, ReadError};
use crate::budget::Buffer;
use crate::protocol::cursor::Place;
use crate::protocol::lineage::Resume;
use crate::protocol::{After, RunId, Segment, Seq, StatePart};
use crate::run_state::RunState;
use crate::storage::journal::{Head, JournalError, RunPhase, whole_page};

/// Before the first event.
const START: Place = Place { epoch: None, next: 1 };
/// Events that are folded without waiting for a permit: they add little to what the room holds.
const WITHOUT_PERMIT: u64 = 2_000;

/// JSON that is being written.
struct Writing {
    folds: Vec<Fold>,
    part: StatePart,
    /// What it tells of.
    place: Place,
    phase: RunPhase,
}

/// The fold so far and who waits for it.
pub(super) struct Folding {
    state: Arc<RunState>,
    /// Behind what is folded.
    place: Place,
    waiting: Vec<Fold>,
    /// A permit, a page or the JSON is awaited.
    busy: bool,
    /// The room has a permit to fold; only while somebody waits.
    has_permit: bool,
    /// Who gets the JSON that is being written.
    writing: Option<Writing>,
    /// The last JSON of the overview, as long as somebody reads it, and the place that it tells of.
    text: (Place, Weak<Buffer>),
    /// Bytes of that JSON when it was last written.
    text_bytes: usize,
    /// Bytes of the state.
    held_bytes: usize,
}

impl Folding {
    pub(super) fn new(run: RunId) -> Self {
        Self {
            state: Arc::new(RunState::new(run)),
            place: START,
            waiting: Vec::new(),
            busy: false,
            has_permit: false,
            writing: None,
            text: (START, Weak::new()),
            text_bytes: 0,
            held_bytes: 0,
        }
    }

    pub(super) fn ask(&mut self, fold: Fold) {
        self.waiting.push(fold);
    }

    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty() || self.busy
    }

    /// Bytes held.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Frees the state, unless somebody waits for it; who asks next has it folded anew.
    pub(super) fn free(&mut self, run: &RunId) {
        if !self.is_waited_for() {
            self.begin_anew(run);
        }
    }

    fn begin_anew(&mut self, run: &RunId) {
        self.state = Arc::new(RunState::new(run.clone()));
        self.place = START;
        self.held_bytes = 0;
    }

    pub(super) fn fail(&mut self, error: &JournalError, effects: &mut RoomEffects) {
        self.return_permit(effects);
        let error = ReadError::Unavailable(error.to_string());
        effects.extend(self.waiting.drain(..).map(|fold| RoomEffect::AnswerFold(fold.reply, Err(error.clone()))));
    }

    fn return_permit(&mut self, effects: &mut RoomEffects) {
        if std::mem::take(&mut self.has_permit) {
            effects.push_back(RoomEffect::ReturnPermit);
        }
    }

    /// Stands on the log as `head` tells it. A state can't be cut back: when part of what is in it was lost, it begins
    /// anew.
    fn settle(&mut self, run: &RunId, head: &Head) {
        if let Resume::Reset { .. } = head.lineage.resolve(After::Cursor(self.place.cursor()), head.tip) {
            self.begin_anew(run);
        }
        self.place.epoch = head.lineage.epoch();
    }

    /// Folds events up to `tip`. A page of the journal may go beyond what the room knows of the log: folded now, it
    /// would be taken for something that was lost.
    fn apply(&mut self, segments: &[Arc<Segment>], tip: Seq) {
        let state = Arc::make_mut(&mut self.state);
        for segment in segments {
            for (seq, event) in (segment.first()..=tip).zip(segment.lines().iter()) {
                if seq == self.place.next {
                    state.apply(seq, segment.at(), event);
                    self.place.next = seq + 1;
                }
            }
        }
        self.held_bytes = self.state.held_bytes();
    }

    /// The JSON of a part, if it is there.
    fn text(&self, part: &StatePart) -> Option<Arc<Buffer>> {
        let (place, text) = &self.text;
        (*part == StatePart::Overview && *place == self.place).then(|| text.upgrade()).flatten()
    }

    /// Takes out those who wait for the same part as the first.
    fn next_folds(&mut self) -> Option<(StatePart, Vec<Fold>)> {
        let part = self.waiting.first()?.part.clone();
        let (same, others) = std::mem::take(&mut self.waiting).into_iter().partition(|fold| fold.part == part);
        self.waiting = others;
        Some((part, same))
    }
}

/// Answers those who waited for the state as it is at `place`.
fn answer(folds: Vec<Fold>, text: &StateText, place: Place, phase: RunPhase, effects: &mut RoomEffects) {
    effects.extend(folds.into_iter().map(|fold| {
        let folded = text.as_ref().map(|text| Folded { text: text.clone(), cursor: place.cursor(), phase });
        RoomEffect::AnswerFold(fold.reply, folded.map_err(Clone::clone))
    }));
}

impl RoomCore {
    /// Folds one page further; answers at the tip.
    pub(super) fn fold_on(&mut self, effects: &mut RoomEffects) {
        if self.folding.busy {
            return;
        }
        self.folding.waiting.retain(|fold| !fold.is_given_up());
        let head = self.log.head().filter(|_| !self.folding.waiting.is_empty());
        let Some(head) = head else { return self.folding.return_permit(effects) };
        self.folding.settle(&self.run, head);
        let (tip, phase) = (head.tip, head.phase);
        if self.folding.place.next > tip || self.is_gone() {
            return self.tell_state(phase, effects);
        }
        self.folding.busy = true;
        let is_short = tip + 1 - self.folding.place.next <= WITHOUT_PERMIT;
        if is_short || self.folding.has_permit {
            self.read_page_to_fold(effects);
        } else {
            effects.push_back(RoomEffect::TakePermit);
        }
    }

    pub(super) fn permit_taken(&mut self, effects: &mut RoomEffects) {
        self.folding.busy = false;
        self.folding.has_permit = true;
        self.fold_on(effects);
    }

    fn read_page_to_fold(&mut self, effects: &mut RoomEffects) {
        let (next, max_bytes) = (self.folding.place.next, self.limits.page_bytes);
        effects.push_back(match self.log.segments_from(next, max_bytes) {
            Some(segments) => RoomEffect::FoldPage(segments),
            None => RoomEffect::ReadPage { purpose: PageFor::State, after: next - 1, max_bytes },
        });
    }

    /// A page to fold, from the log or the journal.
    pub(super) fn take_page_to_fold(
        &mut self,
        page: Result<Vec<Arc<Segment>>, JournalError>,
        effects: &mut RoomEffects,
    ) {
        self.folding.busy = false;
        match page {
            // What follows what is folded may be of a log that was cut back below it.
            Ok(segments) if !self.log.holds(&segments) => {
                self.folding.return_permit(effects);
                return self.look_again(effects);
            }
            Ok(segments) => match whole_page(self.folding.place.next, &segments) {
                Ok(()) => self.folding.apply(&segments, self.log.tip()),
                Err(missing) => self.folding.fail(&missing, effects),
            },
            Err(error) => self.folding.fail(&error, effects),
        }
        self.touch();
        self.fold_on(effects);
    }

    /// Answers everybody who waits, one part after the other. Those who ask meanwhile may have to be told more.
    fn tell_state(&mut self, phase: RunPhase, effects: &mut RoomEffects) {
        let place = self.folding.place;
        while let Some((part, folds)) = self.folding.next_folds() {
            if let Some(text) = self.folding.text(&part) {
                answer(folds, &Ok(Some(text)), place, phase, effects);
                continue;
            }
            let bytes = if part == StatePart::Overview { self.folding.text_bytes } else { 0 };
            self.folding.busy = true;
            self.folding.writing = Some(Writing { folds, part: part.clone(), place, phase });
            return effects.push_back(RoomEffect::WriteState(self.folding.state.clone(), part, bytes));
        }
        self.folding.return_permit(effects);
    }

    pub(super) fn state_written(&mut self, text: StateText, effects: &mut RoomEffects) {
        self.folding.busy = false;
        self.folding.return_permit(effects);
        let Some(Writing { folds, part, place, phase }) = self.folding.writing.take() else { return };
        if let (StatePart::Overview, Ok(Some(text))) = (part, &text) {
            self.folding.text = (place, Arc::downgrade(text));
            self.folding.text_bytes = text.len();
        }
        answer(folds, &text, place, phase, effects);
        self.fold_on(effects);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Epoch, Lineage, Lines, Timestamp};

    fn segment(epoch: u64, first: Seq, status: &str) -> Arc<Segment> {
        let line = format!(r#"{{"type":"run_status","timestamp":"2026-01-01T00:00:00.000Z","status":"{status}"}}"#);
        Arc::new(Segment::new(Epoch(epoch), first, Timestamp::default(), Lines::from_stored(line.into())))
    }

    fn head(lineage: &[(u64, Seq)], tip: Seq) -> Head {
        let entries = lineage.iter().map(|(epoch, first)| (Epoch(*epoch), *first)).collect();
        Head { lineage: Lineage::new(entries), tip, ..Head::unborn() }
    }

    fn folded() -> (RunId, Folding) {
        let run = RunId::parse("r").unwrap();
        let mut folding = Folding::new(run.clone());
        folding.settle(&run, &head(&[(1, 1)], 2));
        folding.apply(&[segment(1, 1, "running"), segment(1, 2, "passed")], 2);
        (run, folding)
    }

    fn status(folding: &Folding) -> serde_json::Value {
        serde_json::to_value(&*folding.state).unwrap()["status"].clone()
    }

    #[test]
    fn a_fold_begins_anew_when_part_of_what_is_in_it_was_lost() {
        let (run, mut folding) = folded();
        let cut = head(&[(1, 1), (2, 2)], 3);
        folding.settle(&run, &cut);
        assert_eq!(folding.place, Place { epoch: Some(Epoch(2)), next: 1 });
        folding.apply(&[segment(1, 1, "running"), segment(2, 2, "failing"), segment(2, 3, "failed")], 3);
        assert_eq!((folding.place.next, status(&folding)), (4, "failed".into()));
        folding.settle(&run, &Head::unborn());
        assert_eq!((folding.place, status(&folding)), (START, serde_json::Value::Null), "the run was lost whole");
    }

    #[test]
    fn a_state_is_counted_and_freed_unless_somebody_waits_for_it() {
        let (run, mut folding) = folded();
        assert!(folding.held_bytes() >= size_of::<RunState>());
        let (reply, _waits) = tokio::sync::oneshot::channel();
        folding.ask(Fold { part: StatePart::Overview, reply });
        folding.free(&run);
        assert_eq!(status(&folding), "passed");
        folding.waiting.clear();
        folding.free(&run);
        assert_eq!((folding.place, folding.held_bytes(), status(&folding)), (START, 0, serde_json::Value::Null));
    }

    #[test]
    fn a_fold_goes_on_in_an_incarnation_that_lost_nothing_of_it() {
        let (run, mut folding) = folded();
        folding.settle(&run, &head(&[(1, 1), (2, 3)], 2));
        assert_eq!((folding.place, status(&folding)), (Place { epoch: Some(Epoch(2)), next: 3 }, "passed".into()));
    }

    #[test]
    fn what_another_node_stored_meanwhile_is_folded_once_the_room_knows_of_it() {
        let (run, mut folding) = folded();
        let page = [segment(1, 3, "failing"), segment(1, 4, "failed")];
        folding.apply(&page, 3);
        assert_eq!((folding.place.next, status(&folding)), (4, "failing".into()));
        folding.settle(&run, &head(&[(1, 1)], 3));
        assert_eq!(folding.place.next, 4, "nothing was lost");
        folding.apply(&page, 4);
        assert_eq!((folding.place.next, status(&folding)), (5, "failed".into()));
    }
}
