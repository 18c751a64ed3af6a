//! How a room answers reads: from what it holds, else by one question to the journal at a time that serves everybody
//! who waits.

use std::ops::Range;
use std::sync::Arc;

use tracing::warn;

use super::log::ReadOutcome;
use super::pending_steer::Pending;
use super::{HeadFor, PageFor, RoomCore, RoomEffect, RoomEffects};
use crate::actors::messages::room::{Fold, Freshness, Read, ReadError};
use crate::protocol::{Epoch, Segment, Seq};
use crate::storage::journal::{Head, JournalError, whole_page};

/// Reads that wait, and what is being asked for them.
#[derive(Default)]
pub(super) struct PendingReads {
    /// For the head, or for the page that is being fetched; with whether the journal has told the head since they came.
    waiting: Vec<(Read, bool)>,
    /// For the journal's word: they claim what is not known here, or what is known may be old.
    doubtful: Vec<Question>,
    /// For the answer to [`RoomEffect::AskHead`].
    asked: Vec<Question>,
    /// For the log to come as far as the journal told: see [`Head::age`].
    behind: Vec<(Question, (Option<Epoch>, Seq))>,
    consulting: bool,
    /// Where the page begins that is being fetched.
    fetching: Option<Seq>,
}

/// What the journal's word is needed for.
pub(super) enum Question {
    Read(Read),
    Fold(Fold),
    Steer(Pending),
}

impl PendingReads {
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.doubtful.is_empty() && self.behind.is_empty() && !self.consulting
    }

    pub(super) fn wait(&mut self, read: Read) {
        self.waiting.push((read, false));
    }
}

impl RoomCore {
    /// Brings the state up to what the journal has now.
    pub(super) fn take_fold(&mut self, fold: Fold, effects: &mut RoomEffects) {
        if self.retirement.is_retired() {
            return effects.push_back(RoomEffect::AnswerFold(fold.reply, Err(ReadError::Retired)));
        }
        self.touch();
        if self.is_alone() {
            self.folding.ask(fold);
            return self.fold_on(effects);
        }
        self.ask_journal(Question::Fold(fold), effects);
    }

    /// The journal is away.
    pub(super) fn fail_reads(&mut self, error: &JournalError, effects: &mut RoomEffects) {
        self.fail_waiting(error, effects);
        self.folding.fail(error, effects);
    }

    fn fail_waiting(&mut self, error: &JournalError, effects: &mut RoomEffects) {
        self.reading.waiting.drain(..).for_each(|(read, _)| unavailable(read, error, effects));
        for (question, _) in std::mem::take(&mut self.reading.behind) {
            self.fail_question(question, error, effects);
        }
    }

    /// Fails those that wait for events which the journal lacks. The others can be served still.
    fn fail_lacking(&mut self, lacking: &Range<Seq>, error: &JournalError, effects: &mut RoomEffects) {
        for (read, vouched) in std::mem::take(&mut self.reading.waiting) {
            match self.log.read(read.from, read.max_bytes, vouched) {
                ReadOutcome::Missing(next) if lacking.contains(&next) => unavailable(read, error, effects),
                _ => self.reading.waiting.push((read, vouched)),
            }
        }
    }

    fn fail_question(&mut self, question: Question, error: &JournalError, effects: &mut RoomEffects) {
        match question {
            Question::Read(read) => unavailable(read, error, effects),
            Question::Fold(Fold { reply, .. }) => {
                effects.push_back(RoomEffect::AnswerFold(reply, Err(ReadError::Unavailable(error.to_string()))));
            }
            Question::Steer(pending) => self.deciding.fail(pending, error, effects),
        }
    }

    /// Puts a question to the journal.
    pub(super) fn ask_journal(&mut self, question: Question, effects: &mut RoomEffects) {
        self.reading.doubtful.push(question);
        self.consult(effects);
    }

    /// Answers what can be answered now, and starts the journal read that the first of the others needs.
    pub(super) fn serve_reads(&mut self, effects: &mut RoomEffects) {
        if self.reading.fetching.is_some() || self.log.head().is_none() {
            return;
        }
        self.let_on(effects);
        let (alone, current) = (self.is_alone(), self.is_current());
        for (read, vouched) in std::mem::take(&mut self.reading.waiting) {
            let will_do = vouched || alone || (current && read.freshness == Freshness::AsKnown);
            if self.reading.fetching.is_some() {
                self.reading.waiting.push((read, vouched));
            } else if will_do {
                self.serve_read(read, vouched, effects);
            } else {
                self.reading.doubtful.push(Question::Read(read));
            }
        }
        self.consult(effects);
    }

