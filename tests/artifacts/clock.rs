//! A wall clock that is set under a running node: no artifact and no URL goes by it.
//! Promised in docs/reliability.md, "Abuse".

use runcast::protocol::Timestamp;
use serde_json::{Value, json};

use super::fixture::{ask, digest, download, fetch, id, list, original, path, picture, put, settled, text};
use super::pins::pin;
use super::support::{SOON, TestNode, WallClock, eventually};

/// A node that runs by this clock and keeps artifacts for 30 days.
fn start(clock: &WallClock) -> TestNode {
    let environment = clock.environment();
    let mut settings: Vec<_> = environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    settings.extend([("RUNCAST__RETENTION__DAYS", "30"), ("RUNCAST__JOURNAL__MIN_FREE_BYTES", "0")]);
    let mut node = TestNode::start(&settings);
    node.may_report();
    node
}

async fn jumped(node: &TestNode) {
    let warnings = async || node.get_json("/ready").await["warnings"].to_string();
    eventually!(warnings().await, |told| told.contains("the clock has jumped"), SOON);
}

#[tokio::test]
async fn what_is_uploaded_again_under_a_clock_that_has_jumped_is_answered_by_what_is_there() {
    let clock = WallClock::new();
    let node = start(&clock);
    let (announced, key) = (digest(&text(70_000)), [("idempotency-key", "k")]);
    let known = [("content-digest", announced.as_str())];
    let by_digest = put(&node, "digest", "a.log", &known, text(70_000)).await.json();
    let by_key = put(&node, "key", "a.log", &key, text(70_000)).await.json();
    clock.set("+31d");
    jumped(&node).await;
    for (run, headers, first) in [("digest", &known, &by_digest), ("key", &key, &by_key)] {
        let again = put(&node, run, "a.log", headers, text(70_000)).await;
        assert_eq!((again.status, id(&again.json())), (200, id(first)), "{run}: {again:?}");
        // A time to come, whatever the clock says.
        let until = json!({"reason": "x", "until": first["expiresAt"]});
        assert_eq!(pin(&node, run, until).await.status, 200);
    }
    clock.set("+0");
    for (run, first) in [("digest", &by_digest), ("key", &by_key)] {
        assert_eq!((list(&node, run).await.len(), settled(&node, run).await), (1, vec!["ready".to_owned()]), "{run}");
        assert!(original(&node, run, id(first)).await == text(70_000), "{run}");
    }
}

#[tokio::test]
async fn a_clock_that_jumps_ends_no_url_and_gives_none_more_time() {
    let clock = WallClock::new();
    let node = start(&clock);
    let announced = json!({"name": "direct.png", "size": 1_000});
    let direct = ask(&node, "POST", &path("r", ""), Some(announced.clone())).await.json();
    let artifact = put(&node, "r", "a.png", &[], picture(1_000)).await.json();
    let before = download(&node, "r", id(&artifact), "", "").await.json();
    clock.set("+8d");
    jumped(&node).await;
    let url = |told: &Value| told["downloadUrl"].as_str().unwrap().to_owned();
    assert_eq!(fetch("GET", &url(&before), &[], Vec::new()).await.status, 200);
    let put_to = direct["upload"]["url"].as_str().unwrap();
    assert_eq!(fetch("PUT", put_to, &[], picture(1_000)).await.status, 200);

    // What is signed now works for as long as ever, and not into next week.
    let after = download(&node, "r", id(&artifact), "", "").await.json();
    let direct_after = ask(&node, "POST", &path("r", ""), Some(announced)).await.json();
    let expires = |told: &Value| Timestamp::parse(told["expiresAt"].as_str().unwrap()).unwrap().as_millis();
    for (first, second) in [(&before, &after), (&direct["upload"], &direct_after["upload"])] {
        assert!(expires(second) - expires(first) < 86_400_000, "{first} {second}");
    }
    assert_eq!(fetch("GET", &url(&after), &[], Vec::new()).await.status, 200);
    clock.set("+0");
    assert_eq!(fetch("GET", &url(&after), &[], Vec::new()).await.status, 200);
}
