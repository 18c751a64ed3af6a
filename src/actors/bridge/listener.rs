//! The one task that owns a pub/sub socket. It subscribes to the wanted channels, passes messages on, and sends probes
//! to itself to prove that messages still arrive. A subscription on which they don't is dropped and rebuilt.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::probe::DoorbellProbe;
use crate::backoff::Backoff;
use crate::storage::redis::{LinkStatus, Push, RedisClient, RedisError, RedisSettings, RedisSubscriber};

/// The wanted channels, shared with the listener's task.
#[derive(Clone, Debug, Default)]
pub(super) struct WantedChannels(Arc<WantedInner>);

#[derive(Debug, Default)]
struct WantedInner {
    channels: Mutex<Channels>,
    changed: Notify,
}

/// Each wanted channel has a number. A channel that was removed and is added again gets a new number and is subscribed
/// again, so that its room gets a confirmation.
#[derive(Debug, Default)]
struct Channels {
    wishes: u64,
    wanted: HashMap<String, u64>,
}

impl WantedChannels {
    fn channels(&self) -> MutexGuard<'_, Channels> {
        // No code panics while it holds the lock.
        self.0.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, channel: &str) {
        let mut channels = self.channels();
        if channels.wanted.contains_key(channel) {
            return;
        }
        channels.wishes += 1;
        let wish = channels.wishes;
        channels.wanted.insert(channel.to_owned(), wish);
        self.0.changed.notify_one();
    }

    pub(super) fn remove(&self, channel: &str) {
        if self.channels().wanted.remove(channel).is_some() {
            self.0.changed.notify_one();
        }
    }
}

/// An event that the listener passes to `tell`.
#[derive(Debug)]
pub(super) enum ListenerEvent {
    /// A message on a channel.
    Message(String, Bytes),
    /// Redis has confirmed the subscription to this channel.
    Confirmed(String),
    /// A probe has come back, which proves that messages arrive.
    Proven,
    /// The subscription is lost; no message arrives until the next `Confirmed`.
    Lost(String),
}

/// The parts that a listener needs.
pub(super) struct Listener {
    pub(super) settings: RedisSettings,
    /// Publishes the probes. When its connection is lost, the subscription is rebuilt.
    pub(super) client: RedisClient,
    pub(super) wanted: WantedChannels,
    /// The channel of this node's own probes.
    pub(super) probe_channel: String,
    /// Time within which a dead subscription is found and rebuilt.
    pub(super) probe_within: Duration,
}

impl Listener {
    /// Listens until the client is closed. `tell` must not wait for long.
    pub(super) async fn run(self, mut tell: impl AsyncFnMut(ListenerEvent)) {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        let rebuilds = metrics::counter!("runcast_doorbell_rebuilds_total", "purpose" => self.settings.purpose);
        while let Some(connection) = self.live().await {
            let reason = match RedisSubscriber::connect(&self.settings).await {
                Ok(subscriber) => {
                    let (reason, proven) = self.listen(subscriber, connection, &mut tell).await;
                    if proven {
                        backoff.reset();
                    }
                    rebuilds.increment(1);
                    reason
                }
                Err(error) => error,
            };
            tell(ListenerEvent::Lost(reason.to_string())).await;
            tokio::time::sleep(backoff.pause()).await;
        }
    }

    /// Waits until the connection that publishes the probes is live, and returns its number.
    async fn live(&self) -> Option<u64> {
        let mut status = self.client.status();
        let status = status.wait_for(|status| live(status).is_some()).await;
        status.ok().and_then(|status| live(&status))
    }

    /// Listens until the subscription fails or can't be proven any more. It can't be proven when the connection that
    /// published the probes is lost, because another one may lead to another server. Returns the error, and whether a
    /// probe ever came back.
    async fn listen(
        &self,
        mut subscriber: RedisSubscriber,
        connection: u64,
        tell: &mut impl AsyncFnMut(ListenerEvent),
    ) -> (RedisError, bool) {
        let mut status = self.client.status();
        status.mark_changed();
        let mut subscribed = HashMap::new();
        let probe = DoorbellProbe::default();
        // A probe is sent as soon as its channel is subscribed to (one that Redis gets before comes to nobody), then
        // every fifth of the time, and missed after half of it; the rest of the time is for rebuilding.
        let every = self.probe_within / 5;
        let mut due = interval_at(Instant::now() + every, every);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut changed = true;
        let failed = loop {
            // Looks at every channel, so not at each message.
            if std::mem::take(&mut changed)
                && let Err(error) = self.subscribe(&mut subscriber, &mut subscribed).await
            {
                break error;
            }
            tokio::select! {
                push = subscriber.next() => match push {
                    Ok(Push::Message { channel, payload }) if channel == self.probe_channel => {
                        probe.hear(&payload);
                        tell(ListenerEvent::Proven).await;
                    }
                    Ok(Push::Message { channel, payload }) => tell(ListenerEvent::Message(channel, payload)).await,
                    Ok(Push::Subscribed(channel)) if channel == self.probe_channel => {
                        probe.send(&self.client, &self.probe_channel);
                    }
                    Ok(Push::Subscribed(channel)) => tell(ListenerEvent::Confirmed(channel)).await,
                    Ok(_) => {}
                    Err(error) => break error,
                },
                () = self.wanted.0.changed.notified() => changed = true,
                _ = due.tick() => {
                    if let Some(trouble) = probe.trouble(self.probe_within / 2) {
                        break RedisError::Unavailable(trouble);
                    }
                    probe.send(&self.client, &self.probe_channel);
                }
                changed = status.changed() => {
                    if changed.is_err() || live(&status.borrow_and_update()) != Some(connection) {
                        break RedisError::Unavailable("the connection for commands was lost".into());
                    }
                }
            }
        };
        (failed, probe.is_proven())
    }

    /// Subscribes to the channels that are wanted and unsubscribes from the others, with many channels per command.
    async fn subscribe(
        &self,
        subscriber: &mut RedisSubscriber,
        subscribed: &mut HashMap<String, u64>,
    ) -> Result<(), RedisError> {
        if subscribed.insert(self.probe_channel.clone(), 0).is_none() {
            subscriber.subscribe(std::slice::from_ref(&self.probe_channel)).await?;
        }
        let (more, less) = {
            let wanted = &self.wanted.channels().wanted;
            let is_new = |(channel, wish): &(&String, &u64)| subscribed.get(*channel) != Some(wish);
            let more: HashMap<_, _> = wanted.iter().filter(is_new).map(|(c, wish)| (c.clone(), *wish)).collect();
            let is_old = |channel: &&String| !wanted.contains_key(*channel) && **channel != self.probe_channel;
            let less: Vec<_> = subscribed.keys().filter(is_old).cloned().collect();
            (more, less)
        };
        if !more.is_empty() {
            subscriber.subscribe(&more.keys().collect::<Vec<_>>()).await?;
            subscribed.extend(more);
        }
        if !less.is_empty() {
            subscriber.unsubscribe(&less).await?;
            less.iter().for_each(|channel| {
                subscribed.remove(channel);
            });
        }
        Ok(())
    }
}

/// The number of the connection, if it is live.
fn live(status: &LinkStatus) -> Option<u64> {
    match status {
        LinkStatus::Live { connection } => Some(*connection),
        _ => None,
    }
}
