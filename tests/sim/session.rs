//! A session as the server runs it (`actors::session`), around the real [`WriteHalf`], subscription and decoder.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use runcast::actors::hub::subscribers::{SubscriberId, Subscribers};
use runcast::actors::hub::{Hub, SessionLimits, ViewerId};
use runcast::actors::messages::room::{Freshness, Page, Read, ReadError, ReadFrom, RoomPort};
use runcast::actors::session::write_half::{Flushed, Mode, WriteHalf};
use runcast::budget::Budget;
use runcast::protocol::close::CloseReason;
use runcast::protocol::frame::{self, Decoder, Incoming};
use runcast::protocol::message::ServerMessage;
use runcast::protocol::segment::Encoding;
use runcast::protocol::{After, Connection, RunId, Timestamp};
use runcast::storage::journal::RunPhase;
use runcast::thread_metrics::ThreadMetrics;
use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::house::House;
use crate::room::Letter;
use crate::site::{Sent, limits};
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

/// The session actor's fields.
pub(crate) struct Session {
    pub(crate) id: u64,
    pub(crate) write_half: Rc<WriteHalf<SimWire>>,
    wire: SimWire,
    /// Its own share of memory, unless all of the node's share one.
    unsent: Option<Budget>,
    hub: Rc<Hub>,
    viewer: ViewerId,
    run: RunId,
    after: After,
    subscription: Option<(Rc<Subscribers>, SubscriberId)>,
    room: Option<Arc<RoomPort>>,
    greeted: bool,
    awaiting: Awaiting,
    decoder: Decoder,
    peer_closed: bool,
    pub(crate) alarm: Arc<Alarm>,
}

impl Session {
    pub(crate) fn launch(id: u64, wire: SimWire, after: After, hub: Rc<Hub>, house: &mut House) -> Self {
        let setup = house.site.setup;
        let unsent = (!setup.shared_outboxes).then(|| Budget::new(setup.outboxes_bytes));
        let limits: Rc<SessionLimits> =
            unsent.clone().map_or_else(|| hub.limits.clone(), |unsent| Rc::new(limits(setup, unsent)));
        let thread_metrics = Arc::new(ThreadMetrics::default());
        let connection = Connection::begin(house.run.clone(), None);
        let write_half = Rc::new(WriteHalf::new(
            wire.clone(),
            connection,
            Encoding::WebSocket,
            limits,
            thread_metrics,
            hub.now_secs(),
        ));
        let viewer = hub.enter(write_half.clone());
        let mut session = Self {
            id,
            write_half,
            wire,
            unsent,
            hub,
            viewer,
            run: house.run.clone(),
            after,
            subscription: None,
            room: None,
            greeted: false,
            awaiting: Awaiting::Nothing,
            decoder: Decoder::new(),
            peer_closed: false,
            alarm: Alarm::ringing(),
        };
        session.seek(house);
        session
    }

    /// Bytes that its outbox holds, where they are counted for it alone.
    pub(crate) fn unsent(&self) -> usize {
        self.unsent.as_ref().map_or(0, Budget::used)
    }

    pub(crate) fn awaits(&self) -> bool {
        !matches!(self.awaiting, Awaiting::Nothing)
    }

    // Finding a room and reading from it.

    fn seek(&mut self, house: &mut House) {
        self.awaiting = Awaiting::Room(house.find_room());
    }

    fn take_seat(&mut self, room: Arc<RoomPort>, house: &mut House) {
        let subscribers = self.hub.subscribers(&room);
        house.site.open_broadcasteries();
        match subscribers.subscribe(self.write_half.clone()) {
            Some(subscription) => {
                self.subscription = Some((subscribers, subscription));
                self.room = Some(room);
            }
            None => self.close(CloseReason::TryAgain),
        }
    }

    fn leave_seat(&mut self) {
        self.room = None;
        if let Some((subscribers, subscription)) = self.subscription.take() {
            subscribers.leave(subscription);
        }
    }

    fn pull(&mut self, house: &mut House) {
        let Some(room) = &self.room else { return self.seek(house) };
        let from = match self.greeted {
            true => ReadFrom::Place(self.write_half.place()),
            false => ReadFrom::After(self.after),
        };
        let (reply, page) = oneshot::channel();
        let read = Read { from, max_bytes: self.write_half.page_bytes(), freshness: Freshness::AsHeard, reply };
        match house.post(room.generation, Letter::Read(read)) {
            Sent::Taken => self.awaiting = Awaiting::Page(page),
            Sent::Full => self.awaiting = Awaiting::Pause,
            Sent::Closed => self.close(CloseReason::TryAgain),
        }
    }

