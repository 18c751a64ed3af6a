//! Sends screen frames to the other nodes, on a connection of their own, so that an image never delays an event, and
//! keeps the newest of each stream for who joins there. What goes when is decided in `pacing`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::{sleep, sleep_until};

use crate::actors::messages::broadcaster::ShowScreen;
use crate::actors::shared::Peers;
use crate::protocol::RunId;
use crate::storage::redis::RedisError;
use crate::storage::screens::ScreenStore;

mod bucket;
mod pacing;

use pacing::Pacing;
pub use pacing::ScreenSharing;
use pacing::{Shipment, Way};

/// Frames that come within this time are looked at together.
const GATHER: Duration = Duration::from_millis(5);

/// The frames that are on their way, shared with the task that sends them.
#[derive(Clone, Debug)]
pub(super) struct ScreenQueue(Arc<ScreenQueueState>);

#[derive(Debug)]
struct ScreenQueueState {
    pacing: Mutex<Pacing>,
    came: Notify,
}

impl ScreenQueue {
    pub(super) fn new(limits: ScreenSharing) -> Self {
        let pacing = Mutex::new(Pacing::new(limits, Instant::now()));
        Self(Arc::new(ScreenQueueState { pacing, came: Notify::new() }))
    }

    fn pacing(&self) -> MutexGuard<'_, Pacing> {
        // No code panics while it holds the lock.
        self.0.pacing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a frame. It replaces a waiting frame of the same stream.
    pub(super) fn show(&self, run: RunId, screen: ShowScreen) {
        self.pacing().offer(run, screen, Instant::now());
        self.0.came.notify_one();
    }

    /// Sends frames forever. Those that can't be sent are dropped: newer ones follow.
    pub(super) async fn send(self, store: ScreenStore, peers: Peers) {
        for outcome in ["sent", "kept", "dropped", "failed"] {
            count(outcome, 0); // makes the counter exist, so that the first one shows as an increase
        }
        loop {
            let now = Instant::now();
            let (shipments, next, dropped) = {
                let mut pacing = self.pacing();
                let (shipments, next) = pacing.next(now, |run| peers.interest_of(run, now));
                (shipments, next, pacing.take_dropped())
            };
            count("dropped", dropped);
            for shipment in shipments {
                count(ship(&store, &shipment).await.unwrap_or("failed"), 1);
            }
            let timer = async {
                match next {
                    Some(next) => sleep_until(next.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.0.came.notified() => {}
                () = peers.news() => {}
                () = timer => {}
            }
            sleep(GATHER).await;
        }
    }
}

async fn ship(store: &ScreenStore, shipment: &Shipment) -> Result<&'static str, RedisError> {
    let Shipment { run, stream, at, frame, way } = shipment;
    match way {
        Way::Named | Way::Auto | Way::Wall => store.publish(run, stream, *at, frame).await.map(|()| "sent"),
        Way::Kept => {
            let kept = store.keep(run, stream, *at, frame).await?;
            Ok(if kept { "kept" } else { "dropped" })
        }
    }
}

fn count(outcome: &'static str, times: u64) {
    metrics::counter!("runcast_screens_shared_total", "outcome" => outcome).increment(times);
}
