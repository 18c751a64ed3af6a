//! What the viewers of a run on this node look at. The broadcasters of its threads and the watchers of its live traces
//! write it, each its own part; presence and the edge read what they want together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::protocol::Interest;

/// The board of one room. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct InterestBoard(Arc<Mutex<Board>>);

#[derive(Debug, Default)]
struct Board {
    /// What each of them has told.
    parts: HashMap<u64, Interest>,
    /// All parts together.
    merged: Arc<Interest>,
}

impl InterestBoard {
    fn board(&self) -> MutexGuard<'_, Board> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the part of `who`, a number that is unique on the node. An empty interest removes it.
    pub fn tell(&self, who: u64, interest: Interest) {
        let mut board = self.board();
        let before = match interest.is_empty() {
            true => board.parts.remove(&who),
            false => board.parts.insert(who, interest),
        };
        if before.as_ref() != board.parts.get(&who) {
            let mut merged = Interest::default();
            board.parts.values().for_each(|part| merged.merge(part));
            board.merged = merged.into();
        }
    }

    /// What all want together.
    pub fn interest(&self) -> Arc<Interest> {
        self.board().merged.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ScreenChoice;

    #[test]
    fn parts_are_merged_and_go_with_those_who_told_them() {
        let board = InterestBoard::default();
        let choice = |of: &str| Interest::of(&ScreenChoice::checked(of, Some(8), None).unwrap());
        board.tell(1, choice("auto"));
        board.tell(2, choice("p/1"));
        assert!(board.interest().auto && board.interest().streams.contains("p/1"));
        board.tell(2, Interest::default());
        assert_eq!(*board.interest(), choice("auto"));
        board.tell(1, choice("off"));
        assert!(board.interest().is_empty());
    }
}
