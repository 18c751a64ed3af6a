//! How a room decides what is wanted of its run's control.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::tests::{core, head, loaded, on};
use super::*;
use crate::actors::messages::room::{RemoteUpdate, Steer, SteerError, Steered};
use crate::control::ControlRequest;
use crate::protocol::{Cursor, Epoch, Lineage, Lines, Segment, Seq, Timestamp};

const SECOND: Duration = Duration::from_secs(1);

type Answer = oneshot::Receiver<Result<Steered, SteerError>>;

fn cursor(seq: Seq) -> Cursor {
    Cursor { epoch: Some(Epoch(1)), seq }
}

fn steer(request: ControlRequest, at_least: Option<Cursor>) -> (RoomInput, Answer) {
    let (reply, answer) = oneshot::channel();
    (RoomInput::Steer(Steer { request: Arc::new(request), signs: Vec::new(), at_least, reply }), answer)
}

/// A head whose last control event is `control`.
fn controlled(tip: Seq, control: Seq) -> Head {
    Head { control: Some(cursor(control)), ..head(tip, None) }
}

fn time() -> RoomInput {
    RoomInput::Time(JournalTime { now: Timestamp::from_millis(1_000), has_jumped: false })
}

fn status(first: Seq) -> Arc<Segment> {
    let at = "2026-01-01T00:00:00.000Z";
    let line = format!(r#"{{"producer":"p","at":"{at}","type":"run_status","timestamp":"{at}","status":"running"}}"#);
    Arc::new(Segment::new(Epoch(1), first, Timestamp::default(), Lines::from_stored(line.into())).with_control())
}

fn answered(effects: &[RoomEffect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, RoomEffect::AnswerSteer { .. })).count()
}

#[test]
fn a_room_that_is_alone_decides_at_once_what_its_log_tells() {
    let mut core = loaded(None, Head::unborn());
    let (request, _answer) = steer(ControlRequest::Look, None);
    assert!(matches!(on(&mut core, request)[..], [RoomEffect::AskTime]));
    assert_eq!(answered(&on(&mut core, time())), 1);
    assert_eq!(core.undecided(), 0);
}

#[test]
fn in_a_cluster_the_journal_is_asked_once_for_all_whose_answer_may_be_old() {
    let mut core = loaded(Some(SECOND), controlled(3, 2));
    let (known, _known) = steer(ControlRequest::Look, Some(cursor(2)));
    let effects = on(&mut core, known);
    assert!(matches!(effects[..], [RoomEffect::ReadPage { purpose: PageFor::Control, after: 0, .. }]));
    let (first, _first) = steer(ControlRequest::Look, None);
    assert!(matches!(on(&mut core, first)[..], [RoomEffect::AskHead(HeadFor::Readers)]));
    let (second, _second) = steer(ControlRequest::Look, Some(cursor(5)));
    assert!(on(&mut core, second).is_empty());
    let effects = on(&mut core, RoomInput::Page(PageFor::Control, Ok(vec![status(2)])));
    assert!(matches!(effects[..], [RoomEffect::AskTime]));
    assert_eq!(answered(&on(&mut core, time())), 1, "what is known is enough for this one");
    let effects = on(&mut core, RoomInput::Head(HeadFor::Readers, Ok(controlled(6, 5))));
    assert!(effects.iter().any(|effect| matches!(effect, RoomEffect::AskHead(HeadFor::Readers))), "the next question");
    assert!(effects.iter().any(|effect| matches!(effect, RoomEffect::ReadPage { after: 3, .. })));
    assert!(matches!(on(&mut core, RoomInput::Page(PageFor::Control, Ok(vec![status(5)])))[..], [RoomEffect::AskTime]));
    assert_eq!(answered(&on(&mut core, time())), 1);
    on(&mut core, RoomInput::Head(HeadFor::Readers, Ok(controlled(6, 5))));
    assert_eq!(answered(&on(&mut core, time())), 1);
    assert_eq!(core.undecided(), 0);
}

#[test]
fn requests_beyond_the_bound_are_refused_and_those_of_callers_who_have_gone_are_dropped() {
    let mut core = core(None);
    on(&mut core, RoomInput::Started);
    let waiting: Vec<_> = (0..100).map(|_| steer(ControlRequest::Look, None)).collect();
    let mut answers = Vec::new();
    for (request, answer) in waiting {
        assert!(on(&mut core, request).is_empty(), "the head is not known");
        answers.push(answer);
    }
    let (request, _answer) = steer(ControlRequest::Look, None);
    let effects = on(&mut core, request);
    assert!(matches!(effects[..], [RoomEffect::AnswerSteer { answer: Err(SteerError::Saturated), .. }]));
    answers.truncate(70);
    on(&mut core, RoomInput::Head(HeadFor::Start, Ok(Head::unborn())));
    let effects = on(&mut core, time());
    assert_eq!(answered(&effects), 64, "no more at a time");
    assert!(matches!(effects.last(), Some(RoomEffect::Start(RoomTimer::Decide, Duration::ZERO))));
    assert!(matches!(on(&mut core, RoomInput::TimerDue(RoomTimer::Decide))[..], [RoomEffect::AskTime]));
    assert_eq!((answered(&on(&mut core, time())), core.undecided()), (6, 0));
}

