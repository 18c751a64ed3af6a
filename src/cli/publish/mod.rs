//! `runcast publish`: posts NDJSON from a file or a pipe to a run, as a numbered producer.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use self::batch::{BatchLimits, Batches};
use self::identity::producer_of;
use self::send::Sending;
use super::producer::Poster;
use super::terminal::counted;
use super::{EXIT_INTERRUPTED, ServerArgs, block_on, parse_run, tell};
use crate::protocol::{ProducerId, RunId};

mod batch;
mod identity;
mod keep_bad;
mod lines;
mod refusal;
mod send;
mod spill;

/// Bytes at which a batch is posted. 256 KiB.
const BATCH_BYTES: usize = 256 * 1024;

/// Exit code if some lines were refused and all others are stored: `EX_DATAERR` of sysexits.h.
const EXIT_LINES_REFUSED: u8 = 65;

/// `runcast publish`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "An event is a JSON object with a `type`. Events are numbered, so that a repeated request stores \
                        nothing twice.\nA spill file of a JavaScript client is posted under the numbers that \
                        it has, as often as you like.\nA file that was published to the run before, or a part of it, is \
                        recognised by its name and content, and stored once; not so a pipe.\n\
                        A line that is no event is named on stderr, and all others are stored.\n\
                        Exit codes: 0 all lines are stored; 65 all but those that stderr names, with --keep-bad also \
                        those, as log events; 1 the rest could not be stored (stderr says why); 2 wrong usage; 130 Ctrl-C."
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
    /// Store a line that is refused as a log event: its text as far as it fits, its number and the reason
    #[arg(long)]
    keep_bad: bool,
    /// Refuse also what a server would store and not understand: members of a wrong kind, misspelt ones
    #[arg(long)]
    strict: bool,
    /// Store the events of a file once more, if it was published before
    #[arg(long)]
    again: bool,
    /// Give up after so many seconds without progress
    #[arg(long, default_value_t = 60, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

/// What is published.
struct PublishInput {
    reader: Box<dyn io::Read + Send>,
    /// Of a regular file: its bytes.
    size: Option<u64>,
    /// Of a regular file, unless it is to be stored again: whose its events are.
    producer: Option<ProducerId>,
}

/// Posts all lines.
///
/// # Errors
/// The server refuses all further events or is away for too long, or the input can't be read.
pub fn run(args: PublishArgs) -> anyhow::Result<ExitCode> {
    let PublishInput { reader, size, producer } = PublishInput::open(&args)?;
    let bar = progress_bar(size);
    let mut poster = Poster::new(&args.servers.urls()?, &args.run, Duration::from_secs(args.timeout))?;
    if let Some(producer) = &producer {
        poster.repeat(producer);
    }
    let limits = BatchLimits { bytes: BATCH_BYTES, lines: usize::try_from(args.batch)? };
    let strict = args.strict.then(|| args.run.clone());
    let mut sending = Sending::new(poster, limits, args.keep_bad, strict, &bar);
    let outcome = block_on(async {
        tokio::select! {
            outcome = publish(&args.file, reader, limits, &mut sending) => Some(outcome),
            interrupted = tokio::signal::ctrl_c() => interrupted.err().map(|error| Err(error.into())),
        }
    })?;
    let sum = sending.into_sum();
    bar.finish_and_clear();
    if let Some(hint) = sum.hint(&args.file, &args.run) {
        tell(hint);
    }
    tell(format_args!("{}: {sum}", args.run));
    match outcome {
        None => {
            let (stored, last) = (counted(sum.stored(), "event", "events"), sum.last_line);
            let rest = rest(&args, producer.is_some(), last);
            tell(format_args!("stopped: {stored} of {} stored, up to line {last}; {rest}", named(&args.file)));
            Ok(ExitCode::from(EXIT_INTERRUPTED))
        }
        Some(outcome) => outcome.map(|()| match sum.refused {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::from(EXIT_LINES_REFUSED),
        }),
    }
}

/// How to go on behind a line.
fn rest(args: &PublishArgs, is_recognised: bool, line: u64) -> String {
    let (run, file) = (&args.run, args.file.display());
    if is_recognised {
        "the same command goes on from there".to_owned()
    } else if args.file == Path::new("-") {
        "what came behind it was not posted".to_owned()
    } else {
        format!("to go on: tail -n +{} {file} | runcast publish {run} -", line + 1)
    }
}

fn named(file: &Path) -> String {
    if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() }
}

/// Reads the input to its end, unless the run accepts no more. One bad line must not break the pipe of its writer.
async fn publish(
    file: &Path,
    input: Box<dyn io::Read + Send>,
    limits: BatchLimits,
    sending: &mut Sending<'_>,
) -> anyhow::Result<()> {
    let mut batches = Batches::new(input, limits)?;
    while let Some(lines) = batches.next().await.with_context(|| format!("reading {}", file.display()))? {
        sending.send(lines).await?;
    }
    Ok(())
}

impl PublishInput {
    fn open(args: &PublishArgs) -> anyhow::Result<Self> {
        let path = &args.file;
        if path == Path::new("-") {
            if io::stdin().is_terminal() {
                tell("reading events from the terminal, one JSON object a line; end with Ctrl-D");
            }
            return Ok(Self { reader: Box::new(io::stdin()), size: None, producer: None });
        }
        let opening = || format!("opening {}", path.display());
        let mut file = File::open(path).with_context(opening)?;
        let meta = file.metadata().with_context(opening)?;
        if !meta.is_file() || args.again {
            let size = meta.is_file().then_some(meta.len());
            return Ok(Self { reader: Box::new(file), size, producer: None });
        }
        let options = format!("keep_bad={} strict={}", args.keep_bad, args.strict);
        let reading = || format!("reading {}", path.display());
        let (producer, size) = producer_of(&args.run, path, &options, &mut file).with_context(reading)?;
        // What is appended meanwhile would be of another producer.
        Ok(Self { reader: Box::new(file.take(size)), size: Some(size), producer: Some(producer) })
    }
}

/// A progress bar on stderr; hidden unless that is a terminal.
fn progress_bar(size: Option<u64>) -> ProgressBar {
    let (bar, template) = match size {
        Some(size) => (ProgressBar::new(size), "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {wide_msg}"),
        None => (ProgressBar::no_length(), "{spinner} {bytes} {bytes_per_sec} {wide_msg}"),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr());
    // The templates are constants. A bar in the default style is better than a failed command.
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
