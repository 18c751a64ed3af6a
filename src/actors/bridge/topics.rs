//! The bridge's rules: who follows which run, and what an answer of the journal tells a room. Pure; the simulator runs
//! it too.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::actors::messages::room::RemoteUpdate;
use crate::protocol::RunId;
use crate::storage::journal::Head;

/// The followed runs by their doorbell channel. `P` is the address that gets the updates.
#[derive(Debug)]
pub struct Topics<P> {
    topics: HashMap<String, Topic<P>>,
    /// How long the bridge stays subscribed to a run that was let go.
    linger: Duration,
    /// Subscriptions that Redis has confirmed so far; each has its number.
    confirmed: u64,
}

/// A run that is followed.
#[derive(Debug)]
pub struct Topic<P> {
    /// The run.
    pub run: RunId,
    /// Where what is heard goes.
    pub port: P,
    generation: u64,
    /// Number of the subscription, once Redis has confirmed it.
    stands: Option<u64>,
    let_go: Option<Instant>,
}

/// The subscription that stood when the journal was asked where the run ends, if one did.
#[derive(Clone, Copy, Debug)]
pub struct TipQuestion(Option<u64>);

impl<P> Topic<P> {
    /// Whether Redis has confirmed the subscription.
    pub fn stands(&self) -> bool {
        self.stands.is_some()
    }

    /// Turns the journal's head into what the room is told. It is complete (`Tip`), notices from now on included, only
    /// if this subscription stood when the journal was asked.
    pub fn answer(&self, TipQuestion(stood): TipQuestion, head: Head) -> RemoteUpdate {
        match stood.is_some() && stood == self.stands {
            true => RemoteUpdate::Tip(head),
            false => RemoteUpdate::Notice { head, segments: Vec::new() },
        }
    }

    /// Whether the room has let its run go, which is still listened to.
    pub fn is_let_go(&self) -> bool {
        self.let_go.is_some()
    }
}

impl<P> Topics<P> {
    /// No run is followed yet. One that is let go is listened to for `linger` longer.
    pub fn new(linger: Duration) -> Self {
        Self { topics: HashMap::new(), linger, confirmed: 0 }
    }

    /// Whether no run is followed.
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// How many runs are followed.
    pub fn len(&self) -> usize {
        self.topics.len()
    }

    /// Adds a room that follows its run; true when the channel is subscribed already, so that the room only needs the
    /// run's tip.
    pub fn follow(&mut self, channel: String, run: RunId, generation: u64, port: P) -> bool {
        let stands = match self.topics.get(&channel) {
            Some(topic) if topic.generation > generation => return false,
            Some(topic) => topic.stands,
            None => None,
        };
        self.topics.insert(channel, Topic { run, port, generation, stands, let_go: None });
        stands.is_some()
    }

    /// Marks a run as let go by its room.
    pub fn let_go(&mut self, channel: &str, generation: u64, now: Instant) {
        if let Some(topic) = self.topics.get_mut(channel)
            && topic.generation == generation
        {
            topic.let_go = Some(now);
        }
    }

    /// Removes and returns the runs that were let go long enough ago.
    pub fn sweep(&mut self, now: Instant) -> Vec<(String, Topic<P>)> {
        let linger = self.linger;
        let is_due = |topic: &mut Topic<P>| topic.let_go.is_some_and(|since| now.duration_since(since) >= linger);
        self.topics.extract_if(|_, topic| is_due(topic)).collect()
    }

    /// The run that rings on this channel, if it is followed.
    pub fn get(&self, channel: &str) -> Option<&Topic<P>> {
        self.topics.get(channel)
    }

    /// Records that Redis has confirmed the subscription to a channel.
    pub fn confirm(&mut self, channel: &str) {
        if let Some(topic) = self.topics.get_mut(channel)
            && topic.stands.is_none()
        {
            self.confirmed += 1;
            topic.stands = Some(self.confirmed);
        }
    }

