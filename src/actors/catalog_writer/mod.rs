//! The catalog writer copies changes of runs from the log into the catalog, in batches.
//!
//! It receives [`RunChanged`] from rooms and [`RunsGone`] from the lifecycle, and sends rows to the catalog. When the
//! catalog is unreachable, which is logged once, it keeps the newest row per run and tries again. On failure, or when
//! too many rows wait, it repairs the catalog from the journal, which has everything. It also repairs at intervals, for
//! changes that another node knew of and did not write before it died. So the list of runs may lag, but never stays
//! wrong.
//!
//! Behind that it sums runs up: for a run that this node has stored events of, it folds what is new in the log on a
//! thread that folds, at most each second, and writes a summary and the results of tests that have ended. It rests
//! three times as long as it has folded. A summary that nobody wrote is found by its row, which says up to which event
//! it goes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::prelude::*;
use tracing::{debug, info, warn};

use self::summaries::Summaries;
pub use self::summaries::SummaryLimits;
use super::messages::catalog_writer::{RunChanged, RunsGone};
use super::supervision::LiveActorGuard;
use crate::protocol::status::RunStatus;
use crate::protocol::{RunId, Timestamp};
use crate::storage::catalog::runs::RunCatalog;
use crate::storage::catalog::{Catalog, CatalogError, RunRow};
use crate::storage::journal::{Head, Journal, JournalError, RunHead, RunPosition};

mod fold;
mod queue;
mod summaries;
mod summing;

/// How often rows are written.
const PACE: Duration = Duration::from_millis(250);
/// Pause after the catalog or the journal has failed.
const RETRY: Duration = Duration::from_secs(1);
/// Most rows that may wait. Beyond it the catalog writer repairs from the journal instead.
const MAX_WAITING: usize = 20_000;
/// How often it repairs without another reason. This is well within the margin, so that no change falls between two
/// repairs.
const REPAIR_EVERY: Duration = Duration::from_secs(240);
/// Most rows per repair step.
const REPAIR_STEP: usize = 500;
/// How far before the catalog's newest row a repair starts, because rows are written later than the log. 10 minutes.
const REPAIR_MARGIN_MS: i64 = 600_000;

/// The catalog writer of a node: the rows that wait, and the state of the repair.
pub struct CatalogWriter {
    catalog: Arc<dyn Catalog>,
    journal: Arc<dyn Journal>,
    /// The newest row per run; at most [`MAX_WAITING`].
    waiting: HashMap<RunId, RunRow>,
    /// Runs whose rows wait, of which this node has stored events; whether something was decided.
    to_sum_up: HashMap<RunId, bool>,
    gone: Vec<RunId>,
    /// Whether a write or a repair step is in progress.
    busy: bool,
    /// Where the repair continues; `None` when the catalog is known to be complete.
    repair_from: Option<RepairFrom>,
    repair_every: Duration,
    /// Whether the last request to the catalog or the journal failed.
    held_up: bool,
    summaries: Summaries,
    _live: LiveActorGuard,
}

#[derive(Clone)]
enum RepairFrom {
    /// A new repair, from the catalog's newest row.
    Newest,
    /// A repair of the runs that changed since this time, continued after this run.
    Behind(Timestamp, RunPosition),
}

impl CatalogWriter {
    /// A catalog writer that begins with a repair. `runs` is the same catalog, for summaries.
    pub fn new(
        catalog: Arc<dyn Catalog>,
        runs: Arc<dyn RunCatalog>,
        journal: Arc<dyn Journal>,
        limits: SummaryLimits,
        live: LiveActorGuard,
    ) -> Self {
        Self {
            catalog,
            summaries: Summaries::new(runs, journal.clone(), limits),
            journal,
            waiting: HashMap::new(),
            to_sum_up: HashMap::new(),
            gone: Vec::new(),
            busy: false,
            repair_from: Some(RepairFrom::Newest),
            repair_every: REPAIR_EVERY,
            held_up: false,
            _live: live,
        }
    }

    fn work(&mut self, ctx: &mut Context<Self>) {
        if self.busy {
            return;
        }
        if let Some(from) = self.repair_from.clone() {
            self.repair(from, ctx);
        } else if !self.waiting.is_empty() || !self.gone.is_empty() {
            self.write(ctx);
        }
    }

