//! A reader's position in a run's log, and its text form.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Epoch, Seq};

/// "I have all events up to `seq`, as `epoch` stored them." Written `epoch:N`, or `N` while the run has no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The store's incarnation that the reader has seen; `None` if it has seen none (or wrote a bare number).
    pub epoch: Option<Epoch>,
    /// The last event that the reader has; 0 before the first.
    pub seq: Seq,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.epoch {
            Some(epoch) => write!(f, "{epoch}:{}", self.seq),
            None => write!(f, "{}", self.seq),
        }
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The `after` of a request: the position after which a reader wants the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum After {
    /// `after` is absent: the whole run from its start.
    #[default]
    Start,
    /// `latest`: only future events.
    Latest,
    /// `-N`: the last N events, then future ones.
    Last(u64),
    /// `[epoch:]N`: events after this cursor.
    Cursor(Cursor),
}

/// `after` has none of its valid forms.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("after must be N, epoch:N, -N or latest, not {0:?}")]
pub struct AfterError(pub String);

impl After {
    /// Parses `N`, `epoch:N`, `-N` or `latest`; an empty text is [`After::Start`].
    pub fn parse(text: &str) -> Result<Self, AfterError> {
        let refuse = || AfterError(text.chars().take(64).collect());
        let number = |digits: &str| Epoch::parse(digits).map(|n| n.0);
        match text {
            "" => Ok(Self::Start),
            "latest" => Ok(Self::Latest),
            _ => {
                if let Some(last) = text.strip_prefix('-') {
                    return number(last).map(Self::Last).ok_or_else(refuse);
                }
                let (epoch, seq) = match text.split_once(':') {
                    Some((epoch, seq)) => (Some(Epoch::parse(epoch).ok_or_else(refuse)?), seq),
                    None => (None, text),
                };
                let seq = number(seq).ok_or_else(refuse)?;
                Ok(Self::Cursor(Cursor { epoch, seq }))
            }
        }
    }
}

/// The code of the message that reports an unreadable `Last-Event-ID`.
pub const UNREADABLE_ID: &str = "invalid_event_id";

/// `Last-Event-ID` is no cursor. It is reported in the stream, because an `EventSource` never retries after an error
/// status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Last-Event-ID {0:?} is no cursor of this server; the stream begins as if it had not been sent")]
pub struct Unreadable(pub String);

impl After {
    /// The start of an event stream: `Last-Event-ID` takes precedence over the query's `after`, if it is present and
    /// readable.
    ///
    /// # Errors
    /// `after` is needed and invalid.
    pub fn resume(last_event_id: Option<&[u8]>, after: Option<&str>) -> Result<(Self, Option<Unreadable>), AfterError> {
        let after = after.unwrap_or_default();
        let Some(id) = last_event_id.filter(|id| !id.is_empty()) else { return Ok((Self::parse(after)?, None)) };
        match str::from_utf8(id).ok().and_then(|id| Self::parse(id).ok()) {
            Some(place) => Ok((place, None)),
            None => {
                let id = String::from_utf8_lossy(id).chars().take(64).collect();
                Ok((Self::parse(after)?, Some(Unreadable(id))))
            }
        }
    }
}

/// What a reader that waits for `next` does with a delivery of `first..=last` of `epoch`: no path is trusted for
/// order (I6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The reader has all of it.
    Skip,
    /// The reader has a part of it, and takes the events from this seq on.
    Trim(Seq),
    /// The delivery begins with the next event.
    Take,
    /// Events before it are missing, or it is of another epoch: the reader pulls from the journal, which decides.
    Hole,
}

/// A reader's position: its epoch, and the seq that it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// `None` until the run's first event, whose epoch is then adopted.
    pub epoch: Option<Epoch>,
    /// The next seq to deliver.
    pub next: Seq,
}

impl Place {
    /// Judges a delivery; changes nothing.
    pub fn judge(&self, epoch: Epoch, first: Seq, last: Seq) -> Judgement {
        match self.epoch {
            Some(mine) if mine > epoch => return Judgement::Skip,
            Some(mine) if mine < epoch => return Judgement::Hole,
            _ => {}
        }
        if last < self.next {
            Judgement::Skip
        } else if first > self.next {
            Judgement::Hole
        } else if first == self.next {
            Judgement::Take
        } else {
            Judgement::Trim(self.next)
        }
    }

    /// Whether a log that ends at `tip` in `epoch` has news for this reader: events, or a later incarnation of the
    /// store. A new incarnation without events is no news for a reader that has none either.
    pub fn misses(&self, epoch: Option<Epoch>, tip: Seq) -> bool {
        match self.epoch < epoch {
            true => self.next > 1 || tip > 0,
            false => self.epoch == epoch && self.next <= tip,
        }
    }