    /// Takes what it waits for, if that has come.
    pub(crate) fn take_answer(&mut self, house: &mut House) -> bool {
        match std::mem::replace(&mut self.awaiting, Awaiting::Nothing) {
            Awaiting::Nothing => return false,
            Awaiting::Room(room) => self.take_seat(room, house),
            Awaiting::Pause => {}
            Awaiting::Page(mut page) => match page.try_recv() {
                Err(TryRecvError::Empty) => {
                    self.awaiting = Awaiting::Page(page);
                    return false;
                }
                Ok(Ok(page)) => self.take_page(page),
                Ok(Err(ReadError::Unavailable(_))) => self.awaiting = Awaiting::Pause,
                Ok(Err(ReadError::Retired)) => {
                    seen("room found retired");
                    self.leave_seat();
                    self.awaiting = Awaiting::Pause;
                }
                Err(TryRecvError::Closed) => self.close(CloseReason::TryAgain),
            },
        }
        self.write_half.wake();
        true
    }

    fn take_page(&mut self, page: Page) {
        say!("    session {} gets {:?} from {:?}, tip {}", self.id, page.verdict, page.place, page.tip);
        let write_half = self.write_half.clone();
        if !self.greeted {
            self.greeted = true;
            self.greet(&page);
        }
        let (tip, phase) = (page.tip, page.phase);
        write_half.take_page(page);
        let place = write_half.place();
        if place.next <= tip {
            return;
        }
        if phase == RunPhase::Gone {
            return self.close(CloseReason::Gone);
        }
        if let Some((subscribers, subscription)) = &self.subscription {
            if subscribers.admit(*subscription, place) {
                write_half.go_live();
            } else {
                seen("admission refused");
            }
        }
    }

    fn greet(&self, page: &Page) {
        self.write_half.set_place(page.place);
        self.write_half.tell(&ServerMessage::Connected {
            run_id: self.run.clone(),
            session_id: "s".into(),
            node_id: "n".into(),
            timestamp: Timestamp::default(),
            epoch: page.epoch,
            from: page.place.next,
            tip: page.tip,
            cursor: page.stood(self.after),
            heartbeat_secs: 2,
        });
    }

    fn close(&mut self, reason: CloseReason) {
        self.write_half.begin_close(reason, reason.text());
    }

    // Its task.

    /// Writes, reads and pulls as far as the socket lets it; true when the session is over.
    pub(crate) fn drive(&mut self, house: &mut House) -> bool {
        self.alarm.silence();
        let waker = Waker::from(self.alarm.clone());
        let mut cx = Context::from_waker(&waker);
        for _ in 0..4 {
            let Ok(flushed) = self.write_half.poll_flush(&mut cx) else {
                self.write_half.set_broken();
                return true;
            };
            match self.write_half.mode() {
                Mode::Broken => return true,
                Mode::Closing(reason) if self.is_over(reason, flushed) => return true,
                Mode::Behind if matches!(self.awaiting, Awaiting::Nothing) && self.write_half.wants_page() => {
                    self.pull(house);
                }
                _ => {}
            }
            let mut scratch = [0; 256];
            match self.write_half.poll_read(&mut cx, &mut scratch) {
                Poll::Pending => return false,
                Poll::Ready(Ok(n)) if n > 0 => self.receive(&scratch[..n]),
                Poll::Ready(_) => return true,
            }
        }
        self.alarm.ring();
        false
    }

    fn is_over(&self, reason: CloseReason, flushed: Flushed) -> bool {
        if reason.code().is_none() || self.write_half.close_overdue() {
            return true;
        }
        flushed != Flushed::Blocked && self.peer_closed
    }

    fn receive(&mut self, mut data: &[u8]) {
        self.write_half.note_inbound();
        while !data.is_empty() && !self.peer_closed {
            match self.decoder.feed(&mut data, &self.write_half.limits().incoming) {
                Ok(Some(Incoming::Ping(payload))) => self.write_half.push(frame::pong(&payload)),
                Ok(Some(Incoming::Close { code, .. })) => {
                    self.peer_closed = true;
                    self.write_half.echo_close(code);
                }
                Ok(_) => {}
                Err(violation) => panic!("the simulated client speaks badly: {violation}"),
            }
        }
        if self.write_half.overrun() {
            self.close(CloseReason::Policy);
        }
    }

    /// The session's drop.
    pub(crate) fn end(mut self) {
        say!("    session {} ends, {:?}", self.id, self.write_half.mode());
        self.leave_seat();
        self.hub.leave(self.viewer);
        self.wire.end();
    }
}
