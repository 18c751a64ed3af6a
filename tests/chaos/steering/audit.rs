//! What must hold of a steered run, given its log as it is in the end. The log is read here anew, by rules of its own:
//! what the server decided is compared with it, not with the server's fold.

use std::collections::HashMap;

use serde_json::Value;

use super::people::Steered;
use super::workers::Worked;

/// An act, as the log tells of it.
#[derive(Default)]
struct Act {
    /// Who has claimed it, and the cursor's seq of the claim.
    claim: Option<(String, u64)>,
    /// How it ended.
    end: Option<&'static str>,
}

/// A run as its log tells of it.
#[derive(Default)]
struct Told<'a> {
    run: &'a str,
    acts: HashMap<String, Act>,
    /// Each question with how it ended.
    asks: HashMap<String, Option<&'static str>>,
    /// The lease: its seq, and who holds it.
    lease: Option<(u64, String)>,
    resets: u64,
    leases: u64,
}

fn text<'a>(event: &'a Value, member: &str) -> &'a str {
    event[member].as_str().unwrap_or_else(|| panic!("no {member} in {event}"))
}

/// The seq of a cursor.
fn seq_of(cursor: &str) -> u64 {
    cursor.rsplit(':').next().unwrap().parse().unwrap()
}

impl Told<'_> {
    fn act(&mut self, event: &Value) -> &mut Act {
        let run = self.run;
        self.acts.get_mut(text(event, "commandId")).unwrap_or_else(|| panic!("{run}: of an unknown act: {event}"))
    }

    fn take(&mut self, event: &Value) {
        let (run, seq) = (self.run, event["seq"].as_u64().unwrap());
        match text(event, "type") {
            "step_requested" | "action_queued" => {
                self.must_hold(event);
                let known = self.acts.insert(text(event, "commandId").to_owned(), Act::default());
                assert!(known.is_none(), "{run}: given twice: {event}");
            }
            "resume_requested" | "hold_requested" if event["by"]["kind"] != "server" => self.must_hold(event),
            "control_taken" => {
                assert!(self.lease.is_none(), "{run}: a second lease beside {:?}: {event}", self.lease);
                self.lease = Some((seq, text(&event["by"], "subject").to_owned()));
                self.leases += 1;
            }
            "control_released" => {
                let ended = seq_of(text(event, "lease"));
                let lease = self.lease.take();
                assert_eq!(lease.map(|(seq, _)| seq), Some(ended), "{run}: of another lease: {event}");
            }
            "control_reset" => {
                self.lease = None;
                self.resets += 1;
                self.acts.values_mut().filter(|act| act.end.is_none()).for_each(|act| act.end = Some("interrupted"));
            }
            "command_expired" => {
                let act = self.act(event);
                assert!(act.claim.is_none() && act.end.is_none(), "{run}: expired, but {:?} {:?}", act.claim, act.end);
                act.end = Some("expired");
            }
            "command_status" if self.acts.contains_key(text(event, "commandId")) => self.status(event, seq),
            "ai_stuck" => {
                let known = self.asks.insert(text(event, "askId").to_owned(), None);
                assert!(known.is_none(), "{run}: asked twice: {event}");
            }
            kind @ ("ask_answered" | "ask_expired") => {
                let end = self.asks.get_mut(text(event, "askId")).unwrap_or_else(|| panic!("{run}: {event}"));
                assert!(end.is_none(), "{run}: ended twice: {event}");
                *end = Some(if kind == "ask_answered" { "answered" } else { "expired" });
            }
            _ => {}
        }
    }

    /// Whoever gives what needs the lease holds it, or nobody does.
    fn must_hold(&self, event: &Value) {
        let Some((_, holder)) = &self.lease else { return };
        assert_eq!(text(&event["by"], "subject"), holder, "{}: another one has control: {event}", self.run);
    }

    fn status(&mut self, event: &Value, seq: u64) {
        let run = self.run;
        let act = self.act(event);
        match (text(event, "status"), event["producer"].as_str()) {
            ("accepted", Some(producer)) => {
                assert!(act.claim.is_none() && act.end.is_none(), "{run}: claimed after {:?}: {event}", act.claim);
                act.claim = Some((producer.to_owned(), seq));
            }
            ("interrupted", None) => {
                assert!(act.claim.is_some() && act.end.is_none(), "{run}: {:?}: {event}", act.end);
                act.end = Some("interrupted");
            }
            // A report that comes after the end changes nothing; the worker was told.
            ("done", Some(producer)) => {
                let is_its = act
                    .claim
                    .as_ref()
                    .is_some_and(|(owner, claim)| owner == producer && seq_of(text(event, "claim")) == *claim);
                if is_its && act.end.is_none() {
                    act.end = Some("done");
                }
            }
            _ => panic!("{run}: nobody says that: {event}"),
        }
    }
}

