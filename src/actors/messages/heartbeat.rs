//! What the heartbeat understands.

use actix::Message;

use super::usher::UsherPort;

/// A worker thread's usher wants its pulse.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Attend(pub UsherPort);
