//! Where a reader stands against the log: resolving what it asked for into a place and a verdict. Pure.

use crate::actors::messages::room::{ReadFrom, Verdict};
use crate::protocol::After;
use crate::protocol::cursor::Place;
use crate::protocol::lineage::Resume;
use crate::storage::journal::Head;

/// A reader's place and what it has to be told first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) verdict: Verdict,
    pub(super) place: Place,
}

/// Resolves a request against a head that the journal vouches for.
pub(super) fn resolve(from: ReadFrom, head: &Head) -> Resolved {
    let after = match from {
        ReadFrom::After(after) => after,
        ReadFrom::Place(place) => After::Cursor(place.cursor()),
    };
    let epoch = head.lineage.epoch();
    let (verdict, next) = match head.lineage.resolve(after, head.tip) {
        Resume::Continue { next } if next < head.first && head.first > 1 => {
            (Verdict::Gap { from: next, to: head.first - 1 }, head.first)
        }
        Resume::Continue { next } => (Verdict::Continue, next),
        Resume::Reset { from } => (Verdict::Reset { from }, from),
    };
    // `-N` of an expired run asks for what there is, not for what was.
    let verdict = match (verdict, after) {
        (Verdict::Gap { .. }, After::Last(_)) => Verdict::Continue,
        _ => verdict,
    };
    Resolved { verdict, place: Place { epoch, next } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Cursor, Epoch, Lineage, Seq};

    fn head(first: Seq, tip: Seq) -> Head {
        Head { lineage: Lineage::new(vec![(Epoch(1), 1)]), tip, first, ..Head::unborn() }
    }

    fn at(seq: Seq) -> ReadFrom {
        ReadFrom::After(After::Cursor(Cursor { epoch: Some(Epoch(1)), seq }))
    }

    #[test]
    fn what_is_gone_is_a_gap_and_the_reader_goes_on_behind_it() {
        let gone = head(11, 10);
        assert_eq!(resolve(at(3), &gone).verdict, Verdict::Gap { from: 4, to: 10 });
        assert_eq!(resolve(at(3), &gone).place.next, 11);
        assert_eq!(resolve(at(10), &gone).verdict, Verdict::Continue);
        assert_eq!(resolve(ReadFrom::After(After::Start), &gone).verdict, Verdict::Gap { from: 1, to: 10 });
        assert_eq!(resolve(ReadFrom::After(After::Latest), &gone).verdict, Verdict::Continue);
        assert_eq!(resolve(ReadFrom::After(After::Last(5)), &gone).verdict, Verdict::Continue);
    }

    #[test]
    fn a_cursor_beyond_the_log_is_a_reset() {
        let resolved = resolve(at(12), &head(1, 10));
        assert_eq!(resolved.verdict, Verdict::Reset { from: 11 });
        assert_eq!(resolved.place, Place { epoch: Some(Epoch(1)), next: 11 });
    }

    #[test]
    fn an_unborn_run_can_be_watched_from_its_start() {
        for after in [After::Start, After::Latest, After::Last(5)] {
            let resolved = resolve(ReadFrom::After(after), &Head::unborn());
            assert_eq!(resolved, Resolved { verdict: Verdict::Continue, place: Place { epoch: None, next: 1 } });
        }
    }
}
