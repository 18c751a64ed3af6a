//! Whether another node that lives has this node's name: then neither hears what the other stores.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Traces of another life that it takes: the last words of the one before, come late, or an older copy of Redis leave one.
const TRACES: u32 = 2;

/// Told by presence, read by anyone. Cloning shares it.
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

    /// Another life has reported under this name since this one last did; true when it is news that it lives.
    pub fn traced(&self, at: Instant) -> bool {
        let mut traces = self.traces();
        traces.count = traces.count.saturating_add(1);
        traces.last = Some(at);
        traces.count == TRACES
    }

    /// None has; true when it is news that there is none any more: for so long nothing was seen of it.
    pub fn untraced(&self, at: Instant, patience: Duration) -> bool {
        let mut traces = self.traces();
        let gone = traces.last.is_some_and(|last| at.saturating_duration_since(last) > patience);
        gone && std::mem::take(&mut *traces).count >= TRACES
    }

    /// Whether there is one.
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
    fn what_a_former_life_said_last_is_forgotten() {
        let (node_id_conflict, start) = (NodeIdConflict::default(), Instant::now());
        assert!(!node_id_conflict.traced(start));
        assert!(!node_id_conflict.untraced(start + PATIENCE * 2, PATIENCE), "it was no news");
        assert!(!node_id_conflict.traced(start + PATIENCE * 2) && !node_id_conflict.lives());
    }
}
