//! `runcast steer RUN` alone: what can be done with a run now, and by whom.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Map, Value};

use super::view::{AwaitedShards, RunView, ShownAsk, ShownCommand, ShownProducer};
use super::{PATIENCE, SteerArgs, refusal};
use crate::cli::artifacts::{fit_for_stdout, print};
use crate::cli::request::{AskError, Servers, read};
use crate::cli::table::{self, Align};
use crate::cli::terminal::plain;
use crate::cli::{block_on, tell};
use crate::protocol::RunId;
use crate::protocol::status::RunStatus;

/// Most characters shown of a text, and of an id or a name.
const TEXT_CHARS: usize = 300;
const NAME_CHARS: usize = 128;

/// The members of a run's state that are about its control, and whom it waits for.
const MEMBERS: [&str; 7] = ["status", "control", "paused", "producers", "shards", "commands", "asks"];

/// Most workers, questions and open commands shown, and most commands that have ended. `--json` has them all.
const MAX_WORKERS: usize = 20;
const MAX_ASKS: usize = 10;
const MAX_OPEN: usize = 20;
const MAX_ENDED: usize = 5;

/// Shows a run's control.
///
/// # Errors
/// The run's state can't be had, or written.
pub(super) fn show(args: &SteerArgs) -> anyhow::Result<ExitCode> {
    let servers = Servers::new(&args.servers.urls()?)?;
    let state = match block_on(args.state(&servers, args.patience(PATIENCE)))? {
        Ok(state) => state,
        Err(error @ AskError::Refused { .. }) => {
            tell(refusal::sentence(&error, &args.run));
            return Ok(refusal::exit_code(&error));
        }
        Err(error) => return Err(error).with_context(|| format!("looking at {}", args.run)),
    };
    let lines = match args.json {
        true => {
            let members: Map<String, Value> = read(&state)?;
            let members = members.into_iter().filter(|(name, _)| MEMBERS.contains(&name.as_str()));
            vec![fit_for_stdout(&Value::Object(members.collect()).to_string())]
        }
        false => lines(&RunView::parse(&state)?, &args.run),
    };
    print(&lines)?;
    Ok(ExitCode::SUCCESS)
}

/// What is shown to people.
fn lines(view: &RunView, run: &RunId) -> Vec<String> {
    let status = view.status.as_deref().unwrap_or("running");
    let is_over = RunStatus::parse(status).is_some_and(RunStatus::is_final);
    let mut lines = vec![format!("{run}: {}", plain(status, NAME_CHARS))];
    if let Some(paused) = &view.paused {
        let until = paused.until.as_deref().map_or_else(String::new, |until| format!(", until {}", clock(until)));
        let since = paused.since.as_deref().map_or_else(String::new, |since| format!(" since {}", clock(since)));
        lines.push(format!("paused by {}{since}{until}", who(paused.by.name.as_deref())));
    }
    if !is_over {
        lines.push(control(view));
    }
    // Those that obey first.
    let (living, gone): (Vec<_>, Vec<_>) = view.producers.iter().partition(|worker| worker.is_living());
    lines.extend(living.into_iter().chain(gone).take(MAX_WORKERS).map(worker));
    lines.extend(left_out(view.producers.len(), MAX_WORKERS, "workers"));
    lines.extend(view.shards.iter().filter(|shards| shards.waiting).take(MAX_WORKERS).map(waits));
    for ask in view.asks.iter().take(MAX_ASKS) {
        lines.push(String::new());
        lines.extend(question(ask, run));
    }
    lines.extend(left_out(view.asks.len(), MAX_ASKS, "questions"));
    lines.extend(commands(view));
    lines.push(String::new());
    lines.extend(if is_over {
        vec!["it has ended: there is nothing to steer any more".to_owned()]
    } else {
        offers(view, run)
    });
    lines
}

/// Says that some are not shown.
fn left_out(all: usize, shown: usize, what: &str) -> Option<String> {
    let what = |more: usize| if more == 1 { what.trim_end_matches('s') } else { what };
    let more = all.checked_sub(shown).filter(|more| *more > 0);
    more.map(|more| format!("and {more} more {}, which --json shows", what(more)))
}

/// Who has control.
fn control(view: &RunView) -> String {
    match view.control.as_ref().and_then(|control| Some((control, control.holder.as_ref()?))) {
        Some((control, holder)) => {
            let kind =
                holder.kind.as_deref().map_or_else(String::new, |kind| format!(" ({})", plain(kind, NAME_CHARS)));
            let since = control.since.as_deref().map_or_else(String::new, |since| format!(" since {}", clock(since)));
            format!("control: {}{kind}{since}", who(holder.name.as_deref()))
        }
        None => "control: free, anybody may steer".to_owned(),
    }
}

