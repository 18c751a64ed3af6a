//! Connections that stay open until the rights of their viewers end by time.

use super::super::support::{EventStream, Socket};
use super::{GuardedNode, issuer};

#[tokio::test]
async fn a_viewer_is_told_before_its_rights_end_and_is_closed_when_they_do() {
    let (key, list) = issuer::setting();
    let guarded = GuardedNode::start(&[(key, &list), ("RUNCAST__AUTH__EXPIRING_SECS", "3")]);
    assert_eq!(guarded.post(&guarded.first, "r").await.status, 202);
    let header = format!("Authorization: Bearer {}\r\n", issuer::token("ann", issuer::now(), 5));
    let mut socket = Socket::connect(&guarded.node, None).await;
    socket.upgrade("/ws/runs/r", &header, b"").await;
    let mut stream = EventStream::open(&guarded.node, "/api/runs/r/events/stream", &header).await;
    socket.said("log").await;

    let told = socket.said("expiring").await;
    let (left, pause) = (told["inSecs"].as_u64().unwrap(), told["reconnectAfterMs"].as_u64().unwrap());
    assert!((1..=3).contains(&left) && (250 * left..=500 * left).contains(&pause), "{told}");
    let told = loop {
        let record = stream.next().await.expect("a record");
        if record.event.as_deref() == Some("expiring") {
            break record;
        }
    };
    assert!(told.data.contains("\"inSecs\":"), "{told:?}");
    // It goes on until then.
    assert_eq!(guarded.post(&guarded.first, "r").await.status, 202);
    socket.said("log").await;
    assert_eq!(socket.close_code().await, Some(4401));
    while stream.next().await.is_some() {}

    // Who comes so late is told at once, behind the greeting.
    let header = format!("Authorization: Bearer {}\r\n", issuer::token("ann", issuer::now(), 3));
    let mut late = Socket::connect(&guarded.node, None).await;
    late.upgrade("/ws/runs/r", &header, b"").await;
    assert_eq!(late.message().await.json()["type"], "connected");
    assert_eq!(late.said("expiring").await["type"], "expiring");
}
