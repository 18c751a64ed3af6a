//! The cleanup: removes artifacts whose time has come, and finds what belongs to nothing, on one node of a cluster at a time.
//!
//! Receives [`Sweep`]; sends nothing. It also runs by itself, `cleanup.interval_hours` after its last run on any node. An
//! object goes before its row, so that a crash in between is repaired by the next run. What fails is put off with a growing
//! pause and never blocks the rest; a run with failures is told once, at `error`, and followed by another one within the
//! hour. When the catalog or the store is away it stops; while the clock has jumped it removes nothing.

use std::time::Duration;

use actix::fut::wrap_future;
use actix::prelude::*;
use tokio::sync::oneshot;
use tracing::{debug, error, info};

use super::messages::cleanup::{Sweep, SweepRefused, Swept};
use super::supervision::LiveActorGuard;
use crate::artifacts::{ArtifactService, LAST_CLEANUP};
use crate::protocol::Timestamp;
use crate::storage::catalog::CatalogError;

mod audit;
mod sweep;
mod sweeping;

use sweeping::{SweepHalt, Sweeping};

/// How often it looks whether a run is due.
const LOOK: Duration = Duration::from_secs(60);
/// The longest wait after a run that did not do all that was due.
const AGAIN: Duration = Duration::from_secs(3_600);
/// How far the clocks of nodes may be apart that read the same one. An hour.
const AHEAD_MS: i64 = 3_600_000;

/// When and how it cleans up.
#[derive(Clone, Debug)]
pub struct CleanupRules {
    /// Whether it runs by itself.
    pub enabled: bool,
    /// Time between two runs.
    pub interval: Duration,
    /// Artifacts per step.
    pub batch: usize,
    /// Whether orphans are removed, or only counted.
    pub orphans: bool,
    /// How long an object that belongs to nothing is left alone.
    pub orphan_grace: Duration,
    /// How long a deleted artifact is remembered.
    pub tombstone: Duration,
}

/// See the module's page.
pub struct Cleanup {
    rules: CleanupRules,
    artifacts: ArtifactService,
    node: String,
    running: bool,
    _live: LiveActorGuard,
}

impl Cleanup {
    /// A cleanup on the node of this name.
    pub fn new(rules: CleanupRules, artifacts: ArtifactService, node: String, live: LiveActorGuard) -> Self {
        Self { rules, artifacts, node, running: false, _live: live }
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

/// Whether the last run of any node is long enough ago; one that did not do all of it is followed sooner.
async fn is_due(artifacts: &ArtifactService, interval: Duration) -> Result<bool, CatalogError> {
    let Some(text) = artifacts.parts().catalog.noted(LAST_CLEANUP).await? else { return Ok(true) };
    // What another version has noted and we can't read is no reason to wait.
    let Ok(last) = serde_json::from_str::<Swept>(&text) else { return Ok(true) };
    let is_done = last.error.is_none() && last.failed == 0;
    let wait = if is_done { interval } else { interval.min(AGAIN) };
    let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
    let (started, now) = (Timestamp::from_millis(last.started_at), artifacts.now());
    // One of the future was dated by a clock that was ahead.
    Ok(started.plus_millis(wait_ms) <= now || started > now.plus_millis(AHEAD_MS))
}

/// What a run does.
async fn steps(sweeping: &mut Sweeping) -> Result<(), SweepHalt> {
    sweep::run(sweeping).await?;
    audit::run(sweeping).await
}

/// One run, if no other one is on its way in the cluster.
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
        (why, _) => error!(count, failed, why, "the cleanup did not remove all that was due"),
    }
    let text = serde_json::to_string(&swept).unwrap_or_default();
    if let Err(error) = artifacts.parts().catalog.note(LAST_CLEANUP, &text).await {
        info!(%error, "the cleanup could not be noted");
    }
    Ok(swept)
}

impl Actor for Cleanup {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if self.rules.enabled {
            ctx.run_interval(LOOK, Self::look);
        }
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
    // Whoever asked may be gone; what was done is noted.
    let _ = reply.send(swept);
}

#[cfg(test)]
mod tests;
