//! Uploads through the server that go well, or as well as what was sent.

use runcast::protocol::ServerEvent;
use serde_json::Value;

use super::fixture::{
    Store, Upload, digest, fetch, files, hex, id, list, node, objects, original, path, picture, put, samples, settled,
    spooled, stored, text,
};
use super::support::{Site, TestNode, numbered};
use super::zip;

/// That what is said of an artifact is true: of what was sent, and of what is stored.
fn check(artifact: &Value, sent: &[u8], object: &[u8]) {
    let (size, stored) = (sent.len() as f64, object.len() as f64);
    assert_eq!(artifact["size"], sent.len());
    assert_eq!(artifact["storedSize"], object.len());
    assert_eq!(artifact["sha256"], hex(sent));
    assert_eq!(artifact["state"], "ready");
    let saved = artifact["savedPercent"].as_f64().unwrap();
    let true_saving = 100.0 * (size - stored) / size;
    assert!(saved <= true_saving && true_saving - saved < 0.1001, "{saved} of {true_saving}");
}

async fn what_is_worth_it_is_stored_smaller(store: Store) {
    let node = store.node(&[]);
    for (name, sent, [kind, method, coding]) in samples() {
        let artifact = stored(&node, "r", name, sent.clone()).await;
        for (member, wanted) in [("kind", kind), ("method", method), ("encoding", coding), ("name", name)] {
            assert_eq!(artifact[member], wanted, "{artifact}");
        }
        let id = id(&artifact);
        let file = format!("runs/r/{id}/{name}");
        let object = match &store {
            Store::Directory => std::fs::read(objects(&node).join(&file)).unwrap(),
            Store::S3(server) => std::fs::read(server.file(&file)).unwrap(),
            Store::Azure(_) => {
                let told = node.get_json(&path("r", &format!("/{id}/download?encoding=stored"))).await;
                fetch("GET", told["signedUrl"].as_str().unwrap(), &[], Vec::new()).await.body
            }
        };
        check(&artifact, &sent, &object);
        match coding {
            "identity" => assert!(object == sent),
            _ => assert!(object.len() * 10 < sent.len() * 9, "{name}: {} of {}", object.len(), sent.len()),
        }
        let handed_out = original(&node, "r", id).await;
        match kind {
            "trace" => assert_eq!(zip::read(&handed_out), zip::read(&sent)),
            _ => assert!(handed_out == sent, "{name}"),
        }
        assert_eq!(node.get_json(&path("r", &format!("/{id}"))).await, artifact);
    }
    assert_eq!(list(&node, "r").await.len(), 3);
    assert_eq!(spooled(&node), Vec::<String>::new());
}

#[tokio::test]
async fn a_directory_has_what_was_sent_in_the_form_that_saves_and_the_figures_are_true() {
    what_is_worth_it_is_stored_smaller(Store::Directory).await;
}

#[tokio::test]
async fn a_bucket_has_what_was_sent_in_the_form_that_saves_and_the_figures_are_true() {
    what_is_worth_it_is_stored_smaller(Store::s3()).await;
}

#[tokio::test]
async fn a_container_has_what_was_sent_in_the_form_that_saves_and_the_figures_are_true() {
    what_is_worth_it_is_stored_smaller(Store::azure().await).await;
}

#[tokio::test]
async fn what_is_not_to_be_compressed_is_stored_as_it_came() {
    let node = node(&[("artifacts.compress", "false")]);
    for (name, sent, _) in samples() {
        let artifact = stored(&node, "r", name, sent.clone()).await;
        assert_eq!((&artifact["method"], &artifact["savedPercent"]), (&"kept".into(), &0.0.into()), "{artifact}");
        assert!(std::fs::read(objects(&node).join(format!("runs/r/{}/{name}", id(&artifact)))).unwrap() == sent);
    }
}

