//! The status of a run that several producers report to: a pure table of how each of them stands.
//!
//! A run without workers (`worker` events) has the last status that was posted, whoever posted it. From the first
//! `worker` that joins on, each producer that has joined has a status of its own, and the run's is the verdict on them:
//!
//! | the producers | the run |
//! |---|---|
//! | one has joined, and has not ended | goes on: `failing` if one of them is or has failed, else the status of the furthest |
//! | a shard was announced that has not joined | goes on as `running`, or `failing` |
//! | all have ended or left | the worst of their ends |
//! | one joins with the shard of another that has not ended | the other has left, and counts for nothing: its shard runs anew |
//!
//! Whoever has left without an end was interrupted. The server's own word (`lost`, `cancelled`, what `finish` says) is
//! the run's at once, and ends all producers: what they post later changes nothing unless they join anew.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::protocol::event::stamp::Shard;
use crate::protocol::status::RunStatus;

/// How a producer stands in a run, once it has joined as a worker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProducerState {
    /// It has joined and not left since.
    pub joined: bool,
    /// The last `run_status` that it posted since it joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RunStatus>,
    /// The shard that it runs, while the others are waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

impl ProducerState {
    /// It has joined, with the shard that it announced.
    pub fn joined(shard: Option<Shard>) -> Self {
        Self { joined: true, status: None, shard }
    }

    /// It runs: the run waits for it.
    pub fn is_open(&self) -> bool {
        self.joined && !self.status.is_some_and(RunStatus::is_final)
    }

    /// The same after the producer has left, or the server has ended the run.
    pub fn ended(&self) -> Self {
        let status = if self.is_open() { Some(RunStatus::Interrupted) } else { self.status };
        Self { joined: false, status, shard: self.shard.clone() }
    }

    /// Whether another producer that joins with `shard` takes its place.
    pub fn gives_way_to(&self, shard: Option<&Shard>) -> bool {
        shard.is_some() && self.shard.as_ref() == shard && self.is_open()
    }

    /// The same after another producer has taken its place: the run does not wait for it, whatever it had reported.
    pub fn replaced() -> Self {
        Self::default()
    }
}

/// How bad an end is, the worst last.
fn badness(status: RunStatus) -> u8 {
    match status {
        RunStatus::Passed => 1,
        RunStatus::Cancelled => 2,
        RunStatus::Interrupted => 3,
        RunStatus::Lost => 4,
        RunStatus::TimedOut => 5,
        RunStatus::Failed => 6,
        _ => 0,
    }
}

/// How far a producer that runs has got, the furthest last.
fn progress(status: RunStatus) -> u8 {
    match status {
        RunStatus::Queued => 0,
        RunStatus::Stalled => 1,
        RunStatus::Paused => 2,
        _ => 3,
    }
}

/// Whether a shard was announced that has not joined, in any variant.
pub fn waits_for_shards<'a>(states: impl Iterator<Item = &'a ProducerState>) -> bool {
    let mut variants: HashMap<_, (u32, HashSet<u32>)> = HashMap::new();
    for shard in states.filter_map(|state| state.shard.as_ref()) {
        let (total, seen) = variants.entry(&shard.variant).or_default();
        *total = shard.total.max(*total);
        seen.insert(shard.current);
    }
    variants.values().any(|(total, seen)| seen.len() < *total as usize)
}

/// The run's status, from how its producers stand; `None` when none has joined.
pub fn verdict<'a>(states: impl Iterator<Item = &'a ProducerState> + Clone) -> Option<RunStatus> {
    states.clone().next()?;
    let open = states.clone().filter(|state| state.is_open());
    if open.clone().next().is_none() && !waits_for_shards(states.clone()) {
        // Whoever left without an end has one by now.
        return states.filter_map(|state| state.status).max_by_key(|status| badness(*status));
    }
    let is_bad = |status| status == RunStatus::Failing || badness(status) >= badness(RunStatus::TimedOut);
    if states.filter_map(|state| state.status).any(is_bad) {
        return Some(RunStatus::Failing);
    }
    let furthest = open.filter_map(|state| state.status).max_by_key(|status| progress(*status));
    Some(furthest.unwrap_or(RunStatus::Running))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(current: u32, total: u32) -> Option<Shard> {
        Some(Shard { variant: None, current, total })
    }

    fn state(joined: bool, status: Option<RunStatus>, shard: Option<Shard>) -> ProducerState {
        ProducerState { joined, status, shard }
    }

    #[test]
    fn the_verdict_is_as_the_table_says() {
        use RunStatus::{Failed, Failing, Interrupted, Passed, Paused, Queued, Running, TimedOut};
        let open = |status| state(true, Some(status), None);
        let cases: &[(&[ProducerState], Option<RunStatus>)] = &[
            (&[], None),
            (&[state(true, None, None)], Some(Running)),
            (&[open(Queued)], Some(Queued)),
            (&[open(Paused), open(Queued)], Some(Paused)),
            (&[open(Paused), open(Running)], Some(Running)),
            (&[open(Passed), open(Running)], Some(Running)),
            (&[open(Failed), open(Running)], Some(Failing)),
            (&[open(Failing), open(Paused)], Some(Failing)),
            (&[open(Passed), open(Passed)], Some(Passed)),
            (&[open(Passed), open(Failed), open(TimedOut)], Some(Failed)),
            (&[open(Passed), state(true, Some(Running), None).ended()], Some(Interrupted)),
            (&[open(Passed).ended(), open(Passed)], Some(Passed)),
            (&[state(true, Some(Passed), shard(1, 2))], Some(Running)),
            (&[state(true, Some(Failed), shard(1, 2))], Some(Failing)),
            (&[state(true, Some(Passed), shard(1, 2)), state(false, Some(Passed), shard(2, 2))], Some(Passed)),
            (&[state(true, Some(Passed), shard(1, 2)), state(true, Some(Passed), shard(1, 2))], Some(Running)),
            (&[ProducerState::replaced(), open(Passed)], Some(Passed)),
            (&[ProducerState::replaced(), state(true, None, shard(1, 1))], Some(Running)),
        ];
        for (states, status) in cases {
            assert_eq!(verdict(states.iter()), *status, "{states:?}");
        }
    }

    #[test]
    fn each_variant_has_shards_of_its_own() {
        let of = |variant: &str, current| {
            let shard = Shard { variant: Some(variant.into()), current, total: 2 };
            state(true, Some(RunStatus::Passed), Some(shard))
        };
        let mut states = vec![of("a", 1), of("a", 2), of("b", 1)];
        assert_eq!(verdict(states.iter()), Some(RunStatus::Running));
        states.push(of("b", 2));
        assert_eq!(verdict(states.iter()), Some(RunStatus::Passed));
    }
}
