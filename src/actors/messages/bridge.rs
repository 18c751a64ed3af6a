//! What the bridge understands.

use actix::{Message, Recipient};
use bytes::Bytes;

use super::room::RemoteUpdate;
use crate::protocol::RunId;

/// A room follows its run, or lets it go. Told again it changes nothing.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Follow {
    /// The run.
    pub run: RunId,
    /// The room's generation: an older one lets nothing go that a younger one follows.
    pub generation: u64,
    /// Where what is heard goes; `None` to let go.
    pub heard: Option<Recipient<RemoteUpdate>>,
}

/// A screen frame that the other nodes' viewers are to see, too. Newest wins.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Mirror {
    /// The run.
    pub run: RunId,
    /// The frame, as viewers get it.
    pub frame: Bytes,
}
