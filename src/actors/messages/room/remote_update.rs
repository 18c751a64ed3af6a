//! News of other nodes.

use std::sync::Arc;

use actix::Message;

use super::ShowScreen;
use crate::protocol::Segment;
use crate::storage::journal::Head;

/// An update from other nodes, which the bridge sends while the room follows its run. Updates may be lost, duplicated,
/// late, or out of order.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub enum RemoteUpdate {
    /// A node has stored something.
    Notice {
        /// The run's head at that time.
        head: Head,
        /// The stored segments; empty when they must be read from the journal.
        segments: Vec<Arc<Segment>>,
    },
    /// The journal's head of the run, read while the room is subscribed. Whatever is stored after it arrives as a
    /// notice.
    Tip(Head),
    /// A screen frame from another node.
    Screen(ShowScreen),
    /// Notices do not arrive any more, so the room's knowledge may be out of date.
    NotSubscribed,
    /// The bridge was restarted and knows no room: a room that follows its run must say so again.
    Forgotten,
}