    fn write(&mut self, ctx: &mut Context<Self>) {
        self.busy = true;
        let rows: Vec<RunRow> = self.waiting.drain().map(|(_, row)| row).collect();
        let gone = std::mem::take(&mut self.gone);
        let stored = std::mem::take(&mut self.to_sum_up);
        let catalog = self.catalog.clone();
        let write = async move {
            let written = async {
                catalog.record(&rows).await?;
                catalog.forget(&gone).await
            }
            .await;
            (written, rows, gone, stored)
        };
        ctx.spawn(wrap_future::<_, Self>(write).map(
            |(written, rows, gone, stored), catalog_writer, ctx| match written {
                Ok(()) => {
                    catalog_writer.busy = false;
                    catalog_writer.go_on();
                    for (run, at_once) in stored {
                        catalog_writer.summaries.changed(&run, at_once);
                    }
                    catalog_writer.sum_up(ctx);
                }
                Err(error) => {
                    for row in rows {
                        catalog_writer.waiting.entry(row.run.clone()).or_insert(row);
                    }
                    catalog_writer.gone.extend(gone);
                    for (run, at_once) in stored {
                        *catalog_writer.to_sum_up.entry(run).or_default() |= at_once;
                    }
                    // The repair must come before our rows, which would hide how old the newest row is that other nodes
                    // did not get to write.
                    catalog_writer.repair_from.get_or_insert(RepairFrom::Newest);
                    catalog_writer.rest(&error, ctx);
                }
            },
        ));
    }

    /// Takes one step of a repair: writes runs that changed since the start into the catalog.
    fn repair(&mut self, from: RepairFrom, ctx: &mut Context<Self>) {
        self.busy = true;
        let (catalog, journal) = (self.catalog.clone(), self.journal.clone());
        let step = async move {
            let away = |error: JournalError| CatalogError(error.to_string());
            let (since, behind) = match from {
                RepairFrom::Behind(since, position) => (since, Some(position)),
                RepairFrom::Newest => {
                    // The newest row may have been dated by a clock that was ahead. Runs that changed later must not be
                    // left out.
                    let newest = catalog.newest().await?.map(|at| at.min(journal.now()));
                    (newest.map_or(Timestamp::from_millis(0), |at| at.plus_millis(-REPAIR_MARGIN_MS)), None)
                }
            };
            let changed = journal.changed_since(since, behind.as_ref(), REPAIR_STEP).await.map_err(away)?;
            let rows: Vec<RunRow> = changed.runs.into_iter().map(row).collect();
            catalog.record(&rows).await?;
            if behind.is_none() {
                let gone = journal.gone_since(since, MAX_WAITING).await.map_err(away)?;
                catalog.forget(&gone).await?;
            }
            Ok((rows.len(), changed.next.map(|position| RepairFrom::Behind(since, position))))
        };
        ctx.spawn(wrap_future::<_, Self>(step).map(|stepped, catalog_writer, ctx| match stepped {
            Ok((count, next)) => {
                catalog_writer.busy = false;
                catalog_writer.repair_from = next;
                if catalog_writer.repair_from.is_none() {
                    debug!(runs = count, "the list of runs is whole");
                    if catalog_writer.waiting.is_empty() && catalog_writer.gone.is_empty() {
                        catalog_writer.go_on();
                    }
                }
                catalog_writer.work(ctx);
            }
            Err(error) => catalog_writer.rest(&error, ctx),
        }));
    }

    /// Ends a time of failure, because a write has succeeded or there is nothing to write.
    fn go_on(&mut self) {
        if std::mem::take(&mut self.held_up) {
            info!("the list of runs is written again");
        }
    }

    fn rest(&mut self, error: &CatalogError, ctx: &mut Context<Self>) {
        // It is logged once, because the catalog may be unreachable for long.
        if !std::mem::replace(&mut self.held_up, true) {
            warn!(%error, waiting = self.waiting.len(), "the list of runs could not be written");
        }
        metrics::counter!("runcast_catalog_failures_total").increment(1);
        ctx.run_later(RETRY, |catalog_writer, ctx| {
            catalog_writer.busy = false;
            catalog_writer.work(ctx);
        });
    }
}

fn row(RunHead { run, head }: RunHead) -> RunRow {
    let Head { status, tip, created_at, last_at, .. } = head;
    RunRow { run, status, tip, created_at, last_at }
}

impl Actor for CatalogWriter {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.work(ctx);
        ctx.run_interval(PACE, Self::work);
        ctx.run_interval(self.summaries.pace().min(PACE), Self::sum_up);
        ctx.run_interval(self.summaries.sweep_every(), Self::sweep);
        ctx.run_interval(self.repair_every, |catalog_writer, _| {
            catalog_writer.repair_from.get_or_insert(RepairFrom::Newest);
        });
    }
}

impl Handler<RunChanged> for CatalogWriter {
    type Result = ();

    fn handle(&mut self, RunChanged { row, stores }: RunChanged, _: &mut Self::Context) {
        if self.waiting.len() < MAX_WAITING {
            if stores {
                let ends = row.status.is_some_and(RunStatus::is_final);
                *self.to_sum_up.entry(row.run.clone()).or_default() |= ends;
            }
            self.waiting.insert(row.run.clone(), row);
        } else if self.repair_from.is_none() {
            self.repair_from = Some(RepairFrom::Newest);
        }
    }
}

impl Handler<RunsGone> for CatalogWriter {
    type Result = ();

    fn handle(&mut self, RunsGone(runs): RunsGone, _: &mut Self::Context) {
        for run in &runs {
            self.waiting.remove(run);
            self.to_sum_up.remove(run);
            self.summaries.forget(run);
        }
        self.gone.extend(runs);
    }
}

#[cfg(test)]
mod tests;
