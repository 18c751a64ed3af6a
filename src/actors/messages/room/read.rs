//! Reading pages of the log, and waiting for what comes after them.

use std::sync::Arc;

use actix::Message;
use tokio::sync::oneshot;

use crate::protocol::cursor::Place;
use crate::protocol::{After, Cursor, Epoch, Segment, Seq};
use crate::storage::journal::RunPhase;

/// Where a page goes.
pub type ReadReply = oneshot::Sender<Result<Page, ReadError>>;
/// Where it is told that there is news.
pub type WaitReply = oneshot::Sender<()>;

/// Where a read starts.
#[derive(Clone, Copy, Debug)]
pub enum ReadFrom {
    /// A request's `after`, to be resolved against the log.
    After(After),
    /// A place that was resolved before.
    Place(Place),
}

/// How new an answer has to be, where other nodes store, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// As the room has heard: whoever reads so is told what comes later.
    AsHeard,
    /// Whatever was acknowledged anywhere before the question is in it.
    AsStored,
}

/// "What follows?"
#[derive(Message)]
#[rtype(result = "()")]
pub struct Read {
    /// From where.
    pub from: ReadFrom,
    /// About how much: at least one segment if there is any.
    pub max_bytes: usize,
    /// How new the answer has to be.
    pub freshness: Freshness,
    /// Where the page goes; dropped unanswered when the room dies.
    pub reply: ReadReply,
}

impl Read {
    /// Whether nobody waits for the page any more.
    pub fn is_given_up(&self) -> bool {
        self.reply.is_closed()
    }
}

/// What the log said of a reader's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It follows on.
    Continue,
    /// `from..=to` is history that is gone.
    Gap {
        /// First missing seq.
        from: Seq,
        /// Last missing seq.
        to: Seq,
    },
    /// The log was cut back: what the reader has from `from` on is void.
    Reset {
        /// First void seq.
        from: Seq,
    },
}

/// An answer to [`Read`].
#[derive(Clone, Debug)]
pub struct Page {
    /// What the log says of the reader's place.
    pub verdict: Verdict,
    /// Where the segments start: the reader's place after the verdict.
    pub place: Place,
    /// Consecutive; the first holds `place.next`, perhaps not as its first event. Empty at the tip.
    pub segments: Vec<Arc<Segment>>,
    /// The run's last seq at this moment.
    pub tip: Seq,
    /// The first seq still there.
    pub first: Seq,
    /// The run's current epoch.
    pub epoch: Option<Epoch>,
    /// Whether the run can grow.
    pub phase: RunPhase,
}

impl Page {
    /// Where a reader that asked for `after` stands until it has been told the verdict. A connection that ends just then
    /// must not have moved its cursor over what a gap or a reset would have announced.
    pub fn stood(&self, after: After) -> Cursor {
        match (self.verdict, after) {
            (Verdict::Gap { from, .. }, _) => Cursor { epoch: self.place.epoch, seq: from - 1 },
            (Verdict::Reset { .. }, After::Cursor(claimed)) => claimed,
            _ => self.place.cursor(),
        }
    }
}

/// A read that got no page. The reader keeps its place and asks again.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The journal is away.
    #[error("{0}")]
    Unavailable(String),
    /// This room has retired: find it anew.
    #[error("the room has retired")]
    Retired,
}

/// Tell when the log does not end where the caller stands: it has grown, or a part of it was lost.
#[derive(Message)]
#[rtype(result = "()")]
pub struct WaitForEvents {
    /// The last event that the caller has; without an epoch its seq alone counts.
    pub after: Cursor,
    /// Told once, or dropped: at the room's end, or at once when too many wait.
    pub reply: WaitReply,
}

impl WaitForEvents {
    /// Whether nobody waits any more.
    pub fn is_given_up(&self) -> bool {
        self.reply.is_closed()
    }
}
