//! What must be true of a run's log, whatever has happened: read from its events alone, without the fold.

use std::collections::{HashMap, HashSet};

use runcast::protocol::Seq;
use runcast::protocol::status::RunStatus;
use runcast::storage::journal::Head;
use serde_json::Value;

use crate::store::Store;
use crate::trace::{say, seen};

/// What was found in a log.
#[derive(Default)]
struct Found {
    /// The lease that lives, and its holder.
    lease: Option<String>,
    /// Questions that are open, with those who asked.
    open_asks: HashMap<String, String>,
    /// Acts that nobody has claimed or ended, with those who are to do them.
    queued: HashMap<String, String>,
    /// Who has claimed an act, and not ended it.
    accepted: HashMap<String, String>,
    /// Commands that stand in the log.
    commands: HashSet<String>,
    ended_asks: HashSet<String>,
    /// Producers that have joined once.
    joined: HashSet<String>,
    /// Those of them that have ended: what they ask opens nothing until they join anew.
    ended: HashSet<String>,
    /// Those of them that have left or told how they ended: when all have, the run has ended, if only for a moment.
    finished: HashSet<String>,
    /// Questions that wait for as long as the run lasts.
    waiting_asks: HashSet<String>,
}

fn text<'a>(event: &'a Value, member: &str) -> &'a str {
    event[member].as_str().unwrap_or_default()
}

/// Checks the log at rest. `over`: time has passed until nothing was due.
pub(crate) fn audit(store: &Store, over: bool) {
    let mut found = Found::default();
    let has_ended = |head: &&Head| head.status.is_some_and(RunStatus::is_final);
    let ends: HashSet<Seq> = store.heads().filter(has_ended).map(|head| head.tip).collect();
    say!("{}", store.events().iter().map(|event| String::from_utf8_lossy(event)).collect::<Vec<_>>().join("\n"));
    for (seq, event) in (1..).zip(store.events()) {
        let event: Value = serde_json::from_slice(event).expect("an event is JSON");
        found.take(&event, &format!("event {seq}: {event}"));
        if ends.contains(&seq) {
            found.end();
        }
    }
    if over {
        let forgotten: Vec<_> = found.open_asks.keys().filter(|ask| !found.waiting_asks.contains(*ask)).collect();
        assert!(forgotten.is_empty(), "nobody has ended {forgotten:?}");
        assert!(found.queued.is_empty(), "nobody has done, expired or ended {:?}", found.queued);
        assert!(found.accepted.is_empty(), "nobody has ended what was accepted: {:?}", found.accepted);
    }
}

impl Found {
    /// The run has ended, and with it what is open.
    fn end(&mut self) {
        self.open_asks.clear();
        self.queued.clear();
        self.accepted.clear();
    }

    fn take(&mut self, event: &Value, what: &str) {
        let id = text(event, "commandId").to_owned();
        match text(event, "type") {
            "control_taken" => {
                self.once(&id, what);
                assert!(self.lease.is_none(), "two leases live: {what}");
                self.lease = Some(id);
            }
            "control_released" => {
                assert!(self.lease.take().is_some(), "no lease lives that is released: {what}");
                match text(event, "reason") {
                    "expired" => seen("lease expired"),
                    "stolen" => seen("lease stolen"),
                    _ => seen("lease released"),
                }
            }
            "control_reset" => {
                seen("control_reset");
                self.lease = None;
                self.queued.clear();
                self.accepted.clear();
            }
            "action_queued" | "step_requested" | "replay_step_requested" | "run_to_requested" => {
                self.once(&id, what);
                self.queued.insert(id, text(&event["target"], "producer").to_owned());
            }
            "command_withdrawn" => {
                self.once(&id, what);
                self.queued.remove(text(event, "withdraws"));
            }
            "command_expired" => {
                assert!(self.queued.remove(&id).is_some(), "it was not queued: {what}");
                seen("command expired");
            }
            "producer_status" if text(event, "status") == "lost" => self.end_producer(text(event, "producer")),
            "worker" => {
                let producer = text(event, "producer");
                self.end_producer(producer);
                if text(event, "state") == "joined" {
                    self.joined.insert(producer.to_owned());
                    self.ended.remove(producer);
                    self.finished.remove(producer);
                } else {
                    self.finish(producer);
                }
            }
            "run_status" if ["passed", "failed"].contains(&text(event, "status")) => {
                // As long as nobody has joined, it is the run's.
                if self.joined.is_empty() {
                    self.end();
                }
                self.end_producer(text(event, "producer"));
                self.finish(text(event, "producer"));
            }
            "command_status" => self.take_status(event, id, what),
            "ai_stuck" if event["stale"] != true && !self.ended.contains(text(event, "producer")) => {
                let ask = text(event, "askId").to_owned();
                if event["onTimeout"]["action"] == "wait" {
                    self.waiting_asks.insert(ask.clone());
                }
                self.open_asks.insert(ask, text(event, "producer").to_owned());
            }
            "ask_answered" | "ask_expired" => self.end_ask(event, what),
            "ask_extended"
            | "pause_requested"
            | "resume_requested"
            | "hold_requested"
            | "cancel_requested"
            | "instructions_updated" => self.once(&id, what),
            _ => {}
        }
    }

    /// A producer has ended, or is there anew: what it asked and did has ended with it.
    fn end_producer(&mut self, producer: &str) {
        if !self.joined.contains(producer) {
            return;
        }
        self.ended.insert(producer.to_owned());
        self.open_asks.retain(|_, by| by != producer);
        self.accepted.retain(|_, by| by != producer);
        self.queued.retain(|_, to| to != producer);
    }

    /// A producer has left or told how it ended; with the last of them the run ends.
    fn finish(&mut self, producer: &str) {
        if self.joined.contains(producer) {
            self.finished.insert(producer.to_owned());
            if self.finished == self.joined {
                self.end();
            }
        }
    }

    /// Every id of a command stands in the log once; the server's own commands have ids, too.
    fn once(&mut self, id: &str, what: &str) {
        assert!(id.is_empty() || self.commands.insert(id.to_owned()), "a command stands in the log twice: {what}");
    }

    fn take_status(&mut self, event: &Value, id: String, what: &str) {
        let (status, is_server) = (text(event, "status"), event["keyHash"].is_string());
        match status {
            "accepted" if is_server => {
                assert!(self.queued.remove(&id).is_some(), "an act is claimed that is not queued: {what}");
                self.accepted.insert(id, text(event, "producer").to_owned());
            }
            "interrupted" => {
                seen("act interrupted");
                self.queued.remove(&id);
                self.accepted.remove(&id);
            }
            // A report of another producer changes nothing.
            "done" | "failed" | "rejected"
                if self.accepted.get(&id).is_some_and(|producer| producer == text(event, "producer")) =>
            {
                self.accepted.remove(&id);
            }
            _ => {}
        }
    }

    fn end_ask(&mut self, event: &Value, what: &str) {
        let ask = text(event, "askId").to_owned();
        assert!(self.open_asks.remove(&ask).is_some(), "a question ends that is not open: {what}");
        assert!(self.ended_asks.insert(ask), "a question ends twice: {what}");
        seen(match (text(event, "type"), text(event, "reason")) {
            ("ask_answered", _) => "ask answered",
            (_, "interrupted") => "ask interrupted",
            _ => "ask expired",
        });
    }
}
