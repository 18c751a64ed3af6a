//! One node whose data the next version takes over, and the way back.

use std::path::Path;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};

use super::formats::{before, same_on_one_node};
use super::previous::Previous;
use super::support::{Reply, Site, TestNode, Viewer, numbered, real_run};
use super::{PRESENT, done};

const SPACE: (&str, &str) = ("RUNCAST__JOURNAL__MIN_FREE_BYTES", "0");

async fn post(node: &Site, first: u64, lines: &[String]) -> Reply {
    let number = first.to_string();
    node.post_ndjson("live", lines, &[("runcast-producer", "p"), ("runcast-producer-seq", &number)]).await
}

/// A node of the version before, with a run that has ended and has an artifact and a pin, and one that is paused.
async fn begin() -> TestNode {
    let node = TestNode::start_build(Previous::get().program(), &[SPACE]);
    node.store("real", &real_run()).await;
    let reply = node.try_send("PUT", "/api/runs/real/artifacts/a.txt", &[], "some text\n".repeat(500)).await.unwrap();
    assert_eq!(reply.status, 201, "{reply:?}");
    let headers = [("content-type", "application/json"), ("runcast-user", "ada")];
    let pin = json!({"reason": "kept"}).to_string();
    let reply = node.try_send("PUT", "/api/runs/real/pin", &headers, pin).await.unwrap();
    assert!(reply.status < 300, "{reply:?}");
    let joined = json!({"type": "worker", "state": "joined"}).to_string();
    let reply = post(&node, 1, &[vec![joined], numbered(2, 9, 50)].concat()).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let reply = node.post("/api/runs/live/commands", &headers, json!({"type": "pause"}).to_string()).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    node
}

/// What the node says of all that it keeps, in the words that every version has.
async fn all(node: &Site) -> Vec<Value> {
    let mut told = Vec::new();
    for run in ["real", "live"] {
        let page = node.get_json(&format!("/api/runs/{run}/events?limit=10000")).await;
        let state = node.get_json(&format!("/api/runs/{run}")).await;
        told.extend(["events", "cursor"].map(|member| page[member].clone()));
        told.extend(["status", "counts", "paused", "commands"].map(|member| state[member].clone()));
    }
    let listed = node.get_json("/api/runs/real/artifacts").await;
    let artifact = &listed["artifacts"][0];
    told.extend(["artifactId", "name", "size", "sha256", "pinned"].map(|member| artifact[member].clone()));
    let id = artifact["artifactId"].as_str().unwrap_or_else(|| panic!("{listed}"));
    let link = node.get_json(&format!("/api/runs/real/artifacts/{id}/download?encoding=identity")).await;
    let url = link["downloadUrl"].as_str().unwrap();
    let reply = node.get(&url[url.find("/api/").unwrap()..]).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    told.push(reply.text.into());
    told
}

/// Watches the run of before, goes on with the next node by its cursor, and is told of nothing but what comes.
async fn goes_on(viewer: &mut Viewer, node: &Site, first: u64) {
    let seen = viewer.events.len();
    viewer.vanish();
    viewer.may_reconnect(node).await;
    // What was acknowledged before is known as such, and what is new is stored.
    let repeated = post(node, first - 1, &numbered(first - 1, 1, 50)).await;
    assert_eq!(repeated.status, 202, "{repeated:?}");
    let lines = numbered(first, 3, 50);
    assert_eq!(post(node, first, &lines).await.status, 202);
    viewer.until_events(seen + 3).await;
    assert_eq!(viewer.texts()[seen..], lines);
    assert!(viewer.told("reset").is_empty() && viewer.told("gap").is_empty(), "{:?}", viewer.said);
}

#[tokio::test]
async fn the_data_of_the_version_before_are_taken_over_and_it_takes_them_back_or_refuses_by_name() {
    let mut node = begin().await;
    let mut viewer = Viewer::join(&node, "live").await;
    viewer.until_events(11).await;
    let before = all(&node).await;

    node.terminate().await.assert_clean(false);
    node.take_build(PRESENT.as_ref());
    node.restart();
    assert_eq!(all(&node).await, before);
    goes_on(&mut viewer, &node, 11).await;
    let after = all(&node).await;

    node.terminate().await.assert_clean(false);
    node.take_build(Previous::get().program());
    if same_on_one_node() {
        node.restart();
        assert_eq!(all(&node).await, after);
        goes_on(&mut viewer, &node, 14).await;
    } else {
        let exit = node.start_a_rival();
        assert_eq!(exit.code, Some(64), "{}", exit.log);
        assert!(exit.log.contains("and the newest that this build of runcast knows is"), "{}", exit.log);
        node.take_build(PRESENT.as_ref());
        node.restart();
        assert_eq!(all(&node).await, after, "the refusal has changed nothing");
        goes_on(&mut viewer, &node, 14).await;
    }
}

