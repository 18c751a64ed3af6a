//! The events of runs as a JSON Schema, written from the tables in this folder: what producers may post, and what
//! viewers are sent. It stands in `docs/events.schema.json`, and servers answer it at `/api/events.schema.json`.
//!
//! What the schema takes is taken by the server. The reverse holds only for what the server looks into: elsewhere a
//! member of a wrong kind is stored, and counts for nothing.

use std::sync::LazyLock;

use super::field::{Field, FieldKind, FieldLimit, MESSAGE_FIELDS};
use super::field_tree::FieldNode;
use super::producer_event::{COMMON, LARGEST, MAX_TYPE_CHARS};
use super::server_event::reserved_types;
use super::{ProducerEvent, ServerEvent};

mod keywords;
#[cfg(test)]
mod tests;

use keywords::{Ordered, Schema, Value};

const ABOUT: &str = "What producers post to a run: an event of one of these types, or of a type of their own. \
                     `#/$defs/StoredEvent` is what viewers are sent. Members that are not described are allowed. \
                     Written from the tables in src/protocol by `RUNCAST_WRITE=1 cargo test --test surface schema`; \
                     docs/events.md explains it.";

/// The form of a run's id.
const RUN_ID: &str = "^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$";
/// The form of a cursor.
const CURSOR: &str = "^([0-9]+:)?[0-9]+$";

/// The member of control events that says who wants it.
const BY: &str = "by";

/// The document, with a newline at its end.
pub fn document() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
        // Texts, numbers and lists always serialise.
        serde_json::to_string_pretty(&root()).unwrap_or_default() + "\n"
    });
    &DOCUMENT
}

/// The name that the schema has for a producer's event.
fn producer_name(event: ProducerEvent) -> String {
    format!("{}Event", event.name())
}

/// The name that the schema has for an event of the server's: those of a producer's type are told apart.
fn server_name(event: ServerEvent) -> String {
    format!("{}{}Event", if event.is_reserved() { "" } else { "Server" }, event.name())
}

fn root() -> Schema {
    let posted = ProducerEvent::ALL.iter().copied();
    let mut defs = vec![
        ("ErrorMessage".to_owned(), error_message()),
        ("Title".to_owned(), title()),
        ("Principal".to_owned(), principal()),
        ("InventedEvent".to_owned(), invented()),
    ];
    let writes = ServerEvent::ALL.iter().copied();
    defs.extend(
        posted
            .clone()
            .map(|event| (producer_name(event), event_schema(event.as_str(), event.doc(), event.fields(), true))),
    );
    defs.extend(
        writes.map(|event| (server_name(event), event_schema(event.as_str(), event.doc(), event.fields(), false))),
    );
    defs.push(("Stamp".to_owned(), stamp()));
    defs.push(("StoredEvent".to_owned(), stored()));
    let reserved = posted.clone().filter(|event| event.is_stamped()).map(|event| {
        let never = |name: &&'static str| ((*name).to_owned(), Schema::never());
        let properties = event.reserved_members().iter().map(never).collect();
        Schema::when(event.as_str(), Schema { properties: Some(Ordered(properties)), ..Schema::default() })
    });
    Schema {
        schema: Some("https://json-schema.org/draft/2020-12/schema"),
        id: Some("urn:runcast:events"),
        title: Some("Event"),
        kinds: vec!["object"],
        description: Some(ABOUT.into()),
        one_of: posted.map(producer_name).chain(["InventedEvent".to_owned()]).map(|name| Schema::to(&name)).collect(),
        properties: Some(Ordered(vec![("seq".to_owned(), Schema::never())])),
        all_of: reserved.collect(),
        defs: Some(Ordered(defs)),
        ..Schema::default()
    }
}

