//! Rows: reads heads and segments, and writes many rows with few statements.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _, SqlSafeStr as _, SqlStr};

use crate::protocol::status::RunStatus;
use crate::protocol::{Cursor, Epoch, Lineage, Lines, ProducerId, RunId, Segment, Seq, Timestamp};
use crate::storage::journal::append_rules::{self, Epochs, Mark, ProducerMarks, RunRecord};
use crate::storage::journal::moving::{MovedMark, MovedRun};
use crate::storage::journal::{Head, RunHead, RunPhase, RunPosition};

/// A statement for a run's row and lineage. The caller appends a `WHERE` on `r`.
macro_rules! heads {
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT r.number, r.run, r.phase, r.status, r.tip, r.bytes, r.created_at, r.last_at, ",
            "(SELECT json_group_array(json_array(epoch, first) ORDER BY epoch) FROM lineage WHERE run = r.number), ",
            "r.active_at, r.control_epoch, r.control_seq, r.control_bytes, r.steered",
            $more,
            " FROM runs r ",
            $rest
        )
    };
}
pub(super) use heads;

/// The time by which a listing is ordered: a column of [`heads!`].
#[derive(Clone, Copy, Debug)]
pub(super) enum ListedBy {
    /// [`Head::last_at`].
    LastAt,
    /// [`Head::active_at`].
    ActiveAt,
}

impl ListedBy {
    fn column(self) -> usize {
        match self {
            Self::LastAt => 7,
            Self::ActiveAt => 9,
        }
    }
}

/// The values of `runs.phase`.
pub(super) mod phase {
    pub(in super::super) const LIVE: i64 = 0;
    pub(in super::super) const SEALED: i64 = 1;
    pub(in super::super) const EXPIRING: i64 = 2;
    pub(in super::super) const GONE: i64 = 3;
}

/// The stored value of a run's phase.
pub(super) fn phase_value(phase: RunPhase) -> i64 {
    match phase {
        RunPhase::Live => phase::LIVE,
        RunPhase::Sealed => phase::SEALED,
        RunPhase::Gone => phase::GONE,
    }
}

/// Reads a row of [`heads!`], without the pending epoch.
fn stored_head(row: &SqliteRow) -> Result<(RunId, Head), sqlx::Error> {
    let run = RunId::parse(row.try_get(1)?).map_err(malformed)?;
    let lineage: Vec<(u64, Seq)> = serde_json::from_str(row.try_get(8)?).map_err(malformed)?;
    let phase: i64 = row.try_get(2)?;
    let control = match (row.try_get::<Option<i64>, _>(10)?, row.try_get::<Option<i64>, _>(11)?) {
        (Some(epoch), Some(seq)) => Some(Cursor { epoch: Some(Epoch(epoch as u64)), seq: seq as u64 }),
        _ => None,
    };
    let head = Head {
        lineage: Lineage::new(lineage.into_iter().map(|(epoch, first)| (Epoch(epoch), first)).collect()),
        tip: row.try_get::<i64, _>(4)? as u64,
        first: 1,
        phase: if phase == phase::SEALED { RunPhase::Sealed } else { RunPhase::Live },
        status: row.try_get::<Option<&str>, _>(3)?.and_then(RunStatus::parse),
        bytes: row.try_get::<i64, _>(5)? as u64,
        created_at: Timestamp::from_millis(row.try_get(6)?),
        last_at: Timestamp::from_millis(row.try_get(7)?),
        active_at: Timestamp::from_millis(row.try_get(9)?),
        control,
        control_bytes: row.try_get::<i64, _>(12)? as u64,
        steered: row.try_get(13)?,
        incarnation: None,
    };
    Ok((run, if phase >= phase::EXPIRING { append_rules::gone(&head) } else { head }))
}

fn malformed(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}

/// Reads a row of [`heads!`] as readers see it, with the pending epoch.
pub(super) fn head(row: &SqliteRow, incarnation: Epoch) -> Result<RunHead, sqlx::Error> {
    let (run, mut head) = stored_head(row)?;
    append_rules::open_pending(&mut head, incarnation);
    Ok(RunHead { run, head })
}

/// The run's name in a row of [`heads!`], for messages.
pub(super) fn name(row: &SqliteRow) -> String {
    row.try_get_unchecked::<Vec<u8>, _>(1).map_or_else(|_| String::new(), |name| name.escape_ascii().to_string())
}

/// The position of a row of [`heads!`] in its listing, if its name is a valid run id.
pub(super) fn position(row: &SqliteRow, by: ListedBy) -> Option<RunPosition> {
    let (at, run) = raw_position(row, by).ok()?;
    Some(RunPosition { at: Timestamp::from_millis(at), run: RunId::parse(&run).ok()? })
}

/// The position of a row of [`heads!`] in its listing, whatever its name is.
pub(super) fn raw_position(row: &SqliteRow, by: ListedBy) -> Result<(i64, String), sqlx::Error> {
    Ok((row.try_get(by.column())?, row.try_get(1)?))
}

/// Reads a row of [`heads!`] that has two more columns, the run's earliest deadline and its producers' marks: the run's
/// record for the writer, and its number.
pub(super) fn run(row: &SqliteRow, epochs: Epochs) -> Result<(RunId, i64, RunRecord), sqlx::Error> {
    let (id, head) = stored_head(row)?;
    let stored: Vec<(String, u64, Option<String>)> = serde_json::from_str(row.try_get(15)?).map_err(malformed)?;
    let mut marks = Vec::with_capacity(stored.len());
    for (producer, high, state) in stored {
        let state = state.map(|state| serde_json::from_str(&state)).transpose().map_err(malformed)?;
        marks.push((ProducerId::from_stored(&producer), Mark { high, state }));
    }
    let mut run = RunRecord::load(head, ProducerMarks::new(marks), epochs);
    run.due = row.try_get::<Option<i64>, _>(14)?.map(Timestamp::from_millis);
    Ok((id, row.try_get(0)?, run))
}

