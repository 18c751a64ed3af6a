//! `runcast runs`: lists runs, the one that changed last first.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::artifacts::{fit_for_stdout, print};
use super::folded_run::FoldedRun;
use super::request::{AskError, read};
use super::table::{self, Align};
use super::terminal::{moment, plain};
use super::{AskArgs, block_on, tell};

/// Most runs of a page of the list.
const PAGE: u64 = 500;

/// Most characters of a cursor.
const CURSOR_CHARS: usize = 200;

/// `runcast runs`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit codes: 0 they are listed, also if there is none; 1 they can't be (stderr says why); \
                        2 wrong usage.")]
pub struct RunsArgs {
    /// Only runs whose id, project, title, branch, commit, author or #number has all these words
    words: Vec<String>,
    /// Only runs with one of these statuses or words, with commas between them: failed, running, needs_you, ...
    #[arg(long, short, value_name = "STATUS")]
    status: Option<String>,
    /// Only runs of this group: needsYou, running, failed, flaky, passed or cancelled
    #[arg(long, short)]
    group: Option<String>,
    /// Only runs of this project; - for those without one
    #[arg(long, short, allow_hyphen_values = true)]
    project: Option<String>,
    /// Only runs of this branch
    #[arg(long, short)]
    branch: Option<String>,
    /// Only runs of this author
    #[arg(long)]
    author: Option<String>,
    /// Only runs with this label
    #[arg(long, short)]
    label: Option<String>,
    /// Only runs that began since a time, or so long ago: 7d, 24h, 30m
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Most runs to list
    #[arg(long, short = 'L', default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    limit: u64,
    /// Go on behind an earlier list, which has said so
    #[arg(long, default_value = "", hide_default_value = true)]
    cursor: String,
    /// Write each run as the JSON that the server has for it, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: AskArgs,
}

/// A page of the list.
#[derive(Deserialize)]
struct RunsPage<'a> {
    #[serde(borrow)]
    runs: Vec<&'a RawValue>,
    cursor: Option<String>,
    more: bool,
}

/// The runs, as JSON, and the cursor behind which there are more.
type Listed = (Vec<String>, Option<String>);

/// Lists the runs.
///
/// # Errors
/// The server does not return the list, or it can't be written.
pub fn run(args: RunsArgs) -> anyhow::Result<ExitCode> {
    let (runs, more) = block_on(list(&args))?.context("listing the runs")?;
    let lines = match args.json {
        true => runs.iter().map(|run| fit_for_stdout(run)).collect(),
        false => {
            let runs: Result<Vec<_>, _> = runs.iter().map(|run| FoldedRun::parse(run.as_bytes())).collect();
            as_table(&runs?)
        }
    };
    print(&lines)?;
    if runs.is_empty() {
        tell("there is no such run");
    }
    if let Some(cursor) = more {
        tell(format_args!("there are more: the same with --cursor {}", plain(&cursor, CURSOR_CHARS)));
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(args: &RunsArgs) -> Result<Listed, AskError> {
    let given = |text: &Option<String>| text.clone().unwrap_or_default();
    let servers = args.asking.servers()?;
    let (mut runs, mut cursor) = (Vec::new(), args.cursor.clone());
    loop {
        let left = args.limit - runs.len() as u64;
        let query = [
            ("q", args.words.join(" ")),
            ("status", given(&args.status)),
            ("group", given(&args.group)),
            ("project", given(&args.project)),
            ("branch", given(&args.branch)),
            ("author", given(&args.author)),
            ("label", given(&args.label)),
            ("since", given(&args.since)),
            ("limit", left.min(PAGE).to_string()),
            ("cursor", cursor.clone()),
            ("groups", "0".to_owned()),
            ("projects", "0".to_owned()),
        ];
        let body = args.asking.get(&servers, |server| server.runs(&query)).await?;
        let RunsPage { runs: page, cursor: next, more } = read(&body)?;
        let room = usize::try_from(left).unwrap_or(usize::MAX);
        runs.extend(page.iter().take(room).map(|run| run.get().to_owned()));
        match next.filter(|next| more && *next != cursor) {
            None => return Ok((runs, None)),
            Some(next) if runs.len() as u64 >= args.limit || page.is_empty() => return Ok((runs, Some(next))),
            Some(next) => cursor = next,
        }
    }
}

fn as_table(runs: &[FoldedRun]) -> Vec<String> {
    use Align::{Left, Right, Yielding};
    let columns = [
        ("RUN", Left),
        ("STATUS", Left),
        ("PASSED", Right),
        ("FAILED", Right),
        ("STARTED UTC", Left),
        ("TOOK", Right),
        ("BRANCH", Yielding),
        ("TITLE", Yielding),
    ];
    let or_none = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let row = |run: &FoldedRun| {
        let number = |count: u64| run.tests_told().map_or_else(|| "-".to_owned(), |_| count.to_string());
        let began = run.started_at.as_deref().or(run.created_at.as_deref());
        let title = match (run.meta("project"), run.meta("title")) {
            (Some(project), Some(title)) => format!("{project}: {title}"),
            (project, title) => or_none(title.or(project)),
        };
        [
            run.run_id.clone(),
            or_none(run.word.as_deref().or(Some(run.shown_status()))),
            number(run.outcome("expected") + run.outcome("flaky")),
            number(run.outcome("unexpected")),
            began.map_or_else(|| "-".to_owned(), |at| moment(at).trim_end_matches(" UTC").to_owned()),
            or_none(run.took().as_deref()),
            or_none(run.meta("branch")),
            title,
        ]
    };
    table::lines(columns, runs.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_a_row_also_when_nothing_is_known_of_it_yet() {
        let listed = r#"{"runId":"ci-7","word":"failing","status":"running","counts":{"passed":11,"failed":2,"running":1},
            "outcomes":{"expected":11,"unexpected":1},"startedAt":"2026-11-27T12:22:52.866Z","elapsedMs":23873,
            "meta":{"project":"shop","title":"Cart","branch":"main\u001b[2J"}}"#;
        let new = r#"{"runId":"r","word":"running","counts":null,"createdAt":"2026-11-27T12:30:00.000Z","meta":null}"#;
        let lines = as_table(&[listed, new].map(|run| FoldedRun::parse(run.as_bytes()).unwrap()));
        let want = [
            "RUN   STATUS   PASSED  FAILED  STARTED UTC         TOOK  BRANCH         TITLE",
            "ci-7  failing      11       1  2026-11-27 12:22  23.9 s  main\\u{1b}[2J  shop: Cart",
            "r     running       -       -  2026-11-27 12:30       -  -              -",
        ];
        assert_eq!(lines, want);
    }
}
