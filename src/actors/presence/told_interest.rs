//! What the other nodes have been told of this node's interest, and what is new since then.

use std::collections::HashMap;
use std::sync::Arc;

use crate::actors::shared::NodeInterest;
use crate::protocol::{Interest, RunId};

/// Most runs whose interest is told; the other nodes look for no more. What lies beyond is told when others have gone.
const MAX_TOLD: usize = 20_000;

/// The interest that was told, by run.
#[derive(Debug, Default)]
pub(super) struct ToldInterest {
    /// The changes of the node's interest that it includes.
    version: u64,
    runs: HashMap<RunId, Arc<Interest>>,
}

impl ToldInterest {
    /// What has changed since the last call, as a report says it. As long as nothing has, it costs nothing.
    pub(super) fn take(&mut self, node: &NodeInterest) -> Vec<(RunId, Arc<Interest>)> {
        if node.version() == self.version {
            return Vec::new();
        }
        let gone = node.gone(self.runs.keys());
        let (version, changed) = node.since(self.version);
        // A run that found no room is new to the next call, too.
        let is_whole = self.runs.len() + changed.len() <= MAX_TOLD + gone.len();
        gone.iter().for_each(|run| _ = self.runs.remove(run));
        let mut news: Vec<_> = gone.into_iter().map(|run| (run, Arc::default())).collect();
        for (run, interest) in changed {
            let is_known = self.runs.contains_key(&run);
            if (is_known || self.runs.len() < MAX_TOLD) && self.runs.get(&run) != Some(&interest) {
                self.runs.insert(run.clone(), interest.clone());
                news.push((run, interest));
            }
        }
        if is_whole {
            self.version = version;
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::shared::{InterestBoard, InterestPart};
    use crate::protocol::ScreenChoice;

    fn choice(of: &str) -> Interest {
        Interest::of(&ScreenChoice::checked(of, Some(8), None).unwrap())
    }

    fn part(node: &NodeInterest, run: &str) -> InterestPart {
        let board = InterestBoard::default();
        board.belongs_to(RunId::parse(run).unwrap(), node);
        board.part()
    }

    #[test]
    fn only_what_has_changed_is_told() {
        let (node, mut told) = (NodeInterest::default(), ToldInterest::default());
        let (r, s) = (part(&node, "r"), part(&node, "s"));
        assert_eq!(told.take(&node), []);
        r.tell(choice("auto"));
        s.tell(choice("p/1"));
        assert_eq!(told.take(&node).len(), 2);
        assert_eq!(told.take(&node), []);
        s.tell(choice("off"));
        r.tell(choice("wall"));
        let mut news = told.take(&node);
        news.sort_by(|a, b| a.0.cmp(&b.0));
        let run = |name: &str| RunId::parse(name).unwrap();
        assert_eq!(news, [(run("r"), Arc::new(choice("wall"))), (run("s"), Arc::default())]);
        drop(r);
        assert_eq!(told.take(&node), [(run("r"), Arc::default())]);
        assert_eq!(ToldInterest::default().take(&node), []);
    }

    #[test]
    fn runs_beyond_the_bound_are_told_when_there_is_room() {
        let (node, mut told) = (NodeInterest::default(), ToldInterest::default());
        let mut parts: Vec<_> = (0..=MAX_TOLD).map(|index| part(&node, &index.to_string())).collect();
        parts.iter().for_each(|part| part.tell(choice("auto")));
        assert_eq!(told.take(&node).len(), MAX_TOLD);
        assert_eq!(told.take(&node), []);
        parts.drain(..10);
        let news = told.take(&node);
        assert!(news.len() >= 10 && told.runs.len() == parts.len(), "{}", news.len());
    }
}
