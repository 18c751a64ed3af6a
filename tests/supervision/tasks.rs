//! Tasks that are no actors and that a node cannot be without, injured: the journal's writer, a connection to Redis.
//!
//! They are injured where they count something, by a recorder of the test's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use metrics::set_default_local_recorder;
use runcast::storage::journal::sqlite::{SqliteJournal, SqliteOptions};
use runcast::storage::journal::{Journal as _, JournalError};
use runcast::storage::redis::{LinkStatus, RedisClient, RedisCommand, RedisSettings};
use runcast::tasks::exits;

use crate::support::{RedisServer, SOON, Saboteur, eventually, soon};
use crate::words::{ROOMY, append, post};

fn panics(child: &str) -> u64 {
    exits().get(child).and_then(|ends| ends.get("panicked")).copied().unwrap_or(0)
}

#[tokio::test]
async fn the_journals_writer_goes_on_after_a_panic_and_what_was_stored_is_there() {
    let armed = Arc::new(AtomicBool::new(false));
    let saboteur = Saboteur::new("runcast_journal_appends_total", &armed);
    let _sabotage = set_default_local_recorder(&saboteur);
    let dir = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(SqliteOptions::new(dir.path().join("journal.db"), ROOMY)).await.unwrap();
    let store = async |n| journal.append(append(&journal, "r", vec![post("p", n..=n)])).await;
    store(1).await.unwrap();

    armed.store(true, Ordering::SeqCst);
    let failed = soon("an answer", store(2)).await;
    assert!(matches!(failed, Err(JournalError::OutcomeUnknown(_))), "{failed:?}");
    assert_eq!(panics("journal_writer"), 1);
    let stored = soon("the writer", store(2)).await.unwrap();
    assert!(stored.outcomes[0].is_ok(), "{stored:?}");
    assert_eq!(soon("a head", journal.settled_head(&crate::words::run("r"))).await.unwrap().tip, 2);
    soon("the end", journal.close()).await;
    let again = SqliteJournal::open(SqliteOptions::new(dir.path().join("journal.db"), ROOMY)).await.unwrap();
    assert_eq!(crate::words::log(&again, "r").await.len(), 2);
}

#[tokio::test]
async fn a_connection_to_redis_is_made_anew_after_a_panic() {
    let redis = RedisServer::start().await;
    let armed = Arc::new(AtomicBool::new(true));
    let saboteur = Saboteur::new("runcast_redis_connects_total", &armed);
    let _sabotage = set_default_local_recorder(&saboteur);
    let settings = RedisSettings {
        url: redis.url().parse().unwrap(),
        ca_file: None,
        command_timeout: Duration::from_secs(2),
        client_name: "injured".to_owned(),
        purpose: "test",
    };
    let client = RedisClient::start(settings, Arc::new(()));
    eventually!(panics("redis_connection"), |panics| *panics == 1, SOON);
    let status = client.status();
    eventually!(status.borrow().clone(), |status| matches!(status, LinkStatus::Live { connection: 2 }), SOON);
    client.call(RedisCommand::new("PING")).await.unwrap();
    soon("the end", client.close()).await;
}
