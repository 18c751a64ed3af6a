//! What every catalog keeps of how tests ended: their history, and the comparison of two runs.

use super::backend::{Backend, contract};
use super::summaries::{row, run, summary};
use runcast::protocol::status::{RunStatus, TestOutcome, TestStatus};
use runcast::protocol::{RunWord, Timestamp};
use runcast::storage::catalog::WholeCatalog;
use runcast::storage::catalog::runs::{ComparedTest, MAX_HISTORY, ResultRow, SummaryRow, TestKey};

contract! {
    a_history_has_the_last_results_of_a_project_up_to_a_run
    a_result_is_replaced_by_a_later_one_and_goes_with_its_run
    results_go_when_their_time_is_over
    a_run_is_compared_with_the_last_one_of_its_branch
    what_has_changed_between_two_runs_is_counted_and_listed
    many_results_and_odd_texts_are_stored
}

fn result(test_id: &str, outcome: TestOutcome) -> ResultRow {
    let status = if outcome == TestOutcome::Unexpected { TestStatus::Failed } else { TestStatus::Passed };
    ResultRow {
        test_id: test_id.into(),
        variant: String::new(),
        outcome,
        status,
        duration_ms: Some(100),
        attempts: 1,
        title: Some(format!("title of {test_id}")),
        test_project: Some("chromium".into()),
        error: (outcome == TestOutcome::Unexpected).then(|| "no".into()),
        location: Some("a.ts:1".into()),
    }
}

fn key(test_id: &str) -> TestKey {
    TestKey { test_id: test_id.into(), variant: String::new() }
}

/// Lists a run that began at `at`, with these results.
async fn add(
    catalog: &dyn WholeCatalog,
    name: &str,
    at: i64,
    change: impl Fn(SummaryRow) -> SummaryRow,
    results: &[ResultRow],
) {
    catalog.record(&[row(name, Some(RunStatus::Passed), at)]).await.unwrap();
    let of = SummaryRow { number: Some(at as u64), has_results: true, ..summary(name, RunWord::Passed) };
    let of = change(of);
    // Before the summary, whose tip says that they are there.
    catalog.keep_results(&run(name), &of.project, 5, results).await.unwrap();
    catalog.summarize(&[of]).await.unwrap();
}

async fn history(catalog: &dyn WholeCatalog, name: &str, tests: &[TestKey]) -> Vec<Vec<(String, String)>> {
    let of = catalog.compared_run(&run(name)).await.unwrap().unwrap();
    let all = catalog.history(&of, tests).await.unwrap();
    let shown = |one: runcast::storage::catalog::runs::PastResult| (one.run.to_string(), one.result.outcome);
    all.into_iter().map(|series| series.into_iter().map(shown).collect()).collect()
}

