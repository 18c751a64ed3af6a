//! Reading and writing whole runs, for moving them.
//!
//! [`SqliteLog`] reads the file of a node that may be running. [`SqliteImport`] writes, and is an instance of the store
//! like any other: the caller makes sure that no other process has the database open (`DataDir`).

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{Executor as _, Row as _};

use super::group::key_floor;
use super::rows::{self, heads, phase_value, state_value};
use super::{SqliteOptions, SyncMode, connection, format, instance, listing, stored_format, unavailable};
use crate::protocol::status::RunStatus;
use crate::protocol::{Epoch, RunId, Segment, Seq, Timestamp};
use crate::storage::format::{OpenError, SQLITE_JOURNAL};
use crate::storage::journal::append_rules::{self, Epochs};
use crate::storage::journal::moving::{LogSource, LogTarget, MovedRun, epoch_after, moved_head};
use crate::storage::journal::{JournalError, JournalLimits, RunPage, RunPosition};

/// The segments of a run that end after a seq, and whether they hold control events.
const SEGMENTS: &str = "WITH location (base) AS (SELECT number << 32 FROM runs WHERE run = ?1 AND phase < 2) \
    SELECT first, epoch, at, body, EXISTS (SELECT 1 FROM control_segments c WHERE c.key = segments.key) FROM segments \
    WHERE key > (SELECT base FROM location) + ?2 AND key < (SELECT base FROM location) + (1 << 32) \
    ORDER BY key";

/// A run with its deadline, and its producers' marks.
const RUN: &str = heads!(
    ", r.due, (SELECT json_group_array(json_array(producer, high, state, last_seq) ORDER BY last_seq) FROM producers \
     WHERE run = r.number)",
    "WHERE r.run = ?"
);

/// The journal's file, only to be read.
#[derive(Debug)]
pub struct SqliteLog {
    readers: SqlitePool,
}

impl SqliteLog {
    /// Opens a file.
    ///
    /// # Errors
    /// [`OpenError::NewerFormat`]; [`OpenError::Failed`]: there is no such file, or it has an older format, which a
    /// node of this build takes over at its start.
    pub async fn open(path: &Path) -> Result<Self, OpenError<JournalError>> {
        let options = options(path);
        match stored_format(path).await? {
            None => Err(JournalError::Unavailable(format!("there is no journal at {}", path.display())).into()),
            Some(SQLITE_JOURNAL) => Ok(Self { readers: connection::readers(&options) }),
            Some(older) => Err(JournalError::Unavailable(format!(
                "the journal {} has format version {older}: start this build of runcast on it once, which makes it \
                 version {SQLITE_JOURNAL}",
                path.display()
            ))
            .into()),
        }
    }
}

/// How a file is opened to be moved from or to. Moved runs are not bounded: they were where they come from.
fn options(path: &Path) -> SqliteOptions {
    let limits = JournalLimits { max_run_bytes: super::MAX_RUN_BYTES, tombstone: Default::default() };
    SqliteOptions { sync: SyncMode::Full, ..SqliteOptions::new(path, limits) }
}

#[async_trait]
impl LogSource for SqliteLog {
    async fn moved_run(&self, run: &RunId) -> Result<Option<MovedRun>, JournalError> {
        let found = sqlx::query(RUN).bind(run.as_str()).fetch_optional(&self.readers).await.map_err(unavailable)?;
        found.map(|row| rows::moved(&row)).transpose().map_err(unavailable)
    }

    async fn segments(&self, run: &RunId, after: Seq, max_bytes: usize) -> Result<Vec<Arc<Segment>>, JournalError> {
        let after = i64::from(u32::try_from(after).unwrap_or(u32::MAX));
        let mut found = sqlx::query(SEGMENTS).bind(run.as_str()).bind(after).fetch(&self.readers);
        let (mut segments, mut bytes) = (Vec::new(), 0);
        while bytes < max_bytes
            && let Some(row) = found.try_next().await.map_err(unavailable)?
        {
            let segment = rows::segment(&row).map_err(unavailable)?;
            bytes += segment.lines().bytes().len();
            let is_control: bool = row.try_get(4).map_err(unavailable)?;
            segments.push(Arc::new(if is_control { segment.with_control() } else { segment }));
        }
        Ok(segments)
    }

    async fn runs(&self, since: Timestamp, after: Option<&RunPosition>, limit: usize) -> Result<RunPage, JournalError> {
        // No epoch is pending: a head is shown as it is stored.
        listing::CHANGED.page(&self.readers, Epoch(0), since, after, limit).await
    }
}

/// The journal's file, to move runs to.
#[derive(Debug)]
pub struct SqliteImport {
    log: SqliteLog,
    connection: SqliteConnection,
    epochs: Epochs,
    /// The number of the run that was begun.
    begun: Option<i64>,
}

impl SqliteImport {
    /// Opens a file as a node does, making it if it is missing.
    ///
    /// # Errors
    /// As [`super::SqliteJournal::open`].
    pub async fn open(path: &Path) -> Result<Self, OpenError<JournalError>> {
        stored_format(path).await?;
        let options = options(path);
        let mut connection = connection::writer(&options, SyncMode::Full).await.map_err(unavailable)?;
        connection::migrate(&mut connection).await?;
        format::take_over(&mut connection, path).await?;
        let epochs = instance::begin(&mut connection, &options).await?;
        let log = SqliteLog { readers: connection::readers(&options) };
        Ok(Self { log, connection, epochs, begun: None })
    }

