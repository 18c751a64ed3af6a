//! Formats an event as a line for people.

use std::collections::HashMap;

use indicatif::DecimalBytes;
use serde_json::Value;

use super::super::folded_run::duration;
use super::super::terminal::{Colour, counted, legible, legible_lines, paint, plain};
use super::attempts::{Attempt, AttemptFollower};
use super::steering::{Sentence, SteeringPrinter};
use crate::protocol::json_text::readable;
use crate::protocol::status::{RunStatus, TestStatus};
use crate::protocol::{ProducerEvent, ServerEvent};

#[cfg(test)]
mod tests;

/// Most characters shown of a title or a text.
const TEXT_CHARS: usize = 200;

/// Most titles kept; in a run with more tests, the others are shown by their ids.
pub(super) const MAX_TITLES: usize = 20_000;

/// Most lines of an error or of a log event.
const MAX_LINES: usize = 16;

/// Columns before the text of a line: the time and the label.
const HEAD_WIDTH: usize = 13 + LABEL_WIDTH + 1;

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
    /// What follows below, on lines of its own.
    below: String,
}

impl EventPrinter {
    pub(super) fn new(colours: bool) -> Self {
        Self { colours, ..Self::default() }
    }

    /// The line for an event, and those below it that its error or its text has, without the last newline. They contain
    /// no control characters but colours.
    pub(super) fn line(&mut self, event: &str) -> String {
        let json = readable(event.as_bytes());
        let Ok(event) = serde_json::from_slice::<Value>(&json) else { return plain(event, TEXT_CHARS) };
        self.learn(&event);
        let EventLine { label, colour, text, below } = self.say(&event);
        let time = paint(&clock(&event), Colour::Dim, self.colours);
        let label = format!("{:<LABEL_WIDTH$}", legible(&label, 2 * LABEL_WIDTH, false));
        let text = legible(&text, 2 * TEXT_CHARS, self.colours);
        let mut line = format!("{time} {} {text}", paint(&label, colour, self.colours));
        for below in legible_lines(&below, MAX_LINES, 2 * TEXT_CHARS, self.colours) {
            line += &format!("\n{:HEAD_WIDTH$}{below}", "");
        }
        line
    }

    /// Keeps the title of a test.
    pub(super) fn learn_title(&mut self, test: String, title: &str) {
        if self.titles.len() < MAX_TITLES || self.titles.contains_key(&test) {
            self.titles.insert(test, title.chars().take(TEXT_CHARS).collect());
        }
    }

    /// Keeps the titles in an event.
    fn learn(&mut self, event: &Value) {
        let tests = event["tests"].as_array().map(Vec::as_slice).unwrap_or_default();
        for test in tests.iter().chain([event]) {
            let data = &test["data"]["title"];
            let title = title(if data.is_null() { &test["title"] } else { data });
            if let (Some(id), Some(title)) = (test["testId"].as_str(), title) {
                self.learn_title(id.to_owned(), &title);
            }
        }
    }

