//! Lists the indexes over all runs page by page. A page begins after a given run instead of at the oldest, so that runs
//! which stay in an index do not hide the ones that follow.

use std::collections::HashSet;

use tracing::warn;

use super::keys::Index;
use super::reply::ReplyParts;
use super::{RedisJournal, stored};
use crate::protocol::{RunId, Timestamp};
use crate::storage::journal::{JournalError, RunHead, RunPage, RunPosition};
use crate::storage::redis::RedisCommand;

/// Most entries of an index that are read at a time.
const STRIDE: usize = 1_000;

impl RedisJournal {
    /// Entries of an index between two times, the oldest first, beginning after `after`, at most `limit`.
    async fn indexed(
        &self,
        index: Index,
        from: &str,
        to: &str,
        after: Option<&RunPosition>,
        limit: usize,
    ) -> Result<Vec<RunPosition>, JournalError> {
        // The server orders entries with the same score by name, and so do we.
        let from = after.map_or_else(|| from.to_owned(), |after| after.at.as_millis().to_string());
        let mut found = Vec::new();
        let mut offset = 0;
        loop {
            let stride = limit.saturating_sub(found.len()).saturating_add(1).min(STRIDE);
            let command = RedisCommand::new("ZRANGEBYSCORE").arg(self.keys.index(index)).arg(from.clone()).arg(to);
            let command = command.arg("WITHSCORES").arg("LIMIT").arg(offset.to_string()).arg(stride.to_string());
            let mut parts = ReplyParts::of(self.call(command).await?)?;
            let mut listed = 0;
            while !parts.is_empty() {
                listed += 1;
                let (name, at) = (parts.text()?, Timestamp::from_millis(parts.number()?));
                match RunId::parse(&name) {
                    Ok(run) => found.push(RunPosition { at, run }),
                    Err(error) => warn!(name, %error, "what is listed is no run: it is passed over"),
                }
            }
            found.retain(|position| after.is_none_or(|after| position > after));
            offset += listed;
            if listed < stride || found.len() >= limit {
                found.truncate(limit);
                return Ok(found);
            }
        }
    }

    /// Entries of several indexes, merged into the same order and with the same limit.
    pub(super) async fn listed(
        &self,
        indexes: &[Index],
        from: &str,
        to: &str,
        after: Option<&RunPosition>,
        limit: usize,
    ) -> Result<Vec<RunPosition>, JournalError> {
        let mut found = Vec::new();
        for index in indexes {
            found.extend(self.indexed(*index, from, to, after, limit).await?);
        }
        found.sort();
        found.truncate(limit);
        Ok(found)
    }

    /// A page of the runs that were active before `to`.
    pub(super) async fn idle(
        &self,
        index: Index,
        to: &str,
        after: Option<&RunPosition>,
        limit: usize,
    ) -> Result<RunPage, JournalError> {
        let (listed, next) = self.page(&[index], "-inf", to, after, limit).await?;
        Ok(RunPage { runs: listed.into_iter().map(|(_, run)| run).collect(), next })
    }

    /// A page of the runs whose last event is at `from` or later. Those that were only steered last are in two indexes,
    /// and told where their last event is.
    pub(super) async fn changed(
        &self,
        from: &str,
        after: Option<&RunPosition>,
        limit: usize,
    ) -> Result<RunPage, JournalError> {
        let indexes = [Index::Open, Index::Ended, Index::Sealed, Index::OnlySteered];
        let (listed, next) = self.page(&indexes, from, "+inf", after, limit).await?;
        let mut told = HashSet::new();
        let mut runs: Vec<_> = listed
            .into_iter()
            .rev()
            .filter(|(position, found)| {
                let is_told_later = next.is_some() && position.at < found.head.last_at;
                !(is_told_later && stored::only_steered(&found.head).is_some()) && told.insert(position.run.clone())
            })
            .map(|(_, run)| run)
            .collect();
        runs.reverse();
        Ok(RunPage { runs, next })
    }

    /// A page of positions and heads. A head that can't be read is left out, and the page continues after it.
    async fn page(
        &self,
        indexes: &[Index],
        from: &str,
        to: &str,
        after: Option<&RunPosition>,
        limit: usize,
    ) -> Result<(Vec<(RunPosition, RunHead)>, Option<RunPosition>), JournalError> {
        let mut listed = self.listed(indexes, from, to, after, limit.saturating_add(1)).await?;
        let more = listed.len() > limit;
        listed.truncate(limit);
        let next = listed.last().filter(|_| more).cloned();
        let runs: Vec<_> = listed.iter().map(|position| position.run.clone()).collect();
        let heads = self.each_head(&runs).await?;
        let readable = listed.into_iter().zip(heads).filter_map(|(position, head)| match head {
            Ok(head) => {
                let run = position.run.clone();
                Some((position, RunHead { run, head }))
            }
            Err(error) => {
                let run = position.run;
                warn!(%run, %error, "a run is passed over");
                None
            }
        });
        Ok((readable.collect(), next))
    }
}
