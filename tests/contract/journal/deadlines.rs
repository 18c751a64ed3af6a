//! When a run is due, and when it was last active.

use runcast::protocol::event::stamp::{Stamp, StampKind};
use runcast::protocol::status::RunStatus;
use runcast::protocol::{Cursor, Timestamp};
use runcast::storage::journal::{ControlPost, Expired, Post, Refusal};

use crate::journal::fixture::*;
use crate::journal::words::*;

const EVER: Timestamp = Timestamp::from_millis(1 << 50);

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

async fn due(f: &Fixture, now: Timestamp, limit: usize) -> Vec<String> {
    f.journal.due(now, limit).await.unwrap().into_iter().map(|run| run.to_string()).collect()
}

/// That run `r` is due at that time, and not before.
#[track_caller]
fn assert_due(f: &Fixture, want: Option<Timestamp>) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let before = due(f, want.map_or(EVER, |want| want.plus_millis(-1)), 10).await;
        assert!(before.is_empty(), "due too early: {caller}");
        if let Some(want) = want {
            assert_eq!(due(f, want, 10).await, ["r"], "due too late: {caller}");
        }
    }
}

/// The server's own event that brings a deadline forward.
fn lowers(n: u64, due: Timestamp) -> Post {
    Post { control: Some(ControlPost { due: Some(due), ..ControlPost::default() }), ..command(n) }
}

/// An event of a producer that is due so many milliseconds after it is stored.
fn asks(name: &str, n: u64, due_ms: i64) -> Post {
    let stamps = [Stamp { index: 1, kind: StampKind::CommandStatus, due_ms: Some(due_ms) }];
    Post { stamps: stamps.into(), ..post(name, n..=n + 1) }
}

pub(crate) async fn a_deadline_is_set_by_a_decision_and_brought_forward_by_anything_else(kind: Kind) {
    let f = kind.open().await;
    f.post("r", post("a", 1..=1)).await.unwrap();
    assert_due(&f, None).await;
    f.post("r", lowers(1, at(5_000))).await.unwrap();
    assert_due(&f, Some(at(5_000))).await;
    f.post("r", lowers(2, at(7_000))).await.unwrap();
    f.post("r", command(3)).await.unwrap();
    f.post("r", asks("b", 1, 1_000)).await.unwrap();
    assert_due(&f, Some(at(5_000))).await;
    f.post("r", lowers(4, at(3_000))).await.unwrap();
    assert_due(&f, Some(at(3_000))).await;
    f.post("r", decision(5, f.head("r").await.control, Some(at(9_000)))).await.unwrap();
    assert_due(&f, Some(at(9_000))).await;
    f.post("r", decision(6, f.head("r").await.control, None)).await.unwrap();
    assert_due(&f, None).await;
    let asked = f.append("r", vec![asks("b", 3, 60_000)]).await;
    assert!(due(&f, asked.head.last_at.plus_millis(59_000), 10).await.is_empty());
    assert_eq!(due(&f, asked.head.last_at.plus_millis(60_000), 10).await, ["r"]);
    assert_eq!(asked.head.control.map(|control| control.seq), Some(asked.head.tip));
    // In one append, each after the other.
    let seen = asked.head.control;
    let posts = vec![decision(7, seen, None), lowers(8, at(6_000)), lowers(9, at(8_000)), post("a", 2..=2)];
    f.append("r", posts).await;
    let f = f.reopened().await;
    assert_due(&f, Some(at(6_000))).await;
    let head = f.head("r").await;
    let next = head.control.map(|control| Cursor { seq: head.tip + 1, ..control });
    f.append("r", vec![lowers(10, at(1)), decision(11, next, Some(at(4_000)))]).await;
    assert_due(&f, Some(at(4_000))).await;
    f.post("r", post("a", 3..=3)).await.unwrap();
    assert_due(&f.reopened().await, Some(at(4_000))).await;
}

