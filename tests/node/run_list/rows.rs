//! What the rows say, and how runs are found.

use super::{QUICK, find, quick, row, shop, status, store, test};
use crate::support::{SOON, TestNode, WallClock, eventually};
use serde_json::{Value, json};

#[tokio::test]
async fn a_row_says_how_its_run_stands_from_the_beginning_to_the_end() {
    let node = quick();
    store(&node, "r", &[status("queued", shop(7, "main"))]).await;
    let waiting = row(&node, "r", |row| row["word"] == "waiting" && !row["meta"].is_null()).await;
    assert_eq!((&waiting["meta"]["number"], &waiting["total"], &waiting["workers"]), (&7.into(), &3.into(), &2.into()));
    assert!(waiting["startedAt"].is_null() && waiting["firstError"].is_null(), "{waiting}");
    store(&node, "r", &[status("running", Value::Null), test("a", "passed", 0), test("b", "running", 0)]).await;
    let running = row(&node, "r", |row| row["counts"]["passed"] == 1).await;
    assert_eq!(
        (&running["word"], &running["status"], &running["events"]),
        (&"running".into(), &"running".into(), &4.into())
    );
    assert!(running["startedAt"].is_string() && running["endedAt"].is_null(), "{running}");
    store(&node, "r", &[test("b", "failed", 0)]).await;
    let failing = row(&node, "r", |row| row["word"] == "failing").await;
    let error = json!({"testId": "b", "title": "shop › b", "message": "expect(locator).toBeVisible() failed"});
    assert_eq!((&failing["firstError"], &failing["outcomes"]["unexpected"]), (&error, &1.into()));
    store(&node, "r", &[test("b", "passed", 1)]).await;
    row(&node, "r", |row| row["word"] == "running" && row["outcomes"]["flaky"] == 1).await;
    store(&node, "r", &[status("passed", Value::Null)]).await;
    let passed = row(&node, "r", |row| row["word"] == "passed" && !row["endedAt"].is_null()).await;
    assert!(passed["elapsedMs"].as_i64().is_some() && passed["firstError"].is_null(), "{passed}");
    assert_eq!(passed["meta"]["labels"], json!(["pr"]), "what was said at the beginning");
}

#[tokio::test]
async fn a_row_says_what_is_asked_and_who_has_paused() {
    let node = quick();
    let worker = [("runcast-producer", "w"), ("runcast-producer-seq", "1"), ("content-type", "application/x-ndjson")];
    let joined = json!({"type": "worker", "state": "joined"}).to_string();
    let ask = |id: &str, secs: u64, text: &str| {
        json!({"type": "ai_stuck", "askId": id, "needs": "text", "expiresInSecs": secs, "message": text}).to_string()
    };
    let lines =
        [joined, status("running", Value::Null).to_string(), ask("late", 500, "Later?"), ask("q", 60, "Which field?")];
    assert_eq!(node.post("/api/runs/r/events", &worker, lines.join("\n")).await.status, 202);
    let asked = row(&node, "r", |row| row["word"] == "needs_you" && row["ask"]["question"] == "Which field?").await;
    assert!(
        asked["ask"]["expiresAt"].is_string() && asked["ask"]["askId"] == "q" && asked["paused"].is_null(),
        "{asked}"
    );
    let command = async |command: Value| {
        let headers = [("content-type", "application/json"), ("runcast-user", "Ada")];
        let reply = node.post("/api/runs/r/commands", &headers, command.to_string()).await;
        assert_eq!(reply.status, 202, "{reply:?}");
    };
    for id in ["q", "late"] {
        command(json!({"type": "answer", "askId": id, "value": "VAT"})).await;
    }
    row(&node, "r", |row| row["word"] == "running" && row["ask"].is_null()).await;
    command(json!({"type": "pause"})).await;
    let paused = row(&node, "r", |row| row["word"] == "paused").await;
    assert_eq!(paused["paused"]["by"]["name"], "Ada", "{paused}");
    assert!(paused["paused"]["until"].is_string(), "{paused}");
    command(json!({"type": "resume"})).await;
    row(&node, "r", |row| row["word"] == "running" && row["paused"].is_null()).await;
}

