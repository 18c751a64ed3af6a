//! The rules of [`event`](crate::protocol::event) a second time, plainly, over serde_json: what the fast reader is
//! held against by property tests and by the fuzz target `ingest` (which includes this file).

use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::protocol::event::{BodyKind, EventLimits, parse_body};
use crate::protocol::json_text::readable;
use crate::protocol::status::RunStatus;
use crate::protocol::{RunId, Timestamp, server_event};

/// The run that is posted to.
pub(crate) const RUN: &str = "run-1";

/// Deepest nesting.
const MAX_DEPTH: usize = 128;

/// A string with U+FFFD for half of a surrogate pair: serde_json gives strings with such a half as bytes.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Wtf8;
        impl Visitor<'_> for Wtf8 {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text, E> {
                // UTF-8 but for the halves, which stand there as ED A0..BF and one byte more.
                let mut text = String::new();
                let mut rest = bytes;
                while !rest.is_empty() {
                    let half = rest.windows(2).position(|two| two[0] == 0xED && two[1] >= 0xA0);
                    let (whole, more) = rest.split_at(half.unwrap_or(rest.len()));
                    text += std::str::from_utf8(whole).unwrap();
                    text.extend(half.map(|_| '\u{fffd}'));
                    rest = more.get(3..).unwrap_or_default();
                }
                Ok(Text(text))
            }
        }
        deserializer.deserialize_bytes(Wtf8)
    }
}

/// The members of an object in order and repeated.
struct Members<'a>(Vec<(Text, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// JSON, read in full (unlike [`IgnoredAny`] and [`RawValue`], which skip).
enum Json {
    Text(String),
    Object(Vec<(String, Json)>),
    Other,
}

/// Reads a value inside `depth` arrays and objects.
fn read(raw: &RawValue, depth: usize) -> Result<Json, serde_json::Error> {
    let text = raw.get();
    if depth == MAX_DEPTH && text.starts_with(['{', '[']) {
        return Err(serde_json::Error::custom("too deep"));
    }
    match text.as_bytes()[0] {
        b'"' => serde_json::from_str(text).map(|Text(text)| Json::Text(text)),
        b'{' => {
            let Members(members) = serde_json::from_str(text)?;
            let read = |(Text(key), value)| Ok((key, read(value, depth + 1)?));
            members.into_iter().map(read).collect::<Result<_, _>>().map(Json::Object)
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            items.into_iter().try_for_each(|item| read(item, depth + 1).map(drop)).map(|()| Json::Other)
        }
        _ => serde_json::from_str::<Value>(text).map(|_| Json::Other),
    }
}

/// A body's text, without a byte order mark.
fn text_of(body: &[u8]) -> Result<&str, std::str::Utf8Error> {
    std::str::from_utf8(body).map(|body| body.strip_prefix('\u{feff}').unwrap_or(body))
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
            let raws: Vec<&RawValue> = serde_json::from_str(body)?;
            Ok(raws.into_iter().map(|raw| raw.get()).collect())
        }
    }
}

fn accepts(event: &str) -> Result<bool, serde_json::Error> {
    let Json::Object(entries) = read(serde_json::from_str(event)?, 0)? else { return Ok(false) };
    let all = |key| entries.iter().filter(move |(k, _)| k == key).map(|(_, value)| value).collect::<Vec<_>>();
    let typed = match all("type")[..] {
        [Json::Text(name)] => (1..=64).contains(&name.chars().count()) && server_event::reserved(name).is_none(),
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

/// Whether the body is to be accepted.
fn verdict(kind: BodyKind, body: &[u8]) -> bool {
    let judge = || {
        let events = split(kind, text_of(body).map_err(serde_json::Error::custom)?)?;
        let mut accepted = !events.is_empty();
        for event in events {
            accepted &= accepts(event)?;
        }
        Ok::<_, serde_json::Error>(accepted)
    };
    judge().unwrap_or(false)
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
    assert_eq!(batch.is_ok(), verdict(kind, body), "{kind:?} {shown:?}: {batch:?}");
    let Ok(batch) = batch else { return };
    let posted = split(kind, text_of(body).unwrap()).unwrap();
    assert_eq!(batch.lines.len(), posted.len(), "{kind:?} {shown:?}");
    assert_eq!(batch.lines.iter().map(<[u8]>::len).sum::<usize>() + posted.len() - 1, batch.lines.bytes().len());
    for (line, posted) in batch.lines.iter().zip(posted) {
        let line = std::str::from_utf8(line).unwrap();
        assert!(!line.contains(['\n', '\r']) && line.starts_with('{') && line.ends_with('}'), "{line:?}");
        let added = r#""timestamp":"1970-01-01T00:00:00.000Z","#;
        let posted = posted.trim_matches([' ', '\t', '\r', '\n']).replace(['\n', '\r'], " ");
        let stamped = format!("{{{added}{}", &posted[1..]);
        assert!(line == posted || line == stamped, "{line:?} {posted:?}");
        match serde_json::from_slice::<Value>(&readable(line.as_bytes())) {
            Ok(value) => assert!(value["timestamp"].is_string(), "{line:?}"),
            // serde_json reads one level less than is accepted.
            Err(error) => assert!(error.to_string().contains("recursion limit"), "{error} {line:?}"),
        }
    }
}
