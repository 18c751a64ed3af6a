//! When the catalog writer sums runs up: those that have changed here at their pace, then those that nobody summed up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::fut::wrap_future;
use actix::prelude::*;
use tracing::debug;

use super::queue::SummaryQueue;
use super::summing::{SummaryPorts, SummedUp};
use super::{CatalogWriter, RETRY};
use crate::protocol::RunId;
use crate::storage::catalog::CatalogError;
use crate::storage::catalog::runs::RunCatalog;
use crate::storage::journal::Journal;

/// Most runs that are summed up in one step.
const SUMS: usize = 64;
/// How many times as long as it folds it rests: runs are summed up on a quarter of a core at most.
const REST: u32 = 3;
/// Runs without a summary that are looked for at a time.
const BEHIND: usize = 32;
/// How many times the pace of summaries a run is left to those who store to it, before others sum it up.
const GRACE: u32 = 10;
/// Runs whose results are removed at a time.
const FORGOTTEN: usize = 20;

/// How runs are summed up.
#[derive(Clone, Debug)]
pub struct SummaryLimits {
    /// Least time between two summaries of a run.
    pub pace: Duration,
    /// Bytes of what is folded of runs and kept for the next time.
    pub bytes: usize,
    /// How long after a run's last event the results of its tests are kept, in milliseconds; 0: as long as the run.
    pub history_ms: i64,
    /// Time between two looks for results whose time is over.
    pub sweep: Duration,
}

/// What is to be summed up, and what goes on.
pub(super) struct Summaries {
    ports: SummaryPorts,
    limits: SummaryLimits,
    queue: SummaryQueue,
    /// Runs are being summed up, or looked for.
    summing: bool,
    /// Until when no run is summed up.
    rests_until: Instant,
    /// When runs without a summary are looked for.
    look_at: Instant,
    /// Results whose time is over are being removed.
    sweeping: bool,
}

impl Summaries {
    pub(super) fn new(catalog: Arc<dyn RunCatalog>, journal: Arc<dyn Journal>, limits: SummaryLimits) -> Self {
        Self {
            ports: SummaryPorts { catalog, journal },
            queue: SummaryQueue::new(limits.pace, limits.bytes),
            limits,
            summing: false,
            rests_until: Instant::now(),
            look_at: Instant::now(),
            sweeping: false,
        }
    }

    pub(super) fn pace(&self) -> Duration {
        self.limits.pace
    }

    pub(super) fn sweep_every(&self) -> Duration {
        self.limits.sweep
    }

    /// The row of a run was written.
    pub(super) fn changed(&mut self, run: &RunId, at_once: bool) {
        self.queue.changed(run, at_once, Instant::now());
    }

    pub(super) fn forget(&mut self, run: &RunId) {
        self.queue.forget(run);
    }
}

impl CatalogWriter {
    /// Sums up runs that are due; if there is none, looks for some without a summary.
    pub(super) fn sum_up(&mut self, ctx: &mut Context<Self>) {
        let now = Instant::now();
        if self.summaries.summing || now < self.summaries.rests_until {
            return;
        }
        let due = self.summaries.queue.take_due(SUMS, now);
        if due.is_empty() {
            self.summaries.queue.tidy(now);
            return self.look(now, ctx);
        }
        self.summaries.summing = true;
        let kept = self.summaries.queue.kept_bytes();
        let summed = self.summaries.ports.clone().sum_up(due, kept, self.summaries.limits.bytes);
        ctx.spawn(wrap_future::<_, Self>(summed).map(|summed, catalog_writer, ctx| {
            catalog_writer.summaries.summing = false;
            catalog_writer.summed_up(summed, ctx);
        }));
    }

    fn summed_up(&mut self, summed: SummedUp, ctx: &mut Context<Self>) {
        let now = Instant::now();
        self.summaries.rests_until = now + summed.busy * REST;
        for (run, fold, is_whole) in summed.folds {
            self.summaries.queue.put_back(run, fold, is_whole, now);
        }
        for left in summed.left {
            self.summaries.queue.leave(left, now);
        }
        for run in &summed.failed {
            self.summaries.queue.again(run, now + RETRY);
        }
        self.summaries.queue.tidy(now);
        if let Some(error) = summed.error {
            debug!(%error, "runs could not be summed up");
            metrics::counter!("runcast_run_summary_failures_total").increment(1);
            self.summaries.rests_until = self.summaries.rests_until.max(now + RETRY);
        }
        self.sum_up(ctx);
    }

    /// Looks for runs whose summary nobody wrote: who stored to them has died, or was of an earlier version.
    fn look(&mut self, now: Instant, ctx: &mut Context<Self>) {
        if now < self.summaries.look_at {
            return;
        }
        self.summaries.summing = true;
        let (catalog, before) = (self.summaries.ports.catalog.clone(), self.journal.now());
        let grace = i64::try_from((self.summaries.limits.pace * GRACE).as_millis()).unwrap_or(i64::MAX);
        let behind = async move { catalog.behind(before.plus_millis(-grace), BEHIND).await };
        ctx.spawn(wrap_future::<_, Self>(behind).map(|behind, catalog_writer, ctx| {
            let now = Instant::now();
            catalog_writer.summaries.summing = false;
            let found = behind.unwrap_or_default();
            // There may be more, which are not to wait for the next look.
            let rest =
                if found.len() == BEHIND { Duration::ZERO } else { catalog_writer.summaries.limits.pace * GRACE / 2 };
            catalog_writer.summaries.look_at = now + rest;
            for run in &found {
                catalog_writer.summaries.queue.changed(run, false, now);
            }
            if !found.is_empty() {
                catalog_writer.sum_up(ctx);
            }
        }));
    }

    /// Removes results whose time is over.
    pub(super) fn sweep(&mut self, ctx: &mut Context<Self>) {
        // While the clock has jumped nothing is deleted by time (I10).
        let Ok(now) = self.journal.clock().check() else { return };
        if self.summaries.limits.history_ms == 0 || std::mem::replace(&mut self.summaries.sweeping, true) {
            return;
        }
        let (catalog, before) =
            (self.summaries.ports.catalog.clone(), now.plus_millis(-self.summaries.limits.history_ms));
        let sweep = async move {
            while catalog.forget_results(before, FORGOTTEN).await? == FORGOTTEN {}
            Ok(())
        };
        ctx.spawn(wrap_future::<_, Self>(sweep).map(|swept: Result<(), CatalogError>, catalog_writer, _| {
            catalog_writer.summaries.sweeping = false;
            if let Err(error) = swept {
                debug!(%error, "old results of tests could not be removed");
            }
        }));
    }
}
