//! The SQLite catalog, as a file and in memory.

#![allow(clippy::unwrap_used)]

use runcast::protocol::state::RunStatus;
use runcast::protocol::{RunId, Timestamp};
use runcast::storage::catalog::sqlite::{CatalogUrl, SqliteCatalog};
use runcast::storage::catalog::{Catalog, RunFilter, RunRow};

fn row(name: &str, tip: u64, last_at: i64, status: Option<RunStatus>) -> RunRow {
    RunRow {
        run: RunId::parse(name).unwrap(),
        status,
        tip,
        created_at: Timestamp::from_millis(1),
        last_at: Timestamp::from_millis(last_at),
    }
}

async fn memory() -> SqliteCatalog {
    SqliteCatalog::open(&CatalogUrl::Memory).await.unwrap()
}

fn first(limit: usize) -> RunFilter {
    RunFilter { limit, ..RunFilter::default() }
}

#[tokio::test]
async fn a_row_is_replaced_by_newer_ones_and_never_moves_back() {
    let catalog = memory().await;
    catalog.record(&[row("r", 5, 50, Some(RunStatus::Running))]).await.unwrap();
    catalog.record(&[row("r", 4, 60, Some(RunStatus::Queued))]).await.unwrap();
    assert_eq!(catalog.list(&first(9)).await.unwrap(), [row("r", 5, 50, Some(RunStatus::Running))]);
    catalog.record(&[row("r", 7, 70, None), row("r", 6, 65, None)]).await.unwrap();
    assert_eq!(catalog.list(&first(9)).await.unwrap(), [row("r", 7, 70, None)]);
}

#[tokio::test]
async fn pages_follow_one_another_without_hole_or_double() {
    let catalog = memory().await;
    let rows: Vec<RunRow> = (0..1_203).map(|n| row(&format!("r{n:04}"), 1, n / 10, None)).collect();
    catalog.record(&rows).await.unwrap();
    let mut filter = first(100);
    let mut seen = Vec::new();
    loop {
        let page = catalog.list(&filter).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.after = Some((last.last_at, last.run.clone()));
        seen.extend(page);
    }
    let mut want = rows;
    want.reverse();
    assert_eq!(seen, want);
    assert!(catalog.list(&first(0)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_status_filters_and_pages() {
    let catalog = memory().await;
    let status = |n: i64| Some(if n % 3 == 0 { RunStatus::Failed } else { RunStatus::Passed });
    catalog.record(&(0..30).map(|n| row(&format!("r{n:02}"), 1, n, status(n))).collect::<Vec<_>>()).await.unwrap();
    let failed = RunFilter { status: Some(RunStatus::Failed), ..first(4) };
    let page = catalog.list(&failed).await.unwrap();
    let last_at = |page: &[RunRow]| page.iter().map(|row| row.last_at.as_millis()).collect::<Vec<_>>();
    assert_eq!(last_at(&page), [27, 24, 21, 18]);
    let after = page.last().map(|row| (row.last_at, row.run.clone()));
    assert_eq!(last_at(&catalog.list(&RunFilter { after, ..failed }).await.unwrap()), [15, 12, 9, 6]);
}

#[tokio::test]
async fn forgotten_runs_are_gone_and_others_stay() {
    let catalog = memory().await;
    assert_eq!(catalog.newest().await.unwrap(), None);
    catalog.record(&[row("a", 1, 1, None), row("b", 1, 2, None), row("c", 1, 3, None)]).await.unwrap();
    assert_eq!(catalog.newest().await.unwrap(), Some(Timestamp::from_millis(3)));
    catalog.forget(&[row("a", 0, 0, None).run, row("c", 0, 0, None).run, row("x", 0, 0, None).run]).await.unwrap();
    catalog.forget(&[]).await.unwrap();
    catalog.record(&[]).await.unwrap();
    assert_eq!(catalog.list(&first(9)).await.unwrap(), [row("b", 1, 2, None)]);
}

#[tokio::test]
async fn a_file_keeps_its_rows_and_a_closed_catalog_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let url = CatalogUrl::parse(&format!("sqlite:{}", dir.path().join("catalog.db").display())).unwrap();
    let catalog = SqliteCatalog::open(&url).await.unwrap();
    catalog.record(&[row("r", 5, 50, Some(RunStatus::TimedOut))]).await.unwrap();
    catalog.probe().await.unwrap();
    catalog.close().await;
    assert!(catalog.probe().await.is_err());
    let catalog = SqliteCatalog::open(&url).await.unwrap();
    assert_eq!(catalog.list(&first(9)).await.unwrap(), [row("r", 5, 50, Some(RunStatus::TimedOut))]);
}

#[test]
fn a_url_names_memory_or_a_file() {
    assert_eq!(CatalogUrl::parse("memory:"), Some(CatalogUrl::Memory));
    assert_eq!(CatalogUrl::parse("sqlite:/x/y.db"), Some(CatalogUrl::Sqlite("/x/y.db".into())));
    for bad in ["", "sqlite:", "memory", "postgres://x"] {
        assert_eq!(CatalogUrl::parse(bad), None, "{bad}");
    }
}
