//! What one client may do where a credential is needed: who is known counts for itself, everybody else for its address.

use serde_json::json;

use super::super::limits::client_at;
use super::super::support::SOON;
use super::{GuardedNode, text};

/// Requests a second are so few that none comes back within the test.
const FEW: [(&str, &str); 2] = [("RUNCAST__LIMITS__REQUESTS_PER_SEC", "1"), ("RUNCAST__LIMITS__REQUEST_BURST", "600")];

/// Asks until it is refused for asking too often; the statuses before.
async fn exhaust(guarded: &GuardedNode, keys: impl Fn(usize) -> String) -> Vec<u16> {
    let asked = async {
        let mut statuses = Vec::new();
        loop {
            let reply = guarded.ask(&keys(statuses.len()), "GET", "/api/runs", json!(null)).await;
            if reply.status == 429 {
                reply.problem(429, "too_many_requests");
                return statuses;
            }
            statuses.push(reply.status);
        }
    };
    tokio::time::timeout(SOON * 4, asked).await.expect("nobody asks for ever")
}

#[tokio::test]
async fn whoever_guesses_keys_is_limited_and_those_who_are_known_at_that_address_are_not() {
    let guarded = GuardedNode::start(&FEW);
    let (known, _) = guarded.key(&["view"], &["*"]).await;
    let (new, _) = guarded.key(&["view"], &["*"]).await;
    assert_eq!(guarded.ask(&known, "GET", "/api/runs", json!(null)).await.status, 200);
    let statuses = exhaust(&guarded, |number| format!("guess-{number}")).await;
    assert!(statuses.len() >= 100 && statuses.iter().all(|status| *status == 401), "{statuses:?}");
    assert_eq!(guarded.ask(&known, "GET", "/api/runs", json!(null)).await.status, 200, "it is known here");
    let reply = guarded.ask(&new, "GET", "/api/runs", json!(null)).await;
    reply.problem(429, "too_many_requests");
    // That is no answer to who it is.
    guarded.ask(&new, "GET", "/api/me", json!(null)).await.problem(429, "too_many_requests");
    assert_eq!(guarded.node.get("/health").await.status, 200);
}

#[tokio::test]
async fn each_principal_has_its_own_allowance() {
    let guarded = GuardedNode::start(&FEW);
    let (greedy, _) = guarded.key(&["view"], &["*"]).await;
    let (other, _) = guarded.key(&["view"], &["*"]).await;
    let statuses = exhaust(&guarded, |_| greedy.clone()).await;
    assert!(statuses.len() >= 600 && statuses.iter().all(|status| *status == 200), "{}", statuses.len());
    assert_eq!(guarded.ask(&other, "GET", "/api/runs", json!(null)).await.status, 200);
}

#[tokio::test]
async fn one_guest_of_a_link_does_not_use_up_what_the_others_may() {
    let guarded = GuardedNode::start(&FEW);
    assert_eq!(guarded.post(&guarded.first, "r").await.status, 202);
    let made = guarded.ask(&guarded.first, "POST", "/api/runs/r/shares", json!({})).await.json();
    let link = text(&made["url"]).split_once("/s/").map(|(_, secret)| format!("/s/{secret}")).unwrap();
    let opened = guarded.node.get_unredirected(&link, &[]).await;
    let cookie = opened.header("set-cookie").split(';').next().unwrap().to_owned();
    let view = async |client: &reqwest::Client| {
        let request = client.get(guarded.node.url("/api/runs/r")).header("cookie", &cookie);
        request.header("sec-fetch-site", "same-origin").send().await.unwrap().status().as_u16()
    };
    let (greedy, other) = (client_at("127.0.0.2"), client_at("127.0.0.3"));
    let asked = async { while view(&greedy).await != 429 {} };
    tokio::time::timeout(SOON * 4, asked).await.expect("nobody asks for ever");
    assert_eq!(view(&other).await, 200);
}
