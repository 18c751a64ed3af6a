use serde_json::json;

use super::*;

fn said(printer: &mut SteeringPrinter, event: Value) -> String {
    let producers = ProducerEvent::parse(event["type"].as_str().unwrap());
    let sentence = match producers {
        Some(kind) => printer.producer_event(kind, &event),
        None => printer.server_event(&event, |id| format!("<{id}>")),
    };
    let sentence = sentence.unwrap_or_else(|| panic!("nothing is said of {event}"));
    format!("{}: {}", sentence.label, sentence.text)
}

#[test]
fn whatever_steers_is_said_in_a_sentence() {
    let mut printer = SteeringPrinter::default();
    let ann = json!({"subject": "s", "name": "Ann", "kind": "human"});
    let slot = json!({"slot": {"producer": "w", "slot": 2}});
    let fill = json!({"action": "fill", "selector": "#q", "value": "tea"});
    let bot = json!({"subject": "bot", "kind": "agent"});
    for (event, want) in [
        (json!({"type": "pause_requested", "commandId": "1", "by": ann}), "control: Ann paused the run"),
        (
            json!({"type": "pause_requested", "by": bot, "target": {"producer": "w-1"}}),
            "control: bot (an agent) paused w-1",
        ),
        (
            json!({"type": "cancel_requested", "by": ann, "testId": "t", "reason": "flaky"}),
            "control: Ann cancelled the test <t>: flaky",
        ),
        (json!({"type": "resume_requested", "by": ann}), "control: Ann resumed the run"),
        (json!({"type": "hold_requested", "by": ann, "when": "failure"}), "control: Ann lets failing tests stay open"),
        (
            json!({"type": "instructions_updated", "by": ann, "mode": "append", "instructions": "Be quick."}),
            "control: Ann added instructions: Be quick.",
        ),
        (
            json!({"type": "run_to_requested", "by": ann, "location": "a.ts:3", "target": slot}),
            "control: Ann lets slot 2 of w run to a.ts:3",
        ),
        (
            json!({"type": "action_queued", "commandId": "2", "by": ann, "action": fill}),
            "control: Ann acts by hand: fill #q \"tea\"",
        ),
        (
            json!({"type": "command_status", "commandId": "2", "status": "accepted", "producer": "w-1"}),
            "control: w-1 works on Ann's fill #q \"tea\"",
        ),
        (
            json!({"type": "command_status", "commandId": "2", "status": "failed", "producer": "w", "detail": "no #q"}),
            "control: w failed at Ann's fill #q \"tea\": no #q",
        ),
        (
            json!({"type": "command_status", "commandId": "1", "status": "done", "producer": "-"}),
            "control: a worker has done Ann's pause",
        ),
        (json!({"type": "command_status", "commandId": "9", "status": "interrupted"}), "control: 9 was interrupted"),
        (json!({"type": "command_expired", "commandId": "1"}), "control: nobody took on Ann's pause in time"),
        (
            json!({"type": "command_withdrawn", "by": ann, "withdraws": "2"}),
            "control: Ann took back Ann's fill #q \"tea\"",
        ),
        (
            json!({"type": "control_taken", "by": bot, "steal": true}),
            "control: bot (an agent) took control from another",
        ),
        (
            json!({"type": "control_released", "reason": "expired"}),
            "control: the holder of control was not seen any more: control is free",
        ),
        (
            json!({
                "type": "worker", "state": "joined", "producer": "w-1", "variant": "webkit",
                "shard": {"current": 1, "total": 4}, "can": ["pause", "step"],
            }),
            "worker: w-1 joined, webkit, shard 1 of 4, obeys pause, step",
        ),
        (json!({"type": "worker", "state": "left", "producer": "w-1"}), "worker: w-1 left"),
        (
            json!({"type": "producer_status", "producer": "w-1", "status": "silent"}),
            "worker: w-1 gives no sign of life",
        ),
        (
            json!({
                "type": "ai_stuck", "askId": "a1", "producer": "w-1", "needs": "choice", "message": "Which one?",
                "candidates": [{"id": "x", "label": "Buy"}],
            }),
            "ask: w-1 asks: Which one? [a1, needs a choice]; choose Buy (x)",
        ),
        (
            json!({"type": "ask_answered", "askId": "a1", "by": ann, "resolution": "resolved", "candidateId": "x"}),
            "ask: Ann answered a1 with x",
        ),
        (
            json!({"type": "ask_answered", "askId": "a1", "by": ann, "resolution": "cancelled"}),
            "ask: Ann does not answer a1",
        ),
        (
            json!({"type": "ask_expired", "askId": "a1", "reason": "timeout", "action": "skip"}),
            "ask: nobody answered a1 in time: then skip",
        ),
    ] {
        assert_eq!(said(&mut printer, event), want);
    }
}

#[test]
fn every_event_of_steering_has_a_sentence_also_without_its_members() {
    let mut printer = SteeringPrinter::default();
    for kind in ServerEvent::ALL.iter().filter(|kind| kind.is_control()) {
        let event = json!({"type": kind.as_str()});
        let is_said = match ProducerEvent::parse(kind.as_str()) {
            Some(producers) => {
                producers == ProducerEvent::RunStatus || printer.producer_event(producers, &event).is_some()
            }
            None => printer.server_event(&event, str::to_owned).is_some(),
        };
        assert!(is_said, "{event}");
    }
    for name in ["artifact", "sealed", "events_lost", "whatever"] {
        assert!(printer.server_event(&json!({"type": name}), str::to_owned).is_none());
    }
}
