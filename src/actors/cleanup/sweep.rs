//! Removes what is due, batch by batch.

use futures_util::StreamExt as _;
use futures_util::stream;
use tracing::info;

use super::super::messages::cleanup::{Amount, SweptItem};
use super::sweeping::{SweepHalt, Sweeping};
use crate::protocol::Timestamp;
use crate::storage::catalog::artifacts::{DueArtifact, DueFor, KeptArtifact};

/// Concurrent removals.
const ABREAST: usize = 8;
/// Most items that a dry run lists.
const MAX_ITEMS: usize = 1_000;
/// First pause after a failed removal, in milliseconds: a minute. It doubles with each failure, up to a day.
const PUT_OFF_MS: i64 = 60_000;
/// Most doublings of the pause.
const MAX_DOUBLINGS: u32 = 10;
/// Failed removals in a row after which the store counts as unreachable.
const AWAY_AFTER: u64 = 50;

/// Removes everything that is due, for each reason, and purges old tombstones.
pub(super) async fn run(sweeping: &mut Sweeping) -> Result<(), SweepHalt> {
    for reason in [DueFor::Removed, DueFor::Replaced, DueFor::Abandoned, DueFor::Expired] {
        sweeping.remove(reason).await?;
    }
    if sweeping.swept.dry_run { Ok(()) } else { sweeping.forget().await }
}

impl Sweeping {
    /// Removes everything that is due for this reason, batch by batch, the oldest first. The query continues after the
    /// last artifact, so failed removals do not block it.
    async fn remove(&mut self, reason: DueFor) -> Result<(), SweepHalt> {
        let mut query = self.artifacts.due(reason, self.rules.batch);
        loop {
            let due = self.catalog().due(&query).await?;
            let Some(last) = due.last() else { return Ok(()) };
            query.after = Some(last.artifact.age());
            let is_last = due.len() < query.limit;
            if self.swept.dry_run {
                for due in &due {
                    self.note(reason, due).await?;
                }
            } else {
                self.extend().await?;
                self.remove_batch(reason, due).await?;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    async fn remove_batch(&mut self, reason: DueFor, due: Vec<DueArtifact>) -> Result<(), SweepHalt> {
        let artifacts = &self.artifacts;
        let removals = stream::iter(due).map(|due| async move {
            let removed = artifacts.remove_object(reason, &due).await;
            (due, removed)
        });
        let done: Vec<_> = removals.buffer_unordered(ABREAST).collect().await;
        let (mut gone, mut last_error) = (Vec::new(), None);
        for (due, removed) in done {
            match removed {
                Ok(()) => {
                    self.failed_in_a_row = 0;
                    self.count(reason, &due);
                    gone.push(due.artifact.id);
                }
                Err(error) => {
                    self.failed_in_a_row += 1;
                    self.swept.failed += 1;
                    info!(artifact = %due.artifact.id, key = due.key, %error, "a removal failed");
                    let pause = PUT_OFF_MS << due.failures.min(MAX_DOUBLINGS);
                    self.catalog().put_off(due.artifact.id, self.artifacts.now().plus_millis(pause)).await?;
                    last_error = Some(error);
                }
            }
        }
        self.artifacts.note_removed(reason, &gone).await?;
        match last_error {
            Some(error) if self.failed_in_a_row >= AWAY_AFTER => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn count(&mut self, reason: DueFor, due: &DueArtifact) -> u64 {
        let amount: &mut Amount = match reason {
            DueFor::Expired => &mut self.swept.expired,
            DueFor::Abandoned => &mut self.swept.abandoned,
            DueFor::Removed => &mut self.swept.removed,
            DueFor::Replaced => &mut self.swept.replaced,
        };
        // A replaced object was the uploaded original, so its size is the artifact's own size.
        let stored = due.artifact.stored.map(|stored| stored.size);
        let bytes = if reason == DueFor::Replaced { due.artifact.size } else { stored }.unwrap_or_default();
        amount.count += 1;
        amount.bytes += bytes;
        bytes
    }

    /// Counts an artifact that a dry run would remove, and lists it.
    async fn note(&mut self, reason: DueFor, due: &DueArtifact) -> Result<(), SweepHalt> {
        let bytes = self.count(reason, due);
        if self.swept.items.len() >= MAX_ITEMS {
            return Ok(());
        }
        let artifact = due.artifact.clone();
        let retained_by = match reason {
            DueFor::Expired => {
                let pin = self.catalog().pinned(&artifact.run).await?;
                let expiry = self.artifacts.expiry(&KeptArtifact { artifact: artifact.clone(), pin });
                Some(expiry.by.to_string())
            }
            DueFor::Abandoned | DueFor::Removed | DueFor::Replaced => None,
        };
        let reason = match reason {
            DueFor::Expired => "expired",
            DueFor::Abandoned => "abandoned",
            DueFor::Removed => "removed",
            DueFor::Replaced => "replaced",
        };
        self.swept.items.push(SweptItem {
            artifact_id: artifact.id,
            run_id: artifact.run,
            name: artifact.name,
            kind: artifact.kind,
            bytes,
            reason,
            created_at: artifact.created_at,
            retained_by,
        });
        Ok(())
    }

    /// Purges tombstones whose time is over.
    async fn forget(&mut self) -> Result<(), SweepHalt> {
        let tombstone = i64::try_from(self.rules.tombstone.borrow().as_millis()).unwrap_or(i64::MAX);
        let before: Timestamp = self.artifacts.now().plus_millis(-tombstone);
        loop {
            let forgotten = self.catalog().purge(before, self.rules.batch).await?;
            self.swept.forgotten += forgotten as u64;
            if forgotten < self.rules.batch {
                return Ok(());
            }
            self.extend().await?;
        }
    }
}
