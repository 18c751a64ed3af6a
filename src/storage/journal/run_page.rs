//! Listings of runs: pages, and the positions where the next one begins.

use super::Head;
use crate::protocol::{RunId, Timestamp};

/// A run and its head, for sweeps and for the repair of the catalog.
#[derive(Clone, Debug)]
pub struct RunHead {
    /// The run.
    pub run: RunId,
    /// Its head.
    pub head: Head,
}

/// A position in a listing: after this run, in the order of the listing's times and then of ids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunPosition {
    /// The run's time when it was listed.
    pub at: Timestamp,
    /// The run.
    pub run: RunId,
}

/// One page of a listing.
#[derive(Clone, Debug, Default)]
pub struct RunPage {
    /// The runs, without those whose head can't be read.
    pub runs: Vec<RunHead>,
    /// Where the next page begins; `None` at the end. Passing it on gets the caller past runs that stay in the listing.
    pub next: Option<RunPosition>,
}

impl RunPage {
    /// Builds a page from runs in the order of the times that `at` has, which are one more than `limit` if there are
    /// more.
    pub(super) fn of(mut runs: Vec<RunHead>, limit: usize, at: impl Fn(&Head) -> Timestamp) -> Self {
        let more = runs.len() > limit;
        runs.truncate(limit);
        let last = runs.last().filter(|_| more);
        let next = last.map(|last| RunPosition { at: at(&last.head), run: last.run.clone() });
        Self { runs, next }
    }
}
