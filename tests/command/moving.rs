//! Runs that are moved from a node to a cluster, from there to another node, with their seqs and epochs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use super::backup::path_of;
use super::support::{Cluster, Dice, SOON, Site, TestNode, Viewer, eventually, numbered, real_run};
use super::{output, runcast, text};

const SIGNING_KEY: &str = "a key that all nodes of the cluster share";

/// The settings of a cluster that keeps its artifacts in a directory.
struct Stores(Vec<(String, String)>);

impl Stores {
    fn of_cluster(cluster: &Cluster, objects: &Path) -> Self {
        Self(vec![
            ("REDIS_URL".into(), cluster.redis.url()),
            ("DATABASE_URL".into(), cluster.database().to_owned()),
            ("RUNCAST__OBJECTS__URL".into(), format!("dir:{}", objects.display())),
            ("RUNCAST__OBJECTS__SIGNING_KEY".into(), SIGNING_KEY.into()),
        ])
    }

    fn of_node(data: &Path) -> Self {
        Self(vec![("RUNCAST__SERVER__DATA_DIR".into(), data.to_str().unwrap().to_owned())])
    }

    async fn run(&self, arguments: &[&str], files: &[PathBuf]) -> Output {
        let mut command = runcast(arguments);
        command.args(files).envs(self.0.iter().map(|(name, value)| (name, value)));
        output(command).await
    }
}

#[track_caller]
fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[track_caller]
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stderr)
}

async fn post(node: &Site, run: &str, n: u64, events: &[Value]) -> Value {
    let n = n.to_string();
    let lines: Vec<_> = events.iter().map(Value::to_string).collect();
    let headers = [("runcast-producer", "worker"), ("runcast-producer-seq", n.as_str())];
    let reply = node.post_ndjson(run, &lines, &headers).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.json()
}

/// A run's log as it is sent, and the cursor behind it.
async fn sent(node: &Site, run: &str) -> (Vec<Value>, String) {
    let page = node.get_json(&format!("/api/runs/{run}/events?limit=10000")).await;
    assert_eq!(page["more"], false);
    (page["events"].as_array().unwrap().clone(), page["cursor"].as_str().unwrap().to_owned())
}

/// A node with a run that has ended, one that is steered and goes on in its second epoch, and artifacts.
async fn begin() -> TestNode {
    let mut node = TestNode::start(&[]);
    node.store("real", &real_run()).await;
    let joined = json!({"type": "worker", "state": "joined", "slots": 4});
    post(&node, "live", 1, &[joined, json!({"type": "run_status", "status": "running"})]).await;
    // The store may have lost something: all runs go on in a new epoch.
    node.terminate().await;
    fs::remove_file(node.data().join("journal.db-instance")).unwrap();
    node.may_report();
    node.restart();
    post(&node, "live", 3, &[json!({"type": "log", "text": "second epoch"})]).await;
    let headers = [("content-type", "application/json"), ("runcast-user", "ada")];
    let reply = node.post("/api/runs/live/commands", &headers, json!({"type": "pause"}).to_string()).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let bytes = (0..500).map(|n| format!("{:x}\n", Dice::new(n).roll())).collect::<String>();
    let reply = node.try_send("PUT", "/api/runs/real/artifacts/a.txt", &[], bytes).await.unwrap();
    assert_eq!(reply.status, 201, "{reply:?}");
    let pin = json!({"reason": "kept"}).to_string();
    let reply = node.try_send("PUT", "/api/runs/real/pin", &headers, pin).await.unwrap();
    assert!(reply.status < 300, "{reply:?}");
    node
}

async fn artifact(node: &Site) -> String {
    let listed = node.get_json("/api/runs/real/artifacts").await;
    let id = listed["artifacts"][0]["artifactId"].as_str().unwrap_or_else(|| panic!("{listed}"));
    let link = node.get_json(&format!("/api/runs/real/artifacts/{id}/download")).await;
    let reply = node.get(path_of(&link["downloadUrl"])).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.text
}

