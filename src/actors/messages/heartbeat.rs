//! What the heartbeat understands.

use actix::Message;

use super::thread_agent::ThreadAgentPort;

/// A worker thread's thread agent wants its pulse.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct AddThread(pub ThreadAgentPort);
