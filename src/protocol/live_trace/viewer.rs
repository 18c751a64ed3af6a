//! What Playwright's trace viewer and this server say to each other on the viewer's socket. Version 1.65 sends
//! `{"id":1,"method":"initialize","params":{}}` at its start and `{"id":2,"method":"ping"}` every 30 seconds, and loads a
//! trace when it is told `{"method":"loadTraceRequested","params":{"traceUrl":URL}}`.

use serde::Deserialize;
use serde_json::json;

use super::TraceId;
use crate::protocol::RunId;

/// A message of a viewer.
#[derive(Deserialize)]
struct ViewerRequest {
    id: Option<u64>,
    method: String,
}

/// What a message of a viewer asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewerAsks {
    /// It has started, and takes traces from now on; with the answer.
    Initialize(String),
    /// Something that changes nothing, or that is not done here; with the answer.
    Answer(String),
    /// Something that has no answer.
    Nothing,
    /// It is no message at all.
    Unreadable,
}

/// Reads a message of a viewer.
pub fn read(text: &str) -> ViewerAsks {
    let Ok(ViewerRequest { id, method }) = serde_json::from_str(text) else { return ViewerAsks::Unreadable };
    let Some(id) = id else { return ViewerAsks::Nothing };
    match method.as_str() {
        "initialize" => ViewerAsks::Initialize(json!({"id": id, "result": {}}).to_string()),
        "ping" => ViewerAsks::Answer(json!({"id": id, "result": {}}).to_string()),
        _ => ViewerAsks::Answer(json!({"id": id, "error": "this server runs no tests: it shows a trace"}).to_string()),
    }
}

/// The path of a live trace's pages and files.
pub fn path(run: &RunId, trace: &TraceId) -> String {
    format!("/live-traces/{run}/{trace}")
}

/// Has a viewer load the trace. `number` changes whenever there is more: the viewer keeps what it has loaded by its URL.
pub fn load(run: &RunId, trace: &TraceId, number: u64) -> String {
    let url = format!("{}/{number}/traces.dir", path(run, trace));
    json!({"method": "loadTraceRequested", "params": {"traceUrl": url}}).to_string()
}

/// Tells the page around the viewer, which passes it on to nobody else, how large the trace is.
pub fn state(bytes: u64, most: u64, full: bool) -> String {
    json!({"method": "liveTrace", "params": {"bytes": bytes, "maxBytes": most, "full": full}}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_start_and_a_ping_are_answered_with_a_result() {
        let text = r#"{"id":1,"method":"initialize","params":{}}"#;
        assert_eq!(read(text), ViewerAsks::Initialize(r#"{"id":1,"result":{}}"#.into()));
        assert_eq!(read(r#"{"id":2,"method":"ping"}"#), ViewerAsks::Answer(r#"{"id":2,"result":{}}"#.into()));
        for method in ["runTests", "open", "installBrowsers", "closeGracefully", "", "x"] {
            let ViewerAsks::Answer(answer) = read(&format!(r#"{{"id":3,"method":"{method}"}}"#)) else {
                panic!("{method}")
            };
            assert!(answer.contains("\"error\"") && !answer.contains("result"), "{answer}");
        }
        assert_eq!(read(r#"{"method":"watch"}"#), ViewerAsks::Nothing);
        for text in ["", "[]", "null", "{}", r#"{"id":"x","method":"ping"}"#, r#"{"id":-1,"method":"ping"}"#] {
            assert_eq!(read(text), ViewerAsks::Unreadable, "{text}");
        }
    }

    #[test]
    fn a_viewer_is_sent_to_a_path_of_its_own_trace() {
        let (run, trace) = (RunId::parse("a:b").unwrap(), TraceId::parse("t").unwrap());
        let expected = r#"{"method":"loadTraceRequested","params":{"traceUrl":"/live-traces/a:b/t/7/traces.dir"}}"#;
        assert_eq!(load(&run, &trace, 7), expected);
    }
}
