//! The producers of a run that have joined as workers, and what they say of themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::members::Members;
use crate::control::kind::CommandKind;
use crate::protocol::event::stamp::Shard;
use crate::protocol::status::RunStatus;
use crate::protocol::variant::MAX_VARIANT_BYTES;
use crate::protocol::verdict::{self, ProducerState};
use crate::protocol::{Cursor, Timestamp, Variant};

/// Most producers that are kept; a run has no more (`journal::MAX_PRODUCERS`).
const MAX_WORKERS: usize = 1_000;
/// Most kinds of commands that a producer says it obeys.
const MAX_CAN: usize = 64;
/// Most bytes of the name of one of them.
const MAX_CAN_BYTES: usize = 64;

/// Whether a producer obeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::control) enum WorkerPresence {
    /// It has joined.
    Joined,
    /// It has joined, and was not heard for a while.
    Silent,
    /// It was not heard for so long that it is given up.
    Lost,
    /// It has left, or another took its shard, or the run has ended.
    Left,
}

/// A producer that has joined.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::control) struct Worker {
    pub(in crate::control) presence: WorkerPresence,
    /// What it obeys; `None`: it has not said.
    pub(in crate::control) can: Option<Arc<BTreeSet<Arc<str>>>>,
    pub(in crate::control) slots: Option<u64>,
    /// `None`: it has announced none.
    pub(in crate::control) variant: Option<Variant>,
    pub(in crate::control) state: ProducerState,
    /// The event by which it joined.
    pub(in crate::control) joined: Cursor,
    pub(in crate::control) joined_at: Timestamp,
    /// Its last control event, or the server's `back`.
    pub(in crate::control) heard_at: Timestamp,
    /// When it was found silent.
    pub(in crate::control) silent_at: Option<Timestamp>,
    /// When its own end came.
    pub(in crate::control) ended_at: Option<Timestamp>,
}

/// The producers, and the run's status as it follows from theirs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::control) struct Workers {
    all: BTreeMap<Arc<str>, Worker>,
    status: Option<RunStatus>,
    /// When shards that have not joined were first the only thing that is waited for.
    waits_since: Option<Timestamp>,
}

impl Worker {
    /// Whether commands are for it: it has joined, and not ended.
    pub(in crate::control) fn is_living(&self) -> bool {
        matches!(self.presence, WorkerPresence::Joined | WorkerPresence::Silent) && self.state.is_open()
    }

    /// Whether it obeys commands of this type. One that pauses also goes on.
    pub(in crate::control) fn can(&self, command: &str) -> bool {
        let can = |command| self.can.as_ref().is_none_or(|can| can.contains(command));
        can(command) || command == CommandKind::Resume.as_str() && can(CommandKind::Pause.as_str())
    }
}

impl Workers {
    pub(in crate::control) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(in crate::control) fn get(&self, producer: &str) -> Option<&Worker> {
        self.all.get(producer)
    }

