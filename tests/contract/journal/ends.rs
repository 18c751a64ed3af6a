//! How runs end, how names come back, and many at once.

use std::collections::HashMap;
use std::time::Duration;

use runcast::protocol::status::RunStatus;
use runcast::storage::journal::{Expired, Head, JournalLimits, OnGap, Post, Refusal, Removal, RunPhase};

use crate::journal::fixture::*;
use crate::journal::words::*;

pub(crate) async fn only_old_ended_runs_expire(kind: Kind) {
    let f = kind.open().await;
    for name in ["running", "passed", "sealed"] {
        f.post(name, post("a", 1..=3)).await.unwrap();
    }
    f.post("passed", status_post("s", 1, RunStatus::Passed)).await.unwrap();
    f.post("sealed", seal_post("room", 1)).await.unwrap();
    let last_at = f.journal.head(&run("passed")).await.unwrap().last_at;
    assert_eq!(f.journal.expire(last_at.plus_millis(-1), 10).await.unwrap(), Expired::default());

    let later = f.journal.now().plus_millis(1);
    let mut expired = f.journal.expire(later, 10).await.unwrap();
    expired.runs.sort();
    assert_eq!(expired, Expired { runs: vec![run("passed"), run("sealed")], more: false });
    assert_eq!(f.log("running").await.len(), 3);
    assert!(f.log("passed").await.is_empty());
    assert_eq!(f.journal.expire(later, 10).await.unwrap(), Expired::default(), "each once");
    let changed = f.journal.changed_since(last_at.plus_millis(-60_000), None, 10).await.unwrap().runs;
    assert_eq!(changed.iter().map(|found| found.run.as_str()).collect::<Vec<_>>(), ["running"]);
    assert!(f.journal.idle_since(later, true, None, 10).await.unwrap().runs.is_empty());
    let mut gone = f.journal.gone_since(last_at, 10).await.unwrap();
    gone.sort();
    assert_eq!(gone, [run("passed"), run("sealed")]);
    assert!(f.journal.gone_since(f.journal.now().plus_millis(60_000), 10).await.unwrap().is_empty());
}

pub(crate) async fn expiry_keeps_to_its_limit_and_says_that_more_is_due(kind: Kind) {
    let f = kind.open().await;
    for n in 0..5 {
        f.post(&format!("r{n}"), status_post("s", 1, RunStatus::Failed)).await.unwrap();
    }
    let later = f.journal.now().plus_millis(1);
    let mut all = Vec::new();
    for more in [true, true, false] {
        let expired = f.journal.expire(later, 2).await.unwrap();
        assert_eq!(expired.more, more);
        all.extend(expired.runs);
    }
    all.sort();
    assert_eq!(all, (0..5).map(|n| run(&format!("r{n}"))).collect::<Vec<_>>());
}

pub(crate) async fn a_run_is_removed_when_it_has_ended_or_whoever_asks_insists(kind: Kind) {
    let f = kind.open().await;
    for name in ["running", "passed", "sealed", "other"] {
        f.post(name, post("a", 1..=3)).await.unwrap();
    }
    f.post("passed", status_post("s", 1, RunStatus::Passed)).await.unwrap();
    f.post("sealed", seal_post("room", 1)).await.unwrap();
    let since = f.journal.now().plus_millis(-60_000);
    let remove = async |name: &str, even_live| f.journal.remove(&run(name), even_live).await.unwrap();
    assert_eq!(remove("nobody", true).await, Removal::Unknown);
    assert_eq!(remove("running", false).await, Removal::Live);
    assert_eq!(f.log("running").await.len(), 3, "it is left as it is");
    f.post("running", post("a", 4..=4)).await.unwrap();

    for (name, even_live, last) in [("passed", false, 4), ("sealed", false, 4), ("running", true, 4)] {
        assert_eq!(remove(name, even_live).await, Removal::Removed, "{name}");
        assert_eq!(remove(name, even_live).await, Removal::Gone, "{name}");
        let head = f.journal.head(&run(name)).await.unwrap();
        assert_eq!((head.phase, head.tip, head.first, head.bytes), (RunPhase::Gone, last, last + 1, 0), "{name}");
        assert!(f.log(name).await.is_empty());
        assert_eq!(f.post(name, post("a", 5..=5)).await, Err(Refusal::RunGone { last }));
    }
    let later = f.journal.now().plus_millis(60_000);
    assert!(f.journal.due(later, 10).await.unwrap().is_empty());
    let mut gone = f.journal.gone_since(since, 10).await.unwrap();
    gone.sort();
    assert_eq!(gone, [run("passed"), run("running"), run("sealed")]);
    assert_eq!(f.log("other").await.len(), 3);
    let changed = f.journal.changed_since(since, None, 10).await.unwrap().runs;
    assert_eq!(changed.iter().map(|found| found.run.as_str()).collect::<Vec<_>>(), ["other"]);
}

