//! SQL statements for the removals that are due.
//!
//! Each reason is one or more ranges of an index that holds nothing else, or that is in the order of the query, so
//! neither artifacts that are not due nor those behind the page cost anything.

use super::rows::COLUMNS;
use super::{DueFor, DueQuery};
use crate::protocol::{ArtifactKind, Timestamp};
use crate::storage::catalog::tables::CatalogStatement;

const ALL: [DueFor; 4] = [DueFor::Expired, DueFor::Abandoned, DueFor::Removed, DueFor::Replaced];

/// Parameters of a query: `$1` is the time, `$2` the limit of abandoned artifacts, `$3` and on the limit of each kind,
/// then the position to go on from and the page's limit.
const FIRST_CUTOFF: usize = 3;
const AFTER: usize = FIRST_CUTOFF + ArtifactKind::ALL.len();
const LIMIT: usize = AFTER + 2;

/// The `WHERE` conditions of the ranges.
fn ranges(query: &DueQuery, reason: DueFor) -> Vec<String> {
    let conditions = match reason {
        DueFor::Expired => {
            let expired = |(at, (kind, _)): (usize, &(ArtifactKind, Timestamp))| {
                format!(
                    "state = 'ready' AND kind = '{}' AND created_at <= ${} AND NOT EXISTS \
                     (SELECT 1 FROM runcast_pins AS pin WHERE pin.run_id = artifact.run_id AND \
                     (pin.until IS NULL OR pin.until > $1))",
                    kind.as_str(),
                    FIRST_CUTOFF + at
                )
            };
            query.cutoffs.iter().enumerate().map(expired).collect()
        }
        DueFor::Abandoned => vec!["state = 'pending' AND created_at <= $2".to_owned(), "state = 'failed'".to_owned()],
        DueFor::Removed => vec!["state = 'deleted' AND gone_at IS NULL".to_owned()],
        DueFor::Replaced => vec!["former_key IS NOT NULL AND former_until <= $1".to_owned()],
    };
    let put_off = |condition| format!("{condition} AND (retry_at IS NULL OR retry_at <= $1)");
    conditions.into_iter().map(put_off).collect()
}

fn with_times(statement: CatalogStatement, query: &DueQuery) -> CatalogStatement {
    let statement = statement.with(query.now).with(query.abandoned_before);
    query.cutoffs.iter().fold(statement, |statement, (_, cutoff)| statement.with(*cutoff))
}

/// Selects a page of due removals.
pub(super) fn page(query: &DueQuery) -> CatalogStatement {
    let (position, limit) = (format!("(${AFTER}, ${})", AFTER + 1), format!("${LIMIT}"));
    let range = |condition| {
        format!(
            "SELECT * FROM (SELECT {COLUMNS}, former_key, upload, failures FROM runcast_artifacts AS artifact \
             WHERE {condition} AND (created_at, id) > {position} ORDER BY created_at, id LIMIT {limit}) AS part"
        )
    };
    let parts: Vec<String> = ranges(query, query.reason).into_iter().map(range).collect();
    let sql = format!("{} ORDER BY created_at, id LIMIT {limit}", parts.join(" UNION ALL "));
    let statement = with_times(CatalogStatement::new(sql), query);
    let statement = match query.after {
        Some((created_at, id)) => statement.with(created_at).with(id),
        None => statement.with(i64::MIN).with(""),
    };
    statement.with(query.limit)
}

/// Selects the totals: what exists, and how much of it is due.
pub(super) fn totals(query: &DueQuery) -> CatalogStatement {
    let count = |condition| format!("(SELECT count(*) FROM runcast_artifacts AS artifact WHERE {condition})");
    let counts: Vec<String> = ALL.into_iter().flat_map(|reason| ranges(query, reason)).map(count).collect();
    let sql = format!(
        "SELECT count(*) AS artifacts, CAST(coalesce(sum(size), 0) AS BIGINT) AS bytes, \
         CAST(coalesce(sum(stored_size), 0) AS BIGINT) AS stored_bytes, {} AS due \
         FROM runcast_artifacts WHERE state = 'ready'",
        counts.join(" + ")
    );
    with_times(CatalogStatement::new(sql), query)
}

#[cfg(test)]
mod tests {
    use sqlx::{Row as _, SqlitePool};

    use super::*;

    /// SQLite's query plan for due removals, a line per table and subquery; the trait `Tables` can't return it.
    async fn plan(statement: CatalogStatement) -> Vec<String> {
        let database = SqlitePool::connect("sqlite::memory:").await.unwrap();
        sqlx::migrate!("src/storage/catalog/migrations/sqlite").run(&database).await.unwrap();
        let steps = statement.explained().query::<sqlx::Sqlite>().unwrap().fetch_all(&database).await.unwrap();
        let steps = steps.iter().map(|step| step.get::<String, _>("detail"));
        steps.filter(|step| step.contains("artifact")).collect()
    }

    #[tokio::test]
    async fn each_reason_is_looked_up_in_its_index() {
        let mut query = DueQuery {
            reason: DueFor::Expired,
            now: Timestamp::default(),
            cutoffs: ArtifactKind::ALL.map(|kind| (kind, Timestamp::default())),
            abandoned_before: Timestamp::default(),
            after: None,
            limit: 100,
        };
        for (reason, indexes) in [
            (DueFor::Expired, &["ready"; 6][..]),
            (DueFor::Abandoned, &["pending", "failed"]),
            (DueFor::Removed, &["removed"]),
            (DueFor::Replaced, &["replaced"]),
        ] {
            query.reason = reason;
            let steps = plan(page(&query)).await;
            assert_eq!(steps.len(), indexes.len(), "{steps:?}");
            for (step, index) in steps.iter().zip(indexes) {
                let found = format!("SEARCH artifact USING INDEX runcast_artifacts_{index} ");
                assert!(step.starts_with(&found), "{reason:?}: {step}");
            }
        }
        let steps = plan(totals(&query)).await;
        let ready = " USING COVERING INDEX runcast_artifacts_ready";
        assert_eq!(steps.iter().filter(|step| step.contains(ready)).count(), 7, "{steps:?}");
        assert!(steps.iter().all(|step| step.contains(" INDEX runcast_artifacts_")), "{steps:?}");
    }
}
