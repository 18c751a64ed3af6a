//! What a simulated room's actor does around the real [`RoomCore`]: its mailbox, its timers, its effects.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use runcast::actors::messages::broadcaster::Deliver;
use runcast::actors::messages::room::RoomPort;
use runcast::actors::room::core::{
    JournalTime, PageFor, RoomCore, RoomEffect, RoomEffects, RoomInput, RoomLimits, RoomTimer, ScreenLimits,
};
use runcast::budget::{Budget, Buffer};
use runcast::protocol::{ProducerId, RunId};
use runcast::run_state::StateView;

use crate::broadcaster::ToBroadcaster;
use crate::schedule::{Kind, Setup};
use crate::steering::fold;
use crate::store::instant;
use crate::surroundings::{Ask, Sent, Surroundings, port};
use crate::trace::{say, seen};
use crate::witness::Witness;

/// Effects of one input, those of their outcomes included.
const MAX_EFFECTS: usize = 10_000;

/// A message as the trace shows it.
struct Shown<'a>(&'a RoomInput);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            RoomInput::Publish(request) => write!(f, "a post of {} events", request.lines.len()),
            RoomInput::Read(read) => write!(f, "a read from {:?}, {:?}", read.from, read.freshness),
            RoomInput::Wait(wait) => write!(f, "a long poll behind {}", wait.after),
            RoomInput::Fold(_) => write!(f, "a question for the state"),
            RoomInput::Steer(steer) => write!(f, "{:?}, knowing {:?}", steer.request, steer.at_least),
            RoomInput::WaitForControl(wait) => write!(f, "a long poll for control behind {:?}", wait.after),
            RoomInput::Show(_) => write!(f, "a screen"),
            RoomInput::Subscribe(broadcaster) => write!(f, "the subscription of broadcaster {broadcaster}"),
            RoomInput::Unsubscribe(broadcaster) => write!(f, "the end of broadcaster {broadcaster}"),
            RoomInput::Reclaim(what) => write!(f, "reclaim {what:?}"),
            RoomInput::RemoteUpdate(update) => write!(f, "{update:?}"),
            _ => write!(f, "something else"),
        }
    }
}

/// See the module.
pub(crate) struct Room {
    pub(crate) generation: u64,
    pub(crate) port: Arc<RoomPort>,
    pub(crate) core: RoomCore,
    effects: RoomEffects,
    pub(crate) inbox: VecDeque<RoomInput>,
    /// Those that run; the scheduler decides when each is over.
    pub(crate) timers: Vec<RoomTimer>,
    /// It has ended by itself.
    pub(crate) stopped: bool,
}

fn limits(setup: &Setup) -> RoomLimits {
    RoomLimits {
        ring_bytes: setup.ring_bytes,
        page_bytes: setup.page_bytes,
        queue_bytes: setup.queue_bytes,
        append_timeout: Duration::from_millis(setup.append_millis as u64),
        idle: Duration::from_millis(setup.idle_millis),
        max_waiting: setup.max_waiting,
        screens: ScreenLimits {
            keep: Duration::from_millis(setup.idle_millis),
            auto_hold: Duration::from_millis(setup.idle_millis / 4),
            ..ScreenLimits::default()
        },
        control: Arc::new(fold::limits()),
    }
}

impl Room {
    pub(crate) fn new(run: &RunId, generation: u64, node: usize, surroundings: &mut Surroundings) -> Self {
        let own = ProducerId::own(&format!("{node}-{generation}"));
        let reorder = (surroundings.setup.kind == Kind::Cluster).then_some(Duration::from_millis(5));
        let mut room = Self {
            generation,
            port: port(run, generation),
            core: RoomCore::new(run.clone(), limits(&surroundings.setup), own, reorder, instant(surroundings.now)),
            effects: RoomEffects::new(),
            inbox: VecDeque::new(),
            timers: Vec::new(),
            stopped: false,
        };
        room.on(RoomInput::Started, surroundings);
        room
    }

    /// Takes the next message.
    pub(crate) fn read_message(&mut self, surroundings: &mut Surroundings) {
        if let Some(message) = self.inbox.pop_front() {
            say!("    room {} takes {}", self.generation, Shown(&message));
            self.on(message, surroundings);
        }
    }

    /// A timer is over.
    pub(crate) fn fire(&mut self, index: usize, surroundings: &mut Surroundings) {
        let timer = self.timers.remove(index);
        say!("    room {} has waited: {timer:?}", self.generation);
        self.on(RoomInput::TimerDue(timer), surroundings);
    }

