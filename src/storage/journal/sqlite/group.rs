//! A group commit: what the appends of many runs came to, written in a few statements.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;

use super::residents::Residents;
use super::rows::{LINEAGE, PRODUCERS, RUNS, SEGMENTS, phase_value};
use crate::protocol::state::RunStatus;
use crate::protocol::{Epoch, ProducerId, RunId, Segment, Seq};
use crate::storage::journal::rules::{self, Decision};

/// Rows to write in one transaction.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Runs whose rows changed.
    runs: HashSet<RunId>,
    segments: Vec<(i64, Arc<Segment>)>,
    /// Marks by run and producer: the highest number, and the run's tip when it rose.
    marks: HashMap<(i64, ProducerId), (u64, Seq)>,
    dropped: Vec<(i64, ProducerId)>,
    lineage: Vec<(i64, Epoch, Seq)>,
}

/// The key before the first that a segment of the run can have.
pub(super) fn key_floor(number: i64) -> i64 {
    number << 32
}

impl Group {
    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Adds what a decision wants stored.
    pub(super) fn add(&mut self, run: &RunId, number: i64, decision: &Decision) {
        let tip = decision.stored.head.tip;
        self.runs.insert(run.clone());
        self.segments.extend(decision.stored.segments.iter().map(|segment| (number, segment.clone())));
        self.lineage.extend(decision.opened.map(|(epoch, first)| (number, epoch, first)));
        for (producer, high) in &decision.raised {
            self.marks.insert((number, producer.clone()), (*high, tip));
        }
        for producer in &decision.dropped {
            self.marks.remove(&(number, producer.clone()));
            self.dropped.push((number, producer.clone()));
        }
    }

    /// Writes all rows; `residents` holds the runs as they are after the group.
    pub(super) async fn write(
        &mut self,
        connection: &mut SqliteConnection,
        residents: &Residents,
    ) -> Result<(), sqlx::Error> {
        self.segments.sort_unstable_by_key(|(number, segment)| (*number, segment.first()));
        let bind_segment = |statement: super::rows::Statement, (number, segment): &(i64, Arc<Segment>)| {
            statement
                .bind(key_floor(*number) + segment.last() as i64)
                .bind(segment.first() as i64)
                .bind(segment.epoch().0 as i64)
                .bind(segment.at().as_millis())
                .bind(segment.lines().bytes().to_vec())
        };
        SEGMENTS.write(connection, &self.segments, bind_segment).await?;

        let runs: Vec<_> = self.runs.iter().filter_map(|id| Some((id, residents.peek(id)?))).collect();
        RUNS.write(connection, &runs, |statement, (id, resident)| {
            let head = &resident.run.head;
            statement
                .bind(resident.number)
                .bind(id.as_str().to_owned())
                .bind(phase_value(head.phase))
                .bind(rules::is_ended(head))
                .bind(head.status.map(RunStatus::as_str))
                .bind(head.tip as i64)
                .bind(head.bytes as i64)
                .bind(head.created_at.as_millis())
                .bind(head.last_at.as_millis())
        })
        .await?;

        let marks: Vec<_> = self.marks.iter().collect();
        PRODUCERS
            .write(connection, &marks, |statement, ((number, producer), (high, seq))| {
                statement.bind(*number).bind(producer.as_str().to_owned()).bind(*high as i64).bind(*seq as i64)
            })
            .await?;
        for (number, producer) in &self.dropped {
            if !self.marks.contains_key(&(*number, producer.clone())) {
                let delete = sqlx::query("DELETE FROM producers WHERE run = ? AND producer = ?");
                delete.bind(number).bind(producer.as_str()).execute(&mut *connection).await?;
            }
        }
        let bind_lineage = |statement: super::rows::Statement, (number, epoch, first): &(i64, Epoch, Seq)| {
            statement.bind(*number).bind(epoch.0 as i64).bind(*first as i64)
        };
        LINEAGE.write(connection, &self.lineage, bind_lineage).await
    }
}
