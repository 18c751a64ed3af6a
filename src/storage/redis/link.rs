//! One authenticated connection to Redis, which runs one command at a time.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::codec::Framed;

use super::codec::{READ_BYTES, RespFrames};
use super::stream::{Stream, dial};
use super::{RedisCommand, RedisError, RedisSettings, Reply, judged};

/// The framed byte stream: commands out, replies in.
pub(super) type Frames = Framed<Box<dyn Stream>, RespFrames>;

/// A connection. Nothing repairs it: after any error but [`RedisError::Refused`] it can only be dropped.
pub struct Link {
    frames: Frames,
    command_timeout: Duration,
    /// A command was given up before its reply came, so replies no longer match commands.
    out_of_step: bool,
}

impl Link {
    /// Connects, authenticates, selects the database, sets the connection's name and waits for the answer to a `PING`,
    /// all within `command_timeout`. The user needs the right to `PING` and, for a database other than 0, to `SELECT`.
    /// If the user may not set the connection's name, it stays unset.
    ///
    /// # Errors
    /// [`RedisError::Unavailable`], or [`RedisError::Refused`] when Redis refuses the password or the database, is
    /// loading its data, or has too many clients. Both name the address.
    pub async fn connect(settings: &RedisSettings) -> Result<Self, RedisError> {
        let address = settings.url.address();
        let deadline = Instant::now() + settings.command_timeout;
        let unavailable = |reason: String| RedisError::Unavailable(format!("{address}: {reason}"));
        let stream = dial(settings, deadline).await.map_err(unavailable)?;
        let mut frames = Framed::with_capacity(stream, RespFrames::default(), READ_BYTES);
        match timeout_at(deadline, greet(&mut frames, settings)).await {
            Ok(Ok(())) => Ok(Self { frames, command_timeout: settings.command_timeout, out_of_step: false }),
            Ok(Err(RedisError::Refused(text))) => Err(RedisError::Refused(format!("{text} ({address})"))),
            Ok(Err(error)) => Err(unavailable(error.reason())),
            Err(_) => Err(unavailable(format!("connected, but no answer within {:?}", settings.command_timeout))),
        }
    }

    /// Runs one command within `command_timeout`.
    ///
    /// # Errors
    /// [`RedisError::Refused`]; [`RedisError::OutcomeUnknown`]; [`RedisError::Unavailable`] when an earlier call failed
    /// with an unknown outcome or was cancelled.
    pub async fn call(&mut self, command: RedisCommand) -> Result<Reply, RedisError> {
        if self.out_of_step {
            return Err(RedisError::Unavailable("an earlier command on this connection was given up".to_owned()));
        }
        // Reset only when the reply was read, so it stays set when this future is dropped.
        self.out_of_step = true;
        let exchange = async {
            self.frames.send(command).await.map_err(|error| RedisError::OutcomeUnknown(error.to_string()))?;
            read(&mut self.frames).await
        };
        let unanswered = || RedisError::OutcomeUnknown(format!("not within {:?}", self.command_timeout));
        let reply = timeout(self.command_timeout, exchange).await.map_err(|_| unanswered())??;
        self.out_of_step = false;
        judged(reply)
    }

    /// Whether replies still match commands, so that the connection can be used.
    pub(super) fn is_in_step(&self) -> bool {
        !self.out_of_step
    }

    pub(super) fn into_frames(self) -> Frames {
        self.frames
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("out_of_step", &self.out_of_step).finish_non_exhaustive()
    }
}

/// Sends the commands that every connection begins with in one write, and reads their replies.
async fn greet(frames: &mut Frames, settings: &RedisSettings) -> Result<(), RedisError> {
    let url = &settings.url;
    let mut greetings = Vec::new();
    if let Some(password) = url.password() {
        greetings.push(("AUTH", RedisCommand::new("AUTH").args(url.user()).arg(password)));
    }
    if url.database() != 0 {
        greetings.push(("SELECT", RedisCommand::new("SELECT").number(url.database().into())));
    }
    greetings.push(("CLIENT SETNAME", RedisCommand::new("CLIENT").arg("SETNAME").arg(&settings.client_name)));
    greetings.push(("PING", RedisCommand::new("PING")));
    let lost = |error: std::io::Error| RedisError::Unavailable(error.to_string());
    let mut names = Vec::new();
    for (name, command) in greetings {
        names.push(name);
        frames.feed(command).await.map_err(lost)?;
    }
    frames.flush().await.map_err(lost)?;
    for name in names {
        match judged(read(frames).await?) {
            Ok(_) => {}
            Err(refused) if name == "CLIENT SETNAME" => {
                tracing::debug!(%refused, "the connection stays without a name")
            }
            Err(refused) => return Err(RedisError::Refused(format!("{}: the answer to {name}", refused.reason()))),
        }
    }
    Ok(())
}

async fn read(frames: &mut Frames) -> Result<Reply, RedisError> {
    match frames.next().await {
        Some(Ok(reply)) => Ok(reply),
        Some(Err(error)) => Err(RedisError::OutcomeUnknown(error.to_string())),
        None => Err(RedisError::OutcomeUnknown("closed by Redis".to_owned())),
    }
}
