//! Words to test a journal with.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use runcast::protocol::event::stamp::{Shard, Stamp, StampKind};
use runcast::protocol::status::RunStatus;
use runcast::protocol::{Cursor, Lines, ProducerId, RunId, Seq, Timestamp};
use runcast::storage::journal::{Append, ControlPost, Head, Journal, JournalError, JournalLimits, OnGap, Post};

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

/// A viewer's command, the room's `n`th. It is stored in any case.
pub(crate) fn command(n: u64) -> Post {
    let control = ControlPost { steers: true, ..ControlPost::default() };
    let event = format!(r#"{{"type":"pause_requested","n":{n}}}"#);
    Post {
        producer: ProducerId::own("room"),
        on_gap: OnGap::Allow,
        control: Some(control),
        ..post_of("room", n, &[event])
    }
}

/// A command that is stored only while this is the run's last control event; then the run has that deadline.
pub(crate) fn decision(n: u64, seen: Option<Cursor>, due: Option<Timestamp>) -> Post {
    let control = ControlPost { if_control: Some(seen), due, steers: true, ..ControlPost::default() };
    Post { control: Some(control), ..command(n) }
}

/// A producer's events, some of them with a stamp.
pub(crate) fn stamped_post(name: &str, n: u64, events: &[(&str, Option<StampKind>)]) -> Post {
    let stamps = events
        .iter()
        .zip(0..)
        .filter_map(|((_, kind), index)| kind.clone().map(|kind| Stamp { index, kind, due_ms: None }));
    let status = events.iter().rev().find_map(|(_, kind)| match kind {
        Some(StampKind::RunStatus(status)) => Some(*status),
        _ => None,
    });
    let lines: Vec<String> = events.iter().map(|(event, _)| (*event).to_owned()).collect();
    Post { status, stamps: stamps.collect(), ..post_of(name, n, &lines) }
}

/// A `worker` that joined.
pub(crate) fn joins(name: &str, n: u64, shard: Option<(u32, u32)>) -> Post {
    let shard = shard.map(|(current, total)| Shard { variant: None, current, total });
    stamped_post(name, n, &[(r#"{"type":"worker","state":"joined"}"#, Some(StampKind::Joined(shard)))])
}

/// A `worker` that left.
pub(crate) fn leaves(name: &str, n: u64) -> Post {
    stamped_post(name, n, &[(r#"{"type":"worker","state":"left"}"#, Some(StampKind::Left))])
}

/// A `run_status` with its stamp.
pub(crate) fn says(name: &str, n: u64, status: RunStatus) -> Post {
    let event = format!(r#"{{"type":"run_status","status":"{}"}}"#, status.as_str());
    stamped_post(name, n, &[(&event, Some(StampKind::RunStatus(status)))])
}

pub(crate) fn is_unavailable<T: std::fmt::Debug>(outcome: &Result<T, JournalError>) -> bool {
    matches!(outcome, Err(JournalError::Unavailable(_)))
}

/// That a head is that of a run without events.
#[track_caller]
pub(crate) fn assert_unborn(head: Head) {
    assert_eq!(Head { incarnation: None, ..head }, Head::unborn());
}
