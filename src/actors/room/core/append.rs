//! How a room appends: what waits goes as one append, and everybody who waits for it is answered.

use std::time::Instant;

use tracing::debug;

use super::append_queue::{AppendBatch, ControlChange};
use super::pending_steer::Pending;
use super::{HeadFor, RETRY, RoomCore, RoomEffect, RoomEffects, RoomTimer};
use crate::actors::messages::room::{ControlTip, Publish, PublishError, Published};
use crate::control::ControlChanges;
use crate::protocol::{Cursor, Lines};
use crate::storage::journal::{Append, ControlPost, Head, JournalError, Refusal, Stored};

/// The append that the journal has been asked for.
pub(super) struct InFlight {
    append: Append,
    /// Whose post is the first, if it was decided.
    decided: Option<Pending>,
    /// One for each further post, in the same order.
    requests: Vec<Publish>,
    /// When the oldest of them reached the node.
    arrived: Instant,
    /// Why its outcome is unknown, once that is so.
    doubt: Option<String>,
}

impl RoomCore {
    /// Appends what waits, unless an append is in flight. What is to be decided goes first, if enough is known.
    pub(super) fn launch_append(&mut self, effects: &mut RoomEffects) {
        if self.in_flight.is_none() && self.can_decide() {
            // The posts go when the time is known.
            return effects.push_back(RoomEffect::AskTime);
        }
        self.launch_posts(effects);
    }

    /// Appends the posts that wait, unless an append is in flight.
    pub(super) fn launch_posts(&mut self, effects: &mut RoomEffects) {
        if self.log.head().is_some() {
            self.launch(None, effects);
        }
    }

    /// Appends what was decided, as of this end of the run's control, and the posts that wait.
    pub(super) fn launch(
        &mut self,
        decided: Option<(Pending, ControlChanges, Option<Cursor>)>,
        effects: &mut RoomEffects,
    ) {
        let (decided, change) = decided.map(|(pending, changes, of)| (pending, change(changes, of))).unzip();
        let Some(AppendBatch { posts, precondition, requests, arrived }) = self.append_queue.launch(change) else {
            return;
        };
        let deadline = self.now + self.limits.append_timeout;
        let append = Append { run: self.run.clone(), posts, precondition, deadline };
        effects.push_back(RoomEffect::Append(append.clone()));
        let arrived = arrived.unwrap_or(self.now);
        self.in_flight = Some(InFlight { append, decided, requests, arrived, doubt: None });
    }

    /// The journal has answered an append. One whose outcome is unknown is repeated until its deadline; the posts'
    /// producer marks make that safe. Once in doubt only an append that ran ends the doubt: that a repetition was not
    /// stored says nothing of what came before it.
    pub(super) fn appended(&mut self, outcome: Result<Stored, JournalError>, effects: &mut RoomEffects) {
        let Some(mut in_flight) = self.in_flight.take() else { return };
        let known = match outcome {
            Ok(stored) if in_flight.doubt.is_none() || !came_late(&stored) => Some(Ok(stored)),
            Err(JournalError::OutcomeUnknown(reason)) => {
                in_flight.doubt = Some(reason);
                None
            }
            Err(error) if in_flight.doubt.is_none() => Some(Err(error)),
            _ => None,
        };
        if known.is_none() && self.now < in_flight.append.deadline {
            debug!(run = %self.run, doubt = in_flight.doubt, "an append is to be repeated");
            self.in_flight = Some(in_flight);
            return effects.push_back(RoomEffect::Start(RoomTimer::RepeatAppend, RETRY));
        }
        self.append_queue.landed();
        let doubt = in_flight.doubt.take();
        match known.unwrap_or_else(|| Err(JournalError::OutcomeUnknown(doubt.unwrap_or_default()))) {
            Ok(stored) => self.answer_posts(stored, in_flight, effects),
            Err(error) => self.append_failed(&error, in_flight, effects),
        }
        self.launch_append(effects);
        self.decide_on(effects);
    }

    pub(super) fn repeat_append(&mut self, effects: &mut RoomEffects) {
        effects.extend(self.in_flight.as_ref().map(|in_flight| RoomEffect::Append(in_flight.append.clone())));
    }

