//! Formats an event as a line for people.

use std::collections::HashMap;

use serde_json::Value;

use super::super::terminal::{Colour, paint, plain};
use super::attempts::{Attempt, AttemptFollower};
use super::steering::{Sentence, SteeringPrinter};
use crate::protocol::ProducerEvent;
use crate::protocol::json_text::readable;
use crate::protocol::status::{RunStatus, TestStatus};

#[cfg(test)]
mod tests;

/// Most characters shown of a title or a text.
const TEXT_CHARS: usize = 200;

/// Most titles kept; in a run with more tests, the others are shown by their ids.
const MAX_TITLES: usize = 20_000;

/// Width of the column that names the kind of event.
const LABEL_WIDTH: usize = 9;

/// Width of the column that tells attempts apart, and the characters of a test's title in it.
const ATTEMPT_WIDTH: usize = 26;
const SHORT_TITLE_CHARS: usize = 24;

/// Most levels of indentation that are shown.
const MAX_DEPTH: usize = 16;

/// Formats events as lines; keeps the titles of the tests.
#[derive(Debug, Default)]
pub(super) struct EventPrinter {
    colours: bool,
    titles: HashMap<String, String>,
    attempts: AttemptFollower,
    steering: SteeringPrinter,
}

/// The parts of an event's line, before colours and padding.
struct EventLine {
    label: String,
    colour: Colour,
    text: String,
}

impl EventPrinter {
    pub(super) fn new(colours: bool) -> Self {
        Self { colours, ..Self::default() }
    }

    /// The line for an event, without its newline. It contains no control characters but our own colours.
    pub(super) fn line(&mut self, event: &str) -> String {
        let json = readable(event.as_bytes());
        let Ok(event) = serde_json::from_slice::<Value>(&json) else { return plain(event, TEXT_CHARS) };
        self.learn(&event);
        let EventLine { label, colour, text } = self.say(&event);
        let time = paint(&clock(&event), Colour::Dim, self.colours);
        let label = format!("{:<LABEL_WIDTH$}", plain(&label, 2 * LABEL_WIDTH));
        format!("{time} {} {}", paint(&label, colour, self.colours), plain(&text, 2 * TEXT_CHARS))
    }

    /// Keeps the titles in an event.
    fn learn(&mut self, event: &Value) {
        let tests = event["tests"].as_array().map(Vec::as_slice).unwrap_or_default();
        for test in tests.iter().chain([event]) {
            let data = &test["data"]["title"];
            let title = title(if data.is_null() { &test["title"] } else { data });
            if let (Some(id), Some(title)) = (test["testId"].as_str(), title)
                && (self.titles.len() < MAX_TITLES || self.titles.contains_key(id))
            {
                self.titles.insert(id.to_owned(), title);
            }
        }
    }

    fn say(&mut self, event: &Value) -> EventLine {
        let line = |label: &str, colour, text: String| EventLine { label: label.to_owned(), colour, text };
        let event_type = event["type"].as_str().unwrap_or("?");
        let status = event["status"].as_str().unwrap_or("?");
        let kind = ProducerEvent::parse(event_type);
        if kind == Some(ProducerEvent::Worker) {
            self.attempts.worker(event);
        }
        match kind {
            Some(ProducerEvent::RunStatus) => {
                if RunStatus::parse(status).is_some_and(RunStatus::is_final) {
                    self.attempts.end();
                }
                line("run", status_colour(status), format!("{status}{}", took(&event["data"])))
            }
            Some(ProducerEvent::TestPlan) => {
                let count = event["tests"].as_array().map_or(0, Vec::len);
                line("plan", Colour::Cyan, format!("{count} tests"))
            }
            Some(ProducerEvent::TestStatus) => line(status, status_colour(status), self.say_status(event, status)),
            Some(ProducerEvent::TestStep) => {
                let (label, colour) = match (event["step"]["phase"].as_str(), error_of(&event["step"])) {
                    (_, Some(_)) => ("step ✗", Colour::Red),
                    (Some("end"), None) => ("step ✓", Colour::Dim),
                    _ => ("step", Colour::Dim),
                };
                line(label, colour, self.say_step(event))
            }
            Some(ProducerEvent::Log) => {
                let stream = event["stream"].as_str().unwrap_or("log");
                let attempt = self.attempts.log(event).map(|attempt| self.short(&attempt)).unwrap_or_default();
                let text = event["text"].as_str().or(event["message"].as_str()).unwrap_or_default();
                line(stream, Colour::Plain, attempt + without_colours(text).trim_end())
            }
            Some(kind) => match self.steering.producer_event(kind, event) {
                Some(Sentence { label, colour, text }) => line(label, colour, text),
                None => line(event_type, Colour::Cyan, rest(event)),
            },
            None => match self.steering.server_event(event, |id| test_name(&self.titles, id)) {
                Some(Sentence { label, colour, text }) => line(label, colour, text),
                None => line(event_type, Colour::Cyan, rest(event)),
            },
        }
    }

