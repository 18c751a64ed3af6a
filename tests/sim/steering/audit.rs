//! What must be true of a run's log, whatever has happened: read from its events alone, without the fold.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::store::Store;
use crate::trace::seen;

/// What was found in a log.
#[derive(Default)]
struct Found {
    /// The lease that lives, and its holder.
    lease: Option<String>,
    /// Questions that are open.
    open_asks: HashSet<String>,
    /// Acts that nobody has claimed or ended.
    queued: HashSet<String>,
    /// Who has claimed an act, and not ended it.
    accepted: HashMap<String, String>,
    /// Commands that stand in the log.
    commands: HashSet<String>,
    ended_asks: HashSet<String>,
}

fn text<'a>(event: &'a Value, member: &str) -> &'a str {
    event[member].as_str().unwrap_or_default()
}

/// Checks the log at rest. `over`: time has passed until nothing was due.
pub(crate) fn audit(store: &Store, over: bool) {
    let mut found = Found::default();
    for (seq, event) in (1..).zip(store.events()) {
        let Ok(event) = serde_json::from_slice::<Value>(event) else { continue };
        found.take(&event, &format!("event {seq}: {event}"));
    }
    if over {
        assert!(found.open_asks.is_empty(), "nobody has ended {:?}", found.open_asks);
        assert!(found.queued.is_empty(), "nobody has done, expired or ended {:?}", found.queued);
        assert!(found.accepted.is_empty(), "nobody has ended what was accepted: {:?}", found.accepted);
        assert!(found.lease.is_none(), "a lease lives for ever");
    }
}

impl Found {
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
                self.accepted.clear();
            }
            "action_queued" | "step_requested" | "replay_step_requested" | "run_to_requested" => {
                self.once(&id, what);
                self.queued.insert(id);
            }
            "command_withdrawn" => {
                self.once(&id, what);
                self.queued.remove(text(event, "withdraws"));
            }
            "command_expired" => {
                assert!(self.queued.remove(&id), "it was not queued: {what}");
                seen("command expired");
            }
            "command_status" => self.take_status(event, id, what),
            "ai_stuck" if event["stale"] != true => _ = self.open_asks.insert(text(event, "askId").to_owned()),
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

    /// Every id of a command stands in the log once; the server's own commands have ids, too.
    fn once(&mut self, id: &str, what: &str) {
        assert!(id.is_empty() || self.commands.insert(id.to_owned()), "a command stands in the log twice: {what}");
    }

    fn take_status(&mut self, event: &Value, id: String, what: &str) {
        let (status, is_server) = (text(event, "status"), event["keyHash"].is_string());
        match status {
            "accepted" if is_server => {
                assert!(self.queued.remove(&id), "an act is claimed that is not queued: {what}");
                self.accepted.insert(id, text(event, "producer").to_owned());
            }
            "interrupted" => {
                seen("act interrupted");
                self.queued.remove(&id);
                self.accepted.remove(&id);
            }
            "done" | "failed" | "rejected" => {
                // A report of another producer changes nothing.
                if self.accepted.get(&id).is_some_and(|producer| producer == text(event, "producer")) {
                    self.accepted.remove(&id);
                }
            }
            _ => {}
        }
    }

    fn end_ask(&mut self, event: &Value, what: &str) {
        let ask = text(event, "askId").to_owned();
        assert!(self.open_asks.remove(&ask), "a question ends that is not open: {what}");
        assert!(self.ended_asks.insert(ask), "a question ends twice: {what}");
        seen(match (text(event, "type"), text(event, "reason")) {
            ("ask_answered", _) => "ask answered",
            (_, "interrupted") => "ask interrupted",
            _ => "ask expired",
        });
    }
}
