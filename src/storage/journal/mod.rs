//! The journal: every run's log, and the only place where a seq is assigned.
//!
//! # The guarantee
//! - [`Journal::append`] answers only once the events are durable, as far as the implementation's setting says: killing
//!   the process at any moment loses no answered append and doubles none.
//! - A post is stored whole or not at all. Posts that share an append do not share its fate: one may be refused while
//!   its peers are stored.
//! - Seqs of a run are dense and start at 1. Two appends never get the same seq in one epoch.
//! - A post repeated under its producer mark stores nothing twice, however late.
//! - When the store may have lost writes (power loss, a restored copy) the next append of each run opens a new epoch:
//!   a reader that saw what was lost is told, never silently given other events under the same seq.
//! - A live run is never trimmed; an ended one expires whole, and leaves a tombstone that refuses late retries.
//!
//! One suite, `tests/contract/journal/`, holds every implementation to this page.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::protocol::{Clock, Epoch, Lineage, Lines, ProducerId, RunId, Segment, Seq, Timestamp};
use crate::run_state::RunStatus;

pub mod append_rules;
pub mod memory;
pub mod redis;
mod run_cache;
pub mod sqlite;

/// Producer marks kept per run; a further producer is refused.
pub const MAX_PRODUCERS: usize = 1_000;

/// Marks of the server's own producers kept per run, the least recently used goes: each is a room's incarnation that may still
/// repeat a post, so these are the lives, on all nodes, that post to one run within an append's deadline.
pub const MAX_OWN_PRODUCERS: usize = 16;

/// Bytes of `max_run_bytes` that are kept for a run's end. 64 KiB. Ordinary posts never use them. See `append_rules/space.rs`.
pub const RESERVED_BYTES: u64 = 64 * 1024;

/// Most bytes of a final `run_status` that may use the reserve, posted alone. 8 KiB.
pub const FINAL_BYTES: u64 = 8 * 1024;

/// What one request, or the server itself, wants stored. All or nothing.
#[derive(Clone, Debug)]
pub struct Post {
    /// Who numbers the events.
    pub producer: ProducerId,
    /// The producer's number of the first event; a producer's first is 1.
    pub n: u64,
    /// What to do when `n` skips numbers.
    pub on_gap: OnGap,
    /// The events, at least one.
    pub lines: Lines,
    /// The last `run_status` among them.
    pub status: Option<RunStatus>,
    /// What only the server writes, to mark a run `lost` or sealed. Never a producer's, whoever numbers it.
    pub own: bool,
    /// Closes the run to further posts once stored (a `sealed` event is among them).
    pub seals: bool,
}

/// A producer's numbers skip from h to more than h+1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnGap {
    /// Refuse with the expected number.
    Refuse,
    /// Store, after an `events_lost{producer,from,to}` event of the server's.
    Announce,
    /// Store. For the server's own producers, whose refused posts leave holes.
    Allow,
}

/// Makes an append conditional. The primitive behind everything that must be appended once in a cluster.
///
/// A post that is stored already is answered as such whatever the precondition says, so that a conditional append whose
/// outcome was unknown can be repeated and hears that it had won.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// The run's last seq is this one (0: the run has no event).
    TipIs(Seq),
}

/// An append to one run.
#[derive(Clone, Debug)]
pub struct Append {
    /// The run; created by its first event.
    pub run: RunId,
    /// In order; each with its own outcome.
    pub posts: Vec<Post>,
    /// Holds for the append as a whole.
    pub precondition: Option<Precondition>,
    /// When the append must not run any more. On the monotonic clock: a wall clock that is set neither refuses an append
    /// whose time has not come nor lets a late one run.
    pub deadline: Instant,
}

/// An append that ran.
#[derive(Debug)]
pub struct Stored {
    /// One per post, in order.
    pub outcomes: Vec<Result<Appended, Refusal>>,
    /// What was stored newly, consecutive; empty when everything was duplicate or refused.
    pub segments: Vec<Arc<Segment>>,
    /// The run afterwards.
    pub head: Head,
}

