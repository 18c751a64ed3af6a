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

/// Where a read begins.
#[derive(Clone, Copy, Debug)]
pub enum ReadFrom {
    /// A request's `after`, which the log must resolve.
    After(After),
    /// A place that was resolved earlier.
    Place(Place),
}

/// How current an answer must be when other nodes store as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// As current as the room's knowledge. The reader gets later events through its subscription.
    AsKnown,
    /// It must include everything that was acknowledged on any node before the request.
    AsStored,
}

/// Read the segments after a position.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Read {
    /// The position.
    pub from: ReadFrom,
    /// About how many bytes to return: at least one segment if there is any.
    pub max_bytes: usize,
    /// How current the answer must be.
    pub freshness: Freshness,
    /// Takes the page. It is dropped unanswered when the room ends.
    pub reply: ReadReply,
}

impl Read {
    /// Whether the caller has stopped waiting for the page.
    pub fn is_given_up(&self) -> bool {
        self.reply.is_closed()
    }
}

/// The log's verdict on a reader's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The log continues at the place.
    Continue,
    /// The events `from..=to` are no longer stored.
    Gap {
        /// First missing seq.
        from: Seq,
        /// Last missing seq.
        to: Seq,
    },
    /// The log lost events: what the reader has from `from` on is void.
    Reset {
        /// First void seq.
        from: Seq,
    },
}

/// An answer to [`Read`].
#[derive(Clone, Debug)]
pub struct Page {
    /// The verdict on the reader's place.
    pub verdict: Verdict,
    /// Where the segments begin: the reader's place after the verdict.
    pub place: Place,
    /// Consecutive segments. The first one holds `place.next`, possibly not as its first event. Empty at the tip.
    pub segments: Vec<Arc<Segment>>,
    /// The run's last seq at this moment.
    pub tip: Seq,
    /// The first seq that is still stored.
    pub first: Seq,
    /// The run's current epoch.
    pub epoch: Option<Epoch>,
    /// Whether the run can get more events.
    pub phase: RunPhase,
}

impl Page {
    /// The cursor of a reader that asked for `after`, until the verdict has reached it. If the connection ends before
    /// that, the cursor must not have moved past what a gap or a reset would announce.
    pub fn stood(&self, after: After) -> Cursor {
        match (self.verdict, after) {
            (Verdict::Gap { from, .. }, _) => Cursor { epoch: self.place.epoch, seq: from - 1 },
            (Verdict::Reset { .. }, After::Cursor(claimed)) => claimed,
            _ => self.place.cursor(),
        }
    }
}

/// Why a read has no page. The reader keeps its place and asks again.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The journal is unreachable.
    #[error("{0}")]
    Unavailable(String),
    /// This room has retired: find the run's room again.
    #[error("the room has retired")]
    Retired,
}

/// Wait until the log does not end where the caller stands: it has grown, or a part of it was lost.
#[derive(Message)]
#[rtype(result = "()")]
pub struct WaitForEvents {
    /// The last event that the caller has. Without an epoch only its seq counts.
    pub after: Cursor,
    /// Gets one signal. It is dropped when the room ends, or at once when too many callers wait.
    pub reply: WaitReply,
}

impl WaitForEvents {
    /// Whether the caller has stopped waiting.
    pub fn is_given_up(&self) -> bool {
        self.reply.is_closed()
    }
}
