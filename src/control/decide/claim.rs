//! Claims: exactly one producer does an act.

use super::command::millis_until;
use super::event::EventText;
use super::{Events, Halt, has_ended, must_be_there};
use crate::control::fold::KeptCommand;
use crate::control::{Answer, ClaimAnswer, ClaimRequest, CommandState, ControlError, ControlState, Facts};
use crate::protocol::ServerEvent;

impl ControlState {
    pub(super) fn decide_claim(&self, request: &ClaimRequest, facts: &Facts<'_>) -> Result<Events, Halt> {
        must_be_there(facts)?;
        let ClaimRequest { command_id, producer, key_hash } = request;
        let known = self.commands.known(command_id).ok_or(ControlError::CommandUnknown)?;
        let Some(command) = self.commands.get(command_id) else { return Err(ended(known.state).into()) };
        if !command.is_claimable() {
            let reason = "is obeyed by everybody that it is for, and claimed by nobody".into();
            return Err(ControlError::Invalid { field: "commandId".into(), reason }.into());
        }
        if let Some(claim) = &command.claim {
            let is_its = claim.producer == *producer && claim.key_hash.as_ref() == Some(key_hash);
            if !is_its || matches!(command.state, CommandState::Interrupted | CommandState::Expired) {
                let claimed =
                    ControlError::CommandClaimed { state: command.state, producer: Some(claim.producer.clone()) };
                return Err(if is_its { ended(command.state) } else { claimed }.into());
            }
            let Some(event) = command.event.raw() else { return Err(ControlError::CommandUnknown.into()) };
            let has_secret = command.has_secret && command.state == CommandState::Accepted;
            return Err(Halt::Answer(Answer::Claim(ClaimAnswer { claim: claim.cursor, command: event, has_secret })));
        }
        if command.state != CommandState::Queued {
            return Err(ended(command.state).into());
        }
        if has_ended(facts) {
            return Err(ControlError::RunEnded.into());
        }
        if is_late(command, facts) {
            return Ok(vec![expired(command, facts)]);
        }
        if !command.is_for(producer, &self.asks) || !self.workers.may_obey(producer) {
            return Err(ControlError::NotForProducer.into());
        }
        let text = EventText::new(ServerEvent::CommandStatus, facts).with("commandId", &command.id);
        let text = text.with("status", "accepted").with("producer", producer).with("keyHash", key_hash);
        Ok(vec![text.with("expiresAt", &facts.now.plus_millis(facts.limits.run_ms)).done()])
    }
}

/// Why something that has ended can't be claimed.
fn ended(state: CommandState) -> ControlError {
    match state {
        CommandState::Expired | CommandState::Withdrawn | CommandState::Superseded | CommandState::Interrupted => {
            ControlError::CommandExpired { state }
        }
        _ => ControlError::CommandClaimed { state, producer: None },
    }
}

/// Whether nobody may claim it any more.
pub(super) fn is_late(command: &KeptCommand, facts: &Facts<'_>) -> bool {
    !facts.holds_time && command.expires_at.is_some_and(|expires_at| millis_until(expires_at, facts) <= 0)
}

/// Nobody has claimed it in time.
pub(super) fn expired(command: &KeptCommand, facts: &Facts<'_>) -> (ServerEvent, bytes::Bytes) {
    EventText::new(ServerEvent::CommandExpired, facts).with("commandId", &command.id).done()
}
