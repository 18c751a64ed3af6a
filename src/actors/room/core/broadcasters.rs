//! The broadcasters that a room hands its segments to, by id.

use std::sync::Arc;
use std::time::Duration;

use super::effect::{RoomEffect, RoomEffects, RoomTimer};
use crate::actors::messages::broadcaster::{Deliver, ShowFrames, TipIs};
use crate::actors::messages::screen::NewestFrame;
use crate::protocol::Segment;
use crate::protocol::close::CloseReason;

/// Pause before a broadcaster whose mailbox was full is told the tip.
const NUDGE: Duration = Duration::from_millis(50);

/// Every broadcaster of the run; at most one per worker thread and room generation.
#[derive(Default)]
pub(super) struct Broadcasters {
    subscribed: Vec<SubscribedBroadcaster>,
    /// [`RoomTimer::Nudge`] is running.
    nudging: bool,
}

struct SubscribedBroadcaster {
    id: u64,
    /// Its mailbox was full: it will be told the tip.
    behind: bool,
    /// Its mailbox had no room for a frame: it will be shown what is kept.
    lacks_frames: bool,
}

impl Broadcasters {
    pub(super) fn is_empty(&self) -> bool {
        self.subscribed.is_empty()
    }

    /// Adds one, which has yet to be shown what is kept.
    pub(super) fn add(&mut self, id: u64, kept: &Arc<[NewestFrame]>, effects: &mut RoomEffects) {
        self.subscribed.push(SubscribedBroadcaster { id, behind: false, lacks_frames: false });
        show(id, kept, effects);
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.subscribed.retain(|broadcaster| broadcaster.id != id);
    }

    /// Hands out new segments: one list for all.
    pub(super) fn deliver(&self, segments: Vec<Arc<Segment>>, effects: &mut RoomEffects) {
        if self.subscribed.is_empty() {
            return;
        }
        let segments: Arc<[Arc<Segment>]> = segments.into();
        for broadcaster in &self.subscribed {
            effects.push_back(RoomEffect::Deliver(broadcaster.id, Deliver(segments.clone())));
        }
    }

    /// Tells everyone the tip.
    pub(super) fn tell(&mut self, tip: TipIs, effects: &mut RoomEffects) {
        for broadcaster in &mut self.subscribed {
            broadcaster.behind = false;
            effects.push_back(RoomEffect::TellTip(broadcaster.id, tip));
        }
    }

    /// Something of the log did not get into a broadcaster's mailbox: it is told the tip in a moment.
    pub(super) fn fell_behind(&mut self, id: u64, effects: &mut RoomEffects) {
        self.nudge_later(id, |broadcaster| broadcaster.behind = true, effects);
    }

    /// A frame did not get into a broadcaster's mailbox: it is shown what is kept in a moment.
    pub(super) fn missed_frames(&mut self, id: u64, effects: &mut RoomEffects) {
        self.nudge_later(id, |broadcaster| broadcaster.lacks_frames = true, effects);
    }

    fn nudge_later(&mut self, id: u64, note: impl FnOnce(&mut SubscribedBroadcaster), effects: &mut RoomEffects) {
        let Some(broadcaster) = self.subscribed.iter_mut().find(|broadcaster| broadcaster.id == id) else { return };
        note(broadcaster);
        if !std::mem::replace(&mut self.nudging, true) {
            effects.push_back(RoomEffect::Start(RoomTimer::Nudge, NUDGE));
        }
    }

    /// Tells the tip to those that fell behind, and shows what is kept to those that missed frames.
    pub(super) fn nudge(&mut self, tip: TipIs, kept: &Arc<[NewestFrame]>, effects: &mut RoomEffects) {
        self.nudging = false;
        for broadcaster in &mut self.subscribed {
            if std::mem::take(&mut broadcaster.behind) {
                effects.push_back(RoomEffect::TellTip(broadcaster.id, tip));
            }
            if std::mem::take(&mut broadcaster.lacks_frames) {
                show(broadcaster.id, kept, effects);
            }
        }
    }

    /// Shows everyone these frames.
    pub(super) fn show(&self, frames: &Arc<[NewestFrame]>, effects: &mut RoomEffects) {
        for broadcaster in &self.subscribed {
            show(broadcaster.id, frames, effects);
        }
    }

    /// Ends every broadcaster.
    pub(super) fn evict_all(&mut self, reason: CloseReason, effects: &mut RoomEffects) {
        effects.extend(self.subscribed.drain(..).map(|broadcaster| RoomEffect::Evict(broadcaster.id, reason)));
    }
}

fn show(broadcaster: u64, frames: &Arc<[NewestFrame]>, effects: &mut RoomEffects) {
    if !frames.is_empty() {
        effects.push_back(RoomEffect::Show(broadcaster, ShowFrames(frames.clone())));
    }
}
