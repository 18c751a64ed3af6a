//! What one node revokes reaches the others by a bell.

use std::fs;

use serde_json::json;

use crate::support::{Cluster, SOON, Socket, eventually};

#[tokio::test]
async fn a_revoked_key_closes_its_sockets_on_the_other_node_by_the_bell() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("first.key");
    let first = runcast::access::AccessSecret::generate().unwrap();
    fs::write(&file, first.reveal()).unwrap();
    let settings = [
        ("RUNCAST__AUTH__MODE", "token"),
        ("RUNCAST__AUTH__BOOTSTRAP_KEY_FILE", file.to_str().unwrap()),
        // Nothing but the bell tells anybody anything within five minutes.
        ("RUNCAST__AUTH__REVOCATION_SECS", "300"),
    ];
    let cluster = Cluster::start_with(2, &[("appendonly", "yes")], &settings).await;
    let first = format!("Bearer {}", first.reveal());
    let headers = [("authorization", first.as_str()), ("content-type", "application/json")];
    for node in &cluster.nodes {
        eventually!(node.get("/ready").await.status, |status| *status == 200, SOON);
    }
    let wanted = json!({"name": "k", "scopes": ["view"]}).to_string();
    let made = cluster.nodes[0].post("/api/keys", &headers, wanted).await;
    assert_eq!(made.status, 201, "{made:?}");
    let (key, id) = (made.json()["key"].clone(), made.json()["credential"]["id"].clone());
    let authorization = format!("Authorization: Bearer {}\r\n", key.as_str().unwrap());
    let mut socket = Socket::connect(&cluster.nodes[1], None).await;
    socket.upgrade("/ws/runs/r", &authorization, b"").await;
    socket.said("connected").await;
    let path = format!("/api/keys/{}", id.as_str().unwrap());
    let revoked = cluster.nodes[0].try_send("DELETE", &path, &headers, String::new()).await.unwrap();
    assert_eq!(revoked.status, 204, "{revoked:?}");
    assert_eq!(socket.close_code().await, Some(4401));
}
