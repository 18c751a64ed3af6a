//! Steering over nodes: a command goes to one, its worker asks another.

use serde_json::json;

use crate::support::{Cluster, Site};

async fn post(node: &Site, producer: &str, n: u64, event: serde_json::Value) -> serde_json::Value {
    let n = n.to_string();
    let headers = [("runcast-producer", producer), ("runcast-producer-seq", n.as_str())];
    let reply = node.post_ndjson("r", &[event.to_string()], &headers).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.json()
}

#[tokio::test]
async fn a_command_given_to_one_node_is_polled_claimed_and_reported_on_another() {
    let settings = [("RUNCAST__OBJECTS__SIGNING_KEY", "a key of thirty-two characters..")];
    let mut cluster = Cluster::start_with(2, &[("appendonly", "yes"), ("appendfsync", "always")], &settings).await;
    let [first, second] = &cluster.nodes[..] else { panic!() };
    post(second, "w1", 1, json!({"type": "worker", "state": "joined"})).await;
    let worker = [("runcast-producer", "w1")];
    let begun = second.get_with("/api/runs/r/commands", &worker).await.json();
    let waiting = format!("/api/runs/r/commands?wait=25&after={}", begun["cursor"].as_str().unwrap());
    let headers = [("content-type", "application/json"), ("runcast-user", "Ann")];
    let command = json!({
        "type": "manual_action", "action": {"action": "fill", "selector": "#a", "secret": "hunter2"},
    });
    let (polled, given) = tokio::join!(
        second.get_with(&waiting, &worker),
        first.post("/api/runs/r/commands", &headers, command.to_string())
    );
    assert_eq!((given.status, polled.status), (202, 200), "{given:?} {polled:?}");
    let wanted = given.json()["commandId"].as_str().unwrap().to_owned();
    assert_eq!(polled.json()["commands"][0]["event"]["commandId"], *wanted, "{polled:?}");

    // Whoever asks whichever node, one gets it, and the secret with it.
    let keys = ["000102030405060708090a0b0c0d0e0f", "100102030405060708090a0b0c0d0e0f"];
    let path = format!("/api/runs/r/commands/{wanted}/claim");
    let claim = async |node: &Site, key: &str| node.post(&path, &[worker[0], ("runcast-claim-key", key)], "").await;
    let (a, b) = tokio::join!(claim(first, keys[0]), claim(second, keys[1]));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{a:?} {b:?}");
    let (won, key) = if a.status == 200 { (&a, keys[0]) } else { (&b, keys[1]) };
    assert_eq!(won.json()["secret"], "hunter2", "{won:?}");

    // The node that took the command goes: the claim is the same on the other.
    let last = cluster.nodes.remove(1);
    drop(cluster.nodes.remove(0));
    assert_eq!(claim(&last, key).await.json(), won.json());
    let claim = won.json()["claim"].clone();
    let report = json!({"type": "command_status", "commandId": wanted, "status": "done", "claim": claim});
    let answer = post(&last, "w1", 2, report).await;
    assert!(answer["ignored"].is_null(), "{answer}");
    let state = last.get_json("/api/runs/r").await;
    assert_eq!(state["commands"][0]["state"], "done", "{state}");
    cluster.nodes.push(last);
}
