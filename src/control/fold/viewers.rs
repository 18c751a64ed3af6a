//! What viewers want and what the server decides, as it changes the control.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::commands::KeptCommand;
use super::json::JsonText;
use super::notices::ProducerNotice;
use super::target::CommandTarget;
use super::{AskState, ControlState, FoldedEvent, Lease};
use crate::control::kind::{CommandKind, CommandState, Sort};
use crate::protocol::{Principal, PrincipalKind, ServerEvent};

impl ControlState {
    pub(super) fn fold_server(&mut self, event_type: ServerEvent, event: &FoldedEvent<'_>) {
        let members = &event.members;
        match event_type {
            ServerEvent::ControlReleased => self.release(event),
            ServerEvent::ControlReset => {
                self.lease = None;
                // A secret that answers a question is kept beside the log: it can still be fetched.
                for place in self.commands.places(|command| command.kind.sort() == Sort::Act) {
                    self.commands.end(place, CommandState::Interrupted);
                }
            }
            ServerEvent::CommandExpired => {
                let place = members.command_id("commandId").and_then(|id| self.commands.place(&id));
                let is_queued = |command: &KeptCommand| command.state == CommandState::Queued && command.is_claimable();
                if let Some(place) = place.filter(|place| self.commands.at(*place).is_some_and(is_queued)) {
                    self.commands.end(place, CommandState::Expired);
                }
            }
            ServerEvent::AskExpired => {
                let state = match members.get::<String>("reason").as_deref() {
                    Some("interrupted") => AskState::Interrupted,
                    _ => AskState::Expired,
                };
                if let Some(id) = members.id("askId") {
                    self.end_ask(&id, state, None, event);
                }
            }
            ServerEvent::AskReopened => {
                let (Some(id), Some(until)) = (members.id("askId"), members.time("expiresAt")) else { return };
                let Some(answer) = self.asks.reopen(&id, until) else { return };
                if let Some(place) = self.commands.place(&answer) {
                    self.commands.end(place, CommandState::Interrupted);
                }
                if let Some(producer) = self.asks.get(&id).map(|ask| ask.producer.clone()) {
                    self.tell(producer, None, event);
                }
            }
            ServerEvent::ProducerStatus => {
                let (Some(id), Some(status)) = (members.id("producer"), members.get::<String>("status")) else {
                    return;
                };
                if self.workers.stands(&id, &status, event.at) {
                    self.gone(&id);
                }
            }
            ServerEvent::ShardsGivenUp => self.workers.give_up_shards(event.at),
            _ => self.fold_command(event_type, event),
        }
    }

    /// The lease ends.
    fn release(&mut self, event: &FoldedEvent<'_>) {
        let ended = event.members.cursor("lease");
        let Some(lease) = self.lease.take_if(|lease| ended.is_some_and(|ended| lease.is(ended))) else { return };
        if event.members.get::<String>("reason").as_deref() == Some("released") {
            let by = event.members.by().unwrap_or(lease.holder);
            self.add(CommandKind::Release, by, event);
        }
    }

    fn fold_command(&mut self, event_type: ServerEvent, event: &FoldedEvent<'_>) {
        let Some(kind) = CommandKind::of_event(event_type.as_str()) else { return };
        let Some(by) = event.members.by() else { return };
        self.add(kind, by, event);
    }

    /// Takes a command, and does what it does at once.
    fn add(&mut self, kind: CommandKind, by: Principal, event: &FoldedEvent<'_>) {
        let Some(command) = read(kind, by, event) else { return };
        let (id, by) = (command.id.clone(), command.by.clone());
        let digest = event.members.get::<String>("digest");
        let digest = digest.and_then(|digest| u128::from_str_radix(&digest, 16).ok()).unwrap_or_default();
        if !self.commands.add(digest, command) {
            return;
        }
        if by.kind != PrincipalKind::Server {
            self.spent.0 += 1;
            self.spent.1 += event.json.len() as u64;
        }
        if let Some(lease) = self.lease.as_mut().filter(|lease| lease.is_held_by(&by.subject)) {
            lease.used_at = lease.used_at.max(event.at);
        }
        match kind.sort() {
            Sort::State => self.supersede(&id),
            Sort::Act => {}
            Sort::Word => self.take_word(kind, &id, by, event),
        }
    }

    /// What it says comes true at once, or never.
    fn take_word(&mut self, kind: CommandKind, id: &Arc<str>, by: Principal, event: &FoldedEvent<'_>) {
        let members = &event.members;
        let ask_id = members.id("askId").unwrap_or_default();
        let holds = match kind {
            CommandKind::Take => {
                self.lease = Some(Lease { cursor: event.cursor, holder: by, since: event.at, used_at: event.at });
                true
            }
            CommandKind::Extend => {
                let until = members.time("expiresAt").filter(|_| self.is_open(&ask_id));
                if let Some(until) = until {
                    self.asks.extend(&ask_id, until);
                }
                until.is_some()
            }
            CommandKind::Answer => {
                let answered = AskState::Answered { command_id: id.clone(), by };
                let ended = self.end_ask(&ask_id, answered, Some(id.clone()), event);
                if ended && members.is_true("secret") {
                    // The producer fetches it.
                    return;
                }
                ended
            }
            CommandKind::Withdraw => {
                members.command_id("withdraws").is_some_and(|withdrawn| self.withdraw(&withdrawn, event))
            }
            _ => true,
        };
        if let Some(place) = self.commands.place(id) {
            self.commands.end(place, if holds { CommandState::Done } else { CommandState::Rejected });
        }
    }

