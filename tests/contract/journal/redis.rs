//! The journal in Redis where it differs from the others: connections that break, scripts that are forgotten, nodes
//! that meet in one run, and a store that comes back with less than it had.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use super::words::{ROOMY, append, event, is_unavailable, log, post, post_of, run, status_post};
use crate::support::{FaultProxy, RedisServer, SOON, eventually};
use futures_util::future::join_all;
use runcast::protocol::lineage::Resume;
use runcast::protocol::status::RunStatus;
use runcast::protocol::{After, Cursor, Epoch, Seq};
use runcast::storage::journal::redis::{RedisJournal, RedisOptions};
use runcast::storage::journal::{Expired, Head, Journal as _, JournalError, JournalLimits, Post, RunPhase, Stored};
use runcast::storage::redis::RedisSettings;

pub(super) fn journal_with(address: SocketAddr, node: &str, limits: JournalLimits) -> RedisJournal {
    let settings = RedisSettings {
        url: format!("redis://{address}").parse().unwrap(),
        ca_file: None,
        command_timeout: Duration::from_secs(2),
        client_name: node.to_owned(),
        purpose: "test",
    };
    RedisJournal::open(RedisOptions {
        prefix: "t".into(),
        node: node.to_owned(),
        limits,
        settings,
        max_clock_step: Duration::from_secs(3_600),
    })
}

pub(super) fn journal(address: SocketAddr, node: &str) -> RedisJournal {
    journal_with(address, node, ROOMY)
}

pub(super) async fn store(journal: &RedisJournal, posts: Vec<Post>) -> Result<Stored, JournalError> {
    journal.append(append(journal, "r", posts)).await
}

/// The run's head, once Redis answers again.
pub(super) async fn head(journal: &RedisJournal) -> Head {
    eventually!(journal.head(&run("r")).await, |head| head.is_ok(), SOON).unwrap()
}

fn resume(head: &Head, epoch: Epoch, seq: Seq) -> Resume {
    head.lineage.resolve(After::Cursor(Cursor { epoch: Some(epoch), seq }), head.tip)
}

#[tokio::test]
async fn an_append_whose_answer_is_cut_off_is_stored_once_when_it_is_repeated() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.address()).await;
    let (cut, direct) = (journal(proxy.address(), "a"), journal(server.address(), "b"));
    store(&cut, vec![post("p", 1..=2)]).await.unwrap();
    proxy.cut_behind("n\":3");
    let unknown = store(&cut, vec![post("p", 3..=4)]).await;
    assert!(matches!(unknown, Err(JournalError::OutcomeUnknown(_))), "{unknown:?}");
    assert!(proxy.has_cut());
    eventually!(head(&direct).await.tip, |tip| *tip == 4, SOON);
    let again = eventually!(store(&cut, vec![post("p", 3..=4)]).await, |stored| stored.is_ok(), SOON).unwrap();
    let appended = again.outcomes[0].as_ref().unwrap();
    assert_eq!((appended.duplicates, appended.seqs, again.head.tip), (2, None, 4));
    store(&cut, vec![post("p", 5..=5)]).await.unwrap();
    assert_eq!(log(&direct, "r").await, (1..=5).map(|n| event("p", n)).collect::<Vec<_>>());
}

#[tokio::test]
async fn many_writers_of_one_run_through_two_nodes_lose_nothing_and_share_no_seq() {
    let server = RedisServer::start().await;
    let nodes = [journal(server.address(), "a"), journal(server.address(), "b")];
    let writers = (0..12).map(async |writer| {
        let (journal, name) = (&nodes[writer % 2], format!("p{writer}"));
        let mut seqs = Vec::new();
        for n in 1..=20 {
            let stored = store(journal, vec![post(&name, n..=n)]).await.unwrap();
            let appended = stored.outcomes[0].as_ref().unwrap();
            assert_eq!((appended.producer_high, appended.stored), (n, 1), "{name}");
            seqs.extend(appended.seqs.map(|(first, _)| first));
        }
        seqs
    });
    let seqs: Vec<Seq> = join_all(writers).await.concat();
    assert_eq!(seqs.iter().collect::<HashSet<_>>().len(), 240, "a seq was given twice");
    let stored = log(&nodes[0], "r").await;
    assert_eq!((stored.len(), head(&nodes[1]).await.tip), (240, 240));
    for writer in 0..12 {
        let name = format!("p{writer}");
        let own: Vec<_> = stored.iter().filter(|text| text.contains(&format!("\"{name}\""))).cloned().collect();
        assert_eq!(own, (1..=20).map(|n| event(&name, n)).collect::<Vec<_>>());
        // The other node knows its mark, too.
        let again = store(&nodes[(writer + 1) % 2], vec![post(&name, 19..=20)]).await.unwrap();
        assert_eq!(again.outcomes[0].as_ref().unwrap().duplicates, 2);
    }
}

