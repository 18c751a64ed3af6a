//! Uploads that are sent again because nobody knows what became of them.
//! Promised in docs/reliability.md, "Abuse".

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::fixture::{
    Catalog, MIB, Store, Upload, ask, bytes, digest, download, fetch, hex, id, list, node, original, path, picture,
    put, samples, settled, states, text,
};
use super::support::{SOON, Site, eventually, soon};

async fn post(site: &Site, run: &str, key: &str, body: &Value) -> (u16, Value) {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    let reply = site.post(&path(run, ""), &headers[..if key.is_empty() { 1 } else { 2 }], body.to_string()).await;
    (reply.status, reply.json())
}

/// How often a run was told of an artifact.
async fn told(site: &Site, run: &str) -> usize {
    site.stored(run).await.iter().filter(|event| event.contains(r#""type":"artifact""#)).count()
}

#[tokio::test]
async fn the_same_name_and_digest_again_are_answered_by_the_artifact_that_is_there() {
    for store in [Store::Directory, Store::s3()] {
        let node = store.node(&[]);
        for (name, content, _) in samples() {
            let run = name.split('.').next().unwrap();
            let announced = digest(&content);
            let older = announced.replace("=:", "=").trim_end_matches(':').to_owned();
            let first = put(&node, run, name, &[("content-digest", &announced)], content.clone()).await;
            assert_eq!(first.status, 201, "{first:?}");
            let objects = store.files(&node);
            for (header, value) in [("content-digest", &announced), ("repr-digest", &announced), ("digest", &older)] {
                let again = put(&node, run, name, &[(header, value)], content.clone()).await;
                assert_eq!((again.status, again.json()), (200, first.json()), "{header}");
            }
            assert_eq!((list(&node, run).await.len(), told(&node, run).await), (1, 1));
            assert_eq!(store.files(&node), objects);
            // Another name, another run, or no digest: another artifact.
            let other = put(&node, run, "other", &[("content-digest", &announced)], content.clone()).await;
            let elsewhere = put(&node, "elsewhere", name, &[("content-digest", &announced)], content.clone()).await;
            let unsaid = put(&node, run, name, &[], content.clone()).await;
            assert_eq!([other.status, elsewhere.status, unsaid.status], [201; 3]);
            assert_eq!(list(&node, run).await.len(), 3);
        }
    }
}

#[tokio::test]
async fn a_key_names_one_upload_of_a_run() {
    let node = node(&[]);
    let key = [("idempotency-key", "\"8e03978e\"")];
    let first = put(&node, "r", "a.log", &key, text(70_000)).await;
    assert_eq!(first.status, 201, "{first:?}");
    for headers in [&key[..], &[("idempotency-key", "8e03978e"), ("content-digest", &digest(&text(70_000)))]] {
        let again = put(&node, "r", "a.log", headers, text(70_000)).await;
        assert_eq!((again.status, again.json()), (200, first.json()));
    }
    let other_digest = [key[0], ("content-digest", &digest(&text(69_999)))];
    for (name, headers, content, says) in [
        ("b.log", &key[..], text(70_000), "name"),
        ("a.log", &other_digest[..], text(70_000), "sha-256"),
        ("a.log", &key[..], text(69_999), "size"),
    ] {
        let detail = put(&node, "r", name, headers, content).await.problem(422, "idempotency_mismatch");
        assert!(detail.contains(says), "{detail}");
    }
    // Not announced, it is known once it is all here.
    let mut chunked = Upload::with(&node, "r", "a.log", "Transfer-Encoding: chunked\r\nIdempotency-Key: other").await;
    let mut meanwhile = Upload::with(&node, "r", "a.log", "Transfer-Encoding: chunked\r\nIdempotency-Key: other").await;
    chunked.chunk(&text(20_000)).await.unwrap();
    eventually!(states(&node, "r").await.len(), |rows| *rows == 2, SOON);
    meanwhile.chunk(&text(30_000)).await.unwrap();
    eventually!(states(&node, "r").await.len(), |rows| *rows == 3, SOON);
    chunked.chunk(b"").await.unwrap();
    assert_eq!(chunked.answer().await.0, 201);
    meanwhile.chunk(b"").await.unwrap();
    let (status, problem) = meanwhile.answer().await;
    assert_eq!((status, problem["code"].as_str()), (422, Some("idempotency_mismatch")), "{problem}");
    assert_eq!(settled(&node, "r").await, ["ready", "ready", "failed"]);

    assert_eq!(put(&node, "elsewhere", "a.log", &key, text(10)).await.status, 201, "a key is a run's");
    let show = path("r", &format!("/{}", id(&first.json())));
    assert_eq!(ask(&node, "DELETE", &show, None).await.status, 204);
    let anew = put(&node, "r", "a.log", &key, text(70_000)).await;
    assert_eq!(anew.status, 201, "what was deleted is not there: {anew:?}");
    assert_ne!(id(&anew.json()), id(&first.json()));
    for wrong in ["", "\"\"", &"k".repeat(256)] {
        put(&node, "r", "a.log", &[("idempotency-key", wrong)], text(10)).await.problem(400, "invalid_idempotency_key");
    }
}

#[tokio::test]
async fn repeats_at_a_time_become_one_artifact() {
    for store in [Store::Directory, Store::s3()] {
        let node = store.node(&[]);
        for (name, content) in [("a.log", text(200_000)), ("a.png", picture(2 * MIB))] {
            let announced = digest(&content);
            for (run, headers) in
                [("key", [("idempotency-key", "k"); 1]), ("digest", [("content-digest", announced.as_str())])]
            {
                let run = format!("{run}-{name}");
                let replies = join_all((0..6).map(|_| put(&node, &run, name, &headers, content.clone()))).await;
                let mut outcomes: Vec<_> = replies.iter().map(|reply| reply.status).collect();
                outcomes.sort();
                assert_eq!(outcomes, [200, 200, 200, 200, 200, 201], "{run}: {replies:?}");
                assert!(replies.iter().all(|reply| id(&reply.json()) == id(&replies[0].json())), "{replies:?}");
                assert_eq!(settled(&node, &run).await, ["ready"]);
                assert_eq!(told(&node, &run).await, 1);
                let objects = store.files(&node);
                assert_eq!(objects.iter().filter(|object| object.contains(&run)).count(), 1, "{objects:?}");
                assert!(original(&node, &run, id(&replies[0].json())).await == content);
            }
        }
    }
}

#[tokio::test]
async fn an_upload_whose_line_has_broken_is_repeated_at_once() {
    let node = node(&[]);
    let head = format!("Content-Length: {MIB}\r\nIdempotency-Key: k\r\nContent-Digest: {}", digest(&picture(MIB)));
    // The server does not know that nobody is there any more.
    let mut silent = Upload::with(&node, "r", "a.png", &head).await;
    silent.send(&picture(MIB)[..MIB / 2]).await;
    eventually!(states(&node, "r").await.len(), |rows| *rows == 1, SOON);
    let mut repeated = Upload::with(&node, "r", "a.png", &head).await;
    repeated.send(&picture(MIB)).await;
    let (status, artifact) = repeated.answer().await;
    assert_eq!((status, artifact["state"].as_str()), (201, Some("ready")), "{artifact}");
    // It is there after all.
    silent.send(&picture(MIB)[MIB / 2..]).await;
    let (status, same) = silent.answer().await;
    assert_eq!((status, id(&same)), (200, id(&artifact)));
    assert_eq!(settled(&node, "r").await, ["ready"]);
}

#[tokio::test]
async fn who_repeats_and_listens_only_at_the_end_hears_the_answer_on_a_connection_that_goes_on() {
    let node = node(&[]);
    let content = picture(9 * MIB);
    let first = put(&node, "r", "a.png", &[("idempotency-key", "k")], content.clone()).await.json();
    let mut socket = TcpStream::connect(node.address()).await.unwrap();
    let head = |length| {
        let path = path("r", "/a.png");
        format!("PUT {path} HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: k\r\nContent-Length: {length}\r\n\r\n")
    };
    for _ in 0..2 {
        socket.write_all(head(content.len()).as_bytes()).await.unwrap();
        soon("the body", socket.write_all(&content)).await.unwrap();
        let mut answer = Vec::new();
        soon("the answer", async {
            while !answer.ends_with(b"}") && socket.read_buf(&mut answer).await.unwrap() > 0 {}
        })
        .await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(id(&first)), "{answer}");
    }
}

#[tokio::test]
async fn what_has_expired_is_repeated_by_nobody() {
    let node = node(&[("retention.rules", "screenshot=1")]);
    let headers = [("idempotency-key", "k"), ("content-digest", &digest(&picture(100)))];
    let first = put(&node, "r", "a.png", &headers, picture(100)).await.json();
    Catalog::of(&node).await.age(25).await;
    let second = put(&node, "r", "a.png", &headers, picture(100)).await;
    assert_eq!(second.status, 201, "{second:?}");
    assert_ne!(id(&second.json()), id(&first));
    assert_eq!(put(&node, "r", "a.png", &headers, picture(100)).await.json(), second.json());
}

#[tokio::test]
async fn an_announcement_is_repeated_until_its_bytes_are_there() {
    for store in [Store::Directory, Store::s3()] {
        let node = store.node(&[]);
        let content = picture(50_000);
        let body = json!({"name": "a.png", "size": 50_000, "sha256": hex(&content)});
        let (status, first) = post(&node, "r", "k", &body).await;
        assert_eq!(status, 201, "{first}");
        let (status, again) = post(&node, "r", "k", &body).await;
        assert_eq!((status, &again["artifact"]), (200, &first["artifact"]));
        for (name, size) in [("b.png", 50_000), ("a.png", 50_001)] {
            let (status, problem) = post(&node, "r", "k", &json!({"name": name, "size": size})).await;
            assert_eq!((status, problem["code"].as_str()), (422, Some("idempotency_mismatch")), "{problem}");
        }
        let headers = again["upload"]["headers"].as_object().unwrap().clone();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        let url = again["upload"]["url"].as_str().unwrap();
        assert_eq!(fetch("PUT", url, &headers, content.clone()).await.status, 200);
        let complete = path("r", &format!("/{}/complete", id(&first["artifact"])));
        let ready = ask(&node, "POST", &complete, None).await.json();
        // Of what is there nothing is to be sent: by key, or by name and digest.
        for key in ["k", ""] {
            let (status, there) = post(&node, "r", key, &body).await;
            assert_eq!((status, &there["upload"]), (200, &Value::Null), "{there}");
            assert_eq!(id(&there["artifact"]), id(&ready));
        }
        let sent = put(&node, "r", "a.png", &[("content-digest", &digest(&content))], content.clone()).await;
        assert_eq!((sent.status, id(&sent.json())), (200, id(&ready)));
        assert_eq!(list(&node, "r").await.len(), 1);
        let url = download(&node, "r", id(&ready), "", "").await.json()["downloadUrl"].as_str().unwrap().to_owned();
        assert!(bytes(&url).await == content);
    }
}

#[tokio::test]
async fn of_two_announcements_that_are_one_upload_the_second_completion_answers_the_first() {
    let node = node(&[]);
    let content = picture(5_000);
    let body = json!({"name": "a.png", "size": 5_000, "sha256": hex(&content)});
    let mut made = Vec::new();
    for key in ["one", "two"] {
        made.push(post(&node, "r", key, &body).await.1);
    }
    let mut completed = Vec::new();
    for announced in &made {
        assert_eq!(fetch("PUT", announced["upload"]["url"].as_str().unwrap(), &[], content.clone()).await.status, 200);
        let complete = path("r", &format!("/{}/complete", id(&announced["artifact"])));
        completed.push(ask(&node, "POST", &complete, None).await);
    }
    assert_eq!((completed[0].status, completed[1].status), (200, 200));
    assert_eq!(id(&completed[0].json()), id(&completed[1].json()));
    assert_eq!(settled(&node, "r").await, ["ready"]);
    assert_eq!(Store::Directory.files(&node).len(), 1);
    assert_eq!(told(&node, "r").await, 1);
}
