//! What every catalog knows of runs besides their rows: how the list finds, counts and tells them.

use super::backend::{Backend, contract};
use runcast::protocol::status::RunStatus;
use runcast::protocol::{RunGroup, RunId, RunWord, Timestamp};
use runcast::storage::catalog::runs::{AUTHOR, SummaryRow};
use runcast::storage::catalog::{RunFilter, RunRow, WholeCatalog};

contract! {
    a_summary_is_of_a_row_and_never_moves_back
    statuses_and_words_find_what_has_one_of_them
    texts_projects_branches_labels_and_times_find_runs
    groups_count_what_matches_but_the_group
    projects_are_named_once_in_order
    rows_that_were_written_lately_are_told
    runs_whose_summary_is_behind_are_found_until_they_are_given_up
    filtered_pages_follow_one_another
    texts_that_no_database_likes_are_stored
}

pub(super) fn run(name: &str) -> RunId {
    RunId::parse(name).unwrap()
}

/// A row of a run that began at `created_at` and had its last event at ten times that.
pub(super) fn row(name: &str, status: Option<RunStatus>, created_at: i64) -> RunRow {
    let [created_at, last_at] = [created_at, 10 * created_at].map(Timestamp::from_millis);
    RunRow { run: run(name), status, tip: 5, created_at, last_at }
}

