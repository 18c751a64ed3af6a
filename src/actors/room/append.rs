//! How a room appends: what waits goes as one append, and everybody who waits for it is answered.

use std::sync::Arc;
use std::time::Instant;

use actix::fut::wrap_future;
use actix::prelude::*;
use tracing::debug;

use super::append_queue::AppendBatch;
use super::{RETRY, Room};
use crate::actors::messages::room::{Publish, PublishError, Published};
use crate::protocol::Cursor;
use crate::storage::journal::{Append, Journal, JournalError, Refusal, Stored};

impl Room {
    /// AppendQueue what waits, unless an append is in flight.
    pub(super) fn launch_append(&mut self, ctx: &mut Context<Self>) {
        if self.log.head().is_none() {
            return;
        }
        let Some(AppendBatch { posts, precondition, requests, arrived }) = self.append_queue.launch() else { return };
        let journal = self.ports.journal.clone();
        let deadline = Instant::now() + self.limits.append_timeout;
        let append = Append { run: self.run.clone(), posts, precondition, deadline };
        ctx.spawn(wrap_future::<_, Self>(append_until(journal, append)).map(move |stored, room, ctx| {
            room.append_queue.landed();
            match stored {
                Ok(stored) => room.answer(stored, requests, arrived, ctx),
                Err(error) => {
                    requests.into_iter().for_each(|request| refuse(request, &error));
                    room.refuse_waiting(&error);
                    if matches!(error, JournalError::OutcomeUnknown(_)) {
                        room.look_again(ctx);
                    }
                }
            }
            room.launch_append(ctx);
        }));
    }

    /// What waited behind a failed append has waited long enough, and was not sent: its producers try again.
    fn refuse_waiting(&mut self, error: &JournalError) {
        let error = match error {
            JournalError::OutcomeUnknown(why) => JournalError::Unavailable(why.clone()),
            other => other.clone(),
        };
        let waiting: Vec<_> = self.append_queue.drain().collect();
        waiting.into_iter().for_each(|request| refuse(request, &error));
    }

    /// Reads the head again: after an append of unknown outcome (what was stored all the same is not to wait for the next
    /// one until viewers see it), or when the log is not what the head told.
    pub(super) fn look_again(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.looking, true) {
            return;
        }
        let (journal, run) = (self.ports.journal.clone(), self.run.clone());
        let look = async move {
            loop {
                match journal.settled_head(&run).await {
                    Ok(head) => return head,
                    Err(_) => actix_rt::time::sleep(RETRY).await,
                }
            }
        };
        ctx.spawn(wrap_future::<_, Self>(look).map(|head, room, ctx| {
            room.looking = false;
            room.jump(head, ctx);
            room.serve_reads(ctx);
            room.fold_on(ctx);
        }));
    }

    fn answer(&mut self, stored: Stored, requests: Vec<Publish>, arrived: Instant, ctx: &mut Context<Self>) {
        let Stored { outcomes, segments, head } = stored;
        for segment in &segments {
            segment.note_arrived(arrived);
        }
        self.catalog_updates.stores |= !segments.is_empty();
        self.advance(segments, head, ctx);
        for (request, outcome) in requests.into_iter().zip(outcomes) {
            let answer = outcome.map_err(PublishError::Refused).map(|appended| {
                let seq = appended.seqs.map_or(self.log.tip(), |(_, last)| last);
                Published { cursor: Cursor { epoch: Some(appended.epoch), seq }, appended }
            });
            // The request may have been given up; what it posted is stored all the same.
            let _ = request.reply.send(answer);
        }
    }
}

/// Repeats an append whose outcome is unknown; the posts' producer marks make that safe. Once in doubt only an append
/// that ran ends the doubt: that a repetition was not stored says nothing of what came before it.
async fn append_until(journal: Arc<dyn Journal>, append: Append) -> Result<Stored, JournalError> {
    let mut doubt = None;
    loop {
        match journal.append(append.clone()).await {
            Ok(stored) if doubt.is_none() || !came_late(&stored) => return Ok(stored),
            Err(JournalError::OutcomeUnknown(why)) => doubt = Some(why),
            Err(error) if doubt.is_none() => return Err(error),
            _ => {}
        }
        if Instant::now() >= append.deadline {
            return Err(JournalError::OutcomeUnknown(doubt.unwrap_or_default()));
        }
        debug!(run = %append.run, doubt, "append repeated");
        actix_rt::time::sleep(RETRY).await;
    }
}

/// Whether an append was refused for its deadline, which is judged before anything else.
fn came_late(stored: &Stored) -> bool {
    stored.outcomes.iter().any(|outcome| matches!(outcome, Err(Refusal::DeadlinePassed)))
}

/// Answers a post that was not stored, or may not have been.
pub(super) fn refuse(request: Publish, error: &JournalError) {
    let answer = match error {
        JournalError::Unavailable(why) => PublishError::Unavailable(why.clone()),
        JournalError::OutcomeUnknown(why) => PublishError::OutcomeUnknown(why.clone()),
        JournalError::Saturated => PublishError::Saturated,
    };
    let _ = request.reply.send(Err(answer));
}
