//! What members must be, beyond the table of their kinds.

use serde_json::{Map, Value};

use super::{SECRET_MAC, integer, invalid};
use crate::control::CommandKind;
use crate::control::ControlError;

/// Longest id of a question, a candidate, a test or a producer, in characters.
const MAX_ID: usize = 1_000;
/// How long an act may be claimed, in seconds.
const EXPIRES_SECS: std::ops::RangeInclusive<u64> = 1..=3_600;
/// How long a question may be extended, in seconds from now: 5 s to 24 h.
const EXTEND_SECS: std::ops::RangeInclusive<u64> = 5..=86_400;
/// The members of `expect`.
const EXPECTED: [&str; 6] = ["askId", "target", "stepNumber", "stepId", "testId", "status"];
/// The kinds of a manual action.
const ACTIONS: [&str; 10] =
    ["click", "fill", "type", "press", "hover", "select", "scroll", "navigate", "back", "upload"];
/// The members of a manual action.
const ACTION_MEMBERS: [&str; 6] = ["action", "selector", "point", "value", SECRET_MAC, "description"];
/// The kinds of an override.
const OVERRIDES: [&str; 5] = ["skip", "retry", "replace", "pass", "fail"];

type Checked = Result<(), ControlError>;

pub(super) fn check(kind: CommandKind, members: &Map<String, Value>) -> Checked {
    range(members, "expiresInSecs", EXPIRES_SECS)?;
    if let Some(target) = members.get("target") {
        check_target("target", target)?;
    }
    if let Some(expect) = members.get("expect").and_then(Value::as_object) {
        check_expect(expect)?;
    }
    for name in ["askId", "candidateId", "testId", "stepId", "withdraws"] {
        if members.get(name).and_then(Value::as_str).is_some_and(|id| id.len() > MAX_ID) {
            return Err(invalid(name, "is too long"));
        }
    }
    match kind {
        CommandKind::Pause => range(members, "maxSecs", 1..=u64::from(u32::MAX)),
        CommandKind::Extend => range(members, "secs", EXTEND_SECS),
        CommandKind::RunTo => check_location(members),
        CommandKind::Action => check_action(members),
        CommandKind::Override => {
            let kind = members.get("action").and_then(|action| action.get("type")).and_then(Value::as_str);
            one_of("action.type", kind, &OVERRIDES)
        }
        CommandKind::Replay => match (members.get("stepNumber"), members.get("stepId")) {
            (Some(_), Some(_)) => Err(invalid("stepId", "is one too many: there is `stepNumber`")),
            (None, None) => Err(invalid("stepNumber", "is missing, and so is `stepId`")),
            _ => Ok(()),
        },
        CommandKind::Answer => check_answer(members),
        _ => Ok(()),
    }
}

fn range(members: &Map<String, Value>, name: &str, range: std::ops::RangeInclusive<u64>) -> Checked {
    match integer(members, name) {
        Some(number) if !range.contains(&number) => {
            Err(invalid(name, &format!("must be {} to {}", range.start(), range.end())))
        }
        _ => Ok(()),
    }
}

fn one_of(field: &str, word: Option<&str>, words: &[&str]) -> Checked {
    match word {
        Some(word) if words.contains(&word) => Ok(()),
        _ => Err(invalid(field, &format!("must be one of {}", words.join(", ")))),
    }
}

fn id(field: &str, value: Option<&Value>) -> Checked {
    let fits = |id: &str| !id.is_empty() && id.len() <= MAX_ID;
    match value.and_then(Value::as_str) {
        Some(id) if fits(id) => Ok(()),
        _ => Err(invalid(field, "must be a text that is not empty")),
    }
}

fn only(field: &str, members: &Map<String, Value>, known: &[&str]) -> Checked {
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(invalid(&format!("{field}.{name}"), "is not known here")),
        None => Ok(()),
    }
}

