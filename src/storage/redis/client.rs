//! The handle that callers have: puts commands into the pipeline and waits for their replies.

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

/// Most commands in the pipeline: those on their way and those that wait to be.
pub const PIPELINE_COMMANDS: usize = 8192;

/// Most bytes of commands in the pipeline, or one larger command. 64 MiB.
pub const PIPELINE_BYTES: usize = 64 * 1024 * 1024;

/// Commands over one connection that is shared by all clones, and rebuilt for as long as one of them lives. See the
/// module's table for what callers hear.
#[derive(Clone, Debug)]
pub struct RedisClient(Arc<ClientHandle>);

#[derive(Debug)]
struct ClientHandle {
    /// Bounded by the shares that calls hold.
    requests: mpsc::UnboundedSender<Request>,
    status: watch::Receiver<LinkStatus>,
    commands: Budget,
    bytes: Budget,
    command_timeout: Duration,
    metrics: ConnectionMetrics,
}

type CommandReply = oneshot::Receiver<Result<Reply, RedisError>>;

impl RedisClient {
    /// Starts to connect, on the current runtime. Never fails: [`RedisClient::status`] tells how it went.
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
        let task = ClientTask { settings, attest, requests: queue, status: tell, metrics, generation: 0 };
        drop(tasks::spawn(NAME, task.run()));
        Self(Arc::new(handle))
    }

    /// Runs a command, within `command_timeout`. Dropping the future takes a command back that has not been written yet.
    ///
    /// # Errors
    /// See the module.
    pub async fn call(&self, command: RedisCommand) -> Result<Reply, RedisError> {
        self.call_within(command, self.0.command_timeout).await
    }

    /// Runs a command with a deadline of its own. A connection that is silent for 5 s and then fails to answer a `PING`
    /// within `command_timeout` is dropped all the same.
    ///
    /// # Errors
    /// See the module.
    pub async fn call_within(&self, command: RedisCommand, within: Duration) -> Result<Reply, RedisError> {
        let deadline = Instant::now() + within;
        self.live(deadline).await?;
        let (call, answer) = self.admit(command, deadline)?;
        self.request(Request::Call(call))?;
        heard(answer).await
    }

    /// Runs commands one behind the other, without anybody else's in between, within `command_timeout`. The replies are
    /// in their order, each with its own fate; it is no transaction.
    ///
    /// # Errors
    /// [`RedisError::Unavailable`] and [`RedisError::Saturated`]: none was sent.
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

    /// How the connection is, now and later.
    pub fn status(&self) -> watch::Receiver<LinkStatus> {
        self.0.status.clone()
    }

    /// Gives the connection up as if it were lost: the next one is attested anew.
    pub fn give_up(&self, why: &str) {
        // The task may have ended already.
        let _ = self.0.requests.send(Request::GiveUp(why.into()));
    }

    /// Ends the connection for all clones: what is in flight is answered, further commands are refused as unavailable.
    /// Returns when nothing of it is left.
    pub async fn close(&self) {
        // The task may have ended already.
        let _ = self.0.requests.send(Request::Close);
        self.0.requests.closed().await;
    }

    /// Waits for the first attempt to connect, if it is under way.
    async fn live(&self, deadline: Instant) -> Result<(), RedisError> {
        let refused = |status: &LinkStatus| match status {
            LinkStatus::Live { .. } => Ok(()),
            other => Err(RedisError::Unavailable(other.why().to_string())),
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
        // A command larger than the bound goes alone.
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
    // Everybody is answered, unless the runtime is shut down.
    answer.await.unwrap_or_else(|_| Err(RedisError::OutcomeUnknown(CLOSED.to_owned())))
}