    fn is_open(&self, ask_id: &str) -> bool {
        self.asks.get(ask_id).is_some_and(|ask| ask.state == AskState::Open)
    }

    /// A question ends, if it is open; its producer is told.
    fn end_ask(&mut self, id: &str, state: AskState, answer: Option<Arc<str>>, event: &FoldedEvent<'_>) -> bool {
        let Some(producer) = self.asks.end(id, state).map(|ask| ask.producer.clone()) else { return false };
        self.tell(producer, answer, event);
        true
    }

    fn tell(&mut self, producer: Arc<str>, command_id: Option<Arc<str>>, event: &FoldedEvent<'_>) {
        let to = CommandTarget { producer: Some(producer), ..CommandTarget::default() };
        self.notify(to, false, command_id, event);
    }

    fn notify(&mut self, to: CommandTarget, withdraws: bool, id: Option<Arc<str>>, event: &FoldedEvent<'_>) {
        let Some(text) = JsonText::with_seq(event.cursor.seq, event.json) else { return };
        self.notices.add(ProducerNotice {
            cursor: event.cursor,
            to,
            withdraws,
            command_id: id,
            is_seen: false,
            event: text,
        });
    }

    fn withdraw(&mut self, id: &str, event: &FoldedEvent<'_>) -> bool {
        let Some(place) = self.commands.place(id) else { return false };
        let Some(command) = self.commands.at(place).filter(|command| command.may_be_withdrawn()) else { return false };
        let to = command.target.clone();
        self.commands.lay_down(place, CommandState::Withdrawn);
        self.notify(to, true, None, event);
        true
    }

    /// A state takes the place of the earlier ones of its kind.
    fn supersede(&mut self, id: &str) {
        let Some(place) = self.commands.place(id) else { return };
        let Some(command) = self.commands.at(place).filter(|command| !command.adds()) else { return };
        // A run that is to end does not pause.
        let ends_pause = |other: &KeptCommand| command.cancels_run() && other.pauses();
        let older =
            |other: &KeptCommand| other.cursor != command.cursor && (command.supersedes(other) || ends_pause(other));
        for older in self.commands.places(older) {
            self.commands.lay_down(older, CommandState::Superseded);
        }
    }
}

impl KeptCommand {
    /// What states have in common of which the newest counts.
    pub(in crate::control) fn group(&self) -> (CommandKind, Option<&Arc<str>>) {
        let kind = if self.kind == CommandKind::Resume { CommandKind::Pause } else { self.kind };
        (kind, self.test_id.as_ref())
    }

    fn is_of_the_kind_of(&self, other: &Self) -> bool {
        self.kind.sort() == Sort::State && self.group() == other.group()
    }

    /// Whether it can be taken back: nobody has begun with it.
    pub(in crate::control) fn may_be_withdrawn(&self) -> bool {
        self.state == CommandState::Queued && self.kind.sort() != Sort::Word
    }

    fn supersedes(&self, other: &Self) -> bool {
        other.stands && self.is_of_the_kind_of(other) && self.target.covers(&other.target)
    }

    /// Whether it goes beside the earlier ones of its kind: instructions that are added.
    pub(in crate::control) fn adds(&self) -> bool {
        self.kind == CommandKind::Instructions && !self.is_set
    }
}

/// The command of an event; `None` if members that it needs can't be read.
fn read(kind: CommandKind, by: Principal, event: &FoldedEvent<'_>) -> Option<KeptCommand> {
    let members = &event.members;
    let expires_at = members.time("expiresAt");
    let needs_end = kind.sort() == Sort::Act || matches!(kind, CommandKind::Pause | CommandKind::Extend);
    if needs_end && expires_at.is_none() {
        return None;
    }
    let has_secret = match kind {
        CommandKind::Answer => members.is_true("secret"),
        CommandKind::Action => members.object("action").is_some_and(|action| action.is_true("secret")),
        _ => false,
    };
    let is_set = match kind {
        CommandKind::Instructions => members.get::<String>("mode").as_deref() != Some("append"),
        CommandKind::Hold => members.get::<String>("when").as_deref() != Some("never"),
        _ => false,
    };
    Some(KeptCommand {
        id: members.command_id("commandId")?,
        kind,
        cursor: event.cursor,
        at: event.at,
        by,
        target: CommandTarget::read(members)?,
        expires_at,
        state: CommandState::Queued,
        stands: kind.sort() == Sort::State,
        claim: None,
        reports: BTreeMap::new(),
        detail: None,
        result: None,
        event: JsonText::with_seq(event.cursor.seq, event.json)?,
        has_secret,
        test_id: members.id("testId").filter(|_| kind == CommandKind::Cancel),
        ask_id: members.id("askId"),
        is_set,
    })
}
