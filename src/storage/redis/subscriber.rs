//! Pub/sub. What Redis pushes is lost when the connection is: whoever listens must be able to do without.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::timeout;

use super::link::{Frames, Link};
use super::{RedisCommand, RedisError, RedisSettings, Reply};

/// Channels named by one `SUBSCRIBE` or `UNSUBSCRIBE`: Redis serves nobody else while it works through one.
pub const CHANNELS_PER_COMMAND: usize = 500;

/// A connection that listens. After any error but [`RedisError::Refused`] it can only be dropped.
///
/// Redis drops a listener that leaves 8 MB unread for 60 s, or 32 MB at any moment (`client-output-buffer-limit`): call
/// [`RedisSubscriber::next`] and never wait long between.
pub struct RedisSubscriber {
    frames: Frames,
    command_timeout: Duration,
    /// Something encoded may not have reached the socket.
    unflushed: bool,
}

/// What a subscriber hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    /// Somebody published.
    Message {
        /// Where.
        channel: String,
        /// What; any bytes.
        payload: Bytes,
    },
    /// From here on the channel's messages come.
    Subscribed(String),
    /// No more messages of the channel come.
    Unsubscribed(String),
    /// The answer to [`RedisSubscriber::ping`].
    Pong,
}

impl RedisSubscriber {
    /// Connects, as [`Link::connect`] does.
    ///
    /// # Errors
    /// As [`Link::connect`].
    pub async fn connect(settings: &RedisSettings) -> Result<Self, RedisError> {
        let frames = Link::connect(settings).await?.into_frames();
        Ok(Self { frames, command_timeout: settings.command_timeout, unflushed: false })
    }

    /// Asks for the messages of channels. Each is confirmed by a [`Push::Subscribed`], in their order; a channel that the
    /// user has no right to is answered by [`RedisError::Refused`] from [`RedisSubscriber::next`], once per
    /// [`CHANNELS_PER_COMMAND`], and none of those is subscribed.
    ///
    /// # Errors
    /// [`RedisError::OutcomeUnknown`]: the connection is lost, or takes nothing within `command_timeout`.
    pub async fn subscribe(&mut self, channels: &[impl AsRef<str>]) -> Result<(), RedisError> {
        self.send("SUBSCRIBE", channels).await
    }

    /// Asks for no more messages of channels. Each is confirmed by a [`Push::Unsubscribed`], also one that was not
    /// subscribed.
    ///
    /// # Errors
    /// As [`RedisSubscriber::subscribe`].
    pub async fn unsubscribe(&mut self, channels: &[impl AsRef<str>]) -> Result<(), RedisError> {
        self.send("UNSUBSCRIBE", channels).await
    }

    /// Asks for a [`Push::Pong`], behind everything that Redis has pushed before.
    ///
    /// # Errors
    /// As [`RedisSubscriber::subscribe`].
    pub async fn ping(&mut self) -> Result<(), RedisError> {
        self.encode(RedisCommand::new("PING")).map_err(lost)?;
        self.flush().await
    }

    /// The next push, however long it takes: without [`RedisSubscriber::ping`] a silent connection may be a dead one. May be
    /// cancelled at any time, as in `select!`, without losing one.
    ///
    /// # Errors
    /// [`RedisError::Unavailable`]: the connection is lost, and messages may have been. [`RedisError::Refused`]: Redis
    /// refused a command; the connection goes on.
    pub async fn next(&mut self) -> Result<Push, RedisError> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    async fn send(&mut self, name: &str, channels: &[impl AsRef<str>]) -> Result<(), RedisError> {
        for some in channels.chunks(CHANNELS_PER_COMMAND) {
            self.encode(RedisCommand::new(name).args(some.iter().map(AsRef::as_ref))).map_err(lost)?;
        }
        self.flush().await
    }

    fn encode(&mut self, command: RedisCommand) -> std::io::Result<()> {
        self.unflushed = true;
        self.frames.start_send_unpin(command)
    }

    async fn flush(&mut self) -> Result<(), RedisError> {
        let flushed = timeout(self.command_timeout, poll_fn(|cx| self.poll_flush(cx))).await;
        let late = || RedisError::OutcomeUnknown(format!("takes nothing within {:?}", self.command_timeout));
        flushed.map_err(|_| late())?.map_err(lost)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let flushed = self.frames.poll_flush_unpin(cx);
        self.unflushed &= !matches!(flushed, Poll::Ready(Ok(())));
        flushed
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Push, RedisError>> {
        // What a cancelled call has left.
        if self.unflushed
            && let Poll::Ready(Err(error)) = self.poll_flush(cx)
        {
            return Poll::Ready(Err(RedisError::Unavailable(error.to_string())));
        }
        self.frames.poll_next_unpin(cx).map(|read| match read {
            Some(Ok(reply)) => push(reply),
            Some(Err(error)) => Err(RedisError::Unavailable(error.to_string())),
            None => Err(RedisError::Unavailable("closed by Redis".to_owned())),
        })
    }
}

impl std::fmt::Debug for RedisSubscriber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscriber").field("unflushed", &self.unflushed).finish_non_exhaustive()
    }
}

fn lost(error: std::io::Error) -> RedisError {
    RedisError::OutcomeUnknown(error.to_string())
}

fn push(reply: Reply) -> Result<Push, RedisError> {
    let elements = match reply {
        Reply::Error(text) => return Err(RedisError::Refused(text)),
        // How a connection without a subscription answers PING.
        Reply::SimpleString(text) if text == "PONG" => return Ok(Push::Pong),
        Reply::Array(elements) => elements,
        _ => return Err(RedisError::Unavailable("Redis pushed what is no push".to_owned())),
    };
    let mut strings = elements.into_iter().map_while(|element| match element {
        Reply::BulkString(bytes) => Some(bytes),
        _ => None,
    });
    let kind = strings.next().unwrap_or_default();
    let channel = strings.next().and_then(|name| String::from_utf8(name).ok());
    match (kind.as_slice(), channel, strings.next()) {
        (b"message", Some(channel), Some(payload)) => Ok(Push::Message { channel, payload: payload.into() }),
        (b"subscribe", Some(channel), _) => Ok(Push::Subscribed(channel)),
        (b"unsubscribe", Some(channel), _) => Ok(Push::Unsubscribed(channel)),
        (b"pong", ..) => Ok(Push::Pong),
        _ => Err(RedisError::Unavailable(format!("Redis pushed a {:?}", String::from_utf8_lossy(&kind)))),
    }
}
