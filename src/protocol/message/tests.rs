use super::*;

fn at() -> Timestamp {
    Timestamp::from_millis(1_795_454_147_966)
}

#[test]
fn the_servers_messages_are_written_as_the_protocol_says() {
    let cursor = Cursor { epoch: Some(Epoch(7)), seq: 41 };
    let connected = |epoch| ServerMessage::Connected {
        run_id: RunId::parse("run-1").unwrap(),
        session_id: "s1".into(),
        node_id: "n1".into(),
        timestamp: at(),
        epoch,
        from: 42,
        tip: 99,
        cursor: Cursor { epoch, seq: 41 },
        heartbeat_secs: 30,
    };
    for (message, want) in [
        (
            connected(Some(Epoch(7))),
            concat!(
                r#"{"type":"connected","runId":"run-1","sessionId":"s1","nodeId":"n1","#,
                r#""timestamp":"2026-11-23T17:15:47.966Z","epoch":"7","from":42,"#,
                r#""tip":99,"cursor":"7:41","heartbeatSecs":30}"#
            ),
        ),
        (
            connected(None),
            concat!(
                r#"{"type":"connected","runId":"run-1","sessionId":"s1","nodeId":"n1","#,
                r#""timestamp":"2026-11-23T17:15:47.966Z","epoch":null,"from":42,"#,
                r#""tip":99,"cursor":"41","heartbeatSecs":30}"#
            ),
        ),
        (
            ServerMessage::Gap { from: 10, to: 19, reason: GapReason::Expired, cursor },
            r#"{"type":"gap","from":10,"to":19,"reason":"expired","cursor":"7:41"}"#,
        ),
        (
            ServerMessage::Reset { epoch: Some(Epoch(7)), from: 42, cursor },
            r#"{"type":"reset","epoch":"7","from":42,"cursor":"7:41"}"#,
        ),
        (ServerMessage::Draining { reconnect_after_ms: 1234 }, r#"{"type":"draining","reconnectAfterMs":1234}"#),
        (
            ServerMessage::expiring(60, Uuid::from_u64_pair(0, 15_001)),
            r#"{"type":"expiring","inSecs":60,"reconnectAfterMs":15001}"#,
        ),
        (ServerMessage::Pong { timestamp: at() }, r#"{"type":"pong","timestamp":"2026-11-23T17:15:47.966Z"}"#),
        (
            ClientError::UnknownType("dance".into()).into(),
            r#"{"type":"error","code":"unknown_type","error":"unknown type \"dance\""}"#,
        ),
    ] {
        assert_eq!(message.to_json(), want);
        assert!(want.starts_with(&format!(r#"{{"type":"{}""#, message.name())));
        assert_eq!(&message.to_frame()[..], &frame::text(want)[..]);
        let id = match message {
            ServerMessage::Gap { .. } | ServerMessage::Reset { .. } => "id: 7:41\n",
            _ => "",
        };
        assert_eq!(message.to_sse(), format!("{id}event: {}\ndata: {want}\n\n", message.name()));
    }
}

#[test]
fn a_ping_is_understood_and_everything_else_is_answered_by_name() {
    for ping in [
        r#"{"type":"ping"}"#,
        r#" {"a":[1],"type":"p\u0069ng","timestamp":"t"} "#,
        r#"{"\ud83d":["\udc00"],"type":"ping"}"#,
    ] {
        assert_eq!(ClientMessage::parse(ping), Ok(ClientMessage::Ping));
    }
    for (text, code) in [
        ("", "invalid_json"),
        ("ping", "invalid_json"),
        ("[]", "invalid_json"),
        (r#"["ping"]"#, "invalid_json"),
        (r#""ping""#, "invalid_json"),
        (r#"{"type":"ping"} x"#, "invalid_json"),
        (r#"{"type":"ping","type":"ping"}"#, "invalid_json"),
        ("{}", "missing_type"),
        (r#"{"type":1}"#, "missing_type"),
        (r#"{"type":null}"#, "missing_type"),
        (r#"{"type":"pause_requested"}"#, "unknown_type"),
        (r#"{"type":"Ping"}"#, "unknown_type"),
    ] {
        assert_eq!(ClientMessage::parse(text).unwrap_err().code(), code, "{text}");
    }
    let pause = r#"{"type":"pause","commandId":"c"}"#;
    assert_eq!(ClientMessage::parse(pause), Ok(ClientMessage::Command));
    assert_eq!(ClientMessage::command_id(pause).as_deref(), Some("c"));
    let long = format!(r#"{{"type":"pause","commandId":"{}"}}"#, "x".repeat(65));
    for unnamed in [r#"{"type":"pause"}"#, r#"{"type":"pause","commandId":7}"#, &long] {
        assert_eq!(ClientMessage::command_id(unnamed), None, "{unnamed}");
    }
    let deep = "[".repeat(50_000);
    assert!(ClientMessage::parse(&format!(r#"{{"a":{deep}"#)).is_err());
    let long = ClientMessage::parse(&format!(r#"{{"type":"{}"}}"#, "x".repeat(10_000))).unwrap_err();
    assert!(ServerMessage::from(long).to_json().len() < 200);
}

#[test]
fn a_screen_frame_has_its_headers_length_in_front() {
    let frame = ScreenFrame {
        stream: StreamId::parse("p/0").unwrap(),
        content_type: "image/jpeg",
        width: Some(1280),
        height: None,
        test_id: Some("t".into()),
        timestamp: at(),
        image: Bytes::from_static(b"\xff\xd8\xff"),
    };
    let header = concat!(
        r#"{"type":"frame","stream":"p/0","contentType":"image/jpeg","width":1280,"height":null,"testId":"t","#,
        r#""timestamp":"2026-11-23T17:15:47.966Z"}"#
    );
    let mut want = vec![0, header.len() as u8];
    want.extend_from_slice(header.as_bytes());
    want.extend_from_slice(b"\xff\xd8\xff");
    assert_eq!(frame.to_frame().unwrap(), frame::binary(&want));
    let absurd = ScreenFrame { test_id: Some("x".repeat(70_000)), ..frame };
    assert!(absurd.to_frame().unwrap_err().0 > 70_000);
}

#[test]
fn readers_of_a_stream_come_back_spread_over_as_long_again() {
    let mut waits: Vec<u64> = (0..200)
        .map(|_| {
            let line = sse_retry(1_000, Uuid::now_v7());
            let text = str::from_utf8(&line).unwrap();
            text.strip_prefix("retry: ").unwrap().strip_suffix("\n\n").unwrap().parse().unwrap()
        })
        .collect();
    waits.sort_unstable();
    assert!(waits[0] >= 1_000 && waits[199] < 2_000);
    waits.dedup();
    assert!(waits.len() > 100, "not all at once: {}", waits.len());
    assert_eq!(sse_retry(0, Uuid::nil()), "retry: 0\n\n");
}
