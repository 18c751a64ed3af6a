//! Whether another node has this node's name: then neither hears what the other stores. Presence writes it; `/ready` and
//! the edge read it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Traces of another node that it takes to be certain. One alone may be the last report of this node's former process, come
/// late, or be in an older copy of Redis.
const TRACES: u32 = 2;

/// See the module. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct NodeIdConflict(Arc<Mutex<Traces>>);

#[derive(Debug, Default)]
struct Traces {
    count: u32,
    last: Option<Instant>,
}

impl NodeIdConflict {
    fn traces(&self) -> MutexGuard<'_, Traces> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another node has reported under this name since this one last did; true when it has just become certain.
    pub fn traced(&self, at: Instant) -> bool {
        let mut traces = self.traces();
        traces.count = traces.count.saturating_add(1);
        traces.last = Some(at);
        traces.count == TRACES
    }

    /// None has reported; true when there has just ceased to be one: nothing was seen of it for longer than `patience`.
    pub fn untraced(&self, at: Instant, patience: Duration) -> bool {
        let mut traces = self.traces();
        let gone = traces.last.is_some_and(|last| at.saturating_duration_since(last) > patience);
        gone && std::mem::take(&mut *traces).count >= TRACES
    }

    /// Whether there is certainly one.
    pub fn lives(&self) -> bool {
        self.traces().count >= TRACES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(15);

    #[test]
    fn a_namesake_is_news_once_when_it_is_certain_and_once_when_it_has_gone() {
        let (node_id_conflict, start) = (NodeIdConflict::default(), Instant::now());
        assert!(!node_id_conflict.traced(start) && !node_id_conflict.lives());
        assert!(node_id_conflict.traced(start + PATIENCE) && node_id_conflict.lives());
        // It reports more seldom than this node does.
        assert!(!node_id_conflict.untraced(start + PATIENCE * 2, PATIENCE));
        assert!(!node_id_conflict.traced(start + PATIENCE * 2) && node_id_conflict.lives());
        let late = start + PATIENCE * 3 + Duration::from_millis(1);
        assert!(node_id_conflict.untraced(late, PATIENCE) && !node_id_conflict.lives());
        assert!(!node_id_conflict.untraced(late + PATIENCE, PATIENCE));
    }

    #[test]
    fn the_last_report_of_a_former_process_is_forgotten() {
        let (node_id_conflict, start) = (NodeIdConflict::default(), Instant::now());
        assert!(!node_id_conflict.traced(start));
        assert!(!node_id_conflict.untraced(start + PATIENCE * 2, PATIENCE), "it was no news");
        assert!(!node_id_conflict.traced(start + PATIENCE * 2) && !node_id_conflict.lives());
    }
}
