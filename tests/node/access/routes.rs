//! Every route, without a credential, with too little, for another run, and with enough.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::support::{EventStream, SOON, Socket, TestNode, eventually, exchange};
use super::{GuardedNode, send};

/// A route with a method: its pattern, and the scopes of which it needs one.
pub(super) struct Route {
    pub(super) method: String,
    pattern: String,
    needs: Vec<String>,
}

pub(super) fn routes() -> Vec<Route> {
    let openapi: Value = serde_json::from_str(include_str!("../../../src/http/openapi.json")).unwrap();
    let mut routes = Vec::new();
    for (pattern, item) in openapi["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
            let needs = operation["security"].as_array().unwrap().iter();
            let needs = needs.map(|need| need["access"][0].as_str().unwrap().to_owned()).collect();
            routes.push(Route { method: method.to_uppercase(), pattern: pattern.clone(), needs });
        }
    }
    routes
}

impl Route {
    pub(super) fn path(&self, run: &str) -> String {
        let path = self.pattern.replace("{runId}", run).replace("{file}", "x").replace("{entry}", "x");
        let path = path.replace("{traceId}", "t").replace("{artifactId}", "a").replace("{number}", "1");
        let path = path.replace("{commandId}", "c").replace("{stepNumber}", "1").replace("{keyId}", "k");
        let path = path.replace("{shareId}", "s").replace("{secret}", "s");
        assert!(!path.contains('{'), "{path} has a parameter that this test does not know");
        match self.pattern.as_str() {
            "/ws/test-control" => format!("{path}?runId={run}"),
            _ => path,
        }
    }

    pub(super) fn is_web_socket(&self) -> bool {
        self.pattern.starts_with("/ws/") || self.pattern.ends_with("/ws")
    }

    /// Asks with a key, and returns the status.
    async fn status(&self, node: &TestNode, run: &str, key: Option<&str>) -> u16 {
        let path = self.path(run);
        let authorization = key.map(|key| format!("Bearer {key}"));
        if self.is_web_socket() {
            let mut socket = Socket::connect(node, None).await;
            let header = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
            socket.upgrade(&path, &header, b"").await;
            return socket.head.split(' ').nth(1).unwrap().parse().unwrap();
        }
        let headers: Vec<(&str, &str)> = authorization.iter().map(|value| ("authorization", &**value)).collect();
        // Streams that would not end are asked for their heads.
        let method = if self.method == "GET" && path.ends_with("/stream") { "HEAD" } else { &self.method };
        send(node, method, &path, &headers, String::new()).await.status
    }
}

#[tokio::test]
async fn every_route_is_closed_to_strangers_to_those_with_too_little_and_to_those_of_other_runs() {
    let guarded = GuardedNode::start(&[]);
    let node = &guarded.node;
    assert_eq!(guarded.post(&guarded.first, "mine-1").await.status, 202);
    let scopes = ["view", "publish", "control", "ops", "metrics"];
    let mut one_scope = Vec::new();
    for scope in scopes {
        one_scope.push((scope, guarded.key(&[scope], &["*"]).await.0));
    }
    let (elsewhere, _) = guarded.key(&scopes, &["other-*"]).await;
    let mut seen = BTreeSet::new();
    for route in routes() {
        let at = format!("{} {}", route.method, route.pattern);
        // A run that is not there is refused in the same words as one that is: nobody learns which there are.
        for run in ["mine-1", "mine-2"] {
            let stranger = route.status(node, run, None).await;
            assert_eq!(stranger == 401, !route.needs.is_empty(), "{at} of {run}: {stranger} to a stranger");
            let elsewhere = route.status(node, run, Some(&elsewhere)).await;
            // What is public may have rules of its own: content needs a signature.
            if !route.needs.is_empty() {
                let of_run = route.pattern.contains("{runId}") || route.pattern == "/ws/test-control";
                assert_eq!(elsewhere == 403, of_run, "{at} of {run}: {elsewhere} of others");
            }
        }
        for (scope, key) in &one_scope {
            // Deleting comes last: it would end what the others ask for.
            if at.starts_with("DELETE /api/runs/{runId}") && route.needs.contains(&(*scope).to_owned()) {
                continue;
            }
            let status = route.status(node, "mine-1", Some(key)).await;
            if !route.needs.is_empty() {
                assert_eq!(status == 403, !route.needs.contains(&(*scope).to_owned()), "{at} with {scope}: {status}");
            }
            assert_ne!(status, 401, "{at} with {scope}");
        }
        seen.insert(route.needs.join(" "));
    }
    assert!(seen.len() > 6, "{seen:?}");
}

