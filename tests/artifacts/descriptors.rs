//! What holds a descriptor for as long as somebody takes his time is counted.
//! Promised in docs/reliability.md, "Abuse".

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::download::url_of;
use super::fixture::{
    MIB, Store, Upload, bytes, download, fetch, id, list, node_of_few_descriptors, original, picture, put, settled,
    stored, text,
};
use super::recompress::put as put_directly;
use super::support::{SOON, Site, TestNode, eventually, soon};

/// More than sockets take without a reader.
const LARGE: usize = 10 * MIB;

/// A connection that asks for a URL and reads nothing of the answer but its beginning.
async fn asked(site: &Site, url: &str) -> TcpStream {
    let path = url.strip_prefix(&site.url("")).unwrap();
    let mut socket = TcpStream::connect(site.address()).await.unwrap();
    socket.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    let mut status = [0; 12];
    soon("an answer", async { while socket.peek(&mut status).await.unwrap() < status.len() {} }).await;
    assert_eq!(&status, b"HTTP/1.1 200");
    socket
}

fn descriptors(node: &TestNode) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", node.pid())).unwrap().count()
}

#[tokio::test]
async fn downloads_that_nobody_reads_leave_the_node_accepting() {
    let node = node_of_few_descriptors(400, &[("artifacts.compress_threads", "1")]);
    let as_it_came = stored(&node, "r", "a.png", picture(LARGE)).await;
    let smaller = stored(&node, "r", "a.log", b"always the same line\n".repeat(LARGE / 20)).await;
    let before = descriptors(&node);
    let decoded = download(&node, "r", id(&smaller), "?encoding=identity", "").await.json();
    let urls = [url_of(&node, "r", &as_it_came).await, decoded["downloadUrl"].as_str().unwrap().to_owned()];
    let mut unread = Vec::new();
    for number in 0..184 {
        unread.push(asked(&node, &urls[number % 2]).await);
    }
    // A socket each. Pieces may be on their way from the disk.
    eventually!(descriptors(&node), |held| *held <= before + 184 + 8, SOON);
    assert_eq!(node.get("/health").await.status, 200);
    let reply = node.post_ndjson("r", &[r#"{"type":"log"}"#.to_owned()], &[]).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    assert!(original(&node, "r", id(&as_it_came)).await == picture(LARGE));
    // Uploads have what they need, too.
    let mut begun = Vec::new();
    for _ in 0..64 {
        let mut upload = Upload::begin(&node, "up", "a.log", Some(100_000)).await;
        upload.send(&text(50_000)).await;
        begun.push(upload);
    }
    eventually!(list(&node, "up").await.len(), |pending| *pending == 64, SOON);
    put(&node, "up", "b.log", &[], text(10)).await.problem(503, "saturated");
    assert_eq!(node.get("/health").await.status, 200);
    for mut upload in begun {
        upload.send(&text(100_000)[50_000..]).await;
        assert_eq!(upload.answer().await.0, 201);
    }
    assert_eq!(settled(&node, "up").await, ["ready"; 64]);
}

#[tokio::test]
async fn a_download_that_somebody_reads_slowly_ends_when_its_artifact_is_deleted() {
    let node = super::fixture::node(&[]);
    let artifact = stored(&node, "r", "a.png", picture(LARGE)).await;
    let mut slow = asked(&node, &url_of(&node, "r", &artifact).await).await;
    let show = super::fixture::path("r", &format!("/{}", id(&artifact)));
    assert_eq!(super::fixture::ask(&node, "DELETE", &show, None).await.status, 204);
    let mut read = Vec::new();
    let _ = soon("the end", tokio::io::AsyncReadExt::read_to_end(&mut slow, &mut read)).await;
    assert!(read.len() < LARGE, "{}", read.len());
}

#[tokio::test]
async fn what_is_read_from_a_bucket_is_bounded_and_more_is_told_to_come_back() {
    let store = Store::s3();
    let node = store.node(&[("artifacts.max_downloads", "2")]);
    let artifact = stored(&node, "r", "a.log", b"always the same line\n".repeat(LARGE / 20)).await;
    let told = download(&node, "r", id(&artifact), "?encoding=identity", "").await.json();
    let url = told["downloadUrl"].as_str().unwrap();
    let mut unread = vec![asked(&node, url).await, asked(&node, url).await];
    let refused = fetch("GET", url, &[], Vec::new()).await;
    let problem: serde_json::Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!((refused.status, problem["code"].as_str()), (503, Some("saturated")), "{problem}");
    assert!(
        problem["detail"].as_str().unwrap().contains("artifacts.max_downloads") && refused.header("retry-after") == "1"
    );
    unread.pop();
    eventually!(fetch("GET", url, &[], Vec::new()).await.status, |status| *status == 200, SOON);
    assert_eq!(bytes(url).await.len(), LARGE / 20 * 21);
}

#[tokio::test]
async fn downloads_that_nobody_reads_hold_up_no_completion_and_no_deletion() {
    let store = Store::s3();
    let node = store.node(&[("artifacts.max_downloads", "2"), ("artifacts.compress_direct", "false")]);
    let artifact = stored(&node, "r", "a.log", b"always the same line\n".repeat(LARGE / 20)).await;
    let deleted = stored(&node, "r", "deleted.png", picture(1_000)).await;
    let told = download(&node, "r", id(&artifact), "?encoding=identity", "").await.json();
    let url = told["downloadUrl"].as_str().unwrap();
    let _unread = [asked(&node, url).await, asked(&node, url).await];
    assert_eq!(fetch("GET", url, &[], Vec::new()).await.status, 503, "all permits of readers are taken");
    let completed = put_directly(&node, "direct.png", &picture(1_000)).await;
    assert_eq!(completed["state"], "ready", "{completed}");
    let show = super::fixture::path("r", &format!("/{}", id(&deleted)));
    assert_eq!(super::fixture::ask(&node, "DELETE", &show, None).await.status, 204);
    let of_the_deleted = |file: &String| file.contains(id(&deleted));
    assert!(!store.files(&node).iter().any(of_the_deleted), "at once, and not with the next cleanup");
}
