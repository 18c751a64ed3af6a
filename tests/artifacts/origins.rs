//! What pages of other origins may do: fetch what a signed URL grants, and nothing else.

use serde_json::json;

use super::download::url_of;
use super::fixture::{ask, fetch, id, list, node, path, picture, stored};
use super::support::TestNode;

const THEIRS: (&str, &str) = ("origin", "https://trace.example.org");
const ASKED: (&str, &str) = ("access-control-request-method", "PUT");

#[tokio::test]
async fn a_page_of_another_origin_may_read_what_a_signed_url_grants() {
    let node = node(&[]);
    let artifact = stored(&node, "r", "a.png", picture(1_000)).await;
    let url = url_of(&node, "r", &artifact).await;
    for origin in ["https://trace.example.org", "null"] {
        let there = fetch("GET", &url, &[("origin", origin), ("range", "bytes=0-9")], Vec::new()).await;
        assert_eq!((there.status, there.body.len()), (206, 10));
        assert!(
            matches!(there.header("access-control-allow-origin"), "*")
                || there.header("access-control-allow-origin") == origin
        );
        assert_eq!(there.header("access-control-allow-credentials"), "");
        let exposed = there.header("access-control-expose-headers").to_lowercase();
        assert!(["content-range", "etag"].iter().all(|name| exposed.contains(name)), "{exposed}");
    }
    let preflight = fetch(
        "OPTIONS",
        &url,
        &[THEIRS, ("access-control-request-method", "GET"), ("access-control-request-headers", "range")],
        Vec::new(),
    )
    .await;
    assert!((200..300).contains(&preflight.status), "{}", preflight.status);
    assert!(preflight.header("access-control-allow-headers").to_lowercase().contains("range"));
    // Without a signature it is as closed as ever.
    let bare = url.split_once('?').unwrap().0;
    assert_eq!(fetch("GET", bare, &[THEIRS], Vec::new()).await.status, 403);
    let rebound = fetch("GET", &url, &[("host", "evil.example.org")], Vec::new()).await;
    assert_eq!(rebound.status, 403);
}

#[tokio::test]
async fn a_page_of_another_origin_may_put_what_a_signed_url_announces() {
    let node = node(&[]);
    let made = ask(&node, "POST", &path("r", ""), Some(json!({"name": "a.png", "size": 1_000}))).await.json();
    let url = made["upload"]["url"].as_str().unwrap();
    assert!((200..300).contains(&fetch("OPTIONS", url, &[THEIRS, ASKED], Vec::new()).await.status));
    let put = fetch("PUT", url, &[THEIRS], picture(1_000)).await;
    assert_eq!(put.status, 200);
    assert_ne!(put.header("access-control-allow-origin"), "");
    let complete = path("r", &format!("/{}/complete", id(&made["artifact"])));
    assert_eq!(ask(&node, "POST", &complete, None).await.status, 200);
}

async fn refused(node: &TestNode, method: &str, path: &str, headers: &[(&str, &str)]) {
    let reply = node.try_send(method, path, headers, r#"{"name":"x","size":1}"#).await.unwrap();
    reply.problem(403, "origin_not_allowed");
    assert_eq!(reply.header("access-control-allow-origin"), "", "{method} {path}");
}

#[tokio::test]
async fn a_page_of_another_origin_may_do_nothing_else() {
    let node = node(&[]);
    let artifact = stored(&node, "r", "a.png", picture(1_000)).await;
    let show = path("r", &format!("/{}", id(&artifact)));
    for (method, path) in [
        ("GET", path("r", "")),
        ("POST", path("r", "")),
        ("PUT", path("r", "/x.png")),
        // Names that look like the route that is open.
        ("PUT", path("r", "/content")),
        ("PUT", path("r", "/x%2Fcontent")),
        ("DELETE", path("r", "/content")),
        ("GET", path("artifacts", "/content")),
        ("PUT", path("artifacts", "/content")),
        ("GET", show.clone()),
        ("DELETE", show.clone()),
        ("GET", format!("{show}/download")),
        ("POST", format!("{show}/complete")),
        ("PUT", "/api/runs/r/pin".to_owned()),
        ("DELETE", "/api/runs/r/pin".to_owned()),
        ("GET", "/api/cleanup/stats".to_owned()),
        ("POST", "/api/cleanup/run".to_owned()),
    ] {
        for headers in [&[THEIRS][..], &[("sec-fetch-site", "cross-site")], &[("origin", "null")]] {
            refused(&node, method, &path, headers).await;
        }
        refused(&node, "OPTIONS", &path, &[THEIRS, ASKED]).await;
    }
    assert_eq!(list(&node, "r").await, [artifact]);
}
