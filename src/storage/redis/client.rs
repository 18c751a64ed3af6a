//! The handle that callers use: it puts commands into the pipeline and waits for their replies.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::metrics::ConnectionMetrics;
use super::reconnect::{ClientTask, NAME};
use super::request::{Call, Request, Share};
use super::status::{CLOSED, LinkStatus};
use super::{Attest, RedisCommand, RedisError, RedisSettings, Reply};
use crate::budget::Budget;
use crate::tasks;

/// Most commands in the pipeline: those in flight and those that wait to be sent.
pub const PIPELINE_COMMANDS: usize = 8192;

/// Most bytes of commands in the pipeline, or one larger command. 64 MiB.
pub const PIPELINE_BYTES: usize = 64 * 1024 * 1024;

/// Runs commands over one connection that all clones share. The connection is rebuilt for as long as one clone is held.
/// The table of the module `redis` says what callers get when something fails.
#[derive(Clone, Debug)]
pub struct RedisClient(Arc<ClientHandle>);

#[derive(Debug)]
struct ClientHandle {
    /// Unbounded as a channel; the shares that calls hold bound it.
    requests: mpsc::UnboundedSender<Request>,
    status: watch::Receiver<LinkStatus>,
    commands: Budget,
    bytes: Budget,
    command_timeout: Duration,
    metrics: ConnectionMetrics,
}

type CommandReply = oneshot::Receiver<Result<Reply, RedisError>>;

impl RedisClient {
    /// Starts to connect on the current runtime. It never fails: [`RedisClient::status`] shows the result.
    pub fn start(settings: RedisSettings, attest: Arc<dyn Attest>) -> Self {
        let (requests, queue) = mpsc::unbounded_channel();
        let (tell, status) = watch::channel(LinkStatus::Connecting);
        let metrics = ConnectionMetrics::of(settings.purpose);
        let handle = ClientHandle {
            requests,
            status,
            commands: Budget::new(PIPELINE_COMMANDS),
            bytes: Budget::new(PIPELINE_BYTES),
            command_timeout: settings.command_timeout,
            metrics: metrics.clone(),
        };
        let task = ClientTask { settings, attest, requests: queue, status: tell, metrics, connection: 0 };
        drop(tasks::spawn(NAME, task.run()));
        Self(Arc::new(handle))
    }

    /// Runs a command within `command_timeout`. Dropping the future cancels a command that has not been written yet.
    ///
    /// # Errors
    /// See the table of the module `redis`.
    pub async fn call(&self, command: RedisCommand) -> Result<Reply, RedisError> {
        self.call_within(command, self.0.command_timeout).await
    }

    /// Runs a command with its own deadline. Whatever the deadline, a connection that is silent for 5 s and then does
    /// not answer a `PING` within `command_timeout` is dropped.
    ///
    /// # Errors
    /// See the table of the module `redis`.
    pub async fn call_within(&self, command: RedisCommand, within: Duration) -> Result<Reply, RedisError> {
        let deadline = Instant::now() + within;
        self.live(deadline).await?;
        let (call, answer) = self.admit(command, deadline)?;
        self.request(Request::Call(call))?;
        heard(answer).await
    }

    /// Runs commands one after the other within `command_timeout`, without another caller's command in between. The
    /// replies are in the order of the commands, each with its own result. It is not a transaction.
    pub async fn all(&self, commands: Vec<RedisCommand>) -> Result<Vec<Result<Reply, RedisError>>, RedisError> {
        let deadline = Instant::now() + self.0.command_timeout;
        self.live(deadline).await?;
        let admitted = commands.into_iter().map(|command| self.admit(command, deadline));
        let (calls, answers): (Vec<Call>, Vec<CommandReply>) = admitted.collect::<Result<_, _>>()?;
        self.request(Request::Burst(calls))?;
        let mut replies = Vec::with_capacity(answers.len());
        for answer in answers {
            replies.push(heard(answer).await);
        }
        Ok(replies)
    }

    /// A receiver of the connection's state.
    pub fn status(&self) -> watch::Receiver<LinkStatus> {
        self.0.status.clone()
    }

    /// Drops the connection as if it were lost. The next one is attested again.
    pub fn give_up(&self, reason: &str) {
        // The task may have ended already.
        let _ = self.0.requests.send(Request::GiveUp(reason.into()));
    }

    /// Ends the connection for all clones: commands in flight are answered, further commands are refused as
    /// unavailable. Returns when the connection and its task have ended.
    pub async fn close(&self) {
        // The task may have ended already.
        let _ = self.0.requests.send(Request::Close);
        self.0.requests.closed().await;
    }

    /// Waits for the first attempt to connect, if it is in progress.
    async fn live(&self, deadline: Instant) -> Result<(), RedisError> {
        let refused = |status: &LinkStatus| match status {
            LinkStatus::Live { .. } => Ok(()),
            other => Err(RedisError::Unavailable(other.reason().to_string())),
        };
        if !matches!(*self.0.status.borrow(), LinkStatus::Connecting) {
            return refused(&self.0.status.borrow());
        }
        let mut status = self.status();
        let settled = status.wait_for(|status| !matches!(status, LinkStatus::Connecting));
        match timeout_at(deadline, settled).await {
            Ok(Ok(status)) => refused(&status),
            Ok(Err(_)) => Err(RedisError::Unavailable(CLOSED.to_owned())),
            Err(_) => refused(&LinkStatus::Connecting),
        }
    }

    fn admit(&self, command: RedisCommand, deadline: Instant) -> Result<(Call, CommandReply), RedisError> {
        // A command larger than the bound takes the whole bound.
        let bytes = command.size().min(PIPELINE_BYTES);
        let share = Share::take(&self.0.commands, &self.0.bytes, bytes, &self.0.metrics.in_flight)
            .ok_or(RedisError::Saturated)?;
        let (reply, answer) = oneshot::channel();
        Ok((Call { command, deadline, reply, share }, answer))
    }

    fn request(&self, request: Request) -> Result<(), RedisError> {
        self.0.requests.send(request).map_err(|_| RedisError::Unavailable(CLOSED.to_owned()))
    }
}

async fn heard(answer: CommandReply) -> Result<Reply, RedisError> {
    // The task answers every call, unless the runtime is shut down.
    answer.await.unwrap_or_else(|_| Err(RedisError::OutcomeUnknown(CLOSED.to_owned())))
}
