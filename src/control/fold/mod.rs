//! The fold. It never fails, whatever is in the events: those that can't be read change nothing. Only what events say
//! counts, no setting and no clock, so that it is the same everywhere and at any time.

use std::sync::Arc;

use serde::Deserialize;

use crate::protocol::event::stamp::ANONYMOUS;
use crate::protocol::json_text::readable;
use crate::protocol::status::RunStatus;
use crate::protocol::{Cursor, Principal, PrincipalKind, ProducerEvent, ServerEvent, Timestamp};

mod asks;
mod commands;
mod json;
mod members;
mod notices;
mod pause;
mod producers;
mod report;
mod resume;
mod target;
mod viewers;

pub(super) use asks::{Ask, AskState, OnTimeout};
pub(super) use commands::{KeptCommand, digest_of};
pub(super) use json::JsonText;
pub(super) use members::read_cursor;
pub(super) use producers::{Worker, WorkerPresence};
pub(super) use resume::ControlResume;
pub(super) use target::{CommandTarget, TargetSlot};

use asks::Asks;
use commands::CommandLedger;
use members::Members;
use notices::Notices;
use pause::PauseLoan;
use producers::Workers;

/// What a run's control events say. See the module's page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ControlState {
    /// The last control event that is folded.
    cursor: Option<Cursor>,
    /// The latest time of an event.
    at: Timestamp,
    pub(super) commands: CommandLedger,
    pub(super) lease: Option<Lease>,
    pub(super) pause: PauseLoan,
    pub(super) asks: Asks,
    pub(super) workers: Workers,
    pub(super) notices: Notices,
    /// Whether the run is paused, or holds a failing test open; and when that was last over.
    pub(super) rests: bool,
    pub(super) rested_at: Option<Timestamp>,
    /// Commands of viewers, and their bytes.
    pub(super) spent: (u64, u64),
}

/// Who has control of the run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lease {
    /// The lease's token: the cursor of `control_taken`.
    pub(super) cursor: Cursor,
    /// Its holder.
    pub(super) holder: Principal,
    /// Since when.
    pub(super) since: Timestamp,
    /// When its holder last gave a command.
    pub(super) used_at: Timestamp,
}

/// The type of an event.
#[derive(Deserialize)]
struct Typed {
    r#type: String,
}

/// An event that is folded.
struct FoldedEvent<'a> {
    cursor: Cursor,
    at: Timestamp,
    members: Members<'a>,
    json: &'a [u8],
}

impl ControlState {
    /// The last control event that is folded.
    pub fn cursor(&self) -> Option<Cursor> {
        self.cursor
    }

    /// The run's status, as far as its control events say.
    pub fn status(&self) -> Option<RunStatus> {
        self.workers.status()
    }

    /// Whether events of this type are folded.
    pub fn folds(event_type: &str) -> bool {
        Folds::of(event_type).is_some()
    }

    /// Whether the run is paused.
    pub fn is_paused(&self) -> bool {
        self.pause.open.is_some()
    }

    /// How many questions are open.
    pub fn open_asks(&self) -> usize {
        self.asks.all_open().count()
    }

    /// About how many bytes of memory it takes.
    pub fn held_bytes(&self) -> usize {
        size_of::<Self>()
            + self.commands.held_bytes()
            + self.asks.held_bytes()
            + self.workers.held_bytes()
            + self.notices.held_bytes()
    }

