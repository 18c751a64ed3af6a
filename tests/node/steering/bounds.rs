//! What clients can do without end has an end: commands of a run, claims of nothing, workers that acknowledge nothing,
//! long polls, cursors that are not there yet.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{claim, command, given, id, join, logged, polled, post, said, types, watch};
use crate::support::{SOON, TestNode, eventually};

const KEY: &str = "000102030405060708090a0b0c0d0e0f";
const UNLIMITED: [(&str, &str); 2] =
    [("RUNCAST__CONTROL__COMMANDS_PER_SEC", "10000"), ("RUNCAST__CONTROL__COMMAND_BURST", "100000")];

#[tokio::test]
async fn a_run_whose_commands_are_used_up_goes_on_and_can_be_ended() {
    const MOST: usize = 300;
    let settings = [&UNLIMITED[..], &[("RUNCAST__CONTROL__MAX_EVENTS", "300")]].concat();
    let node = TestNode::start(&settings);
    join(&node, "r", &["w1"]).await;
    let first = given(&node, "r", "Ann", &json!({"type": "step"})).await["commandId"].as_str().unwrap().to_owned();
    let short = json!({"type": "ai_stuck", "askId": "q", "needs": "text", "expiresInSecs": 5});
    let long = json!({"type": "ai_stuck", "askId": "q2", "needs": "text"});
    post(&node, "r", "w1", 3, &[short, long]).await;
    let give = async |n: usize| {
        let mut socket = watch(&node, "r", &format!("viewer-{n}")).await;
        let (mut taken, mut refused) = (0, 0);
        for _ in 0..100 {
            let told = said(&mut socket, &json!({"type": "hold", "when": "failure"})).await;
            match told["code"].as_str() {
                None => taken += 1,
                Some("too_many_commands") => {
                    assert_eq!(told["details"]["maxEvents"], MOST, "{told}");
                    refused += 1;
                }
                Some(_) => panic!("{told}"),
            }
        }
        (taken, refused)
    };
    let counts = join_all((0..5).map(give)).await;
    let (taken, refused) = counts.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    assert_eq!((taken, refused), (MOST - 1, 500 - (MOST - 1)), "each is answered, {MOST} are taken");
    assert_eq!(logged(&node, "r", "hold_requested").await.len(), MOST - 1);

    // Whoever flooded it keeps nobody from stopping it and answering its questions.
    given(&node, "r", "Ben", &json!({"type": "pause"})).await;
    command(&node, "r", "Ben", &json!({"type": "pause"})).await.problem(429, "too_many_commands");
    given(&node, "r", "Ben", &json!({"type": "answer", "askId": "q2", "value": 1})).await;
    // Producers and the server are not counted.
    let claimed = claim(&node, "r", &first, "w1", KEY).await;
    assert_eq!(claimed.status, 200, "{claimed:?}");
    let done =
        json!({"type": "command_status", "commandId": first, "status": "done", "claim": claimed.json()["claim"]});
    assert!(post(&node, "r", "w1", 5, &[done]).await["ignored"].is_null());
    eventually!(logged(&node, "r", "ask_expired").await.len(), |count| *count == 1, SOON);
    let reply = node.post("/api/runs/r/finish", &[], r#"{"status":"failed"}"#).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(node.get_json("/api/runs/r").await["status"], "failed");
}

#[tokio::test]
async fn a_command_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() {
    let node = TestNode::start(&UNLIMITED);
    join(&node, "r", &["w1"]).await;
    let of = |bytes: usize| {
        let head = format!(r#"{{"commandId":"{}","type":"update_instructions","mode":"append","instructions":""#, id());
        format!("{head}{}\"}}", "x".repeat(bytes - head.len() - 2))
    };
    let headers = [("content-type", "application/json"), ("runcast-user", "Ann")];
    for (bytes, status) in [(16 * 1024, 202), (16 * 1024 + 1, 413), (1024 * 1024, 413)] {
        let body = of(bytes);
        assert_eq!(body.len(), bytes);
        let reply = node.post("/api/runs/r/commands", &headers, body).await;
        assert_eq!(reply.status, status, "{bytes}: {reply:?}");
        if status == 413 {
            reply.problem(413, "command_too_large");
        }
    }
    assert_eq!(logged(&node, "r", "instructions_updated").await.len(), 1);
}

#[tokio::test]
async fn a_run_that_is_not_there_is_told_and_not_made_by_whatever_is_asked_of_it() {
    let node = TestNode::start(&UNLIMITED);
    for wanted in [
        json!({"type": "take_control"}),
        json!({"type": "pause"}),
        json!({"type": "answer", "askId": "q", "value": 1}),
        json!({"type": "withdraw", "withdraws": id()}),
        json!({"type": "manual_action", "action": {"action": "fill", "secret": "hunter2"}}),
    ] {
        let reply = command(&node, "unborn", "Ann", &wanted).await;
        assert_eq!(reply.status, 404, "{wanted}: {reply:?}");
        reply.problem(404, "run_not_found");
    }
    claim(&node, "unborn", &id(), "w1", KEY).await.problem(404, "run_not_found");
    node.post("/api/runs/unborn/finish", &[], "").await.problem(404, "run_not_found");
    for n in 0..500 {
        let reply = node.post(&format!("/api/runs/never-{n}/alive"), &[("runcast-producer", "w1")], "").await;
        assert!(matches!(reply.status, 204 | 404), "{reply:?}");
    }
    let told = node.get("/api/runs/unborn/commands?wait=1").await;
    assert!(matches!(told.status, 200 | 404), "{told:?}");
    assert_eq!(node.get("/api/runs/unborn").await.status, 404);
    assert_eq!(node.get_json("/api/runs").await["runs"], json!([]));
}

#[tokio::test]
async fn claims_of_what_is_not_there_leave_nothing_behind() {
    let node = TestNode::start(&UNLIMITED);
    join(&node, "r", &["w1"]).await;
    given(&node, "r", "Ann", &json!({"type": "pause"})).await;
    let (before, tip) = (node.resident_bytes(), node.stored("r").await.len());
    for round in 0..40 {
        let claims = (0..50).map(async |n| {
            let unknown = if n % 2 == 0 { id() } else { format!("{round}-{n}-{}", "x".repeat(200)) };
            claim(&node, "r", &unknown, "w1", KEY).await.problem(404, "command_unknown");
        });
        join_all(claims).await;
    }
    let grown = node.resident_bytes().saturating_sub(before);
    assert!(grown < 16 * 1024 * 1024, "2,000 claims of nothing cost {grown} bytes");
    assert_eq!(node.stored("r").await.len(), tip);
}

#[tokio::test]
async fn the_secret_of_a_command_that_is_refused_takes_no_place() {
    // So many commands may take longer than control lasts without a sign of life.
    let lasting = [("RUNCAST__CONTROL__LEASE_SECS", "3600"), ("RUNCAST__CONTROL__LEASE_SOCKET_SECS", "3600")];
    let node = TestNode::start(&[UNLIMITED, lasting].concat());
    join(&node, "r", &["w1"]).await;
    given(&node, "r", "Ann", &json!({"type": "take_control"})).await;
    // More than a node keeps.
    let fill = json!({"type": "manual_action", "action": {"action": "fill", "secret": "x".repeat(8_000)}});
    for round in 0..84 {
        let refused = (0..50).map(async |n| {
            let (run, code) = if n % 2 == 0 { ("unborn", "run_not_found") } else { ("r", "lease_held") };
            let reply = command(&node, run, &format!("Ben-{round}-{n}"), &fill).await;
            assert_eq!(reply.json()["code"], code, "{reply:?}");
        });
        join_all(refused).await;
    }
    given(&node, "r", "Ann", &fill).await;
}

#[tokio::test]
async fn a_worker_that_acknowledges_nothing_is_told_little_each_time() {
    let node = TestNode::start(&UNLIMITED);
    join(&node, "r", &["w1"]).await;
    for _ in 0..200 {
        let action = json!({"action": "fill", "selector": "#a", "value": "x".repeat(2_000)});
        given(&node, "r", "Ann", &json!({"type": "manual_action", "action": action})).await;
    }
    let before = node.resident_bytes();
    for n in 0..100 {
        let lines = [json!({"type": "log", "n": n}).to_string()];
        let n = (3 + n).to_string();
        let headers = [("runcast-producer", "w1"), ("runcast-producer-seq", n.as_str())];
        let reply = node.post_ndjson("r", &lines, &headers).await;
        assert_eq!((reply.status, reply.json()["moreCommands"] == true), (202, true), "{reply:?}");
        assert!(reply.text.len() < 8 * 1024, "{} bytes", reply.text.len());
        let told = node.get_with("/api/runs/r/commands", &[("runcast-producer", "w1")]).await;
        assert!(told.text.len() < 70 * 1024 && told.json()["moreCommands"] == true, "{} bytes", told.text.len());
    }
    let grown = node.resident_bytes().saturating_sub(before);
    assert!(grown < 32 * 1024 * 1024, "answers that are not acknowledged cost {grown} bytes");
    // It can go through all of them by acknowledging.
    let (mut after, mut seen) = (String::new(), 0);
    loop {
        let told = polled(&node, "r", "w1", &format!("after={after}")).await;
        seen += types(&told).len();
        after = told["cursor"].as_str().unwrap().to_owned();
        if told["moreCommands"] != true {
            break;
        }
    }
    assert_eq!(seen, 200);
}

#[tokio::test]
async fn a_thousand_long_polls_cost_little_and_all_hear_of_the_command() {
    let node = TestNode::start(&UNLIMITED);
    join(&node, "r", &["w1"]).await;
    let after = given(&node, "r", "Ann", &json!({"type": "hold", "when": "never"})).await;
    let path = format!("/api/runs/r/commands?wait=25&after={}", after["cursor"].as_str().unwrap());
    let before = node.resident_bytes();
    let waiting = join_all((0..1_000).map(|_| node.get_with(&path, &[("runcast-producer", "w1")])));
    let waking = async {
        let connections = async || node.get_json("/api/runs/r").await["commands"].as_array().unwrap().len();
        let begun = Instant::now();
        eventually!(connections().await, |_| begun.elapsed() > Duration::from_secs(3), SOON);
        let grown = node.resident_bytes().saturating_sub(before);
        given(&node, "r", "Ann", &json!({"type": "pause"})).await;
        grown
    };
    let (polls, grown) = tokio::join!(waiting, waking);
    assert!(polls.iter().all(|poll| poll.status == 200 && types(&poll.json()) == ["pause_requested"]));
    assert!(grown < 200 * 1024 * 1024, "1,000 long polls hold {grown} bytes");
    eprintln!("1,000 long polls: {grown} bytes");
}

#[tokio::test]
async fn an_id_of_another_run_is_another_command() {
    let node = TestNode::start(&UNLIMITED);
    let wanted = json!({"type": "step", "commandId": id()});
    for run in ["a", "b"] {
        join(&node, run, &["w1"]).await;
        let answer = given(&node, run, "Ann", &wanted).await;
        assert_eq!(answer["state"], "queued", "{run}: {answer}");
    }
    let command = wanted["commandId"].as_str().unwrap();
    let claimed = claim(&node, "a", command, "w1", KEY).await.json();
    let report = json!({"type": "command_status", "commandId": command, "status": "done", "claim": claimed["claim"]});
    let answer = post(&node, "b", "w1", 3, std::slice::from_ref(&report)).await;
    assert_eq!(answer["ignored"], json!([command]), "a claim of another run says nothing: {answer}");
    assert!(post(&node, "a", "w1", 3, &[report]).await["ignored"].is_null());
    let states = async |run: &str| node.get_json(&format!("/api/runs/{run}")).await["commands"][0]["state"].clone();
    assert_eq!((states("a").await, states("b").await), (json!("done"), json!("queued")));
}

#[tokio::test]
async fn a_cursor_that_is_not_there_yet_is_answered_with_what_there_is() {
    let node = TestNode::start(&UNLIMITED);
    join(&node, "r", &["w1"]).await;
    let step = given(&node, "r", "Ann", &json!({"type": "step"})).await;
    let epoch = step["cursor"].as_str().unwrap().split_once(':').unwrap().0.to_owned();
    let later = epoch.parse::<u64>().unwrap() + 1_000_000;
    let futures = [
        format!("{epoch}:999999"),
        format!("{epoch}:18446744073709551615"),
        format!("{later}:1"),
        "18446744073709551615:18446744073709551615".to_owned(),
        "1:1".to_owned(),
    ];
    let mut n = 3;
    for future in &futures {
        let begun = Instant::now();
        let path = format!("/api/runs/r/commands?wait=1&after={future}");
        let told = node.get_with(&path, &[("runcast-producer", "w1")]).await;
        assert!(matches!(told.status, 200 | 400), "{future}: {told:?}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{future}: {:?}", begun.elapsed());
        if told.status == 200 {
            // Whatever it thinks that it has: it learns of the step, or stands at a cursor that is there.
            let told = told.json();
            let next = told["cursor"].as_str().unwrap_or_default().to_owned();
            assert!(types(&told) == ["step_requested"] || next == step["cursor"], "{future}: {told}");
        }
        let count = n.to_string();
        let headers = [
            ("runcast-producer", "w1"),
            ("runcast-producer-seq", count.as_str()),
            ("runcast-commands-after", future.as_str()),
        ];
        let reply = node.post_ndjson("r", &[json!({"type": "log"}).to_string()], &headers).await;
        assert!(matches!(reply.status, 202 | 400), "{future}: {reply:?}");
        n += u64::from(reply.status == 202);
        let reply = command(&node, "r", "Ann", &json!({"type": "resume", "lease": future})).await;
        assert!(matches!(reply.status, 400 | 409), "{future}: {reply:?}");
        let report =
            json!({"type": "command_status", "commandId": step["commandId"], "status": "done", "claim": future});
        let answer = post(&node, "r", "w1", n, &[report]).await;
        assert_eq!(answer["ignored"], json!([step["commandId"]]), "{future}: {answer}");
        n += 1;
    }
    let state: Value = node.get_json("/api/runs/r").await["commands"][0]["state"].clone();
    assert_eq!(state, "queued");
}

#[tokio::test]
async fn thousands_of_open_commands_cost_bounded_memory_and_slow_no_other_run() {
    const OPEN: usize = 2_000;
    let node = TestNode::start(&UNLIMITED);
    join(&node, "r", &["w1"]).await;
    join(&node, "other", &["w1"]).await;
    let before = node.resident_bytes();
    let begun = Instant::now();
    let give = async |n: usize| {
        let mut socket = watch(&node, "r", &format!("viewer-{n}")).await;
        for _ in 0..OPEN / 20 {
            let told = said(&mut socket, &json!({"type": "step", "expiresInSecs": 3600})).await;
            assert_eq!(told["state"], "queued", "{told}");
        }
    };
    let giving = async {
        join_all((0..20).map(give)).await;
        begun.elapsed()
    };
    let posting = async {
        let mut longest = Duration::ZERO;
        for n in 3..203 {
            let begun = Instant::now();
            post(&node, "other", "w1", n, &[json!({"type": "log"})]).await;
            longest = longest.max(begun.elapsed());
        }
        longest
    };
    let (given, longest) = tokio::join!(giving, posting);
    let grown = node.resident_bytes().saturating_sub(before);
    let open = polled(&node, "r", "w1", "").await;
    assert_eq!(open["moreCommands"], true);
    let begun = Instant::now();
    let first = open["commands"][0]["event"]["commandId"].as_str().unwrap();
    assert_eq!(claim(&node, "r", first, "w1", KEY).await.status, 200);
    let claimed = begun.elapsed();
    eprintln!(
        "{OPEN} open commands: given in {given:?}, {grown} bytes; longest post elsewhere {longest:?}; a claim {claimed:?}"
    );
    assert!(longest < Duration::from_secs(5), "a post to another run took {longest:?}");
    assert!(grown < 64 * 1024 * 1024, "{OPEN} open commands hold {grown} bytes");
}
