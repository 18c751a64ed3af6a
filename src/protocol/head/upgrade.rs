//! Decides about `Upgrade`, from a request's head alone (RFC 6455, 4.2.1; RFC 9110, 7.8).

use super::path::is_web_socket;

/// The parts of a request on which the decision depends.
#[derive(Clone, Copy, Debug)]
pub struct UpgradeRequest<'a, V> {
    /// The method, such as `GET`.
    pub method: &'a str,
    /// The path, normalized.
    pub path: &'a str,
    /// Whether the request is HTTP/1.1; the `Upgrade` of an older request is ignored.
    pub is_http_11: bool,
    /// Returns the values of a header; its name is given in lower case.
    pub values: V,
}

/// The decision about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpgradeDecision {
    /// Ordinary HTTP: the request does not ask for a WebSocket. `Upgrade: h2c` is ignored.
    Plain,
    /// A valid handshake on a WebSocket route.
    WebSocket,
    /// The request is refused.
    Refuse(UpgradeRefusal),
}

/// The reason of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpgradeRefusal {
    /// The path is no WebSocket route.
    #[error(
        "there is no WebSocket here: only /ws/runs/{{runId}}, /ws/test-control and /live-traces/{{runId}}/{{traceId}}/ws \
         have one"
    )]
    NotHere,
    /// The path is a WebSocket route, but the request is no valid handshake.
    #[error("not a WebSocket handshake: {0}")]
    Malformed(&'static str),
    /// The WebSocket version is not 13.
    #[error("Sec-WebSocket-Version must be 13")]
    Version,
    /// The method is `CONNECT`, and this server is no proxy.
    #[error("CONNECT is not a method of this server")]
    Connect,
}