#[tokio::test]
async fn runs_are_found_by_what_their_rows_say_and_counted_per_group() {
    let node = quick();
    for (run, word, number, branch, id) in [
        ("first", "passed", 1, "main", "passed"),
        ("second", "failed", 2, "fix/refunds", "failed"),
        ("third", "running", 3, "main", "passed"),
    ] {
        store(&node, run, &[status("running", shop(number, branch)), test("t", id, 0), status(word, Value::Null)])
            .await;
        row(&node, run, |row| row["word"] == word && !row["meta"].is_null()).await;
    }
    let found = async |query: &str| {
        let list = node.get_json(&format!("/api/runs?{query}")).await;
        let runs = list["runs"].as_array().unwrap().iter();
        runs.map(|row| row["runId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (query, want) in [
        ("status=failed,running", &["third", "second"][..]),
        ("group=passed", &["first"]),
        ("q=%231", &["first"]),
        ("q=REFUNDS+half", &["third", "second", "first"]),
        ("q=fix", &["second"]),
        ("branch=main", &["third", "first"]),
        ("author=ada", &["third", "second", "first"]),
        ("author=shop", &[]),
        ("project=shop&label=pr&since=1h", &["third", "second", "first"]),
        ("project=api", &[]),
        ("since=2999-01-01T00:00:00Z", &[]),
        ("branch=main&limit=1", &["third"]),
    ] {
        assert_eq!(found(query).await, want, "{query}");
    }
    let page = node.get_json("/api/runs?branch=main&limit=1").await;
    let groups = json!({"all": 2, "needsYou": 0, "running": 1, "failed": 0, "flaky": 0, "passed": 1, "cancelled": 0});
    assert_eq!((&page["groups"], &page["projects"], &page["more"]), (&groups, &json!(["shop"]), &true.into()));
    let next =
        node.get_json(&format!("/api/runs?branch=main&limit=1&cursor={}", page["cursor"].as_str().unwrap())).await;
    assert_eq!((&next["runs"][0]["runId"], next.get("groups")), (&"first".into(), None), "the first page had them");
    for (query, code) in [
        ("status=done", "invalid_status"),
        ("group=done", "invalid_group"),
        ("since=soon", "invalid_since"),
        ("groups=2", "invalid_groups"),
        ("odd=parameter", "unknown_parameter"),
    ] {
        node.get(&format!("/api/runs?{query}")).await.problem(400, code);
    }
}

#[tokio::test]
async fn a_summary_that_a_killed_node_did_not_write_is_written_after_its_restart() {
    // No summary is written before the node is killed.
    let mut node = TestNode::start(&[("RUNCAST__CATALOG__SUMMARY_MS", "60000")]);
    store(&node, "early", &[status("running", shop(1, "main"))]).await;
    row(&node, "early", |row| !row["meta"].is_null()).await;
    store(&node, "early", &[test("a", "failed", 0), json!({"type": "log", "message": "x"})]).await;
    eventually!(find(&node, "early").await, |row| row["events"] == 3, SOON);
    assert_eq!(find(&node, "early").await["counts"]["failed"], 0);
    node.kill9();
    node.restart_with(&QUICK);
    let row = row(&node, "early", |row| row["counts"]["failed"] == 1).await;
    assert_eq!((&row["word"], &row["firstError"]["testId"]), (&"failing".into(), &"a".into()));
    assert_eq!(
        node.get_json("/api/runs/early/history?test=a").await["tests"][0]["results"][0]["outcome"],
        "unexpected"
    );
}

#[tokio::test]
async fn a_long_log_and_hostile_texts_are_summed_up_too() {
    let node = quick();
    let lines: Vec<_> = (0..20).map(|_| json!({"type": "log", "message": "x".repeat(200_000)})).collect();
    for _ in 0..3 {
        store(&node, "long", &lines).await;
    }
    let title = format!("{}\u{0}\u{202e}<script>", "\u{1b}[31m".repeat(3));
    let meta = json!({"project": title, "branch": "\u{0}", "labels": ["\n", ""], "number": u64::MAX});
    let odd = json!({"type": "test_status", "testId": "a\u{0}b", "status": "failed", "data": {"title": title, "durationMs": 1e300}});
    store(&node, "long", &[status("running", meta), odd]).await;
    let row = row(&node, "long", |row| row["word"] == "failing").await;
    assert_eq!((&row["events"], &row["firstError"]["title"]), (&62.into(), &"\u{202e}<script>".into()), "{row}");
    let history = node.get_json("/api/runs/long/history?test=a%00b").await;
    assert_eq!(history["tests"][0]["results"].as_array().unwrap().len(), 1, "{history}");
}

#[tokio::test]
async fn a_run_that_is_lost_says_so_in_its_row_and_is_among_the_failed() {
    let clock = WallClock::new();
    let environment = clock.environment();
    let by_clock: Vec<_> = environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let mut node = TestNode::start(&[&QUICK[..], &by_clock, &[("RUNCAST__JOURNAL__SWEEP_SECS", "1")]].concat());
    node.may_report();
    store(&node, "r", &[status("running", shop(7, "main")), test("t", "passed", 0)]).await;
    row(&node, "r", |row| row["word"] == "running" && row["counts"]["passed"] == 1).await;
    clock.set("+8d");
    eventually!(node.get_json("/ready").await["warnings"].to_string(), |told| told.contains("jumped"), SOON);
    node.signal(rustix::process::Signal::USR1);
    let lost = row(&node, "r", |row| row["word"] == "lost" && !row["endedAt"].is_null()).await;
    assert_eq!((&lost["status"], &lost["events"], &lost["meta"]["number"]), (&"lost".into(), &3.into(), &7.into()));
    let failed = node.get_json("/api/runs?group=failed").await;
    assert_eq!((&failed["groups"]["failed"], &failed["runs"][0]["runId"]), (&1.into(), &"r".into()));
}
