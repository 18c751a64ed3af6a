//! Messages of a room: publish, read, wait, fold, subscribe, and updates from other nodes.

use std::sync::Arc;
use std::time::Instant;

use actix::{Message, Recipient};
use bytes::Bytes;
use tokio::sync::oneshot;

use super::broadcaster::BroadcasterPort;
pub use super::broadcaster::ShowScreen;
use crate::actors::shared::RoomGauge;
use crate::budget::{Buffer, Held};
use crate::protocol::cursor::Place;
use crate::protocol::event::EventBatch;
use crate::protocol::{After, Cursor, Epoch, Lines, ProducerId, RunId, Segment, Seq, ServerEvent};
use crate::run_state::RunStatus;
use crate::storage::journal::{Appended, Head, OnGap, Refusal, RunPhase};

/// The addresses of one generation of a room. It is shared as an `Arc`, and not cloned per message.
#[derive(Debug)]
pub struct RoomPort {
    /// The run.
    pub run: RunId,
    /// The generation of the run's room on this node. It only grows.
    pub generation: u64,
    /// Stores events.
    pub publish: Recipient<Publish>,
    /// Reads a page.
    pub read: Recipient<Read>,
    /// Waits for an event.
    pub wait: Recipient<WaitForEvents>,
    /// Folds the run's state.
    pub fold: Recipient<Fold>,
    /// Shows the live screen.
    pub show: Recipient<ShowScreen>,
    /// Adds a broadcaster.
    pub subscribe: Recipient<Subscribe>,
    /// Removes a broadcaster.
    pub unsubscribe: Recipient<Unsubscribe>,
    /// Frees cached segments.
    pub reclaim: Recipient<Reclaim>,
    /// Takes updates from other nodes.
    pub updates: Recipient<RemoteUpdate>,
    /// Figures that other actors read without a message.
    pub gauge: Arc<RoomGauge>,
}

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
/// Takes a page.
pub type ReadReply = oneshot::Sender<Result<Page, ReadError>>;
/// Takes a run's folded state.
pub type FoldReply = oneshot::Sender<Result<Folded, ReadError>>;
/// Takes a signal that there are new events.
pub type WaitReply = oneshot::Sender<()>;

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
        let EventBatch { lines, status } = batch;
        Self { numbered, lines, status, if_tip: None, arrived, held, reply, event: None }
    }

    /// Builds the message for one of the server's own events, whose JSON is `line`. The table of [`ServerEvent`] says
    /// what the event may do.
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

    /// Adds the condition that `tip` is still the run's last seq.
    #[must_use]
    pub fn if_tip(self, tip: Seq) -> Self {
        Self { if_tip: Some(tip), ..self }
    }

    /// Whether the post is the server's own. See [`crate::storage::journal::Post::own`].
    pub fn is_privileged(&self) -> bool {
        self.event.is_some_and(ServerEvent::is_privileged)
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

/// Fold the run's state. It includes everything that was acknowledged on any node before the request.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Fold {
    /// Takes the state.
    pub reply: FoldReply,
}

impl Fold {
    /// Whether the caller has stopped waiting for the state.
    pub fn is_given_up(&self) -> bool {
        self.reply.is_closed()
    }
}

/// A run's state, and the cursor up to which events are folded into it.
#[derive(Clone, Debug)]
pub struct Folded {
    /// The state as a JSON object, shared by all readers; `None` when the budget has no room for it.
    pub text: Option<Arc<Buffer>>,
    /// The last event in the state.
    pub cursor: Cursor,
    /// Whether the run can get more events, or has expired.
    pub phase: RunPhase,
}

/// Send the run's segments to this broadcaster. The answer is [`super::broadcaster::TipIs`].
#[derive(Message)]
#[rtype(result = "()")]
pub struct Subscribe(pub BroadcasterPort);

/// Remove a broadcaster, because it has no viewers.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Unsubscribe {
    /// The broadcaster's id.
    pub broadcaster: u64,
}

/// The registry wants the room to free something.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub enum Reclaim {
    /// The node holds too many segments and states: free this room's.
    Memory,
    /// The node has too many rooms: retire now if the room is unused.
    Slot,
    /// The run's events have expired: what the room holds is void.
    Expired,
}

/// An update from other nodes, which the bridge sends while the room follows its run. Updates may be lost, duplicated,
/// late, or out of order.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub enum RemoteUpdate {
    /// A node has stored something.
    Notice {
        /// The run's head at that time.
        head: Head,
        /// The stored segments; empty when they must be read from the journal.
        segments: Vec<Arc<Segment>>,
    },
    /// The journal's head of the run, read while the room is subscribed. Whatever is stored after it arrives as a
    /// notice.
    Tip(Head),
    /// A screen frame from another node.
    Screen(Bytes),
    /// Notices do not arrive any more, so the room's knowledge may be out of date.
    NotSubscribed,
    /// The bridge was restarted and knows no room: a room that follows its run must say so again.
    Forgotten,
}
