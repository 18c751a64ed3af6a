//! What callers ask of the task that keeps the connection, and what each of their commands counts for.

use std::sync::Arc;

use metrics::Gauge;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{RedisCommand, RedisError, Reply};
use crate::budget::{Budget, Held};

/// A command, and who waits for its reply. Dropping it unanswered tells the caller nothing: see `Pipeline::lose`.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) command: RedisCommand,
    pub(super) deadline: Instant,
    pub(super) reply: oneshot::Sender<Result<Reply, RedisError>>,
    /// Of the client's bounds; given back when the reply is in, or when nothing will come any more.
    pub(super) share: Share,
}

impl Call {
    /// Answers that it was not sent.
    pub(super) fn refuse(self, why: &str) {
        // Whoever gave up does not listen.
        let _ = self.reply.send(Err(RedisError::Unavailable(why.to_owned())));
    }
}

/// What clients ask of the task that keeps the connection.
#[derive(Debug)]
pub(super) enum Request {
    Call(Call),
    /// Without anybody else's in between.
    Burst(Vec<Call>),
    /// Lose the connection, for this reason, and begin anew.
    GiveUp(Arc<str>),
    /// Answer what is in flight, and end.
    Close,
}

impl Request {
    pub(super) fn refuse(self, why: &str) {
        match self {
            Self::Call(call) => call.refuse(why),
            Self::Burst(calls) => calls.into_iter().for_each(|call| call.refuse(why)),
            Self::GiveUp(_) | Self::Close => {}
        }
    }
}

/// A call's share of the bounds, counted as in flight for as long as it lives.
#[derive(Debug)]
pub(super) struct Share {
    command: Held,
    bytes: Held,
    counted: Gauge,
}

impl Share {
    /// A share of one command and its bytes, if there is room.
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
