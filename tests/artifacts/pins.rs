//! Pins on runs, and what comes first of what decides how long an artifact is kept.

use serde_json::{Value, json};

use super::cleanup::{BY_HAND, DAY, preview};
use super::fixture::{Catalog, ask, clean, id, list, node, path, picture, stored};
use super::support::{Reply, TestNode};

pub(crate) async fn pin(node: &TestNode, run: &str, body: Value) -> Reply {
    ask(node, "PUT", &format!("/api/runs/{run}/pin"), Some(body)).await
}

/// The members of an artifact that say how long it is kept.
async fn kept(node: &TestNode, run: &str, artifact: &Value) -> [Value; 2] {
    let artifact = node.get_json(&path(run, &format!("/{}", id(artifact)))).await;
    ["retainedBy", "expiresAt"].map(|member| artifact[member].clone())
}

#[tokio::test]
async fn a_pin_comes_before_a_rule_and_a_rule_before_the_days() {
    let node = node(&BY_HAND);
    let film = b"\x1a\x45\xdf\xa3 a film".to_vec();
    let picture = stored(&node, "r", "a.png", picture(100)).await;
    let pinned = stored(&node, "r", "a.webm", film.clone()).await;
    let other = stored(&node, "s", "a.webm", film).await;
    assert_eq!((&picture["retainedBy"], &pinned["retainedBy"]), (&"days".into(), &"rule:video".into()));
    let reply = pin(&node, "r", json!({"reason": "release 1.0"})).await;
    assert_eq!((reply.status, &reply.json()["pin"]["reason"]), (200, &"release 1.0".into()), "{reply:?}");
    for artifact in [&picture, &pinned] {
        assert_eq!(kept(&node, "r", artifact).await, [json!("pin"), Value::Null]);
    }
    assert_eq!(node.get_json(&path("r", "")).await["pin"]["reason"], "release 1.0");

    Catalog::of(&node).await.age(40 * DAY).await;
    let seen = preview(&node).await;
    assert_eq!(seen["expired"]["count"], 1, "{seen}");
    assert_eq!(seen["items"][0]["artifactId"], other["artifactId"]);
    assert_eq!(clean(&node).await["expired"]["count"], 1);
    assert_eq!(list(&node, "r").await.len(), 2);
    assert_eq!(node.get(&path("r", &format!("/{}/download", id(&pinned)))).await.status, 200);

    for _ in 0..2 {
        assert_eq!(ask(&node, "DELETE", "/api/runs/r/pin", None).await.status, 204);
    }
    node.get(&path("r", &format!("/{}", id(&pinned)))).await.problem(410, "artifact_gone");
    let seen = preview(&node).await;
    let by: Vec<_> = seen["items"].as_array().unwrap().iter().map(|item| item["retainedBy"].clone()).collect();
    assert!(by.contains(&json!("days")) && by.contains(&json!("rule:video")) && by.len() == 2, "{seen}");
    assert_eq!(clean(&node).await["expired"]["count"], 2);
}

#[tokio::test]
async fn a_pin_until_a_time_ends_then_and_never_shortens_a_retention() {
    let node = node(&BY_HAND);
    let artifact = stored(&node, "r", "a.png", picture(100)).await;
    let due = artifact["expiresAt"].clone();
    let year = "2999-01-01T00:00:00.000Z";
    for (until, wanted) in [(year, [json!("pin"), json!(year)])] {
        assert_eq!(pin(&node, "r", json!({"reason": "x", "until": until})).await.status, 200);
        assert_eq!(kept(&node, "r", &artifact).await, wanted);
    }
    // In an hour: before the artifact's own time.
    let mut catalog = Catalog::of(&node).await;
    catalog.run("UPDATE runcast_pins SET until = since + 3600000").await;
    assert_eq!(kept(&node, "r", &artifact).await, [json!("days"), due]);
    catalog.run("UPDATE runcast_pins SET until = since + 3600000").await;
    catalog.age(31 * DAY).await;
    assert_eq!(preview(&node).await["expired"]["count"], 0, "the pin still holds");
    catalog.run("UPDATE runcast_pins SET until = 1").await;
    let seen = preview(&node).await;
    assert_eq!((&seen["expired"]["count"], &seen["items"][0]["retainedBy"]), (&1.into(), &"days".into()), "{seen}");
    assert_eq!(clean(&node).await["expired"]["count"], 1);
}

#[tokio::test]
async fn a_pin_without_a_reason_or_with_a_time_that_has_passed_is_refused() {
    let node = node(&BY_HAND);
    for (body, code) in [
        (json!({}), "invalid_body"),
        (json!({"reason": ""}), "invalid_reason"),
        (json!({"reason": "a\nb"}), "invalid_reason"),
        (json!({"reason": "x".repeat(1_001)}), "invalid_reason"),
        (json!({"reason": "x", "until": "2020-01-01T00:00:00Z"}), "invalid_until"),
        (json!({"reason": "x", "until": "tomorrow"}), "invalid_until"),
        (json!({"reason": "x", "until": 5}), "invalid_body"),
        (json!({"reason": "x", "for": "ever"}), "invalid_body"),
    ] {
        pin(&node, "r", body).await.problem(400, code);
    }
    node.get(&path("r", "")).await.problem(404, "run_not_found");
    // A run may be pinned before it has anything, and is pinned anew with another reason.
    for reason in ["one", "two"] {
        assert_eq!(pin(&node, "r", json!({"reason": reason})).await.status, 200);
        assert_eq!(node.get_json(&path("r", "")).await["pin"]["reason"], reason);
    }
    let artifact = stored(&node, "r", "a.png", picture(100)).await;
    assert_eq!(artifact["retainedBy"], "pin", "what comes later is kept too");
}
