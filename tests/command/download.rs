//! `runcast download`: files of a run, whatever their names are, each whole and none lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::json;

use super::backup::files_below;
use super::http_double::{Answer, HttpDouble};
use super::support::TestNode;
use super::{output, runcast, text};

async fn put(node: &TestNode, name: &str, body: impl Into<reqwest::Body>) {
    let name: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let reply = node.try_send("PUT", &format!("/api/runs/r/artifacts/{name}"), &[], body).await.unwrap();
    assert_eq!(reply.status, 201, "{reply:?}");
}

async fn download(url: &str, dir: &Path, more: &[&str]) -> Output {
    let arguments = [&["download", "r", "--dir", dir.to_str().unwrap(), "--url", url], more].concat();
    output(runcast(&arguments)).await
}

/// The files below a directory, with their bytes.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let named = |path: &PathBuf| path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
    let mut found: Vec<_> = files_below(dir).into_iter().map(|path| (named(&path), fs::read(&path).unwrap())).collect();
    found.sort();
    found
}

#[tokio::test]
async fn artifacts_become_files_below_the_directory_whatever_their_names_are() {
    let node = TestNode::start(&[]);
    let log = "a line of text, as logs have it\n".repeat(5_000);
    put(&node, "linux/pays/stdout.log", log.clone()).await;
    put(&node, "video.webm", vec![7_u8; 3_000]).await;
    put(&node, "../../outside.txt", "evil").await;
    put(&node, "/tmp/absolute.txt", "evil too").await;
    put(&node, "video.webm", vec![8_u8; 10]).await;
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("a/b");
    let done = download(&node.url(""), &dir, &[]).await;
    let told = text(&done.stderr);
    assert!(done.status.success() && told.contains("5 downloaded (") && told.contains(", 0 failed"), "{told}");
    let there = files(home.path());
    let named = |name: &str| there.iter().find(|(path, _)| path == name).map(|(_, bytes)| bytes.as_slice());
    assert_eq!(named("a/b/linux/pays/stdout.log"), Some(log.as_bytes()), "as it was uploaded, though stored smaller");
    assert_eq!(named("a/b/video.webm"), Some(&[7; 3_000][..]));
    assert_eq!(named("a/b/_._.._outside.txt").or(named("a/b/_.._outside.txt")), Some(&b"evil"[..]), "{there:?}");
    assert_eq!(named("a/b/_tmp_absolute.txt"), Some(&b"evil too"[..]));
    let second = there.iter().find(|(path, _)| path.ends_with("-video.webm")).unwrap();
    assert_eq!(second.1, [8; 10]);
    assert_eq!(there.len(), 5);

    let again = download(&node.url(""), &dir, &["*.webm", "linux/**"]).await;
    assert!(text(&again.stderr).contains("0 downloaded (0 B), 3 already there, 0 failed"), "{}", text(&again.stderr));
    let none = download(&node.url(""), &dir, &["*.pdf"]).await;
    assert_eq!(none.status.code(), Some(1));
    assert!(text(&none.stderr).contains("r has 5 artifacts, and none whose name fits *.pdf"), "{}", text(&none.stderr));
}

#[tokio::test]
async fn no_file_is_overwritten_unasked_and_no_link_is_followed() {
    let node = TestNode::start(&[]);
    put(&node, "a.log", "from the run").await;
    put(&node, "link/b.log", "through a link").await;
    let (home, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(home.path().join("a.log"), "mine").unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), home.path().join("link")).unwrap();
    let refused = download(&node.url(""), home.path(), &["-q"]).await;
    let told = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("a.log: another file is there: --overwrite replaces it"), "{told}");
    assert!(told.contains("link/b.log: ") && told.contains("link is no directory"), "{told}");
    assert_eq!(fs::read(home.path().join("a.log")).unwrap(), b"mine");
    assert_eq!(files(elsewhere.path()), []);
    // A link in the file's own place is replaced, not written through.
    fs::remove_file(home.path().join("a.log")).unwrap();
    let target = elsewhere.path().join("target");
    fs::write(&target, "kept").unwrap();
    std::os::unix::fs::symlink(&target, home.path().join("a.log")).unwrap();
    let replaced = download(&node.url(""), home.path(), &["a.log", "--overwrite"]).await;
    assert!(replaced.status.success(), "{}", text(&replaced.stderr));
    assert_eq!(fs::read(home.path().join("a.log")).unwrap(), b"from the run");
    assert_eq!(fs::read(target).unwrap(), b"kept");
}

