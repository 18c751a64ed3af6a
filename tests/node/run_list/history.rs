//! How tests ended before, and what has changed since the run before.

use super::{TestNode, quick, row, shop, status, store, test};
use crate::support::{SOON, eventually};
use serde_json::{Value, json};

/// Does a run with these tests to its end.
async fn finish(node: &TestNode, run: &str, number: u64, branch: &str, tests: &[Value], word: &str) {
    let events = [&[status("running", shop(number, branch))], tests, &[status(word, Value::Null)]].concat();
    store(node, run, &events).await;
    row(node, run, |row| row["word"] == word && !row["endedAt"].is_null()).await;
}

async fn results(node: &TestNode, run: &str, query: &str) -> Vec<Value> {
    let history = node.get_json(&format!("/api/runs/{run}/history?{query}")).await;
    history["tests"][0]["results"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_history_over_fifteen_runs_says_what_failed_before_and_goes_on_while_the_run_does() {
    let node = quick();
    for number in 1..=15 {
        let mut tests = match number % 5 {
            0 => vec![test("t", "failed", 0), test("t", "running", 1), test("t", "passed", 1)],
            _ => vec![test("t", "passed", 0)],
        };
        tests.push(test("other", if number > 13 { "failed" } else { "passed" }, 0));
        finish(&node, &format!("r{number:02}"), number, "main", &tests, "passed").await;
    }
    store(&node, "now", &[status("running", shop(16, "fix")), test("t", "running", 0)]).await;
    row(&node, "now", |row| row["counts"]["running"] == 1).await;
    let past = results(&node, "now", "test=t").await;
    assert_eq!(past.len(), 14);
    let numbers = |past: &[Value]| past.iter().map(|one| one["number"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(numbers(&past), (2..=15).collect::<Vec<_>>(), "the oldest first");
    let flaky: Vec<_> = past.iter().filter(|one| one["outcome"] == "flaky").collect();
    assert_eq!(flaky.iter().map(|one| one["number"].as_u64().unwrap()).collect::<Vec<_>>(), [5, 10, 15]);
    assert_eq!((&flaky[0]["attempts"], &flaky[0]["status"]), (&2.into(), &"passed".into()));
    assert_eq!(
        (&flaky[0]["error"], &flaky[0]["location"]),
        (&"expect(locator).toBeVisible() failed".into(), &"shop.spec.ts:4".into())
    );
    assert!(past.iter().all(|one| one["current"] == false && one["branch"] == "main"), "{past:?}");

    store(&node, "now", &[test("t", "failed", 0)]).await;
    let past = eventually!(results(&node, "now", "test=t").await, |past| past[13]["current"] == true, SOON);
    assert_eq!((numbers(&past), &past[13]["outcome"]), ((3..=16).collect(), &"unexpected".into()));
    store(&node, "now", &[test("t", "running", 1), test("t", "passed", 1)]).await;
    eventually!(results(&node, "now", "test=t").await, |past| past[13]["outcome"] == "flaky", SOON);
    let earlier = results(&node, "r03", "test=t").await;
    assert_eq!((numbers(&earlier), &earlier[2]["current"]), (vec![1, 2, 3], &true.into()));
    let two = node.get_json("/api/runs/r15/history?test=t&test=other&variant=&variant=linux").await;
    assert_eq!((&two["project"], &two["tests"][0]["variant"]), (&"shop".into(), &Value::Null));
    assert_eq!((&two["tests"][1]["variant"], &two["tests"][1]["results"]), (&"linux".into(), &json!([])));
}

#[tokio::test]
async fn a_run_is_compared_with_the_run_before_it_on_its_branch() {
    let node = quick();
    let old = [
        test("fixed", "failed", 0),
        test("broken", "passed", 0),
        test("still", "failed", 0),
        test("gone", "passed", 0),
    ];
    finish(&node, "old", 1, "main", &old, "failed").await;
    finish(&node, "elsewhere", 2, "fix", &[test("broken", "failed", 0)], "failed").await;
    let new = [
        test("fixed", "failed", 0),
        test("fixed", "running", 1),
        test("fixed", "passed", 1),
        test("broken", "failed", 0),
        test("still", "failed", 0),
        test("new", "passed", 0),
    ];
    store(&node, "new", &[&[status("running", shop(3, "main"))], &new[..]].concat()).await;
    let compared = async || node.get_json("/api/runs/new/compare").await;
    let found = eventually!(compared().await, |found| found["counts"]["flaky"] == 1 && found["added"] == 1, SOON);
    assert_eq!((&found["with"]["runId"], &found["with"]["number"]), (&"old".into(), &1.into()));
    assert_eq!(found["counts"], json!({"fixed": 1, "failing": 1, "stillFailing": 1, "flaky": 1}));
    let fixed = json!([{"testId": "fixed", "variant": null, "title": "shop › fixed", "project": null,
        "error": "expect(locator).toBeVisible() failed"}]);
    assert_eq!((&found["fixed"], &found["failing"][0]["testId"]), (&fixed, &"broken".into()));
    assert_eq!(found["removed"], Value::Null, "it may still come");
    assert_eq!((&found["slowest"][0]["durationMs"], found["slowest"].as_array().unwrap().len()), (&1500.into(), 4));
    store(&node, "new", &[status("failed", Value::Null)]).await;
    let found = eventually!(compared().await, |found| found["removed"] == 1, SOON);
    assert!(found["elapsedMs"]["now"].is_number() && found["elapsedMs"]["before"].is_number(), "{found}");
    let other = node.get_json("/api/runs/new/compare?with=elsewhere").await;
    assert_eq!((&other["with"]["branch"], &other["counts"]["stillFailing"]), (&"fix".into(), &1.into()));
    let first = node.get_json("/api/runs/old/compare").await;
    assert_eq!(
        (&first["with"], &first["counts"]["failing"], first["slowest"].as_array().unwrap().len()),
        (&Value::Null, &0.into(), 4)
    );
}

#[tokio::test]
async fn what_is_not_known_is_empty_and_what_is_wrong_is_named() {
    let node = quick();
    let empty = node.get_json("/api/runs/none/history?test=t").await;
    assert_eq!(
        empty,
        json!({"runId": "none", "project": "-", "tests": [{"testId": "t", "variant": null, "results": []}]})
    );
    let empty = node.get_json("/api/runs/none/compare").await;
    assert_eq!((&empty["with"], &empty["slowest"]), (&Value::Null, &json!([])));
    for (path, code) in [
        ("history", "invalid_test"),
        ("history?test=", "invalid_test"),
        ("history?test=a&test=b&variant=c", "invalid_variant"),
        ("compare?with=none", "invalid_with"),
        ("compare?with=a%20b", "invalid_with"),
    ] {
        node.get(&format!("/api/runs/none/{path}")).await.problem(400, code);
    }
    node.get("/api/runs/none/compare?with=other").await.problem(404, "run_not_found");
}

fn variant(test: &Value, variant: &str) -> Value {
    let mut test = test.clone();
    test["variant"] = variant.into();
    test
}

#[tokio::test]
async fn a_test_of_several_variants_has_a_history_in_each() {
    let node = quick();
    let both = |linux: &str, windows: &str| {
        [variant(&test("t", linux, 0), "linux"), variant(&test("t", windows, 0), "windows")]
    };
    finish(&node, "r1", 1, "main", &both("passed", "failed"), "failed").await;
    finish(&node, "r2", 2, "main", &both("passed", "passed"), "passed").await;
    finish(&node, "r3", 3, "main", &[variant(&test("t", "failed", 0), "linux")], "failed").await;
    let asked = async |run: &str, query: &str| {
        let history = node.get_json(&format!("/api/runs/{run}/history?{query}")).await;
        let tests = history["tests"].as_array().unwrap().iter();
        let outcomes = |one: &Value| {
            one["results"].as_array().unwrap().iter().map(|result| result["outcome"].clone()).collect::<Value>()
        };
        tests.map(|one| (one["variant"].clone(), outcomes(one))).collect::<Vec<_>>()
    };
    let linux = (json!("linux"), json!(["expected", "expected"]));
    let windows = (json!("windows"), json!(["unexpected", "expected"]));
    assert_eq!(asked("r2", "test=t").await, [linux.clone(), windows.clone()], "each that the run has");
    assert_eq!(asked("r2", "test=t&variant=windows").await, [windows]);
    let now = (json!("linux"), json!(["expected", "expected", "unexpected"]));
    assert_eq!(asked("r3", "test=t").await, [now]);
    let apart = (Value::Null, json!([]));
    assert_eq!(asked("r2", "test=t&test=t&variant=&variant=linux").await, [apart, linux]);
}
