//! What the actors of a simulated node send to: mailboxes, the journal's queue, doorbells to other nodes.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler};
use runcast::actors::hub::subscribers::Subscribers;
use runcast::actors::hub::{Hub, SessionLimits};
use runcast::actors::messages::room::{
    Fold, Publish, Read, Reclaim, RemoteUpdate, RoomPort, Show, ShowScreen, Steer, Subscribe, Unsubscribe,
    WaitForControl, WaitForEvents,
};
use runcast::actors::room::core::{HeadFor, PageFor, RoomInput};
use runcast::actors::shared::RoomGauge;
use runcast::budget::Budget;
use runcast::protocol::frame::FrameLimits;
use runcast::protocol::{RunId, Segment, Seq, Timestamp};
use runcast::storage::catalog::RunRow;
use runcast::storage::journal::{Append, Head, JournalError};
use runcast::thread_metrics::ThreadMetrics;

use crate::bridge::{Bridge, BridgeQuestion};
use crate::broadcaster::{Broadcaster, ToBroadcaster};
use crate::schedule::Setup;
use crate::trace::seen;

/// A question to the journal.
pub(crate) enum Ask {
    /// The head behind all appends in flight.
    Head(HeadFor),
    Append(Append),
    /// An append whose caller has been told that its outcome is unknown, and that runs late.
    Ghost(Append),
    /// A page behind this seq, of about so many bytes.
    Page(PageFor, Seq, usize),
    /// The bridge's.
    Tip(BridgeQuestion),
}

/// An answer of the journal or of the registry.
pub(crate) enum Answer {
    Room(RoomInput),
    Tip(Result<Head, JournalError>, BridgeQuestion),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = |head: &Result<Head, _>| match head {
            Ok(head) => format!("the log ends at {:?}:{}", head.lineage.epoch(), head.tip),
            Err(_) => "the journal is away".to_owned(),
        };
        match self {
            Self::Tip(tip, _) => write!(f, "{} (checked)", head(tip)),
            Self::Room(RoomInput::Head(purpose, told)) => write!(f, "{} ({purpose:?})", head(told)),
            Self::Room(RoomInput::Appended(Ok(stored))) => write!(f, "appended up to {}", stored.head.tip),
            Self::Room(RoomInput::Appended(Err(error))) => write!(f, "{error}"),
            Self::Room(RoomInput::Page(purpose, Ok(page))) => {
                write!(f, "a page up to {:?} ({purpose:?})", page.last().map(|segment| segment.last()))
            }
            Self::Room(RoomInput::Page(_, Err(error))) => write!(f, "no page: {error}"),
            Self::Room(_) => write!(f, "it may go"),
        }
    }
}

/// What a node tells the others of an append.
#[derive(Clone)]
pub(crate) struct Notice {
    /// The run then.
    pub(crate) head: Head,
    /// The events themselves, unless they are too large.
    pub(crate) segments: Vec<Arc<Segment>>,
}

/// What became of a bounded send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Taken,
    Full,
    Closed,
}

/// Subscribers whose broadcaster has yet to be started, with their hub.
type Opened = Rc<RefCell<Vec<(usize, Rc<Subscribers>)>>>;

/// See the module.
pub(crate) struct Surroundings {
    pub(crate) setup: Setup,
    pub(crate) now: Timestamp,
    /// How far the wall clock has jumped ahead, in milliseconds.
    pub(crate) jumped_ms: i64,
    pub(crate) broadcasters: BTreeMap<u64, Broadcaster>,
    /// The journal's write queue of this node, in order; each with the generation of the room that asks.
    pub(crate) writes: VecDeque<(u64, Ask)>,
    /// Reads that go past the write queue.
    pub(crate) reads: Vec<(u64, Ask)>,
    pub(crate) answers: Vec<(u64, Answer)>,
    pub(crate) notices: Vec<Notice>,
    /// Screens for the other nodes.
    pub(crate) mirrors: Vec<ShowScreen>,
    /// Rooms that have asked the registry to let them go.
    pub(crate) retirements: Vec<u64>,
    /// The catalog writer takes nothing.
    pub(crate) catalog_full: bool,
    /// The run's row as this node listed it last.
    pub(crate) row: Option<RunRow>,
    pub(crate) bridge: Bridge,
    pub(crate) hubs: Vec<Rc<Hub>>,
    /// Unsent bytes of all sessions that share their bound.
    pub(crate) outboxes: Budget,
    opened: Opened,
    next_broadcaster: u64,
}