/// Reads a row of [`heads!`] with the run's earliest deadline and its producers' marks, each with the tip when it was
/// stored: the run as it is moved.
pub(super) fn moved(row: &SqliteRow) -> Result<MovedRun, sqlx::Error> {
    let (run, head) = stored_head(row)?;
    let stored: Vec<(String, u64, Option<String>, Seq)> = serde_json::from_str(row.try_get(15)?).map_err(malformed)?;
    let mut marks = Vec::with_capacity(stored.len());
    for (producer, high, state, used_at) in stored {
        let state = state.map(|state| serde_json::from_str(&state)).transpose().map_err(malformed)?;
        marks.push(MovedMark { producer: ProducerId::from_stored(&producer), mark: Mark { high, state }, used_at });
    }
    let due = row.try_get::<Option<i64>, _>(14)?.map(Timestamp::from_millis);
    Ok(MovedRun { run, head, marks, due })
}

/// The stored form of how a producer stands in its run.
pub(super) fn state_value(mark: &Mark) -> Option<String> {
    // Names and numbers always serialise.
    mark.state.as_ref().map(|state| serde_json::to_string(state).unwrap_or_default())
}

/// Reads a row of `first, epoch, at, body`.
pub(super) fn segment(row: &SqliteRow) -> Result<Segment, sqlx::Error> {
    let epoch = Epoch(row.try_get::<i64, _>(1)? as u64);
    let lines = Lines::from_stored(Bytes::from(row.try_get::<Vec<u8>, _>(3)?));
    Ok(Segment::new(epoch, row.try_get::<i64, _>(0)? as u64, Timestamp::from_millis(row.try_get(2)?), lines))
}

/// A statement whose values are being bound.
pub(super) type BulkInsert = Query<'static, Sqlite, SqliteArguments>;

/// A statement that writes rows, prepared for 1, 2, 4 ... 128 of them. N rows take at most as many statements as N has
/// bits, and each form stays in the connection's statement cache.
pub(super) struct RowWriter {
    forms: Vec<SqlStr>,
}

impl RowWriter {
    const FORMS: usize = 8;

    /// `head` ends with `VALUES`, `row` is one row's placeholders, `tail` follows the last row.
    pub(super) fn new(head: &str, row: &str, tail: &str) -> Self {
        let form = |power: usize| constant(format!("{head} {} {tail}", vec![row; 1 << power].join(",")));
        Self { forms: (0..Self::FORMS).map(form).collect() }
    }

    /// The statement for one row.
    pub(super) fn one(&self) -> &str {
        self.forms[0].as_str()
    }

    /// Writes all rows, in order; `bind` binds one.
    pub(super) async fn write<T>(
        &self,
        connection: &mut SqliteConnection,
        mut rows: &[T],
        bind: impl Fn(BulkInsert, &T) -> BulkInsert,
    ) -> Result<(), sqlx::Error> {
        while !rows.is_empty() {
            let power = (rows.len().ilog2() as usize).min(Self::FORMS - 1);
            let (now, later) = rows.split_at(1 << power);
            let statement = sqlx::query(self.forms[power].clone());
            now.iter().fold(statement, &bind).execute(&mut *connection).await?;
            rows = later;
        }
        Ok(())
    }
}

/// Joins statements into one text that runs them one after the other.
pub(super) fn in_sequence(statements: &[&str]) -> SqlStr {
    constant(statements.join("; "))
}

/// SQL that consists of this module's own constants only.
fn constant(sql: String) -> SqlStr {
    AssertSqlSafe(Arc::<str>::from(sql)).into_sql_str()
}

/// Writes rows of `segments`.
pub(super) static SEGMENTS: LazyLock<RowWriter> =
    LazyLock::new(|| RowWriter::new("INSERT INTO segments (key, first, epoch, at, body) VALUES", "(?,?,?,?,?)", ""));

/// Writes rows of `control_segments`.
pub(super) static CONTROL_SEGMENTS: LazyLock<RowWriter> =
    LazyLock::new(|| RowWriter::new("INSERT INTO control_segments (key) VALUES", "(?)", ""));

/// Inserts or updates rows of `runs`.
pub(super) static RUNS: LazyLock<RowWriter> = LazyLock::new(|| {
    RowWriter::new(
        "INSERT INTO runs (number, run, phase, ended, status, tip, bytes, created_at, last_at, active_at) \
         VALUES",
        "(?,?,?,?,?,?,?,?,?,?)",
        "ON CONFLICT (number) DO UPDATE SET phase = excluded.phase, ended = excluded.ended, status = excluded.status, \
         tip = excluded.tip, bytes = excluded.bytes, last_at = excluded.last_at, active_at = excluded.active_at",
    )
});

/// Inserts or raises rows of `producers`.
pub(super) static PRODUCERS: LazyLock<RowWriter> = LazyLock::new(|| {
    RowWriter::new(
        "INSERT INTO producers (run, producer, high, last_seq) VALUES",
        "(?,?,?,?)",
        "ON CONFLICT (run, producer) DO UPDATE SET high = excluded.high, last_seq = excluded.last_seq",
    )
});

/// Writes rows of `lineage`. A run that was moved here has the row of the epoch that its next append opens.
pub(super) static LINEAGE: LazyLock<RowWriter> = LazyLock::new(|| {
    RowWriter::new("INSERT INTO lineage (run, epoch, first) VALUES", "(?,?,?)", "ON CONFLICT DO NOTHING")
});
