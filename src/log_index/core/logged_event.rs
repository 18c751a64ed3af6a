//! The members of an event by which it is found. Of a member that comes twice the last one counts, as in JavaScript.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::protocol::{ProducerEvent, ServerEvent, Timestamp};

/// An event of the log, as far as it is looked for.
#[derive(Debug, Default)]
pub(in crate::log_index) struct LoggedEvent<'a> {
    /// Its `type`.
    pub(in crate::log_index) kind: Cow<'a, str>,
    /// The id of the test that it is about: `testId`, or `test` of an artifact.
    pub(in crate::log_index) test: Option<Cow<'a, str>>,
    /// The variant that it names.
    pub(in crate::log_index) variant: Option<Cow<'a, str>>,
    /// Whom the server has stamped it with.
    pub(in crate::log_index) producer: Option<Cow<'a, str>>,
    /// Its `status`.
    pub(in crate::log_index) status: Option<Cow<'a, str>>,
    /// Its own time.
    pub(in crate::log_index) sent_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Member {
    Type,
    TestId,
    Test,
    Variant,
    Producer,
    Status,
    Timestamp,
    #[serde(other)]
    Other,
}

#[derive(Default)]
struct Found<'a> {
    kind: Option<&'a RawValue>,
    test_id: Option<&'a RawValue>,
    test: Option<&'a RawValue>,
    variant: Option<&'a RawValue>,
    producer: Option<&'a RawValue>,
    status: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
}

/// A string that is borrowed where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn text(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(raw?.get()).ok().map(|Text(text)| text)
}

impl<'de> Deserialize<'de> for Found<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Found<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
                let mut found = Found::default();
                while let Some(member) = members.next_key()? {
                    let place = match member {
                        Member::Type => &mut found.kind,
                        Member::TestId => &mut found.test_id,
                        Member::Test => &mut found.test,
                        Member::Variant => &mut found.variant,
                        Member::Producer => &mut found.producer,
                        Member::Status => &mut found.status,
                        Member::Timestamp => &mut found.timestamp,
                        Member::Other => {
                            members.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    *place = Some(members.next_value()?);
                }
                Ok(found)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl<'a> LoggedEvent<'a> {
    /// Reads an event of the log, made [readable](crate::protocol::json_text::readable); `None` if it can't be read.
    pub(in crate::log_index) fn read(json: &'a [u8]) -> Option<Self> {
        let found: Found<'a> = serde_json::from_slice(json).ok()?;
        let kind = text(found.kind)?;
        let is_artifact = kind == ServerEvent::Artifact.as_str();
        let is_stamped = ProducerEvent::parse(&kind).is_some_and(ProducerEvent::is_stamped);
        Some(Self {
            test: text(found.test_id).or_else(|| text(found.test.filter(|_| is_artifact))),
            variant: text(found.variant),
            producer: text(found.producer.filter(|_| is_stamped)),
            status: text(found.status),
            sent_at: text(found.timestamp).and_then(|text| Timestamp::parse(&text)),
            kind,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_of_the_test_that_it_names_and_an_artifact_of_its_own() {
        for (json, test) in [
            (r#"{"type":"log","testId":"a"}"#, Some("a")),
            (r#"{"type":"log","testId":"a","testId":"b"}"#, Some("b")),
            (r#"{"type":"log","testId":"\u0061"}"#, Some("a")),
            (r#"{"type":"artifact","test":"a"}"#, Some("a")),
            (r#"{"type":"log","test":"a"}"#, None),
            (r#"{"type":"log","testId":7}"#, None),
            (r#"{"type":"log","data":{"testId":"a"}}"#, None),
        ] {
            assert_eq!(LoggedEvent::read(json.as_bytes()).unwrap().test.as_deref(), test, "{json}");
        }
        for bad in ["", "[]", "{}", r#"{"type":7}"#, r#"{"type":"log""#] {
            assert!(LoggedEvent::read(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_producer_counts_where_the_server_has_written_it() {
        let of = |json: &str| LoggedEvent::read(json.as_bytes()).unwrap().producer.map(Cow::into_owned);
        assert_eq!(of(r#"{"producer":"p","type":"test_status"}"#).as_deref(), Some("p"));
        assert_eq!(of(r#"{"producer":"p","type":"log"}"#), None);
    }
}
