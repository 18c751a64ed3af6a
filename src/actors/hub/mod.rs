//! What the actors of one worker thread share: its viewers, the subscribers of each run, the read buffer. Never leaves
//! the thread.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::messages::room::RoomPort;
use super::messages::thread_agent::{RunViewers, ViewerChanges};
use super::messages::viewer::Viewer;
use crate::protocol::RunId;
use crate::protocol::close::CloseReason;
use crate::thread_metrics::ThreadMetrics;

pub mod broadcaster;
mod changes;
mod core;
mod limits;
pub mod subscribers;
pub mod thread_agent;

use changes::Changes;
pub use limits::SessionLimits;
use subscribers::Subscribers;

/// Size of the thread's read buffer. 32 KiB.
const SCRATCH_BYTES: usize = 32 * 1024;

/// A viewer's number on its hub.
pub type ViewerId = usize;

/// Starts the broadcaster of a run's subscribers, on this thread.
pub type OpenBroadcaster = Box<dyn Fn(Rc<Subscribers>)>;

/// What the actors of one worker thread share.
pub struct Hub {
    /// The bounds and times of every session of the thread.
    pub limits: Rc<SessionLimits>,
    /// The thread's counters.
    pub thread_metrics: Arc<ThreadMetrics>,
    open_broadcaster: OpenBroadcaster,
    subscribers_by_run: RefCell<HashMap<RunId, Rc<Subscribers>>>,
    viewers: RefCell<Vec<Option<Rc<dyn Viewer>>>>,
    free: RefCell<Vec<ViewerId>>,
    changes: RefCell<Changes>,
    scratch: Cell<Option<Box<[u8]>>>,
    now_secs: Cell<u32>,
    closing: Cell<Option<CloseReason>>,
}

impl Hub {
    /// A hub without viewers. `open_broadcaster` starts the broadcaster of a run that gets its first.
    pub fn new(
        limits: Rc<SessionLimits>,
        thread_metrics: Arc<ThreadMetrics>,
        open_broadcaster: OpenBroadcaster,
    ) -> Self {
        Self {
            limits,
            thread_metrics,
            open_broadcaster,
            subscribers_by_run: RefCell::default(),
            viewers: RefCell::default(),
            free: RefCell::default(),
            changes: RefCell::default(),
            scratch: Cell::new(None),
            now_secs: Cell::new(0),
            closing: Cell::new(None),
        }
    }

    /// Seconds since the node's start, as the heartbeat last said.
    pub fn now_secs(&self) -> u32 {
        self.now_secs.get()
    }

    /// Adds a viewer. One that comes after the hub has begun to close is closed at once.
    pub fn enter(&self, viewer: Rc<dyn Viewer>) -> ViewerId {
        if let Some(reason) = self.closing.get() {
            viewer.close(reason);
        }
        let mut viewers = self.viewers.borrow_mut();
        if viewer.is_listed() {
            self.thread_metrics.viewer_entered();
            self.changes.borrow_mut().began(viewer.connection());
        }
        if let Some(id) = self.free.borrow_mut().pop() {
            viewers[id] = Some(viewer);
            return id;
        }
        viewers.push(Some(viewer));
        viewers.len() - 1
    }

    /// Removes a viewer.
    pub fn leave(&self, id: ViewerId) {
        if let Some(viewer) = self.viewers.borrow_mut()[id].take() {
            if viewer.is_listed() {
                self.changes.borrow_mut().ended(viewer.connection());
                self.thread_metrics.viewer_left();
            }
            self.free.borrow_mut().push(id);
        }
    }

    /// Viewers on this thread.
    pub fn viewers(&self) -> usize {
        self.viewers.borrow().len() - self.free.borrow().len()
    }

