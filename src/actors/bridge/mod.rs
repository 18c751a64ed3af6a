//! The bridge: lets this node's rooms hear what other nodes store, and see the screens that they are shown.
//!
//! Receives [`Follow`] and [`Mirror`] from rooms. Sends them [`RemoteUpdate`]. One task (`listener`) owns the pub/sub socket, a
//! second one that of the screens. Notices are never the truth: after every new subscription, and from time to time, the
//! journal is asked where the followed runs end. When Redis is away rooms are told that they are not subscribed, and viewers
//! wait. A notice of a newer build is logged once, and the journal is asked instead. On failure it is built anew, and has all rooms called, so that they tell it whom to follow. On overload notices are dropped,
//! and the next look at the journal repairs what they would have told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::fut::wrap_future;
use actix::prelude::*;
use bytes::Bytes;
use tracing::{debug, info, warn};

use super::messages::bridge::{Follow, Mirror};
use super::messages::registry::BridgeBegan;
use super::messages::room::RemoteUpdate;
use super::shared::Doorbell;
use super::supervision::{LiveActorGuard, Refused, ServiceRecipient};
use crate::budget::Budget;
use crate::protocol::RunId;
use crate::storage::journal::redis::RedisJournal;
use crate::storage::journal::redis::notice::{self, Notice, NoticeError};
use crate::storage::journal::{Head, JournalError};
use crate::storage::redis::{RedisClient, RedisSettings};

mod listener;
mod probe;
mod screens;
pub mod topics;

use listener::{Listener, ListenerEvent, WantedChannels};
use screens::Screens;
use topics::{TipQuestion, Topics};

/// Confirmations that come within this are answered with one question to the journal.
const GATHER: Duration = Duration::from_millis(2);
/// Pause before the journal is asked again after a failure.
const RETRY: Duration = Duration::from_millis(250);
/// How often what was let go is looked at.
const SWEEP: Duration = Duration::from_secs(1);

/// A bridge's times.
#[derive(Clone, Copy, Debug)]
pub struct BridgeTimes {
    /// How long a run that was let go is still listened to.
    pub linger: Duration,
    /// How often the journal is asked where the followed runs end: the last notice may be the one that was lost.
    pub tip_check: Duration,
    /// Within this a dead subscription is found and rebuilt.
    pub probe: Duration,
}

/// What a bridge works with.
#[derive(Clone)]
pub struct BridgePorts {
    /// The truth, and whose connection carries the probes.
    pub journal: Arc<RedisJournal>,
    /// For the pub/sub connections.
    pub settings: RedisSettings,
    /// Carries screens to other nodes.
    pub screens: RedisClient,
    /// What screens count in once they are here: unsent bytes of all viewers.
    pub shown: Budget,
    /// This node's name.
    pub node: String,
    /// Where the state of the subscription is told.
    pub doorbell: Doorbell,
    /// Whoever can reach all rooms.
    pub rooms: ServiceRecipient<BridgeBegan>,
}

/// See the module's page.
pub struct Bridge {
    times: BridgeTimes,
    ports: BridgePorts,
    topics: Topics<Recipient<RemoteUpdate>>,
    wanted: WantedChannels,
    wanted_screens: WantedChannels,
    screens: Screens,
    /// Channels that stand and whose run's tip has yet to be told.
    unread: Vec<String>,
    /// The journal is being asked.
    reading: bool,
    /// It was logged that nodes of a newer build ring.
    newer_logged: bool,
    _live: LiveActorGuard,
}

impl Bridge {
    /// A bridge that follows nothing yet.
    pub fn new(times: BridgeTimes, ports: BridgePorts, live: LiveActorGuard) -> Self {
        let topics = Topics::new(times.linger);
        Self {
            times,
            ports,
            topics,
            wanted: WantedChannels::default(),
            wanted_screens: WantedChannels::default(),
            screens: Screens::default(),
            unread: Vec::new(),
            reading: false,
            newer_logged: false,
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
            client: self.ports.screens.clone(),
            wanted: self.wanted_screens.clone(),
            probe_channel: format!("{}:screens", journal.probe_channel()),
            probe_within: self.times.probe,
        };
        // Both wait until what they told was handled: what Redis sends faster than that stays in the socket.
        let bridge = ctx.address();
        let notices = notices.run(async move |event| {
            let _ = bridge.send(Told(event)).await;
        });
        let bridge = ctx.address();
        let screens = screens.run(async move |event| {
            if let ListenerEvent::Message(channel, payload) = event {
                let _ = bridge.send(ScreenArrived(channel, payload)).await;
            }
        });
        ctx.spawn(wrap_future::<_, Self>(notices));
        ctx.spawn(wrap_future::<_, Self>(screens));
        let (journal, node) = (journal.clone(), self.ports.node.clone());
        let send = self.screens.clone().send(self.ports.screens.clone(), move |run, frame| {
            (journal.screen_channel(run), [node.as_bytes(), b" ", frame].concat())
        });
        ctx.spawn(wrap_future::<_, Self>(send));
    }

