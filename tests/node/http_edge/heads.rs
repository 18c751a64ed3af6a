//! `HEAD` wherever there is `GET`: the same head, and nothing behind it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::raw::{Answer, Raw, node};
use crate::support::{SOON, eventually, numbered, soon};

/// What tells the time, or counts what happens meanwhile.
const MOVING: [&str; 5] = ["/metrics", "/health", "/api/ws/stats", "/api/actors", "/ready"];

/// The headers that all answers of this path must have with the same value; others are different each time.
fn lasting<'a>(path: &str, answer: &'a Answer) -> BTreeSet<&'a str> {
    let varying: &[&str] = match MOVING.contains(&path) {
        true => &["date: ", "content-length: "],
        false => &["date: ", "set-cookie: ", "location: "],
    };
    answer.head.lines().filter(|line| !varying.iter().any(|name| line.starts_with(name))).collect()
}

#[tokio::test]
async fn head_is_answered_as_get_is_on_every_route_and_without_a_body() {
    let node = node(&[]);
    node.store("r", &numbered(1, 3, 0)).await;
    let stored = node.try_send("PUT", "/api/runs/r/artifacts/a.txt", &[], "hello ".repeat(2_000)).await.unwrap();
    let id = stored.json()["artifactId"].as_str().unwrap().to_owned();
    let download = node.get_json(&format!("/api/runs/r/artifacts/{id}/download?encoding=identity")).await;
    let url = download["downloadUrl"].as_str().unwrap().to_owned();
    let signed = url.split_once("://").map_or(url.as_str(), |(_, rest)| &rest[rest.find('/').unwrap()..]).to_owned();

    let list = node.get("/").await.text;
    let styles = list.split('"').find(|word| word.starts_with("/assets/")).unwrap();

    let document = node.get_json("/api/openapi.json").await;
    let routes: Vec<&String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, item)| item["get"] != Value::Null)
        .map(|(path, _)| path)
        .collect();
    assert!(routes.len() > 20, "{routes:?}");
    for route in routes {
        let content = route.ends_with("/content");
        let path = match content && route.starts_with("/api/runs/") {
            true => signed.clone(),
            false => route
                .replace("/assets/{file}", styles)
                .replace("/clients/{file}", "/clients/runcast-client.tgz")
                .replace("{runId}", "r")
                .replace("{artifactId}", &id)
                .replace("{file}", "index.html"),
        };
        let head_of = async |method: &str| {
            let mut raw = Raw::say(&node, &format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
            (raw.head().await, raw)
        };
        // What the node does meanwhile may change the answer, as to the list and to an artifact that is compressed: a head
        // between two answers that are alike is of that answer.
        let between = async || loop {
            let (before, _) = head_of("GET").await;
            let (head, open) = head_of("HEAD").await;
            let (after, _) = head_of("GET").await;
            if before.status == after.status && lasting(&path, &before) == lasting(&path, &after) {
                return (after, head, open);
            }
        };
        let (get, head, mut open) = soon(&format!("two answers alike of {path}"), between()).await;
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(lasting(&path, &head), lasting(&path, &get), "{path}");
        assert!(head.status != 405 && head.status != 404 || path.starts_with("/trace/"), "{path}: {head:?}");
        // What follows the head is the next answer.
        open.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
        let next = String::from_utf8(open.rest().await).unwrap();
        assert!(next.starts_with("HTTP/1.1 200 OK\r\n") && next.contains("\"ok\""), "{path}: {next}");
    }
    let watching = async || node.get_json("/api/runs/r/viewers").await["viewers"].clone();
    eventually!(watching().await, |viewers| *viewers == 0, SOON);
    let refused = node.try_send("DELETE", "/api/runs", &[], "").await.unwrap();
    assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD"));
}

#[tokio::test]
async fn the_pages_have_an_icon() {
    let node = node(&[]);
    for page in ["/", "/runs/r"] {
        let page = node.get(page).await;
        assert!(page.text.contains(r#"<link rel="icon" href="/favicon.svg""#), "{}", page.text);
        assert!(page.header("content-security-policy").contains("img-src 'self'"), "{page:?}");
    }
    let drawing = node.get("/favicon.svg").await;
    assert_eq!((drawing.status, drawing.header("content-type")), (200, "image/svg+xml"));
    assert!(drawing.text.starts_with("<svg "));
    let icon = Raw::ask(&node, "GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert_eq!((icon.status, icon.header("content-type")), (200, Some("image/x-icon")));
    assert_eq!(&icon.body[..4], [0, 0, 1, 0], "an icon file with pictures");
}
