//! Producer marks: what a retry stores, and what a skipped number means.

use runcast::protocol::ProducerId;
use runcast::protocol::status::RunStatus;
use runcast::storage::journal::{MAX_OWN_PRODUCERS, MAX_PRODUCERS, OnGap, Post, Refusal};

use crate::journal::fixture::*;
use crate::journal::words::*;

pub(crate) async fn a_repeated_post_is_all_duplicate_however_late(kind: Kind) {
    let f = kind.open().await;
    let first = f.post("r", post("a", 1..=5)).await.unwrap();
    let again = f.post("r", post("a", 1..=5)).await.unwrap();
    assert_eq!((again.seqs, again.stored, again.duplicates, again.producer_high), (None, 0, 5, 5));
    assert_eq!(again.epoch, first.epoch);
    for n in 6..=60 {
        f.append("r", vec![post("a", n..=n), post("b", n - 5..=n - 5)]).await;
    }
    let late = f.append("r", vec![post("a", 2..=4), post("b", 1..=1)]).await;
    assert!(late.segments.is_empty());
    assert_eq!(late.outcomes[0].as_ref().unwrap().duplicates, 3);
    assert_eq!(late.outcomes[0].as_ref().unwrap().producer_high, 60);
    assert_eq!(f.log("r").await.len(), 5 + 2 * 55);
    let both = f.append("r", vec![post("c", 1..=2), post("c", 1..=2)]).await;
    assert_eq!(both.outcomes[1].as_ref().unwrap().duplicates, 2, "a repeat in the same append");
}

pub(crate) async fn a_post_that_overlaps_stores_its_tail(kind: Kind) {
    let f = kind.open().await;
    f.post("r", post("a", 1..=3)).await.unwrap();
    let appended = f.post("r", post("a", 2..=5)).await.unwrap();
    assert_eq!((appended.seqs, appended.stored, appended.duplicates), (Some((4, 5)), 2, 2));
    assert_eq!(f.log("r").await, (1..=5).map(|n| event("a", n)).collect::<Vec<_>>());
}

pub(crate) async fn an_old_status_in_a_repeated_part_does_not_come_back(kind: Kind) {
    let f = kind.open().await;
    let running = status_post("a", 1, RunStatus::Running);
    f.post("r", running.clone()).await.unwrap();
    f.post("r", status_post("b", 1, RunStatus::Failing)).await.unwrap();

    let old = String::from_utf8(running.lines.bytes().to_vec()).unwrap();
    let both = Post { status: Some(RunStatus::Running), ..post_of("a", 1, &[old.clone(), event("a", 2)]) };
    assert_eq!(f.append("r", vec![both]).await.head.status, Some(RunStatus::Failing));
    let new = r#"{"status":"passed","type":"run_status"}"#.to_owned();
    let tail = Post { status: Some(RunStatus::Passed), ..post_of("a", 2, &[event("a", 2), new, event("a", 4)]) };
    assert_eq!(f.append("r", vec![tail]).await.head.status, Some(RunStatus::Passed));
}

pub(crate) async fn a_gap_is_refused_with_the_number_that_would_fit(kind: Kind) {
    let f = kind.open().await;
    f.post("r", post("a", 1..=3)).await.unwrap();
    assert_eq!(f.post("r", post("a", 5..=6)).await, Err(Refusal::ProducerGap { expected: 4 }));
    assert_eq!(f.log("r").await.len(), 3);
    f.post("r", post("a", 4..=6)).await.unwrap();
}

