//! Messages of the bridge.

use actix::{Message, Recipient};

use super::broadcaster::ShowScreen;
use super::room::RemoteUpdate;
use crate::protocol::RunId;

/// A room follows its run, or lets it go. Repeating the message changes nothing.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Follow {
    /// The run.
    pub run: RunId,
    /// The room's generation. An older generation can't let go a run that a younger one follows.
    pub generation: u64,
    /// The address for updates; `None` to let the run go.
    pub updates: Option<Recipient<RemoteUpdate>>,
}

/// A screen frame for the viewers on other nodes. Only the newest frame of a stream is sent.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Mirror {
    /// The run.
    pub run: RunId,
    /// The screen as viewers get it.
    pub screen: ShowScreen,
}
