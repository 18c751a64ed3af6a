//! The bridge tells this node's rooms what other nodes store, and shows them the screens of other nodes.
//!
//! It receives [`Follow`] and [`Mirror`] from rooms, and sends them [`RemoteUpdate`]. One task (`listener`) owns the
//! pub/sub socket of the doorbells, a second one that of the screens. Notices are only hints: after every new
//! subscription, and at intervals, the bridge asks the journal where the followed runs end. While Redis is unreachable,
//! rooms know that they are not subscribed, and viewers wait. A notice of a newer build is logged once, and the bridge
//! asks the journal instead.
//!
//! It also hears when another node has revoked something.
//!
//! Screens of this node go to the nodes that look at them (`screens`), and the newest of each stream is kept in Redis.
//! When somebody on this node begins to look at streams of a run, its room is shown what is kept of them.
//!
//! On failure the bridge is restarted. It then has the registry call all rooms, so that each one that follows its run
//! says so again. On overload notices are dropped; the next look at the journal makes up for them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::fut::wrap_future;
use actix::prelude::*;
use bytes::Bytes;
use tracing::{debug, info, warn};

use super::messages::bridge::{Follow, Mirror};
use super::messages::registry::BridgeBegan;
use super::messages::room::RemoteUpdate;
use super::shared::{Doorbell, NodeInterest, Peers};
use super::supervision::{LiveActorGuard, Refused, ServiceRecipient};
use crate::budget::Budget;
use crate::protocol::RunId;
use crate::storage::journal::redis::RedisJournal;
use crate::storage::journal::redis::notice::{self, Notice, NoticeError};
use crate::storage::journal::{Head, JournalError};
use crate::storage::redis::RedisSettings;
use crate::storage::revocation_bell::RevocationBell;
use crate::storage::screens::ScreenStore;

mod listener;
mod looking;
mod probe;
mod screens;
mod showing;
pub mod topics;

use listener::{Listener, ListenerEvent, WantedChannels};
use looking::{LookedAt, WantedStreams};
use screens::ScreenQueue;
pub use screens::ScreenSharing;
use topics::{TipQuestion, Topics};

/// Confirmations within this time are answered with one request to the journal.
const GATHER: Duration = Duration::from_millis(2);
/// Pause before another request to the journal after a failed one.
const RETRY: Duration = Duration::from_millis(250);
/// How often runs that were let go are removed.
const SWEEP: Duration = Duration::from_secs(1);
/// How often it is looked whether somebody looks at something new.
const LOOK: Duration = Duration::from_millis(200);

/// Durations of a bridge.
#[derive(Clone, Copy, Debug)]
pub struct BridgeTimes {
    /// How long the bridge stays subscribed to a run that was let go.
    pub linger: Duration,
    /// How often the bridge asks the journal where the followed runs end. It must ask because the last notice may be
    /// lost.
    pub tip_check: Duration,
    /// Time within which a dead subscription is found and rebuilt.
    pub probe: Duration,
}

/// The parts that a bridge needs.
#[derive(Clone)]
pub struct BridgePorts {
    /// The journal, whose connection also publishes the probes.
    pub journal: Arc<RedisJournal>,
    /// Settings of the pub/sub connections.
    pub settings: RedisSettings,
    /// Screens on their way to other nodes, and those that are kept.
    pub screens: ScreenStore,
    /// How much of them.
    pub screen_sharing: ScreenSharing,
    /// What viewers on the other nodes look at.
    pub peers: Peers,
    /// What viewers on this node look at.
    pub interest: NodeInterest,
    /// The budget of all viewers' unsent bytes: a full node takes no screens.
    pub shown: Budget,
    /// This node's name.
    pub node: String,
    /// The shared state of the subscription, which the bridge writes.
    pub doorbell: Doorbell,
    /// Told when another node has revoked something; `None`: no credentials are needed.
    pub revocations: Option<RevocationBell>,
    /// The registry, which can reach all rooms.
    pub rooms: ServiceRecipient<BridgeBegan>,
}

/// The bridge of a node: the runs that its rooms follow, and what it still has to ask.
pub struct Bridge {
    times: BridgeTimes,
    ports: BridgePorts,
    topics: Topics<Recipient<RemoteUpdate>>,
    wanted: WantedChannels,
    wanted_screens: WantedChannels,
    screens: ScreenQueue,
    /// What was asked for of the kept screens.
    looked_at: LookedAt,
    /// The change of the node's interest up to which it was.
    looked: u64,
    /// Kept screens are read, a run at a time.
    reading_screens: bool,
    /// Runs whose kept screens are to be read.
    to_read: HashMap<RunId, WantedStreams>,
    /// Confirmed channels whose run's tip has to be asked for.
    unread: Vec<String>,
    /// Whether the tips are being asked for.
    reading: bool,
    /// Whether it was logged that nodes of a newer build publish notices.
    newer_logged: bool,
    _live: LiveActorGuard,
}