#[tokio::test]
async fn runs_are_moved_to_a_cluster_with_their_seqs_and_epochs_and_go_on_there() {
    let node = begin().await;
    let home = tempfile::tempdir().unwrap();
    let logs = home.path().join("logs");
    let objects = home.path().join("objects");
    fs::create_dir(&objects).unwrap();
    let from = Stores::of_node(&node.data());
    let told = done(&from.run(&["export-log", "--all"], std::slice::from_ref(&logs)).await);
    assert!(told.contains("2 runs in "), "{told}");
    let files = ["real", "live"].map(|run| logs.join(format!("{run}.runlog")));
    let exported = [sent(&node, "real").await, sent(&node, "live").await];

    let setting = format!("dir:{}", objects.display());
    let settings = [("RUNCAST__OBJECTS__URL", setting.as_str()), ("RUNCAST__OBJECTS__SIGNING_KEY", SIGNING_KEY)];
    let cluster = Cluster::start_with(2, &[], &settings).await;
    let to = Stores::of_cluster(&cluster, &objects);
    let imported = to.run(&["import-log"], &files).await;
    assert!(done(&imported).contains("real: imported, 439 events, 1 artifact\n"), "{imported:?}");
    assert!(text(&imported.stderr).contains("real: 1 artifact of 1 without an object in "), "{imported:?}");
    let copying = ["import-log", "--objects-from", &format!("{}", node.data().join("objects").display())];
    let again = to.run(&copying, &files).await;
    assert!(done(&again).contains("real: there already, 439 events"), "{again:?}");
    assert_eq!(text(&again.stderr), "", "the object is there now");
    let left = cluster.redis.cli(&["--scan", "--pattern", "*staged*"]);
    assert_eq!(left.trim(), "", "nothing is left beside the runs");

    let [one, other] = [&cluster.nodes[0], &cluster.nodes[1]];
    for (run, (events, cursor)) in ["real", "live"].into_iter().zip(&exported) {
        let (moved, _) = sent(other, run).await;
        assert_eq!(moved, *events, "{run}, event for event, with the times that the journal wrote");
        // Whoever has seen all of it goes on.
        let mut viewer = Viewer::join_after(one, run, cursor).await;
        one.store(run, &numbered(1, 1, 10)).await;
        viewer.until("the next event", |viewer| viewer.texts().contains(&numbered(1, 1, 10)[0].as_str())).await;
        assert!(viewer.told("reset").is_empty(), "{:?}", viewer.said);
    }
    let row = eventually!(
        other.get_json("/api/runs?limit=10").await["runs"].as_array().unwrap().clone(),
        |runs| runs.iter().any(|row| row["runId"] == "real" && row["counts"]["passed"].as_u64() > Some(0)),
        SOON
    );
    assert_eq!(row.len(), 2, "{row:?}");
    assert_eq!(artifact(other).await, artifact(&node).await);
    assert_eq!(other.get_json("/api/runs/real/artifacts").await["pin"]["reason"], "kept");

    // The worker goes on with its numbers, and what it repeats is recognised.
    let answer = post(one, "live", 3, &[json!({"type": "log", "text": "second epoch"})]).await;
    assert_eq!((&answer["stored"], &answer["duplicates"]), (&0.into(), &1.into()), "{answer}");
    let answer = post(other, "live", 4, &[json!({"type": "log", "text": "moved"})]).await;
    assert_eq!(answer["stored"], 1, "{answer}");
    let live = sent(one, "live").await.0;
    assert_eq!(live[exported[1].0.len()]["type"], "control_reset", "its pause is void: {live:?}");

    // The node went on as well: who saw that is told.
    let ahead = post(&node, "live", 4, &[json!({"type": "log", "text": "not moved"})]).await;
    let mut ahead = Viewer::join_after(one, "live", ahead["cursor"].as_str().unwrap()).await;
    ahead.until("a reset", |viewer| !viewer.told("reset").is_empty()).await;
    assert_eq!(ahead.told("reset")[0]["from"], exported[1].0.len() + 1);
    // And what it has by now is not what the cluster has.
    let later = home.path().join("later.runlog");
    done(&from.run(&["export-log", "live"], std::slice::from_ref(&later)).await);
    assert!(refused(&to.run(&["import-log"], &[later]).await).contains("the run live is there with other events"));
}

