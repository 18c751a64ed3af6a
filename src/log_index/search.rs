//! Searches of a run's log for words.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::core::{EventCheck, EventFilter, Needle, ReadRange, SearchHit, hits_of};
use super::error::QueryError;
use super::page::{PageFrom, Stretch};
use super::service::{LogQueries, READ_BYTES};
use crate::protocol::cursor::AfterError;
use crate::protocol::{After, Cursor, RunId, Segment, Seq};
use crate::tasks::spawn_folding;

/// Events that a filter picks at a time.
const PICKED: usize = 10_000;

/// Where a search begins: behind an event, and behind the first hits of the next one. Written `epoch:seq`, or
/// `epoch:seq.hits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchPlace {
    /// Behind which event.
    pub after: After,
    /// Behind how many hits of the next event.
    pub hits: usize,
}

/// Where a search goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchCursor {
    cursor: Cursor,
    hits: usize,
}

impl SearchPlace {
    /// Parses what an answer gave as its cursor, or any `after`.
    ///
    /// # Errors
    /// [`AfterError`].
    pub fn parse(text: &str) -> Result<Self, AfterError> {
        let (after, hits) = match text.rsplit_once('.') {
            Some((after, hits)) => (after, hits.parse().map_err(|_| AfterError(text.chars().take(64).collect()))?),
            None => (text, 0),
        };
        let after = After::parse(after)?;
        if hits > 0 && !matches!(after, After::Cursor(_)) {
            return Err(AfterError(text.chars().take(64).collect()));
        }
        Ok(Self { after, hits })
    }
}

impl fmt::Display for SearchCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.hits {
            0 => write!(f, "{}", self.cursor),
            hits => write!(f, "{}.{hits}", self.cursor),
        }
    }
}

impl Serialize for SearchCursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What is searched for.
#[derive(Clone, Debug)]
pub struct SearchQuery {
    /// The words.
    pub needle: Needle,
    /// In which events.
    pub filter: EventFilter,
    /// From where on.
    pub from: SearchPlace,
    /// Most hits.
    pub limit: usize,
}

/// What was found, as `GET /api/runs/{runId}/search` answers it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchPage {
    /// The run.
    pub run_id: RunId,
    /// The lines that have it, in the order of the log.
    pub hits: Vec<SearchHit>,
    /// Where the search goes on.
    pub cursor: SearchCursor,
    /// There is more of the log to look through.
    pub more: bool,
    /// Bytes of the log that were looked through.
    pub scanned: usize,
    /// The store lost writes: what was found from here on is void.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset: Option<VoidFrom>,
}

/// From which event on something is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct VoidFrom {
    /// The event.
    pub from: Seq,
}

/// A search on its way. It is handed to a thread that may take its time, and back.
struct LogScan {
    needle: Needle,
    check: EventCheck,
    /// Events that are looked at; `None`: all.
    picked: Option<Vec<Seq>>,
    limit: usize,
    /// The next event that is looked at, and how many of its hits are known.
    next: Seq,
    known_hits: usize,
    hits: Vec<SearchHit>,
    scanned: usize,
}

impl LogScan {
    /// Looks through segments up to `last`; whether the search may go on.
    fn take(&mut self, segments: &[Arc<Segment>], last: Seq) -> bool {
        for segment in segments {
            self.scanned += segment.lines().bytes().len();
            for (seq, line) in (segment.first()..=last).zip(segment.lines().iter()) {
                if seq < self.next {
                    continue;
                }
                if !self.look_at(seq, line) {
                    return false;
                }
                (self.next, self.known_hits) = (seq + 1, 0);
            }
        }
        true
    }

    /// Looks at an event; whether all its hits are told now.
    fn look_at(&mut self, seq: Seq, line: &[u8]) -> bool {
        let is_picked = self.picked.as_ref().is_none_or(|picked| picked.binary_search(&seq).is_ok());
        if !is_picked || !self.needle.may_be_in(line) || !self.check.passes(line) {
            return true;
        }
        let (room, known) = (self.limit - self.hits.len(), if seq == self.next { self.known_hits } else { 0 });
        let (found, more) = hits_of(&self.needle, seq, line, known, room);
        if more {
            (self.next, self.known_hits) = (seq, known + found.len());
        }
        self.hits.extend(found);
        !more
    }

