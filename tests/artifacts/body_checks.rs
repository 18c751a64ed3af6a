//! What a request's head says of its body, and the body is not.
//! Promised in docs/reliability.md, "Abuse".

use serde_json::{Value, json};

use super::fixture::{Store, ask, fetch, list, node, path, picture, put, settled, stored, text};
use super::support::{gzip, zstd};

/// Of "abc" (RFC 1321, A.5), in base64.
const ABC: &str = "kAFQmDzST7DWlj99KOF/cg==";
/// Of nothing.
const NOTHING: &str = "1B2M2Y8AsgTpgAmY7PhCfg==";

#[tokio::test]
async fn a_part_of_something_is_not_stored_as_the_whole() {
    let node = node(&[]);
    let made = ask(&node, "POST", &path("r", ""), Some(json!({"name": "a.png", "size": 5}))).await.json();
    let url = made["upload"]["url"].as_str().unwrap();
    for range in ["bytes 0-4/10", "bytes 0-4/5", "bytes */5", "nonsense"] {
        let headers = [("content-range", range)];
        let detail = put(&node, "r", "b.png", &headers, picture(5)).await.problem(400, "partial_body");
        assert!(detail.contains("Content-Range"), "{detail}");
        assert_eq!(fetch("PUT", url, &headers, picture(5)).await.status, 400);
    }
    assert_eq!(list(&node, "r").await.len(), 1, "nothing was begun");
    assert_eq!(fetch("PUT", url, &[], picture(5)).await.status, 200);
}

#[tokio::test]
async fn a_wrong_md5_is_refused_on_every_body_and_nothing_is_stored() {
    let node = node(&[]);
    let events = r#"{"type":"log","text":"one"}"#;
    let md5 = |bytes: &[u8]| {
        use md5::Digest as _;
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, md5::Md5::digest(bytes))
    };
    let nd_json = ("content-type", "application/x-ndjson");
    for (wrong, status, code) in
        [(ABC, 422, "digest_mismatch"), ("AAAA", 400, "invalid_digest"), ("?", 400, "invalid_digest")]
    {
        let wrong = ("content-md5", wrong);
        node.post("/api/runs/r/events", &[nd_json, wrong], events).await.problem(status, code);
        node.post("/api/runs/r/frame", &[("content-type", "image/png"), wrong], "frame").await.problem(status, code);
        for content in [picture(100), picture(3_000_000), text(100_000)] {
            put(&node, "r", "a.bin", &[wrong], content).await.problem(status, code);
        }
        let announced = json!({"name": "a.png", "size": 5}).to_string();
        let headers = [("content-type", "application/json"), wrong];
        node.post(&path("r", ""), &headers, announced).await.problem(status, code);
    }
    assert!(settled(&node, "r").await.iter().all(|state| state == "failed"));
    assert_eq!(Store::Directory.files(&node), Vec::<String>::new());
    let made = ask(&node, "POST", &path("q", ""), Some(json!({"name": "a.png", "size": 100}))).await.json();
    let url = made["upload"]["url"].as_str().unwrap();
    assert_eq!(fetch("PUT", url, &[("content-md5", ABC)], picture(100)).await.status, 422);
    let complete = path("q", &format!("/{}/complete", super::fixture::id(&made["artifact"])));
    ask(&node, "POST", &complete, None).await.problem(409, "not_uploaded");

    // It is that of the body as it was sent.
    assert_eq!(
        node.post("/api/runs/r/events", &[nd_json, ("content-md5", &md5(events.as_bytes()))], events).await.status,
        202
    );
    for (coding, coded) in [("gzip", gzip(events.as_bytes())), ("zstd", zstd(events.as_bytes()))] {
        let sum = md5(&coded);
        let headers = [nd_json, ("content-encoding", coding), ("content-md5", sum.as_str())];
        assert_eq!(node.post("/api/runs/r/events", &headers, coded).await.status, 202);
    }
    assert_eq!(fetch("PUT", url, &[("content-md5", &md5(&picture(100)))], picture(100)).await.status, 200);
    assert_eq!(put(&node, "s", "abc", &[("content-md5", ABC)], b"abc".to_vec()).await.status, 201);
    assert_eq!(put(&node, "s", "nothing", &[("content-md5", NOTHING)], Vec::new()).await.status, 201);
    assert_eq!(node.stored("r").await.len(), 3);
    let _: Value = stored(&node, "s", "d.png", picture(10)).await;
}