#[tokio::test]
async fn what_broke_off_goes_on_and_what_is_not_the_artifact_is_begun_anew() {
    let node = TestNode::start(&[]);
    let body = (0..50_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>();
    put(&node, "a.bin", body.clone()).await;
    let id = node.get_json("/api/runs/r/artifacts").await["artifacts"][0]["artifactId"].as_str().unwrap().to_owned();
    for (left, is_told) in [(body[..70_000].to_vec(), false), (vec![1; 70_000], true), (vec![1; 900_000], false)] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(format!("a.bin.{id}.part")), left).unwrap();
        let done = download(&node.url(""), dir.path(), &[]).await;
        let told = text(&done.stderr);
        assert!(done.status.success(), "{told}");
        assert_eq!(told.contains("another digest"), is_told, "{told}");
        assert!(files(dir.path()) == [("a.bin".to_owned(), body.clone())], "whole, and nothing beside it");
    }
}

/// A server with an artifact `a.txt` of 6 bytes, which are at another one's.
fn server_of(file: &HttpDouble, sha256: &str) -> HttpDouble {
    let listed = json!({
        "artifacts": [{"artifactId": "i", "name": "a.txt", "kind": "log", "state": "ready", "size": 6, "sha256": null}],
        "cursor": null, "direct": false, "maxBytes": 1,
    });
    let place = json!({"downloadUrl": format!("{}/file", file.url), "exact": true, "sha256": sha256});
    HttpDouble::start([listed, place].map(|body| Answer::Say("200 OK", "", body.to_string())).into())
}

#[tokio::test]
async fn a_store_that_has_no_range_at_all_is_asked_twice() {
    let mut file = HttpDouble::start(vec![Answer::Say("416 Range Not Satisfiable", "", String::new())]);
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.txt.i.part"), "abc").unwrap();
    let done = download(&server_of(&file, &"00".repeat(32)).url, dir.path(), &[]).await;
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains("the server refused with 416"), "{}", text(&done.stderr));
    let ranges: Vec<_> = file.taken().iter().map(|request| request.header("range").to_owned()).collect();
    assert_eq!(ranges, ["bytes=3-", ""]);
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_again_from_where_it_broke() {
    let half = Answer::Say("200 OK", "etag: \"e\"\r\ntransfer-encoding: chunked\r\n", "3\r\nabc\r\n".to_owned());
    let rest = "etag: \"e\"\r\ncontent-range: bytes 3-5/6\r\n";
    let mut file = HttpDouble::start(vec![half, Answer::Say("206 Partial Content", rest, "def".to_owned())]);
    let server = server_of(&file, "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721");
    let dir = tempfile::tempdir().unwrap();
    let done = download(&server.url, dir.path(), &[]).await;
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(files(dir.path()), [("a.txt".to_owned(), b"abcdef".to_vec())]);
    let asked: Vec<_> = file.taken();
    let parts: Vec<_> = asked.iter().map(|request| (request.header("range"), request.header("if-range"))).collect();
    assert_eq!(parts, [("", ""), ("bytes=3-", "\"e\"")]);
}

#[tokio::test]
async fn what_comes_and_is_not_what_was_uploaded_is_not_kept() {
    let mut file = HttpDouble::start(vec![Answer::Say("200 OK", "etag: \"e\"\r\n", "abc".to_owned())]);
    let mut server = server_of(&file, &"00".repeat(32));
    let dir = tempfile::tempdir().unwrap();
    let done = download(&server.url, dir.path(), &["--timeout", "5"]).await;
    let told = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{told}");
    assert!(told.contains("what came has another digest than what was uploaded"), "{told}");
    assert_eq!(files(dir.path()), []);
    assert_eq!(file.taken().len(), 2, "once more, and no third time");
    assert!(server.next().await.line.starts_with("GET /api/runs/r/artifacts?limit=1000"));
    assert_eq!(server.next().await.line, "GET /api/runs/r/artifacts/i/download?encoding=identity HTTP/1.1");
}