impl Bridge {
    /// A bridge that follows nothing yet.
    pub fn new(times: BridgeTimes, ports: BridgePorts, live: LiveActorGuard) -> Self {
        let topics = Topics::new(times.linger);
        let wanted = WantedChannels::default();
        if let Some(channel) = ports.revocations.as_ref().and_then(RevocationBell::channel) {
            wanted.add(channel);
        }
        Self {
            times,
            topics,
            wanted,
            wanted_screens: WantedChannels::default(),
            screens: ScreenQueue::new(ports.screen_sharing),
            looked_at: LookedAt::default(),
            looked: 0,
            reading_screens: false,
            to_read: HashMap::new(),
            unread: Vec::new(),
            reading: false,
            newer_logged: false,
            ports,
            _live: live,
        }
    }

    fn listen(&self, ctx: &mut Context<Self>) {
        let journal = &self.ports.journal;
        let notices = Listener {
            settings: self.ports.settings.clone(),
            client: journal.client().clone(),
            wanted: self.wanted.clone(),
            probe_channel: journal.probe_channel(),
            probe_within: self.times.probe,
        };
        let screens = Listener {
            settings: RedisSettings {
                client_name: format!("{}-screens", self.ports.settings.client_name),
                purpose: "screens",
                ..self.ports.settings.clone()
            },
            client: self.ports.screens.client().clone(),
            wanted: self.wanted_screens.clone(),
            probe_channel: format!("{}:screens", journal.probe_channel()),
            probe_within: self.times.probe,
        };
        // Both tasks wait until the bridge has handled their event. What Redis sends faster than that stays in the
        // socket.
        let bridge = ctx.address();
        let notices = notices.run(async move |event| {
            let _ = bridge.send(FromListener(event)).await;
        });
        let bridge = ctx.address();
        let screens = screens.run(async move |event| {
            if let ListenerEvent::Message(channel, payload) = event {
                let _ = bridge.send(ScreenArrived(channel, payload)).await;
            }
        });
        ctx.spawn(wrap_future::<_, Self>(notices));
        ctx.spawn(wrap_future::<_, Self>(screens));
        let send = self.screens.clone().send(self.ports.screens.clone(), self.ports.peers.clone());
        ctx.spawn(wrap_future::<_, Self>(send));
    }

    /// Has the registry call all rooms, because a new bridge knows none of them.
    fn call_rooms(&mut self, ctx: &mut Context<Self>) {
        // Without a registry there are no rooms either.
        if self.ports.rooms.try_send(BridgeBegan) == Err(Refused::Full) {
            ctx.run_later(RETRY, Self::call_rooms);
        }
    }

    fn ring(&mut self, channel: String, payload: &Bytes, ctx: &mut Context<Self>) {
        if notice::sender(payload) == self.ports.node.as_bytes() {
            return;
        }
        if self.hear_revocation(&channel) {
            return;
        }
        let Some(topic) = self.topics.get(&channel) else { return };
        metrics::counter!("runcast_doorbells_total").increment(1);
        match Notice::parse(payload) {
            Ok(Notice { head, segments, .. }) => {
                self.ports.journal.heard(&topic.run, &head);
                // A room that is too busy for it notices the hole later.
                let _ = topic.port.try_send(RemoteUpdate::Notice { head, segments });
            }
            Err(NoticeError::NewerFormat(newer)) => {
                if !std::mem::replace(&mut self.newer_logged, true) {
                    warn!(%newer, "notices are not understood: the journal is read instead");
                }
                self.gather(channel, ctx);
            }
            Err(error) => warn!(run = %topic.run, %error, "a notice was not understood"),
        }
    }

    /// Whether the channel is that of revocations, which are read then.
    fn hear_revocation(&self, channel: &str) -> bool {
        let bell = self.ports.revocations.as_ref().filter(|bell| bell.channel() == Some(channel));
        bell.inspect(|bell| bell.hear()).is_some()
    }

    fn lose_subscription(&mut self, reason: String) {
        metrics::gauge!("runcast_doorbell_subscribed").set(0);
        self.unread.clear();
        self.topics.lose_all().for_each(|topic| tell_not_subscribed(&topic.port));
        if self.ports.doorbell.lost(&reason) {
            warn!(reason, "notices do not arrive");
        }
    }

    fn gather(&mut self, channel: String, ctx: &mut Context<Self>) {
        if self.unread.is_empty() {
            ctx.run_later(GATHER, |bridge, ctx| {
                let channels = std::mem::take(&mut bridge.unread);
                bridge.tell_tips(channels, ctx);
            });
        }
        self.unread.push(channel);
    }

    /// Asks for the tips of all followed runs. While no notice arrives, this is how their viewers get new events.
    fn check_tips(&mut self, ctx: &mut Context<Self>) {
        if !self.reading {
            self.reading = true;
            self.tell_tips(self.topics.channels().cloned().collect(), ctx);
        }
    }

