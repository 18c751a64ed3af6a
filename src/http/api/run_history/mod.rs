//! How the tests of a run ended before, and what has changed since another run, from the catalog alone.

use std::collections::HashSet;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;

use super::super::access::RequestRights;
use super::super::edge::RunsEdge;
use super::super::problem::Problem;
use super::events::run_id;
use super::run_list::{ShownSummary, unavailable};
use crate::protocol::{RunId, RunWord, Scope, Scopes, Timestamp};
use crate::storage::catalog::runs::{
    ComparedRun, ComparedTest, NO_PROJECT, PastResult, RunComparison, StoredResult, TestKey,
};

mod query;

use query::{AskedTest, MAX_TESTS};

/// The history of tests, up to a run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownHistory {
    run_id: RunId,
    project: String,
    tests: Vec<ShownSeries>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownSeries {
    test_id: String,
    variant: Option<String>,
    results: Vec<ShownResult>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownResult {
    run_id: RunId,
    number: Option<u64>,
    outcome: String,
    status: String,
    duration_ms: Option<i64>,
    attempts: u64,
    error: Option<String>,
    location: Option<String>,
    /// When the run began.
    at: Timestamp,
    branch: Option<String>,
    commit: Option<String>,
    /// It is that of the run that is asked for.
    current: bool,
}

/// What has changed since another run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownComparison {
    run_id: RunId,
    with: Option<ShownRunBefore>,
    counts: ComparedCounts,
    fixed: Vec<ShownTestChange>,
    failing: Vec<ShownTestChange>,
    flaky: Vec<ShownTestChange>,
    added: u64,
    /// `null` while the run goes on: what has not ended yet may still come.
    removed: Option<u64>,
    elapsed_ms: ComparedElapsed,
    slowest: Vec<ShownSlowTest>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownRunBefore {
    run_id: RunId,
    number: Option<u64>,
    branch: Option<String>,
    commit: Option<String>,
    word: Option<RunWord>,
    created_at: Timestamp,
    ended_at: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ComparedCounts {
    fixed: u64,
    failing: u64,
    still_failing: u64,
    flaky: u64,
}

#[derive(Serialize)]
struct ComparedElapsed {
    now: Option<i64>,
    before: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownTestChange {
    test_id: String,
    variant: Option<String>,
    title: Option<String>,
    project: Option<String>,
    error: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownSlowTest {
    test_id: String,
    variant: Option<String>,
    title: Option<String>,
    project: Option<String>,
    duration_ms: Option<i64>,
    before: Option<i64>,
}

/// `GET /api/runs/{runId}/history`
pub(in crate::http) async fn history(
    edge: web::Data<RunsEdge>,
    rights: RequestRights,
    path: web::Path<String>,
    query: web::Query<Vec<(String, String)>>,
) -> Result<HttpResponse, Problem> {
    let run_id = run_id(&path)?;
    let asked = query::read_tests(&query)?;
    let catalog = &edge.run_catalog;
    let run = catalog.compared_run(&run_id).await.map_err(unavailable)?;
    let any: Vec<_> = asked.iter().filter(|test| test.variant.is_none()).map(|test| test.test_id.clone()).collect();
    let variants = match any.is_empty() {
        true => Vec::new(),
        false => catalog.variants(&run_id, &any).await.map_err(unavailable)?,
    };
    let keys = keys(asked, &variants);
    let results = match &run {
        Some(run) => catalog.history(run, &keys).await.map_err(unavailable)?,
        None => keys.iter().map(|_| Vec::new()).collect(),
    };
    let tests = keys.into_iter().zip(results).map(|(TestKey { test_id, variant }, results)| ShownSeries {
        test_id,
        variant: given(variant),
        results: results
            .into_iter()
            .filter(|result| rights.permit(Scope::View, Some(&result.run)))
            .map(|result| ShownResult::of(result, &run_id))
            .collect(),
    });
    let project = run.map_or_else(|| NO_PROJECT.to_owned(), |run| run.project);
    Ok(HttpResponse::Ok().json(ShownHistory { tests: tests.collect(), project, run_id }))
}

/// `GET /api/runs/{runId}/compare`
pub(in crate::http) async fn compare(
    edge: web::Data<RunsEdge>,
    rights: RequestRights,
    path: web::Path<String>,
    query: web::Query<Vec<(String, String)>>,
) -> Result<HttpResponse, Problem> {
    let run_id = run_id(&path)?;
    let with = query::read_with(&query, &run_id)?;
    rights.require(Scopes::from_iter([Scope::View]), with.as_ref())?;
    let catalog = &edge.run_catalog;
    let run = catalog.compared_run(&run_id).await.map_err(unavailable)?;
    let before = match (&with, &run) {
        (Some(with), _) => {
            let found = catalog.compared_run(with).await.map_err(unavailable)?;
            let missing = || Problem::new(StatusCode::NOT_FOUND, "run_not_found", format!("run {with} is not listed"));
            Some(found.ok_or_else(missing)?)
        }
        (None, Some(run)) => catalog.run_before(run).await.map_err(unavailable)?,
        (None, None) => None,
    };
    let before = before.filter(|before| rights.permit(Scope::View, Some(&before.run)));
    let found = catalog.compare(&run_id, before.as_ref().map(|before| &before.run)).await.map_err(unavailable)?;
    Ok(HttpResponse::Ok().json(ShownComparison::of(run_id, run, before, found)))
}

/// The tests that are asked for, each in its variant; in all variants that the run has of it where none is named.
fn keys(asked: Vec<AskedTest>, variants: &[TestKey]) -> Vec<TestKey> {
    let mut keys: Vec<TestKey> = Vec::new();
    for AskedTest { test_id, variant } in asked {
        let known = variants.iter().filter(|known| variant.is_none() && known.test_id == test_id).cloned();
        let mut found: Vec<_> = known.collect();
        if found.is_empty() {
            found.push(TestKey { test_id, variant: variant.unwrap_or_default() });
        }
        keys.extend(found);
    }
    let mut seen = HashSet::new();
    keys.retain(|key| seen.insert(key.clone()));
    keys.truncate(MAX_TESTS);
    keys
}

/// A text that is not empty.
fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

impl ShownResult {
    fn of(past: PastResult, asked: &RunId) -> Self {
        let PastResult { run, number, branch, commit, at, result } = past;
        let StoredResult { outcome, status, duration_ms, attempts, error, location } = result;
        Self {
            current: run == *asked,
            run_id: run,
            number,
            outcome,
            status,
            duration_ms,
            attempts,
            error,
            location,
            at,
            branch,
            commit,
        }
    }
}

impl ShownComparison {
    fn of(run_id: RunId, run: Option<ComparedRun>, before: Option<ComparedRun>, mut found: RunComparison) -> Self {
        if before.is_none() {
            // Everything would be new.
            found = RunComparison { slowest: found.slowest, ..RunComparison::default() };
        }
        let elapsed = |run: &Option<ComparedRun>| {
            ShownSummary::read(run.as_ref().and_then(|run| run.summary.as_deref())).elapsed_ms
        };
        let has_ended = run.as_ref().and_then(|run| run.word).is_some_and(RunWord::is_final);
        let changes = |tests: Vec<ComparedTest>| tests.into_iter().map(ShownTestChange::of).collect();
        Self {
            run_id,
            elapsed_ms: ComparedElapsed { now: elapsed(&run), before: elapsed(&before) },
            counts: ComparedCounts {
                fixed: found.fixed_count,
                failing: found.failing_count,
                still_failing: found.still_failing_count,
                flaky: found.flaky_count,
            },
            fixed: changes(found.fixed),
            failing: changes(found.failing),
            flaky: changes(found.flaky),
            added: found.added,
            removed: Some(found.removed).filter(|_| has_ended),
            slowest: found.slowest.into_iter().map(ShownSlowTest::of).collect(),
            with: before.map(|before| ShownRunBefore {
                run_id: before.run,
                number: before.number,
                branch: before.branch,
                commit: before.commit,
                word: before.word,
                created_at: before.created_at,
                ended_at: before.ended_at,
            }),
        }
    }
}

impl ShownTestChange {
    fn of(test: ComparedTest) -> Self {
        let ComparedTest { test: TestKey { test_id, variant }, title, project, error, .. } = test;
        Self { test_id, variant: given(variant), title, project, error }
    }
}

impl ShownSlowTest {
    fn of(test: ComparedTest) -> Self {
        let ComparedTest { test: TestKey { test_id, variant }, title, project, duration_ms, before_ms, .. } = test;
        Self { test_id, variant: given(variant), title, project, duration_ms, before: before_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(test_id: &str, variant: Option<&str>) -> AskedTest {
        AskedTest { test_id: test_id.into(), variant: variant.map(str::to_owned) }
    }

    fn key(test_id: &str, variant: &str) -> TestKey {
        TestKey { test_id: test_id.into(), variant: variant.into() }
    }

    #[test]
    fn a_test_without_a_variant_is_asked_for_in_all_that_the_run_has() {
        let variants = [key("a", "linux"), key("a", "mac"), key("b", "linux")];
        let found = keys(vec![asked("a", None), asked("b", Some("")), asked("c", None), asked("a", None)], &variants);
        assert_eq!(found, [key("a", "linux"), key("a", "mac"), key("b", ""), key("c", "")]);
        let many = (0..60).map(|n| asked(&n.to_string(), Some(""))).collect();
        assert_eq!(keys(many, &[]).len(), MAX_TESTS);
    }

    #[test]
    fn a_run_without_another_to_compare_with_has_only_its_slowest_tests() {
        let test = ComparedTest {
            test: key("a", ""),
            title: None,
            project: None,
            error: None,
            duration_ms: Some(5),
            before_ms: None,
        };
        let found = RunComparison { failing_count: 3, added: 3, slowest: vec![test], ..RunComparison::default() };
        let shown = ShownComparison::of(RunId::parse("r").unwrap(), None, None, found);
        let shown = serde_json::to_value(shown).unwrap();
        assert_eq!((&shown["with"], &shown["counts"]["failing"], &shown["added"]), (&().into(), &0.into(), &0.into()));
        assert_eq!((&shown["removed"], &shown["slowest"][0]["durationMs"]), (&().into(), &5.into()));
    }
}
