//! What is around a simulated session: the real core and write half, driven as the server drives them, by the
//! scheduler.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use runcast::actors::hub::subscribers::{SubscriberId, Subscribers};
use runcast::actors::hub::{Hub, SessionLimits, ViewerId};
use runcast::actors::messages::registry::FindError;
use runcast::actors::messages::room::{Freshness, Page, Read, ReadError, ReadFrom, RoomPort};
use runcast::actors::room::core::RoomInput;
use runcast::actors::session::core::{Arrival, Effects, Input, SessionCore};
use runcast::actors::session::drive::{Driver, Environment};
use runcast::actors::session::write_half::WriteHalf;
use runcast::budget::Budget;
use runcast::protocol::cursor::Place;
use runcast::protocol::message::ServerMessage;
use runcast::protocol::segment::Encoding;
use runcast::protocol::{After, Connection, ScreenChoice, Timestamp};
use runcast::thread_metrics::ThreadMetrics;
use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::chance::Dice;
use crate::registry::NodeRooms;
use crate::store::instant;
use crate::surroundings::{Sent, limits};
use crate::trace::{say, seen};
use crate::wire::{Alarm, SimWire};

/// What a session waits for.
enum Awaiting {
    Nothing,
    /// The registry's answer, which is on its way.
    Room(Arc<RoomPort>),
    Page(oneshot::Receiver<Result<Page, ReadError>>),
    Pause,
}

/// See the module.
pub(crate) struct Session {
    pub(crate) id: u64,
    core: SessionCore,
    pub(crate) write_half: Rc<WriteHalf<SimWire>>,
    wire: SimWire,
    /// Its own share of memory, unless all of the node's share one.
    unsent: Option<Budget>,
    hub: Rc<Hub>,
    viewer: ViewerId,
    subscription: Option<(Rc<Subscribers>, SubscriberId)>,
    awaiting: Awaiting,
    effects: Effects,
    pub(crate) alarm: Arc<Alarm>,
}

impl Session {
    pub(crate) fn launch(id: u64, wire: SimWire, after: After, hub: Rc<Hub>, node_rooms: &mut NodeRooms) -> Self {
        let setup = node_rooms.surroundings.setup;
        let unsent = (!setup.shared_outboxes).then(|| Budget::new(setup.outboxes_bytes));
        let limits: Rc<SessionLimits> =
            unsent.clone().map_or_else(|| hub.limits.clone(), |unsent| Rc::new(limits(setup, unsent)));
        let thread_metrics = Arc::new(ThreadMetrics::default());
        let connection = Connection::begin(node_rooms.run.clone(), None);
        let encoding = Encoding::WebSocket;
        let write_half =
            Rc::new(WriteHalf::new(wire.clone(), connection, encoding, limits, thread_metrics, hub.now_secs()));
        let viewer = hub.enter(write_half.clone());
        let arrival = Arrival { after, refused: None, notice: None, expiring: None, early: Vec::new() };
        let mut session = Self {
            id,
            core: SessionCore::new(arrival, true),
            write_half,
            wire,
            unsent,
            hub,
            viewer,
            subscription: None,
            awaiting: Awaiting::Nothing,
            effects: Effects::default(),
            alarm: Alarm::ringing(),
        };
        session.with_driver(None, node_rooms, |driver| driver.on(Input::Started));
        session
    }

    /// Bytes that its outbox holds, where they are counted for it alone.
    pub(crate) fn unsent(&self) -> usize {
        self.unsent.as_ref().map_or(0, Budget::used)
    }

    pub(crate) fn awaits(&self) -> bool {
        !matches!(self.awaiting, Awaiting::Nothing)
    }

    /// Has the core's driver deal with something; `found` is the room of an input that says so.
    fn with_driver<T>(
        &mut self,
        found: Option<Arc<RoomPort>>,
        node_rooms: &mut NodeRooms,
        act: impl FnOnce(&mut Driver<'_, SimWire, SessionSurroundings<'_>>) -> T,
    ) -> T {
        let Self { id, core, write_half, hub, subscription, awaiting, effects, .. } = self;
        let mut environment =
            SessionSurroundings { id: *id, write_half, hub, subscription, awaiting, found, node_rooms };
        act(&mut Driver { core, write_half, effects, environment: &mut environment })
    }