    /// Tells the core what has happened, and does what it wants done about it.
    pub(crate) fn on(&mut self, input: RoomInput, surroundings: &mut Surroundings) {
        let now = instant(surroundings.now);
        let witness = Witness::before(&self.core, &input, surroundings.setup.kind);
        self.core.on(input, now, &mut self.effects);
        witness.after(&self.core, &self.effects);
        self.perform_all(surroundings);
    }

    fn perform_all(&mut self, surroundings: &mut Surroundings) {
        let mut done = 0;
        while let Some(effect) = self.effects.pop_front() {
            if let Some(outcome) = self.perform(effect, surroundings) {
                self.core.on(outcome, instant(surroundings.now), &mut self.effects);
            }
            done += 1;
            assert!(done < MAX_EFFECTS, "room {} never comes to an end with one input", self.generation);
        }
    }

    /// The actor's drop: whoever waits for an answer gets none.
    pub(crate) fn end(mut self, surroundings: &mut Surroundings) {
        self.core.end(&mut self.effects);
        self.perform_all(surroundings);
    }

    fn perform(&mut self, effect: RoomEffect, surroundings: &mut Surroundings) -> Option<RoomInput> {
        match effect {
            RoomEffect::AskHead(purpose) => surroundings.writes.push_back((self.generation, Ask::Head(purpose))),
            RoomEffect::Append(append) => surroundings.writes.push_back((self.generation, Ask::Append(append))),
            RoomEffect::ReadPage { purpose, after, max_bytes } => {
                surroundings.reads.push((self.generation, Ask::Page(purpose, after, max_bytes)));
            }
            RoomEffect::AnswerPublish(reply, answer) => drop(reply.send(answer)),
            RoomEffect::AnswerRead(reply, answer) => drop(reply.send(answer)),
            RoomEffect::AnswerFold(reply, answer) => drop(reply.send(answer)),
            RoomEffect::AnswerShow(reply, answer) => drop(reply.send(answer)),
            RoomEffect::AskTime => {
                let now = surroundings.now.plus_millis(surroundings.jumped_ms);
                return Some(RoomInput::Time(JournalTime { now, has_jumped: surroundings.jumped_ms != 0 }));
            }
            RoomEffect::AnswerSteer { reply, answer, stored } => {
                match stored {
                    0 => {}
                    1 => seen("decision stored"),
                    _ => seen("decision stored after more than one try"),
                }
                let _ = reply.send(answer);
            }
            RoomEffect::EndWaits(replies) => replies.into_iter().for_each(|reply| _ = reply.send(())),
            RoomEffect::Deliver(id, Deliver(segments)) => {
                return failed(surroundings.send(id, ToBroadcaster::Deliver(segments), true), id);
            }
            RoomEffect::TellTip(id, tip) => return failed(surroundings.send(id, ToBroadcaster::TipIs(tip), true), id),
            RoomEffect::Show(id, frames) => {
                return match surroundings.send(id, ToBroadcaster::Show(frames), true) {
                    Sent::Full => Some(RoomInput::FramesMissed(id)),
                    sent => failed(sent, id),
                };
            }
            RoomEffect::Evict(id, reason) => _ = surroundings.send(id, ToBroadcaster::Evict(reason), false),
            RoomEffect::Mirror(frame) => surroundings.mirror(frame),
            RoomEffect::Follow(wanted) => {
                if !surroundings.follow(&self.port.run, self.generation, wanted) {
                    seen("bridge away");
                    return Some(RoomInput::BridgeRefused);
                }
            }
            RoomEffect::Record(row) => {
                if !surroundings.record(row) {
                    seen("catalog writer full");
                    return Some(RoomInput::CatalogRefused);
                }
            }
            RoomEffect::FoldPage(segments) => return Some(RoomInput::Page(PageFor::State, Ok(segments))),
            RoomEffect::TakePermit => return Some(RoomInput::PermitTaken),
            RoomEffect::ReturnPermit | RoomEffect::CountRepair(_) | RoomEffect::CountFrame(_) => {}
            RoomEffect::WriteState(state, part, _) => {
                let mut text = Buffer::new(&Budget::new(usize::MAX));
                serde_json::to_writer(&mut text, &StateView { state: &state, part: &part })
                    .expect("a state is written");
                return Some(RoomInput::StateWritten(Ok(Some(Arc::new(text)))));
            }
            RoomEffect::Retire => surroundings.retirements.push(self.generation),
            RoomEffect::Start(timer, _) => self.timers.push(timer),
            RoomEffect::Stop => self.stopped = true,
        }
        None
    }
}

fn failed(sent: Sent, broadcaster: u64) -> Option<RoomInput> {
    match sent {
        Sent::Taken => None,
        Sent::Full => Some(RoomInput::BroadcasterFull(broadcaster)),
        Sent::Closed => Some(RoomInput::BroadcasterEnded(broadcaster)),
    }
}
