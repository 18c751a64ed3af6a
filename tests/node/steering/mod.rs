//! Steering through the real server: by HTTP and by WebSocket, with workers that do nothing but post.

use serde_json::{Value, json};

use crate::support::{Reply, Site, Socket, soon};

mod bounds;
mod commands;
mod flood;
mod hostile;
mod lease;
mod older;
mod secrets;
mod socket;
mod worker;

/// A run's log as JSON, oldest first.
async fn log(node: &Site, run: &str) -> Vec<Value> {
    node.stored(run).await.iter().map(|event| serde_json::from_str(event).unwrap()).collect()
}

/// The events of this type in a run's log.
async fn logged(node: &Site, run: &str, kind: &str) -> Vec<Value> {
    log(node, run).await.into_iter().filter(|event| event["type"] == kind).collect()
}

/// Starts a run.
async fn begin(node: &Site, run: &str) {
    node.store(run, &[json!({"type": "run_status", "status": "running"}).to_string()]).await;
}

/// Posts events as a producer, `n` being the number of the first; the answer.
async fn post(node: &Site, run: &str, producer: &str, n: u64, events: &[Value]) -> Value {
    post_with(node, run, producer, n, events, &[]).await
}

async fn post_with(
    node: &Site,
    run: &str,
    producer: &str,
    n: u64,
    events: &[Value],
    headers: &[(&str, &str)],
) -> Value {
    let n = n.to_string();
    let own = [("runcast-producer", producer), ("runcast-producer-seq", &n)];
    let lines: Vec<_> = events.iter().map(Value::to_string).collect();
    let reply = node.post_ndjson(run, &lines, &[&own[..], headers].concat()).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.json()
}

/// Starts a run whose workers have joined.
async fn join(node: &Site, run: &str, producers: &[&str]) {
    for producer in producers {
        let joined = json!({"type": "worker", "state": "joined", "slots": 4});
        let status = json!({"type": "run_status", "status": "running"});
        post(node, run, producer, 1, &[joined, status]).await;
    }
}

/// Gives a command by HTTP.
async fn command(node: &Site, run: &str, user: &str, command: &Value) -> Reply {
    let headers = [("content-type", "application/json"), ("runcast-user", user)];
    node.post(&format!("/api/runs/{run}/commands"), &headers, command.to_string()).await
}

/// Gives a command that must be taken; the answer.
async fn given(node: &Site, run: &str, user: &str, wanted: &Value) -> Value {
    let reply = command(node, run, user, wanted).await;
    assert_eq!(reply.status, 202, "{wanted}: {reply:?}");
    reply.json()
}

/// A new command id.
fn id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A command with an id.
fn with_id(mut command: Value) -> Value {
    command["commandId"] = id().into();
    command
}

/// Claims an act.
async fn claim(node: &Site, run: &str, command: &str, producer: &str, key: &str) -> Reply {
    let headers = [("runcast-producer", producer), ("runcast-claim-key", key)];
    node.post(&format!("/api/runs/{run}/commands/{command}/claim"), &headers, "").await
}

/// Asks for commands as a worker.
async fn polled(node: &Site, run: &str, producer: &str, query: &str) -> Value {
    let reply = node.get_with(&format!("/api/runs/{run}/commands?{query}"), &[("runcast-producer", producer)]).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// The types of the events of an answer's commands.
fn types(commands: &Value) -> Vec<&str> {
    let entries = commands["commands"].as_array().unwrap_or_else(|| panic!("no commands: {commands}"));
    entries.iter().map(|entry| entry["event"]["type"].as_str().unwrap()).collect()
}

/// Opens a viewer's socket; it has been greeted.
async fn watch(node: &Site, run: &str, user: &str) -> Socket {
    let mut socket = Socket::open(node, &format!("/ws/runs/{run}?after=latest&userId={user}")).await;
    soon("the greeting", socket.said("connected")).await;
    socket
}

/// Says a command on a socket; the answer.
async fn said(socket: &mut Socket, command: &Value) -> Value {
    socket.say(crate::support::Op::Text, command.to_string().as_bytes()).await;
    socket.said("command").await
}
