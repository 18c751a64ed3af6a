//! Backups of a real node, under load, and what becomes of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio::process::Command;

use super::support::{Dice, S3Server, SOON, Site, TestNode, Viewer, eventually, numbered};
use super::{output, runcast, text};

/// `runcast backup` of a node's data directory.
fn backing_up(node: &TestNode, to: &Path) -> Command {
    let mut command = runcast(&["backup"]);
    command.arg(to).arg("--data-dir").arg(node.data());
    command
}

async fn restore(from: &Path, to: &Path) -> Output {
    let mut command = runcast(&["restore"]);
    command.arg(from).arg("--data-dir").arg(to);
    output(command).await
}

#[track_caller]
fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "nothing to complain about");
    text(&output.stdout)
}

#[track_caller]
fn refused(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stderr)
}

/// A node on a restored directory. It says at `error` that it goes on in a new epoch.
fn start_on(directory: &Path, settings: &[(&str, &str)]) -> TestNode {
    let directory = directory.to_str().unwrap();
    let mut node = TestNode::start(&[&[("RUNCAST__SERVER__DATA_DIR", directory)], settings].concat());
    node.may_report();
    node
}

async fn upload(node: &Site, run: &str, name: &str, bytes: Vec<u8>) {
    let reply = node.try_send("PUT", &format!("/api/runs/{run}/artifacts/{name}"), &[], bytes).await.unwrap();
    assert_eq!(reply.status, 201, "{reply:?}");
}

/// The path of a URL of the server.
pub(crate) fn path_of(url: &Value) -> &str {
    let url = url.as_str().unwrap();
    &url[url.find("/api/").unwrap()..]
}

/// The artifacts of a run: id, name and what a download brings.
async fn artifacts(node: &Site, run: &str) -> Vec<(String, String, String)> {
    let listed = node.get_json(&format!("/api/runs/{run}/artifacts?limit=1000")).await;
    let mut found = Vec::new();
    for artifact in listed["artifacts"].as_array().unwrap().iter().filter(|artifact| artifact["state"] == "ready") {
        let (id, name) = (artifact["artifactId"].as_str().unwrap(), artifact["name"].as_str().unwrap());
        let link = node.get_json(&format!("/api/runs/{run}/artifacts/{id}/download")).await;
        let reply = node.get(path_of(&link["downloadUrl"])).await;
        assert_eq!(reply.status, 200, "{name}: {reply:?}");
        found.push((id.to_owned(), name.to_owned(), reply.text));
    }
    found
}

/// Text that does not become the same file twice, and is stored smaller than it is.
fn content(dice: &mut Dice) -> Vec<u8> {
    (0..200).map(|_| format!("{:x}\n", dice.roll())).collect::<String>().into_bytes()
}

