//! Reading and writing whole runs, for moving them, beside the nodes that use the store.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;

use super::keys::Index;
use super::reply::ReplyParts;
use super::{RedisJournal, malformed, marks, notice, stored, unknown, unread};
use crate::protocol::{RunId, Segment, Seq, Timestamp};
use crate::storage::journal::moving::{LogSource, LogTarget, MovedMark, MovedRun, epoch_after, moved_head};
use crate::storage::journal::{Journal as _, JournalError, RunPage, RunPosition};
use crate::storage::redis::{RedisCommand, Reply};

/// Most segments, and about most bytes, that one script stages: nobody else is served while it runs.
const STAGED_SEGMENTS: usize = 128;
const STAGED_BYTES: usize = 1024 * 1024;
/// How long a staged log stays after its last segment was added. An hour.
const STAGED_MS: &str = "3600000";
/// How often a run is tried to be ended while other nodes change the store's epochs.
const ATTEMPTS: usize = 10;

/// The journal in Redis, to move runs from and to.
#[derive(Debug)]
pub struct RedisLog {
    journal: Arc<RedisJournal>,
    /// The run that was begun, and its segments so far.
    begun: Option<(RunId, usize)>,
}

impl RedisLog {
    /// Moves runs from and to this journal.
    pub fn new(journal: Arc<RedisJournal>) -> Self {
        Self { journal, begun: None }
    }

    fn staged(&self, run: &RunId) -> [String; 2] {
        let keys = &self.journal.keys;
        [keys.staged_log(run), keys.staged_control(run)]
    }

    async fn import(&self, moved: &MovedRun, segments: usize) -> Result<String, JournalError> {
        let (journal, run) = (&self.journal, &moved.run);
        let epochs = journal.incarnation.epochs();
        let next = epoch_after(&moved.head, epochs, journal.now());
        let head = moved_head(&moved.head, next);
        let state = stored::state(&head);
        let [staged_log, staged_control] = self.staged(run);
        let keys = [
            journal.keys.store(),
            journal.keys.head(run),
            journal.keys.log(run),
            journal.keys.marks(run),
            journal.keys.control(run),
            staged_log,
            staged_control,
            journal.keys.index(stored::index(&head)),
            journal.keys.index(Index::Due),
            journal.keys.index(Index::OnlySteered),
        ];
        let millis = |at: Timestamp| at.as_millis().to_string();
        let args = |command: RedisCommand| {
            let command = command
                .arg(epochs.incarnation.to_string())
                .arg(epochs.births.to_string())
                .arg(next.to_string())
                .arg(segments.to_string())
                .arg(stored::version(&head))
                .arg(state.as_str())
                .arg(millis(head.last_at))
                .arg(millis(head.created_at))
                .arg(millis(head.active_at))
                .arg(run.as_str())
                .arg(moved.due.map_or_else(String::new, millis))
                .arg(journal.keys.doorbell(run))
                .arg(journal.rings_as.as_str())
                .arg(notice::text(&state, &[]));
            moved.marks.iter().fold(command, |command, moved| {
                command.arg(moved.producer.as_str()).arg(marks::value(&moved.mark, moved.used_at))
            })
        };
        let reply = journal.scripts.import.call(&journal.client, journal.timeout, &keys, args).await.map_err(unread)?;
        match reply {
            Reply::BulkString(word) => Ok(String::from_utf8_lossy(&word).into_owned()),
            other => Err(unknown(format!("the script answered {other:?}"))),
        }
    }
}

#[async_trait]
impl LogSource for RedisLog {
    async fn moved_run(&self, run: &RunId) -> Result<Option<MovedRun>, JournalError> {
        let journal = &self.journal;
        let keys = [journal.keys.head(run), journal.keys.marks(run), journal.keys.index(Index::Due)];
        let args = |command: RedisCommand| command.arg(run.as_str());
        let reply = journal.scripts.moved.call(&journal.client, journal.timeout, &keys, args).await.map_err(unread)?;
        let mut parts = ReplyParts::of(reply)?;
        let (state, at, created) = (parts.text()?, parts.time_or_none()?, parts.time_or_none()?);
        let (due, marks) = (parts.text()?, parts.text()?);
        if state.is_empty() {
            return Ok(None);
        }
        let head = stored::head(&state, at, created).map_err(malformed)?;
        let due = match due.as_str() {
            "" => None,
            due => Some(Timestamp::from_millis(due.parse().map_err(malformed)?)),
        };
        let listed = marks::listed(&marks)?.into_iter();
        let marks = listed.map(|(used_at, producer, mark)| MovedMark { producer, mark, used_at }).collect();
        Ok(Some(MovedRun { run: run.clone(), head, marks, due }))
    }

