//! How a room does what its core wants done.

use std::future::Future;

use actix::dev::SendError;
use actix::fut::wrap_future;
use actix::prelude::*;

use super::Room;
use super::core::{
    FrameKept, FrameOutcome, FrameShown, JournalTime, PageFor, RoomEffect, RoomInput, RoomTimer, UpdateSource,
};
use crate::actors::messages::bridge::{Follow, Mirror};
use crate::actors::messages::broadcaster::{BroadcasterPort, Evict};
use crate::actors::messages::catalog_writer::RunChanged;
use crate::actors::messages::registry::Retire;
use crate::actors::messages::room::{RemoteUpdate, SteerError, Steered};
use crate::actors::supervision::Refused;
use crate::protocol::close::CloseReason;

impl Room {
    /// Does one thing; its outcome, if the core has to know that at once.
    pub(super) fn perform(&mut self, effect: RoomEffect, ctx: &mut Context<Self>) -> Option<RoomInput> {
        match effect {
            RoomEffect::AskHead(purpose) => {
                let (journal, run) = (self.ports.journal.clone(), self.run.clone());
                let head = async move { journal.settled_head(&run).await };
                self.tell_later(head, move |head| RoomInput::Head(purpose, head), ctx);
            }
            RoomEffect::Append(append) => {
                let journal = self.ports.journal.clone();
                self.tell_later(async move { journal.append(append).await }, RoomInput::Appended, ctx);
            }
            RoomEffect::ReadPage { purpose, after, max_bytes } => {
                let (journal, run) = (self.ports.journal.clone(), self.run.clone());
                let page = async move {
                    match purpose {
                        PageFor::Control => journal.read_control(&run, after, max_bytes).await,
                        _ => journal.read(&run, after, max_bytes).await,
                    }
                };
                self.tell_later(page, move |page| RoomInput::Page(purpose, page), ctx);
            }
            RoomEffect::AskTime => return Some(RoomInput::Time(self.journal_time())),
            // Whoever asked may have gone.
            RoomEffect::AnswerPublish(reply, answer) => drop(reply.send(answer)),
            RoomEffect::AnswerRead(reply, answer) => drop(reply.send(answer)),
            RoomEffect::AnswerFold(reply, answer) => drop(reply.send(answer)),
            RoomEffect::AnswerShow(reply, answer) => drop(reply.send(answer)),
            RoomEffect::AnswerSteer { reply, answer, stored } => {
                count_decision(&answer, stored);
                let _ = reply.send(answer);
            }
            RoomEffect::EndWaits(replies) => {
                for reply in replies {
                    let _ = reply.send(());
                }
            }
            RoomEffect::Deliver(id, segments) => return self.send(id, |port| port.deliver.try_send(segments)),
            RoomEffect::TellTip(id, tip) => return self.send(id, |port| port.tip.try_send(tip)),
            RoomEffect::Show(id, frames) => {
                return match self.send(id, |port| port.show.try_send(frames)) {
                    Some(RoomInput::BroadcasterFull(id)) => Some(RoomInput::FramesMissed(id)),
                    ended => ended,
                };
            }
            RoomEffect::Evict(id, reason) => self.evict(id, reason),
            RoomEffect::Mirror(screen) => {
                let feed = self.ports.remote_feed.as_ref()?;
                // One that is not taken is overtaken by the next.
                let _ = feed.mirror.try_send(Mirror { run: self.run.clone(), screen });
            }
            RoomEffect::Follow(wanted) => {
                let updates = wanted.then(|| ctx.address().recipient());
                return self.follow(updates).err().map(|_| RoomInput::BridgeRefused);
            }
            RoomEffect::Record(row) => {
                let told = self.ports.catalog_writer.try_send(RunChanged { row, stores: self.core.stores() });
                return told.err().map(|_| RoomInput::CatalogRefused);
            }
            RoomEffect::FoldPage(segments) => {
                let page = async move { Ok(segments) };
                self.tell_later(page, |page| RoomInput::Page(PageFor::State, page), ctx);
            }
            RoomEffect::TakePermit => return self.take_permit(ctx),
            RoomEffect::ReturnPermit => self.permit = None,
            RoomEffect::WriteState(.., bytes) if !self.ports.states.has_room_for(bytes) => {
                // Written, it would come to nothing.
                return Some(RoomInput::StateWritten(Ok(None)));
            }
            RoomEffect::WriteState(state, part, _) => {
                let text = self.ports.states.clone().write(state, part);
                self.tell_later(text, RoomInput::StateWritten, ctx);
            }
            RoomEffect::CountFrame(outcome) => count_frame(outcome),
            RoomEffect::CountRepair(source) => count_repair(source),
            RoomEffect::Retire => {
                let (retire, run, generation) = (self.ports.retire.clone(), self.run.clone(), self.generation);
                let agreed = async move { retire.ask(Retire { run, generation }).await.unwrap_or(false) };
                self.tell_later(agreed, RoomInput::RetireAnswered, ctx);
            }
            RoomEffect::Start(timer, after) => {
                ctx.run_later(after, move |room, ctx| room.on(RoomInput::TimerDue(timer), ctx));
                if timer == RoomTimer::CheckIdle {
                    // What a burst has left of the buffer is given back.
                    self.effects.shrink_to_fit();
                    return self.forget_ended_broadcaster();
                }
            }
            RoomEffect::Stop => ctx.stop(),
        }
        None
    }