#[tokio::test]
async fn runs_are_moved_from_a_cluster_to_a_node_that_is_stopped() {
    let cluster = Cluster::start(1).await;
    let one = &cluster.nodes[0];
    one.store("real", &real_run()).await;
    one.store("x", &numbered(1, 3, 10)).await;
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str| home.path().join(name);
    let from =
        Stores(vec![("REDIS_URL".into(), cluster.redis.url()), ("DATABASE_URL".into(), cluster.database().to_owned())]);
    for run in ["real", "x"] {
        done(&from.run(&["export-log", run], &[file(run)]).await);
    }
    assert!(refused(&from.run(&["export-log", "real"], &[file("real")]).await).contains("exists already"));
    assert!(
        refused(&from.run(&["export-log", "nothing"], &[file("nothing")]).await).contains("there is no run nothing")
    );
    assert!(!file("nothing").exists());

    let mut node = TestNode::start(&[]);
    node.store("x", &numbered(5, 4, 10)).await;
    let to = Stores::of_node(&node.data());
    let files = [file("x"), file("real")];
    let said = refused(&to.run(&["import-log"], &files).await);
    assert!(said.contains("stop the node that the runs are moved to: data directory "), "{said}");
    node.terminate().await;
    let imported = to.run(&["import-log"], &files).await;
    assert!(refused(&imported).contains("the run x is there with other events 1 to 3"), "{imported:?}");
    assert!(text(&imported.stdout).contains("real: imported, 438 events"), "the others are imported: {imported:?}");
    node.restart();
    assert_eq!(sent(&node, "real").await.0, sent(one, "real").await.0);
    assert_eq!(node.stored("x").await, numbered(5, 4, 10), "and what was there is as it was");
    let listed = node.get_json("/api/runs?limit=10").await;
    assert_eq!(listed["runs"].as_array().unwrap().len(), 2, "{listed}");
    // It goes on in its new epoch, also after a restart.
    for n in 1..=2 {
        node.store("real", &numbered(n, 1, 10)).await;
        node.terminate().await;
        node.restart();
    }
    assert_eq!(node.stored("real").await.len(), real_run().len() + 2);

    // A damaged file is refused before anything is written.
    let damaged = fs::read_to_string(file("real")).unwrap().replace("test_status", "test_stotus");
    fs::write(file("damaged"), damaged).unwrap();
    node.terminate().await;
    let said = refused(&to.run(&["import-log"], &[file("damaged")]).await);
    assert!(said.contains("the file is damaged: its SHA-256 is "), "{said}");
    node.restart();
}

#[tokio::test]
async fn a_cluster_that_is_restored_lists_what_its_log_has_and_tells_viewers_what_is_gone() {
    let mut cluster = Cluster::start_with(1, &[], &[]).await;
    cluster.nodes[0].store("r", &numbered(1, 10, 10)).await;
    // Redis first, then PostgreSQL: the list is ahead of the log.
    let snapshot = cluster.redis.snapshot();
    let ended = json!({"type": "run_status", "status": "passed"}).to_string();
    let later = cluster.nodes[0].store("r", &[&numbered(11, 5, 10)[..], std::slice::from_ref(&ended)].concat()).await;
    cluster.nodes[0].store("new", &[ended]).await;
    let list = |list: Value| {
        let runs = list["runs"].as_array().unwrap().clone();
        runs.iter().map(|row| (row["runId"].clone(), row["events"].clone())).collect::<Vec<_>>()
    };
    let both = [("new".into(), 1.into()), ("r".into(), 16.into())];
    eventually!(list(cluster.nodes[0].get_json("/api/runs").await), |runs| *runs == both, SOON);

    cluster.nodes.clear();
    cluster.redis.restart_with(&snapshot).await;
    let mut database = PgConnection::connect(cluster.database()).await.unwrap();
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md")).unwrap();
    let documented = page.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap().to_owned();
    sqlx::raw_sql(sqlx::AssertSqlSafe(documented)).execute(&mut database).await.unwrap();
    cluster.add_node();
    let node = &cluster.nodes[0];
    eventually!(list(node.get_json("/api/runs").await), |runs| *runs == [("r".into(), 10.into())], SOON);
    let mut ahead = Viewer::join_after(node, "r", later["cursor"].as_str().unwrap()).await;
    ahead.until("a reset", |viewer| !viewer.told("reset").is_empty()).await;
    assert_eq!(ahead.told("reset")[0]["from"], 11);
}
