//! What the server writes into some of a producer's events when it stores them: who posted them, and when. Without
//! that, a run's control could not be folded from its log alone.
//!
//! Into each of these events it puts, behind the brace that opens it, `"producer":"ID","at":"TIME",`, into an `ai_stuck`
//! also `"expiresAt":"TIME",` or `"stale":true,`. Everything else stays byte for byte.

use std::io::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::protocol::status::RunStatus;
use crate::protocol::{Lines, ProducerId, Timestamp};

/// The producer of events that were posted without producer headers: one anonymous producer per run. No client can
/// send this id.
pub const ANONYMOUS: &str = "-";

/// A question that its producer asked longer ago than this is history: it was replayed from a file, and opens nothing.
/// 10 minutes.
const STALE_MS: i64 = 10 * 60 * 1_000;

/// An event of a post into which the server writes its producer and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Index of the event in the post.
    pub index: u32,
    /// What the event does.
    pub kind: StampKind,
    /// How long after it is stored the run has a deadline because of it, in milliseconds. Too early is allowed.
    pub due_ms: Option<i64>,
}

/// What a stamped event does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StampKind {
    /// A `test_status`, which is no control event.
    TestStatus,
    /// A `run_status`.
    RunStatus(RunStatus),
    /// A `worker` that joined.
    Joined(Option<Shard>),
    /// A `worker` that left.
    Left,
    /// A `command_status`.
    CommandStatus,
    /// An `ai_stuck`.
    Ask {
        /// How long it waits for an answer, in milliseconds.
        expires_ms: i64,
        /// Its own timestamp, if it has one that can be read.
        sent_at: Option<Timestamp>,
    },
}

/// The shard that a worker runs, as it announced it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Shard {
    /// The variant that is sharded; `None` when there is one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<Arc<str>>,
    /// Which shard, from 1 on.
    pub current: u32,
    /// How many there are.
    pub total: u32,
}

impl StampKind {
    /// Whether the event is one of the run's control events.
    pub fn is_control(&self) -> bool {
        !matches!(self, Self::TestStatus)
    }

    /// Whether the event steers, or can be steered by: a run that only reports its status has none.
    pub fn steers(&self) -> bool {
        !matches!(self, Self::TestStatus | Self::RunStatus(_))
    }
}

/// Writes `producer` and `at` into the stamped events of a post.
#[must_use]
pub fn stamp(lines: &Lines, stamps: &[Stamp], producer: &ProducerId, at: Timestamp) -> Lines {
    if stamps.is_empty() {
        return lines.clone();
    }
    let producer = if producer.is_own() { ANONYMOUS } else { producer.as_str() };
    let mut out = Vec::with_capacity(lines.bytes().len() + stamps.len() * (64 + producer.len()));
    let mut ends = Vec::with_capacity(lines.len());
    let mut stamps = stamps.iter().peekable();
    for (index, event) in lines.iter().enumerate() {
        if index > 0 {
            out.push(b'\n');
        }
        match stamps.next_if(|stamp| stamp.index as usize == index) {
            None => out.extend_from_slice(event),
            Some(stamp) => {
                // Writing to a Vec can't fail. A producer's id has no character that JSON escapes.
                let _ = write!(out, "{{\"producer\":\"{producer}\",\"at\":\"{at}\",");
                if let StampKind::Ask { expires_ms, sent_at } = stamp.kind {
                    let stale = sent_at.is_some_and(|sent| at.as_millis() - sent.as_millis() > STALE_MS);
                    let _ = match stale {
                        true => write!(out, "\"stale\":true,"),
                        false => write!(out, "\"expiresAt\":\"{}\",", at.plus_millis(expires_ms)),
                    };
                }
                out.extend_from_slice(event.get(1..).unwrap_or_default());
            }
        }
        ends.push(out.len() as u32);
    }
    Lines::from_parts(out.into(), ends)
}

/// The stamps of the events that are left when the first `skipped` of a post are left out.
#[must_use]
pub fn behind(stamps: &Arc<[Stamp]>, skipped: u64) -> Arc<[Stamp]> {
    if skipped == 0 {
        return stamps.clone();
    }
    let left = stamps.iter().filter(|stamp| u64::from(stamp.index) >= skipped);
    left.map(|stamp| Stamp { index: stamp.index - skipped as u32, ..stamp.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1_000_000);

    fn stamped(kind: StampKind, event: &str) -> String {
        let lines = Lines::from_stored(format!("{{\"type\":\"x\"}}\n{event}").into());
        let stamps = [Stamp { index: 1, kind, due_ms: None }];
        let out = stamp(&lines, &stamps, &ProducerId::parse("p:1").unwrap(), AT);
        assert_eq!((out.len(), out.get(0)), (2, lines.get(0)));
        String::from_utf8(out.get(1).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn who_and_when_stand_behind_the_brace_and_the_rest_stays_as_it_is() {
        let event = r#"{ "status" : "passed","type":"run_status" }"#;
        let want = r#"{"producer":"p:1","at":"1970-01-01T00:16:40.000Z", "status" : "passed","type":"run_status" }"#;
        assert_eq!(stamped(StampKind::RunStatus(RunStatus::Passed), event), want);
    }

    #[test]
    fn a_question_gets_its_deadline_unless_it_is_an_old_one() {
        let event = r#"{"type":"ai_stuck"}"#;
        let ask = |sent_at| StampKind::Ask { expires_ms: 5_000, sent_at };
        for sent_at in [None, Some(AT), Some(AT.plus_millis(-STALE_MS))] {
            assert!(stamped(ask(sent_at), event).contains(r#","expiresAt":"1970-01-01T00:16:45.000Z","type""#));
        }
        let stale = stamped(ask(Some(AT.plus_millis(-STALE_MS - 1))), event);
        assert!(stale.ends_with(r#","stale":true,"type":"ai_stuck"}"#), "{stale}");
    }

    #[test]
    fn events_of_the_servers_own_producers_are_anonymous() {
        let lines = Lines::from_stored(r#"{"type":"worker"}"#.into());
        let stamps = [Stamp { index: 0, kind: StampKind::Left, due_ms: None }];
        let out = stamp(&lines, &stamps, &ProducerId::own("room"), AT);
        assert!(out.get(0).unwrap().starts_with(br#"{"producer":"-","at""#), "{out:?}");
    }

    #[test]
    fn stamps_move_with_the_events_that_are_left() {
        let stamp = |index| Stamp { index, kind: StampKind::CommandStatus, due_ms: Some(1) };
        let stamps: Arc<[Stamp]> = [stamp(0), stamp(3)].into();
        assert_eq!(behind(&stamps, 0), stamps);
        assert_eq!(*behind(&stamps, 2), [stamp(1)]);
    }
}
