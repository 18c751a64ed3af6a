//! A node's bridge as the simulation needs it (`actors::bridge`): whether notices are heard, what it tells the room that
//! follows the run, and how it fails and is built anew.

use runcast::actors::messages::room::RemoteUpdate;
use runcast::actors::room::core::RoomInput;
use runcast::storage::journal::{Head, JournalError};

use crate::registry::NodeRooms;
use crate::surroundings::{Ask, Notice, Surroundings};
use crate::trace::{say, seen};

/// The subscription to the run's notices.
#[derive(Default)]
pub(crate) struct Bridge {
    /// It has failed and was not built anew yet.
    pub(crate) away: bool,
    /// Which one this is; an answer to a question of another is nobody's.
    instance: u64,
    /// The room's generation that follows, and whether it has let go.
    topic: Option<(u64, bool)>,
    /// The subscription is confirmed.
    stands: bool,
    losses: u64,
}

/// How a question for the tip was asked: what counts as an answer to it is all there is.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    instance: u64,
    stood: bool,
    losses: u64,
}

impl Bridge {
    /// The room's generation that is told what is heard.
    pub(crate) fn follower(&self) -> Option<u64> {
        self.topic.map(|(generation, _)| generation)
    }

    pub(crate) fn awaits_confirmation(&self) -> bool {
        self.topic.is_some() && !self.stands
    }

    pub(crate) fn hears(&self) -> bool {
        self.stands
    }

    pub(crate) fn is_let_go(&self) -> bool {
        self.topic.is_some_and(|(_, let_go)| let_go)
    }

    /// Whether an answer tells a room all there is, notices from now on included.
    fn vouches(&self, asked: Asked) -> bool {
        asked.stood && self.stands && asked.losses == self.losses
    }
}

impl Surroundings {
    /// A room follows the run, or lets it go; false when the bridge does not take that.
    pub(crate) fn follow(&mut self, generation: u64, wanted: bool) -> bool {
        if self.bridge.away {
            return false;
        }
        match &mut self.bridge.topic {
            Some((follower, _)) if *follower > generation => {}
            _ if wanted => {
                self.bridge.topic = Some((generation, false));
                if self.bridge.stands {
                    self.ask_tip();
                }
            }
            Some((follower, let_go)) if *follower == generation => *let_go = true,
            _ => {}
        }
        true
    }

    /// Asks the journal where the run ends, as is done from time to time and behind every confirmation.
    pub(crate) fn ask_tip(&mut self) {
        if self.bridge.topic.is_some() {
            let Bridge { instance, stands, losses, .. } = self.bridge;
            self.reads.push((0, Ask::Tip(Asked { instance, stood: stands, losses })));
        }
    }

    pub(crate) fn confirm(&mut self) {
        say!("    the subscription stands");
        self.bridge.stands = true;
        self.ask_tip();
    }
}

impl NodeRooms {
    /// The room that follows is told something, if its mailbox has room.
    pub(crate) fn tell_follower(&mut self, update: RemoteUpdate) {
        if let Some(generation) = self.surroundings.bridge.follower() {
            self.post(generation, RoomInput::RemoteUpdate(update));
        }
    }

    /// A notice of another node arrives.
    pub(crate) fn hear(&mut self, Notice { head, segments }: Notice) {
        if self.surroundings.bridge.hears() {
            say!("    node {} hears of {:?}", self.node, head.age());
            self.tell_follower(RemoteUpdate::Notice { head, segments });
        }
    }

    /// The journal has answered the bridge.
    pub(crate) fn tip_told(&mut self, head: Result<Head, JournalError>, asked: Asked) {
        if asked.instance != self.surroundings.bridge.instance {
            return;
        }
        match head {
            Ok(head) if self.surroundings.bridge.vouches(asked) => self.tell_follower(RemoteUpdate::Tip(head)),
            Ok(head) => self.tell_follower(RemoteUpdate::Notice { head, segments: Vec::new() }),
            // It asks again.
            Err(_) => self.surroundings.ask_tip(),
        }
    }

    /// Nothing is heard any more.
    pub(crate) fn lose_feed(&mut self) {
        say!("    node {} hears no notices", self.node);
        seen("deaf");
        self.surroundings.bridge.stands = false;
        self.surroundings.bridge.losses += 1;
        self.deafen();
    }

    /// What was let go is not listened to any more.
    pub(crate) fn sweep(&mut self) {
        say!("    node {} lets the run go", self.node);
        self.deafen();
        self.surroundings.bridge.topic = None;
        self.surroundings.bridge.stands = false;
    }

    /// This is heard however full the mailbox is.
    fn deafen(&mut self) {
        let follower = self.surroundings.bridge.follower();
        if let Some(room) = follower.and_then(|generation| self.rooms.get_mut(&generation)) {
            room.inbox.push_back(RoomInput::RemoteUpdate(RemoteUpdate::NotSubscribed));
        }
    }

    /// The bridge panics: nobody is followed until there is another.
    pub(crate) fn kill_bridge(&mut self) {
        say!("    node {}'s bridge fails", self.node);
        self.deafen();
        self.surroundings.bridge =
            Bridge { away: true, instance: self.surroundings.bridge.instance + 1, ..Bridge::default() };
    }

    /// The bridge is built anew and knows nobody; the registry tells all rooms so, if they have room to hear it.
    pub(crate) fn build_bridge(&mut self) {
        say!("    node {}'s bridge is built anew", self.node);
        seen("bridge built anew");
        self.surroundings.bridge.away = false;
        if let Some(generation) = self.mapped {
            self.post(generation, RoomInput::RemoteUpdate(RemoteUpdate::Forgotten));
        }
    }
}
