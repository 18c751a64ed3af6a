//! The connection to Redis, or to what speaks its protocol: everything that is kept there goes through here.
//!
//! - [`RedisClient`]: commands of all callers over one connection, that is rebuilt for as long as the client lives.
//! - [`RedisSubscriber`]: pub/sub, over a connection of its own; whoever holds it builds a new one when it breaks.
//! - [`Link`]: one connection, one command at a time: what both begin with, and what [`Attest`] is given.
//!
//! # Life of a client's connection
//! Connecting is name resolution, TCP, TLS, `AUTH`, `SELECT`, `CLIENT SETNAME` and a `PING`, within one command's
//! deadline; then [`Attest`]. Only then may commands go.
//!
//! | what happens | callers hear | the connection |
//! |---|---|---|
//! | Redis refuses a command | [`RedisError::Refused`] | goes on |
//! | that it takes no writes any more, being a replica now | `Refused` | is dropped: another server has its place |
//! | no reply by a command's deadline | [`RedisError::OutcomeUnknown`] | goes on; its reply is dropped when it comes |
//! | that, twice in a row without a byte in between | the same | is dropped |
//! | a `PING`, sent after 5 s of silence, is not answered in time | the same | is dropped |
//! | it is closed, or speaks nonsense | `OutcomeUnknown` for what was sent, else [`RedisError::Unavailable`] | is dropped |
//! | it is down | `Unavailable` with the last reason, at once | is tried again: 50 ms doubling to 5 s, with jitter |
//! | it is being built for the first time | they wait for that attempt, as long as their deadline | |
//! | too much is in flight | [`RedisError::Saturated`] | goes on |
//!
//! So a Redis that is away, refuses or says nothing is survived without a restart, however long; and a command is never
//! repeated here: only its caller knows whether it may run twice. Blocking commands (`BLPOP`, `XREAD BLOCK`) do not belong
//! on a client: nothing else would be answered meanwhile.
//!
//! # Sizes
//! A reply is looked through once and parsed once, however it arrives (see `codec`), so a page may be as large as one likes
//! to hold in memory twice: 1 MiB of `XRANGE` takes 0.7 ms as 64 KiB entries and 3 ms as 400-byte entries, Redis' own
//! work included; 4 MiB take 3 ms and 12 ms. (`RespCodec` alone, reading 16 KiB at a time, takes 72 ms and 685 ms for
//! the parsing of the 4 MiB.) Redis serves nobody else while it writes a page, which is the reason to stay near 1 MiB.
//!
//! One connection carries 80,000 commands a second for one caller and 800,000 for 64 (GET, loopback, one core each for
//! the client and for Redis).

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

mod client;
mod codec;
mod command;
mod connection;
mod link;
mod metrics;
mod pipeline;
mod reconnect;
mod request;
mod status;
mod stream;
mod subscriber;
mod url;

pub use client::{PIPELINE_BYTES, PIPELINE_COMMANDS, RedisClient};
pub use codec::MAX_REPLY_BYTES;
pub use command::RedisCommand;
pub use link::Link;
pub use status::LinkStatus;
pub use subscriber::{CHANNELS_PER_COMMAND, Push, RedisSubscriber};
pub use url::{RedisUrl, RedisUrlError};

/// What Redis answers: strings, numbers, arrays of these, or nil. Errors arrive as [`RedisError::Refused`], except within
/// an array.
pub type Reply = redis_async::resp::RespValue;

/// How to reach a Redis.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// Where it is, and who asks.
    pub url: RedisUrl,
    /// PEM file of the only authorities trusted for `rediss://`; the system's when `None`. Read for each connection.
    pub ca_file: Option<PathBuf>,
    /// Deadline of a command, of building a connection, and of a `PING`.
    pub command_timeout: Duration,
    /// The connection's name in `CLIENT LIST`: printable ASCII without spaces.
    pub client_name: String,
    /// What the connection is for, as metrics name it.
    pub purpose: &'static str,
}

/// Why there is no reply. The text says what happened, for people; it never has a password in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisError {
    /// There is no connection. The command was not sent: nothing happened.
    #[error("Redis is unavailable: {0}")]
    Unavailable(String),
    /// The command was sent, or part of it, and no reply came: it may have run, may yet run, or never will.
    #[error("no reply from Redis: {0}")]
    OutcomeUnknown(String),
    /// Redis answered with an error, which begins with its code: `NOSCRIPT ...`, `OOM ...`, `WRONGTYPE ...`.
    #[error("Redis refused: {0}")]
    Refused(String),
    /// As much as the pipeline holds is in flight. The command was not sent: nothing happened.
    #[error("too many commands to Redis are in flight")]
    Saturated,
}

impl RedisError {
    /// The text alone.
    fn reason(&self) -> String {
        match self {
            Self::Unavailable(why) | Self::OutcomeUnknown(why) | Self::Refused(why) => why.clone(),
            Self::Saturated => self.to_string(),
        }
    }
}

/// Judges each new connection of a [`RedisClient`], behind authentication and before any other command: that this is the Redis
/// it was, that scripts are loaded. `()` finds every connection good.
#[async_trait]
pub trait Attest: Send + Sync + 'static {
    /// Looks at the connection.
    ///
    /// # Errors
    /// Any error, or a call that it gave up: the connection is dropped, and another one is tried after a pause.
    async fn attest(&self, link: &mut Link) -> Result<(), RedisError>;
}

#[async_trait]
impl Attest for () {
    async fn attest(&self, _: &mut Link) -> Result<(), RedisError> {
        Ok(())
    }
}

/// A reply that is an error, as one.
fn judged(reply: Reply) -> Result<Reply, RedisError> {
    match reply {
        Reply::Error(text) => Err(RedisError::Refused(text)),
        reply => Ok(reply),
    }
}