    fn append_failed(&mut self, error: &JournalError, failed: InFlight, effects: &mut RoomEffects) {
        if let Some(pending) = failed.decided {
            self.deciding.fail(pending, error, effects);
        }
        failed.requests.into_iter().for_each(|request| refuse(request, error, effects));
        match error {
            // What waited behind it was not sent: its producers try again.
            JournalError::OutcomeUnknown(reason) => {
                self.refuse_queued(&JournalError::Unavailable(reason.clone()), effects);
                self.look_again(effects);
            }
            other => self.refuse_queued(other, effects),
        }
    }

    /// Refuses what waits to be appended.
    pub(super) fn refuse_queued(&mut self, error: &JournalError, effects: &mut RoomEffects) {
        self.deciding.fail_storing(error, effects);
        self.append_queue.drain().for_each(|request| refuse(request, error, effects));
    }

    /// Reads the head again: after an append of unknown outcome (what was stored all the same is not to wait for the
    /// next one until viewers see it), or when the log is not what the head told.
    pub(super) fn look_again(&mut self, effects: &mut RoomEffects) {
        if !std::mem::replace(&mut self.looking, true) {
            effects.push_back(RoomEffect::AskHead(HeadFor::Repair));
        }
    }

    /// The journal has answered [`RoomCore::look_again`]; it is asked until it does.
    pub(super) fn head_repaired(&mut self, head: Result<Head, JournalError>, effects: &mut RoomEffects) {
        let Ok(head) = head else {
            return effects.push_back(RoomEffect::Start(RoomTimer::LookAgain, RETRY));
        };
        self.looking = false;
        self.take_head_at_once(head, effects);
        self.serve_reads(effects);
        self.fold_on(effects);
        self.decide_on(effects);
    }

    fn answer_posts(&mut self, stored: Stored, in_flight: InFlight, effects: &mut RoomEffects) {
        let Stored { outcomes, segments, head } = stored;
        let InFlight { decided, requests, arrived, .. } = in_flight;
        let mut outcomes = outcomes.into_iter();
        if let Some(pending) = decided {
            let outcome = outcomes.next().map(|outcome| outcome.map(drop));
            self.decided(pending, outcome, head.age(), effects);
        }
        self.fold_stored_control(&segments, &head);
        let control = ControlTip::of(&head);
        for segment in &segments {
            segment.note_arrived(arrived);
        }
        self.catalog_updates.stores |= !segments.is_empty();
        self.take_stored(segments, head, effects);
        let tip = self.log.tip();
        effects.extend(requests.into_iter().zip(outcomes).map(|(request, outcome)| {
            let answer = outcome.map_err(PublishError::Refused).map(|appended| {
                let seq = appended.seqs.map_or(tip, |(_, last)| last);
                Published { cursor: Cursor { epoch: Some(appended.epoch), seq }, appended, control }
            });
            RoomEffect::AnswerPublish(request.reply, answer)
        }));
    }
}

/// The post of what was decided as of this end of the run's control.
fn change(changes: ControlChanges, of: Option<Cursor>) -> ControlChange {
    let ControlChanges { events, conditional, due, status, gives_up_shards } = changes;
    let lines: Vec<_> = events.into_iter().map(|(_, line)| line).collect();
    let control = ControlPost { if_control: conditional.then_some(of), due, steers: true, gives_up_shards };
    ControlChange { lines: Lines::from_stored(lines.join(&b'\n').into()), status, control }
}

/// Whether an append was refused for its deadline, which is judged before anything else.
fn came_late(stored: &Stored) -> bool {
    stored.outcomes.iter().any(|outcome| matches!(outcome, Err(Refusal::DeadlinePassed)))
}

/// Answers a post that was not stored, or may not have been.
pub(super) fn refuse(request: Publish, error: &JournalError, effects: &mut RoomEffects) {
    let answer = match error {
        JournalError::Unavailable(reason) => PublishError::Unavailable(reason.clone()),
        JournalError::OutcomeUnknown(reason) => PublishError::OutcomeUnknown(reason.clone()),
        JournalError::Saturated => PublishError::Saturated,
    };
    effects.push_back(RoomEffect::AnswerPublish(request.reply, Err(answer)));
}
