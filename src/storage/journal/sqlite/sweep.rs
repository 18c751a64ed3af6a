//! Expiry, in steps of a few milliseconds that the writer takes between group commits.
//!
//! A run is first marked as expiring, which makes it gone for everyone. Then its events are removed, and then it
//! becomes a tombstone. The next sweep finishes one that was interrupted at any point.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection as _, Row as _};

use super::group::key_floor;
use super::rows::phase;
use super::{commit, instance, unavailable};
use crate::protocol::{RunId, Timestamp};
use crate::storage::journal::append_rules::Epochs;
use crate::storage::journal::{JournalError, Removal};

/// Most rows removed in one step, and most bytes of events in them.
const STEP_ROWS: i64 = 500;
const STEP_BYTES: i64 = 4 * 1024 * 1024;

/// The next step of a sweep.
#[derive(Clone, Debug)]
pub(super) enum ExpiryStep {
    /// Remove tombstones whose time is over.
    Bury { now: Timestamp },
    /// Mark up to `limit` ended runs that were last active before `before`, and list all marked runs.
    Mark { now: Timestamp, before: Timestamp, limit: usize },
    /// Mark this run, if it has ended, or even if it has not.
    MarkRun { now: Timestamp, run: RunId, even_live: bool },
    /// Remove some of a marked run's events; when none is left, turn the run into a tombstone.
    Trim { number: i64 },
    /// Return some free pages to the file system.
    Shrink,
}

/// The result of a step.
#[derive(Debug, Default)]
pub(super) struct ExpiryProgress {
    /// Runs that were marked or buried. The writer must forget what it has cached of them.
    pub(super) runs: Vec<(i64, Option<RunId>)>,
    /// Whether the same step has more work.
    pub(super) more: bool,
    /// What [`ExpiryStep::MarkRun`] did.
    pub(super) removal: Removal,
}

/// Takes a step in a transaction of its own.
pub(super) async fn take(
    connection: &mut SqliteConnection,
    step: ExpiryStep,
    epochs: &mut Epochs,
    tombstone: Duration,
) -> Result<ExpiryProgress, JournalError> {
    if let ExpiryStep::Shrink = step {
        return shrink(connection).await.map_err(unavailable);
    }
    let mut next_epochs = *epochs;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    let progress = match step {
        ExpiryStep::Bury { now } => bury(&mut transaction, &mut next_epochs, now, tombstone).await,
        ExpiryStep::Mark { now, before, limit } => mark(&mut transaction, now, before, limit).await,
        ExpiryStep::MarkRun { now, run, even_live } => mark_run(&mut transaction, now, run, even_live).await,
        ExpiryStep::Trim { number } => trim(&mut transaction, number).await,
        ExpiryStep::Shrink => Ok(ExpiryProgress::default()),
    }
    .map_err(unavailable)?;
    commit(transaction).await?;
    *epochs = next_epochs;
    Ok(progress)
}

async fn bury(
    connection: &mut SqliteConnection,
    epochs: &mut Epochs,
    now: Timestamp,
    tombstone: Duration,
) -> Result<ExpiryProgress, sqlx::Error> {
    let due = now.plus_millis(-i64::try_from(tombstone.as_millis()).unwrap_or(i64::MAX));
    let sql = "SELECT number, run FROM runs INDEXED BY tombstones WHERE phase = 3 AND gone_at <= ? LIMIT ?";
    let rows = sqlx::query(sql).bind(due.as_millis()).bind(STEP_ROWS).fetch_all(&mut *connection).await?;
    let runs = rows.iter().map(numbered).collect::<Result<Vec<_>, _>>()?;
    for (number, _) in &runs {
        sqlx::query("DELETE FROM lineage WHERE run = ?").bind(number).execute(&mut *connection).await?;
        sqlx::query("DELETE FROM runs WHERE number = ?").bind(number).execute(&mut *connection).await?;
    }
    if !runs.is_empty() {
        epochs.raise_births(now);
        instance::put_meta(connection, "births", &epochs.births.to_string()).await?;
    }
    Ok(ExpiryProgress { more: runs.len() as i64 == STEP_ROWS, runs, ..ExpiryProgress::default() })
}