    async fn write_run(&mut self, number: i64, moved: &MovedRun) -> Result<Epoch, sqlx::Error> {
        let next = epoch_after(&moved.head, self.epochs, Timestamp::now());
        let head = moved_head(&moved.head, next);
        let connection = &mut self.connection;
        let sql = "INSERT INTO runs (number, run, phase, ended, status, tip, bytes, created_at, last_at, active_at, \
                   control_epoch, control_seq, control_bytes, steered, due) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
        let insert = sqlx::query(sql)
            .bind(number)
            .bind(moved.run.as_str())
            .bind(phase_value(head.phase))
            .bind(append_rules::is_ended(&head))
            .bind(head.status.map(RunStatus::as_str))
            .bind(head.tip as i64)
            .bind(head.bytes as i64)
            .bind(head.created_at.as_millis())
            .bind(head.last_at.as_millis())
            .bind(head.active_at.as_millis())
            .bind(head.control.and_then(|control| control.epoch).map(|epoch| epoch.0 as i64))
            .bind(head.control.map(|control| control.seq as i64))
            .bind(head.control_bytes as i64)
            .bind(head.steered)
            .bind(moved.due.map(Timestamp::as_millis));
        insert.execute(&mut *connection).await?;
        for (epoch, first) in head.lineage.entries() {
            let insert = sqlx::query("INSERT INTO lineage (run, epoch, first) VALUES (?,?,?)");
            insert.bind(number).bind(epoch.0 as i64).bind(*first as i64).execute(&mut *connection).await?;
        }
        for moved in &moved.marks {
            let sql = "INSERT INTO producers (run, producer, high, last_seq, state) VALUES (?,?,?,?,?)";
            let insert = sqlx::query(sql).bind(number).bind(moved.producer.as_str().to_owned());
            let insert = insert.bind(moved.mark.high as i64).bind(moved.used_at as i64).bind(state_value(&moved.mark));
            insert.execute(&mut *connection).await?;
        }
        instance::put_meta(connection, "births", &next.to_string()).await?;
        Ok(next)
    }
}

#[async_trait]
impl LogSource for SqliteImport {
    async fn moved_run(&self, run: &RunId) -> Result<Option<MovedRun>, JournalError> {
        self.log.moved_run(run).await
    }

    async fn segments(&self, run: &RunId, after: Seq, max_bytes: usize) -> Result<Vec<Arc<Segment>>, JournalError> {
        self.log.segments(run, after, max_bytes).await
    }

    async fn runs(&self, since: Timestamp, after: Option<&RunPosition>, limit: usize) -> Result<RunPage, JournalError> {
        self.log.runs(since, after, limit).await
    }
}

#[async_trait]
impl LogTarget for SqliteImport {
    async fn begin(&mut self, _run: &RunId) -> Result<(), JournalError> {
        self.connection.execute("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        let number = sqlx::query_scalar("SELECT coalesce(max(number), 0) + 1 FROM runs");
        self.begun = Some(number.fetch_one(&mut self.connection).await.map_err(unavailable)?);
        Ok(())
    }

    async fn add(&mut self, segments: &[Arc<Segment>]) -> Result<(), JournalError> {
        let number = self.begun.ok_or_else(not_begun)?;
        for segment in segments {
            let key = key_floor(number) + segment.last() as i64;
            let insert = sqlx::query("INSERT INTO segments (key, first, epoch, at, body) VALUES (?,?,?,?,?)");
            let insert = insert.bind(key).bind(segment.first() as i64).bind(segment.epoch().0 as i64);
            let insert = insert.bind(segment.at().as_millis()).bind(&segment.lines().bytes()[..]);
            insert.execute(&mut self.connection).await.map_err(unavailable)?;
            if segment.is_control() {
                let insert = sqlx::query("INSERT INTO control_segments (key) VALUES (?)").bind(key);
                insert.execute(&mut self.connection).await.map_err(unavailable)?;
            }
        }
        Ok(())
    }

    async fn finish(&mut self, moved: &MovedRun) -> Result<(), JournalError> {
        let number = self.begun.ok_or_else(not_begun)?;
        let next = self.write_run(number, moved).await.map_err(unavailable)?;
        self.connection.execute("COMMIT").await.map_err(unavailable)?;
        self.epochs.births = next;
        self.begun = None;
        Ok(())
    }

    async fn give_up(&mut self) {
        if self.begun.take().is_some() {
            // If it fails, nothing is committed either.
            let _ = self.connection.execute("ROLLBACK").await;
        }
    }

    async fn close(&mut self) {
        self.give_up().await;
        self.log.readers.close().await;
        // Without its mark the next instance only checks more than it has to.
        let _ = instance::end(&mut self.connection).await;
    }
}

fn not_begun() -> JournalError {
    JournalError::Unavailable("no run was begun".into())
}
