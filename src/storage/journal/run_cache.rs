//! Heads and producer marks of runs in memory, so that an append reads nothing from the store.
//!
//! The entries mirror what is stored. Each journal has its own way to know that the mirror is true.

use std::collections::HashMap;

use super::append_rules::RunRecord;
use crate::protocol::RunId;

/// Runs and marks that are kept, counted together: about 10 MiB.
const MAX_WEIGHT: usize = 64 * 1024;

/// A run in memory.
#[derive(Clone, Debug)]
pub(super) struct CachedRun<L> {
    /// How the journal finds the stored run, or knows that it has not changed.
    pub(super) location: L,
    pub(super) run: RunRecord,
    /// When the entry was last used, counted in uses.
    used: u64,
}

impl<L> CachedRun<L> {
    fn weight(&self) -> usize {
        1 + self.run.marks.count()
    }
}

/// The cached runs, least recently used ones evicted first.
#[derive(Debug)]
pub(super) struct RunCache<L> {
    runs: HashMap<RunId, CachedRun<L>>,
    /// Posts so far plus the weight of everything that was loaded. It grows at least as fast as the weight of the
    /// entries.
    uses: u64,
    /// The value of `uses` at which the next eviction has to count the weight.
    count_at: u64,
}

impl<L> Default for RunCache<L> {
    fn default() -> Self {
        Self { runs: HashMap::new(), uses: 0, count_at: 0 }
    }
}

impl<L> RunCache<L> {
    pub(super) fn contains(&self, run: &RunId) -> bool {
        self.runs.contains_key(run)
    }

    pub(super) fn insert(&mut self, id: RunId, location: L, run: RunRecord) {
        let cached_run = CachedRun { location, run, used: self.uses };
        self.uses += cached_run.weight() as u64;
        self.runs.insert(id, cached_run);
    }

    /// The entry of a run, marked as used by an append of `posts`.
    pub(super) fn get(&mut self, run: &RunId, posts: usize) -> Option<&mut CachedRun<L>> {
        self.uses += posts as u64 + 1;
        let cached_run = self.runs.get_mut(run)?;
        cached_run.used = self.uses;
        Some(cached_run)
    }

    /// The entry of a run, only to read it.
    pub(super) fn peek(&self, run: &RunId) -> Option<&CachedRun<L>> {
        self.runs.get(run)
    }

    /// Removes a run that something other than an append has changed.
    pub(super) fn forget(&mut self, run: &RunId) {
        self.runs.remove(run);
    }

    /// Removes all runs: only the store knows what happened.
    pub(super) fn clear(&mut self) {
        self.runs.clear();
    }

    /// Removes the least recently used runs beyond the bound, and a quarter more so that it happens rarely: `uses`
    /// shows when that quarter may be full again.
    pub(super) fn evict(&mut self) {
        if self.uses < self.count_at {
            return;
        }
        let mut by_use: Vec<_> = self.runs.values().map(|cached_run| (cached_run.used, cached_run.weight())).collect();
        by_use.sort_unstable_by(|a, b| b.cmp(a));
        let mut weight = 0;
        let mut oldest_kept = 0;
        for (used, more) in by_use {
            if weight + more > MAX_WEIGHT / 4 * 3 {
                oldest_kept = used + 1;
                break;
            }
            weight += more;
        }
        self.runs.retain(|_, cached_run| cached_run.used >= oldest_kept);
        self.count_at = self.uses + (MAX_WEIGHT / 4) as u64;
    }
}
