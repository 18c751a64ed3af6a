//! Command lines that ask to be let in.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::super::support::{Reply, TestNode, soon};
use super::{GuardedNode, send, text};

const JSON: (&str, &str) = ("content-type", "application/json");

/// A secret of a command line, and its digest.
fn secret() -> (String, String) {
    let secret = runcast::access::AccessSecret::generate().unwrap();
    (secret.reveal().to_owned(), secret.digest().to_string())
}

async fn ask(node: &TestNode, digest: &str) -> Value {
    let body = json!({"digest": digest, "label": "ann@laptop"}).to_string();
    let asked = send(node, "POST", "/api/login", &[JSON], body).await;
    assert_eq!(asked.status, 201, "{asked:?}");
    asked.json()
}

async fn state(node: &TestNode, asked: &Value) -> Value {
    node.get(&format!("/api/login?request={}", text(&asked["request"]))).await.json()
}

/// The cookie of somebody who has signed in with this key.
async fn session(guarded: &GuardedNode, key: &str) -> String {
    let own = format!("http://{}", guarded.node.address());
    let body = json!({"key": key}).to_string();
    let signed_in = send(&guarded.node, "POST", "/api/session", &[JSON, ("origin", &own)], body).await;
    assert_eq!(signed_in.status, 204, "{signed_in:?}");
    signed_in.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// Answers from the page, as the browser with this cookie.
async fn answer(guarded: &GuardedNode, cookie: &str, origin: &str, asked: &Value, confirmed: bool) -> Reply {
    let body = json!({"request": asked["request"], "confirmed": confirmed}).to_string();
    let headers = [JSON, ("origin", origin), ("cookie", cookie)];
    send(&guarded.node, "POST", "/api/login/answer", &headers, body).await
}

#[tokio::test]
async fn a_command_line_is_let_in_with_the_rights_and_the_time_of_whoever_confirms_it() {
    let guarded = GuardedNode::start(&[]);
    let (key, key_id) = guarded.key(&["view"], &["web-*"]).await;
    let own = format!("http://{}", guarded.node.address());
    let cookie = session(&guarded, &key).await;
    let (secret, digest) = secret();
    let asked = ask(&guarded.node, &digest).await;
    assert!(text(&asked["url"]).starts_with(&format!("{own}/auth/device?request=")), "{asked}");
    assert!(!asked.to_string().contains(&digest), "what is sealed is not read: {asked}");
    let waiting = state(&guarded.node, &asked).await;
    assert_eq!((&waiting["state"], &waiting["label"]), (&json!("waiting"), &json!("ann@laptop")));
    assert_eq!(waiting["code"], asked["code"]);
    assert_eq!(guarded.ask(&secret, "GET", "/api/runs", json!(null)).await.status, 401, "nobody has confirmed it");

    // A page of another site can't confirm it, and neither can a stranger.
    let evil = answer(&guarded, &cookie, "https://evil.example", &asked, true).await;
    evil.problem(403, "origin_not_allowed");
    answer(&guarded, "a=b", &own, &asked, true).await.problem(401, "unauthenticated");
    assert_eq!(answer(&guarded, &cookie, &own, &asked, true).await.status, 204);
    assert_eq!(state(&guarded.node, &asked).await["state"], "confirmed");

    // On this node the secret was shown before, and is looked for again within five seconds.
    super::super::support::eventually!(
        guarded.ask(&secret, "GET", "/api/runs", json!(null)).await.status,
        |status| *status == 200,
        super::super::support::SOON
    );
    let me = guarded.ask(&secret, "GET", "/api/me", json!(null)).await.json();
    let browser = guarded.node.get_with("/api/me", &[("cookie", &cookie), ("origin", &own)]).await.json();
    for same in ["subject", "name", "kind", "scopes", "runs", "expiresAt"] {
        assert_eq!(me[same], browser[same], "{same}");
    }
    // Its answer is given: nobody else takes the same secret, and nobody takes it back.
    for confirmed in [true, false] {
        answer(&guarded, &cookie, &own, &asked, confirmed).await.problem(409, "credential_taken");
    }
    let again = ask(&guarded.node, &digest).await;
    answer(&guarded, &cookie, &own, &again, true).await.problem(409, "credential_taken");
    // Somebody who has seen a key's digest gets nothing by it.
    let revoked = guarded.ask(&guarded.first, "DELETE", &format!("/api/keys/{key_id}"), json!(null)).await;
    assert_eq!(revoked.status, 204, "{revoked:?}");
    guarded.ask(&secret, "GET", "/api/runs", json!(null)).await.problem(401, "credential_revoked");
    assert!(!guarded.node.log().contains(&secret));
}

#[tokio::test]
async fn a_command_line_signs_out_by_itself() {
    let guarded = GuardedNode::start(&[]);
    let (key, _) = guarded.key(&["view"], &["*"]).await;
    let own = format!("http://{}", guarded.node.address());
    let cookie = session(&guarded, &key).await;
    let (secret, digest) = secret();
    let asked = ask(&guarded.node, &digest).await;
    assert_eq!(answer(&guarded, &cookie, &own, &asked, true).await.status, 204);
    assert_eq!(guarded.ask(&secret, "GET", "/api/runs", json!(null)).await.status, 200);
    assert_eq!(guarded.ask(&secret, "DELETE", "/api/session", json!(null)).await.status, 204);
    guarded.ask(&secret, "GET", "/api/runs", json!(null)).await.problem(401, "credential_revoked");
    let browser = guarded.node.get_with("/api/runs", &[("cookie", &cookie), ("origin", &own)]).await;
    assert_eq!(browser.status, 200, "the browser goes on");
}

#[tokio::test]
async fn a_command_line_that_cannot_keep_its_credential_leaves_none_behind() {
    let guarded = GuardedNode::start(&[]);
    let own = format!("http://{}", guarded.node.address());
    let cookie = session(&guarded, &guarded.first).await;
    let home = tempfile::tempdir().unwrap();
    let mut login = Command::new(env!("CARGO_BIN_EXE_runcast"));
    login.args(["login", "--url", &own]).env("XDG_CONFIG_HOME", home.path()).env_remove("RUNCAST_TOKEN");
    let mut login = login.stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(login.stderr.take().unwrap()).lines();
    let request = loop {
        let line = soon("the link", lines.next_line()).await.unwrap().expect("a line with the link");
        if line.trim().starts_with(&own) {
            let url = reqwest::Url::parse(line.trim()).unwrap();
            break url.query_pairs().find(|(name, _)| name == "request").expect("the request").1.into_owned();
        }
    };
    // Where its file would be, none can be made any more.
    std::fs::write(home.path().join("runcast"), "").unwrap();
    let answered = answer(&guarded, &cookie, &own, &json!({"request": request}), true).await;
    assert_eq!(answered.status, 204, "{answered:?}");
    assert!(!soon("the end of runcast login", login.wait()).await.unwrap().success());
    let revoked = guarded.ask(&guarded.first, "GET", "/api/revocations", json!(null)).await.json();
    let revoked = revoked["revocations"].as_array().unwrap().clone();
    assert!(revoked.len() == 1 && revoked[0]["credential"].is_string(), "{revoked:?}");
}

#[tokio::test]
async fn what_was_refused_or_edited_or_asked_by_a_guest_lets_nobody_in() {
    let guarded = GuardedNode::start(&[]);
    let (key, _) = guarded.key(&["view"], &["r"]).await;
    let own = format!("http://{}", guarded.node.address());
    let cookie = session(&guarded, &key).await;
    let (secret, digest) = secret();
    let asked = ask(&guarded.node, &digest).await;
    assert_eq!(answer(&guarded, &cookie, &own, &asked, false).await.status, 204);
    assert_eq!(state(&guarded.node, &asked).await["state"], "refused");
    answer(&guarded, &cookie, &own, &asked, true).await.problem(409, "credential_taken");
    guarded.ask(&secret, "GET", "/api/runs", json!(null)).await.problem(401, "credential_expired");

    let mut edited = asked.clone();
    let request = text(&asked["request"]);
    let first = if request.starts_with('A') { 'B' } else { 'A' };
    edited["request"] = json!(format!("{first}{}", &request[1..]));
    answer(&guarded, &cookie, &own, &edited, true).await.problem(400, "invalid_login_request");
    let read = guarded.node.get("/api/login?request=x").await;
    read.problem(400, "invalid_login_request");

    assert_eq!(guarded.post(&guarded.first, "r").await.status, 202);
    let shared = guarded.ask(&key, "POST", "/api/runs/r/shares", json!({})).await.json();
    let path = text(&shared["url"]).split_once("/s/").map(|(_, secret)| format!("/s/{secret}")).unwrap();
    let opened = guarded.node.get_unredirected(&path, &[]).await;
    let guest = opened.header("set-cookie").split(';').next().unwrap().to_owned();
    let (_, digest) = self::secret();
    let asked = ask(&guarded.node, &digest).await;
    for confirmed in [true, false] {
        let refused = answer(&guarded, &guest, &own, &asked, confirmed).await;
        assert_eq!(refused.status, 403, "{refused:?}");
    }
    for (body, code) in [
        (json!({"digest": "x", "label": "a"}), "invalid_digest"),
        (json!({"digest": digest, "label": ""}), "invalid_name"),
        (json!({"digest": digest, "label": "a\u{1b}[2J"}), "invalid_name"),
        (json!({"digest": digest}), "invalid_body"),
    ] {
        send(&guarded.node, "POST", "/api/login", &[JSON], body.to_string()).await.problem(400, code);
    }
}
