//! `runcast import-log`: runs out of files, into the stores of a node or a cluster.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;

use super::super::artifacts::print;
use super::super::stores::{self, StoreArgs};
use super::super::terminal::counted;
use super::super::{block_on, tell};
use super::artifacts;
use super::ends::{self, ImportStores};
use super::lines::EndLine;
use super::read::{self, Item, Next, RunLogReader};
use crate::config::{Config, EXIT_CONFIG};
use crate::protocol::{Segment, Seq, Timestamp};
use crate::storage::catalog::RunRow;
use crate::storage::journal::moving::{LogSource, MovedRun};
use crate::storage::journal::{RunHead, RunPhase};
use crate::storage::objects::Objects;

/// Bytes of events that are written, or compared, at a time.
const PAGE_BYTES: usize = 1024 * 1024;
/// Rows that are written at a time.
const PAGE: usize = 500;
/// How far behind its newest row the list of runs may lack one: 10 minutes.
const LIST_MARGIN_MS: i64 = 600_000;

/// `runcast import-log`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Writes to the stores of the configuration: to those of a cluster beside its nodes, to the data directory \
                  of a single node only while it is stopped. A run that is there with the same events is left as it is, \
                  one with others is refused. docs/operations.md says how runs are moved.\n\
                  Exit codes: 0 all are there, 1 not all (stderr says why), 2 wrong usage, \
                  64 refused configuration or a store of a newer build."
)]
pub struct ImportLogArgs {
    /// Files of runcast export-log
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Copy the objects of the artifacts from this directory, unless the store has them
    #[arg(long, value_name = "DIR")]
    objects_from: Option<PathBuf>,
    #[command(flatten)]
    stores: StoreArgs,
}

/// What became of a file's run.
enum Imported {
    New,
    /// It was there, with the same events, and perhaps more.
    Known,
}

/// Imports each file and says what came of it.
///
/// # Errors
/// The stores can't be used. What is wrong with a file is told, and the others are imported.
pub fn run(args: &ImportLogArgs) -> anyhow::Result<ExitCode> {
    let Some(config) = args.stores.load() else { return Ok(ExitCode::from(EXIT_CONFIG)) };
    match block_on(import(args, &config))? {
        Ok(0) => Ok(ExitCode::SUCCESS),
        Ok(_) => Ok(ExitCode::FAILURE),
        Err(error) => stores::refusal(error),
    }
}

/// The number of files that could not be imported.
async fn import(args: &ImportLogArgs, config: &Config) -> anyhow::Result<usize> {
    let former = args.objects_from.as_deref().map(artifacts::former_store).transpose()?;
    let mut target = ends::target(config).await?;
    let mut failed = 0;
    // The rows of imported runs would hide how old the newest row is that a node did not get to write.
    mend_list(&target).await?;
    for file in &args.files {
        if let Err(error) = import_file(&mut target, former.as_ref(), file).await {
            target.log.give_up().await;
            tell(format_args!("{error:#}"));
            failed += 1;
        }
    }
    target.close().await;
    Ok(failed)
}