/// A post that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The epoch that holds it.
    pub epoch: Epoch,
    /// First and last seq that this post stored newly, an announced loss included; `None` when it was all duplicates.
    pub seqs: Option<(Seq, Seq)>,
    /// Events of the post stored now.
    pub stored: u64,
    /// Events of the post that were there already.
    pub duplicates: u64,
    /// The producer's mark afterwards: its highest number stored.
    pub producer_high: u64,
}

/// A post that was not stored, for a reason of its own. Nothing of it is stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `n` skips numbers.
    #[error("the producer's next event number is {expected}")]
    ProducerGap {
        /// The number that would fit.
        expected: u64,
    },
    /// The run has [`MAX_PRODUCERS`] producers.
    #[error("the run has {MAX_PRODUCERS} producers already")]
    TooManyProducers,
    /// The run holds as many bytes as a run may.
    #[error("the run holds {bytes} bytes of at most {max}")]
    RunFull {
        /// Bytes held.
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
        /// Last seq it had.
        last: Seq,
    },
    /// [`Precondition`] did not hold.
    #[error("the run's last event is {tip}")]
    Precondition {
        /// The actual tip.
        tip: Seq,
    },
    /// The deadline passed before the append ran.
    #[error("the append's deadline passed")]
    DeadlinePassed,
}

/// Why the journal did not answer. Callers may retry the identical append: producer marks make that safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Nothing was stored: the store is away, full or refuses.
    #[error("journal unavailable: {0}")]
    Unavailable(String),
    /// It may or may not be stored.
    #[error("outcome unknown: {0}")]
    OutcomeUnknown(String),
    /// The write queue is full; nothing was stored.
    #[error("the journal's write queue is full")]
    Saturated,
}

/// Whether a run can grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunPhase {
    /// It has no event, or may get more.
    #[default]
    Live,
    /// Closed; still readable.
    Sealed,
    /// Its events are gone; only a tombstone is left.
    Gone,
}

/// A run as the journal sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The run's epochs, with the one that the next append would open if the store may have lost writes since the last.
    pub lineage: Lineage,
    /// Seq of the last event; 0 when there is none.
    pub tip: Seq,
    /// Seq of the first event still there; `tip + 1` when there is none.
    pub first: Seq,
    /// Whether it can grow.
    pub phase: RunPhase,
    /// The last `run_status` posted.
    pub status: Option<RunStatus>,
    /// Bytes of its events.
    pub bytes: u64,
    /// Journal time of its first event.
    pub created_at: Timestamp,
    /// Journal time of its last event.
    pub last_at: Timestamp,
    /// Of a run without events: the incarnation of the store that told so, for one that has lost the run whole tells of no epoch,
    /// and that is news all the same. `None` where nobody outlives a loss.
    pub incarnation: Option<Epoch>,
}

impl Head {
    /// The head of a run that has no event.
    pub fn unborn() -> Self {
        Self { first: 1, ..Self::default() }
    }

    /// Of two heads of a run, the one with the higher age was told later: by a later incarnation of the store, or after more
    /// events of the same. A run's epoch is never below the incarnation that tells of it.
    pub fn age(&self) -> (Option<Epoch>, Seq) {
        (self.lineage.epoch().max(self.incarnation), self.tip)
    }
}

/// A run and its head, for sweeps and the catalog's repair.
#[derive(Clone, Debug)]
pub struct RunHead {
    /// The run.
    pub run: RunId,
    /// Its head.
    pub head: Head,
}

/// Where a listing stands: behind this run, in the order of last events and then of ids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunPlace {
    /// Journal time of its last event, as it was listed.
    pub at: Timestamp,
    /// The run.
    pub run: RunId,
}

/// A step of a listing.
#[derive(Clone, Debug, Default)]
pub struct RunPage {
    /// The runs. Those whose head can't be read are left out.
    pub runs: Vec<RunHead>,
    /// Where the next step goes on; `None` at the end. Whoever passes it on gets past runs that stay in the listing.
    pub next: Option<RunPlace>,
}

