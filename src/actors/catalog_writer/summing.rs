//! Sums runs up: reads what is new in their logs, folds it on a thread that folds, and writes summaries and results.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::warn;

use super::fold::SummaryFold;
use super::queue::DueRun;
use crate::protocol::RunId;
use crate::storage::catalog::CatalogError;
use crate::storage::catalog::runs::{NO_PROJECT, ResultRow, RunCatalog, SummaryRow};
use crate::storage::journal::{Head, Journal, JournalError, RunPhase, whole_page};
use crate::tasks::{TaskError, spawn_folding};

/// Most bytes of a page of a log.
const PAGE_BYTES: usize = 256 * 1024;
/// Most pages of a run in one step: the others do not wait long for a run whose log is read from its beginning.
const PAGES: usize = 32;
/// Bytes of results that are written at a time, about.
const RESULT_BYTES: usize = 128 * 1024;

/// What it takes to sum runs up.
#[derive(Clone)]
pub(super) struct SummaryPorts {
    pub(super) catalog: Arc<dyn RunCatalog>,
    pub(super) journal: Arc<dyn Journal>,
}

/// What has become of runs.
#[derive(Default)]
pub(super) struct SummedUp {
    /// Their folds, and whether they are whole.
    pub(super) folds: Vec<(RunId, SummaryFold, bool)>,
    /// Those that there was no room for, as they came.
    pub(super) left: Vec<DueRun>,
    /// Those that are to be tried again later.
    pub(super) failed: Vec<RunId>,
    /// Time of folding.
    pub(super) busy: Duration,
    /// Why some failed.
    pub(super) error: Option<CatalogError>,
}

impl SummedUp {
    /// The catalog did not take what was to be written of a run.
    fn fail(&mut self, run: RunId, mut fold: SummaryFold, error: CatalogError) {
        fold.tell_anew();
        self.error = Some(error);
        self.failed.push(run.clone());
        self.folds.push((run, fold, true));
    }
}

/// A run at its tip.
struct Whole {
    fold: SummaryFold,
    summary: Option<SummaryRow>,
    results: Vec<ResultRow>,
    /// Where more results may be.
    next: Option<usize>,
}

/// How far the fold of a run has come.
enum Progress {
    Whole(Box<Whole>),
    /// Its log is longer than is read at a time.
    Part(Box<SummaryFold>),
    /// Its events are gone, expiring, or lost in part.
    Nothing,
}

