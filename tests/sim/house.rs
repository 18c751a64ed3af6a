//! The rooms of a node and its registry: the one place where letters are addressed to a room's incarnation.

use std::collections::BTreeMap;
use std::sync::Arc;

use runcast::actors::messages::room::RoomPort;
use runcast::protocol::RunId;

use crate::room::{Letter, Room};
use crate::site::{Sent, Site};
use crate::trace::{say, seen};

/// A node without its connections.
pub(crate) struct House {
    pub(crate) node: usize,
    pub(crate) run: RunId,
    pub(crate) rooms: BTreeMap<u64, Room>,
    /// The room that the registry knows.
    pub(crate) mapped: Option<u64>,
    next_generation: u64,
    pub(crate) site: Site,
}

impl House {
    pub(crate) fn new(node: usize, run: RunId, site: Site) -> Self {
        Self { node, run, rooms: BTreeMap::new(), mapped: None, next_generation: 1, site }
    }

    /// The same node after its process has died; generations go on, as they are taken from the clock.
    pub(crate) fn reborn(&self) -> Self {
        let site = Site::new(self.site.setup);
        Self { next_generation: self.next_generation, ..Self::new(self.node, self.run.clone(), site) }
    }

    /// The run's room, built if there is none: the registry's `FindRoom`.
    pub(crate) fn find_room(&mut self) -> Arc<RoomPort> {
        if let Some(room) = self.mapped.and_then(|generation| self.rooms.get(&generation)) {
            return room.port.clone();
        }
        let generation = self.next_generation;
        self.next_generation += 1;
        say!("    node {} builds room {generation}", self.node);
        let room = Room::new(&self.run, generation, self.node, &mut self.site);
        let port = room.port.clone();
        self.rooms.insert(generation, room);
        self.mapped = Some(generation);
        port
    }

    /// A letter to a room's incarnation, bounded by its mailbox.
    pub(crate) fn post(&mut self, generation: u64, letter: Letter) -> Sent {
        let Some(room) = self.rooms.get_mut(&generation) else { return Sent::Closed };
        if room.inbox.len() >= self.site.setup.room_mailbox {
            seen("room mailbox full");
            return Sent::Full;
        }
        room.inbox.push_back(letter);
        Sent::Taken
    }

    /// The room takes its next letter.
    pub(crate) fn read_letter(&mut self, generation: u64) {
        let Some(room) = self.rooms.get_mut(&generation) else { return };
        if let Some(letter) = room.inbox.pop_front() {
            room.take(letter, &mut self.site);
        }
    }

    /// A room gets an answer of the journal. One for a dead room is lost with whoever waits for it.
    pub(crate) fn answer(&mut self, index: usize) {
        let (generation, told) = self.site.answers.remove(index);
        match self.rooms.get_mut(&generation) {
            Some(room) => room.hear(told, &mut self.site),
            None => say!("    nobody hears it: room {generation} is no more"),
        }
    }

    /// Rooms give up waiting for what may come by itself.
    pub(crate) fn fill(&mut self) {
        for room in self.rooms.values_mut().filter(|room| room.following.fill_due) {
            room.fill(&mut self.site);
        }
    }

    /// A room panics: its letters are lost, its broadcasters are told to end. What it sent to the journal runs on.
    pub(crate) fn kill_room(&mut self, generation: u64) {
        if let Some(room) = self.rooms.remove(&generation) {
            self.site.bridge.let_go(generation);
            room.evict_broadcasters(&mut self.site);
            seen("room died");
        }
    }

    /// An unused room asks the registry to let it go; then it answers only that it has retired.
    pub(crate) fn retire_room(&mut self) {
        if let Some(room) = self.mapped.take().and_then(|generation| self.rooms.get_mut(&generation)) {
            room.retired = true;
            seen("room retired");
        }
    }
}
