//! The audit log: who was given rights, who was refused, and who did what.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use super::super::support::{Op, SOON, Socket, TestNode, eventually};
use super::{GuardedNode, issuer, send, text};

/// The lines of the file.
fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

/// What a line says was done, with what: action, run, item, outcome; `-` for what is not there.
fn told(line: &Value) -> [String; 4] {
    ["action", "run", "item", "outcome"].map(|member| line[member].as_str().unwrap_or("-").to_owned())
}

#[tokio::test]
async fn who_did_what_is_in_a_file_that_only_its_owner_reads() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("audit.log");
    let guarded = GuardedNode::start(&[("RUNCAST__LOG__AUDIT_FILE", file.to_str().unwrap())]);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let (node, first) = (&guarded.node, &guarded.first);
    assert_eq!(guarded.post(first, "r").await.status, 202);
    let bearer = format!("Bearer {first}");
    let stored = node.try_send("PUT", "/api/runs/r/artifacts/a.txt", &[("authorization", &bearer)], "x").await;
    let artifact = text(&stored.unwrap().json()["artifactId"]);

    let (key, id) = guarded.key(&["view", "control"], &["r"]).await;
    let made = guarded.ask(&key, "POST", "/api/runs/r/shares", json!({})).await.json();
    let (share, link) = (text(&made["share"]["id"]), text(&made["url"]));
    let link = link.split_once("/s/").map(|(_, secret)| format!("/s/{secret}")).unwrap();
    assert_eq!(node.get_unredirected(&link, &[]).await.status, 303);
    let command = uuid::Uuid::now_v7().to_string();
    let said = json!({"type": "update_instructions", "commandId": command, "mode": "append", "instructions": "what only the worker reads"});
    let given = guarded.ask(&key, "POST", "/api/runs/r/commands", said).await;
    assert_eq!(given.status, 202, "{given:?}");
    let body = json!({"key": key}).to_string();
    let signed_in = send(node, "POST", "/api/session", &[("content-type", "application/json")], body).await;
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
    let own = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(send(node, "DELETE", "/api/session", &own, String::new()).await.status, 204);
    for (method, path, body, status) in [
        ("PUT", "/api/runs/r/pin", json!({"reason": "what was typed"}), 200),
        ("DELETE", "/api/runs/r/pin", json!(null), 204),
        ("DELETE", &format!("/api/runs/r/artifacts/{artifact}"), json!(null), 204),
        ("POST", "/api/cleanup/run?dryRun=1", json!({}), 200),
        ("POST", "/api/cleanup/run", json!({}), 200),
        ("DELETE", &format!("/api/runs/r/shares/{share}"), json!(null), 204),
        ("DELETE", &format!("/api/keys/{id}"), json!(null), 204),
        ("POST", "/api/revocations", json!({"subject": "corp:ann"}), 201),
        ("DELETE", "/api/runs/r?force=1", json!(null), 204),
    ] {
        let reply = guarded.ask(first, method, path, body).await;
        assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
    }

    let lines = lines(&file);
    let session = text(&lines.iter().find(|line| line["action"] == "signed_in").expect("somebody signed in")["item"]);
    let expected = [
        ["key_created", "-", &id, "-"],
        ["share_created", "r", &share, "-"],
        ["share_opened", "r", "-", "-"],
        ["command", "r", &command, "update_instructions"],
        ["signed_in", "-", &session, "-"],
        ["signed_out", "-", &session, "-"],
        ["run_pinned", "r", "-", "-"],
        ["run_unpinned", "r", "-", "-"],
        ["artifact_deleted", "r", &artifact, "-"],
        ["cleanup_started", "-", "-", "-"],
        ["share_revoked", "r", &share, "-"],
        ["key_revoked", "-", &id, "-"],
        ["subject_revoked", "-", "corp:ann", "-"],
        ["run_deleted", "r", "-", "-"],
    ];
    assert_eq!(lines.iter().map(told).collect::<Vec<_>>(), expected.map(|line| line.map(str::to_owned)));
    for line in &lines {
        assert!(line["subject"].is_string() && line["name"].is_string() && line["verified"] == true, "{line}");
        assert!(
            line["action"] == "command" || line["address"] == "127.0.0.1" && line["credential"].is_string(),
            "{line}"
        );
        assert!(line["timestamp"].as_str().is_some_and(|at| at.ends_with('Z')), "{line}");
    }
    assert_eq!(lines[3]["subject"], format!("key:{id}"));
    let written = std::fs::read_to_string(&file).unwrap();
    for secret in [first.as_str(), &key, &cookie, &link, "what only the worker reads", "what was typed"] {
        assert!(!written.contains(secret), "{secret} stands in {written}");
    }
    assert!(!node.log().contains("runcast::audit"), "they are apart");

    // Whoever rotates it moves it away.
    std::fs::rename(&file, directory.path().join("audit.1")).unwrap();
    guarded.key(&["view"], &["r"]).await;
    assert_eq!(self::lines(&file).len(), 1);
}

