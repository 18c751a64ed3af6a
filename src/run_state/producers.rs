//! The producers of a run that have joined, by the rules that the journal's head has them by (`protocol::verdict`) and
//! that the control counts them by (`protocol::variant`): what they make of the run's status, its variants and shards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::protocol::Variant;
use crate::protocol::event::stamp::Shard;
use crate::protocol::producer_event::LARGEST;
use crate::protocol::status::RunStatus;
use crate::protocol::verdict::{ProducerState, verdict};

/// Most producers that are kept; a run has no more (`journal::MAX_PRODUCERS`).
const MAX_PRODUCERS: usize = 1_000;
/// Most shards that are listed as missing, and most variants that are listed with their shards.
const MAX_LISTED: usize = 100;

/// How one stands.
#[derive(Clone, Debug, Default)]
struct RunProducer {
    state: ProducerState,
    variant: Option<Variant>,
    /// The shard that it runs, also when the others are not waited for any more.
    shard: Option<Shard>,
    /// The server has given it up.
    is_lost: bool,
    /// What it has told.
    told: Announced,
}

/// Numbers of tests and of test workers that were announced.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Announced {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) workers: Option<u64>,
}

impl Announced {
    fn followed_by(self, later: Self) -> Self {
        Self { total: later.total.or(self.total), workers: later.workers.or(self.workers) }
    }
}

/// What a viewer that folds on by itself needs of a producer that has joined.
#[derive(Serialize)]
pub(super) struct ResumedProducer<'a> {
    pub(super) producer: &'a str,
    /// It has not left.
    pub(super) joined: bool,
    /// What it has reported since it joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<RunStatus>,
    /// Its shard, while the others are waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) awaits: Option<&'a Shard>,
    /// Its shard, also later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shard: Option<&'a Shard>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) variant: Option<&'a Variant>,
    /// The server has given it up.
    #[serde(skip_serializing_if = "super::space::is_false")]
    pub(super) lost: bool,
    #[serde(flatten)]
    pub(super) told: Announced,
}

/// How the producers stand that have joined, and the run with them.
#[derive(Clone, Debug, Default)]
pub(super) struct RunProducers {
    all: BTreeMap<Arc<str>, RunProducer>,
    status: Option<RunStatus>,
    /// What those have told who have not joined.
    told: Announced,
}

/// The shards of a variant.
#[derive(Debug, Serialize)]
pub(super) struct ShownShards<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<&'a str>,
    /// How many there are.
    total: u32,
    /// How many have joined.
    joined: usize,
    /// The first of those that have not.
    missing: Vec<u32>,
    /// Whether the run waits for these.
    waiting: bool,
}

impl RunProducer {
    fn is_living(&self) -> bool {
        !self.is_lost && self.state.is_open()
    }
}

impl RunProducers {
    /// The run's status.
    pub(super) fn status(&self) -> Option<RunStatus> {
        self.status
    }

    /// About how many bytes they take.
    pub(super) fn held_bytes(&self) -> usize {
        let texts = self.all.iter().map(|(id, one)| id.len() + one.variant.as_ref().map_or(0, Variant::held_bytes));
        self.all.len() * (size_of::<RunProducer>() + 128) + texts.sum::<usize>()
    }

    /// The variant that an event belongs to. `producer`: whom it is stamped with; `own`: what it names itself.
    pub(super) fn variant_of<'a>(&'a self, producer: Option<&str>, own: Option<&'a str>) -> Option<&'a str> {
        let joined = producer.and_then(|id| self.all.get(id)?.variant.as_ref());
        joined.map_or(own, |variant| Some(variant.of_event(own)))
    }

    /// Whether this producer had joined, and has ended, left, or was given up.
    pub(super) fn is_gone(&self, producer: &str) -> bool {
        self.all.get(producer).is_some_and(|one| !one.is_living())
    }

    /// What all of them have announced together; before any has joined, what was announced last.
    pub(super) fn announced(&self) -> Announced {
        let sum = |of: fn(&Announced) -> Option<u64>| {
            let told = self.all.values().filter_map(|one| of(&one.told));
            told.reduce(|sum, one| sum.saturating_add(one).min(LARGEST as u64)).or_else(|| of(&self.told))
        };
        Announced { total: sum(|told| told.total), workers: sum(|told| told.workers) }
    }

