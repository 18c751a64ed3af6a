//! One viewer: checks the handshake's answer, then parses frames as far as the measurement needs.

use std::{io::Write, net::TcpStream};

use anyhow::{Result, bail};

use crate::{event, frame, target::Target};

/// The `Sec-WebSocket-Key` of a viewer's handshake: the sample of RFC 6455, section 1.3, which needs no SHA-1.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// The `Sec-WebSocket-Accept` that the server must answer.
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A viewer's connection and its counts.
pub struct Viewer {
    /// The socket, non-blocking.
    pub stream: TcpStream,
    /// The progress of the handshake.
    pub phase: Phase,
    /// An incomplete frame, or an incomplete answer to the handshake.
    pub rest: Vec<u8>,
    /// Events received so far.
    pub events: u64,
    /// Whether the viewer reads stamps, for latency and order.
    pub sampled: bool,
    next_number: Option<u64>,
    /// Events that were out of sequence.
    pub disordered: u64,
}

/// The steps until a viewer is subscribed.
#[derive(PartialEq, Eq, Clone, Copy)]
pub enum Phase {
    /// The request has been sent.
    Handshake,
    /// The server has accepted the upgrade, and its greeting is awaited.
    Upgraded,
    /// The server has confirmed that the run's events follow.
    Greeted,
}

/// Context for the frames of one read.
pub struct ReadContext<'a> {
    /// The server that sent them.
    pub target: Target,
    /// The time of the read.
    pub received: u64,
    /// Latencies are measured for events published since this time.
    pub measure_from: u64,
    /// Collects the latencies.
    pub latencies: &'a mut Vec<u64>,
}

impl Viewer {
    /// A viewer whose handshake has just been sent.
    pub fn new(stream: TcpStream, sampled: bool) -> Self {
        Self { stream, phase: Phase::Handshake, rest: Vec::new(), events: 0, sampled, next_number: None, disordered: 0 }
    }

    /// Processes the complete frames at the start of `bytes`, and returns their length.
    pub fn take(&mut self, bytes: &[u8], read: &mut ReadContext<'_>) -> Result<usize> {
        let mut used = 0;
        if self.phase == Phase::Handshake {
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(0) };
            let answer = String::from_utf8_lossy(&bytes[..end]);
            if !answer.starts_with("HTTP/1.1 101") || !answer.contains(ACCEPT) {
                bail!("no upgrade: {}", String::from_utf8_lossy(bytes));
            }
            self.phase = if read.target.greets() { Phase::Upgraded } else { Phase::Greeted };
            used = end + 4;
        }
        while let Some((frame, length)) = frame::next(&bytes[used..])? {
            used += length;
            match frame.kind {
                frame::Kind::Text if read.target.is_event(frame.payload) => self.on_event(frame.payload, read),
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

    fn on_event(&mut self, payload: &[u8], read: &mut ReadContext<'_>) {
        self.events += 1;
        if !self.sampled {
            return;
        }
        let Some(stamp) = event::stamp(payload) else { return self.disordered += 1 };
        if self.next_number.replace(stamp.number + 1).is_some_and(|next| next != stamp.number) {
            self.disordered += 1;
        }
        if stamp.sent >= read.measure_from {
            read.latencies.push(read.received.saturating_sub(stamp.sent));
        }
    }
}
