//! A person or an agent that gives commands, and repeats those that it is not sure of, on any node.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use runcast::control::{Answer, CommandAnswer, CommandRequest, ControlRequest, Observed};
use runcast::protocol::principal::{Principal, PrincipalKind, Via};
use runcast::protocol::{Cursor, Timestamp};
use serde_json::{Value, json};

use super::question::{Ended, Question};
use super::signs::Signs;
use crate::chance::Dice;
use crate::registry::NodeRooms;
use crate::store::Store;
use crate::trace::seen;

/// See the module.
pub(crate) struct Controller {
    by: Principal,
    made: u64,
    /// The command that it wants done, until it knows what became of it.
    command: Option<Arc<ControlRequest>>,
    waiting: Option<Question>,
    /// Its lease, as far as it knows.
    lease: Option<Cursor>,
    /// The last control event that it knows of.
    knows: Option<Cursor>,
    /// What it was answered.
    answered: HashMap<Arc<str>, CommandAnswer>,
    /// Its last command, which a late duplicate repeats.
    last: Option<Arc<ControlRequest>>,
}

/// A UUID of version 7 with this time.
pub(crate) fn uuid(at: Timestamp, dice: &mut Dice) -> String {
    let (ms, random) = (at.as_millis() as u64, dice.next());
    format!(
        "{:08x}-{:04x}-7{:03x}-8{:03x}-{:012x}",
        ms >> 16,
        ms & 0xFFFF,
        random & 0xFFF,
        (random >> 12) & 0xFFF,
        random >> 16
    )
}

impl Controller {
    pub(crate) fn new(index: usize) -> Self {
        let kind = if index % 3 == 2 { PrincipalKind::Agent } else { PrincipalKind::Human };
        let via = if kind == PrincipalKind::Agent { Via::Mcp } else { Via::Http };
        let name: Arc<str> = format!("s{index}").into();
        Self {
            by: Principal { subject: name.clone(), name, kind, via, verified: false },
            made: 0,
            command: None,
            waiting: None,
            lease: None,
            knows: None,
            answered: HashMap::new(),
            last: None,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.command.is_none() && self.waiting.is_none()
    }

    /// Wants something new, unless it waits for something already.
    pub(crate) fn want(&mut self, store: &Store, workers: &[String], asks: &[String], dice: &mut Dice) {
        if !self.is_done() {
            return;
        }
        self.made += 1;
        let id = uuid(store.wall(), dice);
        let producer = dice.pick(workers).clone();
        let act = |dice: &mut Dice, name: &str, mut members: Value| {
            members["type"] = name.into();
            members["target"] = json!({ "producer": producer });
            members["expiresInSecs"] = json!(dice.between(1, 12));
            members
        };
        // Acts most of all: that each is done once is the promise that is hardest to keep.
        let mut command = match dice.below(24) {
            16.. => act(dice, "manual_action", json!({ "action": { "action": "click", "selector": "#b" } })),
            0 => json!({ "type": "pause", "maxSecs": dice.between(1, 3) }),
            1 => json!({ "type": "resume" }),
            2 => json!({ "type": "hold", "when": "never" }),
            3 => json!({ "type": "update_instructions", "instructions": "look", "mode": "append" }),
            4 => act(dice, "step", json!({})),
            5..8 => act(dice, "manual_action", json!({ "action": { "action": "click", "selector": "#a" } })),
            8 => act(dice, "replay_step", json!({ "stepNumber": 1 })),
            9 if !asks.is_empty() => json!({ "type": "answer", "askId": dice.pick(asks), "value": "yes" }),
            10 if !asks.is_empty() => json!({ "type": "extend", "askId": dice.pick(asks), "secs": dice.between(5, 9) }),
            11 => match self.answered.keys().next() {
                Some(known) => json!({ "type": "withdraw", "withdraws": &**known }),
                None => json!({ "type": "resume" }),
            },
            12 => json!({ "type": "release_control" }),
            13 if dice.one_in(2) => json!({ "type": "take_control", "steal": true }),
            14 if dice.one_in(8) => json!({ "type": "cancel" }),
            _ => json!({ "type": "take_control" }),
        };
        command["commandId"] = id.into();
        if let Some(lease) = self.lease.filter(|_| dice.one_in(2)) {
            command["lease"] = lease.to_string().into();
        }
        let command = Bytes::from(serde_json::to_vec(&command).expect("it is JSON"));
        let request = CommandRequest { command, by: self.by.clone(), observed: Observed::default() };
        self.command = Some(Arc::new(ControlRequest::Command(request)));
    }

    /// Asks for what it wants, or repeats an old command.
    pub(crate) fn ask(&mut self, node_rooms: &mut NodeRooms, store: &Store, dice: &mut Dice) {
        if self.waiting.is_some() {
            return;
        }
        if self.command.is_none() && dice.one_in(3) {
            self.command = self.last.clone();
            seen("command repeated");
        }
        let Some(command) = self.command.clone() else { return };
        let at_least = self.knows.filter(|_| dice.one_in(2));
        self.waiting = Question::ask(command, at_least, node_rooms, store);
    }

    /// The network loses the request's answer.
    pub(crate) fn lose_answer(&mut self) {
        if self.waiting.take().is_some() {
            seen("steering answer lost");
        }
    }

    /// Reads its answer if it has come.
    pub(crate) fn take(
        &mut self,
        node_rooms: &mut NodeRooms,
        store: &Store,
        signs: &mut Signs,
        dice: &mut Dice,
    ) -> bool {
        let Some(question) = self.waiting.take() else { return false };
        match question.take(node_rooms, store, signs, dice) {
            Err(question) => {
                self.waiting = Some(question);
                return false;
            }
            Ok(Ended::Again) => {}
            Ok(Ended::Refused(code)) => {
                if code == "lease_lost" {
                    self.lease = None;
                }
                self.last = self.command.take();
            }
            Ok(Ended::Answered(answer, control)) => {
                signs.note(runcast::control::Sign::Subject(self.by.subject.clone()), store.wall());
                self.knows = control;
                if let Answer::Command(answer) = answer {
                    self.answered(answer, store);
                }
                self.last = self.command.take();
            }
        }
        true
    }

    fn answered(&mut self, answer: CommandAnswer, store: &Store) {
        seen("command answered");
        if let Some(before) = self.answered.get(&answer.command_id).filter(|before| store.holds(before.cursor)) {
            assert_eq!(before.cursor, answer.cursor, "a command stands in the log twice");
        }
        let event = answer.cursor.epoch.and_then(|epoch| store.event(epoch, answer.cursor.seq));
        if event.is_some_and(|event| event.windows(13).any(|part| part == b"control_taken")) {
            self.lease = Some(answer.cursor);
        }
        self.answered.insert(answer.command_id.clone(), answer);
    }

    /// Commands that were answered are in the log, unless the store has lost them.
    pub(crate) fn check_at_rest(&self, store: &Store) {
        for (id, answer) in self.answered.iter().filter(|(_, answer)| store.holds(answer.cursor)) {
            let event = store.events().get(answer.cursor.seq as usize - 1);
            let event = event.map(|event| String::from_utf8_lossy(event)).unwrap_or_default();
            let fits = event.contains(&**id) || event.contains("control_taken");
            assert!(fits, "{id} was answered and is not in the log");
        }
    }
}
