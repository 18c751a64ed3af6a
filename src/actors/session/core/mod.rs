//! What a session does about what happens to it: a state machine without I/O, clock or randomness.
//!
//! [`SessionCore::on`] takes an [`Input`] and says in [`Effects`] what is to be done. The actor and the simulator perform the
//! effects with the same [`Driver`](super::drive::Driver), each in its own [`Environment`](super::drive::Environment).
//! What is queued for the viewer, and its place in the log, are the write half's: the hub hands segments to it without
//! asking here.

use std::time::Duration;

use crate::actors::messages::registry::FindError;
use crate::actors::messages::room::Page;
use crate::protocol::close::CloseReason;
use crate::protocol::frame::{Decoder, FrameLimits};
use crate::protocol::message::ServerMessage;
use crate::protocol::{After, Seq};
use crate::storage::journal::RunPhase;

mod effects;
mod incoming;
mod input;
#[cfg(test)]
mod tests;

pub use effects::{Effect, Effects, Greeting};
pub use input::{Flushed, Input, Mode, Standing};

/// First pause before something is asked for again after a failure.
const RETRY_MIN: Duration = Duration::from_millis(100);
/// Longest such pause, after [`MAX_ATTEMPTS`] doublings.
const RETRY_MAX: Duration = Duration::from_secs(2);
const MAX_ATTEMPTS: u8 = 5;

/// The state machine of a session; 24 bytes while the viewer is idle.
pub struct SessionCore {
    decoder: Decoder,
    /// Until the viewer has been greeted. Boxed: an idle viewer is as small as it can be.
    arrival: Option<Box<Arrival>>,
    awaits: Awaits,
    /// How often in a row the room or the next page could not be had.
    attempts: u8,
    /// It has a slot among the run's subscribers.
    subscribed: bool,
    /// It closes: nothing more is asked for.
    closing: bool,
    /// The peer has sent its close frame.
    peer_closed: bool,
    /// What arrives is thrown away: it followed a violation, so it can't be trusted to be framed.
    ignores_input: bool,
    /// The peer answers with a close frame of its own.
    awaits_close_frame: bool,
    /// Commands of the peer that are not answered yet; at most [`MAX_COMMANDS`](incoming::MAX_COMMANDS).
    commands: u8,
}

/// What matters only at a session's start.
pub struct Arrival {
    /// From where the viewer wants the log.
    pub after: After,
    /// Close at once, with this.
    pub refused: Option<CloseReason>,
    /// Told right after the greeting; before the close of one that is refused.
    pub notice: Option<ServerMessage>,
    /// That the viewer's rights end soon, told after the greeting, too.
    pub expiring: Option<ServerMessage>,
    /// What came before the greeting, which is the first message always: answered then. At most `incoming::MAX_EARLY`
    /// bytes and what one read brings beyond them.
    pub early: Vec<u8>,
}

/// What a session has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaits {
    Nothing,
    Room,
    Page,
    Pause,
}

impl SessionCore {
    /// A session that has not begun. `awaits_close_frame`: a WebSocket, whose close the peer answers; a stream just
    /// ends.
    pub fn new(arrival: Arrival, awaits_close_frame: bool) -> Self {
        Self {
            decoder: Decoder::default(),
            arrival: Some(Box::new(arrival)),
            awaits: Awaits::Nothing,
            attempts: 0,
            subscribed: false,
            closing: false,
            peer_closed: false,
            ignores_input: false,
            awaits_close_frame,
            commands: 0,
        }
    }

    /// Takes an input; adds what is to be done to `effects`. `limits` are those of what the peer sends.
    pub fn on(&mut self, input: Input<'_>, limits: &FrameLimits, effects: &mut Effects) {
        match input {
            Input::Started => self.start(effects),
            Input::Flushed(standing) => self.flushed(standing, limits, effects),
            Input::Received(data) => self.received(data, limits, effects),
            Input::Disconnected => effects.push(Effect::End),
            Input::Overrun => self.close(CloseReason::Policy, effects),
            Input::NodeFull => self.close(CloseReason::Saturated, effects),
            Input::RightsExpiring(message) => self.warn(*message, effects),
            Input::RightsEnded => self.close(CloseReason::Unauthorized, effects),
            Input::RoomFound if self.closing => self.awaits = Awaits::Nothing,
            Input::RoomFound => effects.push(Effect::Subscribe),
            Input::NoRoom(error) => self.no_room(error, effects),
            Input::Subscribed => {
                self.subscribed = true;
                self.go_on(effects);
            }
            Input::RegistryAway | Input::ReadFailed => self.pause(effects),
            Input::RoomRetired => {
                self.subscribed = false;
                effects.push(Effect::Leave);
                self.pause(effects);
            }
            Input::RoomGone => self.close(CloseReason::TryAgain, effects),
            Input::PageRead(page) => self.take_page(page, limits, effects),
            Input::Admitted => effects.push(Effect::GoLive),
            Input::PauseOver => self.go_on(effects),
            Input::Steered(answer) => self.steered(*answer, effects),
        }
    }

