//! Messages of a thread agent: pulses, questions about its viewers, and the steps of a drain.

use actix::Message;
use tokio::sync::oneshot;

use super::supervisor::Observe;
use crate::actors::supervision::ServiceRecipient;
use crate::protocol::close::CloseReason;
use crate::protocol::{Connection, RunId};

/// A thread agent's addresses. They stay valid when the agent is restarted.
#[derive(Clone, Debug)]
pub struct ThreadAgentPort {
    /// A second has passed.
    pub pulse: ServiceRecipient<Pulse>,
    /// Asks which viewers have come and gone.
    pub changes: ServiceRecipient<CollectChanges>,
    /// Asks which viewers watch a run.
    pub list: ServiceRecipient<ListViewers>,
    /// Announces the drain to viewers.
    pub announce: ServiceRecipient<AnnounceDrain>,
    /// Closes all viewers.
    pub close_all: ServiceRecipient<CloseAll>,
    /// Asks the thread's supervisor about the agent's state.
    pub supervisor: ServiceRecipient<Observe>,
}

/// A second has passed.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Pulse {
    /// Seconds since the node's start.
    pub now_secs: u32,
}

/// Report which viewers have come and gone since the last answer. Only one actor may ask.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct CollectChanges {
    /// Report all viewers instead.
    pub whole: bool,
    /// Takes the answer.
    pub reply: oneshot::Sender<ViewerChanges>,
}

/// The viewers that have come and gone on a thread. A viewer that came and went between two answers is in both lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewerChanges {
    /// `began` lists all viewers, including those that were reported earlier.
    pub whole: bool,
    /// Viewers that have come.
    pub began: Vec<Connection>,
    /// Viewers that have gone.
    pub ended: Vec<Connection>,
}

/// List the viewers of a run.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct ListViewers {
    /// The run.
    pub run: RunId,
    /// Most viewers in the list.
    pub limit: usize,
    /// Takes the answer.
    pub reply: oneshot::Sender<RunViewers>,
}

/// The viewers of a run on a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunViewers {
    /// Number of all viewers.
    pub count: usize,
    /// The listed viewers.
    pub listed: Vec<Connection>,
}

/// Announce to every viewer that the node will go, with reconnect times spread over `spread_ms`.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct AnnounceDrain {
    /// The spread in milliseconds.
    pub spread_ms: u64,
}

/// Close every viewer in slices of `per_slice`, one slice every 10 ms; new viewers are closed at once.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct CloseAll {
    /// The reason that viewers get.
    pub reason: CloseReason,
    /// Viewers per slice.
    pub per_slice: usize,
    /// Gets a signal when the thread has no viewers left.
    pub done: oneshot::Sender<()>,
}
