//! Storing events.

use std::sync::Arc;
use std::time::Instant;

use actix::Message;
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::budget::Held;
use crate::protocol::event::EventBatch;
use crate::protocol::{Cursor, Lines, ProducerId, Seq, ServerEvent};
use crate::run_state::RunStatus;
use crate::storage::journal::{Appended, OnGap, Refusal};

/// Who numbers a post's events.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// The producer.
    pub producer: ProducerId,
    /// Number of the first event.
    pub n: u64,
    /// What to do about skipped numbers.
    pub on_gap: OnGap,
}

/// Where a post's answer goes.
pub type PublishReply = oneshot::Sender<Result<Published, PublishError>>;

/// Store events. Answered once they are durable; never silently dropped. Built by [`Publish::from_producer`] and
/// [`Publish::from_server`] only.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Publish {
    /// The producer's numbering; `None`: the room numbers them itself.
    pub numbered: Option<Numbered>,
    /// The events.
    pub lines: Lines,
    /// The last `run_status` among them.
    pub status: Option<RunStatus>,
    /// Store only if this is the run's last seq.
    pub if_tip: Option<Seq>,
    /// When the request reached the node.
    pub arrived: Instant,
    /// The request's share of the node's memory for bodies, given back when it is answered.
    pub held: Arc<Held>,
    /// Where the answer goes; dropped unanswered when the room dies.
    pub reply: PublishReply,
    /// The server's event that this is; `None`: a producer's events.
    event: Option<ServerEvent>,
}

impl Publish {
    /// The events of a producer's request, which reached the node at `arrived`.
    pub fn from_producer(
        batch: EventBatch,
        numbered: Option<Numbered>,
        arrived: Instant,
        held: Arc<Held>,
        reply: PublishReply,
    ) -> Self {
        let EventBatch { lines, status } = batch;
        Self { numbered, lines, status, if_tip: None, arrived, held, reply, event: None }
    }

    /// An event of the server's own; `line` is its JSON. What it may do is in the table of [`ServerEvent`].
    pub fn from_server(event: ServerEvent, line: Bytes, held: Arc<Held>, reply: PublishReply) -> Self {
        Self {
            numbered: None,
            lines: Lines::from_stored(line),
            status: event.status(),
            if_tip: None,
            arrived: Instant::now(),
            held,
            reply,
            event: Some(event),
        }
    }

    /// The same, to be stored only if `tip` is the run's last seq then.
    #[must_use]
    pub fn if_tip(self, tip: Seq) -> Self {
        Self { if_tip: Some(tip), ..self }
    }

    /// See [`crate::storage::journal::Post::own`].
    pub fn is_privileged(&self) -> bool {
        self.event.is_some_and(ServerEvent::is_privileged)
    }

    /// See [`crate::storage::journal::Post::seals`].
    pub fn seals(&self) -> bool {
        self.event.is_some_and(ServerEvent::seals)
    }
}

/// A post that was accepted.
#[derive(Clone, Debug)]
pub struct Published {
    /// What the journal says of it.
    pub appended: Appended,
    /// The run's cursor afterwards.
    pub cursor: Cursor,
}

/// A post that was not stored, or may not have been.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PublishError {
    /// For a reason of its own.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The room's queue or the journal's is full; nothing stored.
    #[error("too much is waiting to be stored")]
    Saturated,
    /// The journal is away; nothing stored.
    #[error("{0}")]
    Unavailable(String),
    /// It may be stored.
    #[error("{0}")]
    OutcomeUnknown(String),
    /// This room has retired: find it anew.
    #[error("the room has retired")]
    Retired,
}
