//! The notice: what an append publishes on the doorbell for the other nodes. A node that misses one reads the journal,
//! which alone is authoritative.
//!
//! A notice is `version/node at created`, a line of JSON (the head's state, the segments), and then the segments'
//! bodies unless they are large. Only the first word is the same in every version.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::stored;
use crate::protocol::{Epoch, Lines, Segment, Seq, Timestamp};
use crate::storage::format::{self, DOORBELL, NewerFormat};
use crate::storage::journal::Head;

/// Most bytes of events that a notice carries. 64 KiB.
const MAX_BODIES: usize = 64 * 1024;

/// A notice that was received.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The node that appended.
    pub node: String,
    /// The run's head afterwards.
    pub head: Head,
    /// The newly stored segments; empty when they were too large for the notice, or when the run expired.
    pub segments: Vec<Arc<Segment>>,
}

/// Why a notice can't be read.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// A node of a newer build published it.
    #[error(transparent)]
    NewerFormat(NewerFormat),
    /// No build of runcast publishes such a notice.
    #[error("malformed notice: {0}")]
    Malformed(&'static str),
}

#[derive(Serialize, Deserialize)]
struct NoticeText<'a> {
    #[serde(borrow)]
    state: std::borrow::Cow<'a, str>,
    /// Epoch, first seq and bytes of each segment.
    segments: Vec<(u64, Seq, usize)>,
}

/// The part of a notice after the node and the times. The append's script publishes it.
pub(super) fn text(state: &str, segments: &[Arc<Segment>]) -> Vec<u8> {
    let bodies = || segments.iter().map(|segment| segment.lines().bytes());
    let told = if bodies().map(Bytes::len).sum::<usize>() <= MAX_BODIES { segments } else { &[] };
    let listed = told.iter().map(|s| (s.epoch().0, s.first(), s.lines().bytes().len())).collect();
    // Strings and numbers always serialise.
    let mut text = serde_json::to_vec(&NoticeText { state: state.into(), segments: listed }).unwrap_or_default();
    text.push(b'\n');
    told.iter().for_each(|segment| text.extend_from_slice(segment.lines().bytes()));
    text
}

/// The first word of a node's notices: format version and node name.
pub(super) fn signature(node: &str) -> String {
    format!("{DOORBELL}/{node}")
}

/// Splits the first word into version and node. Before there were versions it was the node alone; a node's name has no
/// slash.
fn signed(payload: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let word = payload.split(|byte| *byte == b' ').next().unwrap_or_default();
    match memchr::memchr(b'/', word) {
        Some(slash) => (Some(&word[..slash]), &word[slash + 1..]),
        None => (None, word),
    }
}

/// The node that published the notice. A node ignores its own notices.
pub fn sender(payload: &[u8]) -> &[u8] {
    signed(payload).1
}

impl Notice {
    /// Reads a payload.
    ///
    /// # Errors
    /// The payload is not a notice of this build or an earlier one.
    pub fn parse(payload: &Bytes) -> Result<Self, NoticeError> {
        let (version, node) = signed(payload);
        let (version, node) = (version.map(String::from_utf8_lossy), String::from_utf8_lossy(node));
        format::check(format_args!("the doorbell of node {node}"), version.as_deref(), DOORBELL)
            .map_err(NoticeError::NewerFormat)?;
        let line = memchr::memchr(b'\n', payload).ok_or(NoticeError::Malformed("no line"))?;
        let head = std::str::from_utf8(&payload[..line]).map_err(|_| NoticeError::Malformed("not UTF-8"))?;
        let mut words = head.splitn(4, ' ');
        let mut word = || words.next().ok_or(NoticeError::Malformed("too short"));
        let node = word().map(|_| node.into_owned())?;
        let at = time(word()?)?;
        let created_at = time(word()?)?;
        let text: NoticeText<'_> = serde_json::from_str(word()?).map_err(|_| NoticeError::Malformed("no head"))?;
        let head = stored::head(&text.state, at, created_at).map_err(|_| NoticeError::Malformed("no state"))?;
        let mut bodies = payload.slice(line + 1..);
        let mut segments = Vec::with_capacity(text.segments.len());
        for (epoch, first, bytes) in text.segments {
            if bytes == 0 || first == 0 || bytes > bodies.len() {
                return Err(NoticeError::Malformed("its segments do not fit"));
            }
            let lines = Lines::from_stored(bodies.split_to(bytes));
            segments.push(Arc::new(Segment::new(Epoch(epoch), first, at, lines)));
        }
        Ok(Self { node, head, segments })
    }
}

fn time(word: &str) -> Result<Timestamp, NoticeError> {
    word.parse().map(Timestamp::from_millis).map_err(|_| NoticeError::Malformed("no time"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Lineage;

    fn head(tip: Seq) -> Head {
        Head {
            lineage: Lineage::new(vec![(Epoch(7), 1)]),
            tip,
            created_at: Timestamp::from_millis(3),
            last_at: Timestamp::from_millis(5),
            ..Head::unborn()
        }
    }

    fn rung(head: &Head, segments: &[Arc<Segment>]) -> Bytes {
        let mut payload = b"1/node-1 5 3 ".to_vec();
        payload.extend(text(&stored::state(head), segments));
        payload.into()
    }

    fn segment(first: Seq, event: &str) -> Arc<Segment> {
        let lines = Lines::from_stored(format!("{event}\n{event}").into());
        Arc::new(Segment::new(Epoch(7), first, Timestamp::from_millis(5), lines))
    }

    #[test]
    fn what_is_rung_is_heard() {
        let payload = rung(&head(4), &[segment(1, r#"{"type":"a"}"#), segment(3, r#"{"type":"bb"}"#)]);
        assert_eq!(sender(&payload), b"node-1");
        let notice = Notice::parse(&payload).unwrap();
        assert_eq!((notice.node.as_str(), &notice.head), ("node-1", &head(4)));
        let heard: Vec<_> = notice.segments.iter().map(|s| (s.first(), s.last(), s.at().as_millis())).collect();
        assert_eq!(heard, [(1, 2, 5), (3, 4, 5)]);
        assert_eq!(notice.segments[1].lines().get(1), Some(&br#"{"type":"bb"}"#[..]));
    }

    #[test]
    fn a_newer_notice_is_refused_by_name_and_one_without_a_version_is_read() {
        let payload = rung(&head(2), &[segment(1, r#"{"type":"a"}"#)]);
        let former = payload.slice(2..);
        assert_eq!((sender(&former), Notice::parse(&former).unwrap().head), (&b"node-1"[..], head(2)));
        let newer = Bytes::from_static(b"2/node-1 in words of its own");
        assert_eq!(sender(&newer), b"node-1");
        let refused = Notice::parse(&newer).unwrap_err().to_string();
        assert!(refused.starts_with("the doorbell of node node-1 has format version 2, and"), "{refused}");
    }

    #[test]
    fn what_is_large_rings_without_its_bodies() {
        let large = segment(1, &format!(r#"{{"type":"{}"}}"#, "x".repeat(MAX_BODIES / 2)));
        let payload = rung(&head(2), &[large]);
        assert!(payload.len() < 500);
        let notice = Notice::parse(&payload).unwrap();
        assert_eq!((notice.head.tip, notice.segments.len()), (2, 0));
    }

    #[test]
    fn a_notice_cut_anywhere_is_refused_and_never_misread() {
        let payload = rung(&head(2), &[segment(1, r#"{"type":"a"}"#)]);
        for length in 0..payload.len() {
            assert!(Notice::parse(&payload.slice(..length)).is_err(), "{length}");
        }
    }
}
