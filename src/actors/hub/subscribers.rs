//! The viewers of one run on one worker thread: who is subscribed, who is live, and how far the broadcaster has heard.
//!
//! Shared on its thread by the broadcaster, which hands out segments, and the sessions, which take and leave slots. Every
//! reader judges what it is handed by its own place, so a doubled, late or lost hand-over is never an error here.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;

use crate::actors::messages::broadcaster::TipIs;
use crate::actors::messages::room::RoomPort;
use crate::actors::messages::thread_agent::RunViewers;
use crate::actors::messages::viewer::{Delivery, Viewer};
use crate::protocol::close::CloseReason;
use crate::protocol::cursor::Place;
use crate::protocol::{Epoch, RunId, Segment, Seq};

/// The clock is read once for so many hand-overs.
const PER_CLOCK: usize = 16;

/// A subscriber's number in its subscribers.
pub type SubscriberId = usize;

/// See the module's page.
pub struct Subscribers {
    run: RunId,
    room: Arc<RoomPort>,
    inner: RefCell<SubscribersState>,
}

#[derive(Default)]
struct SubscribersState {
    slots: Vec<Option<RunSubscriber>>,
    free: Vec<SubscriberId>,
    /// Slots whose viewers are handed segments.
    live: Vec<SubscriberId>,
    /// What the broadcaster has yet to hand out; `None` until the room has answered its subscriptions.
    next: Option<Place>,
    pass: Option<Pass>,
    /// Nobody may be subscribed any more.
    closed: bool,
    /// The broadcaster's task, woken when the last subscriber is free.
    waker: Option<Waker>,
}

struct RunSubscriber {
    viewer: Rc<dyn Viewer>,
    /// Index in `live`.
    live: Option<usize>,
}

/// A hand-over in progress: `live[..left]` have not had it yet.
struct Pass {
    segments: Vec<Arc<Segment>>,
    left: usize,
}

impl Subscribers {
    /// An subscribers for one incarnation of a run's room.
    pub fn new(room: Arc<RoomPort>) -> Self {
        Self { run: room.run.clone(), room, inner: RefCell::default() }
    }

    /// The run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// The room that it hears from.
    pub fn room(&self) -> &Arc<RoomPort> {
        &self.room
    }

    /// Slots a viewer; it is not live yet. `None` once the subscribers is closed.
    pub fn subscribe(&self, viewer: Rc<dyn Viewer>) -> Option<SubscriberId> {
        let mut inner = self.inner.borrow_mut();
        if inner.closed {
            return None;
        }
        let subscriber = Some(RunSubscriber { viewer, live: None });
        let id = match inner.free.pop() {
            Some(id) => {
                inner.slots[id] = subscriber;
                id
            }
            None => {
                inner.slots.push(subscriber);
                inner.slots.len() - 1
            }
        };
        self.room.gauge.viewers.fetch_add(1, Ordering::Relaxed);
        Some(id)
    }

    /// Frees a subscriber. With the last one the subscribers closes and its broadcaster ends; the next viewer opens another.
    pub fn leave(&self, id: SubscriberId) {
        let mut inner = self.inner.borrow_mut();
        if inner.slots.get(id).is_some_and(Option::is_some) {
            inner.unlive(id);
            inner.slots[id] = None;
            inner.free.push(id);
            self.room.gauge.viewers.fetch_sub(1, Ordering::Relaxed);
        }
        if inner.free.len() == inner.slots.len() {
            inner.closed = true;
            if let Some(waker) = inner.waker.take() {
                waker.wake();
            }
        }
    }

    /// How many are subscribed, and who; at most `limit` by name.
    pub fn observe(&self, limit: usize) -> RunViewers {
        let inner = self.inner.borrow();
        let subscribed = inner.slots.iter().flatten();
        RunViewers {
            count: inner.slots.len() - inner.free.len(),
            listed: subscribed.take(limit).map(|subscriber| subscriber.viewer.connection().clone()).collect(),
        }
    }

    /// Whether nobody can be subscribed any more.
    pub fn closed(&self) -> bool {
        self.inner.borrow().closed
    }

    /// Remembers the broadcaster's task, to end it when the subscribers closes.
    pub fn keep_waker(&self, waker: &Waker) {
        let mut inner = self.inner.borrow_mut();
        if !inner.waker.as_ref().is_some_and(|kept| kept.will_wake(waker)) {
            inner.waker = Some(waker.clone());
        }
    }

    /// Slots taken.
    pub fn count(&self) -> usize {
        let inner = self.inner.borrow();
        inner.slots.len() - inner.free.len()
    }

