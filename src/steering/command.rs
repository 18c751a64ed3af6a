//! Commands of viewers, agents and services.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::draft::Draft;
use super::error::SteeringError;
use super::observe::Questions;
use super::service::{AskRefusal, Steering, shows_the_run};
use crate::actors::messages::room::{Fold, Folded, ReadError};
use crate::audit::{AuditAction, AuditEntry};
use crate::budget::Buffer;
use crate::control::{Answer, CommandAnswer, CommandRequest, CommandState, ControlError, ControlRequest, Observed};
use crate::protocol::message::ServerMessage;
use crate::protocol::{Principal, RunId, Sign, StatePart};

/// The sign of life of whoever has control, which is decided without the run's log.
const RENEWAL: &str = "renew_control";

impl Steering {
    /// Gives a command to a run: the JSON object as it was sent. It is durable when it is answered, and may be repeated
    /// with its `commandId`.
    ///
    /// # Errors
    /// [`SteeringError`], with the `commandId` if it could be read.
    pub async fn command(&self, run: &RunId, by: &Principal, json: &[u8]) -> Result<CommandAnswer, SteeringError> {
        let answer = self.take(run, by, json).await;
        let outcome = answer.as_ref().map_or_else(|error| error.code, |_| "taken");
        metrics::counter!("runcast_commands_total", "via" => by.via.as_str(), "outcome" => outcome).increment(1);
        answer
    }

    async fn take(&self, run: &RunId, by: &Principal, json: &[u8]) -> Result<CommandAnswer, SteeringError> {
        let draft = Draft::read(json)?;
        let (id, kind) = (draft.id.clone(), draft.kind().to_owned());
        let decided = self.decide(run, by, draft).await;
        // Whoever has control says so again and again.
        if decided.is_ok() && kind != RENEWAL {
            AuditEntry::of(AuditAction::Command).by(Some(by)).run(Some(run)).item(&id).outcome(&kind).write();
        }
        decided.map_err(|error| if id.is_empty() { error } else { error.with("commandId", &*id) })
    }

    async fn decide(&self, run: &RunId, by: &Principal, draft: Draft) -> Result<CommandAnswer, SteeringError> {
        self.shared.rates.take(run, &by.subject, Instant::now()).map_err(too_many)?;
        if draft.kind() == RENEWAL {
            return self.renew(run, by, &draft).await;
        }
        let observed = self.observe(run, &draft).await?;
        let draft = self.put_action_away(run, draft).await?;
        match self.give(run, by, &draft, &observed).await {
            Err(AskRefusal::Control(ControlError::SecretNeeded)) => {
                let draft = self.put_answer_away(run, &draft).await?;
                let given = self.give(run, by, &draft, &observed).await;
                Ok(self.without_refused_secret(run, &draft, given).await?)
            }
            // The same answer may have been given when its value was a secret.
            Err(AskRefusal::Control(ControlError::Conflict)) => match self.answer_with_mac(run, &draft)? {
                Some(draft) => Ok(self.give(run, by, &draft, &observed).await?),
                None => Err(ControlError::Conflict.into()),
            },
            given => Ok(self.without_refused_secret(run, &draft, given).await?),
        }
    }

    async fn give(
        &self,
        run: &RunId,
        by: &Principal,
        draft: &Draft,
        observed: &Observed,
    ) -> Result<CommandAnswer, AskRefusal> {
        let request = CommandRequest { command: draft.json.clone(), by: by.clone(), observed: observed.clone() };
        let given = self.try_ask(run, ControlRequest::Command(request), None).await;
        if shows_the_run(&given) {
            self.seen(run, by);
        }
        match given? {
            (Answer::Command(answer), _) => Ok(answer),
            _ => Err(SteeringError::unexpected().into()),
        }
    }

    fn seen(&self, run: &RunId, by: &Principal) {
        self.shared.signs.touch(run, Sign::Subject(by.subject.clone()));
    }

    /// The holder of the lease is still there; refused when it does not hold it.
    async fn renew(&self, run: &RunId, by: &Principal, draft: &Draft) -> Result<CommandAnswer, SteeringError> {
        let view = self.look(run, false).await?;
        match view.lease() {
            Some((lease, holder)) if holder.subject == by.subject => {
                self.seen(run, by);
                Ok(CommandAnswer { command_id: draft.id.clone(), state: CommandState::Done, cursor: lease })
            }
            lease => Err(ControlError::LeaseLost { holder: lease.map(|(_, holder)| holder.clone()) }.into()),
        }
    }

    /// What the run's state says about what the command expects of it.
    async fn observe(&self, run: &RunId, draft: &Draft) -> Result<Observed, SteeringError> {
        let questions = Questions::of(&draft.members);
        if questions.is_empty() {
            return Ok(Observed::default());
        }
        // It is never closed.
        let _permit = self.shared.states.acquire().await.map_err(|_| SteeringError::saturated())?;
        let state = self.state(run, &StatePart::Find(questions.tests())).await?;
        questions.answer(&state.share().concat()).map_err(|_| SteeringError::unexpected())
    }

    /// A part of the run's state as JSON.
    async fn state(&self, run: &RunId, part: &StatePart) -> Result<Arc<Buffer>, SteeringError> {
        for _ in 0..2 {
            let room = self.room(run).await?;
            let (reply, folded) = oneshot::channel();
            match room.fold.try_send(Fold { part: part.clone(), reply }) {
                Ok(()) => {}
                Err(actix::dev::SendError::Full(_)) => return Err(SteeringError::saturated()),
                Err(actix::dev::SendError::Closed(_)) => continue,
            }
            match folded.await {
                Ok(Ok(Folded { text, .. })) => return text.ok_or_else(SteeringError::saturated),
                Ok(Err(ReadError::Retired)) | Err(_) => {}
                Ok(Err(error)) => return Err(error.into()),
            }
        }
        Err(SteeringError::saturated())
    }
}

fn too_many(wait: Duration) -> SteeringError {
    let secs = wait.as_millis().div_ceil(1000).max(1) as u64;
    let detail = "more commands of one sender to one run than control.commands_per_sec and control.command_burst allow";
    SteeringError { retry_after_secs: Some(secs), ..SteeringError::new("too_many_commands", detail) }
}

/// The answer to a command as a viewer on a WebSocket is told it: the same as by HTTP.
pub fn command_message(decided: Result<CommandAnswer, SteeringError>) -> ServerMessage {
    match decided {
        Ok(CommandAnswer { command_id, state, cursor }) => ServerMessage::Command {
            command_id: Some(command_id),
            state: Some(state.as_str()),
            cursor: Some(cursor),
            code: None,
            error: None,
            details: None,
            retry_after_ms: None,
        },
        Err(SteeringError { code, detail, retry_after_secs, mut members }) => {
            let id = members.remove("commandId");
            ServerMessage::Command {
                command_id: id.as_ref().and_then(|id| id.as_str()).map(Arc::from),
                state: None,
                cursor: None,
                code: Some(code),
                error: Some(detail.into()),
                details: (!members.is_empty()).then(|| Box::new(members)),
                retry_after_ms: retry_after_secs.map(|secs| secs * 1_000),
            }
        }
    }
}
