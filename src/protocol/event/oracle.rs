//! The rules of [`event`](crate::protocol::event) a second time, plainly, over serde_json: what the fast reader is
//! held against by property tests and by the fuzz target `ingest` (which includes this file).

use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::protocol::event::stamp::{Shard, Stamp, StampKind};
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
    Null,
    Text(String),
    /// A number that is written in digits alone.
    Whole(u64),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
    Other,
}

/// What is not as it must be.
struct Wrong;

impl Json {
    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// A text of 1 to 128 characters.
    fn is_id(&self) -> bool {
        self.text().is_some_and(|text| (1..=128).contains(&text.chars().count()))
    }

    fn is_in(&self, range: std::ops::RangeInclusive<u64>) -> bool {
        matches!(self, Self::Whole(number) if range.contains(number))
    }

    fn is_one_of(&self, words: &str) -> bool {
        self.text().is_some_and(|text| words.split(' ').any(|word| word == text))
    }

    /// The member of an object; null where it is missing.
    fn get(&self, name: &str) -> Result<&Json, Wrong> {
        let Self::Object(entries) = self else { return Err(Wrong) };
        let mut found = entries.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Wrong),
            (found, None) => Ok(found.unwrap_or(&Self::Null)),
        }
    }

    /// Fails when a member of these names comes twice.
    fn once(&self, names: &str) -> Result<(), Wrong> {
        names.split(' ').try_for_each(|name| self.get(name).map(drop))
    }
}

fn must(fits: bool) -> Result<(), Wrong> {
    if fits { Ok(()) } else { Err(Wrong) }
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
            items.into_iter().map(|item| read(item, depth + 1)).collect::<Result<_, _>>().map(Json::Array)
        }
        b'n' => serde_json::from_str::<()>(text).map(|()| Json::Null),
        _ => serde_json::from_str::<Value>(text).map(|_| text.parse().map_or(Json::Other, Json::Whole)),
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

/// What is to be remembered of an event, if anything; an event that is not to be accepted is wrong.
fn judge(event: &Json) -> Result<Option<(StampKind, Option<i64>)>, Wrong> {
    let Json::Object(entries) = event else { return Err(Wrong) };
    let name = event.get("type")?.text().ok_or(Wrong)?;
    must((1..=64).contains(&name.chars().count()) && server_event::reserved(name).is_none())?;
    must(entries.iter().all(|(key, _)| key != "seq"))?;
    let all = |key| entries.iter().filter(move |(k, _)| k == key).map(|(_, value)| value).collect::<Vec<_>>();
    must(matches!(all("timestamp")[..], [] | [Json::Text(_)]))?;
    must(match all("runId")[..] {
        [] => true,
        [Json::Text(run)] => run == RUN,
        _ => false,
    })?;
    let is_free = |names: &str| must(entries.iter().all(|(key, _)| names.split(' ').all(|name| name != key)));
    if matches!(name, "run_status" | "test_status" | "worker" | "command_status" | "ai_stuck") {
        is_free("producer at by lease")?;
    }
    let limits = EventLimits::default().deadlines;
    Ok(match name {
        "run_status" => {
            let status = RunStatus::parse(event.get("status")?.text().ok_or(Wrong)?).ok_or(Wrong)?;
            Some((StampKind::RunStatus(status), status.is_final().then_some(limits.shard_wait_ms)))
        }
        "test_status" => Some((StampKind::TestStatus, None)),
        "worker" => {
            match event.get("can")? {
                Json::Null => {}
                Json::Array(names) => {
                    must(names.len() <= 64)?;
                    for name in names {
                        must(name.text().is_some_and(|name| name.len() <= 64))?;
                    }
                }
                _ => return Err(Wrong),
            }
            let (slots, variant, shard) = (event.get("slots")?, event.get("variant")?, event.get("shard")?);
            must(matches!(slots, Json::Null) || slots.is_in(1..=1_000))?;
            must(matches!(variant, Json::Null) || variant.is_id() || variant.text() == Some(""))?;
            let shard = match shard {
                Json::Null => None,
                shard => match (shard.get("current")?, shard.get("total")?) {
                    (Json::Whole(current), Json::Whole(total)) => {
                        must((1..=*total).contains(current) && *total <= 1_000)?;
                        let variant = variant.text().map(Into::into);
                        Some(Shard { variant, current: *current as u32, total: *total as u32 })
                    }
                    _ => return Err(Wrong),
                },
            };
            match event.get("state")?.text() {
                Some("joined") => Some((StampKind::Joined(shard), Some(limits.silent_ms))),
                Some("left") => Some((StampKind::Left, Some(limits.shard_wait_ms))),
                _ => return Err(Wrong),
            }
        }
        "command_status" => {
            is_free("expiresAt keyHash")?;
            event.once("claim detail result")?;
            must(event.get("commandId")?.is_id())?;
            let status = event.get("status")?;
            must(status.is_one_of("accepted done failed rejected"))?;
            Some((StampKind::CommandStatus, status.is_one_of("accepted").then_some(limits.run_ms)))
        }
        "ai_stuck" => {
            is_free("expiresAt stale")?;
            event.once("reason message summary goal attempts lastError responseSchema screenshot url")?;
            must(event.get("askId")?.is_id())?;
            must(event.get("needs")?.is_one_of("click text choice credential decision"))?;
            match event.get("onTimeout")? {
                Json::Null => {}
                action => {
                    action.once("value")?;
                    must(action.get("action")?.is_one_of("fail skip continue wait"))?;
                }
            }
            match event.get("candidates")? {
                Json::Null => {}
                Json::Array(items) => {
                    must(items.len() <= 50)?;
                    for item in items {
                        must(item.get("id")?.is_id() && item.get("label")?.text().is_some())?;
                    }
                }
                _ => return Err(Wrong),
            }
            let expires_ms = match event.get("expiresInSecs")? {
                Json::Null => 300_000,
                Json::Whole(secs @ 5..=86_400) => *secs as i64 * 1_000,
                _ => return Err(Wrong),
            };
            let sent_at = event.get("timestamp")?.text().and_then(Timestamp::parse);
            Some((StampKind::Ask { expires_ms, sent_at }, Some(expires_ms)))
        }
        _ => None,
    })
}

/// What is to be remembered of the body's events; `None`: it is not to be accepted.
fn verdict(kind: BodyKind, body: &[u8]) -> Option<Vec<Stamp>> {
    let events = split(kind, text_of(body).ok()?).ok()?;
    let mut stamps = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let event = read(serde_json::from_str(event).ok()?, 0).ok()?;
        let stamp = judge(&event).ok()?;
        stamps.extend(stamp.map(|(kind, due_ms)| Stamp { index: index as u32, kind, due_ms }));
    }
    (!events.is_empty()).then_some(stamps)
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
    let stamps = verdict(kind, body);
    assert_eq!(batch.is_ok(), stamps.is_some(), "{kind:?} {shown:?}: {batch:?}");
    let Ok(batch) = batch else { return };
    assert_eq!(Some(&batch.stamps[..]), stamps.as_deref(), "{kind:?} {shown:?}");
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
