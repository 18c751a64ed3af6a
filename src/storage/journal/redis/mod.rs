//! The journal in Redis, shared by many nodes.
//!
//! A node decides an append by the rules that all journals share (`append_rules`), on the run as it last saw it. One
//! script stores the decision if the run has not changed; otherwise it answers with the run's actual state, and the
//! node decides again. So the rules are written once. An append is one round trip while one node posts to the run, and
//! two when several do.
//!
//! # What a fault can lose
//! | Redis | process killed | power lost | failover to a replica |
//! |---|---|---|---|
//! | no append-only file | everything since the last snapshot | the same | what was not replicated |
//! | `appendfsync everysec` | nothing | the last second or two | what was not replicated |
//! | `appendfsync always` | nothing | nothing | what was not replicated |
//!
//! Killing a runcast process loses nothing in any of these cases. Whatever Redis lost, one seq never names two events
//! in one epoch: each new connection checks whether the server is still the same process (`attest.lua`), and if it is
//! not, all runs continue in a new epoch. A restart that lost nothing resets no reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::timeout;

use self::incarnation::StoreIncarnation;
use self::keys::{Index, RedisKeys};
use self::reply::ReplyParts;
use self::run_locks::RunLocks;
use self::script::Scripts;
use super::{
    Append, Expired, Head, Journal, JournalError, JournalLimits, Removal, RunPage, RunPosition, Stored, append_rules,
};
use crate::protocol::{Clock, Cursor, Epoch, RunId, Segment, Seq, Timestamp};
use crate::storage::format::NewerFormat;
use crate::storage::redis::{LinkStatus, RedisClient, RedisCommand, RedisError, RedisSettings, Reply};

pub use format::stored_format;

mod append;
mod expiry;
mod format;
mod incarnation;
mod keys;
mod listing;
mod marks;
pub mod moving;
pub mod notice;
mod reading;
mod reply;
mod run_locks;
mod script;
pub mod server;
mod steering;
mod stored;

/// Runs that one script reads or removes.
const CHUNK: usize = 500;

/// How often heads are read until the store's incarnation does not change during the read.
const READS: usize = 5;

/// How the journal is opened.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// The prefix of every key and channel, so that several clusters may share a server.
    pub prefix: String,
    /// This node's name, which its notices carry.
    pub node: String,
    /// The limits that every journal keeps.
    pub limits: JournalLimits,
    /// How to reach the server.
    pub settings: RedisSettings,
    /// How far the server's clock may differ from the time that this host expects it to show.
    pub max_clock_step: Duration,
}

/// The journal in Redis. It reconnects by itself.
#[derive(Debug)]
pub struct RedisJournal {
    client: RedisClient,
    keys: RedisKeys,
    incarnation: Arc<StoreIncarnation>,
    /// The server's clock, watched by this host's. At the start it should show what this host's wall clock shows.
    clock: Clock,
    /// Whether the two clocks have agreed once.
    agreed: AtomicBool,
    scripts: Scripts,
    appends: append::Appends,
    run_locks: RunLocks,
    node: String,
    /// The beginning of this node's notices: their format version and the node's name.
    rings_as: String,
    limits: JournalLimits,
    timeout: Duration,
}

impl RedisJournal {
    /// Opens the journal and connects in the background. An unreachable server is a state, not an error.
    pub fn open(options: RedisOptions) -> Self {
        let keys = RedisKeys::new(&options.prefix);
        let incarnation = Arc::new(StoreIncarnation::new(keys.clone()));
        let server_time = incarnation.clone();
        Self {
            clock: Clock::external(move || server_time.now(), options.max_clock_step),
            agreed: AtomicBool::new(false),
            timeout: options.settings.command_timeout,
            client: RedisClient::start(options.settings, incarnation.clone()),
            keys,
            incarnation,
            scripts: Scripts::new(),
            appends: append::Appends::default(),
            run_locks: RunLocks::default(),
            rings_as: notice::signature(&options.node),
            node: options.node,
            limits: options.limits,
        }
    }

    /// Waits for the first attempt to connect. An unreachable Redis is a state, not an error.
    ///
    /// # Errors
    /// A newer build wrote the store.
    pub async fn first_attempt(&self) -> Result<(), NewerFormat> {
        let mut status = self.status();
        // The wait fails only when the client was closed.
        let _ = status.wait_for(|status| !matches!(status, LinkStatus::Connecting)).await;
        self.incarnation.newer().map_or(Ok(()), Err)
    }

    /// The connection's state, for callers that act when it comes back.
    pub fn status(&self) -> watch::Receiver<LinkStatus> {
        self.client.status()
    }

    /// The channel of a run's doorbell.
    pub fn notice_channel(&self, run: &RunId) -> String {
        self.keys.doorbell(run)
    }

