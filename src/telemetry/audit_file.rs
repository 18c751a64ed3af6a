//! The file of the audit log. It is opened for each line: whoever moves it away finds the next line in a new one.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use tracing_subscriber::fmt::MakeWriter;

/// A file to whose end lines are added.
#[derive(Clone, Debug)]
pub(super) struct AuditFile(PathBuf);

impl AuditFile {
    /// A file that can be written; it is made if it is not there, readable by its owner alone.
    ///
    /// # Errors
    /// It can't be opened.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = Self(path.to_owned());
        file.append().map(|_| file)
    }

    fn append(&self) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).mode(0o600).open(&self.0)
    }
}

/// Writes a line; one that can't be written is counted.
#[derive(Debug)]
pub(super) struct AuditLine<'a>(&'a AuditFile);

impl Write for AuditLine<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // The log can't be told of it from within itself.
        self.0.append().and_then(|mut file| file.write_all(line)).inspect_err(|_| {
            metrics::counter!("runcast_audit_lost_total").increment(1);
        })?;
        Ok(line.len())
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
