//! The run's folded state, brought up to the tip when somebody asks, and written as JSON off the node's threads, once for all
//! who read it.

use std::sync::{Arc, Weak};

use actix::fut::wrap_future;
use actix::prelude::*;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tracing::error;

use super::Room;
use crate::actors::messages::room::{Fold, Folded, ReadError};
use crate::budget::{Budget, Buffer};
use crate::protocol::cursor::Place;
use crate::protocol::lineage::Resume;
use crate::protocol::{After, Cursor, RunId, Segment};
use crate::run_state::RunState;
use crate::storage::journal::{Head, JournalError, RunPhase};
use crate::tasks::spawn_blocking;

/// Before the first event.
const START: Place = Place { epoch: None, next: 1 };

/// Long folds that a node does at a time: a state that somebody waits for keeps its memory.
const AT_A_TIME: usize = 2;
/// Events that are folded without waiting for a turn: they add little to what the room holds.
const WITHOUT_TURN: u64 = 2_000;

/// What the rooms of a node build states with.
#[derive(Clone, Debug)]
pub struct States {
    /// Bytes of their JSON.
    texts: Budget,
    /// Turns to fold.
    turns: Arc<Semaphore>,
}

impl States {
    /// States whose JSON is counted in `texts`.
    pub fn new(texts: Budget) -> Self {
        Self { texts, turns: Arc::new(Semaphore::new(AT_A_TIME)) }
    }
}

type StateReply = oneshot::Sender<Result<Folded, ReadError>>;

