//! Each line of the command line, and the command that it becomes.

use clap::Parser as _;

use serde_json::{Value, json};

use super::command::Misuse;
use crate::cli::{Cli, CliCommand};

fn command(line: &str, secret: Option<&str>) -> Result<Value, Misuse> {
    let words = format!("runcast steer r {line}");
    let CliCommand::Steer(args) = Cli::try_parse_from(words.split(' ')).unwrap().into_command() else {
        panic!("not steer")
    };
    let secret = secret.map(str::to_owned);
    args.action.unwrap().command(&args.target, args.expires_in, secret).map(Value::Object)
}

#[test]
fn each_action_becomes_the_command_that_the_server_knows() {
    for (line, want) in [
        ("pause", json!({"type": "pause"})),
        ("pause --max-secs 60 --now", json!({"type": "pause", "maxSecs": 60, "now": true})),
        ("resume --target p:1", json!({"type": "resume", "target": {"producer": "p:1"}})),
        ("hold", json!({"type": "hold", "when": "failure"})),
        ("hold never", json!({"type": "hold", "when": "never"})),
        ("step --slot p:1:2", json!({"type": "step", "target": {"slot": {"producer": "p:1", "slot": 2}}})),
        ("run-to a/b.js:12 --test t", json!({"type": "run_to", "location": "a/b.js:12", "target": {"testId": "t"}})),
        ("cancel", json!({"type": "cancel"})),
        ("cancel --test t --reason no", json!({"type": "cancel", "testId": "t", "reason": "no"})),
        ("say quick", json!({"type": "update_instructions", "instructions": "quick", "mode": "append"})),
        ("say quick --replace", json!({"type": "update_instructions", "instructions": "quick", "mode": "replace"})),
        (
            "click --point 1,-2.5 --expires-in 9",
            json!({"type": "manual_action", "action": {"action": "click", "point": {"x": 1.0, "y": -2.5}}, "expiresInSecs": 9}),
        ),
        (
            "fill --selector #a --value -x --description why",
            json!({"type": "manual_action", "action": {"action": "fill", "selector": "#a", "value": "-x", "description": "why"}}),
        ),
        ("override retry", json!({"type": "step_override", "action": {"type": "retry"}})),
        ("replay 12", json!({"type": "replay_step", "stepNumber": 12})),
        ("replay s-12", json!({"type": "replay_step", "stepId": "s-12"})),
        (
            "answer a --candidate c",
            json!({"type": "answer", "askId": "a", "candidateId": "c", "resolution": "resolved"}),
        ),
        ("answer a --value 5", json!({"type": "answer", "askId": "a", "value": "5", "resolution": "resolved"})),
        ("answer a --json-value 5", json!({"type": "answer", "askId": "a", "value": 5, "resolution": "resolved"})),
        ("answer a --cancel", json!({"type": "answer", "askId": "a", "resolution": "cancelled"})),
        ("extend a 600", json!({"type": "extend", "askId": "a", "secs": 600})),
        ("withdraw c", json!({"type": "withdraw", "withdraws": "c"})),
        ("take", json!({"type": "take_control"})),
        ("take --steal", json!({"type": "take_control", "steal": true})),
        ("release", json!({"type": "release_control"})),
        ("renew --as ada", json!({"type": "renew_control"})),
    ] {
        assert_eq!(command(line, None), Ok(want), "{line}");
    }
}

#[test]
fn a_secret_is_put_where_the_server_keeps_it_from_the_log() {
    let fill = json!({"type": "manual_action", "action": {"action": "fill", "selector": "#p", "secret": "s3"}});
    assert_eq!(command("fill --selector #p --secret", Some("s3")), Ok(fill));
    let answer = json!({"type": "answer", "askId": "a", "value": "s3", "resolution": "resolved"});
    assert_eq!(command("answer a --secret", Some("s3")), Ok(answer));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for line in [
        "hold always",
        "run-to a.js",
        "run-to a.js:0",
        "run-to :5",
        "say",
        "click --point 1",
        "click --point 1,nan",
        "fill --value a --secret",
        "fill --secret x",
        "override replace",
        "answer a",
        "answer a --cancel --value 5",
        "answer a --json-value {",
        "extend a 4",
        "step --slot p",
        "step --target p --test t",
        "step --expires-in 0",
        "withdraw",
        "dance",
    ] {
        let words = format!("runcast steer r {line}");
        assert!(Cli::try_parse_from(words.split(' ')).is_err(), "{line}");
    }
    assert_eq!(command("take --target p", None).unwrap_err().flag, "--target");
    assert_eq!(command("pause --expires-in 5", None).unwrap_err().flag, "--expires-in");
    assert!(Cli::try_parse_from(["runcast", "steer", "r"]).is_ok(), "alone it shows what can be done");
    assert!(Cli::try_parse_from(["runcast", "steer", "a/b"]).is_err());
}

#[test]
fn a_secret_is_asked_for_only_where_one_was_announced() {
    let prompt = |line: &str| {
        let words = format!("runcast steer r {line}");
        let CliCommand::Steer(args) = Cli::try_parse_from(words.split(' ')).unwrap().into_command() else {
            panic!("not steer")
        };
        args.action.unwrap().secret_prompt()
    };
    assert_eq!(prompt("answer a --secret").unwrap(), "Answer to a");
    assert_eq!(prompt("fill --secret").unwrap(), "Secret to fill");
    assert_eq!(prompt("answer a --value x"), None);
    assert_eq!(prompt("pause"), None);
}
