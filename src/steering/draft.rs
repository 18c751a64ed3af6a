//! A command as its sender wrote it, before it is decided: that it is an object with a type and an id, and nothing more
//! than that. What its members must be is the control's to say.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::error::SteeringError;
use crate::protocol::json_text::{doubled, readable, without_bom};

/// Most bytes of a command. 16 KiB.
pub const MAX_COMMAND_BYTES: usize = 16 * 1024;

/// A command that can be read.
#[derive(Clone)]
pub(super) struct Draft {
    /// As text, with an id.
    pub(super) json: Bytes,
    /// The same.
    pub(super) members: Map<String, Value>,
    /// Its `commandId` as ids are written, which was made if it had none. Empty when it is no text, which the control refuses.
    pub(super) id: Arc<str>,
}

impl fmt::Debug for Draft {
    /// Without its members: one of them may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").field("kind", &self.kind()).field("id", &self.id).finish_non_exhaustive()
    }
}

/// An id as it is written in the log: UUIDs may be sent in upper case, in braces and so on.
pub(super) fn normal_id(text: &str) -> Arc<str> {
    Uuid::try_parse(text).map_or_else(|_| text.into(), |id| id.hyphenated().to_string().into())
}

impl Draft {
    /// Reads a command. One without a `commandId` gets one: it can't be repeated then.
    pub(super) fn read(json: &[u8]) -> Result<Self, SteeringError> {
        if json.len() > MAX_COMMAND_BYTES {
            let detail = format!("the command has {} bytes, more than {MAX_COMMAND_BYTES}", json.len());
            return Err(SteeringError::new("command_too_large", detail).with("limit", MAX_COMMAND_BYTES));
        }
        let json = readable(without_bom(json).trim_ascii());
        let not_one = |reason: String| SteeringError::new("invalid_command", format!("not a JSON object: {reason}"));
        if !json.starts_with(b"{") {
            return Err(not_one("it must begin with a brace".to_owned()));
        }
        let members: Map<String, Value> = serde_json::from_slice(&json).map_err(|error| not_one(error.to_string()))?;
        if let Some(member) = doubled(&json) {
            return Err(SteeringError::invalid(&member, "comes twice"));
        }
        match members.get("type") {
            Some(Value::String(_)) => {}
            Some(_) => return Err(SteeringError::invalid("type", "must be a text")),
            None => return Err(SteeringError::invalid("type", "is missing")),
        }
        let json = Bytes::from(json.into_owned());
        match members.get("commandId") {
            Some(id) => {
                let id = normal_id(id.as_str().unwrap_or_default());
                Ok(Self { json, members, id })
            }
            None => Ok(Self { json, members, id: "".into() }.with_id(&Uuid::now_v7().to_string())),
        }
    }

    fn with_id(mut self, id: &str) -> Self {
        // The object is not empty: it has a type.
        self.json = [format!(r#"{{"commandId":"{id}","#).as_bytes(), &self.json[1..]].concat().into();
        self.members.insert("commandId".to_owned(), id.into());
        self.id = id.into();
        self
    }

    /// Its type.
    pub(super) fn kind(&self) -> &str {
        self.members.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    /// The same with other members.
    pub(super) fn with_members(&self, members: Map<String, Value>) -> Self {
        // A map of texts to values can always be written.
        let json = serde_json::to_vec(&members).unwrap_or_default().into();
        Self { json, members, id: self.id.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_kept_as_it_is_and_gets_an_id_if_it_has_none() {
        let draft = Draft::read(b" {\"type\":\"pause\", \"commandId\":\"c-1\",\"maxSecs\":1.50}\n").unwrap();
        assert_eq!((draft.kind(), &*draft.id), ("pause", "c-1"));
        assert_eq!(&draft.json[..], br#"{"type":"pause", "commandId":"c-1","maxSecs":1.50}"#);
        let draft = Draft::read("\u{feff}{\"type\":\"resume\"}".as_bytes()).unwrap();
        assert_eq!(Uuid::parse_str(&draft.id).unwrap().get_version_num(), 7);
        let want = format!(r#"{{"commandId":"{}","type":"resume"}}"#, draft.id);
        assert_eq!(&draft.json[..], want.as_bytes());
        assert_eq!(draft.members["commandId"], *draft.id);
        assert_eq!(&*Draft::read(br#"{"type":"pause","commandId":7}"#).unwrap().id, "", "refused by the control");
    }

    #[test]
    fn what_is_no_command_is_refused_with_the_reason() {
        for (json, code, field) in [
            (&b"[]"[..], "invalid_command", None),
            (b"", "invalid_command", None),
            (b"{\"type\":", "invalid_command", None),
            (b"{}", "invalid_command", Some("type")),
            (b"{\"type\":7}", "invalid_command", Some("type")),
            (b"{\"type\":\"pause\",\"type\":\"resume\"}", "invalid_command", Some("type")),
            (
                b"{\"type\":\"step_override\",\"action\":{\"type\":\"skip\",\"type\":\"fail\"}}",
                "invalid_command",
                Some("action.type"),
            ),
            (&[b' '; MAX_COMMAND_BYTES + 1], "command_too_large", None),
        ] {
            let error = Draft::read(json).unwrap_err();
            assert_eq!((error.code, error.members.get("field").and_then(Value::as_str)), (code, field), "{error}");
        }
    }
}