async fn a_history_has_the_last_results_of_a_project_up_to_a_run(backend: Backend) {
    let catalog = backend.open().await;
    for n in 1..=20 {
        let outcome = if n % 5 == 0 { TestOutcome::Unexpected } else { TestOutcome::Expected };
        let linux = ResultRow { variant: "linux".into(), ..result("t", TestOutcome::Flaky) };
        add(&*catalog, &format!("r{n:02}"), n, |of| of, &[result("t", outcome), linux]).await;
    }
    let elsewhere = |of| SummaryRow { project: "api".into(), ..of };
    add(&*catalog, "other", 10, elsewhere, &[result("t", TestOutcome::Skipped)]).await;
    let linux = TestKey { variant: "linux".into(), ..key("t") };
    let all = history(&*catalog, "r18", &[key("none"), key("t"), linux.clone()]).await;
    assert_eq!(all[0], []);
    let runs: Vec<_> = all[1].iter().map(|(run, _)| run.clone()).collect();
    assert_eq!(runs, (5..=18).map(|n| format!("r{n:02}")).collect::<Vec<_>>());
    assert_eq!(runs.len(), MAX_HISTORY);
    let failed: Vec<_> = all[1].iter().filter(|(_, outcome)| outcome == "unexpected").map(|(run, _)| run).collect();
    assert_eq!(failed, ["r05", "r10", "r15"]);
    assert!(all[2].len() == MAX_HISTORY && all[2].iter().all(|(_, outcome)| outcome == "flaky"));
    assert_eq!(history(&*catalog, "other", &[key("t")]).await, [[("other".to_owned(), "skipped".to_owned())]]);
    let of = catalog.compared_run(&run("r20")).await.unwrap().unwrap();
    let past = catalog.history(&of, &[key("t")]).await.unwrap();
    let last = past[0].last().unwrap();
    assert_eq!((last.number, last.at, last.branch.as_deref()), (Some(20), Timestamp::from_millis(20), Some("main")));
    assert_eq!((last.result.duration_ms, last.result.error.as_deref()), (Some(100), Some("no")));
    assert_eq!(catalog.history(&of, &[]).await.unwrap(), Vec::<Vec<_>>::new());
    let variants = catalog.variants(&run("r20"), &["t".into(), "none".into()]).await.unwrap();
    assert_eq!(variants, [key("t"), linux]);
    let fifty: Vec<_> = (0..50).map(|n| key(&format!("t{n}"))).collect();
    assert_eq!(catalog.history(&of, &fifty).await.unwrap().len(), 50);
}

async fn a_result_is_replaced_by_a_later_one_and_goes_with_its_run(backend: Backend) {
    let catalog = backend.open().await;
    add(&*catalog, "r", 1, |of| of, &[result("t", TestOutcome::Unexpected)]).await;
    let retried = ResultRow { attempts: 2, ..result("t", TestOutcome::Flaky) };
    catalog.keep_results(&run("r"), "shop", 9, &[retried]).await.unwrap();
    catalog.keep_results(&run("r"), "shop", 8, &[result("t", TestOutcome::Unexpected)]).await.unwrap();
    assert_eq!(history(&*catalog, "r", &[key("t")]).await, [[("r".to_owned(), "flaky".to_owned())]]);
    catalog.keep_results(&run("unlisted"), "shop", 9, &[result("t", TestOutcome::Flaky)]).await.unwrap();
    catalog.forget(&[run("r")]).await.unwrap();
    assert_eq!(catalog.compared_run(&run("r")).await.unwrap(), None);
    add(&*catalog, "r", 1, |of| of, &[]).await;
    assert_eq!(history(&*catalog, "r", &[key("t")]).await, [[]], "what was known before is gone");
}

async fn results_go_when_their_time_is_over(backend: Backend) {
    let catalog = backend.open().await;
    for n in 1..=5 {
        add(&*catalog, &format!("r{n}"), n, |of| of, &[result("t", TestOutcome::Expected)]).await;
    }
    let before = Timestamp::from_millis(40);
    assert_eq!(catalog.forget_results(before, 2).await.unwrap(), 2);
    assert_eq!(catalog.forget_results(before, 2).await.unwrap(), 1);
    assert_eq!(catalog.forget_results(before, 2).await.unwrap(), 0);
    let left: Vec<_> = history(&*catalog, "r5", &[key("t")]).await.remove(0).into_iter().map(|(run, _)| run).collect();
    assert_eq!(left, ["r4", "r5"]);
}

async fn a_run_is_compared_with_the_last_one_of_its_branch(backend: Backend) {
    let catalog = backend.open().await;
    add(&*catalog, "first", 1, |of| of, &[]).await;
    add(&*catalog, "cancelled", 2, |of| SummaryRow { word: RunWord::Cancelled, ..of }, &[]).await;
    add(&*catalog, "branch", 3, |of| SummaryRow { branch: Some("b".into()), ..of }, &[]).await;
    add(&*catalog, "none", 4, |of| SummaryRow { branch: None, ..of }, &[]).await;
    add(&*catalog, "running", 5, |of| SummaryRow { word: RunWord::Running, ..of }, &[]).await;
    add(&*catalog, "also-none", 6, |of| SummaryRow { branch: None, ..of }, &[]).await;
    add(&*catalog, "now", 7, |of| of, &[]).await;
    add(&*catalog, "later", 8, |of| of, &[]).await;
    let before = async |name: &str| {
        let of = catalog.compared_run(&run(name)).await.unwrap().unwrap();
        catalog.run_before(&of).await.unwrap().map(|before| before.run.to_string())
    };
    assert_eq!(before("now").await.as_deref(), Some("first"));
    assert_eq!(before("later").await.as_deref(), Some("now"));
    assert_eq!(before("also-none").await.as_deref(), Some("none"));
    assert_eq!((before("first").await, before("branch").await), (None, None));
}