pub(crate) async fn what_is_not_stored_moves_no_deadline(kind: Kind) {
    let f = kind.open().await;
    let seen = f.append("r", vec![decision(1, None, Some(at(5_000)))]).await.head.control;
    let posts = vec![
        decision(1, None, Some(at(1))),
        Post { n: 1, ..lowers(1, at(2)) },
        decision(2, None, None),
        Post { n: 9, ..asks("b", 9, -10_000) },
    ];
    let stored = f.append("r", posts).await;
    assert_eq!(stored.outcomes[2], Err(Refusal::ControlMoved));
    assert!(stored.outcomes[3].is_err() && stored.segments.is_empty());
    assert_due(&f, Some(at(5_000))).await;
    f.post("r", decision(3, seen, None)).await.unwrap();
    f.post("r", seal_post("sealer", 1)).await.unwrap();
    assert_eq!(f.post("r", lowers(4, at(1))).await, Err(Refusal::RunSealed));
    assert_due(&f, None).await;
}

pub(crate) async fn due_runs_are_listed_earliest_first_up_to_a_time_and_a_number(kind: Kind) {
    let f = kind.open().await;
    for (name, due) in [("c", 30), ("a", 10), ("d", 40), ("b", 20)] {
        f.post(name, decision(1, None, Some(at(due)))).await.unwrap();
    }
    f.post("none", decision(1, None, None)).await.unwrap();
    assert_eq!(due(&f, EVER, 10).await.concat(), "abcd");
    assert_eq!(due(&f, EVER, 2).await.concat(), "ab");
    assert_eq!(due(&f, at(30), 10).await.concat(), "abc");
    assert!(due(&f, at(9), 10).await.is_empty() && due(&f, EVER, 0).await.is_empty());
}

pub(crate) async fn a_deadline_is_settled_only_while_the_control_that_was_seen_stands(kind: Kind) {
    let f = kind.open().await;
    let stored = f.append("r", vec![joins("a", 1, None), decision(1, None, None)]).await;
    assert_eq!(stored.outcomes[1], Err(Refusal::ControlMoved));
    let head = f.append("r", vec![decision(2, stored.head.control, Some(at(5_000))), post("a", 2..=3)]).await.head;
    let stale = [None, stored.head.control, head.control.map(|control| Cursor { seq: control.seq + 1, ..control })];
    for control in stale {
        f.journal.settle_due(&run("r"), control, Some(at(1))).await.unwrap();
        f.journal.settle_due(&run("r"), control, None).await.unwrap();
        assert_due(&f, Some(at(5_000))).await;
    }
    f.journal.settle_due(&run("r"), head.control, Some(at(7_000))).await.unwrap();
    assert_due(&f, Some(at(7_000))).await;
    assert_eq!((f.head("r").await, f.log("r").await.len()), (head.clone(), 4), "nothing else has changed");
    // A deadline that is settled does not come back with the next append.
    f.journal.settle_due(&run("r"), head.control, None).await.unwrap();
    f.post("r", post("a", 4..=4)).await.unwrap();
    assert_due(&f, None).await;
    f.journal.settle_due(&run("r"), head.control, Some(at(8_000))).await.unwrap();
    f.post("r", post("a", 5..=5)).await.unwrap();
    assert_due(&f, Some(at(8_000))).await;
    let f = f.reopened().await;
    assert_due(&f, Some(at(8_000))).await;
    f.journal.settle_due(&run("r"), head.control, Some(at(2_000))).await.unwrap();
    assert_eq!(f.post("r", says("a", 6, RunStatus::Passed)).await.unwrap().stored, 1);
    assert_eq!(f.head("r").await.status, Some(RunStatus::Passed), "how its producers stand is as it was");
    assert_due(&f, Some(at(2_000))).await;
}

pub(crate) async fn a_deadline_stored_while_another_is_settled_is_not_lost(kind: Kind) {
    let f = kind.open().await;
    let mut seen = f.append("r", vec![command(1)]).await.head.control;
    for n in 2..30 {
        let append = append(&*f.journal, "r", vec![lowers(n, at(1_000 + n as i64))]);
        let (journal, control) = (f.journal.clone(), seen);
        let settles = tokio::spawn(async move { journal.settle_due(&run("r"), control, None).await });
        let stored = f.journal.append(append).await.unwrap();
        settles.await.unwrap().unwrap();
        assert_eq!(due(&f, at(1_000 + n as i64), 1).await, ["r"], "round {n}");
        seen = stored.head.control;
        f.journal.settle_due(&run("r"), seen, None).await.unwrap();
        assert!(due(&f, EVER, 1).await.is_empty());
    }
}

