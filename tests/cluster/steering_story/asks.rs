//! Questions of workers: each ends once, by an answer or by its time, and everybody is told how.

use futures_util::future::join;
use serde_json::{Value, json};

use super::cast::{Person, RUN, Worker, id, of_type, same_on_all, send};
use super::{REDIS, SETTINGS};
use crate::support::{Cluster, SOON, eventually};

fn question(ask: &str, secs: u64, on_timeout: &Value) -> Value {
    json!({
        "type": "ai_stuck", "askId": ask, "needs": "choice", "message": "Which button?", "expiresInSecs": secs,
        "candidates": [{"id": "save", "label": "Save"}, {"id": "close", "label": "Close"}], "onTimeout": on_timeout,
    })
}

#[tokio::test]
async fn a_question_is_answered_by_one_and_the_other_is_told_by_whom() {
    let cluster = Cluster::start_with(3, &REDIS, &SETTINGS).await;
    let nodes = &cluster.nodes;
    let mut worker = Worker::join(&nodes[2], 1, 1).await;
    let names = ["Ann", "Ben"];
    let mut people = [Person::at(&nodes[0], names[0]).await, Person::at(&nodes[1], names[1]).await];
    for round in 0..20 {
        let ask = format!("q{round}");
        worker.post(&nodes[2], &[question(&ask, 300, &json!({"action": "skip"}))]).await;
        let [ann, ben] = &mut people;
        let answers = ["save", "close"]
            .map(|candidate| json!({"type": "answer", "askId": ask, "candidateId": candidate, "commandId": id()}));
        let told = join(ann.say(&answers[0]), ben.say(&answers[1])).await;
        let told = [told.0, told.1];
        let won = told.iter().position(|answer| answer["code"].is_null()).unwrap_or_else(|| panic!("{told:?}"));
        let lost = &told[1 - won];
        assert_eq!(lost["code"], "already_answered", "{lost}");
        assert_eq!((&lost["details"]["by"]["name"], &lost["details"]["how"]), (&json!(names[won]), &json!("answered")));
        // Repeated, the one that won is the answer, wherever; the other stays refused.
        let again = send(&nodes[2], names[won], &answers[won]).await;
        assert_eq!((again.status, &again.json()["cursor"]), (202, &told[won]["cursor"]), "{again:?}");
        send(&nodes[2], names[1 - won], &answers[1 - won]).await.problem(409, "already_answered");
        let heard = worker.poll(&nodes[round % 3], 25).await;
        let [event] = &heard[..] else { panic!("one answer: {heard:?}") };
        assert_eq!((&event["askId"], &event["candidateId"]), (&json!(ask), &answers[won]["candidateId"]));
        assert_eq!(event["by"]["name"], names[won]);
    }
    let log = same_on_all(nodes).await;
    assert_eq!(of_type(&log, "ask_answered").len(), 20);
    assert!(of_type(&log, "ask_expired").is_empty());
}

#[tokio::test]
async fn a_question_without_an_answer_ends_as_it_announced_and_takes_none_afterwards() {
    let mut cluster = Cluster::start_with(3, &REDIS, &SETTINGS).await;
    let mut worker = Worker::join(&cluster.nodes[0], 1, 1).await;
    let asked = [
        question("skips", 5, &json!({"action": "skip"})),
        question("goes-on", 5, &json!({"action": "continue", "value": "save"})),
    ];
    worker.post(&cluster.nodes[0], &asked).await;
    // The node that took them is not needed for their end.
    cluster.nodes[0].kill9();
    let node = &cluster.nodes[1];
    let mut heard = worker.poll(node, 25).await;
    while heard.len() < 2 {
        heard.extend(worker.poll(node, 25).await);
    }
    heard.sort_by_key(|event| event["askId"].to_string());
    let how =
        ["askId", "type", "reason", "action", "value"].map(|member| heard.iter().map(move |event| &event[member]));
    let [ids, types, reasons, actions, values] = how.map(Iterator::collect::<Vec<_>>);
    assert_eq!(ids, ["goes-on", "skips"]);
    assert!(types.iter().all(|kind| *kind == "ask_expired") && reasons.iter().all(|reason| *reason == "timeout"));
    assert_eq!((actions, values), (vec![&json!("continue"), &json!("skip")], vec![&json!("save"), &Value::Null]));
    for node in &cluster.nodes[1..] {
        let late = json!({"type": "answer", "askId": "skips", "candidateId": "save"});
        let late = send(node, "Ann", &late).await;
        late.problem(409, "already_answered");
        assert_eq!(late.json()["how"], "expired", "{late:?}");
        eventually!(node.get_json(&format!("/api/runs/{RUN}")).await["asks"].clone(), |asks| *asks == json!([]), SOON);
    }
    let log = same_on_all(&cluster.nodes[1..]).await;
    assert_eq!(of_type(&log, "ask_expired").len(), 2, "once each");
}
