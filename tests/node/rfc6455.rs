//! The WebSocket as RFC 6455 has it, against peers that keep to it and peers that do not.

use crate::support::{Op, SOON, Socket, TestNode, eventually, exchange, frame, numbered};

const MASK: Option<[u8; 4]> = Some([1, 2, 3, 4]);
const FIN: u8 = 0x80;
/// `session.max_message_bytes`.
const LIMIT: usize = 64 * 1024;

async fn open(node: &TestNode) -> Socket {
    let mut socket = Socket::open(node, "/ws/runs/r").await;
    assert_eq!(socket.said("connected").await["runId"], "r");
    socket
}

/// A text message that fills the limit to the byte.
fn large_text(bytes: usize) -> Vec<u8> {
    let (head, tail) = (r#"{"type":"ping","pad":""#, r#""}"#);
    format!("{head}{}{tail}", "x".repeat(bytes - head.len() - tail.len())).into_bytes()
}

#[tokio::test]
async fn the_handshake_is_answered_as_the_rfc_computes_it() {
    let node = TestNode::start(&[]);
    let socket = open(&node).await;
    assert!(socket.head.starts_with("HTTP/1.1 101 "), "{}", socket.head);
    let head = socket.head.to_ascii_lowercase();
    assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
    assert!(!head.contains("sec-websocket-protocol") && !head.contains("sec-websocket-extensions"), "{head}");
}

#[tokio::test]
async fn the_sub_protocol_is_agreed_only_when_it_is_offered() {
    let node = TestNode::start(&[]);
    for (offered, agreed) in [("runcast.v1", true), ("foo, runcast.v1", true), ("foo", false), ("runcast.v2", false)] {
        let mut socket = Socket::connect(&node, None).await;
        socket.upgrade("/ws/runs/r", &format!("Sec-WebSocket-Protocol: {offered}\r\n"), b"").await;
        let head = socket.head.to_ascii_lowercase();
        assert_eq!(head.contains("sec-websocket-protocol: runcast.v1\r\n"), agreed, "{offered}: {head}");
        socket.said("connected").await;
    }
}

#[tokio::test]
async fn a_handshake_that_is_none_is_a_plain_400() {
    let node = TestNode::start(&[]);
    let good = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    for (broken, replacement) in [(2, "X: y"), (3, "Sec-WebSocket-Key: AAAA"), (3, "X: y"), (1, "Upgrade: h3")] {
        let mut lines = good;
        lines[broken] = replacement;
        let request = format!("GET /ws/runs/r HTTP/1.1\r\nHost: localhost\r\n{}\r\n\r\n", lines.join("\r\n"));
        let answer = exchange(&node, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{lines:?}: {answer}");
        assert!(answer.contains("\"code\":\"not_a_websocket\""), "{lines:?}: {answer}");
    }
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload() {
    let node = TestNode::start(&[]);
    let mut socket = open(&node).await;
    for payload in [&b""[..], b"x", &[0xFF; 125]] {
        socket.say(Op::Ping, payload).await;
        let pong = socket.message().await;
        assert!(pong.is(Op::Pong) && pong.payload == payload, "{pong:?}");
    }
    socket.say(Op::Pong, b"nobody asked").await;
    socket.say(Op::Text, br#"{"type":"ping"}"#).await;
    assert!(socket.said("pong").await["timestamp"].is_string());
}

#[tokio::test]
async fn a_message_may_come_in_fragments_with_control_frames_between_them() {
    let node = TestNode::start(&[]);
    let mut socket = open(&node).await;
    socket.begin(Op::Text, br#"{"type":"p"#).await;
    socket.say(Op::Ping, b"between").await;
    socket.begin(Op::Continuation, b"").await;
    socket.say(Op::Pong, b"").await;
    socket.begin(Op::Continuation, b"in").await;
    assert_eq!(socket.message().await.payload, b"between", "not held up by the message");
    socket.say(Op::Continuation, br#"g","x":"\u00e9"}"#).await;
    socket.said("pong").await;
    // A character in two fragments.
    socket.begin(Op::Text, b"{\"type\":\"\xC3").await;
    socket.say(Op::Continuation, b"\xA9\"}").await;
    assert!(socket.said("error").await["error"].as_str().unwrap().contains('é'));
    for fragment in large_text(LIMIT).chunks(10_000) {
        socket.begin(if fragment[0] == b'{' { Op::Text } else { Op::Continuation }, fragment).await;
    }
    socket.say(Op::Continuation, b"").await;
    socket.said("pong").await;
}

#[tokio::test]
async fn what_comes_byte_by_byte_or_with_the_handshake_is_the_same() {
    let node = TestNode::start(&[]);
    let words = [
        frame(FIN | Op::Ping as u8, MASK, b"slow"),
        frame(Op::Text as u8, MASK, br#"{"type":"#),
        frame(FIN | Op::Continuation as u8, MASK, br#""ping"}"#),
        frame(FIN | Op::Text as u8, MASK, &large_text(300)),
        frame(FIN | Op::Close as u8, MASK, &1000_u16.to_be_bytes()),
    ]
    .concat();
    let mut slow = open(&node).await;
    for byte in &words {
        slow.send(std::slice::from_ref(byte)).await;
        tokio::task::yield_now().await;
    }
    let mut early = Socket::connect(&node, None).await;
    early.upgrade("/ws/runs/r", "", &words).await;
    for mut socket in [slow, early] {
        let mut seen = Vec::new();
        while seen.last().is_none_or(|last| last != "close") {
            let frame = socket.message().await;
            seen.push(match frame.first & 0x0F {
                8 => "close".to_owned(),
                10 => format!("pong {:?}", String::from_utf8(frame.payload).unwrap()),
                _ => frame.json()["type"].as_str().unwrap().to_owned(),
            });
        }
        seen.retain(|seen| seen != "connected"); // the slow one has heard it already
        assert_eq!(seen, ["pong \"slow\"", "pong", "pong", "close"]);
    }
}

#[tokio::test]
async fn every_violation_closes_at_once_with_its_code() {
    let node = TestNode::start(&[]);
    node.store("r", &numbered(1, 3, 0)).await;
    let whole = |op: u8, payload: &[u8]| frame(FIN | op, MASK, payload);
    let part = |op: u8, payload: &[u8]| frame(op, MASK, payload);
    let close = |code: u16, reason: &[u8]| whole(8, &[&code.to_be_bytes(), reason].concat());
    let table: Vec<(&str, u16, Vec<u8>)> = vec![
        ("unmasked", 1002, frame(FIN | 1, None, b"{}")),
        ("RSV1 without an extension", 1002, frame(FIN | 0x40 | 1, MASK, b"{}")),
        ("RSV2", 1002, frame(FIN | 0x20 | 1, MASK, b"{}")),
        ("RSV3", 1002, frame(FIN | 0x10 | 9, MASK, b"")),
        ("reserved data opcode", 1002, whole(3, b"")),
        ("reserved control opcode", 1002, whole(11, b"")),
        ("continuation of nothing", 1002, whole(0, b"x")),
        ("message within a message", 1002, [part(1, b"a"), whole(1, b"b")].concat()),
        ("fragmented ping", 1002, part(9, b"")),
        ("long ping", 1002, whole(9, &[0; 126])),
        ("long close", 1002, close(1000, &[b'x'; 124])),
        ("long form of a short length", 1002, vec![FIN | 1, 0xFE, 0, 125]),
        ("longest form of a short length", 1002, vec![FIN | 1, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]),
        ("length with its highest bit", 1002, vec![FIN | 1, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("text that is not UTF-8", 1007, whole(1, b"{\"type\":\"\xFF\"}")),
        ("the first bad byte of an unfinished text", 1007, part(1, b"\xC0\xAF")),
        ("a surrogate", 1007, whole(1, b"\xED\xA0\x80")),
        ("text that ends within a character", 1007, [part(1, b"a"), whole(0, b"\xC3")].concat()),
        ("half a close code", 1002, whole(8, &[3])),
        ("close code 999", 1002, close(999, b"")),
        ("close code 1004", 1002, close(1004, b"")),
        ("close code 1005", 1002, close(1005, b"")),
        ("close code 1006", 1002, close(1006, b"")),
        ("close code 1015", 1002, close(1015, b"")),
        ("close code 2000", 1002, close(2000, b"")),
        ("close code 5000", 1002, close(5000, b"")),
        ("close reason that is not UTF-8", 1007, close(1000, b"\xFF")),
        ("text over the limit", 1009, whole(1, &large_text(LIMIT + 1))),
        ("binary over the limit", 1009, whole(2, &vec![0; LIMIT + 1])),
        ("fragments over the limit", 1009, [part(2, &vec![0; LIMIT]), whole(0, b"x")].concat()),
        ("2^62 bytes", 1009, vec![FIN | 2, 0xFF, 0x40, 0, 0, 0, 0, 0, 0, 0]),
    ];
    for (what, code, bytes) in table {
        let mut socket = open(&node).await;
        // The server may have closed before it was all written.
        let _ = socket.try_send(&bytes).await;
        let closed = socket.close_code().await;
        assert_eq!(closed, Some(code), "{what}");
        let _ = socket.try_send(&close_frame(code)).await;
        assert_eq!(socket.next().await, None, "{what}: nothing follows a close");
    }
    eventually!(node.get_json("/api/runs/r").await["viewers"].clone(), |viewers| viewers == 0, SOON);
}

fn close_frame(code: u16) -> Vec<u8> {
    frame(FIN | Op::Close as u8, MASK, &code.to_be_bytes())
}

#[tokio::test]
async fn a_message_of_exactly_the_limit_is_taken() {
    let node = TestNode::start(&[]);
    let mut socket = open(&node).await;
    socket.say(Op::Text, &large_text(LIMIT)).await;
    socket.said("pong").await;
    socket.say(Op::Binary, &vec![0; LIMIT]).await;
    assert_eq!(socket.said("error").await["code"], "unknown_type");
}

#[tokio::test]
async fn a_frame_that_declares_a_gibibyte_is_refused_before_any_of_it_is_kept() {
    let node = TestNode::start(&[]);
    let head = [&[FIN | 2, 0xFF][..], &(1_u64 << 30).to_be_bytes(), &[1, 2, 3, 4]].concat();
    drop(open(&node).await);
    let before = node.resident_bytes();
    let mut sockets = Vec::new();
    for _ in 0..8 {
        let mut socket = open(&node).await;
        socket.send(&head).await;
        assert_eq!(socket.close_code().await, Some(1009), "at the head alone");
        sockets.push(socket);
    }
    // They go on all the same, 64 MiB in all, until the server's patience with the close ends.
    let mebibyte = vec![0x55; 1 << 20];
    let mut most = 0;
    for _ in 0..8 {
        for socket in &mut sockets {
            let _ = socket.try_send(&mebibyte).await;
        }
        most = most.max(node.resident_bytes());
    }
    let growth = most.saturating_sub(before);
    assert!(growth < 16 << 20, "{growth} bytes more");
    eventually!(node.get_json("/api/ws/stats").await["localConnections"].clone(), |count| count == 0, SOON);
}

#[tokio::test]
async fn a_close_is_answered_in_kind_and_what_follows_it_is_ignored() {
    let node = TestNode::start(&[]);
    let code = |code: u16| code.to_be_bytes().to_vec();
    for (payload, echo) in [
        (vec![], None),
        (code(1000), Some(1000)),
        (code(1001), Some(1001)),
        (code(3999), Some(3999)),
        (code(4321), Some(4321)),
        ([code(1000), b"bye".to_vec()].concat(), Some(1000)),
    ] {
        let mut socket = open(&node).await;
        let after = frame(FIN | Op::Ping as u8, MASK, b"too late");
        socket.send(&[frame(FIN | Op::Close as u8, MASK, &payload), after].concat()).await;
        let close = socket.message().await;
        assert_eq!(close.close_code(), echo);
        assert_eq!(socket.next().await, None);
    }
}

#[tokio::test]
async fn what_is_not_understood_is_answered_and_the_connection_goes_on() {
    let node = TestNode::start(&[]);
    let mut socket = open(&node).await;
    for (text, code, shown) in [
        ("{\"type\":\"dance\"}", "unknown_type", "dance"),
        ("{\"type\":7}", "missing_type", "type"),
        ("{}", "missing_type", "type"),
        ("", "invalid_json", "object"),
        ("{", "invalid_json", "EOF"),
        ("{\"type\":\"ping\"} trailing", "invalid_json", "trailing"),
        ("[]", "invalid_json", "object"),
        ("null", "invalid_json", "object"),
        ("\u{0}", "invalid_json", "object"),
    ] {
        socket.say(Op::Text, text.as_bytes()).await;
        let error = socket.said("error").await;
        assert_eq!(error["code"], code, "{text:?}: {error}");
        assert!(error["error"].as_str().unwrap().contains(shown), "{text:?}: {error}");
        assert!(error.get("seq").is_none());
    }
    let deep = format!("{{\"type\":{}", "[".repeat(60_000));
    socket.say(Op::Text, deep.as_bytes()).await;
    assert_eq!(socket.said("error").await["code"], "invalid_json");
    socket.say(Op::Binary, b"\x00\x01").await;
    assert_eq!(socket.said("error").await["code"], "unknown_type");
    socket.say(Op::Text, br#"{"ignored":[1,{}],"type":"p\u0069ng"}"#).await;
    socket.said("pong").await;
    node.store("r", &numbered(1, 1, 0)).await;
    socket.said("log").await;
}
