//! Which broadcasters are handed the segments of the run.

use actix::Message;

use super::super::broadcaster::BroadcasterPort;

/// Send the run's segments to this broadcaster. The answer is [`crate::actors::messages::broadcaster::TipIs`].
#[derive(Message)]
#[rtype(result = "()")]
pub struct Subscribe(pub BroadcasterPort);

/// Remove a broadcaster, because it has no viewers.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Unsubscribe {
    /// The broadcaster's id.
    pub broadcaster: u64,
}
