//! The lines of an event's texts that have what is searched for.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use super::needle::{Needle, TITLE_SEPARATOR};
use super::plain_text::plain;
use crate::protocol::json_text::readable;
use crate::protocol::{ProducerEvent, Seq};

/// Characters of an excerpt, at most, besides the marks of what was left out.
const EXCERPT_CHARS: usize = 300;
/// Characters of it before the first find.
const BEFORE_CHARS: usize = 60;
/// Names of members that are not for reading: words of the protocol, ids, addresses.
const UNREAD: &[&str] = &[
    "action",
    "artifact",
    "artifactId",
    "askId",
    "at",
    "category",
    "claim",
    "commandId",
    "contentType",
    "digest",
    "downloadUrl",
    "expected",
    "expiresAt",
    "id",
    "keyHash",
    "kind",
    "lease",
    "mode",
    "needs",
    "outcome",
    "parent",
    "phase",
    "producer",
    "resolution",
    "runId",
    "sha256",
    "state",
    "status",
    "stepId",
    "stream",
    "subject",
    "testId",
    "timestamp",
    "traceId",
    "traceUrl",
    "type",
    "variant",
    "via",
    "when",
    "withdraws",
];

/// A line that has what is searched for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchHit {
    /// The event.
    pub seq: Seq,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The test that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_id: Option<String>,
    /// The variant that the event belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<Arc<str>>,
    /// Which line of its text, from 0.
    pub line: usize,
    /// The line, or the part of it around the first find.
    pub excerpt: String,
    /// Where the finds are in the excerpt, in UTF-16 code units.
    pub ranges: Vec<(usize, usize)>,
}

/// The hits of an event.
struct EventHits<'a> {
    needle: &'a Needle,
    seq: Seq,
    kind: &'a str,
    /// Hits that were told before.
    skip: usize,
    /// Most hits that are wanted besides.
    room: usize,
    found: Vec<SearchHit>,
    /// There are more.
    more: bool,
    /// Excerpts of an event that says the same more than once.
    seen: HashSet<String>,
}

/// The hits of an event behind the first `skip`, at most `room`, and whether there are more.
pub fn hits_of(needle: &Needle, seq: Seq, event: &[u8], skip: usize, room: usize) -> (Vec<SearchHit>, bool) {
    let Ok(event) = serde_json::from_slice::<Map<String, Value>>(&readable(event)) else { return (Vec::new(), false) };
    let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
    let (found, seen) = (Vec::new(), HashSet::new());
    let mut hits = EventHits { needle, seq, kind, skip, room, found, more: false, seen };
    hits.look_into(&event, event.get("test").and_then(Value::as_str).filter(|_| kind == "artifact"));
    (hits.found, hits.more)
}

