//! `docs/events.md`: its tables are those of the code, and its samples are events.

use std::fmt::Write as _;

use runcast::protocol::event::{BodyKind, EventLimits, parse_body};
use runcast::protocol::field::{Field, FieldKind, FieldLimit, Items};
use runcast::protocol::producer_event::COMMON;
use runcast::protocol::{ProducerEvent, RunId, Timestamp, strict};

use super::{assert_written, between, read};

const PAGE: &str = "docs/events.md";

/// What the value of a member is, for people.
fn value(kind: FieldKind, limit: Option<FieldLimit>, items: Option<Items>) -> String {
    let kind = match kind {
        FieldKind::Text => "text".to_owned(),
        FieldKind::Form { format: "date-time" } => "time, RFC 3339".to_owned(),
        FieldKind::Form { format } => format.to_owned(),
        FieldKind::Word { values } => values.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" "),
        FieldKind::Integer => "whole number".to_owned(),
        FieldKind::Number => "number".to_owned(),
        FieldKind::Boolean => "`true` `false`".to_owned(),
        FieldKind::Object => "object".to_owned(),
        FieldKind::Array => match items {
            Some(Items { kind, limit }) => format!("list of: {}", value(kind, limit, None)),
            None => "list of objects".to_owned(),
        },
        FieldKind::Any => "anything".to_owned(),
        FieldKind::Message => "error".to_owned(),
        FieldKind::Title => "title".to_owned(),
    };
    let limit = match limit {
        None => String::new(),
        Some(FieldLimit::Chars { min_length: 0, max_length }) => format!(", at most {max_length} characters"),
        Some(FieldLimit::Chars { min_length, max_length }) => format!(", {min_length} to {max_length} characters"),
        Some(FieldLimit::Bytes { max }) => format!(" of at most {max} bytes"),
        Some(FieldLimit::Range { minimum, maximum }) if maximum > 1 << 40 => format!(", {minimum} or more"),
        Some(FieldLimit::Range { minimum, maximum }) => format!(", {minimum} to {maximum}"),
        Some(FieldLimit::Items { max_items }) => format!("; at most {max_items}"),
    };
    kind + &limit
}

fn table(doc: &str, fields: &[Field]) -> String {
    let mut out = String::new();
    if !doc.is_empty() {
        let _ = writeln!(out, "{doc}\n");
    }
    out.push_str("| member | value | what it says |\n|---|---|---|\n");
    for field in fields {
        let optional = if field.optional { "?" } else { "" };
        let value = value(field.kind, field.limit, field.items);
        let _ = writeln!(out, "| `{}{optional}` | {value} | {} |", field.name, field.doc);
    }
    out
}

#[test]
fn the_page_about_events_has_the_tables_of_the_code() {
    let page = read(PAGE);
    let mut written = page.clone();
    let types = ProducerEvent::ALL.iter().map(|event| (event.as_str(), table(event.doc(), event.fields())));
    for (name, table) in types.chain([("every event", table("", COMMON))]) {
        let (start, end) = (format!("<!-- fields: {name} -->\n"), "<!-- /fields -->");
        let (before, rest) = written.split_once(&start).unwrap_or_else(|| panic!("{PAGE} lacks {start}"));
        let (_, after) = rest.split_once(end).unwrap();
        written = format!("{before}{start}\n{table}\n{end}{after}");
    }
    assert_written(PAGE, &written, "the_page_about_events");
}

fn assert_event(text: &str) {
    let run = RunId::parse("my-run").unwrap();
    let body = bytes::Bytes::copy_from_slice(text.as_bytes());
    if let Err(error) = parse_body(BodyKind::Json, body, &run, &EventLimits::default(), Timestamp::default()) {
        panic!("{error}: {text}");
    }
    if let Err(flaw) = strict::check(&run, text.as_bytes()) {
        panic!("{flaw}: {text}");
    }
}

#[test]
fn every_sample_of_the_page_about_events_is_an_event_of_its_type() {
    let page = read(PAGE);
    for event in ProducerEvent::ALL {
        let (_, part) = page.split_once(&format!("\n### `{}`\n", event.as_str())).unwrap();
        let part = part.split("\n##").next().unwrap();
        let mut samples = 0;
        for sample in between(part, "```json\n", "```") {
            // Broken into lines for readers.
            let sample = sample.replace('\n', "");
            assert!(sample.starts_with(&format!("{{\"type\":\"{}\",", event.as_str())), "{sample}");
            assert_event(&sample);
            samples += 1;
        }
        assert!(samples > 0, "{event:?} has no sample");
    }
    let run: Vec<_> = between(&page, "```ndjson\n", "```").flat_map(str::lines).collect();
    assert!(run.len() > 10);
    run.into_iter().for_each(assert_event);
}
