//! What this node knows of the other nodes. Presence writes it; the edge reads it, and marks the runs whose viewers it
//! wants to know.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::protocol::RunId;
use crate::storage::presence::NodeSeen;

/// How long the result of a look is valid. It may be a second old at the start, because a node reports its changes
/// every second.
const HOLDS: Duration = Duration::from_secs(4);
/// How long a run's viewers are looked for after the last request for them.
const WANTED: Duration = Duration::from_secs(60);
/// Most runs that are looked for. Viewers of a further run are unknown.
const MAX_WANTED: usize = 20_000;

/// The other nodes of the cluster as they were last seen. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Peers(Arc<Mutex<PeersState>>);

#[derive(Debug, Default)]
struct PeersState {
    nodes: Vec<NodeSeen>,
    /// When the nodes were seen; `None` before the first look and after a failed one.
    at: Option<Instant>,
    /// Why the last look failed.
    reason: Option<String>,
    runs: HashMap<RunId, WatchedRun>,
}

#[derive(Debug)]
struct WatchedRun {
    asked: Instant,
    /// The run's viewers on other nodes at the last look; `None` if it was not looked for.
    viewers: Option<u64>,
}

impl PeersState {
    fn holds(&self, now: Instant) -> bool {
        self.at.is_some_and(|at| now.saturating_duration_since(at) <= HOLDS)
    }
}

impl Peers {
    fn seen(&self) -> MutexGuard<'_, PeersState> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The runs whose viewers presence must look for.
    pub fn wanted(&self, now: Instant) -> Vec<RunId> {
        let mut seen = self.seen();
        seen.runs.retain(|_, run| now.saturating_duration_since(run.asked) <= WANTED);
        seen.runs.keys().cloned().collect()
    }

    /// Stores the result of a look that began at `at`: the other nodes, with their viewers of `runs`. True when the
    /// look before it failed.
    pub fn told(&self, at: Instant, nodes: Vec<NodeSeen>, runs: &[RunId]) -> bool {
        let sums = runs.iter().enumerate().map(|(index, run)| {
            let viewers = nodes.iter().filter_map(|node| node.viewers.get(index));
            (run, viewers.sum())
        });
        let sums: Vec<(&RunId, u64)> = sums.collect();
        let mut seen = self.seen();
        for (run, viewers) in sums {
            if let Some(run) = seen.runs.get_mut(run) {
                run.viewers = Some(viewers);
            }
        }
        seen.nodes = nodes;
        seen.at = Some(at);
        seen.reason.take().is_some()
    }

    /// Records that a look failed; true when the one before did not fail.
    pub fn lost(&self, reason: &str) -> bool {
        let mut seen = self.seen();
        seen.at = None;
        seen.runs.values_mut().for_each(|run| run.viewers = None);
        seen.reason.replace(reason.to_owned()).is_none()
    }

    /// The other nodes, or why they are not known.
    pub fn nodes(&self, now: Instant) -> Result<Vec<NodeSeen>, String> {
        let seen = self.seen();
        match (&seen.reason, seen.holds(now)) {
            (_, true) => Ok(seen.nodes.clone()),
            (Some(reason), false) => Err(reason.clone()),
            (None, false) => Err("the other nodes have not been looked at for some seconds".to_owned()),
        }
    }

    /// Number of viewers of a run on other nodes, at most 5 s old. `None` when it is not known: for the first second or
    /// two after the first request, and while Redis is unreachable.
    pub fn viewers_of(&self, run: &RunId, now: Instant) -> Option<u64> {
        let mut seen = self.seen();
        let holds = seen.holds(now);
        if let Some(known) = seen.runs.get_mut(run) {
            known.asked = now;
            return known.viewers.filter(|_| holds);
        }
        if seen.runs.len() < MAX_WANTED {
            seen.runs.insert(run.clone(), WatchedRun { asked: now, viewers: None });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, viewers: &[u64]) -> NodeSeen {
        NodeSeen { node: name.into(), figures: Default::default(), viewers: viewers.to_vec() }
    }

    #[test]
    fn a_run_is_looked_for_once_it_was_asked_for_and_until_nobody_asks_any_more() {
        let (peers, start) = (Peers::default(), Instant::now());
        let run = RunId::parse("r").unwrap();
        assert_eq!(peers.wanted(start), []);
        assert_eq!(peers.viewers_of(&run, start), None);
        assert_eq!(peers.wanted(start), std::slice::from_ref(&run));
        assert!(!peers.told(start, vec![node("a", &[2]), node("b", &[3])], std::slice::from_ref(&run)));
        assert_eq!(peers.viewers_of(&run, start), Some(5));
        assert_eq!(peers.wanted(start + WANTED), std::slice::from_ref(&run));
        assert_eq!(peers.wanted(start + WANTED * 2), []);
        assert_eq!(peers.viewers_of(&run, start), None);
    }

    #[test]
    fn what_was_seen_is_told_for_seconds_and_not_after_a_failed_look() {
        let (peers, start) = (Peers::default(), Instant::now());
        let run = RunId::parse("r").unwrap();
        assert!(peers.nodes(start).is_err());
        peers.viewers_of(&run, start);
        peers.told(start, vec![node("a", &[2])], std::slice::from_ref(&run));
        assert_eq!(peers.nodes(start + HOLDS), Ok(vec![node("a", &[2])]));
        let late = start + HOLDS + Duration::from_millis(1);
        assert_eq!(peers.viewers_of(&run, late), None);
        assert!(peers.nodes(late).is_err());

        assert!(peers.lost("gone fishing"));
        assert!(!peers.lost("gone fishing"), "it is no news any more");
        assert_eq!(peers.nodes(start), Err("gone fishing".to_owned()));
        assert_eq!(peers.viewers_of(&run, start), None);
        assert!(peers.told(start, vec![], &[]));
        assert_eq!(peers.viewers_of(&run, start), None, "the run was not looked for");
    }

    #[test]
    fn runs_beyond_the_bound_are_not_looked_for() {
        let (peers, now) = (Peers::default(), Instant::now());
        for index in 0..=MAX_WANTED {
            peers.viewers_of(&RunId::parse(&index.to_string()).unwrap(), now);
        }
        assert_eq!(peers.wanted(now).len(), MAX_WANTED);
    }
}