impl RunPage {
    /// From runs in order, one more than `limit` if there are more.
    fn of(mut runs: Vec<RunHead>, limit: usize) -> Self {
        let more = runs.len() > limit;
        runs.truncate(limit);
        let last = runs.last().filter(|_| more);
        let next = last.map(|last| RunPlace { at: last.head.last_at, run: last.run.clone() });
        Self { runs, next }
    }
}

/// What an [`Journal::expire`] call removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Runs whose events are gone now.
    pub runs: Vec<RunId>,
    /// Whether more were due than the call's limit.
    pub more: bool,
}

/// The limits that every implementation keeps.
#[derive(Clone, Copy, Debug)]
pub struct JournalLimits {
    /// Most bytes of events per run.
    pub max_run_bytes: u64,
    /// How long a tombstone refuses late posts.
    pub tombstone: Duration,
}

/// Every run's log. See the module's page for the guarantee.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Stores posts. Errors leave the outcome as the error says; a refusal concerns its post alone.
    async fn append(&self, append: Append) -> Result<Stored, JournalError>;

    /// A run's head. A run that has no event has [`Head::unborn`].
    async fn head(&self, run: &RunId) -> Result<Head, JournalError>;

    /// The heads of many runs, in their order.
    async fn heads(&self, runs: &[RunId]) -> Result<Vec<Head>, JournalError> {
        let mut heads = Vec::with_capacity(runs.len());
        for run in runs {
            heads.push(self.head(run).await?);
        }
        Ok(heads)
    }

    /// A run's head after every append that was queued before this call: a barrier for a restarted room.
    async fn settled_head(&self, run: &RunId) -> Result<Head, JournalError>;

    /// The segments that follow `after`, in order, from the one that holds `after + 1`, until `max_bytes` are reached
    /// (at least one segment if there is any).
    async fn read(&self, run: &RunId, after: Seq, max_bytes: usize) -> Result<Vec<Arc<Segment>>, JournalError>;

    /// Runs with an event at or after `since` (journal time), oldest change first, those behind `after`, at most `limit`.
    async fn changed_since(
        &self,
        since: Timestamp,
        after: Option<&RunPlace>,
        limit: usize,
    ) -> Result<RunPage, JournalError>;

    /// Runs that can grow and whose last event is older than `before`, oldest first, those behind `after`, at most
    /// `limit`: those whose status is final, or those whose status is not.
    async fn idle_since(
        &self,
        before: Timestamp,
        ended: bool,
        after: Option<&RunPlace>,
        limit: usize,
    ) -> Result<RunPage, JournalError>;

    /// Runs that went at or after `since` (journal time), at most `limit`.
    async fn gone_since(&self, since: Timestamp, limit: usize) -> Result<Vec<RunId>, JournalError>;

    /// Removes ended runs (final status or sealed) whose last event is older than `before`, at most `limit`, in steps
    /// that keep appends flowing; leaves tombstones, and removes tombstones past their time. Removes nothing while
    /// [`Journal::clock`] has jumped. A run that can't be removed holds up no other.
    async fn expire(&self, before: Timestamp, limit: usize) -> Result<Expired, JournalError>;

    /// The clock of its times, watched: whoever deletes or ends something by time asks it first.
    fn clock(&self) -> &Clock;

    /// Journal time now, for what is stored.
    fn now(&self) -> Timestamp {
        self.clock().now()
    }

    /// Whether an append could succeed now; the reason when not. For `/ready`.
    async fn probe(&self) -> Result<(), JournalError>;

    /// What about the store endangers the guarantee, in words for an operator. For `/ready`.
    fn doubts(&self) -> Vec<String> {
        Vec::new()
    }

    /// Finishes what is queued and marks a clean shutdown. Appends after it fail as unavailable.
    async fn close(&self);
}
