//! Commands: whether they may be given, and the events that they become.

use std::sync::Arc;

use serde_json::{Value, json};

use super::event::EventText;
use super::{Events, Halt, has_ended, must_be_there};
use crate::control::command::{GivenCommand, SECRET_MAC};
use crate::control::fold::{AskState, CommandTarget, KeptCommand};
use crate::control::kind::Sort;
use crate::control::{Answer, CommandAnswer, CommandKind, CommandRequest, CommandState};
use crate::control::{ControlError, ControlState, Facts, Observed};
use crate::protocol::{Cursor, Principal, Timestamp};

/// How far beyond `control.max_events` a run that is paused is let go on: pausing and resuming it could go on for ever.
const RESUMES: u64 = 1_000;

/// What a command's event is made of.
pub(super) struct Wanted<'a> {
    pub(super) given: &'a GivenCommand,
    pub(super) by: &'a Principal,
    pub(super) facts: &'a Facts<'a>,
    target: Option<CommandTarget>,
}

impl ControlState {
    pub(super) fn decide_command(&self, request: &CommandRequest, facts: &Facts<'_>) -> Result<Events, Halt> {
        let given = GivenCommand::parse(&request.command, facts.limits.max_command_bytes)?;
        must_be_there(facts)?;
        if let Some(known) = self.commands.known(&given.id) {
            if known.digest != given.digest {
                return Err(ControlError::Conflict.into());
            }
            return Err(answer(&given.id, known.state, known.cursor));
        }
        if given.is_out_of_time(facts.now) && !facts.holds_time {
            let (field, reason) = ("commandId".into(), "must have been made within 24 hours of now".into());
            return Err(ControlError::Invalid { field, reason }.into());
        }
        if has_ended(facts) {
            return Err(ControlError::RunEnded.into());
        }
        let (events, bytes) = self.spent;
        let (max_events, max_bytes) = (facts.limits.max_events, facts.limits.max_bytes);
        let is_full = events >= max_events || bytes.saturating_add(request.command.len() as u64) > max_bytes;
        if is_full && !self.is_always_taken(&given, facts) {
            return Err(ControlError::TooManyCommands { events, bytes, max_events, max_bytes }.into());
        }
        let mut events = self.check_rights(&given, &request.by, facts)?;
        let target = self.find_target(&given, &request.observed)?;
        self.check_expect(&given, &request.observed)?;
        let wanted = Wanted { given: &given, by: &request.by, facts, target };
        events.extend(self.write_command(&wanted)?);
        Ok(events)
    }

    /// What a run takes however many commands it has had: a pause while it goes on, a resume while it is paused, the
    /// request to cancel it, and answers to its questions. One who floods a run keeps nobody from stopping it; and each of
    /// these ends what it needs, so that there is no flood of them. Pauses and resumes in turn end with [`RESUMES`].
    fn is_always_taken(&self, given: &GivenCommand, facts: &Facts<'_>) -> bool {
        match given.kind {
            CommandKind::Pause => self.pause.open.is_none(),
            CommandKind::Cancel => {
                let is_whole = !given.members.contains_key("testId") && !given.members.contains_key("target");
                is_whole && !self.commands.open().any(KeptCommand::cancels_run)
            }
            CommandKind::Resume => {
                self.pause.open.is_some() && self.spent.0 < facts.limits.max_events.saturating_add(RESUMES)
            }
            CommandKind::Answer => true,
            _ => false,
        }
    }

    /// What `expect` says is judged on the fold here; the rest was judged on the run's state before.
    fn check_expect(&self, given: &GivenCommand, observed: &Observed) -> Result<(), ControlError> {
        let mut unmet = observed.unmet.clone();
        let expect = given.expect.as_ref();
        if let Some(id) = expect.and_then(|expect| expect.get("askId")).and_then(Value::as_str) {
            let state = self.asks.get(id).map(|ask| &ask.state);
            if state != Some(&AskState::Open) {
                unmet.push(("askId", json!(state.map(AskState::as_str))));
            }
        }
        let target = expect.and_then(|expect| expect.get("target"));
        let producer = target.and_then(|target| {
            let slot = target.get("slot").and_then(|slot| slot.get("producer"));
            target.get("producer").or(slot)
        });
        if let Some(producer) = producer.and_then(Value::as_str)
            && !self.workers.may_obey(producer)
        {
            let presence = self.workers.get(producer).map(|worker| worker.presence);
            unmet.push(("target", json!(presence)));
        }
        if unmet.is_empty() { Ok(()) } else { Err(ControlError::ExpectationFailed { state: unmet }) }
    }