/// That the log has every command that was taken, at its cursor, and none that was refused at once; that each act was given to
/// one worker, which was told the truth, and ended once; that there was one lease at a time; that every question ended
/// once. All nodes show `control`. The counts are acts done, questions answered, leases, resets.
pub(crate) fn check_steering(
    run: &str,
    log: &[Value],
    control: &Value,
    people: &[&Steered],
    workers: &[&Worked],
) -> [u64; 4] {
    let mut told = Told { run, ..Told::default() };
    log.iter().for_each(|event| told.take(event));

    for person in people {
        for (command, answer) in &person.taken {
            let seq = seq_of(text(answer, "cursor"));
            let event = &log[seq as usize - 1];
            match text(command, "type") {
                // Whoever has control already has it by the lease that there is.
                "take_control" => {
                    let taker = text(&event["by"], "subject");
                    assert_eq!(
                        (text(event, "type"), taker),
                        ("control_taken", person.name.as_str()),
                        "{run}: {answer}"
                    );
                }
                _ => assert_eq!(event["commandId"], command["commandId"], "{run}: acknowledged and lost: {command}"),
            }
        }
        for (command, code, _) in person.refused.iter().filter(|(_, _, is_first)| *is_first) {
            let found = log.iter().find(|event| event["commandId"] == command["commandId"]);
            assert!(found.is_none(), "{run}: refused as {code}, and stored: {found:?}");
        }
    }

    let mut given = HashMap::new();
    for worker in workers {
        for (command, claim) in &worker.claimed {
            let other = given.insert(command, &worker.id);
            assert!(other.is_none(), "{run}: {command} was given to {other:?} and to {}", worker.id);
            let claimed = &told.acts[command].claim;
            assert_eq!(claimed.as_ref(), Some(&(worker.id.clone(), seq_of(claim))), "{run}: {command}");
        }
        for (command, counted) in &worker.done {
            let end = told.acts[command].end;
            if let Some(counted) = counted {
                assert_eq!(*counted, end == Some("done"), "{run}: {command} ended as {end:?}; told: {counted}");
            }
        }
        for ask in &worker.asked {
            assert!(told.asks.contains_key(ask), "{run}: asked and lost: {ask}");
        }
    }
    for (id, act) in &told.acts {
        assert!(act.end.is_some(), "{run}: {id} has no end, with its time over: {:?}", act.claim);
    }
    for (id, end) in &told.asks {
        assert!(end.is_some(), "{run}: {id} has no end, with its time over");
    }
    let holder = told.lease.as_ref().map(|(_, holder)| holder.as_str());
    assert_eq!(control["control"]["holder"]["subject"].as_str(), holder, "{run}: the fold's lease: {control}");
    for shown in control["commands"].as_array().unwrap() {
        if let Some(act) = told.acts.get(text(shown, "commandId")) {
            assert_eq!(shown["state"].as_str(), act.end, "{run}: the fold's act: {shown}");
        }
    }

    let count = |ends: Vec<Option<&str>>, wanted| ends.iter().filter(|end| **end == Some(wanted)).count() as u64;
    let done = count(told.acts.values().map(|act| act.end).collect(), "done");
    let answered = count(told.asks.values().copied().collect(), "answered");
    [done, answered, told.leases, told.resets]
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use serde_json::json;

    use super::*;

    /// A small run in which everything is as it must be.
    fn log() -> Vec<Value> {
        let by = |name: &str| json!({"subject": name, "kind": "human"});
        let events = [
            json!({"type": "control_taken", "commandId": "t", "by": by("Ann")}),
            json!({"type": "step_requested", "commandId": "a", "by": by("Ann")}),
            json!({"type": "command_status", "commandId": "a", "status": "accepted", "producer": "w1", "keyHash": "k"}),
            json!({"type": "command_status", "commandId": "a", "status": "done", "producer": "w1", "claim": "7:3"}),
            json!({"type": "control_released", "lease": "7:1", "reason": "expired"}),
            json!({"type": "control_taken", "commandId": "u", "by": by("Ben")}),
            json!({"type": "ai_stuck", "askId": "q", "producer": "w1"}),
            json!({"type": "ask_answered", "commandId": "v", "askId": "q", "by": by("Ben")}),
            json!({"type": "step_requested", "commandId": "b", "by": by("Ben")}),
            json!({"type": "command_expired", "commandId": "b"}),
        ];
        numbered(events.to_vec())
    }

    fn numbered(mut events: Vec<Value>) -> Vec<Value> {
        (1..).zip(&mut events).for_each(|(seq, event)| event["seq"] = seq.into());
        events
    }

    fn check(log: &[Value]) -> [u64; 4] {
        let step = json!({"type": "step", "commandId": "a"});
        let taken = vec![(step, json!({"cursor": "7:2"}))];
        let refused = vec![(json!({"type": "step", "commandId": "r"}), "lease_held".to_owned(), true)];
        let ann = Steered { name: "Ann".to_owned(), taken, refused, ..Steered::default() };
        let worker = Worked {
            id: "w1".to_owned(),
            claimed: vec![("a".to_owned(), "7:3".to_owned())],
            done: vec![("a".to_owned(), Some(true))],
            asked: vec!["q".to_owned()],
            ..Worked::default()
        };
        let commands = json!([{"commandId": "a", "state": "done"}, {"commandId": "b", "state": "expired"}]);
        let control = json!({"control": {"holder": {"subject": "Ben"}}, "commands": commands});
        check_steering("r", log, &control, &[&ann], &[&worker])
    }

    #[test]
    fn a_log_that_is_as_it_must_be_passes_and_each_fault_is_found() {
        assert_eq!(check(&log()), [1, 1, 2, 0]);
        type Fault = fn(&mut Vec<Value>);
        let faults: [(&str, Fault); 11] = [
            ("a command is lost", |log| drop(log.remove(1))),
            ("a refused command is there", |log| {
                log.push(json!({"type": "hold_requested", "commandId": "r", "by": {"subject": "Ben"}}))
            }),
            ("two claims", |log| {
                log.push(json!({"type": "command_status", "commandId": "a", "status": "accepted", "producer": "w2"}))
            }),
            ("another claimant", |log| log[2]["producer"] = "w2".into()),
            ("a claim after the end", |log| {
                log.push(json!({"type": "command_status", "commandId": "b", "status": "accepted", "producer": "w2"}))
            }),
            ("two ends", |log| log.push(log[9].clone())),
            ("no end", |log| drop(log.pop())),
            ("two leases", |log| drop(log.remove(4))),
            ("given by another than the holder", |log| log[8]["by"]["subject"] = "Ann".into()),
            ("a question ends twice", |log| log.push(json!({"type": "ask_expired", "askId": "q"}))),
            ("a question has no end", |log| drop(log.remove(7))),
        ];
        for (name, fault) in faults {
            let mut spoilt = log();
            fault(&mut spoilt);
            let spoilt = numbered(spoilt);
            assert!(catch_unwind(|| check(&spoilt)).is_err(), "not found: {name}");
        }
    }
}
