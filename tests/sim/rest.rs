//! Coming to rest: everything under way arrives, every socket drains, and then what the guarantee says must hold.

use runcast::actors::room::core::RoomInput;
use runcast::actors::session::write_half::Mode;

use crate::chance::Dice;
use crate::node::Node;
use crate::poller::Poller;
use crate::schedule::Kind;
use crate::trace::say;
use crate::world::World;

/// Rounds after which a world that still moves never comes to rest.
const MAX_ROUNDS: usize = 1_000;

impl World {
    /// Bounds that hold at every moment.
    pub(crate) fn check_bounds(&self) {
        let setup = &self.setup;
        // An event costs its frame's head and its `seq` besides its bytes: at most half as much again here.
        let page = setup.page_bytes * 3 / 2;
        let messages = 600;
        let outbox = setup.outbox_bytes.max(setup.outbox_bytes / 4 + page) + self.store.largest + messages;
        let ring = 2 * setup.ring_bytes + 8 * (setup.page_bytes + self.store.largest) + 2_000;
        for node in &self.nodes {
            for session in node.sessions.values() {
                assert!(session.unsent() <= outbox, "session {} holds {} bytes", session.id, session.unsent());
            }
            for (generation, room) in &node.node_rooms.rooms {
                let held = room.core.log().held_bytes();
                assert!(held <= ring, "room {generation} holds {held} bytes");
            }
        }
    }

    /// Lets everything that is under way arrive, brings everybody back, and checks what is true then.
    pub(crate) fn come_to_rest(&mut self) {
        say!("Everything comes to rest");
        self.set_clocks();
        let mut checked = false;
        for round in 0.. {
            assert!(round < MAX_ROUNDS, "the world does not come to rest");
            if self.round(round) {
                continue;
            }
            if checked || self.setup.kind == Kind::OneNode {
                break;
            }
            // Rooms remind a bridge that has not heard them, and the check of the tip repairs a lost doorbell for the
            // last event.
            checked = true;
            // One that waits for what follows an event that was lost meanwhile reads again when its patience is over.
            self.pollers.iter_mut().for_each(Poller::give_up);
            self.stop_watching();
            for node in &mut self.nodes {
                let checks: Vec<_> = node.node_rooms.timers(true).collect();
                checks.into_iter().rev().for_each(|(generation, index)| node.node_rooms.fire_timer(generation, index));
                node.node_rooms.surroundings.ask_tip();
            }
        }
        for viewer in &self.viewers {
            if viewer.link.is_some() || !viewer.sent_away {
                viewer.check_at_rest(&self.store);
            } else {
                assert!(self.store.is_gone(), "a viewer was told that the run is gone");
            }
        }
        for poller in &self.pollers {
            poller.check_at_rest(&self.store);
        }
        for producer in &self.producers {
            producer.check_at_rest(&self.store);
        }
        self.check_steering();
        self.compare_folds();
        self.check_uniqueness();
    }

    /// Everybody goes: nothing of them is left.
    pub(crate) fn empty(&mut self) {
        say!("Everybody goes");
        for viewer in &mut self.viewers {
            viewer.hang_up().into_iter().for_each(|wire| wire.break_off());
        }
        for index in 0..self.nodes.len() {
            while self.work(index) {}
            let Node { node_rooms, sessions, .. } = &self.nodes[index];
            assert!(sessions.is_empty(), "node {index} has {} sessions and no viewers", sessions.len());
            assert!(node_rooms.surroundings.broadcasters.is_empty(), "node {index} has a broadcaster without viewers");
            assert_eq!(node_rooms.surroundings.outboxes.used(), 0, "node {index} counts bytes that nobody is sent");
            for (generation, room) in &node_rooms.rooms {
                assert_eq!(room.port.gauge.viewers(), 0, "room {generation} counts viewers that have gone");
            }
        }
    }

    fn check_uniqueness(&self) {
        for (event, count) in self.store.counts() {
            let text = String::from_utf8_lossy(event);
            let recurs = ["events_lost", "control_reset"].iter().any(|known| text.contains(known));
            assert!(count == 1 || recurs, "the log holds {count} times {text}");
        }
    }

