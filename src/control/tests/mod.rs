//! Tests of the rules: a run of memory that folds what is decided, as a room does.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::protocol::event::stamp::{Stamp, StampKind, stamp};
use crate::protocol::field::assert_described;
use crate::protocol::status::RunStatus;
use crate::protocol::{Cursor, Epoch, Lines, Principal, PrincipalKind, ProducerId, Timestamp, Via};

mod acts;
mod asks;
mod golden;
mod leases;
mod polls;
mod producers;
mod properties;
mod states;

/// When the tests begin.
const START: i64 = 1_795_454_147_966;

/// A run: its log, what is folded of it, and its time.
#[derive(Clone)]
pub(super) struct TestRun {
    pub(super) log: Vec<(Cursor, String)>,
    pub(super) state: ControlState,
    pub(super) now: Timestamp,
    pub(super) epoch: Epoch,
    pub(super) status: Option<RunStatus>,
    pub(super) limits: ControlLimits,
    pub(super) signs: Vec<(Sign, Seen)>,
    pub(super) holds_time: bool,
    pub(super) due: Option<Timestamp>,
    ids: u64,
}

pub(super) fn person(name: &str) -> Principal {
    Principal::named(&name.into(), Via::Http)
}

pub(super) fn agent(name: &str) -> Principal {
    Principal { kind: PrincipalKind::Agent, via: Via::Mcp, ..person(name) }
}

impl TestRun {
    /// A run with a first event.
    pub(super) fn new() -> Self {
        let mut run = Self {
            log: Vec::new(),
            state: ControlState::default(),
            now: Timestamp::from_millis(START),
            epoch: Epoch(7),
            status: None,
            limits: ControlLimits::default(),
            signs: Vec::new(),
            holds_time: false,
            due: None,
            ids: 0,
        };
        run.post("", json!({"type": "run_status", "status": "running"}));
        run
    }

    /// A run whose workers are these.
    pub(super) fn with_workers(names: &[&str]) -> Self {
        let mut run = Self::new();
        for name in names {
            run.post(name, json!({"type": "worker", "state": "joined"}));
        }
        run
    }

