//! A password that answers a question is with the worker that asked, and nowhere else.

use std::fs;
use std::path::Path;

use futures_util::future::join_all;
use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use super::cast::{Person, RUN, Worker, id, log, same_on_all};
use super::{REDIS, SETTINGS};
use crate::support::{Cluster, SOON, Viewer, eventually};

const PASSWORD: &str = "hunter2-correct-horse-battery";

/// The files below a directory that have this text in them.
fn having(directory: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    // A node that keeps nothing itself has no directory.
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(having(&path, text));
        } else if contains(&fs::read(&path).unwrap(), text) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn contains(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

/// Every row of every table that the nodes have made in PostgreSQL.
async fn rows(cluster: &Cluster) -> String {
    let mut database = PgConnection::connect(cluster.database()).await.unwrap();
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut database).await.unwrap();
    let mut rows = String::new();
    for table in tables {
        let all = AssertSqlSafe(format!("SELECT t::text FROM \"{table}\" t"));
        let all: Vec<String> = sqlx::query_scalar(all).fetch_all(&mut database).await.unwrap();
        rows += &all.join("\n");
    }
    rows
}

#[tokio::test]
async fn a_password_that_answers_a_question_is_in_no_log_no_store_and_no_node() {
    let cluster = Cluster::start_with(3, &REDIS, &SETTINGS).await;
    let nodes = &cluster.nodes;
    let mut workers = [Worker::join(&nodes[0], 1, 2).await, Worker::join(&nodes[1], 2, 2).await];
    let mut viewers = join_all(nodes.iter().map(|node| Viewer::join(node, RUN))).await;
    let mut ann = Person::at(&nodes[0], "Ann").await;
    let ask = json!({"type": "ai_stuck", "askId": "login", "needs": "credential", "message": "The password?"});
    workers[0].post(&nodes[1], &[ask]).await;
    let answer = json!({"type": "answer", "askId": "login", "value": PASSWORD, "commandId": id()});
    let given = ann.say(&answer).await;
    assert!(given["code"].is_null(), "{given}");
    // She repeats it elsewhere; another password with that id is another answer.
    let again = ann.send(&nodes[2], &answer).await;
    assert_eq!((again.status, &again.json()["cursor"]), (202, &given["cursor"]), "{again:?}");
    let mut other = answer.clone();
    other["value"] = "hunter3".into();
    ann.send(&nodes[2], &other).await.problem(409, "command_conflict");
    let fill = json!({"action": "fill", "selector": "#password", "secret": PASSWORD});
    let fill = json!({"type": "manual_action", "action": fill, "target": {"producer": "shard-1"}, "commandId": id()});
    assert_eq!(ann.send(&nodes[1], &fill).await.status, 202);

    let heard = workers[0].poll(&nodes[2], 25).await;
    assert_eq!(heard.iter().map(|event| event["secret"] == true).collect::<Vec<_>>(), [true, false], "{heard:?}");
    for command in [&answer, &fill] {
        let command = command["commandId"].as_str().unwrap();
        workers[1].try_claim(&nodes[0], command).await.problem(409, "target_unknown");
        let claimed = workers[0].claim(&nodes[2], command).await;
        assert_eq!(claimed["secret"], PASSWORD);
        assert_eq!(workers[0].claim(&nodes[1], command).await, claimed, "again until it reports the end");
    }

    let events = same_on_all(nodes).await;
    for viewer in &mut viewers {
        viewer.until_events(events.len()).await;
        assert!(viewer.texts().iter().all(|text| !text.contains(PASSWORD)));
    }
    assert!(!json!(events).to_string().contains(PASSWORD));
    for node in nodes {
        assert!(!node.get(&format!("/api/runs/{RUN}")).await.text.contains(PASSWORD));
        assert!(!node.get("/metrics").await.text.contains(PASSWORD));
        let log = node.log();
        assert!(log.contains("DEBUG") && !log.contains(PASSWORD), "the log of a node that tells much");
        assert_eq!(having(&node.data(), PASSWORD), [""; 0]);
    }
    let dump = cluster.redis.snapshot();
    assert!(contains(&dump, "login") && !contains(&dump, PASSWORD), "Redis' dump");
    let written = cluster.redis.files();
    assert!(contains(&written, "login") && !contains(&written, PASSWORD), "everything that Redis has written");
    let database = eventually!(rows(&cluster).await, |rows| rows.contains(RUN), SOON);
    assert!(!database.contains(PASSWORD), "PostgreSQL");

    // It goes with the last report.
    for command in [&answer, &fill] {
        let command = command["commandId"].as_str().unwrap();
        let claim = workers[0].claim(&nodes[0], command).await["claim"].clone();
        workers[0].report(&nodes[0], command, "done", &claim).await;
        let late = workers[0].try_claim(&nodes[1], command).await;
        assert!(!late.text.contains(PASSWORD), "{late:?}");
    }
    assert_eq!(cluster.redis.cli(&["--scan", "--pattern", "*:secret:*"]), "");
    assert!(!json!(log(&nodes[2]).await).to_string().contains(PASSWORD));
}
