//! What this node knows of the other nodes. Presence writes it; the edge and the bridge read it, and mark the runs that
//! they want to know of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use crate::protocol::{Interest, RunId};
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
pub struct Peers(Arc<PeersShared>);

#[derive(Debug, Default)]
struct PeersShared {
    state: Mutex<PeersState>,
    /// Wakes who waits for news of any run.
    news: Notify,
}

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
    /// What the last look found; `None` if the run was not looked for.
    elsewhere: Option<Elsewhere>,
    /// Wakes who waits for a change of it.
    changed: Arc<Notify>,
}

/// A run on the other nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// Its viewers there.
    pub viewers: u64,
    /// What they look at. As long as that is the same, so is the pointer.
    pub interest: Arc<Interest>,
}

impl WatchedRun {
    /// Stores what was found; true when it changes what producers are to be told.
    fn found(&mut self, mut found: Elsewhere) -> bool {
        let before = self.elsewhere.take();
        let is_same = before.as_ref().is_some_and(|before| before.interest == found.interest);
        if let Some(before) = before.as_ref().filter(|_| is_same) {
            found.interest = before.interest.clone();
        }
        let was_watched = before.map(|before| before.viewers > 0);
        let changed = !is_same || was_watched != Some(found.viewers > 0);
        self.elsewhere = Some(found);
        changed
    }
}

impl PeersState {
    fn holds(&self, now: Instant) -> bool {
        self.at.is_some_and(|at| now.saturating_duration_since(at) <= HOLDS)
    }

    /// Has a run looked for; `None` when too many are already.
    fn want(&mut self, run: &RunId, now: Instant) -> Option<&mut WatchedRun> {
        if !self.runs.contains_key(run) {
            if self.runs.len() >= MAX_WANTED {
                return None;
            }
            let changed = Arc::default();
            self.runs.insert(run.clone(), WatchedRun { asked: now, elsewhere: None, changed });
        }
        let wanted = self.runs.get_mut(run)?;
        wanted.asked = now;
        Some(wanted)
    }
}

impl Peers {
    fn seen(&self) -> MutexGuard<'_, PeersState> {
        // No code panics while it holds the lock.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The runs whose viewers presence must look for.
    pub fn wanted(&self, now: Instant) -> Vec<RunId> {
        let mut seen = self.seen();
        seen.runs.retain(|_, run| now.saturating_duration_since(run.asked) <= WANTED);
        seen.runs.keys().cloned().collect()
    }

    /// Stores the result of a look that began at `at`: the other nodes, with their viewers of `runs` and what these look
    /// at. Wakes whoever waits for what has changed. True when the look before it failed.
    pub fn told(&self, at: Instant, mut nodes: Vec<NodeSeen>, runs: &[RunId]) -> bool {
        let nothing = Arc::default();
        let found: Vec<_> = (0..runs.len()).map(|index| elsewhere(&nodes, index, &nothing)).collect();
        // It is kept by run; the nodes are kept for their figures.
        nodes.iter_mut().for_each(|node| node.interest.clear());
        let mut seen = self.seen();
        let mut has_news = false;
        for (run, found) in runs.iter().zip(found) {
            if let Some(run) = seen.runs.get_mut(run)
                && run.found(found)
            {
                run.changed.notify_waiters();
                has_news = true;
            }
        }
        seen.nodes = nodes;
        seen.at = Some(at);
        let was_lost = seen.reason.take().is_some();
        drop(seen);
        if has_news {
            self.0.news.notify_one();
        }
        was_lost
    }

