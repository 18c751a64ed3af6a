//! Uploads that go straight to the store.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use super::http_double::{Answer, HttpDouble};
use super::support::{FaultProxy, S3Server, SOON, TestNode, eventually};
use super::upload::{content, noise, path, ready, summary, upload};
use super::upload_resumed::{PIECE, count};
use super::{finish, runcast, text};

fn say(status: &'static str, body: &Value) -> Answer {
    Answer::Say(status, "", body.to_string())
}

fn settings(server: &S3Server) -> Vec<(String, String)> {
    let as_it_came = ("RUNCAST__ARTIFACTS__COMPRESS_DIRECT".to_owned(), "false".to_owned());
    server.settings().into_iter().chain([as_it_came]).collect()
}

fn borrowed(settings: &[(String, String)]) -> Vec<(&str, &str)> {
    settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[tokio::test]
async fn files_go_straight_to_the_store_unless_they_are_not_to() {
    let (store, directory) = (S3Server::start(), tempfile::tempdir().unwrap());
    let node = TestNode::start(&borrowed(&settings(&store)));
    let log = b"the same line again and again\n".repeat(10_000);
    for (name, bytes) in [("long.log", log.clone()), ("empty", Vec::new()), ("x/a b%.bin", noise(2_000_000))] {
        let file = directory.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    let options = ["--kind", "other", "--test", "t é", "--content-type", "text/x-any"];
    let sent = upload(&node.url(""), "r", &[&[path(directory.path())], &options[..]].concat()).await;
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    assert!(summary(&sent).starts_with("runcast: 3 uploaded, 0 already there, 0 failed, "), "{}", summary(&sent));
    let direct = ready(&node, "r").await;
    assert_eq!(direct.len(), 3);
    assert_eq!(content(&node, &direct["x/a b%.bin"]).await, noise(2_000_000));
    let said = ["kind", "test", "contentType", "encoding"].map(|field| direct["long.log"][field].as_str().unwrap());
    assert_eq!(said, ["other", "t é", "text/x-any", "identity"], "the server has not compressed what it has not seen");

    let again = upload(&node.url(""), "r", &[path(directory.path())]).await;
    assert!(summary(&again).starts_with("runcast: 0 uploaded, 3 already there, 0 failed, "), "{}", summary(&again));

    let log_file = directory.path().join("long.log");
    let sent = upload(&node.url(""), "through", &[path(&log_file), "--through-server"]).await;
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    let through = ready(&node, "through").await;
    assert_eq!(through["long.log"]["encoding"], "gzip");
    assert_eq!(content(&node, &through["long.log"]).await, log);
}

#[tokio::test]
async fn a_server_that_is_killed_during_direct_uploads_gets_every_file_whole_and_once() {
    let (store, directory) = (S3Server::start(), tempfile::tempdir().unwrap());
    let proxy = FaultProxy::start(store.address()).await;
    let mut settings = settings(&store);
    settings.push(("RUNCAST__OBJECTS__PUBLIC_URL".to_owned(), format!("http://{}", proxy.address())));
    let mut node = TestNode::start_to_stay(&borrowed(&settings));
    proxy.delay(PIECE);
    for number in 0..4 {
        fs::write(directory.path().join(format!("{number}.bin")), noise(3_000_000 + number)).unwrap();
    }
    let url = node.url("");
    let child = runcast(&["upload", "r", path(directory.path()), "--url", &url]).spawn().unwrap();
    eventually!(count(&node, "pending").await, |pending| *pending > 0, SOON);
    node.kill9();
    // Those that are whole by now are to be completed while nobody is there.
    proxy.cut();
    proxy.delay(Duration::ZERO);
    node.restart_in_place();
    let sent = finish(child).await;
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    assert!(text(&sent.stderr).contains(": waiting for "), "it was broken off: {}", text(&sent.stderr));
    assert!(summary(&sent).starts_with("runcast: 4 uploaded, 0 already there, 0 failed, "), "{}", summary(&sent));
    let ready = ready(&node, "r").await;
    for number in 0..4 {
        assert_eq!(content(&node, &ready[&format!("{number}.bin")]).await, noise(3_000_000 + number), "{number}");
    }
}

#[tokio::test]
async fn the_store_gets_exactly_the_headers_that_the_server_names_and_each_step_is_repeated() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "hello").unwrap();
    let mut store = HttpDouble::start(vec![
        Answer::HangUp,
        Answer::Say("503 Slow Down", "", String::new()),
        // Its URL has expired: there will be a new one.
        Answer::Say("403 Forbidden", "", "<Error><Code>AccessDenied</Code></Error>".into()),
        Answer::Say("200 OK", "", String::new()),
    ]);
    let announced = |id: &str| {
        let headers = json!({"content-type": "text/x-signed", "x-ms-blob-type": "BlockBlob"});
        let upload = json!({"method": "PUT", "url": format!("{}/{id}?sig=1", store.url), "headers": headers});
        say("201 Created", &json!({"artifact": {"artifactId": id}, "upload": upload}))
    };
    let ready =
        json!({"artifactId": "second", "name": "n", "kind": "log", "state": "ready", "size": 5, "storedSize": 5});
    let mut server = HttpDouble::start(vec![
        say("200 OK", &json!({"artifacts": [], "cursor": null, "direct": true, "maxBytes": 100})),
        announced("first"),
        announced("second"),
        Answer::Say("409 Conflict", "retry-after: 1\r\n", r#"{"code":"artifact_pending","detail":"at it"}"#.into()),
        Answer::Say("500 Internal Server Error", "", String::new()),
        say("200 OK", &ready),
    ]);
    let sent = upload(&server.url, "r", &[path(file.path()), "--name", "n", "--json"]).await;
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    assert_eq!(text(&sent.stdout).trim_end(), ready.to_string());

    let asked = server.taken();
    let lines: Vec<_> = asked.iter().map(|request| request.line.trim_end_matches(" HTTP/1.1")).collect();
    let complete = "POST /api/runs/r/artifacts/second/complete";
    let announce = "POST /api/runs/r/artifacts";
    assert_eq!(lines, ["GET /api/runs/r/artifacts?limit=1000", announce, announce, complete, complete, complete]);
    let announcement: Value = serde_json::from_slice(&asked[1].body).unwrap();
    let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!(announcement, json!({"name": "n", "size": 5, "sha256": sha256}));

    let puts = store.taken();
    let lines: Vec<_> = puts.iter().map(|request| request.line.as_str()).collect();
    let [first, second] = ["first", "second"].map(|id| format!("PUT /{id}?sig=1 HTTP/1.1"));
    assert_eq!(lines, [&first, &first, &first, &second]);
    for put in &puts {
        assert_eq!(put.body, b"hello");
        let named = ["content-type", "x-ms-blob-type", "content-length"].map(|name| put.header(name));
        assert_eq!(named, ["text/x-signed", "BlockBlob", "5"]);
        let unsigned = ["content-digest", "transfer-encoding", "runcast-kind"].map(|name| put.header(name));
        assert_eq!(unsigned, ["", "", ""]);
    }
}

#[tokio::test]
async fn an_announcement_whose_answer_is_lost_makes_no_second_artifact() {
    let (store, file) = (S3Server::start(), tempfile::NamedTempFile::new().unwrap());
    let node = TestNode::start(&borrowed(&settings(&store)));
    fs::write(file.path(), noise(50_000)).unwrap();
    let proxy = FaultProxy::start(node.address()).await;
    proxy.cut_behind("\"sha256\"");
    let sent = upload(&format!("http://{}", proxy.address()), "r", &[path(file.path()), "--name", "n"]).await;
    assert!(sent.status.success() && proxy.has_cut(), "{}", text(&sent.stderr));
    let all = node.get_json("/api/runs/r/artifacts").await;
    assert_eq!(all["artifacts"].as_array().unwrap().len(), 1, "{all}");
    assert_eq!(content(&node, &ready(&node, "r").await["n"]).await, noise(50_000));
}

#[tokio::test]
async fn what_an_announcement_finds_there_is_not_sent() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "hello").unwrap();
    let ready = json!({"artifactId": "i", "name": "n", "kind": "log", "state": "ready", "size": 5, "storedSize": 5});
    let mut server = HttpDouble::start(vec![
        say("200 OK", &json!({"artifacts": [], "cursor": null, "direct": true, "maxBytes": 100})),
        say("200 OK", &json!({"artifact": ready, "upload": null})),
    ]);
    let sent = upload(&server.url, "r", &[path(file.path()), "--name", "n", "--json"]).await;
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    assert_eq!(text(&sent.stdout).trim_end(), ready.to_string());
    let asked = server.taken();
    assert!(asked.len() == 2 && !asked[1].header("idempotency-key").is_empty(), "{asked:?}");
}

#[tokio::test]
async fn a_refusal_of_the_store_that_stays_is_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let store = HttpDouble::start(vec![Answer::Say("403 Forbidden", "", "<Code>AccessDenied</Code>".into())]);
    let upload_to = json!({"method": "PUT", "url": store.url, "headers": {}});
    let mut server = HttpDouble::start(vec![
        say("200 OK", &json!({"artifacts": [], "cursor": null, "direct": true, "maxBytes": 100})),
        say("201 Created", &json!({"artifact": {"artifactId": "i"}, "upload": upload_to})),
    ]);
    let sent = upload(&server.url, "r", &[path(file.path()), "--name", "n"]).await;
    assert_eq!(sent.status.code(), Some(1));
    let told = text(&sent.stderr);
    assert!(told.contains("n: the server refused with 403 Forbidden: <Code>AccessDenied</Code>"), "{told}");
    assert_eq!(server.taken().len(), 5, "the list, and four announcements: it ends");
}
