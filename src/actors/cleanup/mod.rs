//! The cleanup removes expired artifacts and finds orphans, on one node of a cluster at a time; and live traces whose
//! time is over, each minute.
//!
//! It receives [`Sweep`] and sends nothing. It also runs by itself, `cleanup.interval_hours` after the last run on any
//! node. An object is removed before its row, so that the next run repairs a crash in between. A removal that fails is
//! put off with a growing pause and never blocks the others. A run with failures is logged once, at `error`, and
//! followed by another run within the hour. When the catalog or the store is unreachable the run ends; while the clock
//! has jumped nothing is removed.

use std::time::Duration;

use actix::fut::wrap_future;
use actix::prelude::*;
use tokio::sync::{oneshot, watch};
use tracing::{debug, error, info};

use super::messages::cleanup::{Sweep, SweepRefused, Swept};
use super::supervision::LiveActorGuard;
use crate::artifacts::{ArtifactService, LAST_CLEANUP};
use crate::protocol::Timestamp;
use crate::storage::catalog::CatalogError;

mod audit;
mod figures;
mod live_traces;
mod sweep;
mod sweeping;

use sweeping::{SweepHalt, Sweeping};

/// How often the cleanup checks whether a run is due.
const LOOK: Duration = Duration::from_secs(60);
/// How often the catalog is asked for the figures: each time it adds up all artifacts.
const FIGURES: Duration = Duration::from_secs(300);
/// Longest pause after a run that did not remove everything that was due.
const AGAIN: Duration = Duration::from_secs(3_600);
/// How far apart the clocks of two nodes may be. An hour.
const AHEAD_MS: i64 = 3_600_000;

/// When the cleanup runs and what it removes.
#[derive(Clone, Debug)]
pub struct CleanupRules {
    /// Whether the cleanup runs by itself.
    pub enabled: bool,
    /// Time between two runs.
    pub interval: Duration,
    /// Artifacts per batch.
    pub batch: usize,
    /// Whether orphans are removed, or only counted.
    pub orphans: bool,
    /// How long an orphan is not removed.
    pub orphan_grace: Duration,
    /// How long a deleted artifact is remembered; it may change while the cleanup runs.
    pub tombstone: watch::Sender<Duration>,
    /// Time between two looks for live traces that are to be removed.
    pub live_traces: Duration,
}

/// The cleanup of a node.
pub struct Cleanup {
    rules: CleanupRules,
    artifacts: ArtifactService,
    node: String,
    running: bool,
    /// Live traces are being removed.
    removing: bool,
    /// The catalog is being asked for the figures.
    telling: bool,
    _live: LiveActorGuard,
}

impl Cleanup {
    /// Builds a cleanup for the node of this name.
    pub fn new(rules: CleanupRules, artifacts: ArtifactService, node: String, live: LiveActorGuard) -> Self {
        Self { rules, artifacts, node, running: false, removing: false, telling: false, _live: live }
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.running || self.artifacts.parts().clock.check().is_err() {
            return;
        }
        self.running = true;
        let (artifacts, rules, node) = (self.artifacts.clone(), self.rules.clone(), self.node.clone());
        let work = async move {
            match is_due(&artifacts, rules.interval).await {
                Ok(true) => {
                    if let Err(refused) = run(artifacts, rules, node, false).await {
                        debug!(%refused, "no cleanup here");
                    }
                }
                Ok(false) => {}
                Err(error) => debug!(%error, "it is not known whether a cleanup is due"),
            }
        };
        ctx.spawn(wrap_future::<_, Self>(work).map(|(), cleanup, _| cleanup.running = false));
    }
}

impl Cleanup {
    /// Removes live traces, unless another node does.
    fn remove_live_traces(&mut self, ctx: &mut Context<Self>) {
        if self.removing {
            return;
        }
        self.removing = true;
        let work = live_traces::remove(self.artifacts.clone(), self.node.clone(), self.rules.live_traces);
        ctx.spawn(wrap_future::<_, Self>(work).map(|(), cleanup, _| cleanup.removing = false));
    }

