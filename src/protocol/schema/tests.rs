use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

use super::*;
use crate::protocol::RunId;
use crate::protocol::Timestamp;
use crate::protocol::event::{BodyKind, EventLimits, parse_body};
use crate::protocol::strict::{self, StrictFlaw};

struct Validator {
    schemas: Schemas,
    posted: SchemaIndex,
    stored: SchemaIndex,
}

impl Validator {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler.add_resource("http://runcast.invalid/events", serde_json::from_str(document()).unwrap()).unwrap();
        let posted = compiler.compile("http://runcast.invalid/events", &mut schemas).unwrap();
        let stored = compiler.compile("http://runcast.invalid/events#/$defs/StoredEvent", &mut schemas).unwrap();
        Self { schemas, posted, stored }
    }

    fn takes(&self, event: &Value) -> bool {
        self.schemas.validate(event, self.posted).is_ok()
    }

    fn takes_stored(&self, event: &Value) -> bool {
        self.schemas.validate(event, self.stored).is_ok()
    }
}

fn run() -> RunId {
    RunId::parse("r").unwrap()
}

/// Whether the server takes the event.
fn is_taken(event: &Value) -> bool {
    let body = event.to_string().into_bytes().into();
    parse_body(BodyKind::Json, body, &run(), &EventLimits::default(), Timestamp::default()).is_ok()
}

/// An event with all its members.
fn whole(event_type: &str, nodes: &[FieldNode]) -> Value {
    let mut event = object(nodes);
    event["type"] = event_type.into();
    event["timestamp"] = "2026-11-26T20:00:00.125Z".into();
    event["runId"] = "r".into();
    event
}

fn object(nodes: &[FieldNode]) -> Value {
    Value::Object(nodes.iter().map(|node| (node.name.to_owned(), sample(node))).collect())
}

fn sample(node: &FieldNode) -> Value {
    let items = node.field.and_then(|field| field.items);
    match node.kind() {
        FieldKind::Object => object(&node.members),
        FieldKind::Array => match items {
            Some(items) => json!([sample_of(items.kind, items.limit)]),
            None => json!([object(&node.item_members)]),
        },
        kind => sample_of(kind, node.field.and_then(|field| field.limit)),
    }
}

fn sample_of(kind: FieldKind, limit: Option<FieldLimit>) -> Value {
    match (kind, limit) {
        (FieldKind::Form { format: "date-time" }, _) => json!("2026-11-26T20:00:00.125Z"),
        (FieldKind::Form { format: "cursor" }, _) => json!("17:42"),
        (FieldKind::Word { values }, _) => json!(values[0]),
        (FieldKind::Integer, Some(FieldLimit::Range { maximum, .. })) => json!(maximum),
        (FieldKind::Integer | FieldKind::Number, _) => json!(7),
        (FieldKind::Boolean, _) => json!(true),
        (FieldKind::Any, _) => json!([null]),
        (FieldKind::Message, _) => json!({"message": "m", "location": "a.ts:1:2"}),
        (FieldKind::Title, _) => json!(["group", "test"]),
        _ => json!("x"),
    }
}

/// Values of every kind, and at every limit.
fn candidates(limit: Option<FieldLimit>) -> Vec<Value> {
    let mut all = vec![
        json!(null),
        json!(""),
        json!("x"),
        json!("ü"),
        json!(-2),
        json!(-1),
        json!(0),
        json!(1),
        json!(0.5),
        json!(1e300),
        json!(LARGEST),
        json!(LARGEST + 1),
        json!(true),
        json!([]),
        json!(["x"]),
        json!([1]),
        json!([null]),
        json!({}),
        json!([{}]),
        json!({"message": "x"}),
        json!({"message": 1}),
        json!([{"message": "x", "location": 1}]),
        json!({"message": "x", "stack": null}),
        json!("passed"),
        json!("2026-11-26T20:00:00Z"),
        json!("begin"),
    ];
    let text = |length: u32| json!("ü".repeat(length as usize));
    match limit {
        Some(FieldLimit::Chars { max_length, .. }) => all.extend([text(max_length), text(max_length + 1)]),
        Some(FieldLimit::Bytes { max }) => all.extend([text(max / 2), text(max + 1)]),
        Some(FieldLimit::Range { minimum, maximum }) => {
            all.extend([minimum - 1, minimum, maximum, maximum + 1].map(|number| json!(number)));
        }
        Some(FieldLimit::Items { max_items }) => {
            let items = |count: u32| json!(vec![json!({"id": "a", "label": "b"}); count as usize]);
            all.extend([items(max_items), items(max_items + 1)]);
            all.extend([max_items, max_items + 1].map(|count| json!(vec!["x"; count as usize])));
        }
        None => {}
    }
    all
}

/// The event with another value at a path (`None`: without it); lists are entered at their first item.
fn with(event: &Value, path: &str, value: Option<Value>) -> Value {
    let mut event = event.clone();
    let pointer = format!("/{}", path.replace("[]", "/0").replace('.', "/"));
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = event.pointer_mut(parent).unwrap_or_else(|| panic!("{path}"));
    match value {
        Some(value) if parent.is_array() => parent[0] = value,
        Some(value) => parent[key] = value,
        None => drop(parent.as_object_mut().map(|parent| parent.remove(key))),
    }
    event
}

