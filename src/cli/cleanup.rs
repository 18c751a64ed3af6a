//! `runcast cleanup`: removes the artifacts that are due, or lists them.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use bytes::Bytes;
use clap::Args;
use indicatif::DecimalBytes;
use reqwest::header::CONTENT_TYPE;
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;

use super::artifacts::{fit_for_stdout, print};
use super::request::{ATTEMPT, AskError, Failed, Servers, answer, read};
use super::table::{self, Align};
use super::terminal::{counted, plain};
use super::{ServerArgs, block_on, tell};

/// Most characters shown of an error.
const ERROR_CHARS: usize = 500;

/// What is said where a balancer answers instead of the node behind it.
const CLOSED: &str = "a balancer answers there, which closes this route, because it is for operators: run it on a node's \
                      own address, --url http://NODE:3001";

/// `runcast cleanup`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit codes: 0 it was done, or looked at; 1 not, or not all of it (stderr says why); \
                        2 wrong usage.")]
pub struct CleanupArgs {
    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
    /// Write the server's answer as the JSON that it is
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    servers: ServerArgs,
    /// Wait so many seconds for its end; it goes on without us
    #[arg(long, default_value_t = 600, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

/// A number of objects and their bytes.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct CleanupAmount {
    count: u64,
    bytes: u64,
}

/// The server's report of a cleanup.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct CleanupReport {
    node_id: String,
    duration_ms: u64,
    expired: CleanupAmount,
    abandoned: CleanupAmount,
    removed: CleanupAmount,
    replaced: CleanupAmount,
    orphan_objects: CleanupAmount,
    orphan_artifacts: u64,
    orphans_removed: bool,
    failed: u64,
    error: Option<String>,
    items: Vec<CleanupItem>,
}

/// An artifact that would be removed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CleanupItem {
    run_id: String,
    name: String,
    kind: String,
    bytes: u64,
    reason: String,
    retained_by: Option<String>,
    artifact_id: String,
}

/// Starts a cleanup and prints the report.
///
/// # Errors
/// No server has done it, or not completely.
pub fn run(args: CleanupArgs) -> anyhow::Result<ExitCode> {
    let body = match block_on(ask(&args))? {
        Err(AskError::Refused { status: StatusCode::CONFLICT, .. }) => {
            bail!("a cleanup is running already; nothing was done")
        }
        answer => answer?,
    };
    let swept: CleanupReport = read(&body)?;
    let lines = match args.json {
        true => vec![fit_for_stdout(&String::from_utf8_lossy(&body))],
        false => report(&swept, args.dry_run),
    };
    print(&lines)?;
    if let Some(error) = &swept.error {
        bail!("it stopped early: {}", plain(error, ERROR_CHARS));
    }
    if swept.failed > 0 {
        bail!("{} could not be removed; the next cleanup tries again", swept.failed);
    }
    Ok(ExitCode::SUCCESS)
}

/// Tries each server once, in turn. A cleanup that has begun goes on even if its response was lost, so none is retried.
async fn ask(args: &CleanupArgs) -> Result<Bytes, AskError> {
    let servers = Servers::new(&args.servers.urls()?)?;
    let timeout = Duration::from_secs(args.timeout);
    for tried in 1.. {
        let attempt = servers.ask(|client, server| {
            let request = client.post(server.cleanup(args.dry_run)).header(CONTENT_TYPE, "application/json");
            start(request.timeout(timeout), client.get(server.stats()).timeout(ATTEMPT))
        });
        match attempt.await {
            Ok(body) => return Ok(body),
            Err(Failed::ForGood(error)) => return Err(error),
            Err(Failed::Again(last, _)) if tried == servers.count() => {
                return Err(servers.absent(last));
            }
            Err(Failed::Again(reason, _)) => tell(format_args!("asking the next server: {reason}")),
        }
    }
    Err(AskError::Failed("there is no server".into()))
}

/// Starts a cleanup. If the answer is not runcast's, but that to the `open` question is, what stands before the server has
/// given it.
async fn start(request: RequestBuilder, open: RequestBuilder) -> Result<Bytes, Failed> {
    match answer(request).await {
        Err(Failed::ForGood(error)) if is_foreign(&error) && is_runcast(open).await => {
            Err(Failed::ForGood(AskError::Unreachable(CLOSED.to_owned())))
        }
        answer => answer,
    }
}

/// Whether something that is not runcast may have answered.
fn is_foreign(error: &AskError) -> bool {
    matches!(error, AskError::Unreachable(_) | AskError::Refused { status: StatusCode::FORBIDDEN, code: None, .. })
}

