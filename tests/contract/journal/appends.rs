//! What an append stores, and when it stores nothing.

use std::time::Instant;

use runcast::protocol::ProducerId;
use runcast::protocol::segment::SEGMENT_BYTES;
use runcast::protocol::status::RunStatus;
use runcast::storage::journal::{Append, JournalLimits, Post, Precondition, RESERVED_BYTES, Refusal, RunPhase};

use crate::journal::fixture::*;
use crate::journal::words::*;

pub(crate) async fn a_run_is_born_with_its_first_event(kind: Kind) {
    let f = kind.open().await;
    assert_unborn(f.journal.head(&run("r")).await.unwrap());
    let before = f.journal.now();
    let stored = f.append("r", vec![post("a", 1..=3)]).await;

    let appended = stored.outcomes[0].clone().unwrap();
    assert_eq!((appended.seqs, appended.stored, appended.duplicates), (Some((1, 3)), 3, 0));
    assert_eq!(appended.producer_high, 3);
    let head = f.journal.head(&run("r")).await.unwrap();
    assert_eq!(head, stored.head);
    assert_eq!((head.tip, head.first, head.phase, head.status), (3, 1, RunPhase::Live, None));
    assert_eq!(head.lineage.entries(), [(appended.epoch, 1)]);
    assert_eq!(head.bytes, (1..=3).map(|n| event("a", n).len() as u64 + 1).sum::<u64>());
    assert!(head.created_at >= before && head.created_at == head.last_at);
    assert_eq!(stored.segments.len(), 1);
    assert_eq!((stored.segments[0].first(), stored.segments[0].last()), (1, 3));
    assert_eq!(stored.segments[0].at(), head.last_at);
    assert_unborn(f.journal.head(&run("other")).await.unwrap());
}

pub(crate) async fn a_post_is_stored_whole_or_not_at_all_and_the_posts_beside_it_do_not_share_its_fate(kind: Kind) {
    let f = kind.open().await;
    let stored = f.append("r", vec![post("a", 1..=2), post("b", 7..=9), post("a", 3..=3)]).await;
    assert_eq!(stored.outcomes[0].as_ref().unwrap().seqs, Some((1, 2)));
    assert_eq!(stored.outcomes[1], Err(Refusal::ProducerGap { expected: 1 }));
    assert_eq!(stored.outcomes[2].as_ref().unwrap().seqs, Some((3, 3)), "it sees the first post's mark");
    assert_eq!(f.log("r").await, [event("a", 1), event("a", 2), event("a", 3)]);
    assert!(f.append("r", vec![post("b", 7..=9)]).await.segments.is_empty());
    assert_eq!(f.append("r", vec![]).await.head.tip, 3);
}

