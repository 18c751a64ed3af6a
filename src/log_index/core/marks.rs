//! The moments of a run that people look for: a failure, a question, a pause, an end.

use std::sync::Arc;

use serde::Serialize;

use crate::protocol::{Seq, Timestamp};

/// Most marks that are kept of a kind. Beyond it every second one goes: those that stay are spread over the run.
const MAX_KEPT: usize = 1_000;
/// Most marks of a timeline.
pub(super) const MAX_MARKS: usize = 500;
/// Of these, failures leave so many places to the others.
const OTHERS: usize = 100;

/// What happened at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MarkKind {
    /// An attempt at a test failed, and was not expected to.
    Failed,
    /// A test passed after an attempt that failed.
    Flaky,
    /// A producer asked a question.
    Ask,
    /// The run paused.
    Paused,
    /// The run ended.
    Ended,
}

/// A moment of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineMark {
    /// The event.
    pub seq: Seq,
    /// Journal time of it.
    pub at: Timestamp,
    /// What happened.
    pub kind: MarkKind,
    /// The test that it happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_id: Option<Arc<str>>,
    /// The variant of that test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<Arc<str>>,
}

/// The marks of a log.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// By kind: those of `Failed`, of `Flaky`, and all others.
    lists: [MarkList; 3],
}

#[derive(Debug, Default)]
struct MarkList {
    kept: Vec<TimelineMark>,
    /// One of so many is kept.
    stride: u64,
    seen: u64,
    bytes: usize,
}

impl MarkList {
    fn push(&mut self, mark: TimelineMark) {
        self.stride = self.stride.max(1);
        if self.seen.is_multiple_of(self.stride) {
            if self.kept.len() >= MAX_KEPT {
                let mut index = 0;
                self.kept.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                self.stride *= 2;
                self.bytes = self.kept.iter().map(mark_bytes).sum();
            }
            self.bytes += mark_bytes(&mark);
            self.kept.push(mark);
        }
        self.seen += 1;
    }

    /// At most so many, spread evenly.
    fn spread(&self, most: usize) -> impl Iterator<Item = &TimelineMark> {
        let (count, shown) = (self.kept.len(), self.kept.len().min(most));
        (0..shown).filter_map(move |index| self.kept.get(index * count / shown))
    }
}

fn mark_bytes(mark: &TimelineMark) -> usize {
    size_of::<TimelineMark>() + mark.test_id.as_ref().map_or(0, |id| id.len() + 16)
}

impl Marks {
    pub(super) fn push(&mut self, mark: TimelineMark) {
        let list = match mark.kind {
            MarkKind::Failed => 0,
            MarkKind::Flaky => 1,
            MarkKind::Ask | MarkKind::Paused | MarkKind::Ended => 2,
        };
        self.lists[list].push(mark);
    }

    /// Those of a timeline, in order: failures come first where there are too many.
    pub(super) fn shown(&self) -> Vec<TimelineMark> {
        let [failed, flaky, others] = &self.lists;
        let rest = others.kept.len() + flaky.kept.len();
        let mut shown: Vec<_> = failed.spread(MAX_MARKS - rest.min(OTHERS)).cloned().collect();
        shown.extend(others.spread(MAX_MARKS - shown.len()).cloned());
        shown.extend(flaky.spread(MAX_MARKS - shown.len()).cloned());
        shown.sort_by_key(|mark| mark.seq);
        shown
    }

    /// Bytes of memory.
    pub(super) fn held_bytes(&self) -> usize {
        self.lists.iter().map(|list| list.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(seq: Seq, kind: MarkKind) -> TimelineMark {
        TimelineMark { seq, at: Timestamp::default(), kind, test_id: Some("t".into()), variant: None }
    }

    #[test]
    fn failures_come_first_are_spread_over_the_run_and_leave_places_to_the_others() {
        let mut marks = Marks::default();
        for seq in 1..=100_000 {
            marks.push(mark(seq, MarkKind::Failed));
        }
        assert_eq!(marks.shown().len(), MAX_MARKS);
        marks.push(mark(100_001, MarkKind::Flaky));
        marks.push(mark(100_002, MarkKind::Ended));
        let shown = marks.shown();
        assert_eq!(shown.len(), MAX_MARKS);
        assert_eq!((shown[498].kind, shown[499].kind), (MarkKind::Flaky, MarkKind::Ended));
        let (first, middle, last) = (shown[0].seq, shown[249].seq, shown[497].seq);
        assert!(first == 1 && (40_000..60_000).contains(&middle) && last > 90_000, "{first} {middle} {last}");
        assert!(marks.held_bytes() < 3 * MAX_KEPT * 200);
    }
}
