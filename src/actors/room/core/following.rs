//! How a room follows its run while other nodes store to it: by notices, and by reading what they leave out.
//!
//! It follows while it has viewers or long polls. Otherwise, and while no notice can be heard, what it knows may be
//! old, and it asks the journal before it answers; those who read by pages it always asks for, because a notice may be
//! on its way.

use std::sync::Arc;

use tracing::warn;

use super::log::Growth;
use super::{PageFor, RETRY, RoomCore, RoomEffect, RoomEffects, RoomTimer, UpdateSource};
use crate::actors::messages::room::RemoteUpdate;
use crate::protocol::Segment;
use crate::storage::journal::{Head, JournalError, RunPhase};

/// What a room does to follow its run.
#[derive(Debug, Default)]
pub(super) struct Following {
    /// The bridge was asked.
    asked: bool,
    /// Notices are heard, and the tip was read since.
    listening: bool,
    /// A hole is being waited for, or read.
    filling: bool,
    /// Who told last of the log.
    source: UpdateSource,
}

impl RoomCore {
    /// Whether nobody else stores.
    pub(super) fn is_alone(&self) -> bool {
        self.reorder.is_none()
    }

    /// Whether what is known is all there is: nothing can be stored elsewhere without a notice being heard.
    pub(super) fn is_current(&self) -> bool {
        self.is_alone() || (self.following.listening && self.log.hole().is_none())
    }

    fn wants_to_follow(&self) -> bool {
        let is_watched = !self.broadcasters.is_empty() || !self.waits.is_empty() || !self.control_waits.is_empty();
        is_watched && !self.is_alone() && !self.retirement.is_retired()
    }

    /// Follows or lets go, as the room's viewers want it.
    pub(super) fn update_following(&mut self, effects: &mut RoomEffects) {
        let wanted = self.wants_to_follow();
        if wanted != self.following.asked {
            self.following.asked = wanted;
            effects.push_back(RoomEffect::Follow(wanted));
        }
    }

    /// Asks the bridge once more: one that was built anew knows nobody.
    pub(super) fn remind_bridge(&mut self, effects: &mut RoomEffects) {
        if self.following.asked && self.wants_to_follow() {
            effects.push_back(RoomEffect::Follow(true));
        } else {
            self.update_following(effects);
        }
    }

    pub(super) fn bridge_refused(&mut self, effects: &mut RoomEffects) {
        self.following.asked = !self.following.asked;
        effects.push_back(RoomEffect::Start(RoomTimer::Follow, RETRY));
    }

    /// The room ends. A bridge that does not hear it finds the room gone when the next notice comes.
    pub(super) fn let_go(&mut self, effects: &mut RoomEffects) {
        if std::mem::take(&mut self.following.asked) {
            effects.push_back(RoomEffect::Follow(false));
        }
    }

    /// What the bridge tells.
    pub(super) fn take_remote_update(&mut self, update: RemoteUpdate, effects: &mut RoomEffects) {
        match update {
            RemoteUpdate::NotSubscribed => self.following.listening = false,
            RemoteUpdate::Forgotten => {
                self.following.listening = false;
                self.remind_bridge(effects);
            }
            RemoteUpdate::Screen(screen) => self.take_remote_frame(&screen, effects),
            RemoteUpdate::Notice { head, segments } => {
                self.following.source = UpdateSource::Doorbell;
                self.hear(head, segments, effects);
            }
            RemoteUpdate::Tip(head) => {
                self.following.listening = self.following.asked;
                self.following.source = UpdateSource::Check;
                self.hear(head, Vec::new(), effects);
            }
        }
    }

    fn hear(&mut self, head: Head, segments: Vec<Arc<Segment>>, effects: &mut RoomEffects) {
        if head.phase == RunPhase::Gone && !self.is_gone() {
            return self.learn_anew(effects);
        }
        self.take_stored(segments, head, effects);
        self.serve_reads(effects);
    }

    /// Takes what was stored, here or elsewhere. What does not follow yet waits for what is missing, if anybody does.
    pub(super) fn take_stored(&mut self, segments: Vec<Arc<Segment>>, head: Head, effects: &mut RoomEffects) {
        let growth =
            if self.following.asked { self.log.hear(segments, head) } else { self.log.advance(segments, head) };
        self.hand_out_growth(growth, effects);
        self.update_hole(effects);
        self.end_control_waits(effects);
    }

    /// The journal told the head to those who asked. A room that hears notices gives them a moment to bring what is
    /// new, and reads it if they do not; else the head holds at once, and readers pull what they miss.
    pub(super) fn take_head_for_readers(&mut self, head: Head, effects: &mut RoomEffects) {
        if self.following.listening {
            self.take_stored(Vec::new(), head, effects)
        } else {
            self.take_head_at_once(head, effects)
        }
    }

    /// The head holds at once, and readers pull what they miss.
    pub(super) fn take_head_at_once(&mut self, head: Head, effects: &mut RoomEffects) {
        let growth = self.log.advance(Vec::new(), head);
        self.hand_out_growth(growth, effects);
        self.end_control_waits(effects);
    }

    /// Gives what is missing a moment to come by itself.
    fn update_hole(&mut self, effects: &mut RoomEffects) {
        let Some(reorder) = self.reorder else { return };
        if self.log.hole().is_some() && !std::mem::replace(&mut self.following.filling, true) {
            effects.push_back(RoomEffect::Start(RoomTimer::FillHole, reorder));
        }
    }

    /// Reads what is still missing, once for all viewers.
    pub(super) fn fill_hole(&mut self, effects: &mut RoomEffects) {
        match self.log.hole() {
            Some(next) => {
                let max_bytes = self.limits.page_bytes;
                effects.push_back(RoomEffect::ReadPage { purpose: PageFor::Hole, after: next - 1, max_bytes });
            }
            None => {
                self.following.filling = false;
                self.serve_reads(effects);
            }
        }
    }

    /// What was missing has been read. A hole that this does not close is left to the viewers, each at its own pace.
    pub(super) fn take_missing(&mut self, page: Result<Vec<Arc<Segment>>, JournalError>, effects: &mut RoomEffects) {
        self.following.filling = false;
        match page {
            Ok(segments) => match self.log.fill(segments) {
                Some(Growth::None) => {}
                Some(growth) => {
                    effects.push_back(RoomEffect::CountRepair(self.following.source));
                    self.hand_out_growth(growth, effects);
                }
                None => return self.look_again(effects),
            },
            Err(error) => warn!(run = %self.run, %error, "a hole could not be read"),
        }
        if self.log.hole().is_some() {
            let growth = self.log.leap();
            self.hand_out_growth(growth, effects);
        }
        self.serve_reads(effects);
    }

    /// Hands out what is new, as far as it follows; else tells where the log ends.
    fn hand_out_growth(&mut self, growth: Growth, effects: &mut RoomEffects) {
        match growth {
            Growth::None => return,
            Growth::Follows(segments) => self.broadcasters.deliver(segments, effects),
            Growth::Elsewhere => self.tell_tip(effects),
        }
        self.touch();
        self.end_waits(effects);
        self.record_growth(effects);
    }
}
