//! A group commit: the results of many runs' appends, written in a few statements.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Either, Executor as _, SqlStr};

use super::rows::{
    BulkInsert, CONTROL_SEGMENTS, LINEAGE, PRODUCERS, RUNS, SEGMENTS, in_sequence, phase_value, state_value,
};
use super::run_cache::{SqliteCachedRun, SqliteRunCache};
use super::{commit, commit_failed, unavailable};
use crate::protocol::status::RunStatus;
use crate::protocol::{Epoch, ProducerId, RunId, Segment, Seq, Timestamp};
use crate::storage::journal::JournalError;
use crate::storage::journal::append_rules::{self, AppendDecision, DueChange, Mark};

/// Rows to write in one transaction.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Runs whose rows changed.
    runs: HashSet<RunId>,
    /// Those of them whose control changed, by their numbers: all others write nothing of it.
    controlled: HashSet<i64>,
    segments: Vec<(i64, Arc<Segment>)>,
    /// Marks by run and producer, with the run's tip when the mark changed.
    marks: HashMap<(i64, ProducerId), (Mark, Seq)>,
    dropped: Vec<(i64, ProducerId)>,
    lineage: Vec<(i64, Epoch, Seq)>,
}

/// The key just below those that the run's segments can have.
pub(super) fn key_floor(number: i64) -> i64 {
    number << 32
}

impl Group {
    /// Whether the group has nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Adds the rows of a decision.
    pub(super) fn add(&mut self, run: &RunId, number: i64, decision: &AppendDecision) {
        let tip = decision.stored.head.tip;
        self.runs.insert(run.clone());
        let is_control = |segment: &Arc<Segment>| segment.is_control();
        if decision.due != DueChange::None || decision.stored.segments.iter().any(is_control) {
            self.controlled.insert(number);
        }
        self.segments.extend(decision.stored.segments.iter().map(|segment| (number, segment.clone())));
        self.lineage.extend(decision.opened.map(|(epoch, first)| (number, epoch, first)));
        for (producer, mark) in &decision.raised {
            self.marks.insert((number, producer.clone()), (mark.clone(), tip));
        }
        for producer in &decision.dropped {
            self.marks.remove(&(number, producer.clone()));
            self.dropped.push((number, producer.clone()));
        }
    }

    /// Stores everything or nothing. `run_cache` holds the runs as they are after the group. After an error a
    /// transaction may still be open.
    pub(super) async fn store(
        mut self,
        connection: &mut SqliteConnection,
        run_cache: &SqliteRunCache,
    ) -> Result<(), JournalError> {
        self.segments.sort_unstable_by_key(|(number, segment)| (*number, segment.first()));
        let runs: Vec<_> = self.runs.iter().filter_map(|id| Some((id, run_cache.peek(id)?))).collect();
        let marks: Vec<_> = self.marks.iter().collect();
        if let ([segment], [run], [mark]) = (&self.segments[..], &runs[..], &marks[..])
            && self.controlled.is_empty()
            && self.dropped.is_empty()
            && self.lineage.is_empty()
        {
            let statement = sqlx::query(ONE_OF_EACH.clone());
            let statement = bind_mark(bind_run(bind_segment(statement, segment), run), mark);
            return store_one_of_each(connection, statement).await;
        }
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        self.write(&mut transaction, &runs, &marks).await.map_err(unavailable)?;
        self.write_control(&mut transaction, &runs, &marks).await.map_err(unavailable)?;
        commit(transaction).await
    }

