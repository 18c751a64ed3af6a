//! The control of a run as `GET /api/runs/{runId}` shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::fold::{
    Ask, CommandTarget, ControlResume, ControlState, JsonText, KeptCommand, OnTimeout, Worker, WorkerPresence,
};
use super::{CommandKind, CommandState};
use crate::protocol::event::stamp::Shard;
use crate::protocol::status::RunStatus;
use crate::protocol::{Cursor, Principal, Timestamp};

/// The control of a run as `GET /api/runs/{runId}` shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ControlView {
    /// The lease, and where the control ends.
    control: ShownControl,
    /// Those that wait for producers, whole, and the last 50 that have ended.
    commands: Vec<ShownCommand>,
    /// The questions that are open.
    asks: Vec<ShownAsk>,
    /// The pause that goes on.
    paused: Option<ShownPause>,
    /// The producers that have joined.
    producers: Vec<ShownProducer>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct ShownControl {
    /// The last control event.
    cursor: Option<Cursor>,
    /// The lease's token.
    lease: Option<Cursor>,
    /// Who has control.
    holder: Option<Principal>,
    /// Since when.
    since: Option<Timestamp>,
    /// What a viewer that folds by itself needs besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    resume: Option<ControlResume>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownCommand {
    command_id: Arc<str>,
    /// The command's `type`.
    r#type: &'static str,
    state: CommandState,
    cursor: Cursor,
    at: Timestamp,
    by: Principal,
    #[serde(skip_serializing_if = "CommandTarget::is_all")]
    target: CommandTarget,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// Who has claimed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    producer: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<Cursor>,
    /// What producers have reported of a state.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    producers: BTreeMap<Arc<str>, CommandState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<JsonText>,
    /// The event, of those that are open.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<JsonText>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownAsk {
    ask_id: Arc<str>,
    producer: Arc<str>,
    cursor: Cursor,
    at: Timestamp,
    needs: Arc<str>,
    /// Until when; `null` waits until the run ends.
    expires_at: Option<Timestamp>,
    /// What its producer does then.
    on_timeout: OnTimeout,
    /// Whether the answer is a secret.
    secret: bool,
    /// The `ai_stuck`, with its candidates; missing when too many are open.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<JsonText>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownPause {
    since: Timestamp,
    until: Timestamp,
    by: Principal,
    /// Milliseconds of the pauses before.
    earlier_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownProducer {
    producer: Arc<str>,
    state: WorkerPresence,
    /// Its last `run_status`.
    status: Option<RunStatus>,
    joined_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    can: Option<BTreeSet<Arc<str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slots: Option<u64>,
    /// The variant that it counts as.
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<Shard>,
}

impl ControlView {
    /// The lease, and who holds it.
    pub fn lease(&self) -> Option<(Cursor, &Principal)> {
        self.control.lease.zip(self.control.holder.as_ref())
    }
}

impl ControlState {
    /// What is shown of it.
    pub fn view(&self) -> ControlView {
        let lease = self.lease.as_ref();
        let open = self.commands.open().map(|command| ShownCommand::of(command, true));
        let ended = self.commands.ended().into_iter().map(|command| ShownCommand::of(command, false));
        ControlView {
            control: ShownControl {
                cursor: self.cursor(),
                lease: lease.map(|lease| lease.cursor),
                holder: lease.map(|lease| lease.holder.clone()),
                since: lease.map(|lease| lease.since),
                resume: None,
            },
            commands: open.chain(ended).collect(),
            asks: self.asks.all_open().map(ShownAsk::of).collect(),
            paused: self.pause.open.as_ref().map(|paused| ShownPause {
                since: paused.since,
                until: paused.until,
                by: paused.by.clone(),
                earlier_ms: self.pause.total_ms,
            }),
            producers: self.workers.iter().map(|(id, worker)| ShownProducer::of(id, worker)).collect(),
        }
    }
}

impl ControlState {
    /// The same with all that a viewer needs to fold on from there by itself.
    pub fn resumable_view(&self) -> ControlView {
        let mut view = self.view();
        view.control.resume = Some(self.resume());
        view
    }
}

impl ShownCommand {
    pub(super) fn of(command: &KeptCommand, whole: bool) -> Self {
        let claim = command.claim.as_ref();
        // An answer that is a secret waits until its producer has it; the others say what they do at once.
        let shows_end = command.kind != CommandKind::Extend;
        Self {
            command_id: command.id.clone(),
            r#type: command.kind.as_str(),
            state: command.state,
            cursor: command.cursor,
            at: command.at,
            by: command.by.clone(),
            target: command.target.clone(),
            expires_at: command.expires_at.filter(|_| shows_end),
            producer: claim.map(|claim| claim.producer.clone()),
            claim: claim.map(|claim| claim.cursor),
            producers: command.reports.clone(),
            detail: command.detail.clone(),
            result: command.result.clone(),
            event: whole.then(|| command.event.clone()),
        }
    }
}

impl ShownAsk {
    pub(super) fn of(ask: &Ask) -> Self {
        Self {
            ask_id: ask.id.clone(),
            producer: ask.producer.clone(),
            cursor: ask.cursor,
            at: ask.at,
            needs: ask.needs.clone(),
            expires_at: ask.expires_at,
            on_timeout: ask.on_timeout,
            secret: ask.is_for_credential(),
            event: ask.event.clone(),
        }
    }
}

impl ShownProducer {
    fn of(id: &Arc<str>, worker: &Worker) -> Self {
        Self {
            producer: id.clone(),
            state: worker.presence,
            status: worker.state.status,
            joined_at: worker.joined_at,
            can: worker.can.as_deref().cloned(),
            slots: worker.slots,
            variant: worker.variant.as_ref().map(|variant| variant.name().clone()),
            shard: worker.state.shard.clone(),
        }
    }
}
