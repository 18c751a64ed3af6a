//! Who is subscribed to one run on one thread, who of them is live, and how far the broadcaster has heard. Pure.

use std::sync::Arc;

use crate::actors::messages::viewer::Delivery;
use crate::protocol::cursor::Place;
use crate::protocol::{Epoch, Segment, Seq};

/// A subscriber's slot.
pub type SubscriberId = usize;

/// Slots are reused, so that thousands that come and go leave no holes.
pub(super) struct Subscriptions<V> {
    slots: Vec<Option<Slot<V>>>,
    free: Vec<SubscriberId>,
    /// Slots whose viewers are handed segments.
    live: Vec<SubscriberId>,
    /// What the broadcaster has yet to hand out; `None` until the room has answered its subscription.
    next: Option<Place>,
    closed: bool,
}

struct Slot<V> {
    viewer: V,
    /// Index in `live`.
    live: Option<usize>,
}

impl<V> Default for Subscriptions<V> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), live: Vec::new(), next: None, closed: false }
    }
}

impl<V> Subscriptions<V> {
    pub(super) fn subscribe(&mut self, viewer: V) -> Option<SubscriberId> {
        if self.closed {
            return None;
        }
        let slot = Some(Slot { viewer, live: None });
        if let Some(id) = self.free.pop() {
            self.slots[id] = slot;
            return Some(id);
        }
        self.slots.push(slot);
        Some(self.slots.len() - 1)
    }

    pub(super) fn viewer(&self, id: SubscriberId) -> Option<&V> {
        self.slots.get(id)?.as_ref().map(|slot| &slot.viewer)
    }

    pub(super) fn leave(&mut self, id: SubscriberId) -> bool {
        let taken = self.slots.get(id).is_some_and(Option::is_some);
        if taken {
            self.unlive(id);
            self.slots[id] = None;
            self.free.push(id);
        }
        self.closed |= self.count() == 0;
        taken
    }

    /// A viewer at `place` wants to be live. It is refused when the broadcaster has handed out already what it waits
    /// for: it pulls once more. It is refused, too, while the broadcaster has not heard from the room: a room that died
    /// before it took the subscription would never end the broadcaster. Nothing can fall between this answer and the
    /// next hand-over, because both happen on one thread.
    pub(super) fn admit(&mut self, id: SubscriberId, place: Place) -> bool {
        if self.next.is_none_or(|heard| place.misses(heard.epoch, heard.next - 1)) {
            return false;
        }
        let index = self.live.len();
        match self.slots.get_mut(id) {
            Some(Some(slot)) if slot.live.is_none() => {
                slot.live = Some(index);
                self.live.push(id);
                true
            }
            Some(Some(_)) => true,
            _ => false,
        }
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn closed(&self) -> bool {
        self.closed
    }

    /// Slots taken.
    pub(super) fn count(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// How many are live.
    pub(super) fn live(&self) -> usize {
        self.live.len()
    }

    pub(super) fn viewers(&self) -> impl Iterator<Item = &V> {
        self.slots.iter().flatten().map(|slot| &slot.viewer)
    }

    /// The broadcaster has heard of the log up to `last`. In a later incarnation of the store that may be less than
    /// before.
    pub(super) fn heard(&mut self, epoch: Option<Epoch>, last: Seq) {
        if self.next.is_none_or(|heard| (heard.epoch, heard.next) <= (epoch, last)) {
            self.next = Some(Place { epoch, next: last + 1 });
        }
    }

    /// Drops what a dead incarnation of the store told: a viewer that has nothing yet can't tell it from what comes,
    /// and would not hear once more that it is void.
    pub(super) fn drop_dead(&self, segments: &mut Vec<Arc<Segment>>) {
        let epoch = self.next.and_then(|heard| heard.epoch);
        segments.retain(|segment| Some(segment.epoch()) >= epoch);
    }

    /// Calls the live viewer at `index`; one that falls behind is live no more, and the last takes its index.
    pub(super) fn tell(&mut self, index: usize, call: impl FnOnce(&V) -> Delivery) {
        let Some(id) = self.live.get(index).copied() else { return };
        if let Some(Some(slot)) = self.slots.get(id)
            && call(&slot.viewer) == Delivery::Behind
        {
            self.unlive(id);
        }
    }

    /// Calls every live viewer, from the end of the list, so that one that falls behind moves nobody who is yet to
    /// come.
    pub(super) fn tell_live(&mut self, mut call: impl FnMut(&V) -> Delivery) {
        for index in (0..self.live.len()).rev() {
            self.tell(index, &mut call);
        }
    }

    fn unlive(&mut self, id: SubscriberId) {
        let Some(index) = self.slots.get_mut(id).and_then(Option::as_mut).and_then(|slot| slot.live.take()) else {
            return;
        };
        self.live.swap_remove(index);
        if let Some(moved) = self.live.get(index).copied()
            && let Some(Some(slot)) = self.slots.get_mut(moved)
        {
            slot.live = Some(index);
        }
    }
}