pub(super) fn summary(name: &str, word: RunWord) -> SummaryRow {
    SummaryRow {
        run: run(name),
        tip: 5,
        word,
        group: word.group(0),
        project: "shop".into(),
        branch: Some("main".into()),
        commit: Some("9f3c21e".into()),
        number: Some(7),
        ended_at: word.is_final().then(|| Timestamp::from_millis(99)),
        labels: vec!["pr".into()],
        words: vec![name.into(), "Fix Refunds".into()],
        text: format!(r#"{{"elapsedMs":12,"name":"{name}"}}"#),
        has_results: false,
    }
}

fn first(limit: usize) -> RunFilter {
    RunFilter { limit, ..RunFilter::default() }
}

async fn names(catalog: &dyn WholeCatalog, filter: RunFilter) -> Vec<String> {
    catalog.list(&filter).await.unwrap().iter().map(|listed| listed.row.run.to_string()).collect()
}

async fn a_summary_is_of_a_row_and_never_moves_back(backend: Backend) {
    let catalog = backend.open().await;
    catalog.summarize(&[]).await.unwrap();
    catalog.record(&[row("r", Some(RunStatus::Running), 1)]).await.unwrap();
    catalog.summarize(&[summary("r", RunWord::Running), summary("unknown", RunWord::Running)]).await.unwrap();
    let listed = catalog.list(&first(9)).await.unwrap();
    assert_eq!(listed.len(), 1, "a summary lists nothing");
    assert_eq!((listed[0].word, listed[0].summary_tip), (Some(RunWord::Running), 5));
    assert_eq!(listed[0].summary.as_deref(), Some(r#"{"elapsedMs":12,"name":"r"}"#));
    catalog.summarize(&[SummaryRow { tip: 4, ..summary("r", RunWord::Waiting) }]).await.unwrap();
    assert_eq!(catalog.list(&first(9)).await.unwrap()[0].word, Some(RunWord::Running));
    catalog.record(&[RunRow { tip: 6, ..row("r", Some(RunStatus::Passed), 1) }]).await.unwrap();
    let listed = catalog.list(&first(9)).await.unwrap();
    assert_eq!((listed[0].row.tip, listed[0].summary_tip, listed[0].word), (6, 5, Some(RunWord::Running)));
    catalog.summarize(&[SummaryRow { tip: 6, ..summary("r", RunWord::Passed) }]).await.unwrap();
    assert_eq!(catalog.list(&first(9)).await.unwrap()[0].word, Some(RunWord::Passed));
    catalog.forget(&[run("r")]).await.unwrap();
    catalog.summarize(&[SummaryRow { tip: 7, ..summary("r", RunWord::Passed) }]).await.unwrap();
    assert!(catalog.list(&first(9)).await.unwrap().is_empty());
}

/// Runs of every kind, the last one first: `asks`, `paused`, `flaky`, `passed`, `failed`, `lost`, `old`.
async fn some(catalog: &dyn WholeCatalog) {
    let running = Some(RunStatus::Running);
    let rows = [
        row("old", Some(RunStatus::Passed), 1),
        row("lost", Some(RunStatus::Lost), 2),
        row("failed", Some(RunStatus::Failed), 3),
        row("passed", Some(RunStatus::Passed), 4),
        row("flaky", Some(RunStatus::Passed), 5),
        row("paused", running, 6),
        row("asks", running, 7),
    ];
    catalog.record(&rows).await.unwrap();
    let summaries = [
        summary("lost", RunWord::Lost),
        SummaryRow { branch: Some("fix/refunds".into()), labels: Vec::new(), ..summary("failed", RunWord::Failed) },
        SummaryRow {
            project: "api".into(),
            words: vec![format!("{AUTHOR}ADA"), "100%_\\".into()],
            ..summary("passed", RunWord::Passed)
        },
        SummaryRow { group: RunGroup::Flaky, ..summary("flaky", RunWord::Passed) },
        summary("paused", RunWord::Paused),
        SummaryRow {
            project: "-".into(),
            branch: None,
            labels: vec!["p".into(), "r".into()],
            ..summary("asks", RunWord::NeedsYou)
        },
    ];
    catalog.summarize(&summaries).await.unwrap();
}

async fn statuses_and_words_find_what_has_one_of_them(backend: Backend) {
    let catalog = backend.open().await;
    some(&*catalog).await;
    let found = async |statuses: &[RunStatus], words: &[RunWord]| {
        names(&*catalog, RunFilter { statuses: statuses.into(), words: words.into(), ..first(9) }).await
    };
    assert_eq!(found(&[RunStatus::Running], &[]).await, ["asks", "paused"]);
    assert_eq!(found(&[], &[RunWord::Running]).await, Vec::<String>::new());
    assert_eq!(found(&[], &[RunWord::NeedsYou]).await, ["asks"]);
    assert_eq!(found(&[RunStatus::Failed], &[RunWord::Failed, RunWord::Paused]).await, ["paused", "failed"]);
    assert_eq!(found(&[RunStatus::Running], &[RunWord::Running, RunWord::NeedsYou]).await, ["asks", "paused"]);
    assert_eq!(found(&[], &[RunWord::Passed]).await, ["flaky", "passed", "old"], "one without a summary, too");
    for (group, want) in [
        (RunGroup::NeedsYou, &["asks"][..]),
        (RunGroup::Running, &["paused"]),
        (RunGroup::Failed, &["failed", "lost"]),
        (RunGroup::Flaky, &["flaky"]),
        (RunGroup::Passed, &["passed"]),
        (RunGroup::Cancelled, &[]),
    ] {
        assert_eq!(names(&*catalog, RunFilter { group: Some(group), ..first(9) }).await, want, "{group:?}");
    }
}

async fn texts_projects_branches_labels_and_times_find_runs(backend: Backend) {
    let catalog = backend.open().await;
    some(&*catalog).await;
    let text = |text: &str| Some(text.to_owned());
    for (filter, want) in [
        (RunFilter { text: text("REFUNDS fix"), ..first(9) }, &["asks", "paused", "flaky", "failed", "lost"][..]),
        (RunFilter { text: text("ada"), ..first(9) }, &["passed"]),
        (RunFilter { text: text("%_\\"), ..first(9) }, &["passed"]),
        (RunFilter { text: text("OL"), ..first(9) }, &["old"]),
        (RunFilter { text: text("nothing"), ..first(9) }, &[]),
        (RunFilter { project: text("api"), ..first(9) }, &["passed"]),
        (RunFilter { project: text("-"), ..first(9) }, &["asks"]),
        (RunFilter { branch: text("fix/refunds"), ..first(9) }, &["failed"]),
        (RunFilter { author: text("Ada"), ..first(9) }, &["passed"]),
        (RunFilter { author: text("ad"), ..first(9) }, &[]),
        (RunFilter { label: text("pr"), ..first(9) }, &["paused", "flaky", "passed", "lost"]),
        (RunFilter { label: text("r"), ..first(9) }, &["asks"]),
        (RunFilter { since: Some(Timestamp::from_millis(6)), ..first(9) }, &["asks", "paused"]),
        (RunFilter { project: text("shop"), group: Some(RunGroup::Failed), text: text("lost"), ..first(9) }, &["lost"]),
    ] {
        assert_eq!(names(&*catalog, filter.clone()).await, want, "{filter:?}");
    }
}

async fn groups_count_what_matches_but_the_group(backend: Backend) {
    let catalog = backend.open().await;
    assert_eq!(catalog.groups(&first(9)).await.unwrap().all, 0);
    some(&*catalog).await;
    let filter = RunFilter { group: Some(RunGroup::Failed), statuses: vec![RunStatus::Lost], ..first(1) };
    let counted = catalog.groups(&filter).await.unwrap();
    assert_eq!(counted.all, 7);
    let of = |group| counted.groups.iter().find(|(known, _)| *known == group).map(|(_, count)| *count);
    assert_eq!((of(RunGroup::Failed), of(RunGroup::Flaky), of(RunGroup::Passed)), (Some(2), Some(1), Some(1)));
    assert_eq!((of(RunGroup::NeedsYou), of(RunGroup::Running), of(RunGroup::Cancelled)), (Some(1), Some(1), None));
    let api = catalog.groups(&RunFilter { project: Some("api".into()), ..first(9) }).await.unwrap();
    assert_eq!((api.all, api.groups), (1, vec![(RunGroup::Passed, 1)]));
}

async fn projects_are_named_once_in_order(backend: Backend) {
    let catalog = backend.open().await;
    assert!(catalog.projects(9).await.unwrap().is_empty());
    some(&*catalog).await;
    assert_eq!(catalog.projects(9).await.unwrap(), ["api", "shop"]);
    assert_eq!(catalog.projects(1).await.unwrap(), ["api"]);
}

async fn rows_that_were_written_lately_are_told(backend: Backend) {
    let catalog = backend.open().await;
    some(&*catalog).await;
    let written = catalog.written_within(60_000, 100).await.unwrap();
    assert_eq!(written.len(), 7);
    let before = written.iter().find(|listed| listed.row.run.as_str() == "asks").unwrap().written_at;
    assert!(before > 1_700_000_000_000, "milliseconds since 1970: {before}");
    assert_eq!(catalog.written_within(60_000, 2).await.unwrap().len(), 2);
    assert!(catalog.written_within(-60_000, 100).await.unwrap().is_empty());
    catalog.summarize(&[SummaryRow { tip: 6, ..summary("asks", RunWord::Running) }]).await.unwrap();
    let written = catalog.written_within(60_000, 100).await.unwrap();
    assert!(written.iter().any(|listed| listed.row.run.as_str() == "asks" && listed.written_at >= before));
}

async fn runs_whose_summary_is_behind_are_found_until_they_are_given_up(backend: Backend) {
    let catalog = backend.open().await;
    some(&*catalog).await;
    let behind = async |before: i64| catalog.behind(Timestamp::from_millis(before), 9).await.unwrap();
    assert_eq!(behind(10_000).await, [run("old")]);
    assert!(behind(10).await.is_empty());
    catalog.record(&[RunRow { tip: 6, ..row("failed", Some(RunStatus::Failed), 3) }]).await.unwrap();
    assert_eq!(behind(10_000).await, [run("failed"), run("old")], "the newest first");
    catalog.give_up(&[run("failed"), run("old")]).await.unwrap();
    assert!(behind(10_000).await.is_empty());
}

async fn filtered_pages_follow_one_another(backend: Backend) {
    let catalog = backend.open().await;
    let rows: Vec<RunRow> = (0..60).map(|n| row(&format!("r{n:02}"), Some(RunStatus::Running), 100 + n / 7)).collect();
    catalog.record(&rows).await.unwrap();
    let words = [RunWord::Failing, RunWord::NeedsYou, RunWord::Running];
    let summaries: Vec<_> = (0..60).map(|n| summary(&format!("r{n:02}"), words[n % 3])).collect();
    catalog.summarize(&summaries).await.unwrap();
    let mut filter =
        RunFilter { words: vec![RunWord::Failing, RunWord::NeedsYou], text: Some("refunds".into()), ..first(7) };
    let mut seen = Vec::new();
    loop {
        let page = catalog.list(&filter).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.after = Some((last.row.last_at, last.row.run.clone()));
        seen.extend(page.into_iter().map(|listed| listed.row.run.to_string()));
    }
    let want: Vec<String> = (0..60).rev().filter(|n| n % 3 != 2).map(|n| format!("r{n:02}")).collect();
    assert_eq!(seen, want);
}

async fn texts_that_no_database_likes_are_stored(backend: Backend) {
    let catalog = backend.open().await;
    catalog.record(&[row("r", None, 1)]).await.unwrap();
    let odd = "a\0b'\"\\%\n\u{202e}\u{fffd}🦀";
    let hostile = SummaryRow {
        project: odd.into(),
        branch: Some(odd.into()),
        commit: Some(odd.into()),
        number: Some(u64::MAX),
        labels: vec![odd.into()],
        words: vec![odd.into()],
        text: serde_json::json!({ "meta": odd }).to_string(),
        ..summary("r", RunWord::Running)
    };
    catalog.summarize(std::slice::from_ref(&hostile)).await.unwrap();
    assert_eq!(catalog.list(&first(9)).await.unwrap()[0].summary.as_deref(), Some(&*hostile.text));
    let odd = || Some(odd.to_owned());
    let filter = RunFilter { project: odd(), branch: odd(), ..first(9) };
    assert_eq!(names(&*catalog, filter).await, ["r"]);
    assert_eq!(names(&*catalog, RunFilter { text: Some("A\0B'".into()), ..first(9) }).await, ["r"]);
}
