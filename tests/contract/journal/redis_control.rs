//! A run's control in Redis where several nodes change it, and where the store fails.

use std::time::Duration;

use futures_util::future::{join, join_all};
use runcast::protocol::event::stamp::{Stamp, StampKind};
use runcast::protocol::status::RunStatus;
use runcast::protocol::{Cursor, ProducerId, Seq, Timestamp};
use runcast::storage::journal::redis::RedisJournal;
use runcast::storage::journal::{
    ControlPost, Head, Journal, JournalError, JournalLimits, OnGap, Post, Refusal, Stored,
};

use super::redis::{head, journal, journal_with, store};
use super::words::{ROOMY, append, lines, log, post, post_of, run, status_post};
use crate::support::{FaultProxy, RedisServer, SOON, WallClock, eventually};

const NODES: [&str; 2] = ["a", "b"];

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A viewer's command that is stored in any case.
fn command(name: &str) -> Post {
    let control = ControlPost { steers: true, ..ControlPost::default() };
    Post {
        producer: ProducerId::own(name),
        on_gap: OnGap::Allow,
        lines: lines(&[format!(r#"{{"type":"pause_requested","commandId":"{name}"}}"#)]),
        control: Some(control),
        ..post_of("p", 1, &["{}".into()])
    }
}

/// A command that is stored only while the run's last control event is this one; then it is due at that time.
fn decision(name: &str, seen: Option<Cursor>, due: Option<Timestamp>) -> Post {
    let control = ControlPost { if_control: Some(seen), due, steers: true, ..ControlPost::default() };
    Post { control: Some(control), ..command(name) }
}

/// An event of a producer with a stamp.
fn stamped(name: &str, n: u64, kind: StampKind, due_ms: Option<i64>) -> Post {
    let event = match kind {
        StampKind::RunStatus(status) => format!(r#"{{"type":"run_status","status":"{}"}}"#, status.as_str()),
        _ => r#"{"type":"worker","state":"joined"}"#.to_owned(),
    };
    let status = match kind {
        StampKind::RunStatus(status) => Some(status),
        _ => None,
    };
    Post { status, stamps: [Stamp { index: 0, kind, due_ms }].into(), ..post_of(name, n, &[event]) }
}

fn joined(name: &str, n: u64) -> Post {
    stamped(name, n, StampKind::Joined(None), None)
}

fn seqs(stored: &Stored, post: usize) -> Option<(Seq, Seq)> {
    stored.outcomes[post].as_ref().unwrap().seqs
}

/// First and last seq of each control segment after a seq.
async fn control(journal: &RedisJournal, after: Seq, max_bytes: usize) -> Vec<(Seq, Seq)> {
    let read = journal.read_control(&run("r"), after, max_bytes).await.unwrap();
    read.iter().map(|segment| (segment.first(), segment.last())).collect()
}

/// The runs that have a deadline, whenever.
async fn due(journal: &RedisJournal) -> Vec<String> {
    let due = journal.due(at(i64::MAX), 100).await.unwrap();
    due.into_iter().map(|run| run.to_string()).collect()
}

/// The run's deadline.
fn deadline(server: &RedisServer) -> String {
    server.cli(&["ZSCORE", "t:runs:due", "r"])
}

fn keys(server: &RedisServer) -> Vec<String> {
    let mut keys: Vec<_> = server.cli(&["KEYS", "*"]).lines().map(str::to_owned).collect();
    keys.sort();
    keys
}

/// Waits until what is stored is dated later than this.
async fn eventually_later(journal: &RedisJournal, time: Timestamp) {
    eventually!(journal.now(), |now| *now > time, SOON);
}

async fn two_nodes(server: &RedisServer) -> [RedisJournal; 2] {
    NODES.map(|node| journal(server.address(), node))
}

#[tokio::test]
async fn of_two_nodes_that_decide_at_once_one_wins_and_the_plain_posts_of_both_are_stored() {
    const ROUNDS: u64 = 30;
    let server = RedisServer::start().await;
    let nodes = two_nodes(&server).await;
    let mut seen = store(&nodes[0], vec![command("first")]).await.unwrap().head.control;
    for round in 1..=ROUNDS {
        let decide = async |(node, name): (&RedisJournal, &str)| {
            let deciding = decision(&format!("{name}{round}"), seen, None);
            store(node, vec![deciding, post(name, round..=round)]).await.unwrap()
        };
        let both = join_all(nodes.iter().zip(NODES).map(decide)).await;
        let won: Vec<&Stored> = both.iter().filter(|stored| stored.outcomes[0].is_ok()).collect();
        assert_eq!(won.len(), 1, "{both:?}");
        let (_, last) = seqs(won[0], 0).unwrap();
        for stored in &both {
            assert!(stored.outcomes[1].is_ok(), "{stored:?}");
            if let Err(refusal) = &stored.outcomes[0] {
                assert_eq!((refusal, stored.head.control.map(|c| c.seq)), (&Refusal::ControlMoved, Some(last)));
            }
        }
        seen = head(&nodes[0]).await.control;
        assert_eq!(seen.map(|control| control.seq), Some(last));
    }
    let stored = log(&nodes[0], "r").await;
    assert_eq!(stored.iter().filter(|event| event.contains("pause_requested")).count() as u64, 1 + ROUNDS);
    assert_eq!(stored.len() as u64, 1 + 3 * ROUNDS);
    assert_eq!(control(&nodes[1], 0, usize::MAX).await.len() as u64, 1 + ROUNDS);
}

#[tokio::test]
async fn a_stale_copy_of_a_run_decides_nothing_and_brings_no_old_deadline_back() {
    let server = RedisServer::start().await;
    let [here, there] = two_nodes(&server).await;
    let first = store(&here, vec![decision("first", None, Some(at(5_000)))]).await.unwrap().head.control;
    assert_eq!((deadline(&server), due(&there).await), ("5000".into(), vec!["r".to_owned()]));
    let second = store(&there, vec![decision("second", first, None)]).await.unwrap().head.control;
    assert!(due(&here).await.is_empty());
    // This node has not seen the second one.
    let refused = store(&here, vec![decision("late", first, Some(at(1))), post("p", 1..=1)]).await.unwrap();
    assert_eq!((&refused.outcomes[0], refused.head.control), (&Err(Refusal::ControlMoved), second));
    assert!(refused.outcomes[1].is_ok());
    assert!(due(&here).await.is_empty());
    let last = store(&there, vec![decision("third", second, None)]).await.unwrap();
    assert_eq!((seqs(&last, 0), last.head.tip), (Some((4, 4)), 4));
}

#[tokio::test]
async fn a_plain_post_only_brings_a_deadline_forward() {
    let server = RedisServer::start().await;
    let [here, there] = two_nodes(&server).await;
    let of = |due| Post { control: Some(ControlPost { due: Some(at(due)), ..ControlPost::default() }), ..command("") };
    for (name, lowered, want) in [("1", 5_000, "5000"), ("2", 7_000, "5000"), ("3", 3_000, "3000")] {
        for node in [&here, &there] {
            store(node, vec![Post { producer: ProducerId::own(name), ..of(lowered) }]).await.unwrap();
            assert_eq!(deadline(&server), want);
        }
    }
    let seen = head(&here).await.control;
    store(&here, vec![decision("4", seen, Some(at(9_000)))]).await.unwrap();
    assert_eq!(deadline(&server), "9000");
    let asked = store(&there, vec![stamped("p", 1, StampKind::CommandStatus, Some(1_000))]).await.unwrap().head;
    assert_eq!(deadline(&server), "9000", "the worker's deadline is later");
    let brought = asked.last_at.plus_millis(-1_000_000_000);
    assert_eq!(here.due(at(8_999), 9).await.unwrap(), []);
    assert_eq!(here.due(brought, 9).await.unwrap(), [run("r")]);
}

#[tokio::test]
async fn a_deadline_is_settled_only_while_the_control_that_was_seen_stands() {
    let server = RedisServer::start().await;
    let [here, there] = two_nodes(&server).await;
    let mut seen = store(&here, vec![decision("first", None, Some(at(1)))]).await.unwrap().head.control;
    here.settle_due(&run("r"), None, None).await.unwrap();
    here.settle_due(&run("r"), Some(Cursor { seq: 2, ..seen.unwrap() }), None).await.unwrap();
    assert_eq!(deadline(&server), "1");
    there.settle_due(&run("r"), seen, Some(at(7))).await.unwrap();
    assert_eq!(deadline(&server), "7");
    // Whichever comes first, the deadline that is stored with the event is kept.
    for round in 2..=40 {
        let asks = stamped("p", round - 1, StampKind::CommandStatus, Some(round as i64));
        let (stored, settled) = join(store(&here, vec![asks]), there.settle_due(&run("r"), seen, None)).await;
        settled.unwrap();
        let head = stored.unwrap().head;
        let kept: i64 = deadline(&server).parse().unwrap();
        assert!(kept == 7 || (kept - round as i64) <= head.last_at.as_millis(), "{kept}");
        seen = head.control;
        there.settle_due(&run("r"), seen, None).await.unwrap();
        assert!(due(&here).await.is_empty());
        there.settle_due(&run("r"), seen, Some(at(7))).await.unwrap();
    }
    // A run that is not there has no deadline, and loses one that it should not have.
    server.cli(&["ZADD", "t:runs:due", "1", "unborn"]);
    here.settle_due(&run("unborn"), seen, None).await.unwrap();
    assert_eq!(due(&here).await, ["unborn", "r"]);
    here.settle_due(&run("unborn"), None, Some(at(3))).await.unwrap();
    assert_eq!(due(&here).await, ["r"]);
}

#[tokio::test]
async fn due_runs_are_told_earliest_first_up_to_a_time_and_a_number() {
    let server = RedisServer::start().await;
    let journal = journal(server.address(), "a");
    for (name, due) in [("c", 30), ("a", 10), ("d", 40), ("b", 20)] {
        let posts = vec![decision("x", None, Some(at(due)))];
        journal.append(append(&journal, name, posts)).await.unwrap();
    }
    let due = async |now, limit| {
        let due = journal.due(at(now), limit).await.unwrap();
        due.iter().map(|run| run.as_str().to_owned()).collect::<String>()
    };
    assert_eq!((due(9, 9).await, due(30, 9).await, due(99, 2).await), ("".into(), "abc".into(), "ab".into()));
}

#[tokio::test]
async fn a_deciding_append_whose_answer_is_cut_off_hears_that_it_had_won_and_its_deadline_is_stored() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.address()).await;
    let (cut, direct) = (journal(proxy.address(), "a"), journal(server.address(), "b"));
    let seen = store(&cut, vec![command("first")]).await.unwrap().head.control;
    proxy.cut_behind("pause_requested");
    let wins = || vec![decision("second", seen, Some(at(5_000)))];
    let unknown = store(&cut, wins()).await;
    assert!(matches!(unknown, Err(JournalError::OutcomeUnknown(_))), "{unknown:?}");
    eventually!(head(&direct).await.tip, |tip| *tip == 2, SOON);
    assert_eq!(deadline(&server), "5000");
    store(&direct, vec![decision("third", head(&direct).await.control, Some(at(6_000)))]).await.unwrap();
    let again = eventually!(store(&cut, wins()).await, |stored| stored.is_ok(), SOON).unwrap();
    assert_eq!((seqs(&again, 0), again.head.tip), (None, 3));
    assert_eq!(deadline(&server), "6000", "it is not set twice");
}

#[tokio::test]
async fn a_store_put_back_to_an_older_copy_tells_that_control_is_reset() {
    let mut server = RedisServer::start().await;
    let [here, there] = two_nodes(&server).await;
    let first = store(&here, vec![decision("first", None, Some(at(5_000)))]).await.unwrap().head;
    let older = server.snapshot();
    let lost = store(&there, vec![decision("lost", first.control, None)]).await.unwrap().head;
    server.restart_with(&older).await;
    let cut = head(&here).await;
    assert_eq!((cut.control, deadline(&server)), (first.control, "5000".into()));
    // It is settled by what is stored, and not by what was lost.
    here.settle_due(&run("r"), lost.control, None).await.unwrap();
    assert_eq!(due(&here).await, ["r"]);
    let next = store(&there, vec![decision("late", lost.control, None), post("p", 1..=1)]).await.unwrap();
    assert_eq!((&next.outcomes[0], seqs(&next, 1)), (&Err(Refusal::ControlMoved), Some((3, 3))));
    let reset = Cursor { epoch: next.head.lineage.epoch(), seq: 2 };
    assert!(reset.epoch > first.lineage.epoch());
    assert_eq!((next.head.control, head(&here).await.control), (Some(reset), Some(reset)));
    let defeated = store(&here, vec![decision("before", first.control, None)]).await.unwrap();
    assert_eq!(defeated.outcomes, [Err(Refusal::ControlMoved)]);
    assert!(log(&here, "r").await[1].contains(r#""type":"control_reset""#));
    assert_eq!(control(&here, 0, usize::MAX).await, [(1, 1), (2, 2)]);
    store(&here, vec![decision("goes on", Some(reset), None)]).await.unwrap().outcomes[0].as_ref().unwrap();
}

#[tokio::test]
async fn a_promoted_replica_has_the_control_of_the_writes_that_reached_it() {
    let (master, replica) = (RedisServer::start().await, RedisServer::start().await);
    let proxy = FaultProxy::start(master.address()).await;
    let journal = journal(proxy.address(), "a");
    store(&journal, vec![joined("p", 1)]).await.unwrap();
    replica.follow(&master).await;
    let reached = store(&journal, vec![decision("reaches it", head(&journal).await.control, Some(at(5_000)))]).await;
    let reached = reached.unwrap().head.control;
    eventually!(replica.cli(&["XLEN", "t:{r}:log"]), |length| length == "2", SOON);
    replica.cli(&["REPLICAOF", "NO", "ONE"]);
    let lost = store(&journal, vec![decision("is lost", reached, None)]).await.unwrap().head.control;
    proxy.retarget(replica.address());
    proxy.cut();
    let cut = eventually!(journal.head(&run("r")).await, |head| head.as_ref().is_ok_and(|h| h.tip == 2), SOON).unwrap();
    assert_eq!((cut.control, due(&journal).await), (reached, vec!["r".to_owned()]));
    assert_eq!(control(&journal, 0, usize::MAX).await, [(1, 1), (2, 2)]);
    let late = store(&journal, vec![decision("late", lost, None)]).await.unwrap();
    assert_eq!((&late.outcomes[0], late.head.control.map(|c| c.seq)), (&Err(Refusal::ControlMoved), Some(3)));
    // The worker that had joined is still one.
    let ended = store(&journal, vec![stamped("p", 2, StampKind::RunStatus(RunStatus::Passed), None)]).await.unwrap();
    assert_eq!(ended.head.status, Some(RunStatus::Passed));
}

#[tokio::test]
async fn how_producers_stand_is_the_same_on_each_node() {
    let server = RedisServer::start().await;
    let [here, there] = two_nodes(&server).await;
    let says = |name: &str, n, status| stamped(name, n, StampKind::RunStatus(status), None);
    let anonymous = |n, post: Post| Post { producer: ProducerId::own("room"), n, ..post };
    let statuses = [
        (&here, joined("p", 1), RunStatus::Running),
        (&there, anonymous(1, joined("room", 1)), RunStatus::Running),
        (&here, says("p", 2, RunStatus::Failed), RunStatus::Failing),
        (&there, joined("q", 1), RunStatus::Failing),
        (&here, anonymous(2, says("room", 2, RunStatus::Passed)), RunStatus::Failing),
        (&there, post("p", 3..=3), RunStatus::Failing),
        (&here, says("q", 2, RunStatus::Passed), RunStatus::Failed),
    ];
    for (step, (node, post, want)) in statuses.into_iter().enumerate() {
        let stored = store(node, vec![post]).await.unwrap();
        assert_eq!((stored.head.status, stored.outcomes[0].is_ok()), (Some(want), true), "{step}");
        assert_eq!(head(&here).await, stored.head);
    }
    let marks = server.cli(&["HMGET", "t:{r}:marks", "p", "-", "q", "~room"]);
    let ended = |status| format!(r#"{{"joined":true,"status":"{status}"}}"#);
    let want = [
        format!("3:6:{}", ended("failed")),
        format!("0:5:{}", ended("passed")),
        format!("2:7:{}", ended("passed")),
        "2:5".to_owned(),
    ];
    assert_eq!(marks.lines().collect::<Vec<_>>(), want);
}

#[tokio::test]
async fn a_run_that_nobody_steers_has_no_key_more_than_it_had() {
    let server = RedisServer::start().await;
    let journal = journal(server.address(), "a");
    store(&journal, vec![post("p", 1..=3)]).await.unwrap();
    store(&journal, vec![post("p", 4..=4), status_post("s", 1, RunStatus::Running)]).await.unwrap();
    assert_eq!(keys(&server), ["t:runs:open", "t:store", "t:{r}:head", "t:{r}:log", "t:{r}:marks"]);
    assert!(control(&journal, 0, usize::MAX).await.is_empty());
    assert!(due(&journal).await.is_empty());
}

#[tokio::test]
async fn nothing_is_left_of_the_control_of_a_run_that_expires_or_is_buried() {
    let server = RedisServer::start().await;
    let journal = journal_with(server.address(), "a", JournalLimits { tombstone: Duration::from_secs(1), ..ROOMY });
    store(&journal, vec![joined("p", 1), stamped("p", 2, StampKind::RunStatus(RunStatus::Passed), None)])
        .await
        .unwrap();
    eventually_later(&journal, head(&journal).await.last_at).await;
    let steered = store(&journal, vec![decision("x", head(&journal).await.control, Some(at(5_000)))]).await.unwrap();
    let known = ["t:runs:due", "t:runs:ended", "t:runs:only_steered", "t:store"];
    let of_the_run = ["t:{r}:control", "t:{r}:head", "t:{r}:log", "t:{r}:marks"];
    assert_eq!(keys(&server), [known, of_the_run].concat());
    // A run expires by its activity, however late it was steered.
    let Head { active_at, last_at, .. } = steered.head;
    assert!(active_at < last_at, "{active_at} {last_at}");
    assert!(journal.expire(active_at, 9).await.unwrap().runs.is_empty());
    assert_eq!(journal.expire(active_at.plus_millis(1), 9).await.unwrap().runs, [run("r")]);
    assert_eq!(keys(&server), ["t:runs:gone", "t:store", "t:{r}:head"]);
    let gone = head(&journal).await;
    assert_eq!((gone.control, gone.control_bytes, gone.active_at), (None, 0, active_at));
    journal.settle_due(&run("r"), None, Some(at(5_000))).await.unwrap();
    assert!(due(&journal).await.is_empty());
    // A node of a build that knows no control leaves it.
    for set in ["t:runs:due", "t:runs:only_steered", "t:{r}:control"] {
        server.cli(&["ZADD", set, "1", if set == "t:{r}:control" { "1" } else { "r" }]);
    }
    let is_buried = async || {
        journal.expire(at(0), 9).await.unwrap();
        keys(&server) == ["t:store"]
    };
    eventually!(is_buried().await, |buried| *buried, SOON);
}

#[tokio::test]
async fn a_run_is_not_active_however_soon_after_its_last_event_it_is_steered() {
    let server = RedisServer::start().await;
    let journal = journal(server.address(), "a");
    for n in 1..=50 {
        let active = store(&journal, vec![post("p", n..=n)]).await.unwrap().head;
        assert_eq!(active.active_at, active.last_at);
        let steered = store(&journal, vec![command(&n.to_string())]).await.unwrap().head;
        assert_eq!((steered.active_at, head(&journal).await), (active.active_at, steered));
    }
    store(&journal, vec![post("p", 51..=51)]).await.unwrap();
    assert_eq!(server.cli(&["EXISTS", "t:runs:only_steered"]), "0");
}

#[tokio::test]
async fn a_run_that_was_only_steered_last_is_told_once_where_its_last_event_is() {
    let server = RedisServer::start().await;
    let [here, there] = two_nodes(&server).await;
    let (mut nodes, mut last) = ([&here, &there].into_iter().cycle(), at(0));
    // Each event is stored later than the one before.
    let mut put = async |name: &str, post: Post| {
        let node = nodes.next().unwrap();
        eventually_later(node, last).await;
        last = node.append(append(node, name, vec![post])).await.unwrap().head.last_at;
    };
    for name in ["a", "b", "c", "d"] {
        put(name, post("p", 1..=1)).await;
    }
    for name in ["a", "c", "a"] {
        put(name, command(&uuid::Uuid::now_v7().to_string())).await;
    }
    let told = async |limit| {
        let (mut after, mut told) = (None, String::new());
        loop {
            let page = here.changed_since(at(0), after.as_ref(), limit).await.unwrap();
            told.extend(page.runs.iter().map(|one| one.run.as_str()));
            after = page.next;
            if after.is_none() {
                return told;
            }
        }
    };
    let idle = async || {
        let page = there.idle_since(here.now().plus_millis(60_000), false, None, 9).await.unwrap();
        page.runs.iter().map(|one| one.run.as_str().to_owned()).collect::<String>()
    };
    for limit in 1..=8 {
        assert_eq!(told(limit).await, "bdca", "{limit}");
    }
    assert_eq!(idle().await, "abcd");
    let since = head_of(&here, "d").await.last_at.plus_millis(1);
    let late = here.changed_since(since, None, 9).await.unwrap();
    assert_eq!(late.runs.iter().map(|one| one.run.as_str()).collect::<String>(), "ca");
    for (name, want_told, want_idle) in [("a", "bdca", "bcda"), ("c", "bdac", "bdac")] {
        put(name, post("p", 2..=2)).await;
        for limit in 1..=8 {
            assert_eq!(told(limit).await, want_told, "{limit}");
        }
        assert_eq!(idle().await, want_idle);
    }
    assert_eq!(server.cli(&["EXISTS", "t:runs:only_steered"]), "0");
}

async fn head_of(journal: &RedisJournal, name: &str) -> Head {
    journal.head(&run(name)).await.unwrap()
}

#[tokio::test]
async fn control_is_read_by_bytes_also_over_more_segments_than_one_script_reads() {
    const COMMANDS: u64 = 1_100;
    let server = RedisServer::start().await;
    let journal = journal(server.address(), "a");
    let posts = (1..=COMMANDS).flat_map(|n| [post("p", n..=n), command(&format!("{n:04}"))]).collect();
    let stored = store(&journal, posts).await.unwrap();
    assert!(stored.segments.iter().all(|segment| segment.is_control() == (segment.first() % 2 == 0)));
    let all: Vec<_> = (1..=COMMANDS).map(|n| (2 * n, 2 * n)).collect();
    assert_eq!(control(&journal, 0, usize::MAX).await, all);
    let bytes = command("0000").lines.bytes().len();
    for count in [1, 2, 499, 500, 501, 999, 1_000, 1_001] {
        assert_eq!(control(&journal, 0, count * bytes).await, all[..count], "{count}");
        assert_eq!(control(&journal, 0, count * bytes + bytes - 1).await, all[..count], "{count}");
    }
    assert_eq!(control(&journal, 0, 0).await, all[..1], "at least one");
    assert_eq!(control(&journal, 201, usize::MAX).await, all[100..]);
    assert!(control(&journal, 2 * COMMANDS, usize::MAX).await.is_empty());
    assert!(control(&journal, Seq::MAX, usize::MAX).await.is_empty());
    // What is missing from the log is passed over.
    server.cli(&["XDEL", "t:{r}:log", "2-0"]);
    assert_eq!(control(&journal, 0, 0).await, all[1..2]);
}

#[tokio::test]
async fn no_segment_is_dated_before_its_events_however_far_the_clock_goes_back() {
    let clock = WallClock::new();
    let server = RedisServer::start_by(&clock).await;
    let journal = journal(server.address(), "a");
    let mut last = store(&journal, vec![post("p", 1..=1)]).await.unwrap().head.last_at;
    for (name, back) in [("r", "-0.7"), ("s", "-8d")] {
        eventually_later(&journal, last.plus_millis(50)).await;
        clock.set(back);
        let stored = journal.append(append(&journal, name, vec![joined("q", 1)])).await.unwrap();
        let (dated, events) = (stored.segments[0].at(), log(&journal, name).await);
        let says = events.last().unwrap();
        assert!(dated > last && says.contains(&format!(r#""at":"{dated}""#)), "{says} is dated {dated}");
        assert_eq!((stored.head.last_at, stored.head.active_at), (dated, dated));
        last = dated;
    }
}
