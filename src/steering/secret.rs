//! Secrets in commands: a value to type, the answer to a question for a credential. They are put away before the command
//! is stored, which has their MAC in their place.
//!
//! Whether an answer is a secret is known where it is decided: the room refuses to store the value of one that is
//! ([`ControlError::SecretNeeded`](crate::control::ControlError)), and it comes again without.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::draft::Draft;
use super::error::SteeringError;
use super::service::{AskRefusal, Steering};
use crate::control::{ControlError, ControlRequest};
use crate::protocol::RunId;
use crate::storage::secrets::{SecretError, SecretValue};

/// The member that stands for a secret.
const MAC: &str = "secretMac";
/// Longest time that an act waits for a producer, in seconds.
const MAX_ACT_SECS: u64 = 3_600;
/// The same if the command does not say.
const ACT_SECS: u64 = 60;
/// How much longer than its act may last a secret is kept, in seconds.
const SLACK_SECS: u64 = 60;
/// How long the secret that answers a question is kept: longer than any question may be open, and its worker may take.
const ANSWER_SECS: u64 = 25 * 3_600;

/// A command's secret, and the command with a MAC in its place.
struct Taken {
    value: SecretValue,
    /// The members without it.
    members: Map<String, Value>,
    /// Whether it was in `action`.
    of_action: bool,
}

impl Taken {
    /// The value to type of a `manual_action`, if it is a secret.
    fn of_action(members: &Map<String, Value>) -> Result<Option<Self>, SteeringError> {
        let mut members = members.clone();
        let Some(Value::Object(action)) = members.get_mut("action") else { return Ok(None) };
        match action.remove("secret") {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(Self { value: SecretValue::new(&text), members, of_action: true })),
            Some(_) => Err(SteeringError::invalid("action.secret", "must be a text")),
        }
    }

    /// The value of an `answer`.
    fn of_answer(members: &Map<String, Value>) -> Result<Option<Self>, SteeringError> {
        let mut members = members.clone();
        match members.remove("value") {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(Self { value: SecretValue::new(&text), members, of_action: false })),
            Some(_) => Err(SteeringError::invalid("value", "must be a text: the question is for a credential")),
        }
    }

    fn with_mac(mut self, mac: String) -> Map<String, Value> {
        let place = match self.of_action {
            true => self.members.get_mut("action").and_then(Value::as_object_mut),
            false => Some(&mut self.members),
        };
        if let Some(place) = place {
            place.insert(MAC.to_owned(), mac.into());
        }
        self.members
    }
}

impl Draft {
    /// Whether it had a secret, in whose place there is a MAC.
    fn has_secret(&self) -> bool {
        let action = self.members.get("action");
        self.members.contains_key(MAC) || action.is_some_and(|action| action.get(MAC).is_some())
    }
}

impl Steering {
    /// Puts the secret of a `manual_action` away, if it has one.
    pub(super) async fn put_action_away(&self, run: &RunId, draft: Draft) -> Result<Draft, SteeringError> {
        if draft.has_secret() {
            return Err(SteeringError::invalid(MAC, "is the server's own"));
        }
        match draft.kind() {
            "manual_action" => match Taken::of_action(&draft.members)? {
                Some(taken) => {
                    let secs = draft.members.get("expiresInSecs").and_then(Value::as_u64);
                    let secs = secs.unwrap_or(ACT_SECS).min(MAX_ACT_SECS) + self.shared.run_secs + SLACK_SECS;
                    self.put(run, &draft, taken, secs).await
                }
                None => Ok(draft),
            },
            _ => Ok(draft),
        }
    }

    /// Puts the value of an `answer` away: its question is for a credential.
    pub(super) async fn put_answer_away(&self, run: &RunId, draft: &Draft) -> Result<Draft, SteeringError> {
        match Taken::of_answer(&draft.members)? {
            Some(taken) => self.put(run, draft, taken, ANSWER_SECS).await,
            None => Ok(draft.clone()),
        }
    }

    /// The same `answer` as it was decided if its value was a secret then; `None` for any other command.
    pub(super) fn answer_with_mac(&self, run: &RunId, draft: &Draft) -> Result<Option<Draft>, SteeringError> {
        if draft.kind() != "answer" || !draft.members.get("value").is_some_and(Value::is_string) {
            return Ok(None);
        }
        let Some(taken) = Taken::of_answer(&draft.members)? else { return Ok(None) };
        let mac = self.shared.secrets.mac(run, &draft.id, &taken.value)?;
        Ok(Some(draft.with_members(taken.with_mac(mac))))
    }

    async fn put(&self, run: &RunId, draft: &Draft, taken: Taken, secs: u64) -> Result<Draft, SteeringError> {
        if draft.id.is_empty() {
            return Err(SteeringError::invalid("commandId", "must be a text"));
        }
        let secrets = &self.shared.secrets;
        let mac = secrets.mac(run, &draft.id, &taken.value)?;
        secrets.put(run, &draft.id, &taken.value, Duration::from_secs(secs)).await?;
        Ok(draft.with_members(taken.with_mac(mac)))
    }

    /// The secret of a command that is refused does not stay. That of one which is in the log does, whatever became of
    /// its repeat: the log knows it by its id before anything else refuses it.
    pub(super) async fn without_refused_secret<T>(
        &self,
        run: &RunId,
        draft: &Draft,
        given: Result<T, AskRefusal>,
    ) -> Result<T, AskRefusal> {
        let is_kept = match &given {
            Ok(_) | Err(AskRefusal::Other(_) | AskRefusal::Control(ControlError::Conflict)) => true,
            Err(AskRefusal::Control(_)) => !draft.has_secret(),
        };
        if !is_kept {
            // One that can't be deleted now goes when its time is over.
            let _ = self.shared.secrets.delete(run, &draft.id).await;
        }
        given
    }

    /// The secret of a command that a producer has claimed. That it is gone is stored: its question is open again.
    pub(super) async fn secret(&self, run: &RunId, command_id: &Arc<str>) -> Result<String, SteeringError> {
        match self.shared.secrets.get(run, command_id).await {
            Ok(secret) => Ok(secret.reveal().to_owned()),
            Err(SecretError::Gone) => {
                self.ask(run, ControlRequest::SecretLost(command_id.clone()), None).await?;
                Err(SecretError::Gone.into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl From<SecretError> for SteeringError {
    fn from(error: SecretError) -> Self {
        let detail = error.to_string();
        match error {
            SecretError::NoKey => Self::new("no_signing_key", detail),
            SecretError::TooLarge => Self::invalid("secret", detail),
            SecretError::Conflict => Self::new("command_conflict", detail),
            SecretError::Gone => Self::new("secret_lost", detail),
            SecretError::Full(_) | SecretError::Unavailable(_) | SecretError::Crypto => {
                Self::new("secrets_unavailable", detail)
            }
        }
    }
}