    fn start(&mut self, effects: &mut Effects) {
        let Some(arrival) = &mut self.arrival else { return };
        match arrival.refused {
            Some(reason) => {
                if let Some(notice) = arrival.notice.take() {
                    effects.push(Effect::Tell(notice));
                }
                self.close(reason, effects);
            }
            None if arrival.early.is_empty() => {}
            None => effects.push(Effect::Account { half_received: arrival.early.len() }),
        }
    }

    /// The socket takes no more now: decides whether there is anything to wait for.
    fn flushed(&mut self, standing: Standing, limits: &FrameLimits, effects: &mut Effects) {
        match standing.mode {
            Mode::Broken => effects.push(Effect::End),
            Mode::Closing(reason) => {
                self.closing = true;
                if reason.code().is_none() || standing.close_overdue {
                    return effects.push(Effect::End);
                }
                // A peer that is never greeted may have closed already.
                if self.arrival.as_ref().is_some_and(|arrival| !arrival.early.is_empty()) {
                    self.receive(&[], limits, effects);
                }
                if standing.flushed == Flushed::Clear {
                    // Our side is said; the peer's close frame or end of stream comes, or its time runs out.
                    effects.push(Effect::ShutDown);
                    if self.peer_closed || !self.awaits_close_frame {
                        effects.push(Effect::End);
                    }
                }
            }
            Mode::Behind if self.awaits == Awaits::Nothing && standing.wants_page => self.pull(effects),
            Mode::Behind | Mode::Live => {}
        }
    }

    /// Asks for what follows, or for the run's room first.
    fn pull(&mut self, effects: &mut Effects) {
        if !self.subscribed {
            self.awaits = Awaits::Room;
            return effects.push(Effect::FindRoom);
        }
        self.awaits = Awaits::Page;
        effects.push(Effect::ReadPage { after: self.arrival.as_ref().map(|arrival| arrival.after) });
    }

    /// Tells the viewer that its rights end soon, behind the greeting.
    fn warn(&mut self, message: ServerMessage, effects: &mut Effects) {
        if self.closing {
            return;
        }
        match &mut self.arrival {
            Some(arrival) => arrival.expiring = Some(message),
            None => {
                effects.push(Effect::Tell(message));
                effects.push(Effect::Wake);
            }
        }
    }

    fn no_room(&mut self, error: FindError, effects: &mut Effects) {
        match error {
            FindError::TooManyRooms(_) => self.close(CloseReason::Saturated, effects),
            FindError::Quarantined { retry_after_ms } => {
                effects.push(Effect::Tell(ServerMessage::Error {
                    code: "room_failed",
                    error: "this run's room failed repeatedly".into(),
                    reconnect_after_ms: Some(retry_after_ms),
                }));
                self.close(CloseReason::TryAgain, effects);
            }
        }
    }

    fn take_page(&mut self, page: Page, limits: &FrameLimits, effects: &mut Effects) {
        self.attempts = 0;
        if let Some(arrival) = self.arrival.take() {
            effects.push(Effect::Greet(Greeting::new(arrival.after, &page)));
            for notice in arrival.notice.into_iter().chain(arrival.expiring) {
                effects.push(Effect::Tell(notice));
            }
            if !arrival.early.is_empty() {
                self.receive(&arrival.early, limits, effects);
            }
        }
        // One that was asked for before the close comes too late.
        if !self.closing {
            let (reached, phase) = (next_after(&page) > page.tip, page.phase);
            effects.push(Effect::TakePage(page));
            match phase {
                RunPhase::Gone if reached => self.close(CloseReason::Gone, effects),
                _ if reached => effects.push(Effect::Admit),
                _ => {}
            }
        }
        self.go_on(effects);
    }

    /// What it waited for has come.
    fn go_on(&mut self, effects: &mut Effects) {
        self.awaits = Awaits::Nothing;
        effects.push(Effect::Wake);
    }

    /// Waits a little before the next attempt; the viewer stays and is told nothing false.
    fn pause(&mut self, effects: &mut Effects) {
        self.awaits = Awaits::Pause;
        let pause = (RETRY_MIN * 2_u32.pow(u32::from(self.attempts))).min(RETRY_MAX);
        self.attempts = (self.attempts + 1).min(MAX_ATTEMPTS);
        effects.push(Effect::Pause(pause));
    }

    fn close(&mut self, reason: CloseReason, effects: &mut Effects) {
        self.close_with(reason, reason.text(), effects);
    }

    fn close_with(&mut self, reason: CloseReason, text: &'static str, effects: &mut Effects) {
        self.closing = true;
        effects.push(Effect::Close { reason, text });
    }
}

/// The seq that a reader waits for when it has taken the page.
fn next_after(page: &Page) -> Seq {
    page.segments.last().map_or(page.place.next, |segment| page.place.next.max(segment.last() + 1))
}
