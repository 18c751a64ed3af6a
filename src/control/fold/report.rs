//! Reports of what became of commands, of producers and of the server.

use std::sync::Arc;

use super::commands::{ActClaim, KeptCommand};
use super::json::JsonText;
use super::members::read_cursor;
use super::{ControlState, FoldedEvent};
use crate::control::kind::{CommandKind, CommandState, Sort};

/// Most bytes that are kept of what came of a command.
const MAX_RESULT_BYTES: usize = 4 * 1024;

/// A report of a producer.
struct ProducerReport<'a> {
    producer: &'a Arc<str>,
    state: CommandState,
    claim: Option<String>,
}

impl ControlState {
    pub(super) fn fold_report(&mut self, producer: Option<Arc<str>>, event: &FoldedEvent<'_>) {
        let members = &event.members;
        let state = match members.get::<String>("status").as_deref() {
            Some("accepted") => CommandState::Accepted,
            Some("done") => CommandState::Done,
            Some("failed") => CommandState::Failed,
            Some("rejected") => CommandState::Rejected,
            Some("interrupted") => CommandState::Interrupted,
            _ => return,
        };
        let Some(id) = members.command_id("commandId") else { return };
        let place = self.commands.place(&id);
        let is_servers = producer.is_none() || members.has("keyHash");
        if let Some(producer) = producer.as_ref().filter(|_| !is_servers) {
            self.workers.heard(producer, event.at);
        }
        let changed = match (&producer, place) {
            (None, Some(place)) => {
                self.commands.end(place, state);
                true
            }
            (Some(producer), Some(place)) => {
                let report = ProducerReport { producer, state, claim: members.get("claim") };
                self.take_report(place, &report, event)
            }
            _ => false,
        };
        if let Some(place) = place.filter(|_| changed) {
            let detail = members.text("detail");
            let result = members.raw("result").filter(|result| result.get().len() <= MAX_RESULT_BYTES);
            self.commands.change(place, |command| {
                command.detail = detail.or(command.detail.take());
                command.result = result.map(JsonText::of).or(command.result.take());
            });
        }
        let Some(producer) = producer.filter(|_| !changed && !is_servers) else { return };
        let told = self.notices.acknowledge(&producer, &id);
        if !told && !self.repeats(&id, &producer, state) {
            self.notices.ignore(event.cursor.seq, &producer, &id);
        }
    }

    /// Whether a report says again what is known.
    fn repeats(&self, id: &str, producer: &Arc<str>, state: CommandState) -> bool {
        let Some(command) = self.commands.get(id) else { return false };
        match &command.claim {
            Some(claim) => claim.producer == *producer && (command.state == state || state == CommandState::Accepted),
            None => command.reports.get(producer) == Some(&state),
        }
    }

    /// Whether it changes something.
    fn take_report(&mut self, place: u64, report: &ProducerReport<'_>, event: &FoldedEvent<'_>) -> bool {
        let Some(command) = self.commands.at(place) else { return false };
        if command.state.is_final() && !command.stands
            || !command.is_for(report.producer, &self.asks)
            || !self.workers.may_obey(report.producer)
            || report.state == CommandState::Interrupted
        {
            return false;
        }
        match command.kind.sort() {
            Sort::State => self.take_progress(place, report),
            _ if command.is_claimable() => self.take_claim(place, report, event),
            _ => false,
        }
    }

    /// What one producer says of a state. Its last word counts.
    fn take_progress(&mut self, place: u64, report: &ProducerReport<'_>) -> bool {
        let known = self.commands.at(place).and_then(|command| command.reports.get(report.producer).copied());
        if known.is_some_and(CommandState::is_final) || known == Some(report.state) {
            return false;
        }
        self.commands.change(place, |command| {
            command.reports.insert(report.producer.clone(), report.state);
        });
        true
    }

    /// The first that accepts an act has it; only its reports count.
    fn take_claim(&mut self, place: u64, report: &ProducerReport<'_>, event: &FoldedEvent<'_>) -> bool {
        let Some(command) = self.commands.at(place) else { return false };
        if let Some(claim) = &command.claim {
            let of_claim = report.claim.as_deref().is_none_or(|named| read_cursor(named) == Some(claim.cursor));
            let counts = claim.producer == *report.producer && of_claim && report.state != CommandState::Accepted;
            if counts {
                self.commands.end(place, report.state);
            }
            return counts;
        }
        if command.state != CommandState::Queued || report.claim.is_some() {
            return false;
        }
        let claim = ActClaim {
            producer: report.producer.clone(),
            cursor: event.cursor,
            key_hash: event.members.id("keyHash"),
            at: event.at,
            expires_at: event.members.time("expiresAt").filter(|_| event.members.has("keyHash")),
        };
        self.commands.change(place, |command| {
            command.claim = Some(claim);
            command.state = report.state;
        });
        true
    }

    /// What became of states follows from what their producers have reported, and from who is there.
    pub(super) fn settle_states(&mut self) {
        // One that nobody has reported of is queued.
        let open = self.commands.watched().filter(|(_, command)| !command.state.is_final());
        let moved = open.map(|(place, command)| (place, command.state, self.progress(command)));
        let moved: Vec<_> = moved.filter(|(_, before, state)| before != state).collect();
        for (place, _, state) in moved {
            self.commands.change(place, |command| command.state = state);
        }
    }

    /// A state is done when every living producer that it is for, and that obeys its kind, has done it. Without such
    /// producers the first that has done it counts.
    fn progress(&self, command: &KeptCommand) -> CommandState {
        let kind = command.kind.as_str();
        let living = || self.workers.living().filter(|(id, worker)| command.target.is_for(id) && worker.can(kind));
        let all = living().count();
        let reported: Vec<CommandState> = match all {
            0 => command.reports.values().copied().collect(),
            _ => living().filter_map(|(id, _)| command.reports.get(id).copied()).collect(),
        };
        let ended = reported.iter().filter(|state| state.is_final()).count();
        let has = |state| reported.contains(&state);
        // One test runs in one place: it is cancelled when one has cancelled it.
        let best_first = command.test_id.is_some() || all == 0;
        let order = match best_first {
            true => [CommandState::Done, CommandState::Failed, CommandState::Rejected],
            false => [CommandState::Failed, CommandState::Rejected, CommandState::Done],
        };
        let is_over =
            if all == 0 || (command.test_id.is_some() && has(CommandState::Done)) { ended > 0 } else { ended == all };
        if is_over && let Some(state) = order.into_iter().find(|state| has(*state)) {
            return state;
        }
        match command.reports.is_empty() {
            true => CommandState::Queued,
            false => CommandState::Accepted,
        }
    }
}

impl KeptCommand {
    /// Whether a producer may report of it, or claim it.
    pub(in crate::control) fn is_for(&self, producer: &str, asks: &super::Asks) -> bool {
        match (self.kind, &self.ask_id) {
            (CommandKind::Answer, Some(id)) => asks.get(id).is_some_and(|ask| &*ask.producer == producer),
            _ => self.target.is_for(producer),
        }
    }
}
