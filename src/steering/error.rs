//! Why somebody does not get what they want of a run's control: one table for all ways in.

use serde_json::{Map, Value};

use crate::actors::messages::registry::FindError;
use crate::actors::messages::room::{ReadError, SteerError};
use crate::control::ControlError;
use crate::protocol::message::ClientMessage;

/// A code that a request to steer may be refused with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SteeringCode {
    /// The stable name.
    pub code: &'static str,
    /// The HTTP status that goes with it.
    pub status: u16,
    /// When it is told, in one sentence.
    pub doc: &'static str,
}

/// Declares the codes, a row for each.
macro_rules! codes {
    ($($status:literal $code:literal $doc:literal)+) => {
        /// Every code, by status.
        pub const STEERING_CODES: &[SteeringCode] = &[$(SteeringCode { code: $code, status: $status, doc: $doc },)+];
    };
}

codes! {
    400 "invalid_command" "A member of the command is missing, unknown, or of another kind: `field` names it."
    400 "invalid_claim_key" "`Runcast-Claim-Key` is missing, or not 128 bits in hexadecimal digits or base64url."
    403 "insufficient_scope" "The credential does not have the scope `control` of this run."
    404 "run_not_found" "The run has no event: commands create nothing."
    404 "command_unknown" "The run has no such command."
    404 "ask_unknown" "The run has no such question."
    409 "lease_held" "Another one has control of the run: `holder` says who."
    409 "lease_lost" "The lease that the command names is not the run's any more."
    409 "human_in_control" "A person has control of the run or has paused it, and an agent must not do this meanwhile."
    409 "command_claimed" "Another producer has claimed the command."
    409 "command_conflict" "The run has another command with this `commandId`."
    409 "target_needed" "More than one producer has joined: `target` must say which one is meant."
    409 "nobody_obeys" "No producer that has joined, and that the act is for, says that it obeys such a command."
    409 "target_unknown" "No producer that has joined is or runs what `target` names."
    409 "run_ended" "The run has ended, or is sealed."
    409 "expectation_failed" "The run is not as `expect` says: `state` says how it is."
    409 "pause_spent" "The run has paused for as long as it may altogether: `control.max_pause_total_secs`."
    409 "already_answered" "The question has an answer, or has ended without one."
    409 "no_signing_key" "The server has no key that secrets could be kept under: `objects.signing_key`."
    410 "command_expired" "Nobody claimed the command in its time."
    410 "secret_lost" "The secret that belongs to the command is gone: it was handed out for long enough, or lost."
    410 "run_gone" "The run has expired."
    413 "command_too_large" "The command has more than 16 KiB."
    429 "too_many_commands" "There were too many commands, of this sender or in this run; with `Retry-After` if it passes."
    503 "contended" "Others decided faster, again and again; nothing was stored."
    503 "saturated" "The node has as much in hand as it may; nothing was stored."
    503 "room_failed" "The run's room failed; nothing was stored."
    503 "journal_unavailable" "The journal is away; nothing was stored."
    503 "secrets_unavailable" "Secrets can't be put away or fetched now; nothing was stored."
    503 "outcome_unknown" "It may have come true or not: repeating it with the same `commandId` tells."
}

/// A refusal: nothing was stored, except where the code says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct SteeringError {
    /// The stable name, one of [`STEERING_CODES`].
    pub code: &'static str,
    /// The refusal in words; it names the member or the limit.
    pub detail: String,
    /// When it may be tried again, in seconds.
    pub retry_after_secs: Option<u64>,
    /// What else there is to say: members of the problem document, `details` on a WebSocket.
    pub members: Map<String, Value>,
}

impl SteeringError {
    /// A refusal with one of [`STEERING_CODES`]. Those that pass by themselves may be tried again after a second.
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        let retry_after_secs = (status(code) == 503).then_some(1);
        Self { code, detail: detail.into(), retry_after_secs, members: Map::new() }
    }

    /// A member of a command that is not as it must be.
    pub fn invalid(field: &str, reason: impl std::fmt::Display) -> Self {
        Self::new("invalid_command", format!("{field}: {reason}")).with("field", field)
    }

    /// Adds something that there is to say besides.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The HTTP status of the refusal.
    pub fn status(&self) -> u16 {
        status(self.code)
    }

    /// The refusal of a command that finds no room on the node; it names the command if that can be read.
    pub fn saturated_for(command: &str) -> Self {
        match ClientMessage::command_id(command) {
            Some(id) => Self::saturated().with("commandId", &*id),
            None => Self::saturated(),
        }
    }

    /// The refusal of a command of somebody who may not steer the run; it names the command if that can be read.
    pub fn not_permitted(command: &str) -> Self {
        let refused = Self::new("insufficient_scope", "this credential does not have the scope control of this run");
        match ClientMessage::command_id(command) {
            Some(id) => refused.with("commandId", &*id),
            None => refused,
        }
    }

    /// A room answered what was not asked.
    pub(super) fn unexpected() -> Self {
        Self::new("outcome_unknown", "the run's room failed; repeating it tells")
    }

    pub(super) fn saturated() -> Self {
        Self::new("saturated", "the node has as much in hand as it may; nothing was stored")
    }
}

/// The HTTP status of a code.
fn status(code: &str) -> u16 {
    STEERING_CODES.iter().find(|known| known.code == code).map_or(409, |known| known.status)
}

impl From<ControlError> for SteeringError {
    fn from(error: ControlError) -> Self {
        let refusal = Self::new(error.code(), error.to_string());
        error.details().into_iter().fold(refusal, |refusal, (name, value)| refusal.with(name, value))
    }
}

impl From<SteerError> for SteeringError {
    fn from(error: SteerError) -> Self {
        let detail = error.to_string();
        match error {
            SteerError::Refused(error) => error.into(),
            SteerError::Contended => Self::new("contended", detail),
            SteerError::Saturated | SteerError::Retired => Self::saturated(),
            SteerError::Unavailable(reason) => Self::new("journal_unavailable", format!("not stored: {reason}")),
            SteerError::OutcomeUnknown(reason) => {
                Self::new("outcome_unknown", format!("may be stored; repeating it tells ({reason})"))
            }
        }
    }
}

impl From<FindError> for SteeringError {
    fn from(error: FindError) -> Self {
        let detail = error.to_string();
        match error {
            FindError::Quarantined { retry_after_ms } => {
                let secs = retry_after_ms.div_ceil(1000).max(1);
                Self { retry_after_secs: Some(secs), ..Self::new("room_failed", detail) }
            }
            FindError::TooManyRooms(_) => Self::new("saturated", detail),
        }
    }
}

impl From<ReadError> for SteeringError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(reason) => Self::new("journal_unavailable", reason),
            ReadError::Retired => Self::saturated(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_about_the_protocol_has_every_code() {
        let page = include_str!("../../docs/protocol.md");
        for SteeringCode { code, status, doc } in STEERING_CODES {
            let row = format!("| {status} | `{code}` | {doc} |");
            assert!(page.contains(&row), "docs/protocol.md lacks {row}");
        }
    }
}