impl Surroundings {
    pub(crate) fn new(setup: Setup) -> Self {
        let opened = Opened::default();
        let outboxes = Budget::new(setup.outboxes_bytes);
        let hub = |index: usize| {
            let opened = opened.clone();
            let open = Box::new(move |subscribers| opened.borrow_mut().push((index, subscribers)));
            Rc::new(Hub::new(Rc::new(limits(setup, outboxes.clone())), Arc::new(ThreadMetrics::default()), open))
        };
        Self {
            setup,
            now: Timestamp::default(),
            jumped_ms: 0,
            broadcasters: BTreeMap::new(),
            writes: VecDeque::new(),
            reads: Vec::new(),
            answers: Vec::new(),
            notices: Vec::new(),
            mirrors: Vec::new(),
            retirements: Vec::new(),
            catalog_full: false,
            row: None,
            bridge: Bridge::new(),
            hubs: (0..setup.hubs).map(hub).collect(),
            outboxes,
            opened,
            next_broadcaster: 1,
        }
    }

    /// ToBroadcaster to a broadcaster. What is not bounded is taken however full the mailbox is.
    pub(crate) fn send(&mut self, broadcaster: u64, message: ToBroadcaster, bounded: bool) -> Sent {
        let Some(broadcaster) = self.broadcasters.get_mut(&broadcaster) else { return Sent::Closed };
        if bounded && broadcaster.mailbox.len() >= self.setup.broadcaster_mailbox {
            seen("broadcaster mailbox full");
            return Sent::Full;
        }
        broadcaster.mailbox.push_back(message);
        Sent::Taken
    }

    /// A screen for the other nodes; one that finds the bridge away is overtaken by the next.
    pub(crate) fn mirror(&mut self, frame: ShowScreen) {
        if !self.bridge.away {
            self.mirrors.push(frame);
        }
    }

    /// The catalog writer lists the run; false when it is full.
    pub(crate) fn record(&mut self, row: RunRow) -> bool {
        if !self.catalog_full {
            seen("row listed");
            self.row = Some(row);
        }
        !self.catalog_full
    }

    /// Makes the broadcasters of subscribers that have just been opened; they start when they are first polled.
    pub(crate) fn open_broadcasters(&mut self) {
        for (hub, subscribers) in self.opened.take() {
            let broadcaster = Broadcaster::new(subscribers, self.hubs[hub].clone());
            self.broadcasters.insert(self.next_broadcaster, broadcaster);
            self.next_broadcaster += 1;
        }
    }
}

/// A session's limits.
pub(crate) fn limits(setup: Setup, outboxes: Budget) -> SessionLimits {
    SessionLimits {
        outbox_bytes: setup.outbox_bytes,
        page_bytes: setup.page_bytes,
        outboxes,
        stall_secs: 6,
        pong_deadline_secs: 8,
        ping_secs: 2,
        incoming: FrameLimits { max_frame_bytes: 1_000, max_message_bytes: 1_000 },
        send_buffer_bytes: 1_000,
    }
}

/// Stands for a room where an address is needed: the simulation hands messages over itself.
struct Deaf;

impl Actor for Deaf {
    type Context = Context<Self>;
}

macro_rules! hears_nothing {
    ($($message:ty),*) => {
        $(impl Handler<$message> for Deaf {
            type Result = ();

            fn handle(&mut self, _: $message, _: &mut Self::Context) {}
        })*
    };
}

hears_nothing!(
    Publish,
    Read,
    WaitForEvents,
    Fold,
    Steer,
    WaitForControl,
    Show,
    Subscribe,
    Unsubscribe,
    Reclaim,
    RemoteUpdate
);

/// A port that names a room's generation; nothing sent to its addresses arrives.
pub(crate) fn port(run: &RunId, generation: u64) -> Arc<RoomPort> {
    let addr = Context::<Deaf>::new().address();
    Arc::new(RoomPort {
        run: run.clone(),
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
    })
}
