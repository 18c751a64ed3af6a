//! What every catalog keeps, run for each implementation: the same rows, the same order, the same pages.

use super::backend::{Backend, contract};
use crate::support::Dice;
use runcast::protocol::status::RunStatus;
use runcast::protocol::{RunId, Timestamp};
use runcast::storage::catalog::{Catalog, RunFilter, RunRow};

contract! {
    a_row_is_replaced_by_newer_ones_and_never_moves_back
    pages_follow_one_another_without_hole_or_double
    names_are_in_the_order_of_their_bytes
    a_status_filters_and_pages
    forgotten_runs_are_gone_and_others_stay
    whatever_the_order_of_writes_the_newest_row_of_each_run_stays
    as_many_rows_as_a_recorder_may_hold_are_written_at_once
    rows_stay_and_a_closed_catalog_says_so
}

fn row(name: &str, tip: u64, last_at: i64, status: Option<RunStatus>) -> RunRow {
    RunRow {
        run: RunId::parse(name).unwrap(),
        status,
        tip,
        created_at: Timestamp::from_millis(1),
        last_at: Timestamp::from_millis(last_at),
    }
}

fn first(limit: usize) -> RunFilter {
    RunFilter { limit, ..RunFilter::default() }
}

/// A page of the list.
async fn page(catalog: &dyn Catalog, filter: &RunFilter) -> Vec<RunRow> {
    catalog.list(filter).await.unwrap().into_iter().map(|listed| listed.row).collect()
}

/// All rows, page by page.
async fn all(catalog: &dyn Catalog, mut filter: RunFilter) -> Vec<RunRow> {
    let mut seen = Vec::new();
    loop {
        let listed = page(catalog, &filter).await;
        assert!(listed.len() <= filter.limit);
        let Some(last) = listed.last() else { return seen };
        filter.after = Some((last.last_at, last.run.clone()));
        seen.extend(listed);
    }
}

async fn a_row_is_replaced_by_newer_ones_and_never_moves_back(backend: Backend) {
    let catalog = backend.open().await;
    catalog.record(&[row("r", 5, 50, Some(RunStatus::Running))]).await.unwrap();
    catalog.record(&[row("r", 4, 60, Some(RunStatus::Queued))]).await.unwrap();
    assert_eq!(page(&*catalog, &first(9)).await, [row("r", 5, 50, Some(RunStatus::Running))]);
    catalog.record(&[row("r", 7, 70, None), row("r", 6, 65, None)]).await.unwrap();
    assert_eq!(page(&*catalog, &first(9)).await, [row("r", 7, 70, None)]);
    catalog.record(&[row("r", 7, 71, None), row("r", 7, 72, Some(RunStatus::Passed))]).await.unwrap();
    assert_eq!(page(&*catalog, &first(9)).await, [row("r", 7, 72, Some(RunStatus::Passed))], "the last word");
}

async fn pages_follow_one_another_without_hole_or_double(backend: Backend) {
    let catalog = backend.open().await;
    let rows: Vec<RunRow> = (0..1_203).map(|n| row(&format!("r{n:04}"), 1, n / 10, None)).collect();
    catalog.record(&rows).await.unwrap();
    let mut want = rows;
    want.reverse();
    assert_eq!(all(&*catalog, first(100)).await, want);
    assert!(page(&*catalog, &first(0)).await.is_empty());
    assert_eq!(page(&*catalog, &first(usize::MAX)).await, want);
}

async fn names_are_in_the_order_of_their_bytes(backend: Backend) {
    let catalog = backend.open().await;
    let mut names = ["a", "B", "b", "A", "a-b", "a_b", "a.b", "ab", "aB", "1", "10", "2", "Z-1", "z-1"];
    catalog.record(&names.map(|name| row(name, 1, 5, None))).await.unwrap();
    names.sort_unstable_by(|a, b| b.as_bytes().cmp(a.as_bytes()));
    let seen = all(&*catalog, first(3)).await;
    assert_eq!(seen.iter().map(|row| row.run.as_str()).collect::<Vec<_>>(), names);
}

