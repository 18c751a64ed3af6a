//! The active runs, loaded for the writer.
//!
//! Only the writer has this cache, and it alone changes the rows that the cache mirrors. After a failed transaction the
//! whole cache is cleared.

use std::collections::HashSet;

use sqlx::sqlite::SqliteConnection;

use super::rows::{self, heads};
use crate::protocol::RunId;
use crate::storage::journal::Head;
use crate::storage::journal::append_rules::{Epochs, ProducerMarks, RunRecord};
use crate::storage::journal::run_cache;

/// A cached run, stored under its number; `None` until its first event.
pub(super) type SqliteCachedRun = run_cache::CachedRun<Option<i64>>;
pub(super) type SqliteRunCache = run_cache::RunCache<Option<i64>>;

/// Loads those of `wanted` that `run_cache` lacks, with one statement.
pub(super) async fn load(
    run_cache: &mut SqliteRunCache,
    connection: &mut SqliteConnection,
    wanted: impl Iterator<Item = &RunId>,
    epochs: Epochs,
) -> Result<(), sqlx::Error> {
    let missing: HashSet<&RunId> = wanted.filter(|run| !run_cache.contains(run)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let sql = heads!(
        ", r.due, (SELECT json_group_array(json_array(producer, high, state) ORDER BY last_seq) FROM producers \
         WHERE run = r.number)",
        "WHERE r.run IN (SELECT value FROM json_each(?))"
    );
    let names = serde_json::to_string(&missing).map_err(|error| sqlx::Error::Encode(error.into()))?;
    for row in sqlx::query(sql).bind(names).fetch_all(connection).await? {
        let (id, number, run) = rows::run(&row, epochs)?;
        run_cache.insert(id, Some(number), run);
    }
    for id in missing {
        if !run_cache.contains(id) {
            run_cache.insert(id.clone(), None, RunRecord::load(Head::unborn(), ProducerMarks::default(), epochs));
        }
    }
    Ok(())
}