    fn is_full(&self) -> bool {
        self.hits.len() >= self.limit
    }
}

impl LogQueries {
    /// Searches a run's log, at most `queries.scan_bytes` of it.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn search(&self, run: &RunId, query: SearchQuery) -> Result<SearchPage, QueryError> {
        self.counted("search", self.scan(run, query)).await
    }

    async fn scan(&self, run: &RunId, query: SearchQuery) -> Result<SearchPage, QueryError> {
        let log = self.open(run).await?;
        let Stretch { from, reset, .. } = Stretch::of(PageFrom::After(query.from.after), &log.head);
        let (max_bytes, is_filtered) = (self.limits().scan_bytes, !query.filter.is_empty());
        let (log, (picked, ranges, check)) = log
            .look(move |index| {
                let picked = if is_filtered { index.first(&query.filter, from, PICKED) } else { Vec::new() };
                let ranges = index.ranges(&picked, READ_BYTES.min(max_bytes));
                (picked, ranges, index.check(query.filter))
            })
            .await?;
        let index = log.shared();
        let (_, run, head, _work) = log.release();
        // Behind what was picked everything is looked through, or there is more to pick.
        let end = if is_filtered && picked.len() == PICKED { picked[PICKED - 1] } else { head.tip };
        let mut scan = LogScan {
            needle: query.needle,
            check,
            picked: is_filtered.then_some(picked),
            limit: query.limit,
            next: from,
            known_hits: if reset.is_none() { query.from.hits } else { 0 },
            hits: Vec::new(),
            scanned: 0,
        };
        let mut ranges = ranges.into_iter();
        let is_done = loop {
            if scan.is_full() || scan.scanned >= max_bytes {
                break scan.next > end;
            }
            let range = match is_filtered {
                true => ranges.next(),
                // One segment at least.
                false => Some(ReadRange { after: scan.next - 1, last: scan.next, bytes: READ_BYTES.min(max_bytes) })
                    .filter(|_| scan.next <= end),
            };
            let Some(range) = range else { break true };
            if is_filtered && scan.scanned > 0 && scan.scanned + range.bytes > max_bytes {
                scan.next = scan.next.max(range.after + 1);
                break false;
            }
            let segments = self.read(&run, &head, range).await?;
            let looked = spawn_folding("log_search", move || {
                let goes_on = scan.take(&segments, end);
                (scan, goes_on)
            });
            let goes_on;
            (scan, goes_on) = looked.await?;
            if !goes_on {
                break false;
            }
        };
        let mut hits = scan.hits;
        let index = index.lock().await;
        for hit in &mut hits {
            hit.variant = index.variant_of(hit.seq).cloned();
        }
        let seq = if is_done { end } else { scan.next - 1 };
        let cursor = Cursor { epoch: head.lineage.epoch(), seq };
        let known_hits = if is_done { 0 } else { scan.known_hits };
        Ok(SearchPage {
            run_id: run,
            hits,
            cursor: SearchCursor { cursor, hits: known_hits },
            more: !is_done || end < head.tip,
            scanned: scan.scanned,
            reset: reset.map(|from| VoidFrom { from }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Epoch;

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        let cursor = |seq| Cursor { epoch: Some(Epoch(5)), seq };
        for (hits, text) in [(0, "5:17"), (40, "5:17.40")] {
            assert_eq!(SearchCursor { cursor: cursor(17), hits }.to_string(), text);
            assert_eq!(SearchPlace::parse(text), Ok(SearchPlace { after: After::Cursor(cursor(17)), hits }));
        }
        assert_eq!(SearchPlace::parse(""), Ok(SearchPlace { after: After::Start, hits: 0 }));
        assert_eq!(SearchPlace::parse("-9"), Ok(SearchPlace { after: After::Last(9), hits: 0 }));
        for wrong in ["5:17.x", "5:17.", ".4", "latest.2", "-9.1", "1.2.3"] {
            assert!(SearchPlace::parse(wrong).is_err(), "{wrong}");
        }
    }
}
