//! What a seed means: the set-up of a small world and the steps that its scheduler takes.
//!
//! A step carries dice of its own, so that taking other steps out of a schedule leaves it as it was.

use crate::chance::Dice;

/// Which world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One node on its own store: when the store may have lost writes, the node went down with it.
    OneNode,
    /// Nodes that share a store, which may lose writes while they live.
    Cluster,
}

/// Sizes and bounds, small enough that each is met.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) kind: Kind,
    pub(crate) nodes: usize,
    pub(crate) hubs: usize,
    pub(crate) viewers: usize,
    pub(crate) producers: usize,
    pub(crate) broadcaster_mailbox: usize,
    pub(crate) room_mailbox: usize,
    pub(crate) outbox_bytes: usize,
    pub(crate) outboxes_bytes: usize,
    /// Whether all of a node's sessions share `outboxes_bytes`, or each has so many.
    pub(crate) shared_outboxes: bool,
    pub(crate) page_bytes: usize,
    pub(crate) ring_bytes: usize,
    /// How long an append may take, its repetitions included.
    pub(crate) append_millis: i64,
    /// Bytes of posts that may wait in a room.
    pub(crate) queue_bytes: usize,
    /// How long an unused room stays.
    pub(crate) idle_millis: u64,
    /// Readers by pages, with long polls.
    pub(crate) pollers: usize,
    /// People and agents that give commands.
    pub(crate) controllers: usize,
    /// Workers that obey; at least one where somebody gives commands.
    pub(crate) workers: usize,
    /// Those who wait for control events.
    pub(crate) watchers: usize,
    /// Requests to steer that may wait in a room.
    pub(crate) max_waiting: usize,
}

/// What the scheduler may do. Whatever can't be done at the moment is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Wait,
    Post,
    PostAgain,
    Finish,
    LoseAnswer,
    TakeAnswer,
    Journal,
    JournalRead,
    Answer,
    Message,
    Broadcaster,
    Reorder,
    Timer,
    CheckIdle,
    Registry,
    Session,
    Page,
    Widen,
    Stall,
    Receive,
    Break,
    Connect,
    Hop,
    Leave,
    Ask,
    Pulse,
    Show,
    Free,
    KillRoom,
    Retire,
    RingBell,
    DropNotice,
    DoubleNotice,
    StripNotice,
    CheckTip,
    Confirm,
    LoseFeed,
    Sweep,
    KillBridge,
    BuildBridge,
    Mirror,
    FillCatalog,
    Poll,
    TakePoll,
    GiveUpPoll,
    LoseWrites,
    Expire,
    Drain,
    Steer,
    TakeSteered,
    LoseSteered,
    Work,
    TakeWork,
    Crash,
    Deadlines,
    Watch,
    Later,
    StepClock,
}

impl Act {
    /// Whether somebody gives commands, or obeys.
    fn is_steering(self) -> bool {
        matches!(self, Self::Steer | Self::TakeSteered | Self::Work | Self::TakeWork)
    }

    /// Whether it is about viewers and their connections.
    fn is_watching(self) -> bool {
        matches!(
            self,
            Self::Broadcaster
                | Self::Reorder
                | Self::Session
                | Self::Page
                | Self::Widen
                | Self::Stall
                | Self::Receive
                | Self::Break
                | Self::Connect
                | Self::Hop
                | Self::Leave
                | Self::Ask
                | Self::Pulse
                | Self::Show
        )
    }
}