    /// Asks the journal where runs end, in one request, and passes the answers to their rooms.
    fn tell_tips(&mut self, channels: Vec<String>, ctx: &mut Context<Self>) {
        let known = |channel: String| self.topics.get(&channel).map(|topic| (channel, topic.run.clone()));
        let (channels, runs): (Vec<_>, Vec<RunId>) = channels.into_iter().filter_map(known).unzip();
        let asked = channels.iter().map(|channel| self.topics.question(channel)).collect();
        let journal = self.ports.journal.clone();
        let ask = async move { journal.each_head(&runs).await };
        ctx.spawn(wrap_future::<_, Self>(ask).map(move |heads, bridge, ctx| {
            bridge.reading = false;
            match heads {
                Ok(heads) => bridge.pass_on(channels, asked, heads),
                Err(_) => {
                    ctx.run_later(RETRY, |bridge, ctx| bridge.check_tips(ctx));
                }
            }
        }));
    }

    /// Passes heads of the journal to the rooms.
    fn pass_on(&self, channels: Vec<String>, asked: Vec<TipQuestion>, heads: Vec<Result<Head, JournalError>>) {
        for ((channel, asked), head) in channels.iter().zip(asked).zip(heads) {
            let Some(topic) = self.topics.get(channel) else { continue };
            match head {
                // A room that is too busy is told the next time.
                Ok(head) => _ = topic.port.try_send(topic.answer(asked, head)),
                Err(error) => debug!(run = %topic.run, %error, "the run's head can't be read"),
            }
        }
    }

    fn sweep(&mut self) {
        for (channel, topic) in self.topics.sweep(Instant::now()) {
            self.wanted.remove(&channel);
            self.wanted_screens.remove(&self.ports.screens.channel(&topic.run));
            self.looked_at.forget(&topic.run);
            self.to_read.remove(&topic.run);
            tell_not_subscribed(&topic.port);
        }
        metrics::gauge!("runcast_followed_runs").set(self.topics.len() as f64);
    }
}

#[expect(clippy::disallowed_methods, reason = "a room that does not hear it would think that it knows everything")]
fn tell_not_subscribed(room: &Recipient<RemoteUpdate>) {
    room.do_send(RemoteUpdate::NotSubscribed);
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.topics.lose_all().for_each(|topic| tell_not_subscribed(&topic.port));
    }
}

/// An event of the listener for doorbells.
#[derive(Message)]
#[rtype(result = "()")]
struct FromListener(ListenerEvent);

/// A screen frame of another node: its channel, and the payload of node name and frame.
#[derive(Message)]
#[rtype(result = "()")]
struct ScreenArrived(String, Bytes);

impl Actor for Bridge {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        metrics::gauge!("runcast_doorbell_subscribed").set(0);
        self.listen(ctx);
        self.call_rooms(ctx);
        self.sweep();
        ctx.run_interval(self.times.tip_check, Self::check_tips);
        ctx.run_interval(SWEEP, |bridge, _| bridge.sweep());
        ctx.run_interval(LOOK, Self::look_on);
    }
}

impl Handler<FromListener> for Bridge {
    type Result = ();

    fn handle(&mut self, FromListener(event): FromListener, ctx: &mut Self::Context) {
        match event {
            ListenerEvent::Message(channel, payload) => self.ring(channel, &payload, ctx),
            // What rang before was not heard.
            ListenerEvent::Confirmed(channel) if self.hear_revocation(&channel) => {}
            ListenerEvent::Confirmed(channel) => {
                self.topics.confirm(&channel);
                self.gather(channel, ctx);
            }
            ListenerEvent::Proven => {
                metrics::gauge!("runcast_doorbell_subscribed").set(1);
                if self.ports.doorbell.subscribed() {
                    info!("notices arrive");
                }
            }
            ListenerEvent::Lost(reason) => self.lose_subscription(reason),
        }
    }
}

impl Handler<Follow> for Bridge {
    type Result = ();

    fn handle(&mut self, Follow { run, generation, updates }: Follow, ctx: &mut Self::Context) {
        let channel = self.ports.journal.notice_channel(&run);
        let Some(port) = updates else {
            return self.topics.let_go(&channel, generation, Instant::now());
        };
        self.wanted.add(&channel);
        self.wanted_screens.add(&self.ports.screens.channel(&run));
        let stands = self.topics.follow(channel.clone(), run.clone(), generation, port);
        if stands {
            self.gather(channel, ctx);
        }
        self.look(&run, ctx);
    }
}

impl Handler<ScreenArrived> for Bridge {
    type Result = ();

    fn handle(&mut self, ScreenArrived(channel, payload): ScreenArrived, _: &mut Self::Context) {
        match self.ports.screens.run_of(&channel) {
            Some(run) => self.show(&run, &payload, false),
            None => warn!(channel, "a screen came on a channel that is none of a run"),
        }
    }
}

impl Handler<Mirror> for Bridge {
    type Result = ();

    fn handle(&mut self, Mirror { run, screen }: Mirror, _: &mut Self::Context) {
        self.screens.show(run, screen);
    }
}
