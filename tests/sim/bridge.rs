//! A bridge as a cluster's node runs it (`actors::bridge`): whether notices are heard, and the journal's word besides.

use crate::house::House;
use crate::site::{Ask, Site};
use crate::trace::{say, seen};

/// The subscription to the run's notices.
#[derive(Default)]
pub(crate) struct Bridge {
    /// The room's incarnation that follows, and whether it has let go.
    topic: Option<(u64, bool)>,
    /// The subscription is confirmed.
    stands: bool,
    losses: u64,
}

/// How a question for the tip was asked: what counts as an answer to it is all there is.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    stood: bool,
    losses: u64,
}

impl Bridge {
    /// The room's incarnation that is told what is heard.
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
    pub(crate) fn vouches(&self, asked: Asked) -> bool {
        asked.stood && self.stands && asked.losses == self.losses
    }

    pub(crate) fn let_go(&mut self, generation: u64) {
        if let Some((_, let_go)) = self.topic.as_mut().filter(|(follower, _)| *follower == generation) {
            *let_go = true;
        }
    }
}

impl Site {
    pub(crate) fn follow(&mut self, generation: u64) {
        if self.bridge.follower().is_none_or(|follower| follower <= generation) {
            self.bridge.topic = Some((generation, false));
            if self.bridge.stands {
                self.ask_tip();
            }
        }
    }

    /// Asks the journal where the run ends, as is done from time to time and behind every confirmation.
    pub(crate) fn ask_tip(&mut self) {
        let Some(generation) = self.bridge.follower() else { return };
        let asked = Asked { stood: self.bridge.stands, losses: self.bridge.losses };
        self.reads.push((generation, Ask::Tip(asked)));
    }

    pub(crate) fn confirm(&mut self) {
        say!("    the subscription stands");
        self.bridge.stands = true;
        self.ask_tip();
    }
}

impl House {
    /// Nothing is heard any more.
    pub(crate) fn lose_feed(&mut self) {
        say!("    node {} hears no notices", self.node);
        seen("deaf");
        self.site.bridge.stands = false;
        self.site.bridge.losses += 1;
        self.deafen();
    }

    /// What was let go is not listened to any more.
    pub(crate) fn sweep(&mut self) {
        say!("    node {} lets the run go", self.node);
        self.deafen();
        self.site.bridge.topic = None;
        self.site.bridge.stands = false;
    }

    fn deafen(&mut self) {
        let follower = self.site.bridge.follower();
        if let Some(room) = follower.and_then(|generation| self.rooms.get_mut(&generation)) {
            room.following.listening = false;
        }
    }
}
