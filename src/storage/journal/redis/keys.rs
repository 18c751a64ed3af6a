//! The names of keys and channels.
//!
//! All keys of a run share a hash tag, its id: a run lives on one server as a whole. The indexes over all runs are the same
//! server's, so a script may touch both; Redis Cluster, which would part them, is not spoken.

use crate::protocol::RunId;

/// How the channels of a run end.
pub(super) const DOORBELL: &str = ":notice";
pub(super) const SCREEN: &str = ":screen";

/// Names under one prefix.
#[derive(Clone, Debug)]
pub(super) struct RedisKeys {
    prefix: String,
}

/// The indexes over all runs, each a sorted set of run ids. A run is in exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Index {
    /// Runs that can grow and whose status is not final, by the time of their last event.
    Open,
    /// Runs that can grow and whose status is final, by the time of their last event.
    Ended,
    /// Sealed runs, by the time of their last event.
    Sealed,
    /// Tombstones, by the time of their expiry.
    Gone,
}

impl RedisKeys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// What holds for the store as a whole: its incarnation.
    pub(super) fn store(&self) -> String {
        format!("{}:store", self.prefix)
    }

    /// Written to learn whether writing is possible.
    pub(super) fn probe(&self) -> String {
        format!("{}:probe", self.prefix)
    }

    pub(super) fn index(&self, index: Index) -> String {
        let name = match index {
            Index::Open => "open",
            Index::Ended => "ended",
            Index::Sealed => "sealed",
            Index::Gone => "gone",
        };
        format!("{}:runs:{name}", self.prefix)
    }

    /// A hash: the run's version, state, and times.
    pub(super) fn head(&self, run: &RunId) -> String {
        format!("{}:{{{run}}}:head", self.prefix)
    }

    /// A stream: the run's segments, keyed by their last seq.
    pub(super) fn log(&self, run: &RunId) -> String {
        format!("{}:{{{run}}}:log", self.prefix)
    }

    /// A hash: the run's producers.
    pub(super) fn marks(&self, run: &RunId) -> String {
        format!("{}:{{{run}}}:marks", self.prefix)
    }

    /// The channel on which a run's doorbell rings.
    pub(super) fn doorbell(&self, run: &RunId) -> String {
        format!("{}:{{{run}}}{DOORBELL}", self.prefix)
    }

    /// The channel on which a run's screen is shown.
    pub(super) fn screen(&self, run: &RunId) -> String {
        format!("{}:{{{run}}}{SCREEN}", self.prefix)
    }

    /// The channel on which a node proves that it hears.
    pub(super) fn probe_channel(&self, node: &str) -> String {
        format!("{}:node:{node}:probe", self.prefix)
    }
}
