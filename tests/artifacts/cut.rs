//! Uploads that end in the middle: the connection, or the process.

use serde_json::Value;

use super::fixture::{
    Catalog, MIB, Store, Upload, clean, files, id, list, node, node_at, objects, path, picture, put, settled, spooled,
    states, stored, text,
};
use super::support::{FaultProxy, S3Server, SOON, TestNode, eventually};

async fn a_cut_leaves_nothing(store: Store) {
    let node = store.node(&[]);
    for (name, content) in [("a.png", picture(12 * MIB)), ("a.log", text(2 * MIB)), ("b.png", picture(5_000))] {
        let mut upload = Upload::begin(&node, "r", name, Some(content.len() + 1)).await;
        upload.send(&content).await;
    }
    let mut chunked = Upload::begin(&node, "r", "c.png", None).await;
    chunked.chunk(&picture(2 * MIB)).await.unwrap();
    drop(chunked);
    eventually!(states(&node, "r").await, |states| states.len() == 4, SOON);
    assert_eq!(settled(&node, "r").await, ["failed"; 4]);
    assert_eq!(store.files(&node), Vec::<String>::new());
    for artifact in list(&node, "r").await {
        assert!(artifact["failure"].as_str().unwrap().contains("broke off"), "{artifact}");
    }
    // The node takes others.
    stored(&node, "r", "d.png", picture(10)).await;
}

#[tokio::test]
async fn a_connection_that_is_cut_leaves_nothing_in_a_directory() {
    a_cut_leaves_nothing(Store::Directory).await;
}

#[tokio::test]
async fn a_connection_that_is_cut_leaves_nothing_in_a_bucket() {
    a_cut_leaves_nothing(Store::s3()).await;
}

#[tokio::test]
async fn a_sender_who_pauses_for_too_long_is_let_go_and_leaves_nothing() {
    let node = node(&[("artifacts.pause_secs", "1")]);
    let mut upload = Upload::begin(&node, "r", "a.png", Some(MIB)).await;
    upload.send(&picture(700_000)).await;
    let (status, problem) = upload.answer().await;
    assert_eq!((status, problem["code"].as_str()), (408, Some("body_timeout")), "{problem}");
    assert_eq!(settled(&node, "r").await, ["failed"]);
    assert_eq!(files(&objects(&node)), Vec::<String>::new());
}

