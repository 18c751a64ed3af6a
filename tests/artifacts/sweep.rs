//! A cleanup that can't do all of it: what fails, what belongs to nothing, and a great deal at once.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cleanup::{BY_HAND, DAY, preview};
use super::fixture::{Catalog, MIB, ask, clean, files, id, list, node, node_at, objects, path, picture, stored};
use super::http_double::{Answer, HttpDouble};
use super::support::{FaultProxy, S3Server, SOON, TestNode, eventually};

/// Reports of errors that have arrived: their messages.
fn reports(sentry: &mut HttpDouble) -> Vec<String> {
    let text = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
    let envelopes = sentry.taken().into_iter().map(|request| text(&request.body));
    let events = envelopes.flat_map(|body| body.lines().map(str::to_owned).collect::<Vec<_>>());
    let messages =
        events.filter_map(|line| serde_json::from_str::<Value>(&line).ok()?["message"].as_str().map(str::to_owned));
    messages.collect()
}

fn sentry() -> (HttpDouble, String) {
    let double = HttpDouble::start(vec![Answer::Say("200 OK", "content-type: application/json\r\n", "{}".into())]);
    let dsn = double.url.replace("http://", "http://publickey@") + "/42";
    (double, dsn)
}

#[tokio::test]
async fn what_can_not_be_removed_is_put_off_holds_up_nothing_and_is_reported_once() {
    let (mut sentry, dsn) = sentry();
    let mut node = node(&[&BY_HAND[..], &[("sentry.dsn", &dsn)]].concat());
    node.may_report();
    let mut artifacts = Vec::new();
    for n in 0..12 {
        artifacts.push(stored(&node, "r", &format!("{n}.png"), picture(100)).await);
    }
    // Files that are none: nobody can remove them as such.
    let stuck: Vec<_> = [0, 5].map(|n| objects(&node).join(format!("runs/r/{}/{n}.png", id(&artifacts[n])))).into();
    for file in &stuck {
        std::fs::remove_file(file).unwrap();
        std::fs::create_dir(file).unwrap();
        std::fs::write(file.join("inside"), "x").unwrap();
    }
    let mut catalog = Catalog::of(&node).await;
    catalog.age(31 * DAY).await;
    let swept = clean(&node).await;
    assert_eq!((&swept["expired"]["count"], &swept["failed"]), (&10.into(), &2.into()), "{swept}");
    // Put off: not tried again at once, however often it is asked for.
    for _ in 0..2 {
        let swept = clean(&node).await;
        assert_eq!((&swept["expired"]["count"], &swept["failed"]), (&0.into(), &0.into()), "{swept}");
    }
    assert_eq!(list(&node, "r").await.len(), 2, "they are still there for the cleanup");
    node.get(&path("r", &format!("/{}", id(&artifacts[0])))).await.problem(410, "artifact_gone");
    let due = |pause: &[String]| pause.iter().map(|ms| ms.parse::<i64>().unwrap()).collect::<Vec<_>>();
    let pauses = "SELECT CAST(retry_at AS TEXT) FROM runcast_artifacts WHERE retry_at IS NOT NULL";
    let first = due(&catalog.texts(pauses).await);
    catalog.age(1).await;
    assert_eq!(clean(&node).await["failed"], 2, "an hour later it is tried again");
    let second = due(&catalog.texts(pauses).await);
    assert!(second.iter().zip(&first).all(|(second, first)| second > first), "{second:?} {first:?}");
    for file in &stuck {
        std::fs::remove_dir_all(file).unwrap();
        std::fs::write(file, "x").unwrap();
    }
    catalog.age(1).await;
    let swept = clean(&node).await;
    assert_eq!((&swept["expired"]["count"], &swept["failed"]), (&2.into(), &0.into()), "{swept}");
    assert_eq!(files(&objects(&node)), Vec::<String>::new());

    node.terminate().await;
    let reports = reports(&mut sentry);
    assert_eq!(reports.len(), 2, "one for each run that failed: {reports:?}");
    assert!(reports.iter().all(|report| report.contains("cleanup")), "{reports:?}");
}

