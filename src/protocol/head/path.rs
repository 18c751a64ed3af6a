//! The path of a request, normalized for all the ways in which clients build it.

/// The path with repeated slashes merged and without one at its end; `None` if nothing changes. Clients that join a
/// base and a path produce `//`, and a trailing slash means nothing, except below `/trace/` and `/live-traces/`,
/// where files link to one another.
///
/// Only literal slashes count. An escaped `%2F` is part of a name.
pub fn plain(path: &str) -> Option<String> {
    if !path.starts_with('/') || !(path.contains("//") || path.ends_with('/')) {
        return None;
    }
    let mut plain = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter != '/' || !plain.ends_with('/') {
            plain.push(letter);
        }
    }
    if plain.len() > 1 && ![TRACE, LIVE_TRACES].iter().any(|viewer| plain.starts_with(viewer)) && plain.ends_with('/') {
        plain.pop();
    }
    (plain != path).then_some(plain)
}

/// The trace viewer's path.
const TRACE: &str = "/trace/";

/// The path of the viewers of live traces.
const LIVE_TRACES: &str = "/live-traces/";

/// What follows `/live-traces/{runId}/{traceId}/`.
fn in_live_trace(path: &str) -> Option<&str> {
    let (run, rest) = path.strip_prefix(LIVE_TRACES)?.split_once('/')?;
    let (trace, rest) = rest.split_once('/')?;
    (!run.is_empty() && !trace.is_empty()).then_some(rest)
}

/// Whether the path is a WebSocket route: `/ws/runs/{runId}`, `/ws/test-control` or `/live-traces/{runId}/{traceId}/ws`.
pub fn is_web_socket(path: &str) -> bool {
    let run = path.strip_prefix("/ws/runs/").is_some_and(|run| !run.is_empty() && !run.contains('/'));
    run || path == "/ws/test-control" || in_live_trace(path) == Some("ws")
}

/// Whether the path is that of a live trace's viewer, `/live-traces/{runId}/{traceId}/v/`, or of a file of it.
pub fn is_live_trace_viewer(path: &str) -> bool {
    in_live_trace(path).is_some_and(|rest| rest.starts_with("v/"))
}

/// Whether the path is an event stream: `/api/runs/{runId}/events/stream`, or the older route.
pub fn is_event_stream(path: &str) -> bool {
    let rest = path.strip_prefix("/api/runs/").or_else(|| path.strip_prefix("/api/tests/"));
    let run = rest.and_then(|rest| rest.strip_suffix("/events/stream"));
    run.is_some_and(|run| !run.is_empty() && !run.contains('/'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slashes_too_many_are_taken_out() {
        for (path, expected) in [
            ("/", None),
            ("/api/runs", None),
            ("/trace/", None),
            ("/trace/assets/a.js", None),
            ("/api/runs/a%2F%2Fb/", Some("/api/runs/a%2F%2Fb")),
            ("//", Some("/")),
            ("/api/runs/", Some("/api/runs")),
            ("//api///runs//r/events//", Some("/api/runs/r/events")),
            ("//trace//", Some("/trace/")),
            ("//trace", Some("/trace")),
            ("/trace//assets/a.js", Some("/trace/assets/a.js")),
            ("/trace/index.html/", None),
            ("/trace/assets//", Some("/trace/assets/")),
            ("/live-traces/r/t/v/", None),
            ("//live-traces/r//t/v//", Some("/live-traces/r/t/v/")),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(plain(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn sockets_and_streams_are_known_by_their_paths() {
        for path in ["/ws/runs/r", "/ws/runs/%20", "/ws/test-control", "/live-traces/r/t/ws"] {
            assert!(is_web_socket(path), "{path}");
        }
        for path in
            ["/ws/runs/", "/ws/runs", "/ws/runs/r/x", "/ws", "/ws/test-control/x", "/api/runs/r", "/x/ws/runs/r"]
        {
            assert!(!is_web_socket(path), "{path}");
        }
        for path in [
            "/live-traces/r/t/ws/",
            "/live-traces/r/t/ws/x",
            "/live-traces/r/t/v/ws",
            "/live-traces/r/a/t/ws",
            "/live-traces/r/ws",
            "/live-traces//t/ws",
            "/live-traces/r//ws",
            "/live-traces/ws",
            "/live-traces/r/t/wsx",
            "/trace/r/t/ws",
            "/api/runs/r/live-traces/t/ws",
        ] {
            assert!(!is_web_socket(path), "{path}");
        }
        assert!(is_live_trace_viewer("/live-traces/r/t/v/") && is_live_trace_viewer("/live-traces/r/t/v/a.js"));
        for path in
            ["/live-traces/r/t/v", "/live-traces/r/t/1/traces.dir", "/live-traces/r/t/ws", "/live-traces/v/", "/v/"]
        {
            assert!(!is_live_trace_viewer(path), "{path}");
        }
        assert!(is_event_stream("/api/runs/r/events/stream") && is_event_stream("/api/tests/r/events/stream"));
        for path in ["/api/runs/r/events", "/api/runs//events/stream", "/api/runs/a/b/events/stream", "/events/stream"]
        {
            assert!(!is_event_stream(path), "{path}");
        }
    }

    proptest! {
        #[test]
        fn the_plain_form_is_reached_at_once(path in "/[a/%.]{0,12}") {
            let once = plain(&path).unwrap_or_else(|| path.clone());
            prop_assert_eq!(plain(&once), None);
            prop_assert!(once.starts_with('/') && !once.contains("//"));
            prop_assert_eq!(once.replace('/', ""), path.replace('/', ""));
        }
    }
}
