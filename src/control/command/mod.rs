//! A command as it was sent: which members it may have, what they must be, and how a repeat of it is recognised.
//!
//! The members stand in [`COMMANDS`]; here are the rules that a table of names and kinds can't say.

use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::fold::{CommandTarget, TargetSlot, digest_of, read_cursor};
use super::{CommandKind, ControlError};
use crate::protocol::field::{Field, FieldKind};
use crate::protocol::json_text::{readable, without_bom};
use crate::protocol::viewer_command::COMMANDS;
use crate::protocol::{Cursor, Timestamp};

mod canonical;
mod rules;
#[cfg(test)]
mod tests;

/// The member that stands for a secret: its MAC.
pub(super) const SECRET_MAC: &str = "secretMac";
/// The time in a command's id is within this of now, in milliseconds: 24 h.
const MAX_AGE_MS: i64 = 24 * 3_600 * 1_000;
/// How long an act may be claimed, in seconds, if the command does not say.
const DEFAULT_EXPIRES_SECS: u64 = 60;

/// A command whose members are as they must be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GivenCommand {
    /// Its id, as UUIDs are written.
    pub(super) id: Arc<str>,
    /// When the id was made.
    pub(super) made_at: Timestamp,
    pub(super) kind: CommandKind,
    /// The lease that it names.
    pub(super) lease: Option<Cursor>,
    /// Recognises a repeat.
    pub(super) digest: u128,
    pub(super) target: Option<CommandTarget>,
    /// `expect`, which goes into the event.
    pub(super) expect: Option<Map<String, Value>>,
    /// How long an act may be claimed.
    pub(super) expires_ms: i64,
    /// All members.
    pub(super) members: Map<String, Value>,
}

fn invalid(field: &str, reason: &str) -> ControlError {
    ControlError::Invalid { field: field.into(), reason: reason.into() }
}

impl GivenCommand {
    /// Reads a command and checks it.
    ///
    /// # Errors
    /// [`ControlError::Invalid`], with the first member that is wrong, and [`ControlError::TooLarge`].
    pub(super) fn parse(json: &[u8], max_bytes: usize) -> Result<Self, ControlError> {
        if json.len() > max_bytes {
            return Err(ControlError::TooLarge { bytes: json.len(), max: max_bytes });
        }
        let json = readable(without_bom(json));
        let members: Map<String, Value> = serde_json::from_slice(&json)
            .map_err(|error| invalid("command", &format!("not a JSON object: {error}")))?;
        let name = match members.get("type") {
            None => return Err(invalid("type", "is missing")),
            Some(name) => name.as_str().ok_or_else(|| invalid("type", "must be a text"))?,
        };
        let kind = CommandKind::parse(name).ok_or_else(|| {
            let names: Vec<_> = COMMANDS.iter().map(|command| command.name).collect();
            invalid("type", &format!("must be one of {}", names.join(", ")))
        })?;
        let table = COMMANDS.iter().find(|command| command.name == name).map_or(&[][..], |command| command.fields);
        for name in members.keys() {
            let is_mac = name == SECRET_MAC && kind == CommandKind::Answer;
            if name != "type" && !is_mac && !table.iter().any(|field| field.name == name) {
                return Err(invalid(name, "is not known here"));
            }
        }
        for field in table {
            check(field, members.get(field.name))?;
        }
        rules::check(kind, &members)?;
        let (id, made_at) = read_id(&members)?;
        let lease = members.get("lease").and_then(Value::as_str);
        let lease = lease.map(|lease| read_cursor(lease).ok_or_else(|| invalid("lease", "must be `epoch:seq`")));
        Ok(Self {
            id,
            made_at,
            kind,
            lease: lease.transpose()?,
            digest: digest_of(canonical::canonical(&members).as_bytes()),
            target: members.get("target").map(read_target),
            expect: members.get("expect").and_then(Value::as_object).cloned(),
            expires_ms: integer(&members, "expiresInSecs").unwrap_or(DEFAULT_EXPIRES_SECS) as i64 * 1_000,
            members,
        })
    }

    /// Whether the id was made too long ago, or in the future.
    pub(super) fn is_out_of_time(&self, now: Timestamp) -> bool {
        (now.as_millis().saturating_sub(self.made_at.as_millis())).saturating_abs() > MAX_AGE_MS
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str)
    }

    pub(super) fn integer(&self, name: &str) -> Option<u64> {
        integer(&self.members, name)
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.members.get(name) == Some(&Value::Bool(true))
    }
}

fn integer(members: &Map<String, Value>, name: &str) -> Option<u64> {
    members.get(name).and_then(Value::as_u64)
}

/// Checks what the table says of a member.
fn check(field: &Field, value: Option<&Value>) -> Result<(), ControlError> {
    let Some(value) = value else {
        let needed = !field.optional;
        return if needed { Err(invalid(field.name, "is missing")) } else { Ok(()) };
    };
    let reason = match field.kind {
        FieldKind::Text if value.as_str().is_none_or(str::is_empty) => "must be a text that is not empty",
        FieldKind::Form { .. } if !value.is_string() => "must be a text",
        FieldKind::Word { values } if !value.as_str().is_some_and(|word| values.contains(&word)) => {
            return Err(invalid(field.name, &format!("must be one of {}", values.join(", "))));
        }
        FieldKind::Integer if !value.is_u64() => "must be a whole number, 0 or more",
        FieldKind::Boolean if !value.is_boolean() => "must be true or false",
        FieldKind::Object if !value.is_object() => "must be an object",
        FieldKind::Array if !value.is_array() => "must be a list",
        FieldKind::Number if !value.is_number() => "must be a number",
        _ => return Ok(()),
    };
    Err(invalid(field.name, reason))
}

fn read_id(members: &Map<String, Value>) -> Result<(Arc<str>, Timestamp), ControlError> {
    let text = members.get("commandId").and_then(Value::as_str).ok_or_else(|| invalid("commandId", "is missing"))?;
    let id = Uuid::try_parse(text).ok().filter(|id| id.get_version_num() == 7);
    let id = id.ok_or_else(|| invalid("commandId", "must be a UUID of version 7"))?;
    let millis = (id.as_u128() >> 80) as i64;
    Ok((id.hyphenated().to_string().into(), Timestamp::from_millis(millis)))
}

/// The target, which was checked.
fn read_target(target: &Value) -> CommandTarget {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(Arc::from);
    let slot = target
        .get("slot")
        .and_then(|slot| Some(TargetSlot { producer: text(slot, "producer")?, slot: slot.get("slot")?.as_u64()? }));
    CommandTarget { producer: text(target, "producer"), slot, test_id: text(target, "testId") }
}
