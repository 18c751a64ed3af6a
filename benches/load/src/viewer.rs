//! One viewer: the handshake's answer, then frames, understood as far as the measurement needs.

use std::{io::Write, net::TcpStream};

use anyhow::{Result, bail};

use crate::{event, frame, target::Target};

// The sample key and its answer of RFC 6455 section 1.3: a proper handshake without a SHA-1 of our own.
/// What a viewer's handshake sends as `Sec-WebSocket-Key`.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What the server must answer to it.
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A connection and what has come over it.
pub struct Viewer {
    /// Its socket, non-blocking.
    pub stream: TcpStream,
    /// How far it is.
    pub phase: Phase,
    /// The start of a frame, or of the handshake's answer, that has not arrived whole.
    pub rest: Vec<u8>,
    /// Events so far.
    pub events: u64,
    /// Whether it reads stamps, for latency and order.
    pub sampled: bool,
    next_number: Option<u64>,
    /// Events whose number did not follow the one before.
    pub disordered: u64,
}

/// The steps to being subscribed.
#[derive(PartialEq, Eq, Clone, Copy)]
pub enum Phase {
    /// The request is sent.
    Handshake,
    /// The server agreed, and will greet.
    Upgraded,
    /// The server's word that what follows is the run.
    Greeted,
}

/// What a viewer needs to understand what it reads.
pub struct Ear<'a> {
    /// Whose messages they are.
    pub target: Target,
    /// When they were read.
    pub received: u64,
    /// Latencies count for events published since then.
    pub measure_from: u64,
    /// Where the latencies go.
    pub latencies: &'a mut Vec<u64>,
}

impl Viewer {
    /// A viewer whose handshake has just been sent.
    pub fn new(stream: TcpStream, sampled: bool) -> Self {
        Self { stream, phase: Phase::Handshake, rest: Vec::new(), events: 0, sampled, next_number: None, disordered: 0 }
    }

    /// Takes the whole frames at the start of `bytes`; how many bytes they were.
    pub fn take(&mut self, bytes: &[u8], ear: &mut Ear<'_>) -> Result<usize> {
        let mut used = 0;
        if self.phase == Phase::Handshake {
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(0) };
            let answer = String::from_utf8_lossy(&bytes[..end]);
            if !answer.starts_with("HTTP/1.1 101") || !answer.contains(ACCEPT) {
                bail!("no upgrade: {}", String::from_utf8_lossy(bytes));
            }
            self.phase = if ear.target.greets() { Phase::Upgraded } else { Phase::Greeted };
            used = end + 4;
        }
        while let Some((frame, length)) = frame::next(&bytes[used..])? {
            used += length;
            match frame.kind {
                frame::Kind::Text if ear.target.is_event(frame.payload) => self.hear(frame.payload, ear),
                frame::Kind::Text => self.phase = Phase::Greeted,
                frame::Kind::Ping => self.stream.write_all(&frame::pong(frame.payload))?,
                frame::Kind::Binary | frame::Kind::Pong => {}
                frame::Kind::Close => {
                    let code = frame.payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                    bail!("the server said close {code:?} after {} events", self.events);
                }
            }
        }
        Ok(used)
    }

    fn hear(&mut self, payload: &[u8], ear: &mut Ear<'_>) {
        self.events += 1;
        if !self.sampled {
            return;
        }
        let Some(stamp) = event::stamp(payload) else { return self.disordered += 1 };
        if self.next_number.replace(stamp.number + 1).is_some_and(|next| next != stamp.number) {
            self.disordered += 1;
        }
        if stamp.sent >= ear.measure_from {
            ear.latencies.push(ear.received.saturating_sub(stamp.sent));
        }
    }
}
