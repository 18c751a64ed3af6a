//! The journal in Redis: many nodes, one truth.
//!
//! A node decides by the rules that all journals share (`append_rules`), on the run as it last saw it, and one script stores the
//! decision if the run is still so; otherwise it answers with the run as it is, and the node decides anew. So the rules are
//! written once, an append is one round trip while a run is posted to through one node, and two when it is not.
//!
//! # What a fault can lose
//! | Redis | process killed | power lost | failover to a replica |
//! |---|---|---|---|
//! | no append-only file | everything since the last snapshot | the same | what was not replicated |
//! | `appendfsync everysec` | nothing | the last second or two | what was not replicated |
//! | `appendfsync always` | nothing | nothing | what was not replicated |
//!
//! Killing a runcast process loses nothing in any of them. Whatever Redis lost, no seq is told twice in one epoch: each
//! new connection asks whether the server is still the process that it was (`attest.lua`), and if not all runs go on in a
//! new epoch. A restart that lost nothing resets nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::timeout;

use self::incarnation::StoreIncarnation;
use self::keys::{Index, RedisKeys};
use self::reply::ReplyParts;
use self::run_locks::RunLocks;
use self::script::Scripts;
use super::{Append, Expired, Head, Journal, JournalError, JournalLimits, RunPage, RunPlace, Stored, append_rules};
use crate::protocol::{Clock, Epoch, Lines, RunId, Segment, Seq, Timestamp};
use crate::storage::format::NewerFormat;
use crate::storage::redis::{LinkStatus, RedisClient, RedisCommand, RedisError, RedisSettings, Reply};

pub use format::stored_format;

mod append;
mod expiry;
mod format;
mod incarnation;
mod keys;
mod listing;
pub mod notice;
mod reply;
mod run_locks;
mod script;
pub mod server;
mod stored;

/// Runs that one script reads or removes.
const CHUNK: usize = 500;

/// Times that heads are read until the store's incarnation holds still meanwhile.
const READS: usize = 5;

/// How the journal is opened.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// Before every key and channel: several clusters may share a server.
    pub prefix: String,
    /// This node's name, in the doorbells that it rings.
    pub node: String,
    /// What every journal keeps.
    pub limits: JournalLimits,
    /// The server.
    pub settings: RedisSettings,
    /// How far the server's clock may be from where this host's says that it should be.
    pub max_clock_step: Duration,
}

/// See the module.
#[derive(Debug)]
pub struct RedisJournal {
    client: RedisClient,
    keys: RedisKeys,
    incarnation: Arc<StoreIncarnation>,
    /// The server's, watched by this host's: at the start it should say what this host's wall clock says.
    clock: Clock,
    /// Both agreed once.
    agreed: AtomicBool,
    scripts: Scripts,
    appends: append::Appends,
    run_locks: RunLocks,
    node: String,
    /// What its notices begin with: their format version and this node.
    rings_as: String,
    limits: JournalLimits,
    timeout: Duration,
}

impl RedisJournal {
    /// A journal that connects in the background: a server that is away now is a state, not an error.
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

    /// Waits for the first attempt to connect. That Redis is away is a state, and no error.
    ///
    /// # Errors
    /// The store is a newer build's.
    pub async fn first_attempt(&self) -> Result<(), NewerFormat> {
        let mut status = self.status();
        // Fails only when the client was closed.
        let _ = status.wait_for(|status| !matches!(status, LinkStatus::Connecting)).await;
        self.incarnation.newer().map_or(Ok(()), Err)
    }

    /// The connection's state, for who has to act when it comes back.
    pub fn status(&self) -> watch::Receiver<LinkStatus> {
        self.client.status()
    }

    /// The channel on which a run's doorbell rings.
    pub fn bell_channel(&self, run: &RunId) -> String {
        self.keys.doorbell(run)
    }

    /// The channel on which a run's screen is shown.
    pub fn screen_channel(&self, run: &RunId) -> String {
        self.keys.screen(run)
    }

    /// The doorbell's channel of the run that a screen's channel belongs to.
    pub fn doorbell_channel(&self, screen_channel: &str) -> Option<String> {
        screen_channel.strip_suffix(keys::SCREEN).map(|run| format!("{run}{}", keys::DOORBELL))
    }

    /// The channel of this node's own probes.
    pub fn probe_channel(&self) -> String {
        self.keys.probe_channel(&self.node)
    }

    /// Another node has told where a run ends: should the store know less of it later, it has lost something.
    pub fn heard(&self, run: &RunId, head: &Head) {
        let incarnation = self.incarnation.epochs().incarnation;
        // A head of an earlier incarnation is out of date.
        if head.lineage.epoch() >= Some(incarnation) {
            self.incarnation.note(run, head, incarnation);
        }
    }

    /// The command connection, for what else a node tells the others.
    pub fn client(&self) -> &RedisClient {
        &self.client
    }

    async fn call(&self, command: RedisCommand) -> Result<Reply, JournalError> {
        self.client.call(command).await.map_err(unread)
    }