impl SummaryPorts {
    /// Sums these runs up, one after the other and one at least, while all folds of this node together take no more
    /// than `max_bytes`. `kept` of them are taken by folds of other runs.
    pub(super) async fn sum_up(self, due: Vec<DueRun>, kept: usize, max_bytes: usize) -> SummedUp {
        let mut done = SummedUp::default();
        let runs: Vec<RunId> = due.iter().map(|due| due.run.clone()).collect();
        let heads = match self.journal.heads(&runs).await {
            Ok(heads) => heads,
            Err(error) => {
                done.error = Some(CatalogError(error.to_string()));
                done.failed = runs;
                return done;
            }
        };
        let mut bytes = kept + due.iter().map(|due| due.bytes).sum::<usize>();
        let (mut summaries, mut whole, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for (nth, (due, head)) in due.into_iter().zip(heads).enumerate() {
            if nth > 0 && bytes > max_bytes {
                done.left.push(due);
                continue;
            }
            bytes -= due.bytes;
            let DueRun { run, fold, .. } = due;
            match self.advance(&run, fold, &head, &mut done.busy).await {
                // Results come first: a summary says by its tip that they are there, also after a crash.
                Ok(Progress::Whole(at_tip)) => match self.keep_results(&run, *at_tip, &mut done.busy).await {
                    Ok((fold, summary)) => {
                        bytes += fold.held_bytes();
                        summaries.extend(summary);
                        whole.push((run, fold));
                    }
                    Err((fold, error)) => {
                        bytes += fold.held_bytes();
                        done.fail(run, fold, error);
                    }
                },
                Ok(Progress::Part(fold)) => {
                    bytes += fold.held_bytes();
                    done.folds.push((run, *fold, false));
                }
                Ok(Progress::Nothing) => gone.push(run),
                Err(error) => {
                    done.error = Some(CatalogError(error.to_string()));
                    done.failed.push(run);
                }
            }
        }
        let written = async {
            self.catalog.summarize(&summaries).await?;
            if gone.is_empty() { Ok(()) } else { self.catalog.give_up(&gone).await }
        };
        match written.await {
            Ok(()) => {
                metrics::counter!("runcast_run_summaries_total").increment(summaries.len() as u64);
                done.folds.extend(whole.into_iter().map(|(run, fold)| (run, fold, true)));
            }
            Err(error) => whole.into_iter().for_each(|(run, fold)| done.fail(run, fold, error.clone())),
        }
        done
    }

    /// Folds a run up to its tip, or as far as is done at a time.
    async fn advance(
        &self,
        run: &RunId,
        mut fold: SummaryFold,
        head: &Head,
        busy: &mut Duration,
    ) -> Result<Progress, JournalError> {
        if head.tip == 0 || head.phase == RunPhase::Gone {
            return Ok(Progress::Nothing);
        }
        fold.settle(head);
        let tip = head.tip;
        for _ in 0..PAGES {
            if fold.tip() >= tip {
                break;
            }
            let page = self.journal.read(run, fold.tip(), PAGE_BYTES).await?;
            if let Err(missing) = whole_page(fold.tip() + 1, &page) {
                warn!(%run, %missing, "a run can't be summed up");
                return Ok(Progress::Nothing);
            }
            let folded = on_a_thread(busy, move || {
                fold.apply(&page, tip);
                fold
            });
            match folded.await {
                Ok(next) => fold = next,
                Err(panicked) => return Ok(gave_up(run, &panicked)),
            }
        }
        if fold.tip() < tip {
            return Ok(Progress::Part(Box::new(fold)));
        }
        while let Some(after) = fold.control_after(head) {
            let page = self.journal.read_control(run, after, PAGE_BYTES).await?;
            // What is behind the tip is not of what is summed up.
            if page.first().is_none_or(|first| first.first() > tip) {
                break;
            }
            let folded = on_a_thread(busy, move || {
                fold.apply_control(&page, tip);
                fold
            });
            match folded.await {
                Ok(next) => fold = next,
                Err(panicked) => return Ok(gave_up(run, &panicked)),
            }
        }
        let whole = on_a_thread(busy, move || {
            let summary = fold.summary();
            let (results, next) = fold.new_results(0, RESULT_BYTES);
            Box::new(Whole { fold, summary, results, next })
        });
        Ok(match whole.await {
            Ok(whole) => Progress::Whole(whole),
            Err(panicked) => gave_up(run, &panicked),
        })
    }

    /// Writes the results of a run that are new; its fold, also when the catalog failed, and its summary.
    async fn keep_results(
        &self,
        run: &RunId,
        whole: Whole,
        busy: &mut Duration,
    ) -> Result<(SummaryFold, Option<SummaryRow>), (SummaryFold, CatalogError)> {
        let Whole { mut fold, summary, mut results, mut next } = whole;
        let project = summary.as_ref().map_or(NO_PROJECT, |summary| &summary.project).to_owned();
        loop {
            if results.is_empty() {
                return Ok((fold, summary));
            }
            if let Err(error) = self.catalog.keep_results(run, &project, fold.tip(), &results).await {
                return Err((fold, error));
            }
            let Some(from) = next else { return Ok((fold, summary)) };
            let more = on_a_thread(busy, move || {
                let more = fold.new_results(from, RESULT_BYTES);
                (fold, more)
            });
            match more.await {
                Ok((whole, more)) => {
                    fold = whole;
                    (results, next) = more;
                }
                Err(panicked) => {
                    let error = CatalogError(panicked.to_string());
                    return Err((SummaryFold::new(run.clone()), error));
                }
            }
        }
    }
}

/// Does something that takes time on a thread where nobody waits, and counts it.
async fn on_a_thread<T: Send + 'static>(
    busy: &mut Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, TaskError> {
    let timed = spawn_folding("run_summary", move || {
        let began = Instant::now();
        let done = work();
        (done, began.elapsed())
    });
    let (done, took) = timed.await?;
    *busy += took;
    Ok(done)
}

fn gave_up(run: &RunId, panicked: &TaskError) -> Progress {
    warn!(%run, %panicked, "a run could not be summed up");
    Progress::Nothing
}
