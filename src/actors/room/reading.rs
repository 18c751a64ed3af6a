//! How a room answers reads: from what it holds, else by one journal read at a time that serves everybody who waits.

use actix::fut::wrap_future;
use actix::prelude::*;
use tracing::warn;

use super::resolve::{claimed, resolve};
use super::{Room, unavailable};
use crate::actors::messages::room::{Page, Read};
use crate::protocol::Seq;
use crate::storage::journal::{JournalError, RunPhase};

/// What became of a read.
enum Served {
    Answered,
    /// The journal has to be read from this seq on.
    Missing(Read, Seq),
    /// The reader claims more than the room knows: only the journal may judge it.
    Beyond(Read),
}

impl Room {
    /// Answers what can be answered now, and starts the journal read that the first of the others needs.
    pub(super) fn serve_reads(&mut self, ctx: &mut Context<Self>) {
        if self.head.is_none() || self.reading {
            return;
        }
        for read in std::mem::take(&mut self.reads) {
            if self.reading {
                self.reads.push(read);
                continue;
            }
            match self.serve(read) {
                Served::Answered => {}
                Served::Missing(read, next) => {
                    self.reads.push(read);
                    self.fetch(next, ctx);
                }
                Served::Beyond(read) => self.consult(read, ctx),
            }
        }
    }

    fn serve(&mut self, read: Read) -> Served {
        let Some(head) = &self.head else { return Served::Beyond(read) };
        if claimed(read.from) > head.tip {
            return Served::Beyond(read);
        }
        self.answer_read(read)
    }

    fn answer_read(&mut self, read: Read) -> Served {
        if read.reply.is_closed() {
            return Served::Answered;
        }
        let Some(head) = &self.head else { return Served::Beyond(read) };
        let resolved = resolve(read.from, head);
        let next = resolved.place.next;
        let segments = match next > head.tip {
            true => Vec::new(),
            false => match self.backlog.page(next, read.max_bytes) {
                Some(segments) => segments,
                None => return Served::Missing(read, next),
            },
        };
        let page = Page {
            verdict: resolved.verdict,
            place: resolved.place,
            segments,
            tip: head.tip,
            first: head.first,
            epoch: head.lineage.epoch(),
            phase: head.phase,
        };
        // The reader may have gone.
        let _ = read.reply.send(Ok(page));
        Served::Answered
    }

    /// Reads a page of the past, for everybody who waits.
    fn fetch(&mut self, next: Seq, ctx: &mut Context<Self>) {
        self.reading = true;
        let (journal, run, max_bytes) = (self.ports.journal.clone(), self.run.clone(), self.limits.page_bytes);
        let read = async move { journal.read(&run, next - 1, max_bytes).await };
        ctx.spawn(wrap_future::<_, Self>(read).map(move |read, room, ctx| {
            room.reading = false;
            match read {
                Ok(segments) if segments.is_empty() => return room.consult_anew(ctx),
                Ok(segments) => room.backlog.keep_page(segments),
                Err(error) => {
                    warn!(run = %room.run, %error, "the journal could not be read");
                    room.reads.drain(..).for_each(|read| unavailable(read.reply, &error));
                }
            }
            room.touch();
            room.serve_reads(ctx);
        }));
    }

    /// A segment that the head promised is not there: the run has expired in between. Readers ask again, and by then the
    /// head is known anew.
    fn consult_anew(&mut self, ctx: &mut Context<Self>) {
        let error = JournalError::Unavailable("the run's events are expiring".into());
        self.reads.drain(..).for_each(|read| unavailable(read.reply, &error));
        self.backlog.clear();
        self.head = None;
        self.load_head(ctx);
    }

    /// Reads the head from the journal for a reader that claims more than the room knows, then lets it judge.
    fn consult(&mut self, read: Read, ctx: &mut Context<Self>) {
        let (journal, run) = (self.ports.journal.clone(), self.run.clone());
        let ask = async move { journal.settled_head(&run).await };
        ctx.spawn(wrap_future::<_, Self>(ask).map(move |head, room, ctx| match head {
            Ok(head) => {
                room.advance(Vec::new(), head, ctx);
                if let Served::Missing(read, _) = room.answer_read(read) {
                    room.reads.push(read);
                    room.serve_reads(ctx);
                }
            }
            Err(error) => unavailable(read.reply, &error),
        }));
    }

    /// The run's events have expired under the room's feet.
    pub(super) fn is_gone(&self) -> bool {
        self.head.as_ref().is_some_and(|head| head.phase == RunPhase::Gone)
    }
}
