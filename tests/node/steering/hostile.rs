//! Commands and questions whose texts, numbers and depths are chosen to break something: each is answered, nothing
//! panics, and what is stored can be read by everybody.

use serde_json::{Value, json};

use super::{id, join, post, watch};
use crate::support::{Op, Reply, TestNode, Viewer, soon};

const UNLIMITED: [(&str, &str); 2] =
    [("RUNCAST__CONTROL__COMMANDS_PER_SEC", "10000"), ("RUNCAST__CONTROL__COMMAND_BURST", "100000")];

/// JSON values as text, for a member that may be anything.
fn hostile() -> Vec<String> {
    let digits = "9".repeat(10_000);
    let mut values: Vec<String> = [
        r#""<script>alert(1)</script><img src=x onerror=alert(1)>""#,
        r#""\u0000\u0001\u001b[2J\u007f\u0085\u2028\u2029\ufeff""#,
        r#""\r\n\r\nHTTP/1.1 200 OK\r\n""#,
        r#""\ud800""#,
        r#""\udc00 \ud800x \udbff\udfff""#,
        r#""'; DROP TABLE runs; --""#,
        r#""../../../etc/passwd""#,
        r#""%00%0a{{7*7}}${7*7}""#,
        r#""\u202eevil""#,
        r#""""#,
        "null",
        "true",
        "-0",
        "-1",
        "1e400",
        "-1e-400",
        "18446744073709551616",
        "0.1000000000000000055511151231257827",
        "[]",
        "{}",
        r#"{"":"","a":1,"a":2}"#,
        r#"{"\ud800":1}"#,
    ]
    .map(str::to_owned)
    .to_vec();
    values.push(digits.clone());
    values.push(format!("0.{digits}"));
    values.push(format!("1e{digits}"));
    values.push(format!("{}{}", "[".repeat(7_000), "]".repeat(7_000)));
    values.push(format!("{}1{}", r#"{"a":"#.repeat(2_000), "}".repeat(2_000)));
    values.push(format!("{}1{}", "[".repeat(100), "]".repeat(100)));
    values.push(format!("{:?}", "x".repeat(15_000)));
    values
}

/// Commands as text, with `$` for the value.
const COMMANDS: [&str; 34] = [
    r#"{"type":$}"#,
    r#"{"type":"pause","commandId":$}"#,
    r#"{"type":"pause","lease":$}"#,
    r#"{"type":"pause","maxSecs":$}"#,
    r#"{"type":"pause","now":$}"#,
    r#"{"type":"pause","expect":$}"#,
    r#"{"type":"pause","expect":{"testId":$}}"#,
    r#"{"type":"pause","expect":{"status":$}}"#,
    r#"{"type":"pause","expect":{"askId":$}}"#,
    r#"{"type":"pause","expect":{"stepNumber":$}}"#,
    r#"{"type":"pause","target":$}"#,
    r#"{"type":"pause","target":{"producer":$}}"#,
    r#"{"type":"resume","target":{"slot":{"producer":"w1","slot":$}}}"#,
    r#"{"type":"cancel","testId":$}"#,
    r#"{"type":"cancel","testId":"t","reason":$}"#,
    r#"{"type":"hold","when":$}"#,
    r#"{"type":"update_instructions","mode":"append","instructions":$}"#,
    r#"{"type":"update_instructions","mode":$,"instructions":"x"}"#,
    r#"{"type":"step","expiresInSecs":$}"#,
    r#"{"type":"step","target":{"testId":$}}"#,
    r#"{"type":"run_to","location":$}"#,
    r#"{"type":"manual_action","action":$}"#,
    r#"{"type":"manual_action","action":{"action":"click","selector":$}}"#,
    r#"{"type":"manual_action","action":{"action":"click","point":{"x":$,"y":1}}}"#,
    r#"{"type":"manual_action","action":{"action":"fill","value":$}}"#,
    r#"{"type":"manual_action","action":{"action":"fill","secret":$}}"#,
    r#"{"type":"step_override","action":{"type":"replace","with":$}}"#,
    r#"{"type":"replay_step","stepId":$}"#,
    r#"{"type":"answer","askId":$,"value":1}"#,
    r#"{"type":"answer","askId":"open","value":$}"#,
    r#"{"type":"answer","askId":"open","candidateId":$}"#,
    r#"{"type":"extend","askId":"open","secs":$}"#,
    r#"{"type":"withdraw","withdraws":$}"#,
    r#"{"type":"take_control","steal":$}"#,
];

/// A question of a producer, with `$` for the value.
const ASKS: [&str; 14] = [
    r#"{"type":"ai_stuck","askId":$,"needs":"text"}"#,
    r#"{"type":"ai_stuck","askId":"@","needs":$}"#,
    r#"{"type":"ai_stuck","askId":"@","needs":"text","message":$}"#,
    r#"{"type":"ai_stuck","askId":"@","needs":"text","summary":$,"goal":$}"#,
    r#"{"type":"ai_stuck","askId":"@","needs":"text","attempts":$,"lastError":$}"#,
    r#"{"type":"ai_stuck","askId":"@","needs":"choice","candidates":$}"#,
    r#"{"type":"ai_stuck","askId":"@","needs":"choice","candidates":[{"id":$,"label":"x"}]}"#,
    r#"{"type":"ai_stuck","askId":"@","needs":"choice","candidates":[{"id":"c","label":$,"selector":$,"box":$}]}"#,
    r#"{"type":"ai_stuck","askId":"@","needs":"text","responseSchema":$}"#,
    r#"{"type":"ai_stuck","askId":"@","needs":"text","screenshot":$,"url":$}"#,
    r#"{"type":"ai_stuck","askId":"@","needs":"text","expiresInSecs":$}"#,
    r#"{"type":"ai_stuck","askId":"@","needs":"text","onTimeout":$}"#,
    r#"{"type":"ai_stuck","askId":"@","needs":"text","onTimeout":{"action":$}}"#,
    r#"{"type":"ai_stuck","askId":"@","needs":"text","onTimeout":{"action":"skip","value":$}}"#,
];

/// Reports and announcements of a producer, with `$` for the value.
const REPORTS: [&str; 7] = [
    r#"{"type":"command_status","commandId":$,"status":"done"}"#,
    r#"{"type":"command_status","commandId":"c","status":$}"#,
    r#"{"type":"command_status","commandId":"c","status":"done","claim":$}"#,
    r#"{"type":"command_status","commandId":"c","status":"done","detail":$,"result":$}"#,
    r#"{"type":"worker","state":"joined","can":[$]}"#,
    r#"{"type":"worker","state":"joined","slots":$}"#,
    r#"{"type":"worker","state":"joined","variant":$}"#,
];

fn is_answered(reply: &Reply, what: &str) {
    assert!(matches!(reply.status, 202 | 400 | 404 | 409 | 413), "{what:.200}: {reply:?}");
    let answer = reply.json();
    assert!(reply.status == 202 || answer["code"].is_string(), "{what:.200}: {answer}");
}

#[tokio::test]
async fn whatever_stands_in_a_command_it_is_answered_and_everybody_can_read_what_is_stored() {
    let mut node = TestNode::start(&UNLIMITED);
    join(&node, "r", &["w1"]).await;
    post(&node, "r", "w1", 3, &[json!({"type": "ai_stuck", "askId": "open", "needs": "text"})]).await;
    let mut socket = watch(&node, "r", "Ann").await;
    let headers = [("content-type", "application/json"), ("runcast-user", "Ann")];
    let mut taken = 0;
    for value in hostile() {
        for command in COMMANDS {
            let command = command.replace('$', &value);
            let reply = node.post("/api/runs/r/commands", &headers, command.clone()).await;
            is_answered(&reply, &command);
            taken += usize::from(reply.status == 202);
            // A message that is too long closes its socket; that is tested elsewhere.
            if command.len() > 16 * 1024 {
                continue;
            }
            socket.say(Op::Text, command.as_bytes()).await;
            let told = soon("an answer", async {
                loop {
                    let message = socket.message().await;
                    assert!(message.is(Op::Text), "{command:.200}: {message:?}");
                    let kind = message.json()["type"].as_str().unwrap_or_default().to_owned();
                    if kind == "command" || kind == "error" {
                        return message.json();
                    }
                }
            })
            .await;
            assert!(told["code"].is_string() || told["state"].is_string(), "{command:.200}: {told}");
        }
    }
    eprintln!("{taken} hostile commands were taken");
    assert!(taken > 100, "they reach the log: {taken}");
    all_can_read(&mut node).await;
}

#[tokio::test]
async fn whatever_stands_in_a_question_or_a_report_it_is_answered_and_everybody_can_read_what_is_stored() {
    let mut node = TestNode::start(&UNLIMITED);
    join(&node, "r", &["w1", "w2"]).await;
    let (mut n, mut taken, mut number) = (3, 0, 0);
    for value in hostile() {
        for event in ASKS.iter().chain(&REPORTS) {
            number += 1;
            let event = event.replace('$', &value).replace('@', &format!("q{number}"));
            let count = n.to_string();
            let headers = [("runcast-producer", "w1"), ("runcast-producer-seq", count.as_str())];
            let reply = node.post_ndjson("r", std::slice::from_ref(&event), &headers).await;
            is_answered(&reply, &event);
            if reply.status == 202 {
                (n, taken) = (n + 1, taken + 1);
            }
        }
    }
    eprintln!("{taken} hostile questions and reports were taken");
    assert!(taken > 50, "they reach the log: {taken}");
    let view = node.get_json("/api/runs/r").await;
    assert!(!view["asks"].as_array().unwrap().is_empty());
    let asks: Vec<Value> = view["asks"].as_array().unwrap().iter().map(|ask| ask["askId"].clone()).collect();
    for ask in asks {
        let answer = json!({"type": "answer", "askId": ask, "value": "x", "commandId": id()}).to_string();
        let headers = [("content-type", "application/json"), ("runcast-user", "Ann")];
        is_answered(&node.post("/api/runs/r/commands", &headers, answer).await, "an answer");
    }
    all_can_read(&mut node).await;
}

/// The log is valid JSON for each reader, also after a restart, when it is folded anew.
async fn all_can_read(node: &mut TestNode) {
    let events = node.stored("r").await.len();
    let mut viewer = Viewer::join(node, "r").await;
    viewer.until_events(events).await;
    let pages = async |node: &TestNode| {
        let view = node.get_json("/api/runs/r").await;
        let worker = [("runcast-producer", "w1")];
        let told = node.get_with("/api/runs/r/commands", &worker).await;
        assert_eq!(told.status, 200, "{told:?}");
        (view["commands"].clone(), view["asks"].clone(), view["control"].clone(), told.json()["commands"].clone())
    };
    let before = pages(node).await;
    assert!(!node.log().contains("panicked"));
    let exit = node.terminate().await;
    exit.assert_clean(false);
    node.restart();
    let after = pages(node).await;
    assert_eq!((after.0, after.1, after.2), (before.0, before.1, before.2), "folded anew it is the same");
    let page = node.get("/runs/r").await;
    assert!(page.status == 200 && !page.text.contains("alert(1)"), "the page is not made of what runs say");
    assert!(node.stored("r").await.len() >= events);
}