/// After a kill in the middle of an upload: a pending row, and whatever had come; a day later nothing at all.
async fn only_a_cleanup_is_missing(mut node: TestNode, left: impl Fn(&TestNode) -> Vec<String>) {
    node.kill9();
    node.restart();
    assert_eq!(spooled(&node), Vec::<String>::new(), "the next process empties the spool");
    let [artifact] = &list(&node, "r").await[..] else { panic!("one row") };
    assert_eq!(artifact["state"], "pending");
    let show = path("r", &format!("/{}", id(artifact)));
    node.get(&format!("{show}/download")).await.problem(409, "artifact_pending");
    // It may still be on its way.
    assert_eq!(clean(&node).await["abandoned"]["count"], 0);
    Catalog::of(&node).await.age(25).await;
    let swept = clean(&node).await;
    assert_eq!((&swept["abandoned"]["count"], &swept["failed"]), (&1.into(), &0.into()), "{swept}");
    assert_eq!(left(&node), Vec::<String>::new());
    node.get(&show).await.problem(410, "artifact_gone");
    assert_eq!(list(&node, "r").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_killed_node_leaves_a_row_and_parts_that_the_cleanup_removes() {
    let node = node(&[]);
    let mut upload = Upload::begin(&node, "r", "a.png", Some(8 * MIB)).await;
    upload.send(&picture(3 * MIB)).await;
    eventually!(files(&objects(&node)), |files| files.len() == 1, SOON);
    only_a_cleanup_is_missing(node, |node| files(&objects(node))).await;
}

#[tokio::test]
async fn a_killed_node_leaves_nothing_in_the_spool() {
    let node = node(&[]);
    let mut upload = Upload::begin(&node, "r", "a.log", Some(8 * MIB)).await;
    upload.send(&text(3 * MIB)).await;
    eventually!(spooled(&node), |files| files.len() == 1, SOON);
    only_a_cleanup_is_missing(node, |node| files(&objects(node))).await;
}

#[tokio::test]
async fn what_was_deleted_while_it_came_and_cut_short_by_a_kill_is_removed_too() {
    let mut node = node(&[]);
    let mut upload = Upload::begin(&node, "r", "a.png", Some(8 * MIB)).await;
    upload.send(&picture(3 * MIB)).await;
    eventually!(files(&objects(&node)), |files| files.len() == 1, SOON);
    let artifact = list(&node, "r").await.remove(0);
    let deleted = super::fixture::ask(&node, "DELETE", &path("r", &format!("/{}", id(&artifact))), None).await;
    assert_eq!(deleted.status, 204);
    node.kill9();
    node.restart();
    assert_eq!(clean(&node).await["removed"]["count"], 1);
    assert_eq!(files(&objects(&node)), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_deleted_while_it_comes_is_not_there_afterwards() {
    for store in [Store::Directory, Store::s3()] {
        let node = store.node(&[]);
        for (name, content) in [("a.png", picture(6 * MIB)), ("a.log", text(MIB))] {
            let mut upload = Upload::begin(&node, name, name, Some(content.len())).await;
            upload.send(&content[1..]).await;
            eventually!(states(&node, name).await, |states| states.len() == 1, SOON);
            let artifact = list(&node, name).await.remove(0);
            let show = path(name, &format!("/{}", id(&artifact)));
            assert_eq!(super::fixture::ask(&node, "DELETE", &show, None).await.status, 204);
            upload.send(b"x").await;
            let (status, problem) = upload.answer().await;
            assert_eq!((status, problem["code"].as_str()), (410, Some("artifact_gone")), "{problem}");
            node.get(&show).await.problem(410, "artifact_gone");
        }
        assert_eq!(store.files(&node), Vec::<String>::new());
        clean(&node).await;
        assert_eq!(spooled(&node), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_killed_node_leaves_parts_in_a_bucket_that_the_cleanup_removes() {
    let server = S3Server::start();
    let node = node_at(&server.settings(), &[]);
    let mut upload = Upload::begin(&node, "r", "a.png", Some(30 * MIB)).await;
    upload.send(&picture(17 * MIB)).await;
    let mut catalog = Catalog::of(&node).await;
    let noted = "SELECT upload FROM runcast_artifacts WHERE upload IS NOT NULL";
    eventually!(catalog.texts(noted).await, |uploads| uploads.len() == 1, SOON);
    assert!(!server.unfinished().is_empty());
    only_a_cleanup_is_missing(node, |_| [server.unfinished(), files(&server.file(""))].concat()).await;
}

/// What is compressed is put into the bucket from the spool: the store's name of that upload is known, too.
#[tokio::test]
async fn a_node_that_is_killed_while_it_stores_a_compressed_upload_leaves_nothing_that_stays() {
    let server = S3Server::start();
    let proxy = FaultProxy::start(server.address()).await;
    let mut settings = server.settings();
    settings[1].1 = format!("http://{}", proxy.address());
    let node = node_at(&settings, &[]);
    let sent = text(24 * MIB);
    // More than one part arrives, and the last one never does.
    proxy.stall_those_that_say("partNumber=2");
    let site = (*node).clone();
    let upload = tokio::spawn(async move { site.try_send("PUT", &path("r", "/a.log"), &[], sent).await });
    let mut catalog = Catalog::of(&node).await;
    // It is noted once the store has said its name, for which nothing may be stalled yet.
    let noted = "SELECT upload FROM runcast_artifacts WHERE upload IS NOT NULL";
    eventually!(catalog.texts(noted).await, |uploads| uploads.len() == 1, 3 * SOON);
    eventually!(server.unfinished().len(), |parts| *parts >= 2, 3 * SOON);
    proxy.stall();
    drop(catalog);
    let mut node = node;
    node.kill9();
    assert!(upload.await.unwrap().is_err());
    proxy.cut();
    proxy.pass();
    assert!(!server.unfinished().is_empty());
    node.restart();
    Catalog::of(&node).await.age(25).await;
    let swept = clean(&node).await;
    assert_eq!((&swept["abandoned"]["count"], &swept["failed"]), (&1.into(), &0.into()), "{swept}");
    assert_eq!(server.unfinished(), Vec::<String>::new());
    assert_eq!(put(&node, "r", "b.log", &[], text(1_000)).await.status, 201);
}

#[tokio::test]
async fn who_sends_everything_before_it_listens_is_not_left_hanging_by_a_refusal() {
    let node = node(&[("artifacts.max_bytes", "1000000")]);
    for (name, content) in [("a.log", text(12 * MIB)), ("a.png", picture(12 * MIB))] {
        let mut upload = Upload::begin(&node, "r", name, None).await;
        for piece in content.chunks(64 * 1024) {
            upload.chunk(piece).await.unwrap();
        }
        let (status, problem) = upload.answer().await;
        assert_eq!((status, problem["code"].as_str()), (413, Some("artifact_too_large")), "{name}: {problem}");
    }
}
