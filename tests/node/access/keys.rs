//! API keys.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::super::support::TestNode;
use super::{GuardedNode, text};

#[tokio::test]
async fn the_first_key_is_in_a_file_that_only_its_owner_reads_and_nowhere_else() {
    let mut guarded = GuardedNode::start(&[("RUNCAST__LOG__FILTER", "debug")]);
    let file = guarded.node.data().join("admin.key");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let me = guarded.ask(&guarded.first, "GET", "/api/me", json!(null)).await.json();
    assert_eq!((&me["name"], &me["runs"]), (&json!("first key"), &json!(["*"])));
    assert!(guarded.node.log().contains("admin.key") && !guarded.node.log().contains(&guarded.first));
    assert_eq!(guarded.node.terminate().await.code, Some(0));
    guarded.node.restart();
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), guarded.first, "it stays the same");
    assert_eq!(guarded.ask(&guarded.first, "GET", "/api/keys", json!(null)).await.status, 200);
}

#[tokio::test]
async fn a_key_is_shown_once_listed_without_its_secret_and_revoked_with_all_that_it_made() {
    let guarded = GuardedNode::start(&[]);
    let (operator, operator_id) = guarded.key(&["ops", "view"], &["*"]).await;
    let made = guarded.ask(&operator, "POST", "/api/keys", json!({"name": "ci", "scopes": ["view"], "days": 7})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let (child, child_id) = (text(&made.json()["key"]), text(&made.json()["credential"]["id"]));
    assert_eq!(guarded.ask(&child, "GET", "/api/runs", json!(null)).await.status, 200);
    let listed = guarded.ask(&operator, "GET", "/api/keys?limit=2", json!(null)).await;
    assert!(!listed.text.contains(&child) && listed.text.contains(&child_id), "{listed:?}");
    assert_eq!((listed.json()["keys"].as_array().unwrap().len(), &listed.json()["more"]), (2, &json!(true)));
    let path = format!("/api/keys?limit=2&cursor={}", text(&listed.json()["cursor"]));
    let rest = guarded.ask(&operator, "GET", &path, json!(null)).await.json();
    assert_eq!(rest["keys"].as_array().unwrap().len(), 1, "{rest}");

    let revoked = guarded.ask(&guarded.first, "DELETE", &format!("/api/keys/{operator_id}"), json!(null)).await;
    assert_eq!(revoked.status, 204, "{revoked:?}");
    for key in [&operator, &child] {
        let refused = guarded.ask(key, "GET", "/api/runs", json!(null)).await;
        refused.problem(401, "credential_revoked");
        assert!(refused.header("www-authenticate").contains("error=\"invalid_token\""), "{refused:?}");
    }
    let unknown = guarded.ask(&guarded.first, "DELETE", "/api/keys/none", json!(null)).await;
    unknown.problem(404, "credential_not_found");
}

#[tokio::test]
async fn what_was_made_with_a_revoked_key_is_void_however_far_from_it() {
    let guarded = GuardedNode::start(&[]);
    let (mut maker, first) = guarded.key(&["ops", "view"], &["*"]).await;
    let mut made = Vec::new();
    for _ in 0..3 {
        let wanted = json!({"name": "k", "scopes": ["ops", "view"]});
        maker = text(&guarded.ask(&maker, "POST", "/api/keys", wanted).await.json()["key"]);
        made.push(maker.clone());
    }
    let revoked = guarded.ask(&guarded.first, "DELETE", &format!("/api/keys/{first}"), json!(null)).await;
    assert_eq!(revoked.status, 204, "{revoked:?}");
    for key in made {
        guarded.ask(&key, "GET", "/api/runs", json!(null)).await.problem(401, "credential_revoked");
    }
    // Nobody can hide behind a chain that is too long to look through.
    let mut maker = guarded.first.clone();
    for number in 1.. {
        let made = guarded.ask(&maker, "POST", "/api/keys", json!({"name": "k", "scopes": ["ops"], "days": 1})).await;
        if number > 16 {
            made.problem(403, "cannot_grant");
            break;
        }
        maker = text(&made.json()["key"]);
    }
}

#[tokio::test]
async fn nobody_gives_more_than_it_has() {
    let guarded = GuardedNode::start(&[]);
    let (operator, _) = guarded.key(&["ops", "view"], &["web-*"]).await;
    for wanted in [
        json!({"name": "k", "scopes": ["control"], "runs": ["web-1"]}),
        json!({"name": "k", "scopes": ["view"]}),
        json!({"name": "k", "scopes": ["view"], "runs": ["web*"]}),
    ] {
        let refused = guarded.ask(&operator, "POST", "/api/keys", wanted.clone()).await;
        refused.problem(403, "cannot_grant");
    }
    let longer = json!({"name": "k", "scopes": ["view"], "runs": ["web-1"], "days": 3_000});
    let made = guarded.ask(&operator, "POST", "/api/keys", longer).await.json();
    let own = guarded.ask(&operator, "GET", "/api/me", json!(null)).await.json();
    assert_eq!(made["credential"]["expiresAt"], own["expiresAt"], "no longer than its maker's");
}

#[tokio::test]
async fn what_is_wrong_with_a_wanted_key_is_told_by_name() {
    let guarded = GuardedNode::start(&[]);
    for (wanted, code) in [
        (json!({"name": "", "scopes": ["view"]}), "invalid_name"),
        (json!({"name": "k", "scopes": []}), "invalid_scopes"),
        (json!({"name": "k", "scopes": ["admin"]}), "invalid_scopes"),
        (json!({"name": "k", "scopes": ["view"], "runs": ["a/b"]}), "invalid_runs"),
        (json!({"name": "k", "scopes": ["view"], "runs": []}), "invalid_runs"),
        (json!({"name": "k", "scopes": ["view"], "days": 0}), "invalid_days"),
        (json!({"name": "k", "scopes": ["view"], "day": 1}), "invalid_body"),
    ] {
        guarded.ask(&guarded.first, "POST", "/api/keys", wanted).await.problem(400, code);
    }
}

#[tokio::test]
async fn a_text_that_is_no_key_of_this_server_is_unknown() {
    let guarded = GuardedNode::start(&[]);
    let other = GuardedNode::start(&[]);
    let changed = guarded.first.replace("rcast_", "rcast_0");
    for key in [other.first.as_str(), "rcast_x", &changed, "x.y.z"] {
        guarded.ask(key, "GET", "/api/runs", json!(null)).await.problem(401, "credential_unknown");
    }
    let headers = [("authorization", "Basic YTpi")];
    guarded.node.get_with("/api/runs", &headers).await.problem(401, "invalid_authorization");
    assert_eq!(guarded.node.get_with("/health", &headers).await.status, 200, "what is public stays so");
}

#[tokio::test]
async fn with_open_access_there_are_no_credentials() {
    let node = TestNode::start(&[]);
    assert_eq!(node.get_json("/api/me").await["mode"], "open");
    node.get("/api/keys").await.problem(400, "access_is_open");
    assert!(!node.data().join("admin.key").exists());
}

#[tokio::test]
async fn one_subject_has_no_more_credentials_at_a_time_than_it_may() {
    let guarded = GuardedNode::start(&[("RUNCAST__AUTH__MAX_CREDENTIALS", "2")]);
    let (maker, id) = guarded.key(&["view", "control", "ops"], &["*"]).await;
    let wanted = json!({"name": "k", "scopes": ["view"]});
    assert_eq!(guarded.ask(&maker, "POST", "/api/keys", wanted.clone()).await.status, 201);
    assert_eq!(guarded.ask(&maker, "POST", "/api/runs/r/shares", json!({})).await.status, 201);
    for (path, body) in
        [("/api/keys", wanted.clone()), ("/api/runs/r/shares", json!({})), ("/api/session", json!({"key": maker}))]
    {
        let refused = guarded.ask(&maker, "POST", path, body).await;
        let detail = refused.problem(409, "too_many_credentials");
        assert!(detail.contains("at most 2") && detail.contains("auth.max_credentials"), "{path}: {detail}");
    }
    // The first key has made one, and may make another one; nobody uses up what others may make.
    assert_eq!(guarded.ask(&guarded.first, "POST", "/api/keys", wanted.clone()).await.status, 201);
    assert_eq!(guarded.ask(&guarded.first, "DELETE", &format!("/api/keys/{id}"), json!(null)).await.status, 204);
    guarded.ask(&guarded.first, "POST", "/api/keys", wanted).await.problem(409, "too_many_credentials");
}
