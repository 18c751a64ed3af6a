//! A node: its rooms, its connections, and which of its tasks runs next.

use std::collections::BTreeMap;

use bytes::Bytes;
use runcast::actors::messages::room::{Reclaim, ShowScreen};
use runcast::protocol::frame;

use crate::broadcaster::Broadcaster;
use crate::chance::Dice;
use crate::drain::Drain;
use crate::house::House;
use crate::room::Letter;
use crate::schedule::{Act, Kind};
use crate::session::Session;

/// See the module.
pub(crate) struct Node {
    pub(crate) house: House,
    pub(crate) sessions: BTreeMap<u64, Session>,
    pub(crate) drain: Drain,
}

/// What a node's screen looks like, as a frame.
pub(crate) fn screen(node: usize) -> Bytes {
    frame::binary(format!("screen{node}").as_bytes())
}

/// The keys of what fits.
fn those<T>(all: &BTreeMap<u64, T>, fits: impl Fn(&T) -> bool) -> Vec<u64> {
    all.iter().filter_map(|(id, one)| fits(one).then_some(*id)).collect()
}

impl Node {
    pub(crate) fn new(house: House) -> Self {
        Self { house, sessions: BTreeMap::new(), drain: Drain::None }
    }

    /// Whether there is something here that an act could be about.
    pub(crate) fn is_able(&self, act: Act) -> bool {
        let House { rooms, mapped, site, .. } = &self.house;
        let room = mapped.and_then(|generation| rooms.get(&generation));
        match act {
            Act::Journal => !site.writes.is_empty(),
            Act::JournalRead => !site.reads.is_empty(),
            Act::Answer => !site.answers.is_empty(),
            Act::Letter => rooms.values().any(|room| !room.inbox.is_empty()),
            Act::Broadcaster => site.broadcasters.values().any(Broadcaster::has_work),
            Act::Muddle => site.broadcasters.values().any(|broadcaster| !broadcaster.mailbox.is_empty()),
            Act::Session => self.sessions.values().any(|session| session.alarm.rings()),
            Act::Page => self.sessions.values().any(Session::awaits),
            Act::Timer => self.house.timers(false).next().is_some(),
            Act::CheckIdle => self.house.timers(true).next().is_some(),
            Act::Registry => !site.retirements.is_empty(),
            Act::CheckTip => site.bridge.follower().is_some(),
            Act::Confirm => site.bridge.awaits_confirmation(),
            Act::LoseFeed => site.bridge.hears(),
            Act::Sweep => site.bridge.is_let_go(),
            Act::Drain => self.may_drain(),
            Act::KillBridge => site.setup.kind == Kind::Cluster && !site.bridge.away,
            Act::BuildBridge => site.bridge.away,
            Act::KillRoom | Act::Show | Act::Free | Act::Retire => room.is_some(),
            _ => true,
        }
    }

    /// Does something that it is able to.
    pub(crate) fn step(&mut self, act: Act, dice: &mut Dice) {
        let Self { house, sessions, .. } = self;
        match act {
            Act::Answer => house.answer(dice.below(house.site.answers.len())),
            Act::Letter => {
                let waiting = those(&house.rooms, |room| !room.inbox.is_empty());
                house.read_letter(*dice.pick(&waiting));
            }
            Act::Broadcaster => {
                let waiting = those(&house.site.broadcasters, Broadcaster::has_work);
                house.poll_broadcaster(*dice.pick(&waiting), dice.between(0, 4), dice.between(0, 3));
            }
            Act::Muddle => {
                let waiting = those(&house.site.broadcasters, |broadcaster| !broadcaster.mailbox.is_empty());
                if let Some(broadcaster) = house.site.broadcasters.get_mut(dice.pick(&waiting)) {
                    broadcaster.muddle(dice);
                }
            }
            Act::Session => {
                let waiting = those(sessions, |session| session.alarm.rings());
                self.drive(*dice.pick(&waiting));
            }
            Act::CheckTip => house.site.ask_tip(),
            Act::Confirm => house.site.confirm(),
            Act::LoseFeed => house.lose_feed(),
            Act::Sweep => house.sweep(),
            Act::KillBridge => house.kill_bridge(),
            Act::BuildBridge => house.build_bridge(),
            Act::Timer => house.fire(false, dice),
            Act::CheckIdle => house.fire(true, dice),
            Act::Registry => house.retire_room(),
            Act::FillCatalog => house.site.catalog_full = dice.one_in(2),
            Act::Page => {
                let waiting = those(sessions, Session::awaits);
                if let Some(session) = sessions.get_mut(dice.pick(&waiting)) {
                    session.take_answer(house, Some(dice));
                }
            }
            Act::KillRoom => house.mapped.into_iter().for_each(|generation| house.kill_room(generation)),
            Act::Retire => house.post_mapped(Letter::Reclaim(Reclaim::Place)),
            Act::Free => house.post_mapped(Letter::Reclaim(Reclaim::Memory)),
            _ => house.post_mapped(Letter::Show(ShowScreen(screen(house.node)))),
        }
    }

    /// Polls a session's task.
    pub(crate) fn drive(&mut self, id: u64) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.drive(&mut self.house)
            && let Some(session) = self.sessions.remove(&id)
        {
            session.end();
        }
    }
}
