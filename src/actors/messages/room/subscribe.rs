//! Which broadcasters are handed the segments of the run.

use actix::Message;

use super::super::broadcaster::BroadcasterPort;

/// A broadcaster wants the run's segments. Answered by [`super::super::broadcaster::TipIs`].
#[derive(Message)]
#[rtype(result = "()")]
pub struct Subscribe(pub BroadcasterPort);

/// A broadcaster has no viewers any more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Unsubscribe {
    /// Its id.
    pub broadcaster: u64,
}