    /// Waits for an answer without holding up the room.
    fn tell_later<T: 'static>(
        &self,
        answer: impl Future<Output = T> + 'static,
        input: impl FnOnce(T) -> RoomInput + 'static,
        ctx: &mut Context<Self>,
    ) {
        ctx.spawn(wrap_future::<_, Self>(answer).map(move |answer, room, ctx| room.on(input(answer), ctx)));
    }

    fn journal_time(&self) -> JournalTime {
        let clock = self.ports.journal.clock();
        JournalTime { has_jumped: clock.check().is_err(), now: clock.now() }
    }

    fn broadcaster(&self, id: u64) -> Option<&BroadcasterPort> {
        self.broadcasters.iter().find(|port| port.id == id)
    }

    pub(super) fn forget(&mut self, id: u64) {
        self.broadcasters.retain(|port| port.id != id);
    }

    /// One that has ended while this room's mailbox was too full for its [`Unsubscribe`], if there is one: the next
    /// segment would tell, but none may ever come.
    ///
    /// [`Unsubscribe`]: crate::actors::messages::room::Unsubscribe
    fn forget_ended_broadcaster(&mut self) -> Option<RoomInput> {
        let ended = self.broadcasters.iter().find(|port| !port.deliver.connected())?.id;
        self.forget(ended);
        Some(RoomInput::BroadcasterEnded(ended))
    }

    /// Sends a broadcaster what its mailbox has room for.
    fn send<M>(
        &mut self,
        id: u64,
        send: impl FnOnce(&BroadcasterPort) -> Result<(), SendError<M>>,
    ) -> Option<RoomInput> {
        match send(self.broadcaster(id)?) {
            Ok(()) => None,
            Err(SendError::Full(_)) => Some(RoomInput::BroadcasterFull(id)),
            Err(SendError::Closed(_)) => {
                self.forget(id);
                Some(RoomInput::BroadcasterEnded(id))
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "an end must be heard, however full the mailbox")]
    pub(super) fn evict(&mut self, id: u64, reason: CloseReason) {
        for port in self.broadcasters.extract_if(.., |port| port.id == id) {
            port.evict.do_send(Evict(reason));
        }
    }

    /// Follows the run, its updates going to `updates`, or lets it go.
    pub(super) fn follow(&self, updates: Option<Recipient<RemoteUpdate>>) -> Result<(), Refused> {
        let Some(feed) = &self.ports.remote_feed else { return Ok(()) };
        feed.follow.try_send(Follow { run: self.run.clone(), generation: self.generation, updates })
    }

    fn take_permit(&mut self, ctx: &mut Context<Self>) -> Option<RoomInput> {
        self.permit = self.ports.states.try_permit();
        if self.permit.is_some() {
            return Some(RoomInput::PermitTaken);
        }
        let permit = self.ports.states.clone().permit();
        ctx.spawn(wrap_future::<_, Self>(permit).map(|permit, room, ctx| {
            room.permit = permit;
            room.on(RoomInput::PermitTaken, ctx);
        }));
        None
    }
}

fn count_decision(answer: &Result<Steered, SteerError>, stored: u32) {
    let outcome = match answer {
        Ok(Steered::Answered(..)) => "answered",
        Ok(Steered::NeedSigns(_)) => "signs_needed",
        Err(SteerError::Refused(_)) => "refused",
        Err(SteerError::Contended) => "contended",
        Err(SteerError::Saturated) => "saturated",
        Err(SteerError::Unavailable(_)) => "unavailable",
        Err(SteerError::OutcomeUnknown(_)) => "unknown",
        Err(SteerError::Retired) => "retired",
    };
    metrics::counter!("runcast_decisions_total", "outcome" => outcome).increment(1);
    if stored > 0 {
        metrics::counter!("runcast_decisions_stored_total", "tries" => stored.to_string()).increment(1);
    }
}

fn count_repair(source: UpdateSource) {
    let by = match source {
        UpdateSource::Doorbell => "doorbell",
        UpdateSource::Check => "check",
    };
    metrics::counter!("runcast_holes_repaired_total", "source" => by).increment(1);
}

fn count_frame(FrameOutcome { shown, kept, displaced }: FrameOutcome) {
    let shown = match shown {
        FrameShown::Yes => "yes",
        FrameShown::Nobody => "nobody",
        FrameShown::NodeFull => "node_full",
    };
    let kept = match kept {
        FrameKept::Yes => "yes",
        FrameKept::TooLarge => "too_large",
        FrameKept::NoRoom => "no_room",
    };
    metrics::counter!("runcast_screen_frames_total", "shown" => shown, "kept" => kept).increment(1);
    if displaced {
        metrics::counter!("runcast_screens_displaced_total").increment(1);
    }
}