pub(crate) async fn a_tombstone_refuses_late_posts_and_keeps_the_last_seq(kind: Kind) {
    let f = kind.open().await;
    f.post("r", post("a", 1..=3)).await.unwrap();
    let before = f.append("r", vec![status_post("s", 1, RunStatus::Lost)]).await.head;
    f.journal.expire(f.journal.now().plus_millis(1), 10).await.unwrap();

    let head = f.journal.head(&run("r")).await.unwrap();
    let gone = Head { first: 5, phase: RunPhase::Gone, bytes: 0, ..before };
    assert_eq!(head, gone);
    assert_eq!(f.journal.settled_head(&run("r")).await.unwrap(), gone);
    assert!(f.journal.read(&run("r"), 0, usize::MAX).await.unwrap().is_empty());
    for late in [post("a", 1..=3), post("a", 4..=4), post("b", 1..=1), seal_post("room", 1)] {
        assert_eq!(f.post("r", late).await, Err(Refusal::RunGone { last: 4 }));
    }
}

pub(crate) async fn a_name_is_free_after_its_tombstone_and_begins_in_another_epoch(kind: Kind) {
    let f = kind.open_with(JournalLimits { tombstone: Duration::ZERO, ..ROOMY }).await;
    f.post("steady", post("a", 1..=1)).await.unwrap();
    let steady = f.journal.head(&run("steady")).await.unwrap().lineage;
    let old = f.post("r", post("a", 1..=3)).await.unwrap().epoch;
    f.post("r", seal_post("room", 1)).await.unwrap();
    let later = f.journal.now().plus_millis(1);
    f.journal.expire(later, 10).await.unwrap();
    assert_eq!(f.post("r", post("a", 1..=1)).await, Err(Refusal::RunGone { last: 4 }));

    f.journal.expire(later, 10).await.unwrap();
    assert_unborn(f.journal.head(&run("r")).await.unwrap());
    let again = f.post("r", post("a", 1..=1)).await.unwrap();
    assert_eq!(again.seqs, Some((1, 1)));
    assert!(again.epoch > old, "one seq must not be told twice in one epoch");
    assert_eq!(f.append("steady", vec![post("a", 2..=2)]).await.head.lineage, steady, "others stay in theirs");
    assert_eq!(f.log("r").await.len(), 1);
}

pub(crate) async fn many_writers_of_many_runs_lose_nothing_and_share_no_seq(kind: Kind) {
    const WRITERS: u64 = 40;
    const RUNS: u64 = 7;
    const POSTS: u64 = 25;
    let f = kind.open().await;
    let writers = (0..WRITERS).map(|writer| {
        let journal = f.journal.clone();
        tokio::spawn(async move {
            let (name, id) = (format!("r{}", writer % RUNS), format!("w{writer}"));
            let mut seqs = Vec::new();
            for n in 1..=POSTS {
                // Every post goes twice, as after an unknown outcome.
                for want in [1, 0] {
                    let stored = journal.append(append(&*journal, &name, vec![post(&id, n..=n)])).await.unwrap();
                    let appended = stored.outcomes[0].clone().unwrap();
                    assert_eq!(appended.stored, want);
                    seqs.extend(appended.seqs.map(|(first, _)| (name.clone(), first)));
                }
            }
            seqs
        })
    });
    let mut owners = HashMap::new();
    for (writer, task) in writers.collect::<Vec<_>>().into_iter().enumerate() {
        for seq in task.await.unwrap() {
            assert!(owners.insert(seq, writer).is_none());
        }
    }
    assert_eq!(owners.len() as u64, WRITERS * POSTS);
    let mut total = 0;
    for name in (0..RUNS).map(|n| format!("r{n}")) {
        let log = f.log(&name).await;
        total += log.len() as u64;
        for writer in 0..WRITERS {
            let mine = log.iter().filter(|line| line.contains(&format!("\"w{writer}\""))).collect::<Vec<_>>();
            assert!(mine.iter().zip(1..).all(|(line, n)| **line == event(&format!("w{writer}"), n)));
        }
    }
    assert_eq!(total, WRITERS * POSTS);
}

pub(crate) async fn a_settled_head_knows_every_append_queued_before(kind: Kind) {
    let f = kind.open().await;
    assert_unborn(f.journal.settled_head(&run("r")).await.unwrap());
    let appends = (1..=20).map(|n| {
        let own = Post { on_gap: OnGap::Allow, ..post("a", n..=n) };
        f.journal.append(append(&*f.journal, "r", vec![own]))
    });
    // Joined in order: all appends are queued before the barrier, none is awaited.
    let barrier = async { f.journal.settled_head(&run("r")).await.unwrap() };
    let (stored, head) = futures_util::future::join(futures_util::future::join_all(appends), barrier).await;
    assert!(stored.iter().all(Result::is_ok));
    assert_eq!(head.tip, 20);
    assert_eq!(head, f.journal.head(&run("r")).await.unwrap());
}

pub(crate) async fn a_closed_journal_refuses_appends(kind: Kind) {
    let f = kind.open().await;
    f.journal.probe().await.unwrap();
    f.post("r", post("a", 1..=1)).await.unwrap();
    let queued = (2..=9).map(|n| f.journal.append(append(&*f.journal, "r", vec![post("a", n..=n)])));
    let (queued, ()) = futures_util::future::join(futures_util::future::join_all(queued), f.journal.close()).await;
    assert!(queued.iter().all(Result::is_ok), "what was queued is finished");
    f.journal.close().await;
    assert!(is_unavailable(&f.journal.append(append(&*f.journal, "r", vec![post("a", 10..=10)])).await));
    assert!(is_unavailable(&f.journal.probe().await));
}
