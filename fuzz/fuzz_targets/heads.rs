//! Whatever stands in a request's head: no panic; only a whole handshake where a WebSocket is becomes one, no path
//! leads elsewhere than its slashes say, and no `Host` hides anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runcast_fuzz::protocol::head::{Host, UpgradeDecision, UpgradeRequest, is_event_stream, is_web_socket, plain};

fuzz_target!(|head: &[u8]| {
    // Method, path, then lines of headers, as they stand in a request.
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (method, path) = first.split_once(' ').unwrap_or((&first, "/"));
    let headers: Vec<(String, &[u8])> = lines
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase(), &line[colon + 1..]))
        })
        .collect();
    let values = |name: &'static str| {
        let named = headers.iter().filter(move |(theirs, _)| theirs == name);
        named.map(|(_, value)| *value).collect::<Vec<_>>().into_iter()
    };

    let normal = plain(path);
    let path = normal.as_deref().unwrap_or(path);
    assert_eq!(plain(path), None);
    assert!(!(is_web_socket(path) && is_event_stream(path)));

    let decision = UpgradeRequest { method, path, is_http_11: true, values }.decide();
    let asks = values("upgrade").any(|value| value.trim_ascii().eq_ignore_ascii_case(b"websocket"));
    if decision == UpgradeDecision::WebSocket {
        assert!(method == "GET" && is_web_socket(path) && asks);
    }
    // What HTTP's reader hands over as an upgrade is never taken for plain.
    assert!(!(asks || method == "CONNECT") || decision != UpgradeDecision::Plain);
    let old = UpgradeRequest { method, path, is_http_11: false, values }.decide();
    assert_ne!(old, UpgradeDecision::WebSocket);

    for value in values("host") {
        let Ok(text) = str::from_utf8(value.trim_ascii()) else { continue };
        let Some(host) = Host::parse(text) else { continue };
        let written = host.to_string();
        assert!(written.len() <= text.len() && !written.contains(['@', '/', '\\', '?', '#', ' ', '%']));
        assert_eq!(Host::parse(&written).map(|again| again.to_string()), Some(written.clone()));
        assert!(!host.matches("evil.example.com") || host.name().to_ascii_lowercase().contains("evil.example.com"));
    }
});
