//! The control of a run: the fold of its control events, and the decisions on it. Pure: no clock, no I/O.
//!
//! [`ControlState`] is folded from the run's control events alone, so that every node, the page, a worker and a reader a
//! year later compute the same commands, lease, claims and questions from the same log. What somebody wants is a
//! [`Request`]; [`ControlState::decide`] answers it from the state, or says which events to store so that it comes true.
//! Those are stored under the condition that the run's control has not moved on meanwhile; otherwise the request is
//! decided anew. A request that has come true is decided as answered, however often it is repeated.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use crate::protocol::status::RunStatus;
use crate::protocol::{Cursor, Epoch, Principal, Seq, ServerEvent, Timestamp};

mod error;
mod limits;

pub use error::ControlError;

pub use crate::protocol::{Seen, Sign};

/// Bounds and times of control. All are settings, section `control` and `runs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlLimits {
    /// Most commands that viewers may give to a run: `control.max_events`.
    pub max_events: u64,
    /// Most bytes of them: `control.max_bytes`.
    pub max_bytes: u64,
    /// Most bytes of a command: 16 KiB.
    pub max_command_bytes: usize,
    /// Longest pause, in milliseconds: `control.max_pause_secs`.
    pub max_pause_ms: i64,
    /// Longest time that a run pauses altogether: `control.max_pause_total_secs`.
    pub max_pause_total_ms: i64,
    /// Whether a run is cancelled, and not resumed, when its pause is over: `control.on_pause_expiry`.
    pub cancels_on_pause_expiry: bool,
    /// How long an act may be worked on after it was claimed: `control.run_secs`.
    pub run_ms: i64,
    /// How long a holder of the lease may be unseen: `control.lease_secs`.
    pub lease_ms: i64,
    /// How long a `cancel` waits until somebody obeys: `control.cancel_secs`.
    pub cancel_ms: i64,
    /// How long a producer that has joined may be unseen before it is silent: `runs.silent_secs`.
    pub silent_ms: i64,
    /// How long before it is given up: `runs.lost_secs`.
    pub lost_ms: i64,
    /// How long shards that were announced are waited for: `runs.shard_wait_secs`.
    pub shard_wait_ms: i64,
}

/// What a run's control events say. See the module's page.
#[derive(Clone, Debug, Default)]
pub struct ControlState {
    cursor: Option<Cursor>,
}

/// What somebody wants of a run's control.
#[derive(Clone, Debug)]
pub enum Request {
    /// A viewer, an agent or a service gives a command.
    Command(CommandRequest),
    /// A producer claims an act.
    Claim(ClaimRequest),
    /// Somebody says that the run is finished: with this status, or with what its producers' are.
    Finish(Option<RunStatus>),
    /// Deadlines are looked at, and whatever is due is stored.
    Due,
    /// A producer wants the commands that are open for it.
    Poll(PollRequest),
    /// Somebody wants to see the control.
    Look,
}

/// A command, not checked yet.
#[derive(Clone, Debug)]
pub struct CommandRequest {
    /// The JSON object as it was sent. A secret in it has been replaced by its MAC.
    pub command: Bytes,
    /// Who gives it.
    pub by: Principal,
    /// What the run's state says about the command's `expect` and `target`, seen shortly before.
    pub observed: Observed,
}

/// What the run's state says about a command's `expect` and `target`.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The members of `expect` that do not hold, with what holds.
    pub unmet: Vec<(&'static str, serde_json::Value)>,
    /// The producer that runs the test, or the slot, of the command's target; `None` when none does.
    pub producer: Option<Arc<str>>,
}

/// A claim of an act.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// The act.
    pub command_id: Arc<str>,
    /// Who claims it.
    pub producer: Arc<str>,
    /// A digest of its `Runcast-Claim-Key`.
    pub key_hash: Arc<str>,
}

/// A question for commands.
#[derive(Clone, Debug)]
pub struct PollRequest {
    /// Who asks; `None`: a producer without a name.
    pub producer: Option<Arc<str>>,
    /// The last control event that it has acknowledged.
    pub after: Option<Cursor>,
    /// Most bytes of the answer; at least one command if there is any.
    pub max_bytes: usize,
}

/// What is decided with, besides the state.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Journal time.
    pub now: Timestamp,
    /// The run's epoch.
    pub epoch: Option<Epoch>,
    /// The run's last seq; 0: it does not exist.
    pub tip: Seq,
    /// The run's status.
    pub status: Option<RunStatus>,
    /// Whether the run takes no more events.
    pub is_sealed: bool,
    /// Whether the run has expired.
    pub is_gone: bool,
    /// The bounds.
    pub limits: &'a ControlLimits,
    /// Whether nothing may be ended by time now: the clock has jumped.
    pub holds_time: bool,
    /// Signs of life that were looked up for this request.
    pub signs: &'a [(Sign, Seen)],
}

