//! `runcast steer`: gives a run a command, or shows what can be done with it now and by whom.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use self::action::SteerAction;
use self::arguments::TargetArgs;
use self::outcome::{Outcome, said};
use super::artifacts::{fit_for_stdout, print};
use super::request::{AskError, Servers, read, tell_retry};
use super::{ServerArgs, ServerUrl, block_on, parse_run, tell};
use crate::protocol::RunId;

mod action;
mod arguments;
mod command;
mod outcome;
mod overview;
mod refusal;
mod secret;
#[cfg(test)]
mod tests;
mod view;

/// How long a command is tried, unless `--timeout` says otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the end of a command is waited for, unless `--timeout` says otherwise.
const WAIT: Duration = Duration::from_secs(300);

/// Exit code of wrong usage, as clap has it.
const WRONG_USAGE: u8 = 2;

/// `runcast steer`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Whoever wants to be the only one who steers takes control. As long as nobody has it, anybody may do \
                  anything.\n\n\
                  Exit codes: 0 the run has the command, or with --wait it is done; 1 it could not be given; 2 wrong \
                  usage; 3 the run, or who controls it, does not allow it (stderr says why). With --wait also: 10 it \
                  failed, 11 it was rejected, 12 it expired, 13 it was withdrawn, 14 a later one took its place, 15 it \
                  was interrupted, 16 it had no end in time.",
    subcommand_help_heading = "What to do",
    disable_help_subcommand = true
)]
pub struct SteerArgs {
    /// The run
    #[arg(value_parser = parse_run)]
    run: RunId,
    #[command(subcommand)]
    action: Option<SteerAction>,
    #[command(flatten)]
    target: TargetArgs,
    /// Your name, as others see it; control of a run is bound to it
    #[arg(long = "as", global = true, env = "USER", hide_env_values = true, value_name = "NAME", value_parser = parse_name)]
    name: Option<HeaderValue>,
    /// Wait until the command has an end; the exit code says which
    #[arg(long, global = true)]
    wait: bool,
    /// Let the command expire when nobody has begun it after so many seconds [default: 60]
    #[arg(long, global = true, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    expires_in: Option<u64>,
    /// Write what the server answers as the JSON that it is
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    servers: ServerArgs,
    /// Give up after so many seconds without an answer, or with --wait without an end [default: 60, and 300]
    #[arg(long, global = true, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: Option<u64>,
}

/// The server's answer to a command.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    command_id: String,
    state: String,
    cursor: String,
}

fn parse_name(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_bytes(text.trim().as_bytes()).map_err(|_| "must be a name on one line".to_owned())
}

/// Gives the command, or shows the run's control.
///
/// # Errors
/// The server can't be asked, or its answer can't be written.
pub fn run(args: SteerArgs) -> anyhow::Result<ExitCode> {
    let Some(action) = &args.action else { return overview::show(&args) };
    // Checked before anybody types a secret in vain.
    if let Err(misuse) = action.command(&args.target, args.expires_in, None) {
        return Ok(wrong_usage(misuse));
    }
    if args.wait && !action.has_end() {
        return Ok(wrong_usage("--wait makes no sense here: it is done as soon as the run has it"));
    }
    let secret = action.secret_prompt().map(|prompt| secret::read_secret(&prompt)).transpose()?;
    let mut command = match action.command(&args.target, args.expires_in, secret) {
        Ok(command) => command,
        Err(misuse) => return Ok(wrong_usage(misuse)),
    };
    // Made once: a repeated request is the same command.
    command.insert("commandId".to_owned(), Uuid::now_v7().to_string().into());
    block_on(give(&args, action, command))?
}

fn wrong_usage(reason: impl std::fmt::Display) -> ExitCode {
    tell(reason);
    ExitCode::from(WRONG_USAGE)
}

async fn give(args: &SteerArgs, action: &SteerAction, command: Map<String, Value>) -> anyhow::Result<ExitCode> {
    let servers = Servers::new(&args.servers.urls()?)?;
    let body = Bytes::from(Value::Object(command).to_string());
    let request = |client: &Client, server: &ServerUrl| {
        let request = client.post(server.commands(&args.run)).header(CONTENT_TYPE, "application/json");
        args.named(request).body(body.clone())
    };
    let answer = match servers.insist(args.patience(PATIENCE), request, tell_retry).await {
        Ok(answer) => answer,
        Err(error @ AskError::Refused { .. }) => {
            tell(refusal::sentence(&error, &args.run));
            return Ok(refusal::exit_code(&error));
        }
        Err(error) => return Err(error).with_context(|| format!("steering {}", args.run)),
    };
    let given: Given = read(&answer)?;
    if !args.wait {
        print(&[match args.json {
            true => fit_for_stdout(&String::from_utf8_lossy(&answer)),
            false => said(action, &given, &args.run),
        }])?;
        return Ok(ExitCode::SUCCESS);
    }
    let outcome =
        Outcome::of(&servers, args, &given).await.with_context(|| format!("waiting for {}", given.command_id))?;
    print(&[if args.json { fit_for_stdout(&outcome.json()) } else { outcome.sentence(action, &given) }])?;
    Ok(outcome.exit_code())
}

impl SteerArgs {
    fn patience(&self, default: Duration) -> Duration {
        self.timeout.map_or(default, Duration::from_secs)
    }

    /// The request in the user's name.
    fn named(&self, request: RequestBuilder) -> RequestBuilder {
        match self.name.as_ref().filter(|name| !name.is_empty()) {
            Some(name) => request.header("Runcast-User", name),
            // The server knows us by our address.
            None => request,
        }
    }

    /// The run's state as JSON.
    async fn state(&self, servers: &Servers, patience: Duration) -> Result<Bytes, AskError> {
        servers.insist(patience, |client, server| client.get(server.state(&self.run)), tell_retry).await
    }
}
