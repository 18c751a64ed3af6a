//! `runcast pin`, `unpin` and `delete`: how long a run, and what belongs to it, is kept.

use std::process::ExitCode;

use clap::Args;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;

use super::artifacts::{fit_for_stdout, list, print};
use super::request::{AskError, read, tell_retry};
use super::terminal::plain;
use super::{AskArgs, about_run, block_on, parse_run};
use crate::protocol::{RunId, Timestamp, parse_span};

/// Most characters shown of a reason or a time.
const TEXT_CHARS: usize = 300;

/// `runcast pin`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit codes: 0 they are kept, 1 they could not be pinned (stderr says why), 2 wrong usage.")]
pub struct PinArgs {
    /// The run
    #[arg(value_parser = parse_run)]
    run: RunId,
    /// Why, for whoever wonders later
    #[arg(long, short, default_value = "pinned by the command line", value_name = "TEXT")]
    reason: String,
    /// Until this time, or for so long: 2027-01-31T00:00:00Z, 30d, 12h [default: until it is unpinned]
    #[arg(long, value_name = "TIME", value_parser = parse_until)]
    until: Option<Timestamp>,
    /// Write the server's answer as the JSON that it is
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: AskArgs,
}

/// `runcast unpin`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit codes: 0 the run has no pin, 1 it may still have one (stderr says why), 2 wrong usage.")]
pub struct UnpinArgs {
    /// The run
    #[arg(value_parser = parse_run)]
    run: RunId,
    #[command(flatten)]
    asking: AskArgs,
}

/// `runcast delete`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Nothing brings a deleted run back, and its name stays taken: whoever posts to it is refused.\n\
                        Exit codes: 0 it is gone, 1 it is not, or not altogether (stderr says why), 2 wrong usage."
)]
pub struct DeleteArgs {
    /// The run
    #[arg(value_parser = parse_run)]
    run: RunId,
    /// Also if it has not ended
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    asking: AskArgs,
}

/// A time, or how long from now.
fn parse_until(text: &str) -> Result<Timestamp, String> {
    let from_now = || Some(Timestamp::now().plus_millis(parse_span(text)?));
    let time = Timestamp::parse(text).or_else(from_now);
    time.ok_or_else(|| {
        "must be a time like 2027-01-31T00:00:00Z, or how long from now, like 30d, 12h or 30m".to_owned()
    })
}

/// Keeps the artifacts of a run.
///
/// # Errors
/// There is no such run, or no server has done it.
pub fn pin(args: PinArgs) -> anyhow::Result<ExitCode> {
    #[derive(Deserialize)]
    struct Pinned {
        pin: Pin,
    }
    #[derive(Deserialize)]
    struct Pin {
        reason: String,
        until: Option<String>,
    }
    let mut body = json!({"reason": args.reason});
    if let Some(until) = args.until {
        body["until"] = json!(until);
    }
    let body = body.to_string();
    let pinning = async {
        // A name that is mistyped would be pinned, too.
        list(&args.asking, &args.run).await?;
        let servers = args.asking.servers()?;
        let request = |client: &reqwest::Client, server: &super::ServerUrl| {
            client.put(server.pin(&args.run)).header(CONTENT_TYPE, "application/json").body(body.clone())
        };
        servers.insist(args.asking.patience(), request, tell_retry).await
    };
    let answer = block_on(pinning)?.map_err(|error| about_run(error, &args.run))?;
    let line = match args.json {
        true => fit_for_stdout(&String::from_utf8_lossy(&answer)),
        false => {
            let Pinned { pin: Pin { reason, until } } = read(&answer)?;
            let until = until.map_or_else(String::new, |until| format!(" until {}", plain(&until, TEXT_CHARS)));
            format!("the artifacts of {} are kept{until}: {}", args.run, plain(&reason, TEXT_CHARS))
        }
    };
    print(&[line])?;
    Ok(ExitCode::SUCCESS)
}

/// Keeps the artifacts of a run no longer than others.
///
/// # Errors
/// No server has done it.
pub fn unpin(args: UnpinArgs) -> anyhow::Result<ExitCode> {
    remove(&args.asking, &args.run, |server| server.pin(&args.run)).map_err(|error| about_run(error, &args.run))?;
    print(&[format!("the artifacts of {} are kept as long as others", args.run)])?;
    Ok(ExitCode::SUCCESS)
}

/// Deletes a run.
///
/// # Errors
/// It has not ended, there is no such run, or no server has done it.
pub fn delete(args: DeleteArgs) -> anyhow::Result<ExitCode> {
    match remove(&args.asking, &args.run, |server| server.deletion(&args.run, args.force)) {
        Err(AskError::Refused { code: Some(code), .. }) if code == "run_live" => {
            anyhow::bail!("{} has not ended: --force deletes it all the same", args.run)
        }
        Err(error) => return Err(about_run(error, &args.run)),
        Ok(()) => {}
    }
    print(&[format!("{} is deleted", args.run)])?;
    Ok(ExitCode::SUCCESS)
}

fn remove(asking: &AskArgs, run: &RunId, url: impl Fn(&super::ServerUrl) -> reqwest::Url) -> Result<(), AskError> {
    let servers = asking.servers()?;
    let removing = servers.insist(
        asking.patience(),
        |client, server| client.delete(url(server)).header(CONTENT_TYPE, "application/json"),
        tell_retry,
    );
    let removed = block_on(removing).map_err(|error| AskError::Failed(format!("asking for {run}: {error}")))?;
    removed.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_lasts_until_a_time_or_for_a_while() {
        assert_eq!(parse_until("2027-01-31T00:00:00Z").unwrap(), Timestamp::parse("2027-01-31T00:00:00Z").unwrap());
        let (before, month) = (Timestamp::now(), parse_until("30d").unwrap());
        assert!(month.as_millis() - before.as_millis() >= 30 * 86_400_000);
        for wrong in ["", "d", "30", "soon", "-1d", "30 d"] {
            assert!(parse_until(wrong).unwrap_err().contains("like 30d"), "{wrong}");
        }
    }
}