    /// Folds an event of the run's log; those that are no control events, or are folded already, change nothing. Events
    /// come in the order of the log; those between control events may be left out.
    pub fn apply(&mut self, cursor: Cursor, event: &[u8]) {
        let is_known =
            |known: Cursor| cursor.epoch < known.epoch || (cursor.epoch == known.epoch && cursor.seq <= known.seq);
        if self.cursor.is_some_and(is_known) {
            return;
        }
        let json = readable(event);
        let Ok(Typed { r#type }) = serde_json::from_slice::<Typed>(&json) else { return };
        let Some(kind) = Folds::of(&r#type) else { return };
        self.cursor = Some(cursor);
        let Some(members) = Members::parse(&json) else { return };
        self.at = members.time("at").map_or(self.at, |at| at.max(self.at));
        let event = FoldedEvent { cursor, at: self.at, members, json: &json };
        match kind {
            Folds::Server(event_type) => self.fold_server(event_type, &event),
            Folds::Producer(event_type) => self.fold_producer(event_type, &event),
        }
        self.settle(event.at);
    }

    /// What follows from an event for everything that it does not name.
    fn settle(&mut self, at: Timestamp) {
        if self.workers.status().is_some_and(RunStatus::is_final) {
            self.end_all();
        }
        self.settle_states();
        let standing = self.commands.watched().map(|(_, command)| command).find(|command| command.pauses());
        match standing.map(|pause| (pause.at, pause.expires_at.unwrap_or(pause.at), pause.by.clone())) {
            Some((since, until, by)) => self.pause.begin(since, until, &by),
            None => self.pause.end(at),
        }
        let rests = self.pause.open.is_some() || self.commands.watched().any(|(_, command)| command.holds());
        if self.rests && !rests {
            self.rested_at = Some(at);
        }
        self.rests = rests;
    }

    fn fold_producer(&mut self, event_type: ProducerEvent, event: &FoldedEvent<'_>) {
        let members = &event.members;
        let producer = members.id("producer");
        let by = || producer.clone().unwrap_or_else(|| ANONYMOUS.into());
        match event_type {
            ProducerEvent::Worker => {
                let id = by();
                match members.get::<String>("state").as_deref() {
                    Some("joined") => {
                        for gone in self.workers.join(&id, members, event.at, event.cursor) {
                            self.gone(&gone);
                        }
                    }
                    Some("left") if self.workers.leave(&id, event.at) => self.gone(&id),
                    _ => {}
                }
            }
            ProducerEvent::RunStatus => {
                let status = members.get::<String>("status");
                let Some(status) = status.and_then(|status| RunStatus::parse(&status)) else { return };
                match producer {
                    Some(id) => {
                        self.workers.heard(&id, event.at);
                        if self.workers.report(&id, status, event.at) {
                            self.gone(&id);
                        }
                    }
                    // The server's, or older than workers.
                    None => self.workers.set_status(status, event.at),
                }
            }
            ProducerEvent::AiStuck => {
                let id = by();
                self.workers.heard(&id, event.at);
                let may_ask = !self.has_ended() && self.workers.get(&id).is_none_or(Worker::is_living);
                let ask = Ask::read(&id, event.cursor, event.at, members, event.json).filter(|_| may_ask);
                let opened = ask.is_some_and(|ask| self.asks.open(ask));
                if let Some(ask_id) = members.id("askId").filter(|_| !opened) {
                    self.notices.ignore(event.cursor.seq, &id, &ask_id);
                }
            }
            ProducerEvent::CommandStatus => self.fold_report(producer, event),
            _ => {}
        }
    }

    /// Whether the run has ended, as far as its control events say.
    pub(super) fn has_ended(&self) -> bool {
        self.workers.status().is_some_and(RunStatus::is_final)
    }

    /// A producer obeys no more: what it was doing is interrupted, and never done again.
    fn gone(&mut self, producer: &str) {
        let is_its = |command: &KeptCommand| {
            command.is_claimable()
                && match &command.claim {
                    Some(claim) => &*claim.producer == producer,
                    // Nobody else may claim it.
                    None => command.target.producer().is_some_and(|only| &**only == producer),
                }
        };
        for place in self.commands.places(is_its) {
            self.commands.end(place, super::CommandState::Interrupted);
        }
        self.asks.interrupt(|ask| &*ask.producer == producer);
    }

    /// The run has ended.
    fn end_all(&mut self) {
        let cancelled = self.workers.status() == Some(RunStatus::Cancelled);
        for place in self.commands.places(|_| true) {
            let cancels = self.commands.at(place).is_some_and(KeptCommand::cancels_run);
            let state = if cancelled && cancels { super::CommandState::Done } else { super::CommandState::Interrupted };
            self.commands.lay_down(place, state);
        }
        self.asks.interrupt(|_| true);
        self.workers.end();
    }
}

/// The events that are folded.
enum Folds {
    Server(ServerEvent),
    Producer(ProducerEvent),
}

impl Folds {
    fn of(event_type: &str) -> Option<Self> {
        let producers = match ProducerEvent::parse(event_type) {
            Some(
                event @ (ProducerEvent::Worker
                | ProducerEvent::RunStatus
                | ProducerEvent::AiStuck
                | ProducerEvent::CommandStatus),
            ) => return Some(Self::Producer(event)),
            other => other,
        };
        let mut all = ServerEvent::ALL.iter().copied().filter(|_| producers.is_none());
        all.find(|event| event.is_control() && event.as_str() == event_type).map(Self::Server)
    }
}

impl KeptCommand {
    /// Whether it pauses the run, or a part of it, now.
    pub(super) fn pauses(&self) -> bool {
        self.kind == super::CommandKind::Pause && self.stands
    }

    /// Whether it holds failing tests open now.
    fn holds(&self) -> bool {
        self.kind == super::CommandKind::Hold && self.stands && self.is_set
    }

    /// Whether it is to end the run, not only a test of it.
    pub(super) fn cancels_run(&self) -> bool {
        self.kind == super::CommandKind::Cancel && self.test_id.is_none() && self.target.is_all()
    }

    /// Whether a person wants it.
    pub(super) fn is_humans(&self) -> bool {
        self.by.kind == PrincipalKind::Human
    }
}

impl Lease {
    /// Whether the token names this lease.
    pub(super) fn is(&self, token: Cursor) -> bool {
        self.cursor == token
    }

    /// Whether this one holds it.
    pub(super) fn is_held_by(&self, subject: &Arc<str>) -> bool {
        self.holder.subject == *subject
    }
}