    /// Writes what ordinary appends leave as it is: where control is, when the run is due, how its producers stand.
    async fn write_control(
        &self,
        connection: &mut SqliteConnection,
        runs: &[RunUpdate<'_>],
        marks: &[MarkRow<'_>],
    ) -> Result<(), sqlx::Error> {
        let control: Vec<_> = self.segments.iter().filter(|(_, segment)| segment.is_control()).map(key).collect();
        CONTROL_SEGMENTS.write(&mut *connection, &control, |row, key| row.bind(*key)).await?;
        let is_controlled = |number: &i64| self.controlled.contains(number);
        for (_, run) in runs.iter().filter(|(_, run)| run.location.as_ref().is_some_and(is_controlled)) {
            bind_control(sqlx::query(SET_CONTROL), run).execute(&mut *connection).await?;
        }
        for ((number, producer), (mark, _)) in marks.iter().filter(|((number, _), _)| is_controlled(number)) {
            if let Some(state) = state_value(mark) {
                let set = sqlx::query("UPDATE producers SET state = ? WHERE run = ? AND producer = ?").bind(state);
                set.bind(number).bind(producer.as_str()).execute(&mut *connection).await?;
            }
        }
        Ok(())
    }

    async fn write(
        &self,
        connection: &mut SqliteConnection,
        runs: &[RunUpdate<'_>],
        marks: &[MarkRow<'_>],
    ) -> Result<(), sqlx::Error> {
        SEGMENTS.write(connection, &self.segments, bind_segment).await?;
        RUNS.write(connection, runs, bind_run).await?;
        PRODUCERS.write(connection, marks, bind_mark).await?;
        for (number, producer) in &self.dropped {
            if !self.marks.contains_key(&(*number, producer.clone())) {
                let delete = sqlx::query("DELETE FROM producers WHERE run = ? AND producer = ?");
                delete.bind(number).bind(producer.as_str()).execute(&mut *connection).await?;
            }
        }
        LINEAGE.write(connection, &self.lineage, bind_lineage).await
    }
}

type SegmentRow = (i64, Arc<Segment>);
type RunUpdate<'a> = (&'a RunId, &'a SqliteCachedRun);
type MarkRow<'a> = (&'a (i64, ProducerId), &'a (Mark, Seq));

/// The key of a segment.
fn key((number, segment): &SegmentRow) -> i64 {
    key_floor(*number) + segment.last() as i64
}

fn bind_segment(statement: BulkInsert, row: &SegmentRow) -> BulkInsert {
    let (_, segment) = row;
    statement
        .bind(key(row))
        .bind(segment.first() as i64)
        .bind(segment.epoch().0 as i64)
        .bind(segment.at().as_millis())
        .bind(segment.lines().bytes().to_vec())
}

fn bind_run(statement: BulkInsert, (id, cached_run): &RunUpdate<'_>) -> BulkInsert {
    let head = &cached_run.run.head;
    statement
        .bind(cached_run.location)
        .bind(id.as_str().to_owned())
        .bind(phase_value(head.phase))
        .bind(append_rules::is_ended(head))
        .bind(head.status.map(RunStatus::as_str))
        .bind(head.tip as i64)
        .bind(head.bytes as i64)
        .bind(head.created_at.as_millis())
        .bind(head.last_at.as_millis())
        .bind(head.active_at.as_millis())
}

const SET_CONTROL: &str = "UPDATE runs SET control_epoch = ?, control_seq = ?, control_bytes = ?, steered = ?, due = ? \
                           WHERE number = ?";

fn bind_control(statement: BulkInsert, cached_run: &SqliteCachedRun) -> BulkInsert {
    let head = &cached_run.run.head;
    statement
        .bind(head.control.and_then(|control| control.epoch).map(|epoch| epoch.0 as i64))
        .bind(head.control.map(|control| control.seq as i64))
        .bind(head.control_bytes as i64)
        .bind(head.steered)
        .bind(cached_run.run.due.map(Timestamp::as_millis))
        .bind(cached_run.location)
}

fn bind_mark(statement: BulkInsert, ((number, producer), (mark, seq)): &MarkRow<'_>) -> BulkInsert {
    statement.bind(*number).bind(producer.as_str().to_owned()).bind(mark.high as i64).bind(*seq as i64)
}

fn bind_lineage(statement: BulkInsert, (number, epoch, first): &(i64, Epoch, Seq)) -> BulkInsert {
    statement.bind(*number).bind(epoch.0 as i64).bind(*first as i64)
}

/// The statement for the usual group while a run is live: a single append without control events. It goes to SQLite's
/// thread as one message with one answer. Each message saved saves two wake-ups, a tenth of the append's cost.
static ONE_OF_EACH: LazyLock<SqlStr> =
    LazyLock::new(|| in_sequence(&["BEGIN IMMEDIATE", SEGMENTS.one(), RUNS.one(), PRODUCERS.one(), "COMMIT"]));

async fn store_one_of_each(connection: &mut SqliteConnection, statement: BulkInsert) -> Result<(), JournalError> {
    const BEFORE_COMMIT: usize = 4;
    let mut done = 0;
    let mut results = connection.fetch_many(statement);
    loop {
        match results.try_next().await {
            Ok(Some(Either::Left(_))) => done += 1,
            Ok(Some(Either::Right(_))) => {}
            Ok(None) => return Ok(()),
            Err(error) if done == BEFORE_COMMIT => return Err(commit_failed(error)),
            Err(error) => return Err(unavailable(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table whose rows are refused by the commit and not by the insert.
    const DEFERRED: &str = "CREATE TABLE parent (id INTEGER PRIMARY KEY); \
        CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)";

    #[tokio::test]
    async fn only_a_failed_commit_leaves_the_outcome_of_one_of_each_unknown() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        connection.execute(DEFERRED).await.unwrap();
        let at_commit = "BEGIN; INSERT INTO child VALUES (7); SELECT 1; SELECT 1; COMMIT";
        let failed = store_one_of_each(&mut connection, sqlx::query(at_commit)).await;
        assert!(matches!(failed, Err(JournalError::OutcomeUnknown(_))), "{failed:?}");
        connection.execute("ROLLBACK").await.unwrap();

        let before = "BEGIN; INSERT INTO parent VALUES (1); INSERT INTO nowhere VALUES (1); SELECT 1; COMMIT";
        let failed = store_one_of_each(&mut connection, sqlx::query(before)).await;
        assert!(matches!(failed, Err(JournalError::Unavailable(_))), "{failed:?}");
    }
}
