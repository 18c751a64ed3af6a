//! The file of the audit log. It is opened for each line: whoever moves it away finds the next line in a new one.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

/// A file to whose end lines are added, one after the other.
#[derive(Debug)]
pub(super) struct AuditFile(Mutex<PathBuf>);

impl AuditFile {
    /// A file that can be written; it is made if it is not there, readable by its owner alone.
    ///
    /// # Errors
    /// It can't be opened.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        open_to_append(path)?;
        Ok(Self(Mutex::new(path.to_owned())))
    }

    /// Adds a line, whole or not at all.
    fn add(&self, line: &[u8]) -> io::Result<()> {
        let path = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = open_to_append(&path)?;
        let before = file.metadata()?.len();
        file.write_all(line).or_else(|error| {
            // A full disk takes a part of it.
            file.set_len(before)?;
            Err(error)
        })
    }
}

fn open_to_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Writes a line; one that can't be written is counted.
#[derive(Debug)]
pub(super) struct AuditLine<'a>(&'a AuditFile);

impl Write for AuditLine<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // The log can't be told of it from within itself.
        let added = self.0.add(line).map(|()| line.len());
        added.inspect_err(|_| metrics::counter!("runcast_audit_lost_total").increment(1))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for AuditFile {
    type Writer = AuditLine<'a>;

    fn make_writer(&'a self) -> AuditLine<'a> {
        AuditLine(self)
    }
}