/// The fold so far and who waits for it.
pub(super) struct Folding {
    state: Arc<RunState>,
    /// Behind what is folded.
    place: Place,
    waiting: Vec<StateReply>,
    /// A turn, a page or the JSON is awaited.
    busy: bool,
    /// While somebody waits.
    turn: Option<OwnedSemaphorePermit>,
    /// The last JSON, as long as somebody reads it, and the place that it tells of.
    text: (Place, Weak<Buffer>),
    /// Bytes of the JSON when it was last written.
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
            turn: None,
            text: (START, Weak::new()),
            text_bytes: 0,
            held_bytes: 0,
        }
    }

    pub(super) fn ask(&mut self, fold: Fold) {
        self.waiting.push(fold.reply);
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

    pub(super) fn fail(&mut self, error: &JournalError) {
        self.turn = None;
        for reply in self.waiting.drain(..) {
            let _ = reply.send(Err(ReadError::Unavailable(error.to_string())));
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

    fn apply(&mut self, segments: &[Arc<Segment>]) {
        let state = Arc::make_mut(&mut self.state);
        for segment in segments {
            for (seq, event) in (segment.first()..).zip(segment.lines().iter()) {
                if seq == self.place.next {
                    state.apply(seq, segment.at(), event);
                    self.place.next = seq + 1;
                }
            }
        }
        self.held_bytes = self.state.held_bytes();
    }

    fn text(&self) -> Option<Arc<Buffer>> {
        let (place, text) = &self.text;
        (*place == self.place).then(|| text.upgrade()).flatten()
    }
}

/// The state as JSON; `None` when the budget is used up.
fn write(state: &RunState, texts: &Budget) -> Result<Option<Arc<Buffer>>, ReadError> {
    let mut text = Buffer::new(texts);
    match serde_json::to_writer(&mut text, state) {
        Ok(()) => Ok(Some(Arc::new(text))),
        Err(error) if error.is_io() => Ok(None),
        Err(error) => Err(ReadError::Unavailable(error.to_string())),
    }
}

type StateText = Result<Option<Arc<Buffer>>, ReadError>;

fn answer(replies: Vec<StateReply>, text: &StateText, cursor: Cursor, phase: RunPhase) {
    for reply in replies {
        let folded = text.as_ref().map(|text| Folded { text: text.clone(), cursor, phase });
        let _ = reply.send(folded.map_err(Clone::clone));
    }
}

impl Room {
    /// Folds one page further; answers at the tip.
    pub(super) fn fold_on(&mut self, ctx: &mut Context<Self>) {
        if self.folding.busy {
            return;
        }
        self.folding.waiting.retain(|reply| !reply.is_closed());
        let head = self.log.head().filter(|_| !self.folding.waiting.is_empty());
        let Some(head) = head else {
            self.folding.turn = None;
            return;
        };
        self.folding.settle(&self.run, head);
        let (tip, phase) = (head.tip, head.phase);
        if self.folding.place.next > tip || self.is_gone() {
            return self.tell_state(phase, ctx);
        }
        let is_short = tip + 1 - self.folding.place.next <= WITHOUT_TURN;
        if is_short || self.folding.turn.is_some() || self.take_turn(ctx) {
            self.fold_page(ctx);
        }
    }

    /// Takes a turn to fold; waits for one when there is none now.
    fn take_turn(&mut self, ctx: &mut Context<Self>) -> bool {
        let turns = self.ports.states.turns.clone();
        if let Ok(turn) = turns.clone().try_acquire_owned() {
            self.folding.turn = Some(turn);
            return true;
        }
        self.folding.busy = true;
        ctx.spawn(wrap_future::<_, Self>(turns.acquire_owned()).map(|turn, room, ctx| {
            room.folding.busy = false;
            room.folding.turn = turn.ok();
            room.fold_on(ctx);
        }));
        false
    }

    fn fold_page(&mut self, ctx: &mut Context<Self>) {
        self.folding.busy = true;
        let (journal, run, max_bytes) = (self.ports.journal.clone(), self.run.clone(), self.limits.page_bytes);
        let next = self.folding.place.next;
        let held = self.log.segments_from(next, max_bytes);
        let page = async move {
            match held {
                Some(segments) => Ok(segments),
                None => journal.read(&run, next - 1, max_bytes).await,
            }
        };
        ctx.spawn(wrap_future::<_, Self>(page).map(|page, room, ctx| {
            room.folding.busy = false;
            match page {
                Ok(segments) if segments.is_empty() => {
                    room.folding.fail(&JournalError::Unavailable("the run's events are expiring".into()));
                }
                // What follows what is folded may be of a log that was cut back below it.
                Ok(segments) if !room.log.holds(&segments) => {
                    room.folding.turn = None;
                    return room.look_again(ctx);
                }
                Ok(segments) => room.folding.apply(&segments),
                Err(error) => room.folding.fail(&error),
            }
            room.touch();
            room.fold_on(ctx);
        }));
    }

    /// Answers everybody who waits. Who asks meanwhile may have to be told more.
    fn tell_state(&mut self, phase: RunPhase, ctx: &mut Context<Self>) {
        let (replies, place) = (std::mem::take(&mut self.folding.waiting), self.folding.place);
        if let Some(text) = self.folding.text() {
            self.folding.turn = None;
            return answer(replies, &Ok(Some(text)), place.cursor(), phase);
        }
        if !self.ports.states.texts.has(self.folding.text_bytes) {
            // Written, it would come to nothing.
            self.folding.turn = None;
            return answer(replies, &Ok(None), place.cursor(), phase);
        }
        self.folding.busy = true;
        let (state, texts) = (self.folding.state.clone(), self.ports.states.texts.clone());
        let written = spawn_blocking("fold_writer", move || write(&state, &texts));
        ctx.spawn(wrap_future::<_, Self>(written).map(move |text, room, ctx| {
            room.folding.busy = false;
            room.folding.turn = None;
            let text = text.unwrap_or_else(|panicked| {
                error!(run = %room.run, %panicked, "the run's state could not be written");
                Err(ReadError::Unavailable("the run's state could not be written".into()))
            });
            if let Ok(Some(text)) = &text {
                room.folding.text = (place, Arc::downgrade(text));
                room.folding.text_bytes = text.len();
            }
            answer(replies, &text, place.cursor(), phase);
            room.fold_on(ctx);
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Epoch, Lineage, Lines, Seq, Timestamp};

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
        folding.apply(&[segment(1, 1, "running"), segment(1, 2, "passed")]);
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
        folding.apply(&[segment(1, 1, "running"), segment(2, 2, "failing"), segment(2, 3, "failed")]);
        assert_eq!((folding.place.next, status(&folding)), (4, "failed".into()));
        folding.settle(&run, &Head::unborn());
        assert_eq!((folding.place, status(&folding)), (START, serde_json::Value::Null), "the run was lost whole");
    }

    #[test]
    fn a_state_is_counted_and_freed_unless_somebody_waits_for_it() {
        let (run, mut folding) = folded();
        assert!(folding.held_bytes() >= size_of::<RunState>());
        let (reply, _waits) = oneshot::channel();
        folding.ask(Fold { reply });
        folding.free(&run);
        assert_eq!(status(&folding), "passed");
        folding.waiting.clear();
        folding.free(&run);
        assert_eq!((folding.place, folding.held_bytes(), status(&folding)), (START, 0, serde_json::Value::Null));
    }

    #[test]
    fn json_that_finds_no_room_is_refused_and_leaves_nothing() {
        let (_, folding) = folded();
        let texts = Budget::new(100);
        assert!(matches!(write(&folding.state, &texts), Ok(None)));
        assert_eq!(texts.used(), 0);
        let texts = Budget::new(100_000);
        let text = write(&folding.state, &texts).unwrap().unwrap();
        assert!(text.share().concat().starts_with(b"{\"runId\":\"r\""), "{:?}", text.share());
    }

    #[test]
    fn a_fold_goes_on_in_a_life_that_lost_nothing_of_it() {
        let (run, mut folding) = folded();
        folding.settle(&run, &head(&[(1, 1), (2, 3)], 2));
        assert_eq!((folding.place, status(&folding)), (Place { epoch: Some(Epoch(2)), next: 3 }, "passed".into()));
    }
}
