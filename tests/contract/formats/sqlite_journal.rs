//! The journal in a SQLite file.

use std::fs;
use std::path::Path;

use runcast::storage::format::{NewerFormat, OpenError, SQLITE_JOURNAL};
use runcast::storage::journal::sqlite::{SqliteJournal, SqliteOptions, stored_format};
use runcast::storage::journal::{Head, Journal as _, JournalError};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};

use crate::journal::words::{ROOMY, append, log, post, run};

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

const TO_VERSION_0: &str = "DELETE FROM meta WHERE key = 'format'; UPDATE meta SET key = 'life' WHERE key = 'instance'";

/// Makes the rows and the file what they were before there were versions.
async fn make_it_old(dir: &Path) {
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
    execute(dir.path(), "UPDATE meta SET value = '2' WHERE key = 'format'").await;
    let before = fs::read(dir.path().join("journal.db")).unwrap();
    let refused = try_open(dir.path()).await.unwrap_err();
    let store = format!("the journal {}", dir.path().join("journal.db").display());
    assert_eq!(refused, OpenError::NewerFormat(NewerFormat { store, found: "2".into(), known: SQLITE_JOURNAL }));
    assert!(stored_format(&dir.path().join("journal.db")).await.is_err());
    assert!(fs::read(dir.path().join("journal.db")).unwrap() == before, "nothing was written");
    execute(dir.path(), "UPDATE meta SET value = '1' WHERE key = 'format'").await;
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
