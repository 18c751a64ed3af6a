//! Whether an event says what its author meant: the server takes any member of any kind where it looks into nothing,
//! and leaves out what it can't read. The strict check finds such members before they are posted, by the same tables
//! that the schema is written from ([`schema`](super::schema)), and misspelt ones besides.

use std::fmt;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::event::{BodyKind, EventError, EventLimits, parse_body};
use super::field::{FieldKind, FieldLimit, MESSAGE_FIELDS};
use super::field_tree::FieldNode;
use super::json_text::readable;
use super::producer_event::{COMMON, LARGEST};
use super::{ProducerEvent, RunId, Timestamp};

mod misspelt;
#[cfg(test)]
mod tests;

/// What the strict check finds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StrictFlaw {
    /// The server would refuse the event.
    #[error("{}: {}", .0.code(), refusal(.0))]
    Refused(EventError),
    /// A member is missing, or is not what it must be.
    #[error("`{member}` {rule}")]
    Invalid {
        /// Where it stands, `data.errors[2].location` for instance.
        member: String,
        /// What it must be.
        rule: String,
    },
    /// A member means nothing, and is much like one that does and is not there.
    #[error("`{member}` means nothing in a `{event}`: did you mean `{meant}`?")]
    Misspelt {
        /// Where it stands.
        member: String,
        /// The event's type.
        event: &'static str,
        /// The member that may be meant, and where it stands.
        meant: String,
    },
}

/// What is wrong, without the index of the event.
fn refusal(error: &EventError) -> String {
    match error {
        EventError::Event { flaw, .. } => flaw.to_string(),
        other => other.to_string(),
    }
}

/// The members of each event that means something.
static TREES: LazyLock<Vec<Vec<FieldNode>>> =
    LazyLock::new(|| ProducerEvent::ALL.iter().map(|event| FieldNode::all(event.fields())).collect());
static COMMON_TREE: LazyLock<Vec<FieldNode>> = LazyLock::new(|| FieldNode::all(COMMON));
static MESSAGE_TREE: LazyLock<Vec<FieldNode>> = LazyLock::new(|| FieldNode::all(MESSAGE_FIELDS));

/// Checks one line of NDJSON that is to be posted to `run`.
///
/// # Errors
/// The first thing that is wrong. Bytes are counted within the line, although the words say "of the body".
pub fn check(run: &RunId, line: &[u8]) -> Result<(), StrictFlaw> {
    let size = line.len().max(1);
    let limits = EventLimits { max_event_bytes: size, max_batch_bytes: size, ..EventLimits::default() };
    let body = bytes::Bytes::copy_from_slice(line);
    parse_body(BodyKind::NdJson, body, run, &limits, Timestamp::default()).map_err(StrictFlaw::Refused)?;
    // What the server takes can be read.
    let Ok(Value::Object(event)) = serde_json::from_slice(&readable(line)) else { return Ok(()) };
    check_members(&event)
}

/// Checks the members of an event that the server takes.
fn check_members(event: &Map<String, Value>) -> Result<(), StrictFlaw> {
    let event_type = event.get("type").and_then(Value::as_str).unwrap_or_default();
    // These may not be null.
    let common = COMMON_TREE.iter().filter(|node| event.contains_key(node.name));
    common.into_iter().try_for_each(|node| check_value(node, &event[node.name], node.name))?;
    let Some(index) = ProducerEvent::ALL.iter().position(|known| known.as_str() == event_type) else { return Ok(()) };
    let known = ProducerEvent::ALL[index];
    misspelt::check(known, &TREES[index], event)?;
    check_object(&TREES[index], event, "")
}

/// Checks the members of an object; a member that may be missing may be null.
fn check_object(nodes: &[FieldNode], object: &Map<String, Value>, path: &str) -> Result<(), StrictFlaw> {
    for node in nodes {
        let member = joined(path, node.name);
        match object.get(node.name) {
            None if !node.is_optional() => return Err(invalid(&member, "is missing")),
            Some(value) if !(value.is_null() && node.is_optional()) => check_value(node, value, &member)?,
            _ => {}
        }
    }
    Ok(())
}

