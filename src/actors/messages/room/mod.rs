//! What a room understands: publish, read, wait, subscribe, and what it hears from other nodes.

use std::sync::Arc;

use actix::Recipient;

mod fold;
mod publish;
mod read;
mod reclaim;
mod remote_update;
mod show;
mod steer;
mod subscribe;

pub use fold::{Fold, FoldReply, Folded};
pub use publish::{Numbered, Publish, PublishError, PublishReply, Published};
pub use read::{Freshness, Page, Read, ReadError, ReadFrom, ReadReply, Verdict, WaitForEvents, WaitReply};
pub use reclaim::Reclaim;
pub use remote_update::RemoteUpdate;
pub use show::{FrameTaken, Show, ShowError, ShowReply};
pub use steer::{ControlTip, Steer, SteerError, SteerReply, Steered, WaitForControl};
pub use subscribe::{Subscribe, Unsubscribe};

pub use super::broadcaster::ShowScreen;
use crate::actors::shared::RoomGauge;
use crate::protocol::RunId;

/// The addresses of one generation of a room. It is shared as an `Arc`, and not cloned per message.
#[derive(Debug)]
pub struct RoomPort {
    /// The run.
    pub run: RunId,
    /// The generation of the run's room on this node. It only grows.
    pub generation: u64,
    /// Stores events.
    pub publish: Recipient<Publish>,
    /// Reads a page.
    pub read: Recipient<Read>,
    /// Waits for an event.
    pub wait: Recipient<WaitForEvents>,
    /// Folds the run's state.
    pub fold: Recipient<Fold>,
    /// Decides on the run's control.
    pub steer: Recipient<Steer>,
    /// Waits for a control event.
    pub wait_control: Recipient<WaitForControl>,
    /// Shows a frame of a screen.
    pub show: Recipient<Show>,
    /// Adds a broadcaster.
    pub subscribe: Recipient<Subscribe>,
    /// Removes a broadcaster.
    pub unsubscribe: Recipient<Unsubscribe>,
    /// Frees cached segments.
    pub reclaim: Recipient<Reclaim>,
    /// Takes updates from other nodes.
    pub updates: Recipient<RemoteUpdate>,
    /// Figures that other actors read without a message.
    pub gauge: Arc<RoomGauge>,
}
