//! `runcast show`: a run as it stands: status, numbers, and the tests that failed with their errors.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::artifacts::{fit_for_stdout, print};
use super::folded_run::{FoldedRun, FoldedTest, duration};
use super::terminal::{Colour, counted, legible, legible_lines, moment, paint, plain, wants_colours};
use super::{AskArgs, about_run, block_on, parse_run};
use crate::protocol::RunId;

/// Most characters of a line, and most lines of an error.
const LINE_CHARS: usize = 400;
const ERROR_LINES: usize = 30;

/// Tests that failed of which a state never leaves one out.
const ALL_FAILED: usize = 250;

/// Characters of a commit that are shown.
const COMMIT_CHARS: usize = 12;

/// `runcast show`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit codes: 0 it is shown, however the run went; 1 it can't be (stderr says why); \
                        2 wrong usage.")]
pub struct ShowArgs {
    /// The run
    #[arg(value_parser = parse_run)]
    run: RunId,
    /// Write the run's state as the JSON that the server has for it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: AskArgs,
}

/// Shows the run.
///
/// # Errors
/// There is no such run, no server says so, or it can't be written.
pub fn run(args: ShowArgs) -> anyhow::Result<ExitCode> {
    let servers = args.asking.servers()?;
    let state = block_on(args.asking.get(&servers, |server| server.state(&args.run)))?;
    let state = state.map_err(|error| about_run(error, &args.run))?;
    print(&match args.json {
        true => vec![fit_for_stdout(&String::from_utf8_lossy(&state))],
        false => lines(&FoldedRun::parse(&state)?, &args.run, wants_colours()),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn lines(run: &FoldedRun, id: &RunId, in_colour: bool) -> Vec<String> {
    let about = |parts: [Option<String>; 2]| {
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| plain(&parts.join(", "), LINE_CHARS))
    };
    let owned = |member: &str| run.meta(member).map(str::to_owned);
    let branch = owned("branch").map(|branch| format!("branch {branch}"));
    let commit =
        owned("commit").map(|commit| format!("commit {}", commit.chars().take(COMMIT_CHARS).collect::<String>()));
    let began = run.started_at.as_deref().map(|at| format!("began {}", moment(at)));
    let ended = run.ended_at.as_deref().map(|at| format!("ended {}", moment(at)));
    let mut lines = vec![format!("{id}: {}", plain(&run.summary(), LINE_CHARS))];
    lines.extend(about([owned("project"), owned("title")]));
    lines.extend(about([branch, commit]));
    lines.extend(about([began, ended]));
    if let Value::Object(paused) = &run.paused {
        let by = paused.get("by").and_then(|by| by["name"].as_str()).unwrap_or("somebody");
        lines.push(format!("paused by {}: runcast steer {id}", plain(by, LINE_CHARS)));
    }
    if !run.asks.is_empty() {
        let questions = counted(run.asks.len() as u64, "question is", "questions are");
        lines.push(format!("{questions} open: runcast steer {id}"));
    }
    if let Some(error) = run.own_error() {
        lines.extend(part(&paint("error", Colour::Red, in_colour), error, in_colour));
    }
    let failed: Vec<_> = run.tests.iter().filter(|test| test.has_failed()).collect();
    lines.extend(failed.iter().flat_map(|test| failure(test, in_colour)));
    let all = run.outcome("unexpected") + run.count("interrupted");
    // Fewer are all that there are.
    let more = if failed.len() < ALL_FAILED { 0 } else { all.saturating_sub(failed.len() as u64) };
    if more > 0 {
        lines.push(String::new());
        lines.push(format!(
            "and {}: runcast export {id} --format html",
            counted(more, "failed test more", "failed tests more")
        ));
    }
    lines
}

/// A test that failed.
fn failure(test: &FoldedTest, in_colour: bool) -> Vec<String> {
    let variant = test.variant.as_ref().map_or_else(String::new, |variant| format!(" ({variant})"));
    let place = test.place().map_or_else(String::new, |place| format!(", {place}"));
    let retry = if test.attempt > 0 { format!(", retry {}", test.attempt) } else { String::new() };
    let took = test.duration_ms.map_or_else(String::new, |millis| format!(", {}", duration(millis)));
    let name = legible(test.name(), LINE_CHARS, false);
    let about = plain(&format!("{variant}{place}{retry}{took}"), LINE_CHARS);
    let status = paint(&plain(test.shown_status(), LINE_CHARS), Colour::Red, in_colour);
    part(&format!("{status} {name}{about}"), test.error.as_deref().unwrap_or_default(), in_colour)
}

/// A headline, and a text below it.
fn part(head: &str, text: &str, in_colour: bool) -> Vec<String> {
    let text = legible_lines(text, ERROR_LINES, LINE_CHARS, in_colour);
    let text = text.into_iter().map(|line| format!("    {line}").trim_end().to_owned());
    [String::new(), head.to_owned()].into_iter().chain(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_shown_with_its_failures_and_their_errors() {
        let state = r#"{"status":"failed","elapsedMs":30800,"counts":{"passed":1,"failed":3},"outcomes":{"expected":1,"unexpected":3},
            "meta":{"project":"shop","title":"Cart","branch":"main","commit":"1ad819d4a6e811540316eb53cf03c1a0b89409a2"},
            "startedAt":"2026-11-27T12:22:52.866Z","endedAt":"2026-11-27T12:23:23.666Z",
            "lastError":{"message":"no config"},"asks":[{}],"paused":{"by":{"name":"Ann"}},
            "tests":[
                {"testId":"a","title":"cart › pays","variant":"linux","status":"failed","outcome":"unexpected","attempt":1,
                 "durationMs":9000,"file":"cart.spec.ts","line":17,"location":"cart.spec.ts:21:9",
                 "error":"Error: \u001b[31mexpect\u001b[39m failed\n\nExpected: 1\nReceived: \u001b[2J2"},
                {"testId":"b","status":"running"},
                {"testId":"c\u001b[2J","status":"timedout","outcome":"unexpected","file":"c.spec.ts"}
            ]}"#;
        let run = FoldedRun::parse(state.as_bytes()).unwrap();
        let want = [
            "r: failed, 1 passed, 3 failed, in 30.8 s",
            "shop, Cart",
            "branch main, commit 1ad819d4a6e8",
            "began 2026-11-27 12:22 UTC, ended 2026-11-27 12:23 UTC",
            "paused by Ann: runcast steer r",
            "1 question is open: runcast steer r",
            "",
            "error",
            "    no config",
            "",
            "failed cart › pays (linux), cart.spec.ts:21:9, retry 1, 9.0 s",
            "    Error: expect failed",
            "",
            "    Expected: 1",
            "    Received: 2",
            "",
            "timedout c, c.spec.ts",
        ];
        assert_eq!(lines(&run, &RunId::parse("r").unwrap(), false), want);
        let coloured = lines(&run, &RunId::parse("r").unwrap(), true).join("\n");
        assert!(coloured.contains("Error: \x1b[31mexpect\x1b[39m failed\x1b[0m") && !coloured.contains("[2J"));
    }
}
