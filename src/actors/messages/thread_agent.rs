//! What a thread agent understands: pulses, questions about its viewers, and the steps of a drain.

use actix::Message;
use tokio::sync::oneshot;

use super::supervisor::Observe;
use crate::actors::supervision::ServiceRecipient;
use crate::protocol::close::CloseReason;
use crate::protocol::{Connection, RunId};

/// A thread agent's addresses. They stay good when it is restarted.
#[derive(Clone, Debug)]
pub struct ThreadAgentPort {
    /// A second has passed.
    pub pulse: ServiceRecipient<Pulse>,
    /// Who has come and gone.
    pub changes: ServiceRecipient<CollectChanges>,
    /// Who watches a run.
    pub list: ServiceRecipient<ListViewers>,
    /// Announce the drain.
    pub announce: ServiceRecipient<AnnounceDrain>,
    /// Close everyone.
    pub close_all: ServiceRecipient<CloseAll>,
    /// How the thread agent is: its thread's supervisor.
    pub supervisor: ServiceRecipient<Observe>,
}

/// A second has passed.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Pulse {
    /// Seconds since the node's start.
    pub now_secs: u32,
}

/// Asks who has come and gone since this was last asked. Only one asker may use it: each answer is given once.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct CollectChanges {
    /// Name everybody instead.
    pub whole: bool,
    /// The answer.
    pub reply: oneshot::Sender<ViewerChanges>,
}

/// Who has come and gone on a thread. A viewer that came and went between two questions is in both
/// lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewerChanges {
    /// `began` is everybody, whoever was named before.
    pub whole: bool,
    /// Who has come.
    pub began: Vec<Connection>,
    /// Who has gone.
    pub ended: Vec<Connection>,
}

/// Who watches a run?
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct ListViewers {
    /// The run.
    pub run: RunId,
    /// At most so many by name.
    pub limit: usize,
    /// The answer.
    pub reply: oneshot::Sender<RunViewers>,
}

/// The viewers of a run on a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunViewers {
    /// All of them.
    pub count: usize,
    /// Some of them by name.
    pub listed: Vec<Connection>,
}

/// Tell every viewer that the node will go, with reconnect times spread over `spread_ms`.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct AnnounceDrain {
    /// The spread.
    pub spread_ms: u64,
}

/// Close every viewer in slices of `per_slice`, a slice every 10 ms; newcomers at once.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct CloseAll {
    /// Why.
    pub reason: CloseReason,
    /// Viewers per slice.
    pub per_slice: usize,
    /// Told when the thread has no viewer any more.
    pub done: oneshot::Sender<()>,
}
