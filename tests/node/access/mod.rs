//! Who may do what: keys, sessions, share links, and what each route needs.

use serde_json::{Value, json};

use super::support::{Reply, Site, TestNode};

mod audit;
mod devices;
mod expiring;
mod issuer;
mod keys;
mod limits;
mod provider;
mod routes;
mod secrets;
mod sessions;
mod sign_in;
mod subjects;
mod watching;

/// A node where a credential is needed, and its first key.
struct GuardedNode {
    node: TestNode,
    first: String,
}

impl GuardedNode {
    fn start(settings: &[(&str, &str)]) -> Self {
        let token = [("RUNCAST__AUTH__MODE", "token"), ("RUNCAST__AUTH__REVOCATION_SECS", "1")];
        let node = TestNode::start(&[&token, settings].concat());
        let first = std::fs::read_to_string(node.data().join("admin.key")).unwrap().trim().to_owned();
        Self { node, first }
    }

    /// Makes a key, and returns its secret and its id.
    async fn key(&self, scopes: &[&str], runs: &[&str]) -> (String, String) {
        let made =
            self.ask(&self.first, "POST", "/api/keys", json!({"name": "k", "scopes": scopes, "runs": runs})).await;
        assert_eq!(made.status, 201, "{made:?}");
        let made = made.json();
        (text(&made["key"]), text(&made["credential"]["id"]))
    }

    /// Asks with a key and a body of JSON.
    async fn ask(&self, key: &str, method: &str, path: &str, body: Value) -> Reply {
        let authorization = format!("Bearer {key}");
        let headers = [("authorization", &*authorization), ("content-type", "application/json")];
        send(&self.node, method, path, &headers, body.to_string()).await
    }

    /// Posts an event.
    async fn post(&self, key: &str, run: &str) -> Reply {
        let authorization = format!("Bearer {key}");
        let headers = [("authorization", &*authorization)];
        self.node.post_ndjson(run, &[r#"{"type":"log","message":"x"}"#.to_owned()], &headers).await
    }
}

async fn send(node: &Site, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Reply {
    let sent = node.try_send(method, path, headers, body).await;
    sent.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