fn who(name: Option<&str>) -> String {
    plain(name.unwrap_or("somebody"), NAME_CHARS)
}

/// The time of day of an RFC 3339 time.
fn clock(time: &str) -> String {
    time.get(11..19).map_or_else(|| plain(time, NAME_CHARS), |clock| format!("{} UTC", plain(clock, NAME_CHARS)))
}

fn worker(worker: &ShownProducer) -> String {
    let can: Vec<_> = worker.can.iter().map(|can| plain(can, NAME_CHARS)).collect();
    let can = if can.is_empty() || !worker.is_living() { String::new() } else { format!(", obeys {}", can.join(", ")) };
    let state = worker.state.as_deref().unwrap_or("joined");
    let variant = in_variant(worker.variant.as_deref());
    format!("worker {}{variant}: {}{can}", plain(&worker.producer, NAME_CHARS), plain(state, NAME_CHARS))
}

fn in_variant(variant: Option<&str>) -> String {
    variant.map_or_else(String::new, |variant| format!(" ({})", plain(variant, NAME_CHARS)))
}

/// The shards that have not joined.
fn waits(shards: &AwaitedShards) -> String {
    let missing = shards.missing.iter().map(|shard| format!("{shard}/{}", shards.total));
    let missing: Vec<_> = missing.take(MAX_WORKERS).collect();
    format!("waiting for shard {}{}", missing.join(", "), in_variant(shards.variant.as_deref()))
}