/// Posts events and uploads artifacts until told to stop; the cursor of the last post.
async fn load(node: &Site, run: &str, stop: &AtomicBool) -> String {
    let mut dice = Dice::new(run.len() as u64);
    let mut cursor = String::new();
    for round in 0.. {
        let answer = node.store(run, &numbered(round * 20 + 1, 20, 300)).await;
        cursor = answer["cursor"].as_str().unwrap().to_owned();
        upload(node, run, &format!("{round}.txt"), content(&mut dice)).await;
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    cursor
}

#[tokio::test]
async fn a_backup_under_load_restores_each_run_event_for_event_and_tells_viewers_what_is_gone() {
    let node = TestNode::start(&[]);
    let home = tempfile::tempdir().unwrap();
    let (backup, restored) = (home.path().join("backup"), home.path().join("restored"));
    let runs = ["a", "bb", "ccc"];
    for run in runs {
        node.store(run, &numbered(1, 50, 100)).await;
    }
    let stop = AtomicBool::new(false);
    let backing_up = async {
        eventually!(artifacts(&node, "a").await.len(), |count| *count > 3, SOON);
        let told = done(&output(backing_up(&node, &backup)).await);
        stop.store(true, Ordering::Relaxed);
        told
    };
    let (told, a, b, c) =
        tokio::join!(backing_up, load(&node, "a", &stop), load(&node, "bb", &stop), load(&node, "ccc", &stop));
    assert!(told.contains(" is backed up in ") && told.contains("journal    3 runs, "), "{told}");
    for run in runs {
        node.store(run, &numbered(9_001, 5, 100)).await; // what no backup has
    }

    done(&restore(&backup, &restored).await);
    let after = start_on(&restored, &[]);
    let list = after.get_json("/api/runs?limit=10").await;
    assert_eq!(list["runs"].as_array().unwrap().len(), 3, "{list}");
    for (run, cursor) in runs.into_iter().zip([a, b, c]) {
        let (before, kept) = (node.stored(run).await, after.stored(run).await);
        assert!(kept.len() > 50 && kept.len() < before.len(), "{} of {}", kept.len(), before.len());
        assert_eq!(kept, before[..kept.len()], "event for event");

        // Each artifact that the log tells of is there, byte for byte.
        let (had, has) = (artifacts(&node, run).await, artifacts(&after, run).await);
        assert!(!has.is_empty() && has.iter().all(|artifact| had.contains(artifact)), "{run}");
        let told: Vec<Value> = kept.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
        for event in told.iter().filter(|event| event["type"] == "artifact") {
            assert!(has.iter().any(|(id, ..)| event["artifactId"] == id.as_str()), "{event}");
        }

        // Who has seen more is told what is void, and gets what comes instead.
        let seen: usize = cursor.rsplit(':').next().unwrap().parse().unwrap();
        let epoch = cursor.split(':').next().unwrap();
        let mut ahead = Viewer::join_after(&after, run, &format!("{epoch}:{}", seen.max(kept.len() + 1))).await;
        ahead.until("a reset", |viewer| !viewer.told("reset").is_empty()).await;
        assert_eq!(ahead.told("reset")[0]["from"], kept.len() + 1);
        let mut behind = Viewer::join_after(&after, run, &format!("{epoch}:{}", kept.len())).await;
        let answer = after.store(run, &numbered(7_777, 1, 10)).await;
        assert!(answer["epoch"].as_str().unwrap() > epoch, "{answer} after {epoch}");
        for viewer in [&mut ahead, &mut behind] {
            viewer.until_events(1).await;
            assert_eq!(viewer.events[0].seq, kept.len() as u64 + 1);
            assert_eq!(viewer.texts(), numbered(7_777, 1, 10));
        }
        assert!(behind.told("reset").is_empty(), "{:?}", behind.said);
    }
}

/// The files below a directory.
pub(crate) fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn a_damaged_backup_is_refused_by_the_name_of_the_file_and_nothing_is_restored() {
    let node = TestNode::start(&[]);
    let home = tempfile::tempdir().unwrap();
    let (backup, restored) = (home.path().join("backup"), home.path().join("restored"));
    node.store("r", &numbered(1, 100, 100)).await;
    upload(&node, "r", "a.txt", content(&mut Dice::new(1))).await;
    done(&output(backing_up(&node, &backup)).await);

    let files = files_below(&backup);
    let ends = |end: &str| files.iter().any(|file| file.to_str().unwrap().contains(end));
    for end in ["journal.db", "catalog.db", "url-key", "object-list", "a.txt"] {
        assert!(ends(end), "no {end} in {files:?}");
    }
    for file in files.iter().filter(|file| !file.ends_with("manifest.json")) {
        let whole = fs::read(file).unwrap();
        let mut damaged = whole.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        fs::write(file, &damaged).unwrap();
        let said = refused(&restore(&backup, &restored).await, 1);
        assert!(said.contains(&format!("{} is damaged: its SHA-256 is ", file.display())), "{said}");
        fs::remove_file(file).unwrap();
        let said = refused(&restore(&backup, &restored).await, 1);
        assert!(said.contains(file.to_str().unwrap()), "{said}");
        fs::write(file, whole).unwrap();
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing is left of it");
    }
    // Whole again, it is restored once; what is there is not touched.
    done(&restore(&backup, &restored).await);
    assert!(refused(&restore(&backup, &restored).await, 1).contains("is not empty: nothing in it was changed"));
    assert!(refused(&output(backing_up(&node, &backup)).await, 1).contains("is not empty"));
    let manifest = backup.join("manifest.json");
    let newer = fs::read_to_string(&manifest).unwrap().replace(r#""runcastBackup": 1"#, r#""runcastBackup": 9"#);
    fs::write(&manifest, newer).unwrap();
    let said = refused(&restore(&backup, &home.path().join("other")).await, 1);
    assert!(said.contains("has format version 9, and the newest that this build of runcast knows is 1"), "{said}");
}

#[tokio::test]
async fn a_killed_backup_leaves_nothing_that_looks_like_one_and_holds_up_nobody() {
    let node = TestNode::start(&[]);
    let home = tempfile::tempdir().unwrap();
    let (backup, partial) = (home.path().join("backup"), home.path().join(".backup.partial"));
    node.store("r", &numbered(1, 10, 100)).await;
    upload(&node, "r", "a.txt", content(&mut Dice::new(2))).await;
    // An object that can't be read to its end: a pipe that nobody writes into.
    let object = files_below(&node.data().join("objects")).pop().unwrap();
    let kept = home.path().join("kept");
    fs::rename(&object, &kept).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&object).status().unwrap().success());

    let mut child = backing_up(&node, &backup).spawn().unwrap();
    eventually!(partial.join("object-list").exists(), |there| *there, SOON);
    // The node goes on, and a second backup to the same place is refused.
    node.store("r", &numbered(11, 10, 100)).await;
    assert!(refused(&output(backing_up(&node, &backup)).await, 1).contains("another process is filling "));
    child.kill().await.unwrap();
    assert!(partial.exists() && !backup.exists());
    let said = refused(&restore(&partial, &home.path().join("restored")).await, 1);
    assert!(said.contains("is no backup: it has no manifest.json"), "{said}");

    fs::remove_file(&object).unwrap();
    fs::rename(&kept, &object).unwrap();
    done(&output(backing_up(&node, &backup)).await);
    assert!(backup.exists() && !partial.exists(), "the next one removes what the killed one has left");
}

