//! The end of a run on somebody's word.

use super::event::EventText;
use super::must_be_there;
use crate::control::{Answer, ControlError, ControlState, Decision, Facts};
use crate::protocol::ServerEvent;
use crate::protocol::status::RunStatus;
use crate::protocol::verdict::{self, ProducerState};

impl ControlState {
    pub(super) fn decide_finish(&self, status: Option<RunStatus>, facts: &Facts<'_>) -> Decision {
        if let Err(error) = must_be_there(facts) {
            return Decision::Refuse(error);
        }
        if let Some(status) = facts.status.filter(|status| status.is_final()) {
            return Decision::Answer(Answer::Finished(status));
        }
        if facts.is_sealed {
            return Decision::Refuse(ControlError::RunEnded);
        }
        if status.is_some_and(|status| !status.is_final()) {
            let (field, reason) = ("status".into(), "must be one that ends a run".into());
            return Decision::Refuse(ControlError::Invalid { field, reason });
        }
        let status = status.unwrap_or_else(|| self.status_at_end(facts));
        let text = EventText::new(ServerEvent::RunFinished, facts).with("status", &status);
        self.store(vec![text.with("detail", "finished on request").done()], facts, Some(status), false)
    }

    /// What the run's producers make of it if all end now: whoever runs is interrupted, and shards are not waited for.
    fn status_at_end(&self, facts: &Facts<'_>) -> RunStatus {
        let states: Vec<ProducerState> =
            self.workers.iter().map(|(_, worker)| ProducerState { shard: None, ..worker.state.ended() }).collect();
        let verdict = verdict::verdict(states.iter()).filter(|status| status.is_final());
        verdict.unwrap_or(match facts.status {
            Some(RunStatus::Failing) => RunStatus::Failed,
            _ => RunStatus::Interrupted,
        })
    }
}
