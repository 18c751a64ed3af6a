//! How a room decides what people, agents and producers want of its run's control.
//!
//! A request waits until the fold of the control events is as new as the request needs, and is then decided. Most are
//! answered at once, whatever is being appended meanwhile. One that has something to store goes first in the next
//! append, alone of its kind; it is decided when that append launches, so that those that wait behind it have used no
//! try. Once it is stored and folded it is decided again, and then answered. docs/internals/steering.md has the whole.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use super::control_fold::{ControlFold, FoldProgress, JournalTime, KnownHead};
use super::pending_steer::Pending;
use super::reading::Question;
use super::{PageFor, RoomCore, RoomEffect, RoomEffects, RoomLimits, RoomTimer};
use crate::actors::messages::room::{Steer, SteerError, Steered};
use crate::control::{ControlChanges, ControlLimits, Decision};
use crate::protocol::lineage::Resume;
use crate::protocol::{After, Epoch, Segment, Seq};
use crate::storage::journal::{Head, JournalError, Refusal};

/// Appends that a request may ask for, those that were refused because the control had moved on and those that stored
/// something.
const MAX_TRIES: u32 = 8;
/// Requests that are decided before the room does something else.
const PER_TURN: usize = 64;
/// Bytes of one page of control events.
const PAGE_BYTES: usize = 256 * 1024;

/// The requests that a room has taken, and the fold that they are decided on.
pub(super) struct Deciding {
    pub(super) fold: ControlFold,
    /// To be decided as soon as enough is known.
    ready: VecDeque<Pending>,
    /// They have something to store, and wait for the append in flight.
    storing: VecDeque<Pending>,
    /// Requests that have not been answered: these, the one in flight, and those for which the journal is asked.
    taken: usize,
    /// Most of them.
    max: usize,
    limits: Arc<ControlLimits>,
    /// [`RoomTimer::Decide`] is running.
    resting: bool,
}

impl Deciding {
    pub(super) fn new(limits: &RoomLimits) -> Self {
        Self {
            fold: ControlFold::default(),
            ready: VecDeque::new(),
            storing: VecDeque::new(),
            taken: 0,
            max: limits.max_waiting,
            limits: limits.control.clone(),
            resting: false,
        }
    }

    /// Requests that have not been answered.
    pub(super) fn waiting(&self) -> usize {
        self.taken
    }

    /// Frees the fold, unless somebody waits for it.
    pub(super) fn free(&mut self) {
        if self.taken == 0 {
            self.fold.begin_anew();
            self.ready = VecDeque::new();
            self.storing = VecDeque::new();
        }
    }

    fn answer(&mut self, pending: Pending, answer: Result<Steered, SteerError>, effects: &mut RoomEffects) {
        self.taken -= 1;
        let stored = if pending.is_stored { pending.tries } else { 0 };
        effects.push_back(RoomEffect::AnswerSteer { reply: pending.steer.reply, answer, stored });
    }

    /// The journal could not be asked for this one.
    pub(super) fn fail(&mut self, pending: Pending, error: &JournalError, effects: &mut RoomEffects) {
        let error = match error {
            // What it wanted is stored, and the answer is not known.
            _ if pending.is_stored => SteerError::OutcomeUnknown(error.to_string()),
            JournalError::Unavailable(reason) => SteerError::Unavailable(reason.clone()),
            JournalError::OutcomeUnknown(reason) => SteerError::OutcomeUnknown(reason.clone()),
            JournalError::Saturated => SteerError::Saturated,
        };
        self.answer(pending, Err(error), effects);
    }

    /// Those that wait for an append get none.
    pub(super) fn fail_storing(&mut self, error: &JournalError, effects: &mut RoomEffects) {
        for pending in std::mem::take(&mut self.storing) {
            self.fail(pending, error, effects);
        }
    }

    /// The journal can't be read.
    pub(super) fn fail_all(&mut self, error: &JournalError, effects: &mut RoomEffects) {
        for pending in std::mem::take(&mut self.ready) {
            self.fail(pending, error, effects);
        }
        self.fail_storing(error, effects);
    }

