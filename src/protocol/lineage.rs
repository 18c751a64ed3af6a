//! The epochs of a run: which incarnation of the store assigned which seqs, and how much a cursor of an older one is
//! worth.

use super::{After, Cursor, Epoch, Seq};

/// A run's `(epoch, first seq of that epoch)`, both growing. Empty until the run's first event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage(Vec<(Epoch, Seq)>);

/// The answer to a reader that resumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// The reader continues with this seq.
    Continue {
        /// The next seq to deliver.
        next: Seq,
    },
    /// The log was cut back below the reader's cursor: the reader must drop its events from `from` on.
    Reset {
        /// First seq that the two incarnations do not share.
        from: Seq,
    },
}

impl Lineage {
    /// Built from stored rows, in order.
    pub fn new(entries: Vec<(Epoch, Seq)>) -> Self {
        debug_assert!(entries.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1));
        Self(entries)
    }

    /// The entries, oldest first.
    pub fn entries(&self) -> &[(Epoch, Seq)] {
        &self.0
    }

    /// The current epoch; `None` before the first event.
    pub fn epoch(&self) -> Option<Epoch> {
        self.0.last().map(|(epoch, _)| *epoch)
    }

    /// Opens `epoch` at `first` unless it is current. Seqs continue; only the epoch changes.
    pub fn open(&mut self, epoch: Epoch, first: Seq) {
        if self.epoch().is_none_or(|current| current < epoch) {
            self.0.push((epoch, first));
        }
    }

    /// Whether today's log contains everything that `epoch` stored up to `last`.
    pub fn holds(&self, epoch: Epoch, last: Seq) -> bool {
        let mut later = self.0.iter().skip_while(|(known, _)| *known != epoch);
        later.next().is_some() && later.next().is_none_or(|(_, first)| last < *first)
    }

    /// Resolves `after` against a log that ends at `tip`.
    ///
    /// A cursor `(E, N)` continues if N is at most the last surviving seq of E; a bare number is taken as of the
    /// current epoch. An epoch that this store never knew, and that is younger than all it knows, provably shares
    /// nothing: reset from 1.
    pub fn resolve(&self, after: After, tip: Seq) -> Resume {
        let cursor = match after {
            After::Start => return Resume::Continue { next: 1 },
            After::Latest => return Resume::Continue { next: tip + 1 },
            After::Last(count) => return Resume::Continue { next: tip.saturating_sub(count) + 1 },
            After::Cursor(cursor) => cursor,
        };
        let shared = self.shared(cursor, tip);
        if cursor.seq <= shared {
            Resume::Continue { next: cursor.seq + 1 }
        } else {
            Resume::Reset { from: shared + 1 }
        }
    }

    /// The last seq that the incarnation of `cursor` shares with today's log.
    fn shared(&self, cursor: Cursor, tip: Seq) -> Seq {
        let Some(epoch) = cursor.epoch else { return tip };
        match self.0.iter().find(|(later, _)| *later > epoch) {
            Some((_, first)) => first - 1,
            None if self.0.iter().any(|(known, _)| *known == epoch) => tip,
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(epoch: u64, seq: Seq) -> After {
        After::Cursor(Cursor { epoch: Some(Epoch(epoch)), seq })
    }

    #[test]
    fn a_cursor_continues_up_to_the_last_seq_that_survived_its_epoch() {
        let lineage = Lineage::new(vec![(Epoch(1), 1), (Epoch(3), 11)]);
        for (after, want) in [
            (After::Start, Resume::Continue { next: 1 }),
            (After::Latest, Resume::Continue { next: 21 }),
            (After::Last(5), Resume::Continue { next: 16 }),
            (After::Last(500), Resume::Continue { next: 1 }),
            (cursor(1, 0), Resume::Continue { next: 1 }),
            (cursor(1, 10), Resume::Continue { next: 11 }),
            (cursor(1, 11), Resume::Reset { from: 11 }),
            (cursor(3, 20), Resume::Continue { next: 21 }),
            (cursor(3, 21), Resume::Reset { from: 21 }),
            // An epoch that was opened and lost before any of its events survived.
            (cursor(2, 10), Resume::Continue { next: 11 }),
            (cursor(2, 12), Resume::Reset { from: 11 }),
            // Younger than any epoch that this store knows.
            (cursor(9, 4), Resume::Reset { from: 1 }),
            (cursor(9, 0), Resume::Continue { next: 1 }),
            (After::Cursor(Cursor { epoch: None, seq: 20 }), Resume::Continue { next: 21 }),
            (After::Cursor(Cursor { epoch: None, seq: 99 }), Resume::Reset { from: 21 }),
        ] {
            assert_eq!(lineage.resolve(after, 20), want, "{after:?}");
        }
    }

    #[test]
    fn a_run_without_events_resets_only_a_cursor_that_has_some() {
        let lineage = Lineage::default();
        assert_eq!(lineage.resolve(cursor(4, 0), 0), Resume::Continue { next: 1 });
        assert_eq!(lineage.resolve(cursor(4, 3), 0), Resume::Reset { from: 1 });
    }

    #[test]
    fn a_segment_belongs_to_the_log_if_its_epoch_stored_it_and_no_later_one_took_its_place() {
        let lineage = Lineage::new(vec![(Epoch(1), 1), (Epoch(3), 11)]);
        assert!(lineage.holds(Epoch(1), 10));
        assert!(!lineage.holds(Epoch(1), 11));
        assert!(lineage.holds(Epoch(3), 30));
        assert!(!lineage.holds(Epoch(2), 11));
        assert!(!lineage.holds(Epoch(4), 31));
    }

    #[test]
    fn opening_the_current_epoch_again_changes_nothing() {
        let mut lineage = Lineage::default();
        lineage.open(Epoch(4), 1);
        lineage.open(Epoch(4), 8);
        lineage.open(Epoch(6), 9);
        assert_eq!(lineage.entries(), [(Epoch(4), 1), (Epoch(6), 9)]);
        assert_eq!(lineage.epoch(), Some(Epoch(6)));
    }
}
