//! How a room goes: when nobody has used it for a while, or when the registry wants its place.

use std::time::Duration;

use super::{RoomCore, RoomEffect, RoomEffects, RoomTimer};
use crate::protocol::close::CloseReason;

/// How long pages of the past are kept that nobody reads; twice that at most.
const PAST_KEPT: Duration = Duration::from_secs(10);
/// How long a retired room answers late messages.
const FAREWELL: Duration = Duration::from_secs(1);

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
            && self.catalog_updates.is_done()
            && !self.folding.is_waited_for();
        if unused && !self.retired {
            effects.push_back(RoomEffect::Retire);
        }
    }

    /// The registry has answered; once it has let the room go, nobody new finds it.
    pub(super) fn retire_answered(&mut self, agreed: bool, effects: &mut RoomEffects) {
        if agreed {
            self.retired = true;
            self.ending = CloseReason::Restart;
            effects.push_back(RoomEffect::Start(RoomTimer::Farewell, FAREWELL));
        }
    }
}
