//! What a room's core wants done.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::frame_outcome::FrameOutcome;
use crate::actors::messages::broadcaster::{Deliver, ShowFrames, TipIs};
use crate::actors::messages::room::{
    FoldReply, Folded, FrameTaken, Page, PublishError, PublishReply, Published, ReadError, ReadReply, ShowError,
    ShowReply, ShowScreen, SteerError, SteerReply, Steered, WaitReply,
};
use crate::protocol::close::CloseReason;
use crate::protocol::{Segment, Seq, StatePart};
use crate::run_state::RunState;
use crate::storage::catalog::RunRow;
use crate::storage::journal::Append;

/// What is to be done, in order. Kept by whoever drives the core, so that an event allocates no buffer.
pub type RoomEffects = VecDeque<RoomEffect>;

/// What the run's head is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadFor {
    /// To begin, or to begin anew when what was known is void.
    Start,
    /// To learn what became of an append of unknown outcome, or why a page does not fit the log.
    Repair,
    /// To answer readers who need the journal's word.
    Readers,
}

/// What a page is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageFor {
    /// Readers of the past.
    Readers,
    /// What other nodes stored and no notice brought.
    Hole,
    /// The run's state.
    State,
    /// The run's control: of the segments that hold control events.
    Control,
}

/// From whom a room hears of what other nodes stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpdateSource {
    /// A notice.
    #[default]
    Doorbell,
    /// The bridge, which asked the journal.
    Check,
}

/// What a room waits for. A timer that was started is not taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoomTimer {
    /// Ask the journal for the head once more.
    LoadHead,
    /// Ask it once more in order to repair what is known.
    LookAgain,
    /// Repeat the append whose outcome is unknown.
    RepeatAppend,
    /// Tell the tip to broadcasters whose mailbox was full.
    Nudge,
    /// What is missing has had its time to come by itself.
    FillHole,
    /// Tell the bridge once more.
    Follow,
    /// Tell the catalog writer what has changed.
    Record,
    /// Decide on: more waits than is decided at a time.
    Decide,
    /// Look whether the room is used.
    CheckIdle,
    /// The time of a kept frame is over.
    ExpireFrames,
    /// A retired room has answered late messages for long enough.
    Farewell,
}

/// Something that a room's core wants done. Those that are sent somewhere with a bound may fail, and then their failure
/// is the next input.
pub enum RoomEffect {
    // The journal. Each is answered by one input.
    /// Ask for the head behind all appends that are queued: [`RoomInput::Head`](super::RoomInput::Head).
    AskHead(HeadFor),
    /// Store: [`RoomInput::Appended`](super::RoomInput::Appended).
    Append(Append),
    /// Read a page: [`RoomInput::Page`](super::RoomInput::Page).
    ReadPage {
        /// For what.
        purpose: PageFor,
        /// The last seq before it.
        after: Seq,
        /// About how much.
        max_bytes: usize,
    },

    /// Read the journal's clock, at once: [`RoomInput::Time`](super::RoomInput::Time) is the next input.
    AskTime,

    // Whoever asked. One who has gone by now misses the answer.
    /// Answer a post.
    AnswerPublish(PublishReply, Result<Published, PublishError>),
    /// Answer a read.
    AnswerRead(ReadReply, Result<Page, ReadError>),
    /// Answer a question for the state.
    AnswerFold(FoldReply, Result<Folded, ReadError>),
    /// Answer a request to steer.
    AnswerSteer {
        /// Who asked.
        reply: SteerReply,
        /// The answer.
        answer: Result<Steered, SteerError>,
        /// Appends that it took, if something was stored for it; else 0.
        stored: u32,
    },
    /// Answer a frame.
    AnswerShow(ShowReply, Result<FrameTaken, ShowError>),
    /// End long polls.
    EndWaits(Vec<WaitReply>),

    // Broadcasters, by id, bounded but for `Evict`.
    /// Hand out new segments: [`RoomInput::BroadcasterFull`](super::RoomInput::BroadcasterFull) or
    /// [`RoomInput::BroadcasterEnded`](super::RoomInput::BroadcasterEnded) if that fails.
    Deliver(u64, Deliver),
    /// Tell where the log ends; fails as `Deliver` does.
    TellTip(u64, TipIs),
    /// Show frames: [`RoomInput::FramesMissed`](super::RoomInput::FramesMissed) or
    /// [`RoomInput::BroadcasterEnded`](super::RoomInput::BroadcasterEnded) if that fails.
    Show(u64, ShowFrames),
    /// End it, however full its mailbox is, and forget it.
    Evict(u64, CloseReason),

    // The bridge and the catalog writer, bounded.
    /// Show this node's screen on other nodes. One that is not taken is overtaken by the next.
    Mirror(ShowScreen),
    /// Follow the run, or let it go: [`RoomInput::BridgeRefused`](super::RoomInput::BridgeRefused) if that fails.
    Follow(bool),
    /// List the run as it is now: [`RoomInput::CatalogRefused`](super::RoomInput::CatalogRefused) if that fails.
    Record(RunRow),

    // Folding.
    /// Fold these segments after what else the room has to do: [`RoomInput::Page`](super::RoomInput::Page), for the
    /// state.
    FoldPage(Vec<Arc<Segment>>),
    /// Wait for a permit to fold, one of few on a node: [`RoomInput::PermitTaken`](super::RoomInput::PermitTaken).
    TakePermit,
    /// Give the permit back, if the room has one.
    ReturnPermit,
    /// Write a part of the state as JSON, unless there is no room for about so many bytes:
    /// [`RoomInput::StateWritten`](super::RoomInput::StateWritten).
    WriteState(Arc<RunState>, StatePart, usize),

    /// A hole that this source told of was closed by reading it.
    CountRepair(UpdateSource),
    /// A frame came, and this became of it.
    CountFrame(FrameOutcome),
    /// Ask the registry to let the room go: [`RoomInput::RetireAnswered`](super::RoomInput::RetireAnswered).
    Retire,
    /// Start a timer: [`RoomInput::TimerDue`](super::RoomInput::TimerDue).
    Start(RoomTimer, Duration),
    /// End the room.
    Stop,
}