impl EventHits<'_> {
    fn look_into(&mut self, object: &Map<String, Value>, test: Option<&str>) {
        let test = object.get("testId").and_then(Value::as_str).or(test);
        for (name, value) in object.iter().filter(|(name, _)| !UNREAD.contains(&name.as_str())) {
            self.look_at(name, value, test);
        }
    }

    fn look_at(&mut self, name: &str, value: &Value, test: Option<&str>) {
        if self.more {
            return;
        }
        match value {
            Value::String(text) => self.search(text, test),
            Value::Object(object) => self.look_into(object, test),
            Value::Array(items) => {
                let parts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
                match parts.filter(|_| name == "title") {
                    Some(parts) => self.search(&parts.join(TITLE_SEPARATOR), test),
                    None => items.iter().for_each(|item| self.look_at(name, item, test)),
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn search(&mut self, text: &str, test: Option<&str>) {
        let text = plain(text);
        for (line, content) in text.split('\n').enumerate() {
            // What a line was before it was written over is a text of its own.
            let mut updates = content.split('\r').map(|update| (update, self.needle.find_in(update)));
            let Some((update, found)) = updates.find(|(_, found)| !found.is_empty()) else { continue };
            let (excerpt, ranges) = excerpt(update, &found);
            // Errors are told twice: as a message, and in a list.
            if self.kind != ProducerEvent::Log.as_str() && !self.seen.insert(format!("{test:?} {excerpt}")) {
                continue;
            }
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            if self.found.len() >= self.room {
                self.more = true;
                return;
            }
            let (kind, test_id) = (self.kind.to_owned(), test.map(str::to_owned));
            self.found.push(SearchHit { seq: self.seq, kind, test_id, variant: None, line, excerpt, ranges });
        }
    }
}

/// The part of a line around the first find, and where the finds are in it, in UTF-16 code units.
fn excerpt(line: &str, found: &[(usize, usize)]) -> (String, Vec<(usize, usize)>) {
    let first = found.first().map_or(0, |(start, _)| *start);
    let start = line[..first].char_indices().rev().nth(BEFORE_CHARS).map_or(0, |(at, char)| at + char.len_utf8());
    let end = line[start..].char_indices().nth(EXCERPT_CHARS).map_or(line.len(), |(at, _)| start + at);
    let head = if start > 0 { "…" } else { "" };
    let tail = if end < line.len() { "…" } else { "" };
    let mut excerpt = String::with_capacity(head.len() + end - start + tail.len());
    excerpt.extend([head, &line[start..end], tail]);
    let units = |text: &str| text.encode_utf16().count();
    let (mut at, mut offset) = (start, units(head));
    let shown = found.iter().filter(|(_, behind)| *behind <= end);
    let ranges = shown.map(|(from, to)| {
        offset += units(&line[at..*from]);
        let begin = offset;
        offset += units(&line[*from..*to]);
        at = *to;
        (begin, offset)
    });
    let ranges = ranges.collect();
    (excerpt, ranges)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(words: &str, event: &Value) -> Vec<SearchHit> {
        let (needle, event) = (Needle::new(words), event.to_string());
        assert!(needle.may_be_in(event.as_bytes()), "{words} {event}");
        let (hits, more) = hits_of(&needle, 7, event.as_bytes(), 0, 100);
        assert!(!more);
        for hit in &hits {
            let units: Vec<u16> = hit.excerpt.encode_utf16().collect();
            for (from, to) in &hit.ranges {
                let part = String::from_utf16(&units[*from..*to]).unwrap();
                assert_eq!(part.to_lowercase(), words.to_lowercase(), "{hit:?}");
            }
            assert!(!hit.ranges.is_empty());
        }
        hits
    }

    fn shown(words: &str, event: &Value) -> Vec<(usize, String)> {
        found(words, event).into_iter().map(|hit| (hit.line, hit.excerpt)).collect()
    }

    #[test]
    fn texts_that_people_read_are_searched_line_by_line() {
        let log = json!({"type": "log", "testId": "t",
            "text": "first\nsecond PAY\r\nthird \u{1b}[31mpa\u{1b}[0my\n10% pay\r20%"});
        let lines = [(1, "second PAY".to_owned()), (2, "third pay".to_owned()), (3, "10% pay".to_owned())];
        assert_eq!(shown("pay", &log), lines);
        assert_eq!(found("pay", &log)[0].test_id.as_deref(), Some("t"));
        let step = json!({"type": "test_step", "step": {"title": ["cart", "pays"], "subtitle": "getByText('Pay')",
            "error": {"message": "no pay"}}});
        assert_eq!(shown("pay", &step).len(), 3);
        assert_eq!(shown("T › p", &step), [(0, "cart › pays".to_owned())]);
        let failed = json!({"type": "test_status", "status": "failed",
            "data": {"error": "boom", "errors": [{"message": "boom"}, {"message": "boom 2"}]}});
        assert_eq!(shown("boom", &failed).len(), 2, "what is said twice is told once");
        assert!(shown("failed", &failed).is_empty(), "a word of the protocol");
        let ask = json!({"type": "ai_stuck", "askId": "pay-1", "message": "Which?",
            "candidates": [{"id": "pay", "label": "Pay now"}]});
        assert_eq!(shown("pay", &ask), [(0, "Pay now".to_owned())]);
        assert_eq!(shown("/cart", &json!({"type": "page_state", "url": "/cart"})).len(), 1);
        let plan = json!({"type": "test_plan",
            "tests": [{"testId": "a", "title": "pays"}, {"testId": "b", "title": "pays more"}]});
        let tests: Vec<_> = found("pays", &plan).into_iter().map(|hit| hit.test_id.unwrap()).collect();
        assert_eq!(tests, ["a", "b"]);
    }

    #[test]
    fn an_excerpt_is_cut_around_the_first_find_and_counts_in_utf_16() {
        let line = format!("{}😀needle 😀 NEEDLE{}", "x".repeat(500), "y".repeat(500));
        let hit = &found("needle", &json!({"type": "log", "text": line}))[0];
        assert!(hit.excerpt.starts_with("…x") && hit.excerpt.ends_with("y…"), "{}", hit.excerpt);
        assert_eq!(hit.excerpt.chars().count(), EXCERPT_CHARS + 2);
        assert_eq!(hit.ranges, [(62, 68), (72, 78)]);
        let long = "é".repeat(200);
        assert_eq!(found(&long, &json!({"type": "log", "text": long.repeat(3)}))[0].ranges, [(0, 200)]);
    }

    #[test]
    fn the_hits_of_an_event_are_told_in_parts() {
        let event = json!({"type": "log", "text": "a\n".repeat(10)}).to_string();
        let needle = Needle::new("a");
        let lines = |skip, room| {
            let (hits, more) = hits_of(&needle, 1, event.as_bytes(), skip, room);
            (hits.into_iter().map(|hit| hit.line).collect::<Vec<_>>(), more)
        };
        assert_eq!(lines(0, 4), (vec![0, 1, 2, 3], true));
        assert_eq!(lines(8, 4), (vec![8, 9], false));
        assert_eq!(lines(20, 4), (vec![], false));
        assert_eq!(hits_of(&needle, 1, b"nothing", 0, 4), (vec![], false));
    }
}