async fn mark(
    connection: &mut SqliteConnection,
    now: Timestamp,
    before: Timestamp,
    limit: usize,
) -> Result<ExpiryProgress, sqlx::Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let leftover: i64 = sqlx::query_scalar("SELECT count(*) FROM runs WHERE phase = ?")
        .bind(phase::EXPIRING)
        .fetch_one(&mut *connection)
        .await?;
    sqlx::query(
        "UPDATE runs SET phase = ?, ended = 0, gone_at = ?, due = NULL WHERE number IN \
         (SELECT number FROM runs WHERE ended = 1 AND active_at < ? ORDER BY active_at LIMIT ?)",
    )
    .bind(phase::EXPIRING)
    .bind(now.as_millis())
    .bind(before.as_millis())
    .bind((limit - leftover).max(0))
    .execute(&mut *connection)
    .await?;
    let rows = sqlx::query("SELECT number, run FROM runs WHERE phase = ? ORDER BY active_at LIMIT ?")
        .bind(phase::EXPIRING)
        .bind(limit)
        .fetch_all(&mut *connection)
        .await?;
    let runs = rows.iter().map(numbered).collect::<Result<Vec<_>, _>>()?;
    let due: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM runs WHERE ended = 1 AND active_at < ?)")
        .bind(before.as_millis())
        .fetch_one(connection)
        .await?;
    Ok(ExpiryProgress { more: due || leftover > limit, runs, ..ExpiryProgress::default() })
}

async fn mark_run(
    connection: &mut SqliteConnection,
    now: Timestamp,
    run: RunId,
    even_live: bool,
) -> Result<ExpiryProgress, sqlx::Error> {
    let sql = "SELECT number, phase, ended FROM runs WHERE run = ?";
    let found = sqlx::query(sql).bind(run.as_str()).fetch_optional(&mut *connection).await?;
    let Some(found) = found else { return Ok(ExpiryProgress::default()) };
    let (number, phase): (i64, i64) = (found.try_get(0)?, found.try_get(1)?);
    let (marked, removal) = match phase {
        phase::GONE => (false, Removal::Gone),
        phase::EXPIRING => (true, Removal::Gone), // a removal that was interrupted
        _ if even_live || found.try_get(2)? => (true, Removal::Removed),
        _ => (false, Removal::Live),
    };
    if removal == Removal::Removed {
        let sql = "UPDATE runs SET phase = ?, ended = 0, gone_at = ?, due = NULL WHERE number = ?";
        sqlx::query(sql).bind(phase::EXPIRING).bind(now.as_millis()).bind(number).execute(connection).await?;
    }
    let runs = if marked { vec![(number, Some(run))] } else { Vec::new() };
    Ok(ExpiryProgress { runs, removal, ..ExpiryProgress::default() })
}

async fn trim(connection: &mut SqliteConnection, number: i64) -> Result<ExpiryProgress, sqlx::Error> {
    // The length of a body is in its row's header, so the body itself is not read.
    let sql = "SELECT key, length(body) FROM segments WHERE key > ? AND key < ? ORDER BY key LIMIT ?";
    let rows = sqlx::query(sql)
        .bind(key_floor(number))
        .bind(key_floor(number + 1))
        .bind(STEP_ROWS)
        .fetch_all(&mut *connection)
        .await?;
    let mut last = None;
    let mut bytes = 0;
    for row in &rows {
        last = Some(row.try_get::<i64, _>(0)?);
        bytes += row.try_get::<i64, _>(1)?;
        if bytes >= STEP_BYTES {
            break;
        }
    }
    match last {
        Some(last) => {
            for sql in [
                "DELETE FROM segments WHERE key > ? AND key <= ?",
                "DELETE FROM control_segments WHERE key > ? AND key <= ?",
            ] {
                sqlx::query(sql).bind(key_floor(number)).bind(last).execute(&mut *connection).await?;
            }
        }
        None => {
            sqlx::query("DELETE FROM producers WHERE run = ?").bind(number).execute(&mut *connection).await?;
            let sql = "UPDATE runs SET phase = ?, bytes = 0, control_bytes = 0, control_epoch = NULL, \
                       control_seq = NULL WHERE number = ?";
            sqlx::query(sql).bind(phase::GONE).bind(number).execute(connection).await?;
        }
    }
    Ok(ExpiryProgress { more: last.is_some(), ..ExpiryProgress::default() })
}

async fn shrink(connection: &mut SqliteConnection) -> Result<ExpiryProgress, sqlx::Error> {
    sqlx::query("PRAGMA incremental_vacuum(256)").execute(&mut *connection).await?;
    let free: i64 = sqlx::query_scalar("PRAGMA freelist_count").fetch_one(connection).await?;
    Ok(ExpiryProgress { more: free > 0, ..ExpiryProgress::default() })
}

/// Reads a run's number, and its name if it is a valid run id: a run with an invalid name is removed as well.
fn numbered(row: &SqliteRow) -> Result<(i64, Option<RunId>), sqlx::Error> {
    let run = row.try_get(1).ok().and_then(|run| RunId::parse(run).ok());
    Ok((row.try_get(0)?, run))
}
