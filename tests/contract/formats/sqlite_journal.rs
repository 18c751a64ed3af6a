//! The journal in a SQLite file.

use std::fs;
use std::path::Path;

use runcast::protocol::ProducerId;
use runcast::protocol::status::RunStatus;
use runcast::storage::format::{NewerFormat, OpenError, SQLITE_JOURNAL};
use runcast::storage::journal::sqlite::{SqliteJournal, SqliteOptions, stored_format};
use runcast::storage::journal::{ControlPost, Head, Journal as _, JournalError, Post};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};

use crate::journal::words::{ROOMY, append, log, post, run, status_post};

const INSTANCE: &str = "journal.db-instance";
const INSTANCE_OF_0: &str = "journal.db-life";

async fn try_open(dir: &Path) -> Result<SqliteJournal, OpenError<JournalError>> {
    let options = SqliteOptions::new(dir.join("journal.db"), ROOMY);
    SqliteJournal::open(SqliteOptions { boot_id: Some("boot".into()), ..options }).await
}

async fn open(dir: &Path) -> SqliteJournal {
    try_open(dir).await.unwrap()
}

async fn store(journal: &SqliteJournal, n: u64) -> Head {
    journal.append(append(journal, "r", vec![post("a", n..=n)])).await.unwrap().head
}

async fn execute(dir: &Path, sql: &str) {
    let mut database = SqliteConnection::connect(dir.join("journal.db").to_str().unwrap()).await.unwrap();
    database.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    database.close().await.unwrap();
}

async fn meta(dir: &Path, key: &str) -> Option<String> {
    let mut database = SqliteConnection::connect(dir.join("journal.db").to_str().unwrap()).await.unwrap();
    let value = sqlx::query_scalar("SELECT value FROM meta WHERE key = ?").bind(key);
    let value = value.fetch_optional(&mut database).await.unwrap();
    database.close().await.unwrap();
    value
}

/// The tables and indices, as SQL.
async fn schema(dir: &Path) -> Vec<(String, Option<String>)> {
    let mut database = SqliteConnection::connect(dir.join("journal.db").to_str().unwrap()).await.unwrap();
    let schema = sqlx::query_as("SELECT name, sql FROM sqlite_master ORDER BY name");
    let schema = schema.fetch_all(&mut database).await.unwrap();
    database.close().await.unwrap();
    schema
}

/// Undoes the migration that version 2 brought.
const TO_VERSION_1: &str = "UPDATE meta SET value = '1' WHERE key = 'format'; \
    DELETE FROM _sqlx_migrations WHERE version = 2; \
    DROP INDEX runs_by_active_at; DROP INDEX steered_runs_by_last_at; DROP INDEX ended_runs; DROP INDEX runs_by_due; \
    DROP TABLE control_segments; ALTER TABLE producers DROP COLUMN state; \
    ALTER TABLE runs DROP COLUMN active_at; ALTER TABLE runs DROP COLUMN control_epoch; \
    ALTER TABLE runs DROP COLUMN control_seq; ALTER TABLE runs DROP COLUMN control_bytes; \
    ALTER TABLE runs DROP COLUMN steered; ALTER TABLE runs DROP COLUMN due; \
    CREATE INDEX runs_by_last_at ON runs (phase, last_at); \
    CREATE INDEX ended_runs ON runs (last_at) WHERE ended = 1;";

const TO_VERSION_0: &str = "DELETE FROM meta WHERE key = 'format'; UPDATE meta SET key = 'life' WHERE key = 'instance'";

/// Makes the rows and the file what they were before there were versions.
async fn make_it_old(dir: &Path) {
    execute(dir, TO_VERSION_1).await;
    execute(dir, TO_VERSION_0).await;
    fs::rename(dir.join(INSTANCE), dir.join(INSTANCE_OF_0)).unwrap();
}

/// A journal with one event that was closed; its head.
async fn closed(dir: &Path) -> Head {
    let journal = open(dir).await;
    let head = store(&journal, 1).await;
    journal.close().await;
    head
}

/// That it is of this version, and goes on as if nothing had been.
async fn goes_on(dir: &Path, head: &Head) {
    let journal = open(dir).await;
    assert_eq!(journal.head(&run("r")).await.unwrap(), *head);
    let next = store(&journal, head.tip + 1).await;
    assert_eq!(next.lineage, head.lineage, "no new epoch");
    assert_eq!(log(&journal, "r").await.len() as u64, next.tip);
    journal.close().await;
    assert_eq!(meta(dir, "format").await, Some(SQLITE_JOURNAL.to_string()));
    assert_eq!(meta(dir, "life").await, None);
    assert_eq!(meta(dir, "instance").await, Some(fs::read_to_string(dir.join(INSTANCE)).unwrap()));
    assert!(!dir.join(INSTANCE_OF_0).exists());
}

