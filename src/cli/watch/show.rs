//! Formats an event as a line for people.

use std::collections::HashMap;

use serde_json::Value;

use super::super::terminal::{Colour, paint, plain};
use super::steering::{Sentence, SteeringPrinter};
use crate::protocol::ProducerEvent;
use crate::protocol::json_text::readable;

/// Most characters shown of a title or a text.
const TEXT_CHARS: usize = 200;

/// Most titles kept; in a run with more tests, the others are shown by their ids.
const MAX_TITLES: usize = 20_000;

/// Width of the column that names the kind of event.
const LABEL_WIDTH: usize = 9;

/// Formats events as lines; keeps the titles of the tests.
#[derive(Debug, Default)]
pub(super) struct EventPrinter {
    colours: bool,
    titles: HashMap<String, String>,
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
        match ProducerEvent::parse(event_type) {
            Some(ProducerEvent::RunStatus) => {
                line("run", status_colour(status), format!("{status}{}", took(&event["data"]["durationMs"])))
            }
            Some(ProducerEvent::TestPlan) => {
                let count = event["tests"].as_array().map_or(0, Vec::len);
                line("plan", Colour::Cyan, format!("{count} tests"))
            }
            Some(ProducerEvent::TestStatus) => {
                let data = &event["data"];
                let attempt = data["attempt"].as_u64().filter(|attempt| *attempt > 0);
                let attempt = attempt.map_or_else(String::new, |attempt| format!(", retry {attempt}"));
                let error = data["errors"][0]["message"].as_str().or(data["errors"][0].as_str());
                let error = error.map_or_else(String::new, |error| format!(": {}", first_line(error)));
                let text = format!("{}{attempt}{}{error}", self.test(event), took(&data["durationMs"]));
                line(status, status_colour(status), text)
            }
            Some(ProducerEvent::TestStep) => {
                let step = &event["step"];
                let error = step["error"]["message"].as_str().or(step["error"].as_str());
                let (label, colour) = match (step["phase"].as_str(), error) {
                    (_, Some(_)) => ("step ✗", Colour::Red),
                    (Some("end"), None) => ("step ✓", Colour::Dim),
                    _ => ("step", Colour::Dim),
                };
                let error = error.map_or_else(String::new, |error| format!(": {}", first_line(error)));
                let name = step["title"].as_str().unwrap_or_default();
                line(label, colour, format!("{} › {name}{}{error}", self.test(event), took(&step["durationMs"])))
            }
            Some(ProducerEvent::Log) => {
                let stream = event["stream"].as_str().unwrap_or("log");
                let text = event["text"].as_str().or(event["message"].as_str()).unwrap_or_default();
                line(stream, Colour::Plain, text.trim_end().to_owned())
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

    fn test(&self, event: &Value) -> String {
        test_name(&self.titles, event["testId"].as_str().unwrap_or("?"))
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

fn took(millis: &Value) -> String {
    match millis.as_f64() {
        Some(millis) if millis >= 1_000.0 => format!(" ({:.1} s)", millis / 1_000.0),
        Some(millis) => format!(" ({millis:.0} ms)"),
        None => String::new(),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_events_of_a_real_run_become_lines() {
        let mut show = EventPrinter::new(false);
        let run = include_str!("../../../demo/run.ndjson");
        let lines: Vec<String> = run.lines().map(|event| show.line(event)).collect();
        assert_eq!(lines[0], "17:15:47.966 run       running");
        assert_eq!(lines[1], "17:15:47.966 plan      11 tests");
        assert_eq!(lines[2], "17:15:48.548 running   orders: page through 1");
        assert_eq!(lines[3], "17:15:48.578 step      orders: page through 1 › Before Hooks");
        assert_eq!(lines.last().unwrap(), "17:16:18.547 run       failed (30.8 s)");
        assert!(lines.iter().any(|line| line.ends_with("step ✓    orders: page through 1 › Launch browser (530 ms)")));
        assert!(lines.iter().any(|line| line.contains("failed    ") && line.contains(", retry 1")), "{lines:#?}");
        assert!(lines.iter().any(|line| line.ends_with("stdout    paged 1")));
        assert!(!lines.iter().any(|line| line.contains(char::is_control)), "one line each, nothing that acts");
    }

    #[test]
    fn an_event_cannot_write_to_the_terminal() {
        let mut show = EventPrinter::new(true);
        let evil = "\\u001b]0;owned\\u0007\\u009b2J\\n";
        for event in [
            format!(r#"{{"type":"{evil}","timestamp":"{evil}","x":"{evil}"}}"#),
            format!(r#"{{"type":"test_status","testId":"{evil}","status":"{evil}","data":{{"title":"{evil}"}}}}"#),
            format!(r#"{{"type":"log","stream":"{evil}","text":"a{evil}b"}}"#),
            format!(r#"{{"type":"test_step","testId":"t","step":{{"title":"{evil}","error":"{evil}"}}}}"#),
            format!(r#"{{"type":"pause_requested","by":{{"name":"{evil}"}},"target":{{"testId":"{evil}"}}}}"#),
            format!(
                r#"{{"type":"ai_stuck","askId":"{evil}","needs":"{evil}","message":"{evil}","producer":"{evil}"}}"#
            ),
            "not json \u{1b}[2J".to_owned(),
        ] {
            let line = show.line(&event);
            let ours = ["\x1b[0m", "\x1b[2m", "\x1b[31m", "\x1b[33m", "\x1b[36m"];
            let rest = ours.iter().fold(line.clone(), |line, colour| line.replace(colour, ""));
            assert!(!rest.contains(char::is_control), "{line:?}");
        }
    }

    #[test]
    fn half_of_a_surrogate_pair_is_shown_as_a_replacement_character() {
        let mut show = EventPrinter::new(false);
        let line = show.line(r#"{"type":"log","stream":"stdout","text":"cut \ud83d","\udc00":1}"#);
        assert_eq!(line.trim_start(), "stdout    cut \u{fffd}");
    }

    #[test]
    fn what_steers_is_said_with_the_titles_of_tests() {
        let mut show = EventPrinter::new(false);
        show.line(r#"{"type":"test_plan","tests":[{"testId":"t1","title":["cart","pays"]}]}"#);
        let line = show.line(r#"{"type":"pause_requested","by":{"name":"Ann"},"target":{"testId":"t1"}}"#);
        assert_eq!(line.trim_start(), "control   Ann paused the test cart › pays");
        let line =
            show.line(r#"{"type":"ai_stuck","producer":"worker-1","askId":"a","needs":"text","message":"Name?"}"#);
        assert_eq!(line.trim_start(), "ask       worker-1 asks: Name? [a, needs a text]");
    }

    #[test]
    fn an_unknown_event_is_shown_as_it_is_and_not_without_end() {
        let mut show = EventPrinter::new(false);
        let line = show.line(r#"{"seq":3,"type":"page_state","timestamp":"2026-11-23T17:15:47.966Z","url":"/x"}"#);
        assert_eq!(line, r#"17:15:47.966 page_state {"url":"/x"}"#);
        let long = show.line(&format!(r#"{{"type":"x","y":"{}"}}"#, "z".repeat(100_000)));
        assert!(long.chars().count() < 500);
    }
}