#[tokio::test]
async fn a_lost_object_is_told_and_its_artifact_is_deleted_in_the_backup() {
    let mut node = TestNode::start(&[]);
    let home = tempfile::tempdir().unwrap();
    let (backup, restored) = (home.path().join("backup"), home.path().join("restored"));
    for name in ["lost.txt", "kept.txt"] {
        upload(&node, "r", name, content(&mut Dice::new(name.len() as u64 + 7))).await;
    }
    node.store("r", &numbered(1, 10, 100)).await;
    let lost =
        files_below(&node.data().join("objects")).into_iter().find(|file| file.to_str().unwrap().contains("lost"));
    fs::remove_file(lost.unwrap()).unwrap();
    // Also of a node that does not run.
    node.kill9();
    let backed_up = output(backing_up(&node, &backup)).await;
    assert!(backed_up.status.success());
    let said = text(&backed_up.stderr);
    assert!(
        said.contains("1 objects are not in the store; in the backup their artifacts are deleted: runs/r/"),
        "{said}"
    );
    done(&restore(&backup, &restored).await);
    let after = start_on(&restored, &[]);
    let names: Vec<_> = artifacts(&after, "r").await.into_iter().map(|(_, name, _)| name).collect();
    assert_eq!(names, ["kept.txt"]);
}

#[tokio::test]
async fn artifacts_in_a_bucket_stay_there_and_a_cluster_is_told_how_it_is_backed_up() {
    let bucket = S3Server::start();
    let settings = bucket.settings();
    let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let node = TestNode::start(&settings);
    let home = tempfile::tempdir().unwrap();
    let (backup, restored) = (home.path().join("backup"), home.path().join("restored"));
    node.store("r", &numbered(1, 10, 100)).await;
    upload(&node, "r", "a.txt", content(&mut Dice::new(3))).await;
    let mut command = backing_up(&node, &backup);
    command.arg("--json").envs(settings.clone());
    let manifest: Value = serde_json::from_str(&done(&output(command).await)).unwrap();
    assert_eq!((&manifest["objects"]["kind"], &manifest["objects"]["count"]), (&"referenced".into(), &1.into()));
    assert!(!backup.join("objects").exists());
    done(&restore(&backup, &restored).await);
    let after = start_on(&restored, &settings);
    let listed = after.get_json("/api/runs/r/artifacts").await;
    assert_eq!((&listed["artifacts"][0]["name"], &listed["artifacts"][0]["state"]), (&"a.txt".into(), &"ready".into()));

    let mut command = backing_up(&node, &home.path().join("cluster"));
    command.env("REDIS_URL", "redis://127.0.0.1:1").env("DATABASE_URL", "postgres://u:p@127.0.0.1:1/d");
    assert!(refused(&output(command).await, 1).contains("the journal is in Redis: only a node that keeps"));
}
