//! A viewer of the cluster: goes from node to node with its cursor, whenever it must and sometimes when it likes.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::support::{Dice, Site, Viewer};

/// A node that pings every second and was silent for so long is gone.
const SILENCE: Duration = Duration::from_secs(4);

/// What a viewer was told. That seqs are consecutive was checked when they came.
#[derive(Default)]
pub(crate) struct Watched {
    /// A hash of each event, in order, from the run's start.
    pub(crate) seen: Vec<u64>,
    pub(crate) connections: u64,
    pub(crate) drains: u64,
    pub(crate) epochs: u64,
    /// The longest time between two of its events.
    pub(crate) longest_wait: Duration,
    /// `gap`s and `reset`s.
    pub(crate) losses: Vec<String>,
}

/// What [`Watched::seen`] keeps of an event.
pub(crate) fn digest(event: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    event.hash(&mut hasher);
    hasher.finish()
}

impl Watched {
    /// Takes what the viewer received.
    fn take(&mut self, viewer: &mut Viewer) {
        for event in viewer.events.drain(..) {
            self.seen.push(digest(&event.text));
            assert_eq!(event.seq, self.seen.len() as u64, "the next event; told of losses: {:?}", self.losses);
        }
        for message in viewer.said.drain(..) {
            match message["type"].as_str() {
                Some("connected") => self.connections += 1,
                Some("draining") => self.drains += 1,
                Some("epoch") => self.epochs += 1,
                Some("gap" | "reset") => self.losses.push(message.to_string()),
                _ => {}
            }
        }
    }
}

/// Follows `run` until it has as many events as `end` says once it knows.
pub(crate) async fn watch(
    sites: Arc<[Site]>,
    run: String,
    end: watch::Receiver<Option<usize>>,
    mut dice: Dice,
) -> Watched {
    let mut viewer = Viewer::absent(&format!("/ws/runs/{run}"));
    let mut watched = Watched::default();
    let mut leave_at = None;
    let (mut alive, mut heard) = (Instant::now(), None);
    while end.borrow().is_none_or(|total| watched.seen.len() < total) {
        if leave_at.is_some_and(|at| Instant::now() >= at) || alive.elapsed() > SILENCE || dice.below(2_000) == 0 {
            viewer.vanish();
        }
        if !viewer.is_connected() {
            leave_at = None;
            let site = &sites[dice.below(sites.len() as u64) as usize];
            if !matches!(timeout(SILENCE, viewer.try_return(site)).await, Ok(Ok(()))) {
                sleep(Duration::from_millis(20 + dice.below(300))).await;
                continue;
            }
            alive = Instant::now();
        }
        // Looks up now and then, to hear of the end.
        if timeout(Duration::from_millis(200), viewer.read()).await.is_ok() {
            alive = Instant::now();
        }
        if let Some(draining) = viewer.said.iter().find(|message| message["type"] == "draining") {
            let wait = draining["reconnectAfterMs"].as_u64().unwrap();
            leave_at = Some(Instant::now() + Duration::from_millis(wait));
        }
        if !viewer.events.is_empty() {
            let since = heard.replace(Instant::now()).map_or(Duration::ZERO, |at| at.elapsed());
            watched.longest_wait = watched.longest_wait.max(since);
        }
        watched.take(&mut viewer);
    }
    watched
}
