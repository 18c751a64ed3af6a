//! The control of a run as `GET /api/runs/{runId}` shows it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::fold::{ControlResume, ControlState, Worker, WorkerPresence};
use super::shown::{AskView, CommandView};
use crate::protocol::event::stamp::Shard;
use crate::protocol::status::RunStatus;
use crate::protocol::{Cursor, Principal, Timestamp};

/// The control of a run as `GET /api/runs/{runId}` shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ControlView {
    /// The lease, and where the control ends.
    control: ShownControl,
    /// Those that wait for producers, whole, and the last 50 that have ended.
    commands: Vec<CommandView>,
    /// The questions that are open.
    asks: Vec<AskView>,
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
        let open = self.commands.open().map(|command| CommandView::of(command, true));
        let ended = self.commands.ended().into_iter().map(|command| CommandView::of(command, false));
        ControlView {
            control: ShownControl {
                cursor: self.cursor(),
                lease: lease.map(|lease| lease.cursor),
                holder: lease.map(|lease| lease.holder.clone()),
                since: lease.map(|lease| lease.since),
                resume: None,
            },
            commands: open.chain(ended).collect(),
            asks: self.asks.all_open().map(AskView::of).collect(),
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