fn check_value(node: &FieldNode, value: &Value, path: &str) -> Result<(), StrictFlaw> {
    let field = node.field;
    check_kind(node.kind(), field.and_then(|field| field.limit), value, path)?;
    if let Value::Object(object) = value {
        check_object(&node.members, object, path)?;
    }
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if let Some(items) = field.and_then(|field| field.items) {
            check_kind(items.kind, items.limit, item, &path)?;
        } else if !node.item_members.is_empty() {
            let object = item.as_object().ok_or_else(|| invalid(&path, "must be an object"))?;
            check_object(&node.item_members, object, &path)?;
        }
    }
    Ok(())
}

fn check_kind(kind: FieldKind, limit: Option<FieldLimit>, value: &Value, path: &str) -> Result<(), StrictFlaw> {
    let fits = match kind {
        FieldKind::Text => value.as_str().is_some_and(|text| text_fits(text, limit)),
        FieldKind::Form { format: "date-time" } => value.as_str().is_some_and(|text| Timestamp::parse(text).is_some()),
        FieldKind::Form { .. } => value.is_string(),
        FieldKind::Word { values } => value.as_str().is_some_and(|word| values.contains(&word)),
        FieldKind::Integer => value.as_i64().is_some_and(|number| {
            let (least, most) = bounds(limit);
            (least..=most).contains(&number)
        }),
        FieldKind::Number => value.is_number(),
        FieldKind::Boolean => value.is_boolean(),
        FieldKind::Object => value.is_object(),
        FieldKind::Array => value.as_array().is_some_and(|list| match limit {
            Some(FieldLimit::Items { max_items }) => list.len() <= max_items as usize,
            _ => true,
        }),
        FieldKind::Any => true,
        FieldKind::Message => match value {
            Value::Object(object) => return check_object(&MESSAGE_TREE, object, path),
            value => value.is_string(),
        },
        FieldKind::Title => match value {
            Value::Array(titles) => titles.iter().all(Value::is_string),
            value => value.is_string(),
        },
    };
    if fits { Ok(()) } else { Err(invalid(path, &format!("must be {}", Rule(kind, limit)))) }
}

fn text_fits(text: &str, limit: Option<FieldLimit>) -> bool {
    match limit {
        Some(FieldLimit::Chars { min_length, max_length }) => {
            (min_length as usize..=max_length as usize).contains(&text.chars().count())
        }
        Some(FieldLimit::Bytes { max }) => text.len() <= max as usize,
        _ => true,
    }
}

/// The least and the largest whole number.
fn bounds(limit: Option<FieldLimit>) -> (i64, i64) {
    match limit {
        Some(FieldLimit::Range { minimum, maximum }) => (minimum, maximum),
        _ => (0, LARGEST),
    }
}

/// What a value must be, in words.
struct Rule(FieldKind, Option<FieldLimit>);

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (FieldKind::Text, Some(FieldLimit::Chars { min_length: 0, max_length })) => {
                write!(f, "a string of at most {max_length} characters")
            }
            (FieldKind::Text, Some(FieldLimit::Chars { min_length, max_length })) => {
                write!(f, "a string of {min_length} to {max_length} characters")
            }
            (FieldKind::Text, Some(FieldLimit::Bytes { max })) => write!(f, "a string of at most {max} bytes"),
            (FieldKind::Form { format: "date-time" }, _) => f.write_str("a time such as 2026-11-26T20:00:00.125Z"),
            (FieldKind::Text | FieldKind::Form { .. }, _) => f.write_str("a string"),
            (FieldKind::Word { values }, _) => write!(f, "one of {}", values.join(", ")),
            (FieldKind::Integer, limit) => match bounds(limit) {
                (least, LARGEST) => write!(f, "a whole number, {least} or more"),
                (least, most) => write!(f, "a whole number from {least} to {most}"),
            },
            (FieldKind::Number, _) => f.write_str("a number"),
            (FieldKind::Boolean, _) => f.write_str("true or false"),
            (FieldKind::Object, _) => f.write_str("an object"),
            (FieldKind::Array, Some(FieldLimit::Items { max_items })) => {
                write!(f, "a list of at most {max_items} items")
            }
            (FieldKind::Array, _) => f.write_str("a list"),
            (FieldKind::Any, _) => f.write_str("anything"),
            (FieldKind::Message, _) => f.write_str("a string, or an object with a `message`"),
            (FieldKind::Title, _) => f.write_str("a string, or a list of strings"),
        }
    }
}

fn invalid(member: &str, rule: &str) -> StrictFlaw {
    StrictFlaw::Invalid { member: member.to_owned(), rule: rule.to_owned() }
}

/// The path of a member in the object at `path`.
fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
