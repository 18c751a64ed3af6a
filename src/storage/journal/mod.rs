//! The journal holds every run's log, and is the only place where a seq is assigned.
//!
//! # The guarantee
//! - [`Journal::append`] answers only once the events are durable, as far as the implementation's setting says: killing
//!   the process at any moment loses no answered append and doubles none.
//! - A post is stored whole or not at all. Posts of one append are judged separately: one may be refused while the
//!   others are stored.
//! - Seqs of a run are dense and start at 1. Two appends never get the same seq in one epoch.
//! - A post that is repeated under its producer mark is not stored twice, however late it comes.
//! - When the store may have lost writes (power loss, a restored copy), the next append of each run opens a new epoch.
//!   A reader that saw the lost events learns of it, and never gets other events under the same seq silently.
//! - A live run is never trimmed. An ended run expires whole, and leaves a tombstone that refuses late retries.
//!
//! One suite, `tests/contract/journal/`, checks every implementation against this page.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::protocol::event::stamp::Stamp;
use crate::protocol::status::RunStatus;
use crate::protocol::{Clock, Cursor, Epoch, Lineage, Lines, ProducerId, RunId, Segment, Seq, Timestamp};

pub mod append_rules;
mod hole;
pub mod memory;
pub mod moving;
pub mod redis;
mod run_cache;
mod run_page;
pub mod sqlite;

pub use hole::whole_page;
pub use run_page::{RunHead, RunPage, RunPosition};

/// Producer marks kept per run. A further producer is refused.
pub const MAX_PRODUCERS: usize = 1_000;

/// Marks of the server's own producers kept per run; beyond that the least recently used one is removed. Each belongs
/// to one generation of a room that may still repeat a post, so this bounds the generations, on all nodes, that post to
/// one run within an append's deadline.
pub const MAX_OWN_PRODUCERS: usize = 16;

/// Bytes of `max_run_bytes` that are kept for a run's end: 64 KiB. Ordinary posts never use them. See
/// `append_rules/space.rs`.
pub const RESERVED_BYTES: u64 = 64 * 1024;

/// Most bytes of a final `run_status`, posted alone, that may use the reserve: 8 KiB.
pub const FINAL_BYTES: u64 = 8 * 1024;

/// The events that one request, or the server itself, wants stored: all or nothing.
#[derive(Clone, Debug)]
pub struct Post {
    /// The producer that numbers the events.
    pub producer: ProducerId,
    /// The producer's number of the first event; a producer's first is 1.
    pub n: u64,
    /// What happens when `n` skips numbers.
    pub on_gap: OnGap,
    /// The events, at least one.
    pub lines: Lines,
    /// The last `run_status` among the events.
    pub status: Option<RunStatus>,
    /// Set only for a post that the server itself writes to mark a run `lost` or sealed, never for a producer's post.
    pub privileged: bool,
    /// The post closes the run to further posts once it is stored (a `sealed` event is among its events).
    pub seals: bool,
    /// Those of a producer's events into which the journal writes who posted them, and when.
    pub stamps: Arc<[Stamp]>,
    /// Set only for control events that the server itself writes.
    pub control: Option<ControlPost>,
}

/// The server's own control events, all events of a post: a viewer's command, a lease, a deadline that has passed.
/// `journal.max_run_bytes` does not bound them: whoever decides them bounds them (`control.max_bytes`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlPost {
    /// Store only if the run's last control event is still this one; the outer `None` stores in any case.
    pub if_control: Option<Option<Cursor>>,
    /// The run's earliest deadline afterwards. Under [`Self::if_control`] it is set, `None` included; otherwise it only
    /// brings the deadline forward.
    pub due: Option<Timestamp>,
    /// The events steer: they move the run's place in lists ([`Head::last_at`]), not its activity
    /// ([`Head::active_at`]).
    pub steers: bool,
    /// The shards that were announced and have not joined are not waited for any more.
    pub gives_up_shards: bool,
}

/// What happens when a producer's numbers skip from h to more than h+1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnGap {
    /// The post is refused with the expected number.
    Refuse,
    /// The post is stored, after an `events_lost{producer,from,to}` event that the server writes.
    Announce,
    /// The post is stored. For the server's own producers, whose refused posts leave holes.
    Allow,
}

/// A condition of an append. Everything that must be appended only once in a cluster is built on it.
///
/// A post that is stored already is answered as stored whatever the precondition says. So a conditional append whose
/// outcome was unknown can be repeated, and the answer shows that it had succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// The run's last seq is this one (0: the run has no event).
    TipIs(Seq),
}

/// An append to one run.
#[derive(Clone, Debug)]
pub struct Append {
    /// The run. Its first event creates it.
    pub run: RunId,
    /// The posts, in order; each has its own outcome.
    pub posts: Vec<Post>,
    /// A condition for the append as a whole.
    pub precondition: Option<Precondition>,
    /// After this moment the append must not run. It is on the monotonic clock: setting the wall clock neither refuses
    /// an append too early nor lets a late one run.
    pub deadline: Instant,
}

