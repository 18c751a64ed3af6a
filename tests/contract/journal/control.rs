//! Decisions on a run's control, and where its control events are.

use runcast::protocol::event::stamp::StampKind;
use runcast::protocol::segment::SEGMENT_BYTES;
use runcast::protocol::status::RunStatus;
use runcast::protocol::{Cursor, Seq};
use runcast::storage::journal::{ControlPost, JournalLimits, Post, RESERVED_BYTES, Refusal, RunPhase, Stored};

use crate::journal::fixture::*;
use crate::journal::words::*;

/// First and last seq of each segment with control events after `after`.
async fn control(f: &Fixture, name: &str, after: Seq, max_bytes: usize) -> Vec<(Seq, Seq)> {
    let read = f.journal.read_control(&run(name), after, max_bytes).await.unwrap();
    read.iter().map(|segment| (segment.first(), segment.last())).collect()
}

fn seqs(stored: &Stored) -> Vec<Option<(Seq, Seq)>> {
    stored.outcomes.iter().map(|outcome| outcome.as_ref().ok().and_then(|appended| appended.seqs)).collect()
}

pub(crate) async fn a_decision_is_judged_on_what_the_posts_before_it_have_left(kind: Kind) {
    let f = kind.open().await;
    let stored = f.append("r", vec![post("a", 1..=2), decision(1, None, None), post("a", 3..=3)]).await;
    assert_eq!(seqs(&stored), [Some((1, 2)), Some((3, 3)), Some((4, 4))], "a plain post moves no control");
    let seen = stored.head.control;
    assert_eq!(seen, Some(Cursor { epoch: stored.head.lineage.epoch(), seq: 3 }));

    for before in [command(2), says("b", 1, RunStatus::Running), joins("c", 1, None)] {
        let seen = f.head("r").await.control;
        let stored = f.append("r", vec![before, decision(50, seen, None), post("a", 4..=4)]).await;
        assert_eq!(stored.outcomes[1], Err(Refusal::ControlMoved));
        assert!(stored.outcomes[0].is_ok() && stored.outcomes[2].is_ok(), "the others are stored: {stored:?}");
        assert_eq!(
            stored.head.control.map(|control| control.seq),
            stored.outcomes[0].as_ref().unwrap().seqs.map(|s| s.1)
        );
    }
    let head = f.head("r").await;
    let next = head.control.map(|control| Cursor { seq: head.tip + 1, ..control });
    let stored = f.append("r", vec![command(60), decision(61, next, None), decision(62, next, None)]).await;
    assert!(stored.outcomes[1].is_ok(), "it knew what comes before it");
    assert_eq!((&stored.outcomes[2], stored.head.tip), (&Err(Refusal::ControlMoved), head.tip + 2));
    assert_eq!(f.post("r", decision(63, None, None)).await, Err(Refusal::ControlMoved), "there is control");
    assert_eq!(f.post("r", decision(64, seen, None)).await, Err(Refusal::ControlMoved));
    let elsewhere = seen.map(|seen| Cursor { epoch: None, ..seen });
    assert_eq!(f.post("other", decision(1, elsewhere, None)).await, Err(Refusal::ControlMoved), "there is none");
    assert_unborn(f.head("other").await);
}

pub(crate) async fn a_decision_that_is_stored_is_answered_and_not_judged(kind: Kind) {
    let f = kind.open().await;
    f.post("r", decision(1, None, None)).await.unwrap();
    let again = f.append("r", vec![command(2), decision(1, None, None), post("a", 1..=1)]).await;
    let appended = again.outcomes[1].as_ref().unwrap();
    assert_eq!((appended.seqs, appended.duplicates, again.head.tip), (None, 1, 3));
    let sealed = f.append("r", vec![seal_post("sealer", 1)]).await.head;
    let again = f.append("r", vec![decision(1, None, None), decision(2, None, None), decision(3, None, None)]).await;
    assert!(again.outcomes[..2].iter().all(|outcome| outcome.as_ref().unwrap().duplicates == 1));
    assert_eq!((&again.outcomes[2], &again.head), (&Err(Refusal::ControlMoved), &sealed));
    assert_eq!(f.post("r", decision(3, sealed.control, None)).await, Err(Refusal::RunSealed));
}

