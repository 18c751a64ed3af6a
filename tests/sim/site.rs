//! What the actors of a simulated node send to: mailboxes, the journal's queue, doorbells to other nodes.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler};
use runcast::actors::floor::Floor;
use runcast::actors::floor::audience::Audience;
use runcast::actors::messages::room::{
    Dismiss, Enrol, Fold, GiveWay, Heard, Publish, Read, RoomGauge, RoomPort, Show, Wait,
};
use runcast::actors::session::SessionLimits;
use runcast::budget::Budget;
use runcast::meters::ThreadMeters;
use runcast::protocol::frame::FrameLimits;
use runcast::protocol::{RunId, Segment, Seq, Timestamp};
use runcast::storage::journal::{Append, Head, JournalError, Stored};

use crate::bridge::{Asked, Bridge};
use crate::gallery::{Gallery, Mail};
use crate::schedule::Setup;
use crate::trace::seen;

/// A question to the journal and who in the room waits for it.
pub(crate) enum Ask {
    /// A new room's barrier behind all appends in flight.
    Load,
    /// With whether an earlier attempt may have stored it.
    Append(Append, Vec<Publish>, bool),
    /// An append whose caller has been told that its outcome is unknown, and that runs late.
    Ghost(Append),
    /// The head after an append of unknown outcome.
    LookAgain,
    /// The head, for readers in doubt.
    Consult(Vec<Read>),
    Fetch(Seq),
    /// What is missing from this seq on, for all viewers.
    Fill(Seq),
    Tip(Asked),
}

/// The journal's answer.
pub(crate) enum Told {
    Loaded(Result<Head, JournalError>),
    Appended(Result<Stored, JournalError>, Append, Vec<Publish>, bool),
    Looked(Result<Head, JournalError>),
    Consulted(Result<Head, JournalError>, Vec<Read>),
    Fetched(Result<Vec<Arc<Segment>>, JournalError>),
    Filled(Result<Vec<Arc<Segment>>, JournalError>),
    Tip(Result<Head, JournalError>, Asked),
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = |head: &Result<Head, _>| match head {
            Ok(head) => format!("the log ends at {:?}:{}", head.lineage.epoch(), head.tip),
            Err(_) => "the journal is away".to_owned(),
        };
        match self {
            Self::Loaded(loaded) => write!(f, "{} (loaded)", head(loaded)),
            Self::Looked(looked) => write!(f, "{} (looked again)", head(looked)),
            Self::Consulted(consulted, _) => write!(f, "{} (consulted)", head(consulted)),
            Self::Tip(tip, _) => write!(f, "{} (checked)", head(tip)),
            Self::Appended(Ok(stored), ..) => write!(f, "appended up to {}", stored.head.tip),
            Self::Appended(Err(error), ..) => write!(f, "{error}"),
            Self::Fetched(Ok(page)) | Self::Filled(Ok(page)) => {
                write!(f, "a page up to {:?}", page.last().map(|segment| segment.last()))
            }
            Self::Fetched(Err(error)) | Self::Filled(Err(error)) => write!(f, "no page: {error}"),
        }
    }
}

/// What a node tells the others of an append.
#[derive(Clone)]
pub(crate) struct Bell {
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

/// Audiences whose gallery has yet to be started, with their floor.
type Opened = Rc<RefCell<Vec<(usize, Rc<Audience>)>>>;

/// See the module.
pub(crate) struct Site {
    pub(crate) setup: Setup,
    pub(crate) now: Timestamp,
    pub(crate) galleries: BTreeMap<u64, Gallery>,
    /// The journal's write queue of this node, in order; each with the generation of the room that asks.
    pub(crate) writes: VecDeque<(u64, Ask)>,
    /// Reads that go past the write queue.
    pub(crate) reads: Vec<(u64, Ask)>,
    pub(crate) answers: Vec<(u64, Told)>,
    pub(crate) bells: Vec<Bell>,
    pub(crate) bridge: Bridge,
    pub(crate) floors: Vec<Rc<Floor>>,
    /// Unsent bytes of all sessions that share their bound.
    pub(crate) outboxes: Budget,
    opened: Opened,
    next_gallery: u64,
}

impl Site {
    pub(crate) fn new(setup: Setup) -> Self {
        let opened = Opened::default();
        let outboxes = Budget::new(setup.outboxes_bytes);
        let floor = |index: usize| {
            let opened = opened.clone();
            let open = Box::new(move |audience| opened.borrow_mut().push((index, audience)));
            Rc::new(Floor::new(Rc::new(limits(setup, outboxes.clone())), Arc::new(ThreadMeters::default()), open))
        };
        Self {
            setup,
            now: Timestamp::default(),
            galleries: BTreeMap::new(),
            writes: VecDeque::new(),
            reads: Vec::new(),
            answers: Vec::new(),
            bells: Vec::new(),
            bridge: Bridge::default(),
            floors: (0..setup.floors).map(floor).collect(),
            outboxes,
            opened,
            next_gallery: 1,
        }
    }

    /// Mail to a gallery. What is not bounded is taken however full the mailbox is.
    pub(crate) fn mail(&mut self, gallery: u64, mail: Mail, bounded: bool) -> Sent {
        let Some(gallery) = self.galleries.get_mut(&gallery) else { return Sent::Closed };
        if bounded && gallery.mailbox.len() >= self.setup.gallery_mailbox {
            seen("gallery mailbox full");
            return Sent::Full;
        }
        gallery.mailbox.push_back(mail);
        Sent::Taken
    }

    /// Makes the galleries of audiences that have just been opened; they start when they are first polled.
    pub(crate) fn open_galleries(&mut self) {
        for (floor, audience) in self.opened.take() {
            let gallery = Gallery::new(audience, self.floors[floor].clone());
            self.galleries.insert(self.next_gallery, gallery);
            self.next_gallery += 1;
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

hears_nothing!(Publish, Read, Wait, Fold, Show, Enrol, Dismiss, GiveWay, Heard);

/// A port that names a room's life; nothing sent to its addresses arrives.
pub(crate) fn port(run: &RunId, generation: u64) -> Arc<RoomPort> {
    let addr = Context::<Deaf>::new().address();
    Arc::new(RoomPort {
        run: run.clone(),
        generation,
        publish: addr.clone().recipient(),
        read: addr.clone().recipient(),
        wait: addr.clone().recipient(),
        fold: addr.clone().recipient(),
        show: addr.clone().recipient(),
        enrol: addr.clone().recipient(),
        dismiss: addr.clone().recipient(),
        give_way: addr.clone().recipient(),
        heard: addr.recipient(),
        gauge: Arc::new(RoomGauge::default()),
    })
}