impl<'a, V, I> UpgradeRequest<'a, V>
where
    V: Fn(&'static str) -> I,
    I: Iterator<Item = &'a [u8]>,
{
    /// Makes the decision; changes nothing.
    pub fn decide(&self) -> UpgradeDecision {
        if self.method == "CONNECT" {
            return UpgradeDecision::Refuse(UpgradeRefusal::Connect);
        }
        if !self.tokens("upgrade").any(|token| token.eq_ignore_ascii_case(b"websocket")) {
            return UpgradeDecision::Plain;
        }
        if !is_web_socket(self.path) {
            return UpgradeDecision::Refuse(UpgradeRefusal::NotHere);
        }
        match self.handshake() {
            Ok(()) => UpgradeDecision::WebSocket,
            Err(refusal) => UpgradeDecision::Refuse(refusal),
        }
    }

    fn handshake(&self) -> Result<(), UpgradeRefusal> {
        let need = |fits: bool, what| if fits { Ok(()) } else { Err(UpgradeRefusal::Malformed(what)) };
        need(self.method == "GET", "the method must be GET")?;
        need(self.is_http_11, "it needs HTTP/1.1")?;
        need(self.only("upgrade").is_some(), "Upgrade must be websocket, and nothing else")?;
        let connection = |option: &[u8]| self.tokens("connection").any(|token| token.eq_ignore_ascii_case(option));
        need(connection(b"upgrade") && !connection(b"close"), "Connection must be Upgrade")?;
        let bodiless = self.values("transfer-encoding").next().is_none()
            && self.values("content-length").all(|length| length.iter().all(|digit| *digit == b'0'));
        need(bodiless, "it must not have a body")?;
        let version = self.only("sec-websocket-version");
        need(self.values("sec-websocket-version").next().is_some(), "Sec-WebSocket-Version is missing")?;
        if version != Some(b"13") {
            return Err(UpgradeRefusal::Version);
        }
        need(self.only("sec-websocket-key").is_some_and(is_key), "Sec-WebSocket-Key must be 16 bytes in base64")
    }

    fn values(&self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        (self.values)(name).map(<[u8]>::trim_ascii)
    }

    fn tokens(&self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        self.values(name).flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
    }

    /// The value of a header that occurs once and has a single value.
    fn only(&self, name: &'static str) -> Option<&'a [u8]> {
        let mut tokens = self.tokens(name);
        tokens.next().filter(|_| tokens.next().is_none())
    }
}

/// Whether the text is 16 bytes in base64 (RFC 4648, 4): 22 characters and two padding signs.
fn is_key(text: &[u8]) -> bool {
    let digits = text.strip_suffix(b"==").unwrap_or_default();
    digits.len() == 22 && digits.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values_of<'a>(headers: &[(&'a str, &'a str)], name: &str) -> std::vec::IntoIter<&'a [u8]> {
        let named = headers.iter().filter(|(theirs, _)| theirs.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_bytes()).collect::<Vec<_>>().into_iter()
    }

    const HANDSHAKE: [(&str, &str); 4] = [
        ("Connection", "keep-alive, Upgrade"),
        ("Upgrade", "WebSocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn decide_at(line: &str, is_http_11: bool, headers: &[(&str, &str)]) -> UpgradeDecision {
        let (method, path) = line.split_once(' ').unwrap();
        UpgradeRequest { method, path, is_http_11, values: |name| values_of(headers, name) }.decide()
    }

    fn decide(line: &str, headers: &[(&str, &str)]) -> UpgradeDecision {
        decide_at(line, true, headers)
    }

    /// A handshake with one header replaced.
    fn with(index: usize, header: (&str, &str)) -> UpgradeDecision {
        let mut headers = HANDSHAKE.map(|(name, value)| (name.to_owned(), value.to_owned()));
        headers[index] = (header.0.to_owned(), header.1.to_owned());
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        decide("GET /ws/runs/r", &headers)
    }

    #[test]
    fn only_a_handshake_where_a_web_socket_is_becomes_one() {
        assert_eq!(decide("GET /ws/runs/r", &HANDSHAKE), UpgradeDecision::WebSocket);
        assert_eq!(decide("GET /ws/test-control", &HANDSHAKE), UpgradeDecision::WebSocket);
        assert_eq!(decide("GET /live-traces/r/t/ws", &HANDSHAKE), UpgradeDecision::WebSocket);
        for line in [
            "GET /",
            "GET /api/runs/r/events/stream",
            "POST /api/runs/r/events",
            "PUT /api/runs/r/artifacts/trace.zip",
            "GET /health",
            "GET /ws/runs/",
            "GET /ws/none",
            "GET /live-traces/r/t/v/",
            "GET /live-traces/r/t/v/ws",
            "GET /live-traces/r/t/1/traces.dir",
            "POST /api/runs/r/live-traces/t",
        ] {
            assert_eq!(decide(line, &HANDSHAKE), UpgradeDecision::Refuse(UpgradeRefusal::NotHere), "{line}");
            assert_eq!(decide(line, &HANDSHAKE[1..2]), UpgradeDecision::Refuse(UpgradeRefusal::NotHere), "{line}");
        }
        assert_eq!(decide("CONNECT localhost:3001", &[]), UpgradeDecision::Refuse(UpgradeRefusal::Connect));
    }

    #[test]
    fn what_asks_for_something_else_is_plain_http() {
        let h2c = [
            ("Connection", "Upgrade, HTTP2-Settings"),
            ("Upgrade", "h2c"),
            ("HTTP2-Settings", "AAEAAEAAAAIAAAABAAMAAABk"),
        ];
        for line in ["GET /api/runs", "POST /api/runs/r/events", "GET /ws/runs/r"] {
            assert_eq!(decide(line, &h2c), UpgradeDecision::Plain);
            assert_eq!(decide(line, &[]), UpgradeDecision::Plain);
            assert_eq!(decide(line, &[("Connection", "Upgrade")]), UpgradeDecision::Plain);
        }
    }

    #[test]
    fn a_handshake_that_lacks_something_is_refused_with_what_it_lacks() {
        let malformed = |decision| match decision {
            UpgradeDecision::Refuse(UpgradeRefusal::Malformed(what)) => what,
            other => panic!("{other:?}"),
        };
        for (index, header, what) in [
            (0, ("Connection", "keep-alive"), "Connection"),
            (0, ("Connection", "upgrade, close"), "Connection"),
            (1, ("Upgrade", "websocket, h2c"), "Upgrade"),
            (2, ("X", "13"), "Version"),
            (3, ("X", ""), "Key"),
            (3, ("Sec-WebSocket-Key", "short"), "Key"),
            (3, ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=!"), "Key"),
        ] {
            assert!(malformed(with(index, header)).contains(what), "{header:?}");
        }
        for version in ["8", "7", "12", "13, 8", "013", ""] {
            assert_eq!(
                with(2, ("Sec-WebSocket-Version", version)),
                UpgradeDecision::Refuse(UpgradeRefusal::Version),
                "{version}"
            );
        }
        assert!(malformed(decide("POST /ws/runs/r", &HANDSHAKE)).contains("GET"));
        assert!(malformed(decide("HEAD /ws/runs/r", &HANDSHAKE)).contains("GET"));
        assert!(malformed(decide_at("GET /ws/runs/r", false, &HANDSHAKE)).contains("HTTP/1.1"));
        for body in [("Content-Length", "5"), ("Transfer-Encoding", "chunked")] {
            assert!(malformed(decide("GET /ws/runs/r", &[&HANDSHAKE[..], &[body]].concat())).contains("body"));
        }
        let twice = [&HANDSHAKE[..], &HANDSHAKE[3..]].concat();
        assert!(malformed(decide("GET /ws/runs/r", &twice)).contains("Key"));
        assert_eq!(
            decide("GET /ws/runs/r", &[&HANDSHAKE[..], &[("content-length", "0")]].concat()),
            UpgradeDecision::WebSocket
        );
    }

    proptest! {
        #[test]
        fn whatever_the_head_only_a_whole_handshake_passes(
            method in "GET|POST|HEAD|CONNECT",
            path in "/ws/runs/[a-z/]{0,3}|/ws/test-control|/live-traces/[a-z/]{0,5}ws|/[a-z/]{0,8}",
            headers in prop::collection::vec(
                ("(?i)upgrade|connection|sec-websocket-version|sec-websocket-key|content-length|x",
                 "(?i)websocket|h2c|upgrade|close|13|8|dGhlIHNhbXBsZSBub25jZQ==|[ -~]{0,8}"), 0..8),
        ) {
            let list: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let values = |name| values_of(&list, name);
            let decision = UpgradeRequest { method: &method, path: &path, is_http_11: true, values }.decide();
            let asks = headers.iter().any(|(name, value)| {
                name.eq_ignore_ascii_case("upgrade") && value.trim().eq_ignore_ascii_case("websocket")
            });
            if decision == UpgradeDecision::WebSocket {
                prop_assert!(method == "GET" && is_web_socket(&path) && asks);
            }
            // A request that HTTP's parser passes on as an upgrade is never taken for plain HTTP.
            prop_assert!(!(asks || method == "CONNECT") || decision != UpgradeDecision::Plain);
        }
    }
}
