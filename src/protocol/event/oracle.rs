//! The rules of [`event`](crate::protocol::event) a second time, plainly, over serde_json: what the fast reader is
//! held against by property tests and by the fuzz target `ingest` (which includes this file).

use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::protocol::event::{BodyKind, EventLimits, is_reserved, parse_body};
use crate::protocol::state::RunStatus;
use crate::protocol::{RunId, Timestamp};

/// The run that is posted to.
pub(crate) const RUN: &str = "run-1";

/// JSON, read in full (unlike [`IgnoredAny`], which skips), with the keys of an object in order and repeated.
enum Json {
    Text(String),
    Object(Vec<(String, Json)>),
    Other,
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Json;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
                Ok(Json::Other)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
                Ok(Json::Other)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
                Ok(Json::Other)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
                Ok(Json::Other)
            }
            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Other)
            }
            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json::Text(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
                while seq.next_element::<Json>()?.is_some() {}
                Ok(Json::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Json::Object(entries))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// The texts of a body's events; `None` when it has no such form.
fn split(kind: BodyKind, body: &str) -> Result<Vec<&str>, serde_json::Error> {
    match kind {
        BodyKind::NdJson => Ok(body.split('\n').filter(|l| !l.trim_matches([' ', '\t', '\r']).is_empty()).collect()),
        BodyKind::Json => {
            serde_json::from_str::<IgnoredAny>(body)?;
            if !body.trim_start().starts_with('[') {
                return Ok(vec![body]);
            }
            let raws: Vec<&serde_json::value::RawValue> = serde_json::from_str(body)?;
            Ok(raws.into_iter().map(|raw| raw.get()).collect())
        }
    }
}

fn accepts(event: &str) -> Result<bool, serde_json::Error> {
    let Json::Object(entries) = serde_json::from_str(event)? else { return Ok(false) };
    let all = |key| entries.iter().filter(move |(k, _)| k == key).map(|(_, value)| value).collect::<Vec<_>>();
    let typed = match all("type")[..] {
        [Json::Text(name)] => (1..=64).contains(&name.chars().count()) && !is_reserved(name),
        _ => false,
    };
    let is_status = matches!(all("type")[..], [Json::Text(name)] if name == "run_status");
    let status = !is_status || matches!(all("status")[..], [Json::Text(status)] if RunStatus::parse(status).is_some());
    let seq = all("seq").is_empty();
    let timestamp = matches!(all("timestamp")[..], [] | [Json::Text(_)]);
    let run = match all("runId")[..] {
        [] => true,
        [Json::Text(run)] => run == RUN,
        _ => false,
    };
    Ok(typed && status && seq && timestamp && run)
}

/// Whether the body is to be accepted; `None` when serde_json's own limit of nesting leaves that open.
fn verdict(kind: BodyKind, body: &[u8]) -> Option<bool> {
    let judge = || {
        let body = std::str::from_utf8(body).map_err(serde_json::Error::custom)?;
        let events = split(kind, body)?;
        let mut accepted = !events.is_empty();
        for event in events {
            accepted &= accepts(event)?;
        }
        Ok::<_, serde_json::Error>(accepted)
    };
    match judge() {
        Ok(accepted) => Some(accepted),
        Err(error) if error.to_string().contains("recursion limit") => None,
        Err(_) => Some(false),
    }
}

/// Reads `body` both ways.
///
/// # Panics
/// When they differ on whether it is to be accepted, or what is to be stored is not what was posted.
pub(crate) fn check(kind: BodyKind, body: &[u8]) {
    let run = RunId::parse(RUN).unwrap();
    let shown = String::from_utf8_lossy(body);
    let now = Timestamp::from_millis(0);
    let batch = parse_body(kind, Bytes::copy_from_slice(body), &run, &EventLimits::default(), now);
    if let Some(want) = verdict(kind, body) {
        assert_eq!(batch.is_ok(), want, "{kind:?} {shown:?}: {batch:?}");
    }
    let Ok(batch) = batch else { return };
    let posted = split(kind, std::str::from_utf8(body).unwrap()).unwrap();
    assert_eq!(batch.lines.len(), posted.len(), "{kind:?} {shown:?}");
    assert_eq!(batch.lines.iter().map(<[u8]>::len).sum::<usize>() + posted.len() - 1, batch.lines.bytes().len());
    for (line, posted) in batch.lines.iter().zip(posted) {
        let line = std::str::from_utf8(line).unwrap();
        assert!(!line.contains(['\n', '\r']) && line.starts_with('{') && line.ends_with('}'), "{line:?}");
        let added = r#""timestamp":"1970-01-01T00:00:00.000Z","#;
        let posted = posted.trim_matches([' ', '\t', '\r', '\n']).replace(['\n', '\r'], " ");
        let stamped = format!("{{{added}{}", &posted[1..]);
        assert!(line == posted || line == stamped, "{line:?} {posted:?}");
        if let Ok(value) = serde_json::from_str::<Value>(line) {
            assert!(value["timestamp"].is_string(), "{line:?}");
        }
    }
}
