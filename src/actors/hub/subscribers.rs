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

use super::core::{FanOut, ThreadScreens};
pub use super::core::{SubscriberId, Turn};
use crate::actors::messages::broadcaster::TipIs;
use crate::actors::messages::room::RoomPort;
use crate::actors::messages::screen::NewestFrame;
use crate::actors::messages::thread_agent::RunViewers;
use crate::actors::messages::viewer::Viewer;
use crate::actors::shared::InterestPart;
use crate::protocol::close::CloseReason;
use crate::protocol::cursor::Place;
use crate::protocol::{Interest, RunId, ScreenChoice, Segment};
use crate::tasks::caught_call;

/// The viewers of one run on one thread, shared by their sessions and the broadcaster.
pub struct Subscribers {
    /// The room whose segments they are handed; one generation of it.
    room: Arc<RoomPort>,
    fan_out: RefCell<FanOut<Rc<dyn Viewer>>>,
    screens: RefCell<ThreadScreens>,
    /// What the viewers look at, as the room's gauge is told it.
    interest: InterestPart,
    /// The broadcaster's task, woken when the last viewer has left.
    waker: RefCell<Option<Waker>>,
}

impl Subscribers {
    /// Subscribers of one generation of a run's room, without viewers yet.
    pub fn new(room: Arc<RoomPort>) -> Self {
        let interest = room.gauge.interest.part();
        Self { room, fan_out: RefCell::default(), screens: RefCell::default(), interest, waker: RefCell::default() }
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
        let choice = viewer.choice();
        let id = self.fan_out.borrow_mut().subscribe(viewer)?;
        self.room.gauge.viewer_came();
        if self.screens.borrow_mut().choices.came(&choice) {
            self.tell_interest();
        }
        Some(id)
    }

    /// Frees a slot. With the last one the broadcaster ends; the next viewer opens another.
    pub fn leave(&self, id: SubscriberId) {
        let mut fan_out = self.fan_out.borrow_mut();
        let (choice, was_closed) = (fan_out.viewer(id).map(|viewer| viewer.choice()), fan_out.closed());
        if fan_out.leave(id) {
            self.room.gauge.viewer_gone();
        }
        let gone = choice.is_some_and(|choice| self.screens.borrow_mut().choices.gone(&choice));
        if gone && !was_closed {
            self.tell_interest();
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

    /// Shows frames to those who look at their streams; what is known, or older, to nobody.
    pub fn show(&self, frames: &[NewestFrame], now: Instant) {
        for newest in frames {
            let shown = self.screens.borrow_mut().take(newest, now);
            if let Some(shown) = shown {
                self.fan_out.borrow().viewers().for_each(|viewer| viewer.show(&shown));
            }
        }
    }

    /// Shows the viewer in slot `id` the newest frames of what it looks at, as far as they are kept.
    pub fn show_kept(&self, id: SubscriberId, now: Instant) {
        let fan_out = self.fan_out.borrow();
        let Some(viewer) = fan_out.viewer(id) else { return };
        let kept = self.screens.borrow().kept_for(&viewer.choice(), now);
        kept.iter().for_each(|frame| viewer.show(frame));
    }

    /// The viewer in slot `id` looks at something else from now on, and is shown what is kept of it.
    pub fn choose(&self, id: SubscriberId, choice: ScreenChoice, now: Instant) {
        let fan_out = self.fan_out.borrow();
        let Some(viewer) = fan_out.viewer(id) else { return };
        let (before, after) = (viewer.choice(), choice.clone());
        viewer.choose(choice);
        let changed = self.screens.borrow_mut().choices.moved(&before, &after);
        if changed && !fan_out.closed() {
            self.tell_interest();
        }
        drop(fan_out);
        self.show_kept(id, now);
    }

    fn tell_interest(&self) {
        self.interest.tell(self.screens.borrow().choices.interest());
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
        self.interest.tell(Interest::default());
        for viewer in fan_out.viewers() {
            // It was told and counted; the viewer's session lives on, or ends by the same bug.
            let _ = caught_call("broadcaster", || viewer.close(reason));
        }
    }
}
