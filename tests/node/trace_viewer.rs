//! Playwright's trace viewer at `/trace/`: what `scripts/trace-viewer` fetches is what is served, and nothing else is.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{TestNode, exchange};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The viewer, fetched if it is not there yet.
fn fetched() -> PathBuf {
    let output = Command::new(root().join("scripts/trace-viewer")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    root().join("trace-viewer")
}

fn serving(viewer: &Path) -> TestNode {
    TestNode::start(&[("RUNCAST__ARTIFACTS__TRACE_VIEWER_DIR", viewer.to_str().unwrap())])
}

/// The smallest directory that counts as a viewer.
fn small_viewer(folder: &Path) {
    for name in ["index.html", "snapshot.html", "sw.bundle.js"] {
        fs::write(folder.join(name), name).unwrap();
    }
}

#[tokio::test]
async fn what_the_script_pins_is_what_is_served() {
    let viewer = fetched();
    let package = fs::read_to_string(root().join("scripts/trace-viewer.d/package.json")).unwrap();
    let pinned = serde_json::from_str::<Value>(&package).unwrap()["dependencies"]["playwright-core"].clone();
    assert_eq!(fs::read_to_string(viewer.join("VERSION")).unwrap().trim(), pinned);
    let tests = fs::read_to_string(root().join("tests/browser/package.json")).unwrap();
    let tested = serde_json::from_str::<Value>(&tests).unwrap()["dependencies"]["playwright-core"].clone();
    assert_eq!(pinned, tested, "the browser's tests see what is shipped");
    for notice in ["LICENSE", "NOTICE", "ThirdPartyNotices.txt"] {
        assert!(fs::metadata(viewer.join(notice)).unwrap().len() > 0, "{notice}");
    }

    let node = serving(&viewer);
    let page = node.get("/trace/?trace=%2Fapi%2Fx").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(page.text, fs::read_to_string(viewer.join("index.html")).unwrap());
    assert!(page.header("content-security-policy").starts_with("default-src 'none'; script-src 'self' 'sha256-"));
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    for name in page.text.split("\"./").skip(1).filter_map(|rest| rest.split('"').next()) {
        let file = node.get(&format!("/trace/{name}")).await;
        assert_eq!(file.status, 200, "{name}");
        assert_eq!(file.text, fs::read_to_string(viewer.join(name)).unwrap(), "{name}");
    }

    let worker = node.get("/trace/sw.bundle.js").await;
    assert_eq!(worker.header("content-security-policy"), "default-src 'none'; connect-src 'self'");
    let guard = include_str!("../../src/http/trace_viewer/guard.js");
    let theirs = fs::read_to_string(viewer.join("sw.bundle.js")).unwrap();
    assert!(worker.text.strip_prefix(guard) == Some(&theirs), "the worker stands behind its guard");
}

#[tokio::test]
async fn a_file_that_the_browser_has_is_not_sent_again() {
    let home = tempfile::tempdir().unwrap();
    small_viewer(home.path());
    let node = serving(home.path());
    let first = node.get("/trace/").await;
    assert_eq!((first.text.as_str(), first.header("cache-control")), ("index.html", "no-cache"));
    let again = node.get_with("/trace/index.html", &[("if-none-match", first.header("etag"))]).await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    assert_eq!(again.header("etag"), first.header("etag"));
    let other = node.get_with("/trace/snapshot.html", &[("if-none-match", first.header("etag"))]).await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn no_path_leads_out_of_the_viewer() {
    let home = tempfile::tempdir().unwrap();
    let viewer = home.path().join("viewer");
    fs::create_dir_all(viewer.join("assets")).unwrap();
    small_viewer(&viewer);
    fs::write(viewer.join("assets/a.js"), "a").unwrap();
    fs::write(home.path().join("config.toml"), "secret").unwrap();
    symlink(home.path().join("config.toml"), viewer.join("link")).unwrap();
    symlink(home.path(), viewer.join("assets/home")).unwrap();
    let node = serving(&viewer);
    assert_eq!(node.get("/trace/assets/a.js").await.text, "a");
    for path in [
        "../config.toml",
        "%2e%2e/config.toml",
        "..%2fconfig.toml",
        "%2e%2e%2fconfig.toml",
        "..\\config.toml",
        "assets/../../config.toml",
        "assets/..",
        "assets",
        "assets/",
        "/config.toml",
        "%2fetc%2fhostname",
        "index.html%00",
        "%00",
        "index.html/",
        "./index.html",
        "link",
        "assets/home/config.toml",
        "%ff",
    ] {
        // As it is written: a client would take the dots away.
        let answer = exchange(&node, &format!("GET /trace/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 404 ") || answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
        assert!(!answer.contains("secret"), "{path}");
    }
}

#[tokio::test]
async fn without_a_viewer_the_answer_says_how_to_get_one_and_notices_when_it_is_there() {
    let home = tempfile::tempdir().unwrap();
    let node = serving(&home.path().join("viewer"));
    let detail = node.get("/trace/").await.problem(404, "trace_viewer_missing");
    assert!(detail.contains("scripts/trace-viewer") && detail.contains("artifacts.trace_viewer_dir"), "{detail}");
    fs::create_dir(home.path().join("viewer")).unwrap();
    small_viewer(&home.path().join("viewer"));
    assert_eq!(node.get("/trace/").await.text, "index.html");
}