#[tokio::test]
async fn scripts_that_redis_has_forgotten_are_told_once_more() {
    let server = RedisServer::start().await;
    let journal = journal(server.address(), "a");
    store(&journal, vec![post("p", 1..=1)]).await.unwrap();
    server.cli(&["SCRIPT", "FLUSH"]);
    assert_eq!(head(&journal).await.tip, 1);
    server.cli(&["SCRIPT", "FLUSH"]);
    assert_eq!(store(&journal, vec![post("p", 2..=2)]).await.unwrap().head.tip, 2);
    server.cli(&["SCRIPT", "FLUSH"]);
    assert_eq!(log(&journal, "r").await.len(), 2);
}

#[tokio::test]
async fn a_store_emptied_under_its_clients_begins_another_incarnation() {
    let server = RedisServer::start().await;
    let (one, other) = (journal(server.address(), "a"), journal(server.address(), "b"));
    let epoch = store(&one, vec![post("p", 1..=3)]).await.unwrap().head.lineage.epoch().unwrap();
    assert_eq!(head(&other).await.tip, 3);
    server.cli(&["FLUSHALL"]);
    let unborn = head(&other).await;
    assert_eq!((unborn.tip, unborn.lineage.epoch()), (0, None));
    assert!(unborn.incarnation > Some(epoch) && unborn.age() > (Some(epoch), 3), "{unborn:?}");
    // The other node learns it when it appends, on what it had cached.
    let reborn = store(&one, vec![post("p", 1..=1)]).await.unwrap();
    assert_eq!((reborn.head.tip, reborn.head.lineage.epoch()), (1, unborn.incarnation));
    assert_eq!(resume(&head(&other).await, epoch, 3), Resume::Reset { from: 1 });
}

#[tokio::test]
async fn a_store_put_back_to_an_older_copy_tells_no_seq_twice_in_one_epoch() {
    let mut server = RedisServer::start().await;
    let (one, other) = (journal(server.address(), "a"), journal(server.address(), "b"));
    let epoch = store(&one, vec![post("p", 1..=3)]).await.unwrap().head.lineage.epoch().unwrap();
    let older = server.snapshot();
    store(&one, vec![post("p", 4..=5)]).await.unwrap();
    assert_eq!(head(&other).await.tip, 5);
    server.restart_with(&older).await;
    for node in [&one, &other] {
        let cut = head(node).await;
        assert_eq!((cut.tip, cut.lineage.entries().len()), (3, 2), "{cut:?}");
        assert_eq!(resume(&cut, epoch, 3), Resume::Continue { next: 4 });
        assert_eq!(resume(&cut, epoch, 5), Resume::Reset { from: 4 });
    }
    // What the producer repeats is stored again: its mark went back with the rest.
    let again = store(&other, vec![post("p", 4..=5)]).await.unwrap();
    assert_eq!((again.outcomes[0].as_ref().unwrap().seqs, again.head.lineage.entries()[1].1), (Some((4, 5)), 4));
    assert!(again.head.lineage.epoch() > Some(epoch));
    assert_eq!(resume(&head(&one).await, epoch, 5), Resume::Reset { from: 4 });
}

#[tokio::test]
async fn a_restart_that_lost_nothing_takes_nothing_from_anybody() {
    let mut server = RedisServer::start_with(&[("appendonly", "yes"), ("appendfsync", "always")]).await;
    let journal = journal(server.address(), "a");
    let epoch = store(&journal, vec![post("p", 1..=5)]).await.unwrap().head.lineage.epoch().unwrap();
    server.kill();
    server.restart().await;
    let kept = head(&journal).await;
    assert_eq!((kept.tip, resume(&kept, epoch, 5)), (5, Resume::Continue { next: 6 }));
    assert_eq!(store(&journal, vec![post("p", 1..=6)]).await.unwrap().head.tip, 6);
}

