//! Reads the events of a run.

use std::sync::Arc;
use std::time::Instant;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqlitePool;

use super::rows;
use crate::protocol::{RunId, Segment, Seq};

/// The segments of a run that end after a seq.
const ALL: &str = "WITH location (base) AS (SELECT number << 32 FROM runs WHERE run = ?1 AND phase < 2) \
    SELECT first, epoch, at, body FROM segments \
    WHERE key > (SELECT base FROM location) + ?2 AND key < (SELECT base FROM location) + (1 << 32) \
    ORDER BY key";

/// Those of them that hold control events.
pub(super) const CONTROL: &str = "WITH location (base) AS (SELECT number << 32 FROM runs WHERE run = ?1 AND phase < 2) \
    SELECT s.first, s.epoch, s.at, s.body FROM control_segments c CROSS JOIN segments s ON s.key = c.key \
    WHERE c.key > (SELECT base FROM location) + ?2 AND c.key < (SELECT base FROM location) + (1 << 32) \
    ORDER BY c.key";

/// The run's segments after `after`, until they have `max_bytes`, at least one if there is any.
pub(super) async fn all(
    readers: &SqlitePool,
    run: &RunId,
    after: Seq,
    max_bytes: usize,
) -> Result<Vec<Arc<Segment>>, sqlx::Error> {
    let started = Instant::now();
    let segments = read(readers, ALL, run, after, max_bytes).await?;
    metrics::counter!("runcast_journal_reads_total").increment(1);
    metrics::histogram!("runcast_journal_read_seconds").record(started.elapsed());
    Ok(segments)
}

/// Those of the run's segments after `after` that hold control events, bounded alike.
pub(super) async fn control(
    readers: &SqlitePool,
    run: &RunId,
    after: Seq,
    max_bytes: usize,
) -> Result<Vec<Arc<Segment>>, sqlx::Error> {
    read(readers, CONTROL, run, after, max_bytes).await
}

async fn read(
    readers: &SqlitePool,
    sql: &'static str,
    run: &RunId,
    after: Seq,
    max_bytes: usize,
) -> Result<Vec<Arc<Segment>>, sqlx::Error> {
    let after = i64::from(u32::try_from(after).unwrap_or(u32::MAX));
    let mut found = sqlx::query(sql).bind(run.as_str()).bind(after).fetch(readers);
    let mut segments = Vec::new();
    let mut bytes = 0;
    while let Some(row) = found.try_next().await? {
        let segment = rows::segment(&row)?;
        bytes += segment.lines().bytes().len();
        if bytes > max_bytes && !segments.is_empty() {
            break;
        }
        segments.push(Arc::new(segment));
        if bytes >= max_bytes {
            break;
        }
    }
    Ok(segments)
}
