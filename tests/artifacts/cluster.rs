//! Two nodes that share a bucket, PostgreSQL and Redis.

use serde_json::{Value, json};

use super::fixture::{
    Upload, ask, bytes, clean, download, fetch, files, id, list, original, path, picture, put, states, stored, text,
};
use super::support::{Cluster, FaultProxy, S3Server, SOON, eventually};

/// Where screenshots expire at once.
async fn cluster(server: &S3Server, proxy: &FaultProxy) -> Cluster {
    let mut settings = server.settings().to_vec();
    settings[1].1 = format!("http://{}", proxy.address());
    for (name, value) in [
        ("RUNCAST__RETENTION__RULES", "screenshot=0"),
        ("RUNCAST__RETENTION__ALLOW_ZERO", "true"),
        ("RUNCAST__CLEANUP__ENABLED", "false"),
    ] {
        settings.push((name.to_owned(), value.to_owned()));
    }
    let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Cluster::start_with(2, &[], &settings).await
}

#[tokio::test]
async fn what_one_node_stores_another_hands_out_completes_and_removes() {
    let server = S3Server::start();
    let proxy = FaultProxy::start(server.address()).await;
    let mut cluster = cluster(&server, &proxy).await;
    let (one, two) = (&cluster.nodes[0], &cluster.nodes[1]);
    let sent = text(300_000);
    let log = stored(one, "r", "a.log", sent.clone()).await;
    assert!(original(two, "r", id(&log)).await == sent);
    // A URL that one node has signed is good on the other.
    let told = download(one, "r", id(&log), "?encoding=identity", "").await.json();
    let elsewhere = told["downloadUrl"].as_str().unwrap().replace(&one.url(""), &two.url(""));
    assert!(elsewhere.starts_with(&two.url("")) && bytes(&elsewhere).await == sent);
    let events = eventually!(two.stored("r").await, |events| events.len() == 1, SOON);
    assert!(events[0].contains("\"type\":\"artifact\""), "{events:?}");

    let film = [b"\x1a\x45\xdf\xa3", &picture(5_000)[..]].concat();
    let made = ask(one, "POST", &path("r", ""), Some(json!({"name": "a.webm", "size": film.len()}))).await.json();
    let headers = made["upload"]["headers"].as_object().unwrap();
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    assert_eq!(fetch("PUT", made["upload"]["url"].as_str().unwrap(), &headers, film.clone()).await.status, 200);
    let complete = path("r", &format!("/{}/complete", id(&made["artifact"])));
    let (first, second) = tokio::join!(ask(one, "POST", &complete, None), ask(two, "POST", &complete, None));
    let statuses = [first.status, second.status];
    assert!(statuses.contains(&200) && statuses.iter().all(|status| [200, 409].contains(status)), "{statuses:?}");
    assert!(original(two, "r", id(&made["artifact"])).await == film);
    let told: Vec<_> = one.stored("r").await.into_iter().filter(|event| event.contains("\"artifact\"")).collect();
    assert_eq!(told.len(), 2, "{told:?}");

    assert_eq!(ask(two, "DELETE", &path("r", &format!("/{}", id(&log))), None).await.status, 204);
    one.get(&path("r", &format!("/{}", id(&log)))).await.problem(410, "artifact_gone");

    // While one cleans up, no other does.
    for n in 0..3 {
        assert_eq!(put(one, "s", &format!("{n}.png"), &[], picture(100)).await.status, 201);
    }
    let before = files(&server.file("")).len();
    proxy.stall();
    let mut runs = [one, two].map(|node| {
        let site = (**node).clone();
        tokio::spawn(async move { ask(&site, "POST", "/api/cleanup/run", None).await })
    });
    eventually!(runs.iter().position(tokio::task::JoinHandle::is_finished), |refused| refused.is_some(), SOON);
    let refused = usize::from(runs[1].is_finished());
    (&mut runs[refused]).await.unwrap().problem(409, "cleanup_running");
    proxy.pass();
    assert_eq!((&mut runs[1 - refused]).await.unwrap().json()["expired"]["count"], 3);
    assert_eq!(files(&server.file("")).len(), before - 3);
    let swept = clean(two).await;
    assert_eq!((&swept["expired"]["count"], &swept["error"]), (&0.into(), &Value::Null), "{swept}");
    assert_eq!(one.get_json("/api/cleanup/stats").await["lastRun"]["startedAt"], swept["startedAt"]);

    // A node that dies in the middle of an upload leaves a row that all see.
    let mut upload = Upload::begin(one, "t", "b.webm", Some(1_000_000)).await;
    upload.send(b"\x1a\x45\xdf\xa3 half").await;
    eventually!(states(two, "t").await, |states| states.len() == 1, SOON);
    cluster.nodes[0].kill9();
    let two = &cluster.nodes[1];
    assert_eq!(list(two, "t").await[0]["state"], "pending");
    stored(two, "t", "c.webm", film).await;
    cluster.nodes[0].restart_in_place();
}
