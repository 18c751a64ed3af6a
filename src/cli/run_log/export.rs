//! `runcast export-log`: a run, or all runs, into files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;

use super::super::artifacts::print;
use super::super::stores::{self, StoreArgs};
use super::super::terminal::counted;
use super::super::{block_on, parse_run};
use super::ends::{self, ExportStores};
use super::lines::EndLine;
use super::write::RunLogWriter;
use crate::config::{Config, EXIT_CONFIG};
use crate::protocol::{ArtifactId, RunId, Timestamp};
use crate::storage::catalog::artifacts::KeptArtifact;
use crate::storage::journal::RunPhase;

/// Bytes of events that are read at a time.
const PAGE_BYTES: usize = 1024 * 1024;
/// Artifacts, and runs, that are read at a time.
const PAGE: usize = 500;

/// `runcast export-log`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Reads the stores of the configuration, of a node or a cluster that goes on meanwhile. Artifacts are in \
                  the file by name, not their bytes. docs/operations.md says how runs are moved.\n\
                  Exit codes: 0 done, 1 not done, 2 wrong usage, 64 refused configuration or a store of a newer build."
)]
pub struct ExportLogArgs {
    /// The run
    #[arg(value_name = "RUN", value_parser = parse_run, required_unless_present = "all")]
    run: Option<RunId>,
    /// Write this file, which must not be there
    #[arg(value_name = "FILE", required_unless_present = "all")]
    file: Option<PathBuf>,
    /// Write all runs, each into a file RUN.runlog of this directory, which must be empty
    #[arg(long, value_name = "DIR", conflicts_with_all = ["run", "file"])]
    all: Option<PathBuf>,
    #[command(flatten)]
    stores: StoreArgs,
}

/// Exports and says what.
///
/// # Errors
/// Something could not be read or written. Files that have been told are whole.
pub fn run(args: &ExportLogArgs) -> anyhow::Result<ExitCode> {
    let Some(config) = args.stores.load() else { return Ok(ExitCode::from(EXIT_CONFIG)) };
    match block_on(export(args, &config))? {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => stores::refusal(error),
    }
}

async fn export(args: &ExportLogArgs, config: &Config) -> anyhow::Result<()> {
    if let Some(directory) = &args.all {
        fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
        if fs::read_dir(directory)?.next().is_some() {
            bail!("{} is not empty: nothing was exported", directory.display());
        }
    }
    let source = ends::source(config).await?;
    let exported = match (&args.run, &args.file, &args.all) {
        (_, _, Some(directory)) => export_all(&source, directory).await,
        (Some(run), Some(file), None) => match export_one(&source, run, file).await? {
            Some(end) => tell_of(run, &end, file),
            None => bail!("there is no run {run}"),
        },
        _ => Ok(()), // clap has asked for them
    };
    source.close().await;
    exported
}

async fn export_all(source: &ExportStores, directory: &Path) -> anyhow::Result<()> {
    let (mut after, mut runs) = (None, 0);
    loop {
        let page = source.log.runs(Timestamp::from_millis(0), after.as_ref(), PAGE).await?;
        for listed in page.runs {
            let file = directory.join(format!("{}.runlog", listed.run));
            // A run that was listed twice has changed in between.
            if file.exists() {
                continue;
            }
            if let Some(end) = export_one(source, &listed.run, &file).await? {
                tell_of(&listed.run, &end, &file)?;
                runs += 1;
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(print(&[format!("{} in {}", counted(runs, "run", "runs"), directory.display())])?)
}

fn tell_of(run: &RunId, end: &EndLine, file: &Path) -> anyhow::Result<()> {
    let (events, artifacts) = (counted(end.events, "event", "events"), counted(end.artifacts, "artifact", "artifacts"));
    Ok(print(&[format!("{run}: {events}, {artifacts} in {}", file.display())])?)
}

/// Writes a run's file; `None` when there is no such run, or it has expired.
async fn export_one(source: &ExportStores, run: &RunId, file: &Path) -> anyhow::Result<Option<EndLine>> {
    let moved = source.log.moved_run(run).await?;
    let Some(moved) = moved.filter(|moved| moved.head.phase != RunPhase::Gone && moved.head.tip > 0) else {
        return Ok(None);
    };
    let mut writer = RunLogWriter::begin(file, &moved)?;
    let mut last = 0;
    while last < moved.head.tip {
        let segments = source.log.segments(run, last, PAGE_BYTES).await?;
        // What is stored behind the tip came later, and is not of this export.
        for segment in segments.iter().take_while(|segment| segment.last() <= moved.head.tip) {
            writer.segment(segment)?;
            last = segment.last();
        }
        if segments.last().is_none_or(|segment| segment.last() > last && last < moved.head.tip) {
            bail!("the run {run} changed while it was read: it may have expired");
        }
    }
    if let Some(catalog) = &source.catalog {
        let mut after: Option<ArtifactId> = None;
        loop {
            let page = catalog.of_run(run, after, PAGE).await?;
            let Some(KeptArtifact { artifact, .. }) = page.last() else { break };
            after = Some(artifact.id);
            for kept in &page {
                writer.artifact(&kept.artifact)?;
            }
        }
        if let Some(pin) = catalog.pinned(run).await? {
            writer.pin(&pin)?;
        }
    }
    writer.finish(file).map(Some)
}
