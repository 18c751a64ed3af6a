//! Why something could not be done with a live trace.

use std::collections::BTreeMap;

use crate::artifacts::ArtifactError;
use crate::protocol::TraceId;
use crate::protocol::live_trace::EntryName;
use crate::protocol::live_trace::index::PlanError;
use crate::storage::objects::ObjectsError;

/// A condition under which something is not done; the edge has its status and code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LiveTraceError {
    /// As with artifacts.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// Too many posts to the trace.
    #[error("a live trace takes {0} posts a second (artifacts.live_trace_posts_per_sec)")]
    TooOften(u32),
    /// Bytes before a part are missing; with the bytes that there are of each entry.
    #[error("{}", PlanError::Gap(.0.clone()))]
    Gap(BTreeMap<EntryName, u64>),
    /// The trace is as large as it may be.
    #[error("{}", PlanError::Full { bytes: *.0 })]
    Full(u64),
    /// A part has other bytes than those that are stored.
    #[error("entry {entry} has other bytes from {offset} on than those that were posted")]
    Changed {
        /// The entry.
        entry: EntryName,
        /// Where the part begins.
        offset: u64,
    },
    /// There is no such trace.
    #[error("the run has no live trace {0}: it has not begun, or its time is over")]
    Unknown(TraceId),
    /// The trace has no such entry.
    #[error("the live trace has no such entry")]
    NoEntry,
}

impl From<PlanError> for LiveTraceError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Gap(expected) => Self::Gap(expected),
            PlanError::Full { bytes } => Self::Full(bytes),
        }
    }
}

impl From<ObjectsError> for LiveTraceError {
    fn from(error: ObjectsError) -> Self {
        Self::Artifact(error.into())
    }
}