async fn a_status_filters_and_pages(backend: Backend) {
    let catalog = backend.open().await;
    let status = |n: i64| Some(if n % 3 == 0 { RunStatus::Failed } else { RunStatus::Passed });
    catalog.record(&(0..30).map(|n| row(&format!("r{n:02}"), 1, n, status(n))).collect::<Vec<_>>()).await.unwrap();
    catalog.record(&[row("none", 1, 99, None)]).await.unwrap();
    let failed = RunFilter { statuses: vec![RunStatus::Failed], ..first(4) };
    let listed = page(&*catalog, &failed).await;
    let last_at = |page: &[RunRow]| page.iter().map(|row| row.last_at.as_millis()).collect::<Vec<_>>();
    assert_eq!(last_at(&listed), [27, 24, 21, 18]);
    assert_eq!(last_at(&all(&*catalog, failed).await), [27, 24, 21, 18, 15, 12, 9, 6, 3, 0]);
}

async fn forgotten_runs_are_gone_and_others_stay(backend: Backend) {
    let catalog = backend.open().await;
    assert_eq!(catalog.newest().await.unwrap(), None);
    catalog.record(&[row("a", 1, 1, None), row("b", 1, 2, None), row("c", 1, 3, None)]).await.unwrap();
    assert_eq!(catalog.newest().await.unwrap(), Some(Timestamp::from_millis(3)));
    catalog.forget(&[row("a", 0, 0, None).run, row("c", 0, 0, None).run, row("x", 0, 0, None).run]).await.unwrap();
    catalog.forget(&[]).await.unwrap();
    catalog.record(&[]).await.unwrap();
    assert_eq!(page(&*catalog, &first(9)).await, [row("b", 1, 2, None)]);
    assert_eq!(catalog.newest().await.unwrap(), Some(Timestamp::from_millis(2)));
}

/// Several nodes, the same runs, each its own order, all at once; another forgets runs that come back.
async fn whatever_the_order_of_writes_the_newest_row_of_each_run_stays(backend: Backend) {
    const RUNS: u64 = 300;
    const TIPS: u64 = 8;
    let nodes = [backend.open().await, backend.open().await, backend.open().await];
    let mut writers = Vec::new();
    for (seed, catalog) in nodes.iter().cloned().enumerate() {
        writers.push(tokio::spawn(async move {
            let mut dice = Dice::new(seed as u64);
            // A write per tip that has all runs, but each run's tips come in an order of their own.
            let first: Vec<u64> = (0..RUNS).map(|_| dice.below(TIPS)).collect();
            for turn in 0..TIPS {
                let tip = |run: u64| 1 + (first[run as usize] + turn) % TIPS;
                let mut rows: Vec<RunRow> =
                    (0..RUNS).map(|run| row(&format!("run-{run}"), tip(run), tip(run) as i64, None)).collect();
                for at in (1..rows.len()).rev() {
                    rows.swap(at, dice.below(at as u64 + 1) as usize);
                }
                catalog.record(&rows).await.unwrap();
            }
        }));
    }
    for turn in [0, 1] {
        let catalog = nodes[turn].clone();
        writers.push(tokio::spawn(async move {
            let mut gone: Vec<RunId> = (0..RUNS).map(|n| row(&format!("gone-{n}"), 1, 1, None).run).collect();
            if turn == 1 {
                gone.reverse();
            }
            for _ in 0..TIPS {
                catalog
                    .record(&gone.iter().map(|run| row(run.as_str(), 1, 1, None)).collect::<Vec<_>>())
                    .await
                    .unwrap();
                catalog.forget(&gone).await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    for catalog in &nodes {
        let rows = all(&**catalog, first(70)).await;
        assert_eq!(rows.len() as u64, RUNS);
        assert!(rows.iter().all(|row| row.tip == TIPS && row.last_at.as_millis() as u64 == TIPS), "{rows:?}");
    }
}

async fn as_many_rows_as_a_recorder_may_hold_are_written_at_once(backend: Backend) {
    let catalog = backend.open().await;
    let rows: Vec<RunRow> = (0..20_000).map(|n| row(&format!("r{n:05}"), 1, n, Some(RunStatus::Passed))).collect();
    catalog.record(&rows).await.unwrap();
    catalog.forget(&rows[1..].iter().map(|row| row.run.clone()).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(page(&*catalog, &first(9)).await, rows[..1]);
}

async fn rows_stay_and_a_closed_catalog_says_so(backend: Backend) {
    let catalog = backend.open().await;
    let kept = [row("r", 5, 50, Some(RunStatus::TimedOut))];
    catalog.record(&kept).await.unwrap();
    catalog.probe().await.unwrap();
    catalog.close().await;
    assert!(catalog.probe().await.is_err());
    assert!(catalog.record(&kept).await.is_err());
    let catalog = backend.open().await;
    assert_eq!(page(&*catalog, &first(9)).await, kept);
}
