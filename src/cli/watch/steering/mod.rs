//! Says the events of steering as sentences: who wants what, and what became of it.

use std::collections::HashMap;

use serde_json::Value;

use self::parts::{action, answer, ask, because, part, producer, text, who, worker};
use super::super::terminal::Colour;
use crate::protocol::{ProducerEvent, ServerEvent};

mod parts;
#[cfg(test)]
mod tests;

/// Most commands whose givers are kept; others are named by their ids.
const MAX_COMMANDS: usize = 10_000;

/// A sentence about steering, and what it is about.
pub(super) struct Sentence {
    pub(super) label: &'static str,
    pub(super) colour: Colour,
    pub(super) text: String,
}

/// Says events of steering; keeps who gave which command.
#[derive(Debug, Default)]
pub(super) struct SteeringPrinter {
    commands: HashMap<String, String>,
}

impl SteeringPrinter {
    /// The sentence for an event of a producer's that can be steered; `None` for any other.
    pub(super) fn producer_event(&self, kind: ProducerEvent, event: &Value) -> Option<Sentence> {
        let producer = producer(event);
        match kind {
            ProducerEvent::Worker => {
                let text = match event["state"].as_str() {
                    Some("left") => format!("{producer} left"),
                    _ => format!("{producer} joined{}", worker(event)),
                };
                Some(Sentence { label: "worker", colour: Colour::Cyan, text })
            }
            ProducerEvent::CommandStatus => {
                let command = self.command(event);
                let (text, colour) = match event["status"].as_str().unwrap_or("?") {
                    "accepted" => (format!("{producer} works on {command}"), Colour::Cyan),
                    "done" => (format!("{producer} has done {command}"), Colour::Green),
                    "failed" => (format!("{producer} failed at {command}"), Colour::Red),
                    "rejected" => (format!("{producer} can't do {command}"), Colour::Yellow),
                    "interrupted" => (format!("{command} was interrupted"), Colour::Yellow),
                    other => (format!("{producer}: {command} is {other}"), Colour::Plain),
                };
                Some(Sentence { label: "control", colour, text: text + &because(&event["detail"]) })
            }
            ProducerEvent::AiStuck => Some(ask(event)),
            _ => None,
        }
    }

    /// The sentence for an event of steering that only the server writes; `None` for any other. `test` names a test.
    pub(super) fn server_event(&mut self, event: &Value, test: impl Fn(&str) -> String) -> Option<Sentence> {
        let name = event["type"].as_str()?;
        let kind = *ServerEvent::ALL.iter().find(|kind| kind.is_reserved() && kind.as_str() == name)?;
        let who = who(event);
        let ask_id = text(&event["askId"]);
        let (text, noun) = match kind {
            ServerEvent::PauseRequested => (format!("{who} paused {}", part(event, &test)), "pause".to_owned()),
            ServerEvent::CancelRequested => {
                let part = match event["testId"].as_str() {
                    Some(id) => format!("the test {}", test(id)),
                    None => part(event, &test),
                };
                (format!("{who} cancelled {part}{}", because(&event["reason"])), "cancel".to_owned())
            }
            ServerEvent::ResumeRequested => (format!("{who} resumed {}", part(event, &test)), "resume".to_owned()),
            ServerEvent::HoldRequested => {
                let ends = if event["when"] == "never" { "end" } else { "stay open" };
                (format!("{who} lets failing tests {ends}"), "hold".to_owned())
            }
            ServerEvent::InstructionsUpdated => {
                let how = if event["mode"] == "replace" { "gave new" } else { "added" };
                (format!("{who} {how} instructions: {}", text(&event["instructions"])), "instructions".to_owned())
            }
            ServerEvent::StepRequested => (format!("{who} lets {} do one step", part(event, &test)), "step".to_owned()),
            ServerEvent::RunToRequested => {
                let location = text(&event["location"]);
                (format!("{who} lets {} run to {location}", part(event, &test)), format!("run to {location}"))
            }
            ServerEvent::ActionQueued => {
                let action = action(&event["action"]);
                (format!("{who} acts by hand: {action}"), action)
            }
            ServerEvent::StepOverrideQueued => {
                let how = text(&event["action"]["type"]);
                (format!("{who} overrides the step: {how}"), format!("override ({how})"))
            }
            ServerEvent::ReplayStepRequested => {
                let step = if event["stepNumber"].is_null() { &event["stepId"] } else { &event["stepNumber"] };
                let step = text(step);
                (format!("{who} wants step {step} again"), format!("replay of step {step}"))
            }
            _ => return self.decision(kind, event, &who, &ask_id),
        };
        let id = event["commandId"].as_str().filter(|_| self.commands.len() < MAX_COMMANDS);
        if let Some(id) = id {
            self.commands.insert(id.to_owned(), format!("{who}'s {noun}"));
        }
        Some(Sentence { label: "control", colour: Colour::Yellow, text })
    }

    /// What was decided about a command, a question, the lease or a producer.
    fn decision(&self, kind: ServerEvent, event: &Value, who: &str, ask_id: &str) -> Option<Sentence> {
        let (label, text) = match kind {
            ServerEvent::CommandWithdrawn => {
                let command = self.command_of(&event["withdraws"]);
                ("control", format!("{who} took back {command}"))
            }
            ServerEvent::CommandExpired => ("control", format!("nobody took on {} in time", self.command(event))),
            ServerEvent::ControlTaken => {
                let from = if event["steal"] == true { " from another" } else { "" };
                ("control", format!("{who} took control{from}"))
            }
            ServerEvent::ControlReleased => {
                let text = match event["reason"].as_str() {
                    Some("expired") => "the holder of control was not seen any more: control is free".to_owned(),
                    Some("stolen") => format!("{who} took control away from its holder"),
                    _ => format!("{who} gave control back"),
                };
                ("control", text)
            }
            ServerEvent::ControlReset => {
                let text = "the store may have lost what was decided last: control is free, and what was being done is \
                            interrupted";
                ("control", text.to_owned())
            }
            ServerEvent::AskAnswered => {
                let text = match event["resolution"].as_str() {
                    Some("cancelled") => format!("{who} does not answer {ask_id}"),
                    _ => format!("{who} answered {ask_id}{}", answer(event)),
                };
                ("ask", text)
            }
            ServerEvent::AskExtended => {
                ("ask", format!("{who} gave {ask_id} time until {}", text(&event["expiresAt"])))
            }
            ServerEvent::AskExpired => {
                let then = event["action"].as_str().map_or_else(String::new, |action| format!(": then {action}"));
                let text = match event["reason"].as_str() {
                    Some("interrupted") => format!("{ask_id} needs no answer any more: who asked is gone"),
                    _ => format!("nobody answered {ask_id} in time{then}"),
                };
                ("ask", text)
            }
            ServerEvent::AskReopened => ("ask", format!("the secret for {ask_id} is lost: it needs another answer")),
            ServerEvent::ProducerStatus => {
                let is = match event["status"].as_str() {
                    Some("silent") => "gives no sign of life",
                    Some("back") => "is back",
                    _ => "is given up",
                };
                ("worker", format!("{} {is}", producer(event)))
            }
            ServerEvent::ShardsGivenUp => {
                ("worker", "shards that have not joined are not waited for any more".to_owned())
            }
            _ => return None,
        };
        Some(Sentence { label, colour: Colour::Yellow, text })
    }

    /// The command that the event is about, by who gave it.
    fn command(&self, event: &Value) -> String {
        self.command_of(&event["commandId"])
    }

    fn command_of(&self, id: &Value) -> String {
        let id = text(id);
        self.commands.get(&id).cloned().unwrap_or(id)
    }
}
