//! Steering across versions: a command is given to one, and its worker asks the other.

use serde_json::{Value, json};

use super::support::{Site, Viewer, soon};
use super::{both_ways, mixed};

const WORKER: (&str, &str) = ("runcast-producer", "w1");
const KEY: (&str, &str) = ("runcast-claim-key", "000102030405060708090a0b0c0d0e0f");

async fn post(node: &Site, run: &str, n: u64, event: Value) -> Value {
    let n = n.to_string();
    let reply = node.post_ndjson(run, &[event.to_string()], &[WORKER, ("runcast-producer-seq", &n)]).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.json()
}

async fn give(node: &Site, run: &str, command: Value) -> Value {
    let headers = [("content-type", "application/json"), ("runcast-user", "Ann")];
    let reply = node.post(&format!("/api/runs/{run}/commands"), &headers, command.to_string()).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.json()
}

/// The first command that the worker hears of. A poll also ends, with none, when the hints change.
async fn polled(node: &Site, run: &str) -> Value {
    let commands = format!("/api/runs/{run}/commands");
    let mut page = node.get_with(&commands, &[WORKER]).await.json();
    soon("a command", async {
        while page["commands"][0].is_null() {
            let after = page["cursor"].as_str().unwrap();
            page = node.get_with(&format!("{commands}?wait=15&after={after}"), &[WORKER]).await.json();
        }
        page["commands"][0].clone()
    })
    .await
}

#[tokio::test]
async fn a_command_given_to_one_version_is_polled_claimed_and_reported_at_the_other() {
    let objects = tempfile::tempdir().unwrap();
    let cluster = mixed(objects.path()).await;
    for (here, there, run) in both_ways(&cluster) {
        post(there, run, 1, json!({"type": "worker", "state": "joined"})).await;
        let commands = format!("/api/runs/{run}/commands");
        let fill = json!({"action": "fill", "selector": "#a", "secret": "hunter2"});
        let (polled, given) =
            tokio::join!(polled(there, run), give(here, run, json!({"type": "manual_action", "action": fill})));
        let wanted = given["commandId"].as_str().unwrap();
        assert_eq!(polled["event"]["commandId"], wanted, "{polled}");

        // The secret was sealed by the version that took it. The claim is one, whoever is asked for it.
        let claim = format!("{commands}/{wanted}/claim");
        let won = there.post(&claim, &[WORKER, KEY], "").await;
        assert_eq!((won.status, &won.json()["secret"]), (200, &json!("hunter2")), "{won:?}");
        assert_eq!(here.post(&claim, &[WORKER, KEY], "").await.json(), won.json());

        let report = json!({
            "type": "command_status", "commandId": wanted, "status": "done", "claim": won.json()["claim"],
        });
        let answer = post(there, run, 2, report).await;
        assert!(answer["ignored"].is_null(), "{answer}");
        for node in [here, there] {
            let state = node.get_json(&format!("/api/runs/{run}")).await;
            assert_eq!(state["commands"][0]["state"], "done", "{state}");
        }
    }
}

#[tokio::test]
async fn a_pause_at_one_version_is_told_to_viewers_of_the_other_and_ended_there() {
    let objects = tempfile::tempdir().unwrap();
    let cluster = mixed(objects.path()).await;
    for (here, there, run) in both_ways(&cluster) {
        post(there, run, 1, json!({"type": "worker", "state": "joined"})).await;
        let mut viewer = Viewer::join(there, run).await;
        let paused = async |node: &Site| node.get_json(&format!("/api/runs/{run}")).await["control"].clone();
        for (n, (kind, node)) in (2..).zip([("pause", here), ("resume", there)]) {
            let given = give(node, run, json!({"type": kind})).await;
            let report = json!({"type": "command_status", "commandId": given["commandId"], "status": "done"});
            post(there, run, n, report).await;
            assert_eq!(paused(here).await, paused(there).await);
        }
        viewer.until_events(5).await;
        assert_eq!(viewer.texts().iter().filter(|text| text.contains("\"Ann\"")).count(), 2, "{:?}", viewer.texts());
    }
}

#[tokio::test]
async fn a_question_asked_at_one_version_is_answered_at_the_other() {
    let objects = tempfile::tempdir().unwrap();
    let cluster = mixed(objects.path()).await;
    for (here, there, run) in both_ways(&cluster) {
        post(here, run, 1, json!({"type": "worker", "state": "joined"})).await;
        let question = json!({"type": "ai_stuck", "askId": "q1", "needs": "text", "message": "Which one?"});
        let answer = post(here, run, 2, question).await;
        assert!(answer["ignored"].is_null(), "{answer}");
        let asks = there.get_json(&format!("/api/runs/{run}")).await["asks"].clone();
        assert_eq!(asks[0]["askId"], "q1", "{asks}");
        give(there, run, json!({"type": "answer", "askId": "q1", "value": "the left one"})).await;
        let polled = here.get_with(&format!("/api/runs/{run}/commands"), &[WORKER]).await.json();
        assert!(polled["commands"].to_string().contains("the left one"), "{polled}");
    }
}
