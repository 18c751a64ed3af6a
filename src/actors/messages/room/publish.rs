//! Storing events.

use std::sync::Arc;
use std::time::Instant;

use actix::Message;
use actix::dev::SendError;
use bytes::Bytes;
use tokio::sync::oneshot;

use super::{ControlTip, RoomPort};
use crate::budget::Held;
use crate::protocol::event::EventBatch;
use crate::protocol::event::stamp::Stamp;
use crate::protocol::status::RunStatus;
use crate::protocol::{Cursor, Lines, ProducerId, Seq, ServerEvent};
use crate::storage::journal::{Appended, ControlPost, OnGap, Refusal};

/// The producer and number of a post's events.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// The producer.
    pub producer: ProducerId,
    /// Number of the first event.
    pub n: u64,
    /// What happens when numbers are skipped.
    pub on_gap: OnGap,
}

/// Takes the answer to a post.
pub type PublishReply = oneshot::Sender<Result<Published, PublishError>>;

/// Store events. It is answered once they are durable, and never dropped silently. Only [`Publish::from_producer`] and
/// [`Publish::from_server`] build it.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Publish {
    /// The producer's numbering; with `None` the room numbers the events itself.
    pub numbered: Option<Numbered>,
    /// The events.
    pub lines: Lines,
    /// The last `run_status` among the events.
    pub status: Option<RunStatus>,
    /// Those of a producer's events into which the journal writes who posted them, and when.
    pub stamps: Arc<[Stamp]>,
    /// Store only if this is the run's last seq.
    pub if_tip: Option<Seq>,
    /// When the request reached the node.
    pub arrived: Instant,
    /// The request's share of the node's memory for bodies, returned when the request is answered.
    pub held: Arc<Held>,
    /// Takes the answer. It is dropped unanswered when the room ends.
    pub reply: PublishReply,
    /// The server's own event, if it is one; `None` for a producer's events.
    event: Option<ServerEvent>,
}

impl Publish {
    /// Builds the message for events of a producer's request, which reached the node at `arrived`.
    pub fn from_producer(
        batch: EventBatch,
        numbered: Option<Numbered>,
        arrived: Instant,
        held: Arc<Held>,
        reply: PublishReply,
    ) -> Self {
        let EventBatch { lines, status, stamps } = batch;
        Self { numbered, lines, status, stamps, if_tip: None, arrived, held, reply, event: None }
    }

    /// Builds the message for one of the server's own events, whose JSON is `line`. The table of [`ServerEvent`] says
    /// what the event may do.
    pub fn from_server(event: ServerEvent, line: Bytes, held: Arc<Held>, reply: PublishReply) -> Self {
        Self {
            numbered: None,
            lines: Lines::from_stored(line),
            status: event.status(),
            stamps: Arc::default(),
            if_tip: None,
            arrived: Instant::now(),
            held,
            reply,
            event: Some(event),
        }
    }

    /// Adds the condition that `tip` is still the run's last seq.
    #[must_use]
    pub fn if_tip(self, tip: Seq) -> Self {
        Self { if_tip: Some(tip), ..self }
    }

    /// Whether the post is the server's own. See [`crate::storage::journal::Post::privileged`].
    pub fn is_privileged(&self) -> bool {
        self.event.is_some_and(ServerEvent::is_privileged)
    }

    /// What the post does to the run's control, if it is the server's own. See [`crate::storage::journal::Post::control`].
    pub fn control(&self) -> Option<ControlPost> {
        self.event.filter(|event| event.is_control()).map(|_| ControlPost::default())
    }

    /// Whether the post seals the run. See [`crate::storage::journal::Post::seals`].
    pub fn seals(&self) -> bool {
        self.event.is_some_and(ServerEvent::seals)
    }
}

/// A post that was accepted.
#[derive(Clone, Debug)]
pub struct Published {
    /// The journal's answer.
    pub appended: Appended,
    /// The run's cursor afterwards.
    pub cursor: Cursor,
    /// Where the run's control ends then.
    pub control: ControlTip,
}

/// Why a post was not stored, or may not be stored.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PublishError {
    /// The journal refused this post.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The queue of the room or of the journal is full; nothing was stored.
    #[error("too much is waiting to be stored")]
    Saturated,
    /// The journal is unreachable; nothing was stored.
    #[error("{0}")]
    Unavailable(String),
    /// The post may or may not be stored.
    #[error("{0}")]
    OutcomeUnknown(String),
    /// This room has retired: find the run's room again.
    #[error("the room has retired")]
    Retired,
}

impl RoomPort {
    /// Has the room store a post, and waits for its answer. A room that ended before it took the post has
    /// [`PublishError::Retired`].
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn post(&self, request: impl FnOnce(PublishReply) -> Publish) -> Result<Published, PublishError> {
        let (reply, answer) = oneshot::channel();
        match self.publish.try_send(request(reply)) {
            Ok(()) => {}
            Err(SendError::Full(_)) => return Err(PublishError::Saturated),
            Err(SendError::Closed(_)) => return Err(PublishError::Retired),
        }
        answer.await.unwrap_or_else(|_| Err(PublishError::OutcomeUnknown("the run's room failed".to_owned())))
    }
}