pub(crate) async fn of_many_that_decide_on_the_same_control_one_wins(kind: Kind) {
    const DECIDERS: u64 = 20;
    let f = kind.open().await;
    let mut seen = f.append("r", vec![command(1)]).await.head.control;
    for round in 2..5 {
        let deciders = (0..DECIDERS).map(|n| {
            let deciding = Post {
                producer: runcast::protocol::ProducerId::own(&format!("room{n}")),
                ..decision(round, seen, None)
            };
            let append = append(&*f.journal, "r", vec![deciding, post(&format!("p{n}"), round - 1..=round - 1)]);
            let journal = f.journal.clone();
            tokio::spawn(async move { journal.append(append).await.unwrap().outcomes })
        });
        let mut won = Vec::new();
        for decider in deciders.collect::<Vec<_>>() {
            let outcomes = decider.await.unwrap();
            assert_eq!(outcomes[1].as_ref().unwrap().stored, 1, "the flood is stored, whoever wins");
            match &outcomes[0] {
                Ok(appended) => won.extend(appended.seqs),
                Err(refusal) => assert_eq!(*refusal, Refusal::ControlMoved),
            }
        }
        let head = f.head("r").await;
        assert_eq!(won, [(head.control.unwrap().seq, head.control.unwrap().seq)]);
        assert_eq!(head.tip, 1 + (round - 1) * (DECIDERS + 1));
        seen = head.control;
    }
}