#[test]
fn the_schema_the_strict_check_and_the_server_agree_on_every_member_of_every_event() {
    let validator = Validator::new();
    let (mut good, mut bad) = (0, 0);
    for known in ProducerEvent::ALL {
        let nodes = FieldNode::all(known.fields());
        let base = whole(known.as_str(), &nodes);
        assert!(validator.takes(&base), "{base}");
        let items = |field: &Field| field.items.map(|items| (format!("{}[]", field.name), items.limit));
        let rows = known.fields().iter().map(|field| (field.name.to_owned(), field.limit));
        let rows = rows.chain(known.fields().iter().filter_map(items));
        // Which run it is, the server alone knows.
        let common =
            COMMON.iter().filter(|field| field.name != "runId").map(|field| (field.name.to_owned(), field.limit));
        for (path, limit) in rows.chain(common) {
            // An error is an object only where its members are looked at.
            let base = match path.split_once("[].").map(|(list, _)| list) {
                Some(list @ "data.errors") => with(&base, list, Some(json!([{"message": "m"}]))),
                _ => base.clone(),
            };
            let values = candidates(limit).into_iter().map(Some).chain([None]);
            for value in values {
                let event = with(&base, &path, value);
                let is_valid = validator.takes(&event);
                let strict = strict::check(&run(), event.to_string().as_bytes());
                // `oneOf` and the tables can't say that a shard is at most the last.
                let is_beyond = event["shard"]["current"].as_u64() > event["shard"]["total"].as_u64();
                if matches!(strict, Err(StrictFlaw::Misspelt { .. })) || is_beyond {
                    continue;
                }
                assert_eq!(is_valid, strict.is_ok(), "{path} in {event}: {strict:?}");
                assert!(!is_valid || is_taken(&event), "valid, and refused: {event}");
                if is_valid { good += 1 } else { bad += 1 }
            }
        }
        for reserved in known.reserved_members() {
            let event = with(&base, reserved, Some(json!("x")));
            assert!(!validator.takes(&event) && !is_taken(&event), "{event}");
        }
    }
    assert!(good > 500 && bad > 1_000, "{good} good, {bad} bad");
}

#[test]
fn a_producer_may_post_any_type_of_its_own_and_none_of_the_servers() {
    let validator = Validator::new();
    let types = ["page_state", "x", "ü", "Log", "test_step "].map(str::to_owned);
    let long = ["y".repeat(MAX_TYPE_CHARS), "ü".repeat(MAX_TYPE_CHARS)];
    for event_type in types.iter().chain(&long) {
        let event = json!({"type": event_type, "producer": 1, "step": "any", "tests": {}});
        assert!(validator.takes(&event) && is_taken(&event), "{event}");
    }
    let reserved = reserved_types().iter().map(|name| json!({"type": name}));
    let wrong = [
        json!({}),
        json!([]),
        json!("log"),
        json!({"type": ""}),
        json!({"type": 1}),
        json!({"type": "log", "seq": 1}),
        json!({"type": "y".repeat(MAX_TYPE_CHARS + 1)}),
        json!({"type": "x", "runId": "a b"}),
        json!({"type": "x", "timestamp": null}),
        json!({"type": "x", "runId": null}),
    ];
    for event in reserved.chain(wrong) {
        assert!(!validator.takes(&event) && !is_taken(&event), "{event}");
    }
}

#[test]
fn the_recorded_runs_are_valid_as_they_are_posted_and_as_they_are_delivered() {
    let validator = Validator::new();
    let runs = [include_str!("../../../tests/data/run.ndjson"), include_str!("../../../demo/run.ndjson")];
    for (seq, line) in (1..).zip(runs.iter().flat_map(|run| run.lines())) {
        let mut event: Value = serde_json::from_str(line).unwrap();
        assert!(validator.takes(&event), "{line}");
        assert!(!validator.takes_stored(&event), "without a number: {line}");
        event["seq"] = seq.into();
        assert!(validator.takes_stored(&event), "{line}");
    }
    let asked = json!({
        "seq": 3, "producer": "p", "at": "2026-11-26T20:00:00.125Z", "expiresAt": "2026-11-26T20:05:00.125Z",
        "type": "ai_stuck", "timestamp": "2026-11-26T20:00:00Z", "askId": "a", "needs": "click",
    });
    assert!(validator.takes_stored(&asked));
    assert!(!validator.takes_stored(&with(&asked, "at", Some(json!(1)))));
}

#[test]
fn whatever_the_server_writes_is_valid_and_is_nothing_else() {
    let validator = Validator::new();
    for known in ServerEvent::ALL {
        let nodes = FieldNode::all(known.fields());
        let mut event = whole(known.as_str(), &nodes);
        event["seq"] = 1.into();
        assert!(validator.takes_stored(&event), "{event}");
        assert!(!validator.takes(&event), "no producer may post {event}");
        for node in nodes.iter().filter(|node| known.is_reserved() && !node.is_optional()) {
            let without = with(&event, node.name, None);
            assert!(!validator.takes_stored(&without), "{} is missing in {without}", node.name);
        }
    }
}
