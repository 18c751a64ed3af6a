//! How a room answers reads: what `actors::room::reading` does.

use std::sync::Arc;

use runcast::actors::messages::room::{Read, ReadError};
use runcast::actors::room::log::ReadOutcome;
use runcast::protocol::{Epoch, Segment, Seq};
use runcast::storage::journal::{Head, JournalError};

use crate::room::Room;
use crate::site::{Ask, Site};
use crate::trace::seen;

/// Reads that wait, and what is being asked for them.
#[derive(Default)]
pub(crate) struct Reading {
    /// With whether the journal has told the head since they came.
    waiting: Vec<(Read, bool)>,
    doubtful: Vec<Read>,
    /// For the log to come as far as the journal told.
    behind: Vec<(Read, (Option<Epoch>, Seq))>,
    consulting: bool,
    fetching: bool,
}

impl Reading {
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.doubtful.is_empty() && self.behind.is_empty() && !self.consulting
    }

    pub(crate) fn fail_waiting(&mut self, error: &JournalError) {
        self.waiting.drain(..).for_each(|(read, _)| unavailable(read, error));
        self.behind.drain(..).for_each(|(read, _)| unavailable(read, error));
    }
}

impl Room {
    pub(crate) fn take_read(&mut self, read: Read, site: &mut Site) {
        self.reading.waiting.push((read, false));
        self.serve_reads(site);
    }

    pub(crate) fn serve_reads(&mut self, site: &mut Site) {
        if self.reading.fetching || self.log.head().is_none() {
            return;
        }
        self.let_on();
        let current = self.is_current(site);
        for (read, vouched) in std::mem::take(&mut self.reading.waiting) {
            if self.reading.fetching {
                self.reading.waiting.push((read, vouched));
            } else if current || vouched {
                self.serve_read(read, vouched, site);
            } else {
                seen("read in doubt");
                self.reading.doubtful.push(read);
            }
        }
        self.consult(site);
    }

    fn let_on(&mut self) {
        let (age, comes) = (self.log.age(), self.log.hole().is_some());
        for (read, told) in std::mem::take(&mut self.reading.behind) {
            if told <= age {
                self.reading.waiting.push((read, true));
            } else if comes {
                seen("read behind a hole");
                self.reading.behind.push((read, told));
            } else {
                seen("read in doubt again");
                self.reading.doubtful.push(read);
            }
        }
    }

    fn serve_read(&mut self, read: Read, vouched: bool, site: &mut Site) {
        if read.reply.is_closed() {
            return;
        }
        match self.log.read(read.from, read.max_bytes, vouched) {
            ReadOutcome::Page(page) => drop(read.reply.send(Ok(page))),
            ReadOutcome::Unknown => self.reading.waiting.push((read, false)),
            ReadOutcome::Beyond => {
                seen("claim beyond the tip");
                self.reading.doubtful.push(read);
            }
            ReadOutcome::Missing(next) => {
                self.reading.waiting.push((read, vouched));
                self.fetch(next, site);
            }
        }
    }

    fn fetch(&mut self, next: Seq, site: &mut Site) {
        self.reading.fetching = true;
        site.reads.push((self.generation, Ask::Fetch(next)));
    }

    pub(crate) fn fetched(&mut self, read: Result<Vec<Arc<Segment>>, JournalError>, site: &mut Site) {
        self.reading.fetching = false;
        match read {
            Ok(segments) if segments.is_empty() => return self.learn_anew(site),
            Ok(segments) => {
                if !self.log.keep_page(segments) {
                    seen("page of another incarnation");
                    return self.look_again(site);
                }
            }
            Err(error) => self.reading.fail_waiting(&error),
        }
        self.serve_reads(site);
    }

    pub(crate) fn learn_anew(&mut self, site: &mut Site) {
        seen("head learned anew");
        self.reading.fail_waiting(&JournalError::Unavailable("the run's events are expiring".into()));
        self.log.forget();
        site.writes.push_back((self.generation, Ask::Load));
    }

    fn consult(&mut self, site: &mut Site) {
        if self.reading.consulting || self.reading.doubtful.is_empty() {
            return;
        }
        self.reading.consulting = true;
        let reads = std::mem::take(&mut self.reading.doubtful);
        site.writes.push_back((self.generation, Ask::Consult(reads)));
    }

    pub(crate) fn consulted(&mut self, head: Result<Head, JournalError>, reads: Vec<Read>, site: &mut Site) {
        self.reading.consulting = false;
        match head {
            Ok(head) => {
                let told = head.age();
                if self.following.listening {
                    self.advance(Vec::new(), head, site)
                } else {
                    self.jump(head, site)
                }
                self.reading.behind.extend(reads.into_iter().map(|read| (read, told)));
            }
            Err(error) => reads.into_iter().for_each(|read| unavailable(read, &error)),
        }
        self.serve_reads(site);
    }
}

fn unavailable(read: Read, error: &JournalError) {
    let _ = read.reply.send(Err(ReadError::Unavailable(error.to_string())));
}