pub(crate) async fn the_last_control_event_is_known_to_the_event(kind: Kind) {
    let f = kind.open().await;
    let plain = r#"{"type":"log"}"#;
    let test = (r#"{"type":"test_status"}"#, Some(StampKind::TestStatus));
    let status = (r#"{"type":"run_status","status":"running"}"#, Some(StampKind::RunStatus(RunStatus::Running)));
    f.post("r", stamped_post("a", 1, &[(plain, None), test.clone()])).await.unwrap();
    assert_eq!((f.head("r").await.control, f.head("r").await.steered), (None, false), "a test's status is none");
    let batch = [(plain, None), status.clone(), (plain, None), status.clone(), test.clone(), (plain, None)];
    let stored = f.append("r", vec![stamped_post("a", 3, &batch)]).await;
    assert_eq!(stored.head.control, Some(Cursor { epoch: stored.head.lineage.epoch(), seq: 6 }));
    assert!(!stored.head.steered, "it only reports");
    assert_eq!(f.head("r").await, stored.head);
    // Half of it is stored already, and stays the last that counts: what follows is plain.
    let batch = [(plain, None), status.clone(), (plain, None), (plain, None)];
    let batch = [&batch[..], &[(plain, None), (plain, None), (plain, None)]].concat();
    let stored = f.append("r", vec![stamped_post("a", 3, &batch)]).await;
    assert_eq!((stored.head.tip, stored.head.control.map(|c| c.seq)), (9, Some(6)));
    let batch = [(plain, None), status, (plain, None)];
    let stored = f.append("r", vec![stamped_post("a", 9, &batch), post("b", 1..=3)]).await;
    assert_eq!(
        (stored.head.tip, stored.head.control.map(|c| c.seq)),
        (14, Some(10)),
        "one of three is new: {stored:?}"
    );
    let stored = f.append("r", vec![command(1)]).await;
    assert_eq!((stored.head.control.map(|c| c.seq), stored.head.steered), (Some(15), true));
    assert_eq!(f.reopened().await.head("r").await, stored.head);
}

pub(crate) async fn segments_end_before_and_after_posts_with_control(kind: Kind) {
    let f = kind.open().await;
    let posts = vec![
        post("a", 1..=2),
        post("b", 1..=1),
        command(1),
        says("c", 1, RunStatus::Running),
        post("a", 3..=3),
        stamped_post(
            "d",
            1,
            &[(r#"{"type":"log"}"#, None), (r#"{"type":"ai_stuck"}"#, Some(StampKind::CommandStatus))],
        ),
    ];
    let stored = f.append("r", posts).await;
    let told: Vec<_> = stored.segments.iter().map(|s| (s.first(), s.last(), s.is_control())).collect();
    assert_eq!(told, [(1, 3, false), (4, 5, true), (6, 6, false), (7, 8, true)]);
    let read = f.journal.read(&run("r"), 0, usize::MAX).await.unwrap();
    assert_eq!(read.iter().map(|s| (s.first(), s.last())).collect::<Vec<_>>(), [(1, 3), (4, 5), (6, 6), (7, 8)]);
    assert_eq!(control(&f, "r", 0, usize::MAX).await, [(4, 5), (7, 8)]);
}

pub(crate) async fn control_is_read_alone_and_in_pages(kind: Kind) {
    let f = kind.open().await;
    for n in 1..=20 {
        f.append("r", vec![post("a", n..=n), command(n)]).await;
        f.append("other", vec![command(n)]).await;
    }
    let all: Vec<_> = (1..=20).map(|n| (2 * n, 2 * n)).collect();
    assert_eq!(control(&f, "r", 0, usize::MAX).await, all);
    let read = f.journal.read_control(&run("r"), 0, usize::MAX).await.unwrap();
    let events: Vec<_> = read.iter().flat_map(|segment| segment.lines().iter().map(<[u8]>::to_vec)).collect();
    let wanted: Vec<_> = (1..=20).map(|n| command(n).lines.bytes().to_vec()).collect();
    assert_eq!(events, wanted);
    for (after, from) in [(1, 0), (2, 1), (3, 1), (38, 19), (39, 19)] {
        assert_eq!(control(&f, "r", after, usize::MAX).await, all[from..], "after {after}");
    }
    for after in [40, 41, u64::from(u32::MAX), u64::MAX] {
        assert!(control(&f, "r", after, usize::MAX).await.is_empty(), "after {after}");
    }
    let mut paged: Vec<(Seq, Seq)> = Vec::new();
    loop {
        let page = control(&f, "r", paged.last().map_or(0, |(_, last)| *last), 100).await;
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 3, "100 bytes hold no more");
        paged.extend(page);
    }
    assert_eq!(paged, all);
    assert_eq!(control(&f, "r", 0, 0).await, all[..1], "at least one");
    assert!(control(&f, "unborn", 0, usize::MAX).await.is_empty());
    // Of a large post only what holds control, also with a seq in its middle.
    let large = format!(r#"{{"type":"log","x":"{}"}}"#, "x".repeat(SEGMENT_BYTES / 4));
    let status = (r#"{"type":"run_status","status":"running"}"#, Some(StampKind::RunStatus(RunStatus::Running)));
    let large = (large.as_str(), None);
    let batch = [large.clone(), large.clone(), large.clone(), large.clone(), status, large.clone(), large];
    let stored = f.append("r", vec![stamped_post("b", 1, &batch)]).await;
    let holds = stored.segments.iter().find(|segment| (segment.first()..=segment.last()).contains(&45)).unwrap();
    let wanted = [(holds.first(), holds.last())];
    assert!(stored.segments.len() == 2 && holds.first() < 45 && holds.last() > 45);
    for after in [40, holds.first(), 45] {
        assert_eq!(control(&f, "r", after, usize::MAX).await, wanted, "after {after}");
    }
    assert!(control(&f, "r", holds.last(), usize::MAX).await.is_empty());
    assert_eq!(control(&f.reopened().await, "r", 38, usize::MAX).await, [all[19], wanted[0]]);
}

pub(crate) async fn a_full_run_can_be_steered_and_its_commands_take_nothing_from_it(kind: Kind) {
    let max = RESERVED_BYTES + 1_000;
    let f = kind.open_with(JournalLimits { max_run_bytes: max, ..ROOMY }).await;
    let padded = |n, bytes: usize| {
        let event = format!(r#"{{"type":"log","pad":"{}"}}"#, "x".repeat(bytes - 24));
        assert_eq!(event.len(), bytes - 1, "with its newline");
        post_of("a", n, &[event])
    };
    f.post("r", padded(1, 600)).await.unwrap();
    let mut steered = 0;
    for n in 1..=50 {
        let seen = f.head("r").await.control;
        let long = Post {
            lines: lines(&[format!(r#"{{"type":"x","pad":"{}"}}"#, "y".repeat(3_000))]),
            ..decision(n, seen, None)
        };
        steered += long.lines.bytes().len() as u64 + 1;
        f.post("r", long).await.unwrap();
    }
    let head = f.head("r").await;
    assert_eq!((head.bytes, head.control_bytes), (600 + steered, steered));
    f.post("r", padded(2, 400)).await.unwrap();
    assert_eq!(f.post("r", padded(3, 100)).await, Err(Refusal::RunFull { bytes: 1_000, max }));
    let refused = f.post("r", joins("b", 1, None)).await;
    assert!(matches!(refused, Err(Refusal::RunFull { .. })), "a worker's events are a producer's: {refused:?}");
    let lost = Post {
        status: Some(RunStatus::Lost),
        privileged: true,
        control: Some(ControlPost::default()),
        lines: lines(&[r#"{"type":"run_status","status":"lost"}"#.to_owned()]),
        ..command(51)
    };
    f.post("r", lost).await.unwrap();
    f.post("r", decision(52, f.head("r").await.control, None)).await.unwrap();
    f.post("r", status_post("a", 3, RunStatus::Passed)).await.unwrap();
    let head = f.append("r", vec![command(53), seal_post("sealer", 1)]).await.head;
    assert_eq!((head.phase, head.status), (RunPhase::Sealed, Some(RunStatus::Passed)));
    assert_eq!(f.reopened().await.head("r").await, head);
}

pub(crate) async fn nothing_of_its_control_is_left_of_a_run_that_has_expired(kind: Kind) {
    let f = kind.open().await;
    let now = f.journal.now();
    f.append("r", vec![joins("a", 1, None), command(1), says("a", 2, RunStatus::Passed)]).await;
    let seen = f.head("r").await.control;
    let before = f.append("r", vec![decision(2, seen, Some(now))]).await.head;
    f.append("kept", vec![command(1), decision(2, None, None), joins("a", 1, None)]).await;
    assert_eq!((f.journal.due(now, 10).await.unwrap(), before.steered), (vec![run("r")], true));
    assert_eq!(f.journal.expire(f.journal.now().plus_millis(1), 10).await.unwrap().runs, [run("r")]);
    let f = f.reopened().await;
    let head = f.head("r").await;
    assert_eq!((head.phase, head.control, head.control_bytes), (RunPhase::Gone, None, 0));
    assert_eq!((head.bytes, head.last_at, head.active_at), (0, before.last_at, before.active_at));
    assert!(control(&f, "r", 0, usize::MAX).await.is_empty());
    assert_eq!(control(&f, "kept", 0, usize::MAX).await.len(), 1);
    f.journal.settle_due(&run("r"), None, Some(now)).await.unwrap();
    f.journal.settle_due(&run("unborn"), None, Some(now)).await.unwrap();
    assert!(f.journal.due(f.journal.now(), 10).await.unwrap().is_empty());
    let late = f.append("r", vec![decision(3, None, Some(now)), command(1), joins("a", 3, None)]).await;
    assert!(late.outcomes.iter().all(|outcome| *outcome == Err(Refusal::RunGone { last: before.tip })), "{late:?}");
    assert!(f.journal.due(f.journal.now(), 10).await.unwrap().is_empty());
}
