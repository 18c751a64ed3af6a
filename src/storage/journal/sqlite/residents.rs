//! The active runs' heads and producer marks, kept in memory so that an append reads nothing.
//!
//! Only the writer has them, and it alone changes what they mirror; after a failed transaction all are forgotten.

use std::collections::{HashMap, HashSet};

use sqlx::sqlite::SqliteConnection;

use super::rows::{self, heads};
use crate::protocol::RunId;
use crate::storage::journal::Head;
use crate::storage::journal::rules::{Epochs, Marks, Run};

/// Runs and marks kept, counted together: about 10 MiB.
const MAX_WEIGHT: usize = 64 * 1024;

/// A run in memory.
#[derive(Debug)]
pub(super) struct Resident {
    /// Its number; `None` until its first event.
    pub(super) number: Option<i64>,
    pub(super) run: Run,
    /// When it was last used, in uses.
    used: u64,
}

impl Resident {
    fn weight(&self) -> usize {
        1 + self.run.marks.count()
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Residents {
    runs: HashMap<RunId, Resident>,
    /// Posts so far, and the weight of all that was loaded: grows at least as fast as the weight of what is here.
    uses: u64,
    /// When the next eviction has to count.
    count_at: u64,
}

impl Residents {
    /// Makes sure that all of `wanted` are here, with one statement for those that are not.
    pub(super) async fn load(
        &mut self,
        connection: &mut SqliteConnection,
        wanted: impl Iterator<Item = &RunId>,
        epochs: Epochs,
    ) -> Result<(), sqlx::Error> {
        let missing: HashSet<&RunId> = wanted.filter(|run| !self.runs.contains_key(run.as_str())).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let sql = heads!(
            ", (SELECT json_group_array(json_array(producer, high) ORDER BY last_seq) FROM producers \
             WHERE run = r.number)",
            "WHERE r.run IN (SELECT value FROM json_each(?))"
        );
        let names = serde_json::to_string(&missing).map_err(|error| sqlx::Error::Encode(error.into()))?;
        for row in sqlx::query(sql).bind(names).fetch_all(connection).await? {
            let (id, number, run) = rows::run(&row, epochs)?;
            self.insert(id, Some(number), run);
        }
        for id in missing {
            if !self.runs.contains_key(id) {
                self.insert(id.clone(), None, Run::load(Head::unborn(), Marks::default(), epochs));
            }
        }
        Ok(())
    }

    fn insert(&mut self, id: RunId, number: Option<i64>, run: Run) {
        let resident = Resident { number, run, used: self.uses };
        self.uses += resident.weight() as u64;
        self.runs.insert(id, resident);
    }

    /// A run that was loaded, for an append of `posts`.
    pub(super) fn get(&mut self, run: &RunId, posts: usize) -> Option<&mut Resident> {
        self.uses += posts as u64 + 1;
        let resident = self.runs.get_mut(run)?;
        resident.used = self.uses;
        Some(resident)
    }

    /// A run that was loaded, to look at.
    pub(super) fn peek(&self, run: &RunId) -> Option<&Resident> {
        self.runs.get(run)
    }

    /// Forgets a run that something else than an append has changed.
    pub(super) fn forget(&mut self, run: &RunId) {
        self.runs.remove(run);
    }

    /// Forgets all: the database alone knows what happened.
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