/// An event of a known type.
fn event_schema(event_type: &'static str, doc: &'static str, fields: &'static [Field], is_posted: bool) -> Schema {
    let (mut properties, mut required) = (Vec::new(), vec!["type"]);
    for field in COMMON {
        let mut schema = value(field.kind, field.limit);
        schema.description = Some(field.doc.into());
        if field.name == "type" {
            schema = Schema { constant: Some(event_type), description: schema.description, ..Schema::default() };
        } else if !field.optional {
            required.push(field.name);
        }
        properties.push((field.name.to_owned(), schema));
    }
    let nodes = FieldNode::all(fields);
    let inner = members(&nodes, is_posted);
    properties.extend(inner.properties.map(|properties| properties.0).unwrap_or_default());
    required.extend(inner.required);
    Schema {
        description: Some(doc.into()),
        kinds: vec!["object"],
        properties: Some(Ordered(properties)),
        required,
        ..Schema::default()
    }
}

/// The members of an object. In what producers post, a member that may be missing may be null.
fn members(nodes: &[FieldNode], is_posted: bool) -> Schema {
    let property = |node: &FieldNode| {
        let mut schema = node_schema(node, is_posted);
        if node.field.is_some_and(|field| field.nullable) || is_posted && node.is_optional() {
            schema = schema.or_null();
        }
        schema.description = node.field.map(|field| field.doc.into());
        (node.name.to_owned(), schema)
    };
    Schema {
        kinds: vec!["object"],
        properties: (!nodes.is_empty()).then(|| Ordered(nodes.iter().map(property).collect())),
        required: nodes.iter().filter(|node| !node.is_optional()).map(|node| node.name).collect(),
        ..Schema::default()
    }
}

fn node_schema(node: &FieldNode, is_posted: bool) -> Schema {
    let limit = node.field.and_then(|field| field.limit);
    match node.kind() {
        // Everywhere the same.
        FieldKind::Object if node.name == BY => Schema::to("Principal"),
        FieldKind::Object => members(&node.members, is_posted),
        FieldKind::Array => {
            let items = match node.field.and_then(|field| field.items) {
                Some(items) => value(items.kind, items.limit),
                None => members(&node.item_members, is_posted),
            };
            Schema { items: Some(items.into()), ..value(FieldKind::Array, limit) }
        }
        kind => value(kind, limit),
    }
}

/// A value of this kind, within its limit.
fn value(kind: FieldKind, limit: Option<FieldLimit>) -> Schema {
    let plain = |kind| Schema { kinds: vec![kind], ..Schema::default() };
    let mut schema = match kind {
        FieldKind::Text => plain("string"),
        FieldKind::Form { format: "runId" } => Schema { pattern: Some(RUN_ID), ..plain("string") },
        FieldKind::Form { format: "cursor" } => Schema { pattern: Some(CURSOR), ..plain("string") },
        FieldKind::Form { format } => Schema { format: Some(format), ..plain("string") },
        FieldKind::Word { values } => {
            Schema { words: values.iter().copied().map(Value::Word).collect(), ..plain("string") }
        }
        FieldKind::Integer => Schema { minimum: Some(0), maximum: Some(LARGEST), ..plain("integer") },
        FieldKind::Number => plain("number"),
        FieldKind::Boolean => plain("boolean"),
        FieldKind::Object => plain("object"),
        FieldKind::Array => plain("array"),
        FieldKind::Any => Schema::default(),
        FieldKind::Message => Schema::to("ErrorMessage"),
        FieldKind::Title => Schema::to("Title"),
    };
    match limit {
        None => {}
        Some(FieldLimit::Chars { min_length, max_length }) => {
            schema.min_length = Some(min_length).filter(|least| *least > 0);
            schema.max_length = Some(max_length);
        }
        Some(FieldLimit::Bytes { max }) => schema.max_length = Some(max),
        Some(FieldLimit::Range { minimum, maximum }) => {
            (schema.minimum, schema.maximum) = (Some(minimum), Some(maximum))
        }
        Some(FieldLimit::Items { max_items }) => schema.max_items = Some(max_items),
    }
    schema
}

