use std::sync::Arc;

use super::incoming::{MAX_COMMANDS, MAX_EARLY};
use super::*;
use crate::actors::messages::room::Verdict;
use crate::protocol::cursor::Place;
use crate::protocol::{Epoch, Lines, Segment, Timestamp};

const LIMITS: FrameLimits = FrameLimits { max_frame_bytes: 64, max_message_bytes: 64 };

/// A session's core, and what it wanted done since it was last asked, in words.
struct Session(SessionCore);

impl Session {
    fn new() -> Self {
        Self::with(None, None, true)
    }

    fn with(refused: Option<CloseReason>, notice: Option<ServerMessage>, awaits_close_frame: bool) -> Self {
        let arrival = Arrival { after: After::Start, refused, notice, expiring: None, early: Vec::new() };
        Self(SessionCore::new(arrival, awaits_close_frame))
    }

    /// One that has been greeted and admitted at the log's end.
    fn live() -> Self {
        let mut session = Self::new();
        for input in [Input::Started, flushed(Mode::Behind), Input::RoomFound, Input::Subscribed] {
            session.on(input);
        }
        session.on(flushed(Mode::Behind));
        assert_eq!(session.on(Input::PageRead(page(1, 0, 0))), "greet, take page, admit, wake");
        assert_eq!(session.on(Input::Admitted), "go live");
        session
    }

    fn on(&mut self, input: Input<'_>) -> String {
        let mut effects = Effects::default();
        self.0.on(input, &LIMITS, &mut effects);
        let words: Vec<_> = std::iter::from_fn(|| effects.pop()).map(|effect| word(&effect)).collect();
        words.join(", ")
    }
}

