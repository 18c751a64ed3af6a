//! `runcast upload`: uploads files to a run as its artifacts. A file that the run has already is not sent again, so
//! that the same command completes an interrupted upload.

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use futures_util::StreamExt as _;

use self::existing::ExistingArtifacts;
use self::send::{SendError, Sender, Sent};
use self::sources::{UploadSource, UploadSources};
use super::artifacts::fit_for_stdout;
use super::artifacts::listing::{ShownArtifact, Terms, read_existing, saving};
use super::progress::{FileBar, TransferProgress};
use super::request::{Retry, Servers, client};
use super::{ServerArgs, block_on, parse_run, tell};
use crate::protocol::{ArtifactKind, RunId};

mod existing;
mod send;
mod source_file;
pub(super) use source_file::SourceRead;
mod sources;
mod transfer;

/// `runcast upload`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Files go straight to the store where the server offers that, else through the server. What the run has \
                  already, under the same name and byte for byte, is not sent again: after a failure, run the same \
                  command again.\nExit codes: 0 all files are there, 1 not all are (stderr says why), 2 wrong usage."
)]
pub struct UploadArgs {
    /// The run; it may have ended, or not exist yet
    #[arg(value_parser = parse_run)]
    run: RunId,
    /// Files; of a directory all that is in it, under names relative to it
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The artifact's name, for a single file [default: the file's name]
    #[arg(long)]
    name: Option<String>,
    /// What the files are: trace, video, screenshot, log, report or other [default: guessed]
    #[arg(long, value_parser = parse_kind)]
    kind: Option<ArtifactKind>,
    /// Media type of the files [default: guessed from the name]
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// The test that they belong to
    #[arg(long, value_name = "ID")]
    test: Option<String>,
    /// Files that are uploaded at a time
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    parallel: u8,
    /// Send through the server, also where its store takes uploads itself
    #[arg(long)]
    through_server: bool,
    /// Write each artifact as the JSON that the server has for it, one a line, to stdout
    #[arg(long)]
    json: bool,
    /// Say only what fails
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    servers: ServerArgs,
    /// Give up a file after so many seconds without progress
    #[arg(long, default_value_t = 60, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

fn parse_kind(text: &str) -> Result<ArtifactKind, String> {
    let kinds = || ArtifactKind::ALL.map(ArtifactKind::as_str).join(", ");
    ArtifactKind::parse(text).ok_or_else(|| format!("must be one of {}", kinds()))
}

/// Totals over all files.
#[derive(Debug, Default)]
struct UploadTotals {
    uploaded: u64,
    already_there: u64,
    failed: u64,
    size: u64,
    stored: u64,
}

/// Uploads all files.
///
/// # Errors
/// The server can't be asked for its terms, or what `--json` writes can't be written.
pub fn run(args: UploadArgs) -> anyhow::Result<ExitCode> {
    if args.name.is_some() && (args.files.len() > 1 || args.files.iter().any(|path| path.is_dir())) {
        bail!("--name is for a single file");
    }
    let UploadSources { files, unusable } = UploadSources::find(&args.files, args.name.as_deref());
    for file in &unusable {
        tell(format_args!("{}: {}", file.path.display(), file.reason));
    }
    let totals = UploadTotals { failed: unusable.len() as u64, ..UploadTotals::default() };
    let totals = block_on(upload(&args, &files, totals))??;
    if !args.quiet {
        tell(&totals);
    }
    Ok(if totals.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn upload(args: &UploadArgs, files: &[UploadSource], mut totals: UploadTotals) -> anyhow::Result<UploadTotals> {
    if files.is_empty() {
        return Ok(totals);
    }
    let progress = TransferProgress::new(files.len(), args.quiet);
    let sender = sender(args, files, &progress).await?;
    let mut uploads = futures_util::stream::iter(files)
        .map(async |file| {
            let bar = progress.file(&file.name);
            let outcome = sender.send(file, &bar).await;
            tell_outcome(&bar, &outcome);
            outcome
        })
        .buffer_unordered(args.parallel.into());
    let mut out = args.json.then(io::stdout);
    while let Some(outcome) = uploads.next().await {
        totals.add(&outcome);
        if let (Ok(Sent::Uploaded(artifact) | Sent::AlreadyThere(artifact)), Some(stdout)) = (&outcome, &mut out) {
            match writeln!(stdout, "{}", fit_for_stdout(&artifact.json)) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => out = None,
                written => written.context("writing to stdout")?,
            }
        }
    }
    progress.end();
    Ok(totals)
}

/// Reads the run's artifacts and the server's terms for uploads.
async fn sender(args: &UploadArgs, files: &[UploadSource], progress: &TransferProgress) -> anyhow::Result<Sender> {
    let (servers, patience) = (Servers::new(&args.servers.urls()?)?, Duration::from_secs(args.timeout));
    let names: HashSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let mut there = ExistingArtifacts::default();
    let on_retry = |retry: &Retry<'_>| {
        if retry.is_news() {
            progress.say(retry);
        }
    };
    let terms = read_existing(&servers, &args.run, patience, on_retry, |artifact| {
        there.add(artifact, |name| names.contains(name));
    });
    let terms = terms.await.with_context(|| format!("asking for the artifacts of {}", args.run))?;
    Ok(Sender {
        servers,
        // The store may be encrypted when the server is not, and vice versa.
        store: client(true, None).or_else(|_| client(false, None))?,
        run: args.run.clone(),
        kind: args.kind,
        content_type: args.content_type.clone(),
        test: args.test.clone(),
        patience,
        terms: Terms { direct: terms.direct && !args.through_server, ..terms },
        there,
    })
}

fn tell_outcome(bar: &FileBar<'_>, outcome: &Result<Sent, SendError>) {
    match outcome {
        Ok(Sent::Uploaded(ShownArtifact { size: Some(size), stored_size: Some(stored), .. })) => {
            bar.ends(saving(*size, *stored))
        }
        Ok(Sent::Uploaded(_)) => bar.ends("uploaded"),
        Ok(Sent::AlreadyThere(_)) => bar.ends("already there"),
        Err(error) => bar.fails(error),
    }
}

impl UploadTotals {
    fn add(&mut self, outcome: &Result<Sent, SendError>) {
        let (count, artifact) = match outcome {
            Ok(Sent::Uploaded(artifact)) => (&mut self.uploaded, Some(artifact)),
            Ok(Sent::AlreadyThere(artifact)) => (&mut self.already_there, Some(artifact)),
            Err(_) => (&mut self.failed, None),
        };
        *count += 1;
        if let Some(ShownArtifact { size: Some(size), stored_size: Some(stored), .. }) = artifact {
            self.size += size;
            self.stored += stored;
        }
    }
}

impl std::fmt::Display for UploadTotals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { uploaded, already_there, failed, size, stored } = self;
        write!(f, "{uploaded} uploaded, {already_there} already there, {failed} failed, {}", saving(*size, *stored))
    }
}
