//! `runcast publish`: NDJSON from a file or a pipe into a run, as a worker does it.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::batch::{BatchLimits, Batches};
use super::post::Poster;
use super::{ServerArgs, block_on, parse_run, tell};
use crate::protocol::RunId;

/// Bytes at which a batch is posted. 256 KiB.
const BATCH_BYTES: usize = 256 * 1024;

/// `runcast publish`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "An event is a JSON object with a `type`. Events are numbered, so that a repeated request stores \
                        nothing twice.\nExit codes: 0 all events are stored, 1 they are not (stderr says why), \
                        2 wrong usage."
)]
pub struct PublishArgs {
    /// The run; its first event creates it
    #[arg(value_parser = parse_run)]
    run: RunId,
    /// NDJSON, one event a line; - is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    #[command(flatten)]
    servers: ServerArgs,
    /// Most events per request
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    batch: u64,
    /// Give up after so many seconds without progress
    #[arg(long, default_value_t = 60, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

/// What was posted.
#[derive(Default)]
struct Sum {
    stored: u64,
    duplicates: u64,
    cursor: Option<String>,
}

/// Posts everything.
///
/// # Errors
/// When not all events could be stored.
pub fn run(args: PublishArgs) -> anyhow::Result<ExitCode> {
    let (input, size) = open(&args.file)?;
    let bar = progress_bar(size);
    let mut sum = Sum::default();
    let outcome = block_on(publish(&args, input, &bar, &mut sum))?;
    bar.finish_and_clear();
    let cursor = sum.cursor.map_or_else(String::new, |cursor| format!(", cursor {cursor}"));
    tell(format_args!("{}: {} events stored, {} duplicates{cursor}", args.run, sum.stored, sum.duplicates));
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn publish(
    args: &PublishArgs,
    input: Box<dyn Read + Send>,
    bar: &ProgressBar,
    sum: &mut Sum,
) -> anyhow::Result<()> {
    let mut poster = Poster::new(&args.servers.url, &args.run, Duration::from_secs(args.timeout))?;
    let mut batches = Batches::new(input, BatchLimits { bytes: BATCH_BYTES, events: args.batch })?;
    while let Some(batch) = batches.next().await.with_context(|| format!("reading {}", args.file.display()))? {
        let on_retry = |why: &str| bar.set_message(format!("again: {why}"));
        let posted = poster.post(batch.body, batch.events, on_retry).await;
        let (first, last) = batch.lines;
        let receipt = posted.with_context(|| format!("lines {first} to {last} (events 0 to {})", batch.events - 1))?;
        sum.stored += receipt.stored;
        sum.duplicates += receipt.duplicates;
        sum.cursor = receipt.cursor.or(sum.cursor.take());
        bar.set_position(batch.offset);
        bar.set_message(format!("{} events", sum.stored + sum.duplicates));
    }
    Ok(())
}

/// The input, and its size where it has one.
fn open(path: &Path) -> anyhow::Result<(Box<dyn Read + Send>, Option<u64>)> {
    if path == Path::new("-") {
        if io::stdin().is_terminal() {
            tell("reading events from the terminal, one JSON object a line; end with Ctrl-D");
        }
        return Ok((Box::new(io::stdin()), None));
    }
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let meta = file.metadata()?;
    let size = meta.is_file().then_some(meta.len());
    Ok((Box::new(file), size))
}

/// On stderr, and only if that is a terminal.
fn progress_bar(size: Option<u64>) -> ProgressBar {
    let (bar, template) = match size {
        Some(size) => (ProgressBar::new(size), "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {wide_msg}"),
        None => (ProgressBar::no_length(), "{spinner} {bytes} {bytes_per_sec} {wide_msg}"),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr());
    // The templates are constant; a bar in the default style is no reason to post nothing.
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