fn check_target(field: &str, target: &Value) -> Checked {
    let one = "must be an object with one of `producer`, `slot` and `testId`";
    let Some(target) = target.as_object() else { return Err(invalid(field, one)) };
    only(field, target, &["producer", "slot", "testId"])?;
    if target.len() != 1 {
        return Err(invalid(field, one));
    }
    if target.contains_key("producer") {
        return id(&format!("{field}.producer"), target.get("producer"));
    }
    if target.contains_key("testId") {
        return id(&format!("{field}.testId"), target.get("testId"));
    }
    let named = format!("{field}.slot");
    let slot = target.get("slot").and_then(Value::as_object);
    let slot = slot.ok_or_else(|| invalid(&named, "must be an object with `producer` and `slot`"))?;
    only(&named, slot, &["producer", "slot"])?;
    id(&format!("{named}.producer"), slot.get("producer"))?;
    match slot.get("slot").is_some_and(Value::is_u64) {
        true => Ok(()),
        false => Err(invalid(&format!("{named}.slot"), "must be a whole number, 0 or more")),
    }
}

fn check_expect(expect: &Map<String, Value>) -> Checked {
    only("expect", expect, &EXPECTED)?;
    for name in ["askId", "stepId", "testId", "status"] {
        if expect.contains_key(name) {
            id(&format!("expect.{name}"), expect.get(name))?;
        }
    }
    if expect.get("stepNumber").is_some_and(|number| !number.is_u64()) {
        return Err(invalid("expect.stepNumber", "must be a whole number, 0 or more"));
    }
    expect.get("target").map_or(Ok(()), |target| check_target("expect.target", target))
}

fn check_location(members: &Map<String, Value>) -> Checked {
    let location = members.get("location").and_then(Value::as_str).and_then(|location| location.rsplit_once(':'));
    let is_one = |(file, line): (&str, &str)| {
        let is_number =
            line.bytes().all(|digit| digit.is_ascii_digit()) && line.parse::<u32>().is_ok_and(|line| line > 0);
        !file.is_empty() && !file.contains(char::is_control) && is_number
    };
    match location.is_some_and(is_one) {
        true => Ok(()),
        false => Err(invalid("location", "must be `file:line`, where lines are numbered from 1")),
    }
}

fn check_point(field: &str, point: Option<&Value>) -> Checked {
    let Some(point) = point else { return Ok(()) };
    let has = |name| point.get(name).is_some_and(Value::is_number);
    match point.as_object().is_some_and(|members| members.len() == 2) && has("x") && has("y") {
        true => Ok(()),
        false => Err(invalid(field, "must be an object with the numbers `x` and `y`")),
    }
}

fn check_action(members: &Map<String, Value>) -> Checked {
    let Some(action) = members.get("action").and_then(Value::as_object) else { return Ok(()) };
    only("action", action, &ACTION_MEMBERS)?;
    one_of("action.action", action.get("action").and_then(Value::as_str), &ACTIONS)?;
    for name in ["selector", "description", SECRET_MAC] {
        if action.get(name).is_some_and(|text| !text.is_string()) {
            return Err(invalid(&format!("action.{name}"), "must be a text"));
        }
    }
    if action.contains_key("value") && action.contains_key(SECRET_MAC) {
        return Err(invalid("action.secret", "is one too many: there is `value`"));
    }
    check_point("action.point", action.get("point"))
}

fn check_answer(members: &Map<String, Value>) -> Checked {
    let given: Vec<&str> =
        ["value", "candidateId", "point", SECRET_MAC].into_iter().filter(|name| members.contains_key(*name)).collect();
    check_point("point", members.get("point"))?;
    if members.get(SECRET_MAC).is_some_and(|mac| !mac.is_string()) {
        return Err(invalid(SECRET_MAC, "must be a text"));
    }
    match (members.get("resolution").and_then(Value::as_str), given.as_slice()) {
        (_, [_, another, ..]) => {
            Err(invalid(another, "is one too many: an answer has one of `value`, `candidateId`, `point`"))
        }
        (Some("cancelled"), [answer]) => Err(invalid(answer, "is one too many: `resolution` is `cancelled`")),
        (None, []) => Err(invalid("value", "is missing, and so are `candidateId`, `point` and `resolution`")),
        _ => Ok(()),
    }
}
