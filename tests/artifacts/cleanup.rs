//! What the cleanup removes, what it says before and afterwards, and what is left.

use serde_json::{Value, json};

use super::fixture::{Catalog, Store, ask, clean, files, id, list, node, objects, path, picture, stored, text};
use super::support::TestNode;

/// A day, in hours.
pub(crate) const DAY: u64 = 24;
/// Nothing but what the test asks for.
pub(crate) const BY_HAND: [(&str, &str); 2] = [("cleanup.enabled", "false"), ("retention.rules", "video=7")];

pub(crate) async fn preview(node: &TestNode) -> Value {
    let reply = ask(node, "POST", "/api/cleanup/run?dryRun=1", None).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

async fn video(node: &TestNode, run: &str) -> Value {
    stored(node, run, "a.webm", [b"\x1a\x45\xdf\xa3", &picture(5_000)[..]].concat()).await
}

async fn what_has_expired_goes(store: Store) {
    let node = store.node(&BY_HAND);
    let (picture, log) =
        (stored(&node, "r", "a.png", picture(3_000)).await, stored(&node, "r", "a.log", text(40_000)).await);
    let film = video(&node, "r").await;
    Catalog::of(&node).await.age(8 * DAY).await;
    let (listed, before) = (list(&node, "r").await, store.files(&node));
    assert_eq!(before.len(), 3);

    let seen = preview(&node).await;
    assert_eq!((&seen["dryRun"], &seen["expired"]["count"], &seen["failed"]), (&true.into(), &1.into(), &0.into()));
    let [item] = &seen["items"].as_array().unwrap()[..] else { panic!("{seen}") };
    for (member, wanted) in [
        ("artifactId", film["artifactId"].clone()),
        ("runId", "r".into()),
        ("name", "a.webm".into()),
        ("kind", "video".into()),
        ("bytes", film["storedSize"].clone()),
        ("reason", "expired".into()),
        ("retainedBy", "rule:video".into()),
    ] {
        assert_eq!(item[member], wanted, "{item}");
    }
    assert_eq!((store.files(&node), list(&node, "r").await), (before, listed), "nothing has changed");
    let stats = node.get_json("/api/cleanup/stats").await;
    assert_eq!((&stats["artifactsPendingDeletion"], &stats["lastRun"]), (&1.into(), &Value::Null), "{stats}");

    let swept = clean(&node).await;
    assert_eq!(swept["expired"], json!({"count": 1, "bytes": film["storedSize"]}), "{swept}");
    assert_eq!((&swept["dryRun"], &swept["items"], &swept["error"]), (&false.into(), &Value::Null, &Value::Null));
    assert_eq!(store.files(&node).len(), 2);
    let gone = node.get(&path("r", &format!("/{}/download", id(&film)))).await;
    let detail = gone.problem(410, "artifact_gone");
    let gone = gone.json();
    assert_eq!(gone["deletedBy"], "rule:video", "{gone}");
    assert!(detail.contains("artifacts of kind video are kept for 7 days"), "{detail}");
    let stats = node.get_json("/api/cleanup/stats").await;
    let bytes = [&picture, &log].map(|artifact| artifact["storedSize"].as_u64().unwrap()).iter().sum::<u64>();
    for (member, wanted) in [
        ("retentionDays", json!(30)),
        ("artifactsPendingDeletion", json!(0)),
        ("totalArtifacts", json!(2)),
        ("totalStorageBytes", json!(bytes)),
        ("totalOriginalBytes", json!(43_000)),
        ("savedBytes", json!(43_000 - bytes)),
        ("totalStorageMB", json!(format!("{:.2}", bytes as f64 / 1e6))),
    ] {
        assert_eq!(stats[member], wanted, "{member}: {stats}");
    }
    assert_eq!(
        (&stats["lastRun"]["expired"], &stats["lastRun"]["startedAt"]),
        (&swept["expired"], &swept["startedAt"])
    );

    Catalog::of(&node).await.age(23 * DAY).await;
    assert_eq!(clean(&node).await["expired"]["count"], 2);
    assert_eq!(store.files(&node), Vec::<String>::new());
    assert_eq!(list(&node, "r").await, Vec::<Value>::new());
    let again = clean(&node).await;
    assert_eq!((&again["expired"]["count"], &again["failed"]), (&0.into(), &0.into()), "{again}");
}

#[tokio::test]
async fn a_directory_loses_what_has_expired_and_nothing_else() {
    what_has_expired_goes(Store::Directory).await;
}

#[tokio::test]
async fn a_bucket_loses_what_has_expired_and_nothing_else() {
    what_has_expired_goes(Store::s3()).await;
}

#[tokio::test]
async fn a_crash_between_an_object_and_its_row_is_made_good_by_the_next_run() {
    let node = node(&BY_HAND);
    let (lost, other) = (video(&node, "r").await, video(&node, "r").await);
    std::fs::remove_file(objects(&node).join(format!("runs/r/{}/a.webm", id(&lost)))).unwrap();
    Catalog::of(&node).await.age(8 * DAY).await;
    let swept = clean(&node).await;
    assert_eq!((&swept["expired"]["count"], &swept["failed"], &swept["error"]), (&2.into(), &0.into(), &Value::Null));
    for artifact in [&lost, &other] {
        node.get(&path("r", &format!("/{}", id(artifact)))).await.problem(410, "artifact_gone");
    }
    assert_eq!(files(&objects(&node)), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_deleted_is_remembered_for_the_time_of_tombstones() {
    let node = node(&BY_HAND);
    let artifact = stored(&node, "r", "a.png", picture(10)).await;
    let show = path("r", &format!("/{}", id(&artifact)));
    assert_eq!(ask(&node, "DELETE", &show, None).await.status, 204);
    assert_eq!(clean(&node).await["forgotten"], 0);
    node.get(&show).await.problem(410, "artifact_gone");
    Catalog::of(&node).await.run("UPDATE runcast_artifacts SET gone_at = gone_at - 91 * 86400000").await;
    assert_eq!(preview(&node).await["forgotten"], 0);
    assert_eq!(clean(&node).await["forgotten"], 1);
    node.get(&show).await.problem(404, "artifact_unknown");
}

#[tokio::test]
async fn a_node_that_keeps_no_artifacts_says_so() {
    let without = node(&[("objects.url", "none:")]);
    for (method, path) in [
        ("GET", path("r", "")),
        ("PUT", path("r", "/a.png")),
        ("GET", "/api/cleanup/stats".to_owned()),
        ("POST", "/api/cleanup/run".to_owned()),
        ("DELETE", "/api/runs/r/pin".to_owned()),
    ] {
        ask(&without, method, &path, None).await.problem(501, "artifacts_off");
    }
    let with = node(&BY_HAND);
    for wrong in ["2", "yes", "1%00"] {
        ask(&with, "POST", &format!("/api/cleanup/run?dryRun={wrong}"), None).await.problem(400, "invalid_dry_run");
    }
    assert_eq!(ask(&with, "GET", "/api/cleanup/run", None).await.status / 100, 4);
}
