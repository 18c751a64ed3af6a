//! Long polls for the run's next control event.

use super::{MAX_WAITS, RoomCore, RoomEffect, RoomEffects};
use crate::actors::messages::room::WaitForControl;

impl RoomCore {
    /// Waits for the run's control to end elsewhere than where the caller stands.
    pub(super) fn take_wait_for_control(&mut self, wait: WaitForControl, effects: &mut RoomEffects) {
        self.touch();
        self.forget_given_up_waits();
        if self.log.newest_head().is_some_and(|head| head.control != wait.after) {
            effects.push_back(RoomEffect::EndWaits(vec![wait.reply]));
        } else if self.control_waits.len() < MAX_WAITS && !self.retirement.is_retired() {
            self.control_waits.push(wait);
            self.update_following(effects);
        }
    }

    /// Ends those that stand elsewhere than where the run's control ends.
    pub(super) fn end_control_waits(&mut self, effects: &mut RoomEffects) {
        let Some(head) = self.log.newest_head().filter(|_| !self.control_waits.is_empty()) else { return };
        let moved = self.control_waits.extract_if(.., |wait| head.control != wait.after);
        let ended: Vec<_> = moved.map(|wait| wait.reply).collect();
        if !ended.is_empty() {
            effects.push_back(RoomEffect::EndWaits(ended));
        }
    }
}