/// Lists the runs of the journal that the catalog may lack.
async fn mend_list(target: &ImportStores) -> anyhow::Result<()> {
    let newest = target.catalog.newest().await?;
    let since = newest.map_or(Timestamp::from_millis(0), |at| at.plus_millis(-LIST_MARGIN_MS));
    let mut after = None;
    loop {
        let page = target.log.runs(since, after.as_ref(), PAGE).await?;
        let rows: Vec<_> = page.runs.into_iter().map(|RunHead { run, head }| row(&MovedRun::bare(run, head))).collect();
        target.catalog.record(&rows).await?;
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

fn row(MovedRun { run, head, .. }: &MovedRun) -> RunRow {
    let (status, tip, created_at, last_at) = (head.status, head.tip, head.created_at, head.last_at);
    RunRow { run: run.clone(), status, tip, created_at, last_at }
}

async fn import_file(target: &mut ImportStores, former: Option<&Objects>, file: &Path) -> anyhow::Result<()> {
    // As a whole, before anything is written.
    let end = read::check(file)?;
    let mut reader = RunLogReader::open(file)?;
    let moved = reader.moved.clone();
    let run = moved.run.clone();
    let there = target.log.moved_run(&run).await?;
    let imported = match there.as_ref().map(|there| (there.head.phase, there.head.tip)) {
        None | Some((_, 0)) => Imported::New,
        Some((RunPhase::Gone, _)) => {
            bail!("{}: the run {run} was there and has expired, or was deleted: its name is taken", file.display())
        }
        Some((_, tip)) if tip < moved.head.tip => bail!(
            "{}: the run {run} is there with {} of {}: delete it there to import it",
            file.display(),
            counted(tip, "event", "events"),
            moved.head.tip
        ),
        Some(_) => Imported::Known,
    };
    match imported {
        Imported::New => target.log.begin(&run).await?,
        Imported::Known => {}
    }
    let missing = copy(target, former, &mut reader, &imported).await.with_context(|| file.display().to_string())?;
    target.catalog.record(&[row(&moved)]).await?;
    told(&moved, &end, &imported, missing, target)
}

/// Takes a file's items to where they belong, or compares them with what is there; how many objects are not there.
async fn copy(
    target: &mut ImportStores,
    former: Option<&Objects>,
    reader: &mut RunLogReader,
    imported: &Imported,
) -> anyhow::Result<u64> {
    let moved = reader.moved.clone();
    let mut known = KnownSegments::default();
    let (mut segments, mut bytes, mut missing) = (Vec::new(), 0, 0);
    while let Next::Item(item) = reader.next()? {
        match item {
            Item::Segment(segment) if matches!(imported, Imported::Known) => {
                known.compare(target.log.as_ref(), &moved, &segment).await?;
            }
            Item::Segment(segment) => {
                bytes += segment.lines().bytes().len();
                let last = segment.last();
                segments.push(segment);
                if bytes >= PAGE_BYTES || last == moved.head.tip {
                    target.log.add(&segments).await?;
                    (segments, bytes) = (Vec::new(), 0);
                }
                if last == moved.head.tip {
                    target.log.finish(&moved).await?;
                }
            }
            Item::Artifact(row) => missing += u64::from(!artifacts::import(target, former, &row).await?),
            Item::Pin(pin) => {
                if target.catalog.pinned(&moved.run).await?.is_none() {
                    target.catalog.pin(&moved.run, &pin).await?;
                }
            }
        }
    }
    Ok(missing)
}

/// The segments of a run that is there already.
#[derive(Default)]
struct KnownSegments {
    next: VecDeque<Arc<Segment>>,
    last: Seq,
}

impl KnownSegments {
    /// Compares the next segment.
    async fn compare<S>(&mut self, log: &S, moved: &MovedRun, segment: &Segment) -> anyhow::Result<()>
    where
        S: LogSource + ?Sized,
    {
        if self.next.is_empty() {
            self.next = log.segments(&moved.run, self.last, PAGE_BYTES).await?.into();
        }
        let same = |there: &Arc<Segment>| {
            (there.epoch(), there.first(), there.at()) == (segment.epoch(), segment.first(), segment.at())
                && there.lines() == segment.lines()
        };
        match self.next.pop_front().filter(same) {
            Some(there) => self.last = there.last(),
            None => bail!(
                "the run {} is there with other events {} to {}: delete it there to import it",
                moved.run,
                segment.first(),
                segment.last()
            ),
        }
        Ok(())
    }
}

fn told(
    moved: &MovedRun,
    end: &EndLine,
    imported: &Imported,
    missing: u64,
    target: &ImportStores,
) -> anyhow::Result<()> {
    let (events, artifacts) = (counted(end.events, "event", "events"), counted(end.artifacts, "artifact", "artifacts"));
    let what = match imported {
        Imported::New => "imported",
        Imported::Known => "there already",
    };
    print(&[format!("{}: {what}, {events}, {artifacts}", moved.run)])?;
    if missing > 0 {
        let store = target.objects.as_ref().map_or_else(|| "objects.url".into(), |objects| objects.location());
        let missing = counted(missing, "artifact", "artifacts");
        tell(format_args!(
            "{}: {missing} of {} without an object in {store}: import again with --objects-from",
            moved.run, end.artifacts
        ));
    }
    Ok(())
}