fn word(effect: &Effect) -> String {
    match effect {
        Effect::FindRoom => "find room".into(),
        Effect::ReadPage { after: Some(_) } => "read from the start".into(),
        Effect::ReadPage { after: None } => "read on".into(),
        Effect::GoLive => "go live".into(),
        Effect::Greet(_) => "greet".into(),
        Effect::Tell(message) => format!("tell {}", message.name()),
        Effect::AnswerPing => "answer ping".into(),
        Effect::ChooseScreens(choice) => format!("choose {choice:?}"),
        Effect::Steer(command) => format!("steer {command}"),
        Effect::Push(bytes) => format!("push {:x}", bytes[0]),
        Effect::TakePage(_) => "take page".into(),
        Effect::Account { half_received } => format!("account {half_received}"),
        Effect::Close { reason, .. } => format!("close {}", reason.as_str()),
        Effect::EchoClose(code) => format!("echo {code:?}"),
        Effect::ShutDown => "shut down".into(),
        Effect::Pause(pause) => format!("pause {} ms", pause.as_millis()),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn standing(mode: Mode) -> Standing {
    Standing { mode, flushed: Flushed::Clear, wants_page: true, close_overdue: false }
}

fn flushed(mode: Mode) -> Input<'static> {
    Input::Flushed(standing(mode))
}

/// A page with `events` from `first` on, of a log that ends at `tip`.
fn page(first: Seq, events: usize, tip: Seq) -> Page {
    let lines = Lines::from_stored(vec![r#"{"type":"t"}"#; events].join("\n").into());
    let segment = (events > 0).then(|| Arc::new(Segment::new(Epoch(1), first, Timestamp::default(), lines)));
    Page {
        verdict: Verdict::Continue,
        place: Place { epoch: Some(Epoch(1)), next: first },
        segments: segment.into_iter().collect(),
        tip,
        first: 1,
        epoch: Some(Epoch(1)),
        phase: RunPhase::Live,
    }
}

/// A client's frame, masked with zeros.
fn frame(op: u8, payload: &[u8]) -> Vec<u8> {
    [&[0x80 | op, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
}

#[test]
fn a_viewer_finds_its_room_reads_to_the_tip_and_goes_live() {
    let mut session = Session::new();
    for (input, wanted) in [
        (Input::Started, ""),
        (flushed(Mode::Behind), "find room"),
        (flushed(Mode::Behind), ""),
        (Input::RoomFound, "subscribe"),
        (Input::Subscribed, "wake"),
        (flushed(Mode::Behind), "read from the start"),
        (flushed(Mode::Behind), ""),
        (Input::PageRead(page(1, 3, 5)), "greet, take page, wake"),
        (Input::Flushed(Standing { wants_page: false, ..standing(Mode::Behind) }), ""),
        (flushed(Mode::Behind), "read on"),
        (Input::PageRead(page(4, 2, 5)), "take page, admit, wake"),
        (flushed(Mode::Behind), "read on"),
        (Input::PageRead(page(6, 1, 6)), "take page, admit, wake"),
        (Input::Admitted, "go live"),
        (flushed(Mode::Live), ""),
        // It fell behind.
        (flushed(Mode::Behind), "read on"),
    ] {
        let what = format!("{input:?}");
        assert_eq!(session.on(input), wanted, "{what}");
    }
}

#[test]
fn whatever_can_not_be_had_now_is_asked_for_again_after_a_growing_pause() {
    let mut session = Session::new();
    for pause in [100, 200, 400, 800, 1600, 2000, 2000] {
        assert_eq!(session.on(flushed(Mode::Behind)), "find room");
        assert_eq!(session.on(Input::RegistryAway), format!("pause {pause} ms"));
        assert_eq!(session.on(flushed(Mode::Behind)), "", "it rests");
        assert_eq!(session.on(Input::PauseOver), "wake");
    }
    let mut session = Session::live();
    for pause in [100, 200] {
        assert_eq!(session.on(flushed(Mode::Behind)), "read on");
        assert_eq!(session.on(Input::ReadFailed), format!("pause {pause} ms"));
        session.on(Input::PauseOver);
    }
    session.on(flushed(Mode::Behind));
    session.on(Input::PageRead(page(1, 1, 9)));
    session.on(flushed(Mode::Behind));
    assert_eq!(session.on(Input::ReadFailed), "pause 100 ms", "a page makes it begin anew");
}

#[test]
fn a_room_that_retired_is_left_and_found_anew_from_where_the_viewer_stands() {
    let mut session = Session::live();
    session.on(flushed(Mode::Behind));
    for (input, wanted) in [
        (Input::RoomRetired, "leave, pause 100 ms"),
        (Input::PauseOver, "wake"),
        (flushed(Mode::Behind), "find room"),
        (Input::RoomFound, "subscribe"),
        (Input::Subscribed, "wake"),
        (flushed(Mode::Behind), "read on"),
    ] {
        assert_eq!(session.on(input), wanted);
    }
}

#[test]
fn reasons_to_close() {
    let quarantined = FindError::Quarantined { retry_after_ms: 7 };
    for (input, wanted) in [
        (Input::RoomGone, "close try_again"),
        (Input::NoRoom(quarantined), "tell error, close try_again"),
        (Input::NoRoom(FindError::TooManyRooms(9)), "close saturated"),
        (Input::Overrun, "close policy"),
        (Input::NodeFull, "close saturated"),
        (Input::Disconnected, "end"),
        (Input::Received(&frame(2, b"b")), "tell error, account 0"),
        (Input::Received(&frame(3, b"b")), "close protocol, account 0"),
        (Input::Received(&frame(1, b"\xff")), "close invalid_text, account 0"),
        (Input::Received(&frame(2, &[0; 65])), "close too_large, account 0"),
        (Input::Received(&frame(8, &[0x03, 0xE8])), "echo Some(1000), account 0"),
    ] {
        let what = format!("{input:?}");
        assert_eq!(Session::live().on(input), wanted, "{what}");
    }
    let mut session = Session::live();
    session.on(flushed(Mode::Behind));
    let gone = Page { phase: RunPhase::Gone, ..page(1, 2, 2) };
    assert_eq!(session.on(Input::PageRead(gone.clone())), "take page, close gone, wake");
    let mut session = Session::live();
    let more = Page { tip: 3, ..gone };
    assert_eq!(session.on(Input::PageRead(more)), "take page, wake", "it gets the rest first");
    assert_eq!(Session::with(Some(CloseReason::TooMany), None, true).on(Input::Started), "close too_many");
}

#[test]
fn what_the_peer_says_is_answered_and_what_it_says_behind_a_close_or_a_violation_is_not_heard() {
    let ping = frame(1, br#"{"type":"ping"}"#);
    for (said, wanted) in [
        (frame(9, b"x"), "push 8a, account 0"),
        (frame(10, b"x"), "account 0"),
        (ping.clone(), "answer ping, account 0"),
        (frame(1, br#"{"type":"nonsense"}"#), "tell error, account 0"),
        ([frame(9, b""), ping.clone(), frame(9, b"")].concat(), "push 8a, answer ping, push 8a, account 0"),
        ([frame(8, b""), ping.clone()].concat(), "echo None, account 0"),
        ([frame(3, b""), ping.clone()].concat(), "close protocol, account 0"),
    ] {
        let mut session = Session::live();
        assert_eq!(session.on(Input::Received(&said)), wanted, "{said:?}");
    }
    let mut session = Session::live();
    let (half, rest) = ping.split_at(9);
    let held = session.on(Input::Received(half));
    assert!(held.starts_with("account ") && held != "account 0", "{held}");
    assert_eq!(session.on(Input::Received(rest)), "answer ping, account 0");
}

#[test]
fn a_few_commands_wait_for_their_answers_and_more_are_refused() {
    let answer = || {
        let id = Some("c".into());
        let message = ServerMessage::Command {
            command_id: id,
            state: Some("queued"),
            cursor: None,
            code: None,
            error: None,
            details: None,
            retry_after_ms: None,
        };
        Input::Steered(Box::new(message))
    };
    let pause = r#"{"type":"pause","commandId":"c"}"#;
    let said = frame(1, pause.as_bytes());
    let mut session = Session::live();
    for _ in 0..MAX_COMMANDS {
        assert_eq!(session.on(Input::Received(&said)), format!("steer {pause}, account 0"));
    }
    let mut effects = Effects::default();
    session.0.on(Input::Received(&said), &LIMITS, &mut effects);
    let Some(Effect::Tell(ServerMessage::Command { command_id, code, state, .. })) = effects.pop() else { panic!() };
    assert_eq!((command_id.as_deref(), code, state), (Some("c"), Some("too_many_commands"), None));
    assert_eq!(session.on(answer()), "tell command, account 0, wake");
    assert_eq!(session.on(Input::Received(&said)), format!("steer {pause}, account 0"));
    assert_eq!(session.on(Input::Received(&said)), "tell command, account 0");
}

#[test]
fn one_that_is_refused_is_told_before_it_is_closed() {
    let notice = ServerMessage::Draining { reconnect_after_ms: 1 };
    let mut session = Session::with(Some(CloseReason::TooMany), Some(notice), true);
    assert_eq!(session.on(Input::Started), "tell draining, close too_many");
}

#[test]
fn what_comes_before_the_greeting_is_answered_behind_it() {
    let notice = ServerMessage::Draining { reconnect_after_ms: 1 };
    let mut session = Session::with(None, Some(notice), true);
    session.on(Input::Started);
    assert_eq!(session.on(Input::Received(&frame(9, b""))), "account 6");
    assert_eq!(session.on(Input::Received(&frame(9, b""))), "account 12");
    let greeted = session.on(Input::PageRead(page(1, 1, 9)));
    assert_eq!(greeted, "greet, tell draining, push 8a, push 8a, account 0, take page, wake");
    assert_eq!(session.on(Input::Received(&frame(9, b""))), "push 8a, account 0");

    let mut session = Session::new();
    assert_eq!(session.on(Input::Received(&vec![0; MAX_EARLY + 1])), "close policy");

    let mut session = Session::new();
    session.on(Input::Received(&frame(8, b"")));
    assert_eq!(session.on(Input::PageRead(page(1, 1, 9))), "greet, echo None, account 0, wake");
}

#[test]
fn that_rights_end_soon_is_told_behind_the_greeting_and_not_to_who_goes() {
    let expiring = || Input::RightsExpiring(Box::new(ServerMessage::Expiring { in_secs: 2, reconnect_after_ms: 1 }));
    let mut session = Session::new();
    session.on(Input::Started);
    assert_eq!(session.on(expiring()), "");
    let greeted = session.on(Input::PageRead(page(1, 1, 9)));
    assert_eq!(greeted, "greet, tell expiring, take page, wake");
    assert_eq!(session.on(expiring()), "tell expiring, wake");
    assert_eq!(session.on(Input::RightsEnded), "close unauthorized");
    assert_eq!(session.on(expiring()), "");
}

#[test]
fn a_closing_session_asks_for_nothing_and_ends_when_its_close_is_answered_or_overdue() {
    let closing = standing(Mode::Closing(CloseReason::Restart));
    let blocked = Standing { flushed: Flushed::Blocked, ..closing };
    let mut session = Session::new();
    session.on(flushed(Mode::Behind));
    for (input, wanted) in [
        (Input::Flushed(blocked), ""),
        (Input::RoomFound, ""),
        (Input::Flushed(closing), "shut down"),
        (Input::Received(&frame(8, b"")), "echo None, account 0"),
        (Input::Flushed(blocked), ""),
        (Input::Flushed(closing), "shut down, end"),
    ] {
        let what = format!("{input:?}");
        assert_eq!(session.on(input), wanted, "{what}");
    }
    let mut session = Session::new();
    session.on(Input::Received(&frame(8, b"")));
    assert_eq!(session.on(Input::Flushed(closing)), "echo None, account 0, shut down, end", "the peer was the first");
    for (awaits_close_frame, standing, wanted) in [
        (true, Standing { close_overdue: true, ..blocked }, "end"),
        (true, Standing { mode: Mode::Closing(CloseReason::Stalled), ..blocked }, "end"),
        (true, Standing { mode: Mode::Broken, ..blocked }, "end"),
        (false, blocked, ""),
        (false, closing, "shut down, end"),
    ] {
        let mut session = Session::with(None, None, awaits_close_frame);
        assert_eq!(session.on(Input::Flushed(standing)), wanted, "{standing:?}");
    }
}

#[test]
fn a_page_that_comes_too_late_is_not_taken() {
    let mut session = Session::live();
    session.on(flushed(Mode::Behind));
    session.on(flushed(Mode::Closing(CloseReason::Restart)));
    assert_eq!(session.on(Input::PageRead(page(1, 1, 1))), "wake");
}