#[tokio::test]
async fn a_store_that_is_away_stops_a_run_in_bounded_time_and_the_next_one_does_it() {
    let server = S3Server::start();
    let proxy = FaultProxy::start(server.address()).await;
    let (mut sentry, dsn) = sentry();
    let mut settings = server.settings();
    settings[1].1 = format!("http://{}", proxy.address());
    let patience = [("objects.request_secs", "1"), ("objects.retry_secs", "1"), ("sentry.dsn", &dsn)];
    let mut node = node_at(&settings, &[&BY_HAND[..], &patience].concat());
    node.may_report();
    for n in 0..6 {
        stored(&node, "r", &format!("{n}.png"), picture(100)).await;
    }
    let mut catalog = Catalog::of(&node).await;
    catalog.age(31 * DAY).await;
    proxy.refuse();
    proxy.cut();
    let began = Instant::now();
    let swept = clean(&node).await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!((&swept["expired"]["count"], &swept["failed"]), (&0.into(), &6.into()), "{swept}");
    assert!(swept["error"].as_str().is_some_and(|error| error.contains("store")), "{swept}");
    assert_eq!(files(&server.file("")).len(), 6);
    assert_eq!(list(&node, "r").await.len(), 6);
    proxy.pass();
    catalog.age(1).await;
    let swept = clean(&node).await;
    assert_eq!((&swept["expired"]["count"], &swept["failed"], &swept["error"]), (&6.into(), &0.into(), &Value::Null));
    assert_eq!(files(&server.file("")), Vec::<String>::new());
    node.terminate().await;
    assert_eq!(reports(&mut sentry).len(), 1);
}

#[tokio::test]
async fn one_cleanup_runs_at_a_time() {
    let server = S3Server::start();
    let proxy = FaultProxy::start(server.address()).await;
    let mut settings = server.settings();
    settings[1].1 = format!("http://{}", proxy.address());
    let node = node_at(&settings, &BY_HAND);
    stored(&node, "r", "a.png", picture(100)).await;
    Catalog::of(&node).await.age(31 * DAY).await;
    proxy.stall();
    let site = (*node).clone();
    let first = tokio::spawn(async move { clean(&site).await });
    let second = async || ask(&node, "POST", "/api/cleanup/run", None).await;
    let leases = "SELECT holder FROM runcast_leases WHERE name = 'cleanup'";
    let mut catalog = Catalog::of(&node).await;
    eventually!(catalog.texts(leases).await, |holders| holders.len() == 1, SOON);
    let refused = second().await;
    refused.problem(409, "cleanup_running");
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|secs| secs >= 1));
    proxy.pass();
    assert_eq!(first.await.unwrap()["expired"]["count"], 1);
    assert_eq!(second().await.status, 200);
}

/// An object that belongs to nothing, and an artifact that has lost its own.
async fn orphans(node: &TestNode) -> (Value, Value) {
    let (kept, lost) =
        (stored(node, "r", "kept.png", picture(100)).await, stored(node, "r", "lost.png", picture(100)).await);
    std::fs::remove_file(objects(node).join(format!("runs/r/{}/lost.png", id(&lost)))).unwrap();
    for orphan in ["runs/r/0198a1b2-0000-7000-8000-000000000000/a.png", "incoming/x/b.png"] {
        let file = objects(node).join(orphan);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "12345").unwrap();
    }
    // What is none of ours is never touched.
    std::fs::write(objects(node).join("readme.txt"), "x").unwrap();
    (kept, lost)
}

#[tokio::test]
async fn what_belongs_to_nothing_is_told_and_left_alone() {
    let node = node(&[&BY_HAND[..], &[("cleanup.orphan_grace_secs", "0")]].concat());
    let (_, lost) = orphans(&node).await;
    let before = files(&objects(&node));
    for swept in [preview(&node).await, clean(&node).await, clean(&node).await] {
        assert_eq!(swept["orphanObjects"], json!({"count": 2, "bytes": 10}), "{swept}");
        assert_eq!((&swept["orphanArtifacts"], &swept["orphansRemoved"]), (&1.into(), &false.into()), "{swept}");
        assert_eq!((&swept["failed"], &swept["error"]), (&0.into(), &Value::Null), "{swept}");
    }
    assert_eq!(files(&objects(&node)), before);
    assert_eq!(node.get_json(&path("r", &format!("/{}", id(&lost)))).await["state"], "ready");
}