fn error_message() -> Schema {
    let object = members(&FieldNode::all(MESSAGE_FIELDS), true);
    Schema {
        description: Some("What went wrong: a text, or an object with a `message`.".into()),
        any_of: vec![value(FieldKind::Text, None), object],
        ..Schema::default()
    }
}

/// Who wants something.
fn principal() -> Schema {
    let nodes = FieldNode::all(ServerEvent::PauseRequested.fields());
    let by = nodes.iter().find(|node| node.name == BY).map(|node| members(&node.members, false));
    Schema { description: Some("Who wants something of a run.".into()), ..by.unwrap_or_default() }
}

fn title() -> Schema {
    let texts = Schema { items: Some(value(FieldKind::Text, None).into()), ..value(FieldKind::Array, None) };
    Schema {
        description: Some("A title: a text, or the titles of the groups that it is in, followed by its own.".into()),
        any_of: vec![value(FieldKind::Text, None), texts],
        ..Schema::default()
    }
}

/// An event of a type that means nothing here.
fn invented() -> Schema {
    let known = ProducerEvent::ALL.iter().map(|event| event.as_str());
    let mut taken: Vec<_> = reserved_types().iter().copied().chain(known).collect();
    taken.sort_unstable();
    let mut schema = event_schema("", "An event of a type that its producer has invented.", &[], true);
    let free = Schema {
        description: Some("Any but those that the server, or this document, has a meaning for.".into()),
        not: Some(Schema { words: taken.into_iter().map(Value::Word).collect(), ..Schema::default() }.into()),
        ..value(FieldKind::Text, Some(FieldLimit::Chars { min_length: 1, max_length: MAX_TYPE_CHARS as u32 }))
    };
    if let Some(Ordered(properties)) = &mut schema.properties {
        properties[0].1 = free;
    }
    schema
}

/// What the server writes into some events of producers when it stores them.
fn stamp() -> Schema {
    let text = |doc: &'static str, schema: Schema| Schema { description: Some(doc.into()), ..schema };
    let time = || value(FieldKind::Form { format: "date-time" }, None);
    let properties = vec![
        ("producer", text("Who posted it: the id of `Runcast-Producer`, or `-`.", value(FieldKind::Text, None))),
        ("at", text("When it was stored, in journal time.", time())),
        ("expiresAt", text("Until when a question waits for its answer.", time())),
        ("stale", text("The question is too old: nobody is asked.", value(FieldKind::Boolean, None))),
    ];
    Schema {
        description: Some("What the server writes into some events when it stores them.".into()),
        kinds: vec!["object"],
        properties: Some(Ordered(properties.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect())),
        ..Schema::default()
    }
}

/// An event as viewers are sent it.
fn stored() -> Schema {
    let producers = ProducerEvent::ALL.iter().copied();
    let names = producers.clone().map(producer_name).chain(["InventedEvent".to_owned()]);
    let names = names.chain(ServerEvent::ALL.iter().copied().map(server_name));
    let seq = Schema {
        description: Some("The event's number within its run: 1, 2, 3 and so on.".into()),
        ..value(FieldKind::Integer, Some(FieldLimit::Range { minimum: 1, maximum: LARGEST }))
    };
    Schema {
        description: Some(
            "An event as viewers are sent it. Logs of earlier versions may have `artifact` and `epoch` events of producers, \
             and events in which a member is no longer what is said here."
                .into(),
        ),
        kinds: vec!["object"],
        properties: Some(Ordered(vec![("seq".to_owned(), seq)])),
        required: vec!["seq", "type", "timestamp"],
        any_of: names.map(|name| Schema::to(&name)).collect(),
        all_of: producers
            .filter(|event| event.is_stamped())
            .map(|event| Schema::when(event.as_str(), Schema::to("Stamp")))
            .collect(),
        ..Schema::default()
    }
}