async fn what_has_changed_between_two_runs_is_counted_and_listed(backend: Backend) {
    use TestOutcome::{Expected, Flaky, Skipped, Unexpected};
    let catalog = backend.open().await;
    let old =
        [("fixed", Unexpected), ("broken", Expected), ("still", Unexpected), ("was-flaky", Flaky), ("gone", Expected)];
    let new = [
        ("fixed", Flaky),
        ("broken", Unexpected),
        ("still", Unexpected),
        ("was-flaky", Flaky),
        ("new", Skipped),
        ("bad", Unexpected),
    ];
    let rows = |all: &[(&str, TestOutcome)]| all.iter().map(|(id, outcome)| result(id, *outcome)).collect::<Vec<_>>();
    add(&*catalog, "old", 1, |of| of, &rows(&old)).await;
    let mut results = rows(&new);
    results[0].duration_ms = Some(900);
    results[1].duration_ms = None;
    add(&*catalog, "new", 2, |of| of, &results).await;
    let found = catalog.compare(&run("new"), Some(&run("old"))).await.unwrap();
    let ids = |list: &[ComparedTest]| list.iter().map(|one| one.test.test_id.clone()).collect::<Vec<_>>();
    assert_eq!((found.fixed_count, ids(&found.fixed)), (1, vec!["fixed".to_owned()]));
    assert_eq!((found.failing_count, ids(&found.failing)), (2, vec!["bad".to_owned(), "broken".to_owned()]));
    assert_eq!((found.flaky_count, ids(&found.flaky)), (1, vec!["fixed".to_owned()]));
    assert_eq!((found.still_failing_count, found.added, found.removed), (1, 2, 1));
    let slowest = &found.slowest[0];
    assert_eq!((&*slowest.test.test_id, slowest.duration_ms, slowest.before_ms), ("fixed", Some(900), Some(100)));
    assert_eq!((slowest.title.as_deref(), slowest.project.as_deref()), (Some("title of fixed"), Some("chromium")));
    assert_eq!(found.slowest.len(), 5, "one has no duration");
    let alone = catalog.compare(&run("new"), None).await.unwrap();
    assert_eq!((alone.fixed_count, alone.failing_count, alone.added, alone.removed), (0, 3, 6, 0));
    assert_eq!(catalog.compare(&run("none"), None).await.unwrap(), Default::default());
}

async fn many_results_and_odd_texts_are_stored(backend: Backend) {
    let catalog = backend.open().await;
    let odd = "a\0b'\"\\%\n\u{202e}🦀";
    let twice = result("same", TestOutcome::Expected);
    let hostile = ResultRow { variant: odd.into(), title: Some(odd.into()), ..result(odd, TestOutcome::Unexpected) };
    add(&*catalog, "r", 1, |of| of, &[hostile, twice.clone(), twice]).await;
    let odd = TestKey { test_id: odd.into(), variant: odd.into() };
    assert_eq!(history(&*catalog, "r", &[odd]).await[0].len(), 1);
    let many: Vec<_> = (0..500).map(|n| result(&format!("t{n}"), TestOutcome::Unexpected)).collect();
    catalog.keep_results(&run("r"), "shop", 6, &many).await.unwrap();
    let found = catalog.compare(&run("r"), None).await.unwrap();
    assert_eq!((found.failing_count, found.failing.len(), found.slowest.len()), (501, 100, 10));
}
