//! A Redis whose clock is set: the journal's time is its time, and deadlines are not.
//! Promised in docs/reliability.md, "Abuse".

use std::time::{Duration, Instant};

use crate::support::{RedisServer, SOON, WallClock, eventually};
use crate::words::{ROOMY, append, post, run, status_post};
use runcast::protocol::Timestamp;
use runcast::protocol::status::RunStatus;
use runcast::storage::journal::redis::{RedisJournal, RedisOptions};
use runcast::storage::journal::{Append, Expired, Journal as _, JournalError, Stored};
use runcast::storage::redis::RedisSettings;

const DAY_MS: i64 = 86_400_000;

fn journal(server: &RedisServer, command_timeout: Duration) -> RedisJournal {
    let settings = RedisSettings {
        url: server.url().parse().unwrap(),
        ca_file: None,
        command_timeout,
        client_name: "runcast".into(),
        purpose: "test",
    };
    let max_clock_step = Duration::from_secs(3_600);
    RedisJournal::open(RedisOptions { prefix: "t".into(), node: "a".into(), limits: ROOMY, settings, max_clock_step })
}

/// What was stored, once and at once.
async fn stored(journal: &RedisJournal, name: &str, n: u64) -> Stored {
    let stored = journal.append(append(journal, name, vec![post("p", n..=n)])).await.unwrap();
    assert!(stored.outcomes[0].is_ok(), "{:?}", stored.outcomes);
    stored
}

#[tokio::test]
async fn a_clock_that_is_set_refuses_no_append_and_expires_nothing() {
    let clock = WallClock::new();
    let server = RedisServer::start_by(&clock).await;
    let journal = journal(&server, Duration::from_secs(5));
    let ended = append(&journal, "ended", vec![status_post("p", 1, RunStatus::Passed)]);
    eventually!(journal.append(ended.clone()).await, Result::is_ok, SOON).unwrap();
    stored(&journal, "r", 1).await;
    assert!(journal.clock().check().is_ok());
    for (n, offset) in (2..).zip(["+8d", "+0", "-8d", "+0", "+8d"]) {
        clock.set(offset);
        let head = stored(&journal, "r", n).await.head;
        assert!(head.last_at >= Timestamp::now().plus_millis(-60_000), "nothing is dated back");
        let newborn = stored(&journal, &format!("new-{n}"), 1).await.head;
        assert!(newborn.created_at >= Timestamp::now().plus_millis(-60_000), "{offset}: {}", newborn.created_at);
        assert_eq!(journal.clock().check().is_ok(), offset == "+0", "{offset}");
        if offset != "+0" {
            let all = journal.now().plus_millis(99 * DAY_MS);
            assert_eq!(journal.expire(all, 10).await.unwrap(), Expired::default());
        }
    }
    journal.clock().accept();
    let expired = journal.expire(journal.now().plus_millis(-DAY_MS), 10).await.unwrap();
    assert_eq!(expired.runs, [run("ended")]);
}

#[tokio::test]
async fn a_clock_that_is_set_back_lets_no_late_append_run() {
    let clock = WallClock::new();
    let server = RedisServer::start_by(&clock).await;
    let journal = journal(&server, Duration::from_secs(60));
    eventually!(journal.probe().await, Result::is_ok, SOON).unwrap();
    stored(&journal, "r", 1).await;
    server.freeze();
    // It waits for the server, which will find it once it goes on.
    let deadline = Instant::now() + Duration::from_millis(300);
    let late = Append { deadline, ..append(&journal, "r", vec![post("p", 2..=2)]) };
    let outcome = journal.append(late).await;
    assert!(matches!(outcome, Err(JournalError::OutcomeUnknown(_))), "{outcome:?}");
    clock.set("-8d");
    server.thaw();
    eventually!(journal.probe().await, Result::is_ok, SOON).unwrap();
    assert_eq!(journal.head(&run("r")).await.unwrap().tip, 1, "its time was over");
    assert_eq!(stored(&journal, "r", 2).await.head.tip, 2);
}

#[tokio::test]
async fn a_node_begins_by_comparing_the_servers_clock_with_its_own() {
    let clock = WallClock::new();
    clock.set("+8d");
    let server = RedisServer::start_by(&clock).await;
    let journal = journal(&server, Duration::from_secs(5));
    let ended = append(&journal, "ended", vec![status_post("p", 1, RunStatus::Passed)]);
    let head = eventually!(journal.append(ended.clone()).await, Result::is_ok, SOON).unwrap().head;
    assert!(head.created_at > Timestamp::now().plus_millis(7 * DAY_MS), "it is the journal's time");
    let jump = journal.clock().check().unwrap_err();
    assert!(jump.found > jump.expected, "{jump}");
    assert_eq!(journal.expire(journal.now().plus_millis(DAY_MS), 10).await.unwrap(), Expired::default());
}
