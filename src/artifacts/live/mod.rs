//! Live traces: their parts are taken in and handed out while their tests run, and removed soon after. The store is all
//! there is of them: any node lists a trace's folder and knows what it consists of. What a node remembers of that saves
//! it requests, and is never the truth.

mod error;
mod known;
mod listing;
mod memory;
mod post;
mod read;
mod removal;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use error::LiveTraceError;
pub use listing::ListedTrace;
pub use read::LiveEntry;
pub use removal::RemovedTraces;

use known::KnownTraces;
use memory::PartMemory;

use crate::protocol::TraceId;
use crate::protocol::live_trace::EntryName;

/// The bounds of live traces.
#[derive(Clone, Copy, Debug)]
pub struct LiveTraceLimits {
    /// Most bytes of a trace.
    pub bytes: u64,
    /// Most posts a second to a trace through this node.
    pub posts_per_sec: u32,
    /// How long a trace is kept after its last part.
    pub keep: Duration,
    /// How long what the node knows of a trace is complete, because it has stored all parts itself; zero where other
    /// nodes have the same store.
    pub alone_for: Duration,
    /// Bytes of parts that the node keeps in memory.
    pub memory: usize,
}

/// What a node remembers of live traces.
pub struct LiveTraces {
    limits: LiveTraceLimits,
    known: KnownTraces,
    memory: PartMemory,
}

/// What there is of a live trace.
#[derive(Clone, Debug)]
pub struct LiveTrace {
    /// The trace.
    pub id: TraceId,
    /// Its bytes, all entries together.
    pub bytes: u64,
    /// Those of them that can be read: what follows a hole can't yet. It grows whenever there is more to load.
    pub readable: u64,
    /// Whether it is larger than it may be, and has ended.
    pub full: bool,
    /// Whether it has something that a viewer can show.
    pub can_be_shown: bool,
    /// Bytes that a viewer reads anew whenever there is more.
    pub line_bytes: u64,
    /// The entries, with the bytes that there are of each.
    pub entries: Vec<(EntryName, u64)>,
}

impl LiveTraces {
    /// Nothing is remembered yet.
    pub fn new(limits: LiveTraceLimits) -> Self {
        Self { limits, known: KnownTraces::default(), memory: PartMemory::new(limits.memory) }
    }

    /// The bounds.
    pub fn limits(&self) -> &LiveTraceLimits {
        &self.limits
    }
}