    /// A test begins, or an attempt at it ends.
    fn say_status(&mut self, event: &Value, status: &str) -> String {
        let data = &event["data"];
        let is_final = TestStatus::parse(status).is_some_and(TestStatus::is_final);
        let attempt = self.attempts.status(event, is_final);
        let name = self.test(event);
        let error = error_of(&data["errors"]).or_else(|| error_of(data)).unwrap_or_default();
        format!("{name}{}{}{error}", self.which(&attempt), took(data))
    }

    /// A step below the one that it is a part of. Without ids there is no tree, and each step has its test in front.
    fn say_step(&mut self, event: &Value) -> String {
        let step = &event["step"];
        let place = self.attempts.step(event);
        let title = title(&step["title"]).unwrap_or_default();
        let subtitle = step["subtitle"].as_str().map_or_else(String::new, |subtitle| format!(" {subtitle}"));
        let about = format!("{title}{subtitle}{}{}", took(step), error_of(step).unwrap_or_default());
        if step["id"].is_null() && step["parent"].is_null() {
            return format!("{} › {about}", self.test(event));
        }
        let attempt = place.told_apart.map(|attempt| self.short(&attempt)).unwrap_or_default();
        format!("{attempt}{:indent$}{about}", "", indent = 2 * place.depth.min(MAX_DEPTH))
    }

    fn test(&self, event: &Value) -> String {
        test_name(&self.titles, event["testId"].as_str().unwrap_or("?"))
    }

    /// The variant, if there are several, and the retry of an attempt.
    fn which(&self, attempt: &Attempt) -> String {
        let variant = attempt.variant.as_ref().filter(|_| self.attempts.has_variants());
        let variant = variant.map_or_else(String::new, |variant| format!(", {variant}"));
        let retry = if attempt.number > 0 { format!(", retry {}", attempt.number) } else { String::new() };
        variant + &retry
    }

    /// The column that tells an attempt from those that run at the same time.
    fn short(&self, attempt: &Attempt) -> String {
        let name = attempt.test.as_ref().map_or_else(|| "run".to_owned(), |id| test_name(&self.titles, id));
        let name = name.rsplit(" › ").next().unwrap_or_default();
        let label = plain(name, SHORT_TITLE_CHARS) + &self.which(attempt);
        format!("{label:<ATTEMPT_WIDTH$} ")
    }
}

/// The title of a test, or its id.
fn test_name(titles: &HashMap<String, String>, id: &str) -> String {
    titles.get(id).map_or_else(|| id.to_owned(), Clone::clone)
}

/// A title, or the path of titles to a test.
fn title(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" › "),
        _ => return None,
    };
    Some(text.chars().take(TEXT_CHARS).collect())
}

/// The time of day of an RFC 3339 timestamp, or the text itself if it is not one.
fn clock(event: &Value) -> String {
    let timestamp = event["timestamp"].as_str().unwrap_or_default();
    let time = timestamp.split_once('T').map_or(timestamp, |(_, time)| time);
    format!("{:<12}", plain(time.trim_end_matches('Z'), 12))
}

/// How long a test or a step took, how long of that it was paused or held, and who did it, in brackets.
fn took(of: &Value) -> String {
    let of_it = |millis: &Value, what: &str| Some(format!("{} of it {what}", duration(millis)?));
    let by = of["actor"].as_str().map(|actor| format!("by {actor}"));
    let parts = [duration(&of["durationMs"]), of_it(&of["pausedMs"], "paused"), of_it(&of["holdMs"], "held open"), by];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

fn duration(millis: &Value) -> Option<String> {
    let millis = millis.as_f64()?;
    Some(if millis >= 1_000.0 { format!("{:.1} s", millis / 1_000.0) } else { format!("{millis:.0} ms") })
}

/// The first line of the error of an event's part, behind a colon: of its `error`, or of the first in a list.
fn error_of(part: &Value) -> Option<String> {
    let error = if part.is_array() { &part[0] } else { &part["error"] };
    let error = error["message"].as_str().or(error.as_str())?;
    let error = without_colours(error);
    Some(format!(": {}", error.lines().next().unwrap_or_default()))
}

/// The text without ANSI's escapes for colours.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit() && c != ';');
        match end {
            Some(end) if part[end..].starts_with('m') => out.push_str(&part[end + 1..]),
            _ => {
                out.push_str("\u{1b}[");
                out.push_str(part);
            }
        }
    }
    out
}

/// An event of an unknown type: all its members that are not shown elsewhere.
fn rest(event: &Value) -> String {
    let shown = ["seq", "type", "timestamp"];
    let rest = event.as_object().into_iter().flatten().filter(|(key, _)| !shown.contains(&key.as_str()));
    let rest: serde_json::Map<_, _> = rest.map(|(key, value)| (key.clone(), value.clone())).collect();
    Value::Object(rest).to_string()
}

fn status_colour(status: &str) -> Colour {
    match status {
        "passed" => Colour::Green,
        "failed" | "failing" | "timedout" | "timedOut" | "interrupted" | "lost" => Colour::Red,
        "skipped" | "cancelled" | "paused" | "stalled" => Colour::Yellow,
        _ => Colour::Cyan,
    }
}