#[tokio::test]
async fn the_version_before_refuses_a_newer_journal_by_name_and_changes_nothing() {
    let mut node = begin().await;
    let kept = all(&node).await;
    node.terminate().await.assert_clean(false);
    let (known, newer) = (before("SQLITE_JOURNAL"), before("SQLITE_JOURNAL") + 1);
    set_format(&node, newer).await;
    let exit = node.start_a_rival();
    assert_eq!(exit.code, Some(64), "{}", exit.log);
    let words = format!(
        "has format version {newer}, and the newest that this build of runcast knows is {known}: run the build"
    );
    assert!(exit.log.contains(&words), "{}", exit.log);
    set_format(&node, known).await;
    node.restart();
    assert_eq!(all(&node).await, kept);
}

/// Makes the journal of a node that is down one of this format.
async fn set_format(node: &TestNode, version: u32) {
    let url = format!("sqlite:{}", node.data().join("journal.db").display());
    let mut database = SqliteConnection::connect(&url).await.unwrap();
    let update = AssertSqlSafe(format!("UPDATE meta SET value = '{version}' WHERE key = 'format'"));
    assert_eq!(database.execute(update).await.unwrap().rows_affected(), 1);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_backup_of_before_the_upgrade_is_the_way_back_and_viewers_are_told_what_is_gone() {
    let old = Previous::get().program();
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let (backup, back, forth) = (path("backup"), path("back"), path("forth"));
    let mut node = begin().await;
    let before = all(&node).await;
    done(old, &["backup", &backup, "--data-dir", node.data().to_str().unwrap()], &[SPACE]).await;

    node.terminate().await.assert_clean(false);
    node.take_build(PRESENT.as_ref());
    node.restart();
    let mut viewer = Viewer::join(&node, "live").await;
    viewer.until_events(11).await;
    goes_on(&mut viewer, &node, 11).await;

    done(old, &["restore", &backup, "--data-dir", &back], &[SPACE]).await;
    done(PRESENT.as_ref(), &["restore", &backup, "--data-dir", &forth], &[SPACE]).await;
    for (program, data) in [(old, &back), (Path::new(PRESENT), &forth)] {
        let mut restored = TestNode::start_build(program, &[SPACE, ("RUNCAST__SERVER__DATA_DIR", data)]);
        // It says at `error` that it goes on in a new epoch.
        restored.may_report();
        let mut ahead = Viewer::join_after(&restored, "live", &viewer.cursor).await;
        ahead.until("a reset", |viewer| !viewer.told("reset").is_empty()).await;
        assert_eq!(ahead.told("reset")[0]["from"], 12);
        let kept = |told: &[Value]| -> Vec<Value> {
            // The cursor names the new epoch.
            told.iter().filter(|value| value.as_str().is_none_or(|text| !text.contains(':'))).cloned().collect()
        };
        assert_eq!(kept(&all(&restored).await), kept(&before));
    }
}

#[tokio::test]
async fn runs_that_one_version_exports_the_other_imports() {
    let home = tempfile::tempdir().unwrap();
    let mut node = begin().await;
    let data = node.data().to_str().unwrap().to_owned();
    let from = [("RUNCAST__SERVER__DATA_DIR", data.as_str()), SPACE];
    let old = Previous::get().program();
    let stored = [node.stored("real").await, node.stored("live").await];
    for (exports, imports, name) in [(old, Path::new(PRESENT), "forth"), (Path::new(PRESENT), old, "back")] {
        let [logs, into] =
            ["logs", "data"].map(|part| home.path().join(format!("{name}-{part}")).display().to_string());
        if name == "back" {
            // A version exports from what it has taken over.
            assert_eq!(node.terminate().await.code, Some(0));
            assert_eq!(TestNode::start_build(exports, &from).terminate().await.code, Some(0));
        }
        done(exports, &["export-log", "--all", &logs], &from).await;
        let files = ["real", "live"].map(|run| format!("{logs}/{run}.runlog"));
        let objects = node.data().join("objects").display().to_string();
        let arguments = ["import-log", &files[0], &files[1], "--objects-from", &objects];
        done(imports, &arguments, &[("RUNCAST__SERVER__DATA_DIR", &into), SPACE]).await;
        let moved = TestNode::start_build(imports, &[("RUNCAST__SERVER__DATA_DIR", &into), SPACE]);
        assert_eq!([moved.stored("real").await, moved.stored("live").await], stored);
    }
}
