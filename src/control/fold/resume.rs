//! What a viewer that folds by itself needs besides what is shown of a run's control.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;

use super::{AskState, ControlState, KeptCommand};
use crate::control::shown::{AskView, CommandView};
use crate::protocol::Timestamp;
use crate::protocol::status::RunStatus;

/// What later events may depend on, and is not shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::control) struct ControlResume {
    /// The latest time of an event.
    at: Timestamp,
    /// The run's status, as far as its control events say.
    status: Option<RunStatus>,
    /// Milliseconds of the pauses that are over.
    paused_ms: i64,
    producers: Vec<ResumedWorker>,
    /// Commands that are kept whole and of which not everything is shown, in their order.
    commands: Vec<ResumedCommand>,
    /// The last that have ended and do not stand, in the order of their ends.
    finished: Vec<Arc<str>>,
    /// The ids of all others.
    used: Vec<String>,
    /// The last questions that have ended, in the order of their ends.
    asks: Vec<ResumedAsk>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResumedWorker {
    producer: Arc<str>,
    /// It has not left.
    joined: bool,
    /// Its variant as it was announced, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    announced: Option<Arc<str>>,
    /// It has joined with a shard.
    #[serde(skip_serializing_if = "is_false")]
    has_shard: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResumedCommand {
    command_id: Arc<str>,
    /// The whole command, of one that is not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    shown: Option<CommandView>,
    /// It holds until another takes its place.
    #[serde(skip_serializing_if = "is_false")]
    stands: bool,
    /// A secret belongs to it.
    #[serde(skip_serializing_if = "is_false")]
    has_secret: bool,
    /// The test that is to be cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    test_id: Option<Arc<str>>,
    /// The question that it answers or extends.
    #[serde(skip_serializing_if = "Option::is_none")]
    ask_id: Option<Arc<str>>,
    /// Instructions that replace earlier ones, a `hold` that holds.
    #[serde(skip_serializing_if = "is_false")]
    is_set: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResumedAsk {
    #[serde(flatten)]
    ask: AskView,
    /// How it ended.
    state: &'static str,
    /// The command that has answered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    command_id: Option<Arc<str>>,
}

impl ControlState {
    pub(in crate::control) fn resume(&self) -> ControlResume {
        let shown: HashSet<_> = self.commands.open().chain(self.commands.ended()).map(|command| &command.id).collect();
        let commands = self.commands.whole().map(|command| ResumedCommand::of(command, shown.contains(&command.id)));
        ControlResume {
            at: self.at,
            status: self.status(),
            paused_ms: self.pause.total_ms,
            producers: self.workers.iter().map(|(id, worker)| ResumedWorker::of(id, worker)).collect(),
            commands: commands.filter(|command| !command.says_nothing()).collect(),
            finished: self.commands.finished().map(|command| command.id.clone()).collect(),
            used: self.commands.used(),
            asks: self.asks.ended().map(ResumedAsk::of).collect(),
        }
    }
}

impl ResumedWorker {
    fn of(producer: &Arc<str>, worker: &super::Worker) -> Self {
        let variant = worker.variant.as_ref();
        Self {
            producer: producer.clone(),
            joined: worker.state.joined,
            announced: variant.map(|variant| variant.announced().clone()),
            has_shard: variant.is_some_and(|variant| variant.has_shard()),
        }
    }
}

impl ResumedCommand {
    fn of(command: &KeptCommand, is_shown: bool) -> Self {
        Self {
            command_id: command.id.clone(),
            shown: (!is_shown).then(|| CommandView::of(command, false)),
            stands: command.stands,
            has_secret: command.has_secret,
            test_id: command.test_id.clone(),
            ask_id: command.ask_id.clone(),
            is_set: command.is_set,
        }
    }

    fn says_nothing(&self) -> bool {
        let flags = self.stands || self.has_secret || self.is_set;
        !flags && self.shown.is_none() && self.test_id.is_none() && self.ask_id.is_none()
    }
}

impl ResumedAsk {
    fn of(ask: &super::Ask) -> Self {
        let command_id = match &ask.state {
            AskState::Answered { command_id, .. } => Some(command_id.clone()),
            _ => None,
        };
        Self { ask: AskView::of(ask), state: ask.state.as_str(), command_id }
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}