    fn write_command(&self, wanted: &Wanted<'_>) -> Result<Events, Halt> {
        let Wanted { given, by, facts, .. } = wanted;
        let text = self.begin_event(wanted);
        let copied = |names: &[&str]| {
            let begun = self.begin_event(wanted);
            names.iter().fold(begun, |text, name| text.with_some(name, given.members.get(*name)))
        };
        let text = match given.kind {
            CommandKind::Pause => self.write_pause(text, wanted)?,
            CommandKind::Action => text.with("action", &without_secret(given)),
            CommandKind::Answer => return self.decide_answer(text, wanted),
            CommandKind::Extend => return self.decide_extend(text, wanted),
            CommandKind::Withdraw => {
                self.check_withdrawal(given)?;
                copied(&["withdraws"])
            }
            CommandKind::Take => {
                if let Some(lease) = self.lease.as_ref().filter(|lease| lease.is_held_by(&by.subject)) {
                    return Err(answer(&given.id, CommandState::Done, lease.cursor));
                }
                text.with_some("steal", given.is_true("steal").then_some(true))
            }
            CommandKind::Release => {
                let Some(lease) = self.lease.as_ref().filter(|lease| lease.is_held_by(&by.subject)) else {
                    let holder = self.lease.as_ref().map(|lease| lease.holder.clone());
                    return Err(ControlError::LeaseLost { holder }.into());
                };
                let text = EventText::new(given.kind.event(), facts).with("lease", &lease.cursor);
                let text = text.with("reason", "released").with("commandId", &given.id).with("by", by);
                text.with("digest", &format!("{:032x}", given.digest))
            }
            CommandKind::Cancel => copied(&["testId", "reason"]),
            CommandKind::Hold => copied(&["when"]),
            CommandKind::Instructions => copied(&["instructions", "mode"]),
            CommandKind::RunTo => copied(&["location"]),
            CommandKind::Override => copied(&["action"]),
            CommandKind::Replay => copied(&["stepNumber", "stepId"]),
            CommandKind::Resume | CommandKind::Step => text,
        };
        Ok(vec![text.done()])
    }

    /// The members that the events of all commands have.
    fn begin_event(&self, wanted: &Wanted<'_>) -> EventText {
        let Wanted { given, by, facts, target } = wanted;
        let lease = self.lease.as_ref().filter(|lease| lease.is_held_by(&by.subject)).map(|lease| lease.cursor);
        let text = EventText::new(given.kind.event(), facts).with("commandId", &given.id).with("by", by);
        let text = text.with_some("lease", lease).with_some("expect", given.expect.as_ref());
        let text = text.with("digest", &format!("{:032x}", given.digest)).with_some("target", target.as_ref());
        let ends = given.kind.sort() == Sort::Act;
        text.with_some("expiresAt", ends.then(|| facts.now.plus_millis(given.expires_ms)))
    }

    /// A pause is as long as it may be: not longer than one pause, nor than what is left of all.
    fn write_pause(&self, text: EventText, wanted: &Wanted<'_>) -> Result<EventText, ControlError> {
        let Wanted { given, facts, .. } = wanted;
        let until = match &self.pause.open {
            Some(paused) => paused.until,
            None => {
                let left = facts.limits.max_pause_total_ms.saturating_sub(self.pause.total_ms);
                if left <= 0 {
                    return Err(ControlError::PauseSpent);
                }
                let asked = given.integer("maxSecs").map_or(i64::MAX, |secs| secs as i64 * 1_000);
                facts.now.plus_millis(asked.min(facts.limits.max_pause_ms).min(left))
            }
        };
        let secs = (millis_until(until, facts).max(0) as u64).div_ceil(1_000);
        let text = text.with("expiresAt", &until).with("maxSecs", &secs);
        Ok(text.with_some("now", given.is_true("now").then_some(true)))
    }

    fn check_withdrawal(&self, given: &GivenCommand) -> Result<(), ControlError> {
        let id = given.text("withdraws").unwrap_or_default();
        let known = self.commands.known(id).ok_or(ControlError::CommandUnknown)?;
        match self.commands.get(id) {
            Some(command) if command.may_be_withdrawn() => Ok(()),
            Some(command) if command.state == CommandState::Queued => {
                Err(ControlError::CommandClaimed { state: CommandState::Done, producer: None })
            }
            command => Err(ControlError::CommandClaimed {
                state: known.state,
                producer: command.and_then(|command| command.claim.as_ref()).map(|claim| claim.producer.clone()),
            }),
        }
    }
}

/// Milliseconds from now.
pub(super) fn millis_until(time: Timestamp, facts: &Facts<'_>) -> i64 {
    time.as_millis().saturating_sub(facts.now.as_millis())
}

/// A command's answer.
fn answer(id: &Arc<str>, state: CommandState, cursor: Cursor) -> Halt {
    Halt::Answer(Answer::Command(CommandAnswer { command_id: id.clone(), state, cursor }))
}

/// The action, which says that there is a secret instead of having its MAC.
fn without_secret(given: &GivenCommand) -> Value {
    let mut action = given.members.get("action").cloned().unwrap_or_default();
    if let Some(action) = action.as_object_mut()
        && action.remove(SECRET_MAC).is_some()
    {
        action.insert("secret".to_owned(), Value::Bool(true));
    }
    action
}
