//! Downloads that are decoded on the way, broken off, and taken up where they broke off.
//! Promised in docs/reliability.md, "Abuse".

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::fixture::{Catalog, Store, download, fetch, files, id, node, objects, samples, stored, text};
use super::support::{SOON, Site, soon};

/// The URL of an artifact as who can decode nothing gets it.
async fn decoded(site: &Site, run: &str, artifact: &serde_json::Value) -> String {
    let told = download(site, run, id(artifact), "?encoding=identity", "").await.json();
    told["downloadUrl"].as_str().unwrap().to_owned()
}

/// The bytes behind a URL, or how they ended too early.
async fn body(url: &str) -> Result<Vec<u8>, reqwest::Error> {
    let client = reqwest::Client::builder().no_proxy().timeout(SOON).build().unwrap();
    Ok(client.get(url).send().await?.error_for_status()?.bytes().await?.to_vec())
}

async fn can_be_resumed(store: Store) {
    let node = store.node(&[]);
    for (name, content, [_, method, coding]) in samples() {
        let artifact = stored(&node, "r", name, content.clone()).await;
        let url = decoded(&node, "r", &artifact).await;
        let whole = fetch("GET", &url, &[], Vec::new()).await;
        if url.starts_with(&node.url("")) {
            assert_eq!(whole.status, 200);
        }
        if coding == "identity" {
            continue;
        }
        assert!(method == "rezipped" || whole.body == content, "{name}");
        let size = whole.body.len();
        let head = fetch("HEAD", &url, &[], Vec::new()).await;
        for answer in [&whole, &head] {
            assert_eq!(answer.header("content-length"), size.to_string(), "{name}");
            assert_eq!(answer.header("accept-ranges"), "bytes", "{name}");
            assert_eq!(answer.header("etag"), whole.header("etag"), "{name}");
        }
        let tag = whole.header("etag").to_owned();
        assert_eq!(tag == format!("\"{}\"", artifact["sha256"].as_str().unwrap()), method != "rezipped");
        for (range, from, to) in [
            ("bytes=0-0".to_owned(), 0, 1),
            ("bytes=1-70".to_owned(), 1, 71),
            (format!("bytes={}-", size / 2), size / 2, size),
            (format!("bytes={}-", size - 1), size - 1, size),
            ("bytes=-1000".to_owned(), size - 1_000, size),
            (format!("bytes=0-{}", size - 1), 0, size),
        ] {
            let part = fetch("GET", &url, &[("range", &range), ("if-range", &tag)], Vec::new()).await;
            assert_eq!((part.status, part.body.len()), (206, to - from), "{name} {range}");
            assert_eq!(part.header("content-range"), format!("bytes {from}-{}/{size}", to - 1), "{name} {range}");
            assert!(part.body == whole.body[from..to], "{name} {range}");
        }
        let beyond = fetch("GET", &url, &[("range", &format!("bytes={size}-"))], Vec::new()).await;
        assert_eq!((beyond.status, beyond.header("content-range")), (416, format!("bytes */{size}").as_str()));
        let changed = fetch("GET", &url, &[("range", "bytes=5-"), ("if-range", "\"other\"")], Vec::new()).await;
        assert!(changed.status == 200 && changed.body == whole.body, "{name}: it is another one now");
    }
}

#[tokio::test]
async fn what_is_decoded_from_a_directory_can_be_resumed() {
    can_be_resumed(Store::Directory).await;
}

#[tokio::test]
async fn what_is_decoded_from_a_bucket_can_be_resumed() {
    can_be_resumed(Store::s3()).await;
}

#[tokio::test]
async fn a_line_that_breaks_again_and_again_loses_nothing() {
    let node = node(&[]);
    let content = text(3_000_000);
    let artifact = stored(&node, "r", "a.log", content.clone()).await;
    let url = decoded(&node, "r", &artifact).await;
    let path = url.strip_prefix(&node.url("")).unwrap();
    let (mut got, mut lines) = (Vec::new(), 0);
    while got.len() < content.len() {
        let mut socket = TcpStream::connect(node.address()).await.unwrap();
        let range = format!("Range: bytes={}-", got.len());
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{range}\r\n\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut part = Vec::new();
        let read = soon("a part", (&mut socket).take(700_000).read_to_end(&mut part)).await;
        assert!(read.unwrap() > 1_000);
        let body = part.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        got.extend_from_slice(&part[body..]);
        lines += 1;
    }
    assert!(lines >= 5 && got == content, "{lines}: {} bytes", got.len());
}

#[tokio::test]
async fn what_was_stored_before_its_length_was_kept_is_whole_and_its_ranges_are_not_promised() {
    let node = node(&[]);
    let mut kept = Vec::new();
    for (name, content, _) in samples() {
        kept.push((name, stored(&node, "r", name, content).await));
    }
    Catalog::of(&node).await.run("UPDATE runcast_artifacts SET decoded_size = NULL").await;
    for (name, artifact) in kept {
        let url = decoded(&node, "r", &artifact).await;
        let part = fetch("GET", &url, &[("range", "bytes=0-9")], Vec::new()).await;
        // A text is what it was: it has the length that it had.
        let told = (part.status, part.header("accept-ranges"), part.headers.contains_key("content-length"));
        let known = name != "trace.zip";
        assert_eq!(told, if known { (206, "bytes", true) } else { (200, "none", false) }, "{name}");
        assert_eq!(fetch("HEAD", &url, &[], Vec::new()).await.headers.contains_key("content-length"), known);
    }
}

#[tokio::test]
async fn what_does_not_decode_to_what_was_stored_never_looks_whole() {
    let node = node(&[]);
    let content = text(200_000);
    let artifact = stored(&node, "r", "a.log", content.clone()).await;
    let url = decoded(&node, "r", &artifact).await;
    assert!(body(&url).await.unwrap() == content);
    let mut catalog = Catalog::of(&node).await;
    for size in [199_999, 200_001] {
        catalog.run(&format!("UPDATE runcast_artifacts SET decoded_size = {size}")).await;
        assert!(body(&url).await.is_err(), "{size}");
    }
    catalog.run("UPDATE runcast_artifacts SET decoded_size = 200000").await;
    // The checksum at the end, and the length behind it.
    let file = objects(&node).join(&files(&objects(&node))[0]);
    let whole = std::fs::read(&file).unwrap();
    for at in [whole.len() - 1, whole.len() - 8, whole.len() / 2] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        std::fs::write(&file, damaged).unwrap();
        assert!(body(&url).await.is_err(), "{at}");
    }
    std::fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    assert!(body(&url).await.is_err(), "cut off");
    std::fs::write(&file, whole).unwrap();
    assert!(body(&url).await.unwrap() == content);
}
