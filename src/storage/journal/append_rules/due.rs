//! A run's earliest deadline, by which the run is looked at. Too early is allowed, too late is not.

use crate::protocol::Timestamp;

/// What an append does to a run's earliest deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DueChange {
    /// Nothing.
    #[default]
    None,
    /// Brings it forward to this time; one that is earlier stays.
    Lower(Timestamp),
    /// Sets it, or removes it.
    Set(Option<Timestamp>),
}

impl DueChange {
    /// Both changes as one, this one first.
    pub(super) fn then(self, next: Self) -> Self {
        match (self, next) {
            (before, Self::None) => before,
            (_, set @ Self::Set(_)) => set,
            (Self::None, lower) => lower,
            (Self::Lower(before), Self::Lower(at)) => Self::Lower(before.min(at)),
            (Self::Set(due), lower) => Self::Set(lower.apply(due)),
        }
    }

    /// The deadline after it.
    pub fn apply(self, due: Option<Timestamp>) -> Option<Timestamp> {
        match self {
            Self::None => due,
            Self::Set(due) => due,
            Self::Lower(at) => Some(due.map_or(at, |due| due.min(at))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DueChange::{Lower, None as Nothing, Set};
    use super::*;

    #[test]
    fn changes_in_one_append_are_one_change() {
        let at = Timestamp::from_millis;
        let changes = [Nothing, Lower(at(3)), Lower(at(5)), Set(None), Set(Some(at(4)))];
        for first in changes {
            for second in changes {
                for due in [None, Some(at(1)), Some(at(9))] {
                    assert_eq!(
                        first.then(second).apply(due),
                        second.apply(first.apply(due)),
                        "{first:?} {second:?} {due:?}"
                    );
                }
            }
        }
    }
}
