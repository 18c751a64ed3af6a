//! The decisions. None changes anything: what is decided comes true when it is stored and folded.

use bytes::Bytes;

use super::{Answer, ControlChanges, ControlError, ControlRequest, ControlState, Decision, Facts, Sign};
use crate::protocol::event::stamp::ANONYMOUS;
use crate::protocol::status::RunStatus;
use crate::protocol::{Cursor, ServerEvent};

mod ask;
mod claim;
mod command;
mod due;
mod event;
mod finish;
mod poll;
mod rights;
mod silence;
mod target;

/// Events that are to be stored.
type Events = Vec<(ServerEvent, Bytes)>;

/// Why nothing is stored.
enum Halt {
    Refuse(ControlError),
    NeedSigns(Vec<Sign>),
    Answer(Answer),
}

impl From<ControlError> for Halt {
    fn from(error: ControlError) -> Self {
        Self::Refuse(error)
    }
}

impl From<Halt> for Decision {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Refuse(error) => Self::Refuse(error),
            Halt::NeedSigns(signs) => Self::NeedSigns(signs),
            Halt::Answer(answer) => Self::Answer(answer),
        }
    }
}

impl ControlState {
    /// Decides a request. It changes nothing: what is decided is true once it is stored and folded.
    pub fn decide(&self, request: &ControlRequest, facts: &Facts<'_>) -> Decision {
        match request {
            ControlRequest::Command(request) => self.decided(self.decide_command(request, facts), facts),
            ControlRequest::Claim(request) => self.decided(self.decide_claim(request, facts), facts),
            ControlRequest::SecretLost(command) => self.decided(self.decide_secret_lost(command, facts), facts),
            ControlRequest::Finish(status) => self.decide_finish(*status, facts),
            ControlRequest::Due => self.decide_due(facts),
            ControlRequest::Poll(request) => self.decide_poll(request, facts),
            ControlRequest::Reports(request) => {
                let producer = request.producer.as_deref().unwrap_or(ANONYMOUS);
                Decision::Answer(Answer::Ignored(self.notices.ignored(producer, request.seqs)))
            }
            ControlRequest::Look => Decision::Answer(Answer::View(self.view().into())),
            ControlRequest::Resume => Decision::Answer(Answer::View(self.resumable_view().into())),
        }
    }

    fn decided(&self, events: Result<Events, Halt>, facts: &Facts<'_>) -> Decision {
        match events {
            Ok(events) => self.store(events, facts, None, false),
            Err(halt) => halt.into(),
        }
    }

    /// What is to be stored, with the earliest deadline afterwards.
    fn store(&self, events: Events, facts: &Facts<'_>, status: Option<RunStatus>, gives_up_shards: bool) -> Decision {
        let mut after = self.clone();
        for (seq, (_, event)) in (facts.tip + 1..).zip(&events) {
            after.apply(Cursor { epoch: facts.epoch, seq }, event);
        }
        let due = match status.is_some_and(RunStatus::is_final) {
            true => None,
            false => after.next_due(facts),
        };
        Decision::Store(ControlChanges { events, conditional: true, due, status, gives_up_shards })
    }
}

/// Refuses what can't be asked of a run that is not there, or not any more.
fn must_be_there(facts: &Facts<'_>) -> Result<(), ControlError> {
    if facts.is_gone {
        return Err(ControlError::RunGone);
    }
    if facts.tip == 0 {
        return Err(ControlError::RunNotFound);
    }
    Ok(())
}

/// Whether the run has ended, or takes no more events.
fn has_ended(facts: &Facts<'_>) -> bool {
    facts.is_sealed || facts.status.is_some_and(RunStatus::is_final)
}