    /// Who has come and gone since this was last asked; everybody, if that is wanted or not known.
    pub fn collect_changes(&self, whole: bool) -> ViewerChanges {
        match self.changes.borrow_mut().take().filter(|_| !whole) {
            Some(changes) => changes,
            None => {
                let viewers = self.viewers.borrow();
                let listed = viewers.iter().flatten().filter(|viewer| viewer.is_listed());
                let began = listed.map(|viewer| viewer.connection().clone()).collect();
                ViewerChanges { whole: true, began, ended: Vec::new() }
            }
        }
    }

    /// The viewers of a run on this thread; at most `limit` of them by name.
    pub fn viewers_of(&self, run: &RunId, limit: usize) -> RunViewers {
        let subscribers_by_run = self.subscribers_by_run.borrow();
        subscribers_by_run.get(run).map(|subscribers| subscribers.observe(limit)).unwrap_or_default()
    }

    /// The subscribers of a run; the first who asks makes them, with their broadcaster. Those that hear from an older
    /// generation of the room are evicted first.
    pub fn subscribers(&self, room: &Arc<RoomPort>) -> Rc<Subscribers> {
        let mut subscribers_by_run = self.subscribers_by_run.borrow_mut();
        if let Some(subscribers) = subscribers_by_run.get(&room.run) {
            if subscribers.room().generation >= room.generation && !subscribers.closed() {
                return subscribers.clone();
            }
            subscribers.evict(CloseReason::TryAgain);
        }
        let subscribers = Rc::new(Subscribers::new(room.clone()));
        subscribers_by_run.insert(room.run.clone(), subscribers.clone());
        // A broadcaster that a thread on its way out drops at once has the hub forget its subscribers.
        drop(subscribers_by_run);
        (self.open_broadcaster)(subscribers.clone());
        subscribers
    }

    /// Forgets a run's subscribers, unless others have taken their place.
    pub fn forget(&self, subscribers: &Rc<Subscribers>) {
        let mut subscribers_by_run = self.subscribers_by_run.borrow_mut();
        if subscribers_by_run.get(subscribers.run()).is_some_and(|current| Rc::ptr_eq(current, subscribers)) {
            subscribers_by_run.remove(subscribers.run());
        }
    }

    /// A second has passed: pulses every viewer. Their numbers spread the pings over the seconds.
    pub fn pulse(&self, now_secs: u32, now: Instant) {
        self.now_secs.set(now_secs);
        for (id, viewer) in self.viewers.borrow().iter().enumerate() {
            if let Some(viewer) = viewer {
                viewer.pulse(now_secs, id as u32, now);
            }
        }
    }

    /// Announces the drain to every viewer, with reconnect times that are spread evenly over `spread_ms`.
    pub fn announce_drain(&self, spread_ms: u64) {
        let viewers = self.viewers.borrow();
        let count = viewers.len().max(1) as u64;
        for (id, viewer) in viewers.iter().enumerate() {
            if let Some(viewer) = viewer {
                // A stride that is prime to most counts keeps viewers that came together (one browser's tabs) apart.
                viewer.announce_drain((id as u64 * 7919 % count) * spread_ms / count);
            }
        }
    }

    /// Closes viewers `from..from + count`; the next `from`, or `None` at the end. Newcomers are closed at once.
    pub fn close_slice(&self, reason: CloseReason, from: ViewerId, count: usize) -> Option<ViewerId> {
        self.closing.set(Some(reason));
        let viewers = self.viewers.borrow();
        // `from` may be past the end: the thread agent comes back until everyone has gone.
        let to = from.saturating_add(count).min(viewers.len());
        for viewer in viewers[from.min(to)..to].iter().flatten() {
            viewer.close(reason);
        }
        (to < viewers.len()).then_some(to)
    }

    /// Lends the thread's read buffer; give it back with [`Hub::put_scratch`].
    pub fn take_scratch(&self) -> Box<[u8]> {
        self.scratch.take().unwrap_or_else(|| vec![0; SCRATCH_BYTES].into())
    }

    /// Gives the read buffer back.
    pub fn put_scratch(&self, scratch: Box<[u8]>) {
        self.scratch.set(Some(scratch));
    }
}