#[tokio::test]
async fn a_promoted_replica_that_lacks_the_last_writes_opens_another_epoch() {
    let (master, replica) = (RedisServer::start().await, RedisServer::start().await);
    let proxy = FaultProxy::start(master.address()).await;
    let journal = journal(proxy.address(), "a");
    let epoch = store(&journal, vec![post("p", 1..=3)]).await.unwrap().head.lineage.epoch().unwrap();
    replica.follow(&master).await;
    store(&journal, vec![post("p", 4..=4)]).await.unwrap();
    eventually!(replica.cli(&["XLEN", "t:{r}:log"]), |length| length == "2", SOON);
    // It is promoted before the last writes reach it.
    replica.cli(&["REPLICAOF", "NO", "ONE"]);
    store(&journal, vec![post("p", 5..=7)]).await.unwrap();
    proxy.retarget(replica.address());
    proxy.cut();
    let cut = eventually!(journal.head(&run("r")).await, |head| head.as_ref().is_ok_and(|h| h.tip == 4), SOON).unwrap();
    assert_eq!(resume(&cut, epoch, 4), Resume::Continue { next: 5 });
    assert_eq!(resume(&cut, epoch, 7), Resume::Reset { from: 5 });
    assert_eq!(store(&journal, vec![post("p", 5..=5)]).await.unwrap().head.tip, 5);
}

