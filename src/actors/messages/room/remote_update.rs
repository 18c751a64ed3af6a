//! News of other nodes.

use std::sync::Arc;

use actix::Message;
use bytes::Bytes;

use crate::protocol::Segment;
use crate::storage::journal::Head;

/// What the bridge tells a room of other nodes while the room follows its run. Notices may be lost, doubled, late, or
/// out of order.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub enum RemoteUpdate {
    /// Some node stored something.
    Notice {
        /// The run then.
        head: Head,
        /// What was stored; empty when it has to be read.
        segments: Vec<Arc<Segment>>,
    },
    /// The journal was asked: the run is like this. From now on a notice tells of whatever is stored.
    Tip(Head),
    /// The screen, as another node was shown it.
    Screen(Bytes),
    /// Notices do not arrive any more: what the room knows may be old.
    NotSubscribed,
    /// The bridge is another one and knows nobody: a room that follows its run must say so once more.
    Forgotten,
}
