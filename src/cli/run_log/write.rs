//! Writes a run's file: whole under its name, or not at all.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde::Serialize;
use tempfile::NamedTempFile;

use super::lines::{ArtifactLine, EndLine, FORMAT, FirstLine, OtherLine, PinLine, RunLine, SegmentLine};
use crate::artifacts::Digesting;
use crate::protocol::{Pin, Segment, Timestamp};
use crate::storage::catalog::artifacts::ArtifactRow;
use crate::storage::journal::moving::MovedRun;

/// A file that is being written.
pub(super) struct RunLogWriter {
    file: BufWriter<NamedTempFile>,
    digest: Digesting,
    segments: u64,
    events: u64,
    artifacts: u64,
}

impl RunLogWriter {
    /// Begins the file of a run, in the directory of `path`.
    ///
    /// # Errors
    /// There is a file at `path`; the directory can't be written to.
    pub(super) fn begin(path: &Path, moved: &MovedRun) -> anyhow::Result<Self> {
        if path.exists() {
            bail!("{} exists already", path.display());
        }
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::Builder::new().prefix(".runcast-log-").tempfile_in(directory);
        let file = BufWriter::new(file.with_context(|| directory.display().to_string())?);
        let mut writer = Self { file, digest: Digesting::default(), segments: 0, events: 0, artifacts: 0 };
        writer.line(&FirstLine {
            runcast_log: FORMAT,
            version: env!("CARGO_PKG_VERSION").into(),
            exported_at: Timestamp::now().as_millis(),
            run: RunLine::of(moved),
        })?;
        Ok(writer)
    }

    /// Writes the next segment.
    ///
    /// # Errors
    /// It does not follow the one before it; the disk fails.
    pub(super) fn segment(&mut self, segment: &Segment) -> anyhow::Result<()> {
        let (first, next) = (segment.first(), self.events + 1);
        ensure!(
            first == next,
            "the log goes on with event {first} instead of {next}: events are expiring, or the store has lost them"
        );
        let events = segment.lines().len() as u64;
        self.line(&OtherLine::Segment(SegmentLine {
            epoch: segment.epoch().0,
            first,
            events,
            at: segment.at().as_millis(),
            control: segment.is_control(),
        }))?;
        self.put(segment.lines().bytes())?;
        self.put(b"\n")?;
        self.segments += 1;
        self.events += events;
        Ok(())
    }

    /// Writes an artifact, unless it is not ready.
    pub(super) fn artifact(&mut self, row: &ArtifactRow) -> io::Result<()> {
        let Some(line) = ArtifactLine::of(row) else { return Ok(()) };
        self.artifacts += 1;
        self.line(&OtherLine::Artifact(Box::new(line)))
    }

    /// Writes the pin on the run.
    pub(super) fn pin(&mut self, pin: &Pin) -> io::Result<()> {
        self.line(&OtherLine::Pin(PinLine::of(pin)))
    }

    /// Ends the file and gives it its name; what is in it.
    ///
    /// # Errors
    /// There is a file at `path` by now; the disk fails.
    pub(super) fn finish(mut self, path: &Path) -> anyhow::Result<EndLine> {
        let sha256 = self.digest.clone().sha256().to_string();
        let end = EndLine { segments: self.segments, events: self.events, artifacts: self.artifacts, sha256 };
        self.line(&OtherLine::End(end.clone()))?;
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|error| error.error).with_context(|| path.display().to_string())?;
        Ok(end)
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.put(&text)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.take(bytes);
        self.file.write_all(bytes)
    }
}
