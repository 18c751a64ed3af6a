//! What a room's core does about inputs that come at an awkward moment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::*;
use crate::actors::messages::room::{Freshness, Page, ReadFrom, RemoteUpdate};
use crate::protocol::status::RunStatus;
use crate::protocol::{After, Cursor, Epoch, Lineage, Lines, Segment, Seq, Timestamp};

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn core(reorder: Option<Duration>) -> RoomCore {
    let limits = RoomLimits {
        ring_bytes: 1 << 20,
        page_bytes: 1 << 20,
        queue_bytes: 1 << 20,
        append_timeout: SECOND,
        idle: SECOND,
        max_waiting: 100,
        screens: ScreenLimits::default(),
        control: Arc::default(),
    };
    RoomCore::new(RunId::parse("r").unwrap(), limits, ProducerId::own("own"), reorder, Instant::now())
}

/// A core that knows its head, and what it wants done from then on.
pub(super) fn loaded(reorder: Option<Duration>, head: Head) -> RoomCore {
    let mut core = core(reorder);
    on(&mut core, RoomInput::Started);
    on(&mut core, RoomInput::Head(HeadFor::Start, Ok(head)));
    core
}

pub(super) fn on(core: &mut RoomCore, input: RoomInput) -> Vec<RoomEffect> {
    let mut effects = RoomEffects::new();
    core.on(input, Instant::now(), &mut effects);
    effects.into()
}

pub(super) fn head(tip: Seq, status: Option<RunStatus>) -> Head {
    Head { lineage: Lineage::new(vec![(Epoch(1), 1)]), tip, status, ..Head::unborn() }
}

