use serde_json::json;

use super::*;

const ID: &str = "019aa700-0000-7000-8000-000000000001";

fn parse(command: &Value) -> Result<GivenCommand, ControlError> {
    GivenCommand::parse(command.to_string().as_bytes(), 16 * 1024)
}

fn with_id(mut command: Value) -> Value {
    command["commandId"] = ID.into();
    command
}

#[test]
fn every_command_of_the_table_is_read() {
    for (command, kind) in [
        (json!({"type": "pause", "maxSecs": 5, "now": true}), CommandKind::Pause),
        (json!({"type": "cancel", "testId": "t", "reason": "r"}), CommandKind::Cancel),
        (json!({"type": "resume", "target": {"producer": "w"}}), CommandKind::Resume),
        (json!({"type": "hold", "when": "never"}), CommandKind::Hold),
        (json!({"type": "update_instructions", "instructions": "i", "mode": "append"}), CommandKind::Instructions),
        (json!({"type": "step", "expiresInSecs": 3600}), CommandKind::Step),
        (json!({"type": "run_to", "location": "a/b.ts:7"}), CommandKind::RunTo),
        (
            json!({"type": "manual_action", "action": {"action": "click", "point": {"x": 1, "y": 2.5}}}),
            CommandKind::Action,
        ),
        (json!({"type": "step_override", "action": {"type": "replace", "code": "x"}}), CommandKind::Override),
        (json!({"type": "replay_step", "stepNumber": 3}), CommandKind::Replay),
        (json!({"type": "answer", "askId": "a", "value": null}), CommandKind::Answer),
        (json!({"type": "answer", "askId": "a", "resolution": "cancelled"}), CommandKind::Answer),
        (json!({"type": "extend", "askId": "a", "secs": 5}), CommandKind::Extend),
        (json!({"type": "withdraw", "withdraws": ID}), CommandKind::Withdraw),
        (json!({"type": "take_control", "steal": false}), CommandKind::Take),
        (json!({"type": "release_control", "lease": "7:3"}), CommandKind::Release),
    ] {
        let given = parse(&with_id(command.clone())).unwrap_or_else(|error| panic!("{command}: {error}"));
        assert_eq!((given.kind, &*given.id), (kind, ID));
    }
}

