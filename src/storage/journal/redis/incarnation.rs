//! What this node knows of the store's incarnation: its epochs, its clock, its format, and whether it has lost
//! anything.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tracing::{error, info, warn};

use super::format;
use super::keys::RedisKeys;
use super::reply::ReplyParts;
use super::script::ATTEST;
use super::server::Server;
use crate::protocol::clock::since_boot;
use crate::protocol::{Epoch, RunId, Seq, Timestamp};
use crate::storage::format::{NewerFormat, REDIS_JOURNAL};
use crate::storage::journal::append_rules::Epochs;
use crate::storage::journal::{Head, JournalError, RunPhase};
use crate::storage::redis::{Attest, Link, RedisCommand, RedisError, Reply};

/// Runs whose last seq is remembered in order to notice a loss.
const MAX_TIPS: usize = 100_000;

/// The store's incarnation as this node knows it.
#[derive(Debug)]
pub(super) struct StoreIncarnation {
    keys: RedisKeys,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    epochs: Epochs,
    /// The server's time, and when the server sent it, on a clock that also counts time in suspension.
    clock: Option<(Duration, Timestamp)>,
    /// The last seq of each run that the store has reported, and the incarnation in which it did.
    tips: HashMap<RunId, (Epoch, Seq)>,
    /// The incarnation whose losses have been reported in the log.
    reported: Epoch,
    doubts: Vec<String>,
    /// Set while the store's last answer said that a newer build has taken it over.
    newer: Option<NewerFormat>,
}

/// The incarnation that is known before the first connection.
const NONE: Epochs = Epochs { incarnation: Epoch(0), births: Epoch(0) };

impl StoreIncarnation {
    pub(super) fn new(keys: RedisKeys) -> Self {
        count_losses(0); // makes the counter exist, so that the first loss shows as an increase
        let known = Known {
            epochs: NONE,
            clock: None,
            tips: HashMap::new(),
            reported: Epoch(0),
            doubts: Vec::new(),
            newer: None,
        };
        Self { keys, known: Mutex::new(known) }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // No code panics while it holds the lock.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn epochs(&self) -> Epochs {
        self.known().epochs
    }

    /// The newer format, if the store's last answer said that a newer build wrote it.
    pub(super) fn newer(&self) -> Option<NewerFormat> {
        self.known().newer.clone()
    }

    pub(super) fn doubts(&self) -> Vec<String> {
        self.known().doubts.clone()
    }

    /// The server's time now, computed from its last answer; this host's time before the first answer.
    pub(super) fn now(&self) -> Timestamp {
        let clock = self.known().clock;
        let since = |told: Duration| since_boot().saturating_sub(told).as_millis() as i64;
        clock.map_or_else(Timestamp::now, |(told, then)| then.plus_millis(since(told)))
    }

    /// Whether the server has sent its time.
    pub(super) fn is_told(&self) -> bool {
        self.known().clock.is_some()
    }

    /// Sets the server's time from an answer.
    pub(super) fn set_clock(&self, now: Timestamp) {
        self.known().clock = Some((since_boot(), now));
    }

    /// Raises the epoch of new runs, because names became free.
    pub(super) fn raise_births(&self, births: Epoch) {
        let epochs = &mut self.known().epochs;
        epochs.births = births.max(epochs.births);
    }

    /// The command that asks for the store's incarnation. Each new connection sends it, and it is sent again when the
    /// store answers from another incarnation than the known one.
    pub(super) fn question(&self) -> RedisCommand {
        let seen = self.epochs().births;
        let command = RedisCommand::new("EVAL").arg(ATTEST).arg("1").arg(self.keys.store());
        command.arg(seen.to_string()).arg(REDIS_JOURNAL.to_string())
    }

    /// Takes the answer to [`StoreIncarnation::question`]. An error when a newer build wrote the store.
    pub(super) fn learn(&self, answer: Reply) -> Result<(), JournalError> {
        let mut parts = ReplyParts::of(answer)?;
        let epochs = Epochs { incarnation: parts.epoch()?, births: parts.epoch()? };
        let now = parts.time()?;
        let word = parts.text()?;
        let newer = match word.as_str() {
            "newer" => format::check(&self.keys, Some(&parts.text()?)).err(),
            _ => None,
        };
        let mut known = self.known();
        known.newer.clone_from(&newer);
        if let Some(newer) = newer {
            return Err(JournalError::Unavailable(newer.to_string()));
        }
        known.clock = Some((since_boot(), now));
        // Incarnations only increase, so a lower one is an older answer that arrived after a newer one.
        if epochs.births < known.epochs.births {
            return Ok(());
        }
        let before = std::mem::replace(&mut known.epochs, epochs);
        if before.incarnation != epochs.incarnation && before != NONE {
            if word == "new" {
                known.reported = epochs.incarnation;
                count_losses(1);
                error!(epoch = %epochs.incarnation, "Redis came back empty: viewers are told that what they have is void");
            } else {
                info!(epoch = %epochs.incarnation, "Redis is another process than before: runs go on in a new epoch");
            }
        }
        Ok(())
    }

    /// Records where a run ends in this incarnation of the store, and compares it with the earlier records to notice a
    /// loss.
    pub(super) fn note(&self, run: &RunId, head: &Head, epoch: Epoch) {
        let mut guard = self.known();
        let known = &mut *guard;
        if head.phase == RunPhase::Gone {
            known.tips.remove(run);
            return;
        }
        let (then, before) = known.tips.get(run).copied().unwrap_or((epoch, 0));
        if then > epoch {
            return; // a late answer from an older incarnation
        }
        if then < epoch && before > head.tip && known.reported < epoch {
            known.reported = epoch;
            let found = head.tip;
            count_losses(1);
            error!(%run, before, found, %epoch, "Redis has lost acknowledged events: viewers that have more are told");
        }
        if known.tips.len() >= MAX_TIPS && !known.tips.contains_key(run) {
            known.tips.clear();
        }
        // Within one incarnation an older answer may arrive after a newer one.
        let tip = if then == epoch { before.max(head.tip) } else { head.tip };
        known.tips.insert(run.clone(), (epoch, tip));
    }

    /// Records how safe the server is.
    fn doubt(&self, doubts: Vec<String>) {
        let mut known = self.known();
        if known.doubts != doubts {
            doubts.iter().for_each(|doubt| warn!("{doubt}"));
            known.doubts = doubts;
        }
    }
}

fn count_losses(times: u64) {
    metrics::counter!("runcast_journal_losses_total").increment(times);
}

#[async_trait]
impl Attest for StoreIncarnation {
    async fn attest(&self, link: &mut Link) -> Result<(), RedisError> {
        self.doubt(Server::ask(link).await?.doubts);
        let answer = link.call(self.question()).await?;
        self.learn(answer).map_err(|error| match error {
            JournalError::Unavailable(reason) if self.newer().is_some() => RedisError::Refused(reason),
            JournalError::Unavailable(reason) | JournalError::OutcomeUnknown(reason) => RedisError::Unavailable(reason),
            JournalError::Saturated => RedisError::Saturated,
        })
    }
}