    /// The next one to be decided, if enough is known for it.
    fn next(&mut self, may_store: bool, known: &KnownHead) -> Option<Pending> {
        let queue = if may_store && !self.storing.is_empty() { &mut self.storing } else { &mut self.ready };
        let index = queue.iter().position(|pending| pending.floor <= known.age)?;
        queue.remove(index)
    }

    /// Decides one. What is to be stored is given back; anything else is answered.
    fn decide(
        &mut self,
        pending: Pending,
        head: &KnownHead,
        time: JournalTime,
        effects: &mut RoomEffects,
    ) -> Option<(Pending, ControlChanges)> {
        if pending.steer.is_given_up() {
            self.taken -= 1;
            return None;
        }
        let Steer { request, signs, .. } = &pending.steer;
        let answer = match self.fold.decide(request, signs, head, time, &self.limits) {
            Decision::Answer(answer) => Ok(Steered::Answered(answer, head.control)),
            Decision::Refuse(error) => Err(SteerError::Refused(error)),
            Decision::NeedSigns(signs) => Ok(Steered::NeedSigns(signs)),
            Decision::Store(changes) if pending.tries < MAX_TRIES => return Some((pending, changes)),
            Decision::Store(_) if pending.is_stored => Err(SteerError::OutcomeUnknown("it is not decided yet".into())),
            Decision::Store(_) => Err(SteerError::Contended),
        };
        self.answer(pending, answer, effects);
        None
    }
}

impl RoomCore {
    /// Takes a request.
    pub(super) fn take_steer(&mut self, steer: Steer, effects: &mut RoomEffects) {
        let refusal = if self.retirement.is_retired() {
            SteerError::Retired
        } else if self.deciding.taken >= self.deciding.max {
            SteerError::Saturated
        } else {
            self.touch();
            self.deciding.taken += 1;
            let is_known = self.is_alone() || self.knows_control(&steer);
            // What is being read for others may be older.
            let floor = self.log.newest_head().map_or((None, 0), Head::age);
            let pending = Pending { steer, floor, tries: 0, is_stored: false };
            if is_known {
                self.deciding.ready.push_back(pending);
                return self.decide_on(effects);
            }
            return self.ask_journal(Question::Steer(pending), effects);
        };
        effects.push_back(RoomEffect::AnswerSteer { reply: steer.reply, answer: Err(refusal), stored: 0 });
    }

    /// Whether what is known includes the control event that the request must know of.
    fn knows_control(&self, steer: &Steer) -> bool {
        let (Some(cursor), Some(head)) = (steer.at_least, self.log.newest_head()) else { return false };
        let is_held = matches!(head.lineage.resolve(After::Cursor(cursor), head.tip), Resume::Continue { .. });
        is_held && head.control.is_some_and(|control| control.seq >= cursor.seq)
    }

    /// Whether something waits to be decided, and everything that is needed for it is known.
    pub(super) fn can_decide(&mut self) -> bool {
        let waits = !self.deciding.ready.is_empty() || !self.deciding.storing.is_empty();
        waits
            && !self.deciding.fold.is_reading()
            && self.log.newest_head().is_some_and(|head| self.deciding.fold.settle(head))
    }

    /// The journal has told enough for this one.
    pub(super) fn may_decide(&mut self, pending: Pending) {
        self.deciding.ready.push_back(pending);
    }

    /// Brings the fold up to date, and decides what waits.
    pub(super) fn decide_on(&mut self, effects: &mut RoomEffects) {
        let can_store = self.in_flight.is_none() && !self.deciding.storing.is_empty();
        if (self.deciding.ready.is_empty() && !can_store) || self.deciding.fold.is_reading() {
            return;
        }
        let Some(head) = self.log.newest_head() else { return };
        if self.deciding.fold.settle(head) {
            let age = head.age();
            self.ask_again(age, effects);
            return effects.push_back(RoomEffect::AskTime);
        }
        let (after, max_bytes) = (self.deciding.fold.read_on(), self.limits.page_bytes.min(PAGE_BYTES));
        effects.push_back(RoomEffect::ReadPage { purpose: PageFor::Control, after, max_bytes });
    }

