//! Signs of life: when the holder of a run's lease, or a producer, was last heard. They are kept beside the log, for a
//! time, in memory on a single node and in Redis in a cluster, so that they cost no append and keep no run alive.
//!
//! [`Signs::touch`] is cheap enough for each request: it notes the sign in memory. In a cluster a task
//! ([`Signs::keep`]) tells the other nodes every [`SignTimes::tell_every`] whose signs were heard since, with one write
//! per sign, however often it was heard.
//!
//! [`Signs::seen`] never says more than is known: a sign was not missed before this node could hear without a break
//! (`hearing.rs`), and nothing is known while Redis is away or the clock has jumped.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{info, warn};

use self::heard::Heard;
use self::hearing::Hearing;
use self::shared::SharedSigns;
use self::sockets::Sockets;
use crate::protocol::clock::since_boot;
use crate::protocol::{Clock, RunId, Seen, Sign, Timestamp};
use crate::storage::redis::{RedisClient, RedisError};

mod heard;
mod hearing;
mod shared;
mod sockets;

/// Times of signs of life.
#[derive(Clone, Copy, Debug)]
pub struct SignTimes {
    /// How long a sign is kept: longer than anybody may be silent before something ends.
    pub ttl: Duration,
    /// Time between two reports of what was heard to the other nodes.
    pub tell_every: Duration,
    /// How long an open socket counts after its owner's last command or renewal: `control.lease_socket_secs`.
    pub socket: Duration,
}

/// The signs of life that can be known on this node. Clones share them.
#[derive(Clone)]
pub struct Signs(Arc<SignsState>);

struct SignsState {
    /// The journal's clock.
    clock: Clock,
    times: SignTimes,
    state: Mutex<State>,
    /// `None` on a single node.
    shared: Option<SharedSigns>,
}

/// What this node has heard: on a single node for `ttl`, in a cluster until Redis has it.
#[derive(Debug, Default)]
struct State {
    heard: Heard,
    hearing: Hearing,
    sockets: Sockets,
    /// Whether the last report was not stored.
    failing: bool,
}

impl Signs {
    /// The signs of a single node.
    pub fn in_memory(clock: Clock, times: SignTimes) -> Self {
        Self::new(clock, times, None)
    }

    /// The signs of a cluster, in the journal's Redis. `prefix` begins the name of every key.
    pub fn in_redis(clock: Clock, times: SignTimes, client: RedisClient, prefix: &str) -> Self {
        Self::new(clock, times, Some(SharedSigns::new(client, prefix, times.ttl)))
    }

    fn new(clock: Clock, times: SignTimes, shared: Option<SharedSigns>) -> Self {
        count_failures(0); // makes the counters exist, so that the first one shows as an increase
        count_overflows(0);
        let signs = Self(Arc::new(SignsState { clock, times, state: Mutex::default(), shared }));
        if signs.0.shared.is_none() {
            signs.hears();
        }
        signs
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sign of life was heard. A subject's also renews the time for which its open sockets count.
    pub fn touch(&self, run: &RunId, sign: Sign) {
        // While the clock has jumped the time of a sign is not known; afterwards everybody is heard anew.
        let Ok(now) = self.0.clock.check() else { return };
        let mut state = self.state();
        if let Sign::Subject(subject) = &sign {
            state.sockets.renew(run, subject, since_boot());
        }
        state.note(run, sign, now);
    }

    /// Whether a sign of the run is remembered on this node.
    pub fn knows(&self, run: &RunId) -> bool {
        self.state().heard.knows(run)
    }

    /// A socket is open whose owner has just given a command or renewed its lease. It counts as a sign of life of
    /// `subject` for as long as the guard is held, until [`SignTimes::socket`] after the subject's last
    /// [`Signs::touch`].
    #[must_use = "the socket counts for as long as the guard is held"]
    pub fn open_socket(&self, run: &RunId, subject: &Arc<str>) -> HolderSocket {
        self.state().sockets.open(run, subject, since_boot());
        HolderSocket { signs: self.clone(), run: run.clone(), subject: subject.clone() }
    }

    /// When each of `signs` was last seen, in their order. Never a moment before the one since which this node can hear
    /// without a break, and never one after now; [`Seen::Unknown`] for all while Redis is away or the clock has jumped.
    pub async fn seen(&self, run: &RunId, signs: &[Sign]) -> Vec<(Sign, Seen)> {
        let times = match &self.0.shared {
            None => self.known(run, signs, None),
            Some(shared) => match shared.find(run, signs).await {
                Ok(found) => self.known(run, signs, Some(found)),
                Err(error) => {
                    tracing::debug!(%run, %error, "signs of life are unknown");
                    None
                }
            },
        };
        let Some(times) = times else { return signs.iter().map(|sign| (sign.clone(), Seen::Unknown)).collect() };
        signs.iter().cloned().zip(times.into_iter().map(Seen::At)).collect()
    }

    /// When each was last seen, by what this node has heard and what it found; `None` while the clock has jumped.
    fn known(&self, run: &RunId, signs: &[Sign], found: Option<shared::Found>) -> Option<Vec<Timestamp>> {
        let mut state = self.state();
        let Ok(now) = self.0.clock.check() else {
            state.hearing.is_cut_off();
            return None;
        };
        let (source, last, overflowed) = match found {
            Some(found) => (Some(found.source), found.last, found.overflowed),
            None => (None, Vec::new(), None),
        };
        let since = state.hearing.hears(source, since_boot(), now);
        let since = Some(since).max(overflowed).max(state.heard.overflowed(run)).unwrap_or(since);
        let last = last.into_iter().chain(std::iter::repeat(None));
        let times = signs.iter().zip(last).map(|(sign, stored)| {
            let heard = state.heard.last(run, sign).max(stored);
            heard.map_or(since, |heard| heard.max(since)).min(now)
        });
        Some(times.collect())
    }

    /// Renews the signs of open sockets, tells the other nodes what was heard, and forgets what is old, for as long as
    /// it is polled.
    pub async fn keep(&self) {
        let mut due = tokio::time::interval(self.0.times.tell_every);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            self.keep_once().await;
        }
    }

