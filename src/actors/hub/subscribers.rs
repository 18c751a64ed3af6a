//! The viewers of one run on one worker thread, shared by the broadcaster, which hands out segments, and the sessions,
//! which take and leave slots.
//!
//! The rules are the core's (`core`); this is its cell, the run's gauge, and the broadcaster's waker. Every viewer
//! judges what it is handed by its own place, so a doubled, late or lost hand-over is never an error here.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use super::core::FanOut;
pub use super::core::{SubscriberId, Turn};
use crate::actors::messages::broadcaster::{ShowScreen, TipIs};
use crate::actors::messages::room::RoomPort;
use crate::actors::messages::thread_agent::RunViewers;
use crate::actors::messages::viewer::Viewer;
use crate::protocol::close::CloseReason;
use crate::protocol::cursor::Place;
use crate::protocol::{RunId, Segment};
use crate::tasks::caught_call;

/// The viewers of one run on one thread, shared by their sessions and the broadcaster.
pub struct Subscribers {
    /// The room whose segments they are handed; one generation of it.
    room: Arc<RoomPort>,
    fan_out: RefCell<FanOut<Rc<dyn Viewer>>>,
    /// The broadcaster's task, woken when the last viewer has left.
    waker: RefCell<Option<Waker>>,
}

impl Subscribers {
    /// Subscribers of one generation of a run's room, without viewers yet.
    pub fn new(room: Arc<RoomPort>) -> Self {
        Self { room, fan_out: RefCell::default(), waker: RefCell::default() }
    }

    /// The run.
    pub fn run(&self) -> &RunId {
        &self.room.run
    }

    /// The room that they hear from.
    pub fn room(&self) -> &Arc<RoomPort> {
        &self.room
    }

    /// Gives a viewer a slot; it is not live yet. `None` once nobody may be subscribed any more.
    pub fn subscribe(&self, viewer: Rc<dyn Viewer>) -> Option<SubscriberId> {
        let id = self.fan_out.borrow_mut().subscribe(viewer)?;
        self.room.gauge.viewer_came();
        Some(id)
    }

    /// Frees a slot. With the last one the broadcaster ends; the next viewer opens another.
    pub fn leave(&self, id: SubscriberId) {
        let mut fan_out = self.fan_out.borrow_mut();
        if fan_out.leave(id) {
            self.room.gauge.viewer_gone();
        }
        if fan_out.closed()
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }

    /// Whether the viewer in slot `id`, who waits at `place`, is handed segments from now on. If not, it pulls once
    /// more.
    pub fn admit(&self, id: SubscriberId, place: Place) -> bool {
        self.fan_out.borrow_mut().admit(id, place)
    }

    /// How many are subscribed, and who; at most `limit` by name.
    pub fn observe(&self, limit: usize) -> RunViewers {
        let fan_out = self.fan_out.borrow();
        let listed = fan_out.viewers().take(limit).map(|viewer| viewer.connection().clone()).collect();
        RunViewers { count: fan_out.count(), listed }
    }

    /// Whether nobody can be subscribed any more.
    pub fn closed(&self) -> bool {
        self.fan_out.borrow().closed()
    }

    /// Segments that wait for the next pass.
    pub fn pending(&self) -> usize {
        self.fan_out.borrow().pending()
    }

    /// Keeps segments for the next pass.
    pub fn deliver(&self, segments: &[Arc<Segment>]) {
        self.fan_out.borrow_mut().deliver(segments);
    }

    /// One turn of the broadcaster's task: at most `slice` viewers are handed what waits, unless it rests.
    pub fn turn(&self, rested: bool, slice: usize, clock: impl Fn() -> Instant) -> Turn {
        let deliver = |viewer: &Rc<dyn Viewer>, segments: &[Arc<Segment>], now| viewer.deliver(segments, now);
        self.fan_out.borrow_mut().turn(rested, slice, clock, deliver)
    }

    /// Remembers the broadcaster's task, to end it when everyone has left.
    pub fn keep_waker(&self, waker: &Waker) {
        let mut kept = self.waker.borrow_mut();
        if !kept.as_ref().is_some_and(|kept| kept.will_wake(waker)) {
            *kept = Some(waker.clone());
        }
    }

    /// The room says where the log ends: viewers that wait for something older must pull.
    pub fn tip_is(&self, tip: TipIs) {
        self.fan_out.borrow_mut().tip_is(tip, |viewer| viewer.tip_is(tip));
    }

    /// Shows a screen frame to everyone subscribed.
    pub fn show(&self, screen: &ShowScreen) {
        self.fan_out.borrow().viewers().for_each(|viewer| viewer.show(screen));
    }

    /// The room has ended; everyone is closed for this reason when the broadcaster ends.
    pub fn room_ended(&self, reason: CloseReason) {
        self.fan_out.borrow_mut().room_ended(reason);
    }

    /// The broadcaster has ended: closes everyone.
    pub fn broadcaster_ended(&self) {
        let reason = self.fan_out.borrow().ending();
        self.evict(reason);
    }

    /// Closes everyone; nobody is subscribed any more. One whose close panics keeps nobody from being closed: a viewer that
    /// is left here is handed nothing any more.
    pub fn evict(&self, reason: CloseReason) {
        let mut fan_out = self.fan_out.borrow_mut();
        fan_out.close();
        for viewer in fan_out.viewers() {
            // It was told and counted; the viewer's session lives on, or ends by the same bug.
            let _ = caught_call("broadcaster", || viewer.close(reason));
        }
    }
}