/// Connections of a node, of which its name tells that it is one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NodeStats {
    server_id: String,
}

/// Whether a runcast server answers this question for its connections.
async fn is_runcast(open: RequestBuilder) -> bool {
    let Ok(body) = answer(open).await else { return false };
    read::<NodeStats>(&body).is_ok_and(|stats| !stats.server_id.is_empty())
}

/// The report for people.
fn report(swept: &CleanupReport, is_dry: bool) -> Vec<String> {
    use Align::{Left, Right};
    let mut lines = Vec::new();
    if !swept.items.is_empty() {
        let columns = [
            ("REASON", Left),
            ("BYTES", Right),
            ("RUN", Left),
            ("NAME", Left),
            ("KIND", Left),
            ("RETAINED BY", Left),
            ("ID", Left),
        ];
        let row = |item: &CleanupItem| {
            let retained_by = item.retained_by.clone().unwrap_or_else(|| "-".into());
            let bytes = DecimalBytes(item.bytes).to_string();
            let CleanupItem { reason, run_id, name, kind, artifact_id, .. } = item;
            [reason.clone(), bytes, run_id.clone(), name.clone(), kind.clone(), retained_by, artifact_id.clone()]
        };
        lines.extend(table::lines(columns, swept.items.iter().map(row).collect()));
    }
    let parts = [
        ("expired", swept.expired),
        ("abandoned", swept.abandoned),
        ("removed before", swept.removed),
        ("replaced", swept.replaced),
    ];
    let all = parts.iter().fold(CleanupAmount::default(), |sum, (_, part)| CleanupAmount {
        count: sum.count + part.count,
        bytes: sum.bytes + part.bytes,
    });
    let named = parts.iter().filter(|(_, part)| part.count > 0);
    let named: Vec<_> =
        named.map(|(name, part)| format!("{} {name} ({})", part.count, DecimalBytes(part.bytes))).collect();
    let details = if named.is_empty() { String::new() } else { format!(": {}", named.join(", ")) };
    let CleanupAmount { count, bytes } = all;
    let bytes = DecimalBytes(bytes);
    lines.push(match is_dry {
        true => format!("{count} would go, {bytes} would be free{details}"),
        false => {
            let node = plain(&swept.node_id, ERROR_CHARS);
            format!("{count} removed, {bytes} free{details}; {} ms on {node}", swept.duration_ms)
        }
    });
    let hidden = count.saturating_sub(swept.items.len() as u64);
    if is_dry && hidden > 0 {
        lines.push(format!("({hidden} of them are not listed)"));
    }
    if swept.orphan_objects.count > 0 || swept.orphan_artifacts > 0 {
        let CleanupAmount { count, bytes } = swept.orphan_objects;
        let what = if swept.orphans_removed { "removed" } else { "left alone" };
        let (bytes, artifacts) = (DecimalBytes(bytes), swept.orphan_artifacts);
        lines.push(format!(
            "orphans, {what}: {} without an artifact ({bytes}), {} without an object",
            counted(count, "object", "objects"),
            counted(artifacts, "artifact", "artifacts")
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_what_went_and_what_was_left() {
        let swept = r#"{"nodeId":"n1","durationMs":12,"expired":{"count":2,"bytes":1500000},
            "removed":{"count":1,"bytes":500000},"orphanObjects":{"count":3,"bytes":42},"orphanArtifacts":1}"#;
        let swept: CleanupReport = serde_json::from_str(swept).unwrap();
        assert_eq!(
            report(&swept, false),
            [
                "3 removed, 2.00 MB free: 2 expired (1.50 MB), 1 removed before (500.00 kB); 12 ms on n1",
                "orphans, left alone: 3 objects without an artifact (42 B), 1 artifact without an object",
            ]
        );
        assert_eq!(report(&CleanupReport::default(), true), ["0 would go, 0 B would be free"]);
    }

    #[test]
    fn what_would_go_is_listed_and_so_is_how_much_is_not() {
        let swept = r#"{"expired":{"count":2,"bytes":3},"items":[{"artifactId":"i","runId":"r","name":"n","kind":"log",
            "bytes":3,"reason":"expired","retainedBy":"days"}]}"#;
        let lines = report(&serde_json::from_str(swept).unwrap(), true);
        assert_eq!(lines[1], "expired    3 B  r    n     log   days         i");
        assert_eq!(lines[2..], ["2 would go, 3 B would be free: 2 expired (3 B)", "(1 of them are not listed)"]);
    }
}
