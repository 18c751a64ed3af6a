//! The lifecycle marks silent runs as lost, seals ended runs, and expires old ones, in bounded steps.
//!
//! It receives nothing. It sends `Publish` (a `run_status` "lost", a `sealed`) to rooms through the registry, expires
//! runs in the journal, and sends the expired runs to the registry and to the catalog writer. When the journal is
//! unreachable it tries again at the next sweep. A run that can't be closed is passed over, and is tried again after
//! the sweeps have been through all others. While the journal's clock has jumped it does nothing.

use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::prelude::*;
use serde_json::json;
use tokio::sync::watch;
use tracing::{debug, info, warn};

use super::messages::catalog_writer::RunsGone;
use super::messages::registry::{FindRoom, RunsExpired};
use super::messages::room::Publish;
use super::supervision::{LiveActorGuard, ServiceRecipient};
use crate::budget::Budget;
use crate::protocol::{Jump, RunId, Seq, ServerEvent, Timestamp};
use crate::storage::journal::{Journal, JournalError, RunHead, RunPosition};

/// Most steps of one kind in a sweep. The next sweep continues after them.
const STEPS: usize = 10;

/// When runs are marked lost, sealed and expired. Events that steer a run do not count: see `Head::active_at`.
#[derive(Clone, Debug)]
pub struct LifecycleTimes {
    /// Time between sweeps.
    pub interval: Duration,
    /// Most runs per step.
    pub batch: usize,
    /// How long after its last event an ended run expires, in milliseconds.
    pub retain_ms: i64,
    /// How long a run that can grow may be without an event before it is marked lost, in milliseconds.
    pub lost_ms: i64,
    /// How long after its last event an ended run is sealed, in milliseconds.
    pub seal_ms: i64,
}

/// The lifecycle of a node.
pub struct Lifecycle {
    /// They may change while it runs, but for the interval.
    times: watch::Sender<LifecycleTimes>,
    ports: LifecyclePorts,
    /// Where the last sweep stopped.
    positions: Positions,
    sweeping: bool,
    _live: LiveActorGuard,
}

/// Where the next sweep continues; `None` begins at the oldest run.
#[derive(Clone, Debug, Default)]
struct Positions {
    lost: Option<RunPosition>,
    ended: Option<RunPosition>,
}

/// Why a sweep stopped early.
#[derive(Debug, thiserror::Error)]
enum LifecycleHalt {
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal's clock has jumped.
    #[error(transparent)]
    Clock(#[from] Jump),
}

/// The parts that a lifecycle needs.
#[derive(Clone)]
pub struct LifecyclePorts {
    /// The runs' logs.
    pub journal: Arc<dyn Journal>,
    /// Finds the room through which an event is appended.
    pub rooms: ServiceRecipient<FindRoom>,
    /// Informs the rooms of expired runs.
    pub expired: ServiceRecipient<RunsExpired>,
    /// Removes the rows of expired runs from the catalog.
    pub catalog_writer: ServiceRecipient<RunsGone>,
    /// The budget of request bodies, in which the server's own events count.
    pub budget: Budget,
}

impl Lifecycle {
    /// Builds a lifecycle. Its first sweep is after one interval.
    pub fn new(times: watch::Sender<LifecycleTimes>, ports: LifecyclePorts, live: LiveActorGuard) -> Self {
        Self { times, ports, positions: Positions::default(), sweeping: false, _live: live }
    }

    fn sweep(&mut self, ctx: &mut Context<Self>) {
        if self.sweeping {
            return;
        }
        self.sweeping = true;
        let (ports, times, mut positions) = (self.ports.clone(), self.times.borrow().clone(), self.positions.clone());
        let sweep = async move {
            match ports.sweep(&times, &mut positions).await {
                Ok(()) => {}
                Err(LifecycleHalt::Journal(error)) => warn!(%error, "the sweep stopped early"),
                Err(LifecycleHalt::Clock(jump)) => debug!(%jump, "no sweep"),
            }
            positions
        };
        ctx.spawn(wrap_future::<_, Self>(sweep).map(|positions, lifecycle, _| {
            lifecycle.sweeping = false;
            lifecycle.positions = positions;
        }));
    }
}

impl LifecyclePorts {
    async fn sweep(&self, times: &LifecycleTimes, positions: &mut Positions) -> Result<(), LifecycleHalt> {
        self.close(false, times.lost_ms, times.batch, &mut positions.lost).await?;
        self.close(true, times.seal_ms, times.batch, &mut positions.ended).await?;
        self.expire(times.retain_ms, times.batch).await
    }

    /// Closes runs without an event for `idle_ms`: marks them as lost, or seals them if they have `ended`.
    async fn close(
        &self,
        ended: bool,
        idle_ms: i64,
        batch: usize,
        position: &mut Option<RunPosition>,
    ) -> Result<(), LifecycleHalt> {
        for _ in 0..STEPS {
            let before = self.journal.clock().check()?.plus_millis(-idle_ms);
            let page = self.journal.idle_since(before, ended, position.as_ref(), batch).await?;
            for RunHead { run, head } in page.runs {
                let now = self.journal.clock().check()?;
                let event = if ended { ServerEvent::Sealed } else { ServerEvent::RunLost };
                self.append(&run, event, now, head.tip).await;
            }
            *position = page.next;
            if position.is_none() {
                break;
            }
        }
        Ok(())
    }

    async fn expire(&self, retain_ms: i64, batch: usize) -> Result<(), LifecycleHalt> {
        loop {
            let before = self.journal.clock().check()?.plus_millis(-retain_ms);
            let expired = self.journal.expire(before, batch).await?;
            if !expired.runs.is_empty() {
                info!(runs = expired.runs.len(), "runs expired");
                metrics::counter!("runcast_runs_expired_total").increment(expired.runs.len() as u64);
                // A room that misses the message learns it from the journal's next answer.
                let _ = self.expired.try_send(RunsExpired(expired.runs.clone()));
                // If the message is lost, the catalog writer's next repair removes the row.
                let _ = self.catalog_writer.try_send(RunsGone(expired.runs));
            }
            if !expired.more {
                return Ok(());
            }
        }
    }

    /// Appends one of the server's own events if the run has no event after `tip`. If it fails, a later sweep tries
    /// again.
    async fn append(&self, run: &RunId, event: ServerEvent, now: Timestamp, tip: Seq) {
        let Ok(Ok(room)) = self.rooms.ask(FindRoom { run: run.clone() }).await else { return };
        let held = Arc::new(self.budget.hold());
        let line = line(event, now).into();
        match room.post(|reply| Publish::from_server(event, line, held, reply).if_tip(tip)).await {
            Ok(_) => info!(%run, sealed = event.seals(), "the run was closed"),
            Err(error) => info!(%run, %error, "the run was not closed"),
        }
    }
}

/// The JSON of the event as it is stored.
fn line(event: ServerEvent, now: Timestamp) -> String {
    let mut line = json!({"type": event.as_str(), "timestamp": now});
    if let Some(status) = event.status() {
        line["status"] = status.as_str().into();
        line["detail"] = "no event for a long time".into();
    }
    line.to_string()
}

impl Actor for Lifecycle {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let interval = self.times.borrow().interval;
        ctx.run_interval(interval, Self::sweep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::field::assert_described;

    #[test]
    fn what_ends_a_run_is_written_as_the_table_describes_it() {
        for event in [ServerEvent::RunLost, ServerEvent::Sealed] {
            let line: serde_json::Value = serde_json::from_str(&line(event, Timestamp::default())).unwrap();
            assert_eq!(line["type"], event.as_str());
            assert_described(event.fields(), &line);
        }
    }
}
