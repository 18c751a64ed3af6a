//! The order of a node's appends: appends to one run run one after another, and closing waits for all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedMutexGuard, RwLock, RwLockReadGuard};

use crate::protocol::RunId;

/// The locks of runs. A run has an entry while a caller holds its lock or waits for it.
#[derive(Debug, Default)]
pub(super) struct RunLocks {
    runs: Mutex<HashMap<RunId, Arc<tokio::sync::Mutex<()>>>>,
    /// Whether the journal is closed. Every holder of a run's lock holds a read guard of it.
    closed: RwLock<bool>,
}

/// A run's lock, held until this is dropped.
pub(super) struct RunLock<'a> {
    run_locks: &'a RunLocks,
    run: RunId,
    guard: Option<OwnedMutexGuard<()>>,
    _open: RwLockReadGuard<'a, bool>,
}

impl RunLocks {
    /// Waits for the run's lock; callers get it in the order of their calls. `None` when the journal is closed.
    pub(super) async fn take(&self, run: &RunId) -> Option<RunLock<'_>> {
        let open = self.closed.read().await;
        if *open {
            return None;
        }
        let lane = self.runs.lock().unwrap_or_else(PoisonError::into_inner).entry(run.clone()).or_default().clone();
        // Created before the wait, so that a caller which is cancelled while it waits cleans up as well.
        let mut lock = RunLock { run_locks: self, run: run.clone(), guard: None, _open: open };
        lock.guard = Some(lane.lock_owned().await);
        Some(lock)
    }

    /// Refuses new callers and waits for the earlier ones; false when the journal was closed already.
    pub(super) async fn close(&self) -> bool {
        !std::mem::replace(&mut *self.closed.write().await, true)
    }
}

impl Drop for RunLock<'_> {
    fn drop(&mut self) {
        self.guard = None;
        let mut runs = self.run_locks.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if runs.get(&self.run).is_some_and(|lane| Arc::strong_count(lane) == 1) {
            runs.remove(&self.run);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_left_of_a_run_whose_turns_are_over_even_those_given_up() {
        let run_locks = RunLocks::default();
        let run = RunId::parse("r").unwrap();
        let first = run_locks.take(&run).await;
        assert!(tokio::time::timeout(std::time::Duration::from_millis(1), run_locks.take(&run)).await.is_err());
        drop(first);
        assert!(run_locks.runs.lock().unwrap().is_empty());
        assert!(run_locks.close().await);
        assert!(run_locks.take(&run).await.is_none());
    }
}
