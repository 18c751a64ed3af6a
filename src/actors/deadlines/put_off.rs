//! Runs whose deadlines could not be seen to, and when each is tried again. Pure, and bounded.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::protocol::RunId;

/// Most runs that are remembered. One more is tried again with the next look.
pub(super) const MOST: usize = 1_000;
/// Longest pause of a run.
const LONGEST: Duration = Duration::from_secs(60);
/// How long after its pause a run is remembered that is not due any more.
const FORGET: Duration = Duration::from_secs(120);

/// The runs that are put off.
#[derive(Debug)]
pub(super) struct PutOff {
    runs: HashMap<RunId, Paused>,
    first: Duration,
}

#[derive(Debug)]
struct Paused {
    backoff: Backoff,
    until: Instant,
}

impl PutOff {
    /// Nothing is put off; the first pause of each run is about `first`.
    pub(super) fn new(first: Duration) -> Self {
        Self { runs: HashMap::new(), first }
    }

    /// Whether the run may be tried.
    pub(super) fn is_ready(&self, run: &RunId, now: Instant) -> bool {
        self.runs.get(run).is_none_or(|paused| paused.until <= now)
    }

    /// The run failed: its next pause is longer.
    pub(super) fn failed(&mut self, run: &RunId, now: Instant) {
        if self.runs.len() >= MOST && !self.runs.contains_key(run) {
            return;
        }
        let first = self.first;
        let paused = self
            .runs
            .entry(run.clone())
            .or_insert_with(|| Paused { backoff: Backoff::new(first, LONGEST.max(first)), until: now });
        paused.until = now + paused.backoff.pause();
    }

    /// The run was seen to.
    pub(super) fn succeeded(&mut self, run: &RunId) {
        self.runs.remove(run);
    }

    /// How many runs are remembered.
    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    /// Forgets runs that nobody has asked for again. Returns how many are left.
    pub(super) fn forget(&mut self, now: Instant) -> usize {
        self.runs.retain(|_, paused| paused.until + FORGET > now);
        self.runs.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: usize) -> RunId {
        RunId::parse(&format!("r{id}")).unwrap()
    }

    #[test]
    fn a_run_that_fails_pauses_longer_each_time_and_no_other_does() {
        let (mut put_off, now) = (PutOff::new(Duration::from_secs(1)), Instant::now());
        assert!(put_off.is_ready(&run(1), now));
        for nominal in [1, 2, 4, 8, 16, 32, 60, 60] {
            put_off.failed(&run(1), now);
            assert!(!put_off.is_ready(&run(1), now + Duration::from_secs(nominal) / 3));
            assert!(put_off.is_ready(&run(1), now + Duration::from_secs(nominal)));
            assert!(put_off.is_ready(&run(2), now));
        }
        put_off.succeeded(&run(1));
        assert!(put_off.is_ready(&run(1), now));
        put_off.failed(&run(1), now);
        assert!(put_off.is_ready(&run(1), now + Duration::from_secs(1)), "it starts over");
    }

    #[test]
    fn as_many_are_remembered_as_may_and_none_for_good() {
        let (mut put_off, now) = (PutOff::new(Duration::from_secs(1)), Instant::now());
        for id in 0..=MOST {
            put_off.failed(&run(id), now);
        }
        assert!(!put_off.is_ready(&run(0), now) && put_off.is_ready(&run(MOST), now));
        assert_eq!(put_off.forget(now + Duration::from_secs(60)), MOST);
        assert_eq!(put_off.forget(now + Duration::from_secs(122)), 0);
    }
}
