//! The events that are stored, as JSON.

use bytes::Bytes;
use serde::Serialize;

use crate::control::Facts;
use crate::protocol::ServerEvent;

/// An event that is written member by member.
pub(super) struct EventText {
    event: ServerEvent,
    json: Vec<u8>,
}

impl EventText {
    /// An event that is decided now.
    pub(super) fn new(event: ServerEvent, facts: &Facts<'_>) -> Self {
        let json = format!(r#"{{"type":"{}""#, event.as_str()).into_bytes();
        Self { event, json }.with("timestamp", &facts.now).with("at", &facts.now)
    }

    /// With a member.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Self {
        // Values of these kinds can always be written.
        if let Ok(value) = serde_json::to_vec(value) {
            self.json.extend_from_slice(format!(r#","{name}":"#).as_bytes());
            self.json.extend_from_slice(&value);
        }
        self
    }

    /// With a member if there is a value for it.
    #[must_use]
    pub(super) fn with_some<T: Serialize>(self, name: &str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.with(name, &value),
            None => self,
        }
    }

    /// The event and its JSON.
    pub(super) fn done(mut self) -> (ServerEvent, Bytes) {
        self.json.push(b'}');
        (self.event, self.json.into())
    }
}
