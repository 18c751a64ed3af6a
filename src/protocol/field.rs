//! The members of messages and events, as clients are told of them.

use std::sync::Arc;

use serde::Serialize;

use super::{Cursor, Epoch, RunId, Timestamp};

/// A member of a message or an event.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Field {
    /// Its key; with dots for a member of an object in it, and `[]` for the members of a list.
    pub name: &'static str,
    /// What its value is.
    #[serde(flatten)]
    pub kind: FieldKind,
    /// How long, large or many it may be; `None`: as it likes.
    #[serde(flatten)]
    pub limit: Option<FieldLimit>,
    /// What a list holds, unless names with `[]` say that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Items>,
    /// Whether the value may be `null`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub nullable: bool,
    /// Whether it may be missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// What it says.
    pub doc: &'static str,
}

/// What the value of a member is.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum FieldKind {
    /// Any text.
    #[serde(rename = "string")]
    Text,
    /// A text of a form that the protocol's page describes: `runId`, `epoch`, `cursor`, `date-time`, `uri-reference`.
    #[serde(rename = "string")]
    Form {
        /// Which form.
        format: &'static str,
    },
    /// One of some words.
    #[serde(rename = "string")]
    Word {
        /// The words.
        values: &'static [&'static str],
    },
    /// A whole number, 0 or more, that a double holds.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An object; its members are described by names with dots, or are whoever's wrote it.
    Object,
    /// A list.
    Array,
    /// A value of any kind.
    Any,
    /// A text, or an object whose `message` is one.
    #[serde(rename = "message")]
    Message,
    /// A text, or a list of texts: the titles of the groups that a test is in, and its own.
    #[serde(rename = "title")]
    Title,
}

/// How long, large or many a value may be, by the keywords of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FieldLimit {
    /// Characters of a text.
    #[serde(rename_all = "camelCase")]
    Chars {
        /// The fewest.
        #[serde(skip_serializing_if = "is_zero")]
        min_length: u32,
        /// The most.
        max_length: u32,
    },
    /// Bytes of a text in UTF-8. A schema counts characters, of which there are no more.
    #[serde(rename_all = "camelCase")]
    Bytes {
        /// The most.
        #[serde(rename = "maxLength")]
        max: u32,
    },
    /// A whole number's bounds.
    Range {
        /// The least.
        minimum: i64,
        /// The largest.
        maximum: i64,
    },
    /// Items of a list.
    #[serde(rename_all = "camelCase")]
    Items {
        /// The most.
        max_items: u32,
    },
}

/// What the items of a list are.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Items {
    /// What each is.
    #[serde(flatten)]
    pub kind: FieldKind,
    /// How long or large each may be.
    #[serde(flatten)]
    pub limit: Option<FieldLimit>,
}

/// A list of texts.
pub const TEXTS: Items = Items { kind: FieldKind::Text, limit: None };

/// The members of an object that stands for a [`FieldKind::Message`].
pub const MESSAGE_FIELDS: &[Field] = &[
    Field::new("message", FieldKind::Text, "What went wrong; colours are ANSI escapes."),
    Field::new("location", FieldKind::Text, "Where: `file:line:column`.").optional(),
    Field::new("snippet", FieldKind::Text, "The lines around it.").optional(),
    Field::new("stack", FieldKind::Text, "The calls that led there.").optional(),
];

fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// A type of message that is no event, as clients are told of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MessageType {
    /// Its `type`.
    #[serde(rename = "type")]
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// Its members besides `type`.
    pub fields: &'static [Field],
}

/// A Rust type that a member of a message has.
pub trait FieldType {
    /// What its value is in JSON.
    const KIND: FieldKind;
    /// Whether that may be `null`.
    const NULLABLE: bool = false;
}

macro_rules! field_types {
    ($($type:ty: $kind:expr;)+) => {
        $(impl FieldType for $type {
            const KIND: FieldKind = $kind;
        })+
    };
}

