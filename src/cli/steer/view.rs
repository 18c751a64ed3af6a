//! A run's control, as the server shows it with the run's state. A member that is missing, or that a newer server has, is
//! no error: what can be read is shown.

use serde::Deserialize;
use serde_json::Value;

use crate::cli::request::{AskError, read};

/// A run's state, as far as it is about control.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RunView {
    pub(super) status: Option<String>,
    pub(super) control: Option<ShownControl>,
    commands: Vec<Value>,
    pub(super) asks: Vec<ShownAsk>,
    pub(super) paused: Option<ShownPause>,
    pub(super) producers: Vec<ShownProducer>,
    pub(super) shards: Vec<AwaitedShards>,
}

/// Who has control.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ShownControl {
    pub(super) holder: Option<ShownPerson>,
    pub(super) since: Option<String>,
}

/// Who did something.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ShownPerson {
    pub(super) name: Option<String>,
    pub(super) kind: Option<String>,
}

/// A command.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ShownCommand {
    pub(super) command_id: String,
    pub(super) r#type: String,
    pub(super) state: String,
    pub(super) by: ShownPerson,
    pub(super) producer: Option<String>,
    pub(super) expires_at: Option<String>,
    pub(super) detail: Option<String>,
    pub(super) result: Value,
}

/// An open question.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ShownAsk {
    pub(super) ask_id: String,
    pub(super) needs: String,
    pub(super) expires_at: Option<String>,
    pub(super) on_timeout: Option<String>,
    /// The `ai_stuck` as its worker posted it: any member may be missing, or be anything.
    event: Value,
}

/// What may be chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShownCandidate<'a> {
    pub(super) id: &'a str,
    pub(super) label: &'a str,
    pub(super) selector: Option<&'a str>,
}

/// A pause.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ShownPause {
    pub(super) by: ShownPerson,
    pub(super) since: Option<String>,
    pub(super) until: Option<String>,
}

/// The shards of a variant.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AwaitedShards {
    pub(super) variant: Option<String>,
    pub(super) total: u64,
    pub(super) missing: Vec<u64>,
    pub(super) waiting: bool,
}

/// A worker.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ShownProducer {
    pub(super) producer: String,
    pub(super) state: Option<String>,
    pub(super) can: Vec<String>,
    pub(super) variant: Option<String>,
}

impl RunView {
    pub(super) fn parse(state: &[u8]) -> Result<Self, AskError> {
        read(state)
    }

    /// A command by its id, with the JSON that it was read from.
    pub(super) fn command(&self, id: &str) -> Option<(ShownCommand, Value)> {
        let found = self.commands.iter().find(|command| command["commandId"] == id)?;
        Some((ShownCommand::deserialize(found).ok()?, found.clone()))
    }

    /// Whether workers have joined, and have said that none of them obeys commands of this type.
    pub(super) fn nobody_obeys(&self, command: &str) -> bool {
        let mut living = self.producers.iter().filter(|worker| worker.is_living()).peekable();
        living.peek().is_some()
            && living.all(|worker| !worker.can.is_empty() && !worker.can.iter().any(|can| can == command))
    }

    /// All commands, those that can be read.
    pub(super) fn commands(&self) -> impl Iterator<Item = ShownCommand> {
        self.commands.iter().filter_map(|command| ShownCommand::deserialize(command).ok())
    }
}

impl ShownAsk {
    /// The question in words.
    pub(super) fn text(&self) -> Option<&str> {
        ["message", "reason"].iter().find_map(|member| self.event[member].as_str())
    }

    /// What may be chosen.
    pub(super) fn candidates<'a>(&'a self) -> Vec<ShownCandidate<'a>> {
        let candidates = self.event["candidates"].as_array().map(Vec::as_slice).unwrap_or_default();
        let shown = |candidate: &'a Value| {
            let id = candidate["id"].as_str()?;
            let label = candidate["label"].as_str().unwrap_or(id);
            Some(ShownCandidate { id, label, selector: candidate["selector"].as_str() })
        };
        candidates.iter().filter_map(shown).collect()
    }
}

impl ShownProducer {
    pub(super) fn is_living(&self) -> bool {
        matches!(self.state.as_deref(), Some("joined" | "silent"))
    }
}

impl ShownCommand {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state.as_str(), "queued" | "accepted")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nobody_obeys_what_no_living_worker_says_it_does() {
        let nobody = |producers: Value| {
            RunView::parse(json!({"producers": producers}).to_string().as_bytes()).unwrap().nobody_obeys("hold")
        };
        let worker = |state: &str, can: &[&str]| json!({"producer": "w", "state": state, "can": can});
        assert!(nobody(json!([worker("joined", &["pause"]), worker("left", &["hold"])])));
        assert!(!nobody(json!([worker("joined", &["pause"]), worker("silent", &["hold"])])));
        assert!(!nobody(json!([{"producer": "w", "state": "joined"}])), "it has not said what it obeys");
        assert!(!nobody(json!([])), "anybody may obey");
    }
}