/// The result of an append that ran.
#[derive(Debug)]
pub struct Stored {
    /// One outcome per post, in order.
    pub outcomes: Vec<Result<Appended, Refusal>>,
    /// The newly stored events, consecutive; empty when every post was a duplicate or refused, unless one of them asked
    /// for the control of a run that goes on in a new epoch: then a `control_reset` is stored.
    pub segments: Vec<Arc<Segment>>,
    /// The run's head afterwards.
    pub head: Head,
}

/// A post that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The epoch that holds its events.
    pub epoch: Epoch,
    /// First and last seq that this post newly stored, an announced loss included; `None` when all its events were
    /// duplicates.
    pub seqs: Option<(Seq, Seq)>,
    /// Events of the post that were stored now.
    pub stored: u64,
    /// Events of the post that were stored before.
    pub duplicates: u64,
    /// The producer's mark afterwards: the highest number that is stored.
    pub producer_high: u64,
}

/// Why a post was refused. Nothing of it is stored; other posts of the append are not affected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `n` skips numbers.
    #[error("the producer's next event number is {expected}")]
    ProducerGap {
        /// The number that the journal expects.
        expected: u64,
    },
    /// The run has [`MAX_PRODUCERS`] producers.
    #[error("the run has {MAX_PRODUCERS} producers already")]
    TooManyProducers,
    /// The run holds as many bytes as one run may hold.
    #[error("the run holds {bytes} bytes of at most {max}")]
    RunFull {
        /// Bytes that the run holds.
        bytes: u64,
        /// `journal.max_run_bytes`.
        max: u64,
    },
    /// The run is sealed.
    #[error("the run is sealed")]
    RunSealed,
    /// The run expired or was deleted.
    #[error("the run is gone; its last event was {last}")]
    RunGone {
        /// The run's last seq.
        last: Seq,
    },
    /// The [`Precondition`] did not hold.
    #[error("the run's last event is {tip}")]
    Precondition {
        /// The actual tip.
        tip: Seq,
    },
    /// [`ControlPost::if_control`] did not hold. [`Stored::head`] has what holds.
    #[error("the run's control has moved on")]
    ControlMoved,
    /// The deadline passed before the append ran.
    #[error("the append's deadline passed")]
    DeadlinePassed,
}

/// Why the journal did not answer. Callers may retry the identical append: producer marks make that safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Nothing was stored: the store is not reachable, is full or refuses.
    #[error("journal unavailable: {0}")]
    Unavailable(String),
    /// The append may or may not be stored.
    #[error("outcome unknown: {0}")]
    OutcomeUnknown(String),
    /// The write queue is full; nothing was stored.
    #[error("the journal's write queue is full")]
    Saturated,
}

/// Whether a run can get more events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunPhase {
    /// It has no event yet, or may get more.
    #[default]
    Live,
    /// It is closed, and still readable.
    Sealed,
    /// Its events are removed; only a tombstone is left.
    Gone,
}

/// A run as the journal sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The run's epochs. When the store may have lost writes since the last append, the epoch that the next append
    /// would open is included.
    pub lineage: Lineage,
    /// Seq of the last event; 0 when there is none.
    pub tip: Seq,
    /// Seq of the first event that is still stored; `tip + 1` when there is none.
    pub first: Seq,
    /// Whether the run can get more events.
    pub phase: RunPhase,
    /// The last `run_status` posted.
    pub status: Option<RunStatus>,
    /// Bytes of its events.
    pub bytes: u64,
    /// Bytes among them that `journal.max_run_bytes` does not bound: those of [`ControlPost`]s.
    pub control_bytes: u64,
    /// Journal time of its first event.
    pub created_at: Timestamp,
    /// Journal time of its last event.
    pub last_at: Timestamp,
    /// Journal time of its last event that was not a viewer's or the server's doing: by it runs are lost, sealed and
    /// expire, so that a forgotten viewer keeps no run alive. At most [`Self::last_at`].
    pub active_at: Timestamp,
    /// Its last control event; `None` when it has none. See docs/internals/steering.md.
    pub control: Option<Cursor>,
    /// Whether it was ever steered, or had workers that can be: a run that only reports its status was not.
    pub steered: bool,
    /// Set only for a run without events: the incarnation of the store that gave this answer. A store that has lost a
    /// whole run knows no epoch of it, and readers must still notice the loss. `None` in journals where no reader can
    /// outlive a loss.
    pub incarnation: Option<Epoch>,
}

impl Head {
    /// The head of a run that has no event.
    pub fn unborn() -> Self {
        Self { first: 1, ..Self::default() }
    }

    /// Orders heads of one run by when they were valid: the higher age comes from a later incarnation of the store, or
    /// from the same one after more events. A run's epoch is never below the incarnation of the store that answers.
    pub fn age(&self) -> (Option<Epoch>, Seq) {
        (self.lineage.epoch().max(self.incarnation), self.tip)
    }
}

