//! The parts of the sentences about steering.

use serde_json::Value;

use super::super::super::terminal::Colour;
use super::Sentence;
use crate::protocol::event::stamp::ANONYMOUS;

/// A text as it is, and anything else as JSON.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn because(reason: &Value) -> String {
    reason.as_str().map_or_else(String::new, |reason| format!(": {reason}"))
}

/// Who wants it; agents and the server are called so.
pub(super) fn who(event: &Value) -> String {
    let by = &event["by"];
    let name = by["name"].as_str().or(by["subject"].as_str()).unwrap_or("somebody");
    let what = if by["kind"] == "agent" { " (an agent)" } else { "" };
    format!("{name}{what}")
}

pub(super) fn producer(event: &Value) -> String {
    event["producer"].as_str().filter(|id| *id != ANONYMOUS).unwrap_or("a worker").to_owned()
}

/// The part of the run that a command is for.
pub(super) fn part(event: &Value, test: impl Fn(&str) -> String) -> String {
    let target = &event["target"];
    let slot = &target["slot"];
    if let Some(producer) = target["producer"].as_str() {
        producer.to_owned()
    } else if let Some(producer) = slot["producer"].as_str() {
        format!("slot {} of {producer}", slot["slot"])
    } else if let Some(id) = target["testId"].as_str() {
        format!("the test {}", test(id))
    } else {
        "the run".to_owned()
    }
}

/// What a worker said of itself when it joined.
pub(super) fn worker(event: &Value) -> String {
    let mut said = String::new();
    if let Some(variant) = event["variant"].as_str() {
        said += &format!(", {variant}");
    }
    let shard = &event["shard"];
    if shard.is_object() {
        said += &format!(", shard {} of {}", shard["current"], shard["total"]);
    }
    let can: Vec<_> = event["can"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !can.is_empty() {
        said += &format!(", obeys {}", can.join(", "));
    }
    said
}

/// What is done by hand.
pub(super) fn action(action: &Value) -> String {
    if let Some(description) = action["description"].as_str() {
        return description.to_owned();
    }
    let what = text(&action["action"]);
    let at = match (action["selector"].as_str(), &action["point"]) {
        (Some(selector), _) => format!(" {selector}"),
        (None, Value::Null) => String::new(),
        (None, point) => format!(" at {}, {}", point["x"], point["y"]),
    };
    let value = match &action["value"] {
        Value::Null if action["secret"] == true => " with a secret".to_owned(),
        Value::Null => String::new(),
        value => format!(" {value}"),
    };
    what + &at + &value
}

pub(super) fn answer(event: &Value) -> String {
    if event["secret"] == true {
        " with a secret".to_owned()
    } else if let Some(candidate) = event["candidateId"].as_str() {
        format!(" with {candidate}")
    } else if !event["value"].is_null() {
        format!(": {}", text(&event["value"]))
    } else if event["point"].is_object() {
        format!(" with the point {}, {}", event["point"]["x"], event["point"]["y"])
    } else {
        String::new()
    }
}

/// A question, with what may be chosen.
pub(super) fn ask(event: &Value) -> Sentence {
    let message = event["message"].as_str().or(event["reason"].as_str()).unwrap_or("for help");
    let candidates: Vec<_> = event["candidates"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|candidate| format!("{} ({})", text(&candidate["label"]), text(&candidate["id"])))
        .collect();
    let choice = if candidates.is_empty() { String::new() } else { format!("; choose {}", candidates.join(", ")) };
    let needs = format!("{}, needs a {}", text(&event["askId"]), text(&event["needs"]));
    let (asks, colour) =
        if event["stale"] == true { ("asked long ago", Colour::Dim) } else { ("asks", Colour::Yellow) };
    Sentence { label: "ask", colour, text: format!("{} {asks}: {message} [{needs}]{choice}", producer(event)) }
}
