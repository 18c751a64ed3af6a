//! A worker thread's hub with viewers that can be injured, and a room that only listens.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix::{Actor, Context, Handler};
use runcast::actors::hub::broadcaster::Broadcaster;
use runcast::actors::hub::{Hub, SessionLimits};
use runcast::actors::messages::broadcaster::{BroadcasterPort, TipIs};
use runcast::actors::messages::room::{
    Fold, Publish, Read, Reclaim, RemoteUpdate, RoomPort, Show, Steer, Subscribe, Unsubscribe, WaitForControl,
    WaitForEvents,
};
use runcast::actors::messages::screen::ShownFrame;
use runcast::actors::messages::viewer::{Delivery, Viewer};
use runcast::actors::shared::RoomGauge;
use runcast::actors::supervision::{Child, Done, LiveActors, spawn};
use runcast::budget::Budget;
use runcast::protocol::close::CloseReason;
use runcast::protocol::frame::FrameLimits;
use runcast::protocol::{Connection, RunId, ScreenChoice, Segment};
use runcast::thread_metrics::NodeMetrics;

pub(crate) fn run() -> RunId {
    RunId::parse("r").unwrap()
}

/// A hub whose broadcasters are started as a node starts them.
pub(crate) fn hub(live_actors: &LiveActors) -> Rc<Hub> {
    let limits = SessionLimits {
        outbox_bytes: 1024,
        page_bytes: 1024,
        outboxes: Budget::new(1024),
        stall_secs: 60,
        pong_deadline_secs: 50,
        ping_secs: 20,
        incoming: FrameLimits { max_frame_bytes: 1024, max_message_bytes: 1024 },
        send_buffer_bytes: 1024,
    };
    let live_actors = live_actors.clone();
    Rc::new_cyclic(|hub: &std::rc::Weak<Hub>| {
        let hub = hub.clone();
        let open = Box::new(move |subscribers| {
            let hub = hub.upgrade().unwrap();
            Broadcaster::new(subscribers, hub, live_actors.enter("broadcaster")).spawn();
        });
        Hub::new(Rc::new(limits), NodeMetrics::default().thread(), open)
    })
}

/// Where a viewer may be injured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wound {
    Pulse,
    Close,
    Show,
}

/// A viewer that remembers what it was told, and panics where it is injured.
pub(crate) struct TestViewer {
    connection: Connection,
    pub(crate) wound: Cell<Option<Wound>>,
    pub(crate) pulses: Cell<usize>,
    pub(crate) closed: Cell<Option<CloseReason>>,
}

impl TestViewer {
    pub(crate) fn new() -> Rc<Self> {
        let connection = Connection::begin(run(), None);
        Rc::new(Self { connection, wound: Cell::default(), pulses: Cell::default(), closed: Cell::default() })
    }

    /// Panics once for each injury.
    fn feel(&self, wound: Wound) {
        if self.wound.get() == Some(wound) {
            self.wound.set(None);
            panic!("ouch");
        }
    }
}

impl Viewer for TestViewer {
    fn connection(&self) -> &Connection {
        &self.connection
    }

    fn deliver(&self, _: &[Arc<Segment>], _: Instant) -> Delivery {
        Delivery::Sent
    }

    fn tip_is(&self, _: TipIs) -> Delivery {
        Delivery::Sent
    }

    fn choice(&self) -> ScreenChoice {
        ScreenChoice::default()
    }

    fn choose(&self, _: ScreenChoice) {}

    fn show(&self, _: &ShownFrame) {
        self.feel(Wound::Show);
    }

    fn pulse(&self, _: u32, _: u32, _: Instant) {
        self.feel(Wound::Pulse);
        self.pulses.set(self.pulses.get() + 1);
    }

    fn announce_drain(&self, _: u64) {}

    fn close(&self, reason: CloseReason) {
        self.feel(Wound::Close);
        self.closed.set(Some(reason));
    }
}

/// The broadcasters that subscribed to a room, in that order.
pub(crate) type Subscribed = Rc<RefCell<Vec<BroadcasterPort>>>;

struct ListeningRoom(Subscribed);

impl Actor for ListeningRoom {
    type Context = Context<Self>;
}

impl Handler<Subscribe> for ListeningRoom {
    type Result = ();

    fn handle(&mut self, Subscribe(broadcaster): Subscribe, _: &mut Self::Context) {
        self.0.borrow_mut().push(broadcaster);
    }
}

macro_rules! ignores {
    ($($message:ty),*) => {
        $(impl Handler<$message> for ListeningRoom {
            type Result = ();

            fn handle(&mut self, _: $message, _: &mut Self::Context) {}
        })*
    };
}

ignores!(Publish, Read, WaitForEvents, Fold, Steer, WaitForControl, Show, Unsubscribe, Reclaim, RemoteUpdate);

/// A room that remembers who subscribed; it ends with its `Done`.
pub(crate) fn room(run: RunId, generation: u64) -> (Arc<RoomPort>, Subscribed, Done) {
    let subscribed = Subscribed::default();
    let of_room = subscribed.clone();
    let Child { addr, done } = spawn("room", 16, |_, _| Ok(ListeningRoom(of_room))).unwrap();
    let port = RoomPort {
        run,
        generation,
        publish: addr.clone().recipient(),
        read: addr.clone().recipient(),
        wait: addr.clone().recipient(),
        fold: addr.clone().recipient(),
        steer: addr.clone().recipient(),
        wait_control: addr.clone().recipient(),
        show: addr.clone().recipient(),
        subscribe: addr.clone().recipient(),
        unsubscribe: addr.clone().recipient(),
        reclaim: addr.clone().recipient(),
        updates: addr.recipient(),
        gauge: Arc::new(RoomGauge::default()),
    };
    (Arc::new(port), subscribed, done)
}
