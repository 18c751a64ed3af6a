//! The journal in Redis.

use std::time::Duration;

use runcast::storage::format::REDIS_JOURNAL;
use runcast::storage::journal::redis::{RedisJournal, RedisOptions};
use runcast::storage::journal::{Head, Journal as _, JournalError, Stored};
use runcast::storage::redis::RedisSettings;

use crate::journal::words::{ROOMY, append, post};
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

fn format(redis: &RedisServer) -> String {
    redis.cli(&["HGET", "t:store", "format"])
}

const NEWER: &str =
    "the journal in Redis under t:store has format version 2, and the newest that this build of runcast knows is 1";

#[tokio::test]
async fn a_store_of_this_version_is_used_and_one_of_before_is_taken_over_without_a_new_epoch() {
    let redis = RedisServer::start().await;
    let first = journal(&redis, "first");
    first.first_attempt().await.unwrap();
    let before = store(&first, 1).await;
    assert_eq!(format(&redis), REDIS_JOURNAL.to_string());
    first.close().await;
    for stored in [None, Some("0"), Some("1")] {
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
    redis.cli(&["HSET", "t:store", "format", "2"]);
    let journal = journal(&redis, "old");
    let newer = journal.first_attempt().await.unwrap_err();
    assert!(newer.to_string().starts_with(NEWER), "{newer}");
    for refused in [try_store(&journal, 1).await.map(drop), journal.probe().await] {
        assert!(refused.as_ref().is_err_and(|error| error.to_string().contains(NEWER)), "{refused:?}");
    }
    assert_eq!(redis.cli(&["KEYS", "*"]), "t:store");
    assert_eq!(redis.cli(&["HGETALL", "t:store"]), "format\n2");
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
    redis.cli(&["HSET", "t:store", "format", "2", "births", "99999999999999"]);
    let before = redis.cli(&["HGETALL", "t:{r}:head"]);
    let refused = try_store(&journal, 2).await.unwrap_err();
    assert!(matches!(&refused, JournalError::Unavailable(reason) if reason.starts_with(NEWER)), "{refused}");
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
