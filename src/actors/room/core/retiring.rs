//! How a room goes: when nobody has used it for a while, or when the registry wants its place.
//!
//! Between its question to the registry and the answer, the registry may have built another room of the run already.
//! What is asked of this one meanwhile is held back: stored or answered here, it could be something that the other one,
//! which does not hear of it, must know.

use std::time::Duration;

use super::{RoomCore, RoomEffect, RoomEffects, RoomInput, RoomTimer};
use crate::protocol::close::CloseReason;

/// How long pages of the past are kept that nobody reads; twice that at most.
const PAST_KEPT: Duration = Duration::from_secs(10);
/// How long a retired room answers late messages.
const FAREWELL: Duration = Duration::from_secs(1);

/// How far a room has come with its going.
#[derive(Default)]
pub(super) enum Retirement {
    /// It is there for everybody.
    #[default]
    None,
    /// The registry was asked. The requests that came since wait; each is one that somebody waits for, so they are
    /// bounded by who may ask.
    Asked(Vec<RoomInput>),
    /// The registry has let it go: whoever asks is told to find the run's room anew.
    Retired,
}

impl Retirement {
    pub(super) fn is_retired(&self) -> bool {
        matches!(self, Self::Retired)
    }

    /// Holds a request back while the registry is being asked; gives back whatever is to be handled now.
    pub(super) fn hold(&mut self, input: RoomInput) -> Option<RoomInput> {
        match (self, input) {
            (
                Self::Asked(held),
                request @ (RoomInput::Publish(_)
                | RoomInput::Read(_)
                | RoomInput::Wait(_)
                | RoomInput::Fold(_)
                | RoomInput::Steer(_)
                | RoomInput::WaitForControl(_)
                | RoomInput::Show(_)
                | RoomInput::Subscribe(_)
                | RoomInput::Unsubscribe(_)),
            ) => {
                held.push(request);
                None
            }
            (_, input) => Some(input),
        }
    }
}

impl RoomCore {
    pub(super) fn await_idle_check(&self, effects: &mut RoomEffects) {
        effects.push_back(RoomEffect::Start(RoomTimer::CheckIdle, (self.limits.idle / 4).min(PAST_KEPT)));
    }

    /// Asks to go when nobody has used the room for a while.
    pub(super) fn check_idle(&mut self, effects: &mut RoomEffects) {
        self.await_idle_check(effects);
        self.forget_given_up_waits();
        self.remind_bridge(effects);
        self.log.forget_unused_past();
        if self.now.saturating_duration_since(self.used_at) >= self.limits.idle {
            self.retire_if_unused(effects);
        }
    }

    pub(super) fn retire_if_unused(&mut self, effects: &mut RoomEffects) {
        let unused = self.broadcasters.is_empty()
            && self.append_queue.is_idle()
            && self.reading.is_idle()
            && self.waits.is_empty()
            && self.control_waits.is_empty()
            && self.deciding.waiting() == 0
            && self.catalog_updates.is_done()
            && !self.folding.is_waited_for();
        if unused && matches!(self.retirement, Retirement::None) {
            self.retirement = Retirement::Asked(Vec::new());
            effects.push_back(RoomEffect::Retire);
        }
    }

    /// The registry has answered; once it has let the room go, nobody new finds it.
    pub(super) fn retire_answered(&mut self, agreed: bool, effects: &mut RoomEffects) {
        let Retirement::Asked(held) = std::mem::take(&mut self.retirement) else { return };
        if agreed {
            self.retirement = Retirement::Retired;
            self.ending = CloseReason::Restart;
            effects.push_back(RoomEffect::Start(RoomTimer::Farewell, FAREWELL));
        }
        held.into_iter().for_each(|request| self.handle(request, effects));
    }
}