    /// Takes what it waits for, if that has come. Without dice all goes well.
    pub(crate) fn take_answer(&mut self, node_rooms: &mut NodeRooms, dice: Option<&mut Dice>) -> bool {
        let (input, found) = match std::mem::replace(&mut self.awaiting, Awaiting::Nothing) {
            Awaiting::Nothing => return false,
            Awaiting::Room(room) => registry_answer(room, dice),
            Awaiting::Pause => (Input::PauseOver, None),
            Awaiting::Page(mut page) => match page.try_recv() {
                Err(TryRecvError::Empty) => {
                    self.awaiting = Awaiting::Page(page);
                    return false;
                }
                page => (Input::read(page.ok()), None),
            },
        };
        match &input {
            Input::PageRead(page) => {
                say!("    session {} gets {:?} from {:?}, tip {}", self.id, page.verdict, page.place, page.tip);
            }
            Input::RoomRetired => seen("room found retired"),
            _ => {}
        }
        self.with_driver(found, node_rooms, |driver| driver.on(input));
        true
    }

    /// Polls its task; true when the session is over.
    pub(crate) fn drive(&mut self, node_rooms: &mut NodeRooms) -> bool {
        self.alarm.silence();
        let waker = Waker::from(self.alarm.clone());
        let mut scratch = [0; 256];
        let polled =
            self.with_driver(None, node_rooms, |driver| driver.poll(&mut Context::from_waker(&waker), &mut scratch));
        polled.is_ready()
    }

    /// The session's drop.
    pub(crate) fn end(mut self) {
        say!("    session {} ends, {:?}", self.id, self.write_half.mode());
        if let Some((subscribers, id)) = self.subscription.take() {
            subscribers.leave(id);
        }
        self.hub.leave(self.viewer);
        self.wire.end();
    }
}

/// What the registry answers: mostly the room.
fn registry_answer(room: Arc<RoomPort>, dice: Option<&mut Dice>) -> (Input<'static>, Option<Arc<RoomPort>>) {
    let input = match dice.map_or(usize::MAX, |dice| dice.below(60)) {
        0..4 => {
            seen("registry away");
            Input::RegistryAway
        }
        4 => Input::NoRoom(FindError::Quarantined { retry_after_ms: 1_000 }),
        5 => Input::NoRoom(FindError::TooManyRooms(1)),
        _ => return (Input::RoomFound, Some(room)),
    };
    (input, None)
}

/// A session's environment: the node's rooms and hub; what it waits for is taken when the scheduler says so.
struct SessionSurroundings<'a> {
    id: u64,
    write_half: &'a Rc<WriteHalf<SimWire>>,
    hub: &'a Rc<Hub>,
    subscription: &'a mut Option<(Rc<Subscribers>, SubscriberId)>,
    awaiting: &'a mut Awaiting,
    found: Option<Arc<RoomPort>>,
    node_rooms: &'a mut NodeRooms,
}

impl Environment for SessionSurroundings<'_> {
    fn find_room(&mut self) {
        *self.awaiting = Awaiting::Room(self.node_rooms.find_room());
    }

    fn subscribe(&mut self) -> bool {
        let Some(room) = self.found.take() else { return false };
        let subscribers = self.hub.subscribers(&room);
        self.node_rooms.surroundings.open_broadcasters();
        let id = subscribers.subscribe(self.write_half.clone());
        *self.subscription = id.map(|id| (subscribers, id));
        self.subscription.is_some()
    }

    fn leave(&mut self) {
        if let Some((subscribers, id)) = self.subscription.take() {
            subscribers.leave(id);
        }
    }

    fn choose_screens(&mut self, _: ScreenChoice) {
        panic!("no viewer chooses its screens")
    }

    fn show_kept(&mut self) {
        if let Some((subscribers, id)) = self.subscription.as_ref() {
            subscribers.show_kept(*id, instant(self.node_rooms.surroundings.now));
        }
    }

    fn admit(&mut self, place: Place) -> bool {
        let admitted = self.subscription.as_ref().is_some_and(|(subscribers, id)| subscribers.admit(*id, place));
        if !admitted {
            seen("admission refused");
        }
        admitted
    }

    fn read_page(&mut self, from: ReadFrom, max_bytes: usize) -> Result<(), Input<'static>> {
        let (subscribers, _) = self.subscription.as_ref().ok_or(Input::RoomGone)?;
        say!("    session {} asks for a page from {from:?}", self.id);
        let (reply, page) = oneshot::channel();
        let read = Read { from, max_bytes, freshness: Freshness::AsKnown, reply };
        match self.node_rooms.post(subscribers.room().generation, RoomInput::Read(read)) {
            Sent::Taken => *self.awaiting = Awaiting::Page(page),
            Sent::Full => return Err(Input::ReadFailed),
            Sent::Closed => return Err(Input::RoomGone),
        }
        Ok(())
    }

    fn pause(&mut self, _: Duration) {
        *self.awaiting = Awaiting::Pause;
    }

    fn steer(&mut self, _: Box<str>) -> Result<(), Box<ServerMessage>> {
        panic!("no viewer gives a command")
    }

    fn now(&self) -> Timestamp {
        Timestamp::default()
    }

    fn node_id(&self) -> Arc<str> {
        "n".into()
    }
}
