//! What became of a command: said at once, and waited for.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::action::SteerAction;
use super::view::{RunView, ShownCommand};
use super::{Given, PATIENCE, SteerArgs, WAIT};
use crate::cli::request::{AskError, Servers};
use crate::cli::terminal::plain;
use crate::protocol::RunId;

/// Pauses between two looks at the command: the first, and the longest.
const FIRST_LOOK: Duration = Duration::from_millis(100);
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// Most characters shown of what a server or a worker says.
const TEXT_CHARS: usize = 500;

/// Exit code of a command that has no end in time.
const NO_END: u8 = 16;

/// Exit codes of the states in which a command ends; a done one has 0.
const ENDS: [(&str, u8); 7] = [
    ("done", 0),
    ("failed", 10),
    ("rejected", 11),
    ("expired", 12),
    ("withdrawn", 13),
    ("superseded", 14),
    ("interrupted", 15),
];

/// What became of a command.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    command: ShownCommand,
    json: Value,
    /// The workers have said that none of them obeys such a command.
    nobody_obeys: bool,
}

/// What the server has answered, in words.
pub(super) fn said(action: &SteerAction, given: &Given, run: &RunId) -> String {
    let cursor = plain(&given.cursor, TEXT_CHARS);
    match action {
        SteerAction::Take { .. } => format!("you have control of {run} (lease {cursor})"),
        SteerAction::Release => format!("you gave back control of {run}"),
        SteerAction::Renew => format!("you keep control of {run}"),
        SteerAction::Answer(_) => format!("{run} has the answer ({cursor})"),
        SteerAction::Extend { ask, secs } => format!("{} waits {secs} s from now", plain(ask, TEXT_CHARS)),
        SteerAction::Withdraw { command } => format!("{} is taken back", plain(command, TEXT_CHARS)),
        _ => {
            format!("{} {} ({})", action.name(), plain(&given.state, TEXT_CHARS), plain(&given.command_id, TEXT_CHARS))
        }
    }
}

impl Outcome {
    /// Waits for the end of a command, or until the time that the user gives it is over.
    pub(super) async fn of(servers: &Servers, args: &SteerArgs, given: &Given) -> Result<Self, AskError> {
        let until = Instant::now() + args.patience(WAIT);
        let mut pause = FIRST_LOOK;
        let mut last = Self::begun(given);
        while !last.is_ended() && Instant::now() + pause < until {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_LOOK);
            let state = args.state(servers, args.patience(PATIENCE)).await?;
            let view = RunView::parse(&state)?;
            if let Some((command, json)) = view.command(&given.command_id) {
                let nobody_obeys = view.nobody_obeys(&command.r#type);
                last = Self { command, json, nobody_obeys };
            }
        }
        Ok(last)
    }

    fn begun(given: &Given) -> Self {
        let json = json!({"commandId": given.command_id, "state": given.state});
        Self { command: ShownCommand { state: given.state.clone(), ..Default::default() }, json, nobody_obeys: false }
    }

    fn is_ended(&self) -> bool {
        ENDS.iter().any(|(state, _)| *state == self.command.state)
    }

    /// The command as the server shows it.
    pub(super) fn json(&self) -> String {
        self.json.to_string()
    }

    /// The outcome in words.
    pub(super) fn sentence(&self, action: &SteerAction, given: &Given) -> String {
        let state = plain(&self.command.state, TEXT_CHARS);
        let id = plain(&given.command_id, TEXT_CHARS);
        let detail = self
            .command
            .detail
            .as_deref()
            .map_or_else(String::new, |detail| format!(": {}", plain(detail, TEXT_CHARS)));
        let result = match &self.command.result {
            Value::Null => String::new(),
            result => format!(" -> {}", plain(&result.to_string(), TEXT_CHARS)),
        };
        let nobody = match self.command.state.as_str() {
            "queued" | "expired" if self.nobody_obeys => ": no worker of the run obeys it",
            _ => "",
        };
        format!("{} {state} ({id}){detail}{result}{nobody}", action.name())
    }

    /// The exit code.
    pub(super) fn exit_code(&self) -> ExitCode {
        let end = ENDS.iter().find(|(state, _)| *state == self.command.state);
        ExitCode::from(end.map_or(NO_END, |(_, code)| *code))
    }
}
