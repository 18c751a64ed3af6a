//! `runcast key`: API keys, made, listed and revoked; and `runcast share`: links to a run.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::artifacts::{fit_for_stdout, print};
use super::request::{AskError, read, tell_retry};
use super::table::{self, Align};
use super::terminal::plain;
use super::{AskArgs, about_run, block_on, parse_run};
use crate::access::AccessSecret;
use crate::protocol::rights::RunPattern;
use crate::protocol::{RunId, Scope};

/// Most characters shown of what a server says.
const TEXT_CHARS: usize = 300;

/// `runcast key`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit codes: 0 done, 1 not done (stderr says why), 2 wrong usage.")]
pub struct KeyArgs {
    #[command(subcommand)]
    act: KeyAct,
}

/// What is done with keys.
#[derive(Clone, Debug, Subcommand)]
enum KeyAct {
    /// Make a key; it is written to stdout this once
    Create(CreateArgs),
    /// List keys, newest first
    List(ListArgs),
    /// Revoke a key, or all that somebody has, and everything that was made with it
    Revoke(RevokeArgs),
    /// Make a secret without a server, for auth.bootstrap_key_file
    Generate,
}

#[derive(Args, Clone, Debug)]
struct CreateArgs {
    /// What people call it
    name: String,
    /// What it may do: view, publish, control, ops or metrics; several by commas, or by repeating it
    #[arg(long = "scope", required = true, value_name = "SCOPE", value_delimiter = ',')]
    scopes: Vec<Scope>,
    /// With which runs: names in which * stands for any characters; several by repeating it
    #[arg(long = "run", default_value = "*", value_name = "PATTERN", value_parser = RunPattern::parse)]
    runs: Vec<RunPattern>,
    /// For how many days [default: auth.key_days of the server, 90]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=3_650))]
    days: Option<u64>,
    /// It is a person's, not a program's
    #[arg(long)]
    human: bool,
    /// Write the server's answer as the JSON that it is
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: AskArgs,
}

#[derive(Args, Clone, Debug)]
struct ListArgs {
    /// Write each key as the JSON that the server has for it, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: AskArgs,
}

#[derive(Args, Clone, Debug)]
struct RevokeArgs {
    /// The key's id, as `runcast key list` shows it
    #[arg(required_unless_present = "subject", conflicts_with = "subject")]
    id: Option<String>,
    /// Revoke all that a subject has, as GET /api/me names it: keys, sessions and tokens that were issued until now
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    #[command(flatten)]
    asking: AskArgs,
}

/// `runcast share`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit codes: 0 the link is on stdout, 1 there is none (stderr says why), 2 wrong usage.")]
pub struct ShareArgs {
    /// The run
    #[arg(value_parser = parse_run)]
    run: RunId,
    /// Whoever has the link may also steer
    #[arg(long)]
    control: bool,
    /// For how many days
    #[arg(long, default_value_t = 7, value_name = "DAYS", value_parser = clap::value_parser!(u64).range(1..=365))]
    days: u64,
    /// What the link is called in lists
    #[arg(long, default_value = "share link", value_name = "TEXT")]
    name: String,
    /// Write the server's answer as the JSON that it is
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: AskArgs,
}

/// A key as a server lists it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedKey {
    id: String,
    name: String,
    scopes: Vec<String>,
    runs: Vec<String>,
    expires_at: Option<String>,
    used_at: Option<String>,
    is_good: bool,
}

#[derive(Deserialize)]
struct KeysPage<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
    cursor: Option<String>,
}