    /// The question to the journal where the run of this channel ends, with the state of its subscription.
    pub fn question(&self, channel: &str) -> TipQuestion {
        TipQuestion(self.topics.get(channel).and_then(|topic| topic.stands))
    }

    /// Records that the subscription to all channels is lost, and returns their topics.
    pub fn lose_all(&mut self) -> impl Iterator<Item = &Topic<P>> {
        self.topics.values_mut().map(|topic| {
            topic.stands = None;
            &*topic
        })
    }

    /// The channels of all followed runs.
    pub fn channels(&self) -> impl Iterator<Item = &String> {
        self.topics.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics() -> Topics<&'static str> {
        Topics::new(Duration::from_secs(10))
    }

    fn run() -> RunId {
        RunId::parse("r").unwrap()
    }

    #[test]
    fn a_run_lingers_after_it_was_let_go_and_stays_when_it_is_wanted_again() {
        let (mut topics, start) = (topics(), Instant::now());
        let after = |secs| start + Duration::from_secs(secs);
        assert!(!topics.follow("c".into(), run(), 1, "a"));
        topics.confirm("c");
        topics.let_go("c", 1, start);
        assert!(topics.sweep(after(9)).is_empty());
        assert!(topics.follow("c".into(), run(), 2, "b"), "it stands already");
        assert!(topics.sweep(after(99)).is_empty());
        topics.let_go("c", 2, after(99));
        let swept = topics.sweep(after(109));
        assert_eq!((swept.len(), swept[0].1.port, topics.len()), (1, "b", 0));
    }

    #[test]
    fn an_older_generation_of_a_room_neither_takes_nor_lets_go_what_a_younger_one_follows() {
        let (mut topics, now) = (topics(), Instant::now());
        topics.follow("c".into(), run(), 2, "younger");
        topics.follow("c".into(), run(), 1, "older");
        topics.let_go("c", 1, now);
        assert!(topics.sweep(now + Duration::from_secs(99)).is_empty());
        assert_eq!(topics.get("c").map(|topic| topic.port), Some("younger"));
    }

    #[test]
    fn after_a_loss_nothing_stands_until_it_is_confirmed_again() {
        let mut topics = topics();
        topics.follow("c".into(), run(), 1, "a");
        topics.confirm("c");
        assert!(topics.get("c").is_some_and(Topic::stands));
        assert_eq!((topics.lose_all().count(), topics.channels().count()), (1, 1));
        assert!(!topics.get("c").is_some_and(Topic::stands));
        assert!(!topics.follow("c".into(), run(), 1, "a"));
    }

    #[test]
    fn an_answer_is_the_whole_log_only_if_the_subscription_stood_from_the_question_on() {
        let mut topics = topics();
        topics.follow("c".into(), run(), 1, "a");
        let is_whole = |topics: &Topics<_>, asked| {
            let topic = topics.get("c").unwrap();
            matches!(topic.answer(asked, Head::unborn()), RemoteUpdate::Tip(_))
        };
        let too_early = topics.question("c");
        assert!(!is_whole(&topics, too_early));
        topics.confirm("c");
        assert!(!is_whole(&topics, too_early), "notices between the question and the confirmation were not heard");
        let asked = topics.question("c");
        assert!(is_whole(&topics, asked));
        assert_eq!(topics.lose_all().count(), 1);
        assert!(!is_whole(&topics, asked));
        topics.confirm("c");
        assert!(!is_whole(&topics, asked), "notices during the loss were not heard");
        let asked = topics.question("c");
        assert!(is_whole(&topics, asked));
        let start = Instant::now();
        topics.let_go("c", 1, start);
        topics.sweep(start + Duration::from_secs(10));
        topics.follow("c".into(), run(), 2, "b");
        topics.confirm("c");
        assert!(!is_whole(&topics, asked), "notices between the two subscriptions were not heard");
    }
}