    /// One announces how much it has to do.
    pub(super) fn announce(&mut self, producer: Option<&str>, told: Announced) {
        let known = producer.and_then(|id| self.all.get_mut(id)).map(|one| &mut one.told);
        let known = known.unwrap_or(&mut self.told);
        *known = known.followed_by(told);
    }

    /// One joins, with the variant and the shard that it announces; whether that counts.
    pub(super) fn joined(&mut self, producer: &str, announced: Option<&str>, shard: Option<Shard>) -> bool {
        let counts = self.all.len() < MAX_PRODUCERS || self.all.contains_key(producer);
        if counts {
            let others = self.all.iter().filter(|(id, _)| &***id != producer);
            let others = others.filter_map(|(_, one)| Some((one.variant.as_ref()?, one.is_living())));
            let before = self.all.get(producer).and_then(|one| one.variant.as_ref());
            let variant = Variant::of_joining(announced, shard.is_some(), before, others);
            for one in self.all.values_mut().filter(|one| one.state.gives_way_to(shard.as_ref())) {
                one.state = ProducerState::replaced();
                one.told = Announced::default();
            }
            let state = ProducerState::joined(shard.clone());
            let joined = RunProducer { state, variant, shard, ..RunProducer::default() };
            self.all.insert(producer.into(), joined);
            self.judge();
        }
        counts
    }

    /// One leaves; whether that counts.
    pub(super) fn left(&mut self, producer: &str) -> bool {
        let Some(one) = self.all.get_mut(producer).filter(|one| one.state.joined) else { return false };
        one.state = one.state.ended();
        self.judge();
        true
    }

    /// The server has given one up.
    pub(super) fn lost(&mut self, producer: &str) {
        if let Some(one) = self.all.get_mut(producer).filter(|one| one.is_living()) {
            one.is_lost = true;
        }
    }

    /// A `run_status`; whether it counts. `None`: the server's own, which is the run's, or one that is older than workers.
    pub(super) fn posted(&mut self, producer: Option<&str>, status: RunStatus) -> bool {
        let Some(producer) = producer.filter(|_| !self.all.is_empty()) else {
            for one in self.all.values_mut().filter(|one| one.state.joined) {
                one.state = one.state.ended();
            }
            self.status = Some(status);
            return true;
        };
        let Some(one) = self.all.get_mut(producer).filter(|one| one.state.joined) else { return false };
        one.state.status = Some(status);
        self.judge();
        true
    }

    /// Shards that have not joined are not waited for any more; whether that counts.
    pub(super) fn give_up_shards(&mut self) -> bool {
        self.all.values_mut().for_each(|one| one.state.shard = None);
        let counts = !self.status.is_some_and(RunStatus::is_final);
        if counts {
            self.judge();
        }
        counts
    }

    /// The shards of each variant.
    pub(super) fn shards(&self) -> Vec<ShownShards<'_>> {
        let is_over = self.status.is_some_and(RunStatus::is_final);
        let mut variants: BTreeMap<Option<&str>, (u32, BTreeSet<u32>, bool)> = BTreeMap::new();
        for one in self.all.values() {
            let Some(shard) = &one.shard else { continue };
            let variant = one.variant.as_ref().map(|variant| &**variant.name());
            let (total, joined, is_waited_for) = variants.entry(variant).or_default();
            *total = shard.total.max(*total);
            joined.insert(shard.current);
            *is_waited_for |= one.state.shard.is_some();
        }
        let shown = variants.into_iter().take(MAX_LISTED).map(|(variant, (total, joined, is_waited_for))| {
            let missing: Vec<_> = (1..=total).filter(|shard| !joined.contains(shard)).take(MAX_LISTED).collect();
            let waiting = is_waited_for && !is_over && !missing.is_empty();
            ShownShards { variant, total, joined: joined.len(), missing, waiting }
        });
        shown.collect()
    }

    /// All of them, with what the overview does not show, and what was announced by those who have not joined.
    pub(super) fn resume(&self) -> (Vec<ResumedProducer<'_>>, Announced) {
        let all = self.all.iter().map(|(id, one)| ResumedProducer {
            producer: id,
            joined: one.state.joined,
            status: one.state.status,
            awaits: one.state.shard.as_ref(),
            shard: one.shard.as_ref(),
            variant: one.variant.as_ref(),
            lost: one.is_lost,
            told: one.told,
        });
        (all.collect(), self.told)
    }

    fn judge(&mut self) {
        self.status = verdict(self.all.values().map(|one| &one.state)).or(self.status);
    }
}
