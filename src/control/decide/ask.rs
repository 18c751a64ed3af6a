//! Answers to questions, more time for them, and secrets that are lost.

use std::sync::Arc;

use super::command::{Wanted, millis_until};
use super::event::EventText;
use super::{Events, Halt, has_ended, must_be_there};
use crate::control::command::SECRET_MAC;
use crate::control::fold::{Ask, AskState};
use crate::control::{Answer, CommandKind, ControlError, ControlState, Facts};
use crate::protocol::ServerEvent;

/// A question is open for at most 24 h, in milliseconds.
const MAX_OPEN_MS: i64 = 24 * 3_600 * 1_000;
/// How long a question is open again whose answer was lost, at least, and a secret may be fetched. 5 min.
const FETCH_MS: i64 = 300 * 1_000;

impl ControlState {
    /// The question that a command is about, if it is open. One whose time is over ends first.
    fn open_ask(&self, wanted: &Wanted<'_>) -> Result<Result<&Ask, Events>, ControlError> {
        let id = wanted.given.text("askId").unwrap_or_default();
        let ask = self.asks.get(id).ok_or(ControlError::AskUnknown)?;
        let by = match &ask.state {
            AskState::Open if is_over(ask, wanted.facts) => {
                return Ok(Err(vec![expired(ask, "timeout", wanted.facts)]));
            }
            AskState::Open => return Ok(Ok(ask)),
            AskState::Answered { by, .. } => Some(by.clone()),
            AskState::Expired | AskState::Interrupted => None,
        };
        Err(ControlError::AlreadyAnswered { how: ask.state.as_str(), by })
    }

    pub(super) fn decide_answer(&self, text: EventText, wanted: &Wanted<'_>) -> Result<Events, Halt> {
        let given = wanted.given;
        let ask = match self.open_ask(wanted)? {
            Ok(ask) => ask,
            Err(ends) => return Ok(ends),
        };
        if ask.is_for_credential() && given.members.contains_key("value") {
            return Err(ControlError::SecretNeeded.into());
        }
        if let Some(id) = given.text("candidateId")
            && !ask.candidates.iter().any(|candidate| &**candidate == id)
        {
            let (field, reason) = ("candidateId".into(), "is no candidate of the question".into());
            return Err(ControlError::Invalid { field, reason }.into());
        }
        let text = text.with("askId", &ask.id).with("resolution", given.text("resolution").unwrap_or("resolved"));
        let text = text.with_some("value", given.members.get("value"));
        let text = text.with_some("candidateId", given.members.get("candidateId"));
        let text = text.with_some("point", given.members.get("point"));
        if !given.members.contains_key(SECRET_MAC) {
            return Ok(vec![text.done()]);
        }
        let fetch = wanted.facts.now.plus_millis(FETCH_MS);
        let until = ask.expires_at.map_or(fetch, |expires_at| expires_at.max(fetch));
        Ok(vec![text.with("secret", &true).with("expiresAt", &until).done()])
    }

    pub(super) fn decide_extend(&self, text: EventText, wanted: &Wanted<'_>) -> Result<Events, Halt> {
        let ask = match self.open_ask(wanted)? {
            Ok(ask) => ask,
            Err(ends) => return Ok(ends),
        };
        let secs = wanted.given.integer("secs").unwrap_or_default();
        let until = wanted.facts.now.plus_millis(secs as i64 * 1_000).min(ask.at.plus_millis(MAX_OPEN_MS));
        // More time is never less.
        let until = ask.expires_at.map_or(until, |expires_at| expires_at.max(until));
        Ok(vec![text.with("askId", &ask.id).with("expiresAt", &until).done()])
    }

    /// The secret of a command is gone: a question that it answered is open again, an act has failed.
    pub(super) fn decide_secret_lost(&self, id: &Arc<str>, facts: &Facts<'_>) -> Result<Events, Halt> {
        must_be_there(facts)?;
        self.commands.known(id).ok_or(ControlError::CommandUnknown)?;
        let command = self.commands.get(id).filter(|command| command.has_secret && !command.state.is_final());
        let Some(command) = command.filter(|_| !has_ended(facts)) else { return Err(Halt::Answer(Answer::SecretLost)) };
        let ask = command
            .ask_id
            .as_ref()
            .and_then(|id| self.asks.get(id))
            .filter(|ask| matches!(&ask.state, AskState::Answered { command_id, .. } if *command_id == command.id));
        if let Some(ask) = ask.filter(|_| command.kind == CommandKind::Answer) {
            let until = ask.expires_at.unwrap_or(facts.now).max(facts.now.plus_millis(FETCH_MS));
            let text = EventText::new(ServerEvent::AskReopened, facts).with("askId", &ask.id);
            return Ok(vec![text.with("reason", "secret_lost").with("expiresAt", &until).done()]);
        }
        let text = EventText::new(ServerEvent::CommandStatus, facts).with("commandId", &command.id);
        Ok(vec![text.with("status", "failed").with("detail", "its secret is lost").done()])
    }
}

/// Whether a question's time is over.
pub(super) fn is_over(ask: &Ask, facts: &Facts<'_>) -> bool {
    !facts.holds_time && ask.expires_at.is_some_and(|expires_at| millis_until(expires_at, facts) <= 0)
}

/// A question ends without an answer.
pub(super) fn expired(ask: &Ask, reason: &str, facts: &Facts<'_>) -> (ServerEvent, bytes::Bytes) {
    let text = EventText::new(ServerEvent::AskExpired, facts).with("askId", &ask.id).with("reason", reason);
    text.with("action", &ask.on_timeout).with_some("value", ask.value.as_ref()).done()
}