    /// The equivalent cursor.
    pub fn cursor(&self) -> Cursor {
        Cursor { epoch: self.epoch, seq: self.next.saturating_sub(1) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_of_after_is_read() {
        let cursor = |epoch: Option<u64>, seq| After::Cursor(Cursor { epoch: epoch.map(Epoch), seq });
        for (text, want) in [
            ("", After::Start),
            ("latest", After::Latest),
            ("-100", After::Last(100)),
            ("0", cursor(None, 0)),
            ("42", cursor(None, 42)),
            ("7:42", cursor(Some(7), 42)),
        ] {
            assert_eq!(After::parse(text), Ok(want), "{text}");
        }
        for bad in ["x", ":", "1:", ":1", "1:2:3", "--1", "-", "+1", " 1", "1.5", "Latest"] {
            assert!(After::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_id_that_is_none_is_told_and_the_query_counts() {
        let at = |seq| After::Cursor(Cursor { epoch: None, seq });
        assert_eq!(After::resume(None, None), Ok((After::Start, None)));
        assert_eq!(
            After::resume(Some(b""), Some("3")),
            Ok((at(3), None)),
            "what a browser sends that has seen no event"
        );
        assert_eq!(After::resume(Some(b"5"), Some("x")), Ok((at(5), None)), "`after` does not count");
        for id in [&b"abc"[..], b"1:2:3", b"\xFF", b" 5", b"undefined"] {
            let (after, unreadable) = After::resume(Some(id), Some("3")).unwrap();
            assert!(after == at(3) && unreadable.is_some(), "{id:?}");
            let (after, unreadable) = After::resume(Some(id), None).unwrap();
            assert!(after == After::Start && unreadable.is_some(), "{id:?}");
        }
        assert!(After::resume(Some(b"abc"), Some("x")).is_err() && After::resume(None, Some("x")).is_err());
        let long = After::resume(Some(&[b'x'; 5_000]), None).unwrap().1.unwrap();
        assert_eq!(long.0.len(), 64);
    }

    proptest! {
        #[test]
        fn whatever_comes_as_a_cursor_is_read_or_refused(text in "\\PC{0,12}|[0-9:latest-]{0,12}|[0-9]{1,24}:[0-9]{1,24}") {
            if let Ok(After::Cursor(cursor)) = After::parse(&text) {
                prop_assert_eq!(After::parse(&cursor.to_string()), Ok(After::Cursor(cursor)));
            }
            let (after, unreadable) = After::resume(Some(text.as_bytes()), None).unwrap();
            prop_assert_eq!(unreadable.is_some(), After::parse(&text).is_err());
            prop_assert!(unreadable.is_none() || after == After::Start);
        }
    }

    #[test]
    fn a_cursor_is_written_as_it_is_read() {
        for text in ["5", "12:5"] {
            let Ok(After::Cursor(cursor)) = After::parse(text) else { panic!("{text}") };
            assert_eq!(cursor.to_string(), text);
        }
    }

    #[test]
    fn a_log_has_news_for_whoever_waits_for_less_or_reads_an_older_incarnation() {
        let place = Place { epoch: Some(Epoch(5)), next: 10 };
        assert!(place.misses(Some(Epoch(5)), 10));
        assert!(!place.misses(Some(Epoch(5)), 9));
        assert!(place.misses(Some(Epoch(6)), 3), "it may hold what was lost");
        assert!(!place.misses(Some(Epoch(4)), 12), "the tip of an older incarnation");
        assert!(place.misses(Some(Epoch(6)), 0), "it has lost the run");
        assert!(!Place { epoch: None, next: 1 }.misses(Some(Epoch(6)), 0), "still without events");
    }

    #[test]
    fn deliveries_are_skipped_trimmed_taken_or_a_hole() {
        let place = Place { epoch: Some(Epoch(5)), next: 10 };
        assert_eq!(place.judge(Epoch(5), 1, 9), Judgement::Skip);
        assert_eq!(place.judge(Epoch(5), 8, 12), Judgement::Trim(10));
        assert_eq!(place.judge(Epoch(5), 10, 12), Judgement::Take);
        assert_eq!(place.judge(Epoch(5), 11, 12), Judgement::Hole);
        assert_eq!(place.judge(Epoch(6), 10, 12), Judgement::Hole, "only the journal may judge a new epoch");
        assert_eq!(place.judge(Epoch(4), 10, 12), Judgement::Skip, "a segment of an older incarnation");
        assert_eq!(Place { epoch: None, next: 1 }.judge(Epoch(6), 1, 1), Judgement::Take);
    }
}