    /// Everything that can happen happens once; false when nothing could.
    fn round(&mut self, round: usize) -> bool {
        let mut dice = Dice::new(round as u64);
        let mut moved = false;
        for index in 0..self.producers.len() {
            moved |= self.producers[index].take_answer(&self.store);
            if self.producers[index].has_doubts() {
                moved |= self.repeat(index, &mut dice);
            }
        }
        for node in 0..self.nodes.len() {
            moved |= self.work(node);
            moved |= self.finish_drain(node);
        }
        self.ring_out();
        self.mirrors.clear();
        while !self.notices.is_empty() {
            moved = true;
            self.ring_notice(0);
        }
        for index in 0..self.viewers.len() {
            let viewer = &mut self.viewers[index];
            if let Some(link) = &viewer.link {
                moved |= link.wire.widen(1 << 20);
                moved |= viewer.receive(usize::MAX, &self.store);
            } else if !viewer.sent_away {
                moved = true;
                if let Some(node) = self.host(index % self.setup.nodes) {
                    self.connect(index, node, None);
                }
            }
        }
        for index in 0..self.pollers.len() {
            let poller = &mut self.pollers[index];
            moved |= poller.take_answer(&self.store);
            if poller.is_idle() {
                let node = poller.wants_news_of().unwrap_or(index % self.setup.nodes);
                poller.ask(&mut self.nodes[node].node_rooms, &self.store, &mut dice);
                moved = true;
            }
        }
        moved |= self.steer_to_rest(&mut dice);
        moved
    }

    fn repeat(&mut self, producer: usize, dice: &mut Dice) -> bool {
        let node = producer % self.setup.nodes;
        let Some(request) = self.producers[producer].post(dice) else { return false };
        let node_rooms = &mut self.nodes[node].node_rooms;
        let room = node_rooms.find_room();
        node_rooms.post(room.generation, RoomInput::Publish(request));
        true
    }

    /// A node does all that it has to do.
    pub(crate) fn work(&mut self, node: usize) -> bool {
        let mut moved = false;
        while !self.nodes[node].node_rooms.surroundings.writes.is_empty() {
            self.write(node, None);
            moved = true;
        }
        while !self.nodes[node].node_rooms.surroundings.reads.is_empty() {
            self.read(node, None);
            moved = true;
        }
        let node = &mut self.nodes[node];
        node.node_rooms.surroundings.catalog_full = false;
        if node.node_rooms.surroundings.bridge.away {
            node.node_rooms.build_bridge();
            moved = true;
        }
        if node.node_rooms.surroundings.bridge.awaits_confirmation() {
            node.node_rooms.surroundings.confirm();
            moved = true;
        }
        while !node.node_rooms.surroundings.retirements.is_empty() {
            node.node_rooms.retire_room();
            moved = true;
        }
        while !node.node_rooms.surroundings.answers.is_empty() {
            node.node_rooms.answer(0);
            moved = true;
        }
        let rooms: Vec<u64> = node.node_rooms.rooms.keys().copied().collect();
        for generation in rooms {
            while node.node_rooms.rooms.get(&generation).is_some_and(|room| !room.inbox.is_empty()) {
                node.node_rooms.read_message(generation);
                moved = true;
            }
        }
        let timers = node.node_rooms.timers(false).count();
        for _ in 0..timers {
            let next = node.node_rooms.timers(false).next();
            if let Some((generation, index)) = next {
                node.node_rooms.fire_timer(generation, index);
                moved = true;
            }
        }
        let broadcasters: Vec<u64> = node.node_rooms.surroundings.broadcasters.keys().copied().collect();
        for id in broadcasters {
            while node.node_rooms.surroundings.broadcasters.get(&id).is_some_and(|broadcaster| broadcaster.has_work()) {
                node.node_rooms.poll_broadcaster(id, usize::MAX, 256);
                moved = true;
            }
        }
        let sessions: Vec<u64> = node.sessions.keys().copied().collect();
        for id in sessions {
            if let Some(session) = node.sessions.get_mut(&id) {
                moved |= session.take_answer(&mut node.node_rooms, None);
                // One that waits for the far end of a close is ended by the pulse.
                if session.alarm.rings() && session.write_half.mode() != Mode::Broken {
                    moved = true;
                }
            }
            if node.sessions.get(&id).is_some_and(|session| session.alarm.rings()) {
                moved = true;
                node.drive(id);
            }
        }
        moved
    }
}
