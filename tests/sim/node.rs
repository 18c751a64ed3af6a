//! A node: its rooms, its connections, and which of its tasks runs next.

use std::collections::BTreeMap;

use crate::broadcaster::Broadcaster;
use crate::chance::Dice;
use crate::drain::Drain;
use crate::house::House;
use crate::room::Room;
use crate::schedule::Act;
use crate::session::Session;

/// See the module.
pub(crate) struct Node {
    pub(crate) house: House,
    pub(crate) sessions: BTreeMap<u64, Session>,
    pub(crate) drain: Drain,
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
            Act::Nudge => room.is_some_and(|room| room.nudge_due),
            Act::CheckTip => site.bridge.follower().is_some(),
            Act::Confirm => site.bridge.awaits_confirmation(),
            Act::LoseFeed => site.bridge.hears(),
            Act::Sweep => site.bridge.is_let_go(),
            Act::Fill => rooms.values().any(|room| room.following.fill_due),
            Act::Drain => self.may_drain(),
            Act::KillRoom | Act::Show | Act::Free => room.is_some(),
            Act::Retire => room.is_some_and(Room::is_unused),
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
            Act::Fill => house.fill(),
            Act::Page => {
                let waiting = those(sessions, Session::awaits);
                if let Some(session) = sessions.get_mut(dice.pick(&waiting)) {
                    session.take_answer(house, Some(dice));
                }
            }
            _ => self.step_room(act),
        }
    }

    fn step_room(&mut self, act: Act) {
        let House { rooms, mapped, site, .. } = &mut self.house;
        let Some((generation, room)) = mapped.and_then(|id| Some((id, rooms.get_mut(&id)?))) else { return };
        match act {
            Act::KillRoom => self.house.kill_room(generation),
            Act::Retire => self.house.retire_room(),
            Act::Nudge => room.nudge(site),
            Act::Free => room.log.free(),
            _ => room.show(&runcast::protocol::frame::binary(b"screen"), site),
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