#[tokio::test]
async fn a_journal_of_this_version_opens_and_a_newer_one_is_refused_by_name_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(stored_format(&dir.path().join("journal.db")).await, Ok(None));
    let head = closed(dir.path()).await;
    assert_eq!(stored_format(&dir.path().join("journal.db")).await, Ok(Some(SQLITE_JOURNAL)));
    execute(dir.path(), "UPDATE meta SET value = '3' WHERE key = 'format'").await;
    let before = fs::read(dir.path().join("journal.db")).unwrap();
    let refused = try_open(dir.path()).await.unwrap_err();
    let store = format!("the journal {}", dir.path().join("journal.db").display());
    assert_eq!(refused, OpenError::NewerFormat(NewerFormat { store, found: "3".into(), known: SQLITE_JOURNAL }));
    assert!(stored_format(&dir.path().join("journal.db")).await.is_err());
    assert!(fs::read(dir.path().join("journal.db")).unwrap() == before, "nothing was written");
    execute(dir.path(), &format!("UPDATE meta SET value = '{SQLITE_JOURNAL}' WHERE key = 'format'")).await;
    goes_on(dir.path(), &head).await;
}

#[tokio::test]
async fn a_journal_of_before_is_taken_over_without_a_new_epoch() {
    let dir = tempfile::tempdir().unwrap();
    let head = closed(dir.path()).await;
    make_it_old(dir.path()).await;
    assert_eq!(stored_format(&dir.path().join("journal.db")).await, Ok(Some(0)));
    goes_on(dir.path(), &head).await;
}

#[tokio::test]
async fn a_journal_of_version_1_has_no_control_and_goes_on_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path()).await;
    let ended = journal.append(append(&journal, "ended", vec![status_post("s", 1, RunStatus::Passed)])).await.unwrap();
    let head = store(&journal, 1).await;
    journal.close().await;
    let schema = schema(dir.path()).await;
    execute(dir.path(), TO_VERSION_1).await;
    assert_eq!(stored_format(&dir.path().join("journal.db")).await, Ok(Some(1)));

    let journal = open(dir.path()).await;
    assert_eq!(journal.head(&run("r")).await.unwrap(), head);
    assert_eq!((head.active_at, head.control, head.steered), (head.last_at, None, false));
    assert!(journal.read_control(&run("r"), 0, usize::MAX).await.unwrap().is_empty());
    assert!(journal.due(journal.now().plus_millis(1 << 40), 10).await.unwrap().is_empty());
    let changed = journal.changed_since(ended.head.last_at, None, 10).await.unwrap();
    assert_eq!(changed.runs.iter().map(|found| found.run.as_str()).collect::<Vec<_>>(), ["ended", "r"]);
    let idle = journal.idle_since(journal.now().plus_millis(1), true, None, 10).await.unwrap();
    assert_eq!(idle.runs.iter().map(|found| found.run.as_str()).collect::<Vec<_>>(), ["ended"]);
    journal.close().await;
    goes_on(dir.path(), &head).await;
    assert_eq!(self::schema(dir.path()).await, schema, "nothing tells it from a new one");

    let journal = open(dir.path()).await;
    let steered = ControlPost { due: Some(journal.now()), steers: true, ..ControlPost::default() };
    let command = Post { control: Some(steered), producer: ProducerId::own("room"), ..post("x", 1..=1) };
    let stored = journal.append(append(&journal, "r", vec![command])).await.unwrap();
    assert_eq!(stored.head.control.map(|control| control.seq), Some(head.tip + 2));
    assert_eq!(journal.read_control(&run("r"), 0, usize::MAX).await.unwrap()[0].first(), head.tip + 2);
    assert_eq!(journal.due(journal.now(), 10).await.unwrap(), [run("r")]);
    journal.close().await;
}

#[tokio::test]
async fn a_takeover_that_ended_anywhere_is_finished_by_the_next_start() {
    // The file has its new name, the row has not; and the file has both, as after a copy instead of a rename.
    for copied in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let head = closed(dir.path()).await;
        make_it_old(dir.path()).await;
        match copied {
            true => drop(fs::copy(dir.path().join(INSTANCE_OF_0), dir.path().join(INSTANCE)).unwrap()),
            false => fs::rename(dir.path().join(INSTANCE_OF_0), dir.path().join(INSTANCE)).unwrap(),
        }
        goes_on(dir.path(), &head).await;
    }
}

#[tokio::test]
async fn a_copy_of_before_that_is_put_back_is_noticed_after_the_takeover() {
    for with_its_file in [false, true] {
        let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let head = closed(dir.path()).await;
        make_it_old(dir.path()).await;
        for name in ["journal.db", INSTANCE_OF_0] {
            fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
        }
        let journal = open(dir.path()).await;
        store(&journal, 2).await;
        journal.close().await;
        fs::copy(copy.path().join("journal.db"), dir.path().join("journal.db")).unwrap();
        if with_its_file {
            fs::copy(copy.path().join(INSTANCE_OF_0), dir.path().join(INSTANCE_OF_0)).unwrap();
        }
        let journal = open(dir.path()).await;
        let now = journal.head(&run("r")).await.unwrap();
        assert_eq!(now.tip, 1);
        assert!(now.lineage.epoch() > head.lineage.epoch(), "event 2 is gone, and its readers are told");
        journal.close().await;
        goes_on(dir.path(), &now).await;
    }
}
