//! The revocation of all that somebody has.

use serde_json::json;
use tokio::process::Command;

use super::super::support::Socket;
use super::{GuardedNode, issuer, send, text};

#[tokio::test]
async fn all_that_somebody_has_until_now_is_revoked_and_what_came_of_it_and_nothing_of_others() {
    let (key, list) = issuer::setting();
    let guarded = GuardedNode::start(&[(key, &list)]);
    assert_eq!(guarded.post(&guarded.first, "r").await.status, 202);
    let (ann, bob) = (issuer::token("ann", issuer::now(), 600), issuer::token("bob", issuer::now(), 600));
    let make = async |with: &str, name: &str| {
        let wanted = json!({"name": name, "scopes": ["view", "control", "ops"], "days": 1});
        guarded.ask(with, "POST", "/api/keys", wanted).await
    };
    // Nobody's key lasts longer than the token that it was made with.
    let anns = text(&make(&ann, "ann's").await.json()["key"]);
    let further = text(&make(&anns, "made with ann's").await.json()["key"]);
    let bobs = text(&make(&bob, "bob's").await.json()["key"]);
    let link = guarded.ask(&further, "POST", "/api/runs/r/shares", json!({})).await.json();
    let link = text(&link["url"]).split_once("/s/").map(|(_, secret)| format!("/s/{secret}")).unwrap();
    let sign_in = [("content-type", "application/json")];
    let session = send(&guarded.node, "POST", "/api/session", &sign_in, json!({"key": anns}).to_string()).await;
    let cookie = session.header("set-cookie").split(';').next().unwrap().to_owned();
    let cookie = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(guarded.node.get_with("/api/runs/r", &cookie).await.status, 200);
    let mut socket = Socket::connect(&guarded.node, None).await;
    socket.upgrade("/ws/runs/r", &format!("Authorization: Bearer {further}\r\n"), b"").await;
    socket.said("connected").await;

    let revoke = async |key: &str, subject: &str| {
        guarded.ask(key, "POST", "/api/revocations", json!({"subject": subject})).await
    };
    let (viewer, _) = guarded.key(&["view"], &["*"]).await;
    revoke(&viewer, "corp:ann").await.problem(403, "insufficient_scope");
    let revoked = revoke(&guarded.first, "corp:ann").await;
    assert_eq!((revoked.status, &revoked.json()["subject"]), (201, &json!("corp:ann")), "{revoked:?}");

    assert_eq!(socket.close_code().await, Some(4401));
    for credential in [&ann, &anns, &further] {
        guarded.ask(credential, "GET", "/api/runs/r", json!(null)).await.problem(401, "credential_revoked");
    }
    assert_eq!(guarded.node.get_with("/api/runs/r", &cookie).await.status, 401);
    guarded.node.get_unredirected(&link, &[]).await.problem(410, "share_gone");
    for credential in [&bob, &bobs, &issuer::token("ann", issuer::now() + 2, 600)] {
        assert_eq!(guarded.ask(credential, "GET", "/api/runs/r", json!(null)).await.status, 200);
    }

    // Somebody who is known by a digest may be named as the issuer does.
    let secret = issuer::token("cem@example.org", issuer::now(), 600);
    assert_eq!(guarded.ask(&secret, "GET", "/api/runs/r", json!(null)).await.status, 200);
    let arguments = ["key", "revoke", "--subject", "corp:cem@example.org", "--url", &guarded.node.url("")];
    let mut command = Command::new(env!("CARGO_BIN_EXE_runcast"));
    let done = command.args(arguments).env("RUNCAST_TOKEN", &guarded.first).output().await.unwrap();
    assert!(done.status.success(), "{done:?}");
    guarded.ask(&secret, "GET", "/api/runs/r", json!(null)).await.problem(401, "credential_revoked");

    // Logs have the agent of somebody with this in front.
    let dan = issuer::token("dan", issuer::now(), 600);
    assert_eq!(guarded.ask(&dan, "GET", "/api/runs/r", json!(null)).await.status, 200);
    assert_eq!(revoke(&guarded.first, "mcp:corp:dan").await.json()["subject"], "corp:dan");
    guarded.ask(&dan, "GET", "/api/runs/r", json!(null)).await.problem(401, "credential_revoked");

    let page = guarded.ask(&guarded.first, "GET", "/api/revocations?limit=2", json!(null)).await.json();
    assert_eq!((&page["more"], &page["revocations"][0]["subject"]), (&json!(true), &json!("corp:dan")), "{page}");
    let shown = text(&page["revocations"][1]["subject"]);
    assert!(shown.starts_with("corp:sha256-") && !shown.contains('@'), "{page}");
    let next = format!("/api/revocations?limit=1&cursor={}", text(&page["cursor"]));
    let page = guarded.ask(&guarded.first, "GET", &next, json!(null)).await.json();
    assert_eq!((&page["more"], &page["revocations"][0]["subject"]), (&json!(false), &json!("corp:ann")), "{page}");
    for wrong in ["", "a\nb", &"x".repeat(257)] {
        revoke(&guarded.first, wrong).await.problem(400, "invalid_subject");
    }
}
