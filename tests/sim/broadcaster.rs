//! What a simulated broadcaster's actor does around the hub's real fan-out: its mailbox, its turns, its end.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use runcast::actors::hub::Hub;
use runcast::actors::hub::subscribers::{Subscribers, Turn};
use runcast::actors::messages::broadcaster::{ShowFrames, TipIs};
use runcast::actors::room::core::RoomInput;
use runcast::protocol::close::CloseReason;
use runcast::protocol::{Lines, Segment};

use crate::chance::Dice;
use crate::registry::NodeRooms;
use crate::store::instant;
use crate::surroundings::Sent;
use crate::trace::{say, seen};
use crate::wire::Alarm;

/// A message to a broadcaster.
#[derive(Clone)]
pub(crate) enum ToBroadcaster {
    Deliver(Arc<[Arc<Segment>]>),
    TipIs(TipIs),
    Show(ShowFrames),
    Evict(CloseReason),
}

/// See the module.
pub(crate) struct Broadcaster {
    subscribers: Rc<Subscribers>,
    hub: Rc<Hub>,
    pub(crate) mailbox: VecDeque<ToBroadcaster>,
    /// The last of the segments that it took.
    last: Option<Arc<Segment>>,
    started: bool,
    alarm: Arc<Alarm>,
}

impl Broadcaster {
    pub(crate) fn new(subscribers: Rc<Subscribers>, hub: Rc<Hub>) -> Self {
        Self { subscribers, hub, mailbox: VecDeque::new(), last: None, started: false, alarm: Alarm::ringing() }
    }

    pub(crate) fn has_work(&self) -> bool {
        self.alarm.rings() || !self.mailbox.is_empty()
    }

    /// Takes up to `messages` from the mailbox; false when it was told to end.
    fn read_messages(&mut self, messages: usize, now: Instant) -> bool {
        for _ in 0..messages {
            match self.mailbox.pop_front() {
                Some(ToBroadcaster::Deliver(segments)) => {
                    self.subscribers.deliver(&segments);
                    self.last = segments.last().cloned();
                }
                Some(ToBroadcaster::TipIs(tip)) => self.subscribers.tip_is(tip),
                Some(ToBroadcaster::Show(ShowFrames(frames))) => self.subscribers.show(&frames, now),
                Some(ToBroadcaster::Evict(reason)) => {
                    self.subscribers.room_ended(reason);
                    return false;
                }
                None => break,
            }
        }
        true
    }

    /// A room's messages on their way are doubled, overtake each other, or bring once more what another brought.
    pub(crate) fn reorder(&mut self, dice: &mut Dice) {
        let Some(last) = self.mailbox.len().checked_sub(1) else { return };
        let index = dice.between(0, last);
        match (dice.below(3), &self.mailbox[index]) {
            (_, ToBroadcaster::Evict(_)) => {}
            (0, _) => self.mailbox.swap(0, index),
            (1, message) => self.mailbox.push_back(message.clone()),
            _ => self.overlap(),
        }
    }

    /// A delivery brings once more what came before it.
    fn overlap(&mut self) {
        let mut before: Vec<_> = self.last.iter().cloned().collect();
        for message in &mut self.mailbox {
            let ToBroadcaster::Deliver(segments) = message else { continue };
            if let Some(joined) = join(before.iter().chain(segments.iter()))
                && !before.is_empty()
            {
                seen("delivery partly old");
                *message = ToBroadcaster::Deliver([Arc::new(joined)].into());
                return;
            }
            before = segments.to_vec();
        }
    }
}

/// One segment of several, if they are one run of events.
fn join<'a>(segments: impl Iterator<Item = &'a Arc<Segment>> + Clone) -> Option<Segment> {
    let first = segments.clone().next()?;
    let mut next = first.first();
    for segment in segments.clone() {
        if segment.epoch() != first.epoch() || segment.first() != next {
            return None;
        }
        next = segment.last() + 1;
    }
    let lines: Vec<_> = segments.map(|segment| segment.lines().bytes().clone()).collect();
    Some(Segment::new(first.epoch(), first.first(), first.at(), Lines::from_stored(lines.join(&b'\n').into())))
}

impl NodeRooms {
    /// Lets a broadcaster run once, as its context would: message first, then a slice of the fan-out. With a slice of 0
    /// it rests.
    pub(crate) fn poll_broadcaster(&mut self, id: u64, messages: usize, slice: usize) {
        let Some(broadcaster) = self.surroundings.broadcasters.get_mut(&id) else { return };
        broadcaster.alarm.silence();
        if !broadcaster.started {
            broadcaster.started = true;
            let generation = broadcaster.subscribers.room().generation;
            say!("    broadcaster {id} subscribes to room {generation}");
            if self.post(generation, RoomInput::Subscribe(id)) != Sent::Taken {
                return self.end_broadcaster(id);
            }
        }
        let now = instant(self.surroundings.now);
        let Some(broadcaster) = self.surroundings.broadcasters.get_mut(&id) else { return };
        if !broadcaster.read_messages(messages, now) {
            return self.end_broadcaster(id);
        }
        if broadcaster.subscribers.pending() > 1 {
            seen("several segments in one pass");
        }
        let rested = slice > 0;
        match broadcaster.subscribers.turn(rested, slice, || now) {
            Turn::End => self.end_broadcaster(id),
            Turn::Idle if rested => broadcaster.subscribers.keep_waker(&Waker::from(broadcaster.alarm.clone())),
            Turn::Idle | Turn::Yield | Turn::Rest(_) => broadcaster.alarm.ring(),
        }
    }

    /// The broadcaster's drop.
    fn end_broadcaster(&mut self, id: u64) {
        let Some(broadcaster) = self.surroundings.broadcasters.remove(&id) else { return };
        say!("    broadcaster {id} ends");
        seen("broadcaster ended");
        broadcaster.hub.forget(&broadcaster.subscribers);
        broadcaster.subscribers.broadcaster_ended();
        self.post(broadcaster.subscribers.room().generation, RoomInput::Unsubscribe(id));
    }
}
