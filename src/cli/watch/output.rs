//! What `runcast watch` writes to stdout.

use std::io::{self, IsTerminal as _, Write};

use super::show::EventPrinter;
use crate::cli::terminal::{plain, plain_json, wants_colours};

/// Most characters of the last line.
const SUMMARY_CHARS: usize = 300;

enum Format {
    /// The events as received; on a terminal with control characters escaped, which is the same JSON value.
    Json {
        terminal: bool,
    },
    Lines(Box<EventPrinter>),
}

/// Writes events, as they are or as lines for people.
pub(super) struct WatchOutput {
    out: io::BufWriter<io::Stdout>,
    format: Format,
}

impl WatchOutput {
    pub(super) fn new(as_json: bool) -> Self {
        let out = io::stdout();
        let format = match as_json {
            true => Format::Json { terminal: out.is_terminal() },
            false => Format::Lines(EventPrinter::new(wants_colours()).into()),
        };
        Self { out: io::BufWriter::new(out), format }
    }

    /// Writes an event.
    pub(super) fn event(&mut self, event: &str) -> io::Result<()> {
        match &mut self.format {
            Format::Json { terminal: false } => writeln!(self.out, "{event}"),
            Format::Json { terminal: true } => writeln!(self.out, "{}", plain_json(event)),
            Format::Lines(show) => writeln!(self.out, "{}", show.line(event)),
        }
    }

    /// Writes how the run ended, for people.
    pub(super) fn summary(&mut self, summary: &str) -> io::Result<()> {
        match &self.format {
            Format::Json { .. } => Ok(()),
            Format::Lines(_) => writeln!(self.out, "{}", plain(summary, SUMMARY_CHARS)),
        }
    }

    /// Whether lines name tests, so that their titles are worth asking for; what takes the titles.
    pub(super) fn printer(&mut self) -> Option<&mut EventPrinter> {
        match &mut self.format {
            Format::Json { .. } => None,
            Format::Lines(show) => Some(show),
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
