//! What is around a simulated bridge: the real rules (`actors::bridge::topics`), Redis' subscription to the run's one
//! channel, and how the actor fails and is built anew.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use runcast::actors::bridge::topics::{TipQuestion, Topic, Topics};
use runcast::actors::messages::room::RemoteUpdate;
use runcast::actors::room::core::RoomInput;
use runcast::protocol::RunId;
use runcast::storage::journal::{Head, JournalError};

use crate::registry::NodeRooms;
use crate::surroundings::{Ask, Notice, Surroundings};
use crate::trace::{say, seen};

/// The channel of the one run.
const CHANNEL: &str = "doorbell";

/// The rules' clock stands still and a run that was let go lingers for no time: the scheduler says when it is swept.
static NOW: LazyLock<Instant> = LazyLock::new(Instant::now);

/// See the module. Rooms are reached by their generation.
pub(crate) struct Bridge {
    /// It has failed and was not built anew yet.
    pub(crate) away: bool,
    /// Which one this is; an answer to a question of another is nobody's.
    instance: u64,
    topics: Topics<u64>,
}

/// A question for the tip, and whose it is.
#[derive(Clone, Copy)]
pub(crate) struct BridgeQuestion {
    instance: u64,
    asked: TipQuestion,
}

impl Bridge {
    pub(crate) fn new() -> Self {
        Self { away: false, instance: 0, topics: Topics::new(Duration::ZERO) }
    }

    fn topic(&self) -> Option<&Topic<u64>> {
        self.topics.get(CHANNEL)
    }

    pub(crate) fn is_followed(&self) -> bool {
        self.topic().is_some()
    }

    pub(crate) fn awaits_confirmation(&self) -> bool {
        self.topic().is_some_and(|topic| !topic.stands())
    }

    pub(crate) fn hears(&self) -> bool {
        self.topic().is_some_and(Topic::stands)
    }

    pub(crate) fn is_let_go(&self) -> bool {
        self.topic().is_some_and(Topic::is_let_go)
    }
}

impl Surroundings {
    /// A room follows the run, or lets it go; false when there is no bridge.
    pub(crate) fn follow(&mut self, run: &RunId, generation: u64, wanted: bool) -> bool {
        let Bridge { away, topics, .. } = &mut self.bridge;
        if *away {
            return false;
        }
        if !wanted {
            topics.let_go(CHANNEL, generation, *NOW);
        } else if topics.follow(CHANNEL.into(), run.clone(), generation, generation) {
            self.ask_tip();
        }
        true
    }

    /// Asks the journal where the run ends, as is done from time to time and behind every confirmation.
    pub(crate) fn ask_tip(&mut self) {
        let Bridge { instance, topics, .. } = &self.bridge;
        if self.bridge.is_followed() {
            self.reads.push((0, Ask::Tip(BridgeQuestion { instance: *instance, asked: topics.question(CHANNEL) })));
        }
    }

    pub(crate) fn confirm(&mut self) {
        say!("    the subscription stands");
        self.bridge.topics.confirm(CHANNEL);
        self.ask_tip();
    }
}

impl NodeRooms {
    /// The room that follows is told something, if its mailbox has room.
    pub(crate) fn tell_follower(&mut self, update: RemoteUpdate) {
        if let Some(generation) = self.surroundings.bridge.topic().map(|topic| topic.port) {
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
    pub(crate) fn tip_told(&mut self, head: Result<Head, JournalError>, question: BridgeQuestion) {
        let Bridge { instance, topics, .. } = &self.surroundings.bridge;
        let Some(topic) = topics.get(CHANNEL).filter(|_| question.instance == *instance) else { return };
        match head {
            Ok(head) => {
                let update = topic.answer(question.asked, head);
                self.tell_follower(update);
            }
            // It asks again.
            Err(_) => self.surroundings.ask_tip(),
        }
    }

    /// Nothing is heard any more.
    pub(crate) fn lose_feed(&mut self) {
        say!("    node {} hears no notices", self.node);
        seen("deaf");
        self.lose_all();
    }

    fn lose_all(&mut self) {
        let followers: Vec<u64> = self.surroundings.bridge.topics.lose_all().map(|topic| topic.port).collect();
        self.deafen(followers);
    }

    /// What was let go is not listened to any more.
    pub(crate) fn sweep(&mut self) {
        say!("    node {} lets the run go", self.node);
        let swept = self.surroundings.bridge.topics.sweep(*NOW);
        self.deafen(swept.into_iter().map(|(_, topic)| topic.port));
    }

    /// This is heard however full the mailbox is.
    fn deafen(&mut self, followers: impl IntoIterator<Item = u64>) {
        for generation in followers {
            if let Some(room) = self.rooms.get_mut(&generation) {
                room.inbox.push_back(RoomInput::RemoteUpdate(RemoteUpdate::NotSubscribed));
            }
        }
    }

    /// The bridge panics: nobody is followed until there is another.
    pub(crate) fn kill_bridge(&mut self) {
        say!("    node {}'s bridge fails", self.node);
        self.lose_all();
        self.surroundings.bridge =
            Bridge { away: true, instance: self.surroundings.bridge.instance + 1, ..Bridge::new() };
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