#[tokio::test]
async fn a_path_that_is_written_otherwise_is_guarded_all_the_same() {
    let guarded = GuardedNode::start(&[]);
    let (key, _) = guarded.key(&["view"], &["mine"]).await;
    assert_eq!(guarded.post(&guarded.first, "theirs").await.status, 202);
    let authorization = format!("Bearer {key}");
    let headers = [("authorization", &*authorization)];
    for path in [
        "/api/runs/theirs",
        "/api/runs/%74heirs",
        "/%61pi/runs/theirs",
        "/api/%72uns/theirs/events",
        "/api/runs/mine%2F..%2Ftheirs",
        "/api/runs//theirs",
        "/api/runs/./theirs",
        "//api/runs/theirs",
        "/api/tests/theirs",
        "/api/runs/theirs/",
    ] {
        // Written by hand: a client would tidy it up.
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: {authorization}\r\nConnection: close\r\n\r\n",
            guarded.node.address()
        );
        let answer = exchange(&guarded.node, &request).await;
        let status: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(matches!(status, 400 | 403 | 404), "{path}: {answer}");
        assert!(!answer.contains("\"runId\":\"theirs\""), "{path}: {answer}");
    }
    let own = guarded.node.get_with("/api/runs/mine", &headers).await;
    assert_eq!(own.status, 404, "its own run may be looked for: {own:?}");
}

#[tokio::test]
async fn the_list_and_its_stream_show_the_runs_that_may_be_seen() {
    let guarded = GuardedNode::start(&[("RUNCAST__CATALOG__STREAM_MS", "100")]);
    for run in ["a-1", "a_2", "b-1"] {
        assert_eq!(guarded.post(&guarded.first, run).await.status, 202);
    }
    let names = async |key: &str| {
        let listed = guarded.ask(key, "GET", "/api/runs?limit=50", json!(null)).await.json();
        let mut names: Vec<String> =
            listed["runs"].as_array().unwrap().iter().map(|run| super::text(&run["runId"])).collect();
        names.sort();
        (names, listed["groups"]["all"].as_u64(), listed["projects"].as_array().unwrap().len())
    };
    eventually!(names(&guarded.first).await.0.len(), |count| *count == 3, SOON);
    let (key, _) = guarded.key(&["view"], &["a-*"]).await;
    assert_eq!(names(&key).await, (vec!["a-1".to_owned()], Some(1), 0));
    let (both, _) = guarded.key(&["view"], &["a*", "c"]).await;
    assert_eq!(names(&both).await.0, ["a-1", "a_2"], "the underscore stands for itself");
    let authorization = format!("Bearer {key}");
    let header = format!("Authorization: {authorization}\r\n");
    let mut stream = EventStream::open(&guarded.node, "/api/runs/stream", &header).await;
    for run in ["b-2", "a-3"] {
        assert_eq!(guarded.post(&guarded.first, run).await.status, 202);
    }
    let mut told = String::new();
    while !told.contains("a-3") {
        told.push_str(&stream.next().await.expect("a record").data);
    }
    assert!(told.contains("a-1") && !told.contains("b-1") && !told.contains("b-2"), "{told}");
}

#[tokio::test]
async fn tools_of_agents_need_what_the_routes_need() {
    let guarded = GuardedNode::start(&[]);
    assert_eq!(guarded.post(&guarded.first, "a").await.status, 202);
    let (viewer, _) = guarded.key(&["view"], &["a"]).await;
    let call = async |key: &str, method: &str, params: Value| {
        let asked = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        guarded.ask(key, "POST", "/mcp", asked).await.json()
    };
    let tools = async |key: &str| {
        let told = call(key, "tools/list", json!({})).await;
        told["result"]["tools"].as_array().unwrap().iter().map(|tool| super::text(&tool["name"])).collect::<Vec<_>>()
    };
    assert!(tools(&guarded.first).await.contains(&"send_command".to_owned()));
    let offered = tools(&viewer).await;
    assert!(offered.contains(&"get_run".to_owned()) && !offered.contains(&"send_command".to_owned()), "{offered:?}");
    let refused = async |name: &str, arguments: Value| {
        let told = call(&viewer, "tools/call", json!({"name": name, "arguments": arguments})).await;
        let is_error = told["result"]["isError"] == true;
        (is_error, told["result"]["content"].to_string().contains("insufficient_scope"))
    };
    assert_eq!(refused("get_run", json!({"runId": "a"})).await, (false, false));
    assert_eq!(refused("get_run", json!({"runId": "b"})).await, (true, true));
    let pause = json!({"runId": "a", "command": {"type": "pause"}});
    assert_eq!(refused("send_command", pause).await, (true, true));
}
