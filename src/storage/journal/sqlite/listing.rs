//! Lists runs: by their times, in pages.

use sqlx::sqlite::SqlitePool;
use tracing::warn;

use super::read_failed;
use super::rows::{self, ListedBy, heads};
use crate::protocol::{Epoch, RunId, Timestamp};
use crate::storage::journal::{JournalError, RunPage, RunPosition};

/// A list of runs.
#[derive(Clone, Copy)]
pub(super) struct Listing {
    /// A statement of [`heads!`] that finds them for a time, a limit and a position.
    pub(super) sql: &'static str,
    /// The time by which they are ordered.
    by: ListedBy,
}

/// Runs with an event at or after ?1, behind the position (?3, ?4), at most ?2. Most runs are found by `active_at`,
/// which is their `last_at` as well; an index of their own has those where the two differ.
pub(super) const CHANGED: Listing = Listing {
    sql: heads!(
        "",
        "WHERE r.number IN (SELECT number FROM (\
           SELECT number, active_at AS last_at, run FROM runs WHERE phase = 0 AND last_at <= active_at \
             AND active_at >= max(?1, ?3) AND (active_at, run) > (?3, ?4) UNION ALL \
           SELECT number, last_at, run FROM runs WHERE phase = 0 AND last_at > active_at \
             AND last_at >= max(?1, ?3) AND (last_at, run) > (?3, ?4) UNION ALL \
           SELECT number, active_at, run FROM runs WHERE phase = 1 AND last_at <= active_at \
             AND active_at >= max(?1, ?3) AND (active_at, run) > (?3, ?4) UNION ALL \
           SELECT number, last_at, run FROM runs WHERE phase = 1 AND last_at > active_at \
             AND last_at >= max(?1, ?3) AND (last_at, run) > (?3, ?4) \
           ORDER BY last_at, run LIMIT ?2)) \
         ORDER BY r.last_at, r.run"
    ),
    by: ListedBy::LastAt,
};

/// Runs that have ended, may get more events, and were last active before ?1; the rest as above.
pub(super) const IDLE_ENDED: Listing = Listing {
    sql: heads!(
        "",
        "WHERE r.phase = 0 AND r.ended = 1 AND r.active_at < ?1 AND r.active_at >= ?3 \
         AND (r.active_at, r.run) > (?3, ?4) ORDER BY r.active_at, r.run LIMIT ?2"
    ),
    by: ListedBy::ActiveAt,
};

/// Runs that have not ended and were last active before ?1.
pub(super) const IDLE_OPEN: Listing = Listing {
    sql: heads!(
        "",
        "WHERE r.phase = 0 AND r.ended = 0 AND r.active_at < ?1 AND r.active_at >= ?3 \
         AND (r.active_at, r.run) > (?3, ?4) ORDER BY r.active_at, r.run LIMIT ?2"
    ),
    by: ListedBy::ActiveAt,
};

impl Listing {
    /// A page of the heads, without unreadable ones.
    pub(super) async fn page(
        self,
        readers: &SqlitePool,
        incarnation: Epoch,
        time: Timestamp,
        after: Option<&RunPosition>,
        limit: usize,
    ) -> Result<RunPage, JournalError> {
        let most = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let mut position =
            after.map_or((i64::MIN, String::new()), |after| (after.at.as_millis(), after.run.to_string()));
        let mut runs = Vec::new();
        loop {
            let (at, run) = position;
            let query = sqlx::query(self.sql).bind(time.as_millis()).bind(most).bind(at).bind(run);
            let mut found = query.fetch_all(readers).await.map_err(read_failed)?;
            let more = found.len() > limit;
            found.truncate(limit);
            runs.extend(found.iter().filter_map(|row| match rows::head(row, incarnation) {
                Ok(head) => Some(head),
                Err(error) => {
                    let run = rows::name(row);
                    warn!(run, %error, "a run is passed over: its head can't be read");
                    None
                }
            }));
            let next = found.iter().rev().find_map(|row| rows::position(row, self.by));
            match (found.last(), next) {
                (Some(_), Some(next)) if more => return Ok(RunPage { runs, next: Some(next) }),
                // A whole page of names that no run can have: only a raw position says where the next page begins.
                (Some(last), None) if more => position = rows::raw_position(last, self.by).map_err(read_failed)?,
                _ => return Ok(RunPage { runs, next: None }),
            }
        }
    }
}

/// Runs that expired at or after `since`, at most `limit`.
pub(super) async fn gone(readers: &SqlitePool, since: Timestamp, limit: usize) -> Result<Vec<RunId>, sqlx::Error> {
    let sql = "SELECT run FROM runs WHERE phase >= 2 AND gone_at >= ? LIMIT ?";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found: Vec<String> = sqlx::query_scalar(sql).bind(since.as_millis()).bind(limit).fetch_all(readers).await?;
    Ok(found.iter().filter_map(|run| RunId::parse(run).ok()).collect())
}
