//! The names of keys and channels.
//!
//! All keys of a run share a hash tag, the run's id: a run is on one server as a whole. The indexes over all runs
//! are on the same server, so a script may use both. Redis Cluster would separate them, and is not supported.

use crate::protocol::RunId;

/// Names under one prefix.
#[derive(Clone, Debug)]
pub(super) struct RedisKeys {
    prefix: String,
}

/// The indexes over all runs. Each is a sorted set of run ids. A run is in exactly one of the first four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Index {
    /// Runs that can grow and whose status is not final, by when they were active last.
    Open,
    /// Runs that can grow and whose status is final, by when they were active last.
    Ended,
    /// Sealed runs, by when they were active last.
    Sealed,
    /// Tombstones, by the time of their expiry.
    Gone,
    /// Runs that were only steered since they were active last, by the time of their last event.
    OnlySteered,
    /// Runs that have a deadline, by the earliest.
    Due,
}

impl RedisKeys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// The hash about the store as a whole: its incarnation and format.
    pub(super) fn store(&self) -> String {
        format!("{}:store", self.prefix)
    }

    /// A key that is written to find out whether writing is possible.
    pub(super) fn probe(&self) -> String {
        format!("{}:probe", self.prefix)
    }

    pub(super) fn index(&self, index: Index) -> String {
        let name = match index {
            Index::Open => "open",
            Index::Ended => "ended",
            Index::Sealed => "sealed",
            Index::Gone => "gone",
            Index::OnlySteered => "only_steered",
            Index::Due => "due",
        };
        format!("{}:runs:{name}", self.prefix)
    }

    /// A hash of the run's version, state, and times.
    pub(super) fn head(&self, run: &RunId) -> String {
        format!("{}:{{{run}}}:head", self.prefix)
    }

    /// A stream of the run's segments. A segment's entry id is its last seq.
    pub(super) fn log(&self, run: &RunId) -> String {
        format!("{}:{{{run}}}:log", self.prefix)
    }

    /// A sorted set of the segments in the log that hold control events: their last seqs, as member and as score.
    pub(super) fn control(&self, run: &RunId) -> String {
        format!("{}:{{{run}}}:control", self.prefix)
    }

    /// The segments of a run that is being moved here, until it is there as a whole.
    pub(super) fn staged_log(&self, run: &RunId) -> String {
        format!("{}:{{{run}}}:staged:log", self.prefix)
    }

    /// Those of them that hold control events.
    pub(super) fn staged_control(&self, run: &RunId) -> String {
        format!("{}:{{{run}}}:staged:control", self.prefix)
    }

    /// A hash of the run's producers.
    pub(super) fn marks(&self, run: &RunId) -> String {
        format!("{}:{{{run}}}:marks", self.prefix)
    }

    /// The channel of a run's doorbell.
    pub(super) fn doorbell(&self, run: &RunId) -> String {
        format!("{}:{{{run}}}:notice", self.prefix)
    }

    /// The channel of a node's probes, which prove that it still receives messages.
    pub(super) fn probe_channel(&self, node: &str) -> String {
        format!("{}:node:{node}:probe", self.prefix)
    }
}
