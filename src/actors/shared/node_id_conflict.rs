//! Whether another node has this node's id. Two such nodes ignore each other's notices. Presence writes it; `/ready`
//! and the edge read it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Traces of another node after which the conflict is certain. A single one may be a late report of this node's former
/// process, or come from an older copy of Redis.
const TRACES: u32 = 2;

/// The shared traces of another node with this id. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct NodeIdConflict(Arc<Mutex<Traces>>);

#[derive(Debug, Default)]
struct Traces {
    count: u32,
    last: Option<Instant>,
}

impl NodeIdConflict {
    fn traces(&self) -> MutexGuard<'_, Traces> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that another node has reported under this id since this node's last report; true when the conflict has
    /// just become certain.
    pub fn traced(&self, at: Instant) -> bool {
        let mut traces = self.traces();
        traces.count = traces.count.saturating_add(1);
        traces.last = Some(at);
        traces.count == TRACES
    }

    /// Records that no other node has reported. True when the conflict has just ended: there was no trace for longer
    /// than `patience`.
    pub fn untraced(&self, at: Instant, patience: Duration) -> bool {
        let mut traces = self.traces();
        let gone = traces.last.is_some_and(|last| at.saturating_duration_since(last) > patience);
        gone && std::mem::take(&mut *traces).count >= TRACES
    }

    /// Whether the conflict is certain.
    pub fn is_certain(&self) -> bool {
        self.traces().count >= TRACES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(15);

    #[test]
    fn a_conflict_is_news_once_when_it_is_certain_and_once_when_it_is_over() {
        let (node_id_conflict, start) = (NodeIdConflict::default(), Instant::now());
        assert!(!node_id_conflict.traced(start) && !node_id_conflict.is_certain());
        assert!(node_id_conflict.traced(start + PATIENCE) && node_id_conflict.is_certain());
        // The other node reports less often than this one.
        assert!(!node_id_conflict.untraced(start + PATIENCE * 2, PATIENCE));
        assert!(!node_id_conflict.traced(start + PATIENCE * 2) && node_id_conflict.is_certain());
        let late = start + PATIENCE * 3 + Duration::from_millis(1);
        assert!(node_id_conflict.untraced(late, PATIENCE) && !node_id_conflict.is_certain());
        assert!(!node_id_conflict.untraced(late + PATIENCE, PATIENCE));
    }

    #[test]
    fn the_last_report_of_a_former_process_is_forgotten() {
        let (node_id_conflict, start) = (NodeIdConflict::default(), Instant::now());
        assert!(!node_id_conflict.traced(start));
        assert!(!node_id_conflict.untraced(start + PATIENCE * 2, PATIENCE), "it was no news");
        assert!(!node_id_conflict.traced(start + PATIENCE * 2) && !node_id_conflict.is_certain());
    }
}
