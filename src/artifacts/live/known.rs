//! What a node knows of live traces from having listed them, and how often they are posted to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::protocol::live_trace::index::TraceIndex;
use crate::protocol::live_trace::key::PartKey;
use crate::protocol::{RunId, TraceId};

/// Most traces that a node knows.
const MAX_KNOWN: usize = 256;
/// Most parts of all these traces.
const MAX_KNOWN_PARTS: usize = 500_000;

/// The traces that a node knows.
#[derive(Default)]
pub(super) struct KnownTraces(Mutex<HashMap<(RunId, TraceId), Arc<KnownTrace>>>);

/// A trace that a node knows.
#[derive(Default)]
pub(super) struct KnownTrace {
    state: Mutex<KnownState>,
    /// Held while the trace is listed: whoever wants that meanwhile shares the result.
    pub(super) listing: tokio::sync::Mutex<()>,
    /// Held while parts are stored.
    pub(super) posting: tokio::sync::Mutex<()>,
}

/// What is known of a trace.
#[derive(Default)]
pub(super) struct KnownState {
    /// Its parts.
    pub(super) index: TraceIndex,
    /// When the listing of the parts began that is the newest.
    pub(super) listed: Option<Instant>,
    /// Parts that this node has stored since the whole was last listed: a listing may be older than they are.
    recent: Vec<(PartKey, u64)>,
    /// When the whole was listed.
    pub(super) listed_whole: Option<Instant>,
    pace: Pace,
    used: Option<Instant>,
}

/// How many posts a trace may take at this moment: as many as a second brings, at most.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    /// How many were taken when the last one was, less those that time has brought since.
    taken: f64,
    last: Option<Instant>,
}

impl Pace {
    /// Takes a post; the error is the time until there may be another one.
    fn take(&mut self, now: Instant, per_sec: u32) -> Result<(), Duration> {
        let per_sec = f64::from(per_sec);
        let passed = self.last.map_or(1.0, |last| now.saturating_duration_since(last).as_secs_f64());
        self.taken = (self.taken - passed * per_sec).max(0.0);
        self.last = Some(now);
        let over = self.taken + 1.0 - per_sec.max(1.0);
        if over > 1e-6 {
            return Err(Duration::from_secs_f64(over / per_sec));
        }
        self.taken += 1.0;
        Ok(())
    }
}

impl KnownState {
    /// This node has stored a part.
    pub(super) fn stored(&mut self, part: PartKey, size: u64) {
        self.index.add(part.clone(), size);
        self.recent.push((part, size));
    }

    /// The whole is about to be listed.
    pub(super) fn begin_whole(&mut self) {
        self.recent.clear();
    }

    /// The whole was listed, from `began` on.
    pub(super) fn replace(&mut self, index: TraceIndex, began: Instant) {
        self.index = index;
        for (part, size) in self.recent.clone() {
            self.index.add(part, size);
        }
        self.listed_whole = Some(began);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code panics while it holds the lock.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl KnownTrace {
    /// What is known. It is held for a moment only.
    pub(super) fn state(&self) -> MutexGuard<'_, KnownState> {
        lock(&self.state)
    }

    /// Takes a post.
    pub(super) fn take_post(&self, per_sec: u32) -> Result<(), Duration> {
        self.state().pace.take(Instant::now(), per_sec)
    }
}

impl KnownTraces {
    /// What is known of a trace: nothing, at first. Those that were not used for the longest time are forgotten.
    pub(super) fn of(&self, run: &RunId, trace: &TraceId) -> Arc<KnownTrace> {
        let mut traces = lock(&self.0);
        let key = (run.clone(), trace.clone());
        if let Some(known) = traces.get(&key) {
            known.state().used = Some(Instant::now());
            return known.clone();
        }
        let parts: usize = traces.values().map(|known| known.state().index.parts()).sum();
        if traces.len() >= MAX_KNOWN || parts > MAX_KNOWN_PARTS {
            let oldest = traces.iter().min_by_key(|(_, known)| known.state().used).map(|(key, _)| key.clone());
            oldest.map(|oldest| traces.remove(&oldest));
        }
        let known = Arc::new(KnownTrace::default());
        known.state().used = Some(Instant::now());
        traces.insert(key, known.clone());
        known
    }

    /// Forgets a trace.
    pub(super) fn forget(&self, run: &RunId, trace: &TraceId) {
        lock(&self.0).remove(&(run.clone(), trace.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_brings_as_many_posts_as_it_may() {
        let (mut pace, begin) = (Pace::default(), Instant::now());
        let at = |ms| begin + Duration::from_millis(ms);
        assert!(pace.take(at(0), 2).is_ok() && pace.take(at(0), 2).is_ok());
        assert_eq!(pace.take(at(0), 2), Err(Duration::from_millis(500)));
        assert!(pace.take(at(499), 2).is_err());
        assert!(pace.take(at(500), 2).is_ok());
        assert!(pace.take(at(500), 2).is_err());
        assert!(pace.take(at(60_000), 2).is_ok() && pace.take(at(60_000), 2).is_ok());
        assert!(pace.take(at(60_000), 2).is_err(), "what was not used does not add up");
    }

    #[test]
    fn what_was_not_used_for_long_is_forgotten() {
        let (known, run) = (KnownTraces::default(), RunId::parse("r").unwrap());
        let trace = |n: usize| TraceId::parse(&format!("t{n}")).unwrap();
        let first = known.of(&run, &trace(0));
        for n in 1..MAX_KNOWN {
            known.of(&run, &trace(n));
        }
        assert!(Arc::ptr_eq(&first, &known.of(&run, &trace(0))));
        known.of(&run, &trace(MAX_KNOWN));
        assert_eq!(lock(&known.0).len(), MAX_KNOWN);
        assert!(Arc::ptr_eq(&first, &known.of(&run, &trace(0))), "it was used after the second");
        known.forget(&run, &trace(0));
        assert!(!Arc::ptr_eq(&first, &known.of(&run, &trace(0))));
    }
}
