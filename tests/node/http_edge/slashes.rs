//! Slashes too many, as they come from bases that end with one.

use super::raw::node;
use crate::support::{Socket, numbered};

#[tokio::test]
async fn slashes_too_many_reach_the_route() {
    let node = node(&[]);
    node.store("r", &numbered(1, 3, 0)).await;
    for path in [
        "//health",
        "/health/",
        "/api/runs/",
        "//api//runs",
        "/api/runs/r/",
        "//api/runs/r/events/?after=1",
        "/runs/r/",
        "//",
    ] {
        let reply = node.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
    }
    let page = node.get_json("//api/runs//r///events/?after=1&limit=1").await;
    assert_eq!(page["cursor"].as_str().unwrap().split(':').nth(1), Some("2"), "{page}");
    let posted = node.post("//api/runs/r/events/", &[("content-type", "application/json")], r#"{"type":"log"}"#).await;
    assert_eq!(posted.status, 202, "{posted:?}");
    for path in ["//ws/runs/r", "/ws/runs/r/", "/ws//test-control/?runId=r"] {
        assert_eq!(Socket::open(&node, path).await.said("connected").await["runId"], "r", "{path}");
    }
    node.get("/api/runs/r/nothing/").await.problem(404, "not_found");
}

#[tokio::test]
async fn names_and_signed_urls_mean_the_same_with_slashes_too_many() {
    let node = node(&[]);
    let put = async |path: &str| {
        let reply = node.try_send("PUT", path, &[], "hello").await.unwrap();
        assert_eq!(reply.status, 201, "{path}: {reply:?}");
        reply.json()
    };
    assert_eq!(put("//api/runs/r/artifacts/a.txt/").await["name"], "a.txt");
    let slashed = put("/api/runs/r/artifacts/a%2F%2Fb%2F").await;
    assert_eq!(slashed["name"], "a//b/", "a slash that is written %2F belongs to the name");
    let id = slashed["artifactId"].as_str().unwrap();
    let download = node.get_json(&format!("/api/runs/r/artifacts//{id}/download/?encoding=identity")).await;
    let url = download["downloadUrl"].as_str().unwrap();
    let path = url.split_once("://").map_or(url, |(_, rest)| &rest[rest.find('/').unwrap()..]);
    for path in [path.to_owned(), format!("/{path}"), path.replacen("/content?", "//content/?", 1)] {
        let reply = node.get(&path).await;
        assert_eq!((reply.status, reply.text.as_str()), (200, "hello"), "{path}");
    }
    let (base, signature) = path.rsplit_once('=').unwrap();
    node.get(&format!("{base}=/{signature}")).await.problem(403, "url_invalid");
}