/// What is to be done about a request.
#[derive(Clone, Debug)]
pub enum Decision {
    /// It is answered; nothing is stored.
    Answer(Answer),
    /// It is refused; nothing is stored.
    Refuse(ControlError),
    /// These signs of life are to be looked up, and the request decided anew with them.
    NeedSigns(Vec<Sign>),
    /// These events are to be stored, and then the request decided anew.
    Store(Changes),
}

/// Events to be stored as one post.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The events, with their JSON.
    pub events: Vec<(ServerEvent, Bytes)>,
    /// Whether they hold only while the run's control has not moved on.
    pub conditional: bool,
    /// The run's earliest deadline afterwards.
    pub due: Option<Timestamp>,
    /// The run's status afterwards, if the events end it.
    pub status: Option<RunStatus>,
    /// The shards that were announced are not waited for any more.
    pub gives_up_shards: bool,
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The command is in the log.
    Command(CommandAnswer),
    /// The act is the claimant's.
    Claim(ClaimAnswer),
    /// The run is finished with this status.
    Finished(RunStatus),
    /// Nothing is due; this is the earliest deadline now.
    NotDue(Option<Timestamp>),
    /// The commands that are open for a producer.
    Commands(Commands),
    /// The control as JSON members of the run's state.
    View(Arc<ControlView>),
}

/// What became of a command so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandAnswer {
    /// The command.
    pub command_id: Arc<str>,
    /// Its state.
    pub state: CommandState,
    /// Its event; for `take_control` it is the lease.
    pub cursor: Cursor,
}

/// What a claimant gets.
#[derive(Clone, Debug, Serialize)]
pub struct ClaimAnswer {
    /// The claim, which the claimant's reports name: the cursor of its `accepted`.
    pub claim: Cursor,
    /// The command's event, with `seq`.
    pub command: Box<serde_json::value::RawValue>,
    /// Whether a secret belongs to it, which is handed out with it.
    #[serde(skip)]
    pub has_secret: bool,
}

/// Commands that are open for a producer.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Commands {
    /// The commands, the most urgent first.
    pub commands: Vec<CommandEntry>,
    /// Whether there are more than these.
    #[serde(rename = "moreCommands", skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Where the run's control ends: what the producer acknowledges.
    pub cursor: Option<Cursor>,
    /// What was decided last may have been lost since `after`: these are all that are open.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reset: bool,
}

/// A command as a producer gets it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandEntry {
    /// The event's cursor.
    pub cursor: Cursor,
    /// How long it is good for, in milliseconds; `None`: for as long as nothing else is wanted.
    pub left_ms: Option<i64>,
    /// The event, with `seq`.
    pub event: Box<serde_json::value::RawValue>,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CommandState {
    /// It waits for a producer.
    Queued,
    /// A producer works on it.
    Accepted,
    /// It was done.
    Done,
    /// It was tried and not done.
    Failed,
    /// A producer can't do it, and says why.
    Rejected,
    /// Nobody claimed it in time.
    Expired,
    /// It was taken back.
    Withdrawn,
    /// A later one of its kind took its place.
    Superseded,
    /// Whoever worked on it is gone, or the run has ended.
    Interrupted,
}

impl CommandState {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Accepted => "accepted",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Superseded => "superseded",
            Self::Interrupted => "interrupted",
        }
    }
}

/// The control of a run as `GET /api/runs/{runId}` shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ControlView {}

impl ControlState {
    /// The last control event that is folded.
    pub fn cursor(&self) -> Option<Cursor> {
        self.cursor
    }

    /// About how many bytes of memory it takes.
    pub fn held_bytes(&self) -> usize {
        size_of::<Self>()
    }

    /// Folds an event of the run's log; those that are no control events, or are folded already, change nothing. Events
    /// come in the order of the log; those between control events may be left out.
    pub fn apply(&mut self, cursor: Cursor, _event: &[u8]) {
        self.cursor = Some(cursor);
    }

    /// Decides a request. It changes nothing: what is decided is true once it is stored and folded.
    pub fn decide(&self, _request: &Request, _facts: &Facts<'_>) -> Decision {
        Decision::Refuse(ControlError::RunEnded)
    }
}
