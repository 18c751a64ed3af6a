//! What the viewers on this node look at, of all runs. The boards of the rooms write it; presence, which tells the other
//! nodes, and the bridge, which fetches what they have kept, read it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::protocol::{Interest, RunId};

/// The interest in each run that somebody on this node looks at; so it is bounded by the number of rooms. Cloning
/// shares it.
#[derive(Clone, Debug, Default)]
pub struct NodeInterest(Arc<NodeInterestState>);

#[derive(Debug, Default)]
struct NodeInterestState {
    runs: Mutex<HashMap<RunId, RunInterest>>,
    /// Changes so far.
    version: AtomicU64,
    boards: AtomicU64,
}

#[derive(Debug, Default)]
struct RunInterest {
    /// What each board has told. There are two only while one room takes the place of another.
    boards: Vec<(u64, Arc<Interest>)>,
    merged: Arc<Interest>,
    /// The change that made it what it is.
    version: u64,
}

/// The place of one board. What the board has told goes with it.
#[derive(Debug)]
pub(super) struct BoardEntry {
    node: NodeInterest,
    run: RunId,
    board: u64,
}

impl NodeInterest {
    fn runs(&self) -> MutexGuard<'_, HashMap<RunId, RunInterest>> {
        // No code panics while it holds the lock.
        self.0.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for the board of a room.
    pub(super) fn enter(&self, run: RunId) -> BoardEntry {
        let board = self.0.boards.fetch_add(1, Ordering::Relaxed);
        BoardEntry { node: self.clone(), run, board }
    }

    /// Changes so far: as long as this is the same, nothing has changed.
    pub fn version(&self) -> u64 {
        self.0.version.load(Ordering::Acquire)
    }

    /// What somebody looks at in a run; `None` if nobody looks at anything.
    pub fn of(&self, run: &RunId) -> Option<Arc<Interest>> {
        self.runs().get(run).map(|run| run.merged.clone())
    }

    /// The runs whose interest has changed after `version` and is not empty, and the version that this answers.
    pub fn since(&self, version: u64) -> (u64, Vec<(RunId, Arc<Interest>)>) {
        let runs = self.runs();
        let changed = runs.iter().filter(|(_, run)| run.version > version);
        (self.version(), changed.map(|(run, told)| (run.clone(), told.merged.clone())).collect())
    }

    /// Which of these runs nobody looks at any more.
    pub fn gone<'a>(&self, told: impl Iterator<Item = &'a RunId>) -> Vec<RunId> {
        let runs = self.runs();
        told.filter(|run| !runs.contains_key(*run)).cloned().collect()
    }

    fn tell(&self, run: &RunId, board: u64, interest: Arc<Interest>) {
        let mut runs = self.runs();
        if interest.is_empty() && !runs.contains_key(run) {
            return;
        }
        let told = runs.entry(run.clone()).or_default();
        told.boards.retain(|(other, _)| *other != board);
        if !interest.is_empty() {
            told.boards.push((board, interest));
        }
        told.merged = match &told.boards[..] {
            [(_, only)] => only.clone(),
            boards => {
                let mut merged = Interest::default();
                boards.iter().for_each(|(_, interest)| merged.merge(interest));
                merged.into()
            }
        };
        // Under the lock, so that whoever reads a version has all changes up to it.
        told.version = self.0.version.fetch_add(1, Ordering::AcqRel) + 1;
        if told.boards.is_empty() {
            runs.remove(run);
        }
    }
}

impl BoardEntry {
    /// The viewers of the board's room look at this now.
    pub(super) fn tell(&self, interest: Arc<Interest>) {
        self.node.tell(&self.run, self.board, interest);
    }
}

impl Drop for BoardEntry {
    fn drop(&mut self) {
        self.tell(Arc::default());
    }
}

#[cfg(test)]
mod tests {
    use super::super::InterestBoard;
    use super::*;
    use crate::protocol::ScreenChoice;

    fn choice(of: &str) -> Interest {
        Interest::of(&ScreenChoice::checked(of, Some(8), None).unwrap())
    }

    #[test]
    fn changes_are_told_once_and_a_board_that_goes_takes_its_part_along() {
        let (node, run) = (NodeInterest::default(), RunId::parse("r").unwrap());
        let (old, new) = (InterestBoard::default(), InterestBoard::default());
        let (part, new_part) = (old.part(), new.part());
        part.tell(choice("p/1"));
        old.belongs_to(run.clone(), &node);
        assert!(node.of(&run).unwrap().streams.contains("p/1"), "what was told before counts");
        new.belongs_to(run.clone(), &node);
        let (seen, changed) = node.since(0);
        assert_eq!((changed.len(), seen), (1, node.version()));
        assert_eq!(node.since(seen).1, []);
        new_part.tell(choice("auto"));
        let both = node.of(&run).unwrap();
        assert!(both.auto && both.streams.contains("p/1"));
        drop((part, old));
        assert_eq!(node.since(seen).1, [(run.clone(), Arc::new(choice("auto")))]);
        assert_eq!(node.gone([&run].into_iter()), []);
        drop(new_part);
        assert_eq!((node.of(&run), node.gone([&run].into_iter())), (None, vec![run]));
        assert!(node.version() > seen);
    }
}