    fn say(&mut self, event: &Value) -> EventLine {
        let line = |label: &str, colour, text: String| EventLine {
            label: label.to_owned(),
            colour,
            text,
            below: String::new(),
        };
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
                line("plan", Colour::Cyan, counted(count as u64, "test", "tests"))
            }
            Some(ProducerEvent::TestStatus) => {
                let error = ErrorText::of(&event["data"]["errors"]).or_else(|| ErrorText::of(&event["data"]));
                let ErrorText { first, below } = error.unwrap_or_default();
                let text = self.say_status(event, status) + &first;
                EventLine { below, ..line(status, status_colour(status), text) }
            }
            Some(ProducerEvent::Error) => {
                let error = ErrorText::of(event).or_else(|| ErrorText::of_error(event));
                let ErrorText { first, below } = error.unwrap_or_default();
                EventLine { below, ..line("error", Colour::Red, first.trim_start_matches(": ").to_owned()) }
            }
            Some(ProducerEvent::TestStep) => {
                let (label, colour) = match (event["step"]["phase"].as_str(), ErrorText::of(&event["step"])) {
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
                let (first, below) = text.split_once('\n').unwrap_or((text, ""));
                EventLine { below: below.to_owned(), ..line(stream, Colour::Plain, attempt + first.trim_end()) }
            }
            Some(kind) => match self.steering.producer_event(kind, event) {
                Some(Sentence { label, colour, text }) => line(label, colour, text),
                None => line(event_type, Colour::Cyan, rest(event)),
            },
            None => match self.steering.server_event(event, |id| test_name(&self.titles, id)) {
                Some(Sentence { label, colour, text }) => line(label, colour, text),
                None if event_type == ServerEvent::Artifact.as_str() => {
                    line(event_type, Colour::Cyan, self.say_artifact(event))
                }
                None => line(event_type, Colour::Cyan, rest(event)),
            },
        }
    }

    /// A file of the run is there.
    fn say_artifact(&self, event: &Value) -> String {
        let bytes = |member: &str| event[member].as_u64().map(|bytes| DecimalBytes(bytes).to_string());
        let size = match (bytes("size"), bytes("storedSize")) {
            (Some(size), Some(stored)) if size != stored => format!(", {size}, stored as {stored}"),
            (Some(size), _) => format!(", {size}"),
            _ => String::new(),
        };
        let test = event["test"].as_str().map(|test| format!(" of {}", test_name(&self.titles, test)));
        let (name, kind) = (event["name"].as_str().unwrap_or("?"), event["kind"].as_str().unwrap_or("other"));
        format!("{name}{} ({kind}{size})", test.unwrap_or_default())
    }

    /// A test begins, or an attempt at it ends.
    fn say_status(&mut self, event: &Value, status: &str) -> String {
        let data = &event["data"];
        let is_final = TestStatus::parse(status).is_some_and(TestStatus::is_final);
        let attempt = self.attempts.status(event, is_final);
        let name = self.test(event);
        format!("{name}{}{}", self.which(&attempt), took(data))
    }

    /// A step below the one that it is a part of. Without ids there is no tree, and each step has its test in front.
    fn say_step(&mut self, event: &Value) -> String {
        let step = &event["step"];
        let place = self.attempts.step(event);
        let title = title(&step["title"]).unwrap_or_default();
        let subtitle = step["subtitle"].as_str().map_or_else(String::new, |subtitle| format!(" {subtitle}"));
        let about = format!("{title}{subtitle}{}{}", took(step), ErrorText::of(step).unwrap_or_default().first);
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
        let label = legible(name, SHORT_TITLE_CHARS, false) + &self.which(attempt);
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
    format!("{:<12}", legible(time.trim_end_matches('Z'), 12, false))
}

/// How long a test or a step took, how long of that it was paused or held, and who did it, in brackets.
fn took(of: &Value) -> String {
    let duration = |millis: &Value| millis.as_f64().map(duration);
    let of_it = |millis: &Value, what: &str| Some(format!("{} of it {what}", duration(millis)?));
    let by = of["actor"].as_str().map(|actor| format!("by {actor}"));
    let parts = [duration(&of["durationMs"]), of_it(&of["pausedMs"], "paused"), of_it(&of["holdMs"], "held open"), by];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// The error of an event's part: its `error`, or the first of a list.
#[derive(Debug, Default)]
struct ErrorText {
    /// Its first line, behind a colon.
    first: String,
    /// All others, and where it was.
    below: String,
}

impl ErrorText {
    fn of(part: &Value) -> Option<Self> {
        Self::of_error(if part.is_array() { &part[0] } else { &part["error"] })
    }

    fn of_error(error: &Value) -> Option<Self> {
        let text = error["message"].as_str().or(error.as_str())?.trim();
        let (first, below) = text.split_once('\n').unwrap_or((text, ""));
        let place = error["location"].as_str().map(|place| format!("\nat {place}")).unwrap_or_default();
        Some(Self { first: format!(": {}", first.trim_end()), below: format!("{}{place}", below.trim_end()) })
    }
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
