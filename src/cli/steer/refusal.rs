//! Says why a command was refused, and what one can do about it. Pure.

use std::process::ExitCode;

use reqwest::StatusCode;
use serde::Deserialize;

use crate::cli::request::AskError;
use crate::cli::terminal::plain;
use crate::protocol::RunId;

/// Exit code when the run, or who controls it, does not allow a command.
const NOT_ALLOWED: u8 = 3;

/// Most characters shown of a name and of an explanation.
const NAME_CHARS: usize = 128;
const DETAIL_CHARS: usize = 1_000;

/// A refusal, as far as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RefusalDocument {
    detail: Option<String>,
    holder: Option<Person>,
    /// Who has answered a question.
    by: Option<Person>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Person {
    name: Option<String>,
}

/// The exit code for a refusal.
pub(super) fn exit_code(error: &AskError) -> ExitCode {
    match error {
        AskError::Refused { status: StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::GONE, .. } => {
            ExitCode::from(NOT_ALLOWED)
        }
        _ => ExitCode::FAILURE,
    }
}

/// The refusal in words.
pub(super) fn sentence(error: &AskError, run: &RunId) -> String {
    let AskError::Refused { code, detail: shown, body, .. } = error else { return error.to_string() };
    let document: RefusalDocument = serde_json::from_slice(body).unwrap_or_default();
    let detail = document.detail.map_or_else(|| shown.clone(), |detail| plain(&detail, DETAIL_CHARS));
    let name = |person: Option<Person>| person.and_then(|person| person.name).map(|name| plain(&name, NAME_CHARS));
    let (holder, by) = (name(document.holder), name(document.by));
    let who = holder.as_deref().unwrap_or("somebody else");
    match code.as_deref() {
        Some("lease_held") => format!(
            "{who} has control of {run}. Wait until it is free, or take it from {who}: runcast steer {run} take --steal"
        ),
        Some("human_in_control") => {
            format!("{who} has control of {run}, and agents may only pause it meanwhile: {detail}")
        }
        Some("lease_lost") if holder.is_some() => format!("{who} has control of {run}, not you"),
        Some("lease_lost") => {
            format!("you have no control of {run}, or no more ({detail}). Take it: runcast steer {run} take")
        }
        Some("target_needed") => {
            format!("{detail}. Say which worker is meant by --target, --slot or --test: runcast steer {run}")
        }
        Some("already_answered") => match by {
            Some(by) => format!("{by} has answered the question already"),
            None => detail,
        },
        Some("nobody_obeys" | "target_unknown") => {
            format!("{detail}. Which workers there are, and what they obey: runcast steer {run}")
        }
        Some("command_unknown" | "ask_unknown") => {
            format!("{detail}. What there is: runcast steer {run}")
        }
        Some("run_not_found") => format!("there is no run {run}"),
        Some("command_conflict") => format!("another command has this id: {detail}"),
        _ => detail,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused(status: u16, body: Value) -> AskError {
        AskError::Refused {
            status: StatusCode::from_u16(status).unwrap(),
            code: body["code"].as_str().map(str::to_owned),
            index: None,
            detail: "shown".into(),
            body: body.to_string().into(),
        }
    }

    #[test]
    fn a_refusal_names_who_has_control_and_what_one_can_do() {
        let said = |status, body| sentence(&refused(status, body), &RunId::parse("r").unwrap());
        let held = json!({"code": "lease_held", "detail": "x", "holder": {"name": "ada\u{1b}[2J", "kind": "human"}});
        let held = said(409, held);
        assert!(
            held.starts_with("ada\\u{1b}[2J has control of r.") && held.ends_with("steer r take --steal"),
            "{held}"
        );
        let answered = json!({"code": "already_answered", "detail": "x", "by": {"name": "ada"}});
        assert_eq!(said(409, answered), "ada has answered the question already");
        let expired = json!({"code": "already_answered", "detail": "the question has ended: expired"});
        assert_eq!(said(409, expired), "the question has ended: expired");
        let lost = json!({"code": "lease_lost", "detail": "x", "holder": {"name": "bob"}});
        assert_eq!(said(409, lost), "bob has control of r, not you");
        let lost = said(409, json!({"code": "lease_lost", "detail": "x"}));
        assert!(lost.starts_with("you have no control of r") && lost.ends_with("steer r take"), "{lost}");
        let ended = json!({"code": "run_ended", "detail": "the run has ended"});
        assert_eq!(said(409, ended), "the run has ended");
        assert_eq!(said(404, json!({"code": "run_not_found", "detail": "x"})), "there is no run r");
        for code in ["nobody_obeys", "target_unknown", "command_unknown", "ask_unknown"] {
            let said = said(409, json!({"code": code, "detail": "not so"}));
            assert!(said.starts_with("not so. ") && said.ends_with(": runcast steer r"), "{said}");
        }
        assert_eq!(said(418, json!({})), "shown");
    }

    #[test]
    fn only_what_the_run_does_not_allow_has_a_code_of_its_own() {
        let code = |status| exit_code(&refused(status, json!({})));
        for status in [404, 409, 410] {
            assert_eq!(code(status), ExitCode::from(NOT_ALLOWED));
        }
        assert_eq!(code(400), ExitCode::FAILURE);
        assert_eq!(exit_code(&AskError::Failed("x".into())), ExitCode::FAILURE);
    }
}