#[test]
fn what_is_wrong_is_named() {
    let point = json!({"type": "manual_action", "action": {"action": "click", "point": {"x": 1}}});
    for (command, field) in [
        (json!({}), "type"),
        (json!({"type": 1}), "type"),
        (json!({"type": "pauze"}), "type"),
        (json!({"type": "renew_control"}), "type"),
        (json!({"type": "pause", "maxSec": 1}), "maxSec"),
        (json!({"type": "pause", "maxSecs": 0}), "maxSecs"),
        (json!({"type": "pause", "maxSecs": "1"}), "maxSecs"),
        (json!({"type": "pause", "expiresInSecs": 1}), "expiresInSecs"),
        (json!({"type": "step", "expiresInSecs": 3601}), "expiresInSecs"),
        (json!({"type": "step", "lease": "x"}), "lease"),
        (json!({"type": "step", "target": {}}), "target"),
        (json!({"type": "step", "target": {"producer": "a", "testId": "t"}}), "target"),
        (json!({"type": "step", "target": {"slot": {"producer": "a"}}}), "target.slot.slot"),
        (json!({"type": "step", "target": {"who": "a"}}), "target.who"),
        (json!({"type": "step", "expect": {"seq": 1}}), "expect.seq"),
        (json!({"type": "step", "expect": {"stepNumber": "1"}}), "expect.stepNumber"),
        (json!({"type": "hold"}), "when"),
        (json!({"type": "hold", "when": "always"}), "when"),
        (json!({"type": "update_instructions", "instructions": "", "mode": "append"}), "instructions"),
        (json!({"type": "run_to", "location": "a.ts"}), "location"),
        (json!({"type": "run_to", "location": "a.ts:+1"}), "location"),
        (json!({"type": "run_to", "location": "a.ts:0"}), "location"),
        (json!({"type": "run_to", "location": "a\u{0}.ts:1"}), "location"),
        (json!({"type": "manual_action", "action": {"action": "poke"}}), "action.action"),
        (json!({"type": "manual_action", "action": {"action": "click", "secret": "s"}}), "action.secret"),
        (point, "action.point"),
        (json!({"type": "step_override", "action": {}}), "action.type"),
        (json!({"type": "replay_step"}), "stepNumber"),
        (json!({"type": "replay_step", "stepNumber": 1, "stepId": "s"}), "stepId"),
        (json!({"type": "answer", "askId": "a"}), "value"),
        (json!({"type": "answer", "askId": "a", "value": 1, "candidateId": "c"}), "candidateId"),
        (json!({"type": "answer", "askId": "a", "value": 1, "resolution": "cancelled"}), "value"),
        (json!({"type": "extend", "askId": "a", "secs": 4}), "secs"),
        (json!({"type": "withdraw"}), "withdraws"),
    ] {
        let error = parse(&with_id(command.clone())).unwrap_err();
        let ControlError::Invalid { field: found, .. } = &error else { panic!("{error:?}") };
        assert_eq!(&**found, field, "{command}: {error}");
    }
    for id in [json!(null), json!("x"), json!("019aa700-0000-4000-8000-000000000001")] {
        let error = parse(&json!({"type": "pause", "commandId": id})).unwrap_err();
        assert!(error.to_string().starts_with("commandId: "), "{error}");
    }
    let unknown = parse(&with_id(json!({"type": "nope"}))).unwrap_err().to_string();
    assert!(unknown.ends_with("release_control, renew_control"), "all that can be sent: {unknown}");
    assert_eq!(GivenCommand::parse(b"[]", 100).unwrap_err().code(), "invalid_command");
    assert_eq!(GivenCommand::parse(&[b' '; 101], 100).unwrap_err().code(), "command_too_large");
}

#[test]
fn a_repeat_has_the_same_digest_however_it_is_written_and_another_command_has_not() {
    let digest = |text: &str| GivenCommand::parse(text.replace("ID", ID).as_bytes(), 10_000).unwrap().digest;
    let first = digest(r#"{"type":"answer","commandId":"ID","askId":"a","value":{"a":1,"b":[1.5,"é"]}}"#);
    for same in [
        r#"{"value" : {"b":[1.50,"\u00e9"],"a":1.0}, "askId":"a","type":"answer","commandId":"ID","lease":"7:3"}"#,
        r#"{"value":{"b":[15e-1,"é"],"a":1},"lease":"7:4","askId":"a","type":"answer","commandId":"ID"}"#,
    ] {
        assert_eq!(digest(same), first, "{same}");
    }
    let loud = r#"{"type":"answer","commandId":"ID","askId":"a","value":{"a":1,"b":[1.5,"é"]}}"#;
    assert_eq!(digest(&loud.replace("ID", &ID.to_uppercase())), first, "an id may be in upper case");
    for other in [
        r#"{"type":"answer","commandId":"ID","askId":"a","value":{"a":1,"b":["é",1.5]}}"#,
        r#"{"type":"answer","commandId":"ID","askId":"a","value":{"a":1,"b":[1.5,"é"],"lease":1}}"#,
        r#"{"type":"answer","commandId":"ID","askId":"a","value":{"a":"1","b":[1.5,"é"]}}"#,
    ] {
        assert_ne!(digest(other), first, "{other}");
    }
}

#[test]
fn an_id_tells_when_it_was_made() {
    let given = parse(&with_id(json!({"type": "pause"}))).unwrap();
    let made = given.made_at;
    for (ms, out) in [(0, false), (MAX_AGE_MS, false), (MAX_AGE_MS + 1, true), (-MAX_AGE_MS - 1, true)] {
        assert_eq!(given.is_out_of_time(made.plus_millis(ms)), out, "{ms}");
    }
}