async fn a_digest_is_checked(store: Store) {
    let node = store.node(&[]);
    for (name, sent, _) in samples() {
        let right = digest(&sent);
        let reply = put(&node, "right", name, &[("content-digest", &right)], sent.clone()).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        let older = right.replace(':', "");
        let reply = put(&node, "older", name, &[("digest", &older)], sent.clone()).await;
        assert_eq!(reply.status, 201, "{reply:?}");
    }
    let before = store.files(&node);
    for (name, sent, _) in samples() {
        let detail = put(&node, "wrong", name, &[("content-digest", &digest(b"other"))], sent.clone()).await;
        let detail = detail.problem(422, "upload_mismatch");
        assert!(detail.contains(&hex(&sent)) && detail.contains(&hex(b"other")), "{detail}");
    }
    assert_eq!(settled(&node, "wrong").await, ["failed"; 3]);
    assert_eq!(store.files(&node), before, "nothing is left");
    for artifact in list(&node, "wrong").await {
        assert!(artifact["failure"].as_str().unwrap().contains("sha-256"), "{artifact}");
        assert_eq!(artifact["downloadUrl"], Value::Null);
        let download = node.get(&path("wrong", &format!("/{}/download", id(&artifact)))).await;
        assert!(download.problem(409, "artifact_failed").contains("sha-256"));
    }
}

#[tokio::test]
async fn a_directory_keeps_nothing_whose_digest_is_another() {
    a_digest_is_checked(Store::Directory).await;
}

#[tokio::test]
async fn a_bucket_keeps_nothing_whose_digest_is_another() {
    a_digest_is_checked(Store::s3()).await;
}

#[tokio::test]
async fn a_body_of_unknown_length_and_one_of_none_are_stored_whole() {
    let node = node(&[]);
    for (name, sent) in [("a.log", text(200_000)), ("a.png", picture(1_300_000)), ("a.txt", Vec::new())] {
        let mut upload = Upload::begin(&node, "chunked", name, None).await;
        for piece in sent.chunks(70_001) {
            upload.chunk(piece).await.unwrap();
        }
        upload.chunk(b"").await.unwrap();
        let (status, artifact) = upload.answer().await;
        assert_eq!((status, &artifact["size"]), (201, &sent.len().into()), "{artifact}");
        assert!(original(&node, "chunked", id(&artifact)).await == sent, "{name}");
    }
    for name in ["empty.log", "empty.png", "empty.zip", "empty"] {
        let artifact = stored(&node, "empty", name, Vec::new()).await;
        assert_eq!((&artifact["size"], &artifact["storedSize"]), (&0.into(), &0.into()), "{artifact}");
        assert_eq!((&artifact["savedPercent"], artifact["sha256"].as_str()), (&0.0.into(), Some(&*hex(b""))));
        assert_eq!(original(&node, "empty", id(&artifact)).await, b"");
    }
}

/// The statuses of uploads of one byte with these headers.
async fn refused(site: &Site, headers: &[(&str, &str)], status: u16, code: &str) -> String {
    put(site, "r", "x.bin", headers, b"x".to_vec()).await.problem(status, code)
}

#[tokio::test]
async fn headers_that_say_what_can_not_be_are_refused_by_name() {
    let node = node(&[]);
    let long = format!("text/{}", "x".repeat(300));
    let test = "x".repeat(600);
    for (name, value, status, code) in [
        ("runcast-kind", "film", 400, "invalid_kind"),
        ("content-type", "png", 400, "invalid_content_type"),
        ("content-type", "text/html\u{1}", 400, "invalid_content_type"),
        ("content-type", &long, 400, "invalid_content_type"),
        ("content-encoding", "gzip", 415, "unsupported_encoding"),
        ("content-encoding", "br", 415, "unsupported_encoding"),
        ("content-digest", "sha-256=:AAAA:", 400, "invalid_digest"),
        ("runcast-test", &test, 400, "invalid_test"),
    ] {
        if value.contains('\u{1}') {
            continue; // no client sends it
        }
        let detail = refused(&node, &[(name, value)], status, code).await;
        let named = detail.to_lowercase().replace('-', "");
        let word = name.trim_start_matches("runcast-").replace('-', "");
        assert!(named.contains(&word), "{name}: {detail}");
    }
    let bad = node.try_send("PUT", &path("-bad-", "/x"), &[], "x").await.unwrap();
    assert!(bad.problem(400, "invalid_run_id").contains("runId"));
    assert_eq!(list(&node, "r").await, Vec::<Value>::new(), "nothing was announced");
    assert_eq!(files(&objects(&node)), Vec::<String>::new());
}

