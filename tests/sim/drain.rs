//! A node that goes in good order: it announces that it will, closes its viewers in slices, and is started anew.

use runcast::actors::hub::ViewerId;
use runcast::actors::session::write_half::Mode;
use runcast::protocol::close::CloseReason;

use crate::chance::Dice;
use crate::node::Node;
use crate::store::instant;
use crate::trace::{say, seen};
use crate::world::World;

/// Over so many milliseconds the times to reconnect are spread.
pub(crate) const SPREAD_MS: u64 = 500;

/// How far a node's drain has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Drain {
    /// The node stays.
    #[default]
    None,
    /// Viewers have been told when to reconnect.
    Announced,
    /// Those that are left are closed, newcomers at once. For each hub: where the next slice begins.
    Closing(Vec<ViewerId>),
}

impl Node {
    /// Whether a drain may begin here, or goes on.
    pub(crate) fn may_drain(&self) -> bool {
        self.drain != Drain::None || self.has_live_viewer()
    }

    /// A drain of a node without one would tell nobody anything.
    fn has_live_viewer(&self) -> bool {
        self.sessions.values().any(|session| session.write_half.mode() == Mode::Live)
    }

    /// Everybody has gone.
    fn has_drained(&self) -> bool {
        matches!(self.drain, Drain::Closing(_)) && self.sessions.is_empty()
    }

    fn announce_drain(&mut self) {
        say!("    node {} announces its drain", self.node_rooms.node);
        self.drain = Drain::Announced;
        self.node_rooms.surroundings.hubs.iter().for_each(|hub| hub.announce_drain(SPREAD_MS));
    }

    /// As the thread agents do it: the next slice, and from the end on whoever comes yet.
    fn close_slice(&mut self, viewers: usize) {
        let hubs = &self.node_rooms.surroundings.hubs;
        if !matches!(self.drain, Drain::Closing(_)) {
            say!("    node {} begins to close its viewers", self.node_rooms.node);
            self.drain = Drain::Closing(vec![0; hubs.len()]);
        }
        if let Drain::Closing(slices) = &mut self.drain {
            for (hub, from) in hubs.iter().zip(slices) {
                *from = hub.close_slice(CloseReason::Restart, *from, viewers).unwrap_or(ViewerId::MAX);
            }
        }
    }
}

impl World {
    /// The next step of a node's drain. Between two of them much else happens.
    pub(crate) fn drain(&mut self, node: usize, dice: &mut Dice) {
        if self.nodes[node].has_drained() {
            return self.restart(node, dice.one_in(2));
        }
        match &self.nodes[node].drain {
            Drain::None if dice.one_in(2) => self.nodes[node].announce_drain(),
            Drain::Announced if dice.one_in(3) => self.nodes[node].close_slice(dice.between(1, 3)),
            Drain::Closing(_) => self.nodes[node].close_slice(dice.between(1, 3)),
            _ => {}
        }
    }

    /// Everybody has gone, and so does the process; another takes its place. `finished`: what was to be stored has
    /// been.
    fn restart(&mut self, node: usize, finished: bool) {
        seen("drained");
        say!("    node {node} has drained and is started anew");
        while finished && !self.nodes[node].node_rooms.surroundings.writes.is_empty() {
            self.write(node, None);
        }
        self.ring_out();
        let Node { node_rooms, .. } = &mut self.nodes[node];
        assert_eq!(
            node_rooms.surroundings.outboxes.used(),
            0,
            "node {node} has drained and counts bytes that nobody is sent"
        );
        assert!(
            node_rooms.surroundings.hubs.iter().all(|hub| hub.viewers() == 0),
            "node {node} has drained and has viewers"
        );
        self.nodes[node] = Node::new(node_rooms.reborn());
        self.nodes[node]
            .node_rooms
            .surroundings
            .hubs
            .iter()
            .for_each(|hub| hub.pulse(self.secs, instant(self.store.now)));
        self.set_clocks();
    }

    /// A viewer that was told to opens its next connection, elsewhere if it can, and leaves this one.
    pub(crate) fn leave_draining(&mut self, viewer: usize, dice: &mut Dice) {
        let Some(node) = self.host(dice.below(self.nodes.len())) else { return };
        seen("left a draining node");
        let old = self.viewers[viewer].hang_up();
        self.connect(viewer, node, Some(dice));
        old.into_iter().for_each(|wire| wire.break_off());
    }

    /// A node that stays, this one or else the next.
    pub(crate) fn host(&self, first: usize) -> Option<usize> {
        let count = self.nodes.len();
        (first..first + count).map(|node| node % count).find(|node| self.nodes[*node].drain == Drain::None)
    }

    /// At rest a drain that has begun goes on to its end.
    pub(crate) fn finish_drain(&mut self, node: usize) -> bool {
        if self.nodes[node].drain == Drain::None {
            return false;
        }
        if self.nodes[node].has_drained() {
            self.restart(node, true);
        } else {
            self.nodes[node].close_slice(usize::MAX);
        }
        true
    }
}
