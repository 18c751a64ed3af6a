//! Events to post, and repeatable random numbers.

use runcast::protocol::json_text::readable;
use runcast::protocol::{ProducerEvent, Timestamp};

/// A real run: 438 events as a test runner posted them.
pub(crate) fn real_run() -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/run.ndjson");
    let lines: Vec<_> = std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 438);
    lines
}

/// Events number `from` to `from + count - 1`, each at least `bytes` long.
pub(crate) fn numbered(from: u64, count: u64, bytes: usize) -> Vec<String> {
    let event = |i| {
        let head = format!(r#"{{"type":"log","timestamp":"2026-11-23T17:15:47.966Z","i":{i},"pad":""#);
        let pad = "x".repeat(bytes.saturating_sub(head.len() + 2));
        format!("{head}{pad}\"}}")
    };
    (from..from + count).map(event).collect()
}

/// Strips what the server has put in front of an event: `"seq":N,`, and in some types who posted it, and when. The rest
/// must be what was posted.
pub(crate) fn without_seq(text: &str) -> (u64, String) {
    let rest = text.strip_prefix("{\"seq\":").unwrap_or_else(|| panic!("no seq in front: {text}"));
    let (seq, rest) = rest.split_once(',').unwrap_or_else(|| panic!("nothing behind the seq: {text}"));
    let event = format!("{{{rest}");
    let event = stamp_of(&event).map_or(event.clone(), |(_, posted)| posted);
    (seq.parse().unwrap_or_else(|_| panic!("no seq: {text}")), event)
}

/// What the server wrote into an event: the producer, and `expiresAt` or `stale` as they stand; and the event as it was
/// posted. `None` for an event of another type, of the server's own, or of an older version.
pub(crate) fn stamp_of(event: &str) -> Option<((String, Option<String>), String)> {
    let rest = event.strip_prefix("{\"producer\":\"")?;
    let read: serde_json::Value = serde_json::from_slice(&readable(event.as_bytes())).unwrap();
    let kind = ProducerEvent::parse(read["type"].as_str().unwrap());
    kind.filter(|kind| kind.is_stamped())?;
    let (producer, rest) = rest.split_once("\",\"at\":\"").unwrap_or_else(|| panic!("no time: {event}"));
    let (at, mut rest) = rest.split_once("\",").unwrap_or_else(|| panic!("nothing behind it: {event}"));
    assert!(Timestamp::parse(at).is_some_and(|time| time.to_string() == at), "{event}");
    let mut more = None;
    if kind == Some(ProducerEvent::AiStuck) {
        let (member, posted) = rest.split_once(',').unwrap();
        assert!(member == "\"stale\":true" || member.starts_with("\"expiresAt\":\""), "{event}");
        (more, rest) = (Some(member.to_owned()), posted);
    }
    Some(((producer.to_owned(), more), format!("{{{rest}")))
}

/// Random numbers from a seed (splitmix64), so that a failure can be reproduced.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `0..sides`.
    pub(crate) fn below(&mut self, sides: u64) -> u64 {
        self.roll() % sides
    }
}
