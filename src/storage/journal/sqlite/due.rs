//! The earliest deadlines of runs.

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use super::run_cache::{self, SqliteRunCache};
use super::unavailable;
use crate::protocol::{Cursor, RunId, Timestamp};
use crate::storage::journal::append_rules::Epochs;
use crate::storage::journal::{JournalError, RunPhase};

/// Runs with a deadline at or before `now`.
pub(super) const DUE: &str = "SELECT run FROM runs WHERE due <= ? ORDER BY due";

/// The runs whose deadline is at or before `now`, the earliest first, at most `limit`.
pub(super) async fn list(readers: &SqlitePool, now: Timestamp, limit: usize) -> Result<Vec<RunId>, sqlx::Error> {
    // Without a limit in the statement, a name that no run can have holds up nothing behind it.
    let mut found = sqlx::query_scalar::<_, String>(DUE).bind(now.as_millis()).fetch(readers);
    let mut runs = Vec::new();
    while runs.len() < limit
        && let Some(run) = found.try_next().await?
    {
        runs.extend(RunId::parse(&run).ok());
    }
    Ok(runs)
}

/// Sets a run's earliest deadline if its last control event is still `control`.
pub(super) async fn settle(
    connection: &mut SqliteConnection,
    run_cache: &mut SqliteRunCache,
    run: &RunId,
    control: Option<Cursor>,
    due: Option<Timestamp>,
    epochs: Epochs,
) -> Result<(), JournalError> {
    run_cache::load(run_cache, connection, std::iter::once(run), epochs).await.map_err(unavailable)?;
    let Some(cached_run) = run_cache.get(run, 0) else { return Ok(()) };
    let head = &cached_run.run.head;
    let Some(number) = cached_run.location.filter(|_| head.phase != RunPhase::Gone && head.control == control) else {
        return Ok(());
    };
    if cached_run.run.due != due {
        let update = sqlx::query("UPDATE runs SET due = ? WHERE number = ?");
        update.bind(due.map(Timestamp::as_millis)).bind(number).execute(connection).await.map_err(unavailable)?;
        cached_run.run.due = due;
    }
    Ok(())
}