    /// The channel of this node's own probes.
    pub fn probe_channel(&self) -> String {
        self.keys.probe_channel(&self.node)
    }

    /// Records where a run ends according to another node's notice. If the store later knows less of the run, it has
    /// lost something.
    pub fn heard(&self, run: &RunId, head: &Head) {
        let incarnation = self.incarnation.epochs().incarnation;
        // A notice from an earlier incarnation is outdated.
        if head.lineage.epoch() >= Some(incarnation) {
            self.incarnation.note(run, head, incarnation);
        }
    }

    /// The connection for commands, over which a node also publishes to the others.
    pub fn client(&self) -> &RedisClient {
        &self.client
    }

    async fn call(&self, command: RedisCommand) -> Result<Reply, JournalError> {
        self.client.call(command).await.map_err(unread)
    }

    /// The earliest time for what is decided and stored now. While the server's clock is set back, its time must not be used: the
    /// run would expire too early once the clock is right again. If the clock never agreed with this host's, nobody
    /// knows which of the two is wrong, and there is no such bound.
    fn dated_at_least(&self) -> Timestamp {
        match self.clock.check() {
            Ok(_) => self.agreed.store(self.incarnation.is_told(), Ordering::Relaxed),
            Err(jump) if self.agreed.load(Ordering::Relaxed) => return jump.expected,
            Err(_) => {}
        }
        Timestamp::default()
    }

    /// Asks for the store's incarnation, after it answered from another one than the known one.
    async fn learn_incarnation(&self) -> Result<(), JournalError> {
        let answer = self.client.call(self.incarnation.question()).await.map_err(unread)?;
        let learned = self.incarnation.learn(answer);
        if let Some(newer) = self.incarnation.newer() {
            // A newer build has taken the store over: no connection is usable until that is undone.
            self.client.give_up(&newer.to_string());
        }
        learned
    }

    /// Heads as stored, without the pending epoch. Each one has its own result, because foreign data under one run's
    /// keys concerns that run alone.
    async fn stored_heads(&self, runs: &[RunId]) -> Result<Vec<Result<Head, JournalError>>, JournalError> {
        let mut heads = Vec::with_capacity(runs.len());
        for chunk in runs.chunks(CHUNK) {
            let keys: Vec<_> =
                std::iter::once(self.keys.store()).chain(chunk.iter().map(|run| self.keys.head(run))).collect();
            let (mut parts, incarnation) = self.read_heads(&keys).await?;
            for run in chunk {
                let (state, at, created) = (parts.text()?, parts.time_or_none()?, parts.time_or_none()?);
                let head = stored::head(&state, at, created).map_err(|error| malformed(format!("{error}: {state}")));
                let head = head.map(|head| Head { incarnation: Some(incarnation), ..head });
                if let Ok(head) = &head {
                    self.incarnation.note(run, head, incarnation);
                }
                heads.push(head);
            }
        }
        Ok(heads)
    }

    /// The script's answer about the heads under these keys, and the incarnation of the store that it comes from. That
    /// is always the incarnation that is known here, so that an older incarnation's answer is never taken for a newer
    /// one's.
    async fn read_heads(&self, keys: &[String]) -> Result<(ReplyParts, Epoch), JournalError> {
        for _ in 0..READS {
            let reply = self.scripts.heads.call(&self.client, self.timeout, keys, |command| command).await;
            let mut parts = ReplyParts::of(reply.map_err(unread)?)?;
            self.incarnation.set_clock(parts.time()?);
            let told = parts.text()?;
            let known = self.incarnation.epochs().incarnation;
            if told == known.to_string() {
                return Ok((parts, known));
            }
            self.learn_incarnation().await?;
        }
        Err(JournalError::Unavailable("Redis changes its data again and again".into()))
    }

    /// The heads of many runs, in the order of `runs`, each with its own result.
    ///
    /// # Errors
    /// Redis did not answer.
    pub async fn each_head(&self, runs: &[RunId]) -> Result<Vec<Result<Head, JournalError>>, JournalError> {
        let mut heads = self.stored_heads(runs).await?;
        for head in heads.iter_mut().flatten() {
            if let Some(incarnation) = head.incarnation {
                append_rules::open_pending(head, incarnation);
                head.incarnation = Some(incarnation).filter(|_| head.lineage.epoch().is_none());
            }
        }
        Ok(heads)
    }
}

#[async_trait]
impl Journal for RedisJournal {
    async fn append(&self, append: Append) -> Result<Stored, JournalError> {
        // The wait ends with the append's deadline: the append that holds the lock may be waiting for a Redis that does
        // not answer.
        let left = append.deadline.saturating_duration_since(Instant::now());
        let lock = timeout(left, self.run_locks.take(&append.run)).await;
        let late = |_| JournalError::Unavailable("other work on the run took too long".into());
        let _lock = lock.map_err(late)?.ok_or_else(closed)?;
        self.store(append).await
    }