#[tokio::test]
async fn a_replica_is_no_store() {
    let (master, replica) = (RedisServer::start().await, RedisServer::start().await);
    replica.follow(&master).await;
    let refused = store(&journal(replica.address(), "a"), vec![post("p", 1..=1)]).await;
    assert!(matches!(&refused, Err(JournalError::Unavailable(reason)) if reason.contains("replica")), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_becomes_a_replica_is_left_for_the_one_that_took_its_place() {
    let (old, new) = (RedisServer::start().await, RedisServer::start().await);
    let proxy = FaultProxy::start(old.address()).await;
    let journal = journal(proxy.address(), "a");
    store(&journal, vec![post("p", 1..=3)]).await.unwrap();
    new.follow(&old).await;
    new.cli(&["REPLICAOF", "NO", "ONE"]);
    proxy.retarget(new.address());
    // Nobody cuts the connection.
    old.follow(&new).await;
    let stored = eventually!(store(&journal, vec![post("p", 4..=4)]).await, |stored| stored.is_ok(), SOON).unwrap();
    assert_eq!((stored.head.tip, new.cli(&["XLEN", "t:{r}:log"])), (4, "2".to_owned()));
}

#[tokio::test]
async fn two_nodes_that_expire_and_bury_at_once_take_each_run_once() {
    let server = RedisServer::start().await;
    let limits = JournalLimits { tombstone: Duration::ZERO, ..ROOMY };
    let nodes = [journal_with(server.address(), "a", limits), journal_with(server.address(), "b", limits)];
    let names: Vec<String> = (0..40).map(|n| format!("r{n}")).collect();
    let mut epoch = None;
    for name in &names {
        let posts = vec![status_post("p", 1, RunStatus::Passed)];
        epoch = nodes[0].append(append(&nodes[0], name, posts)).await.unwrap().head.lineage.epoch();
    }
    let before = nodes[0].now().plus_millis(60_000);
    let expired = join_all(nodes.iter().map(async |node| node.expire(before, 100).await.unwrap().runs)).await.concat();
    assert_eq!((expired.len(), expired.iter().collect::<HashSet<_>>().len()), (40, 40));
    let names_are_free = async || {
        let heads = nodes[1].heads(&names.iter().map(|name| run(name)).collect::<Vec<_>>()).await.unwrap();
        heads.iter().all(|head| head.phase == RunPhase::Live && head.tip == 0)
    };
    // A node takes the server's time for a little earlier than it is: by the way of the answer that told it.
    let are_buried = async || {
        join_all(nodes.iter().map(async |node| node.expire(before, 100).await.unwrap())).await;
        names_are_free().await
    };
    eventually!(are_buried().await, |free| *free, SOON);
    let reborn = nodes[0].append(append(&nodes[0], "r0", vec![post("q", 1..=1)])).await.unwrap();
    assert!(reborn.head.lineage.epoch() > epoch, "its old seqs are never told again in its old epoch");
}

#[tokio::test]
async fn what_somebody_else_writes_under_a_runs_keys_harms_that_run_alone() {
    let server = RedisServer::start().await;
    let journal = journal(server.address(), "a");
    for name in ["r", "s", "t"] {
        journal.append(append(&journal, name, vec![status_post("p", 1, RunStatus::Passed)])).await.unwrap();
    }
    server.cli(&["SET", "t:{foreign}:head", "x"]);
    server.cli(&["DEL", "t:{s}:head"]);
    server.cli(&["SET", "t:{s}:head", "x"]);
    server.cli(&["HSET", "t:{t}:head", "state", "{}"]);
    let refused = journal.append(append(&journal, "foreign", vec![post("p", 1..=1)])).await;
    assert!(is_unavailable(&refused), "nothing can have been stored: {refused:?}");
    let heads = journal.each_head(&["foreign", "r", "s", "t"].map(run)).await.unwrap();
    let fates: Vec<_> = heads.iter().map(|head| head.as_ref().map(|head| head.tip).map_err(|_| ())).collect();
    assert_eq!(fates, [Err(()), Ok(1), Err(()), Err(())]);
    let listed = journal.changed_since(runcast::protocol::Timestamp::default(), None, 10).await.unwrap().runs;
    assert_eq!(listed.iter().map(|row| row.run.as_str()).collect::<Vec<_>>(), ["r"]);
    let expired = journal.expire(journal.now().plus_millis(60_000), 10).await.unwrap();
    assert_eq!(expired.runs, [run("r")]);
}

#[tokio::test]
async fn what_can_not_be_read_holds_up_nothing_that_is_listed_behind_it() {
    let server = RedisServer::start().await;
    let journal = journal(server.address(), "a");
    let later = || journal.now().plus_millis(60_000);
    for index in ["t:runs:ended", "t:runs:open"] {
        for n in 0..5 {
            // Older than all others: two that have no head, and what can't even be a run's name.
            let name = ["broken", "no name!"][n % 2];
            server.cli(&["ZADD", index, &n.to_string(), &format!("{name}{n}")]);
            server.cli(&["SET", &format!("t:{{broken{n}}}:head"), "x"]);
        }
    }
    for n in 0..4 {
        let ended = vec![status_post("p", 1, RunStatus::Passed)];
        journal.append(append(&journal, &format!("ended{n}"), ended)).await.unwrap();
        journal.append(append(&journal, &format!("open{n}"), vec![post("p", 1..=1)])).await.unwrap();
    }
    let (mut after, mut idle, mut steps) = (None, Vec::new(), 0);
    loop {
        let page = journal.idle_since(later(), false, after.as_ref(), 2).await.unwrap();
        idle.extend(page.runs.into_iter().map(|one| one.run.to_string()));
        (after, steps) = (page.next, steps + 1);
        if after.is_none() {
            break;
        }
    }
    idle.sort();
    assert_eq!((idle.join(" "), steps <= 5), ("open0 open1 open2 open3".into(), true), "{steps}");
    let mut expired = Vec::new();
    for more in [true, false] {
        let step = journal.expire(later(), 2).await.unwrap();
        assert_eq!((step.runs.len(), step.more), (2, more));
        expired.extend(step.runs.into_iter().map(|run| run.to_string()));
    }
    expired.sort();
    assert_eq!(expired.join(" "), "ended0 ended1 ended2 ended3");
    assert_eq!(
        journal.expire(later(), 2).await.unwrap(),
        Expired::default(),
        "what is left is no reason to come again"
    );
}

#[tokio::test]
async fn a_full_redis_refuses_appends_serves_reads_and_takes_more_when_it_may() {
    let server = RedisServer::start_with(&[("maxmemory-policy", "noeviction")]).await;
    let journal = journal(server.address(), "a");
    let filler = |n| post_of("p", n, &[format!(r#"{{"type":"log","pad":"{}"}}"#, "x".repeat(100_000))]);
    store(&journal, vec![filler(1)]).await.unwrap();
    // Less than it holds.
    server.cli(&["CONFIG", "SET", "maxmemory", "1kb"]);
    let refused = store(&journal, vec![filler(2)]).await;
    assert!(matches!(&refused, Err(JournalError::Unavailable(reason)) if reason.starts_with("OOM")), "{refused:?}");
    assert!(is_unavailable(&journal.probe().await));
    assert_eq!((log(&journal, "r").await.len(), head(&journal).await.tip), (1, 1));
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    let stored = store(&journal, vec![filler(2)]).await.unwrap();
    assert_eq!((stored.head.tip, stored.outcomes[0].as_ref().unwrap().duplicates), (2, 0));
}

#[tokio::test]
async fn what_is_stored_is_acknowledged_also_when_its_notice_may_not_be_published() {
    let server = RedisServer::start().await;
    let journal = journal(server.address(), "a");
    store(&journal, vec![post("p", 1..=1)]).await.unwrap();
    server.cli(&["ACL", "SETUSER", "default", "resetchannels"]);
    assert_eq!(store(&journal, vec![post("p", 2..=2)]).await.unwrap().head.tip, 2);
}
