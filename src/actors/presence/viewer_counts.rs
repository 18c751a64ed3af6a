//! The number of viewers of each run on this node. Pure.

use std::collections::{HashMap, HashSet};

use crate::actors::messages::thread_agent::ViewerChanges;
use crate::protocol::{Connection, RunId};

/// Viewers per run. Runs without viewers have no entry.
#[derive(Debug, Default)]
pub(super) struct ViewerCounts(HashMap<RunId, u64>);

/// Viewers that have come, viewers that have gone, and the runs whose number of viewers has changed, with that number.
type Entries = (Vec<Connection>, Vec<Connection>, Vec<(RunId, u64)>);

impl ViewerCounts {
    /// Applies changes and returns what to report of them. A viewer that came and went within them is not reported.
    pub(super) fn take(&mut self, changes: ViewerChanges) -> Entries {
        let ViewerChanges { mut began, mut ended, .. } = changes;
        let gone: HashSet<_> = ended.iter().map(|connection| connection.session).collect();
        let brief: HashSet<_> = began.iter().map(|c| c.session).filter(|session| gone.contains(session)).collect();
        began.retain(|connection| !brief.contains(&connection.session));
        ended.retain(|connection| !brief.contains(&connection.session));
        let mut changed = HashSet::new();
        for Connection { run, .. } in &began {
            *self.0.entry(run.clone()).or_default() += 1;
            changed.insert(run.clone());
        }
        for Connection { run, .. } in &ended {
            if let Some(viewers) = self.0.get_mut(run) {
                *viewers = viewers.saturating_sub(1);
            }
            changed.insert(run.clone());
        }
        let viewers = changed.into_iter().map(|run| {
            let viewers = self.0.get(&run).copied().unwrap_or(0);
            (run, viewers)
        });
        let viewers = viewers.collect();
        self.0.retain(|_, viewers| *viewers > 0);
        (began, ended, viewers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn viewer(run: &str) -> Connection {
        Connection::begin(RunId::parse(run).unwrap(), None)
    }

    fn changes(began: &[&Connection], ended: &[&Connection]) -> ViewerChanges {
        let owned = |connections: &[&Connection]| connections.iter().map(|c| (*c).clone()).collect();
        ViewerChanges { whole: false, began: owned(began), ended: owned(ended) }
    }

    #[test]
    fn only_runs_whose_viewers_have_changed_are_told() {
        let mut counts = ViewerCounts::default();
        let (a, b, c) = (viewer("r"), viewer("r"), viewer("s"));
        let (began, ended, mut viewers) = counts.take(changes(&[&a, &b, &c], &[]));
        viewers.sort();
        assert_eq!((began.len(), ended.len()), (3, 0));
        assert_eq!(viewers, [(a.run.clone(), 2), (c.run.clone(), 1)]);

        let (began, ended, viewers) = counts.take(changes(&[], &[&b]));
        assert_eq!((began, ended, viewers), (vec![], vec![b.clone()], vec![(a.run.clone(), 1)]));
        assert_eq!(counts.take(changes(&[], &[&a])).2, [(a.run.clone(), 0)]);
        assert_eq!(counts.0, HashMap::from([(c.run, 1)]));
        assert_eq!(counts.take(ViewerChanges::default()), (vec![], vec![], vec![]));
    }

    #[test]
    fn whoever_came_and_went_between_two_rolls_is_not_told() {
        let mut counts = ViewerCounts::default();
        let (a, b) = (viewer("r"), viewer("r"));
        assert_eq!(counts.take(changes(&[&a, &b], &[&a])), (vec![b.clone()], vec![], vec![(b.run, 1)]));
    }
}
