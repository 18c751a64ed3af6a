//! The connection to Redis, or to a server that speaks its protocol. Everything that is kept there goes through this
//! module.
//!
//! - [`RedisClient`]: commands of all callers over one connection, which is rebuilt for as long as the client is held.
//! - [`RedisSubscriber`]: pub/sub over a connection of its own; its owner builds a new one when it breaks.
//! - [`Link`]: one connection that runs one command at a time. Both of the above begin with one, and [`Attest`] gets
//!   one.
//!
//! # A client's connection
//! Connecting is name resolution, TCP, TLS, `AUTH`, `SELECT`, `CLIENT SETNAME` and a `PING`, within one command's
//! deadline; then [`Attest`]. Commands are sent only after that.
//!
//! | what happens | callers get | the connection |
//! |---|---|---|
//! | Redis refuses a command | [`RedisError::Refused`] | continues |
//! | Redis refuses a write because it is a replica now | `Refused` | is dropped: another server has its place |
//! | no reply by a command's deadline | [`RedisError::OutcomeUnknown`] | continues; a late reply is discarded |
//! | the same twice in a row without a byte in between | `OutcomeUnknown` | is dropped |
//! | a `PING`, sent after 5 s of silence, is not answered in time | `OutcomeUnknown` | is dropped |
//! | Redis closes it, or sends something invalid | `OutcomeUnknown` for what was sent, else [`RedisError::Unavailable`] | is dropped |
//! | it is down | `Unavailable` with the last reason, at once | is tried again: 50 ms doubling to 5 s, with jitter |
//! | it is being built for the first time | they wait for that attempt, as long as their deadline | |
//! | too much is in flight | [`RedisError::Saturated`] | continues |
//!
//! So a client survives a Redis that is unreachable, refuses or does not answer, for any time and without a restart. A
//! command is never repeated here: only its caller knows whether it may run twice. Blocking commands (`BLPOP`, `XREAD
//! BLOCK`) must not be run on a client, because no other command would be answered meanwhile.
//!
//! # Sizes
//! A reply is scanned once and parsed once, however it arrives (see `codec`), so the size of a page is limited only by
//! the memory for two copies of it: 1 MiB of `XRANGE` takes 0.7 ms as 64 KiB entries and 3 ms as 400-byte entries,
//! Redis' own work included; 4 MiB take 3 ms and 12 ms. (`RespCodec` alone, reading 16 KiB at a time, takes 72 ms and
//! 685 ms for the parsing of the 4 MiB.) Redis serves no other client while it writes a page, which is the reason to
//! stay near 1 MiB.
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

/// An answer of Redis: a string, a number, an array of these, or nil. Errors arrive as [`RedisError::Refused`], except
/// within an array.
pub type Reply = redis_async::resp::RespValue;

/// How to reach a Redis.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// Address and login.
    pub url: RedisUrl,
    /// PEM file of the only authorities that are trusted for `rediss://`; the system's when `None`. It is read for each
    /// connection.
    pub ca_file: Option<PathBuf>,
    /// Deadline of a command, of building a connection, and of a `PING`.
    pub command_timeout: Duration,
    /// The connection's name in `CLIENT LIST`: printable ASCII without spaces.
    pub client_name: String,
    /// The purpose of the connection, as a label of its metrics.
    pub purpose: &'static str,
}

/// Why there is no reply. The text says what happened, for an operator; it never contains a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisError {
    /// There is no connection. The command was not sent and had no effect.
    #[error("Redis is unavailable: {0}")]
    Unavailable(String),
    /// The command was sent at least in part, and no reply came: it may have run, may run later, or may never run.
    #[error("no reply from Redis: {0}")]
    OutcomeUnknown(String),
    /// Redis answered with an error, which begins with its code: `NOSCRIPT ...`, `OOM ...`, `WRONGTYPE ...`.
    #[error("Redis refused: {0}")]
    Refused(String),
    /// The pipeline is full of commands in flight. The command was not sent and had no effect.
    #[error("too many commands to Redis are in flight")]
    Saturated,
}

impl RedisError {
    /// The text of the error without its kind.
    fn reason(&self) -> String {
        match self {
            Self::Unavailable(reason) | Self::OutcomeUnknown(reason) | Self::Refused(reason) => reason.clone(),
            Self::Saturated => self.to_string(),
        }
    }
}

/// Checks each new connection of a [`RedisClient`] after authentication and before any other command, for example that
/// the server is still the same, or that scripts are loaded. The implementation for `()` accepts every connection.
#[async_trait]
pub trait Attest: Send + Sync + 'static {
    /// Checks the connection.
    ///
    /// # Errors
    /// After an error, or when a call on `link` was given up, the connection is dropped and another one is tried after
    /// a pause.
    async fn attest(&self, link: &mut Link) -> Result<(), RedisError>;
}

#[async_trait]
impl Attest for () {
    async fn attest(&self, _: &mut Link) -> Result<(), RedisError> {
        Ok(())
    }
}

/// Turns a reply that is an error into a [`RedisError`].
fn judged(reply: Reply) -> Result<Reply, RedisError> {
    match reply {
        Reply::Error(text) => Err(RedisError::Refused(text)),
        reply => Ok(reply),
    }
}
