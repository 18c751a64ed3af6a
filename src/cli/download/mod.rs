//! `runcast download`: a run's artifacts as files. What broke off goes on, and no file is overwritten unasked.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use futures_util::StreamExt as _;
use indicatif::DecimalBytes;

use self::fetch::{FetchError, Fetched, Fetching};
use self::pattern::fits;
use self::place::places;
use super::artifacts::list;
use super::progress::{FileBar, TransferProgress};
use super::request::client;
use super::terminal::{counted, plain};
use super::{AskArgs, about_run, block_on, parse_run, tell};
use crate::protocol::RunId;

mod fetch;
mod pattern;
mod place;

/// Most characters shown of a pattern.
const PATTERN_CHARS: usize = 200;

/// `runcast download`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "A pattern without a slash is about the last part of a name, *.webm for instance; * and ? stand for \
                  no slash, ** for anything: 'linux/**'. A name that would lead out of the directory becomes one that \
                  does not. After a failure, run the same command again: it goes on.\n\
                  Exit codes: 0 all files are there, 1 not all are (stderr says why), 2 wrong usage."
)]
pub struct DownloadArgs {
    /// The run
    #[arg(value_parser = parse_run)]
    run: RunId,
    /// Only artifacts whose names fit one of these patterns
    #[arg(value_name = "GLOB")]
    patterns: Vec<String>,
    /// Write below this directory
    #[arg(long, short = 'D', value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Replace files that are there and differ
    #[arg(long)]
    overwrite: bool,
    /// Files that are downloaded at a time
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    parallel: u8,
    /// Say only what fails
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    asking: AskArgs,
}

/// Totals over all files.
#[derive(Debug, Default)]
struct DownloadTotals {
    downloaded: u64,
    already_there: u64,
    failed: u64,
    bytes: u64,
}

/// Downloads the artifacts.
///
/// # Errors
/// No server says which there are, or none fits.
pub fn run(args: DownloadArgs) -> anyhow::Result<ExitCode> {
    let totals = block_on(download(&args))??;
    if !args.quiet {
        let DownloadTotals { downloaded, already_there, failed, bytes } = totals;
        let bytes = DecimalBytes(bytes);
        tell(format_args!("{downloaded} downloaded ({bytes}), {already_there} already there, {failed} failed"));
    }
    Ok(if totals.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn download(args: &DownloadArgs) -> anyhow::Result<DownloadTotals> {
    let artifacts = list(&args.asking, &args.run).await.map_err(|error| about_run(error, &args.run))?;
    let ready: Vec<_> = artifacts.into_iter().filter(|artifact| artifact.is_ready()).collect();
    // Where an artifact is written does not depend on which others are.
    let is_wanted = |name: &str| args.patterns.is_empty() || args.patterns.iter().any(|pattern| fits(pattern, name));
    let places = places(&ready);
    let wanted: Vec<_> = ready.iter().zip(&places).filter(|(artifact, _)| is_wanted(&artifact.name)).collect();
    if wanted.is_empty() {
        match args.patterns.is_empty() {
            true => bail!("{} has no artifact", args.run),
            false => {
                let patterns = plain(&args.patterns.join(" "), PATTERN_CHARS);
                let (run, all) = (&args.run, counted(ready.len() as u64, "artifact", "artifacts"));
                bail!("{run} has {all}, and none whose name fits {patterns}: runcast artifacts {run}")
            }
        }
    }
    let progress = TransferProgress::new(wanted.len(), args.quiet);
    // The URLs of files may be encrypted when the server is not, and vice versa.
    let files = client(true, None).or_else(|_| client(false, None))?;
    let fetching = Fetching { args, servers: args.asking.servers()?, files };
    let mut fetches = futures_util::stream::iter(wanted)
        .map(async |(artifact, place)| {
            let bar = progress.file(&place.to_string_lossy());
            let outcome = fetching.fetch(artifact, place, &bar).await;
            tell_outcome(&bar, &outcome);
            outcome
        })
        .buffer_unordered(args.parallel.into());
    let mut totals = DownloadTotals::default();
    while let Some(outcome) = fetches.next().await {
        totals.add(&outcome);
    }
    progress.end();
    Ok(totals)
}

fn tell_outcome(bar: &FileBar<'_>, outcome: &Result<Fetched, FetchError>) {
    match outcome {
        Ok(Fetched::Downloaded(bytes)) => bar.ends(DecimalBytes(*bytes)),
        Ok(Fetched::AlreadyThere) => bar.ends("already there"),
        Ok(Fetched::Unlike) => bar.ends("a file is there, and stays as it is: --overwrite replaces it"),
        Err(error) => bar.fails(error),
    }
}

impl DownloadTotals {
    fn add(&mut self, outcome: &Result<Fetched, FetchError>) {
        match outcome {
            Ok(Fetched::Downloaded(bytes)) => {
                self.downloaded += 1;
                self.bytes += bytes;
            }
            Ok(Fetched::AlreadyThere | Fetched::Unlike) => self.already_there += 1,
            Err(_) => self.failed += 1,
        }
    }
}
