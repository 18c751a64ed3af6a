//! What is decided, and the answers.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::{CommandState, ControlError, ControlView, Sign};
use crate::protocol::status::RunStatus;
use crate::protocol::{Cursor, ServerEvent, Timestamp};

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
    Store(ControlChanges),
}

/// Events to be stored as one post.
#[derive(Clone, Debug)]
pub struct ControlChanges {
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
    /// The commands whose report, and the questions that, in the post that was asked about, changed nothing.
    Ignored(Vec<Arc<str>>),
    /// It is in the log that the secret is gone.
    SecretLost,
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
    /// The variant that the producer counts as, if it is not the one that it announced; told with the hints.
    #[serde(skip)]
    pub variant: Option<Arc<str>>,
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
