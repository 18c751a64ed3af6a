//! A run that is steered by HTTP, and what its log says of it.

use std::time::{Duration, Instant};

use runcast::protocol::Timestamp;
use serde_json::{Value, json};

use crate::support::{Reply, SOON, Site, eventually};

/// Settings with which everything ends within seconds.
pub(crate) const QUICK: [(&str, &str); 11] = [
    ("RUNCAST__CONTROL__DUE_INTERVAL_MS", "50"),
    ("RUNCAST__CONTROL__LEASE_SECS", "1"),
    ("RUNCAST__CONTROL__LEASE_SOCKET_SECS", "5"),
    ("RUNCAST__CONTROL__RUN_SECS", "1"),
    ("RUNCAST__CONTROL__CANCEL_SECS", "1"),
    ("RUNCAST__RUNS__SILENT_SECS", "1"),
    ("RUNCAST__RUNS__LOST_SECS", "3"),
    ("RUNCAST__RUNS__SHARD_WAIT_SECS", "1"),
    ("RUNCAST__CONTROL__COMMANDS_PER_SEC", "10000"),
    ("RUNCAST__CONTROL__COMMAND_BURST", "100000"),
    ("RUNCAST__LOG__FILTER", "info,runcast::actors::deadlines=debug"),
];

const JSON: (&str, &str) = ("content-type", "application/json");

/// Sends a command, which must be taken.
pub(crate) async fn command(node: &Site, run: &str, user: &str, command: &Value) -> Value {
    let reply = try_command(node, run, user, command).await;
    assert_eq!(reply.status, 202, "{command}: {reply:?}");
    reply.json()
}

/// Sends a command.
pub(crate) async fn try_command(node: &Site, run: &str, user: &str, command: &Value) -> Reply {
    let headers = [JSON, ("runcast-user", user)];
    node.post(&format!("/api/runs/{run}/commands"), &headers, command.to_string()).await
}

/// A producer that numbers what it posts.
pub(crate) struct Worker {
    pub(crate) id: &'static str,
    next: u64,
}

impl Worker {
    /// A producer that has posted nothing yet.
    pub(crate) fn new(id: &'static str) -> Self {
        Self { id, next: 1 }
    }

    /// A producer that has joined the run.
    pub(crate) async fn join(node: &Site, run: &str, id: &'static str) -> Self {
        let mut worker = Self::new(id);
        worker
            .post(
                node,
                run,
                &json!({"type": "worker", "state": "joined", "can": ["pause", "resume", "step", "cancel"]}),
            )
            .await;
        worker
    }

    /// Posts an event, which must be accepted.
    pub(crate) async fn post(&mut self, node: &Site, run: &str, event: &Value) -> Value {
        let n = self.next.to_string();
        let headers = [("runcast-producer", self.id), ("runcast-producer-seq", n.as_str())];
        let reply = node.post_ndjson(run, &[event.to_string()], &headers).await;
        assert_eq!(reply.status, 202, "{event}: {reply:?}");
        self.next += 1;
        reply.json()
    }

    /// Says that it is alive.
    pub(crate) async fn alive(&self, node: &Site, run: &str) {
        let reply = node.post(&format!("/api/runs/{run}/alive"), &[("runcast-producer", self.id)], "").await;
        assert!(matches!(reply.status, 200..=204), "{reply:?}");
    }

    /// Claims an act.
    pub(crate) async fn claim(&self, node: &Site, run: &str, command_id: &str) -> Reply {
        let path = format!("/api/runs/{run}/commands/{command_id}/claim");
        let headers = [("runcast-producer", self.id), ("runcast-claim-key", "00112233445566778899aabbccddeeff")];
        node.post(&path, &headers, "").await
    }
}

/// The run's events of this type.
pub(crate) async fn events(node: &Site, run: &str, kind: &str) -> Vec<Value> {
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let path = format!("/api/runs/{run}/events?after={after}");
        let page = node.get_with(&path, &[("accept", "application/x-ndjson")]).await;
        assert_eq!(page.status, 200, "{page:?}");
        let events: Vec<Value> = page.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        after = events.last().map_or(after, |last| last["seq"].as_u64().unwrap());
        found.extend(events.into_iter().filter(|event| event["type"] == kind));
        if page.header("runcast-more") != "true" {
            return found;
        }
    }
}

/// The first event of this type for which `fits` holds, once there is one.
pub(crate) async fn event(node: &Site, run: &str, kind: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let found = async || events(node, run, kind).await.into_iter().find(|event| fits(event));
    eventually!(found().await, Option::is_some, SOON).unwrap()
}

/// When the event happened, in journal time.
pub(crate) fn at(event: &Value) -> i64 {
    let at = event["at"].as_str().unwrap_or_else(|| panic!("no time in {event}"));
    Timestamp::parse(at).unwrap().as_millis()
}

/// Milliseconds between two events.
pub(crate) fn between(first: &Value, second: &Value) -> i64 {
    at(second) - at(first)
}

/// The server's word on a producer.
pub(crate) fn says(producer: &str, status: &str) -> impl Fn(&Value) -> bool {
    move |event| event["producer"] == producer && event["status"] == status
}

/// Does something again and again, for as long as something else must not happen.
pub(crate) async fn for_a_while(millis: u64, mut each: impl AsyncFnMut()) {
    let start = Instant::now();
    let mut again = async || {
        each().await;
        start.elapsed()
    };
    eventually!(again().await, |elapsed| *elapsed > Duration::from_millis(millis), SOON);
}