#[tokio::test]
async fn who_was_refused_is_told_a_few_times_and_without_a_file_in_the_log() {
    let (key, list) = issuer::setting();
    let guarded = GuardedNode::start(&[(key, &list)]);
    assert_eq!(guarded.post(&guarded.first, "r").await.status, 202);
    let (viewer, id) = guarded.key(&["view"], &["r"]).await;
    guarded.ask(&viewer, "GET", "/api/runs/other", json!(null)).await.problem(403, "insufficient_scope");
    for _ in 0..50 {
        guarded.node.get("/api/runs/r").await.problem(401, "unauthenticated");
    }
    let mut socket = Socket::connect(&guarded.node, None).await;
    socket.upgrade("/ws/runs/r", &format!("Authorization: Bearer {viewer}\r\n"), b"").await;
    for _ in 0..3 {
        socket.say(Op::Text, br#"{"type":"pause"}"#).await;
        socket.said("command").await;
    }
    let ann = issuer::token("ann@example.org", issuer::now(), 600);
    for _ in 0..2 {
        assert_eq!(guarded.ask(&ann, "GET", "/api/runs/r", json!(null)).await.status, 200);
    }
    let log = guarded.node.log();
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let lines: Vec<&Value> = lines.iter().filter(|line| line["target"] == "runcast::audit").collect();
    let of = |action: &str| lines.iter().filter(|line| line["action"] == action).copied().collect::<Vec<_>>();
    let refused = of("refused");
    let by_key = |line: &&&Value| line["subject"] == format!("key:{id}");
    let [route, socket] = refused.iter().filter(by_key).collect::<Vec<_>>()[..] else { panic!("{refused:?}") };
    assert_eq!(told(route), ["refused", "other", "GET /api/runs/{runId}", "403"]);
    assert_eq!(told(socket), ["refused", "r", "command", "-"], "once for each connection");
    let strangers: Vec<_> = refused.iter().filter(|line| line["subject"].is_null()).collect();
    assert!((5..=40).contains(&strangers.len()), "fifty were refused: {}", strangers.len());
    assert_eq!(told(strangers[0]), ["refused", "r", "GET /api/runs/{runId}", "401"]);
    let verified = of("token_verified");
    assert_eq!(verified.len(), 1, "{verified:?}");
    assert_eq!(verified[0]["claimed"], "ann@example.org");
    assert!(text(&verified[0]["subject"]).starts_with("corp:sha256-"), "{verified:?}");
    assert!(!log.contains(&ann) && !log.contains(&viewer));
}

#[tokio::test]
async fn what_the_file_can_not_take_is_counted_and_done_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("logs");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("audit.log");
    let guarded = GuardedNode::start(&[("RUNCAST__LOG__AUDIT_FILE", file.to_str().unwrap())]);
    std::fs::remove_dir_all(&folder).unwrap();
    let (key, _) = guarded.key(&["view", "metrics"], &["*"]).await;
    let lost = async || guarded.ask(&key, "GET", "/metrics", json!(null)).await.text;
    eventually!(lost().await, |text| text.contains("runcast_audit_lost_total 1\n"), SOON);
    std::fs::create_dir(&folder).unwrap();
    guarded.key(&["view"], &["*"]).await;
    assert_eq!(lines(&file).iter().map(|line| text(&line["action"])).collect::<Vec<_>>(), ["key_created"]);
}

#[tokio::test]
async fn a_full_disk_takes_whole_lines_or_none() {
    let settings = [("RUNCAST__AUTH__MODE", "token"), ("RUNCAST__LOG__AUDIT_FILE", "data/small/audit.log")];
    let node = TestNode::start_with_a_small_disk(64 * 1024, &settings);
    let first = std::fs::read_to_string(node.data().join("admin.key")).unwrap().trim().to_owned();
    let guarded = GuardedNode { node, first };
    let (file, fill) = (guarded.node.small_disk().join("audit.log"), guarded.node.small_disk().join("fill"));
    guarded.key(&["view"], &["*"]).await;
    assert!(std::fs::write(&fill, vec![0; 64 * 1024]).is_err(), "it has no room for all of that");
    for _ in 0..20 {
        guarded.key(&["view"], &["*"]).await;
    }
    let lost = async || guarded.ask(&guarded.first, "GET", "/metrics", json!(null)).await.text;
    eventually!(lost().await, |text| !text.contains("runcast_audit_lost_total 0\n"), SOON);
    let taken = lines(&file).len();
    assert!((1..21).contains(&taken), "{taken}");
    std::fs::remove_file(&fill).unwrap();
    guarded.key(&["view"], &["*"]).await;
    assert_eq!(lines(&file).len(), taken + 1, "each is whole");
}