#[tokio::test]
async fn a_run_hears_of_its_artifacts_and_takes_them_when_it_is_sealed() {
    let node = node(&[("journal.seal_hours", "0"), ("journal.sweep_secs", "1")]);
    node.store("r", &numbered(1, 2, 0)).await;
    let first = stored(&node, "r", "failure.png", picture(1_000)).await;
    let event: Value = serde_json::from_str(&node.stored("r").await[2]).unwrap();
    assert_eq!(event["type"], "artifact");
    for member in ["artifactId", "name", "kind", "contentType", "size", "storedSize", "savedPercent", "downloadUrl"] {
        assert_eq!(event[member], first[member], "{member}");
    }
    let described = ServerEvent::Artifact.fields();
    for field in described.iter().filter(|field| !field.optional) {
        assert!(!event[field.name].is_null() || field.nullable, "{} is described, but not in {event}", field.name);
    }
    for member in event.as_object().unwrap().keys().filter(|member| !["seq", "type", "timestamp"].contains(&&***member))
    {
        assert!(described.iter().any(|field| field.name == member), "{member} is not described");
    }
    let failed = put(&node, "r", "b.png", &[("content-digest", &digest(b""))], picture(10)).await;
    assert_eq!(failed.status, 422);

    let ended = r#"{"type":"run_status","status":"passed","timestamp":"t"}"#.to_owned();
    node.store("r", &[ended]).await;
    sealed(&node, "r").await;
    let events = node.stored("r").await;
    assert!(events.iter().filter(|event| event.contains("\"artifact\"")).count() == 1, "{events:?}");
    let late = stored(&node, "r", "late.log", text(5_000)).await;
    assert_eq!(node.stored("r").await, events, "a sealed run takes no events");
    assert!(original(&node, "r", id(&late)).await == text(5_000));
}

async fn sealed(node: &TestNode, run: &str) {
    use super::support::{SOON, eventually};
    let last = async || node.stored(run).await.pop().unwrap_or_default();
    eventually!(last().await, |event| event.contains("\"sealed\""), SOON);
}

#[tokio::test]
async fn a_zip_file_that_would_burst_or_is_none_is_stored_as_it_came() {
    let node = node(&[]);
    let zeros = vec![0; 64 << 20];
    let bomb = zip::write(&[("zeros", &zeros), ("more", &zeros)]);
    assert!(bomb.len() < 1 << 18, "it is small: {}", bomb.len());
    let trace = zip::trace();
    let half = trace[..trace.len() / 2].to_vec();
    let mut wrong = trace.clone();
    let middle = wrong.len() / 2;
    wrong[middle] ^= 0xff;
    let named = zip::write(&[("../../../etc/passwd", b"x"), ("/abs", b"y")]);
    for (name, sent) in
        [("bomb", bomb), ("half", half), ("wrong", wrong), ("PK", b"PK\x03\x04".to_vec()), ("named", named)]
    {
        let artifact = stored(&node, "r", &format!("{name}-trace.zip"), sent.clone()).await;
        let handed_out = original(&node, "r", id(&artifact)).await;
        match artifact["method"].as_str().unwrap() {
            "kept" => assert!(handed_out == sent, "{name}"),
            method => assert_eq!((name, method, zip::read(&handed_out)), ("named", "rezipped", zip::read(&sent))),
        }
    }
    assert_eq!(spooled(&node), Vec::<String>::new());
}
