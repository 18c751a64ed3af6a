//! `connected` is the first message, whatever its viewer says how early.

use super::raw::node;
use crate::support::{Op, Socket, frame, numbered};

const MASK: Option<[u8; 4]> = Some([9, 8, 7, 6]);

#[tokio::test]
async fn connected_comes_before_every_answer() {
    let node = node(&[]);
    let ping = frame(0x80 | Op::Ping as u8, MASK, b"early");
    let text = frame(0x80 | Op::Text as u8, MASK, br#"{"type":"ping"}"#);
    let early = [ping, text].concat();
    for attempt in 0..100 {
        let run = format!("r{}", attempt % 7);
        let mut socket = Socket::connect(&node, None).await;
        // With the handshake, and right behind its answer.
        let with_it: &[u8] = if attempt % 2 == 0 { &early } else { b"" };
        socket.upgrade(&format!("/ws/runs/{run}"), "", with_it).await;
        if with_it.is_empty() {
            socket.send(&early).await;
        }
        let first = socket.frame().await;
        assert!(first.is(Op::Text) && first.json()["type"] == "connected", "{attempt}: {first:?}");
        let (pong, answer) = (socket.message().await, socket.message().await);
        assert!(pong.is(Op::Pong) && pong.payload == b"early", "{attempt}: {pong:?}");
        assert_eq!(answer.json()["type"], "pong", "{attempt}");
    }
}

#[tokio::test]
async fn what_was_said_early_is_answered_between_the_greeting_and_the_log() {
    let node = node(&[]);
    node.store("r", &numbered(1, 50, 100)).await;
    let mut socket = Socket::connect(&node, None).await;
    socket.upgrade("/ws/runs/r", "", &frame(0x80 | Op::Ping as u8, MASK, b"x")).await;
    assert_eq!(socket.frame().await.json()["type"], "connected");
    assert!(socket.frame().await.is(Op::Pong));
    assert_eq!(socket.said("log").await["seq"], 1);
    // A close that comes with the handshake is answered behind the greeting.
    let mut gone = Socket::connect(&node, None).await;
    gone.upgrade("/ws/runs/r", "", &frame(0x80 | Op::Close as u8, MASK, &1000_u16.to_be_bytes())).await;
    assert_eq!(gone.frame().await.json()["type"], "connected");
    assert_eq!(gone.close_code().await, Some(1000));
}