    async fn head(&self, run: &RunId) -> Result<Head, JournalError> {
        self.each_head(std::slice::from_ref(run)).await?.pop().unwrap_or_else(|| Ok(Head::unborn()))
    }

    async fn heads(&self, runs: &[RunId]) -> Result<Vec<Head>, JournalError> {
        self.each_head(runs).await?.into_iter().collect()
    }

    async fn settled_head(&self, run: &RunId) -> Result<Head, JournalError> {
        let _lock = self.run_locks.take(run).await.ok_or_else(closed)?;
        self.head(run).await
    }

    async fn read(&self, run: &RunId, after: Seq, max_bytes: usize) -> Result<Vec<Arc<Segment>>, JournalError> {
        self.read_log(run, after, max_bytes).await
    }

    async fn read_control(&self, run: &RunId, after: Seq, max_bytes: usize) -> Result<Vec<Arc<Segment>>, JournalError> {
        self.read_control_log(run, after, max_bytes).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<RunId>, JournalError> {
        let due = self.listed(&[Index::Due], "-inf", &now.as_millis().to_string(), None, limit).await?;
        Ok(due.into_iter().map(|position| position.run).collect())
    }

    async fn settle_due(
        &self,
        run: &RunId,
        control: Option<Cursor>,
        due: Option<Timestamp>,
    ) -> Result<(), JournalError> {
        let keys = [self.keys.head(run), self.keys.index(Index::Due)];
        let seen = control.map_or_else(String::new, |control| control.to_string());
        let due = due.map_or_else(String::new, |due| due.as_millis().to_string());
        let args = |command: RedisCommand| command.arg(run.as_str()).arg(seen.as_str()).arg(due.as_str());
        let settled = self.scripts.settle_due.call(&self.client, self.timeout, &keys, args).await;
        settled.map(|_| ()).map_err(unread)
    }

    async fn changed_since(
        &self,
        since: Timestamp,
        after: Option<&RunPosition>,
        limit: usize,
    ) -> Result<RunPage, JournalError> {
        let from = since.as_millis().to_string();
        self.changed(&from, after, limit).await
    }

    async fn idle_since(
        &self,
        before: Timestamp,
        ended: bool,
        after: Option<&RunPosition>,
        limit: usize,
    ) -> Result<RunPage, JournalError> {
        let index = if ended { Index::Ended } else { Index::Open };
        self.idle(index, &format!("({}", before.as_millis()), after, limit).await
    }

    async fn gone_since(&self, since: Timestamp, limit: usize) -> Result<Vec<RunId>, JournalError> {
        let from = since.as_millis().to_string();
        let listed = self.listed(&[Index::Gone], &from, "+inf", None, limit).await?;
        Ok(listed.into_iter().map(|position| position.run).collect())
    }

    async fn expire(&self, before: Timestamp, limit: usize) -> Result<Expired, JournalError> {
        self.bury().await?;
        self.expire_runs(before, limit).await
    }

    async fn remove(&self, run: &RunId, even_live: bool) -> Result<Removal, JournalError> {
        self.remove_run(run, even_live).await
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn now(&self) -> Timestamp {
        self.incarnation.now().max(self.dated_at_least())
    }

    async fn probe(&self) -> Result<(), JournalError> {
        // The probe writes, because a server that is full, or can't write its file, refuses only writes.
        let command = RedisCommand::new("SET").arg(self.keys.probe()).arg(self.node.as_str()).arg("PX").arg("1000");
        self.call(command).await.map(|_| ())
    }

    fn doubts(&self) -> Vec<String> {
        self.incarnation.doubts()
    }

    async fn close(&self) {
        if self.run_locks.close().await {
            self.client.close().await;
        }
    }
}

fn closed() -> JournalError {
    JournalError::Unavailable("the journal is closed".into())
}

/// The error for stored data that this version does not write.
fn malformed(what: impl std::fmt::Display) -> JournalError {
    JournalError::Unavailable(format!("Redis holds something that is not a run's: {what}"))
}

fn unknown(reason: impl Into<String>) -> JournalError {
    JournalError::OutcomeUnknown(reason.into())
}

/// The error of a request that was not answered, and that changes nothing or may be repeated: its outcome does not matter.
fn unread(error: RedisError) -> JournalError {
    match error {
        RedisError::Saturated => JournalError::Saturated,
        RedisError::Unavailable(reason) | RedisError::OutcomeUnknown(reason) | RedisError::Refused(reason) => {
            JournalError::Unavailable(reason)
        }
    }
}
