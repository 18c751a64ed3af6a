//! A node: its rooms, its connections, and which of its tasks runs next.

use std::collections::BTreeMap;

use bytes::Bytes;
use runcast::actors::messages::room::{Reclaim, Show, ShowScreen};
use runcast::actors::room::core::RoomInput;
use runcast::protocol::{StreamId, Timestamp, frame};
use tokio::sync::oneshot;

use crate::broadcaster::Broadcaster;
use crate::chance::Dice;
use crate::drain::Drain;
use crate::registry::NodeRooms;
use crate::schedule::{Act, Kind};
use crate::session::Session;

/// See the module.
pub(crate) struct Node {
    pub(crate) node_rooms: NodeRooms,
    pub(crate) sessions: BTreeMap<u64, Session>,
    pub(crate) drain: Drain,
    /// Frames that were posted here.
    screens: u32,
}

/// Whose screen a frame shows.
pub(crate) fn worker(count: u32) -> usize {
    (count / 2 % 2) as usize
}

/// What the screen of one of a node's two workers looks like, as a frame: how many frames came before it, and the node.
fn screen(node: usize, count: u32) -> Show {
    let stream = StreamId::parse(&format!("worker/{}", worker(count))).expect("a name");
    let frame: Bytes = frame::binary(format!("{count} {node}").as_bytes());
    let at = Timestamp::from_millis(count.into());
    Show { screen: ShowScreen { stream, at, frame }, reply: oneshot::channel().0 }
}

/// The keys of what fits.
fn those<T>(all: &BTreeMap<u64, T>, fits: impl Fn(&T) -> bool) -> Vec<u64> {
    all.iter().filter_map(|(id, one)| fits(one).then_some(*id)).collect()
}

impl Node {
    pub(crate) fn new(node_rooms: NodeRooms) -> Self {
        Self { node_rooms, sessions: BTreeMap::new(), drain: Drain::None, screens: 0 }
    }

    /// Whether there is something here that an act could be about.
    pub(crate) fn is_able(&self, act: Act) -> bool {
        let NodeRooms { rooms, mapped, surroundings, .. } = &self.node_rooms;
        let room = mapped.and_then(|generation| rooms.get(&generation));
        match act {
            Act::Journal => !surroundings.writes.is_empty(),
            Act::JournalRead => !surroundings.reads.is_empty(),
            Act::Answer => !surroundings.answers.is_empty(),
            Act::Message => rooms.values().any(|room| !room.inbox.is_empty()),
            Act::Broadcaster => surroundings.broadcasters.values().any(Broadcaster::has_work),
            Act::Reorder => surroundings.broadcasters.values().any(|broadcaster| !broadcaster.mailbox.is_empty()),
            Act::Session => self.sessions.values().any(|session| session.alarm.rings()),
            Act::Page => self.sessions.values().any(Session::awaits),
            Act::Timer => self.node_rooms.timers(false).next().is_some(),
            Act::CheckIdle => self.node_rooms.timers(true).next().is_some(),
            Act::Registry => !surroundings.retirements.is_empty(),
            Act::CheckTip => surroundings.bridge.is_followed(),
            Act::Confirm => surroundings.bridge.awaits_confirmation(),
            Act::LoseFeed => surroundings.bridge.hears(),
            Act::Sweep => surroundings.bridge.is_let_go(),
            Act::Drain => self.may_drain(),
            Act::KillBridge => surroundings.setup.kind == Kind::Cluster && !surroundings.bridge.away,
            Act::BuildBridge => surroundings.bridge.away,
            Act::KillRoom | Act::Show | Act::Free | Act::Retire => room.is_some(),
            _ => true,
        }
    }

    /// Does something that it is able to.
    pub(crate) fn step(&mut self, act: Act, dice: &mut Dice) {
        let Self { node_rooms, sessions, .. } = self;
        match act {
            Act::Answer => node_rooms.answer(dice.below(node_rooms.surroundings.answers.len())),
            Act::Message => {
                let waiting = those(&node_rooms.rooms, |room| !room.inbox.is_empty());
                node_rooms.read_message(*dice.pick(&waiting));
            }
            Act::Broadcaster => {
                let waiting = those(&node_rooms.surroundings.broadcasters, Broadcaster::has_work);
                node_rooms.poll_broadcaster(*dice.pick(&waiting), dice.between(0, 4), dice.between(0, 3));
            }
            Act::Reorder => {
                let waiting =
                    those(&node_rooms.surroundings.broadcasters, |broadcaster| !broadcaster.mailbox.is_empty());
                if let Some(broadcaster) = node_rooms.surroundings.broadcasters.get_mut(dice.pick(&waiting)) {
                    broadcaster.reorder(dice);
                }
            }
            Act::Session => {
                let waiting = those(sessions, |session| session.alarm.rings());
                self.drive(*dice.pick(&waiting));
            }
            Act::CheckTip => node_rooms.surroundings.ask_tip(),
            Act::Confirm => node_rooms.surroundings.confirm(),
            Act::LoseFeed => node_rooms.lose_feed(),
            Act::Sweep => node_rooms.sweep(),
            Act::KillBridge => node_rooms.kill_bridge(),
            Act::BuildBridge => node_rooms.build_bridge(),
            Act::Timer => node_rooms.fire(false, dice),
            Act::CheckIdle => node_rooms.fire(true, dice),
            Act::Registry => node_rooms.retire_room(),
            Act::FillCatalog => node_rooms.surroundings.catalog_full = dice.one_in(2),
            Act::Page => {
                let waiting = those(sessions, Session::awaits);
                if let Some(session) = sessions.get_mut(dice.pick(&waiting)) {
                    session.take_answer(node_rooms, Some(dice));
                }
            }
            Act::KillRoom => node_rooms.mapped.into_iter().for_each(|generation| node_rooms.kill_room(generation)),
            Act::Retire => node_rooms.post_mapped(RoomInput::Reclaim(Reclaim::Slot)),
            Act::Free => node_rooms.post_mapped(RoomInput::Reclaim(Reclaim::Memory)),
            _ => {
                self.screens += 1;
                node_rooms.post_mapped(RoomInput::Show(screen(node_rooms.node, self.screens)));
            }
        }
    }

    /// Polls a session's task.
    pub(crate) fn drive(&mut self, id: u64) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.drive(&mut self.node_rooms)
            && let Some(session) = self.sessions.remove(&id)
        {
            session.end();
        }
    }
}
