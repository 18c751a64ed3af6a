//! `runcast artifacts`: lists a run's artifacts.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Args;
use indicatif::DecimalBytes;

use self::listing::{ShownArtifact, percent_saved, read_all, saving};
use super::request::{AskError, tell_retry};
use super::table::{self, Align};
use super::terminal::{counted, plain_json};
use super::{AskArgs, about_run, block_on, parse_run};
use crate::protocol::RunId;

pub(super) mod listing;

/// `runcast artifacts`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit codes: 0 they are listed, 1 they can't be (stderr says why), 2 wrong usage.")]
pub struct ArtifactsArgs {
    /// The run
    #[arg(value_parser = parse_run)]
    run: RunId,
    /// Write each artifact as the JSON that the server has for it, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: AskArgs,
}

/// Lists the artifacts.
///
/// # Errors
/// The server does not return the list, or it can't be written.
pub fn run(args: ArtifactsArgs) -> anyhow::Result<ExitCode> {
    let artifacts = block_on(list(&args.asking, &args.run))?;
    let artifacts = artifacts.map_err(|error| about_run(error, &args.run))?;
    let lines = if args.json { as_json(&artifacts) } else { as_table(&artifacts) };
    print(&lines)?;
    Ok(ExitCode::SUCCESS)
}

/// All artifacts of a run.
///
/// # Errors
/// There is neither an artifact nor an event of such a run, or no server says so.
pub(super) async fn list(asking: &AskArgs, run: &RunId) -> Result<Vec<ShownArtifact>, AskError> {
    let servers = asking.servers()?;
    let mut artifacts = Vec::new();
    read_all(&servers, run, asking.patience(), tell_retry, |artifact| artifacts.push(artifact)).await?;
    if artifacts.is_empty() {
        // An empty list may also be that of a run which has expired, or was deleted: its state says so.
        asking.get(&servers, |server| server.state(run)).await?;
    }
    Ok(artifacts)
}

/// Writes lines to stdout; a closed pipe is not an error.
pub(super) fn print(lines: &[String]) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match lines.iter().try_for_each(|line| writeln!(out, "{line}")).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

/// The JSON unchanged, or with control characters escaped if stdout is a terminal.
pub(super) fn fit_for_stdout(json: &str) -> String {
    if io::stdout().is_terminal() { plain_json(json) } else { json.to_owned() }
}

fn as_json(artifacts: &[ShownArtifact]) -> Vec<String> {
    artifacts.iter().map(|artifact| fit_for_stdout(&artifact.json)).collect()
}

fn as_table(artifacts: &[ShownArtifact]) -> Vec<String> {
    use Align::{Left, Right, Yielding};
    let columns = [
        ("NAME", Left),
        ("KIND", Left),
        ("SIZE", Right),
        ("STORED", Right),
        ("SAVED", Right),
        ("STATE", Left),
        ("EXPIRES", Yielding),
        ("RETAINED BY", Yielding),
        ("ID", Left),
    ];
    let bytes = |bytes: Option<u64>| bytes.map_or("-".into(), |bytes| DecimalBytes(bytes).to_string());
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let row = |artifact: &ShownArtifact| {
        let sizes = artifact.size.zip(artifact.stored_size);
        [
            artifact.name.clone(),
            artifact.kind.clone(),
            bytes(artifact.size),
            bytes(artifact.stored_size),
            sizes.map_or("-".into(), |(size, stored)| percent_saved(size, stored)),
            artifact.state.clone(),
            text(&artifact.expires_at),
            text(&artifact.retained_by),
            artifact.artifact_id.clone(),
        ]
    };
    let mut lines = table::lines(columns, artifacts.iter().map(row).collect());
    let stored = artifacts.iter().filter_map(|artifact| artifact.size.zip(artifact.stored_size));
    let (size, stored) = stored.fold((0, 0), |sum, sizes| (sum.0 + sizes.0, sum.1 + sizes.1));
    lines.push(format!("{}, {}", counted(artifacts.len() as u64, "artifact", "artifacts"), saving(size, stored)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_is_known_of_each() {
        let ready = r#"{"artifactId":"id-1","name":"trace.zip","kind":"trace","size":1000000,"storedSize":400000,
            "state":"ready","expiresAt":"2027-01-01T00:00:00.000Z","retainedBy":"rule:trace"}"#;
        let pending = r#"{"artifactId":"id-2","name":"a\u001b[2J.log","kind":"log","size":null,"state":"pending",
            "expiresAt":null,"retainedBy":"pin"}"#;
        let artifacts = [ready, pending].map(|json| ShownArtifact::parse(json).unwrap());
        let lines = as_table(&artifacts);
        assert_eq!(lines[0].split("  ").map(str::trim).filter(|head| !head.is_empty()).count(), 9, "{lines:?}");
        assert_eq!(
            lines[1],
            "trace.zip       trace  1.00 MB  400.00 kB  60.0 %  ready    2027-01-01T00:00:00.000Z  rule:trace   id-1"
        );
        assert!(lines[2].starts_with("a\\u{1b}[2J.log  log          -"), "{lines:?}");
        assert_eq!(lines[3], "2 artifacts, 1.00 MB -> 400.00 kB stored (60.0 % saved)");
    }
}