/// Does what is to be done with keys.
///
/// # Errors
/// No server has done it.
pub fn run(args: KeyArgs) -> anyhow::Result<ExitCode> {
    match args.act {
        KeyAct::Create(args) => create(&args)?,
        KeyAct::List(args) => list(&args)?,
        KeyAct::Revoke(args) => revoke(&args)?,
        KeyAct::Generate => {
            let secret = AccessSecret::generate().context("the system has no randomness")?;
            print(&[secret.reveal().to_owned()])?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn create(args: &CreateArgs) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Made {
        key: String,
        credential: ListedKey,
    }
    let runs: Vec<&str> = args.runs.iter().map(RunPattern::as_str).collect();
    let holder = if args.human { "human" } else { "agent" };
    let mut body = json!({"name": args.name, "scopes": args.scopes, "runs": runs, "holder": holder});
    if let Some(days) = args.days {
        body["days"] = json!(days);
    }
    let body = body.to_string();
    let answer = block_on(async {
        let servers = args.asking.servers()?;
        let request = |client: &reqwest::Client, server: &super::ServerUrl| {
            client.post(server.keys("")).header(CONTENT_TYPE, "application/json").body(body.clone())
        };
        servers.insist(args.asking.patience(), request, tell_retry).await
    })??;
    if args.json {
        print(&[fit_for_stdout(&String::from_utf8_lossy(&answer))])?;
        return Ok(());
    }
    let Made { key, credential } = read(&answer)?;
    let until = credential.expires_at.map_or_else(|| "for ever".to_owned(), |at| format!("until {at}"));
    super::tell(format_args!(
        "key {} is good {}; it is shown this once:",
        plain(&credential.id, TEXT_CHARS),
        plain(&until, TEXT_CHARS)
    ));
    print(&[plain(&key, TEXT_CHARS)])?;
    Ok(())
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    let mut rows = Vec::new();
    block_on(async {
        let servers = args.asking.servers()?;
        let mut cursor = String::new();
        loop {
            let body = args.asking.get(&servers, |server| server.keys(&cursor)).await?;
            let page: KeysPage<'_> = read(&body)?;
            for key in page.keys {
                lines.push(fit_for_stdout(key.get()));
                rows.push(row(read(key.get().as_bytes())?));
            }
            match page.cursor {
                Some(next) => cursor = next,
                None => return Ok::<_, AskError>(()),
            }
        }
    })??;
    if !args.json {
        use Align::{Left, Yielding};
        let columns = [
            ("NAME", Left),
            ("SCOPES", Left),
            ("RUNS", Yielding),
            ("STATE", Left),
            ("EXPIRES", Left),
            ("LAST USED", Left),
            ("ID", Left),
        ];
        lines = table::lines(columns, rows);
    }
    print(&lines)?;
    Ok(())
}

fn row(key: ListedKey) -> [String; 7] {
    let state = if key.is_good { "good" } else { "void" };
    let or_never = |time: Option<String>| time.unwrap_or_else(|| "never".to_owned());
    [
        key.name,
        key.scopes.join(","),
        key.runs.join(" "),
        state.to_owned(),
        or_never(key.expires_at),
        or_never(key.used_at),
        key.id,
    ]
}

fn revoke(args: &RevokeArgs) -> anyhow::Result<()> {
    let revoking = async {
        let servers = args.asking.servers()?;
        let request = |client: &reqwest::Client, server: &super::ServerUrl| match &args.subject {
            Some(subject) => {
                let body = json!({"subject": subject}).to_string();
                client.post(server.revocations()).header(CONTENT_TYPE, "application/json").body(body)
            }
            None => client.delete(server.key(args.id.as_deref().unwrap_or_default())),
        };
        servers.insist(args.asking.patience(), request, tell_retry).await
    };
    block_on(revoking)??;
    print(&[match (&args.subject, &args.id) {
        (Some(subject), _) => format!("what {} had until now is revoked", plain(subject, TEXT_CHARS)),
        (None, id) => format!("key {} is revoked", plain(id.as_deref().unwrap_or_default(), TEXT_CHARS)),
    }])?;
    Ok(())
}

/// Makes a link to a run.
///
/// # Errors
/// No server has made one.
pub fn share(args: ShareArgs) -> anyhow::Result<ExitCode> {
    #[derive(Deserialize)]
    struct Made {
        url: String,
    }
    let body = json!({"control": args.control, "days": args.days, "name": args.name}).to_string();
    let sharing = async {
        let servers = args.asking.servers()?;
        let request = |client: &reqwest::Client, server: &super::ServerUrl| {
            client.post(server.shares(&args.run)).header(CONTENT_TYPE, "application/json").body(body.clone())
        };
        servers.insist(args.asking.patience(), request, tell_retry).await
    };
    let answer = block_on(sharing)?.map_err(|error| about_run(error, &args.run))?;
    let line = match args.json {
        true => fit_for_stdout(&String::from_utf8_lossy(&answer)),
        false => plain(&read::<Made>(&answer)?.url, TEXT_CHARS),
    };
    print(&[line])?;
    Ok(ExitCode::SUCCESS)
}
