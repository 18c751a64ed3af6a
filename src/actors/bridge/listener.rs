//! The one task that owns a pub/sub socket: subscribes to what is wanted, passes on what is heard, and proves with a probe
//! of its own that it still hears. A subscription that does not is dropped and built anew.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use crate::backoff::Backoff;
use crate::storage::redis::{Client, Command, LinkStatus, Push, RedisError, RedisSettings, Subscriber};

/// The channels that are to be listened to, shared with the task.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted(Arc<WantedInner>);

#[derive(Debug, Default)]
struct WantedInner {
    channels: Mutex<HashSet<String>>,
    changed: Notify,
}

impl Wanted {
    fn channels(&self) -> MutexGuard<'_, HashSet<String>> {
        // Nothing panics while it is held.
        self.0.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, channel: &str) {
        if self.channels().insert(channel.to_owned()) {
            self.0.changed.notify_one();
        }
    }

    pub(super) fn remove(&self, channel: &str) {
        if self.channels().remove(channel) {
            self.0.changed.notify_one();
        }
    }
}

/// What the task tells.
#[derive(Debug)]
pub(super) enum Event {
    /// A message on a channel.
    Message(String, Bytes),
    /// Redis has confirmed the subscription to this channel.
    Standing(String),
    /// A probe has come back: what is subscribed is heard.
    Proven,
    /// Nothing is heard any more, until the next `Standing`.
    Lost(String),
}

/// What a listener works with.
pub(super) struct Listener {
    pub(super) settings: RedisSettings,
    /// Sends the probes; when its connection was rebuilt, so is the listener's.
    pub(super) client: Client,
    pub(super) wanted: Wanted,
    /// The channel of this node's own probes.
    pub(super) probe_channel: String,
    /// Within this a dead subscription is found and rebuilt.
    pub(super) probe_within: Duration,
}

impl Listener {
    /// Listens for ever; `tell` must not wait for long.
    pub(super) async fn run(self, mut tell: impl AsyncFnMut(Event)) {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        loop {
            let why = match Subscriber::connect(&self.settings).await {
                Ok(subscriber) => {
                    let (why, proven) = self.listen(subscriber, &mut tell).await;
                    if proven {
                        backoff.reset();
                    }
                    metrics::counter!("runcast_doorbell_rebuilds_total").increment(1);
                    why
                }
                Err(error) => error,
            };
            tell(Event::Lost(why.to_string())).await;
            tokio::time::sleep(backoff.pause()).await;
        }
    }

    /// Listens until the subscription fails; why, and whether a probe ever came back.
    async fn listen(&self, mut subscriber: Subscriber, tell: &mut impl AsyncFnMut(Event)) -> (RedisError, bool) {
        let mut status = self.client.status();
        let mut generation = live(&status.borrow_and_update());
        let mut subscribed = HashSet::new();
        let mut probe = Probe::default();
        let mut due = interval(self.probe_within / 4);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let failed = loop {
            if let Err(error) = self.subscribe(&mut subscriber, &mut subscribed).await {
                break error;
            }
            tokio::select! {
                push = subscriber.next() => match push {
                    Ok(Push::Message { channel, .. }) if channel == self.probe_channel => {
                        probe.answered();
                        tell(Event::Proven).await;
                    }
                    Ok(Push::Message { channel, payload }) => tell(Event::Message(channel, payload)).await,
                    Ok(Push::Subscribed(channel)) if channel == self.probe_channel => {}
                    Ok(Push::Subscribed(channel)) => tell(Event::Standing(channel)).await,
                    Ok(_) => {}
                    Err(error) => break error,
                },
                () = self.wanted.0.changed.notified() => {}
                _ = due.tick() => {
                    if probe.is_overdue(self.probe_within / 2) {
                        break RedisError::Unavailable("the subscription hears nothing: its probe did not come back".into());
                    }
                    probe.send(&self.client, &self.probe_channel);
                }
                changed = status.changed() => {
                    let now = live(&status.borrow_and_update());
                    if changed.is_err() || (now.is_some() && generation.is_some_and(|then| now != Some(then))) {
                        break RedisError::Unavailable("the command connection was built anew".into());
                    }
                    generation = generation.or(now);
                }
            }
        };
        (failed, probe.proven)
    }

    /// Brings what is subscribed in line with what is wanted, many channels per command.
    async fn subscribe(&self, subscriber: &mut Subscriber, subscribed: &mut HashSet<String>) -> Result<(), RedisError> {
        let (more, less) = {
            let wanted = self.wanted.channels();
            let more: Vec<_> = wanted.difference(subscribed).cloned().collect();
            let less: Vec<_> = subscribed.difference(&wanted).filter(|c| **c != self.probe_channel).cloned().collect();
            (more, less)
        };
        if subscribed.insert(self.probe_channel.clone()) {
            subscriber.subscribe(std::slice::from_ref(&self.probe_channel)).await?;
        }
        if !more.is_empty() {
            subscriber.subscribe(&more).await?;
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

/// The generation of a connection that is up.
fn live(status: &LinkStatus) -> Option<u64> {
    match status {
        LinkStatus::Live { generation } => Some(*generation),
        _ => None,
    }
}

/// Probes under way.
#[derive(Debug, Default)]
struct Probe {
    /// When Redis took the oldest that has not come back.
    taken: Arc<Mutex<Option<Instant>>>,
    proven: bool,
}

impl Probe {
    fn taken(&self) -> MutexGuard<'_, Option<Instant>> {
        // Nothing panics while it is held.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends one; it counts only once Redis has taken it, for Redis may be away as a whole.
    fn send(&self, client: &Client, channel: &str) {
        let (client, taken) = (client.clone(), self.taken.clone());
        let publish = Command::new("PUBLISH").arg(channel).arg("probe");
        let asked = Instant::now();
        actix_rt::spawn(async move {
            if client.call(publish).await.is_ok() {
                taken.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(asked);
            }
        });
    }

    fn answered(&mut self) {
        self.proven = true;
        *self.taken() = None;
    }

    fn is_overdue(&self, patience: Duration) -> bool {
        self.taken().is_some_and(|since| since.elapsed() >= patience)
    }
}
