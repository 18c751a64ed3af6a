//! Pub/sub. Messages that Redis pushes while the connection is lost do not arrive, so a subscriber must cope without
//! them.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::timeout;

use super::link::{Frames, Link};
use super::{RedisCommand, RedisError, RedisSettings, Reply};

/// Channels in one `SUBSCRIBE` or `UNSUBSCRIBE`. Redis serves no other client while it works through one.
pub const CHANNELS_PER_COMMAND: usize = 500;

/// A connection that receives pub/sub messages. After any error but [`RedisError::Refused`] it can only be dropped.
///
/// Redis drops a subscriber that leaves 8 MB unread for 60 s, or 32 MB at any moment (`client-output-buffer-limit`). So
/// call [`RedisSubscriber::next`] again without long waits in between.
pub struct RedisSubscriber {
    frames: Frames,
    command_timeout: Duration,
    /// Encoded bytes may not have reached the socket.
    unflushed: bool,
}

/// A push from Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    /// A message was published.
    Message {
        /// The channel.
        channel: String,
        /// The content, any bytes.
        payload: Bytes,
    },
    /// Messages of the channel arrive from here on.
    Subscribed(String),
    /// No more messages of the channel arrive.
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

    /// Subscribes to channels. Each one is confirmed by a [`Push::Subscribed`], in order. If the user has no right to a
    /// channel, [`RedisSubscriber::next`] returns [`RedisError::Refused`] once per [`CHANNELS_PER_COMMAND`], and none
    /// of those channels is subscribed.
    ///
    /// # Errors
    /// [`RedisError::OutcomeUnknown`]: the connection is lost, or takes nothing within `command_timeout`.
    pub async fn subscribe(&mut self, channels: &[impl AsRef<str>]) -> Result<(), RedisError> {
        self.send("SUBSCRIBE", channels).await
    }

    /// Unsubscribes from channels. Each one is confirmed by a [`Push::Unsubscribed`], even if it was not subscribed.
    ///
    /// # Errors
    /// As [`RedisSubscriber::subscribe`].
    pub async fn unsubscribe(&mut self, channels: &[impl AsRef<str>]) -> Result<(), RedisError> {
        self.send("UNSUBSCRIBE", channels).await
    }

    /// Asks for a [`Push::Pong`], which arrives after everything that Redis pushed before.
    ///
    /// # Errors
    /// As [`RedisSubscriber::subscribe`].
    pub async fn ping(&mut self) -> Result<(), RedisError> {
        self.encode(RedisCommand::new("PING")).map_err(lost)?;
        self.flush().await
    }

    /// Waits for the next push without a time limit: without [`RedisSubscriber::ping`] a silent connection can't be
    /// told from a dead one. The call may be cancelled at any time, as in `select!`, without losing a push.
    ///
    /// # Errors
    /// [`RedisError::Unavailable`]: the connection is lost, and messages may be lost with it. [`RedisError::Refused`]:
    /// Redis refused a command; the connection continues.
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
        // A cancelled call may have left encoded bytes.
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
        // A connection without a subscription answers PING in this form.
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
