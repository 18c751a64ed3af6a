//! The command that an action becomes: a JSON object as the server takes it. Pure.

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use super::action::{AnswerArgs, AnswerKind, ManualArgs, SteerAction};
use super::arguments::{Point, TargetArgs};

/// The flag does not fit the action.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{flag} makes no sense here: {reason}")]
pub(super) struct Misuse {
    pub(super) flag: &'static str,
    reason: &'static str,
}

fn word(value: impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

impl SteerAction {
    /// The command, without its id: a JSON object as the server takes it. `secret` is what was read for it.
    pub(super) fn command(
        &self,
        target: &TargetArgs,
        expires_in: Option<u64>,
        secret: Option<String>,
    ) -> Result<Map<String, Value>, Misuse> {
        if expires_in.is_some() && !self.is_act() {
            return Err(Misuse { flag: "--expires-in", reason: "only what one worker is to do at once expires" });
        }
        let (name, members) = match self {
            Self::Pause { max_secs, now } => ("pause", json!({"maxSecs": max_secs, "now": now.then_some(true)})),
            Self::Resume => ("resume", json!({})),
            Self::Hold { when } => ("hold", json!({"when": word(*when)})),
            Self::Step => ("step", json!({})),
            Self::RunTo { location } => ("run_to", json!({"location": location})),
            Self::Cancel { reason } => ("cancel", json!({"reason": reason, "testId": target.test})),
            Self::Say { text, replace } => {
                let mode = if *replace { "replace" } else { "append" };
                ("update_instructions", json!({"instructions": text, "mode": mode}))
            }
            Self::Override { what } => ("step_override", json!({"action": {"type": word(*what)}})),
            Self::Replay { step } => match step.parse::<u64>() {
                Ok(number) => ("replay_step", json!({"stepNumber": number})),
                Err(_) => ("replay_step", json!({"stepId": step})),
            },
            Self::Answer(AnswerArgs { ask, answer }) => ("answer", answer.members(ask, secret)),
            Self::Extend { ask, secs } => ("extend", json!({"askId": ask, "secs": secs})),
            Self::Withdraw { command } => ("withdraw", json!({"withdraws": command})),
            Self::Take { steal } => ("take_control", json!({"steal": steal.then_some(true)})),
            Self::Release => ("release_control", json!({})),
            Self::Renew => ("renew_control", json!({})),
            _ => ("manual_action", self.manual().map_or_else(|| json!({}), |(name, args)| args.members(name, secret))),
        };
        let target = match self {
            Self::Cancel { .. } => TargetArgs { test: None, ..target.clone() }.json(),
            _ => target.json(),
        };
        if target.is_some() && !self.has_end() {
            return Err(Misuse { flag: "--target", reason: "it is about the run, not about one of its workers" });
        }
        let mut command = Map::from_iter([("type".to_owned(), name.into())]);
        if let Value::Object(members) = members {
            command.extend(members.into_iter().filter(|(_, value)| !value.is_null()));
        }
        command.extend(target.map(|target| ("target".to_owned(), target)));
        command.extend(expires_in.map(|secs| ("expiresInSecs".to_owned(), secs.into())));
        Ok(command)
    }
}

impl ManualArgs {
    fn members(&self, name: &str, secret: Option<String>) -> Value {
        let mut action = Map::from_iter([("action".to_owned(), name.into())]);
        let mut put = |key: &str, value: Option<Value>| {
            action.extend(value.map(|value| (key.to_owned(), value)));
        };
        put("selector", self.selector.clone().map(Value::from));
        put("point", self.point.map(Point::json));
        put("value", self.value.clone().map(Value::from));
        put("secret", secret.map(Value::from));
        put("description", self.description.clone().map(Value::from));
        json!({"action": action})
    }
}

impl AnswerKind {
    fn members(&self, ask: &str, secret: Option<String>) -> Value {
        let value = secret.or_else(|| self.value.clone()).map(Value::from).or_else(|| self.json_value.clone());
        json!({
            "askId": ask,
            "candidateId": self.candidate,
            "value": value,
            "point": self.point.map(Point::json),
            "resolution": if self.cancel { "cancelled" } else { "resolved" },
        })
    }
}