/// Acts and how often each is tried.
const WEIGHTS: &[(Act, usize)] = &[
    (Act::Wait, 25),
    (Act::Post, 110),
    (Act::PostAgain, 8),
    (Act::Finish, 4),
    (Act::LoseAnswer, 6),
    (Act::TakeAnswer, 60),
    (Act::Journal, 180),
    (Act::JournalRead, 80),
    (Act::Answer, 190),
    (Act::Message, 170),
    (Act::Broadcaster, 130),
    (Act::Reorder, 40),
    (Act::Timer, 85),
    (Act::CheckIdle, 8),
    (Act::Registry, 30),
    (Act::Session, 190),
    (Act::Page, 130),
    (Act::Widen, 80),
    (Act::Stall, 25),
    (Act::Receive, 80),
    (Act::Break, 8),
    (Act::Connect, 50),
    (Act::Hop, 12),
    (Act::Leave, 8),
    (Act::Ask, 12),
    (Act::Pulse, 14),
    (Act::Show, 6),
    (Act::Free, 5),
    (Act::KillRoom, 6),
    (Act::Retire, 6),
    (Act::RingBell, 90),
    (Act::DropNotice, 8),
    (Act::DoubleNotice, 8),
    (Act::StripNotice, 8),
    (Act::CheckTip, 8),
    (Act::Confirm, 30),
    (Act::LoseFeed, 6),
    (Act::Sweep, 6),
    (Act::KillBridge, 3),
    (Act::BuildBridge, 30),
    (Act::Mirror, 12),
    (Act::FillCatalog, 6),
    (Act::Poll, 12),
    (Act::TakePoll, 25),
    (Act::GiveUpPoll, 3),
    (Act::LoseWrites, 6),
    (Act::Expire, 9),
    (Act::Drain, 16),
    (Act::Steer, 60),
    (Act::TakeSteered, 60),
    (Act::LoseSteered, 8),
    (Act::Work, 90),
    (Act::TakeWork, 90),
    (Act::Crash, 2),
    (Act::Deadlines, 40),
    (Act::Watch, 25),
    (Act::Later, 3),
    (Act::StepClock, 3),
];

/// One thing that the scheduler does, with dice for its details.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) act: Act,
    pub(crate) dice: u64,
}

/// A seed's world and schedule.
pub(crate) fn plan(kind: Kind, seed: u64) -> (Setup, Vec<Step>) {
    let mut dice = Dice::new(seed);
    // Half of the runs are never steered, and in a quarter hardly anybody watches.
    let steered = dice.one_in(2);
    let is_unwatched = steered && dice.one_in(2);
    let setup = Setup {
        kind,
        nodes: if kind == Kind::Cluster { dice.between(2, 3) } else { 1 },
        hubs: dice.between(1, 2),
        viewers: if is_unwatched { 1 } else { dice.between(1, 6) },
        producers: dice.between(1, 4),
        broadcaster_mailbox: dice.between(1, 4),
        room_mailbox: dice.between(2, 8),
        outbox_bytes: dice.between(150, 2_500),
        outboxes_bytes: if dice.one_in(2) { dice.between(100, 3_000) } else { usize::MAX },
        shared_outboxes: dice.one_in(2),
        page_bytes: dice.between(50, 1_500),
        ring_bytes: dice.between(300, 6_000),
        append_millis: dice.between(20, 300) as i64,
        queue_bytes: dice.between(100, 2_000),
        idle_millis: dice.between(5, 400) as u64,
        pollers: dice.between(0, 3),
        controllers: if steered { dice.between(1, 3) } else { 0 },
        workers: if steered { dice.between(1, 3) } else { 0 },
        watchers: if steered { dice.between(0, 2) } else { 0 },
        max_waiting: dice.between(1, 8),
    };
    // Every seed has acts that it likes and acts that it hardly does: what needs much of one kind is met, too.
    let likes = |dice: &mut Dice, act: Act| match act.is_watching() {
        true if is_unwatched => 0,
        _ if is_unwatched && act.is_steering() => *dice.pick(&[8, 16]),
        _ => *dice.pick(&[1, 2, 4, 8]),
    };
    let weights: Vec<_> = WEIGHTS.iter().map(|(act, weight)| (*act, weight * likes(&mut dice, *act))).collect();
    let total: usize = weights.iter().map(|(_, weight)| weight).sum();
    let steps = (0..dice.between(100, 600)).map(|_| {
        let mut left = dice.below(total);
        let act = weights.iter().find(|(_, weight)| {
            let chosen = left < *weight;
            left = left.saturating_sub(*weight);
            chosen
        });
        Step { act: act.map_or(Act::Post, |(act, _)| *act), dice: dice.next() }
    });
    (setup, steps.collect())
}
