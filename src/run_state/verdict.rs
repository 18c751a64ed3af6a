//! The run's status as its producers make it, by the rules that the journal's head has it by (`protocol::verdict`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::protocol::event::stamp::Shard;
use crate::protocol::status::RunStatus;
use crate::protocol::verdict::{ProducerState, verdict};

/// Most producers that are kept; a run has no more (`journal::MAX_PRODUCERS`).
const MAX_PRODUCERS: usize = 1_000;

/// How the producers stand that have joined as workers, and the run with them.
#[derive(Clone, Debug, Default)]
pub(super) struct StatusFold {
    states: BTreeMap<Arc<str>, ProducerState>,
    status: Option<RunStatus>,
}

impl StatusFold {
    /// The run's status.
    pub(super) fn status(&self) -> Option<RunStatus> {
        self.status
    }

    /// About how many bytes it takes.
    pub(super) fn held_bytes(&self) -> usize {
        self.states.len() * (size_of::<ProducerState>() + 128)
    }

    /// A producer joins, with the shard that it announces; whether that counts.
    pub(super) fn joined(&mut self, producer: &str, shard: Option<Shard>) -> bool {
        let counts = self.states.len() < MAX_PRODUCERS || self.states.contains_key(producer);
        if counts {
            let replaced = self.states.values_mut().filter(|state| state.gives_way_to(shard.as_ref()));
            replaced.for_each(|state| *state = ProducerState::replaced());
            self.states.insert(producer.into(), ProducerState::joined(shard));
            self.judge();
        }
        counts
    }

    /// A producer leaves; whether that counts.
    pub(super) fn left(&mut self, producer: &str) -> bool {
        let Some(state) = self.states.get_mut(producer).filter(|state| state.joined) else { return false };
        *state = state.ended();
        self.judge();
        true
    }

    /// A `run_status`; whether it counts. `None`: the server's own, which is the run's, or one that is older than workers.
    pub(super) fn posted(&mut self, producer: Option<&str>, status: RunStatus) -> bool {
        let Some(producer) = producer.filter(|_| !self.states.is_empty()) else {
            self.states.values_mut().filter(|state| state.joined).for_each(|state| *state = state.ended());
            self.status = Some(status);
            return true;
        };
        let Some(state) = self.states.get_mut(producer).filter(|state| state.joined) else { return false };
        state.status = Some(status);
        self.judge();
        true
    }

    /// Shards that have not joined are not waited for any more; whether that counts.
    pub(super) fn give_up_shards(&mut self) -> bool {
        self.states.values_mut().for_each(|state| state.shard = None);
        let counts = !self.status.is_some_and(RunStatus::is_final);
        if counts {
            self.judge();
        }
        counts
    }

    fn judge(&mut self) {
        self.status = verdict(self.states.values()).or(self.status);
    }
}
