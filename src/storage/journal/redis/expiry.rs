//! Expiry: ended runs become tombstones, and old tombstones are removed. Several nodes may do it at once; each run
//! expires once.

use tracing::warn;

use super::keys::Index;
use super::reply::ReplyParts;
use super::{CHUNK, RedisJournal, notice, stored, unread};
use crate::protocol::{RunId, Timestamp};
use crate::storage::journal::{Expired, Head, JournalError, Removal, RunPosition, append_rules};
use crate::storage::redis::{RedisCommand, Reply};

/// How often a run that changes meanwhile is looked at, before its removal is given up.
const ATTEMPTS: usize = 100;

impl RedisJournal {
    /// Turns ended runs into tombstones, the oldest first. Runs that can't be removed are passed over.
    pub(super) async fn expire_runs(&self, before: Timestamp, limit: usize) -> Result<Expired, JournalError> {
        let to = format!("({}", before.as_millis());
        let mut expired = Expired::default();
        let mut after = None;
        while self.clock.check().is_ok() {
            let left = limit - expired.runs.len();
            let mut due = self
                .listed(&[Index::Ended, Index::Sealed], "-inf", &to, after.as_ref(), left.saturating_add(1))
                .await?;
            expired.more = due.len() > left;
            due.truncate(left);
            let Some(last) = due.last().cloned() else { break };
            self.expire_these(due, before, &mut expired).await?;
            after = Some(last);
            if !expired.more || expired.runs.len() >= limit {
                break;
            }
        }
        Ok(expired)
    }

    async fn expire_these(
        &self,
        due: Vec<RunPosition>,
        before: Timestamp,
        expired: &mut Expired,
    ) -> Result<(), JournalError> {
        let due: Vec<_> = due.into_iter().map(|position| position.run).collect();
        let heads = self.stored_heads(&due).await?;
        for (run, head) in due.into_iter().zip(heads) {
            let head = match head {
                Ok(head) => head,
                Err(error) => {
                    warn!(%run, %error, "a run is passed over");
                    continue;
                }
            };
            if !append_rules::is_ended(&head) || head.active_at >= before {
                continue; // the run was active after it was listed
            }
            if self.make_tombstone(&run, &head).await? {
                expired.runs.push(run);
            }
        }
        Ok(())
    }

    /// Turns a run into a tombstone now. It is looked at again when it has changed meanwhile.
    pub(super) async fn remove_run(&self, run: &RunId, even_live: bool) -> Result<Removal, JournalError> {
        for _ in 0..ATTEMPTS {
            let Some(head) = self.stored_heads(std::slice::from_ref(run)).await?.pop() else { break };
            let head = head?;
            let removal = append_rules::removal(&head, even_live);
            if removal != Removal::Removed || self.make_tombstone(run, &head).await? {
                return Ok(removal);
            }
        }
        Err(JournalError::Unavailable("the run changes faster than it can be removed".into()))
    }

    /// Turns a run into a tombstone, if it is still as `head` says; whether it did.
    async fn make_tombstone(&self, run: &RunId, head: &Head) -> Result<bool, JournalError> {
        let gone = append_rules::gone(head);
        let (state, text) = (stored::state(&gone), notice::text(&stored::state(&gone), &[]));
        let keys = [
            self.keys.head(run),
            self.keys.log(run),
            self.keys.marks(run),
            self.keys.index(stored::index(head)),
            self.keys.index(Index::Gone),
            self.keys.control(run),
            self.keys.index(Index::Due),
            self.keys.index(Index::OnlySteered),
        ];
        let args = |command: RedisCommand| {
            command
                .arg(stored::version(head))
                .arg(stored::version(&gone))
                .arg(state.as_str())
                .arg(run.as_str())
                .arg(self.keys.doorbell(run))
                .arg(self.rings_as.as_str())
                .arg(text.clone())
        };
        let reply = self.scripts.expire.call(&self.client, self.timeout, &keys, args).await.map_err(unread)?;
        self.appends.forget(run);
        Ok(matches!(reply, Reply::Integer(1)))
    }

    /// Removes tombstones whose time is over.
    pub(super) async fn bury(&self) -> Result<(), JournalError> {
        let tombstone = i64::try_from(self.limits.tombstone.as_millis()).unwrap_or(i64::MAX);
        while let Ok(now) = self.clock.check() {
            let before = now.plus_millis(-tombstone).as_millis().to_string();
            let due = self.listed(&[Index::Gone], "-inf", &before, None, CHUNK).await?;
            let due: Vec<_> = due.into_iter().map(|position| position.run).collect();
            if due.is_empty() {
                return Ok(());
            }
            let mut keys = vec![self.keys.store()];
            keys.extend([Index::Gone, Index::Due, Index::OnlySteered].map(|index| self.keys.index(index)));
            keys.extend(due.iter().flat_map(|run| [self.keys.head(run), self.keys.control(run)]));
            let args = |command: RedisCommand| {
                due.iter().fold(command.arg(before.as_str()), |command, run| command.arg(run.as_str()))
            };
            let reply = self.scripts.bury.call(&self.client, self.timeout, &keys, args).await.map_err(unread)?;
            self.incarnation.raise_births(ReplyParts::of(reply)?.epoch()?);
            due.iter().for_each(|run| self.appends.forget(run));
            if due.len() < CHUNK {
                return Ok(());
            }
        }
        Ok(())
    }
}