    /// Records that a look failed; true when the one before did not fail.
    pub fn lost(&self, reason: &str) -> bool {
        let mut seen = self.seen();
        seen.at = None;
        seen.runs.values_mut().for_each(|run| run.elsewhere = None);
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

    /// What is known of a run on the other nodes, at most 5 s old. `None` when it is not known: for the first second or
    /// two after the first request, and while Redis is unreachable.
    pub fn run(&self, run: &RunId, now: Instant) -> Option<Elsewhere> {
        let mut seen = self.seen();
        let holds = seen.holds(now);
        seen.want(run, now)?.elsewhere.clone().filter(|_| holds)
    }

    /// Number of viewers of a run on other nodes; known as [`Self::run`] is.
    pub fn viewers_of(&self, run: &RunId, now: Instant) -> Option<u64> {
        self.run(run, now).map(|elsewhere| elsewhere.viewers)
    }

    /// What viewers on other nodes look at in a run; known as [`Self::run`] is.
    pub fn interest_of(&self, run: &RunId, now: Instant) -> Option<Arc<Interest>> {
        self.run(run, now).map(|elsewhere| elsewhere.interest)
    }

    /// Ends when a look finds that somebody watches the run elsewhere, or nobody any more, or that other things are
    /// looked at. It counts from this call on, polled or not: call it, then ask, then wait. `None` for a run that is not
    /// looked for.
    pub fn changes_of(&self, run: &RunId, now: Instant) -> Option<OwnedNotified> {
        Some(self.seen().want(run, now)?.changed.clone().notified_owned())
    }

    /// Waits until a look finds something new of any run; for one who waits. What was found while nobody waited ends the
    /// next wait at once.
    pub async fn news(&self) {
        self.0.news.notified().await;
    }
}

/// The run with this index in the look, over all nodes.
fn elsewhere(nodes: &[NodeSeen], index: usize, nothing: &Arc<Interest>) -> Elsewhere {
    let viewers = nodes.iter().filter_map(|node| node.viewers.get(index)).sum();
    let mut told = nodes.iter().filter_map(|node| node.interest.get(index)?.as_ref());
    let interest = match (told.next(), told.next()) {
        (None, _) => nothing.clone(),
        (Some(only), None) => only.clone(),
        (Some(first), Some(second)) => {
            let mut merged = Interest::clone(first);
            std::iter::once(second).chain(told).for_each(|interest| merged.merge(interest));
            merged.into()
        }
    };
    Elsewhere { viewers, interest }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::protocol::ScreenChoice;

    fn node(name: &str, viewers: &[u64]) -> NodeSeen {
        NodeSeen { node: name.into(), figures: Default::default(), viewers: viewers.to_vec(), interest: Vec::new() }
    }

    fn looking_at(name: &str, of: &str) -> NodeSeen {
        let choice = ScreenChoice::checked(of, Some(4), None).unwrap();
        NodeSeen { interest: vec![Some(Interest::of(&choice).into())], ..node(name, &[1]) }
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
    fn what_is_looked_at_elsewhere_is_merged_and_wakes_only_when_it_changes() {
        let (peers, now) = (Peers::default(), Instant::now());
        let run = RunId::parse("r").unwrap();
        let look = |nodes: &[NodeSeen]| peers.told(now, nodes.to_vec(), std::slice::from_ref(&run));
        let changed = peers.changes_of(&run, now).unwrap();
        assert_eq!(peers.interest_of(&run, now), None);
        look(&[node("a", &[0])]);
        assert!(changed.now_or_never().is_some(), "now it is known that nobody does");
        assert!(peers.interest_of(&run, now).unwrap().is_empty());

        let changed = peers.changes_of(&run, now).unwrap();
        look(&[looking_at("a", "auto"), looking_at("b", "p/1")]);
        assert!(changed.now_or_never().is_some());
        assert!(peers.news().now_or_never().is_some());
        let known = peers.interest_of(&run, now).unwrap();
        assert!(known.auto && known.streams.contains("p/1"));

        let changed = peers.changes_of(&run, now).unwrap();
        look(&[looking_at("a", "p/1"), looking_at("b", "auto"), node("c", &[7])]);
        assert!(changed.now_or_never().is_none(), "others look at the same");
        assert!(peers.news().now_or_never().is_none());
        assert!(Arc::ptr_eq(&peers.interest_of(&run, now).unwrap(), &known));

        let changed = peers.changes_of(&run, now).unwrap();
        look(&[node("c", &[7])]);
        assert!(changed.now_or_never().is_some());
        let changed = peers.changes_of(&run, now).unwrap();
        look(&[]);
        assert!(changed.now_or_never().is_some(), "nobody watches any more");
        let changed = peers.changes_of(&run, now).unwrap();
        peers.lost("gone fishing");
        assert!(changed.now_or_never().is_none(), "what is not known is no news");
        assert_eq!(peers.interest_of(&run, now), None);
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