fn segment(first: Seq) -> Arc<Segment> {
    let lines = Lines::from_stored(r#"{"type":"t"}"#.into());
    Arc::new(Segment::new(Epoch(1), first, Timestamp::default(), lines))
}

fn notice(tip: Seq, status: Option<RunStatus>) -> RoomInput {
    RoomInput::RemoteUpdate(RemoteUpdate::Notice { head: head(tip, status), segments: vec![segment(tip)] })
}

fn read() -> (RoomInput, oneshot::Receiver<Result<Page, ReadError>>) {
    read_after(After::Start)
}

fn read_after(after: After) -> (RoomInput, oneshot::Receiver<Result<Page, ReadError>>) {
    let (reply, page) = oneshot::channel();
    let from = ReadFrom::After(after);
    (RoomInput::Read(Read { from, max_bytes: 1, freshness: Freshness::AsStored, reply }), page)
}

/// A long poll of somebody who has gone by the time that another is taken.
fn wait(seq: Seq) -> RoomInput {
    let after = Cursor { epoch: Some(Epoch(1)), seq };
    RoomInput::Wait(WaitForEvents { after, reply: oneshot::channel().0 })
}

#[test]
fn what_is_asked_of_a_room_that_has_asked_to_go_waits_for_the_registrys_answer() {
    for agreed in [true, false] {
        let mut core = loaded(None, Head::unborn());
        assert!(matches!(on(&mut core, RoomInput::Reclaim(Reclaim::Slot))[..], [RoomEffect::Retire]));
        assert!(on(&mut core, RoomInput::Reclaim(Reclaim::Slot)).is_empty(), "it asks once");
        let (read, _page) = read();
        assert!(on(&mut core, read).is_empty());
        assert!(on(&mut core, RoomInput::Subscribe(7)).is_empty());
        let effects = on(&mut core, RoomInput::RetireAnswered(agreed));
        match agreed {
            true => assert!(matches!(
                effects[..],
                [
                    RoomEffect::Start(RoomTimer::Farewell, _),
                    RoomEffect::AnswerRead(_, Err(ReadError::Retired)),
                    RoomEffect::Evict(7, CloseReason::TryAgain)
                ]
            )),
            false => {
                assert!(matches!(effects[..], [RoomEffect::AnswerRead(_, Ok(_)), RoomEffect::TellTip(7, _)]));
            }
        }
    }
}

#[test]
fn events_that_the_journal_lacks_fail_those_who_want_them_and_nobody_else() {
    let mut core = loaded(None, head(3, None));
    let ((first, _first), (third, _third)) = (read(), read_after(After::parse("1:2").unwrap()));
    assert!(matches!(on(&mut core, first)[..], [RoomEffect::ReadPage { after: 0, .. }]));
    assert!(on(&mut core, third).is_empty(), "it waits for the page");
    let effects = on(&mut core, RoomInput::Page(PageFor::Readers, Ok(vec![segment(3)])));
    assert!(matches!(
        &effects[..],
        [RoomEffect::AnswerRead(_, Err(ReadError::Unavailable(missing))), RoomEffect::AnswerRead(_, Ok(page))]
            if missing.contains("events 1 to 2 ") && page.segments.len() == 1
    ));
}

#[test]
fn viewers_of_a_run_that_is_gone_are_closed_also_those_that_wait_at_its_end() {
    let mut core = loaded(None, head(3, None));
    on(&mut core, RoomInput::Subscribe(7));
    on(&mut core, RoomInput::Reclaim(Reclaim::Expired));
    let gone = Head { first: 4, phase: RunPhase::Gone, ..head(3, None) };
    let effects = on(&mut core, RoomInput::Head(HeadFor::Start, Ok(gone)));
    assert!(matches!(effects[..], [RoomEffect::Evict(7, CloseReason::Gone)]));
}

#[test]
fn long_polls_end_when_the_room_learns_anew_where_the_log_ends() {
    let mut core = loaded(None, head(3, None));
    assert!(on(&mut core, wait(3)).is_empty());
    let effects = on(&mut core, RoomInput::Reclaim(Reclaim::Expired));
    assert!(matches!(effects[..], [RoomEffect::AskHead(HeadFor::Start)]));
    assert!(on(&mut core, wait(2)).is_empty(), "the head is not known");
    let effects = on(&mut core, RoomInput::Head(HeadFor::Start, Ok(head(3, None))));
    assert!(matches!(&effects[..], [RoomEffect::EndWaits(ended)] if ended.len() == 1));
}

#[test]
fn long_polls_end_when_a_part_of_the_log_was_lost_however_long_it_is_now() {
    let mut core = loaded(Some(SECOND), head(3, None));
    assert!(on(&mut core, wait(3)).iter().all(|effect| matches!(effect, RoomEffect::Follow(true))));
    let lost = Head { lineage: Lineage::new(vec![(Epoch(1), 1), (Epoch(2), 2)]), ..head(3, None) };
    let effects = on(&mut core, RoomInput::RemoteUpdate(RemoteUpdate::Tip(lost)));
    assert!(effects.iter().any(|effect| matches!(effect, RoomEffect::EndWaits(ended) if ended.len() == 1)));
    let effects = on(&mut core, wait(3));
    assert!(matches!(&effects[..], [RoomEffect::EndWaits(ended)] if ended.len() == 1), "it waits for another log");
}

#[test]
fn a_row_that_the_catalog_writer_did_not_take_is_told_again() {
    let mut core = loaded(Some(SECOND), head(1, Some(RunStatus::Running)));
    let effects = on(&mut core, notice(2, Some(RunStatus::Passed)));
    assert!(matches!(&effects[..], [RoomEffect::Record(row)] if row.status == Some(RunStatus::Passed)));
    let effects = on(&mut core, RoomInput::CatalogRefused);
    assert!(matches!(effects[..], [RoomEffect::Start(RoomTimer::Record, _)]));
    let effects = on(&mut core, RoomInput::TimerDue(RoomTimer::Record));
    assert!(matches!(&effects[..], [RoomEffect::Record(row)] if row.tip == 2));
    assert!(on(&mut core, RoomInput::TimerDue(RoomTimer::Record)).is_empty());
}

#[test]
fn a_bridge_that_did_not_hear_that_a_run_is_let_go_is_told_again() {
    let mut core = loaded(Some(SECOND), Head::unborn());
    let effects = on(&mut core, RoomInput::Subscribe(7));
    assert!(matches!(effects[..], [RoomEffect::Follow(true), RoomEffect::TellTip(7, _)]));
    assert!(matches!(on(&mut core, RoomInput::Unsubscribe(7))[..], [RoomEffect::Follow(false)]));
    let effects = on(&mut core, RoomInput::BridgeRefused);
    assert!(matches!(effects[..], [RoomEffect::Start(RoomTimer::Follow, _)]));
    let effects = on(&mut core, RoomInput::TimerDue(RoomTimer::CheckIdle));
    assert!(effects.iter().any(|effect| matches!(effect, RoomEffect::Follow(false))), "it asks when it looks, too");
    assert!(on(&mut core, RoomInput::TimerDue(RoomTimer::Follow)).is_empty());
}

#[test]
fn a_broadcaster_that_missed_something_is_told_the_tip_until_it_takes_it() {
    let mut core = loaded(None, head(1, None));
    on(&mut core, RoomInput::Subscribe(7));
    let effects = on(&mut core, RoomInput::BroadcasterFull(7));
    assert!(matches!(effects[..], [RoomEffect::Start(RoomTimer::Nudge, _)]));
    assert!(on(&mut core, RoomInput::BroadcasterFull(7)).is_empty(), "one timer is enough");
    let nudged = on(&mut core, RoomInput::TimerDue(RoomTimer::Nudge));
    assert!(matches!(nudged[..], [RoomEffect::TellTip(7, _)]));
    let effects = on(&mut core, RoomInput::BroadcasterFull(7));
    assert!(matches!(effects[..], [RoomEffect::Start(RoomTimer::Nudge, _)]));
    on(&mut core, RoomInput::BroadcasterEnded(7));
    assert!(on(&mut core, RoomInput::TimerDue(RoomTimer::Nudge)).is_empty());
}

#[test]
fn one_segment_list_goes_to_all_broadcasters() {
    let mut core = loaded(Some(SECOND), head(1, None));
    on(&mut core, RoomInput::Subscribe(1));
    on(&mut core, RoomInput::Subscribe(2));
    let effects = on(&mut core, notice(2, None));
    let [RoomEffect::Deliver(1, first), RoomEffect::Deliver(2, second)] = &effects[..] else { panic!() };
    assert!(Arc::ptr_eq(&first.0, &second.0));
}
