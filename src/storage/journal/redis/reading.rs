//! Reads a run's log, or only the segments that hold its control events.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::reply::ReplyParts;
use super::{RedisJournal, malformed, unread};
use crate::protocol::{Epoch, Lines, RunId, Segment, Seq, Timestamp};
use crate::storage::journal::JournalError;
use crate::storage::redis::{RedisCommand, RedisError, Reply};

/// Control segments that one script reads. They may be small, and nobody else is served while it runs.
const CONTROL_STRIDE: usize = 500;

impl RedisJournal {
    pub(super) async fn read_log(
        &self,
        run: &RunId,
        after: Seq,
        max_bytes: usize,
    ) -> Result<Vec<Arc<Segment>>, JournalError> {
        let Some(next) = after.checked_add(1) else { return Ok(Vec::new()) };
        let started = Instant::now();
        let keys = [self.keys.log(run)];
        let args = |command: RedisCommand| command.arg(next.to_string()).arg(max_bytes.to_string());
        let reply = self.scripts.read.call(&self.client, self.timeout, &keys, args).await;
        let (segments, _) = page(reply, started)?;
        Ok(segments)
    }

    pub(super) async fn read_control_log(
        &self,
        run: &RunId,
        after: Seq,
        max_bytes: usize,
    ) -> Result<Vec<Arc<Segment>>, JournalError> {
        let Some(next) = after.checked_add(1) else { return Ok(Vec::new()) };
        let keys = [self.keys.control(run), self.keys.log(run)];
        let (mut from, mut segments) = (next.to_string(), Vec::new());
        while !from.is_empty() {
            let started = Instant::now();
            let read: usize = segments.iter().map(|segment: &Arc<Segment>| segment.lines().bytes().len()).sum();
            let args = |command: RedisCommand| {
                let command = command.arg(from.as_str()).arg(max_bytes.to_string());
                command.arg(read.to_string()).arg(CONTROL_STRIDE.to_string())
            };
            let reply = self.scripts.read_control.call(&self.client, self.timeout, &keys, args).await;
            let (more, mut rest) = page(reply, started)?;
            segments.extend(more);
            from = rest.text()?;
        }
        Ok(segments)
    }
}

/// The segments of a page, and what else the script answered.
fn page(reply: Result<Reply, RedisError>, started: Instant) -> Result<(Vec<Arc<Segment>>, ReplyParts), JournalError> {
    let reply = reply.map_err(|error| {
        metrics::counter!("runcast_journal_failures_total", "work" => "read").increment(1);
        unread(error)
    })?;
    let mut parts = ReplyParts::of(reply)?;
    let (lines, mut bodies) = (parts.text()?, parts.bytes()?);
    metrics::counter!("runcast_journal_reads_total").increment(1);
    metrics::histogram!("runcast_journal_read_seconds").record(started.elapsed());
    let segments: Result<_, _> =
        lines.lines().map(|line| segment(line, &mut bodies).ok_or_else(|| malformed(line))).collect();
    Ok((segments?, parts))
}

/// Reads one segment from its line `epoch first at length` and the remaining bodies.
fn segment(line: &str, bodies: &mut Bytes) -> Option<Arc<Segment>> {
    let mut numbers = line.split(' ').map(|word| word.parse::<u64>().ok());
    let mut number = || numbers.next().flatten();
    let (epoch, first, at, length) = (number()?, number()?, number()?, number()? as usize);
    if length == 0 || length > bodies.len() || first == 0 {
        return None;
    }
    let lines = Lines::from_stored(bodies.split_to(length));
    Some(Arc::new(Segment::new(Epoch(epoch), first, Timestamp::from_millis(at as i64), lines)))
}