    /// Has all rooms told that this bridge knows none of them.
    fn call_rooms(&mut self, ctx: &mut Context<Self>) {
        // If there is nobody to tell it, there are no rooms either.
        if self.ports.rooms.try_send(BridgeBegan) == Err(Refused::Full) {
            ctx.run_later(RETRY, Self::call_rooms);
        }
    }

    fn ring(&mut self, channel: String, payload: &Bytes, ctx: &mut Context<Self>) {
        if notice::sender(payload) == self.ports.node.as_bytes() {
            return;
        }
        let Some(topic) = self.topics.get(&channel) else { return };
        metrics::counter!("runcast_doorbells_total").increment(1);
        match Notice::parse(payload) {
            Ok(Notice { head, segments, .. }) => {
                self.ports.journal.heard(&topic.run, &head);
                // A room that is too busy to hear it finds the hole later.
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

    fn deafen(&mut self, why: String) {
        metrics::gauge!("runcast_doorbell_subscribed").set(0);
        self.unread.clear();
        self.topics.lose_all().for_each(|topic| tell_not_subscribed(&topic.port));
        if self.ports.doorbell.lost(&why) {
            warn!(reason = why, "doorbells are not heard");
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

    /// Looks at all runs that are followed. While no notice can be heard, this is how their viewers hear of anything.
    fn check_tips(&mut self, ctx: &mut Context<Self>) {
        if !self.reading {
            self.reading = true;
            self.tell_tips(self.topics.channels().cloned().collect(), ctx);
        }
    }

    /// Asks the journal where runs end, all in one go, and tells their rooms.
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

    /// The journal has told heads: their rooms are told.
    fn pass_on(&self, channels: Vec<String>, asked: Vec<TipQuestion>, heads: Vec<Result<Head, JournalError>>) {
        for ((channel, asked), head) in channels.iter().zip(asked).zip(heads) {
            let Some(topic) = self.topics.get(channel) else { continue };
            match head {
                // A room that is too busy is told the next time.
                Ok(head) => _ = topic.port.try_send(self.topics.answer(topic, asked, head)),
                Err(error) => debug!(run = %topic.run, %error, "the run's head can't be read"),
            }
        }
    }

    fn sweep(&mut self) {
        for (channel, topic) in self.topics.sweep(Instant::now()) {
            self.wanted.remove(&channel);
            self.wanted_screens.remove(&self.ports.journal.screen_channel(&topic.run));
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

/// The listener's events.
#[derive(Message)]
#[rtype(result = "()")]
struct Told(ListenerEvent);

/// A screen frame of another node: its channel, the node and the frame.
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
    }
}

impl Handler<Told> for Bridge {
    type Result = ();

    fn handle(&mut self, Told(event): Told, ctx: &mut Self::Context) {
        match event {
            ListenerEvent::Message(channel, payload) => self.ring(channel, &payload, ctx),
            ListenerEvent::Standing(channel) => {
                self.topics.confirm(&channel);
                self.gather(channel, ctx);
            }
            ListenerEvent::Proven => {
                metrics::gauge!("runcast_doorbell_subscribed").set(1);
                if self.ports.doorbell.heard() {
                    info!("doorbells are heard");
                }
            }
            ListenerEvent::Lost(why) => self.deafen(why),
        }
    }
}

impl Handler<Follow> for Bridge {
    type Result = ();

    fn handle(&mut self, Follow { run, generation, heard }: Follow, ctx: &mut Self::Context) {
        let channel = self.ports.journal.bell_channel(&run);
        let Some(port) = heard else {
            return self.topics.let_go(&channel, generation, Instant::now());
        };
        self.wanted.add(&channel);
        self.wanted_screens.add(&self.ports.journal.screen_channel(&run));
        let stands = self.topics.follow(channel.clone(), run, generation, port);
        if stands {
            self.gather(channel, ctx);
        }
    }
}

impl Handler<ScreenArrived> for Bridge {
    type Result = ();

    fn handle(&mut self, ScreenArrived(channel, payload): ScreenArrived, _: &mut Self::Context) {
        let node = notice::sender(&payload);
        let notices = self.ports.journal.doorbell_channel(&channel);
        if let Some(topic) = notices.and_then(|channel| self.topics.get(&channel))
            && node != self.ports.node.as_bytes()
        {
            let frame = payload.slice((node.len() + 1).min(payload.len())..);
            // One for which there is no room, here or there, is overtaken by the next.
            if let Ok(frame) = self.ports.shown.count(frame) {
                let _ = topic.port.try_send(RemoteUpdate::Screen(frame));
            }
        }
    }
}

impl Handler<Mirror> for Bridge {
    type Result = ();

    fn handle(&mut self, Mirror { run, frame }: Mirror, _: &mut Self::Context) {
        self.screens.show(run, frame);
    }
}