field_types! {
    RunId: FieldKind::Form { format: "runId" };
    Epoch: FieldKind::Form { format: "epoch" };
    Cursor: FieldKind::Form { format: "cursor" };
    Timestamp: FieldKind::Form { format: "date-time" };
    Arc<str>: FieldKind::Text;
    &'static str: FieldKind::Text;
    String: FieldKind::Text;
    Box<str>: FieldKind::Text;
    Box<serde_json::Map<String, serde_json::Value>>: FieldKind::Object;
    u32: FieldKind::Integer;
    u64: FieldKind::Integer;
}

impl<T: FieldType> FieldType for Option<T> {
    const KIND: FieldKind = T::KIND;
    const NULLABLE: bool = true;
}

impl Field {
    /// A member that is always there and never `null`.
    pub const fn new(name: &'static str, kind: FieldKind, doc: &'static str) -> Self {
        Self { name, kind, limit: None, items: None, nullable: false, optional: false, doc }
    }

    /// A member as a Rust type is written. An `Option` is `null` without a value, or missing if it is `optional`.
    pub const fn typed<T: FieldType>(name: &'static str, optional: bool, doc: &'static str) -> Self {
        Self { nullable: T::NULLABLE && !optional, optional, ..Self::new(name, T::KIND, doc) }
    }

    /// The same, a text of `least` to `most` characters.
    #[must_use]
    pub const fn chars(self, least: u32, most: u32) -> Self {
        Self { limit: Some(FieldLimit::Chars { min_length: least, max_length: most }), ..self }
    }

    /// The same, a whole number from `least` to `most`.
    #[must_use]
    pub const fn range(self, least: i64, most: i64) -> Self {
        Self { limit: Some(FieldLimit::Range { minimum: least, maximum: most }), ..self }
    }

    /// The same, a list of at most so many items.
    #[must_use]
    pub const fn at_most(self, most: u32) -> Self {
        Self { limit: Some(FieldLimit::Items { max_items: most }), ..self }
    }

    /// The same, a list of such items.
    #[must_use]
    pub const fn of(self, items: Items) -> Self {
        Self { items: Some(items), ..self }
    }

    /// The same, that may be missing.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// The same, that may be `null`.
    #[must_use]
    pub const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }
}

/// Fails unless the event has the members of `fields` besides `type` and `timestamp`, and no other.
///
/// # Panics
/// When it has not.
#[cfg(test)]
pub(crate) fn assert_described(fields: &[Field], event: &serde_json::Value) {
    let members = event.as_object().unwrap();
    for field in fields {
        let value = match field.name.split_once('.') {
            // Whether the object has to be there is said by a line of its own.
            Some((object, _)) if !members.contains_key(object) && fields.iter().any(|field| field.name == object) => {
                continue;
            }
            Some((object, member)) => members.get(object).and_then(|object| object.get(member)),
            None => members.get(field.name),
        };
        assert!(value.is_some() || field.optional, "{} is missing in {event}", field.name);
        let Some(value) = value else { continue };
        let fits = match field.kind {
            FieldKind::Text | FieldKind::Form { .. } => value.is_string(),
            FieldKind::Word { values } => value.as_str().is_some_and(|word| values.contains(&word)),
            FieldKind::Integer => value.is_u64(),
            FieldKind::Number => value.is_number(),
            FieldKind::Boolean => value.is_boolean(),
            FieldKind::Object => value.is_object(),
            FieldKind::Array => value.is_array(),
            FieldKind::Any => true,
            FieldKind::Message | FieldKind::Title => value.is_string() || value.is_object() || value.is_array(),
        };
        assert!(fits || field.nullable && value.is_null(), "{} is another thing in {event}", field.name);
    }
    let is_described = |name: &str| fields.iter().any(|field| field.name.split('.').next() == Some(name));
    let known = |name: &str| matches!(name, "type" | "timestamp") || is_described(name);
    assert!(members.keys().all(|name| known(name)), "{event} has more members than are described");
}
