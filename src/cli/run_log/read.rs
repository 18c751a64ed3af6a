//! Reads a run's file, within the memory of one segment.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail, ensure};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::lines::{EndLine, FORMAT, FirstLine, OtherLine, SegmentLine};
use crate::artifacts::Digesting;
use crate::protocol::{Epoch, Lines, Pin, Segment, Seq, Timestamp};
use crate::storage::catalog::artifacts::ArtifactRow;
use crate::storage::journal::moving::MovedRun;

/// Most bytes of a line, and of a segment: more than the largest event may have, and a segment of it alone.
const MAX_BYTES: usize = 24 * 1024 * 1024;

/// What stands in a file behind its first line.
pub(super) enum Item {
    Segment(Arc<Segment>),
    Artifact(Box<ArtifactRow>),
    Pin(Pin),
}

/// A file that is being read.
pub(super) struct RunLogReader {
    path: PathBuf,
    file: BufReader<File>,
    /// The run without its events.
    pub(super) moved: MovedRun,
    digest: Digesting,
    line: u64,
    /// The last event that was read.
    tip: Seq,
    segments: u64,
    artifacts: u64,
}

/// Reads a whole file and says what is in it.
///
/// # Errors
/// It is damaged, broken off, or none; the text names the file and the line.
pub(super) fn check(path: &Path) -> anyhow::Result<EndLine> {
    let mut reader = RunLogReader::open(path)?;
    loop {
        if let Next::End(end) = reader.next()? {
            return Ok(end);
        }
    }
}

/// The next item, or the end of a file.
pub(super) enum Next {
    Item(Item),
    End(EndLine),
}

impl RunLogReader {
    /// Opens a file and reads its first line.
    ///
    /// # Errors
    /// It is no run's file, or a newer build wrote it.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            runcast_log: u32,
        }
        let shown = path.display();
        let mut file = BufReader::new(File::open(path).with_context(|| shown.to_string())?);
        let mut line = Vec::new();
        let mut digest = Digesting::default();
        read_line(&mut file, &mut line, &mut digest).with_context(|| shown.to_string())?;
        let no_log = || format!("{shown} is no file of runcast export-log");
        let Version { runcast_log } = serde_json::from_slice(&line).with_context(no_log)?;
        if runcast_log > FORMAT {
            bail!(
                "{shown} has format version {runcast_log}, and the newest that this build of runcast knows is {FORMAT}: \
                 import it with the build that wrote it, or a newer one"
            );
        }
        let first: FirstLine = serde_json::from_slice(&line).with_context(no_log)?;
        let moved = first.run.moved().with_context(|| format!("{shown}: line 1 is no run"))?;
        Ok(Self { path: path.to_owned(), file, moved, digest, line: 1, tip: 0, segments: 0, artifacts: 0 })
    }

    /// Reads on.
    ///
    /// # Errors
    /// The file is damaged or broken off; the text names the line.
    pub(super) fn next(&mut self) -> anyhow::Result<Next> {
        let read = self.read();
        read.with_context(|| format!("{}: line {}", self.path.display(), self.line))
    }

    fn read(&mut self) -> anyhow::Result<Next> {
        let before = self.digest.clone();
        let mut line = Vec::new();
        self.read_line(&mut line)?;
        Ok(match serde_json::from_slice(&line).context("is neither segment, artifact, pin nor end")? {
            OtherLine::Segment(header) => Next::Item(Item::Segment(Arc::new(self.segment(&header)?))),
            OtherLine::Artifact(line) => {
                let row = line.row(&self.moved.run).ok_or_else(|| anyhow!("is no artifact"))?;
                self.artifacts += 1;
                Next::Item(Item::Artifact(Box::new(row)))
            }
            OtherLine::Pin(line) => Next::Item(Item::Pin(line.pin())),
            OtherLine::End(end) => {
                let sha256 = before.sha256().to_string();
                ensure!(sha256 == end.sha256, "the file is damaged: its SHA-256 is {sha256} instead of {}", end.sha256);
                let read = EndLine { segments: self.segments, events: self.tip, artifacts: self.artifacts, sha256 };
                ensure!(read == end && self.tip == self.moved.head.tip, "the file has not what its end says");
                ensure!(self.file.fill_buf()?.is_empty(), "something stands behind the end");
                Next::End(end)
            }
        })
    }

    fn segment(&mut self, header: &SegmentLine) -> anyhow::Result<Segment> {
        let (epoch, first) = (Epoch(header.epoch), header.first);
        ensure!(first == self.tip + 1, "begins at event {first} instead of {}", self.tip + 1);
        ensure!(header.events > 0, "a segment without events");
        let last = self.tip.saturating_add(header.events);
        ensure!(last <= self.moved.head.tip, "the run has {} events", self.moved.head.tip);
        ensure!(self.moved.head.lineage.holds(epoch, last), "epoch {epoch} did not store event {last}");
        let mut body = Vec::new();
        let mut line = Vec::new();
        for _ in 0..header.events {
            self.read_line(&mut line)?;
            let is_event = line.first() == Some(&b'{') && serde_json::from_slice::<IgnoredAny>(&line).is_ok();
            ensure!(is_event, "is no event");
            if !body.is_empty() {
                body.push(b'\n');
            }
            ensure!(body.len() + line.len() <= MAX_BYTES, "the segment is longer than {MAX_BYTES} bytes");
            body.extend_from_slice(&line);
        }
        self.tip = last;
        self.segments += 1;
        let lines = Lines::from_stored(Bytes::from(body));
        let segment = Segment::new(epoch, first, Timestamp::from_millis(header.at), lines);
        Ok(if header.control { segment.with_control() } else { segment })
    }

    fn read_line(&mut self, line: &mut Vec<u8>) -> anyhow::Result<()> {
        self.line += 1;
        read_line(&mut self.file, line, &mut self.digest)
    }
}

/// Reads a line, without its newline.
fn read_line(file: &mut BufReader<File>, line: &mut Vec<u8>, digest: &mut Digesting) -> anyhow::Result<()> {
    line.clear();
    file.take(MAX_BYTES as u64 + 1).read_until(b'\n', line)?;
    digest.take(line);
    ensure!(line.pop() == Some(b'\n'), "the file is broken off, or the line is longer than {MAX_BYTES} bytes");
    Ok(())
}