/// The result of a [`Journal::expire`] call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Runs whose events were removed.
    pub runs: Vec<RunId>,
    /// Whether more runs were due than the call's limit.
    pub more: bool,
}

/// The result of a [`Journal::remove`] call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Removal {
    /// The run has no event.
    #[default]
    Unknown,
    /// It can grow, and is left as it is.
    Live,
    /// Its events are removed; a tombstone is left.
    Removed,
    /// They were removed before.
    Gone,
}

/// Limits that every implementation keeps.
#[derive(Clone, Copy, Debug)]
pub struct JournalLimits {
    /// Most bytes of events per run.
    pub max_run_bytes: u64,
    /// How long a tombstone refuses late posts.
    pub tombstone: Duration,
}

/// The log of every run. See the module's documentation for the guarantee.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Stores posts. A [`JournalError`] says what is known of the outcome of the whole append; a [`Refusal`] concerns
    /// one post.
    async fn append(&self, append: Append) -> Result<Stored, JournalError>;

    /// The head of a run; [`Head::unborn`] for a run without events.
    async fn head(&self, run: &RunId) -> Result<Head, JournalError>;

    /// The heads of many runs, in the order of `runs`.
    async fn heads(&self, runs: &[RunId]) -> Result<Vec<Head>, JournalError> {
        let mut heads = Vec::with_capacity(runs.len());
        for run in runs {
            heads.push(self.head(run).await?);
        }
        Ok(heads)
    }

    /// The run's head after every append that was queued before this call. It is a barrier for a restarted room.
    async fn settled_head(&self, run: &RunId) -> Result<Head, JournalError>;

    /// The segments after `after`, in order, beginning with the one that holds `after + 1`, until they have `max_bytes`
    /// (at least one segment if there is any).
    async fn read(&self, run: &RunId, after: Seq, max_bytes: usize) -> Result<Vec<Arc<Segment>>, JournalError>;

    /// The segments that hold control events of the run and end after `after`, in order, until they have `max_bytes`
    /// (at least one segment if there is any). Such a segment may begin before `after`, and hold other events.
    async fn read_control(&self, run: &RunId, after: Seq, max_bytes: usize) -> Result<Vec<Arc<Segment>>, JournalError>;

    /// Runs that have a deadline at or before `now` (journal time), the earliest first, at most `limit`. Too early is
    /// allowed, too late is not.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<RunId>, JournalError>;

    /// Sets the run's earliest deadline if its last control event is still `control`. For a run that was due too early.
    async fn settle_due(
        &self,
        run: &RunId,
        control: Option<Cursor>,
        due: Option<Timestamp>,
    ) -> Result<(), JournalError>;

    /// Runs with an event at or after `since` (journal time), by [`Head::last_at`], the oldest change first, beginning
    /// after the position `after`, at most `limit`.
    async fn changed_since(
        &self,
        since: Timestamp,
        after: Option<&RunPosition>,
        limit: usize,
    ) -> Result<RunPage, JournalError>;

    /// Runs that can grow and whose [`Head::active_at`] is before `before`, the oldest first, beginning after the
    /// position `after`, at most `limit`: either those whose status is final, or those whose status is not.
    async fn idle_since(
        &self,
        before: Timestamp,
        ended: bool,
        after: Option<&RunPosition>,
        limit: usize,
    ) -> Result<RunPage, JournalError>;

    /// Runs that expired at or after `since` (journal time), at most `limit`.
    async fn gone_since(&self, since: Timestamp, limit: usize) -> Result<Vec<RunId>, JournalError>;

    /// Removes ended runs (final status or sealed) whose [`Head::active_at`] is before `before`, at most `limit`, in
    /// steps between which appends continue. It leaves tombstones, and removes tombstones whose time is over. It
    /// removes nothing while [`Journal::clock`] has jumped. A run that can't be removed does not stop the others.
    async fn expire(&self, before: Timestamp, limit: usize) -> Result<Expired, JournalError>;

    /// Removes a run now, as [`Journal::expire`] does when its time has come. A run that has not ended is removed only if
    /// `even_live`. An interrupted removal is finished by calling again, or by the next expiry.
    async fn remove(&self, run: &RunId, even_live: bool) -> Result<Removal, JournalError>;

    /// The watched clock of journal times. Code that deletes or ends something by time checks it first.
    fn clock(&self) -> &Clock;

    /// The current journal time, for what is stored.
    fn now(&self) -> Timestamp {
        self.clock().now()
    }

    /// Checks that an append could succeed now; the error says why not. For `/ready`.
    async fn probe(&self) -> Result<(), JournalError>;

    /// What about the store endangers the guarantee, in words for an operator. For `/ready`.
    fn doubts(&self) -> Vec<String> {
        Vec::new()
    }

    /// Finishes the queued work and marks a clean shutdown. Later appends fail as unavailable.
    async fn close(&self);
}