    async fn segments(&self, run: &RunId, after: Seq, max_bytes: usize) -> Result<Vec<Arc<Segment>>, JournalError> {
        let journal = &self.journal;
        let segments = journal.read(run, after, max_bytes).await?;
        let (Some(first), Some(last)) = (segments.first(), segments.last()) else { return Ok(segments) };
        let command = RedisCommand::new("ZRANGEBYSCORE").arg(journal.keys.control(run));
        let command = command.arg(first.last().to_string()).arg(last.last().to_string());
        let mut listed = ReplyParts::of(journal.call(command).await?)?;
        let mut control = HashSet::new();
        while !listed.is_empty() {
            control.insert(listed.number()? as Seq);
        }
        let flagged = |segment: Arc<Segment>| match control.contains(&segment.last()) {
            true => {
                let plain = Segment::new(segment.epoch(), segment.first(), segment.at(), segment.lines().clone());
                Arc::new(plain.with_control())
            }
            false => segment,
        };
        Ok(segments.into_iter().map(flagged).collect())
    }

    async fn runs(&self, since: Timestamp, after: Option<&RunPosition>, limit: usize) -> Result<RunPage, JournalError> {
        self.journal.changed_since(since, after, limit).await
    }
}

#[async_trait]
impl LogTarget for RedisLog {
    async fn begin(&mut self, run: &RunId) -> Result<(), JournalError> {
        // What one that was killed has left.
        let [log, control] = self.staged(run);
        self.journal.call(RedisCommand::new("UNLINK").arg(log).arg(control)).await?;
        self.begun = Some((run.clone(), 0));
        Ok(())
    }

    async fn add(&mut self, segments: &[Arc<Segment>]) -> Result<(), JournalError> {
        let Some((run, count)) = self.begun.clone() else { return Err(unknown("no run was begun")) };
        let (mut rest, mut staged) = (segments, count);
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |segment: &&Arc<Segment>| {
                let before = bytes;
                bytes += segment.lines().bytes().len();
                before < STAGED_BYTES
            };
            let most = rest.iter().take(STAGED_SEGMENTS).take_while(fits).count().max(1);
            let (now, later) = rest.split_at(most);
            let args = |command: RedisCommand| {
                now.iter().fold(command.arg(STAGED_MS), |command, segment| {
                    let header = format!("{} {} {}", segment.epoch(), segment.first(), segment.at().as_millis());
                    let command = command.arg(segment.last().to_string()).arg(header);
                    let command = command.arg(if segment.is_control() { "1" } else { "" });
                    command.arg(segment.lines().bytes().clone())
                })
            };
            let (journal, keys) = (&self.journal, self.staged(&run));
            let reply = journal.scripts.stage.call(&journal.client, journal.timeout, &keys, args).await;
            staged += now.len();
            if !matches!(reply.map_err(unread)?, Reply::Integer(there) if there == staged as i64) {
                return Err(JournalError::Unavailable(
                    "the moved events are gone from Redis, or somebody adds to them".into(),
                ));
            }
            rest = later;
        }
        self.begun = Some((run, staged));
        Ok(())
    }

    async fn finish(&mut self, moved: &MovedRun) -> Result<(), JournalError> {
        let Some((_, segments)) = self.begun.clone() else { return Err(unknown("no run was begun")) };
        for _ in 0..ATTEMPTS {
            let unavailable = |reason: &str| Err(JournalError::Unavailable(reason.into()));
            return match self.import(moved, segments).await?.as_str() {
                "stale" => {
                    self.journal.learn_incarnation().await?;
                    continue;
                }
                "imported" => {
                    self.begun = None;
                    Ok(())
                }
                "exists" => unavailable("the run came to be there meanwhile"),
                _ => unavailable("the moved events are gone from Redis: it may be out of memory"),
            };
        }
        Err(JournalError::Unavailable("Redis changes its data again and again".into()))
    }

    async fn give_up(&mut self) {
        if let Some((run, _)) = self.begun.take() {
            let [log, control] = self.staged(&run);
            // If it fails, they expire.
            let _ = self.journal.call(RedisCommand::new("UNLINK").arg(log).arg(control)).await;
        }
    }

    async fn close(&mut self) {
        self.give_up().await;
        self.journal.close().await;
    }
}
