//! What a session wants done.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::actors::messages::room::Page;
use crate::protocol::close::CloseReason;
use crate::protocol::cursor::Place;
use crate::protocol::message::ServerMessage;
use crate::protocol::{After, Cursor, Epoch, ScreenChoice, Seq};

/// Effects for which the buffer keeps room: more than nearly every input has.
const KEPT: usize = 32;

/// Something that a session wants done. Those that have an answer name the input that it comes as.
#[derive(Debug)]
pub enum Effect {
    /// Find the run's room: `RoomFound`, `NoRoom` or `RegistryAway`.
    FindRoom,
    /// Take a slot among the subscribers of the room that was found: `Subscribed` or `RoomGone`.
    Subscribe,
    /// Give the slot back.
    Leave,
    /// Ask the room for what follows: `PageRead`, `ReadFailed`, `RoomRetired` or `RoomGone`.
    ReadPage {
        /// Where a viewer that has not been greeted wants to begin; from the write half's place otherwise.
        after: Option<After>,
    },
    /// Ask the hub to hand over what follows the write half's place: `Admitted`, or nothing when it has done so
    /// already.
    Admit,
    /// What comes is handed over: pull no more.
    GoLive,
    /// Wait: `PauseOver`.
    Pause(Duration),
    /// Say where the viewer stands; the first thing that it is told.
    Greet(Greeting),
    /// Queue a message.
    Tell(ServerMessage),
    /// Queue the answer to the peer's `ping` message.
    AnswerPing,
    /// Show the screens that the viewer has chosen, from now on.
    ChooseScreens(ScreenChoice),
    /// Have a command of the peer's decided, behind those before it: `Steered`.
    Steer(Box<str>),
    /// Queue encoded bytes.
    Push(Bytes),
    /// Queue a page's events and what it says of the viewer's place.
    TakePage(Page),
    /// Bring the node's count of memory up to date: nothing, `Overrun` or `NodeFull`.
    Account {
        /// Bytes held of a message that has not come whole.
        half_received: usize,
    },
    /// Close when what is queued has been written.
    Close {
        /// The close reason.
        reason: CloseReason,
        /// The text of the close frame.
        text: &'static str,
    },
    /// The peer closed: answer in kind.
    EchoClose(Option<u16>),
    /// Have the session's task flush.
    Wake,
    /// Say on the socket that nothing more will be written.
    ShutDown,
    /// The session is over.
    End,
}

/// What a viewer is greeted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Its place in the log.
    pub place: Place,
    /// The run's epoch.
    pub epoch: Option<Epoch>,
    /// The run's last seq.
    pub tip: Seq,
    /// Where it stands until it has been told of a gap or a reset.
    pub cursor: Cursor,
}

impl Greeting {
    pub(super) fn new(after: After, page: &Page) -> Self {
        Self { place: page.place, epoch: page.epoch, tip: page.tip, cursor: page.stood(after) }
    }
}

/// Effects in the order in which they are to be performed. One buffer serves all sessions of a thread.
#[derive(Debug, Default)]
pub struct Effects(VecDeque<Effect>);

impl Effects {
    pub(super) fn push(&mut self, effect: Effect) {
        self.0.push_back(effect);
    }

    /// Takes the next to perform.
    pub fn pop(&mut self) -> Option<Effect> {
        self.0.pop_front()
    }

    /// Gives back what a peer that sent thousands of pings at once made it grow to.
    pub fn shrink(&mut self) {
        if self.0.capacity() > KEPT {
            self.0.shrink_to(KEPT);
        }
    }
}