#[test]
fn nothing_is_decided_while_the_journal_is_away() {
    let away = || JournalError::Unavailable("away".into());
    let mut core = core(None);
    on(&mut core, RoomInput::Started);
    let (request, _answer) = steer(ControlRequest::Look, None);
    on(&mut core, request);
    let effects = on(&mut core, RoomInput::Head(HeadFor::Start, Err(away())));
    assert!(matches!(effects[..], [RoomEffect::AnswerSteer { answer: Err(SteerError::Unavailable(_)), .. }, _]));
    on(&mut core, RoomInput::Head(HeadFor::Start, Ok(controlled(3, 2))));
    let (request, _answer) = steer(ControlRequest::Look, None);
    on(&mut core, request);
    let effects = on(&mut core, RoomInput::Page(PageFor::Control, Err(away())));
    assert!(matches!(effects[..], [RoomEffect::AnswerSteer { answer: Err(SteerError::Unavailable(_)), .. }]));
    assert_eq!(core.undecided(), 0);
}

#[test]
fn pages_of_another_incarnation_are_not_folded_and_what_was_lost_is_folded_anew() {
    let mut core = loaded(Some(SECOND), controlled(3, 2));
    let (request, _answer) = steer(ControlRequest::Look, Some(cursor(2)));
    on(&mut core, request);
    let other = Segment::new(Epoch(2), 2, Timestamp::default(), status(2).lines().clone());
    let effects = on(&mut core, RoomInput::Page(PageFor::Control, Ok(vec![Arc::new(other)])));
    assert!(matches!(effects[..], [RoomEffect::AskHead(HeadFor::Repair)]));
    let control = Some(Cursor { epoch: Some(Epoch(2)), seq: 2 });
    let cut = Head { lineage: Lineage::new(vec![(Epoch(1), 1), (Epoch(2), 2)]), control, ..head(2, None) };
    let effects = on(&mut core, RoomInput::Head(HeadFor::Repair, Ok(cut)));
    assert!(matches!(effects[..], [RoomEffect::ReadPage { purpose: PageFor::Control, after: 0, .. }]));
}

#[test]
fn a_room_with_a_request_stays_and_one_that_has_retired_takes_none() {
    let mut core = loaded(Some(SECOND), Head::unborn());
    let (request, _answer) = steer(ControlRequest::Look, None);
    on(&mut core, request);
    assert!(on(&mut core, RoomInput::Reclaim(Reclaim::Slot)).is_empty());
    on(&mut core, RoomInput::Head(HeadFor::Readers, Ok(Head::unborn())));
    on(&mut core, time());
    assert!(matches!(on(&mut core, RoomInput::Reclaim(Reclaim::Slot))[..], [RoomEffect::Retire]));
    let (request, _answer) = steer(ControlRequest::Look, None);
    assert!(on(&mut core, request).is_empty(), "it waits for the registry's word");
    let effects = on(&mut core, RoomInput::RetireAnswered(true));
    assert!(matches!(effects[..], [_, RoomEffect::AnswerSteer { answer: Err(SteerError::Retired), .. }]));
}

#[test]
fn long_polls_for_control_end_when_the_control_moves_and_not_when_the_log_grows() {
    let wait = |after: Seq| {
        RoomInput::WaitForControl(WaitForControl { after: Some(cursor(after)), reply: oneshot::channel().0 })
    };
    let has_ended = |effects: &[RoomEffect]| effects.iter().any(|effect| matches!(effect, RoomEffect::EndWaits(_)));
    let mut core = loaded(Some(SECOND), controlled(3, 2));
    assert!(has_ended(&on(&mut core, wait(1))), "it is behind");
    let effects = on(&mut core, wait(2));
    assert!(matches!(effects[..], [RoomEffect::Follow(true)]), "the run is followed for it");
    let notice = |head: Head| RoomInput::RemoteUpdate(RemoteUpdate::Notice { head, segments: Vec::new() });
    assert!(!has_ended(&on(&mut core, notice(controlled(4, 2)))));
    assert!(has_ended(&on(&mut core, notice(controlled(6, 6)))), "what is missing before it does not matter");
    assert!(!has_ended(&on(&mut core, notice(controlled(7, 7)))), "nobody waits");
}
