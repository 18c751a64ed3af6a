//! The journal in memory: for tests, and for nodes that need not remember. Events last as long as the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;

use super::append_rules::{self, AppendContext, Epochs, ProducerMarks, RunRecord};
use super::{
    Append, Expired, Head, Journal, JournalError, JournalLimits, Removal, RunHead, RunPage, RunPhase, RunPosition,
    Stored,
};
use crate::protocol::{Clock, Cursor, RunId, Segment, Seq, Timestamp};

/// The journal in memory: every run's record and segments behind one lock.
#[derive(Debug)]
pub struct MemoryJournal {
    limits: JournalLimits,
    max_total_bytes: u64,
    clock: Clock,
    shelf: Mutex<MemoryState>,
}

#[derive(Debug)]
struct MemoryState {
    runs: HashMap<RunId, Log>,
    epochs: Epochs,
    /// Bytes of the events of all runs.
    bytes: u64,
    closed: bool,
}

#[derive(Debug)]
struct Log {
    run: RunRecord,
    /// The run's segments in order, without holes.
    segments: Vec<Arc<Segment>>,
    gone_at: Timestamp,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new(limits: JournalLimits) -> Self {
        Self::with_clock(limits, Clock::default())
    }

    /// An empty journal that takes its times from `clock`.
    pub fn with_clock(limits: JournalLimits, clock: Clock) -> Self {
        let epochs = Epochs::new(clock.now());
        let shelf = MemoryState { runs: HashMap::new(), epochs, bytes: 0, closed: false };
        Self { limits, max_total_bytes: u64::MAX, clock, shelf: Mutex::new(shelf) }
    }

    /// Sets a bound: appends are refused as unavailable beyond `bytes` of events in all runs together.
    #[must_use]
    pub fn with_max_total_bytes(mut self, bytes: u64) -> Self {
        self.max_total_bytes = bytes;
        self
    }

    fn shelf(&self) -> MutexGuard<'_, MemoryState> {
        // No code panics while it holds the lock. Even if some did, each run would still be whole.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self, shelf: &MemoryState, more: u64) -> Result<(), JournalError> {
        if shelf.closed {
            return Err(JournalError::Unavailable("the journal is closed".into()));
        }
        if shelf.bytes + more > self.max_total_bytes {
            let text = format!("memory holds {} bytes of at most {}", shelf.bytes, self.max_total_bytes);
            return Err(JournalError::Unavailable(text));
        }
        Ok(())
    }
}

impl MemoryState {
    /// A page of the runs that fit, in the order of the times that `at` has.
    fn heads(
        &self,
        after: Option<&RunPosition>,
        limit: usize,
        at: impl Fn(&Head) -> Timestamp,
        fits: impl Fn(&Head) -> bool,
    ) -> RunPage {
        let mut found: Vec<_> = self.runs.iter().filter(|(_, log)| fits(&log.run.head)).collect();
        found.sort_by_key(|(run, log)| (at(&log.run.head), *run));
        let is_behind =
            |run: &RunId, log: &Log| after.is_none_or(|after| (at(&log.run.head), run) > (after.at, &after.run));
        let behind = found.into_iter().filter(|(run, log)| is_behind(run, log)).take(limit.saturating_add(1));
        let runs = behind.map(|(run, log)| RunHead { run: run.clone(), head: log.run.head.clone() }).collect();
        RunPage::of(runs, limit, at)
    }

    fn read(&self, run: &RunId, after: Seq, max_bytes: usize, fits: impl Fn(&Segment) -> bool) -> Vec<Arc<Segment>> {
        self.runs.get(run).map_or_else(Vec::new, |log| page_of(&log.segments, after, max_bytes, fits))
    }

    /// Removes a run's events.
    fn make_tombstone(&mut self, run: &RunId, head: &Head, now: Timestamp) {
        let epochs = self.epochs;
        self.bytes -= head.bytes;
        if let Some(log) = self.runs.get_mut(run) {
            let run = RunRecord::load(append_rules::gone(head), ProducerMarks::default(), epochs);
            *log = Log { run, segments: Vec::new(), gone_at: now };
        }
    }

