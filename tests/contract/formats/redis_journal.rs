//! The journal in Redis.

use std::time::Duration;

use runcast::protocol::Timestamp;
use runcast::storage::format::REDIS_JOURNAL;
use runcast::storage::journal::redis::{RedisJournal, RedisOptions};
use runcast::storage::journal::{Head, Journal as _, JournalError, Stored};
use runcast::storage::redis::RedisSettings;

use crate::journal::words::{ROOMY, append, event, log, post, run};
use crate::support::{RedisServer, SOON, eventually};

fn journal(redis: &RedisServer, node: &str) -> RedisJournal {
    let settings = RedisSettings {
        url: redis.url().parse().unwrap(),
        ca_file: None,
        command_timeout: Duration::from_secs(2),
        client_name: node.to_owned(),
        purpose: "test",
    };
    RedisJournal::open(RedisOptions {
        prefix: "t".into(),
        node: node.to_owned(),
        limits: ROOMY,
        settings,
        max_clock_step: Duration::from_secs(3_600),
    })
}

async fn try_store(journal: &RedisJournal, n: u64) -> Result<Stored, JournalError> {
    journal.append(append(journal, "r", vec![post("a", n..=n)])).await
}

async fn store(journal: &RedisJournal, n: u64) -> Head {
    try_store(journal, n).await.unwrap().head
}

fn lines(numbers: std::ops::RangeInclusive<u64>) -> Vec<String> {
    numbers.map(|n| event("a", n)).collect()
}

fn format(redis: &RedisServer) -> String {
    redis.cli(&["HGET", "t:store", "format"])
}

/// The version of the next build that changes the format.
fn next_version() -> String {
    (REDIS_JOURNAL + 1).to_string()
}

/// Why a store of that version is refused.
fn newer() -> String {
    let (next, known) = (next_version(), REDIS_JOURNAL);
    format!(
        "the journal in Redis under t:store has format version {next}, and the newest that this build of runcast knows is {known}"
    )
}

#[tokio::test]
async fn a_store_of_this_version_is_used_and_one_of_before_is_taken_over_without_a_new_epoch() {
    let redis = RedisServer::start().await;
    let first = journal(&redis, "first");
    first.first_attempt().await.unwrap();
    let before = store(&first, 1).await;
    assert_eq!(format(&redis), REDIS_JOURNAL.to_string());
    first.close().await;
    for stored in [None, Some("0"), Some("1"), Some("2")] {
        match stored {
            None => redis.cli(&["HDEL", "t:store", "format"]),
            Some(version) => redis.cli(&["HSET", "t:store", "format", version]),
        };
        let next = journal(&redis, "next");
        next.first_attempt().await.unwrap();
        let head = store(&next, 1).await;
        assert_eq!(head, before, "a duplicate, in the same epoch");
        assert_eq!(format(&redis), REDIS_JOURNAL.to_string());
        next.close().await;
    }
}

#[tokio::test]
async fn a_newer_store_is_refused_by_name_and_left_alone() {
    let redis = RedisServer::start().await;
    redis.cli(&["HSET", "t:store", "format", &next_version()]);
    let journal = journal(&redis, "old");
    let error = journal.first_attempt().await.unwrap_err();
    assert!(error.to_string().starts_with(&newer()), "{error}");
    for refused in [try_store(&journal, 1).await.map(drop), journal.probe().await] {
        assert!(refused.as_ref().is_err_and(|error| error.to_string().contains(&newer())), "{refused:?}");
    }
    assert_eq!(redis.cli(&["KEYS", "*"]), "t:store");
    assert_eq!(redis.cli(&["HGETALL", "t:store"]), format!("format\n{}", next_version()));
    // Nothing is left to be refused.
    redis.cli(&["DEL", "t:store"]);
    eventually!(try_store(&journal, 1).await, |stored| stored.is_ok(), SOON).unwrap();
    journal.close().await;
}

#[tokio::test]
async fn a_node_whose_store_is_taken_over_keeps_off_it_from_its_next_append_on() {
    let redis = RedisServer::start().await;
    let journal = journal(&redis, "old");
    store(&journal, 1).await;
    // What `attest.lua` of the newer build does.
    redis.cli(&["HSET", "t:store", "format", &next_version(), "births", "99999999999999"]);
    let before = redis.cli(&["HGETALL", "t:{r}:head"]);
    let refused = try_store(&journal, 2).await.unwrap_err();
    assert!(matches!(&refused, JournalError::Unavailable(reason) if reason.starts_with(&newer())), "{refused}");
    eventually!(journal.probe().await, |probe| probe.is_err(), SOON).unwrap_err();
    assert_eq!(redis.cli(&["HGETALL", "t:{r}:head"]), before);
    journal.close().await;
}

#[tokio::test]
async fn whoever_raises_the_version_makes_connected_nodes_ask_again() {
    let redis = RedisServer::start().await;
    let older = journal(&redis, "older");
    store(&older, 1).await;
    let births = redis.cli(&["HGET", "t:store", "births"]);
    redis.cli(&["HSET", "t:store", "format", "0"]);
    let newer = journal(&redis, "newer");
    newer.first_attempt().await.unwrap();
    assert_ne!(redis.cli(&["HGET", "t:store", "births"]), births);
    // This build knows the version, and goes on.
    assert_eq!(store(&older, 2).await.lineage, store(&newer, 3).await.lineage);
    older.close().await;
    newer.close().await;
}

#[tokio::test]
async fn a_run_that_format_version_1_has_stored_goes_on() {
    let redis = RedisServer::start().await;
    let node = journal(&redis, "node");
    node.first_attempt().await.unwrap();
    let epoch = redis.cli(&["HGET", "t:store", "incarnation"]);
    let state = format!(r#"{{"lineage":[[{epoch},1]],"tip":2,"bytes":88,"phase":"live","status":"running"}}"#);
    let head = ["version", &format!("{epoch}:2:0"), "state", &state, "at", "2000", "created", "1000"];
    redis.cli(&[&["HSET", "t:{r}:head"], &head[..]].concat());
    redis.cli(&["HSET", "t:{r}:marks", "a", "2:2"]);
    redis.cli(&["XADD", "t:{r}:log", "2", "h", &format!("{epoch} 1 2000"), "b", &lines(1..=2).join("\n")]);
    redis.cli(&["ZADD", "t:runs:open", "2000", "r"]);
    let head = node.head(&run("r")).await.unwrap();
    assert_eq!((head.tip, head.active_at, head.control, head.steered), (2, head.last_at, None, false));
    assert!(node.read_control(&run("r"), 0, 1_000).await.unwrap().is_empty());
    let idle = node.idle_since(Timestamp::from_millis(2_001), false, None, 9).await.unwrap();
    assert_eq!(idle.runs.iter().map(|idle| (&idle.run, &idle.head)).collect::<Vec<_>>(), [(&run("r"), &head)]);
    let again = node.append(append(&node, "r", vec![post("a", 2..=3)])).await.unwrap();
    let appended = again.outcomes[0].as_ref().unwrap();
    assert_eq!((appended.duplicates, appended.stored), (1, 1));
    assert_eq!(log(&node, "r").await, lines(1..=3));
    node.close().await;
}
