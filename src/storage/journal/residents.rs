//! Runs' heads and producer marks kept in memory, so that an append reads nothing.
//!
//! What is here mirrors what is stored; each journal says how it knows that the mirror is true.

use std::collections::HashMap;

use super::rules::Run;
use crate::protocol::RunId;

/// Runs and marks kept, counted together: about 10 MiB.
const MAX_WEIGHT: usize = 64 * 1024;

/// A run in memory.
#[derive(Clone, Debug)]
pub(super) struct Resident<P> {
    /// How the journal finds it again, or knows that it is still as it was.
    pub(super) place: P,
    pub(super) run: Run,
    /// When it was last used, in uses.
    used: u64,
}

impl<P> Resident<P> {
    fn weight(&self) -> usize {
        1 + self.run.marks.count()
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Residents<P> {
    runs: HashMap<RunId, Resident<P>>,
    /// Posts so far, and the weight of all that was loaded: grows at least as fast as the weight of what is here.
    uses: u64,
    /// When the next eviction has to count.
    count_at: u64,
}

impl<P> Default for Residents<P> {
    fn default() -> Self {
        Self { runs: HashMap::new(), uses: 0, count_at: 0 }
    }
}

impl<P> Residents<P> {
    pub(super) fn contains(&self, run: &RunId) -> bool {
        self.runs.contains_key(run)
    }

    pub(super) fn insert(&mut self, id: RunId, place: P, run: Run) {
        let resident = Resident { place, run, used: self.uses };
        self.uses += resident.weight() as u64;
        self.runs.insert(id, resident);
    }

    /// A run that is here, for an append of `posts`.
    pub(super) fn get(&mut self, run: &RunId, posts: usize) -> Option<&mut Resident<P>> {
        self.uses += posts as u64 + 1;
        let resident = self.runs.get_mut(run)?;
        resident.used = self.uses;
        Some(resident)
    }

    /// A run that is here, to look at.
    pub(super) fn peek(&self, run: &RunId) -> Option<&Resident<P>> {
        self.runs.get(run)
    }

    /// Forgets a run that something else than an append has changed.
    pub(super) fn forget(&mut self, run: &RunId) {
        self.runs.remove(run);
    }

    /// Forgets all: the store alone knows what happened.
    pub(super) fn clear(&mut self) {
        self.runs.clear();
    }

    /// Forgets the least recently used ones beyond the bound, a quarter more so that this is rare: `uses` tells when
    /// that quarter may be full again.
    pub(super) fn evict(&mut self) {
        if self.uses < self.count_at {
            return;
        }
        let mut by_use: Vec<_> = self.runs.values().map(|resident| (resident.used, resident.weight())).collect();
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
        self.runs.retain(|_, resident| resident.used >= oldest_kept);
        self.count_at = self.uses + (MAX_WEIGHT / 4) as u64;
    }
}