#[tokio::test]
async fn what_came_too_late_to_become_an_artifact_is_removed_in_any_case() {
    let node = node(&BY_HAND);
    let hours = |count: u64| std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(3_600 * count);
    let now = u64::try_from(runcast::protocol::Timestamp::now().as_millis()).unwrap() / 3_600_000;
    for (name, at) in [("late", now - 26), ("not-yet", now - 24)] {
        let file = objects(&node).join(format!("incoming/{name}/a.png"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::File::create(&file).unwrap().set_modified(hours(at)).unwrap();
    }
    assert_eq!(preview(&node).await["orphanObjects"]["count"], 2);
    assert_eq!(clean(&node).await["orphanObjects"]["count"], 2);
    assert_eq!(files(&objects(&node)), ["incoming/not-yet/a.png"]);
}

#[tokio::test]
async fn what_belongs_to_nothing_is_removed_if_that_is_wanted() {
    let remove = [("cleanup.orphan_grace_secs", "0"), ("cleanup.orphans", "true")];
    let node = node(&[&BY_HAND[..], &remove].concat());
    let (kept, lost) = orphans(&node).await;
    let before = files(&objects(&node));
    let seen = preview(&node).await;
    assert_eq!((&seen["orphanObjects"]["count"], &seen["orphansRemoved"]), (&2.into(), &false.into()), "{seen}");
    assert_eq!(files(&objects(&node)), before, "a dry run removes nothing");
    let swept = clean(&node).await;
    assert_eq!((&swept["orphanObjects"]["count"], &swept["orphanArtifacts"]), (&2.into(), &1.into()), "{swept}");
    assert_eq!(files(&objects(&node)), ["readme.txt".to_owned(), format!("runs/r/{}/kept.png", id(&kept))]);
    node.get(&path("r", &format!("/{}", id(&lost)))).await.problem(410, "artifact_gone");
    let again = clean(&node).await;
    assert_eq!((&again["orphanObjects"]["count"], &again["orphanArtifacts"]), (&0.into(), &0.into()), "{again}");
}

#[tokio::test]
async fn what_belongs_to_nothing_is_left_alone_while_it_is_young() {
    let node = node(&[&BY_HAND[..], &[("cleanup.orphans", "true")]].concat());
    orphans(&node).await;
    let swept = clean(&node).await;
    assert_eq!(swept["orphanObjects"]["count"], 0, "{swept}");
}

/// Puts so many artifacts into the catalog and the store of a node, all of them expired.
async fn expired(node: &TestNode, count: usize) {
    let mut catalog = Catalog::of(node).await;
    let columns = "run_id, name, kind, content_type, state, direct, size, sha256, stored_size, stored_sha256, coding, \
                   method, created_at";
    let id = format!("printf('0198a1b2-0000-7000-8000-%06x%06x', {count}, n)");
    let like = stored(node, "r", "a.png", picture(100)).await;
    catalog
        .run(&format!(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count}) \
             INSERT INTO runcast_artifacts (id, key, {columns}) \
             SELECT {id}, 'runs/r/' || {id} || '/a.png', {columns} FROM n, (SELECT {columns} FROM runcast_artifacts \
             WHERE id = '{}')",
            super::fixture::id(&like)
        ))
        .await;
    let content = picture(100);
    for n in 1..=count {
        let at = objects(node).join(format!("runs/r/0198a1b2-0000-7000-8000-{count:06x}{n:06x}"));
        std::fs::create_dir_all(&at).unwrap();
        std::fs::write(at.join("a.png"), &content).unwrap();
    }
    catalog.age(31 * DAY).await;
}

#[tokio::test]
async fn ten_thousand_artifacts_are_removed_in_the_memory_of_a_few() {
    const COUNT: usize = 10_000;
    let node = node(&BY_HAND);
    let mut grown = Vec::new();
    for count in [COUNT / 5, COUNT - 1, COUNT] {
        let before = node.resident_bytes();
        expired(&node, count).await;
        let seen = preview(&node).await;
        assert_eq!((&seen["expired"]["count"], seen["items"].as_array().unwrap().len()), (&(count + 1).into(), 1_000));
        let began = Instant::now();
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(300)).build().unwrap();
        let swept = client.post(node.url("/api/cleanup/run")).send().await.unwrap().json::<Value>().await.unwrap();
        grown.push(node.resident_bytes().saturating_sub(before));
        eprintln!(
            "{count} artifacts removed in {:?}, {:.1} MB more",
            began.elapsed(),
            grown[grown.len() - 1] as f64 / 1e6
        );
        assert_eq!(swept["expired"]["count"], count + 1, "{swept}");
        assert_eq!((&swept["failed"], &swept["error"]), (&0.into(), &Value::Null), "{swept}");
        assert_eq!(files(&objects(&node)), Vec::<String>::new());
        assert_eq!(node.get_json("/api/cleanup/stats").await["totalArtifacts"], 0);
    }
    assert!(grown[2] < 8 * MIB, "{grown:?} bytes");
}
