//! What somebody wants of a run's control, and what it is decided with.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::{ControlLimits, Seen, Sign};
use crate::protocol::status::RunStatus;
use crate::protocol::{Cursor, Epoch, Principal, Seq, Timestamp};

/// What somebody wants of a run's control.
#[derive(Clone, Debug)]
pub enum ControlRequest {
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
    /// A producer's post had reports of commands: which of them changed nothing?
    Reports(ReportsRequest),
    /// The secret that belongs to this command is gone: a question that it answered is opened again, an act is failed.
    SecretLost(Arc<str>),
    /// Somebody wants to see the control.
    Look,
    /// The same, with all that a viewer needs to fold on from there by itself.
    Resume,
}

/// A command, not checked yet.
#[derive(Clone)]
pub struct CommandRequest {
    /// The JSON object as it was sent. A secret in it has been replaced by its MAC.
    pub command: Bytes,
    /// Who gives it.
    pub by: Principal,
    /// What the run's state says about the command's `expect` and `target`, seen shortly before.
    pub observed: Observed,
}

impl fmt::Debug for CommandRequest {
    /// Without the command: the answer to a question may be a secret, which is known only where it is decided.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandRequest").field("by", &self.by).finish_non_exhaustive()
    }
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

/// The reports in a producer's post.
#[derive(Clone, Debug)]
pub struct ReportsRequest {
    /// Who posted them; `None`: a producer without a name.
    pub producer: Option<Arc<str>>,
    /// The first and the last seq that the post stored.
    pub seqs: (Seq, Seq),
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
