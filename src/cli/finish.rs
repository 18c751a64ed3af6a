//! `runcast finish`: says that a run is finished, for runs whose workers can't say so themselves.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;

use super::artifacts::{fit_for_stdout, print};
use super::request::{read, tell_retry};
use super::terminal::plain;
use super::{AskArgs, block_on, parse_run};
use crate::protocol::RunId;
use crate::protocol::status::RunStatus;

/// Most characters shown of a status.
const STATUS_CHARS: usize = 64;

/// `runcast finish`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Workers that have not ended are interrupted, and shards that were announced are not waited for \
                        any more. A run that is finished already stays as it is.\n\
                        Exit codes: 0 the run is finished, 1 it could not be (stderr says why), 2 wrong usage."
)]
pub struct FinishArgs {
    /// The run
    #[arg(value_parser = parse_run)]
    run: RunId,
    /// How it ended [default: what its workers have said]
    #[arg(long, value_name = "STATUS", value_parser = parse_status)]
    status: Option<RunStatus>,
    /// Write the server's answer as the JSON that it is
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: AskArgs,
}

fn parse_status(text: &str) -> Result<RunStatus, String> {
    RunStatus::parse(text).filter(|status| status.is_final()).ok_or_else(|| {
        let known = RunStatus::NAMES.iter().filter(|name| RunStatus::parse(name).is_some_and(RunStatus::is_final));
        format!("must be one of {}", known.copied().collect::<Vec<_>>().join(", "))
    })
}

/// Finishes the run.
///
/// # Errors
/// No server has done it.
pub fn run(args: FinishArgs) -> anyhow::Result<ExitCode> {
    #[derive(Deserialize)]
    struct Finished {
        status: String,
    }
    let servers = args.asking.servers()?;
    let body = args.status.map_or_else(|| json!({}), |status| json!({"status": status.as_str()})).to_string();
    let finishing = servers.insist(
        args.asking.patience(),
        |client, server| {
            client.post(server.finish(&args.run)).header(CONTENT_TYPE, "application/json").body(body.clone())
        },
        tell_retry,
    );
    let answer = block_on(finishing)?.with_context(|| format!("finishing {}", args.run))?;
    let Finished { status } = read(&answer)?;
    print(&[match args.json {
        true => fit_for_stdout(&String::from_utf8_lossy(&answer)),
        false => format!("{} is finished: {}", args.run, plain(&status, STATUS_CHARS)),
    }])?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_status_that_ends_a_run_finishes_it() {
        assert_eq!(parse_status("passed").map(|status| status.as_str()), Ok("passed"));
        for wrong in ["running", "over", ""] {
            let refused = parse_status(wrong).unwrap_err();
            assert!(refused.contains("passed") && !refused.contains("running"), "{refused}");
        }
    }
}