    /// Removes tombstones whose time is over; their names are free again.
    fn bury(&mut self, now: Timestamp, limits: &JournalLimits) {
        let due = now.plus_millis(-millis(limits.tombstone));
        let before = self.runs.len();
        self.runs.retain(|_, log| log.run.head.phase != RunPhase::Gone || log.gone_at > due);
        if self.runs.len() < before {
            self.epochs.raise_births(now);
        }
    }
}

/// Those of a log's segments after `after` that fit, until they have `max_bytes`, at least one if there is any. They are
/// copied, because a reader encodes frames into them and those must not stay in the journal.
pub fn page_of(
    segments: &[Arc<Segment>],
    after: Seq,
    max_bytes: usize,
    fits: impl Fn(&Segment) -> bool,
) -> Vec<Arc<Segment>> {
    let start = segments.partition_point(|segment| segment.last() <= after);
    let mut bytes = 0;
    let has_room = |segment: &&Arc<Segment>| {
        let first = bytes == 0;
        bytes += segment.lines().bytes().len();
        first || bytes <= max_bytes
    };
    let again = |s: &Arc<Segment>| Arc::new(Segment::new(s.epoch(), s.first(), s.at(), s.lines().clone()));
    segments[start..].iter().filter(|segment| fits(segment)).take_while(has_room).map(again).collect()
}

fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn append(&self, append: Append) -> Result<Stored, JournalError> {
        let mut shelf = self.shelf();
        self.usable(&shelf, append.posts.iter().map(|post| post.lines.bytes().len() as u64).sum())?;
        let moment = AppendContext {
            now: self.now(),
            monotonic: Instant::now(),
            epochs: shelf.epochs,
            max_run_bytes: self.limits.max_run_bytes,
        };
        let mut unborn = None;
        let run = match shelf.runs.get_mut(&append.run) {
            Some(log) => &mut log.run,
            None => unborn.insert(RunRecord::load(Head::unborn(), ProducerMarks::default(), moment.epochs)),
        };
        let bytes_before = run.head.bytes;
        let stored = append_rules::append(run, &append, &moment).stored;
        shelf.bytes += stored.head.bytes - bytes_before;
        if let Some(run) = unborn.filter(|run| run.head.tip > 0) {
            shelf.runs.insert(append.run.clone(), Log { run, segments: Vec::new(), gone_at: Timestamp::default() });
        }
        if let Some(log) = shelf.runs.get_mut(&append.run) {
            log.segments.extend_from_slice(&stored.segments);
        }
        Ok(stored)
    }

    async fn head(&self, run: &RunId) -> Result<Head, JournalError> {
        Ok(self.shelf().runs.get(run).map_or_else(Head::unborn, |log| log.run.head.clone()))
    }

    async fn settled_head(&self, run: &RunId) -> Result<Head, JournalError> {
        self.head(run).await
    }

    async fn read(&self, run: &RunId, after: Seq, max_bytes: usize) -> Result<Vec<Arc<Segment>>, JournalError> {
        Ok(self.shelf().read(run, after, max_bytes, |_| true))
    }

    async fn read_control(&self, run: &RunId, after: Seq, max_bytes: usize) -> Result<Vec<Arc<Segment>>, JournalError> {
        Ok(self.shelf().read(run, after, max_bytes, |segment| segment.is_control()))
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<RunId>, JournalError> {
        let shelf = self.shelf();
        let due = shelf.runs.iter().filter_map(|(run, log)| Some((log.run.due.filter(|due| *due <= now)?, run)));
        let mut due: Vec<_> = due.collect();
        due.sort();
        Ok(due.into_iter().take(limit).map(|(_, run)| run.clone()).collect())
    }

    async fn settle_due(
        &self,
        run: &RunId,
        control: Option<Cursor>,
        due: Option<Timestamp>,
    ) -> Result<(), JournalError> {
        let mut shelf = self.shelf();
        let is_same = |log: &&mut Log| log.run.head.phase != RunPhase::Gone && log.run.head.control == control;
        if let Some(log) = shelf.runs.get_mut(run).filter(is_same) {
            log.run.due = due;
        }
        Ok(())
    }

    async fn changed_since(
        &self,
        since: Timestamp,
        after: Option<&RunPosition>,
        limit: usize,
    ) -> Result<RunPage, JournalError> {
        let fits = |head: &Head| head.phase != RunPhase::Gone && head.last_at >= since;
        Ok(self.shelf().heads(after, limit, |head| head.last_at, fits))
    }

    async fn idle_since(
        &self,
        before: Timestamp,
        ended: bool,
        after: Option<&RunPosition>,
        limit: usize,
    ) -> Result<RunPage, JournalError> {
        let fits = |head: &Head| {
            head.phase == RunPhase::Live && append_rules::is_ended(head) == ended && head.active_at < before
        };
        Ok(self.shelf().heads(after, limit, |head| head.active_at, fits))
    }

    async fn gone_since(&self, since: Timestamp, limit: usize) -> Result<Vec<RunId>, JournalError> {
        let shelf = self.shelf();
        let gone = shelf.runs.iter().filter(|(_, log)| log.run.head.phase == RunPhase::Gone && log.gone_at >= since);
        Ok(gone.map(|(run, _)| run.clone()).take(limit).collect())
    }

    async fn expire(&self, before: Timestamp, limit: usize) -> Result<Expired, JournalError> {
        let Ok(now) = self.clock.check() else { return Ok(Expired::default()) };
        let mut shelf = self.shelf();
        shelf.bury(now, &self.limits);
        let fits = |head: &Head| append_rules::is_ended(head) && head.active_at < before;
        let due = shelf.heads(None, limit, |head| head.active_at, fits);
        let mut expired = Expired { runs: Vec::with_capacity(due.runs.len()), more: due.next.is_some() };
        for RunHead { run, head } in due.runs {
            shelf.make_tombstone(&run, &head, now);
            expired.runs.push(run);
        }
        Ok(expired)
    }

    async fn remove(&self, run: &RunId, even_live: bool) -> Result<Removal, JournalError> {
        let now = self.now();
        let mut shelf = self.shelf();
        let Some(head) = shelf.runs.get(run).map(|log| log.run.head.clone()) else { return Ok(Removal::Unknown) };
        let removal = append_rules::removal(&head, even_live);
        if removal == Removal::Removed {
            shelf.make_tombstone(run, &head, now);
        }
        Ok(removal)
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    async fn probe(&self) -> Result<(), JournalError> {
        self.usable(&self.shelf(), 0)
    }

    async fn close(&self) {
        self.shelf().closed = true;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::protocol::{Lines, ProducerId};
    use crate::storage::journal::{OnGap, Post};

    #[tokio::test]
    async fn a_full_memory_is_unavailable_until_runs_expire() {
        let limits = JournalLimits { max_run_bytes: 1 << 30, tombstone: Duration::ZERO };
        let journal = MemoryJournal::new(limits).with_max_total_bytes(100);
        let append = |run: &str, seals| {
            let post = Post {
                producer: ProducerId::own("p"),
                n: 1,
                on_gap: OnGap::Allow,
                lines: Lines::from_stored(format!(r#"{{"type":"{}"}}"#, "x".repeat(50)).into()),
                status: None,
                privileged: false,
                seals,
                stamps: Default::default(),
                control: None,
            };
            let deadline = Instant::now() + Duration::from_secs(60);
            Append { run: RunId::parse(run).unwrap(), posts: vec![post], precondition: None, deadline }
        };
        journal.append(append("a", true)).await.unwrap();
        let refused = journal.append(append("b", false)).await;
        assert!(matches!(refused, Err(JournalError::Unavailable(_))), "{refused:?}");
        journal.expire(journal.now().plus_millis(1), 1).await.unwrap();
        journal.append(append("b", false)).await.unwrap();
        journal.probe().await.unwrap();
    }
}
