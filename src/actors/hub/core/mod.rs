//! What one thread hands out of one run, and to whom. Pure: viewers are any `V`, the clock and the hand-over are given.
//!
//! The room's segments wait in `pending` until a pass takes them all: a burst becomes one pass, and one write per
//! viewer. A pass is done in slices, so that the thread's other tasks get their turn. [`FanOut::turn`] is the one step;
//! what it returns says when the next is due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::actors::messages::broadcaster::TipIs;
use crate::actors::messages::viewer::Delivery;
use crate::protocol::Segment;
use crate::protocol::close::CloseReason;
use crate::protocol::cursor::Place;

mod choices;
mod screens;
mod subscriptions;
#[cfg(test)]
mod tests;

pub(super) use screens::ThreadScreens;
pub use subscriptions::SubscriberId;
use subscriptions::Subscriptions;

/// The clock is read once for so many hand-overs.
const PER_CLOCK: usize = 16;
/// When more segments wait at the end of a pass, runs are busier than the thread can follow. The next pass then comes
/// after a rest of half the time that this one took, at most this: what arrives meanwhile shares its writes. So
/// overload makes an event cheaper, not dearer, and leaves the other runs of the thread their time.
const MAX_REST: Duration = Duration::from_millis(10);
/// Shorter rests are not worth a timer, whose step is a millisecond.
const MIN_REST: Duration = Duration::from_millis(1);

/// When the next turn of a fan-out is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// As soon as the thread's other tasks had theirs: the pass goes on.
    Yield,
    /// After this rest: another pass waits.
    Rest(Duration),
    /// When a message or the last viewer's leave has woken the broadcaster, or its rest is over.
    Idle,
    /// Never: everyone has left, or nobody may be subscribed any more.
    End,
}

/// The state machine of a run's fan-out on one thread.
pub(super) struct FanOut<V> {
    subscriptions: Subscriptions<V>,
    /// What the room sent since the last pass began: as much as comes while one pass and its rest last.
    pending: Vec<Arc<Segment>>,
    pass: Option<Pass>,
    /// When the pass under way began.
    began: Option<Instant>,
    /// Why everyone is closed when the broadcaster ends.
    ending: CloseReason,
}

/// A hand-over in progress: `live[..left]` have not had it yet.
struct Pass {
    segments: Vec<Arc<Segment>>,
    left: usize,
}

impl<V> Default for FanOut<V> {
    fn default() -> Self {
        Self {
            subscriptions: Subscriptions::default(),
            pending: Vec::new(),
            pass: None,
            began: None,
            ending: CloseReason::TryAgain,
        }
    }
}

impl<V> FanOut<V> {
    /// Takes a slot; it is not live yet. `None` once the fan-out is closed.
    pub(super) fn subscribe(&mut self, viewer: V) -> Option<SubscriberId> {
        self.subscriptions.subscribe(viewer)
    }

    /// The viewer in a slot.
    pub(super) fn viewer(&self, id: SubscriberId) -> Option<&V> {
        self.subscriptions.viewer(id)
    }

    /// Frees a slot; whether it was taken. With the last one the fan-out closes: the next viewer opens another.
    pub(super) fn leave(&mut self, id: SubscriberId) -> bool {
        self.subscriptions.leave(id)
    }

    /// Whether the viewer in slot `id`, who waits at `place`, is handed segments from now on.
    pub(super) fn admit(&mut self, id: SubscriberId, place: Place) -> bool {
        self.subscriptions.admit(id, place)
    }

    /// Nobody may be subscribed any more.
    pub(super) fn close(&mut self) {
        self.subscriptions.close();
    }

    pub(super) fn closed(&self) -> bool {
        self.subscriptions.closed()
    }

    /// Slots taken.
    pub(super) fn count(&self) -> usize {
        self.subscriptions.count()
    }

    /// Everyone subscribed, live or not.
    pub(super) fn viewers(&self) -> impl Iterator<Item = &V> {
        self.subscriptions.viewers()
    }

    /// Segments that wait for the next pass.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The room sent segments.
    pub(super) fn deliver(&mut self, segments: &[Arc<Segment>]) {
        self.pending.extend(segments.iter().cloned());
    }

    /// The room says where the log ends: viewers that wait for something older must pull.
    pub(super) fn tip_is(&mut self, tip: TipIs, tell: impl FnMut(&V) -> Delivery) {
        self.subscriptions.heard(tip.epoch, tip.tip);
        if let Some(pass) = &mut self.pass {
            self.subscriptions.drop_dead(&mut pass.segments);
        }
        self.subscriptions.tell_live(tell);
    }

    /// The room has ended, for this reason.
    pub(super) fn room_ended(&mut self, reason: CloseReason) {
        self.ending = reason;
    }

    /// Why everyone is closed when the broadcaster ends.
    pub(super) fn ending(&self) -> CloseReason {
        self.ending
    }

    fn has_work(&self) -> bool {
        self.pass.is_some() || !self.pending.is_empty()
    }

    /// One turn: a slice of `slice` viewers of the pass under way or of a new one, unless it rests.
    pub(super) fn turn(
        &mut self,
        rested: bool,
        slice: usize,
        clock: impl Fn() -> Instant,
        mut deliver: impl FnMut(&V, &[Arc<Segment>], Instant) -> Delivery,
    ) -> Turn {
        while rested && self.has_work() {
            let began = *self.began.get_or_insert_with(&clock);
            if self.pass.is_none() {
                self.begin_pass();
            }
            if self.step(slice, &clock, &mut deliver) {
                return Turn::Yield;
            }
            self.began = None;
            if self.has_work()
                && let Some(rest) = rest_after(clock().saturating_duration_since(began))
            {
                return Turn::Rest(rest);
            }
        }
        if self.closed() { Turn::End } else { Turn::Idle }
    }

    /// Starts to hand what is pending to every live viewer.
    fn begin_pass(&mut self) {
        let mut segments = std::mem::take(&mut self.pending);
        self.subscriptions.drop_dead(&mut segments);
        if segments.is_empty() {
            return;
        }
        // The last one need not be the newest.
        for segment in &segments {
            self.subscriptions.heard(Some(segment.epoch()), segment.last());
        }
        self.pass = Some(Pass { segments, left: self.subscriptions.live() });
    }

    /// Hands over to at most `count` viewers; `true` while some are left.
    ///
    /// The pass goes from the end of the list to its start: a slot freed during it is filled from the end, with a
    /// viewer that has had its turn (and would skip a second one), so none is passed over.
    fn step(
        &mut self,
        count: usize,
        clock: impl Fn() -> Instant,
        mut deliver: impl FnMut(&V, &[Arc<Segment>], Instant) -> Delivery,
    ) -> bool {
        let Some(pass) = &mut self.pass else { return false };
        let mut now = clock();
        for turn in 0..count {
            pass.left = pass.left.min(self.subscriptions.live());
            if pass.left == 0 {
                break;
            }
            pass.left -= 1;
            if turn % PER_CLOCK == PER_CLOCK - 1 {
                now = clock();
            }
            self.subscriptions.tell(pass.left, |viewer| deliver(viewer, &pass.segments, now));
        }
        let more = pass.left > 0;
        if !more {
            self.pass = None;
        }
        more
    }
}

/// How long to rest after a pass that others wait for.
fn rest_after(pass: Duration) -> Option<Duration> {
    let rest = pass / 2;
    (rest >= MIN_REST).then(|| rest.min(MAX_REST))
}
