//! What a room understands: publish, read, wait, subscribe, and what it hears from other nodes.

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

/// The addresses of one generation of a room. Cloned as an `Arc`, never per message.
#[derive(Debug)]
pub struct RoomPort {
    /// The run.
    pub run: RunId,
    /// Number of this generation of the run's room on this node; grows.
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
    /// Hears of other nodes.
    pub heard: Recipient<RemoteUpdate>,
    /// Figures that others may read without asking.
    pub gauge: Arc<RoomGauge>,
}

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
/// Where a page goes.
pub type ReadReply = oneshot::Sender<Result<Page, ReadError>>;
/// Where a run's state goes.
pub type FoldReply = oneshot::Sender<Result<Folded, ReadError>>;
/// Where it is told that there is news.
pub type WaitReply = oneshot::Sender<()>;

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

/// The run's folded state, with whatever was acknowledged anywhere before the question.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Fold {
    /// Where it goes.
    pub reply: FoldReply,
}

impl Fold {
    /// Whether nobody waits for the state any more.
    pub fn is_given_up(&self) -> bool {
        self.reply.is_closed()
    }
}

/// A run's state and the cursor up to which it was folded.
#[derive(Clone, Debug)]
pub struct Folded {
    /// The state: a JSON object, shared by all who read it; `None` when there is no room for it.
    pub text: Option<Arc<Buffer>>,
    /// The last event in it.
    pub cursor: Cursor,
    /// Whether the run can grow, or has gone.
    pub phase: RunPhase,
}

/// A broadcaster wants the run's segments. Answered by [`super::broadcaster::TipIs`].
#[derive(Message)]
#[rtype(result = "()")]
pub struct Subscribe(pub BroadcasterPort);

/// A broadcaster has no viewers any more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Unsubscribe {
    /// Its id.
    pub broadcaster: u64,
}

/// The registry wants something back.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub enum Reclaim {
    /// The node holds too many segments and states: free yours.
    Memory,
    /// The node has too many rooms: retire now if nobody uses you.
    Place,
    /// The run's events have expired: what you know of it is void.
    Expired,
}

/// What the bridge tells a room of other nodes while the room follows its run. Notices may be lost, doubled, late, or
/// out of order.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub enum RemoteUpdate {
    /// Some node stored something.
    Notice {
        /// The run then.
        head: Head,
        /// What was stored; empty when it has to be read.
        segments: Vec<Arc<Segment>>,
    },
    /// The journal was asked: the run is like this. From now on a notice tells of whatever is stored.
    Tip(Head),
    /// The screen, as another node was shown it.
    Screen(Bytes),
    /// Notices do not arrive any more: what the room knows may be old.
    NotSubscribed,
    /// The bridge is another one and knows nobody: a room that follows its run must say so once more.
    Forgotten,
}
