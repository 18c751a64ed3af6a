//! Requests from callers to the task that keeps the connection, and each command's share of the bounds.

use std::sync::Arc;

use metrics::Gauge;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{RedisCommand, RedisError, Reply};
use crate::budget::{Budget, Held};

/// A command and the sender of its reply. Dropping it unanswered does not tell the caller whether it was sent: see
/// `Pipeline::lose`.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) command: RedisCommand,
    pub(super) deadline: Instant,
    pub(super) reply: oneshot::Sender<Result<Reply, RedisError>>,
    /// Share of the client's bounds. It is returned when the reply is in, or when no reply can come any more.
    pub(super) share: Share,
}

impl Call {
    /// Answers that the command was not sent.
    pub(super) fn refuse(self, reason: &str) {
        // Sending fails only when the caller has stopped waiting.
        let _ = self.reply.send(Err(RedisError::Unavailable(reason.to_owned())));
    }
}

/// A request to the task that keeps the connection.
#[derive(Debug)]
pub(super) enum Request {
    Call(Call),
    /// Commands that run without another caller's command in between.
    Burst(Vec<Call>),
    /// Drop the connection for this reason, and build a new one.
    GiveUp(Arc<str>),
    /// Answer what is in flight, and end.
    Close,
}

impl Request {
    pub(super) fn refuse(self, reason: &str) {
        match self {
            Self::Call(call) => call.refuse(reason),
            Self::Burst(calls) => calls.into_iter().for_each(|call| call.refuse(reason)),
            Self::GiveUp(_) | Self::Close => {}
        }
    }
}

/// A call's share of the bounds. The call counts as in flight while the share is held.
#[derive(Debug)]
pub(super) struct Share {
    command: Held,
    bytes: Held,
    counted: Gauge,
}

impl Share {
    /// Takes a share of one command and `size` bytes, if there is room.
    pub(super) fn take(commands: &Budget, bytes: &Budget, size: usize, in_flight: &Gauge) -> Option<Self> {
        in_flight.increment(1);
        let mut share = Self { command: commands.hold(), bytes: bytes.hold(), counted: in_flight.clone() };
        (share.command.grow(1) && share.bytes.grow(size)).then_some(share)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.counted.decrement(1);
    }
}
