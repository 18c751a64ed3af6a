//! What readers and sweeps are given.

use runcast::protocol::status::RunStatus;
use runcast::storage::journal::{Journal, RunHead};

use crate::journal::fixture::*;
use crate::journal::words::*;

pub(crate) async fn a_read_starts_with_the_segment_that_holds_the_next_event(kind: Kind) {
    let f = kind.open().await;
    for n in [1, 4, 7] {
        f.post("r", post("a", n..=n + 2)).await.unwrap();
    }
    f.post("s", post("a", 1..=9)).await.unwrap();
    for (after, want) in [(0, 1), (1, 1), (2, 1), (3, 4), (5, 4), (8, 7)] {
        let page = f.journal.read(&run("r"), after, usize::MAX).await.unwrap();
        assert_eq!((page[0].first(), page.last().unwrap().last()), (want, 9), "after {after}");
    }
    for after in [9, 10, u64::from(u32::MAX), u64::MAX] {
        assert!(f.journal.read(&run("r"), after, usize::MAX).await.unwrap().is_empty(), "after {after}");
    }
    assert!(f.journal.read(&run("unborn"), 0, usize::MAX).await.unwrap().is_empty());
}

pub(crate) async fn a_read_ends_at_its_byte_limit_but_gives_at_least_one_segment(kind: Kind) {
    let f = kind.open().await;
    let mut bytes = 0;
    for n in 1..=9 {
        f.post("r", post("a", n..=n)).await.unwrap();
        bytes = event("a", n).len();
    }
    for (max, want) in [(0, 1), (1, 1), (bytes, 1), (2 * bytes - 1, 1), (2 * bytes, 2), (5 * bytes, 5), (1 << 20, 9)] {
        let page = f.journal.read(&run("r"), 0, max).await.unwrap();
        assert_eq!(page.len(), want, "at most {max} bytes");
    }
    assert!(
        f.journal.read(&run("r"), 0, 1).await.unwrap()[0].arrived().is_none(),
        "nobody waits for it: its lag is not counted"
    );
}

pub(crate) async fn a_read_event_is_what_was_posted_byte_for_byte(kind: Kind) {
    let f = kind.open().await;
    let odd = [
        r#"{ "type" : "log",  "text":"\u00e9 é 漢字 \"\\n\"" , "x":1.0e3 }"#.to_owned(),
        "{\"type\":\"log\",\"nul\":\"\u{0}\u{7f}\"}".to_owned(),
    ];
    f.post("r", post_of("a", 1, &odd)).await.unwrap();
    assert_eq!(f.log("r").await, odd);
}

/// Appends to each run once the clock has moved on, so that each has a time of its own.
async fn born_apart(f: &Fixture, names: &[&str]) {
    for name in names {
        let last = f.journal.now();
        while f.journal.now() == last {
            tokio::task::yield_now().await;
        }
        f.post(name, post("a", 1..=1)).await.unwrap();
    }
}

fn names(found: Vec<RunHead>) -> Vec<String> {
    found.into_iter().map(|found| found.run.to_string()).collect()
}

async fn last_at(journal: &dyn Journal, name: &str) -> runcast::protocol::Timestamp {
    journal.head(&run(name)).await.unwrap().last_at
}

pub(crate) async fn changed_runs_are_listed_oldest_change_first(kind: Kind) {
    let f = kind.open().await;
    born_apart(&f, &["a", "b", "c", "d"]).await;
    f.post("b", seal_post("room", 1)).await.unwrap();
    let since = async |time, limit| f.journal.changed_since(time, None, limit).await.map(|page| page.runs);
    let start = last_at(&*f.journal, "a").await;
    let found = since(start, 10).await.unwrap();
    for one in &found {
        assert_eq!(one.head, f.journal.head(&one.run).await.unwrap());
    }
    let found = names(found);
    assert_eq!(found[..2], ["a", "c"]);
    assert_eq!(found.len(), 4);
    assert_eq!(names(since(start, 2).await.unwrap()), ["a", "c"]);
    assert!(!names(since(last_at(&*f.journal, "d").await, 10).await.unwrap()).contains(&"c".to_owned()));
    assert!(since(f.journal.now().plus_millis(1), 10).await.unwrap().is_empty());
}

pub(crate) async fn idle_runs_are_those_that_can_grow(kind: Kind) {
    let f = kind.open().await;
    born_apart(&f, &["a", "b", "c", "d"]).await;
    f.post("b", seal_post("room", 1)).await.unwrap();
    f.post("c", status_post("s", 1, RunStatus::Running)).await.unwrap();
    f.post("d", status_post("s", 1, RunStatus::Passed)).await.unwrap();
    let idle = async |time, limit| f.journal.idle_since(time, false, None, limit).await.map(|page| page.runs);
    let later = f.journal.now().plus_millis(1);
    let found = names(idle(later, 10).await.unwrap());
    assert_eq!(found, ["a", "c"]);
    assert_eq!(names(f.journal.idle_since(f.journal.now().plus_millis(1), true, None, 10).await.unwrap().runs), ["d"]);
    assert_eq!(names(idle(later, 1).await.unwrap()), ["a"]);
    assert!(idle(last_at(&*f.journal, "a").await, 10).await.unwrap().is_empty(), "older than, not as old as");
}

pub(crate) async fn a_listing_goes_on_behind_its_last_run_and_tells_each_once(kind: Kind) {
    let f = kind.open().await;
    let names: Vec<_> = (0..7).map(|n| format!("r{n}")).collect();
    // At once: several share a millisecond, and are told in the order of their names.
    futures_util::future::join_all(names.iter().map(|name| f.post(name, post("a", 1..=1)))).await;
    let later = f.journal.now().plus_millis(1);
    for limit in [1, 2, 3, 7, 8] {
        let (mut after, mut idle) = (None, Vec::new());
        loop {
            let page = f.journal.idle_since(later, false, after.as_ref(), limit).await.unwrap();
            assert!(page.runs.len() <= limit);
            idle.extend(page.runs.into_iter().map(|one| (one.head.last_at, one.run)));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert!(idle.is_sorted(), "{idle:?}");
        let (mut after, mut changed) = (None, Vec::new());
        loop {
            let page = f.journal.changed_since(idle[0].0, after.as_ref(), limit).await.unwrap();
            changed.extend(page.runs.into_iter().map(|one| (one.head.last_at, one.run)));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(changed, idle);
        let mut told: Vec<_> = idle.iter().map(|(_, run)| run.to_string()).collect();
        told.sort();
        assert_eq!(told, names, "steps of {limit}");
    }
}
