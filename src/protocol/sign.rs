//! Signs of life: whose they are, and when one was last seen.

use std::sync::Arc;

use super::Timestamp;

/// Whose signs of life matter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    /// The holder of the lease, by its subject.
    Subject(Arc<str>),
    /// A producer.
    Producer(Arc<str>),
}

/// When a sign of life was last seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// At this journal time; or it was not seen since then, and this node can hear without a break only since then.
    At(Timestamp),
    /// It can't be known now: nothing ends for want of it.
    Unknown,
}