pub(crate) async fn a_gap_is_announced_before_the_events(kind: Kind) {
    let f = kind.open().await;
    f.post("r", post("a", 1..=3)).await.unwrap();
    let gap = Post { on_gap: OnGap::Announce, ..post("a", 8..=9) };
    let appended = f.post("r", gap.clone()).await.unwrap();
    assert_eq!((appended.seqs, appended.stored, appended.producer_high), (Some((4, 6)), 2, 9));
    let log = f.log("r").await;
    let lost: serde_json::Value = serde_json::from_str(&log[3]).unwrap();
    assert_eq!(lost["type"], "events_lost");
    assert_eq!((&lost["producer"], &lost["from"], &lost["to"]), (&"a".into(), &4.into(), &7.into()));
    assert!(lost["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(log[4..], [event("a", 8), event("a", 9)]);
    assert_eq!(f.post("r", gap).await.unwrap().duplicates, 2, "announced once");
    let fits = Post { on_gap: OnGap::Announce, ..post("a", 10..=10) };
    assert_eq!(f.post("r", fits).await.unwrap().seqs, Some((7, 7)), "nothing to announce");
}

pub(crate) async fn a_gap_is_allowed_where_asked(kind: Kind) {
    let f = kind.open().await;
    let own = |n| Post { producer: ProducerId::own("room"), on_gap: OnGap::Allow, ..post("x", n..=n) };
    assert_eq!(f.post("r", own(7)).await.unwrap().seqs, Some((1, 1)));
    assert_eq!(f.post("r", own(9)).await.unwrap().seqs, Some((2, 2)));
    assert_eq!(f.post("r", own(8)).await.unwrap().duplicates, 1, "a hole stays one");
    assert_eq!(f.log("r").await, [event("x", 7), event("x", 9)]);
}

pub(crate) async fn a_producers_first_number_is_one(kind: Kind) {
    let f = kind.open().await;
    assert_eq!(f.post("r", post("a", 2..=2)).await, Err(Refusal::ProducerGap { expected: 1 }));
    let announced = Post { on_gap: OnGap::Announce, ..post("a", 3..=3) };
    assert_eq!(f.post("r", announced).await.unwrap().seqs, Some((1, 2)));
}

pub(crate) async fn a_run_has_room_for_so_many_producers(kind: Kind) {
    let f = kind.open().await;
    let posts = (0..MAX_PRODUCERS).map(|n| post(&format!("p{n}"), 1..=1)).collect();
    assert!(f.append("r", posts).await.outcomes.iter().all(Result::is_ok));
    assert_eq!(f.post("r", post("late", 1..=1)).await, Err(Refusal::TooManyProducers));
    f.post("r", post("p0", 2..=2)).await.unwrap();
    f.post("r", seal_post("room", 1)).await.unwrap();
    f.post("other", post("late", 1..=1)).await.unwrap();
}

pub(crate) async fn the_newest_own_producers_are_remembered(kind: Kind) {
    let f = kind.open().await;
    let own = |incarnation: usize, n| {
        let name = format!("incarnation{incarnation}");
        Post { producer: ProducerId::own(&name), on_gap: OnGap::Allow, ..post(&name, n..=n) }
    };
    let posts =
        (0..MAX_OWN_PRODUCERS).map(|incarnation| own(incarnation, 1)).chain([own(0, 2), own(MAX_OWN_PRODUCERS, 1)]);
    f.append("r", posts.collect()).await;
    let repeats = f.append("r", vec![own(0, 2), own(2, 1), own(MAX_OWN_PRODUCERS, 1)]).await;
    assert!(repeats.outcomes.iter().all(|outcome| outcome.as_ref().unwrap().duplicates == 1), "{repeats:?}");
    assert_eq!(f.post("r", own(1, 1)).await.unwrap().stored, 1, "the least recently used one is forgotten");
}

pub(crate) async fn numbers_out_of_range_are_refused(kind: Kind) {
    let f = kind.open().await;
    for n in [0, u64::MAX, u64::MAX - 1, i64::MAX as u64] {
        let far = Post { on_gap: OnGap::Announce, ..post_of("a", n, &[event("a", n), event("a", n)]) };
        assert_eq!(f.post("r", far).await, Err(Refusal::ProducerGap { expected: 1 }), "{n}");
    }
    let last = Post { on_gap: OnGap::Announce, ..post_of("a", i64::MAX as u64, &[event("a", 0)]) };
    assert_eq!(f.post("r", last).await.unwrap().stored, 1);
}
