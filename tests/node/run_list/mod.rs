//! The list of runs by the real server: what its rows say while a run goes on, how runs are found, the history of their
//! tests, and the stream of changes.

use serde_json::{Value, json};

use crate::support::{SOON, Site, TestNode, eventually};

mod history;
mod rows;
mod stream;

/// Summaries, and looks for changes, come at once.
const QUICK: [(&str, &str); 2] = [("RUNCAST__CATALOG__SUMMARY_MS", "50"), ("RUNCAST__CATALOG__STREAM_MS", "50")];

fn quick() -> TestNode {
    TestNode::start(&QUICK)
}

async fn store(node: &Site, run: &str, events: &[Value]) {
    node.store(run, &events.iter().map(Value::to_string).collect::<Vec<_>>()).await;
}

fn status(status: &str, meta: Value) -> Value {
    json!({"type": "run_status", "status": status, "data": {"meta": meta, "total": 3, "workers": 2}})
}

fn test(id: &str, status: &str, attempt: u64) -> Value {
    let error =
        json!({"message": "expect(locator).toBeVisible() failed\n\nat shop.spec.ts:4", "location": "shop.spec.ts:4"});
    json!({"type": "test_status", "testId": id, "status": status,
        "data": {"title": ["shop", id], "attempt": attempt, "durationMs": 1500,
            "error": if status == "failed" { error } else { Value::Null }}})
}

fn shop(number: u64, branch: &str) -> Value {
    json!({"project": "shop", "number": number, "branch": branch, "commit": "9f3c21e", "author": "Ada",
        "title": "Round refunds half up", "labels": ["pr"]})
}

/// The row of a run, once it is as it is to be.
async fn row(node: &Site, run: &str, fits: impl Fn(&Value) -> bool) -> Value {
    eventually!(find(node, run).await, |row| fits(row), SOON)
}

async fn find(node: &Site, run: &str) -> Value {
    let list = node.get_json("/api/runs?limit=500&groups=0&projects=0").await;
    let mut runs = list["runs"].as_array().unwrap().iter();
    runs.find(|row| row["runId"] == run).cloned().unwrap_or_default()
}