/// The names in the order of their times, told in pages of `limit`.
async fn changed(f: &Fixture, since: Timestamp, limit: usize) -> String {
    let (mut after, mut names) = (None, String::new());
    loop {
        let page = f.journal.changed_since(since, after.as_ref(), limit).await.unwrap();
        for found in &page.runs {
            assert_eq!(found.head, f.head(found.run.as_str()).await);
            names.push_str(found.run.as_str());
        }
        after = page.next;
        if after.is_none() {
            return names;
        }
    }
}

async fn idle(f: &Fixture, before: Timestamp, ended: bool, limit: usize) -> String {
    let (mut after, mut names) = (None, String::new());
    loop {
        let page = f.journal.idle_since(before, ended, after.as_ref(), limit).await.unwrap();
        names.extend(page.runs.iter().map(|found| found.run.as_str()));
        after = page.next;
        if after.is_none() {
            return names;
        }
    }
}

pub(crate) async fn who_steers_moves_a_runs_place_in_lists_and_not_its_activity(kind: Kind) {
    let f = kind.open().await;
    for name in ["a", "b", "c", "d", "e"] {
        f.later().await;
        f.post(name, post("p", 1..=1)).await.unwrap();
    }
    let start = f.head("a").await.last_at;
    f.later().await;
    for (n, name) in (1..).zip(["c", "a", "e"]) {
        f.later().await;
        let before = f.head(name).await;
        let steered = f.append(name, vec![command(n)]).await.head;
        assert!(steered.last_at > before.last_at && steered.active_at == before.active_at, "{steered:?}");
    }
    let since = f.head("c").await.last_at;
    let f = f.reopened().await;
    for limit in 1..=6 {
        assert_eq!(changed(&f, start, limit).await, "bdcae", "in pages of {limit}");
        assert_eq!(changed(&f, since, limit).await, "cae");
        assert_eq!(idle(&f, f.journal.now(), false, limit).await, "abcde");
    }
    assert_eq!(idle(&f, f.head("c").await.active_at, false, 10).await, "ab", "before, not at");
    // The server's own word on a run, and what its producers say, are activity.
    let word = Post { control: Some(ControlPost::default()), ..command(50) };
    for (name, one) in [("a", word), ("c", says("p", 2, RunStatus::Running))] {
        f.later().await;
        let head = f.append(name, vec![command(49), one]).await.head;
        assert_eq!(head.active_at, head.last_at);
    }
    for limit in 1..=6 {
        assert_eq!(changed(&f, start, limit).await, "bdeac");
        assert_eq!(idle(&f, EVER, false, limit).await, "bdeac");
    }
    let born = f.append("f", vec![command(1)]).await.head;
    assert_eq!(born.active_at, born.last_at, "a new run is active, whoever began it");
}

pub(crate) async fn a_run_expires_by_its_activity_however_late_it_was_steered(kind: Kind) {
    let f = kind.open().await;
    let mut ends = Vec::new();
    for name in ["a", "b", "c"] {
        f.later().await;
        ends.push(f.append(name, vec![status_post("s", 1, RunStatus::Passed)]).await.head.active_at);
    }
    f.post("c", seal_post("sealer", 1)).await.unwrap();
    f.later().await;
    for name in ["b", "a"] {
        f.post(name, command(1)).await.unwrap();
    }
    assert_eq!(idle(&f, ends[1].plus_millis(1), true, 1).await, "ab");
    assert_eq!(f.journal.expire(ends[0], 10).await.unwrap(), Expired::default());
    assert_eq!(f.journal.expire(ends[0].plus_millis(1), 10).await.unwrap().runs, [run("a")]);
    assert_eq!(f.journal.expire(ends[1].plus_millis(1), 10).await.unwrap().runs, [run("b")]);
    let later = f.journal.now().plus_millis(1);
    assert_eq!(f.journal.expire(later, 10).await.unwrap().runs, [run("c")]);
    assert!(changed(&f, at(0), 10).await.is_empty());
}