    /// Tells what there is, and how the last run on any node ended.
    fn tell_figures(&mut self, ctx: &mut Context<Self>) {
        if self.telling {
            return;
        }
        self.telling = true;
        let artifacts = self.artifacts.clone();
        let work = async move { figures::tell(&artifacts).await };
        ctx.spawn(wrap_future::<_, Self>(work).map(|(), cleanup, _| cleanup.telling = false));
    }
}

/// Whether the last run on any node is long enough ago. A run that did not remove everything is followed sooner.
async fn is_due(artifacts: &ArtifactService, interval: Duration) -> Result<bool, CatalogError> {
    let Some(text) = artifacts.parts().catalog.noted(LAST_CLEANUP).await? else { return Ok(true) };
    // A note of another version that we can't parse must not stop the cleanup.
    let Ok(last) = serde_json::from_str::<Swept>(&text) else { return Ok(true) };
    let wait = if last.is_complete() { interval } else { interval.min(AGAIN) };
    let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
    let (started, now) = (Timestamp::from_millis(last.started_at), artifacts.now());
    // A run in the future was dated by a clock that was ahead.
    Ok(started.plus_millis(wait_ms) <= now || started > now.plus_millis(AHEAD_MS))
}

/// The steps of a run.
async fn steps(sweeping: &mut Sweeping) -> Result<(), SweepHalt> {
    sweep::run(sweeping).await?;
    audit::run(sweeping).await
}

/// Does one run, if no other one is in progress in the cluster.
async fn run(
    artifacts: ArtifactService,
    rules: CleanupRules,
    node: String,
    dry_run: bool,
) -> Result<Swept, SweepRefused> {
    let mut sweeping = Sweeping::begin(artifacts.clone(), rules, node, dry_run).await?;
    let done = steps(&mut sweeping).await;
    let swept = sweeping.end(done).await;
    if dry_run {
        return Ok(swept);
    }
    let Swept { expired, abandoned, removed, replaced, failed, .. } = &swept;
    let count = expired.count + abandoned.count + removed.count + replaced.count;
    let bytes = expired.bytes + abandoned.bytes + removed.bytes + replaced.bytes;
    metrics::counter!("runcast_cleanup_runs_total").increment(1);
    metrics::counter!("runcast_cleanup_removed_total").increment(count);
    metrics::counter!("runcast_cleanup_freed_bytes_total").increment(bytes);
    metrics::counter!("runcast_cleanup_failures_total").increment(*failed);
    match (&swept.error, failed) {
        (None, 0) => info!(count, bytes, orphans = swept.orphan_objects.count, "cleaned up"),
        (reason, _) => error!(count, failed, reason, "the cleanup did not remove all that was due"),
    }
    let text = serde_json::to_string(&swept).unwrap_or_default();
    if let Err(error) = artifacts.parts().catalog.note(LAST_CLEANUP, &text).await {
        info!(%error, "the cleanup could not be noted");
    }
    figures::tell(&artifacts).await;
    Ok(swept)
}

impl Actor for Cleanup {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if self.rules.enabled {
            ctx.run_interval(LOOK, Self::look);
        }
        // They are never kept for longer, whatever becomes of artifacts.
        ctx.run_interval(self.rules.live_traces, Self::remove_live_traces);
        self.tell_figures(ctx);
        ctx.run_interval(FIGURES, Self::tell_figures);
    }
}

impl Handler<Sweep> for Cleanup {
    type Result = ();

    fn handle(&mut self, Sweep { dry_run, reply }: Sweep, ctx: &mut Self::Context) {
        if self.running {
            return answer(reply, Err(SweepRefused::Running));
        }
        self.running = true;
        let work = run(self.artifacts.clone(), self.rules.clone(), self.node.clone(), dry_run);
        ctx.spawn(wrap_future::<_, Self>(work).map(|swept, cleanup, _| {
            cleanup.running = false;
            answer(reply, swept);
        }));
    }
}

fn answer(reply: oneshot::Sender<Result<Swept, SweepRefused>>, swept: Result<Swept, SweepRefused>) {
    // The caller may have stopped waiting; the result is noted in the catalog.
    let _ = reply.send(swept);
}

#[cfg(test)]
mod tests;
