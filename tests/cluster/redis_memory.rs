//! What a run costs in Redis beside its events, up to the last that it takes.

use std::time::Duration;

use crate::support::{RedisServer, SOON};
use crate::words::{append, post_of, run};
use runcast::storage::journal::redis::{RedisJournal, RedisOptions};
use runcast::storage::journal::{Journal as _, JournalLimits, Refusal};
use runcast::storage::redis::RedisSettings;

/// `journal.max_run_bytes`, at its least.
const MAX_RUN_BYTES: u64 = 1 << 20;
/// An event, as the benchmarks have it.
const EVENT_BYTES: usize = 128;

/// Bytes of memory that Redis needs for all that it holds, without what an empty one needs.
fn memory(redis: &RedisServer) -> u64 {
    let keys = redis.cli(&["KEYS", "*"]);
    let usage = |key: &str| redis.cli(&["MEMORY", "USAGE", key, "SAMPLES", "0"]).parse::<u64>().unwrap();
    keys.lines().map(usage).sum()
}

/// Fills a run with posts of so many events until it takes no more; the memory that it needs, per byte of events.
async fn fill(batch: usize) -> f64 {
    let redis = RedisServer::start().await;
    let settings = RedisSettings {
        url: redis.url().parse().unwrap(),
        ca_file: None,
        command_timeout: SOON,
        client_name: "node".into(),
        purpose: "test",
    };
    let limits = JournalLimits { max_run_bytes: MAX_RUN_BYTES, tombstone: Duration::from_secs(3_600) };
    let journal = RedisJournal::open(RedisOptions {
        prefix: "t".into(),
        node: "node".into(),
        limits,
        settings,
        max_clock_step: Duration::from_secs(3_600),
    });
    let event = format!(r#"{{"type":"log","text":"{}"}}"#, "x".repeat(EVENT_BYTES - 24));
    assert_eq!(event.len(), EVENT_BYTES);
    let events = vec![event; batch];
    let head = loop {
        let n = journal.head(&run("r")).await.unwrap().tip + 1;
        let mut stored = journal.append(append(&journal, "r", vec![post_of("p", n, &events)])).await.unwrap();
        match stored.outcomes.remove(0) {
            Ok(appended) => assert_eq!(appended.stored, batch as u64),
            Err(Refusal::RunFull { .. }) => break stored.head,
            Err(refusal) => panic!("{refusal}"),
        }
    };
    // Full but for what is kept for the run's status and the server's own events.
    assert!((MAX_RUN_BYTES * 8 / 10..=MAX_RUN_BYTES).contains(&head.bytes), "{head:?}");
    let (memory, events) = (memory(&redis), head.tip * EVENT_BYTES as u64);
    let ratio = memory as f64 / events as f64;
    println!(
        "posts of {batch}: {memory} bytes of memory for {} events of {EVENT_BYTES} bytes, {ratio:.2} to 1",
        head.tip
    );
    ratio
}

#[tokio::test]
async fn a_full_run_costs_little_more_memory_than_its_events() {
    let (single, batches) = tokio::join!(fill(1), fill(500));
    assert!(single < 2.0, "single events: {single:.2} to 1");
    assert!(batches < 1.2, "batches: {batches:.2} to 1");
}
