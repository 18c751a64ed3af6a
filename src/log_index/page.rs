//! Pages of the events that somebody wants, from either end.

use bytes::Bytes;

use super::core::EventFilter;
use super::error::QueryError;
use super::service::LogQueries;
use crate::protocol::lineage::Resume;
use crate::protocol::{After, Cursor, Epoch, RunId, Seq};
use crate::storage::journal::{Head, RunPhase};

/// Where a page begins, or ends.
#[derive(Clone, Copy, Debug)]
pub enum PageFrom {
    /// It has the first events behind this position.
    After(After),
    /// It has the last events before the one that this cursor names; [`After::Latest`]: the last ones of all.
    Before(After),
}

/// Which page is wanted.
#[derive(Clone, Debug)]
pub struct FilteredQuery {
    /// Which events.
    pub filter: EventFilter,
    /// From where.
    pub from: PageFrom,
    /// Most events.
    pub limit: usize,
    /// Bytes of events after which it takes no further one.
    pub max_bytes: usize,
}

/// A page of events.
#[derive(Debug)]
pub struct FilteredPage {
    /// The run's epoch.
    pub epoch: Option<Epoch>,
    /// The events, in order.
    pub events: Vec<FoundEvent>,
    /// Everything that is wanted up to here was told, as far as the page reaches back.
    pub cursor: Cursor,
    /// The run's last event.
    pub tip: Seq,
    /// The first that is still stored.
    pub first: Seq,
    /// There may be more: behind the cursor, or before the page.
    pub more: bool,
    /// These events have expired.
    pub gap: Option<(Seq, Seq)>,
    /// What the reader has from here on is void.
    pub reset: Option<Seq>,
    /// The page before this one has what comes before this event.
    pub before: Option<Seq>,
}

/// An event that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundEvent {
    /// Its number.
    pub seq: Seq,
    /// As it was stored.
    pub line: Bytes,
}

/// The part of a log that a page may have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from: Seq,
    pub(super) to: Seq,
    pub(super) gap: Option<(Seq, Seq)>,
    pub(super) reset: Option<Seq>,
}

impl Stretch {
    pub(super) fn of(from: PageFrom, head: &Head) -> Self {
        let end = head.tip + 1;
        let (mut from, to, reset, hides_gap) = match from {
            PageFrom::After(after) => match head.lineage.resolve(after, head.tip) {
                Resume::Continue { next } => (next, end, None, matches!(after, After::Last(_))),
                Resume::Reset { from } => (from, end, Some(from), false),
            },
            PageFrom::Before(After::Cursor(cursor)) => {
                let behind = Cursor { seq: cursor.seq.saturating_sub(1), ..cursor };
                match head.lineage.resolve(After::Cursor(behind), head.tip) {
                    Resume::Continue { next } => (1, next, None, false),
                    // A number alone claims nothing.
                    Resume::Reset { from } => (1, from, cursor.epoch.map(|_| from), false),
                }
            }
            PageFrom::Before(_) => (1, end, None, false),
        };
        let mut gap = None;
        if from < head.first && from < to {
            gap = Some((from, to.min(head.first) - 1)).filter(|_| !hides_gap);
            from = head.first;
        }
        Self { from, to: to.max(from), gap, reset }
    }
}

