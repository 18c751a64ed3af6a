//! How a room answers reads: from what it holds, else by one journal read at a time that serves everybody who waits.

use actix::fut::wrap_future;
use actix::prelude::*;
use tracing::warn;

use super::log::Answer;
use super::{Room, unavailable};
use crate::actors::messages::room::Read;
use crate::protocol::Seq;
use crate::storage::journal::{JournalError, RunPhase};

impl Room {
    /// Answers what can be answered now, and starts the journal read that the first of the others needs.
    pub(super) fn serve_reads(&mut self, ctx: &mut Context<Self>) {
        if self.reading {
            return;
        }
        for read in std::mem::take(&mut self.reads) {
            if self.reading {
                self.reads.push(read);
            } else {
                self.serve_read(read, false, ctx);
            }
        }
    }

    fn serve_read(&mut self, read: Read, vouched: bool, ctx: &mut Context<Self>) {
        if read.reply.is_closed() {
            return;
        }
        match self.log.read(read.from, read.max_bytes, vouched) {
            Answer::Page(page) => {
                // The reader may have gone.
                let _ = read.reply.send(Ok(page));
            }
            Answer::Unknown => self.reads.push(read),
            Answer::Beyond => self.consult(read, ctx),
            Answer::Missing(next) => {
                self.reads.push(read);
                if !self.reading {
                    self.fetch(next, ctx);
                }
            }
        }
    }

    /// Reads a page of the past, for everybody who waits.
    fn fetch(&mut self, next: Seq, ctx: &mut Context<Self>) {
        self.reading = true;
        let (journal, run, max_bytes) = (self.ports.journal.clone(), self.run.clone(), self.limits.page_bytes);
        let read = async move { journal.read(&run, next - 1, max_bytes).await };
        ctx.spawn(wrap_future::<_, Self>(read).map(move |read, room, ctx| {
            room.reading = false;
            match read {
                Ok(segments) if segments.is_empty() => return room.learn_anew(ctx),
                Ok(segments) => {
                    if !room.log.keep_page(segments) {
                        return room.look_again(ctx);
                    }
                }
                Err(error) => {
                    warn!(run = %room.run, %error, "the journal could not be read");
                    room.reads.drain(..).for_each(|read| unavailable(read.reply, &error));
                }
            }
            room.touch();
            room.serve_reads(ctx);
        }));
    }

    /// What is known is void: the run has expired. Readers ask again, and by then the head is known anew.
    pub(super) fn learn_anew(&mut self, ctx: &mut Context<Self>) {
        let error = JournalError::Unavailable("the run's events are expiring".into());
        self.reads.drain(..).for_each(|read| unavailable(read.reply, &error));
        self.log.forget();
        self.load_head(ctx);
    }

    /// Reads the head from the journal for a reader that claims more than the room knows, then lets it judge.
    fn consult(&mut self, read: Read, ctx: &mut Context<Self>) {
        let (journal, run) = (self.ports.journal.clone(), self.run.clone());
        let ask = async move { journal.settled_head(&run).await };
        ctx.spawn(wrap_future::<_, Self>(ask).map(move |head, room, ctx| match head {
            Ok(head) => {
                room.advance(Vec::new(), head, ctx);
                room.serve_read(read, true, ctx);
            }
            Err(error) => unavailable(read.reply, &error),
        }));
    }

    /// The run's events have expired under the room's feet.
    pub(super) fn is_gone(&self) -> bool {
        self.log.head().is_some_and(|head| head.phase == RunPhase::Gone)
    }
}