    pub(super) fn facts(&self) -> Facts<'_> {
        Facts {
            now: self.now,
            epoch: Some(self.epoch),
            tip: self.log.len() as u64,
            status: self.status,
            is_sealed: false,
            is_gone: false,
            limits: &self.limits,
            holds_time: self.holds_time,
            signs: &self.signs,
        }
    }

    pub(super) fn pass(&mut self, ms: i64) {
        self.now = self.now.plus_millis(ms);
    }

    fn fold(&mut self, event: &str) -> Cursor {
        let cursor = Cursor { epoch: Some(self.epoch), seq: self.log.len() as u64 + 1 };
        self.log.push((cursor, event.to_owned()));
        self.state.apply(cursor, event.as_bytes());
        cursor
    }

    /// The run's status, on the server's word or on its producers'.
    fn judge(&mut self, server: Option<RunStatus>) {
        self.status = server.or(self.state.workers.status());
    }

    /// A producer posts an event; it is stamped as the journal does it.
    pub(super) fn post(&mut self, producer: &str, event: Value) -> Cursor {
        let kind = match event["type"].as_str().unwrap() {
            "ai_stuck" => StampKind::Ask {
                expires_ms: event["expiresInSecs"].as_i64().unwrap_or(300) * 1_000,
                sent_at: event["timestamp"].as_str().and_then(Timestamp::parse),
            },
            "worker" => StampKind::Left,
            _ => StampKind::CommandStatus,
        };
        let lines = Lines::from_stored(event.to_string().into());
        let producer = match producer {
            "" => ProducerId::own("x"),
            named => ProducerId::parse(named).unwrap(),
        };
        let stamped = stamp(&lines, &[Stamp { index: 0, kind, due_ms: None }], &producer, self.now);
        let text = String::from_utf8(stamped.bytes().to_vec()).unwrap();
        let cursor = self.fold(&text);
        self.judge(None);
        cursor
    }

    /// A producer reports of a command.
    pub(super) fn report(&mut self, producer: &str, command: &str, status: &str) -> Cursor {
        self.post(producer, json!({"type": "command_status", "commandId": command, "status": status}))
    }

    /// Stores what was decided.
    pub(super) fn store(&mut self, changes: &ControlChanges) {
        assert!(changes.conditional && !changes.events.is_empty());
        for (event, json) in &changes.events {
            let value: Value = serde_json::from_slice(json).unwrap();
            assert_described(event.fields(), &value);
            assert_eq!(value["type"], event.as_str());
            self.fold(str::from_utf8(json).unwrap());
        }
        self.due = changes.due;
        assert_eq!(self.due, self.state.next_due(&self.facts()), "the deadline that is stored is the fold's");
        let ends = changes.status.filter(|status| status.is_final());
        self.judge(ends);
    }

    /// Decides a request, and stores what is to be stored; then it must be decided for good.
    pub(super) fn ask(&mut self, request: &ControlRequest) -> Result<Answer, ControlError> {
        match self.state.decide(request, &self.facts()) {
            Decision::Answer(answer) => Ok(answer),
            Decision::Refuse(error) => Err(error),
            Decision::NeedSigns(signs) => panic!("needs {signs:?}"),
            Decision::Store(changes) => {
                self.store(&changes);
                match self.state.decide(request, &self.facts()) {
                    Decision::Answer(answer) => Ok(answer),
                    Decision::Refuse(error) => Err(error),
                    other => panic!("{request:?} is stored and not answered: {other:?}"),
                }
            }
        }
    }

    /// A UUIDv7 of now.
    pub(super) fn id(&mut self) -> String {
        self.ids += 1;
        let id = (self.now.as_millis() as u128) << 80 | 7 << 76 | 0b10 << 62 | u128::from(self.ids);
        uuid::Uuid::from_u128(id).hyphenated().to_string()
    }

    pub(super) fn request(&mut self, by: &Principal, mut command: Value) -> ControlRequest {
        if command.get("commandId").is_none() {
            command["commandId"] = self.id().into();
        }
        let command = command.to_string().into();
        ControlRequest::Command(CommandRequest { command, by: by.clone(), observed: Observed::default() })
    }

    pub(super) fn command(&mut self, by: &Principal, command: Value) -> Result<CommandAnswer, ControlError> {
        let request = self.request(by, command);
        match self.ask(&request)? {
            Answer::Command(answer) => Ok(answer),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn claim(&mut self, producer: &str, key: &str, id: &str) -> Result<ClaimAnswer, ControlError> {
        let request = ClaimRequest { command_id: id.into(), producer: producer.into(), key_hash: key.into() };
        match self.ask(&ControlRequest::Claim(request))? {
            Answer::Claim(answer) => Ok(answer),
            other => panic!("{other:?}"),
        }
    }

    /// What is due is stored; the types of the events.
    pub(super) fn end_due(&mut self) -> Vec<String> {
        let before = self.log.len();
        match self.ask(&ControlRequest::Due) {
            Ok(Answer::NotDue(due)) => {
                assert!(due.is_none_or(|due| due > self.now) || self.holds_time, "{due:?} at {}", self.now);
                self.due = due;
            }
            other => panic!("{other:?}"),
        }
        self.log[before..]
            .iter()
            .map(|(_, event)| {
                let event: Value = serde_json::from_str(event).unwrap();
                let detail = ["reason", "status"].iter().find_map(|name| event[*name].as_str());
                let kind = event["type"].as_str().unwrap();
                detail.map_or(kind.to_owned(), |detail| format!("{kind}:{detail}"))
            })
            .collect()
    }

    pub(super) fn see(&mut self, sign: Sign, seen: Seen) {
        self.signs.retain(|(known, _)| *known != sign);
        self.signs.push((sign, seen));
    }

    pub(super) fn poll(&self, producer: &str, after: Option<Cursor>) -> Commands {
        self.poll_bytes(producer, after, 64 * 1024)
    }

    pub(super) fn poll_bytes(&self, producer: &str, after: Option<Cursor>, max_bytes: usize) -> Commands {
        let request = PollRequest { producer: Some(producer.into()), after, max_bytes };
        match self.state.decide(&ControlRequest::Poll(request), &self.facts()) {
            Decision::Answer(Answer::Commands(commands)) => commands,
            other => panic!("{other:?}"),
        }
    }

    /// The types of what a producer is told.
    pub(super) fn told(&self, producer: &str, after: Option<Cursor>) -> Vec<String> {
        let told = self.poll(producer, after).commands;
        told.iter()
            .map(|entry| {
                let event: Value = serde_json::from_str(entry.event.get()).unwrap();
                assert_eq!(event["seq"], entry.cursor.seq);
                event["type"].as_str().unwrap().to_owned()
            })
            .collect()
    }

    pub(super) fn view(&self) -> Value {
        match self.state.decide(&ControlRequest::Look, &self.facts()) {
            Decision::Answer(Answer::View(view)) => serde_json::to_value(&*view).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// The state of a command.
    pub(super) fn state_of(&self, id: &str) -> CommandState {
        self.state.commands.known(id).unwrap().state
    }

    pub(super) fn last(&self) -> Value {
        serde_json::from_str(&self.log.last().unwrap().1).unwrap()
    }
}

pub(super) fn code<T: std::fmt::Debug>(result: Result<T, ControlError>) -> &'static str {
    result.unwrap_err().code()
}