    /// What is stored now must not be dated before: where the server's clock was set back, it would go before its time once
    /// the clock is right again. Of a clock that never agreed with this host's nobody knows which one is wrong.
    fn dated_at_least(&self) -> Timestamp {
        match self.clock.check() {
            Ok(_) => self.agreed.store(self.incarnation.is_told(), Ordering::Relaxed),
            Err(jump) if self.agreed.load(Ordering::Relaxed) => return jump.expected,
            Err(_) => {}
        }
        Timestamp::default()
    }

    /// The store is in another incarnation than the one that is known: asks which.
    async fn learn_life(&self) -> Result<(), JournalError> {
        let answer = self.client.call(self.incarnation.question()).await.map_err(unread)?;
        let learned = self.incarnation.learn(answer);
        if let Some(newer) = self.incarnation.newer() {
            // A newer build has taken the store over: no connection is good until that is undone.
            self.client.give_up(&newer.to_string());
        }
        learned
    }

    /// Heads as stored, the pending epoch not shown: each with its own fate, for what somebody else has written under one
    /// run's keys concerns that run alone.
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

    /// What the script tells of the heads under these keys, and the incarnation of the store that told it: never another one
    /// than is known here, so that nobody takes an older incarnation's answer for the word of a newer one.
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
            self.learn_life().await?;
        }
        Err(JournalError::Unavailable("Redis changes its data again and again".into()))
    }

    /// The heads of many runs, in their order, each with its own fate.
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
        // No longer than it may run: whoever had the lock before may be waiting for a Redis that says nothing.
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
        let Some(next) = after.checked_add(1) else { return Ok(Vec::new()) };
        let started = Instant::now();
        let keys = [self.keys.log(run)];
        let args = |command: RedisCommand| command.arg(next.to_string()).arg(max_bytes.to_string());
        let reply = self.scripts.read.call(&self.client, self.timeout, &keys, args).await.map_err(|error| {
            metrics::counter!("runcast_journal_failures_total", "work" => "read").increment(1);
            unread(error)
        })?;
        let mut parts = ReplyParts::of(reply)?;
        let (lines, mut bodies) = (parts.text()?, parts.bytes()?);
        metrics::counter!("runcast_journal_reads_total").increment(1);
        metrics::histogram!("runcast_journal_read_seconds").record(started.elapsed());
        lines.lines().map(|line| segment(line, &mut bodies).ok_or_else(|| malformed(line))).collect()
    }

    async fn changed_since(
        &self,
        since: Timestamp,
        after: Option<&RunPlace>,
        limit: usize,
    ) -> Result<RunPage, JournalError> {
        let from = since.as_millis().to_string();
        self.page(&[Index::Open, Index::Ended, Index::Sealed], &from, "+inf", after, limit).await
    }

    async fn idle_since(
        &self,
        before: Timestamp,
        ended: bool,
        after: Option<&RunPlace>,
        limit: usize,
    ) -> Result<RunPage, JournalError> {
        let index = if ended { Index::Ended } else { Index::Open };
        self.page(&[index], "-inf", &format!("({}", before.as_millis()), after, limit).await
    }

    async fn gone_since(&self, since: Timestamp, limit: usize) -> Result<Vec<RunId>, JournalError> {
        let from = since.as_millis().to_string();
        let listed = self.listed(&[Index::Gone], &from, "+inf", None, limit).await?;
        Ok(listed.into_iter().map(|place| place.run).collect())
    }

    async fn expire(&self, before: Timestamp, limit: usize) -> Result<Expired, JournalError> {
        self.bury().await?;
        self.expire_runs(before, limit).await
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn now(&self) -> Timestamp {
        self.incarnation.now().max(self.dated_at_least())
    }

    async fn probe(&self) -> Result<(), JournalError> {
        // A write: a server that is full, or that can't write its file, refuses it.
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

/// A segment from its line `epoch first at length` and the bodies that are left.
fn segment(line: &str, bodies: &mut Bytes) -> Option<Arc<Segment>> {
    let mut numbers = line.split(' ').map(|word| word.parse::<u64>().ok());
    let mut number = || numbers.next().flatten();
    let (epoch, first, at, length) = (number()?, number()?, number()?, number()? as usize);
    if length == 0 || length > bodies.len() || first == 0 {
        return None;
    }
    let lines = Lines::from_stored(bodies.split_to(length));
    Some(Arc::new(Segment::new(Epoch(epoch), first, Timestamp::from_millis(at as i64), lines)))
}

fn closed() -> JournalError {
    JournalError::Unavailable("the journal is closed".into())
}

/// What the store holds is not what this version writes.
fn malformed(what: impl std::fmt::Display) -> JournalError {
    JournalError::Unavailable(format!("Redis holds something that is not a run's: {what}"))
}

fn unknown(why: impl Into<String>) -> JournalError {
    JournalError::OutcomeUnknown(why.into())
}

/// A question that was not answered: asking changes nothing, so its outcome is never in doubt.
fn unread(error: RedisError) -> JournalError {
    match error {
        RedisError::Saturated => JournalError::Saturated,
        RedisError::Unavailable(why) | RedisError::OutcomeUnknown(why) | RedisError::Refused(why) => {
            JournalError::Unavailable(why)
        }
    }
}
