//! `runcast export`: a run as one file, to keep after its retention.

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, ValueEnum};
use reqwest::Response;
use tokio::time::timeout;

use super::request::{AskError, Failed, PartFile, Servers, read_body, respond, tell_retry};
use super::terminal::{counted, plain};
use super::{AskArgs, about_run, block_on, parse_run, tell};
use crate::protocol::RunId;

/// Most characters of a line that is shown on a terminal.
const LINE_CHARS: usize = 100_000;

/// What a run is exported as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ExportForm {
    /// A page without script: outcomes, failures with their screenshots, all tests, the end of the log
    Html,
    /// JUnit XML, which CI systems read
    Junit,
    /// Everything: the log to the byte, the state, both reports, the artifacts
    Zip,
}

/// `runcast export`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Exit codes: 0 it is written, 1 it could not be, or not whole (stderr says why), 2 wrong usage."
)]
pub struct ExportArgs {
    /// The run
    #[arg(value_parser = parse_run)]
    run: RunId,
    /// What to write
    #[arg(long, short, value_enum)]
    format: ExportForm,
    /// Write into this file, which is replaced if it is there; - is stdout
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    #[command(flatten)]
    asking: AskArgs,
}

/// Writes the run.
///
/// # Errors
/// There is no such run, no server has it whole, or it can't be written.
pub fn run(args: ExportArgs) -> anyhow::Result<ExitCode> {
    let is_stdout = args.output == Path::new("-");
    if is_stdout && args.format == ExportForm::Zip && io::stdout().is_terminal() {
        bail!("a zip file is nothing for a terminal: name a file by --output, {}.zip for instance", args.run);
    }
    let written = block_on(export(&args, is_stdout))?.map_err(|error| about_run(error, &args.run))?;
    if !is_stdout {
        tell(format_args!("{}: {}", args.output.display(), counted(written, "byte", "bytes")));
    }
    Ok(ExitCode::SUCCESS)
}

async fn export(args: &ExportArgs, is_stdout: bool) -> Result<u64, AskError> {
    let servers = args.asking.servers()?;
    servers.insist_on(args.asking.patience(), |left| attempt(&servers, args, is_stdout, left), tell_retry).await
}

async fn attempt(servers: &Servers, args: &ExportArgs, is_stdout: bool, left: Duration) -> Result<u64, Failed> {
    let format = args.format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    let asking = servers.ask(|client, server| {
        let request = client.get(server.export(&args.run, &format));
        async move {
            let head = timeout(left, respond(request)).await;
            head.unwrap_or_else(|_| Err(Failed::Again("no answer in time".into(), None)))
        }
    });
    let response = asking.await?;
    if is_stdout { to_stdout(response).await } else { to_file(response, &args.output).await }
}

/// What was written can't be taken back: a body that breaks off is not asked for again.
async fn to_stdout(response: Response) -> Result<u64, Failed> {
    let (mut out, mut all, mut written) = (io::stdout(), Vec::new(), 0);
    let is_terminal = out.is_terminal();
    let read = read_body(response, |piece| {
        written += piece.len() as u64;
        if is_terminal {
            all.extend_from_slice(piece);
            return Ok(());
        }
        match out.write_all(piece) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
            written => written,
        }
    });
    match read.await {
        Err(Failed::Again(reason, _)) if written > 0 => {
            return Err(Failed::ForGood(AskError::Failed(format!("it broke off after {written} bytes: {reason}"))));
        }
        read => read?,
    }
    let lines: Vec<_> = String::from_utf8_lossy(&all).lines().map(|line| plain(line, LINE_CHARS)).collect();
    let shown = super::artifacts::print(&lines).and_then(|()| out.flush());
    shown.map_err(|error| Failed::ForGood(AskError::Failed(format!("stdout: {error}"))))?;
    Ok(written)
}

async fn to_file(response: Response, path: &Path) -> Result<u64, Failed> {
    let refused = |error: io::Error| Failed::ForGood(AskError::Failed(format!("{}: {error}", path.display())));
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        // A device or a pipe takes the bytes and no name.
        let mut file = fs::OpenOptions::new().write(true).open(path).map_err(refused)?;
        let mut written = 0;
        read_body(response, |piece| {
            written += piece.len() as u64;
            file.write_all(piece)
        })
        .await?;
        return Ok(written);
    }
    let mut part = PartFile::open(path, &std::process::id().to_string()).map_err(refused)?;
    // A process with the same id, in a container for instance, may have been killed and left a part of its own.
    part.clear().map_err(refused)?;
    match read_body(response, |piece| part.write(piece)).await {
        Ok(()) => {
            let written = part.size().map_err(refused)?;
            part.finish().map_err(refused)?;
            Ok(written)
        }
        Err(failed) => {
            part.discard();
            Err(failed)
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::http;

    use super::*;

    #[tokio::test]
    async fn what_a_killed_export_has_left_is_no_part_of_the_next_one() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("r.html");
        fs::write(home.path().join(format!("r.html.{}.part", std::process::id())), "left behind").unwrap();
        let written = to_file(Response::from(http::Response::new("whole")), &path).await;
        assert!(matches!(written, Ok(5)));
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