    pub(in crate::control) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Worker)> {
        self.all.iter()
    }

    pub(in crate::control) fn living(&self) -> impl Iterator<Item = (&Arc<str>, &Worker)> {
        self.iter().filter(|(_, worker)| worker.is_living())
    }

    /// Whether this producer may obey: it has joined, or none has.
    pub(in crate::control) fn may_obey(&self, producer: &str) -> bool {
        self.is_empty() || self.get(producer).is_some_and(Worker::is_living)
    }

    /// The run's status, as far as the control events say.
    pub(in crate::control) fn status(&self) -> Option<RunStatus> {
        self.status
    }

    /// Since when only shards that have not joined are waited for.
    pub(in crate::control) fn waits_for_shards_since(&self) -> Option<Timestamp> {
        self.waits_since
    }

    fn states(&self) -> impl Iterator<Item = &ProducerState> + Clone {
        self.all.values().map(|worker| &worker.state)
    }

    fn judge(&mut self, at: Timestamp) {
        self.status = verdict::verdict(self.states()).or(self.status);
        let waits = !self.states().any(ProducerState::is_open) && verdict::waits_for_shards(self.states());
        self.waits_since = waits.then(|| self.waits_since.unwrap_or(at));
    }

    /// One joins; the producers that are gone because of it: those that had its shard.
    pub(super) fn join(&mut self, id: &Arc<str>, event: &Members<'_>, at: Timestamp, cursor: Cursor) -> Vec<Arc<str>> {
        if self.all.len() >= MAX_WORKERS && !self.all.contains_key(id) {
            return Vec::new();
        }
        // The journal keeps it as it was posted, an empty one too.
        let announced: Option<Arc<str>> =
            event.get::<String>("variant").filter(|text| text.len() <= MAX_VARIANT_BYTES).map(Arc::from);
        let shard = event.object("shard").and_then(|shard| {
            let (current, total) = (shard.whole("current")?, shard.whole("total")?);
            Some(Shard { variant: announced.clone(), current, total })
        });
        let shard =
            shard.filter(|shard| (1..=1_000).contains(&shard.total) && (1..=shard.total).contains(&shard.current));
        let can: Option<Vec<&serde_json::value::RawValue>> = event.get("can");
        let can = can.map(|can| {
            let names = can.into_iter().filter_map(|name| serde_json::from_str::<String>(name.get()).ok());
            Arc::new(names.filter(|name| name.len() <= MAX_CAN_BYTES).take(MAX_CAN).map(Arc::from).collect())
        });
        let variant = self.variant_of(id, announced.as_deref(), shard.is_some());
        let mut replaced = Vec::new();
        let others = self.all.iter_mut().filter(|(other, _)| *other != id);
        for (other, worker) in others.filter(|(_, worker)| worker.state.gives_way_to(shard.as_ref())) {
            worker.presence = WorkerPresence::Left;
            worker.state = ProducerState::replaced();
            replaced.push(other.clone());
        }
        let worker = Worker {
            presence: WorkerPresence::Joined,
            can,
            slots: event.whole("slots"),
            variant,
            state: ProducerState::joined(shard),
            joined: cursor,
            joined_at: at,
            heard_at: at,
            silent_at: None,
            ended_at: None,
        };
        self.all.insert(id.clone(), worker);
        self.judge(at);
        replaced
    }

    /// The variant of one that joins.
    fn variant_of(&self, id: &Arc<str>, announced: Option<&str>, has_shard: bool) -> Option<Variant> {
        let others = self.all.iter().filter(|(other, _)| *other != id);
        let others = others.filter_map(|(_, worker)| Some((worker.variant.as_ref()?, worker.is_living())));
        let before = self.get(id).and_then(|worker| worker.variant.as_ref());
        Variant::of_joining(announced, has_shard, before, others)
    }

    /// One leaves; whether it was there.
    pub(super) fn leave(&mut self, id: &str, at: Timestamp) -> bool {
        let Some(worker) = self.all.get_mut(id).filter(|worker| worker.state.joined) else { return false };
        worker.state = worker.state.ended();
        worker.presence = WorkerPresence::Left;
        worker.ended_at = Some(at);
        self.judge(at);
        true
    }

    /// The server says how one stands; whether it obeys no more because of it.
    pub(super) fn stands(&mut self, id: &str, status: &str, at: Timestamp) -> bool {
        let Some(worker) = self.all.get_mut(id).filter(|worker| worker.is_living()) else { return false };
        match status {
            "silent" => {
                worker.presence = WorkerPresence::Silent;
                worker.silent_at = Some(at);
            }
            "back" => {
                worker.presence = WorkerPresence::Joined;
                worker.heard_at = worker.heard_at.max(at);
            }
            "lost" => {
                worker.presence = WorkerPresence::Lost;
                return true;
            }
            _ => {}
        }
        false
    }

    /// One has posted a control event.
    pub(super) fn heard(&mut self, id: &str, at: Timestamp) {
        if let Some(worker) = self.all.get_mut(id) {
            worker.heard_at = worker.heard_at.max(at);
            if worker.presence == WorkerPresence::Silent {
                worker.presence = WorkerPresence::Joined;
            }
        }
    }

    /// One reports its status, or, without workers, anybody; whether a worker has ended with it.
    pub(super) fn report(&mut self, id: &str, status: RunStatus, at: Timestamp) -> bool {
        if self.all.is_empty() {
            self.status = Some(status);
        }
        let Some(worker) = self.all.get_mut(id).filter(|worker| worker.state.joined) else { return false };
        worker.state.status = Some(status);
        worker.ended_at = status.is_final().then_some(at);
        self.judge(at);
        status.is_final()
    }

    /// The server's word is the run's status, and ends all producers.
    pub(super) fn set_status(&mut self, status: RunStatus, at: Timestamp) {
        if status.is_final() {
            for worker in self.all.values_mut().filter(|worker| worker.state.joined) {
                worker.state = worker.state.ended();
                worker.ended_at.get_or_insert(at);
            }
            self.waits_since = None;
        }
        self.status = Some(status);
    }

    /// The run has ended: nobody obeys any more.
    pub(super) fn end(&mut self) {
        // The server's word has ended the states of all: nobody lives any more, and yet they were there.
        let is_there = |worker: &Worker| matches!(worker.presence, WorkerPresence::Joined | WorkerPresence::Silent);
        let goes = |worker: &&mut Worker| is_there(worker) && (worker.state.is_open() || !worker.state.joined);
        for worker in self.all.values_mut().filter(goes) {
            worker.presence = WorkerPresence::Left;
        }
    }

    /// Shards that have not joined are waited for no more.
    pub(super) fn give_up_shards(&mut self, at: Timestamp) {
        for worker in self.all.values_mut() {
            worker.state.shard = None;
        }
        // How a run ended may be the server's word.
        if !self.status.is_some_and(RunStatus::is_final) {
            self.judge(at);
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.all.len() * (size_of::<Worker>() + 256)
    }
}
