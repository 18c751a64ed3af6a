//! Uploads that do not pass the server: announced, put by a plain client, completed.

use serde_json::{Value, json};

use super::fixture::{
    Catalog, Fetched, Store, Upload, ask, clean, fetch, files, hex, id, list, node, objects, original, path, picture,
    stored, text,
};
use super::support::{Reply, SOON, Site, TestNode, eventually};

/// An announcement that is accepted.
async fn announce(site: &Site, name: &str, content: &[u8], sha256: Option<&str>) -> Value {
    let mut body = json!({"name": name, "size": content.len(), "contentType": "image/png", "kind": "screenshot"});
    if let Some(sha256) = sha256 {
        body["sha256"] = sha256.into();
    }
    let reply = ask(site, "POST", &path("r", ""), Some(body)).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

/// What is put where it was announced, with the headers that were given.
async fn put(made: &Value, content: Vec<u8>) -> Fetched {
    let upload = &made["upload"];
    let headers = upload["headers"].as_object().unwrap();
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    fetch(upload["method"].as_str().unwrap(), upload["url"].as_str().unwrap(), &headers, content).await
}

async fn complete(site: &Site, made: &Value) -> Reply {
    ask(site, "POST", &path("r", &format!("/{}/complete", id(&made["artifact"]))), None).await
}

const AS_IT_IS: [(&str, &str); 1] = [("artifacts.compress_direct", "false")];

async fn a_direct_upload(store: Store) {
    let node = store.node(&AS_IT_IS);
    let content = picture(700_000);
    let made = announce(&node, "a.png", &content, Some(&hex(&content))).await;
    let artifact = &made["artifact"];
    assert_eq!((&artifact["state"], &artifact["downloadUrl"]), (&"pending".into(), &Value::Null), "{made}");
    assert_eq!(made["upload"]["method"], "PUT");
    complete(&node, &made).await.problem(409, "not_uploaded");
    node.get(&path("r", &format!("/{}/download", id(artifact)))).await.problem(409, "artifact_pending");
    let put_status = put(&made, content.clone()).await.status;
    assert!((200..300).contains(&put_status), "{put_status}");

    // Several at once: each is told the same, or to wait.
    let all = futures_util::future::join_all((0..4).map(|_| complete(&node, &made))).await;
    let mut done = Vec::new();
    for reply in all {
        match reply.status {
            200 => done.push(reply.json()),
            _ => drop(reply.problem(409, "artifact_pending")),
        }
    }
    assert!(!done.is_empty());
    for ready in &done {
        assert_eq!(
            (&ready["state"], &ready["method"], &ready["storedSize"]),
            (&"ready".into(), &"kept".into(), &700_000.into())
        );
        assert_eq!(ready["sha256"], hex(&content));
    }
    assert_eq!(complete(&node, &made).await.json(), done[0], "again it changes nothing");
    let events = node.stored("r").await;
    assert_eq!(events.iter().filter(|event| event.contains("\"type\":\"artifact\"")).count(), 1, "{events:?}");

    // Whoever has the URL still can't change what was checked.
    let late = put(&made, picture(699_999)).await.status;
    assert!(original(&node, "r", id(artifact)).await == content, "{late}");
    assert_eq!(complete(&node, &made).await.json(), done[0]);
    assert!(original(&node, "r", id(artifact)).await == content);
    let told = node.get_json(&path("r", &format!("/{}/download", id(artifact)))).await;
    let got = fetch("GET", told["downloadUrl"].as_str().unwrap(), &[], Vec::new()).await;
    assert_eq!(
        (got.header("content-type"), got.header("content-disposition")),
        ("image/png", "inline; filename=\"a.png\"")
    );
}

#[tokio::test]
async fn a_direct_upload_into_a_directory_is_checked_once_and_then_unchangeable() {
    a_direct_upload(Store::Directory).await;
}

#[tokio::test]
async fn a_direct_upload_into_a_bucket_is_checked_once_and_then_unchangeable() {
    a_direct_upload(Store::s3()).await;
}

#[tokio::test]
async fn a_direct_upload_into_a_container_is_checked_once_and_then_unchangeable() {
    a_direct_upload(Store::azure().await).await;
}

async fn what_is_not_as_announced_is_removed(store: Store) {
    let node = store.node(&AS_IT_IS);
    let content = picture(2_000);
    let other = [&content[..1_999], b"x"].concat();
    for (sent, sha256, word) in [(picture(1_999), None, "1999 bytes"), (other, Some(hex(&content)), "sha-256")] {
        let made = announce(&node, "a.png", &content, sha256.as_deref()).await;
        let status = put(&made, sent.clone()).await.status;
        assert!((200..300).contains(&status), "{status}");
        let detail = complete(&node, &made).await.problem(422, "upload_mismatch");
        assert!(detail.contains(word), "{detail}");
        for _ in 0..2 {
            assert!(complete(&node, &made).await.problem(409, "artifact_failed").contains(word));
        }
        // Another try needs another announcement.
        put(&made, content.clone()).await;
        complete(&node, &made).await.problem(409, "artifact_failed");
        node.get(&path("r", &format!("/{}/download", id(&made["artifact"])))).await.problem(409, "artifact_failed");
    }
    assert!(list(&node, "r").await.iter().all(|artifact| artifact["state"] == "failed"));
    clean(&node).await;
    assert_eq!(store.files(&node), Vec::<String>::new());
    assert_eq!(list(&node, "r").await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_a_directory_got_and_was_not_announced_is_removed() {
    what_is_not_as_announced_is_removed(Store::Directory).await;
}

#[tokio::test]
async fn what_a_bucket_got_and_was_not_announced_is_removed() {
    what_is_not_as_announced_is_removed(Store::s3()).await;
}

#[tokio::test]
async fn more_than_was_announced_is_not_taken() {
    let node = node(&AS_IT_IS);
    let made = announce(&node, "a.png", &picture(1_000), None).await;
    let more = put(&made, picture(1_001)).await;
    assert_eq!(more.status, 413);
    assert_eq!(files(&objects(&node)), Vec::<String>::new());
    complete(&node, &made).await.problem(409, "not_uploaded");
    // The same with what it was: the URL is as good as before.
    assert_eq!(put(&made, picture(1_000)).await.status, 200);
    assert_eq!(complete(&node, &made).await.status, 200);
    let late = put(&made, picture(1_000)).await;
    assert!(
        late.status == 409 && String::from_utf8_lossy(&late.body).contains("artifact_ready"),
        "it is whole already"
    );
    assert_eq!(files(&objects(&node)).len(), 1);

    for store in [Store::s3(), Store::azure().await] {
        let node = store.node(&AS_IT_IS);
        let made = announce(&node, "a.png", &picture(1_000), None).await;
        put(&made, picture(100_000)).await;
        complete(&node, &made).await.problem(422, "upload_mismatch");
        assert_eq!(store.files(&node), Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_announcement_that_can_not_be_is_refused_by_what_is_wrong() {
    let node = node(&[]);
    for (body, code) in [
        (json!({"name": "a"}), "invalid_body"),
        (json!({"name": "a", "size": -1}), "invalid_body"),
        (json!({"name": "a", "size": 1, "sizes": 2}), "invalid_body"),
        (json!({"name": "a", "size": 1, "kind": "film"}), "invalid_kind"),
        (json!({"name": "a", "size": 1, "contentType": "png"}), "invalid_content_type"),
        (json!({"name": "a", "size": 1, "contentType": "image/png\r\nx: y"}), "invalid_content_type"),
        (json!({"name": "a", "size": 1, "sha256": "abc"}), "invalid_digest"),
        (json!({"name": "a", "size": 1, "test": "a\nb"}), "invalid_test"),
        (json!([]), "invalid_body"),
    ] {
        ask(&node, "POST", &path("r", ""), Some(body)).await.problem(400, code);
    }
    let form = [("content-type", "text/plain")];
    let reply = node.try_send("POST", &path("r", ""), &form, "{}").await.unwrap();
    reply.problem(415, "unsupported_content_type");
    let large = json!({"name": "a", "size": 1, "test": "x".repeat(20_000)});
    ask(&node, "POST", &path("r", ""), Some(large)).await.problem(413, "body_too_large");
    assert_eq!(list(&node, "r").await, Vec::<Value>::new());
    // A pending upload through the server is nobody else's to complete.
    let mut upload = Upload::begin(&node, "r", "a.png", Some(10)).await;
    upload.send(&picture(10)[..1]).await;
    eventually!(list(&node, "r").await.len(), |count| *count == 1, SOON);
    let pending = list(&node, "r").await.remove(0);
    let completed = path("r", &format!("/{}/complete", id(&pending)));
    ask(&node, "POST", &completed, None).await.problem(409, "artifact_pending");
    upload.send(&picture(10)[1..]).await;
    assert_eq!(upload.answer().await.0, 201);
}

#[tokio::test]
async fn an_upload_that_was_announced_and_never_came_is_given_up() {
    for store in [Store::Directory, Store::s3()] {
        let node = store.node(&AS_IT_IS);
        let never = announce(&node, "never.png", &picture(10), None).await;
        let half = announce(&node, "half.png", &picture(10), None).await;
        put(&half, picture(10)).await;
        let ready = stored(&node, "r", "ready.log", text(1_000)).await;
        let before = list(&node, "r").await.len();
        assert_eq!(clean(&node).await["abandoned"]["count"], 0);
        assert_eq!(list(&node, "r").await.len(), before);
        Catalog::of(&node).await.age(25).await;
        let swept = clean(&node).await;
        assert_eq!((&swept["abandoned"]["count"], &swept["expired"]["count"]), (&2.into(), &0.into()), "{swept}");
        for made in [&never, &half] {
            complete(&node, made).await.problem(410, "artifact_gone");
        }
        assert_eq!(store.files(&node).len(), 1);
        assert_eq!(id(&list(&node, "r").await[0]), id(&ready));
    }
}

#[tokio::test]
async fn a_node_that_is_killed_between_the_upload_and_its_completion_completes_it_afterwards() {
    let mut node: TestNode = node(&AS_IT_IS);
    let made = announce(&node, "a.png", &picture(5_000), None).await;
    assert_eq!(put(&made, picture(5_000)).await.status, 200);
    node.kill9();
    node.restart();
    assert_eq!(complete(&node, &made).await.json()["state"], "ready");
    assert!(original(&node, "r", id(&made["artifact"])).await == picture(5_000));
}

/// What is on its way to a signed URL of ours while somebody else completes, deletes or gives up the artifact.
#[tokio::test]
async fn bytes_that_come_too_late_for_a_completion_change_nothing_and_stay_nowhere() {
    let node = node(&AS_IT_IS);
    let content = picture(2_000_000);
    for (what, status, code) in [("complete", 409, "artifact_ready"), ("delete", 410, "artifact_gone")] {
        let made = announce(&node, "a.png", &content, None).await;
        let url = made["upload"]["url"].as_str().unwrap();
        let (_, rest) = url.split_once("/api/").unwrap();
        let mut slow = Upload::at(&node, &format!("/api/{rest}"), Some(content.len())).await;
        slow.send(&picture(1_999_999)).await;
        // Its bytes are on the disk before anything else happens.
        eventually!(files(&objects(&node)), |files| files.iter().any(|file| file.starts_with("incoming/")), SOON);
        let show = path("r", &format!("/{}", id(&made["artifact"])));
        match what {
            "complete" => {
                assert_eq!(put(&made, content.clone()).await.status, 200);
                assert_eq!(complete(&node, &made).await.status, 200);
            }
            _ => assert_eq!(ask(&node, "DELETE", &show, None).await.status, 204),
        }
        slow.send(b"x").await;
        let (answered, problem) = slow.answer().await;
        assert_eq!((answered, problem["code"].as_str()), (status, Some(code)), "{problem}");
        if what == "complete" {
            assert!(original(&node, "r", id(&made["artifact"])).await == content);
            assert_eq!(ask(&node, "DELETE", &show, None).await.status, 204);
        }
        clean(&node).await;
        assert_eq!(files(&objects(&node)), Vec::<String>::new(), "{what}");
    }
}