impl LogQueries {
    /// The page of a run's events that is wanted. A run without events has an empty one, an expired run a gap.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn page(&self, run: &RunId, query: FilteredQuery) -> Result<FilteredPage, QueryError> {
        self.counted("events", self.find_page(run, query)).await
    }

    async fn find_page(&self, run: &RunId, query: FilteredQuery) -> Result<FilteredPage, QueryError> {
        let head = self.head(run).await?;
        if head.tip == 0 || head.phase == RunPhase::Gone {
            return Ok(empty(&head, &query));
        }
        let log = self.open(run).await?;
        let Stretch { from, to, gap, reset } = Stretch::of(query.from, &log.head);
        let FilteredQuery { filter, from: wanted_from, limit, max_bytes } = query;
        let scan_bytes = self.limits().scan_bytes;
        let is_backward = matches!(wanted_from, PageFrom::Before(_));
        let (log, (mut found, ranges, check)) = log
            .look(move |index| {
                // One more than is wanted tells whether there is more.
                let found = match is_backward {
                    true => index.last(&filter, to, limit + 1),
                    false => index.first(&filter, from, limit + 1),
                };
                let skipped = if is_backward { found.len().saturating_sub(limit) } else { 0 };
                let kept = &found[skipped..found.len().min(skipped + limit)];
                let ranges = index.ranges(kept, scan_bytes);
                (found, ranges, index.check(filter))
            })
            .await?;
        let (queries, run, head, _work) = log.release();
        let mut more = found.len() > limit;
        if more {
            let _ = if is_backward { found.remove(0) } else { found.remove(limit) };
        }
        let (mut events, mut bytes, mut read) = (Vec::new(), 0, 0);
        let (mut looked_at, mut is_full) = (None, false);
        let in_turn: Vec<_> = if is_backward { ranges.into_iter().rev().collect() } else { ranges };
        for range in in_turn {
            if is_full || read > 0 && read + range.bytes > scan_bytes {
                is_full = true;
                break;
            }
            read += range.bytes;
            let segments = queries.read(&run, &head, range).await?;
            let event = |seq: Seq| {
                let index = segments.partition_point(|segment| segment.last() < seq);
                let segment = segments.get(index)?;
                let lines = segment.lines();
                let line = lines.get(seq.checked_sub(segment.first())? as usize)?;
                Some(lines.bytes().slice_ref(line))
            };
            let here = found.iter().copied().filter(|seq| (range.after + 1..=range.last).contains(seq));
            let here: Vec<_> = if is_backward { here.rev().collect() } else { here.collect() };
            for seq in here {
                is_full = bytes >= max_bytes;
                if is_full {
                    break;
                }
                looked_at = Some(seq);
                if let Some(line) = event(seq).filter(|line| check.passes(line)) {
                    bytes += line.len();
                    events.push(FoundEvent { seq, line });
                }
            }
        }
        more |= is_full;
        let cursor_seq = match looked_at {
            _ if is_backward => to - 1,
            Some(last) if more => last,
            _ => head.tip,
        };
        if is_backward {
            events.reverse();
        }
        let epoch = head.lineage.epoch();
        Ok(FilteredPage {
            epoch,
            events,
            cursor: Cursor { epoch, seq: cursor_seq },
            tip: head.tip,
            first: head.first,
            more,
            gap,
            reset,
            before: looked_at.filter(|_| is_backward && more),
        })
    }
}

/// The page of a run that has no event, or none any more.
fn empty(head: &Head, query: &FilteredQuery) -> FilteredPage {
    let Stretch { to, gap, reset, .. } = Stretch::of(query.from, head);
    let epoch = head.lineage.epoch();
    FilteredPage {
        epoch,
        events: Vec::new(),
        cursor: Cursor { epoch, seq: to - 1 },
        tip: head.tip,
        first: head.first,
        more: false,
        gap,
        reset,
        before: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Lineage;

    fn head() -> Head {
        Head { lineage: Lineage::new(vec![(Epoch(1), 1), (Epoch(2), 11)]), tip: 20, ..Head::unborn() }
    }

    fn cursor(epoch: Option<u64>, seq: Seq) -> After {
        After::Cursor(Cursor { epoch: epoch.map(Epoch), seq })
    }

    fn stretch(from: PageFrom, head: &Head) -> (Seq, Seq, Option<(Seq, Seq)>, Option<Seq>) {
        let Stretch { from, to, gap, reset } = Stretch::of(from, head);
        (from, to, gap, reset)
    }

    #[test]
    fn a_page_reaches_from_its_cursor_to_the_end_or_from_the_beginning_to_its_end() {
        use PageFrom::{After as Behind, Before};
        for (from, want) in [
            (Behind(After::Start), (1, 21, None, None)),
            (Behind(After::Last(5)), (16, 21, None, None)),
            (Behind(cursor(Some(2), 20)), (21, 21, None, None)),
            (Behind(cursor(Some(1), 12)), (11, 21, None, Some(11))),
            (Before(After::Latest), (1, 21, None, None)),
            (Before(cursor(None, 7)), (1, 7, None, None)),
            (Before(cursor(None, 99)), (1, 21, None, None)),
            (Before(cursor(Some(1), 11)), (1, 11, None, None)),
            (Before(cursor(Some(1), 15)), (1, 11, None, Some(11))),
            (Before(cursor(None, 1)), (1, 1, None, None)),
        ] {
            assert_eq!(stretch(from, &head()), want, "{from:?}");
        }
    }

    #[test]
    fn what_has_expired_is_a_gap() {
        let gone = Head { first: 21, phase: RunPhase::Gone, ..head() };
        assert_eq!(stretch(PageFrom::After(cursor(None, 4)), &gone), (21, 21, Some((5, 20)), None));
        assert_eq!(stretch(PageFrom::After(After::Last(3)), &gone), (21, 21, None, None));
        assert_eq!(stretch(PageFrom::Before(cursor(None, 9)), &gone), (21, 21, Some((1, 8)), None));
        let page = empty(
            &gone,
            &FilteredQuery {
                filter: EventFilter::default(),
                from: PageFrom::Before(cursor(None, 9)),
                limit: 1,
                max_bytes: 1,
            },
        );
        assert_eq!((page.cursor.seq, page.more, page.gap), (20, false, Some((1, 8))));
        let unborn = Head::unborn();
        assert_eq!(stretch(PageFrom::Before(After::Latest), &unborn), (1, 1, None, None));
    }
}