/// A question, with the command line for each answer.
fn question(ask: &ShownAsk, run: &RunId) -> Vec<String> {
    let id = plain(&ask.ask_id, NAME_CHARS);
    let (text, candidates) = (ask.text().unwrap_or("(it does not say what)"), ask.candidates());
    let until = ask.expires_at.as_deref().map_or_else(String::new, |until| format!(" until {}", clock(until)));
    let then =
        ask.on_timeout.as_deref().map_or_else(String::new, |action| format!(", then: {}", plain(action, NAME_CHARS)));
    let mut lines = vec![format!("question {id}{until}{then}"), format!("  {}", plain(text, TEXT_CHARS))];
    let answer = format!("runcast steer {run} answer {}", quoted(&id));
    for candidate in &candidates {
        let place = candidate.selector.map_or_else(String::new, |place| format!(" ({})", plain(place, NAME_CHARS)));
        lines.push(format!("  {}{place}", plain(candidate.label, TEXT_CHARS)));
        lines.push(format!("    {answer} --candidate {}", quoted(&plain(candidate.id, NAME_CHARS))));
    }
    match ask.needs.as_str() {
        "credential" => lines.push(format!("  {answer} --secret")),
        "click" => lines.push(format!("  {answer} --point X,Y")),
        "text" | "decision" => lines.push(format!("  {answer} --value TEXT")),
        _ if candidates.is_empty() => lines.push(format!("  {answer} --value TEXT")),
        _ => {}
    }
    lines.push(format!("  {answer} --cancel"));
    lines
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-' | '/' | '@' | '%' | '+' | '=' | ',');
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// The commands that are open, and the last of those that have ended.
fn commands(view: &RunView) -> Vec<String> {
    use Align::Left;
    let (open, ended): (Vec<_>, Vec<_>) = view.commands().partition(ShownCommand::is_open);
    let last = ended.len().saturating_sub(MAX_ENDED);
    let row = |command: ShownCommand| {
        let ends = command.expires_at.as_deref().filter(|_| command.is_open()).map_or_else(String::new, clock);
        let ShownCommand { command_id, r#type, state, by, producer, detail, .. } = command;
        let worker = producer.unwrap_or_else(|| "-".to_owned());
        [r#type, state, who(by.name.as_deref()), worker, ends, command_id, detail.unwrap_or_default()]
    };
    let left_out = left_out(open.len(), MAX_OPEN, "open commands");
    let rows: Vec<_> = open.into_iter().take(MAX_OPEN).chain(ended.into_iter().skip(last)).map(row).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let columns = ["COMMAND", "STATE", "BY", "WORKER", "UNTIL", "ID", "DETAIL"].map(|head| (head, Left));
    [String::new()].into_iter().chain(table::lines(columns, rows)).chain(left_out).collect()
}

/// What can be done now.
fn offers(view: &RunView, run: &RunId) -> Vec<String> {
    let is_held = view.control.as_ref().is_some_and(|control| control.holder.is_some());
    let mut offers = match &view.paused {
        Some(_) => vec![("resume", "let it go on"), ("step", "do one step and pause again")],
        None => vec![("pause", "stop before the next step")],
    };
    offers.push(match is_held {
        true => ("take --steal", "take control away from its holder"),
        false => ("take", "be the only one who steers"),
    });
    offers.extend([("cancel", "end the run"), ("--help", "everything else")]);
    let line = |(command, meaning): (&str, &str)| format!("runcast steer {run} {command:<13} {meaning}");
    offers.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(state: Value) -> Vec<String> {
        lines(&RunView::parse(state.to_string().as_bytes()).unwrap(), &RunId::parse("r").unwrap())
    }

    #[test]
    fn a_run_that_nobody_steers_says_that_anybody_may() {
        let lines = shown(json!({"status": "running", "paused": null, "control": {"holder": null, "since": null}}));
        assert_eq!(lines[..3], ["r: running", "control: free, anybody may steer", ""]);
        assert_eq!(lines[3], "runcast steer r pause         stop before the next step");
        let lines = shown(json!({"status": "passed"}));
        assert_eq!(lines.last().unwrap(), "it has ended: there is nothing to steer any more");
    }

    #[test]
    fn who_has_control_who_paused_and_each_answer_to_a_question_are_shown() {
        let lines = shown(json!({
            "status": "paused",
            "control": {"lease": "1:3", "holder": {"name": "ada", "kind": "human"}, "since": "2030-01-01T17:00:00.000Z"},
            "paused": {"by": {"name": "bob"}, "since": "2030-01-01T17:01:00.000Z", "until": "2030-01-01T17:16:00.000Z"},
            "producers": [{"producer": "w1", "state": "joined", "can": ["pause", "step"], "variant": "linux#2"}],
            "shards": [
                {"variant": "linux", "total": 4, "joined": 2, "missing": [2, 3], "waiting": true},
                {"variant": "mac", "total": 2, "joined": 2, "missing": [], "waiting": false},
            ],
            "asks": [
                {"askId": "a 1", "needs": "choice", "expiresAt": "2030-01-01T17:02:00.000Z",
                 "onTimeout": "continue", "event": {"message": "Which?\u{1b}[2J", "candidates": [{"id": "c1", "label": "Save", "selector": "#s"}, 7]}},
                {"askId": "pw", "needs": "credential", "expiresAt": null, "event": {"message": 7, "reason": "The password?"}},
            ],
            "commands": [
                {"commandId": "i1", "type": "pause", "state": "done", "by": {"name": "bob"}},
                {"commandId": "i2", "type": "step", "state": "queued", "by": {"name": "ada"}, "expiresAt": "2030-01-01T17:03:00.000Z"},
            ],
        }));
        let want = [
            "r: paused",
            "paused by bob since 17:01:00 UTC, until 17:16:00 UTC",
            "control: ada (human) since 17:00:00 UTC",
            "worker w1 (linux#2): joined, obeys pause, step",
            "waiting for shard 2/4, 3/4 (linux)",
            "",
            "question a 1 until 17:02:00 UTC, then: continue",
            "  Which?\\u{1b}[2J",
            "  Save (#s)",
            "    runcast steer r answer 'a 1' --candidate c1",
            "  runcast steer r answer 'a 1' --cancel",
            "",
            "question pw",
            "  The password?",
            "  runcast steer r answer pw --secret",
            "  runcast steer r answer pw --cancel",
            "",
            "COMMAND  STATE   BY   WORKER  UNTIL         ID  DETAIL",
            "step     queued  ada  -       17:03:00 UTC  i2",
            "pause    done    bob  -                     i1",
            "",
            "runcast steer r resume        let it go on",
            "runcast steer r step          do one step and pause again",
            "runcast steer r take --steal  take control away from its holder",
            "runcast steer r cancel        end the run",
            "runcast steer r --help        everything else",
        ];
        assert_eq!(lines, want);
    }

    #[test]
    fn of_very_many_the_first_are_shown_and_those_that_obey_come_first() {
        let worker = |id: usize| {
            let state = if id < 30 { "left" } else { "joined" };
            json!({"producer": format!("w{id}"), "state": state, "can": ["pause"]})
        };
        let command = |id: usize| json!({"commandId": format!("i{id}"), "type": "step", "state": "queued", "by": {}});
        let lines = shown(json!({
            "status": "running",
            "producers": (0..40).map(worker).collect::<Vec<_>>(),
            "commands": (0..25).map(command).collect::<Vec<_>>(),
        }));
        assert_eq!(lines[2], "worker w30: joined, obeys pause");
        assert_eq!(lines[21], "worker w9: left");
        assert_eq!(lines[22], "and 20 more workers, which --json shows");
        assert!(lines.contains(&"and 5 more open commands, which --json shows".to_owned()), "{lines:#?}");
        assert_eq!(lines.iter().filter(|line| line.starts_with("step ")).count(), MAX_OPEN);
    }

    #[test]
    fn words_are_quoted_as_a_shell_takes_them() {
        assert_eq!(quoted("a-1:b"), "a-1:b");
        assert_eq!(quoted("it's $x"), r"'it'\''s $x'");
        assert_eq!(quoted(""), "''");
    }
}