pub(crate) async fn posts_that_fit_share_a_segment_and_larger_ones_are_cut(kind: Kind) {
    let f = kind.open().await;
    let stored = f.append("r", vec![post("a", 1..=2), post("b", 1..=2)]).await;
    assert_eq!(stored.segments.len(), 1);

    let large = |n: u64| format!(r#"{{"type":"log","n":{n},"text":"{}"}}"#, "x".repeat(20_000));
    let events: Vec<String> = (1..=10).map(large).collect();
    let huge = format!(r#"{{"type":"log","text":"{}"}}"#, "y".repeat(3 * SEGMENT_BYTES));
    let stored = f.append("r", vec![post_of("c", 1, &events), post_of("d", 1, std::slice::from_ref(&huge))]).await;
    assert_eq!(stored.outcomes[1].as_ref().unwrap().seqs, Some((15, 15)));
    assert_eq!((stored.segments.len(), stored.segments[0].first()), (5, 5));
    for segment in &stored.segments {
        assert!(segment.lines().bytes().len() <= SEGMENT_BYTES || segment.lines().len() == 1);
    }
    let mut want = vec![event("a", 1), event("a", 2), event("b", 1), event("b", 2)];
    want.extend(events);
    want.push(huge);
    assert_eq!(f.log("r").await, want);
}

pub(crate) async fn an_append_past_its_deadline_stores_nothing(kind: Kind) {
    let f = kind.open().await;
    let late = Append { deadline: Instant::now(), ..append(&*f.journal, "r", vec![post("a", 1..=1)]) };
    let stored = f.journal.append(late).await.unwrap();
    assert_eq!(stored.outcomes, [Err(Refusal::DeadlinePassed)]);
    assert_unborn(f.journal.head(&run("r")).await.unwrap());
}

pub(crate) async fn a_precondition_lets_exactly_one_of_many_win(kind: Kind) {
    let f = kind.open().await;
    f.append("r", vec![post("a", 1..=4)]).await;
    let contenders = (0..20).map(|n| {
        let append = append(&*f.journal, "r", vec![post(&format!("p{n}"), 1..=1)]);
        let journal = f.journal.clone();
        let append = Append { precondition: Some(Precondition::TipIs(4)), ..append };
        tokio::spawn(async move { journal.append(append).await })
    });
    let mut won = 0;
    for contender in contenders.collect::<Vec<_>>() {
        match contender.await.unwrap().unwrap().outcomes.remove(0) {
            Ok(appended) => {
                assert_eq!(appended.seqs, Some((5, 5)));
                won += 1;
            }
            Err(refusal) => assert_eq!(refusal, Refusal::Precondition { tip: 5 }),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(f.log("r").await.len(), 5);
}

pub(crate) async fn a_conditional_append_repeated_hears_that_it_had_won(kind: Kind) {
    let f = kind.open().await;
    let conditional = |name: &str| Append {
        precondition: Some(Precondition::TipIs(0)),
        ..append(&*f.journal, "r", vec![post(name, 1..=2)])
    };
    let first = f.journal.append(conditional("a")).await.unwrap().outcomes.remove(0).unwrap();
    let again = f.journal.append(conditional("a")).await.unwrap().outcomes.remove(0).unwrap();
    assert_eq!((again.seqs, again.duplicates, again.epoch), (None, 2, first.epoch));
    let other = f.journal.append(conditional("b")).await.unwrap().outcomes.remove(0);
    assert_eq!(other, Err(Refusal::Precondition { tip: 2 }));
}

pub(crate) async fn a_sealed_run_refuses_posts_and_answers_repeats(kind: Kind) {
    let f = kind.open().await;
    f.post("r", post("a", 1..=1)).await.unwrap();
    f.post("r", seal_post("room", 1)).await.unwrap();
    assert_eq!(f.journal.head(&run("r")).await.unwrap().phase, RunPhase::Sealed);
    assert_eq!(f.post("r", post("a", 2..=2)).await, Err(Refusal::RunSealed));
    assert_eq!(f.post("r", status_post("b", 1, RunStatus::Passed)).await, Err(Refusal::RunSealed));
    assert_eq!(f.post("r", post("a", 1..=1)).await.unwrap().duplicates, 1);
    assert_eq!(f.post("r", seal_post("room", 1)).await.unwrap().duplicates, 1, "a repeated seal is no second one");
    assert_eq!(f.log("r").await.len(), 2, "it is still readable");
}

pub(crate) async fn the_last_moment_of_a_run_takes_its_last_word(kind: Kind) {
    let f = kind.open().await;
    let posts = vec![post("a", 1..=1), seal_post("room", 1), post("a", 2..=2), status_post("a", 2, RunStatus::Passed)];
    let stored = f.append("r", posts).await;
    assert_eq!(stored.outcomes[2], Err(Refusal::RunSealed));
    assert_eq!(stored.outcomes[3].as_ref().unwrap().seqs, Some((3, 3)));
    assert_eq!((stored.head.phase, stored.head.status), (RunPhase::Sealed, Some(RunStatus::Passed)));
}

pub(crate) async fn a_full_run_takes_its_last_word_and_the_servers_own(kind: Kind) {
    let max = RESERVED_BYTES + 1_000;
    let f = kind.open_with(JournalLimits { max_run_bytes: max, ..ROOMY }).await;
    let padded = |n: u64, len: usize| {
        let event = format!(r#"{{"type":"run_status","status":"running","text":"{}"}}"#, "x".repeat(len));
        let len = event.len() as u64 + 1;
        (Post { status: Some(RunStatus::Running), ..post_of("a", n, &[event]) }, len)
    };
    let (first, held) = padded(1, 900);
    f.post("r", first).await.unwrap();
    let (more, _) = padded(2, 100);
    assert_eq!(f.post("r", more).await, Err(Refusal::RunFull { bytes: held, max }));
    assert_eq!(f.log("r").await.len(), 1);

    let lost = Post { producer: ProducerId::own("room"), privileged: true, ..status_post("a", 1, RunStatus::Lost) };
    f.post("r", lost).await.unwrap();
    f.post("r", status_post("a", 2, RunStatus::Passed)).await.unwrap();
    let again = f.post("r", status_post("a", 3, RunStatus::Passed)).await;
    assert!(matches!(again, Err(Refusal::RunFull { .. })), "it has passed: {again:?}");
    f.post("r", seal_post("room", 2)).await.unwrap();
    let head = f.journal.head(&run("r")).await.unwrap();
    assert_eq!((head.phase, head.status, head.tip), (RunPhase::Sealed, Some(RunStatus::Passed), 4));
    let expired = f.journal.expire(f.journal.now().plus_millis(1), 10).await.unwrap();
    assert_eq!(expired.runs, [run("r")]);
}
