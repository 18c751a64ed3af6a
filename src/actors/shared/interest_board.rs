//! What the viewers of a run on this node look at. The broadcasters of its threads and the watchers of its live traces
//! write it, each its own part; presence and the edge read what they want together.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use super::NodeInterest;
use super::node_interest::BoardEntry;
use crate::protocol::{Interest, RunId};

/// The board of one room. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct InterestBoard(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    board: Mutex<Board>,
    /// Wakes those who wait for a change; in an `Arc` of its own, which each of them holds.
    changed: Arc<Notify>,
    /// Its place among the boards of the node, if it has one.
    entry: OnceLock<BoardEntry>,
}

#[derive(Debug, Default)]
struct Board {
    /// What each of them has told.
    parts: BTreeMap<u64, Interest>,
    /// All parts together.
    merged: Arc<Interest>,
}

/// What one of them tells; it goes when this is dropped.
#[derive(Debug)]
pub struct InterestPart {
    board: InterestBoard,
    who: u64,
}

impl InterestPart {
    /// Tells what is looked at from now on.
    pub fn tell(&self, interest: Interest) {
        self.board.tell(self.who, interest);
    }
}

impl Drop for InterestPart {
    fn drop(&mut self) {
        self.tell(Interest::default());
    }
}

impl InterestBoard {
    /// A part of one's own, empty still.
    pub fn part(&self) -> InterestPart {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        InterestPart { board: self.clone(), who: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // No code panics while it holds the lock.
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the part of `who`. An empty interest removes it.
    fn tell(&self, who: u64, interest: Interest) {
        let mut board = self.board();
        match interest.is_empty() {
            true => board.parts.remove(&who),
            false => board.parts.insert(who, interest),
        };
        let mut merged = Interest::default();
        board.parts.values().for_each(|part| merged.merge(part));
        if merged != *board.merged {
            board.merged = merged.into();
            if let Some(entry) = self.0.entry.get() {
                entry.tell(board.merged.clone());
            }
            drop(board);
            self.wake();
        }
    }

    /// The board is that of a room of this run: the node's interest follows it from now on, until it is dropped.
    pub fn belongs_to(&self, run: RunId, node: &NodeInterest) {
        let (board, entry) = (self.board(), node.enter(run));
        entry.tell(board.merged.clone());
        // A board has one room, which says it once.
        let _ = self.0.entry.set(entry);
    }

    /// Ends with the next change of what all want, or when the run gets its first viewer on this node or loses its last
    /// one. It counts from this call on, polled or not: call it, then read the board, then wait.
    pub fn changed(&self) -> OwnedNotified {
        self.0.changed.clone().notified_owned()
    }

    /// Ends all waits of [`Self::changed`].
    pub(super) fn wake(&self) {
        self.0.changed.notify_waiters();
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

    fn choice(of: &str) -> Interest {
        Interest::of(&ScreenChoice::checked(of, Some(8), None).unwrap())
    }

    #[test]
    fn parts_are_merged_and_go_with_those_who_told_them() {
        let board = InterestBoard::default();
        let (one, two) = (board.part(), board.part());
        one.tell(choice("auto"));
        two.tell(choice("p/1"));
        assert!(board.interest().auto && board.interest().streams.contains("p/1"));
        drop(two);
        assert_eq!(*board.interest(), choice("auto"));
        one.tell(choice("off"));
        assert!(board.interest().is_empty());
    }

    #[test]
    fn whoever_waits_is_woken_by_what_changes_the_whole_and_by_nothing_else() {
        use futures_util::FutureExt as _;
        let board = InterestBoard::default();
        let (one, two) = (board.part(), board.part());
        let changed = board.changed();
        one.tell(choice("auto"));
        assert!(changed.now_or_never().is_some(), "it counts from the call on");
        let changed = board.changed();
        two.tell(choice("auto"));
        drop(one);
        assert!(changed.now_or_never().is_none(), "another looks at the same");
        let changed = board.changed();
        drop(two);
        assert!(changed.now_or_never().is_some());
    }
}
