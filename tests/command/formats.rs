//! `runcast serve` and `runcast doctor` before a store of a newer build.

use std::path::Path;
use std::process::{Command, Output};

use runcast::storage::format::{REDIS_JOURNAL, SQLITE_JOURNAL};
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::support::{Postgres, RedisServer};

/// Runs to its end, which must come by itself.
fn runcast(arguments: &[&str], data: &Path, environment: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runcast"));
    command.args(arguments).args(["--bind", "127.0.0.1:0"]).arg("--data-dir").arg(data);
    command.env_clear().envs(environment.iter().copied()).current_dir(data.parent().unwrap());
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

async fn execute(file: &Path, sql: &'static str) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let url = format!("sqlite:{}?mode=rwc", file.display());
    let mut database = SqliteConnection::connect(&url).await.unwrap();
    database.execute(sql).await.unwrap();
    database.close().await.unwrap();
}

const META: &str = "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID; \
                    INSERT INTO meta VALUES ('format', '7')";
const MIGRATIONS: &str =
    "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY); INSERT INTO _sqlx_migrations VALUES (7)";

#[tokio::test]
async fn serve_ends_with_64_and_one_sentence_and_doctor_fails_with_the_same() {
    for (file, sql, store, known) in
        [("journal.db", META, "the journal ", SQLITE_JOURNAL), ("catalog.db", MIGRATIONS, "the catalog ", 6)]
    {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        execute(&data.join(file), sql).await;
        let (code, _, told) = runcast(&["serve"], &data, &[]);
        assert_eq!(code, Some(64), "{told}");
        let path = data.join(file).display().to_string();
        let sentence = format!(
            "{store}{path} has format version 7, and the newest that this build of runcast knows is {known}: run the \
             build that wrote it, or a newer one"
        );
        assert_eq!(told.matches(&sentence).count(), 1, "{told}");
        let (code, report, _) = runcast(&["doctor"], &data, &[]);
        assert_eq!(code, Some(1), "{report}");
        assert!(report.contains(&format!("FAIL  format         {sentence}")), "{report}");
    }
}

#[tokio::test]
async fn doctor_says_which_versions_are_there_and_leaves_no_file_behind() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    execute(
        &data.join("journal.db"),
        "PRAGMA journal_mode = wal; CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT)",
    )
    .await;
    let (code, report, _) = runcast(&["doctor"], &data, &[("RUNCAST__JOURNAL__MIN_FREE_BYTES", "0")]);
    assert_eq!(code, Some(0), "{report}");
    let first = format!("the journal has no format version yet (the server makes it version {SQLITE_JOURNAL})");
    assert!(report.contains(&first), "{report}");
    let names = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, ["journal.db", "lock"]);
}

#[tokio::test]
async fn a_node_of_a_cluster_does_not_start_before_a_newer_redis() {
    let redis = RedisServer::start_with(&[("appendonly", "yes")]).await;
    let dir = tempfile::tempdir().unwrap();
    let (url, database) = (redis.url(), Postgres::shared().await.database().await);
    let environment = [("REDIS_URL", &*url), ("DATABASE_URL", &*database)];
    let data = dir.path().join("data");
    let (code, report, _) = runcast(&["doctor"], &data, &environment);
    assert_eq!(code, Some(0), "{report}");
    let first = format!("no format version yet (the server makes it version {REDIS_JOURNAL})");
    assert!(report.contains(&first), "{report}");
    let next = (REDIS_JOURNAL + 1).to_string();
    redis.cli(&["HSET", "runcast:store", "format", &next]);
    let sentence = &format!("the journal in Redis under runcast:store has format version {next}");
    let (code, _, told) = runcast(&["serve"], &data, &environment);
    assert_eq!(code, Some(64), "{told}");
    // Beside the warning of the connection to Redis.
    let errors = told.lines().filter(|line| line.contains(sentence) && !line.contains(r#""level":"WARN""#));
    assert_eq!(errors.count(), 1, "{told}");
    let (code, report, _) = runcast(&["doctor"], &data, &environment);
    assert_eq!(code, Some(1), "{report}");
    assert!(report.lines().any(|line| line.starts_with("FAIL  redis") && line.contains(sentence)), "{report}");
}
