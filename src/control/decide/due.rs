//! What ends by time. All that is due is stored at once, with the next deadline.

use std::sync::Arc;

use bytes::Bytes;

use super::ask;
use super::claim;
use super::event::EventText;
use super::silence::Silence;
use super::{Events, has_ended};
use crate::control::fold::{KeptCommand, digest_of};
use crate::control::kind::Sort;
use crate::control::{Answer, CommandKind, CommandState, ControlState, Decision, Facts, Sign};
use crate::protocol::status::RunStatus;
use crate::protocol::{Principal, ServerEvent, Timestamp};

impl ControlState {
    pub(super) fn decide_due(&self, facts: &Facts<'_>) -> Decision {
        if has_ended(facts) || facts.is_gone || facts.tip == 0 {
            return Decision::Answer(Answer::NotDue(None));
        }
        let not_due = || Decision::Answer(Answer::NotDue(self.next_due(facts)));
        if facts.holds_time {
            return not_due();
        }
        let silences: Vec<_> =
            self.workers.living().map(|(id, worker)| (id, self.silence(id, worker, facts))).collect();
        let asked = silences.iter().filter(|(_, silence)| *silence == Silence::Ask);
        let asked: Vec<_> = asked.map(|(id, _)| Sign::Producer((*id).clone())).collect();
        if !asked.is_empty() {
            return Decision::NeedSigns(asked);
        }
        if self.commands.open().any(|command| command.cancels_run() && self.is_disobeyed(command, facts)) {
            let status = RunStatus::Cancelled;
            let text = EventText::new(ServerEvent::RunCancelled, facts).with("status", &status);
            let event = text.with("detail", "nobody obeyed the request to cancel it").done();
            return self.store(vec![event], facts, Some(status), false);
        }
        let mut events = Events::new();
        self.end_pause(facts, &mut events);
        self.end_commands(facts, &mut events);
        events.extend(
            self.asks.all_open().filter(|ask| ask::is_over(ask, facts)).map(|ask| ask::expired(ask, "timeout", facts)),
        );
        for (id, silence) in silences {
            self.tell_silence(id, silence, facts, &mut events);
        }
        let gives_up = self.shards_due(facts).is_some_and(|due| due <= facts.now);
        if gives_up {
            events.push(EventText::new(ServerEvent::ShardsGivenUp, facts).done());
        }
        if events.is_empty() { not_due() } else { self.store(events, facts, None, gives_up) }
    }

    /// The run's earliest deadline. It may be too early, never too late.
    pub(in crate::control) fn next_due(&self, facts: &Facts<'_>) -> Option<Timestamp> {
        if self.has_ended() {
            return None;
        }
        let pause = self.pause.open.as_ref().map(|paused| paused.until);
        let commands = self.commands.open().filter_map(|command| self.command_due(command, facts));
        let asks = self.asks.all_open().filter_map(|ask| ask.expires_at);
        let silence = self.workers.living().filter_map(|(id, worker)| self.silence_due(id, worker, facts));
        commands.chain(asks).chain(silence).chain(pause).chain(self.shards_due(facts)).min()
    }

    fn shards_due(&self, facts: &Facts<'_>) -> Option<Timestamp> {
        self.workers.waits_for_shards_since().map(|since| since.plus_millis(facts.limits.shard_wait_ms))
    }

    /// When something becomes of a command by time.
    fn command_due(&self, command: &KeptCommand, facts: &Facts<'_>) -> Option<Timestamp> {
        match command.kind.sort() {
            Sort::State => {
                let obeys = |state: &CommandState| matches!(state, CommandState::Accepted | CommandState::Done);
                // The word of one that has ended, or is lost, stops nobody.
                let mut living = command.reports.iter().filter(|(id, _)| self.workers.may_obey(id));
                let waits = command.kind == CommandKind::Cancel && !living.any(|(_, state)| obeys(state));
                waits.then(|| command.at.plus_millis(facts.limits.cancel_ms))
            }
            Sort::Act | Sort::Word => match &command.claim {
                Some(claim) => Some(claim.expires_at.unwrap_or_else(|| claim.at.plus_millis(facts.limits.run_ms))),
                None => command.expires_at,
            },
        }
    }

    /// Whether nobody has obeyed a request to cancel in its time.
    fn is_disobeyed(&self, command: &KeptCommand, facts: &Facts<'_>) -> bool {
        command.kind == CommandKind::Cancel && self.command_due(command, facts).is_some_and(|due| due <= facts.now)
    }

    /// A loan that is over is given back.
    fn end_pause(&self, facts: &Facts<'_>, events: &mut Events) {
        let Some(paused) = self.pause.open.as_ref().filter(|paused| paused.until <= facts.now) else { return };
        let kind = match facts.limits.cancels_on_pause_expiry {
            true => CommandKind::Cancel,
            false => CommandKind::Resume,
        };
        let from = format!("{} {} {:?}", paused.since, paused.until, self.cursor());
        let id = server_id(facts.now, &from);
        let text = EventText::new(kind.event(), facts).with("commandId", &id).with("by", &Principal::server());
        let reason = "the pause is over";
        events.push(text.with_some("reason", (kind == CommandKind::Cancel).then_some(reason)).done());
    }

    fn end_commands(&self, facts: &Facts<'_>, events: &mut Events) {
        let due = |command: &&KeptCommand| self.command_due(command, facts).is_some_and(|due| due <= facts.now);
        for command in self.commands.open().filter(due) {
            events.push(match (command.kind, command.state) {
                (CommandKind::Cancel, _) => status(command, "failed", "not obeyed", facts),
                (_, CommandState::Queued) => claim::expired(command, facts),
                _ => status(command, "interrupted", "not done in its time", facts),
            });
        }
    }

    fn tell_silence(&self, id: &Arc<str>, silence: Silence, facts: &Facts<'_>, events: &mut Events) {
        let word = match silence {
            Silence::Silent => "silent",
            Silence::Back => "back",
            Silence::Lost => "lost",
            Silence::Rests | Silence::Until(_) | Silence::Ask => return,
        };
        if silence == Silence::Lost {
            // What it was doing ends before it is gone.
            let is_its = |command: &&KeptCommand| command.claim.as_ref().is_some_and(|claim| claim.producer == *id);
            let its = self
                .commands
                .open()
                .filter(is_its)
                .filter(|command| self.command_due(command, facts).is_none_or(|due| due > facts.now));
            events.extend(its.map(|command| status(command, "interrupted", "its producer is lost", facts)));
            let asked = self.asks.all_open().filter(|ask| ask.producer == *id && !ask::is_over(ask, facts));
            events.extend(asked.map(|ask| ask::expired(ask, "interrupted", facts)));
        }
        let text = EventText::new(ServerEvent::ProducerStatus, facts).with("producer", id);
        events.push(text.with("status", word).done());
    }
}

fn status(command: &KeptCommand, status: &str, detail: &str, facts: &Facts<'_>) -> (ServerEvent, Bytes) {
    let text = EventText::new(ServerEvent::CommandStatus, facts).with("commandId", &command.id);
    text.with("status", status).with("detail", detail).done()
}

/// The id of a command of the server: a UUIDv7 that follows from when and why it is given.
fn server_id(now: Timestamp, why: &str) -> String {
    let millis = (now.as_millis().max(0) as u128) << 80;
    let hashed = digest_of(why.as_bytes()) & !(0xffff_ffff_ffff_u128 << 80);
    let version = (hashed | millis) & !(0xf << 76) | 7 << 76;
    let id = version & !(0b11 << 62) | 0b10 << 62;
    uuid::Uuid::from_u128(id).hyphenated().to_string()
}
