//! A run as one file, to keep after its retention.

use std::fs;
use std::io::{Cursor, Read as _};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use zip::ZipArchive;

use super::cleanup::BY_HAND;
use super::fixture::{bytes, files, node, objects, picture, stored, text};
use super::support::{SOON, TestNode, eventually, numbered, soon};

const RUN: &str = "/api/runs/r";

fn event(text: &str) -> String {
    text.to_owned()
}

async fn unpacked(node: &TestNode) -> ZipArchive<Cursor<Vec<u8>>> {
    ZipArchive::new(Cursor::new(bytes(&node.url(&format!("{RUN}/export?format=zip"))).await)).unwrap()
}

fn entry(zip: &mut ZipArchive<Cursor<Vec<u8>>>, name: &str) -> Vec<u8> {
    let mut content = Vec::new();
    zip.by_name(name).unwrap_or_else(|error| panic!("{name}: {error}")).read_to_end(&mut content).unwrap();
    content
}

#[tokio::test]
async fn a_zip_file_has_the_log_to_the_byte_and_every_artifact_as_it_was() {
    let node = node(&BY_HAND);
    node.store("r", &numbered(1, 3_000, 100)).await;
    node.store("r", &[event(r#"{"type":"test_status","testId":"a","status":"failed","data":{"error":"no"}}"#)]).await;
    let (log, shot) = (text(400_000), picture(20_000));
    stored(&node, "r", "..%2F..%2Fetc%2Fpasswd", log.clone()).await;
    stored(&node, "r", "shot.png", shot.clone()).await;
    stored(&node, "r", "SHOT.png", picture(999)).await;
    let lost = stored(&node, "r", "lost.png", picture(1_001)).await;
    let object = files(&objects(&node)).into_iter().find(|file| file.contains("lost")).unwrap();
    fs::remove_file(objects(&node).join(object)).unwrap();

    let mut zip = unpacked(&node).await;
    let names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert!(names.iter().all(|name| !name.split('/').any(|part| ["", ".", ".."].contains(&part))), "{names:?}");
    let events = String::from_utf8(entry(&mut zip, "events.ndjson")).unwrap();
    let page = node.get_with(&format!("{RUN}/events"), &[("accept", "application/x-ndjson")]).await;
    assert!(events == page.text && events.lines().count() == 3_005, "the log is another one");
    assert_eq!(entry(&mut zip, "artifacts/shot.png"), shot);
    let listed: Value = serde_json::from_slice(&entry(&mut zip, "artifacts.json")).unwrap();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 4);
    for artifact in listed {
        match artifact["file"].as_str() {
            Some(file) => drop(entry(&mut zip, file)),
            None => assert_eq!(artifact["artifactId"], lost["artifactId"], "{artifact}"),
        }
    }
    let passwd = listed.iter().find(|artifact| artifact["name"] == "../../etc/passwd").unwrap();
    assert_eq!(entry(&mut zip, passwd["file"].as_str().unwrap()), log, "as it was before it was packed");
    assert!(String::from_utf8(entry(&mut zip, "junit.xml")).unwrap().contains("<failure message=\"no\">"));
    assert!(String::from_utf8(entry(&mut zip, "report.html")).unwrap().contains("<h2>Failed (1)</h2>"));
    assert_eq!(serde_json::from_slice::<Value>(&entry(&mut zip, "state.json")).unwrap()["runId"], "r");
}

#[tokio::test]
async fn a_page_and_junit_are_downloads_and_what_is_wrong_is_named() {
    let node = node(&BY_HAND);
    node.get(&format!("{RUN}/export?format=zip")).await.problem(404, "run_not_found");
    node.store(
        "r",
        &[
            event(r#"{"type":"test_status","testId":"a","status":"failed","data":{"title":"pays","error":"<b>"}}"#),
            event(r#"{"type":"log","text":"\u001b[31mlast\u001b[0m words\n"}"#),
        ],
    )
    .await;
    let shot = [b"\x89PNG\r\n\x1a\n", &picture(300)[..]].concat();
    let headers = [("content-type", "image/png"), ("runcast-test", "a"), ("runcast-kind", "screenshot")];
    let path = format!("{RUN}/artifacts/shot.png");
    let sent = soon("the upload", node.try_send("PUT", &path, &headers, shot)).await;
    assert_eq!(sent.unwrap().status, 201);
    let html = node.get(&format!("{RUN}/export?format=html")).await;
    assert_eq!((html.status, html.header("content-disposition")), (200, "attachment; filename=\"r.html\""));
    for part in ["pays", "&lt;b&gt;", "last words", "src=\"data:image/png;base64,"] {
        assert!(html.text.contains(part), "{part}: {}", html.text);
    }
    let xml = node.get(&format!("{RUN}/export?format=junit")).await;
    assert!(xml.header("content-type").starts_with("application/xml") && xml.text.contains("tests=\"1\""), "{xml:?}");
    node.get(&format!("{RUN}/export")).await.problem(400, "invalid_format");
    node.get(&format!("{RUN}/export?format=pdf")).await.problem(400, "invalid_format");
}

#[tokio::test]
async fn files_that_nobody_takes_hold_up_no_more_than_the_permits_and_give_them_back() {
    let node = node(&BY_HAND);
    node.store("r", &numbered(1, 10, 0)).await;
    stored(&node, "r", "big.png", picture(40 << 20)).await;
    let request = format!("GET {RUN}/export?format=zip HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut takers = Vec::new();
    for _ in 0..4 {
        let mut taker = TcpStream::connect(node.address()).await.unwrap();
        taker.write_all(request.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        soon("the head", taker.read_exact(&mut head)).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 200");
        takers.push(taker);
    }
    let refused = node.get(&format!("{RUN}/export?format=zip")).await;
    assert_eq!(refused.header("retry-after"), "1");
    refused.problem(503, "saturated");
    drop(takers);
    let _ = eventually!(node.get(&format!("{RUN}/export?format=junit")).await.status, |status| *status == 200, SOON);
}