    /// One round of [`Signs::keep`].
    pub async fn keep_once(&self) {
        self.hears();
        if let Some(shared) = &self.0.shared {
            self.tell(shared).await;
        }
        let state = self.state();
        metrics::gauge!("runcast_signs").set(state.heard.count() as f64);
    }

    /// Hears the open sockets; on a single node, goes on hearing and forgets what is old.
    fn hears(&self) {
        let (running, mut state) = (since_boot(), self.state());
        let Ok(now) = self.0.clock.check() else { return state.hearing.is_cut_off() };
        for (run, subject) in state.sockets.alive(running, self.0.times.socket) {
            state.note(&run, Sign::Subject(subject), now);
        }
        if self.0.shared.is_none() {
            state.hearing.hears(None, running, now);
        }
        state.heard.expire(now.plus_millis(-(self.0.times.ttl.as_millis() as i64)));
    }

    /// Tells the other nodes what was heard since the last time.
    async fn tell(&self, shared: &SharedSigns) {
        let Ok(now) = self.0.clock.check() else { return };
        let (heard, overflowed) = {
            let state = self.state();
            (state.heard.all(), state.heard.overflowed_on_node())
        };
        let told = shared.tell(&heard, overflowed, now).await;
        let mut state = self.state();
        state.told(&told);
        match (told, self.0.clock.check()) {
            (Ok(source), Ok(now)) => {
                state.heard.forget(&heard);
                state.hearing.hears(Some(source), since_boot(), now);
            }
            _ => state.hearing.is_cut_off(),
        }
    }

    /// Tells the other nodes what is left, because this node stops.
    pub async fn close(&self) {
        if let Some(shared) = &self.0.shared {
            self.tell(shared).await;
        }
    }
}

impl State {
    fn note(&mut self, run: &RunId, sign: Sign, now: Timestamp) {
        if !self.heard.note(run, sign, now) {
            count_overflows(1);
        }
    }

    /// Says once that reports fail, and once that they are stored again.
    fn told(&mut self, told: &Result<hearing::Source, RedisError>) {
        match told {
            Err(error) => {
                count_failures(1);
                if !std::mem::replace(&mut self.failing, true) {
                    warn!(%error, "signs of life can't be told to the other nodes: nobody counts as silent");
                }
            }
            Ok(_) => {
                if std::mem::take(&mut self.failing) {
                    info!("signs of life are told to the other nodes again");
                }
            }
        }
    }
}

impl fmt::Debug for Signs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signs").field("times", &self.0.times).finish_non_exhaustive()
    }
}

/// An open socket of one who steers. Dropping it counts the socket no more.
#[derive(Debug)]
pub struct HolderSocket {
    signs: Signs,
    run: RunId,
    subject: Arc<str>,
}

impl Drop for HolderSocket {
    fn drop(&mut self) {
        self.signs.state().sockets.close(&self.run, &self.subject);
    }
}

fn count_failures(times: u64) {
    metrics::counter!("runcast_signs_failures_total").increment(times);
}

fn count_overflows(times: u64) {
    metrics::counter!("runcast_signs_overflows_total").increment(times);
}

#[cfg(test)]
mod tests;