    /// Those on who waited for the log to come as far as the journal told.
    fn let_on(&mut self, effects: &mut RoomEffects) {
        let (age, comes) = (self.log.age(), self.log.hole().is_some());
        for (question, told) in std::mem::take(&mut self.reading.behind) {
            match question {
                question if told > age && comes => self.reading.behind.push((question, told)),
                // The word of another incarnation of the store has come in between.
                question if told > age => self.reading.doubtful.push(question),
                Question::Read(read) => self.reading.waiting.push((read, true)),
                Question::Fold(fold) => self.folding.ask(fold),
                Question::Steer(pending) => self.may_decide(pending),
            }
        }
        self.fold_on(effects);
    }

    fn serve_read(&mut self, read: Read, vouched: bool, effects: &mut RoomEffects) {
        if read.is_given_up() {
            return;
        }
        match self.log.read(read.from, read.max_bytes, vouched) {
            ReadOutcome::Page(page) => effects.push_back(RoomEffect::AnswerRead(read.reply, Ok(page))),
            ReadOutcome::Unknown => self.reading.waiting.push((read, false)),
            ReadOutcome::Beyond => self.reading.doubtful.push(Question::Read(read)),
            ReadOutcome::Missing(next) => {
                self.reading.waiting.push((read, vouched));
                self.fetch(next, effects);
            }
        }
    }

    /// Reads a page of the past, for everybody who waits.
    fn fetch(&mut self, next: Seq, effects: &mut RoomEffects) {
        self.reading.fetching = Some(next);
        let max_bytes = self.limits.page_bytes;
        effects.push_back(RoomEffect::ReadPage { purpose: PageFor::Readers, after: next - 1, max_bytes });
    }

    /// The journal has answered [`RoomCore::fetch`].
    pub(super) fn take_past(&mut self, page: Result<Vec<Arc<Segment>>, JournalError>, effects: &mut RoomEffects) {
        let next = self.reading.fetching.take().unwrap_or_default();
        match page {
            Ok(segments) if segments.is_empty() => return self.learn_anew(effects),
            Ok(segments) => {
                let whole = whole_page(next, &segments);
                let lacking = next..segments.first().map_or(next, |first| first.first());
                if !self.log.keep_page(segments) {
                    return self.look_again(effects);
                }
                if let Err(missing) = whole {
                    warn!(run = %self.run, %missing, "the journal could not be read");
                    self.fail_lacking(&lacking, &missing, effects);
                }
            }
            Err(error) => {
                warn!(run = %self.run, %error, "the journal could not be read");
                self.fail_waiting(&error, effects);
            }
        }
        self.touch();
        self.serve_reads(effects);
    }

    /// What is known is void: the run has expired. Readers ask again, and by then the head is known anew.
    pub(super) fn learn_anew(&mut self, effects: &mut RoomEffects) {
        self.fail_waiting(&JournalError::Unavailable("the run's events are expiring".into()), effects);
        self.log.forget();
        effects.push_back(RoomEffect::AskHead(HeadFor::Start));
    }

    /// Asks the journal for the head, once for everybody who is in doubt now; then the room answers them.
    fn consult(&mut self, effects: &mut RoomEffects) {
        if self.reading.consulting || self.reading.doubtful.is_empty() {
            return;
        }
        self.reading.consulting = true;
        self.reading.asked = std::mem::take(&mut self.reading.doubtful);
        effects.push_back(RoomEffect::AskHead(HeadFor::Readers));
    }

    /// The journal has answered [`RoomCore::consult`].
    pub(super) fn consulted(&mut self, head: Result<Head, JournalError>, effects: &mut RoomEffects) {
        self.reading.consulting = false;
        let questions = std::mem::take(&mut self.reading.asked);
        match head {
            Ok(head) => {
                let told = head.age();
                self.take_head_for_readers(head, effects);
                for question in questions {
                    match question {
                        // Decided on what the journal told, whether the log has come as far or not.
                        Question::Steer(pending) => self.may_decide(pending.known_from(told)),
                        question => self.reading.behind.push((question, told)),
                    }
                }
            }
            Err(error) => questions.into_iter().for_each(|question| self.fail_question(question, &error, effects)),
        }
        self.serve_reads(effects);
        self.consult(effects);
        self.decide_on(effects);
    }
}

fn unavailable(read: Read, error: &JournalError, effects: &mut RoomEffects) {
    effects.push_back(RoomEffect::AnswerRead(read.reply, Err(ReadError::Unavailable(error.to_string()))));
}
