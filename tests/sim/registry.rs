//! The rooms of a node and its registry: the one place where messages are addressed to a room's generation.

use std::collections::BTreeMap;
use std::sync::Arc;

use runcast::actors::messages::room::RoomPort;
use runcast::actors::room::core::{RoomInput, RoomTimer};
use runcast::protocol::RunId;

use crate::chance::Dice;
use crate::room::Room;
use crate::surroundings::{Answer, Sent, Surroundings};
use crate::trace::{say, seen};

/// A node without its connections.
pub(crate) struct NodeRooms {
    pub(crate) node: usize,
    pub(crate) run: RunId,
    pub(crate) rooms: BTreeMap<u64, Room>,
    /// The room that the registry knows.
    pub(crate) mapped: Option<u64>,
    next_generation: u64,
    pub(crate) surroundings: Surroundings,
}

impl NodeRooms {
    pub(crate) fn new(node: usize, run: RunId, surroundings: Surroundings) -> Self {
        Self { node, run, rooms: BTreeMap::new(), mapped: None, next_generation: 1, surroundings }
    }

    /// The same node after its process has died; generations go on, as they are taken from the clock.
    pub(crate) fn reborn(&self) -> Self {
        let surroundings = Surroundings::new(self.surroundings.setup);
        Self { next_generation: self.next_generation, ..Self::new(self.node, self.run.clone(), surroundings) }
    }

    /// The run's room, built if there is none: the registry's `FindRoom`.
    pub(crate) fn find_room(&mut self) -> Arc<RoomPort> {
        if let Some(room) = self.mapped.and_then(|generation| self.rooms.get(&generation)) {
            return room.port.clone();
        }
        let generation = self.next_generation;
        self.next_generation += 1;
        say!("    node {} builds room {generation}", self.node);
        let room = Room::new(&self.run, generation, self.node, &mut self.surroundings);
        let port = room.port.clone();
        self.rooms.insert(generation, room);
        self.mapped = Some(generation);
        port
    }

    /// A message to a room's generation, bounded by its mailbox.
    pub(crate) fn post(&mut self, generation: u64, message: RoomInput) -> Sent {
        let Some(room) = self.rooms.get_mut(&generation) else { return Sent::Closed };
        if room.inbox.len() >= self.surroundings.setup.room_mailbox {
            seen("room mailbox full");
            return Sent::Full;
        }
        room.inbox.push_back(message);
        Sent::Taken
    }

    /// A message to the room that the registry knows.
    pub(crate) fn post_mapped(&mut self, message: RoomInput) {
        if let Some(generation) = self.mapped {
            self.post(generation, message);
        }
    }

    /// The room takes its next message.
    pub(crate) fn read_message(&mut self, generation: u64) {
        if let Some(room) = self.rooms.get_mut(&generation) {
            room.read_message(&mut self.surroundings);
        }
        self.bury(generation);
    }

    /// A room, or the bridge, gets an answer. One for a dead room is lost with whoever waits for it.
    pub(crate) fn answer(&mut self, index: usize) {
        let (generation, told) = self.surroundings.answers.remove(index);
        say!("    room {generation} is answered: {told}");
        match told {
            Answer::Tip(head, asked) => self.tip_told(head, asked),
            Answer::Room(input) => match self.rooms.get_mut(&generation) {
                Some(room) => room.on(input, &mut self.surroundings),
                None => say!("    nobody hears it: room {generation} is no more"),
            },
        }
        self.bury(generation);
    }

    /// Rooms and timers that are running: those that come again and again while nothing happens, or the others.
    pub(crate) fn timers(&self, idle: bool) -> impl Iterator<Item = (u64, usize)> {
        self.rooms.iter().flat_map(move |(generation, room)| {
            let fits = move |timer: &RoomTimer| matches!(timer, RoomTimer::CheckIdle | RoomTimer::ExpireFrames) == idle;
            let running = room.timers.iter().enumerate().filter(move |(_, timer)| fits(timer));
            running.map(|(index, _)| (*generation, index))
        })
    }

    /// One of the timers is over.
    pub(crate) fn fire(&mut self, idle: bool, dice: &mut Dice) {
        let running: Vec<_> = self.timers(idle).collect();
        let (generation, index) = *dice.pick(&running);
        self.fire_timer(generation, index);
    }

    pub(crate) fn fire_timer(&mut self, generation: u64, index: usize) {
        if let Some(room) = self.rooms.get_mut(&generation) {
            room.fire(index, &mut self.surroundings);
        }
        self.bury(generation);
    }

    /// A room that has ended by itself is dropped.
    fn bury(&mut self, generation: u64) {
        if self.rooms.get(&generation).is_some_and(|room| room.stopped)
            && let Some(room) = self.rooms.remove(&generation)
        {
            say!("    room {generation} ends");
            seen("room stopped");
            room.end(&mut self.surroundings);
        }
    }

    /// A room panics: its messages are lost, its broadcasters are told to end. What it sent to the journal runs on.
    pub(crate) fn kill_room(&mut self, generation: u64) {
        if let Some(room) = self.rooms.remove(&generation) {
            room.end(&mut self.surroundings);
            seen("room died");
        }
    }

    /// The registry lets the next room go that has asked to.
    pub(crate) fn retire_room(&mut self) {
        let generation = self.surroundings.retirements.remove(0);
        say!("    node {} lets room {generation} go", self.node);
        self.mapped.take_if(|mapped| *mapped == generation);
        self.surroundings.answers.push((generation, Answer::Room(RoomInput::RetireAnswered(true))));
    }
}
