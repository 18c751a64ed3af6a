//! Words to test a journal with.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use runcast::protocol::status::RunStatus;
use runcast::protocol::{Lines, ProducerId, RunId, Seq};
use runcast::storage::journal::{Append, Head, Journal, JournalError, JournalLimits, OnGap, Post};

pub(crate) const ROOMY: JournalLimits = JournalLimits { max_run_bytes: 1 << 30, tombstone: Duration::from_secs(3600) };

/// The whole log of a run, read in pages; checks that its seqs are dense and its epochs and times never go back.
pub(crate) async fn log(journal: &dyn Journal, name: &str) -> Vec<String> {
    let mut events = Vec::new();
    let mut last = None;
    loop {
        let page = journal.read(&run(name), events.len() as Seq, 100_000).await.unwrap();
        if page.is_empty() {
            return events;
        }
        for segment in page {
            assert_eq!(segment.first(), events.len() as Seq + 1, "the log of {name} is not dense");
            assert!(last <= Some((segment.epoch(), segment.at())), "the log of {name} goes back");
            last = Some((segment.epoch(), segment.at()));
            events.extend(segment.lines().iter().map(|event| String::from_utf8(event.to_vec()).unwrap()));
        }
    }
}

pub(crate) fn append(_: &dyn Journal, name: &str, posts: Vec<Post>) -> Append {
    Append { run: run(name), posts, precondition: None, deadline: Instant::now() + Duration::from_secs(60) }
}

pub(crate) fn run(name: &str) -> RunId {
    RunId::parse(name).unwrap()
}

pub(crate) fn producer(name: &str) -> ProducerId {
    ProducerId::parse(name).unwrap()
}

/// A producer's event number `n`.
pub(crate) fn event(producer: &str, n: u64) -> String {
    format!(r#"{{"type":"test_step","p":"{producer}","n":{n}}}"#)
}

pub(crate) fn lines(events: &[String]) -> Lines {
    Lines::from_stored(events.join("\n").into())
}

/// A producer's events of these numbers.
pub(crate) fn post(name: &str, numbers: RangeInclusive<u64>) -> Post {
    let events: Vec<String> = numbers.clone().map(|n| event(name, n)).collect();
    post_of(name, *numbers.start(), &events)
}

pub(crate) fn post_of(name: &str, n: u64, events: &[String]) -> Post {
    Post {
        producer: producer(name),
        n,
        on_gap: OnGap::Refuse,
        lines: lines(events),
        status: None,
        privileged: false,
        seals: false,
        stamps: Default::default(),
        control: None,
    }
}

/// A `run_status`.
pub(crate) fn status_post(name: &str, n: u64, status: RunStatus) -> Post {
    let event = format!(r#"{{"type":"run_status","status":"{}"}}"#, status.as_str());
    Post { status: Some(status), ..post_of(name, n, &[event]) }
}

/// The server's own `sealed`.
pub(crate) fn seal_post(name: &str, n: u64) -> Post {
    let own = Post { producer: ProducerId::own(name), privileged: true, seals: true, ..post(name, n..=n) };
    Post { lines: lines(&[r#"{"type":"sealed"}"#.to_owned()]), on_gap: OnGap::Allow, ..own }
}

pub(crate) fn is_unavailable<T: std::fmt::Debug>(outcome: &Result<T, JournalError>) -> bool {
    matches!(outcome, Err(JournalError::Unavailable(_)))
}

/// That a head is that of a run without events.
#[track_caller]
pub(crate) fn assert_unborn(head: Head) {
    assert_eq!(Head { incarnation: None, ..head }, Head::unborn());
}