    /// A viewer at `place` wants to be live. Refused when the broadcaster has handed out what it waits for already, or has
    /// not heard from the room yet (one that dies first never knew of the broadcaster, and would not end it): pull once more.
    /// On one thread nothing can fall between this answer and the next hand-over.
    pub fn admit(&self, id: SubscriberId, place: Place) -> bool {
        let mut inner = self.inner.borrow_mut();
        if inner.next.is_none_or(|heard| place.misses(heard.epoch, heard.next - 1)) {
            return false;
        }
        let index = inner.live.len();
        match inner.slots.get_mut(id) {
            Some(Some(subscriber)) if subscriber.live.is_none() => {
                subscriber.live = Some(index);
                inner.live.push(id);
                true
            }
            Some(Some(_)) => true,
            _ => false,
        }
    }

    /// Starts to hand `segments` to every live viewer; [`Subscribers::step`] does the work.
    pub fn begin_pass(&self, mut segments: Vec<Arc<Segment>>) {
        let mut inner = self.inner.borrow_mut();
        debug_assert!(inner.pass.is_none());
        inner.drop_dead(&mut segments);
        if segments.is_empty() {
            return;
        }
        // The last one need not be the newest.
        for segment in &segments {
            inner.heard(Some(segment.epoch()), segment.last());
        }
        let left = inner.live.len();
        inner.pass = Some(Pass { segments, left });
    }

    /// Whether a hand-over is under way.
    pub fn in_pass(&self) -> bool {
        self.inner.borrow().pass.is_some()
    }

    /// Hands over to at most `count` viewers; `true` while some are left.
    ///
    /// The pass goes from the end of the list to its start: a subscriber freed during it is filled from the end, with a viewer
    /// that has had its turn (and would skip a second one), so none is passed over.
    pub fn step(&self, count: usize) -> bool {
        let inner = &mut *self.inner.borrow_mut();
        let Some(mut pass) = inner.pass.take() else { return false };
        let mut now = Instant::now();
        for turn in 0..count {
            pass.left = pass.left.min(inner.live.len());
            if pass.left == 0 {
                return false;
            }
            pass.left -= 1;
            if turn % PER_CLOCK == PER_CLOCK - 1 {
                now = Instant::now();
            }
            let id = inner.live[pass.left];
            let Some(Some(subscriber)) = inner.slots.get(id) else { continue };
            if subscriber.viewer.deliver(&pass.segments, now) == Delivery::Behind {
                inner.unlive(id);
            }
        }
        let more = pass.left > 0;
        if more {
            inner.pass = Some(pass);
        }
        more
    }

    /// The room says where the log ends: viewers that wait for something older must pull.
    pub fn tip_is(&self, tip: TipIs) {
        let inner = &mut *self.inner.borrow_mut();
        inner.heard(tip.epoch, tip.tip);
        if let Some(mut pass) = inner.pass.take() {
            inner.drop_dead(&mut pass.segments);
            inner.pass = Some(pass);
        }
        for id in inner.live.clone() {
            if let Some(Some(subscriber)) = inner.slots.get(id)
                && subscriber.viewer.tip_is(tip) == Delivery::Behind
            {
                inner.unlive(id);
            }
        }
    }

    /// Shows a screen frame to everyone subscribed.
    pub fn show(&self, frame: &Bytes) {
        for subscriber in self.inner.borrow().slots.iter().flatten() {
            subscriber.viewer.show(frame);
        }
    }

    /// Closes everyone; nobody is subscribed any more.
    pub fn evict(&self, reason: CloseReason) {
        let mut inner = self.inner.borrow_mut();
        inner.closed = true;
        for subscriber in inner.slots.iter().flatten() {
            subscriber.viewer.close(reason);
        }
    }
}

impl SubscribersState {
    /// The broadcaster has heard of the log up to `last`. In a later incarnation of the store that may be less than before.
    fn heard(&mut self, epoch: Option<Epoch>, last: Seq) {
        if self.next.is_none_or(|heard| (heard.epoch, heard.next) <= (epoch, last)) {
            self.next = Some(Place { epoch, next: last + 1 });
        }
    }

    /// What a dead incarnation of the store told is for nobody any more: a viewer that has nothing yet can't tell it from what
    /// comes, and would not hear once more that it is void.
    fn drop_dead(&self, segments: &mut Vec<Arc<Segment>>) {
        let epoch = self.next.and_then(|heard| heard.epoch);
        segments.retain(|segment| Some(segment.epoch()) >= epoch);
    }

    fn unlive(&mut self, id: SubscriberId) {
        let Some(index) = self.slots.get_mut(id).and_then(Option::as_mut).and_then(|subscriber| subscriber.live.take())
        else {
            return;
        };
        self.live.swap_remove(index);
        if let Some(moved) = self.live.get(index).copied()
            && let Some(Some(subscriber)) = self.slots.get_mut(moved)
        {
            subscriber.live = Some(index);
        }
    }
}
