//! How a room answers reads: from what it holds, else by one question to the journal at a time that serves everybody who
//! waits.

use actix::fut::wrap_future;
use actix::prelude::*;
use tracing::warn;

use super::Room;
use super::log::ReadOutcome;
use crate::actors::messages::room::{Fold, Freshness, Read, ReadError};
use crate::protocol::{Epoch, Seq};
use crate::storage::journal::{JournalError, RunPhase};

/// Reads that wait, and what is being asked for them.
#[derive(Default)]
pub(super) struct PendingReads {
    /// For the head, or for the page that is being fetched; with whether the journal has told the head since they came.
    waiting: Vec<(Read, bool)>,
    /// For the journal's word: they claim what is not known here, or what is known may be old.
    doubtful: Vec<Question>,
    /// For the log to come as far as the journal told: see [`Head::age`](crate::storage::journal::Head::age).
    behind: Vec<(Question, (Option<Epoch>, Seq))>,
    consulting: bool,
    fetching: bool,
}

/// What the journal's word is needed for.
enum Question {
    Read(Read),
    Fold(Fold),
}

impl Question {
    fn fail(self, error: &JournalError) {
        match self {
            Self::Read(read) => unavailable(read, error),
            Self::Fold(Fold { reply }) => drop(reply.send(Err(ReadError::Unavailable(error.to_string())))),
        }
    }
}

impl PendingReads {
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.doubtful.is_empty() && self.behind.is_empty() && !self.consulting
    }

    fn fail_waiting(&mut self, error: &JournalError) {
        self.waiting.drain(..).for_each(|(read, _)| unavailable(read, error));
        self.behind.drain(..).for_each(|(question, _)| question.fail(error));
    }
}

impl Room {
    pub(super) fn take_read(&mut self, read: Read, ctx: &mut Context<Self>) {
        self.reading.waiting.push((read, false));
        self.serve_reads(ctx);
    }

    /// Brings the state up to what the journal has now.
    pub(super) fn take_fold(&mut self, fold: Fold, ctx: &mut Context<Self>) {
        if self.is_alone() {
            self.folding.ask(fold);
            return self.fold_on(ctx);
        }
        self.reading.doubtful.push(Question::Fold(fold));
        self.consult(ctx);
    }

    /// The journal is away.
    pub(super) fn fail_reads(&mut self, error: &JournalError) {
        self.reading.fail_waiting(error);
        self.folding.fail(error);
    }

    /// Answers what can be answered now, and starts the journal read that the first of the others needs.
    pub(super) fn serve_reads(&mut self, ctx: &mut Context<Self>) {
        if self.reading.fetching || self.log.head().is_none() {
            return;
        }
        self.let_on(ctx);
        let (alone, current) = (self.is_alone(), self.is_current());
        for (read, vouched) in std::mem::take(&mut self.reading.waiting) {
            let will_do = vouched || alone || (current && read.freshness == Freshness::AsHeard);
            if self.reading.fetching {
                self.reading.waiting.push((read, vouched));
            } else if will_do {
                self.serve_read(read, vouched, ctx);
            } else {
                self.reading.doubtful.push(Question::Read(read));
            }
        }
        self.consult(ctx);
    }

    /// Those on who waited for the log to come as far as the journal told.
    fn let_on(&mut self, ctx: &mut Context<Self>) {
        let (age, comes) = (self.log.age(), self.log.hole().is_some());
        for (question, told) in std::mem::take(&mut self.reading.behind) {
            match question {
                question if told > age && comes => self.reading.behind.push((question, told)),
                // The word of another incarnation of the store has come in between.
                question if told > age => self.reading.doubtful.push(question),
                Question::Read(read) => self.reading.waiting.push((read, true)),
                Question::Fold(fold) => self.folding.ask(fold),
            }
        }
        self.fold_on(ctx);
    }

    fn serve_read(&mut self, read: Read, vouched: bool, ctx: &mut Context<Self>) {
        if read.reply.is_closed() {
            return;
        }
        match self.log.read(read.from, read.max_bytes, vouched) {
            ReadOutcome::Page(page) => {
                // The reader may have gone.
                let _ = read.reply.send(Ok(page));
            }
            ReadOutcome::Unknown => self.reading.waiting.push((read, false)),
            ReadOutcome::Beyond => self.reading.doubtful.push(Question::Read(read)),
            ReadOutcome::Missing(next) => {
                self.reading.waiting.push((read, vouched));
                self.fetch(next, ctx);
            }
        }
    }

    /// Reads a page of the past, for everybody who waits.
    fn fetch(&mut self, next: Seq, ctx: &mut Context<Self>) {
        self.reading.fetching = true;
        let (journal, run, max_bytes) = (self.ports.journal.clone(), self.run.clone(), self.limits.page_bytes);
        let read = async move { journal.read(&run, next - 1, max_bytes).await };
        ctx.spawn(wrap_future::<_, Self>(read).map(move |read, room, ctx| {
            room.reading.fetching = false;
            match read {
                Ok(segments) if segments.is_empty() => return room.learn_anew(ctx),
                Ok(segments) => {
                    if !room.log.keep_page(segments) {
                        return room.look_again(ctx);
                    }
                }
                Err(error) => {
                    warn!(run = %room.run, %error, "the journal could not be read");
                    room.reading.fail_waiting(&error);
                }
            }
            room.touch();
            room.serve_reads(ctx);
        }));
    }

    /// What is known is void: the run has expired. Readers ask again, and by then the head is known anew.
    pub(super) fn learn_anew(&mut self, ctx: &mut Context<Self>) {
        self.reading.fail_waiting(&JournalError::Unavailable("the run's events are expiring".into()));
        self.log.forget();
        self.load_head(ctx);
    }

    /// Asks the journal for the head, once for everybody who is in doubt now; then the room answers them.
    fn consult(&mut self, ctx: &mut Context<Self>) {
        if self.reading.consulting || self.reading.doubtful.is_empty() {
            return;
        }
        self.reading.consulting = true;
        let questions = std::mem::take(&mut self.reading.doubtful);
        let (journal, run) = (self.ports.journal.clone(), self.run.clone());
        let ask = async move { journal.settled_head(&run).await };
        ctx.spawn(wrap_future::<_, Self>(ask).map(move |head, room, ctx| {
            room.reading.consulting = false;
            match head {
                Ok(head) => {
                    let told = head.age();
                    room.consulted(head, ctx);
                    room.reading.behind.extend(questions.into_iter().map(|question| (question, told)));
                }
                Err(error) => questions.into_iter().for_each(|question| question.fail(&error)),
            }
            room.serve_reads(ctx);
        }));
    }

    /// The run's events have expired under the room's feet.
    pub(super) fn is_gone(&self) -> bool {
        self.log.head().is_some_and(|head| head.phase == RunPhase::Gone)
    }
}

fn unavailable(read: Read, error: &JournalError) {
    let _ = read.reply.send(Err(ReadError::Unavailable(error.to_string())));
}
