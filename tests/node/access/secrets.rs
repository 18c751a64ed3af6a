//! No secret is ever told: not in the log, however much it says, not in an answer, and not by `runcast doctor`.

use runcast::access::AccessSecret;
use serde_json::json;
use tokio::process::Command;

use super::super::support::{TestNode, soon};
use super::provider::{CLIENT_SECRET, FakeProvider};
use super::routes::routes;
use super::sign_in::{PUBLIC, begin, come_back, cookies};
use super::{GuardedNode, issuer, send, text};

/// Settings that are secrets.
const SIGNING_KEY: &str = "known-key-of-thirty-two-characters-one";
const OBJECTS_KEY: &str = "known-key-of-thirty-two-characters-two";

#[tokio::test]
async fn no_secret_is_told_in_a_log_in_an_answer_or_by_the_doctor() {
    let provider = FakeProvider::start().await;
    let directory = tempfile::tempdir().unwrap();
    // The issuer beside it is called as the provider is elsewhere.
    let oidc = provider.setting().replace("\"corp\"", "\"people\"");
    let audit = directory.path().join("audit.log");
    let first = AccessSecret::generate().unwrap().reveal().to_owned();
    let (issuers, list) = issuer::setting();
    let settings = [
        PUBLIC,
        ("RUNCAST__AUTH__MODE", "token"),
        ("RUNCAST__AUTH__BOOTSTRAP_KEY", &first),
        ("RUNCAST__AUTH__SIGNING_KEYS", SIGNING_KEY),
        ("RUNCAST__AUTH__OIDC", &oidc),
        (issuers, &list),
        ("RUNCAST__OBJECTS__SIGNING_KEY", OBJECTS_KEY),
        ("RUNCAST__LOG__FILTER", "trace"),
        ("RUNCAST__LOG__AUDIT_FILE", audit.to_str().unwrap()),
    ];
    let guarded = GuardedNode { node: TestNode::start(&settings), first: first.clone() };
    let node = &guarded.node;

    assert_eq!(guarded.post(&first, "r").await.status, 202);
    let (key, id) = guarded.key(&["view", "control"], &["*"]).await;
    let shared = guarded.ask(&key, "POST", "/api/runs/r/shares", json!({})).await.json();
    let share = text(&shared["url"]).split_once("/s/").unwrap().1.to_owned();
    let opened = node.get_unredirected(&format!("/s/{share}"), &[]).await;
    let begun = begin(node, "/").await;
    let code = provider.code(&begun.sent, json!({"groups": ["dev"]}));
    let signed_in = come_back(node, &begun.cookie, &begun.state(), &code).await;
    assert_eq!((opened.status, signed_in.status), (303, 303), "{signed_in:?}");
    let value = |cookie: &String| cookie.split_once('=').unwrap().1.to_owned();
    let sessions: Vec<String> = cookies(&signed_in).iter().chain(&cookies(&opened)).map(value).collect();
    let asked = AccessSecret::generate().unwrap();
    let body = json!({"digest": asked.digest().to_string(), "label": "ann@laptop"}).to_string();
    let asking = send(node, "POST", "/api/login", &[("content-type", "application/json")], body).await;
    assert_eq!(asking.status, 201, "{asking:?}");
    let ann = issuer::token("ann@example.org", issuer::now(), 600);
    let unknown = AccessSecret::generate().unwrap().reveal().to_owned();

    let mut answers = String::new();
    for credential in [&first, &key, &ann, &unknown, &ann.replace('.', ".x")] {
        for route in routes().iter().filter(|route| route.method == "GET" && !route.is_web_socket()) {
            // Streams and long polls that would not end are asked for their heads.
            let path = route.path("r");
            let method = if path.ends_with("/stream") { "HEAD" } else { "GET" };
            let bearer = format!("Bearer {credential}");
            let reply = send(node, method, &path, &[("authorization", &bearer)], String::new()).await;
            answers += &format!("{method} {path} {:?} {}\n", reply.headers, reply.text);
        }
    }
    for session in &sessions {
        let cookie = format!("runcast={session}");
        answers += &node.get_with("/api/me", &[("cookie", &cookie), ("sec-fetch-site", "same-origin")]).await.text;
    }
    assert_eq!(guarded.ask(&first, "DELETE", &format!("/api/keys/{id}"), json!(null)).await.status, 204);
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_runcast"));
    // In a directory of its own: it leaves alone what a server has open.
    let apart = [("RUNCAST__SERVER__DATA_DIR", "doctor"), ("RUNCAST__SERVER__BIND", "127.0.0.1:0")];
    doctor.arg("doctor").env_clear().envs(settings).envs(apart).kill_on_drop(true);
    let checked = soon("the doctor", doctor.current_dir(directory.path()).output()).await.unwrap();
    let checked = [checked.stdout, checked.stderr].map(|told| String::from_utf8(told).unwrap()).concat();
    assert!(checked.contains("access"), "{checked}");

    let state = begun.state();
    let secrets = [&first, &key, &share, &code, &ann, &unknown, &state, SIGNING_KEY, OBJECTS_KEY]
        .into_iter()
        .map(String::from)
        .chain(sessions.iter().filter(|session| !session.is_empty()).cloned())
        .chain([CLIENT_SECRET.to_owned(), issuer::SECRET.to_owned(), asked.reveal().to_owned()]);
    let audit = std::fs::read_to_string(&audit).unwrap();
    assert!(audit.contains("token_verified"), "{audit}");
    let log = node.log();
    assert!(log.contains("\"TRACE\""), "it says all that it can");
    for secret in secrets {
        for (place, told) in
            [("the log", &log), ("the audit log", &audit), ("an answer", &answers), ("doctor", &checked)]
        {
            let line = told.lines().find(|line| line.contains(&secret));
            assert!(line.is_none(), "{place} has {secret}: {}", line.unwrap_or_default());
        }
    }
}