    /// What was known when these came is known no more: the log was forgotten in between.
    fn ask_again(&mut self, age: (Option<Epoch>, Seq), effects: &mut RoomEffects) {
        let Deciding { ready, storing, .. } = &mut self.deciding;
        if ready.iter().chain(storing.iter()).all(|pending| pending.floor <= age) {
            return;
        }
        for pending in std::mem::take(ready).into_iter().chain(std::mem::take(storing)) {
            match pending.floor > age {
                true => self.ask_journal(Question::Steer(pending), effects),
                false => self.deciding.ready.push_back(pending),
            }
        }
    }

    /// A page of control events has come.
    pub(super) fn take_control_page(
        &mut self,
        page: Result<Vec<Arc<Segment>>, JournalError>,
        effects: &mut RoomEffects,
    ) {
        let Some(after) = self.deciding.fold.page_came() else { return };
        self.touch();
        let Some(head) = self.log.newest_head() else { return };
        let is_of_this_log = |segment: &Arc<Segment>| head.lineage.holds(segment.epoch(), segment.last());
        match page {
            Ok(segments) if !segments.iter().all(is_of_this_log) => return self.look_again(effects),
            Ok(segments) => match self.deciding.fold.fold_page(after, &segments) {
                FoldProgress::Whole => return effects.push_back(RoomEffect::AskTime),
                FoldProgress::Part => {}
                FoldProgress::Nothing => {
                    let error = JournalError::Unavailable("the run's events are expiring".into());
                    self.deciding.fail_all(&error, effects);
                    return self.learn_anew(effects);
                }
            },
            Err(error) => {
                warn!(run = %self.run, %error, "the run's control could not be read");
                self.deciding.fail_all(&error, effects);
            }
        }
        self.decide_on(effects);
    }

    /// The time was told: what enough is known for is decided, and the next append launched.
    pub(super) fn time_told(&mut self, time: JournalTime, effects: &mut RoomEffects) {
        let Some(head) = self.deciding.fold.settled() else { return self.launch_posts(effects) };
        for _ in 0..PER_TURN {
            let may_store = self.in_flight.is_none();
            let Some(pending) = self.deciding.next(may_store, &head) else { break };
            match self.deciding.decide(pending, &head, time, effects) {
                Some((pending, changes)) if may_store => self.launch(Some((pending, changes, head.control)), effects),
                // Those that have tried already go first.
                Some((pending, _)) if pending.tries > 0 => self.deciding.storing.push_front(pending),
                Some((pending, _)) => self.deciding.storing.push_back(pending),
                None => {}
            }
        }
        self.launch_posts(effects);
        if self.deciding.ready.iter().any(|pending| pending.floor <= head.age) {
            if !std::mem::replace(&mut self.deciding.resting, true) {
                effects.push_back(RoomEffect::Start(RoomTimer::Decide, Duration::ZERO));
            }
        } else {
            self.decide_on(effects);
        }
    }

    pub(super) fn decide_due(&mut self, effects: &mut RoomEffects) {
        self.deciding.resting = false;
        self.decide_on(effects);
    }

    /// What became of a request's post; the journal told `head` with it.
    pub(super) fn decided(
        &mut self,
        mut pending: Pending,
        outcome: Option<Result<(), Refusal>>,
        head: (Option<Epoch>, Seq),
        effects: &mut RoomEffects,
    ) {
        pending.tries += 1;
        pending.floor = head;
        match outcome {
            Some(Ok(())) => pending.is_stored = true,
            Some(Err(Refusal::ControlMoved)) if pending.tries >= MAX_TRIES && !pending.is_stored => {
                return self.deciding.answer(pending, Err(SteerError::Contended), effects);
            }
            // What holds now refuses it, or has it decided anew.
            Some(Err(Refusal::ControlMoved | Refusal::RunSealed | Refusal::RunGone { .. })) => {}
            Some(Err(refusal)) => {
                let error = JournalError::Unavailable(refusal.to_string());
                return self.deciding.fail(pending, &error, effects);
            }
            None => {
                let error = JournalError::OutcomeUnknown("the journal told no outcome".into());
                return self.deciding.fail(pending, &error, effects);
            }
        }
        self.deciding.ready.push_front(pending);
    }

    /// Folds what this room has just stored, before it is taken into the log.
    pub(super) fn fold_stored_control(&mut self, segments: &[Arc<Segment>], head: &Head) {
        if let Some(before) = self.log.newest_head() {
            self.deciding.fold.fold_stored(segments, before, head);
        }
    }
}
