//! The members of an event, each read by itself, so that one of a wrong type affects no other. Of a name that comes
//! twice the first counts: what the server writes into an event stands in front.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::protocol::json_text::whole_number;
use crate::protocol::{Cursor, Epoch, Principal, PrincipalKind, Timestamp, Via};

/// Most bytes that are kept of a text that is shown: a reason, a name.
const MAX_TEXT_BYTES: usize = 2 * 1024;
/// Longer ids are none.
const MAX_ID_BYTES: usize = 1_024;

/// The members of an object.
pub(super) struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        json.deserialize_map(Object).map(Self)
    }
}

impl<'a> Members<'a> {
    /// Those of an object's text; `None` if it is none.
    pub(super) fn parse(json: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// The text of a member that is there and not `null`.
    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
        found.filter(|value| value.get() != "null")
    }

    pub(super) fn get<T: Deserialize<'a>>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.raw(name)?.get()).ok()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    pub(super) fn object(&self, name: &str) -> Option<Members<'a>> {
        self.get(name)
    }

    /// An id: a text that is not empty, nor too long to be one.
    pub(super) fn id(&self, name: &str) -> Option<Arc<str>> {
        let id: String = self.get(name)?;
        (!id.is_empty() && id.len() <= MAX_ID_BYTES).then(|| id.into())
    }

    /// The id of a command: that of a UUID however it is written.
    pub(super) fn command_id(&self, name: &str) -> Option<Arc<str>> {
        let id = self.id(name)?;
        Some(uuid::Uuid::try_parse(&id).map_or(id, |uuid| uuid.hyphenated().to_string().into()))
    }

    /// A text for people, cut off where it is too long.
    pub(super) fn text(&self, name: &str) -> Option<Arc<str>> {
        let mut text: String = self.get(name)?;
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        Some(text.into())
    }

    /// A whole number, however it is written.
    pub(super) fn whole<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        whole_number(self.raw(name)?.get())
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name).unwrap_or(false)
    }

    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        self.get::<String>(name).and_then(|text| Timestamp::parse(&text))
    }

    pub(super) fn cursor(&self, name: &str) -> Option<Cursor> {
        read_cursor(&self.get::<String>(name)?)
    }

    /// Who wanted it. Words that a later version may have are read as the nearest that are known.
    pub(super) fn by(&self) -> Option<Principal> {
        let by = self.object("by")?;
        let subject = by.id("subject")?;
        let kind = match by.get::<String>("kind").as_deref() {
            Some("agent") => PrincipalKind::Agent,
            Some("server") => PrincipalKind::Server,
            _ => PrincipalKind::Human,
        };
        let via = match by.get::<String>("via").as_deref() {
            Some("ws") => Via::Ws,
            Some("mcp") => Via::Mcp,
            Some("server") => Via::Server,
            _ => Via::Http,
        };
        let name = by.text("name").unwrap_or_else(|| subject.clone());
        Some(Principal { subject, name, kind, via, verified: by.is_true("verified") })
    }
}

/// `epoch:seq`, or a bare seq.
pub(in crate::control) fn read_cursor(text: &str) -> Option<Cursor> {
    let number = |digits: &str| Epoch::parse(digits).map(|number| number.0);
    match text.split_once(':') {
        Some((epoch, seq)) => Some(Cursor { epoch: Some(Epoch::parse(epoch)?), seq: number(seq)? }),
        None => Some(Cursor { epoch: None, seq: number(text)? }),
    }
}
